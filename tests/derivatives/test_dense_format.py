"""Derivatives as plain arrays, for callers that take no sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from scipy.integrate import odeint, solve_ivp

import sparsesolve as ss

METHODS: tuple[Any, ...] = ("compiled", "interpreted", "colored")


def chain(x: Any) -> Any:
    return x**3 - 0.5 * np.roll(x, 1) - 1.0


@pytest.mark.every(2)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 33])
def test_the_same_numbers_as_sparse(method: Any, n: int) -> None:
    x = np.linspace(0.5, 1.5, n)
    dense = ss.jacobian(chain, np.ones(n), format="dense", method=method)
    sparse = ss.jacobian(chain, np.ones(n), method=method)
    first = dense(x)
    assert type(first) is np.ndarray
    assert first.shape == (n, n)
    np.testing.assert_array_equal(first, sparse(x).toarray())
    second = dense(2.0 * x)
    np.testing.assert_array_equal(first, sparse(x).toarray())  # fresh at every call
    np.testing.assert_array_equal(second, sparse(2.0 * x).toarray())
    H = ss.hessian(lambda x: np.sum(chain(x) ** 2), np.ones(n), format="dense", method=method)
    expected = ss.hessian(lambda x: np.sum(chain(x) ** 2), np.ones(n), method=method)(x).toarray()
    np.testing.assert_allclose(H(x), expected)


def test_branches_and_differences() -> None:
    J = ss.jacobian(lambda x: x**2 if x[0] > 0 else x[::-1] * x[0], np.ones(3), format="dense")
    np.testing.assert_array_equal(J(np.array([2.0, 1.0, 3.0])), np.diag([4.0, 2.0, 6.0]))
    np.testing.assert_array_equal(
        J(np.array([-2.0, 1.0, 3.0])), [[3, 0, -2], [1, -2, 0], [-4, 0, 0]]
    )
    D = ss.jacobian_by_differences(chain, np.ones(4), format="dense")
    np.testing.assert_allclose(D(np.ones(4)), ss.jacobian(chain, np.ones(4))(np.ones(4)).toarray())


def test_solvers_of_scipy_that_want_arrays() -> None:
    J = ss.jacobian(chain, np.ones(5), format="dense")
    for method in ("hybr", "lm"):
        found = scipy.optimize.root(chain, np.ones(5), jac=J, method=method)
        np.testing.assert_allclose(chain(found.x), 0.0, atol=1e-8)
    np.testing.assert_allclose(
        chain(scipy.optimize.fsolve(chain, np.ones(5), fprime=J)), 0.0, atol=1e-12
    )
    fit = scipy.optimize.least_squares(chain, np.ones(5), jac=J, method="lm")
    assert fit.cost < 1e-20


def test_integrators_of_scipy_that_want_arrays() -> None:
    def rhs(t: Any, y: Any) -> Any:
        return np.array([-1e3 * (y[0] - np.cos(t)), y[0] - y[1]])

    J = ss.jacobian(rhs, 0.0, np.ones(2), argnum=1, format="dense")
    run = solve_ivp(rhs, (0.0, 1.0), [0.0, 1.0], method="LSODA", jac=J, rtol=1e-8, atol=1e-10)
    assert run.success
    path = odeint(rhs, [0.0, 1.0], [0.0, 1.0], Dfun=J, tfirst=True, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(path[-1], run.y[:, -1], rtol=1e-5)


def test_a_function_that_returns_a_number() -> None:
    def f(x: Any) -> Any:
        return np.sum((x - 2.0) ** 4)

    flat = ss.jacobian(f, np.zeros(3), format="dense")
    assert flat(np.zeros(3)).shape == (3,)
    found = scipy.optimize.minimize(f, np.zeros(3), jac=flat, method="BFGS")
    np.testing.assert_allclose(found.x, 2.0, atol=0.1)
    sparse = ss.jacobian(f, np.zeros(3))
    for method in ("BFGS", "L-BFGS-B", "trust-constr", "SLSQP"):
        with pytest.raises(TypeError, match=r"Use sparsesolve\.gradient"):
            scipy.optimize.minimize(f, np.zeros(3), jac=sparse, method=method)
    row = sparse(np.zeros(3))
    assert isinstance(row, sp.csr_array)
    np.testing.assert_array_equal(row.toarray(), [[-32.0] * 3])
    np.testing.assert_array_equal(row @ np.ones(3), [-96.0])
    np.testing.assert_array_equal((2.0 * row + row).toarray(), [[-96.0] * 3])
    assert sp.vstack([row, row]).shape == (2, 3)


def test_unknown_formats() -> None:
    with pytest.raises(ValueError, match="csr, csc, dense"):
        ss.jacobian(chain, np.ones(3), format="array")  # type: ignore[arg-type]
