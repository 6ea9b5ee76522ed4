"""SciPy's linear algebra: constant systems are linear maps, factors only solve, names come back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.linalg import solve_banded

import sparsesolve as ss
from sparsesolve.errors import TraceError

A = 4.0 * np.eye(3) + np.array([[0.0, 1, 2], [0, 0, 3], [0, 0, 0]])
X = np.array([0.3, -0.2, 0.7])


def test_the_solution_of_a_constant_system_is_a_constant_map():
    J = ss.jacobian(lambda x: scipy.linalg.solve(A, x), X)
    assert J.nnz == 6  # the inverse of a triangle is one
    np.testing.assert_allclose(J(X).toarray(), np.linalg.inv(A), atol=1e-15)
    H = ss.hessian(lambda x: np.sum(spl.splu(sp.csc_array(A)).solve(x)), X)
    assert H.nnz == 0


@pytest.mark.slow
def test_large_systems_stay_calls():
    n = 1500
    matrix = sp.diags_array([[-1.0] * (n - 1), [3.0] * n], offsets=[-1, 0], format="csc")
    lu = spl.splu(matrix)
    J = ss.jacobian(lambda x: lu.solve(x * x), np.ones(n))
    v = np.linspace(0.0, 1.0, n)
    np.testing.assert_allclose(J.jvp(2.0 * np.ones(n), v), lu.solve(4.0 * v), rtol=1e-12)
    np.testing.assert_allclose(J.vjp(2.0 * np.ones(n), v), 4.0 * lu.solve(v, "T"), rtol=1e-12)


def test_names_imported_before_are_put_back():
    code, solve = solve_banded.__code__, spl.SuperLU.solve
    ss.jacobian(lambda x: solve_banded((0, 0), np.ones((1, 3)), x), X)
    assert solve_banded.__code__ is code
    assert spl.SuperLU.solve is solve
    with pytest.raises(ValueError, match="no value"):
        ss.jacobian(_fails, X)
    assert solve_banded.__code__ is code


def _fails(x):
    raise ValueError("no value")


def test_other_threads_get_numbers_meanwhile():
    found = []

    def other():
        found.append(scipy.linalg.solve(A, np.ones(3)))
        found.append(spl.splu(sp.csc_array(A)).solve(np.ones(3)))

    def f(x):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return scipy.linalg.solve(A, x)

    ss.jacobian(f, X, check=False)
    for solution in found:
        np.testing.assert_allclose(solution, np.linalg.solve(A, np.ones(3)), rtol=1e-14)


REFUSED = {
    "factors of a traced matrix": lambda x: scipy.linalg.lu_factor(A + np.diag(x))[0] @ x,
    "traced bands": lambda x: scipy.linalg.cholesky_banded(np.stack([0.1 * x, x + 5])),
    "an unknown structure": lambda x: scipy.linalg.solve(A, x, assume_a="tridiagonal"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    REFUSED[name](X)
    with pytest.raises(TraceError, match=r"test_factorizations\.py:\d+"):
        ss.jacobian(REFUSED[name], X)


def test_a_trace_in_a_trace():
    lu = spl.splu(sp.csc_array(A))
    solve = spl.SuperLU.solve

    def f(x):
        inner = ss.jacobian(lambda y: lu.solve(y) + scipy.linalg.solve(A, y), np.ones(3))
        return scipy.linalg.solve(A, x) + inner(np.ones(3)).toarray() @ x + lu.solve(x)

    J = ss.jacobian(f, X)
    np.testing.assert_allclose(J(X).toarray(), 4.0 * np.linalg.inv(A), atol=1e-15)
    assert spl.SuperLU.solve is solve
