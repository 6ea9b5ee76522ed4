"""Rules of collocation and shooting: their tables, their order, and costates."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sparsesolve import ocp

A, Q, T, END, START = 0.7, 2.0, 1.5, 0.5, 1.3
RULES = {
    "hermite-simpson": ocp.hermite_simpson(),
    "trapezoidal": ocp.trapezoidal(),
    **{f"radau {k}": ocp.radau(k) for k in (1, 2, 3, 5, 9)},
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rows_hold_for_polynomials(rule: Any, rng: np.random.Generator) -> None:
    """For polynomials of as many coefficients as slopes fix, and one more for the start."""
    degree = len(rule.collocated)
    curve = np.polynomial.Polynomial(rng.standard_normal(degree + 1))
    h, start = 0.7, 0.3
    t = start + h * rule.offsets
    slopes = curve.deriv()(t[list(rule.collocated)])
    np.testing.assert_allclose(rule.D @ curve(t), h * rule.A @ slopes, atol=1e-12)
    exact = curve.integ()(start + h) - curve.integ()(start)
    if rule.name == "radau":
        values = curve(t[list(rule.collocated)])
        assert h * rule.weights @ values == pytest.approx(exact if degree > 1 else h * values[0])
    assert rule.weights.sum() == pytest.approx(1.0)


def test_points_of_radau() -> None:
    np.testing.assert_allclose(ocp.radau(1).offsets, [0.0, 1.0])
    np.testing.assert_allclose(ocp.radau(2).offsets, [0.0, 1 / 3, 1.0])
    root = np.sqrt(6.0)
    np.testing.assert_allclose(ocp.radau(3).offsets, [0.0, 0.4 - root / 10, 0.4 + root / 10, 1.0])
    np.testing.assert_allclose(ocp.radau(2).weights, [0.75, 0.25])


@pytest.mark.parametrize("degree", [0, 13, 2.5, True])
def test_degrees_that_there_are_not(degree: Any) -> None:
    with pytest.raises(ValueError, match="`degree` must be a whole number from 1 to 12"):
        ocp.radau(degree)


@pytest.mark.parametrize("steps", [0, 1001, 1.0])
def test_steps_that_there_are_not(steps: Any) -> None:
    with pytest.raises(ValueError, match="`steps` must be a whole number"):
        ocp.multiple_shooting(steps)


# A linear system of quadratic cost: the costate is P(t) x(t), the control its negative.


@cache
def riccati() -> Any:
    """P, as a function of the time that is left."""
    way = solve_ivp(
        lambda s, P: 2 * A * P - P**2 + Q,
        (0.0, T),
        [END],
        rtol=1e-11,
        atol=1e-12,
        dense_output=True,
    )
    return lambda t: way.sol(T - np.asarray(t))[0]


@cache
def regulator() -> ocp.Phase:
    return ocp.Phase(
        lambda t, x, u, p: [A * x[0] + u[0]],
        time=(0.0, T),
        states=["x"],
        controls=["u"],
        initial={"x": START},
        running_cost=lambda t, x, u, p: 0.5 * (Q * x[0] ** 2 + u[0] ** 2),
        end_cost=lambda first, last, p: 0.5 * END * last.x[0] ** 2,
    )


@pytest.mark.slow_cases("scheme2-4-1e-10-1e-09-1e-07")
@pytest.mark.ipopt
@pytest.mark.parametrize(
    ("scheme", "intervals", "cost", "costate", "control"),
    [
        ("hermite-simpson", 20, 1e-6, 1e-5, 5e-3),
        ("radau", 20, 2e-8, 3e-8, 2e-4),
        (ocp.radau(7), 4, 1e-10, 1e-9, 1e-7),
        ("trapezoidal", 40, 3e-3, 5e-3, 0.1),
        (ocp.multiple_shooting(2), 40, 1e-3, 2e-3, 0.1),
    ],
)
def test_regulator(
    scheme: Any, intervals: int, cost: float, costate: float, control: float
) -> None:
    solution = regulator().solve(intervals=intervals, scheme=scheme)
    P = riccati()
    assert solution.cost == pytest.approx(0.5 * P(0.0) * START**2, abs=cost)
    t = np.linspace(0.0, T, intervals + 1)
    x = solution.state("x")(t)
    np.testing.assert_allclose(solution.costate("x")(t), P(t) * x, atol=costate)
    np.testing.assert_allclose(solution.control("u")(t), -P(t) * x, atol=control)


@pytest.mark.ipopt
@pytest.mark.parametrize(
    ("scheme", "factor"),
    [
        ("hermite-simpson", 16),
        pytest.param(ocp.radau(2), 8, marks=pytest.mark.slow),
        pytest.param("trapezoidal", 4, marks=pytest.mark.slow),
    ],
)
def test_halving_intervals_gains_the_order(scheme: Any, factor: int) -> None:
    exact = 0.5 * riccati()(0.0) * START**2
    coarse, fine = (
        abs(regulator().solve(intervals=n, scheme=scheme, tol=1e-12).cost - exact) for n in (8, 16)
    )
    assert 0.6 * factor < coarse / fine < 1.7 * factor


@pytest.mark.ipopt
@pytest.mark.parametrize("scheme", ["hermite-simpson", "radau", "trapezoidal", "multiple-shooting"])
def test_the_estimated_error_is_about_the_true_one(scheme: str) -> None:
    """Without a control, of ``x' = -2 t x**2``, whose solution is ``1 / (1 + t**2)``."""
    phase = ocp.Phase(
        lambda t, x, u, p: [-2.0 * t * x[0] ** 2],
        time=(0.0, 2.0),
        states=["x"],
        initial={"x": 1.0},
        guess={"x": 0.5},
    )
    solution = phase.solve(intervals=10, scheme=scheme)
    t = np.linspace(0.0, 2.0, 101)
    true = np.abs(solution.state("x")(t) - 1.0 / (1.0 + t**2)).max()
    estimate = solution.phases[""].errors.sum()
    assert 0.05 * true < estimate < 30.0 * true + 1e-7


@pytest.mark.ipopt
@pytest.mark.slow
def test_shooting_with_many_steps_is_a_loop() -> None:
    few, many = (
        regulator().solve(intervals=5, scheme=ocp.multiple_shooting(steps)) for steps in (3, 24)
    )
    assert many.cost == pytest.approx(few.cost, abs=1e-4)
    assert many.error < 1e-3 * few.error
