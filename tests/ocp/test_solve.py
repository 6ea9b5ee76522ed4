"""Solving again, guesses, meshes that are refined, and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve import ocp
from sparsesolve.ocp.refine import refined

pytestmark = pytest.mark.ipopt


def swing(calls: list[int] | None = None, **more: Any) -> ocp.Phase:
    """A pendulum, brought to rest in time 2 with little torque."""

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        if calls is not None:
            calls.append(1)
        angle, speed = x
        return [speed, u[0] - p["gravity"] * np.sin(angle)]

    return ocp.Phase(
        dynamics,
        time=(0.0, 2.0),
        states=["angle", "speed"],
        controls={"torque": (-9.0, 9.0)},
        initial={"angle": 1.0, "speed": 0.0},
        final={"angle": 0.0, "speed": 0.0},
        running_cost=lambda t, x, u, p: u[0] ** 2,
        data={"gravity": 4.0},
        **more,
    )


def test_nothing_is_traced_again_for_other_data_ends_and_meshes() -> None:
    calls: list[int] = []
    phase = swing(calls)
    first = phase.solve(intervals=16)
    count = len(calls)
    again = phase.solve(intervals=np.linspace(0.0, 1.0, 17) ** 1.5, data={"gravity": 5.0})
    other = phase.solve(intervals=16, initial={"angle": 0.5}, final={"speed": (-1.0, 1.0)})
    assert len(calls) - count <= 4  # a plain call before and after each solve
    assert again.result.seconds_preparation == other.result.seconds_preparation == 0.0
    fresh = swing().solve(intervals=16, initial={"angle": 0.5}, final={"speed": (-1.0, 1.0)})
    assert other.cost == pytest.approx(fresh.cost, rel=1e-6)
    assert other.state("angle")(0.0) == pytest.approx(0.5)
    assert first.cost != pytest.approx(again.cost, rel=1e-3)


def test_a_solution_is_a_warm_start_on_its_mesh_and_a_guess_on_others() -> None:
    phase = swing()
    first = phase.solve(intervals=20)
    assert phase.solve(intervals=20, guess=first).result.iterations <= 1
    near = phase.solve(intervals=20, guess=first, data={"gravity": 4.01})
    assert near.result.iterations < first.result.iterations
    finer = phase.solve(intervals=33, guess=first, scheme="radau")
    assert finer.cost == pytest.approx(first.cost, rel=1e-3)


def test_guesses_are_numbers_functions_and_tables() -> None:
    guess = {
        "angle": lambda t: 1.0 - t / 2.0,
        "speed": ([0.0, 1.0, 2.0], [0.0, -1.0, 0.0]),
        "torque": 0.5,
    }
    problem = ocp.Multiphase({"only": swing()}).transcribe(intervals=4, guess={"only": guess})
    x0 = problem.x0["only"]
    t = np.linspace(0.0, 2.0, 9)
    np.testing.assert_allclose(x0["angle"], 1.0 - t / 2.0)
    np.testing.assert_allclose(x0["speed"], -np.minimum(t, 2.0 - t))
    np.testing.assert_allclose(x0["torque"], 0.5)
    outside = {"angle": lambda t: 3.0 + t, "torque": 50.0}
    moved = ocp.Multiphase({"only": swing()}).transcribe(intervals=4, guess={"only": outside})
    assert moved.x0["only"]["angle"][[0, 1, -1]].tolist() == [1.0, 3.25, 0.0]
    assert moved.x0["only"]["torque"].max() == 9.0


def test_the_problem_is_one_of_named_blocks() -> None:
    problem = swing().transcribe(intervals=5)
    assert isinstance(problem, ss.Problem)
    assert {name: np.shape(block) for name, block in problem.x0.items()} == {
        "angle": (11,),
        "speed": (11,),
        "torque": (11,),
    }
    assert [c.name for c in problem.constraints] == ["dynamics"]
    lower, upper = problem.bounds
    assert lower[0] == upper[0] == 1.0
    assert lower[10] == upper[10] == 0.0
    assert problem.jacobian(problem.first).shape == (20, 33)


def test_derivatives_of_all_rules_agree_with_differences(rng: np.random.Generator) -> None:
    """Compiled rows against central differences of them, parameters and a free time included."""
    phase = ocp.Phase(
        lambda t, x, u, p: [x[1] * np.cos(t), p["k"] * u[0] - x[0] ** 3],
        time=(0.0, (0.5, 3.0)),
        states=["x", "v"],
        controls=["u"],
        parameters={"k": (0.1, 2.0)},
        running_cost=lambda t, x, u, p: u[0] ** 2 + t * x[0],
        path=ss.Constraint(lambda t, x, u, p: [x[0] + u[0], x[1]], [-9.0, -8.0], [9.0, 8.0]),
    )
    for scheme in ("hermite-simpson", "radau", "trapezoidal", ocp.multiple_shooting(2)):
        problem = phase.transcribe(intervals=3, scheme=scheme)
        x = problem.first + 0.3 * rng.random(problem.n) + 0.1
        step = 1e-6 * np.eye(problem.n)
        rows = [problem.constraint_values(x + s) - problem.constraint_values(x - s) for s in step]
        np.testing.assert_allclose(
            problem.jacobian(x).toarray(), np.stack(rows, axis=1) / 2e-6, atol=1e-7
        )
        slopes = [problem.objective_value(x + s) - problem.objective_value(x - s) for s in step]
        np.testing.assert_allclose(problem.gradient(x), np.array(slopes) / 2e-6, atol=1e-7)


@pytest.mark.slow_cases("auto")
@pytest.mark.parametrize("scale", ["auto", {"x": 1e6, "v": [1e6, 1e-3], "a": 1e3, "final_time": 2}])
def test_units_change_nothing_but_what_the_solver_sees(scale: Any) -> None:
    """Two masses, of very different units: the cost and the costates are those of the user's."""
    far, near = 2e6, 3e-3
    phase = ocp.Phase(
        lambda t, x, u, p: [x[2:], u],
        time=(0.0, (1.0, 4.0)),
        states={"x": 2, "v": 2},
        controls={"a": 2},
        initial={"x": 0.0, "v": 0.0},
        final={"x": [far, near], "v": 0.0},
        running_cost=lambda t, x, u, p: (u[0] / far) ** 2 + (u[1] / near) ** 2 + 1.0,
        guess={"x": lambda t: np.array([[far], [near]]) * t, "a": 1.0},
        scale=scale,
    )
    solution = phase.solve(intervals=6)
    time = (2 * 3 * 12) ** 0.25  # of 24 / time**3 + time
    assert solution.final_time == pytest.approx(time, rel=1e-5)
    assert solution.cost == pytest.approx(24 / time**3 + time, rel=1e-7)
    # what it costs to begin farther: 2 * 12 * distance / time**3, over squared units
    costate = -24.0 / time**3 / np.array([far, near])
    np.testing.assert_allclose(solution.costate("x")(0.5), costate, rtol=1e-4)


@pytest.mark.parametrize(
    "scheme", ["hermite-simpson", pytest.param("radau", marks=pytest.mark.slow)]
)
def test_meshes_are_refined_until_the_error_is_small(scheme: str) -> None:
    phase = swing()
    coarse = phase.solve(intervals=4, scheme=scheme)
    fine = phase.solve(intervals=4, scheme=scheme, tolerance=1e-6)
    assert coarse.error > 1e-6 >= fine.error
    assert coarse.rounds == ()
    assert [r.error <= 1e-6 for r in fine.rounds] == [False] * (len(fine.rounds) - 1) + [True]
    assert fine.rounds[0].intervals == 4
    assert fine.rounds[-1].intervals == len(fine.phases[""].mesh) - 1
    best = phase.solve(intervals=12, scheme=ocp.radau(6))
    assert fine.cost == pytest.approx(best.cost, abs=1e-5)


def test_only_intervals_of_large_errors_are_divided() -> None:
    mesh = np.array([0.0, 0.2, 0.6, 1.0])
    found = refined(mesh, np.array([1e-9, 1e-3, 2e-6]), 1e-6, 4)
    np.testing.assert_allclose(found, [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0])
    np.testing.assert_array_equal(refined(mesh, np.full(3, 1e-6), 1e-6, 4), mesh)


def test_pictures_have_a_panel_for_each_quantity() -> None:
    pytest.importorskip("matplotlib")
    solution = swing().solve(intervals=6)
    figure = solution.plot(costates=True)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["angle", "speed", "torque", "costate of angle", "costate of speed"]
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), solution.state("angle")(line.get_xdata()))
    with pytest.raises(ValueError, match="`axes` must be 3, one for each quantity, got 1"):
        solution.plot(figure.axes[:1])


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"intervals": 0}, "`intervals` must be at least 1"),
    ({"intervals": [0.0, 2.0, 1.0]}, "ascending ends"),
    ({"scheme": "euler"}, "`scheme` must be one of hermite-simpson, radau"),
    ({"data": {"g": 1.0}}, "`data` must hold some of the names"),
    ({"data": {"gravity": [1.0, 2.0]}}, r"got 'gravity' of shape \(2,\)"),
    ({"guess": {"angel": 1.0}}, r"`guess` must name some of .*, got \['angel'\]"),
    ({"guess": {"angle": [1.0, 2.0]}}, r"`guess\['angle'\]` must have shape \(\)"),
    ({"guess": {"angle": ([1.0, 2.0], [1.0])}}, "or \\(times, values\\)"),
    ({"initial": {"angel": 1.0}}, "`initial` must name some of"),
    ({"tolerance": 0.0}, "`tolerance` must be positive"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        swing().solve(**{"intervals": 3, **options})


def test_names_that_there_are_not() -> None:
    solution = swing().solve(intervals=3)
    with pytest.raises(KeyError, match="there is no state 'angel'"):
        solution.state("angel")
