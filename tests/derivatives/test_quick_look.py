"""Whether functions are still what was traced, by the programs that are ready: no tape replayed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.trace import freshness


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name the tapes that are replayed while a solve looks for changes."""
    seen: list[str] = []
    plain = freshness.evaluate

    def counting(tape: Any, *args: Any) -> Any:
        seen.append(tape.instructions[-1].op)
        return plain(tape, *args)

    monkeypatch.setattr(freshness, "evaluate", counting)
    return seen


class Stored:
    """A number that nobody can read but by calling: in a file."""

    def __init__(self, value: float) -> None:
        self.file = io.BytesIO()
        self.set(value)

    def set(self, value: float) -> None:
        self.file.seek(0)
        self.file.write(np.float64(value).tobytes())

    def __call__(self) -> float:
        return float(np.frombuffer(self.file.getvalue())[0])


def posed(n: int, target: Stored, limit: Stored) -> ss.Problem:
    return ss.Problem(
        lambda x, p: np.sum((x - target()) ** 2) + p * np.sum(np.exp(x)),
        np.zeros(n),
        parameters=0.5,
        constraints=[
            ss.Constraint(lambda x, p: x[0] * np.ones(2) + p, None, 50.0, name="first"),
            ss.Constraint(lambda x: x[:0], None, 0.0, name="none"),
            ss.Constraint(lambda x: np.cumsum(x) * limit(), None, 50.0, name="sums"),
        ],
    )


@pytest.mark.parametrize("n", [1, 2, 33])
def test_nothing_is_replayed_where_nothing_changed(n: int, replays: list[str]) -> None:
    problem = posed(n, Stored(1.0), Stored(1.0))
    first = problem.solve(method="SLSQP")
    replays.clear()
    calls = problem.derivatives.user_calls
    counts = dict(problem.derivatives.calls)
    problem.staleness(np.zeros(n), np.full(n, 0.1))
    assert problem.derivatives.calls == counts
    again = problem.solve(p=0.5, method="SLSQP")
    assert not replays
    assert problem.derivatives.user_calls == calls + 3 * 2  # of those that read something
    np.testing.assert_array_equal(again.x, first.x)
    assert not again.notes


SCALE = 1.0


def scaled(x: Any, p: Any) -> Any:
    return SCALE * np.sum((x - p) ** 2)


def test_what_can_use_nothing_else_is_called_until_it_has_agreed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = ss.Problem(scaled, np.zeros(3), parameters=np.ones(3))
    problem.solve(method="SLSQP")
    calls = problem.derivatives.user_calls
    again = problem.solve(p=np.full(3, 2.0), method="SLSQP")
    assert problem.derivatives.user_calls == calls
    assert again.fun == pytest.approx(0.0, abs=1e-12)
    problem.verify()
    assert problem.derivatives.user_calls == calls + 1
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    changed = problem.solve(x0=np.zeros(3), method="SLSQP")
    assert changed.notes[0].startswith("traced anew: the objective returns ")
    assert problem.objective_value(np.zeros(3)) == 9.0


def test_a_constant_that_changes_during_the_solve_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = ss.Problem(scaled, np.zeros(3), parameters=np.ones(3))
    problem.solve(method="SLSQP")
    assert problem.is_settled
    change = monkeypatch.setitem
    result = problem.solve(method="SLSQP", callback=lambda state: change(globals(), "SCALE", 2.0))
    assert result.status is ss.Status.FAILED
    assert "Data changed during the solve" in result.message


@pytest.mark.parametrize("which", ["objective", "constraint sums"])
@pytest.mark.parametrize("change", [1.0, 1e-9])
def test_what_only_a_call_shows_is_seen(which: str, change: float, replays: list[str]) -> None:
    target, limit = Stored(1.0), Stored(1.0)
    problem = posed(3, target, limit)
    problem.solve(method="SLSQP")
    replays.clear()
    (target if which == "objective" else limit).set(1.0 + change)
    result = problem.solve(method="SLSQP")
    assert len(replays) >= 2  # the tape, and the one traced anew
    assert result.notes[0].startswith(f"traced anew: the {which} returns ")
    assert problem.objective_value(np.zeros(3)) == pytest.approx(
        3.0 * target() ** 2 + 1.5, rel=1e-14
    )


def test_where_near_points_have_no_value_the_tape_is_replayed(replays: list[str]) -> None:
    def picky(x: Any, p: Any) -> Any:
        return np.sum(np.where(x == 1.0, 1.0, np.nan)) + p

    problem = ss.Problem(picky, np.ones(2), parameters=0.0)
    problem.objective_value(np.ones(2))
    replays.clear()
    assert problem.staleness(np.ones(2), np.full(2, 1.1)) == ("", "")
    assert len(replays) == 2


def test_loops_take_over_what_the_tape_computes(replays: list[str]) -> None:
    problem = ss.Problem(
        lambda x, p: ss.scan(lambda c, _: (c * x[0] + p, None), x[1], None, length=60)[0] ** 2,
        np.full(2, 0.5),
        parameters=0.1,
    )
    problem.objective_value(np.ones(2))
    replays.clear()
    assert problem.staleness(np.ones(2), np.full(2, 0.9)) == ("", "")
    assert len(replays) == 1


@pytest.mark.parametrize("change", [0.0, 1e-9])
def test_rounding_where_terms_cancel_is_no_change(change: float, replays: list[str]) -> None:
    weights, near = np.linspace(0.3, 1.7, 20 * 97).reshape(20, 97), np.linspace(1.0, 2.0, 97)
    limit = Stored(1.0)

    def rows(x: Any, p: Any) -> Any:
        return np.sum((weights * x) ** 2, axis=1) * limit() - p

    nearly = rows(near, 0.0) * (1.0 - 1e-13)
    problem = ss.Problem(
        lambda x, p: np.sum(x**2), near, parameters=nearly, constraints=ss.Constraint(rows, 0.0)
    )
    plain, compiled = rows(near, nearly), problem.constraint_values(near)
    assert (np.abs(plain - compiled) > 1e-12 * np.abs(plain)).any()
    problem.objective_value(near)
    limit.set(1.0 + change)
    replays.clear()
    name, how = problem.staleness(near, near)
    assert (name, how[:7]) == (("constraint rows", "returns") if change else ("", ""))
    assert bool(replays) == bool(change)
