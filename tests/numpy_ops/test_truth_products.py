"""Arithmetic of truth arrays is NumPy's: products are truth, sums and running sums are counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import sparsesolve as ss

M = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]], dtype=bool)
T = np.ones((4, 4), dtype=bool)
A = np.array([0.5, -1.0, -1.0, -1.0])
POINTS = [np.array([1.0, 2.0, -1.0, 3.0]), -np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)]


def twice(value: Any) -> Any:
    """Tell truth, of which twice is itself, from counts."""
    return value + value


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "matmul": lambda b, x: b @ b,
    "dot": lambda b, x: np.dot(b, b),
    "inner": lambda b, x: np.inner(b, b),
    "inner with a matrix": lambda b, x: np.inner(T, b),
    "vdot": lambda b, x: np.vdot(b, b),
    "vecdot": lambda b, x: np.vecdot(b, b),
    "linalg.vecdot": lambda b, x: np.linalg.vecdot(T, b),
    "tensordot": lambda b, x: np.tensordot(b, b, 1),
    "tensordot 0": lambda b, x: np.tensordot(b, b, 0),
    "einsum": lambda b, x: np.einsum("i,i", b, b),
    "einsum sum": lambda b, x: np.einsum("i->", b),
    "einsum of three": lambda b, x: np.einsum("i,j,k->i", b, b, b),
    "einsum trace": lambda b, x: np.einsum("ii", np.outer(b, b)),
    "einsum with numbers": lambda b, x: np.einsum("i,i,i", b, b, x),
    "matrix @ truth": lambda b, x: T @ b,
    "truth @ matrix": lambda b, x: b @ M.T,
    "matvec": lambda b, x: np.matvec(M, b),
    "vecmat": lambda b, x: np.vecmat(b, T),
    "matrix_power": lambda b, x: np.linalg.matrix_power(np.outer(b, b), 3),
    "matrix_power 0": lambda b, x: np.linalg.matrix_power(np.outer(b, b), 0),
    "multi_dot": lambda b, x: np.linalg.multi_dot([T, np.outer(b, b), b]),
    "kron": lambda b, x: np.kron(b, b),
    "outer": lambda b, x: np.outer(b, b),
    "convolve": lambda b, x: np.convolve(b, b),
    "convolve with a constant": lambda b, x: np.convolve(b, M[0]),
    "correlate": lambda b, x: np.correlate(b, b, "full"),
    "sparse @ truth": lambda b, x: sp.csr_array(M) @ b,
    "truth @ sparse": lambda b, x: b @ sp.csr_array(T),
    "sparse numbers @ truth": lambda b, x: sp.csr_array(M * 1.0) @ b,
    "truth @ numbers": lambda b, x: b @ x,
    "truth @ integers": lambda b, x: b @ np.arange(4),
    "trace": lambda b, x: np.trace(np.outer(b, b)),
    "sum": lambda b, x: np.sum(b),
    "mean": lambda b, x: np.mean(b),
    "cumsum": lambda b, x: np.cumsum(b),
    "prod": lambda b, x: np.prod(b),
    "cumprod": lambda b, x: np.cumprod(b),
    "multiply.accumulate": lambda b, x: np.multiply.accumulate(b),
    "cumulative_prod": lambda b, x: np.cumulative_prod(b),
    "add.reduce": lambda b, x: np.add.reduce(b),
    "maximum.reduce": lambda b, x: np.maximum.reduce(b),
    "add": lambda b, x: b + (x > -2.5),
    "add True": lambda b, x: b + True,
    "add 1": lambda b, x: b + 1,
    "multiply": lambda b, x: b * b,
    "invert": lambda b, x: ~b,
    "power": lambda b, x: b**2,
    "divide": lambda b, x: b / 2,
    "compared counts": lambda b, x: np.sum(b) > 1,
    "of constants": lambda b, x: (x * 0 > -1) @ (x * 0 > -1),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize("name", CASES)
def test_arithmetic_of_truth(name: str, method: Any) -> None:
    def f(x: Any) -> Any:
        return np.ravel(twice(CASES[name](x > 0, x)))[:3] * 1.0 + x[:1] ** 2

    J = ss.jacobian(f, A, method=method)
    for x in POINTS:
        assert np.array_equal(J.value(x), f(x))
        h = 1e-6 * np.eye(4)
        slopes = np.stack([(f(x + e) - f(x - e)) / 2e-6 for e in h], axis=1)
        assert np.allclose(J(x).toarray(), slopes, atol=1e-6)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.multi_dot([T, np.outer(x > 0, x > 0), x]),
        lambda x: np.einsum("i,i,i", x > 0, x > 0, x, optimize=True),
    ],
)
def test_products_whose_order_numpy_chooses_are_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(ss.errors.UnsupportedOperation, match="truth values and numbers"):
        ss.jacobian(f, A)


@pytest.mark.parametrize("f", [lambda x: -(x > 0) * x, lambda x: ((x > 0) - (x > 1)) * x])
def test_what_numpy_refuses_stays_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="boolean"):
        ss.jacobian(f, A)
