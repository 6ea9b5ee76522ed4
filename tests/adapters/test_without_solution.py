"""Linear and convex quadratic problems that have no solution: unbounded, or infeasible."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import sparsesolve as ss
from sparsesolve.adapters.recession import falling_direction
from sparsesolve.problem.result import Status

CORNER = [(-1, 1), (0, None)]


def quadratic(x):
    return x[0] ** 2 - x[1]


def band(x):
    return x[0] - x[1]


@pytest.mark.parametrize("method", ["auto", "highs"])
@pytest.mark.parametrize(
    ("objective", "bounds", "rows"),
    [
        (quadratic, CORNER, ()),
        (quadratic, None, ()),
        (lambda x: band(x) ** 2 - x[0] - x[1], None, ss.Constraint(band, -1, 1)),
        (lambda x: -x[0] - 2 * x[1], [(0, None)] * 2, ss.Constraint(band, 0, 0)),
    ],
)
def test_a_ray_without_an_end(objective, bounds, rows, method) -> None:
    result = ss.minimize(objective, np.zeros(2), bounds=bounds, constraints=rows, method=method)
    assert (result.status, result.solver) == (Status.UNBOUNDED, "highs")
    assert np.isfinite(result.x).all()
    assert result.constraint_violation <= 1e-8
    assert str(result.explain()).startswith("The objective falls along")


def test_the_choice_is_that_of_the_solver_that_answered() -> None:
    assert (
        "proven convex and quadratic" in ss.minimize(quadratic, np.zeros(2), bounds=CORNER).choice
    )


@pytest.mark.parametrize("objective", [lambda x: x @ x, lambda x: x[0] ** 2 - x[1], np.sum])
def test_rows_that_contradict_each_other(objective) -> None:
    rows = ss.Constraint(np.sum, 3, None), ss.Constraint(lambda x: 2 * np.sum(x), None, 5)
    result = ss.minimize(objective, np.zeros(2), constraints=rows)
    assert (result.status, result.solver) == (Status.INFEASIBLE, "highs")


def random_problem(seed: int):
    """Small whole numbers, so that all three ends are frequent."""
    rng = np.random.default_rng(seed)
    n, k, m = rng.integers(2, 7), rng.integers(0, 3), rng.integers(0, 4)
    B, A = (rng.integers(-2, 3, (count, n)).astype(float) for count in (k, m))
    c = rng.integers(-2, 3, n).astype(float)
    lower = np.where(rng.random(m) < 0.6, -1.0, -np.inf)
    upper = np.where(rng.random(m) < 0.5, rng.integers(-1, 3, m), np.inf)
    low = np.where(rng.random(n) < 0.4, -1.0, -np.inf)
    high = np.where(rng.random(n) < 0.4, 1.0, np.inf)
    return B, c, A, (lower, upper), (low, high)


def truth(B, c, A, limits, bounds) -> Status:
    """By two linear problems without presolving: is there a point, and a ray that falls."""

    def solved(cost, rows, sides, box):
        constraint = scipy.optimize.LinearConstraint(rows, *sides)
        options = {"presolve": False}
        return scipy.optimize.milp(
            cost, constraints=constraint, bounds=scipy.optimize.Bounds(*box), options=options
        )

    if solved(np.zeros_like(c), A, limits, bounds).status == 2:
        return Status.INFEASIBLE
    sides = [np.where(np.isfinite(side), 0.0, side) for side in limits]
    flat = np.zeros(len(B))
    box = [np.where(np.isfinite(side), 0.0, np.sign(side)) for side in bounds]
    ray = solved(c, np.vstack([B, A]), [np.append(flat, side) for side in sides], box)
    return Status.UNBOUNDED if ray.fun < -1e-7 else Status.SOLVED


@pytest.mark.every(10)
@pytest.mark.parametrize("seed", range(120))
def test_random_problems_end_as_they_must(seed: int) -> None:
    B, c, A, limits, bounds = problem = random_problem(seed)
    rows = ss.Constraint(lambda x: A @ x, *limits) if len(A) else ()
    result = ss.minimize(
        lambda x: 0.5 * np.sum((B @ x) ** 2) + c @ x,
        np.zeros(c.size),
        bounds=scipy.optimize.Bounds(*bounds),
        constraints=rows,
    )
    assert result.status is truth(*problem)


@pytest.mark.parametrize("curvature", [1e-6, 1e-8, 1e-10])
def test_a_small_curvature_is_no_ray(curvature: float) -> None:
    """What HiGHS' tolerance takes for flat: the minimum is far away, and there is one."""
    hessian = np.diag([1.0, curvature])
    none = np.zeros((0, 2))
    free = np.full(2, -np.inf), np.full(2, np.inf)
    limits = np.zeros(0), np.zeros(0)
    assert falling_direction(np.array([0.0, -1.0]), hessian, none, limits, free) is None
    flat = falling_direction(np.array([0.0, -1.0]), np.diag([1.0, 0.0]), none, limits, free)
    np.testing.assert_allclose(flat, [0.0, 1.0], atol=1e-12)


def test_a_row_that_is_met_far_away_is_no_ray() -> None:
    rows = np.array([[1.0, -1e-8]])
    limits, free = (np.zeros(1), np.full(1, np.inf)), (np.full(2, -np.inf), np.full(2, np.inf))
    slope = np.array([0.0, -1.0])
    assert falling_direction(slope, np.diag([1.0, 0.0]), rows, limits, free) is None


FLAT = np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 3.0], [0.0, 3.0, 1.0]])


@pytest.mark.parametrize("size", [1e-4, 1e-6, 1e-7])
def test_a_small_curvature_bounds_what_highs_calls_unbounded(size: float) -> None:
    """Along x[2] the slope is 0.5, and the curvature small: a minimum, far away."""
    result = ss.minimize(
        lambda x: 0.5 * size * x @ FLAT @ x + x @ np.array([-0.1, 0.2, 0.3]),
        np.zeros(3),
        bounds=[(-3, None), (-3, 0), (None, 2)],
        constraints=[
            ss.Constraint(lambda x: x[0] - x[1] + 2 * x[2], None, -2.0),
            ss.Constraint(lambda x: -x[0] - 2 * x[1] - 2 * x[2], 2.0, 2.0),
        ],
    )
    assert result.status is Status.SOLVED
    np.testing.assert_allclose(result.x[2], -0.5 / size, rtol=1e-6)


@pytest.mark.parametrize("slope", [1.0, 3e-5])
def test_a_gentle_slope_is_one_without_an_end_too(slope: float) -> None:
    hessian = np.array([[4.0, -2.0], [-2.0, 1.0]]) * 1e-3
    below = [(None, 0.0)] * 2
    f = lambda x: 0.5 * x @ hessian @ x + slope * x[1]
    assert ss.minimize(f, np.zeros(2), bounds=below).status is Status.UNBOUNDED
