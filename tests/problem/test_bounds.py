"""Bounds in every spelling that scipy or we accept, for one, two, three and many variables."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from needs import skip_without_ipopt

from sparsesolve import Constraint, Problem, least_squares, minimize
from sparsesolve.problem.bounds import variable_bounds

INF = np.inf


def rows(bounds, n: int, reading: str = "minimize") -> list[tuple[float, float]]:
    lower, upper = variable_bounds(bounds, n, reading=reading)
    assert lower.shape == upper.shape == (n,)
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_one_box_in_every_spelling(n: int) -> None:
    low, high = np.arange(n) * 1.0, np.arange(n) + 2.0
    want = list(zip(low.tolist(), high.tolist(), strict=True))
    spellings = [
        (low, high),
        want,
        tuple(want),
        zip(low, high, strict=True),
        np.column_stack([low, high]),
        scipy.optimize.Bounds(low, high),
        [np.float32(low[0]).reshape(1), high[:1]] if n == 1 else [list(pair) for pair in want],
    ]
    if n != 2:
        spellings += [(low.tolist(), high.tolist()), [low, high], np.array([low, high])]
    for spelling in spellings:
        assert rows(spelling, n) == want


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_scalars_and_none_are_one_lower_and_one_upper_bound(n: int) -> None:
    assert rows(None, n) == [(-INF, INF)] * n
    assert rows((np.array(0.5), np.array(2.0)), n) == [(0.5, 2.0)] * n
    assert rows((0.0, 1.0), n) == rows([0, 1], n) == rows(np.array([0.0, 1.0]), n) == [(0, 1)] * n
    assert rows((None, 1.0), n) == [(-INF, 1.0)] * n
    assert rows((0.0, None), n) == [(0.0, INF)] * n
    assert rows((None, None), n) == [(-INF, INF)] * n
    assert rows((np.zeros(n), None), n) == rows((np.zeros(n), INF), n) == [(0.0, INF)] * n
    assert rows((None, [1] * n), n) == rows((-INF, [1] * n), n) == [(-INF, 1.0)] * n
    assert rows(scipy.optimize.Bounds(0.0, INF), n) == [(0.0, INF)] * n


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_none_inside_pairs_is_no_bound(n: int) -> None:
    assert rows([(0, None)] * n, n) == [(0.0, INF)] * n
    assert rows(((None, 1),) * n, n) == [(-INF, 1.0)] * n
    assert rows([(None, None)] * n, n) == [(-INF, INF)] * n
    if n > 2:
        assert rows([(0, 1)] + [None] * (n - 1), n) == [(0.0, 1.0)] + [(-INF, INF)] * (n - 1)


def test_two_pairs_for_two_variables_are_pairs() -> None:
    assert rows(((0, None), (0, None)), 2) == [(0.0, INF), (0.0, INF)]
    assert rows(((-1, 1), (-1, 1)), 2) == [(-1.0, 1.0), (-1.0, 1.0)]
    assert rows([(0, 1), (0, 2)], 2) == rows([[0, 1], [0, 2]], 2) == [(0.0, 1.0), (0.0, 2.0)]
    assert rows(np.array([[0.0, 1.0], [0.0, 2.0]]), 2) == [(0.0, 1.0), (0.0, 2.0)]
    assert rows((np.array([0.0, 1.0]), np.array([0.5, 2.0])), 2) == [(0.0, 0.5), (1.0, 2.0)]
    assert rows((np.array([0.0, 1.0]), [0.5, 2.0]), 2) == [(0.0, 0.5), (1.0, 2.0)]


@pytest.mark.parametrize(
    "bounds",
    [
        ([0, 0], [1, 1]),
        ((0, 0), [1, 1]),
        [np.array([0, 0]), np.array([1, 1])],
        ((0, 1), None),
    ],
)
def test_two_readings_are_refused_and_both_spellings_shown(bounds) -> None:
    with pytest.raises(ValueError, match=r"np\.array\(lower\).*\[\(low, high\), \(low, high\)\]"):
        Problem(np.sum, [0.5, 0.5], bounds=bounds)


def test_two_readings_that_agree_are_no_matter() -> None:
    assert rows(([0, 1], [1, 3]), 2) == [(0.0, 1.0), (1.0, 3.0)]


def test_least_squares_reads_two_lists_as_scipy_does() -> None:
    assert rows(([0, 0], [1, 2]), 2, "least_squares") == [(0.0, 1.0), (0.0, 2.0)]
    assert rows(([None, 0], [1, None]), 2, "least_squares") == [(-INF, 1.0), (0.0, INF)]
    assert rows((np.zeros(2), np.ones(2)), 2, "least_squares") == [(0.0, 1.0)] * 2
    assert rows([np.zeros(2), np.ones(2)], 2, "least_squares") == [(0.0, 1.0)] * 2
    assert rows([(0, 1), (0, 2)], 2, "least_squares") == [(0.0, 1.0), (0.0, 2.0)]
    assert rows(((0, None), (0, None)), 2, "least_squares") == [(0.0, INF)] * 2
    assert rows([(0, 1)] * 3, 3, "least_squares") == [(0.0, 1.0)] * 3
    for unclear in (((-1, 1), (-1, 1)), [[0, 0], [1, 1]]):
        with pytest.raises(ValueError, match="one meaning"):
            rows(unclear, 2, "least_squares")


@pytest.mark.parametrize("bounds", ["ab", {0: (0, 1), 1: (0, 1)}, 3.0, {0, 1}])
def test_other_kinds_are_refused(bounds) -> None:
    with pytest.raises(TypeError, match="pairs"):
        Problem(np.sum, [0.5, 0.5], bounds=bounds)


@pytest.mark.parametrize("bounds", [[(0, 1)] * 3, [0, 1, 2], [(0, 1, 2), (0, 1)], [(0, 1)]])
def test_other_shapes_are_refused(bounds) -> None:
    with pytest.raises(ValueError, match=r"pairs|scalar or have"):
        Problem(np.sum, [0.5, 0.5], bounds=bounds)


@pytest.mark.parametrize("solver", ["SLSQP", "trust-constr", "ipopt"])
def test_pairs_reach_the_solver_as_in_scipy(solver: str) -> None:
    if solver == "ipopt":
        skip_without_ipopt()
    limits = [
        Constraint(lambda x: x[0] - 2 * x[1] + 2, 0, None),
        Constraint(lambda x: -x[0] - 2 * x[1] + 6, 0, None),
        Constraint(lambda x: -x[0] + 2 * x[1] + 2, 0, None),
    ]
    result = minimize(
        lambda x: (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2,
        [2.0, 0.0],
        bounds=((0, None), (0, None)),
        constraints=limits,
        solver=solver,
    )
    assert result.success
    np.testing.assert_allclose(result.x, [1.4, 1.7], atol=1e-5)


def test_pairs_reach_least_squares() -> None:
    fit = least_squares(lambda x: x - np.array([3.0, -4.0]), [0.5, 0.5], bounds=[(0, 1), (0, 2)])
    np.testing.assert_allclose(fit.x, [1.0, 0.0], atol=1e-6)
