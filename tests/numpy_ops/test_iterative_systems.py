"""Iterative solvers inside of a function: their values, and the derivatives of the solution."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from branch_references import differences
from scipy.sparse.linalg import LinearOperator, bicgstab, cg, gmres, minres, spilu

import sparsesolve as ss
from sparsesolve.errors import TraceError

N = 6
SPARSE = sp.diags([-np.ones(N - 1), 2.5 * np.ones(N), -np.ones(N - 1)], [-1, 0, 1]).tocsr()
DENSE = SPARSE.toarray()
X = np.linspace(0.3, 1.0, N)
TIGHT = {"rtol": 1e-12}


def asked(x):
    solution, info = cg(SPARSE, np.sin(x), **TIGHT)
    if info != 0:
        raise RuntimeError("no convergence")
    return solution


def free_of_matrices(x):
    operator = LinearOperator((N, N), matvec=lambda v: SPARSE @ v + x * v)
    return gmres(operator, np.ones(N), **TIGHT)[0]


SOLVERS = {
    "asked": asked,
    "dense": lambda x: minres(DENSE, x**2, **TIGHT)[0],
    "traced": lambda x: bicgstab(DENSE + np.diag(x), x, **TIGHT)[0],
    "operator": lambda x: cg(LinearOperator((N, N), matvec=SPARSE.dot, dtype=float), x, **TIGHT)[0],
    "free of matrices": free_of_matrices,
    "prepared": lambda x: gmres(
        SPARSE, x, M=LinearOperator((N, N), spilu(SPARSE.tocsc()).solve), x0=X, **TIGHT
    )[0],
    "column": lambda x: cg(SPARSE, x[:, None] ** 2, **TIGHT)[0].ravel(),
}


QUICK = ("asked", "free of matrices", "prepared")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SOLVERS]
)
def test_values_and_slopes(name):
    f = SOLVERS[name]
    J = ss.jacobian(f, X)
    x = 1.1 * X
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-14)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


@pytest.mark.slow
def test_curvature():
    f = lambda x: np.sum(free_of_matrices(x) * np.arange(N))
    g, H = ss.gradient(f, X), ss.hessian(f, X)
    np.testing.assert_allclose(H(X).toarray(), differences(g, X), atol=1e-6)


def test_traced_entries_are_for_direct_solvers():
    with pytest.raises(TraceError, match=r"cg.*test_iterative_systems.*spsolve"):
        ss.jacobian(lambda x: cg(SPARSE + sp.diags(x), X)[0], X)
