"""The four front functions: choice of the solver, progress, and what is imported when."""

from __future__ import annotations

import io
import signal
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

import sparsesolve.adapters.choice as chooser
from sparsesolve.front import least_squares, minimize, root
from sparsesolve.methods.monitor import IterationState, Monitor
from sparsesolve.methods.progress import ProgressTable
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status


def valley(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_a_plain_function_with_start_bounds_and_constraints() -> None:
    result = minimize(
        lambda x: np.sum(x**2),
        [2.0, 2.0],
        bounds=(None, [1.5, None]),
        constraints=Constraint(lambda x: np.sum(x), 4.0, 4.0),
        solver="SLSQP",
    )
    assert result.success
    assert np.allclose(result.x, [1.5, 2.5])
    assert result.multipliers[0] == pytest.approx(-5.0, rel=1e-6)
    assert result.bound_multipliers[1][0] == pytest.approx(2.0, rel=1e-6)


def test_what_belongs_to_a_problem_is_not_given_twice() -> None:
    problem = Problem(valley, np.zeros(3))
    for extra in ({"x0": np.zeros(3)}, {"bounds": (0, 1)}, {"constraints": Constraint(valley)}):
        with pytest.raises(TypeError, match="belong to the Problem"):
            minimize(problem, **extra)
    with pytest.raises(TypeError, match="`x0` is needed"):
        minimize(valley)
    with pytest.raises(TypeError, match="Problem or a function, got int"):
        minimize(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`callback` must be callable"):
        minimize(problem, callback=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bounds", "constraints", "solver"),
    [
        (None, (), "trust-krylov"),
        ((0.0, None), (), "L-BFGS-B"),
        (([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]), (), "trust-krylov"),
        (None, Constraint(lambda x: np.sum(x), 1.0), "trust-constr"),
    ],
)
def test_auto_without_ipopt(bounds, constraints, solver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chooser, "ipopt_available", lambda: False)
    monkeypatch.setattr(chooser, "_INTERIOR", ())  # nor anything like it
    problem = Problem(valley, np.zeros(3), bounds=bounds, constraints=constraints)
    assert chooser.choose_solver(problem) == solver
    assert minimize(problem).success


def test_auto_without_ipopt_takes_another_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [("a", "A", lambda: False), ("b", "B", lambda: True)]
    monkeypatch.setattr(chooser, "ipopt_available", lambda: False)
    monkeypatch.setattr(chooser, "_INTERIOR", there)
    rows = Constraint(lambda x: np.sum(x), 1.0)
    found = chooser.choose(Problem(valley, np.zeros(3), constraints=rows))
    assert found.solver == "b"
    assert found.why == "nonlinear, with constraints: B, as IPOPT is not installed"
    assert chooser.choose_solver(Problem(valley, np.zeros(3))) == "trust-krylov"


@pytest.mark.ipopt
def test_auto_says_why() -> None:
    rows = Constraint(lambda x: np.sum(x), 1.0)
    for bounds, constraints, why in (
        (None, (), "nonlinear, without limits: IPOPT"),
        ((0.0, None), (), "nonlinear, with bounds: IPOPT"),
        (None, rows, "nonlinear, with constraints: IPOPT"),
    ):
        result = minimize(valley, np.zeros(3), bounds=bounds, constraints=constraints)
        assert result.choice == why
        assert why in str(result)
    assert minimize(valley, np.zeros(3), method="ipopt").choice == ""
    scaled = minimize(valley, np.zeros(3), x_scale=2.0)
    assert scaled.choice == "nonlinear, without limits: IPOPT"
    result = minimize(valley, np.zeros(3), options={"maxiter": 90})
    assert result.choice == "nonlinear, without limits, with options that are scipy's: trust-krylov"
    tight = Constraint(lambda x: np.sum(x), 1.0, keep_feasible=True)
    result = minimize(valley, np.ones(3), constraints=tight)
    assert result.choice == "`keep_feasible` is known to trust-constr alone"


@pytest.mark.ipopt
def test_auto_with_ipopt() -> None:
    result = minimize(valley, np.zeros(30))
    assert result.solver == "ipopt"
    assert np.allclose(result.x, 1.0)


def test_progress_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    minimize(valley, np.zeros(4), solver="trust-krylov", progress=True)
    root(lambda x: x**3 - 2.0, np.ones(3), progress=True)
    least_squares(lambda x: x**3 - 2.0, np.ones(3), progress=True)
    shown = capsys.readouterr().out
    for part in ("trust-krylov", "newton", "lm", "iteration", "objective", "infeasibility"):
        assert part in shown


def test_the_table_keeps_the_last_iterations() -> None:
    out = Console(file=io.StringIO(), width=100)
    table = ProgressTable("title", console=out)
    for k in range(100):
        table.add(IterationState(k, np.zeros(2), 1.5 * k, step=0.5))
    with out.capture() as capture:
        out.print(table.render())
    text = capture.get()
    assert "99" in text
    assert "1.485000000e+02" in text
    assert len(text.splitlines()) < 25


def test_the_table_is_closed_when_the_solve_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(state):
        raise KeyError("mine")

    for _ in range(2):  # a table left open would refuse the second
        with pytest.raises(KeyError):
            minimize(valley, np.zeros(4), solver="L-BFGS-B", progress=True, callback=fail)


def test_the_best_point_is_feasible_first_and_low_second() -> None:
    monitor = Monitor("test")
    for k, (fun, violation) in enumerate(
        [(1.0, 5.0), (9.0, 0.0), (7.0, 1e-9), (np.nan, 0.0), (0.0, np.nan), (8.0, 0.0)]
    ):
        monitor.update(k, np.full(2, float(k)), fun, constraint_violation=violation)
    assert monitor.best is not None
    assert monitor.best.iteration == 2
    assert monitor.iterations == 5


def test_states_hold_copies() -> None:
    monitor, x = Monitor("test"), np.zeros(2)
    monitor.update(0, x, 1.0)
    x[0] = 7.0
    assert monitor.best is not None
    assert monitor.best.x.tolist() == [0.0, 0.0]


def test_status_is_a_word() -> None:
    result = minimize(valley, np.zeros(4), solver="L-BFGS-B", options={"maxiter": 1})
    assert result.status == "iteration-limit"
    assert result.status is Status.ITERATION_LIMIT
    assert result.seconds_solver >= 0.0
    assert "iteration-limit" in str(result)


def test_the_front_imports_no_solver_and_no_compiler() -> None:
    code = (
        "import sys, sparsesolve.front, sparsesolve.problem.problem\n"
        "heavy = {'scipy.optimize', 'scipy.integrate', 'cyipopt', 'rich', 'numba', 'llvmlite', "
        "'autograd', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("solver", [pytest.param("ipopt", marks=pytest.mark.ipopt), "SLSQP"])
def test_a_real_interrupt_signal(solver: str, request: pytest.FixtureRequest) -> None:
    # processes of a parallel test run ignore the signal until told otherwise
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, former))

    def press(state):
        if state.iteration == 2:
            signal.raise_signal(signal.SIGINT)

    # a process started in the background ignores the signal, and Python leaves it so
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = minimize(valley, np.zeros(5), solver=solver, callback=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.status is Status.INTERRUPTED
    assert result.fun <= valley(np.zeros(5))
