"""The public names: complete, importable, and cheap to have."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sparsesolve as ss

HEAVY = {"numba", "matplotlib", "cyipopt", "scipy.optimize", "scipy.integrate", "rich"}
SOURCE = Path(ss.__file__).read_text()


@pytest.mark.parametrize("name", ss.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(ss, name) is getattr(ss, name)
    assert name in dir(ss)


def test_the_type_checker_sees_the_same_names() -> None:
    block = next(n for n in ast.parse(SOURCE).body if isinstance(n, ast.If))
    seen = {alias.name for node in block.body for alias in node.names}
    assert seen == set(ss.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'jacobean'"):
        ss.jacobean


def test_import_is_light() -> None:
    """Neither a compiler nor a solver nor a plotting library is loaded by the import."""
    code = "import sys, sparsesolve; sparsesolve.__version__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    heavy = [
        "numba",
        "llvmlite",
        "matplotlib",
        "cyipopt",
        "autograd",
        "rich",
        "scipy",
        "scipy.optimize",
        "numpy",
    ]
    assert not loaded.intersection(heavy)


@pytest.mark.slow
def test_derivatives_need_neither_solver_nor_coloring_compiler() -> None:
    """A Jacobian loads no numba, no solver of ours, no plotting library."""
    code = (
        "import sys, numpy as np, sparsesolve as ss\n"
        "J = ss.jacobian(lambda x: x[1:] ** 2 - x[:-1], np.ones(4))\n"
        "assert J(np.ones(4)).nnz == 6\n"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # autograd.scipy brings scipy's own solvers along; they are not asserted here
    ours = HEAVY - {"scipy.optimize", "scipy.integrate"} | {"sparsesolve.adapters"}
    assert not set(run.stdout.split()).intersection(ours)


def test_our_newton_method_needs_no_solver_of_scipy() -> None:
    code = (
        "import sys, numpy as np, sparsesolve as ss\n"
        "assert ss.root(lambda x: x**3 - 8.0, np.ones(3)).success\n"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(run.stdout.split()).intersection({"scipy.optimize", "scipy.integrate"})
