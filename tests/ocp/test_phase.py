"""One phase: known solutions, and what its functions may look like."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve import ocp

pytestmark = pytest.mark.ipopt
SCHEMES = ("hermite-simpson", "radau", "trapezoidal")


def double_integrator(t: Any, x: Any, u: Any, p: Any) -> Any:
    return [x[1], u[0]]


def least_time(**more: Any) -> ocp.Phase:
    return ocp.Phase(
        double_integrator,
        time=(0.0, (0.1, 10.0)),
        states=["position", "speed"],
        controls={"force": (-1.0, 1.0)},
        initial={"position": 0.0, "speed": 0.0},
        final={"position": 1.0, "speed": 0.0},
        end_cost=lambda first, last, p: last.t,
        **more,
    )


def bryson_denham(wall: float = 1 / 9, **more: Any) -> ocp.Phase:
    return ocp.Phase(
        more.pop("dynamics", double_integrator),
        time=(0.0, 1.0),
        states={"x": (None, wall), "v": None},
        controls=["a"],
        initial={"x": 0.0, "v": 1.0},
        final={"x": 0.0, "v": -1.0},
        running_cost=more.pop("running_cost", lambda t, x, u, p: 0.5 * u[0] ** 2),
        **more,
    )


def bang_bang(t: Any) -> Any:
    """Position on the way of least time, which takes 2."""
    return np.where(t < 1.0, 0.5 * t**2, 1.0 - 0.5 * (2.0 - t) ** 2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_least_time_is_two(scheme: str) -> None:
    solution = least_time().solve(intervals=30, scheme=scheme)
    rough = scheme == "trapezoidal"
    assert solution.success
    assert solution.final_time == pytest.approx(2.0, abs=3e-3 if rough else 1e-5)
    t = np.linspace(0.0, solution.final_time, 41)
    np.testing.assert_allclose(
        solution.state("position")(t), bang_bang(t), atol=5e-3 if rough else 1e-3
    )
    force = solution.control("force")
    np.testing.assert_allclose(force([0.2, 0.5, 0.8]), 1.0, atol=1e-4)
    np.testing.assert_allclose(force([1.2, 1.5, 1.8]), -1.0, atol=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bryson_denham_touches_the_wall(scheme: str) -> None:
    """For a wall at l <= 1/6 the least effort is 4 / (9 l), and a(0) = -2 / (3 l)."""
    solution = bryson_denham().solve(intervals=30, scheme=scheme)
    assert solution.cost == pytest.approx(4.0, abs=5e-2 if scheme == "trapezoidal" else 1e-5)
    x = solution.state("x")(np.linspace(0.0, 1.0, 101))
    assert x.max() < 1 / 9 + (1e-4 if scheme == "trapezoidal" else 1e-5)
    if scheme != "trapezoidal":
        t = np.linspace(0.0, 1 / 3, 20)  # until the wall is met, at 3 l
        exact = (1 - (1 - 3 * t) ** 3) / 9
        np.testing.assert_allclose(solution.state("x")(t), exact, atol=1e-5)
        np.testing.assert_allclose(solution.control("a")(t[:-2]), -6 * (1 - 3 * t[:-2]), atol=1e-3)


@pytest.mark.parametrize("scheme", ["hermite-simpson", "radau"])
def test_costates_jump_where_the_wall_is_met_and_left(scheme: str) -> None:
    """18 on the way to the wall, nothing along it, -18 on the way back; the mean at the jumps."""
    solution = bryson_denham().solve(intervals=24, scheme=scheme)
    t = np.arange(25) / 24
    expected = np.select([t < 0.33, t < 0.34, t < 0.66, t < 0.67], [18, 9, 0, -9], -18)
    np.testing.assert_allclose(solution.costate("x")(t), expected, atol=2e-2)
    effort = np.select([t < 1 / 3, t > 2 / 3], [6 - 18 * t, 18 * t - 12])
    np.testing.assert_allclose(solution.costate("v")(t), effort, atol=2e-3)


def test_the_wall_may_be_data_of_a_path_constraint() -> None:
    calls: list[int] = []

    def below(t: Any, x: Any, u: Any, p: Any) -> Any:
        calls.append(1)
        return x[0] - p["wall"]

    path = ss.Constraint(below, None, 0.0, name="wall")
    phase = bryson_denham(np.inf, path=path, data={"wall": 1 / 9})
    first = phase.solve(intervals=24)
    assert first.cost == pytest.approx(4.0, abs=1e-4)
    assert first.result.multipliers["wall"].shape == (1, 49)
    count = len(calls)
    second = phase.solve(intervals=24, data={"wall": 1 / 8})
    assert second.cost == pytest.approx(32 / 9, abs=1e-4)
    assert second.result.seconds_preparation == 0.0
    assert len(calls) - count <= 2  # plainly, to see whether data have changed


@pytest.mark.slow
def test_functions_that_cannot_take_rows_are_called_point_by_point() -> None:
    def branching(t: Any, x: Any, u: Any, p: Any) -> Any:
        return [x[1], 2.0 * u[0]] if t < 0.0 else np.array([x @ np.array([0.0, 1.0]), u[0]])

    at_once = bryson_denham().solve(intervals=12, method="ipopt")
    one_by_one = bryson_denham(
        dynamics=branching, running_cost=lambda t, x, u, p: 0.5 * (u @ u)
    ).solve(intervals=12, method="ipopt")
    np.testing.assert_allclose(one_by_one.result.vector, at_once.result.vector, atol=1e-8)
    assert [note.split(",")[0] for note in one_by_one.notes] == [
        "dynamics is called point by point",
        "running_cost is called point by point",
    ]
    assert at_once.notes == ()


def test_rows_that_mix_points_are_not_called_at_once() -> None:
    """`np.sum(u)` runs with rows as well, and would be the sum over all points."""
    summed = bryson_denham(running_cost=lambda t, x, u, p: 0.5 * np.sum(u**2)).solve(intervals=9)
    assert summed.cost == pytest.approx(bryson_denham().solve(intervals=9).cost, abs=1e-9)


@pytest.mark.parametrize("ask", [lambda x: np.all(x > -1.0), lambda x: np.min(x) > -1.0])
def test_questions_to_all_points_are_asked_of_each(ask: Any) -> None:
    """At all points of the guess the answer is yes; elsewhere it is not."""

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        return [x[1], u[0]] if ask(u[0]) else [x[1], 2.0 * u[0] + 1.0]

    def chosen(t: Any, x: Any, u: Any, p: Any) -> Any:
        return [x[1], np.where(u[0] > -1.0, u[0], 2.0 * u[0] + 1.0)]

    asked, right = (
        bryson_denham(dynamics=f).solve(intervals=4, method="ipopt") for f in (dynamics, chosen)
    )
    assert "dynamics is called point by point" in asked.notes[-1]
    assert right.notes == ()
    assert asked.cost == pytest.approx(right.cost, rel=1e-6)


def test_parameters_and_boundary_constraints() -> None:
    """The stiffest spring within its limits is the best one, and the motion is symmetric."""
    phase = ocp.Phase(
        lambda t, x, u, p: [x[1], p["gain"] * u[0]],
        time=(0.0, 1.0),
        states=["x", "v"],
        controls=["a"],
        initial={"x": 0.0, "v": 1.0},
        final={"x": 0.0},
        running_cost=lambda t, x, u, p: 0.5 * u[0] ** 2,
        end_cost=lambda first, last, p: 0.3 * p["gain"] ** 2,
        boundary=ss.Constraint(lambda a, b, p: a.x[1] + b.x[1], 0.0, 0.0, name="mirror"),
        parameters={"gain": (0.5, 4.0)},
        guess={"gain": 1.0},
    )
    solution = phase.solve(intervals=10)
    gain = (2.0 / 0.3) ** 0.25  # of 2 / gain**2 + 0.3 gain**2
    assert solution.parameters["gain"] == pytest.approx(gain, rel=1e-6)
    assert solution.cost == pytest.approx(2 / gain**2 + 0.3 * gain**2, rel=1e-7)
    assert solution.state("v")(1.0) == pytest.approx(-1.0, abs=1e-7)


def squared(t: Any, x: Any, u: Any, p: Any) -> Any:
    return p["weight"] * u[0] ** 2


def test_phases_problems_and_solutions_travel() -> None:
    phase = bryson_denham(running_cost=squared, data={"weight": 0.5})
    solution = phase.solve(intervals=6)
    copied, other = pickle.loads(pickle.dumps((phase, solution)))
    assert other.cost == solution.cost
    assert other.state("x")(0.3) == solution.state("x")(0.3)
    assert copied.solve(intervals=6, guess=other).cost == pytest.approx(solution.cost)
    problem = pickle.loads(pickle.dumps(phase.transcribe(intervals=6)))
    sweep = [{**problem.parameters, "data": {"weight": w}} for w in (0.5, 1.0)]
    found = [result.fun for result in problem.map(sweep)]
    assert found == pytest.approx([solution.cost, 2 * solution.cost], rel=1e-6)


def test_states_of_several_numbers() -> None:
    """Three masses at once cost three times as much; targets differ, and costs go with squares."""
    target = np.array([1.0, 2.0, -1.0])
    phase = ocp.Phase(
        lambda t, x, u, p: [x[3:], u],
        time=(0.0, 1.0),
        states={"x": 3, "v": (np.full(3, -9.0), np.full(3, 9.0))},
        controls={"a": 3},
        initial={"x": 0.0, "v": np.zeros(3)},
        final={"x": target, "v": np.zeros(3)},
        running_cost=lambda t, x, u, p: 0.5 * (u[0] ** 2 + u[1] ** 2 + u[2] ** 2),
    )
    solution = phase.solve(intervals=8)
    assert solution.cost == pytest.approx(6.0 * np.sum(target**2), rel=1e-8)
    assert solution.state("x")(0.5).shape == (3,)
    assert solution.state("x")(np.zeros((2, 4))).shape == (3, 2, 4)
    np.testing.assert_allclose(solution.state("x")(0.5), target / 2, atol=1e-8)
    assert solution.result.x["v"].shape == (3, 17)


MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"time": 1.0}, TypeError, r"`time` must be \(initial, final\)"),
    ({"time": (0.0, None)}, ValueError, "for a free one"),
    ({"time": (1.0, 0.0)}, ValueError, "must go forward"),
    ({"states": {"x": 3.0, "v": None}}, TypeError, r"`states\['x'\]` must be a pair"),
    ({"states": {"x": (1, 0), "v": None}}, ValueError, "exceeds the upper"),
    ({"states": "x"}, TypeError, "dictionary of limits by name"),
    ({"states": []}, ValueError, "at least one state"),
    ({"controls": ["x"]}, ValueError, r"\['x'\] twice"),
    ({"initial": {"y": 0.0}}, ValueError, r"must name some of \['x', 'v'\], got \['y'\]"),
    ({"states": {"x": (0, 1), "v": None}, "initial": {"x": 2.0}}, ValueError, "must meet"),
    ({"running_cost": 1.0}, TypeError, "`running_cost` must be callable, got float"),
    ({"path": [abs]}, TypeError, "`path` must hold Constraint objects"),
    ({"path": abs}, TypeError, "`path` must hold Constraint objects, got builtin_function"),
    ({"boundary": None}, TypeError, "`boundary` must hold Constraint objects, got NoneType"),
    ({"data": {"name": "steel"}}, TypeError, "must be a number or an array"),
    ({"guess": {"y": 0.0}}, ValueError, r"`guess` must name some of"),
    ({"scale": {"y": 1.0}}, ValueError, r"`scale` must name some of"),
    ({"scale": {"x": 0.0}}, ValueError, r"`scale\['x'\]` must be positive"),
    ({"scale": 2.0}, TypeError, r"`scale` must be 'auto' or a dictionary"),
]


@pytest.mark.parametrize(("change", "error", "message"), MISTAKES)
def test_mistakes_are_named(change: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {"time": (0.0, 1.0), "states": ["x", "v"], "controls": ["a"], **change}
    with pytest.raises(error, match=message):
        ocp.Phase(double_integrator, **given)


def test_an_error_of_a_function_says_how_it_was_called() -> None:
    phase = ocp.Phase(
        lambda t, x, u: [x[1], u[0]],
        time=(0.0, 1.0),
        states=["x", "v"],
        controls=["a"],
        data={"mass": 1.0},
    )
    with pytest.raises(TypeError, match="takes 3 positional arguments") as caught:
        phase.solve(intervals=3)
    assert "`dynamics` is called as f(t, x, u, p): with a number" in caught.value.__notes__[-1]
    assert "(2,) and (1,), and a dictionary of ['mass']" in caught.value.__notes__[-1]


def test_dynamics_of_too_few_rows_are_refused() -> None:
    phase = ocp.Phase(lambda t, x, u, p: [x[1]], time=(0.0, 1.0), states=["x", "v"])
    with pytest.raises(ValueError, match="`dynamics` must return 2 values"):
        phase.solve(intervals=3)
