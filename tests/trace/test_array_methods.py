"""`A.dot(u)` of plain arrays: one product, and NumPy's own method as soon as the trace ends."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.trace.tracing import trace

A = np.random.default_rng(3).normal(size=(4, 3))
HELD = {"A": A}
U = np.array([0.3, -0.7, 1.1])


class Model:
    """Holds a matrix where no name of the function leads to it."""

    def __init__(self):
        self.matrix = A

    def __call__(self, u):
        return self.matrix.dot(u) ** 2


PRODUCTS = {
    "dot": lambda u: A.dot(u),
    "dot in a dict": lambda u: HELD["A"].dot(u) + 1.0,
    "transposed": lambda u: A.T.dot(A.dot(u)),
    "matrix": lambda u: A.dot(np.outer(u, u)),
    "list": lambda u: A.dot([u[0], 2.0, u[1] * u[2]]),
    "vector": lambda u: A[0].dot(u) * u,
    "scalar": lambda u: A.dot(u[1]),
    "swapped": lambda u: u.dot(A.T),
    "list with @": lambda u: A @ [u[0], 2.0, u[1] * u[2]],
    "list with matmul": lambda u: np.matmul(A, [u[0], u[2], 1.0]),
    "list with einsum": lambda u: np.einsum("ij,j->i", A, [u[0], u[2], 1.0]),
    "object": Model(),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_plain_arrays(name):
    f = PRODUCTS[name]
    for method in ("auto", "interpreted", "colored"):
        J = ss.jacobian(f, U, method=method)
        for x in (U, np.array([-0.2, 0.4, 0.9])):
            np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13)
            steps = 1e-6 * np.eye(3)
            columns = [np.ravel(f(x + h) - f(x - h)) / 2e-6 for h in steps]
            np.testing.assert_allclose(J(x).toarray(), np.transpose(columns), atol=1e-8)


def test_a_product_is_one_instruction():
    big = np.ones((60, 50))
    tape = trace(lambda u: big.dot(u), [np.ones(50)])
    assert [step.op for step in tape.instructions] == ["dot"]


def test_the_method_is_put_back():
    plain = np.ndarray.dot
    seen = []

    def fails(u):
        seen.append(A.dot(u))
        raise RuntimeError("no value")

    with pytest.raises(RuntimeError, match="no value"):
        ss.jacobian(fails, U)
    assert np.ndarray.dot is plain
    assert type(A.dot).__name__ == "builtin_function_or_method"


def test_other_threads_get_plain_products_meanwhile():
    found = []

    def f(u):
        thread = threading.Thread(target=lambda: found.append(A.dot(np.ones(3))))
        thread.start()
        thread.join()
        return A.dot(u)

    ss.jacobian(f, U, check=False)
    assert found
    for product in found:
        assert type(product) is np.ndarray
        np.testing.assert_array_equal(product, A @ np.ones(3))


@pytest.mark.parametrize("order", ["A", "K", "F"])
def test_elements_in_the_order_of_memory(order: str) -> None:
    def f(x: Any) -> Any:
        turned = np.transpose(np.sin(x), (1, 2, 0)) * 2.0
        weights = np.arange(1.0, 25.0)
        return weights * turned.ravel(order) + np.sin(x).T.flatten(order) + np.ravel(x.T, order)

    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(2 * x), f(2 * x), rtol=1e-13)
