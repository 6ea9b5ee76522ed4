"""`minimize` by TAO, and sums over all unknowns, on one, two and four ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpi_runs import needs_petsc, results
from petsc_cases import bowl, coupled, decay, low, valley

import sparsesolve as ss

pytestmark = [needs_petsc, pytest.mark.slow]

RANKS = pytest.mark.parametrize("ranks", [1, 2, 4])


def on_all(ranks: int, case: str) -> list[dict[str, Any]]:
    return [found[case] for found in results(ranks, "tao")]


def hold(found: dict[str, Any], expected: Any, gradient: Any) -> None:
    """A minimum as ours; gradient and multipliers belong to it."""
    np.testing.assert_allclose(found["fun"], expected.fun, rtol=1e-10)
    np.testing.assert_allclose(found["x"], expected.x, atol=1e-6)
    np.testing.assert_allclose(found["gradient"], gradient(np.array(found["x"])), atol=1e-9)
    left = np.subtract(found["gradient"], found["lower"]) + found["upper"]
    assert np.abs(left).max() == found["optimality"] < 1e-7
    assert found["status"] == "solved"
    assert 0 < found["hessians"] <= 20


@RANKS
def test_bounds_that_hold(ranks: int) -> None:
    bounds = (low(100), 2.0)
    expected = ss.minimize(valley, np.full(100, 1.5), bounds=bounds, method="ipopt", tol=1e-11)
    gradient = ss.gradient(valley, np.ones(100))
    for found in on_all(ranks, "in_a_valley"):
        hold(found, expected, gradient)
        assert np.count_nonzero(np.array(found["lower"]) > 1.0) >= 10


@RANKS
def test_more_steps_than_tao_would_take_by_itself(ranks: int) -> None:
    for found in on_all(ranks, "in_a_long_valley"):
        assert found["status"] == "solved"
        assert found["iterations"] > 50
        np.testing.assert_allclose(found["x"], 1.0, atol=1e-6)


@RANKS
def test_a_callback_that_stops_is_named(ranks: int) -> None:
    for found in on_all(ranks, "stopped_in_a_valley"):
        assert found["status"] == "stopped"
        assert found["message"] == "Stopped by the callback."


@RANKS
def test_a_hessian_that_is_full(ranks: int) -> None:
    bounds = (np.where(np.arange(90) % 5 == 0, 0.7, 0.2), 2.0)
    given = {"args": (0.02,), "bounds": bounds, "method": "L-BFGS-B", "tol": 1e-14}
    expected = ss.minimize(bowl, np.linspace(0.0, 1.0, 90), **given)
    gradient = ss.gradient(bowl, np.ones(90), 0.02)
    for found in on_all(ranks, "in_a_bowl"):
        hold(found, expected, lambda x: gradient(x, 0.02))


@RANKS
def test_blocks_and_parameters(ranks: int) -> None:
    for found in on_all(ranks, "a_problem_of_blocks"):
        assert found["status"] == "solved"
        np.testing.assert_allclose(found["u"][1:], 3.0, rtol=1e-8)
        np.testing.assert_allclose(found["u"][0], 3.0 - 0.5**2 / 2, rtol=1e-8)
        assert found["v"] == 0.5


def test_constraints_are_refused() -> None:
    (found,) = on_all(1, "refused_by_tao")
    assert "within bounds, got constraints. Use method='ipopt'" in found["error"]


@RANKS
def test_rows_that_read_sums_over_all_unknowns(ranks: int) -> None:
    expected = ss.root(coupled, np.zeros(70))
    for found in on_all(ranks, "sums_in_all_rows"):
        np.testing.assert_allclose(found["x"], expected.x, atol=1e-11)
        assert found["status"] == "solved"
        assert found["iterations"] <= 6  # quadratic: the product of thin matrices is exact


@RANKS
def test_sums_in_time(ranks: int) -> None:
    y0 = np.linspace(0.0, 1.0, 64)
    expected = ss.solve_ivp(decay, (0.0, 1.0), y0, rtol=1e-10, atol=1e-12)
    for found in on_all(ranks, "sums_in_time"):
        got = np.array(found["y"])[:, -1]
        np.testing.assert_allclose(got, expected.y[:, -1], atol=1e-5)
