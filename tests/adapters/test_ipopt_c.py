"""IPOPT's C interface: what only this transport can get wrong."""

from __future__ import annotations

import gc
import os
import signal
import threading
import weakref

import numpy as np
import pytest

from sparsesolve.adapters import ipopt_c
from sparsesolve.adapters.ipopt import Callbacks
from sparsesolve.errors import SolverUnavailable
from sparsesolve.front import minimize
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status

pytestmark = pytest.mark.ipopt
C = {"transport": "c"}


def banana(n: int = 6, **kwargs) -> Problem:
    return Problem(
        lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
        np.full(n, -1.2),
        **kwargs,
    )


def test_both_transports_take_the_same_steps():
    problem = banana(
        8, bounds=(-2.0, 0.8), constraints=[Constraint(lambda x: x[1:] * x[:-1], -1.0, 0.5)]
    )
    paths: dict[str, list[np.ndarray]] = {"c": [], "cyipopt": []}
    results = [
        minimize(
            problem,
            solver="ipopt",
            options={"transport": transport},
            callback=lambda state, path=path: path.append(state.x),
        )
        for transport, path in paths.items()
    ]
    np.testing.assert_array_equal(paths["c"], paths["cyipopt"])
    a, b = results
    np.testing.assert_array_equal(a.multipliers, b.multipliers)
    np.testing.assert_array_equal(a.bound_multipliers, b.bound_multipliers)
    assert (a.status, a.message, a.counts, a.solver_status) == (
        b.status, b.message, b.counts, b.solver_status,
    )  # fmt: skip


def test_an_unknown_transport_is_refused():
    with pytest.raises(ValueError, match="`transport` must be 'cyipopt' or 'c', got 'fortran'"):
        minimize(banana(), solver="ipopt", options={"transport": "fortran"})


def make(problem: Problem) -> ipopt_c.CProblem:
    evaluation = Evaluation(problem)
    bounds = (evaluation.lower, evaluation.upper, evaluation.row_lower, evaluation.row_upper)
    return ipopt_c.CProblem(problem.n, problem.m, Callbacks(evaluation), *bounds)


def test_it_is_freed_and_may_solve_twice():
    nlp = make(banana())
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    nlp.add_option("tol", 1e-6)
    for _ in range(2):
        x, info = nlp.solve(np.zeros(6))
        np.testing.assert_allclose(x, 1.0, atol=1e-5)
        assert info["status"] == 0
        assert info["obj_val"] < 1e-8
    gone = weakref.ref(nlp)
    del nlp
    assert gone() is None


def test_options_have_types():
    nlp = make(banana())
    for name, value in (("tol", 1), ("max_iter", 2.0), ("mu_strategy", "x"), ("nonsense", 1)):
        with pytest.raises(TypeError, match=name):
            nlp.add_option(name, value)


def test_what_ipopt_refuses_to_create():
    evaluation = Evaluation(banana())
    with pytest.raises(ValueError, match="IPOPT refused a problem of -1 variables"):
        ipopt_c.CProblem(-1, 0, Callbacks(evaluation), *[np.zeros(0)] * 4)


@pytest.mark.parametrize("place", ["objective", "gradient", "hessian_values"])
def test_an_interrupt_anywhere_ends_the_solve(place, monkeypatch):
    """A real signal, which Python notices at the next instruction or at the next callback."""
    problem = banana()
    true = getattr(problem.derivatives, place)
    calls = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return true(*args)

    monkeypatch.setattr(problem.derivatives, place, interrupted)
    result = minimize(problem, solver="ipopt", options=C)
    assert result.status is Status.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_user_stays(monkeypatch):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        problem = banana()
        result = minimize(
            problem,
            solver="ipopt",
            options=C,
            callback=lambda state: (
                os.kill(os.getpid(), signal.SIGINT) if state.iteration == 2 else 0
            ),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.success
    assert seen == [1]


def test_other_threads_solve():
    results = []
    workers = [
        threading.Thread(
            target=lambda: results.append(minimize(banana(), solver="ipopt", options=C))
        )
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
        worker.join()  # one after the other: MUMPS is not for two threads
    assert [result.status for result in results] == [Status.SOLVED] * 2


def test_an_error_outside_of_the_evaluation_comes_out(monkeypatch):
    monkeypatch.setattr(Callbacks, "gradient", lambda self, x: np.zeros(3))
    with pytest.raises(ValueError, match="could not broadcast"):
        minimize(banana(), solver="ipopt", options=C)
    gc.collect()


def test_a_library_without_the_interface_is_named(monkeypatch):
    ipopt_c._library.cache_clear()
    monkeypatch.setattr(ipopt_c.ctypes, "CDLL", lambda file: object())
    with pytest.raises(SolverUnavailable, match="transport='c' needs the C interface"):
        minimize(banana(), solver="ipopt", options=C)
    ipopt_c._library.cache_clear()
