"""Values, Jacobians, gradients and Hessians of functions with many equal entries, on every engine.

In whole numbers, so that the order of a sum does not matter and engines agree exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sparsesolve as ss

Array = np.ndarray
SIZES = [1, 2, 3, 15, 16, 17, 31, 32, 33, 40, 63, 65, 100, 257]
LARGE = [1023, 1500, 2047, 2049, 4097, 16385]


def sparse_pieces(rng, n) -> list[Callable[[Array], Array]]:
    """Functions with few nonzeros a row, or one full row."""
    k = rng.integers(-5, 6, n) / 1.0
    where = rng.integers(0, n, n)
    h = n // 2
    return [
        lambda x: k * x,
        lambda x: 3.0 * x,
        lambda x: x,
        lambda x: x[::-1] * x,
        lambda x: x[where],
        lambda x: k * x[where] ** 2,
        lambda x: np.concatenate([x, x]),
        lambda x: np.concatenate([x[:1] ** 2] * 40),
        lambda x: np.concatenate([[np.sum(x) ** 2, np.sum(x) ** 3]]),
        lambda x: np.concatenate([[np.sum(x[:h]) ** 2, np.sum(x[h:]) ** 2, np.sum(k * x)]]),
        lambda x: x[1:] * x[:-1] - 2.0,
        lambda x: np.where(x > 0, x**2, k * x),
        lambda x: np.concatenate([k, x[:2] * 7.0, k]),
        lambda x: np.maximum(x, k) * x,
    ]


def dense_pieces(rng, n) -> list[Callable[[Array], Array]]:
    k = rng.integers(-5, 6, n) / 1.0
    A = rng.integers(-2, 3, (5, n)) / 1.0
    return [
        lambda x: np.cumsum(x) ** 2,
        lambda x: k * x - np.sum(x) ** 2,
        lambda x: (A @ x) ** 2,
        lambda x: np.sum(x) * x,
    ]


def drawn(seed: int, n: int, *, dense: bool) -> Callable[[Array], Array]:
    rng = np.random.default_rng([seed, n])
    known = sparse_pieces(rng, n) + (dense_pieces(rng, n) if dense else [])
    chosen = [known[k] for k in rng.integers(0, len(known), int(rng.integers(2, 6)))]
    return lambda x: np.concatenate([piece(x) for piece in chosen])


def squares(seed: int, n: int, *, dense: bool) -> Callable[[Array], Array]:
    """A scalar function: quadratic terms of pieces, and powers of sums of halves."""
    rng = np.random.default_rng([seed, n, 1])
    known = sparse_pieces(rng, n)
    chosen = [known[k] for k in rng.integers(0, 7, 2)]
    k = rng.integers(-5, 6, n) / 1.0
    h = n // 2

    def function(x):
        total = np.sum(k * x**3)
        for piece in chosen:
            total = total + np.sum(piece(x) ** 2)
        if dense:
            total = total + np.sum(x[:h]) ** 3 + np.sum(x[h:]) ** 4
        return total

    return function


def complex_step(function, x: Array) -> Array:
    step = 1e-100
    columns = [np.imag(function(x + 1j * step * e)) / step for e in np.eye(x.size)]
    return np.stack(np.atleast_2d(columns), axis=-1).reshape(-1, x.size)


def point(rng, n) -> Array:
    return rng.integers(-2, 3, n) + 0.5


def same_everywhere(make, call, buffers, x, rng, **options) -> None:
    """Compare two engines at some points; once quick code, later good code runs."""
    compiled, interpreted = make(method="compiled", **options), make(method="interpreted")
    assert compiled.method == "compiled"
    np.testing.assert_array_equal(compiled.pattern.indices, interpreted.pattern.indices)
    buffer = buffers(compiled)
    for _ in range(3):
        expected = call(interpreted)(x)
        np.testing.assert_array_equal(call(compiled)(x), expected)
        np.testing.assert_array_equal(call(compiled)(x, out=np.full(expected.size, 7.0)), expected)
        if buffer is not None:
            np.testing.assert_array_equal(compiled.refill(buffer, x), expected)
        x = point(rng, x.size)


@pytest.mark.every(14)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_jacobians(n, seed, rng):
    function, x = drawn(seed, n, dense=True), point(rng, n)

    def make(**how):
        return ss.jacobian(function, x, check=False, **how)

    same_everywhere(make, lambda J: J.values, lambda J: J.buffer(), x, rng)
    J = make(method="compiled")
    np.testing.assert_array_equal(J.value(x), function(x))
    np.testing.assert_array_equal(J(x).toarray(), make(method="colored")(x).toarray())
    if n <= 40:
        np.testing.assert_allclose(
            J(x).toarray(), complex_step(function, x), rtol=1e-12, atol=1e-11
        )


@pytest.mark.every(5)
@pytest.mark.parametrize("n", LARGE)
@pytest.mark.parametrize("seed", range(3))
def test_large_jacobians(n, seed, rng):
    function, x = drawn(50 + seed, n, dense=False), point(rng, n)

    def make(**how):
        return ss.jacobian(function, x, check=False, **how)

    same_everywhere(make, lambda J: J.values, lambda J: J.buffer(), x, rng, threads=1 + seed % 3)


@pytest.mark.every(7)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_gradients_and_hessians(n, seed, rng):
    function, x = squares(seed, n, dense=True), point(rng, n)

    def make(**how):
        return ss.hessian(function, x, check=False, **how)

    same_everywhere(make, lambda H: H.lower_values, lambda H: None, x, rng)
    same_everywhere(make, lambda H: H.values, lambda H: None, x, rng)
    H, other = make(method="compiled"), make(method="interpreted")
    np.testing.assert_array_equal(H(x).toarray(), H(x).toarray().T)
    for name in ("gradient", "value"):
        np.testing.assert_array_equal(getattr(H, name)(x), getattr(other, name)(x))
    np.testing.assert_array_equal(H.hvp(x, x), H(x) @ x)
    if n <= 40:
        np.testing.assert_allclose(
            [H.gradient(x)], complex_step(function, x), rtol=1e-12, atol=1e-11
        )


@pytest.mark.every(5)
@pytest.mark.parametrize("n", LARGE)
@pytest.mark.parametrize("seed", range(2))
def test_large_gradients_and_hessians(n, seed, rng):
    function, x = squares(70 + seed, n, dense=False), point(rng, n)

    def make(**how):
        return ss.hessian(function, x, check=False, **how)

    same_everywhere(make, lambda H: H.lower_values, lambda H: None, x, rng, threads=1 + seed)
    H, other = make(method="compiled", threads=1 + seed), make(method="interpreted")
    np.testing.assert_array_equal(H.gradient(x), other.gradient(x))


@pytest.mark.every(2)
@pytest.mark.parametrize("n", [1, 17, 33, 100, pytest.param(2049, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(2))
def test_all_derivatives_of_a_problem(n, seed, rng):
    rows, objective = drawn(90 + seed, n, dense=n < 200), squares(90 + seed, n, dense=n < 200)
    x, m = point(rng, n), rows(np.ones(n)).size
    weights = rng.integers(-3, 4, m) / 1.0
    constraints = [ss.Constraint(rows, -np.inf, 0.0)]
    made = [
        ss.Problem(objective, x, constraints=constraints, method=method)
        for method in ("compiled", "interpreted")
    ]
    for call in (
        lambda p: p.objective_value(x),
        lambda p: p.gradient(x),
        lambda p: p.constraint_values(x),
        lambda p: p.jacobian(x).toarray() if n < 200 else p.jacobian(x).data,
        lambda p: p.lagrangian_hessian(x, weights, 2.0).data,
        lambda p: p.derivatives.hessian_values(x, weights, 2.0, out=np.full(
            p.derivatives.hessian_pattern.nnz, 7.0)),
    ):  # fmt: skip
        np.testing.assert_array_equal(call(made[0]), call(made[1]))
