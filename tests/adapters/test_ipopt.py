"""IPOPT: everything that bites when cyipopt is driven by hand, as regression tests."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from nonlinear_problems import hs71, luksan_vlcek

import sparsesolve.adapters.ipopt as adapter
from sparsesolve.adapters import ipopt_library
from sparsesolve.errors import SolverUnavailable
from sparsesolve.front import minimize
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status

needs_ipopt = pytest.mark.ipopt


@pytest.fixture(autouse=True)
def way(ipopt_way: str) -> str:
    return ipopt_way


@needs_ipopt
def test_hs71() -> None:
    result = minimize(hs71(), solver="ipopt")
    assert result.status is Status.SOLVED
    assert result.fun == pytest.approx(17.0140172892, rel=1e-8)
    assert result.solver_status == 0
    assert result.constraint_violation < 1e-6
    assert result.optimality < 1e-6


@needs_ipopt
def test_signs_of_all_multipliers() -> None:
    result = minimize(hs71(), solver="ipopt")
    lower, upper = result.bound_multipliers
    assert result.multipliers[0] < 0.0  # held at its lower limit
    assert lower.min() >= 0.0
    assert upper.min() >= 0.0
    assert lower[0] == pytest.approx(1.0878712, rel=1e-5)
    problem = hs71()
    left = (problem.gradient(result.x) + problem.jacobian(result.x).T @ result.multipliers) - (
        lower - upper
    )
    assert np.abs(left).max() < 1e-6


@needs_ipopt
def test_luksan_vlcek_known_answer_in_six_iterations() -> None:
    result = minimize(luksan_vlcek(500), solver="ipopt")
    assert result.fun == pytest.approx(6.2324586324, rel=1e-10)
    assert result.iterations == 6


@needs_ipopt
@pytest.mark.slow
def test_luksan_vlcek_large() -> None:
    result = minimize(luksan_vlcek(20_000), solver="ipopt")
    assert result.fun == pytest.approx(6.2324586324, rel=1e-10)
    assert result.iterations == 6


@needs_ipopt
def test_one_evaluation_serves_all_callbacks_at_one_point() -> None:
    result = minimize(luksan_vlcek(50), solver="ipopt")
    c, its = result.counts, result.iterations
    # one a trial point; every step was accepted at once, and the Hessian is not needed at the end
    assert (c.function, c.gradient, c.constraints, c.jacobian) == (its + 1,) * 4
    assert c.hessian == its


@needs_ipopt
def test_structures_are_cached_int32_and_lower() -> None:
    callbacks = adapter.Callbacks(Evaluation(hs71()))
    rows, columns = callbacks.hessianstructure()
    assert rows.dtype == columns.dtype == np.int32
    assert np.all(rows >= columns)
    assert callbacks.hessianstructure()[0] is rows
    assert callbacks.jacobianstructure()[1] is callbacks.jacobianstructure()[1]
    x = np.array([1.0, 5.0, 5.0, 1.0])
    assert callbacks.jacobian(x).shape == callbacks.jacobianstructure()[0].shape
    # obj_factor 0 occurs in the restoration phase
    assert callbacks.hessian(x, np.ones(2), 0.0).shape == rows.shape
    full = hs71().lagrangian_hessian(x, np.ones(2), 0.0).toarray()
    assert np.allclose(callbacks.hessian(x, np.ones(2), 0.0), full[rows, columns])


@needs_ipopt
@pytest.mark.cyipopt
def test_to_cyipopt_is_a_ready_problem() -> None:
    import cyipopt

    problem = hs71()
    nlp = problem.to_cyipopt()
    assert isinstance(nlp, cyipopt.Problem)
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    _, info = nlp.solve(problem.x0)
    assert info["status"] == 0
    assert info["obj_val"] == pytest.approx(17.0140172892, rel=1e-8)


@pytest.mark.every(2)
@needs_ipopt
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
def test_every_way_to_derivatives_gives_the_same_steps(method) -> None:
    result = minimize(hs71(method=method), solver="ipopt")
    assert result.fun == pytest.approx(17.0140172892, rel=1e-8)
    assert result.iterations == 8
    assert minimize(hs71(method=method, threads=2), solver="ipopt").iterations == 8


@needs_ipopt
def test_preparation_serves_every_solve() -> None:
    problem = hs71()
    first = minimize(problem, solver="ipopt")
    second = minimize(problem, solver="ipopt")
    assert first.seconds_preparation > 0.0
    assert second.seconds_preparation == 0.0
    assert np.array_equal(first.x, second.x)


@needs_ipopt
def test_warm_start_with_multipliers_needs_fewer_iterations() -> None:
    cold = minimize(hs71(), solver="ipopt")
    warm = minimize(hs71(), solver="ipopt", warm_start=cold)
    assert warm.success
    assert warm.iterations < cold.iterations / 2
    assert warm.fun == pytest.approx(cold.fun, rel=1e-7)
    with pytest.raises(ValueError, match="problem of 0 constraint rows, got one of 2"):
        minimize(lambda x: np.sum(x**2), np.ones(4), solver="ipopt", warm_start=cold)
    with pytest.raises(ValueError, match="problem of 2 variables, got one of 4"):
        minimize(lambda x: np.sum(x**2), np.ones(2), solver="ipopt", warm_start=cold)


@needs_ipopt
def test_the_result_says_which_library_and_how(way: str) -> None:
    result = minimize(hs71(), solver="ipopt")
    assert re.match(rf"IPOPT 3\.\d+\.\d+, (casadi|cyipopt) \S+, transport '{way}'", result.backend)
    assert result.backend in str(result)


@needs_ipopt
def test_constants_only_where_proven() -> None:
    def constants(objective, constraints) -> set[str]:
        problem = Problem(objective, np.ones(3), constraints=constraints)
        return set(adapter.proven_constants(Evaluation(problem)))

    linear_equal = Constraint(lambda x: x[1:] - x[:-1], 0.0, 0.0)
    linear_below = Constraint(lambda x: np.sum(x), None, 1.0)
    curved_equal = Constraint(lambda x: x[0] ** 2 + x[1], 1.0, 1.0)
    quadratic, general = (lambda x: np.sum(x**2)), (lambda x: np.sum(x**4))
    both = {"jac_c_constant", "jac_d_constant"}
    assert constants(quadratic, [linear_equal, linear_below]) == both | {"hessian_constant"}
    assert constants(general, [linear_equal, linear_below]) == both
    # a quadratic constraint has a constant Hessian, but its multiplier changes
    assert constants(quadratic, [curved_equal, linear_below]) == {"jac_d_constant"}
    assert constants(quadratic, []) == {"hessian_constant"}
    assert constants(general, []) == set()


@needs_ipopt
def test_a_quadratic_program_with_proven_constants() -> None:
    problem = Problem(
        lambda x: np.sum((x - 2.0) ** 2) + x[0] * x[1],
        np.zeros(3),
        bounds=(0.0, 1.5),
        constraints=[
            Constraint(lambda x: x[0] + x[1] + x[2], 3.0, 3.0),
            Constraint(lambda x: x[0] - x[2], None, 0.25),
        ],
    )
    fast = minimize(problem, solver="ipopt")
    off = {"jac_c_constant": "no", "jac_d_constant": "no", "hessian_constant": "no"}
    slow = minimize(problem, solver="ipopt", options=off)
    assert fast.success
    assert fast.counts.hessian < slow.counts.hessian
    assert fast.counts.jacobian < slow.counts.jacobian
    assert np.allclose(fast.x, slow.x, atol=1e-7)


@needs_ipopt
def test_nan_in_the_objective_cuts_the_step() -> None:
    result = minimize(
        lambda x: np.sum(x - np.log(x)) + (x[0] - 3.0) ** 2, [20.0, 1e-3], solver="ipopt"
    )
    assert result.success
    assert result.x[1] == pytest.approx(1.0, rel=1e-6)


@needs_ipopt
def test_nan_in_a_constraint_cuts_the_step() -> None:
    problem = Problem(
        lambda x: np.sum(x**2),
        [5.0, 5.0],
        constraints=Constraint(lambda x: np.sqrt(x - 1.0), 0.5),
    )
    result = minimize(problem, solver="ipopt")
    assert result.success
    assert np.allclose(result.x, 1.25, atol=1e-6)


@needs_ipopt
def test_nan_in_a_derivative_ends_with_a_status_that_names_it() -> None:
    problem = Problem(
        lambda x: np.sum(x**2),
        [0.0, 1.0],
        constraints=Constraint(lambda x: np.sqrt(x), None, 0.5),  # infinite slope at 0
    )
    result = minimize(problem, solver="ipopt")
    assert result.status is Status.EVALUATION_ERROR
    assert "The Jacobian is inf at row 0, column 0." in result.message
    with np.errstate(invalid="ignore"):  # the user's own function warns where it is traced
        start = minimize(lambda x: np.sum(np.log(x)), [-1.0, 1.0], solver="ipopt")
    assert start.status is Status.EVALUATION_ERROR
    assert "The objective is nan" in start.message


@needs_ipopt
def test_failures_are_results() -> None:
    few = minimize(hs71(), solver="ipopt", options={"max_iter": 2})
    assert few.status is Status.ITERATION_LIMIT
    impossible = Problem(
        lambda x: np.sum(x**2), [1.0, 1.0], constraints=Constraint(lambda x: np.sum(x**2), -2, -1)
    )
    assert minimize(impossible, solver="ipopt").status is Status.INFEASIBLE
    # more equations than variables
    over = Problem(None, [1.0], constraints=Constraint(lambda x: np.array([x[0], x[0] ** 2]), 1, 1))
    assert minimize(over, solver="ipopt").status in (Status.SOLVED, Status.FAILED)
    unbounded = minimize(lambda x: np.sum(x), [1.0, 1.0], solver="ipopt")
    assert unbounded.status is Status.UNBOUNDED


@needs_ipopt
def test_callback_sees_every_iteration_and_may_stop() -> None:
    seen = []
    full = minimize(hs71(), solver="ipopt", callback=seen.append)
    assert [s.iteration for s in seen] == list(range(full.iterations + 1))
    assert seen[-1].fun == pytest.approx(full.fun, rel=1e-8)
    assert np.allclose(seen[-1].x, full.x)
    assert {"mu", "regularization", "line_search_trials"} <= set(seen[0].extra)

    def stop(state):
        if state.iteration == 3:
            raise StopIteration

    for callback in (lambda s: s.iteration == 3, stop):
        result = minimize(hs71(), solver="ipopt", callback=callback)
        assert result.status is Status.STOPPED
        assert result.iterations == 3


@needs_ipopt
def test_an_exception_in_user_code_comes_out_once() -> None:
    problem = hs71()

    def fail(state):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        minimize(problem, solver="ipopt", callback=fail)
    assert minimize(problem, solver="ipopt").success  # nothing is left behind


@needs_ipopt
def test_an_exception_while_evaluating_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = hs71()
    derivatives = problem.derivatives
    calls = []
    true_gradient = derivatives.gradient

    def gradient(x):
        calls.append(x)
        if len(calls) == 3:
            raise ZeroDivisionError("in the third call")
        return true_gradient(x)

    monkeypatch.setattr(derivatives, "gradient", gradient)
    with pytest.raises(ZeroDivisionError, match="third"):
        minimize(problem, solver="ipopt")
    assert len(calls) == 3
    monkeypatch.undo()
    assert minimize(problem, solver="ipopt").success


@needs_ipopt
def test_ctrl_c_returns_the_best_point() -> None:
    def interrupt(state):
        if state.iteration == 4:
            raise KeyboardInterrupt

    result = minimize(luksan_vlcek(50), solver="ipopt", callback=interrupt)
    assert result.status is Status.INTERRUPTED
    assert not result.success
    assert result.iterations == 4
    start = luksan_vlcek(50)
    first = np.abs(start.constraint_values(start.x0)).max()
    assert result.constraint_violation < first


@needs_ipopt
def test_fixed_variables_have_multipliers() -> None:
    problem = Problem(lambda x: np.sum((x - 3.0) ** 2), np.zeros(3), bounds=([1, 0, 5], [1, 9, 5]))
    result = minimize(problem, solver="ipopt")
    assert np.allclose(result.x, [1.0, 3.0, 5.0])
    lower, upper = result.bound_multipliers
    assert upper[0] == pytest.approx(4.0)
    assert lower[2] == pytest.approx(4.0)
    assert result.optimality < 1e-6


@needs_ipopt
def test_feasibility_and_square_systems() -> None:
    problem = Problem(
        None,
        [2.0, 0.5],
        constraints=Constraint(
            lambda x: np.array([x[0] ** 2 + x[1] ** 2, x[0] * x[1]]), [4, 1], [4, 1]
        ),
    )
    result = minimize(problem, solver="ipopt")
    assert result.success
    assert np.allclose(problem.constraint_values(result.x), [4.0, 1.0], atol=1e-7)


@needs_ipopt
def test_rows_without_variables_and_empty_jacobian() -> None:
    problem = Problem(
        lambda x: np.sum((x - 1.0) ** 2),
        np.zeros(2),
        constraints=Constraint(lambda x: np.array([0.0]) * x[:1] + 2.0, 1.0, 3.0),
    )
    assert np.allclose(minimize(problem, solver="ipopt").x, 1.0)


@needs_ipopt
def test_a_linear_program() -> None:
    problem = Problem(
        lambda x: -x[0] - 2.0 * x[1],
        [0.1, 0.1],
        bounds=(0.0, None),
        constraints=Constraint(lambda x: np.array([x[0] + x[1], x[0] + 3.0 * x[1]]), None, [4, 6]),
    )
    result = minimize(problem, solver="ipopt")
    assert np.allclose(result.x, [3.0, 1.0], atol=1e-6)
    assert np.allclose(result.multipliers, 0.5, atol=1e-6)


@needs_ipopt
def test_limited_memory_needs_no_hessian() -> None:
    options = {"hessian_approximation": "limited-memory"}
    result = minimize(hs71(), solver="ipopt", options=options)
    assert result.success
    assert result.counts.hessian == 0


def test_without_ipopt_the_error_names_the_command(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    monkeypatch.setattr(ipopt_library, "found_libraries", list)
    assert not adapter.ipopt_available()
    command = r"pip install cyipopt|conda install" if way == "cyipopt" else "pip install 'sparse"
    with pytest.raises(SolverUnavailable, match=command):
        minimize(hs71(), solver="ipopt")
    with pytest.raises(SolverUnavailable):
        hs71().to_cyipopt()
    monkeypatch.setattr("sparsesolve.adapters.choice._INTERIOR", ())
    assert minimize(hs71(), solver="auto").solver == "trust-constr"


@pytest.mark.parametrize(
    ("platform", "command"),
    [("linux", "apt-get install"), ("darwin", "brew install ipopt"), ("win32", "conda install")],
)
def test_install_command_of_each_platform(platform: str, command: str) -> None:
    assert command in ipopt_library.install_command(platform)
    assert "pip install 'sparsesolve[ipopt]'" in ipopt_library.install_command(platform)


def steep(**kwargs):
    """A bound that IPOPT relaxes by 1e-8 moves a steep equality by a tenth."""
    return minimize(
        Problem(
            lambda x: x[1],
            [1.0, 1e7],
            bounds=([0.0, -np.inf], None),
            constraints=Constraint(lambda x: 1e7 * x[0] - x[1], 0.0, 0.0),
        ),
        solver="ipopt",
        options={"nlp_scaling_method": "none", **kwargs},
    )


@needs_ipopt
def test_a_point_at_a_relaxed_bound_keeps_its_equalities():
    result = steep()
    assert result.success
    assert result.constraint_violation < 1e-6
    assert steep(honor_original_bounds="yes").x[0] >= 0.0


@needs_ipopt
def test_a_point_is_moved_back_to_its_bounds_where_rows_allow_it():
    result = minimize(
        Problem(
            lambda x: x[0] + x[1],
            [1.0, 2.0],
            bounds=(0.25, None),
            constraints=Constraint(lambda x: x[0] * x[1], None, 5.0),
        ),
        solver="ipopt",
    )
    assert result.success
    np.testing.assert_array_equal(result.x, 0.25)
