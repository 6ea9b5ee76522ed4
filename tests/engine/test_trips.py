"""Loops that stay loops, where the rows of a trip are a grid with ends: no index arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.differentiate import tangent_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan.affine_pieces import affine_pieces
from sparsesolve.engine.llvm.plan.planner import make_plan
from sparsesolve.fuse import fuse
from sparsesolve.fuse.roll import roll
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.trace import trace

Function = Callable[[Any], Any]
STEPS = 30


def ring(u: Any) -> Any:
    for _ in range(STEPS):
        u = u + 0.1 * (np.roll(u, 1) - 2 * u + np.roll(u, -1)) - 0.05 * u**3
    return u


def between_walls(u: Any) -> Any:
    for _ in range(STEPS):
        flux = np.diff(np.concatenate([u[:1], u, np.zeros(1)]))
        u = u + 0.1 * np.diff(flux) * u
    return u


def upwind_in_place(u: Any) -> Any:
    u = u.copy()
    for _ in range(STEPS):
        u[1:] = u[1:] - 0.2 * u[1:] * (u[1:] - u[:-1])
        u[0] = 0.5 * u[0] * u[-1]
    return u


FUNCTIONS = [ring, between_walls, upwind_in_place]


def rolled(function: Function, n: int) -> Program:
    return fuse(roll(lower(trace(function, (np.linspace(0.2, 1.1, n),)))))


def modes(program: Program, width: int = 4) -> set[str]:
    return {task.signature.mode for task in make_plan(program, width).tasks if task.trips > 1}


@pytest.mark.every(8)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [4, 31, 32, 33, 64, 129])
def test_pieces_of_trips_compute_the_same(function: Function, n: int) -> None:
    program = rolled(function, n)
    x = np.random.default_rng(n).uniform(0.2, 1.1, n)
    np.testing.assert_allclose(compile_program(program)(x), function(x), rtol=1e-13)
    tangent = fuse(tangent_program(program, 4))
    seeds = np.random.default_rng(1).normal(size=4 * n)
    compiled, interpreted = compile_program(tangent), Interpreter(tangent)
    np.testing.assert_allclose(
        compiled(x, [seeds]), interpreted(x, [seeds]), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_wide_trips_read_runs(function: Function) -> None:
    assert "runs" in modes(fuse(tangent_program(rolled(function, 129), 4)))
    assert "runs" not in modes(rolled(function, 20))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_each_trip_has_its_own_chunk(function: Function) -> None:
    for task in make_plan(fuse(tangent_program(rolled(function, 70), 2)), 4).tasks:
        if task.trips > 1:
            assert len(task.chunks) == task.trips
            assert [c.low for c in task.chunks[1:]] == [c.high for c in task.chunks[:-1]]


def test_jacobians_of_loops_by_colors() -> None:
    x = np.random.default_rng(3).uniform(0.2, 1.1, 64)
    found = ss.jacobian(ring, x, method="colored")(x).toarray()
    step = np.array([ring(x + 1e-30j * unit).imag / 1e-30 for unit in np.eye(64)]).T
    np.testing.assert_allclose(found, step, rtol=1e-12, atol=1e-14)


def test_pieces_begin_with_each_trip() -> None:
    straight = np.arange(1000, 1000 + 3 * 40, dtype=np.int32)
    starts = affine_pieces([straight], 0, 3)
    assert starts is not None
    assert starts.tolist() == [0, 40, 80]
    assert affine_pieces([straight], 0, 5) is None  # trips of 24 elements are too short
