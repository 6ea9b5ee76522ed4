"""Residuals at a point, against the same rules written one row and one variable at a time."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters.nlp import inside
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.optimality import measure, scaled_violation

INF = np.inf


def posed(n: int, m: int, rng: np.random.Generator) -> ss.Problem:
    """Return a problem with limits of all kinds; rows may be empty of derivatives."""

    def limits(size: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = np.sort(rng.normal(scale=3.0, size=(2, size)), axis=0)
        low[rng.random(size) < 0.4], high[rng.random(size) < 0.4] = -INF, INF
        return low, high

    A = rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.5)
    rows = [ss.Constraint(lambda x: np.dot(A, np.sin(x)), *limits(m))] if m else []
    f = lambda x: np.sum(np.cosh(0.3 * x)) + x[0]
    return ss.Problem(f, np.zeros(n), bounds=limits(n), constraints=rows)


def slow_measure(e: Evaluation, x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Return violation (absolute, then scaled), stationarity and complementarity."""
    g, c = e.gradient(x), e.constraints(x)
    J = e.derivatives.jacobian_pattern.to_scipy(np.array(e.jacobian_values(x))).toarray()
    y = np.array(
        [
            0.0 if (v > 0 and h == INF) or (v < 0 and low == -INF) else v
            for v, low, h in zip(y, e.row_lower, e.row_upper, strict=True)
        ]
    )
    pull = J.T @ y
    r = g + pull
    F = max(1.0, abs(e.objective(x)))
    S = max(1.0, min(e.first_gradient, 1e4), np.abs(g).max(), np.abs(pull).max())
    excess, scaled, slopes, held = [0.0], [0.0], [], [0.0]
    for j, (low, high) in enumerate(zip(e.lower, e.upper, strict=True)):
        for over, limit in ((low - x[j], low), (x[j] - high, high)):
            excess.append(over)
            scaled.append(over / max(1.0, abs(limit)) if np.isfinite(limit) else 0.0)
        gap = max(x[j] - low if r[j] > 0 else high - x[j], 0.0)
        slopes.append(min(abs(r[j]) / S, abs(r[j]) * gap / F if r[j] else 0.0))
    for i, (low, high) in enumerate(zip(e.row_lower, e.row_upper, strict=True)):
        over = max(low - c[i], c[i] - high)
        sizes = [abs(limit) for limit in (low, high) if np.isfinite(limit)]
        excess.append(over)
        scaled.append(over / max(1.0, *sizes, np.abs(J[i]).max()))
        slack = max(high - c[i] if y[i] > 0 else c[i] - low, 0.0)
        held.append(abs(y[i]) * slack / F if y[i] else 0.0)
    return max(excess), max(scaled), max(slopes), max(held)


@pytest.mark.every(2)
@pytest.mark.parametrize("m", [0, 1, 2, 31, 33])
@pytest.mark.parametrize("n", [1, 2, 32, 100])
def test_residuals_are_those_of_the_rules(n: int, m: int, rng: np.random.Generator) -> None:
    evaluation = Evaluation(posed(n, m, rng))
    evaluation.gradient(np.zeros(n))
    for _ in range(5):
        x, y = rng.normal(scale=3.0, size=n), rng.normal(size=m) * (rng.random(m) < 0.7)
        absolute, scaled, slope, held = slow_measure(evaluation, x, y)
        found = measure(evaluation, x, y)
        assert evaluation.violation(x) == pytest.approx(absolute, rel=1e-14)
        assert found.violation == scaled_violation(evaluation, x) == pytest.approx(scaled, 1e-14)
        assert found.stationarity == pytest.approx(slope, rel=1e-12)
        assert found.complementarity == pytest.approx(held, rel=1e-12)
        J = evaluation.derivatives.jacobian_pattern.to_scipy(
            np.array(evaluation.jacobian_values(x))
        )
        slopes = evaluation.gradient(x) + (J.T @ found.multipliers if m else 0.0)
        np.testing.assert_allclose(found.slopes, slopes, rtol=1e-12, atol=1e-13)


def test_a_violated_bound_is_seen_beside_variables_without_bounds() -> None:
    bounds = (np.array([-INF, 0.0]), np.array([INF, 2.0]))
    problem = ss.Problem(lambda x: np.sum(x**2), np.ones(2), bounds=bounds)
    evaluation = Evaluation(problem)
    for x, expected in (([5.0, -1.0], 1.0), ([5.0, 6.0], 2.0), ([0.0, 1.0], 0.0)):
        assert scaled_violation(evaluation, np.array(x)) == expected


def test_what_is_not_a_number_is_never_feasible() -> None:
    rows = ss.Constraint(lambda x: np.log(x), -1.0, None)
    evaluation = Evaluation(ss.Problem(np.sum, np.ones(2), bounds=(-3, 3), constraints=rows))
    with np.errstate(all="ignore"):
        for x in (np.array([1.0, -1.0]), np.array([1.0, np.nan])):
            assert evaluation.violation(x) == scaled_violation(evaluation, x) == INF
        assert measure(evaluation, np.array([1.0, -1.0]), np.zeros(2)).stationarity == INF
    assert measure(evaluation, np.ones(2), np.array([np.nan, 0.0])).complementarity == INF


def test_the_first_gradient_of_a_solve_is_the_scale() -> None:
    evaluation = Evaluation(ss.Problem(lambda x: np.sum(x**2), np.ones(2)))
    first, second = np.array([3.0, 1.0]), np.array([50.0, 1.0])
    for x in (first, second, first):
        evaluation.gradient(x)
        assert evaluation.first_gradient == 6.0
        np.testing.assert_array_equal(evaluation.newest, x)


def test_a_point_is_moved_back_unless_rows_suffer() -> None:
    beyond = np.array([1.0 - 1e-9, 2.0 + 1e-9])
    for scale, moves in ((1e9, False), (1.0, True)):
        rows = ss.Constraint(lambda x, scale=scale: scale * (x[:1] - 1.0 + 1e-9), 0.0, 0.0)
        problem = ss.Problem(np.sum, np.ones(2), bounds=(1.0, 2.0), constraints=rows)
        found = inside(Evaluation(problem), beyond)
        np.testing.assert_array_equal(found, [1.0, 2.0] if moves else beyond)
