"""scipy's minimizers: every method, and everything that bites, as regression tests."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.adapters.reduction import Reduction
from sparsesolve.adapters.scipy_minimize import SCIPY_METHODS
from sparsesolve.adapters.trust_constr import constraint_blocks, scipy_constraints
from sparsesolve.front import minimize
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status

UNCONSTRAINED = [m for m in SCIPY_METHODS if m != "dogleg"]
START = np.array([-1.2, 1.0, -1.2, 1.0])


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x):
    return np.sum((x - 3.0) ** 2 + 0.1 * (x - 3.0) ** 4) + 0.5 * np.sum(x[1:] * x[:-1])


def hs71() -> Problem:
    return Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        bounds=(1.0, 5.0),
        constraints=[
            Constraint(lambda x: np.prod(x), 25.0),
            Constraint(lambda x: np.sum(x**2), 40.0, 40.0),
        ],
    )


def mixed() -> Problem:
    """Every kind of row: equal, upper, lower, both, free; linear and not; a fixed variable."""
    rows = [
        Constraint(lambda x: x[0] + x[1], 2.0, 2.0, name="linear equal"),
        Constraint(lambda x: x[1] * x[2] + x[4], 1.0, 1.0, name="equal"),
        Constraint(lambda x: x[1:4] ** 2, [-1.0, 0.5, -np.inf], [3.0, np.inf, np.inf]),
        Constraint(lambda x: x[2] - x[3], -0.5, 0.25, name="linear between"),
    ]
    return Problem(
        lambda x: np.sum((x - 1.3) ** 4 + x**2) + x[0] * x[4],
        np.array([1.0, 1.0, 0.8, 0.7, 0.5]),
        bounds=([-np.inf, -2.0, 0.0, 0.0, 0.5], [np.inf, 2.0, np.inf, 5.0, 0.5]),
        constraints=rows,
    )


@pytest.mark.parametrize("method", UNCONSTRAINED)
def test_every_method_minimizes_with_exact_derivatives(method: str) -> None:
    result = minimize(bowl, np.zeros(6), solver=method)
    assert result.success
    assert result.solver == method
    assert result.cost == pytest.approx(15.8648265005, rel=1e-6)
    assert result.optimality < 1e-2
    assert result.counts.gradient >= result.iterations // 2 > 0


def test_dogleg_needs_a_convex_function_and_fails_as_a_result() -> None:
    assert minimize(bowl, np.zeros(6), solver="dogleg").success
    failed = minimize(rosenbrock, START * 0.5, solver="dogleg")
    assert failed.status is Status.FAILED
    assert "psd" in failed.message


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-exact"])
def test_second_order_methods_evaluate_each_hessian_once(method: str) -> None:
    result = minimize(rosenbrock, START, solver=method)
    assert result.success
    # products at one point share one Hessian
    assert 0 < result.counts.hessian <= result.iterations + 1


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "BFGS", "CG", "SLSQP"])
def test_first_order_methods_are_given_no_hessian(method: str) -> None:
    result = minimize(rosenbrock, START, solver=method)  # a RuntimeWarning would fail the test
    assert result.counts.hessian == 0


@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
def test_hs71_with_multipliers_in_our_signs(method: str) -> None:
    result = minimize(hs71(), solver=method)
    assert result.success
    # scipy's own trust-constr stops at 17.01403, with its barrier still high
    assert result.fun == pytest.approx(17.0140172892, rel=1e-7)
    assert np.allclose(result.multipliers, [-0.5522937, 0.1614686], atol=1e-4)
    lower, upper = result.bound_multipliers
    assert lower[0] == pytest.approx(1.08787, rel=1e-3)
    assert min(lower.min(), upper.min()) >= 0.0
    assert result.optimality < 1e-4


def test_mixed_rows_agree_between_the_methods() -> None:
    first = minimize(mixed(), solver="SLSQP", options={"ftol": 1e-12})
    second = minimize(mixed(), solver="trust-constr", tol=1e-10)
    assert first.success
    assert second.success
    assert np.allclose(first.x, second.x, atol=1e-4)
    assert np.allclose(first.multipliers, second.multipliers, atol=1e-3)
    assert first.constraint_violation < 1e-7
    assert first.x[4] == 0.5
    assert second.x[4] == 0.5


@pytest.mark.ipopt
def test_mixed_rows_agree_with_ipopt() -> None:
    first = minimize(mixed(), solver="ipopt")
    second = minimize(mixed(), solver="SLSQP", options={"ftol": 1e-12})
    assert np.allclose(first.x, second.x, atol=1e-5)
    assert np.allclose(first.multipliers, second.multipliers, atol=1e-4)
    for mine, theirs in zip(first.bound_multipliers, second.bound_multipliers, strict=True):
        assert np.allclose(mine, theirs, atol=1e-4)


# ----- trust-constr -----


def test_blocks_are_pure_and_linear_rows_apart() -> None:
    reduction = Reduction(Evaluation(mixed()))
    blocks = constraint_blocks(reduction)
    found = [(b.rows.tolist(), b.linear) for b in blocks]
    # row 4 (free) is in none; rows with two limits are in an upper and a lower block
    assert found == [
        ([0], True),
        ([1], False),
        ([5], True),
        ([2], False),
        ([5], True),
        ([2, 3], False),
    ]
    for block in blocks:
        equal = np.array_equal(block.lower, block.upper)
        assert equal or np.all(np.isinf(block.lower)) or np.all(np.isinf(block.upper))


def test_linear_rows_are_linear_constraints_with_sparse_matrices() -> None:
    reduction = Reduction(Evaluation(mixed()))
    z0 = reduction.restrict(reduction.base)
    made = scipy_constraints(reduction, z0)
    kinds = [(b.linear, type(c)) for b, c in made]
    assert all((kind is scipy.optimize.LinearConstraint) == linear for linear, kind in kinds)
    for block, constraint in made:
        J = constraint.A if block.linear else constraint.jac(z0)
        assert isinstance(J, sp.csr_array)
        assert J.shape == (block.rows.size, 4)  # the fixed variable is gone


def test_constraint_jacobians_have_fresh_data_and_symmetric_hessians() -> None:
    reduction = Reduction(Evaluation(mixed()))
    z0 = reduction.restrict(reduction.base)
    for block, constraint in scipy_constraints(reduction, z0):
        if block.linear:
            continue
        first, again, moved = constraint.jac(z0), constraint.jac(z0), constraint.jac(z0 + 0.1)
        assert not np.shares_memory(first.data, again.data)
        assert not np.shares_memory(first.data, moved.data)
        assert first.data.flags.writeable
        H = constraint.hess(z0, np.ones(block.rows.size))
        assert isinstance(H, sp.csr_array)
        assert abs(H - H.T).max() == 0.0


def test_constraint_hessians_sum_to_that_of_the_lagrangian(rng: np.random.Generator) -> None:
    problem = mixed()
    reduction = Reduction(Evaluation(problem))
    z0 = reduction.restrict(reduction.base)
    weights, total = np.zeros(problem.m), np.zeros((4, 4))
    for block, constraint in scipy_constraints(reduction, z0):
        if not block.linear:
            v = rng.standard_normal(block.rows.size)
            weights[block.rows] += v
            total += constraint.hess(z0, v).toarray()
    whole = problem.lagrangian_hessian(reduction.expand(z0), weights, 0.0).toarray()
    assert np.allclose(total, whole[:4, :4], rtol=1e-12)


def test_no_dense_quasi_newton_matrix_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("a dense BFGS matrix")

    monkeypatch.setattr(scipy.optimize.BFGS, "initialize", refuse)
    assert minimize(hs71(), solver="trust-constr").success


def test_repeated_linear_rows_are_dropped() -> None:
    rows = lambda x: np.array([x[0] + x[1] - x[2], 2.0 * (x[0] + x[1] - x[2]), x[1] - x[2]])
    problem = Problem(
        lambda x: np.sum((x - 1.0) ** 4), np.zeros(4), constraints=Constraint(rows, 0.0, 0.0)
    )
    blocks = constraint_blocks(Reduction(Evaluation(problem)))
    assert [b.rows.tolist() for b in blocks] == [[0, 2]]
    result = minimize(problem, solver="trust-constr")  # scipy's warning of a dense SVD would fail
    assert result.success
    assert result.constraint_violation < 1e-8
    # two rows that contradict each other are both kept
    contrary = Problem(None, np.zeros(4), constraints=Constraint(rows, [0, 1, 0], [0, 1, 0]))
    assert constraint_blocks(Reduction(Evaluation(contrary)))[0].rows.size == 3


def test_structurally_dependent_rows_of_a_large_problem_are_refused() -> None:
    problem = Problem(
        lambda x: np.sum(x**2),
        np.ones(12_000),
        constraints=Constraint(lambda x: np.stack([x[0] ** 2, np.exp(x[0])]), 1.0, 1.0),
    )
    with pytest.raises(ValueError, match=r"2 rows have structural rank 1.*solver='ipopt'"):
        minimize(problem, solver="trust-constr")


def test_infeasible_is_a_status() -> None:
    problem = Problem(
        lambda x: np.sum(x**2), [1.0, 0.5], constraints=Constraint(lambda x: np.sum(x**2), None, -1)
    )
    result = minimize(problem, solver="trust-constr", options={"maxiter": 400})
    assert result.status in (Status.INFEASIBLE, Status.ITERATION_LIMIT)
    assert result.constraint_violation >= 1.0


def test_luksan_vlcek_known_answer() -> None:
    def objective(x):
        return np.sum(100.0 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1.0) ** 2)

    def rows(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        bend = np.sin(b - c) * np.sin(b + c)
        return 3.0 * b**3 + 2.0 * c - 5.0 + bend + 4.0 * b - a * np.exp(a - b) - 3.0

    start = np.where(np.arange(500) % 2 == 0, -1.2, 1.0)
    problem = Problem(objective, start, constraints=Constraint(rows, 0.0, 0.0))
    result = minimize(problem, solver="trust-constr")
    assert result.fun == pytest.approx(6.2324586324, rel=1e-10)
    # a lower triangle, or a reused buffer of J, would show here as more iterations
    assert result.iterations <= 15


# ----- values that are not finite -----


@pytest.mark.parametrize("method", SCIPY_METHODS)
def test_nan_in_the_objective_is_stepped_back_from(method: str) -> None:
    f = lambda x: np.sum(x - np.log(x)) + (x[0] - 3.0) ** 2
    result = minimize(f, [20.0, 1e-3], solver=method)
    assert result.success
    assert np.allclose(result.x, [2.6861407, 1.0], atol=2e-3)


def test_an_objective_without_value_at_the_start_is_a_status() -> None:
    with np.errstate(invalid="ignore"):
        result = minimize(lambda x: np.sum(np.log(x)), [-1.0, 2.0], solver="L-BFGS-B")
    assert result.status is Status.EVALUATION_ERROR
    assert "The objective is nan" in result.message


# ----- limits, options -----


def test_slsqp_refuses_what_would_not_fit() -> None:
    big = Problem(lambda x: np.sum(x**2), np.ones(8000))
    with pytest.raises(ValueError, match="dense matrices: n = 8000 needs about 5 GB"):
        minimize(big, solver="SLSQP")
    with pytest.raises(ValueError, match="dense"):
        minimize(Problem(lambda x: np.sum(x**2), np.ones(20_000)), solver="trust-exact")


def test_methods_refuse_what_they_would_ignore() -> None:
    with pytest.raises(ValueError, match="L-BFGS-B takes no constraints"):
        minimize(hs71(), solver="l-bfgs-b")
    with pytest.raises(ValueError, match="BFGS takes no bounds, and 2 variables"):
        minimize(rosenbrock, np.zeros(2), bounds=(0.0, 1.0), solver="BFGS")
    with pytest.raises(ValueError, match=r"must be 'auto', 'ipopt', .*'Powell'"):
        minimize(rosenbrock, np.zeros(2), solver="Powell")


def test_unknown_options_are_errors() -> None:
    with pytest.raises(ValueError, match=r"BFGS refused an option.*max_iter"):
        minimize(rosenbrock, START, solver="BFGS", options={"max_iter": 3})


def test_iteration_limit_is_a_status() -> None:
    for method in ("L-BFGS-B", "trust-constr", "trust-krylov", "SLSQP", "TNC"):
        option = "maxfun" if method == "TNC" else "maxiter"
        result = minimize(rosenbrock, START, solver=method, options={option: 3})
        assert result.status is Status.ITERATION_LIMIT, method


# ----- fixed variables -----


@pytest.mark.parametrize("method", ["TNC", "SLSQP", "L-BFGS-B", "trust-constr", "BFGS"])
def test_fixed_variables_and_a_callback(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    lower, upper = np.full(4, -np.inf), np.full(4, np.inf)
    lower[1] = upper[1] = 0.5
    problem = Problem(rosenbrock, START, bounds=(lower, upper))
    seen = []
    result = minimize(problem, solver=method, callback=seen.append)
    assert result.success
    assert capsys.readouterr().out == ""  # scipy prints the callback here
    assert all(s.x.shape == (4,) and s.x[1] == 0.5 for s in seen)
    assert result.x[1] == 0.5
    left = problem.gradient(result.x)
    lower_multiplier, upper_multiplier = result.bound_multipliers
    assert lower_multiplier[1] - upper_multiplier[1] == pytest.approx(left[1])
    assert result.optimality < 1e-2


def test_all_variables_fixed() -> None:
    problem = Problem(
        rosenbrock, START, bounds=(1.0, 1.0), constraints=Constraint(lambda x: np.sum(x), 4, 4)
    )
    result = minimize(problem, solver="trust-constr")
    assert result.success
    assert result.fun == 0.0
    wrong = Problem(
        None, START, bounds=(1.0, 1.0), constraints=Constraint(lambda x: np.sum(x), 5, 5)
    )
    assert minimize(wrong).status is Status.INFEASIBLE


# ----- evaluations, callbacks -----


def test_values_and_gradients_at_one_point_are_computed_once() -> None:
    result = minimize(rosenbrock, START, solver="L-BFGS-B")
    assert result.counts.function == result.counts.gradient
    problem = hs71()
    evaluation = Evaluation(problem)
    x = problem.x0
    for _ in range(3):
        evaluation.objective(x.copy())
        evaluation.gradient(x.copy())
        evaluation.jacobian_values(x.copy())
        evaluation.hessian_values(x.copy(), np.ones(2), 1.0)
    c = evaluation.counts
    assert (c.function, c.gradient, c.jacobian, c.hessian) == (1, 1, 1, 1)
    evaluation.hessian_values(x, np.zeros(2), 1.0)  # other multipliers at the same point
    assert evaluation.counts.hessian == 2
    evaluation.objective(x + 1.0)
    evaluation.objective(x)  # the point before is still known
    assert evaluation.counts.function == 2


def test_shared_values_cannot_be_overwritten() -> None:
    evaluation = Evaluation(hs71())
    with pytest.raises(ValueError, match="read-only"):
        evaluation.gradient(np.ones(4))[0] = 7.0


@pytest.mark.parametrize("method", [*UNCONSTRAINED])
def test_every_method_can_be_stopped(method: str) -> None:
    seen = []

    def third(state):
        seen.append(state)
        return len(seen) == 3

    result = minimize(rosenbrock, START, solver=method, callback=third)
    assert result.status is Status.STOPPED
    assert len(seen) == 3
    assert not result.success
    assert result.fun == min(s.fun for s in seen)


@pytest.mark.parametrize("method", ["trust-constr", "L-BFGS-B", "TNC", "trust-krylov", "SLSQP"])
def test_ctrl_c_returns_the_best_point(method: str) -> None:
    seen = []

    def interrupt(state):
        seen.append(state)
        if len(seen) == 4:
            raise KeyboardInterrupt

    result = minimize(rosenbrock, START, solver=method, callback=interrupt)
    assert result.status is Status.INTERRUPTED
    assert result.fun == min(s.fun for s in seen)


@pytest.mark.parametrize("method", ["trust-constr", "L-BFGS-B", "TNC", "SLSQP"])
@pytest.mark.parametrize("error", [KeyError, RuntimeError])
def test_an_exception_of_the_callback_comes_out(method: str, error: type[Exception]) -> None:
    def fail(state):
        raise error("mine")

    with pytest.raises(error, match="mine"):
        minimize(rosenbrock, START, solver=method, callback=fail)


def test_warm_start_uses_the_point() -> None:
    first = minimize(rosenbrock, START, solver="trust-krylov")
    again = minimize(rosenbrock, START, solver="trust-krylov", warm_start=first)
    assert again.iterations <= 1


# ----- by hand -----


def test_to_scipy_gives_arguments_of_minimize() -> None:
    for solver in ("trust-constr", "SLSQP"):
        raw = scipy.optimize.minimize(**hs71().to_scipy(solver=solver))
        assert raw.fun == pytest.approx(17.0140172892, rel=2e-6)
    for solver in ("trust-ncg", "trust-exact", "Newton-CG", "BFGS"):
        arguments = Problem(bowl, np.zeros(3)).to_scipy(solver=solver)
        assert scipy.optimize.minimize(**arguments).success
    with pytest.raises(ValueError, match="1 variables are fixed"):
        mixed().to_scipy()


@pytest.mark.parametrize("method", ["trust-constr", "Newton-CG"])
def test_gradient_and_hessian_objects_straight_into_scipy(method: str) -> None:
    raw = scipy.optimize.minimize(
        rosenbrock,
        START,
        jac=ss.gradient(rosenbrock, START),
        hess=ss.hessian(rosenbrock, START),
        method=method,
    )
    assert np.allclose(raw.x, 1.0, atol=3e-3)


def test_jacobian_objects_straight_into_scipy() -> None:
    rows = lambda x: x[1:] * x[:-1] - 0.5
    J = ss.jacobian(rows, START)
    H = ss.LagrangianHessian(None, [rows], START)
    constraint = scipy.optimize.NonlinearConstraint(
        rows, 0.0, 0.0, jac=J, hess=lambda x, v: H(x, v)
    )
    raw = scipy.optimize.minimize(
        lambda x: np.sum(x**2),
        np.ones(4),
        jac=lambda x: 2.0 * x,
        hess=lambda x: sp.csr_array(2.0 * sp.eye_array(4)),
        constraints=constraint,
        method="trust-constr",
    )
    assert raw.success
    assert np.allclose(rows(raw.x), 0.0, atol=1e-8)
