"""Optimal control: what is asked for outside of a solution, and mistakes in posing a problem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparsesolve import ocp
from sparsesolve.ocp.curve import Curve, Joined


def decay(**changed: Any) -> ocp.Phase:
    given: dict[str, Any] = {
        "dynamics": lambda t, x, u, p: [-p["rate"] * x[0]],
        "time": (0.0, 1.0),
        "states": ["x"],
        "initial": {"x": 1.0},
        "data": {"rate": 1.0},
    }
    return ocp.Phase(**{**given, **changed})


LINE = Curve(np.array([0.0, 2.0]), np.array([[[1.0]], [[4.0]]]), ())
FLAT = Curve(np.array([2.0, 3.0]), np.array([[[5.0]]]), ())


@pytest.mark.parametrize("curve", [LINE, Joined([LINE, FLAT])])
@pytest.mark.parametrize("t", [-0.1, 3.5, [0.5, 4.0], np.inf])
def test_times_outside_are_refused(curve: Any, t: Any) -> None:
    with pytest.raises(ValueError, match="`t` must be within 0 to"):
        curve(t)


def test_times_outside_by_request() -> None:
    assert LINE([-1.0, 3.0], extrapolate=True).tolist() == [-1.0, 7.0]
    assert LINE.held([-1.0, 3.0]).tolist() == [1.0, 5.0]
    joined = Joined([LINE, FLAT])
    assert joined([-1.0, 1.0, 9.0], extrapolate=True).tolist() == [-1.0, 3.0, 5.0]
    assert joined.held([-1.0, 9.0]).tolist() == [1.0, 5.0]


def test_rounding_at_the_ends_is_no_time_outside_and_nan_stays() -> None:
    assert LINE(2.0 + 1e-12) == 5.0
    assert LINE(-1e-12) == 1.0
    assert np.isnan(LINE(np.nan))


def test_a_solution_is_a_guess_for_a_longer_time() -> None:
    first = decay().solve(intervals=4)
    with pytest.raises(ValueError, match=r"within 0 to 1, got 1\.5"):
        first.state("x")(1.5)
    longer = decay(time=(0.0, 2.0)).solve(intervals=5, guess=first)
    np.testing.assert_allclose(longer.state("x")(2.0), np.exp(-2.0), rtol=1e-3)


def test_a_name_that_is_no_data_is_told_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"no parameter or data 'rate'; there are \['speed'\]"):
        decay(data={"speed": 1.0}).solve(intervals=3)


def test_dynamics_that_return_nothing() -> None:
    def dynamics(t: Any, x: Any, u: Any, p: Any) -> None:
        pass

    with pytest.raises(TypeError, match="`dynamics` must return numbers, got None"):
        decay(dynamics=dynamics).solve(intervals=3)


@pytest.mark.parametrize("ends", [[0.0, 2.0, 1.0], [0.0, 0.0, 1.0], [0.0, np.nan, 1.0]])
def test_ends_of_intervals_that_do_not_ascend(ends: list[float]) -> None:
    with pytest.raises(ValueError, match="`intervals` must be ascending ends"):
        decay().solve(intervals=ends)


@pytest.mark.parametrize("time", [(0.0, 0.0), (1.0, (0.5, 1.0))])
def test_a_phase_takes_time(time: Any) -> None:
    with pytest.raises(ValueError, match="`time` must go forward"):
        decay(time=time)


def test_words_of_solve_are_told_from_those_of_solvers() -> None:
    with pytest.raises(TypeError, match=r"argument 'interval'\. It takes intervals, scheme, .*tol"):
        decay().solve(interval=3)
    with pytest.raises(ValueError, match=r"got 'radau'\. Write scheme='radau'"):
        decay().solve(intervals=3, method="radau")
