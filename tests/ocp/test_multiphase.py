"""Phases one after the other: continuity, jumps, links, and shared names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve import ocp

SCHEMES = (
    "hermite-simpson",
    pytest.param("radau", marks=pytest.mark.slow),
    pytest.param("trapezoidal", marks=pytest.mark.slow),
    "multiple-shooting",
)


def leg(time: Any, force: tuple[float, float], **ends: Any) -> ocp.Phase:
    return ocp.Phase(
        lambda t, x, u, p: [x[1], u[0]],
        time=time,
        states=["x", "v"],
        controls={"a": force},
        **ends,
    )


def go_and_stop() -> ocp.Multiphase:
    # with room for the force, parabolas would exceed its limits between points
    go = leg((0.0, (0.1, 5.0)), (1.0, 1.0), initial={"x": 0.0, "v": 0.0})
    stop = leg(
        ((0.1, 5.0), (0.1, 9.0)),
        (-1.0, -1.0),
        final={"x": 1.0, "v": 0.0},
        end_cost=lambda first, last, p: last.t,
    )
    return ocp.Multiphase({"go": go, "stop": stop})


@pytest.mark.ipopt
@pytest.mark.parametrize("scheme", SCHEMES)
def test_least_time_of_two_phases(scheme: str) -> None:
    """Each has one sign of the force, which is constant, so that no rule has an error."""
    solution = go_and_stop().solve(intervals=4, scheme=scheme)
    assert solution.cost == pytest.approx(2.0, abs=1e-6)
    assert solution.phases["go"].final_time == pytest.approx(1.0, abs=1e-5)
    t = np.array([0.0, 0.5, 1.5, 2.0])
    np.testing.assert_allclose(solution.state("v")(t), [0.0, 0.5, 0.5, 0.0], atol=1e-5)
    np.testing.assert_allclose(solution.control("a")(t[1:3]), [1.0, -1.0], atol=1e-5)
    np.testing.assert_allclose(solution.costate("x")(t), -1.0, atol=1e-4)
    np.testing.assert_allclose(solution.costate("v")(t), [-1.0, -0.5, 0.5, 1.0], atol=1e-3)
    assert solution.result.multipliers["go to stop"].shape == (3,)
    assert solution.result.x["go"]["a"].shape == solution.result.x["stop"]["a"].shape


@pytest.mark.ipopt
def test_two_stages_of_a_rocket() -> None:
    """Tsiolkovsky: each stage gains c times the logarithm of its masses; half a unit drops off."""

    def stage(time: Any, **ends: Any) -> ocp.Phase:
        return ocp.Phase(
            lambda t, x, u, p: [2.0 * p["thrust"] / x[1], -p["thrust"]],
            time=time,
            states={"v": None, "m": (0.1, None)},
            data={"thrust": 1.0},
            **ends,
        )

    first = stage((0.0, (0.01, 10.0)), initial={"v": 0.0, "m": 3.0}, final={"m": 1.5})
    second = stage(
        ((0.01, 10.0), (0.01, 20.0)),
        final={"m": 0.4},
        end_cost=lambda first, last, p: -last.x[0],
    )
    drop = ss.Constraint(
        lambda ends, p: ends["first"].last.x[1] - ends["second"].first.x[1], 0.5, 0.5, name="drop"
    )
    rocket = ocp.Multiphase({"first": first, "second": second}, jumps=["m"], links=drop)
    gain = 2.0 * np.log(3.0 / 1.5) + 2.0 * np.log(1.0 / 0.4)
    solution = rocket.solve(intervals={"first": 12, "second": [0, 1, 2, 3, 4, 6, 8, 10, 12]})
    assert -solution.cost == pytest.approx(gain, abs=2e-5)
    np.testing.assert_allclose(solution.state("m")([0.0, 1.49, 1.51]), [3.0, 1.51, 0.99], atol=1e-6)
    quick = rocket.solve(
        intervals={"first": 12, "second": [0, 1, 2, 3, 4, 6, 8, 10, 12]},
        data={"thrust": 2.0},
        guess=solution,
    )
    assert quick.final_time == pytest.approx(solution.final_time / 2, rel=1e-6)
    assert -quick.cost == pytest.approx(gain, abs=2e-5)
    assert quick.result.seconds_preparation == 0.0


@pytest.mark.ipopt
def test_parameters_and_end_costs_of_all_phases() -> None:
    """The same unknown in both phases: x runs at speed k, then at 2 k, and should reach 3."""

    def run(time: Any, factor: float, **more: Any) -> ocp.Phase:
        return ocp.Phase(
            lambda t, x, u, p: [factor * p["k"]],
            time=time,
            states=["x"],
            parameters={"k": (0.0, 5.0)},
            **more,
        )

    way = ocp.Multiphase(
        {"one": run((0.0, 1.0), 1.0, initial={"x": 0.0}), "two": run((1.0, 2.0), 2.0)},
        end_cost=lambda ends, p: (ends["two"].last.x[0] - 3.0) ** 2,
    )
    solution = way.solve(intervals=3)
    assert solution.parameters["k"] == pytest.approx(1.0, abs=1e-6)
    assert solution.state("x")([1.0, 1.5]) == pytest.approx([1.0, 2.0], abs=1e-6)


def test_gaps_between_curves_are_no_numbers() -> None:
    one = ocp.Curve(np.array([0.0, 1.0]), np.array([[[2.0]]]), ())
    other = ocp.Curve(np.array([2.0, 3.0]), np.array([[[4.0]]]), ())
    joined = ocp.Joined([one, other])
    np.testing.assert_array_equal(
        joined.held([-1.0, 0.5, 1.5, 2.0, 9.0]), [2.0, 2.0, np.nan, 4.0, 4.0]
    )
    assert joined(0.5) == 2.0


def plain(**more: Any) -> ocp.Phase:
    given = {"time": (0.0, 1.0), "states": ["x"], **more}
    return ocp.Phase(lambda t, x, u, p: [x[0]], **given)


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    ([plain()], {}, "`phases` must be a dictionary"),
    ({"a": 1.0}, {}, "`phases` must hold phases by name"),
    ({"a": plain(), "b": plain()}, {}, "'final_time' ends within 1.0 to 1.0 and begins within 0.0"),
    ({"a": plain()}, {"jumps": ["y"]}, "`jumps` must be a list of names"),
    ({"k": plain(parameters={"k": None})}, {}, r"like parameters or data, got \['k'\]"),
    (
        {"a": plain(data={"d": 1.0}), "b": plain(time=(1.0, 2.0), data={"d": 2.0})},
        {},
        "data 'd' must have the same value",
    ),
    (
        {"a": plain(parameters={"d": None}), "b": plain(time=(1, 2), parameters={"d": (0, 1)})},
        {},
        "parameter 'd' must have the same limits",
    ),
    (
        {"a": plain(final={"x": 1.0}), "b": plain(time=(1.0, 2.0), initial={"x": 2.0})},
        {},
        "'x' ends within 1.0 to 1.0 and begins within 2.0",
    ),
]


@pytest.mark.parametrize(("phases", "more", "message"), MISTAKES)
def test_mistakes_are_named(phases: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ocp.Multiphase(phases, **more)
