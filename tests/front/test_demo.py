"""The demonstration at small sizes: it solves everything, and both ways agree."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import oracles
import pytest
from rich.console import Console

import sparsesolve as ss
from sparsesolve.cli import demo


def check(row: demo.Row, *, tolerance: float) -> None:
    assert row.difference < tolerance
    assert row.nnz > 0
    assert min(row.setup, row.solve, row.without) > 0.0
    assert row.ratio == row.without / (row.setup + row.solve)


def test_root_row() -> None:
    check(demo.root_row(6), tolerance=1e-8)


def test_stiff_row() -> None:
    check(demo.stiff_row(6), tolerance=1e-2)


def test_optimization_row() -> None:
    row = demo.optimization_row(6, "trust-constr")
    check(row, tolerance=1e-3)
    assert (row.n, row.m) == (21, 14)


@pytest.mark.ipopt
def test_ipopt_row() -> None:
    check(demo.optimization_row(8, "ipopt"), tolerance=1e-3)


def test_derivatives_of_the_three_problems(rng: np.random.Generator) -> None:
    residual, x0 = demo.bratu(5)
    x = rng.standard_normal(x0.size)
    # the complex step, since autograd's own np.pad insists on a mode
    exact = oracles.complex_step_jacobian(residual, x)
    oracles.assert_close(ss.jacobian(residual, x0)(x).toarray(), exact)

    rhs, y0 = demo.brusselator(4)
    y = y0 + rng.random(y0.size)
    jacobian = ss.jacobian(rhs, 0.0, y0, argnum=1)
    assert jacobian.nnz == 6 * y0.size
    oracles.assert_close(jacobian(0.0, y).toarray(), oracles.dense_jacobian(rhs, 0.0, y, argnum=1))

    effort, dynamics, z0, _ = demo.oscillator(5)
    z = rng.standard_normal(z0.size)
    oracles.assert_close(
        ss.jacobian(dynamics, z0)(z).toarray(), oracles.dense_jacobian(dynamics, z)
    )
    oracles.assert_close(ss.hessian(effort, z0)(z).toarray(), oracles.dense_hessian(effort, z))


def test_table_holds_every_row() -> None:
    rows = [demo.Row("a", "s", 10, 20, 30, 0.1, 0.2, 3.0, 1e-9)]
    out = io.StringIO()
    Console(file=out, width=80).print(demo.demo_table(rows))
    assert all(text in out.getvalue() for text in ("20 x 10", "30", "0.100", "3.00", "1e-09"))


@pytest.mark.slow
def test_the_command_itself() -> None:
    command = [sys.executable, "-m", "sparsesolve", "demo", "--small"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(name in run.stdout for name in ("control", "Brusselator", "Bratu"))
