"""Solved with wide sums as unknowns: answers in the user's variables, as without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters.choice import choose_solver
from sparsesolve.adapters.ipopt_c import CProblem
from sparsesolve.adapters.lifted import lifting, solve_lifted, worth_lifting
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.result import Status

NOTE = "sums were unknowns of the solver (`lift_sums`)"


def cost(x: Any) -> Any:
    return (np.sum(x) - 1.0) ** 2 + np.sum(x**2) + np.sum(x**4)


def rows(x: Any) -> Any:
    return np.stack([np.exp(np.mean(x)) + np.sum(x**2), x[0] - x[1]])


def held(n: int, **options: Any) -> ss.Problem:
    """A convex problem with one active limit of each kind."""
    return ss.Problem(
        lambda x: cost(x) - 3.0 * x[2],
        np.linspace(0.0, 1.0, n),
        bounds=(np.where(np.arange(n) == 3, 0.2, -1.0), 0.3),
        constraints=ss.Constraint(rows, [None, 0.01], [1.13 + 1.2 / n, 0.01], name="rows"),
        **options,
    )


def same(one: ss.Result, other: ss.Result, tolerance: float = 1e-5) -> None:
    assert one.success
    assert other.success
    assert one.fun == pytest.approx(other.fun, rel=1e-7, abs=1e-8)
    for a, b in [
        (one.x, other.x),
        (one.constraints, other.constraints),
        (one.multipliers, other.multipliers),
        *zip(one.bound_multipliers, other.bound_multipliers, strict=True),
    ]:
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, atol=tolerance)


def was_lifted(result: ss.Result) -> bool:
    return any(note.endswith(NOTE) for note in result.notes)


@pytest.mark.ipopt
@pytest.mark.every(4)
@pytest.mark.parametrize("transport", ["native", "c", "cyipopt"])
@pytest.mark.parametrize("n", [17, 33, 100])
def test_answers_are_those_of_the_problem_as_posed(n: int, transport: str) -> None:
    options = {"transport": transport}
    result = held(n, lift_sums=True).solve(method="ipopt", options=options)
    plain = held(n, lift_sums=False).solve(method="ipopt", options=options)
    same(result, plain)
    assert was_lifted(result)
    assert not was_lifted(plain)
    assert result.multipliers["rows"].shape == (2,)
    assert np.abs(result.multipliers).min() > 1e-3
    assert result.bound_multipliers[0][3] > 1e-3
    assert result.bound_multipliers[1][2] > 1e-3


@pytest.mark.ipopt
def test_a_known_answer() -> None:
    """Of (sum(x) - 1)^2 + x.x it is 1 / (1 + n) everywhere."""
    problem = ss.Problem(lambda x: (x.sum() - 1.0) ** 2 + x @ x, np.ones(40), lift_sums=True)
    result = problem.solve(method="ipopt")
    np.testing.assert_allclose(result.x, 1.0 / 41.0, rtol=1e-8)
    assert result.optimality < 1e-8
    assert was_lifted(result)


@pytest.mark.ipopt
def test_large_ones_are_lifted_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("the Hessian is formed")

    monkeypatch.setattr(Blocked, "__call__", refuse)
    result = held(1500).solve(method="ipopt")
    assert was_lifted(result)
    assert result.success
    small = held(100).solve(method="ipopt")
    assert not was_lifted(small)
    assert not worth_lifting(held(1500, lift_sums=False))


@pytest.mark.ipopt
def test_rows_need_no_hessian_that_is_formed() -> None:
    """Two hundred million nonzeros: with rows too, IPOPT is chosen."""
    assert choose_solver(held(20_000)) == "ipopt"
    assert choose_solver(held(20_000, lift_sums=False)) == "trust-constr"


@pytest.mark.ipopt
def test_a_dense_least_squares_problem_is_not() -> None:
    """As many sums as unknowns: nothing is gained."""
    matrix = np.random.default_rng(0).normal(size=(600, 600))
    problem = ss.Problem(lambda x: np.sum(np.tanh(matrix @ x) ** 2), np.zeros(600))
    assert lifting(problem) is not None
    assert not worth_lifting(problem)


@pytest.mark.ipopt
def test_callbacks_and_history_know_x_alone() -> None:
    seen: list[Any] = []
    problem = ss.Problem(
        lambda v: cost(np.append(v["a"].ravel(), v["b"])),
        {"a": np.ones((5, 6)), "b": 1.0},
        lift_sums=True,
    )

    def keep(state: Any) -> None:
        seen.append(state)

    watched = problem.solve(method="ipopt", callback=keep)
    alone = problem.solve(method="ipopt")
    assert was_lifted(watched)
    assert seen[-1].x["a"].shape == (5, 6)
    assert seen[0].fun == pytest.approx(30.0**2 + 62.0)
    np.testing.assert_array_equal(alone.x["a"], watched.x["a"])
    np.testing.assert_array_equal(alone.history.objective, watched.history.objective)
    assert len(alone.history) == watched.iterations + 1
    stopped = problem.solve(method="ipopt", callback=lambda state: state.iteration == 2)
    assert stopped.status is Status.STOPPED
    assert stopped.iterations == 2
    assert stopped.x["a"].shape == (5, 6)


@pytest.mark.ipopt
def test_a_family_keeps_what_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    plain = CProblem.__init__

    def counting(self: Any, *args: Any, **options: Any) -> None:
        made.append(1)
        plain(self, *args, **options)

    monkeypatch.setattr(CProblem, "__init__", counting)
    problem = ss.Problem(
        lambda x, p: (np.sum(p[0] * x) - p[1]) ** 2 + np.sum(x**2),
        np.zeros(30),
        constraints=ss.Constraint(lambda x, p: np.exp(np.mean(x)), None, 1.02, name="c"),
        parameters=np.array([1.0, 2.0]),
        lift_sums=True,
    )
    first = problem.solve(method="ipopt")
    calls = problem.derivatives.user_calls
    for target in (0.5, 2.0, 2.001):
        result = problem.solve(p=[1.0, target], method="ipopt")
        expected = min(target / 31.0, np.log(1.02))
        np.testing.assert_allclose(result.x, expected, rtol=1e-6)
    assert problem.derivatives.user_calls == calls  # they read nothing, and have agreed
    assert len(made) == 1
    again = problem.solve(p=[1.0, 2.001], method="ipopt", warm_start=first)
    assert again.iterations <= 4 < result.iterations
    same(again, result)


@pytest.mark.ipopt
def test_units_too() -> None:
    scaled = held(40, lift_sums=True, x_scale=np.linspace(0.1, 4.0, 40), f_scale=10.0)
    same(scaled.solve(method="ipopt"), held(40).solve(method="ipopt"), 1e-4)
    assert was_lifted(scaled.solve(method="ipopt"))


@pytest.mark.ipopt
@pytest.mark.every(3)
@pytest.mark.parametrize(
    "options", [{"derivatives": "interpreted"}, {"derivatives": "colored"}, {"threads": 2}]
)
def test_however_derivatives_are_made(options: dict[str, Any]) -> None:
    result = held(24, lift_sums=True, **options).solve(method="ipopt")
    same(result, held(24, lift_sums=False).solve(method="ipopt"))
    assert was_lifted(result)


@pytest.mark.ipopt
def test_sweeps_sensitivities_and_what_cannot_be_evaluated() -> None:
    problem = ss.Problem(
        lambda x, p: (np.sum(x) - p) ** 2 + x @ x, np.zeros(30), parameters=1.0, lift_sums=True
    )
    ps = np.linspace(0.0, 3.0, 6)
    for p, result in zip(ps, problem.map(ps, workers=3, method="ipopt"), strict=True):
        np.testing.assert_allclose(result.x, p / 31.0, atol=1e-9)
        np.testing.assert_allclose(result.sensitivity().x, 1.0 / 31.0)

    def rooted(x: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.sum(x)) ** 3 + x @ x

    failed = ss.Problem(rooted, -np.ones(20), lift_sums=True).solve(method="ipopt")
    assert failed.status is Status.EVALUATION_ERROR
    assert failed.x.shape == (20,)


@pytest.mark.ipopt
def test_data_that_change_are_followed() -> None:
    target = np.array([1.0])
    problem = ss.Problem(lambda x: (x.sum() - target[0]) ** 2 + x @ x, np.zeros(20), lift_sums=True)
    for value in (1.0, 4.0):
        target[0] = value
        np.testing.assert_allclose(problem.solve(method="ipopt").x, value / 21.0, rtol=1e-6)


class Solver:
    """Fails on what is lifted."""

    def __init__(self, status: Status) -> None:
        self.status, self.sizes = status, list[int]()

    def __call__(self, problem: ss.Problem, monitor: Monitor, **given: Any) -> ss.Result:
        self.sizes.append(problem.n)
        lifted = problem.n > 600
        zeros = np.zeros(problem.n)
        return ss.Result(
            zeros if lifted else np.full(problem.n, 1.0 / 601.0),
            0.0,
            self.status if lifted else Status.SOLVED,
            "made up",
            monitor.solver,
            multipliers=np.zeros(problem.m),
            bound_multipliers=(zeros, zeros),
            constraint_violation=0.0,
        )


@pytest.mark.parametrize("asked", [None, True])
@pytest.mark.parametrize("status", [Status.INFEASIBLE, Status.FAILED, Status.ITERATION_LIMIT])
def test_one_that_fails_is_solved_as_posed(status: Status, asked: bool | None) -> None:
    problem = ss.Problem(lambda x: (x.sum() - 1.0) ** 2 + x @ x, np.ones(600), lift_sums=asked)
    solver = Solver(status)
    given = {"options": None, "tol": None, "warm_start": None}
    result = solve_lifted(problem, Monitor("ipopt"), solver, **given)
    again = asked is None and status is not Status.ITERATION_LIMIT
    assert solver.sizes == ([601, 600] if again else [601])
    assert result.x.shape == (600,)
    assert result.success == again
    if again:
        assert result.notes == (f"with 1 sums as unknowns it ended as {status.value}",)


@pytest.mark.parametrize(
    ("method", "n", "why"),
    [
        ("SLSQP", 20, "`lift_sums` is for ipopt"),
        pytest.param("ipopt", 5, "nothing was lifted: no sum", marks=pytest.mark.ipopt),
    ],
)
def test_where_it_is_asked_for_in_vain_a_note_says_so(method: str, n: int, why: str) -> None:
    result = held(n, lift_sums=True).solve(method=method)
    assert any(note.startswith(why) for note in result.notes)


def test_it_is_a_switch() -> None:
    with pytest.raises(TypeError, match="`lift_sums`"):
        held(5, lift_sums="yes")
    copied = replace(held(5, lift_sums=True).solve(method="SLSQP"), message="")
    assert copied.origin.problem.lift_sums is True
