"""IPOPT with callbacks in machine code: Python hears of it when it must, and nothing is lost."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading

import numpy as np
import pytest
from nonlinear_problems import banana, hs71, luksan_vlcek

from sparsesolve.adapters.ipopt_callbacks import Callbacks
from sparsesolve.front import minimize
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Result, Status

pytestmark = pytest.mark.ipopt
NATIVE, PYTHON = {"transport": "native"}, {"transport": "c"}


def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which callbacks reach Python."""
    names = []
    for name in ("objective", "gradient", "constraints", "jacobian", "hessian", "intermediate"):
        true = getattr(Callbacks, name)

        def noted(*args, true=true, name=name):
            names.append(name)
            return true(*args)

        monkeypatch.setattr(Callbacks, name, noted)
    return names


def same(a: Result, b: Result) -> None:
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.multipliers, b.multipliers)
    assert (a.status, a.message, a.iterations) == (b.status, b.message, b.iterations)


def test_python_hears_nothing_unless_asked(monkeypatch) -> None:
    problem = hs71()
    names = heard(monkeypatch)
    first = minimize(problem, solver="ipopt", options=NATIVE)
    assert not names
    seen = []
    watched = minimize(problem, solver="ipopt", options=NATIVE, callback=seen.append)
    assert names == ["intermediate"] * (first.iterations + 1)
    same(first, watched)
    assert first.counts == watched.counts
    assert [state.iteration for state in seen] == list(range(first.iterations + 1))
    assert first.seconds_derivatives > 0.0


def test_calls_are_counted_on_the_derivatives_too() -> None:
    problem = hs71()
    result = minimize(problem, solver="ipopt", options=NATIVE)
    assert problem.derivatives.calls["hessian"] == result.counts.hessian
    assert problem.derivatives.calls["objective"] == result.counts.function


def with_a_call(x):
    """The determinant is kept as a call of NumPy: no machine code for what needs it."""
    return np.linalg.det(np.reshape(x, (2, 2))) ** 2 + np.sum(x**2)


CASES = {
    "rows without machine code": lambda: Problem(
        lambda x: np.sum((x - 1.0) ** 4), np.full(4, 2.0), constraints=Constraint(with_a_call, 1, 9)
    ),
    "an objective without": lambda: Problem(
        with_a_call, np.arange(1.0, 5.0), constraints=Constraint(np.sum, 2.0, None)
    ),
    "interpreted": lambda: hs71(method="interpreted"),
    "colored": lambda: hs71(method="colored"),
    "threads": lambda: banana(4000, threads=2),
    "no rows": lambda: banana(9),
    "rows without entries": lambda: Problem(
        lambda x: np.sum((x - 1.0) ** 2),
        np.zeros(2),
        constraints=Constraint(lambda x: np.array([0.0]) * x[:1] + 2.0, 1.0, 3.0),
    ),
    "no objective": lambda: Problem(
        None, [2.0, 0.5], constraints=Constraint(lambda x: np.array([x @ x, x[0] * x[1]]), 4, 4)
    ),
    "a step cut by a logarithm": lambda: Problem(
        lambda x: np.sum(x - np.log(x)) + (x[0] - 3.0) ** 2, [20.0, 1e-3]
    ),
    "limits at singular points": lambda: Problem(
        lambda x: np.linalg.norm(x) ** 2 + np.sum((x - 1.0) ** 2), np.zeros(3)
    ),
    "a guard": lambda: Problem(
        lambda x: np.sum(np.where(x != 0.0, np.sin(x) / np.where(x != 0.0, x, 1.0), 1.0)),
        np.zeros(3),
        bounds=(-2.0, 3.0),
    ),
    "restoration": lambda: Problem(
        lambda x: np.sum(x**2), [1.0, 1.0], constraints=Constraint(lambda x: np.sum(x**2), -2, -1)
    ),
    "3000 multipliers, read where they are": lambda: luksan_vlcek(3000),
    "a multiplier for 3000 rows": lambda: Problem(
        lambda x: np.sum((x - 2.0) ** 4),
        np.ones(3001),
        constraints=Constraint(lambda x: x[1:] * x[:-1], 0.5, 1.5),
    ),
}


@pytest.mark.slow_cases("threads-3000")
@pytest.mark.every(8)
@pytest.mark.parametrize("limit", [3000, 3])
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_with_callbacks_in_python(case: str, limit: int) -> None:
    problem = CASES[case]()
    if case == "threads":  # which wants thousands of iterations, each a few milliseconds
        limit = min(limit, 60)
    ours, theirs = (
        minimize(problem, solver="ipopt", options={**way, "max_iter": limit})
        for way in (NATIVE, PYTHON)
    )
    same(ours, theirs)
    assert ours.fun == theirs.fun
    counts = [dataclasses.astuple(result.counts) for result in (ours, theirs)]
    if ours.status is Status.INFEASIBLE:  # while restoring, a Hessian does not displace a point
        assert all(a <= b for a, b in zip(*counts, strict=True))
    else:
        assert counts[0] == counts[1]


def test_a_nan_in_a_derivative_is_named() -> None:
    problem = Problem(
        lambda x: np.sum(x**2), [0.0, 1.0], constraints=Constraint(lambda x: np.sqrt(x), None, 0.5)
    )
    result = minimize(problem, solver="ipopt", options=NATIVE)
    assert result.status is Status.EVALUATION_ERROR
    assert "The Jacobian is inf at row 0, column 0." in result.message


@pytest.mark.slow
@pytest.mark.posix
def test_a_signal_is_noticed_although_python_hears_nothing(monkeypatch) -> None:
    """Without iterations that end it: the factorizations alone would go on for a minute."""
    problem = banana(30_000)
    minimize(problem, solver="ipopt", options={**NATIVE, "max_iter": 1})
    names = heard(monkeypatch)
    endless = {**NATIVE, "max_iter": 10**6, "tol": 1e-300, "max_cpu_time": 60.0}
    alarm = threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGINT))
    alarm.start()
    result = minimize(problem, solver="ipopt", options=endless)
    alarm.join()
    assert not names
    assert result.status is Status.INTERRUPTED
    assert result.fun <= problem.objective_value(problem.x0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_many_solves_keep_no_memory() -> None:
    problem = banana(5)
    machine = None
    for _ in range(5):
        minimize(problem, solver="ipopt", options=NATIVE)
        machine = problem.derivatives.evaluators()["gradient"]._machine
        assert len(machine._lent) == 1
