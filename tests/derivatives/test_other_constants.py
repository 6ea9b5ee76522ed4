"""Other integers and words than those of the example: values in the same places, or a reason."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch

X = np.array([1.0, 2.0, -0.5, 1.5])
V = np.array([1.0, -1.0, 2.0, 0.5])


def steps(x, count):
    """The structure of one step holds for all of them."""
    for _ in range(count):
        x = x + 0.1 * np.sin(x) * x.sum()
    return x


def written(x, kind):
    """Entries that are constant for one word, and vary for another."""
    return np.array([x[0] ** 2, 3.0 * x[1], x[2] if kind == "flat" else x[2] ** 3])


def chosen(x, k):
    return x[k] ** 2 * x


def energy(x, count):
    return np.sum(steps(x, count) ** 2)


def branching(x, count):
    return steps(x, count) if x[0] > 0 else -steps(x, count)


@pytest.mark.every(3)
@pytest.mark.parametrize("function", [steps, branching])
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
def test_jacobians(function, method):
    J = ss.jacobian(function, X, 1, method=method)
    buffer = J.buffer()
    for count in (1, 3, 1, 2):
        expected = ss.jacobian(function, X, count)(X, count)
        np.testing.assert_allclose(J.values(X, count), expected.data, rtol=1e-13)
        np.testing.assert_allclose(J(X, count).toarray(), expected.toarray(), rtol=1e-13)
        np.testing.assert_allclose(J.refill(buffer, X, count), expected.data, rtol=1e-13)
        np.testing.assert_allclose(J.jvp(X, count, V), expected @ V, rtol=1e-12)
        np.testing.assert_allclose(J.vjp(X, count, V), V @ expected, rtol=1e-12)
        np.testing.assert_allclose(J.as_linear_operator(X, count) @ V, expected @ V, rtol=1e-12)
        out = np.empty(J.nnz)
        assert J.values(X, count, out=out) is out
        np.testing.assert_allclose(out, expected.data, rtol=1e-13)


def test_hessians_and_gradients():
    H, g = ss.hessian(energy, X, 1), ss.gradient(energy, X, 1)
    for count in (1, 2):
        other = ss.hessian(energy, X, count)
        expected, slope = other(X, count), other.gradient(X, count)
        np.testing.assert_allclose(H.values(X, count), expected.data, rtol=1e-12)
        np.testing.assert_allclose(H.lower_values(X, count), other.lower_values(X, count))
        np.testing.assert_allclose(H.hvp(X, count, V), expected @ V, rtol=1e-11)
        np.testing.assert_allclose(g.values(X, count), slope, rtol=1e-12)
        np.testing.assert_allclose(g.jvp(X, count, V), [slope @ V], rtol=1e-12)
        np.testing.assert_allclose(g.hvp(X, count, V), expected @ V, rtol=1e-11)


def test_a_smaller_structure_is_put_into_the_larger():
    def f(x, wide):
        return x**2 * (x.sum() if wide else 1.0)

    J = ss.jacobian(f, X, True)
    assert J.nnz == 16
    np.testing.assert_allclose(J.values(X, False).reshape(4, 4), np.diag(2 * X))
    assert J(X, False).nnz == 4


def test_constant_entries_of_a_buffer_stay():
    J = ss.jacobian(written, X, "flat")
    buffer = J.buffer()
    with pytest.raises(StructureMismatch, match="constant entries"):
        J.refill(buffer, X, "bent")
    np.testing.assert_array_equal(J.values(X, "bent"), [2.0, 3.0, 0.75])
    np.testing.assert_array_equal(J.refill(buffer, X, "flat"), [2.0, 3.0, 1.0])
    K = ss.jacobian(written, X, "bent")
    filled = K.refill(K.buffer(), X, "flat")
    np.testing.assert_array_equal(filled, [2.0, 3.0, 1.0])
    np.testing.assert_array_equal(K.refill(filled, X, "bent"), [2.0, 3.0, 0.75])


def test_another_structure_is_said():
    J = ss.jacobian(chosen, X, 0)
    with pytest.raises(StructureMismatch, match="Call the derivative"):
        J.values(X, 1)
    np.testing.assert_allclose(J.jvp(X, 1, V), ss.jacobian(chosen, X, 1)(X, 1) @ V)
    assert J(X, 1).nnz == J(X, 0).nnz == 7
