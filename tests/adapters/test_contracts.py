"""What holds for every solver of nonlinear programs that there is, whichever library it is."""

from __future__ import annotations

import importlib.util
import signal
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from needs import has_ipopt
from nonlinear_problems import hs71, luksan_vlcek

import sparsesolve as ss
from sparsesolve import Constraint, Problem, Status
from sparsesolve.derivatives import ProblemDerivatives

# IPOPT and scipy have tests of their own in the default run: here it takes the others
pytestmark = pytest.mark.every(3)


@dataclass(frozen=True)
class Way:
    """A solver, and what its options are called."""

    solver: str
    options: dict[str, Any] = field(default_factory=dict)
    package: str = ""
    limit: str = "maxiter"
    tolerance: str = ""
    first: int = 0  # iteration

    def solve(self, problem: Problem, **arguments: Any) -> ss.Result:
        options = {**self.options, **arguments.pop("options", {})}
        return ss.minimize(problem, method=self.solver, options=options, **arguments)


IPOPT = {"package": "ipopt", "limit": "max_iter", "tolerance": "tol"}
UNO = {"package": "unopy", "limit": "max_iterations", "tolerance": "primal_tolerance"}
WAYS = {
    "uno-filtersqp": Way("uno", {"preset": "filtersqp"}, **UNO),
    "SLSQP": Way("SLSQP"),
    "ipopt-native": Way("ipopt", {"transport": "native"}, **IPOPT),
    "pounce": Way("pounce", **{**IPOPT, "package": "pounce"}),
    "ipopt-c": Way("ipopt", {"transport": "c"}, **IPOPT),
    "trust-constr": Way("trust-constr", first=1),
    "uno-ipopt": Way("uno", {"preset": "ipopt"}, **UNO),
    "cyipopt": Way("ipopt", {"transport": "cyipopt"}, **{**IPOPT, "package": "cyipopt"}),
    "uno-funnelsqp": Way("uno", {"preset": "funnelsqp"}, **UNO),
}
LIBRARIES = (
    "uno-filtersqp",
    "ipopt-native",
    "ipopt-c",
    "pounce",
    "cyipopt",
    "uno-funnelsqp",
    "uno-ipopt",
)


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    return found(request.param)


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Way:
    """A solver that is a library of its own."""
    return found(request.param)


def found(name: str) -> Way:
    one = WAYS[name]
    there = has_ipopt() if one.package == "ipopt" else True
    if one.package not in ("", "ipopt"):
        there = importlib.util.find_spec(one.package) is not None
    if not there:
        pytest.skip(f"{one.package} is not installed")
    return one


def conditions(problem: Problem, result: ss.Result, tol: float = 1e-5) -> None:
    """Check the conditions of Karush, Kuhn and Tucker, in our signs."""
    y, (lower, upper) = np.asarray(result.multipliers), result.bound_multipliers
    c = problem.constraint_values(result.x) if problem.constraints else np.empty(0)
    low, high = problem.constraint_bounds
    pull = problem.jacobian(result.x).T @ y if problem.constraints else 0.0
    scale = 1.0 + np.abs(y).max(initial=0.0)
    assert np.abs(problem.gradient(result.x) + pull - lower + upper).max() < tol * scale
    assert lower.min() >= 0.0
    assert upper.min() >= 0.0
    assert (c >= low - tol).all()
    assert (c <= high + tol).all()
    assert (y[np.isinf(high)] <= tol).all()
    assert (y[np.isinf(low)] >= -tol).all()
    slack = np.minimum(np.where(np.isinf(low), np.inf, c - low), high - c)
    held = np.where(np.isinf(slack), 1.0, slack)
    assert np.abs(y * held).max(initial=0.0) < 10.0 * tol * scale


def test_a_known_answer(way: Way) -> None:
    problem = hs71()
    result = way.solve(problem)
    assert result.status is Status.SOLVED
    assert result.fun == pytest.approx(17.0140172892, rel=1e-6)
    np.testing.assert_allclose(result.x, [1.0, 4.742994, 3.8211503, 1.3794082], atol=1e-4)
    np.testing.assert_allclose(result.multipliers, [-0.5522937, 0.1614686], atol=1e-4)
    assert result.bound_multipliers[0][0] == pytest.approx(1.0878712, rel=1e-3)
    conditions(problem, result)
    assert result.iterations > 0
    assert result.counts.gradient > 0


def curved(n: int, m: int, seed: int) -> Problem:
    """A convex program with rows of all kinds, a fixed variable, and bounds of all kinds."""
    draw = np.random.default_rng(seed)
    A, inside = draw.normal(size=(m, n)), draw.uniform(-0.5, 0.5, n)
    b = A @ inside
    low = np.where(np.arange(m) % 3 == 0, -np.inf, b - 0.1)
    high = np.where(np.arange(m) % 3 == 1, np.inf, b + 0.2)
    low[-1] = high[-1] = b[-1]
    lo = np.where(np.arange(n) % 2 == 0, inside - 0.3, -np.inf)
    hi = np.where(np.arange(n) % 3 == 0, inside + 0.3, np.inf)
    lo[1] = hi[1] = inside[1]
    target = draw.normal(size=n)
    rows = [
        Constraint(lambda x: np.dot(A, x), low, high),
        Constraint(lambda x: np.sum(x**2), None, np.sum(inside**2) + 0.5),
    ]
    return Problem(
        lambda x: np.sum((x - target) ** 4) + np.sum(np.exp(0.1 * x)),
        inside,
        bounds=(lo, hi),
        constraints=rows,
    )


@pytest.mark.parametrize(("n", "m"), [(4, 2), (7, 3), (33, 9)])
def test_multipliers_of_all_kinds(way: Way, n: int, m: int) -> None:
    problem = curved(n, m, n)
    result = way.solve(problem)
    assert result.success, result.message
    conditions(problem, result, 1e-4)


def test_no_rows(way: Way) -> None:
    problem = Problem(lambda x: np.sum((x - 2.0) ** 4 + x**2), np.zeros(3), bounds=(None, 0.5))
    result = way.solve(problem)
    np.testing.assert_allclose(result.x, 0.5, atol=1e-6)
    np.testing.assert_allclose(result.bound_multipliers[1], 4 * 1.5**3 - 1.0, rtol=1e-4)
    one = way.solve(Problem(lambda x: (x[0] - 2.0) ** 2, [0.0]))
    np.testing.assert_allclose(one.x, 2.0, atol=1e-6)


def test_a_row_without_entries_and_a_free_row(way: Way) -> None:
    rows = Constraint(
        lambda x: np.stack([2.0 + 0.0 * x[0], x[0] * x[1], x[0] + x[1]]),
        [0.0, -np.inf, 1.0],
        [3.0, np.inf, 1.0],
    )
    result = way.solve(Problem(lambda x: np.sum((x - 2.0) ** 2), np.zeros(2), constraints=rows))
    assert result.success
    np.testing.assert_allclose(result.x, 0.5, atol=1e-5)
    np.testing.assert_allclose(result.multipliers, [0.0, 0.0, 3.0], atol=1e-4)


def test_nothing_but_linear_parts(way: Way) -> None:
    rows = Constraint(lambda x: x[0] + 2.0 * x[1], -1.0, 1.0)
    problem = Problem(lambda x: x[0] - x[1], np.zeros(2), bounds=(-1.0, 2.0), constraints=rows)
    result = way.solve(problem)
    np.testing.assert_allclose(result.x, [-1.0, 1.0], atol=1e-5)
    conditions(problem, result, 1e-4)


def test_a_square_system(way: Way) -> None:
    def rows(x: Any) -> Any:
        return np.stack([x[0] ** 2 + x[1] ** 2 - 1.0, x[0] - x[1]])

    problem = Problem(lambda x: 0.0 * x[0], [0.5, 0.4], constraints=Constraint(rows, 0.0, 0.0))
    result = way.solve(problem)
    assert result.success
    np.testing.assert_allclose(result.x, np.sqrt(0.5), atol=1e-6)


def test_what_cannot_hold_is_not_solved(way: Way) -> None:
    rows = Constraint(lambda x: np.sum(x**2), None, -1.0)
    problem = Problem(lambda x: np.sum(x), [0.5, 0.4], constraints=rows)
    result = way.solve(problem, options={way.limit: 60})
    assert not result.success
    assert "Violated most: row 0" in result.message


def test_what_falls_for_ever_is_not_solved(way: Way) -> None:
    with np.errstate(all="ignore"):
        problem = Problem(lambda x: -np.sum(x**2), [0.5, 0.4])
        assert not way.solve(problem, options={way.limit: 100}).success


def test_where_the_objective_ends_steps_are_cut(way: Way) -> None:
    with np.errstate(all="ignore"):
        result = way.solve(Problem(lambda x: np.sum(x - np.log(x)), [0.01, 9.0]))
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


def test_a_start_that_is_not_finite_is_a_status(way: Way) -> None:
    with np.errstate(all="ignore"):
        result = way.solve(Problem(lambda x: np.sum(np.log(x)), [-1.0, 2.0]))
    assert result.status is Status.EVALUATION_ERROR


class OwnError(Exception):
    """Of the user."""


@pytest.mark.parametrize("kind", [OwnError, StopIteration, KeyboardInterrupt])
def test_what_a_callback_raises(way: Way, kind: type[BaseException]) -> None:
    seen: list[int] = []

    def callback(state: ss.IterationState) -> None:
        seen.append(state.iteration)
        if len(seen) > 2:
            raise kind

    if kind is OwnError:
        with pytest.raises(OwnError):
            way.solve(hs71(), callback=callback)
    else:
        result = way.solve(hs71(), callback=callback)
        expected = Status.STOPPED if kind is StopIteration else Status.INTERRUPTED
        assert result.status is expected
    assert seen == [way.first, way.first + 1, way.first + 2]


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is not signal.default_int_handler,
    reason="this process does not hear Ctrl-C",
)
def test_ctrl_c(library: Way) -> None:
    def callback(state: ss.IterationState) -> None:
        if state.iteration == 2:
            signal.raise_signal(signal.SIGINT)

    result = library.solve(hs71(), callback=callback)
    assert result.status is Status.INTERRUPTED
    assert result.iterations in (2, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_callback_sees_points_and_stops(way: Way) -> None:
    states: list[ss.IterationState] = []

    def callback(state: ss.IterationState) -> bool:
        states.append(state)
        return state.iteration >= 2

    problem = hs71()
    result = way.solve(problem, callback=callback)
    assert result.status is Status.STOPPED
    assert states[-1].iteration == 2
    for state in states:
        assert state.fun == pytest.approx(problem.objective(state.x))
        assert state.x.shape == (4,)
    assert states[-1].solver.lower() == way.solver.lower()


def test_progress_and_history(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    result = way.solve(hs71(), progress=True)
    assert "objective" in "".join(capsys.readouterr())
    history = result.history
    assert history.iteration[0] == way.first
    assert history.iteration[-1] == result.iterations
    assert history.objective[-1] == pytest.approx(result.fun, rel=1e-4)


@pytest.mark.parametrize("preset", ["ipopt", "filtersqp"])
def test_uno_tells_slopes_in_the_users_units(preset: str) -> None:
    way = found(f"uno-{preset}")
    plain, scaled = way.solve(hs71()).history, way.solve(hs71(x_scale=1.0)).history
    np.testing.assert_allclose(scaled.objective, plain.objective)
    last = scaled.optimality[-1]
    assert last < 1e-6
    assert np.isfinite(scaled.optimality[1:]).all()
    if preset == "ipopt":  # whose own norm is the largest entry
        np.testing.assert_allclose(scaled.optimality[1:], plain.optimality[1:], atol=1e-7)


def test_an_unknown_option_is_named(way: Way) -> None:
    with pytest.raises(ValueError, match="no_such_option"):
        way.solve(hs71(), options={"no_such_option": 1})


def test_a_limit_on_iterations(way: Way) -> None:
    result = way.solve(luksan_vlcek(12), options={way.limit: 2})
    assert result.status is Status.ITERATION_LIMIT
    assert result.iterations in (2, 3)


def test_numbers_become_the_type_that_is_wanted(library: Way) -> None:
    given = {library.tolerance: 1, library.limit: np.int64(90)}
    assert library.solve(hs71(), options=given).x.shape == (4,)
    with pytest.raises(ValueError, match=library.tolerance):
        library.solve(hs71(), options={library.tolerance: "small"})
    with pytest.raises(ValueError, match=library.tolerance):
        library.solve(hs71(), options={library.tolerance: [1.0]})


def test_a_warm_start(library: Way) -> None:
    problem = luksan_vlcek(20)
    first = library.solve(problem)
    again = library.solve(problem, warm_start=first)
    assert first.iterations > again.iterations
    assert again.success
    np.testing.assert_allclose(again.x, first.x, atol=1e-6)
    without = Problem(problem.objective, first.x)
    with pytest.raises(ValueError, match="must come from a problem of 0 constraint rows"):
        library.solve(without, warm_start=first)


def test_a_branch_that_needs_a_larger_structure(library: Way) -> None:
    def objective(x: Any) -> Any:
        bent = np.sum((x - 1.0) ** 2)
        return bent + x[0] * x[1] if x[0] > 0.3 else bent

    def rows(x: Any) -> Any:
        return x[0] + x[1] ** 2 if x[2] < 0.5 else x[2] ** 2 + x[0]

    problem = Problem(objective, np.zeros(3), constraints=Constraint(rows, None, 2.0))
    result = library.solve(problem)
    assert result.status is Status.SOLVED
    np.testing.assert_allclose(result.x, [2.0 / 3.0, 2.0 / 3.0, 1.0], atol=1e-5)
    assert any("larger structure" in note for note in result.notes)


def test_each_value_is_computed_once(library: Way) -> None:
    result = library.solve(luksan_vlcek(30))
    counts = result.counts
    assert counts.gradient == counts.jacobian == result.iterations + 1
    assert counts.function == counts.constraints == result.iterations + 1
    assert result.iterations <= counts.hessian <= result.iterations + 1


def test_an_exception_of_an_evaluation_passes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    if way.options.get("transport") == "native":
        pytest.skip("its gradient is machine code")
    calls = [0]
    gradient = ProblemDerivatives.gradient

    def failing(self: Any, x: Any) -> Any:
        calls[0] += 1
        if calls[0] > 3:
            raise OwnError("mine")
        return gradient(self, x)

    monkeypatch.setattr(ProblemDerivatives, "gradient", failing)
    with pytest.raises(OwnError, match="mine"):
        way.solve(hs71())
    assert calls[0] == 4


def test_solvers_are_silent(library: Way, capfd: pytest.CaptureFixture[str]) -> None:
    library.solve(Problem(lambda x: 1e6 * np.sum((x - 1.0) ** 2), np.zeros(3), bounds=(None, 0.5)))
    library.solve(Problem(lambda x: -np.sum(x**2), [0.5, 0.4]))
    assert capfd.readouterr() == ("", "")


def test_what_solved_it_is_said(library: Way) -> None:
    result = library.solve(hs71())
    assert result.backend.lower().startswith(library.solver)
    assert any(char.isdigit() for char in result.backend)


def test_first_derivatives_alone_are_refused(library: Way) -> None:
    problem = Problem(lambda x: np.sum(x**2), np.ones(2), derivatives="differences")
    with pytest.raises(ValueError, match="second derivatives"):
        library.solve(problem)
