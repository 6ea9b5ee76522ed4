"""What `spy` and `plot_coloring` draw of derivatives and problems, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss

pytest.importorskip("matplotlib")


def blocks_of(problem_size: int = 4) -> ss.Problem:
    n = problem_size
    return ss.Problem(
        lambda v: np.sum(v["u"] ** 2) + np.sum(v["w"] ** 4),
        {"u": np.ones(n), "w": np.ones((2, 3))},
        constraints=[
            ss.Constraint(lambda v: v["u"][1:] - v["u"][:-1], 0.0, 0.0, name="steps"),
            ss.Constraint(lambda v: v["w"][0] * v["u"][0], None, 1.0, name="product"),
        ],
    )


def labels(ax: Any, axis: str) -> list[str]:
    return [label.get_text() for label in getattr(ax, f"get_{axis}ticklabels")()]


def positions(ax: Any, axis: str) -> list[float]:
    return list(getattr(ax, f"get_{axis}ticks")())


def test_a_problem_has_names_and_lines_between_its_parts() -> None:
    ax = ss.spy(blocks_of())
    assert ax.get_title() == "6 x 10, 12 entries (20 %)"
    assert labels(ax, "y") == ["steps", "product"]
    assert positions(ax, "y") == [1.0, 4.0]
    assert labels(ax, "x") == ["u", "w"]
    assert positions(ax, "x") == [1.5, 6.5]
    ends = [list(line.get_ydata()) for line in ax.lines if len(set(line.get_ydata())) == 1]
    assert [2.5, 2.5] in ends
    starts = [list(line.get_xdata()) for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert [3.5, 3.5] in starts


@pytest.mark.slow
def test_the_hessian_of_a_problem() -> None:
    ax = ss.spy(blocks_of(), of="hessian")
    assert ax.get_title().startswith("10 x 10, 16 entries")
    assert labels(ax, "y") == labels(ax, "x") == ["u", "w"]
    free = ss.Problem(lambda x: np.sum(x[1:] * x[:-1]), np.ones(5))
    assert ss.spy(free).get_title().startswith("5 x 5, 8 entries")
    with pytest.raises(ValueError, match=r"`of` must be one of auto, jacobian, hessian, got 'J'"):
        ss.spy(free, of="J")


@pytest.mark.parametrize(("n", "step"), [(1, 1), (6, 1), (7, 2), (31, 10), (100, 20), (4000, 1000)])
def test_ticks_are_round_numbers(n: int, step: int) -> None:
    ax = ss.spy(ss.Pattern.from_offsets((n, n), (0,)))
    expected = list(range(0, n, step))
    assert positions(ax, "x") == positions(ax, "y") == expected
    assert labels(ax, "x") == [str(k) for k in expected]


def test_many_constraints_have_numbers_again() -> None:
    rows = [ss.Constraint(lambda x, k=k: x[k], 0.0, 0.0, name=f"c{k}") for k in range(30)]
    ax = ss.spy(ss.Problem(None, np.ones(30), constraints=rows))
    assert labels(ax, "y") == ["0", "5", "10", "15", "20", "25"]


def test_derivatives_are_drawn_by_their_pattern() -> None:
    J = ss.jacobian(lambda x: x[1:] * x[:-1], np.ones(9))
    assert ss.spy(J).get_title() == ss.spy(J.pattern).get_title() == "8 x 9, 16 entries (22.2 %)"
    np.testing.assert_array_equal(
        ss.spy(J).images[0].get_array(), ss.spy(J.pattern).images[0].get_array()
    )
    H = ss.hessian(lambda x: np.sum(x**3), np.ones(4))
    assert ss.spy(H).get_title().startswith("4 x 4, 4 entries")


def test_the_coloring_of_a_derivative_or_a_matrix() -> None:
    J = ss.jacobian(lambda x: x[1:] * x[:-1], np.ones(9))
    for drawn in (J, J.pattern, J.pattern.to_scipy(), ss.color(J)):
        assert ss.plot_coloring(drawn).get_title() == "2 colors (columns)"
    H = ss.hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(6))
    assert "symmetric" in ss.plot_coloring(H).get_title()


@pytest.mark.parametrize(
    "nonsense", ["hello", b"x", None, 3, 3.5, {"a": 1}, np.sin, object(), [[]]]
)
def test_nonsense_is_refused(nonsense: Any) -> None:
    for draw in (ss.spy, ss.plot_coloring, ss.color):
        if nonsense == [[]] and draw is not ss.spy:
            continue
        if nonsense == [[]]:
            assert draw(nonsense).get_title().startswith("1 x 0")
            continue
        with pytest.raises(ss.errors.PatternError, match="a matrix was expected, got"):
            draw(nonsense)
    with pytest.raises(ss.errors.PatternError, match=r"of shape \(2, 2, 2\)"):
        ss.spy(np.ones((2, 2, 2)))


def test_large_patterns_are_shaded_by_density() -> None:
    n = 3000
    rng = np.random.default_rng(0)
    half = ss.Pattern.from_coo((n, n), rng.integers(0, n, 40_000), rng.integers(0, n // 2, 40_000))
    image = np.asarray(ss.spy(half).images[0].get_array())
    assert image.shape[:2] == (500, 500)
    assert np.all(image[:, 251:] == 1.0)
    assert len(np.unique(image[:, :250, 0])) > 3
