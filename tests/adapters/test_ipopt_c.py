"""IPOPT's C interface: what only these transports can get wrong."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import threading
import weakref

import numpy as np
import pytest
from nonlinear_problems import banana

from sparsesolve.adapters import ipopt_c
from sparsesolve.adapters.ipopt import Callbacks
from sparsesolve.errors import SolverUnavailable
from sparsesolve.front import minimize
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Status

pytestmark = pytest.mark.ipopt
C = {"transport": "c"}


@pytest.fixture(params=["native", "c"])
def options(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"transport": request.param}


@pytest.mark.cyipopt
@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("limit", [3000, 5])
def test_all_transports_take_the_same_steps(watched, limit):
    problem = banana(
        8, bounds=(-2.0, 0.8), constraints=[Constraint(lambda x: x[1:] * x[:-1], -1.0, 0.5)]
    )
    paths: dict[str, list[np.ndarray]] = {"cyipopt": [], "c": [], "native": []}
    results = [
        minimize(
            problem,
            solver="ipopt",
            options={"transport": transport, "library": "cyipopt", "max_iter": limit},
            callback=(lambda state, path=path: path.append(state.x)) if watched else None,
        )
        for transport, path in paths.items()
    ]
    first = results[0]
    assert all(watched == bool(path) for path in paths.values())
    for result, path in zip(results[1:], list(paths.values())[1:], strict=True):
        np.testing.assert_array_equal(path, paths["cyipopt"])
        np.testing.assert_array_equal(result.x, first.x)
        np.testing.assert_array_equal(result.multipliers, first.multipliers)
        np.testing.assert_array_equal(result.bound_multipliers, first.bound_multipliers)
        same = [
            (r.status, r.message, r.counts, r.solver_status, r.iterations) for r in (result, first)
        ]
        assert same[0] == same[1]


def test_an_unknown_transport_is_refused():
    with pytest.raises(ValueError, match="must be 'native', 'c' or 'cyipopt', got 'fortran'"):
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


@pytest.mark.posix
@pytest.mark.parametrize("place", ["objective", "gradient", "hessian_values"])
def test_an_interrupt_anywhere_ends_the_solve(place, options, monkeypatch):
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
    result = minimize(problem, solver="ipopt", options=options)
    assert result.status is Status.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.posix
def test_a_handler_of_the_user_stays(options):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        problem = banana()
        result = minimize(
            problem,
            solver="ipopt",
            options=options,
            callback=lambda state: (
                os.kill(os.getpid(), signal.SIGINT) if state.iteration == 2 else 0
            ),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.success
    assert seen == [1]


@pytest.mark.slow
@pytest.mark.every(4)
@pytest.mark.parametrize("library", [None, "cyipopt"])
def test_several_threads_solve_at_once(library, options):
    """The new library sees to MUMPS itself; the old one gets one solve at a time."""
    if library and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    problems = [banana(n) for n in (2, 6, 40)]
    given = {**options, "library": library}
    alone = [minimize(problem, solver="ipopt", options=given) for problem in problems]
    wrong = []

    def work(first: int) -> None:
        for k in range(first, first + 12):
            again = minimize(problems[k % 3], solver="ipopt", options=given)
            if not np.array_equal(again.x, alone[k % 3].x) or again.counts != alone[k % 3].counts:
                wrong.append((k, again))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.slow
def test_an_error_outside_of_the_evaluation_comes_out(monkeypatch):
    monkeypatch.setattr(Callbacks, "gradient", lambda self, x: np.zeros(3))
    with pytest.raises(ValueError, match="could not broadcast"):
        minimize(banana(), solver="ipopt", options=C)
    gc.collect()


def test_a_library_without_the_interface_is_named(monkeypatch):
    ipopt_c._library.cache_clear()
    monkeypatch.setattr(ipopt_c.ctypes, "CDLL", lambda file: object())
    with pytest.raises(SolverUnavailable, match="does not show all of IPOPT's C interface"):
        minimize(banana(), solver="ipopt", options=C)
    ipopt_c._library.cache_clear()
