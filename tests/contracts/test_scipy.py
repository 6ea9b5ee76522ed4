"""What the scipy adapters rely on, or work around, in scipy: fails when upstream changes."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.sparse as sp
from scipy.integrate import BDF, Radau
from scipy.optimize import LinearConstraint, NonlinearConstraint
from scipy.sparse.linalg import splu

START = np.array([-1.2, 1.0, 0.5])


def f(x):
    return float(np.sum(x**4) + x[0] * x[1])


def g(x):
    return 4.0 * x**3 + np.array([x[1], x[0], 0.0])


def h(x):
    cross = sp.csr_array(([1.0, 1.0], ([0, 1], [1, 0])), shape=(3, 3))
    return sp.csr_array(sp.diags_array(12.0 * x**2) + cross)


@pytest.mark.parametrize("method", ["trust-ncg", "trust-krylov", "trust-exact", "dogleg"])
def test_sparse_hessians_break_these_methods(method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
        with pytest.raises((ValueError, TypeError, AttributeError)):
            scipy.optimize.minimize(f, START, jac=g, hess=h, method=method)


@pytest.mark.parametrize("method", ["trust-constr", "Newton-CG"])
def test_sparse_hessians_are_taken_by_these(method: str) -> None:
    assert scipy.optimize.minimize(f, START, jac=g, hess=h, method=method).success


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "CG", "BFGS", "SLSQP"])
def test_hessians_are_ignored_with_a_warning(method: str) -> None:
    with pytest.warns(RuntimeWarning, match="does not use Hessian"):
        scipy.optimize.minimize(f, START, jac=g, hess=h, method=method)


def test_slsqp_takes_no_sparse_rows_and_tells_its_multipliers() -> None:
    rows = {
        "type": "eq",
        "fun": lambda x: x[:1] + x[1:2],
        "jac": lambda x: sp.csr_array([[1, 1, 0]]),
    }
    with pytest.raises((ValueError, TypeError)):
        scipy.optimize.minimize(f, START, jac=g, constraints=[rows], method="SLSQP")
    rows["jac"] = lambda x: np.array([[1.0, 1.0, 0.0]])
    raw = scipy.optimize.minimize(f, START, jac=g, constraints=[rows], method="SLSQP")
    # its sign: gradient f = J' multipliers
    assert np.allclose(g(raw.x)[:2], raw.multipliers, atol=1e-3)


def test_trust_constr_shares_the_data_it_is_given() -> None:
    """A reused buffer would change the Jacobian of the step before: hence fresh data."""
    handed = []

    def jac(x):
        handed.append(sp.csr_array(np.array([[2.0 * x[0], 1.0, 0.0]])))
        return handed[-1]

    constraint = NonlinearConstraint(
        lambda x: x[:1] ** 2 + x[1], 1.0, 1.0, jac=jac, hess=lambda x, v: sp.csr_array((3, 3))
    )
    raw = scipy.optimize.minimize(
        f, START, jac=g, hess=h, constraints=constraint, method="trust-constr"
    )
    assert any(np.shares_memory(raw.jac[0].data, J.data) for J in handed)


def test_trust_constr_wants_one_kind_of_matrix() -> None:
    both = [
        LinearConstraint(np.ones((1, 3)), 0, 1),
        LinearConstraint(sp.csr_array(np.ones((1, 3))), 0, 1),
    ]
    with pytest.raises(ValueError, match="same kind"):
        scipy.optimize.minimize(f, START, jac=g, hess=h, constraints=both, method="trust-constr")


def test_trust_constr_orders_multipliers_by_constraint_then_bounds() -> None:
    raw = scipy.optimize.minimize(
        f,
        START,
        jac=g,
        hess=h,
        method="trust-constr",
        constraints=[
            LinearConstraint(sp.csr_array(np.ones((1, 3))), 1.0, 1.0),
            LinearConstraint(sp.csr_array([[0.0, 1.0, -1.0]]), -np.inf, -0.5),
        ],
        bounds=scipy.optimize.Bounds(np.full(3, -2.0), np.full(3, 2.0)),
    )
    assert [v.size for v in raw.v] == [1, 1, 3]
    left = g(raw.x) + raw.v[0] + np.array([0.0, 1.0, -1.0]) * raw.v[1] + raw.v[2]
    assert np.abs(left).max() < 1e-6  # L = f + v'c


def test_trust_constr_factorizes_dependent_rows_densely() -> None:
    twice = LinearConstraint(sp.csr_array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]]), 0.0, 0.0)
    with pytest.warns(UserWarning, match="Singular Jacobian matrix"):
        scipy.optimize.minimize(
            f,
            START,
            jac=g,
            hess=h,
            constraints=twice,
            method="trust-constr",
            options={"maxiter": 3},
        )


def test_unknown_options_only_warn() -> None:
    with pytest.warns(scipy.optimize.OptimizeWarning, match="Unknown solver options"):
        scipy.optimize.minimize(f, START, jac=g, method="BFGS", options={"nope": 1})


def test_root_is_dense_only() -> None:
    F = lambda x: x**2 - 1.0
    J = lambda x: sp.csr_array(sp.diags_array(2.0 * x))
    for method in ("hybr", "lm"):
        with pytest.raises((TypeError, ValueError)):
            scipy.optimize.root(F, START, jac=J, method=method)


def test_least_squares_takes_csr_but_not_with_exact_or_lm() -> None:
    F = lambda x: x**2 - 1.0
    J = lambda x: sp.csr_array(sp.diags_array(2.0 * x))
    assert scipy.optimize.least_squares(F, START, jac=J).success
    with pytest.raises(ValueError, match="exact"):
        scipy.optimize.least_squares(F, START, jac=J, tr_solver="exact")
    with pytest.raises(ValueError, match="lm"):
        scipy.optimize.least_squares(F, START, jac=J, method="lm")
    with pytest.raises(ValueError, match="strictly less"):
        scipy.optimize.least_squares(F, START, jac=J, bounds=([-2, 1, -2], [2, 1, 2]))


@pytest.mark.parametrize("method", [BDF, Radau])
def test_implicit_methods_keep_lu_identity_and_differences(method) -> None:
    """The attributes that the subclasses replace, and the only ways they are used."""
    jac = lambda t, y: sp.csc_array(sp.diags_array(-np.arange(1.0, 4.0)))
    solver = method(lambda t, y: -np.arange(1.0, 4.0) * y, 0.0, np.ones(3), 1.0, jac=jac)
    assert callable(solver.lu)
    assert callable(solver.solve_lu)
    assert sp.issparse(solver.J)
    source = inspect.getsource(method._step_impl)
    uses = [line.strip() for line in source.splitlines() if "self.I" in line]
    allowed = ("self.lu(self.I - c * J)", "MU_REAL / h * self.I - J", "MU_COMPLEX / h * self.I - J")
    assert uses
    assert all(any(a in use for a in allowed) for use in uses)
    if method is BDF:
        assert solver.D.shape[0] == 8


def test_lsoda_takes_bands_but_no_sparse_matrix() -> None:
    rates = -np.array([1.0, 1e3, 1e4])
    rhs = lambda t, y: rates * y
    sparse = lambda t, y: sp.csc_array(np.diag(rates))
    with pytest.raises(ValueError, match="setting an array element"):
        scipy.integrate.solve_ivp(rhs, (0, 1), np.ones(3), method="LSODA", jac=sparse)
    banded = lambda t, y: rates[None, :]
    run = scipy.integrate.solve_ivp(
        rhs, (0, 1), np.ones(3), method="LSODA", jac=banded, lband=0, uband=0
    )
    assert run.success


def test_superlu_tells_its_column_order() -> None:
    A = sp.csc_array(np.array([[4.0, 1, 0, 1], [1, 4, 1, 0], [0, 1, 4, 1], [1, 0, 1, 4]]))
    lu = splu(A, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    order = np.argsort(lu.perm_c)
    again = splu(
        sp.csc_array(A[:, order][order]), permc_spec="NATURAL", options={"SymmetricMode": True}
    )
    assert again.nnz == lu.nnz
    with pytest.raises(RuntimeError, match="singular"):
        splu(sp.csc_array((3, 3)))


def test_trust_constr_tests_its_state_after_the_callback() -> None:
    """And stops with a high barrier: hence the callback raises the optimality it tests."""

    def solve(callback):
        return scipy.optimize.minimize(
            lambda x: float(np.sum((x - 3.0) ** 2)),
            np.zeros(2),
            jac=lambda x: 2.0 * (x - 3.0),
            hess=lambda x: sp.csr_array(2.0 * sp.eye_array(2)),
            bounds=scipy.optimize.Bounds(np.zeros(2), np.ones(2)),
            method="trust-constr",
            callback=callback,
        )

    def hold(x, state):
        if state.barrier_parameter > 1e-8:
            state.optimality = max(state.optimality, state.barrier_parameter)
        return False

    assert solve(lambda x, state: False).status == 1
    held = solve(hold)
    assert held.status in (1, 2)
    assert held.barrier_parameter <= 1e-8
    assert np.allclose(held.x, 1.0, atol=1e-6)
