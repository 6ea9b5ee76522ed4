"""The loop of iterative methods: who is asked when, what is told, what is counted."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.methods.iteration import Ending, IterativeMethod, run
from sparsesolve.methods.levenberg_marquardt import LevenbergOptions, solve_levenberg
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.newton import NewtonOptions, solve_newton
from sparsesolve.methods.residual import prepare_residual
from sparsesolve.problem.result import Status


class Halving(IterativeMethod):
    """Halves x until it is small; writes down what it is asked."""

    def __init__(self, start: float, *, bad: bool = False, last: str = "") -> None:
        self.x = np.array([start])
        self.bad, self.last = bad, last
        self.asked: list[str] = []
        self._measure()

    def _measure(self) -> None:
        self.cost = self.optimality = float(self.x[0])

    def trouble(self) -> Ending | None:
        self.asked.append("trouble")
        return Ending(Status.EVALUATION_ERROR, "bad") if self.bad else None

    def terminate(self) -> Ending | None:
        self.asked.append("terminate")
        return Ending(Status.SOLVED, "small") if self.x[0] <= 1.0 else None

    def step(self) -> Ending | None:
        self.asked.append("step")
        if self.last == "stuck":
            return Ending(Status.STALLED, "stuck")
        self.x = self.x / 2.0
        self._measure()
        return Ending(Status.ACCEPTABLE, "enough") if self.last == "moved" else None

    def exhausted(self, iterations: int) -> Ending:
        return Ending(Status.ITERATION_LIMIT, f"{iterations} done")


def go(method, most=10, callback=None):
    seen: list[tuple[int, float, float]] = []

    def keep(state):
        seen.append((state.iteration, state.x[0], state.step))
        return callback is not None and callback(state)

    with Monitor("halving", callback=keep) as monitor:
        return run(method, monitor, most), seen


def test_the_order_of_questions_and_what_is_told() -> None:
    method = Halving(4.0)
    end, seen = go(method)
    assert method.asked == ["trouble", *["terminate", "step"] * 2, "terminate"]
    assert seen == [(0, 4.0, 0.0), (1, 2.0, 2.0), (2, 1.0, 1.0)]
    assert (end.status, end.message, end.iterations) == (Status.SOLVED, "small", 2)
    assert (end.x[0], end.cost, end.optimality) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("method", "most", "status", "iterations", "told"),
    [
        (Halving(8.0, bad=True), 9, Status.EVALUATION_ERROR, 0, 0),
        (Halving(0.5), 9, Status.SOLVED, 0, 1),
        (Halving(8.0), 2, Status.ITERATION_LIMIT, 2, 3),
        (Halving(8.0), 3, Status.SOLVED, 3, 4),
        (Halving(8.0), 0, Status.ITERATION_LIMIT, 0, 1),
        (Halving(8.0, last="stuck"), 9, Status.STALLED, 1, 1),
        (Halving(8.0, last="moved"), 9, Status.ACCEPTABLE, 1, 2),
    ],
)
def test_how_a_solve_ends(method, most, status, iterations, told) -> None:
    end, seen = go(method, most)
    assert (end.status, end.iterations, len(seen)) == (status, iterations, told)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_callback_stops_where_it_says(at) -> None:
    end, seen = go(Halving(64.0), callback=lambda state: state.iteration == at)
    assert (end.status, end.iterations, len(seen)) == (Status.STOPPED, at, at + 1)
    assert end.x[0] == 64.0 / 2**at


def test_an_ending_may_be_judged_again() -> None:
    class Lenient(Halving):
        def judge(self, ending: Ending) -> Ending:
            return Ending(Status.ACCEPTABLE, f"judged: {ending.message}")

    end, _ = go(Lenient(8.0), 1)
    assert (end.status, end.message) == (Status.ACCEPTABLE, "judged: 1 done")


@pytest.mark.parametrize("which", ["newton", "levenberg"])
def test_both_methods_end_with_what_belongs_together(which) -> None:
    def f(x):
        return x**3 - np.roll(x, 1) - 1.0

    x0 = np.linspace(1.0, 2.0, 5)
    residual = prepare_residual(f, x0)
    with Monitor(which) as monitor:
        if which == "newton":
            end = solve_newton(residual, x0, NewtonOptions(), monitor)
            assert end.optimality == np.max(np.abs(f(end.x)))
        else:
            end = solve_levenberg(residual, x0, LevenbergOptions(), monitor)
    assert end.status is Status.SOLVED
    assert end.cost == pytest.approx(0.5 * np.sum(f(end.x) ** 2), abs=1e-25)
    np.testing.assert_allclose(end.x, 1.324717957244746, rtol=1e-8)
    assert end.iterations == monitor.iterations == residual.calls["jacobian"] - 1
