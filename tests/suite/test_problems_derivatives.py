"""Exact derivatives of every problem, at a small size, against dense autograd."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.sparse as sp
from autograd.extend import Box, defvjp, primitive

import sparsesolve as ss
from problems.cases import LeastSquaresCase, MinimizeCase, OdeCase, RootCase
from problems.registry import PROBLEMS, Entry

SMALL: dict[str, dict[str, Any]] = {
    "chained-rosenbrock": {"n": 8},
    "chained-rosenbrock-least-squares": {"n": 8},
    **{f"lukvle{k}": {"n": 14} for k in (1, 3, 4, 5, 7)},
    "lukvle6": {"n": 13},
    **{name: {"intervals": 3} for name in ("chain", "rocket", "steering", "robot-arm", "glider")},
    **{name: {"intervals": 3} for name in ("catmix", "marine", "pinene")},
    **{name: {"nx": 4, "ny": 3} for name in ("torsion", "bearing", "minsurf")},
    "camshape": {"n": 6},
    "elec": {"electrons": 4},
    "bratu": {"side": 4},
    "broyden-tridiagonal": {"n": 8},
    "bundle-adjustment": {"cameras": 2, "points": 4},
    "image-filter": {"side": 6, "width": 3},
    "medakzo": {"points": 5},
    "brusselator-1d": {"points": 5},
    "brusselator-2d": {"side": 4},
}
# dense autograd takes minutes from case57 on
DENSE_TOO_SLOW = ("acopf-case57", "acopf-case118", "acopf-case300")
SECONDS = ("acopf-case14", "acopf-case30", "acopf-case30pwl")


def entries(*kinds: str) -> list[object]:
    chosen = [e for e in PROBLEMS if e.kind in kinds and e.name not in DENSE_TOO_SLOW]
    slow = {e.name: [pytest.mark.slow] if e.name in SECONDS else [] for e in chosen}
    return [pytest.param(e, id=e.name, marks=slow[e.name]) for e in chosen]


@primitive
def _product(matrix: sp.csr_array, x: Any) -> Any:
    return matrix @ x


defvjp(_product, None, lambda ans, matrix, x: lambda g: _product(matrix.T.tocsr(), g))


@pytest.fixture
def use_autograd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Give a function that makes the problems' modules compute with autograd."""
    plain_matmul = sp.csr_array.__matmul__
    plain_pad = anp.pad

    def matmul(self: sp.csr_array, other: Any) -> Any:
        return _product(self, other) if isinstance(other, Box) else plain_matmul(self, other)

    def pad(array: Any, width: Any, mode: str = "constant") -> Any:
        # autograd's rule wants the mode
        return plain_pad(array, width, mode)

    def switch() -> None:
        monkeypatch.setattr(sp.csr_array, "__matmul__", matmul)
        monkeypatch.setattr(anp, "pad", pad)
        for name, module in list(sys.modules.items()):
            if name.startswith("problems.") and hasattr(module, "np"):
                monkeypatch.setattr(module, "np", anp)

    yield switch
    monkeypatch.undo()


def near(x0: np.ndarray, bounds: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """A point near the start and inside the bounds, seeded."""
    rng = np.random.default_rng(7)
    x = x0 * (1 + 1e-3 * rng.normal(size=x0.size)) + 1e-4 * rng.normal(size=x0.size)
    return x if bounds is None else np.clip(x, *bounds)


def close(ours: np.ndarray, dense: np.ndarray) -> None:
    scale = max(1.0, float(np.max(np.abs(dense), initial=0.0)))
    np.testing.assert_allclose(ours, dense, rtol=0.0, atol=1e-12 * scale)


@pytest.mark.every(8)
@pytest.mark.parametrize("entry", entries("minimize"))
def test_minimize(entry: Entry, use_autograd: Callable[[], None]) -> None:
    case = entry.build(**SMALL.get(entry.name, {}))
    assert isinstance(case, MinimizeCase)
    x = near(case.x0, case.bounds)
    problem = case.problem()
    multipliers = np.random.default_rng(3).normal(size=problem.m)
    assert (problem.n, problem.m) == (case.n, case.m)
    gradient = problem.gradient(x)
    jacobian = problem.jacobian(x).toarray()
    hessian = problem.lagrangian_hessian(x, multipliers, 0.7).toarray()
    value = problem.objective_value(x)
    np.testing.assert_allclose(value, case.objective(x), rtol=1e-13)

    use_autograd()

    def constraints(z: Any) -> Any:
        rows = [anp.ravel(block.function(z)) for block in case.constraints]
        return anp.concatenate(rows) if rows else anp.zeros(0)

    def lagrangian(z: Any) -> Any:
        total = 0.7 * case.objective(z) + 0.0 * anp.sum(z**2)
        return total + anp.dot(constraints(z), multipliers) if case.constraints else total

    close(gradient, autograd.grad(lambda z: case.objective(z) + 0.0 * anp.sum(z))(x))
    if case.constraints:
        close(jacobian, autograd.jacobian(constraints)(x))
    close(hessian, autograd.hessian(lagrangian)(x))


@pytest.mark.parametrize("name", DENSE_TOO_SLOW)
def test_large_networks_by_products(name: str, use_autograd: Callable[[], None]) -> None:
    """Weights pulled back through J, and a direction through H, where dense autograd is slow."""
    case = next(entry for entry in PROBLEMS if entry.name == name).build()
    assert isinstance(case, MinimizeCase)
    x = near(case.x0, case.bounds)
    problem = case.problem()
    rng = np.random.default_rng(3)
    weights, direction = rng.normal(size=problem.m), rng.normal(size=problem.n)
    pulled = problem.jacobian(x).T @ weights
    curved = problem.lagrangian_hessian(x, weights, 0.7) @ direction

    use_autograd()

    def weighted(z: Any) -> Any:
        rows = [anp.ravel(block.function(z)) for block in case.constraints]
        return anp.dot(anp.concatenate(rows), weights)

    def slope(z: Any) -> Any:
        return anp.dot(autograd.grad(lambda y: 0.7 * case.objective(y) + weighted(y))(z), direction)

    close(pulled, autograd.grad(weighted)(x))
    close(curved, autograd.grad(slope)(x))


@pytest.mark.every(2)
@pytest.mark.parametrize("entry", entries("root", "least-squares"))
def test_residual(entry: Entry, use_autograd: Callable[[], None]) -> None:
    case = entry.build(**SMALL.get(entry.name, {}))
    assert isinstance(case, RootCase | LeastSquaresCase)
    x = near(case.x0)
    ours = ss.jacobian(case.residual, case.x0)
    assert ours.shape == (case.m, case.n)
    matrix = ours(x).toarray()
    np.testing.assert_allclose(ours.value(x), case.residual(x), rtol=1e-12, atol=1e-12)
    use_autograd()
    close(matrix, autograd.jacobian(case.residual)(x))


@pytest.mark.parametrize("entry", entries("ode"))
def test_right_hand_side(entry: Entry, use_autograd: Callable[[], None]) -> None:
    case = entry.build(**SMALL.get(entry.name, {}))
    assert isinstance(case, OdeCase)
    y = near(case.y0)
    jacobians = []
    start = case.stretches[0]
    ours = ss.jacobian(case.rhs, start[0][0], case.y0, *start[1], argnum=1)
    for (t, _), args in case.stretches:
        jacobians.append(ours(t, y, *args).toarray())
        np.testing.assert_allclose(
            ours.value(t, y, *args), case.rhs(t, y, *args), rtol=1e-12, atol=1e-12
        )
    use_autograd()
    for ((t, _), args), matrix in zip(case.stretches, jacobians, strict=True):
        close(matrix, autograd.jacobian(lambda z, t=t, args=args: case.rhs(t, z, *args))(y))
