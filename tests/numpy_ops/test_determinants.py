"""Determinants where matrices are singular: polynomials all the same."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.matrix_call import Called
from sparsesolve.numpy_ops.determinants import CURVATURE, cofactors

R = np.random.default_rng(0)


def minors(a: np.ndarray) -> np.ndarray:
    """Cofactors by deleting a row and a column."""
    n = len(a)
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    rest = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(n)] for i in range(n)]
    return signs * np.linalg.det(rest)


def of_rank(rank: int, n: int) -> np.ndarray:
    return R.integers(-3, 4, (n, rank)).astype(float) @ R.normal(size=(rank, n))


MATRICES = {
    "regular": R.normal(size=(5, 5)), "rank 4": of_rank(4, 5), "rank 3": of_rank(3, 5),
    "rank 1": of_rank(1, 5), "zero": np.zeros((5, 5)), "integers": np.arange(25.0).reshape(5, 5),
    "four": of_rank(3, 4), "seven": of_rank(6, 7), "permuted": np.eye(5)[[2, 0, 1, 4, 3]],
    "three": of_rank(2, 3), "nearly": of_rank(4, 5) + 1e-9 * R.normal(size=(5, 5)),
}  # fmt: skip


def det(x):
    return np.linalg.det(x.reshape(round(x.size**0.5), -1))


@pytest.mark.parametrize("name", MATRICES)
def test_first_and_second_derivatives(name: str) -> None:
    a = MATRICES[name]
    x0 = R.normal(size=a.size)
    np.testing.assert_allclose(ss.gradient(det, x0)(a.ravel()), minors(a).ravel(), atol=1e-10)
    e = R.normal(size=a.shape)
    h = 1e-2 * max(1.0, np.max(np.abs(a)))
    one, two = ((minors(a + s * e) - minors(a - s * e)) / (2 * s) for s in (h, 2 * h))
    expected, size = (4 * one - two) / 3, max(1.0, np.max(np.abs(a))) ** (len(a) - 2)
    H = ss.hessian(det, x0)
    close = {"atol": 1e-5 * size}
    np.testing.assert_allclose(H(a.ravel()) @ e.ravel(), expected.ravel(), **close)
    np.testing.assert_allclose(H.hvp(a.ravel(), e.ravel()), expected.ravel(), **close)


def test_second_derivatives_are_exact() -> None:
    """Of a diagonal matrix of rank n - 2 all but one are zero."""
    a = np.diag([2.0, 0.0, 3.0, 0.0, 5.0])
    H = ss.hessian(det, R.normal(size=25))(a.ravel()).toarray().reshape(5, 5, 5, 5)
    expected = np.zeros((5, 5, 5, 5))
    expected[1, 1, 3, 3] = expected[3, 3, 1, 1] = 30.0
    expected[1, 3, 3, 1] = expected[3, 1, 1, 3] = -30.0
    np.testing.assert_allclose(H, expected, atol=1e-12)


def test_stacks() -> None:
    a = np.stack([MATRICES["rank 4"], MATRICES["regular"], MATRICES["rank 3"]])
    J = ss.jacobian(lambda x: np.linalg.det(x.reshape(3, 5, 5)), R.normal(size=75))
    blocks = J(a.ravel()).toarray().reshape(3, 3, 5, 5)
    for k in range(3):
        np.testing.assert_allclose(blocks[k, k], minors(a[k]), atol=1e-10)


@pytest.mark.parametrize("n", [2, 4])
def test_complex_matrices(n: int) -> None:
    """A polynomial: differences of one of degree four are exact but for rounding."""
    left, right = (R.normal(size=(n, n - 1, 2)) @ [1, 1j] for _ in range(2))

    def f(x):
        found = np.linalg.det((x[: n * n] + 1j * x[n * n :]).reshape(n, n))
        return np.array([found.real, found.imag])

    matrix = left @ right.T
    x = np.concatenate([matrix.real.ravel(), matrix.imag.ravel()])
    prepared = ss.jacobian(f, R.normal(size=x.size))
    H = ss.hessian(lambda x: f(x)[0] - 2 * f(x)[1], R.normal(size=x.size))
    for at in (x, np.zeros_like(x)):
        slopes = prepared(at).toarray()
        expected = minors((at[: n * n] + 1j * at[n * n :]).reshape(n, n)).ravel()
        expected = np.concatenate([expected, 1j * expected])
        np.testing.assert_allclose(slopes[0] + 1j * slopes[1], expected, atol=1e-12)
        moved = lambda h, at=at: np.array([1, -2]) @ prepared(at + h).toarray()
        e = R.normal(size=x.size)
        one, two = ((moved(s * e) - moved(-s * e)) / (2 * s) for s in (1.0, 2.0))
        np.testing.assert_allclose(H(at) @ e, (4 * one - two) / 3, atol=1e-11)


@pytest.mark.slow
def test_a_stack_that_stays_one_call() -> None:
    stack = np.stack([of_rank(3, 4) for _ in range(300)])
    J = ss.jacobian(lambda x: np.linalg.det(x[0] * stack), [2.0])
    np.testing.assert_allclose(J([1.0]).toarray(), np.zeros((300, 1)), atol=1e-9)
    J = ss.jacobian(lambda x: np.linalg.det(stack + np.diag(x)), np.ones(4))
    expected = np.array([np.diag(minors(a)) for a in stack])
    np.testing.assert_allclose(J(np.zeros(4)).toarray(), expected, atol=1e-10)


def test_third_derivatives() -> None:
    """Tangents of tangents of cofactors, and their adjoints, written into one program."""
    b = Builder((64,))
    a, e, f, g = b.x.reshape(4, 4, 4)
    at = Called((a, e), CURVATURE.on(b, a, e))
    third = CURVATURE.push(b, at, [f, None])
    pulled, none = CURVATURE.pull(b, at, g, [True, False])
    assert none is None
    x = R.normal(size=64)
    a0, e0, f0, g0 = x.reshape(4, 4, 4)
    h = 1e-3 * f0
    expected = (CURVATURE(a0 + h, e0) - CURVATURE(a0 - h, e0)) / 2e-3
    found, back = (Interpreter(b.build(s.ravel()))(x).reshape(4, 4) for s in (third, pulled))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.sum(back * f0), np.sum(found * g0))


def test_cofactors_of_little() -> None:
    assert cofactors(np.array([[7.0]])).tolist() == [[1.0]]
    assert cofactors(np.zeros((1, 1))).tolist() == [[1.0]]
    np.testing.assert_allclose(cofactors(np.zeros((2, 2))), 0.0, atol=1e-15)


def test_a_complex_covariance() -> None:
    def covariance(x):
        found = np.cov((x[:8] + 1j * x[8:]).reshape(2, 4))
        return np.concatenate([found.real.ravel(), found.imag.ravel()])

    x = R.normal(size=16)
    J = ss.jacobian(covariance, x)
    np.testing.assert_allclose(J.value(x), covariance(x), atol=1e-14)
    h = 1e-6 * np.eye(16)
    expected = np.array([(covariance(x + e) - covariance(x - e)) / 2e-6 for e in h]).T
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-8)


def exact(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of a determinant with 60 digits, by deleting rows and columns."""
    n, found, second = len(a), np.zeros(a.shape), np.zeros((*a.shape, *a.shape))
    exactly = mpmath.matrix(a.tolist())

    def rest(rows: tuple[int, ...], columns: tuple[int, ...]) -> float:
        i = [k for k in range(n) if k not in rows]
        j = [k for k in range(n) if k not in columns]
        return mpmath.det(mpmath.matrix([[exactly[k, m] for m in j] for k in i]))

    with mpmath.workdps(60):
        for i, j in np.ndindex(n, n):
            found[i, j] = float((-1) ** (i + j) * rest((i,), (j,)))
            for k, m in np.ndindex(n, n):
                if i != k and j != m:
                    sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
                    second[i, j, k, m] = float(sign * rest((i, k), (j, m)))
    return found.reshape(-1), second.reshape(a.size, a.size)


@pytest.mark.parametrize("size", [1e-100, 1e-85, 1e50, 1e72])
def test_determinants_that_no_number_can_hold_have_derivatives(size: float) -> None:
    """The determinant is zero, a subnormal number or infinite, and what it is made of is not."""
    a = size * np.random.default_rng(3).normal(size=(4, 4))
    first, second = exact(a)
    x0 = R.normal(size=16)
    H = ss.hessian(det, x0)
    with np.errstate(over="ignore"):  # squares of these numbers
        np.testing.assert_allclose(ss.gradient(det, x0)(a.ravel()), first, rtol=1e-12)
    np.testing.assert_allclose(H(a.ravel()).toarray(), second, rtol=1e-10)
    e = np.random.default_rng(4).normal(size=16)
    np.testing.assert_allclose(H.hvp(a.ravel(), e), second @ e, rtol=1e-9)


@pytest.mark.parametrize("singular", [False, True])
def test_rows_and_columns_of_different_units(singular: bool) -> None:
    a = np.random.default_rng(5).normal(size=(4, 4))
    if singular:
        a[:, 2] = 0.0
    units = np.outer([1e8, 1.0, 1e-4, 1e-8], [1e3, 1.0, 1e-4, 1e5])
    a *= units
    first, second = exact(a)
    x0 = R.normal(size=16)
    slopes, H = ss.gradient(det, x0)(a.ravel()), ss.hessian(det, x0)(a.ravel()).toarray()
    whole, units = units.prod() ** 0.25, units.ravel()
    np.testing.assert_allclose(slopes * units / whole, first * units / whole, atol=1e-13)
    units = np.outer(units, units) / whole
    np.testing.assert_allclose(H * units, second * units, atol=1e-13)


def test_a_pivot_of_zero_adds_nothing_to_others() -> None:
    a = np.diag([1e10, 1.0, 2.0, 0.0])
    found = ss.gradient(det, R.normal(size=16))(a.ravel())
    np.testing.assert_allclose(found, minors(a).ravel(), rtol=1e-14, atol=1e-100)
    turned = cofactors(np.exp(0.3j) * a)  # a complex one too
    np.testing.assert_allclose(turned, np.exp(0.9j) * minors(a), rtol=1e-14, atol=1e-100)
