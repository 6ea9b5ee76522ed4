"""The protocol of prepared derivatives, kept by each of them in the same words."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracles
import pytest
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.derivatives.derivative import Derivative, SymmetricDerivative
from sparsesolve.errors import StructureMismatch

METHODS = ["compiled", "interpreted", "colored"]
MULTIPLIERS = np.array([0.5, -2.0, 3.0])
SIGMA = 0.25


def residual(x):
    return np.concatenate([x[1:] * np.sin(x[:-1]), x[:1] * 2.0])


def energy(x):
    return np.sum(x[1:] ** 2 * x[:-1]) + 3.0 * x[0]


def rows(x):
    return np.array([x[0] ** 2, x[0] * x[1], x[-1]])


def branching(x):
    return energy(x) if x[0] > 0.0 else np.sum(x**3)


def branching_rows(x):
    return residual(x) if x[0] > 0.0 else x**2


def lagrangian(x):
    return SIGMA * energy(x) + MULTIPLIERS @ rows(x)


def point(n: int = 4) -> np.ndarray:
    return np.linspace(0.3, 1.7, n)


@dataclass(frozen=True)
class Kept:
    """A derivative, the arguments of a call after x, and what it must be."""

    make: Callable[..., Any]
    function: Callable[[Any], Any]
    order: int = 1
    more: tuple[Any, ...] = ()
    both: str = "value_and_jacobian"
    matrix: bool = True

    def expected(self, x: np.ndarray) -> np.ndarray:
        if self.order == 2:
            return oracles.dense_hessian(self.function, x)
        return np.atleast_2d(oracles.dense_jacobian(self.function, x))


def jacobian(method: str, n: int = 4) -> Any:
    return ss.jacobian(residual, np.ones(n), method=method)


def hessian(method: str, n: int = 4) -> Any:
    return ss.hessian(energy, np.ones(n), method=method)


def gradient(method: str, n: int = 4) -> Any:
    return ss.gradient(energy, np.ones(n), method=method)


def of_lagrangian(method: str, n: int = 4) -> Any:
    return ss.LagrangianHessian(energy, [rows], np.ones(n), method=method)


def branched_jacobian(method: str, n: int = 4) -> Any:
    J = ss.jacobian(branching_rows, np.ones(n), method=method)
    J.explore([-point(n)])
    return J


def branched_hessian(method: str, n: int = 4) -> Any:
    return ss.hessian(branching, np.ones(n), method=method)


def branched_gradient(method: str, n: int = 4) -> Any:
    return ss.gradient(branching, np.ones(n), method=method)


KEPT = {
    "Jacobian": Kept(jacobian, residual),
    "Hessian": Kept(hessian, energy, 2, both="value_and_hessian"),
    "Gradient": Kept(gradient, energy, both="value_and_gradient", matrix=False),
    "LagrangianHessian": Kept(
        of_lagrangian, lagrangian, 2, (MULTIPLIERS, SIGMA), both="value_and_hessian"
    ),
    "BranchedJacobian": Kept(branched_jacobian, branching_rows),
    "BranchedHessian": Kept(branched_hessian, branching, 2, both="value_and_hessian"),
    "BranchedGradient": Kept(branched_gradient, branching, both="value_and_gradient", matrix=False),
}
each = pytest.mark.parametrize("name", KEPT)
by_each_method = pytest.mark.parametrize("method", METHODS)


@pytest.mark.every(10)
@each
@by_each_method
@pytest.mark.parametrize("n", [2, 3, 4, 33])
def test_numbers(name: str, method: str, n: int) -> None:
    kept, x = KEPT[name], point(n)
    D, args = kept.make(method, n), (x, *kept.more)
    expected = kept.expected(x)
    given = expected.shape
    assert isinstance(D, Derivative)
    assert D.shape == D.pattern.shape == given
    called = D(*args)
    dense = called.toarray() if kept.matrix else called.reshape(1, -1)
    assert isinstance(called, sp.csr_array) == kept.matrix
    np.testing.assert_allclose(dense, expected, atol=1e-13)
    values = D.values(*args)
    assert values.shape == (D.nnz,) == (D.pattern.nnz,)
    np.testing.assert_allclose(D.pattern.to_scipy(values).toarray(), expected, atol=1e-13)
    out = np.full(D.nnz, np.nan)
    assert D.values(*args, out=out) is out
    np.testing.assert_array_equal(out, values)
    buffer = D.buffer()
    assert D.refill(buffer, *args) is buffer
    np.testing.assert_array_equal(buffer, values)
    np.testing.assert_allclose(D.value(*args), kept.function(x), rtol=1e-14)
    value, matrix = getattr(D, kept.both)(*args)
    np.testing.assert_allclose(value, kept.function(x), rtol=1e-14)
    np.testing.assert_array_equal(
        matrix.toarray() if kept.matrix else matrix, called.toarray() if kept.matrix else called
    )


@pytest.mark.every(2)
@each
@by_each_method
def test_products(name: str, method: str) -> None:
    kept, x = KEPT[name], point()
    D, args, expected = kept.make(method), (x, *kept.more), kept.expected(x)
    rng = np.random.default_rng(0)
    v, w = rng.normal(size=expected.shape[1]), rng.normal(size=expected.shape[0])
    np.testing.assert_allclose(D.jvp(*args, v), expected @ v, atol=1e-13)
    np.testing.assert_allclose(D.vjp(*args, w), expected.T @ w, atol=1e-13)
    if hasattr(D, "hvp"):
        H = oracles.dense_hessian(kept.function, x)
        np.testing.assert_allclose(D.hvp(*args, v), H @ v, atol=1e-13)
    for product in (D.jvp, D.vjp):
        with pytest.raises(ValueError, match="must have"):
            product(*args, np.ones(9))
        with pytest.raises(StructureMismatch, match="must be real"):
            product(*args, 1j * np.ones(4))


@by_each_method
@pytest.mark.parametrize("name", [k for k, kept in KEPT.items() if kept.order == 2])
def test_second_derivatives(name: str, method: str) -> None:
    kept, x = KEPT[name], point()
    D, args, expected = kept.make(method), (x, *kept.more), kept.expected(x)
    assert isinstance(D, SymmetricDerivative)
    lower = D.lower_pattern.to_scipy(D.lower_values(*args)).toarray()
    np.testing.assert_allclose(lower, np.tril(expected), atol=1e-13)
    out = np.empty(D.lower_pattern.nnz)
    assert D.lower_values(*args, out=out) is out
    slope = oracles.dense_jacobian(kept.function, x).reshape(-1)
    np.testing.assert_allclose(D.gradient(*args), slope, atol=1e-13)
    assert D.pattern == D.lower_pattern.union(D.lower_pattern.T)


@each
@by_each_method
def test_words(name: str, method: str) -> None:
    kept, x = KEPT[name], point()
    D, args = kept.make(method), (x, *kept.more)
    assert D.method == ("compiled" if (method, name[-8:]) == ("colored", "Gradient") else method)
    m, n = D.shape
    share = f"{100 * D.nnz / (m * n):.3g} %"
    assert repr(D) == f"<{name} {m}x{n}, {D.nnz} nonzeros ({share}), {D.method}>"
    assert str(D) == f"{D!r}\n{D.pattern}"
    D.values(*args)
    for word in ("nonzeros", "method", "calls of the user's function", "calls of values"):
        assert word.lower() in D.report().lower()
    assert D.calls["values"] >= 1
    assert D.kernels()
    i, j = int(D.pattern.rows[0]), int(D.pattern.indices[0])
    assert D.explain(i, j).startswith(f"({i}, {j}): ")
    assert "test_protocol" in D.explain(i, j) or "moved" in D.explain(i, j)
    with pytest.raises(IndexError, match="outside a matrix"):
        D.explain(m, n)
    assert D.explain_nonfinite(*args) == ""
    D.verify()
    D.verify(x)


@each
def test_wrong_results_to_write_into_are_refused(name: str) -> None:
    kept, x = KEPT[name], point()
    D, args = kept.make("compiled"), (x, *kept.more)
    for out in (np.zeros(D.nnz + 1), np.zeros(D.nnz, dtype=np.float32)):
        with pytest.raises(StructureMismatch, match="`out` must be a float64 array"):
            D.values(*args, out=out)
        with pytest.raises(StructureMismatch, match="`out` must be a float64 array"):
            D.refill(out, *args)


@each
def test_copies_and_pickles(name: str) -> None:
    kept, x = KEPT[name], point()
    D, args = kept.make("compiled"), (x, *kept.more)
    for other in (pickle.loads(pickle.dumps(D)), copy.copy(D), copy.deepcopy(D)):
        assert type(other) is type(D)
        dense = [E.pattern.to_scipy(E.values(*args)).toarray() for E in (other, D)]
        np.testing.assert_array_equal(*dense)


@each
def test_changed_data_are_seen(name: str) -> None:
    scale = np.ones(4)
    kept = KEPT[name]

    def first(x):
        return kept.function(x) * scale[0] + np.sum(scale) - 4.0

    makers: dict[str, Callable[[], Any]] = {
        "value_and_jacobian": lambda: ss.jacobian(first, point()),
        "value_and_hessian": lambda: ss.hessian(first, point()),
        "value_and_gradient": lambda: ss.gradient(first, point()),
    }
    D = makers[kept.both]()
    if name == "LagrangianHessian":
        D = ss.LagrangianHessian(first, [rows], point())
    D.verify()
    scale[:] = 2.0
    with pytest.raises(ss.errors.VerificationError, match="first"):
        D.verify()


def test_why_entries_of_a_lagrangian_are_not_finite() -> None:
    H = ss.LagrangianHessian(energy, [lambda x: x[1:] ** 2, lambda x: np.sqrt(x[:2])], np.ones(4))
    x = np.array([1.0, 0.0, 1.0, 1.0])
    with np.errstate(all="ignore"):
        text = H.explain_nonfinite(x, np.ones(5))
    assert text.startswith(
        "The Hessian of the Lagrangian is -inf at row 1, column 1. The Hessian of"
    )
    assert "constraint '<lambda>' is -inf at row 1, column 1: `sqrt` at" in text
    assert "test_protocol" in text
    assert H.explain_nonfinite(np.ones(4), np.ones(5), 0.5) == ""


def test_a_lagrangian_names_the_function_that_has_an_entry() -> None:
    H = ss.LagrangianHessian(energy, [rows], np.ones(4))
    assert "gradient element 1 of the objective, " not in H.explain(0, 0)
    assert "of constraint 'rows'," in H.explain(0, 0)
    assert "of the objective," in H.explain(3, 3)
    assert "structurally zero" in H.explain(3, 0)
    none = ss.LagrangianHessian(None, [rows], np.ones(4))
    assert "of constraint 'rows'," in none.explain(0, 1)
    np.testing.assert_allclose(none(point(), MULTIPLIERS).toarray()[0, 1], MULTIPLIERS[1])


def test_what_needs_a_trace_says_so_for_differences() -> None:
    D = ss.jacobian_by_differences(residual, point())
    assert isinstance(D, Derivative)
    for call in (lambda: D.jvp(point(), point()), lambda: D.explain(0, 0)):
        with pytest.raises(TypeError, match="need the traced function"):
            call()
    np.testing.assert_allclose(D.value_and_jacobian(point())[0], residual(point()))


def test_matrices_as_unknowns_and_other_positions() -> None:
    def f(c, X):
        return c * np.sum(X**2 * np.arange(6.0).reshape(2, 3))

    X = np.linspace(1.0, 2.0, 6).reshape(2, 3)
    g = ss.gradient(f, 1.0, X, argnum=1)
    assert (g.shape, g(2.0, X).shape, g.values(2.0, X).shape) == ((1, 6), (2, 3), (6,))
    np.testing.assert_allclose(g.jvp(2.0, X, X), [2.0 * f(2.0, X)])
    np.testing.assert_allclose(g.hvp(2.0, X, X), g.values(2.0, X))
    np.testing.assert_allclose(g.vjp(2.0, X, 3.0), 3.0 * g.values(2.0, X))


def test_what_is_asked_as_of_a_matrix_says_to_call_it() -> None:
    x = point()
    for made in (ss.jacobian(residual, x), ss.hessian(energy, x), ss.jacobian(branching_rows, x)):
        with pytest.raises(AttributeError, match=r"'toarray': call it at a point"):
            made.toarray()
        for product in (lambda made=made: made @ x, lambda made=made: x @ made):
            with pytest.raises(TypeError, match=r"no matrix yet: call it at a point, as in J\(x\)"):
                product()
        assert not hasattr(made, "unheard_of")
