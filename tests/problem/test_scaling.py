"""Units: solvers see scaled problems, users see their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.problem.scaling import Scales, find_scales, scaled_problem

SIZES = np.array([1e-3, 1.0, 1e4, 1e2])


def objective(x: Any) -> Any:
    z = x / SIZES
    return 1e5 * (z[0] * z[3] * (z[0] + z[1] + z[2]) + z[2])


def product(x: Any) -> Any:
    return 1e-4 * np.prod(x / SIZES)


def sphere(x: Any) -> Any:
    return 1e3 * np.sum((x / SIZES) ** 2)


def hs71(**units: Any) -> ss.Problem:
    """Hock and Schittkowski's problem 71 in units far apart; multipliers -0.5523, 0.1615."""
    rows = units.pop("rows", (None, None))
    return ss.Problem(
        objective,
        np.array([1.0, 5.0, 5.0, 1.0]) * SIZES,
        bounds=(SIZES, 5.0 * SIZES),
        constraints=[
            ss.Constraint(product, 25e-4, None, name="product", scale=rows[0]),
            ss.Constraint(sphere, 4e4, 4e4, name="sphere", scale=rows[1]),
        ],
        **units,
    )


BEST = np.array([1.0, 4.74299964, 3.82114998, 1.37940829])
UNITS = {
    "x": {"x_scale": SIZES},
    "f": {"f_scale": 1e5},
    "x and f": {"x_scale": SIZES, "f_scale": 1e5},
    "rows": {"rows": (1e-4, 1e3)},
    "all": {"x_scale": SIZES, "f_scale": 1e5, "rows": (1e-4, 1e3)},
    "auto": {"x_scale": "auto", "f_scale": "auto", "rows": ("auto", "auto")},
}


CASES = [
    *(pytest.param("ipopt", units, marks=pytest.mark.ipopt) for units in UNITS),
    *((method, units) for method in ("trust-constr", "SLSQP") for units in ("all", "auto")),
]


@pytest.mark.every(2)
@pytest.mark.parametrize(("method", "units"), CASES)
def test_answers_are_in_the_users_units(method: str, units: str) -> None:
    """With all units set the answer is near; with some, as near as the solver stops."""
    whole = units in ("all", "auto")
    digits = 1e-5 if whole else 1e-3
    problem = hs71(**UNITS[units])
    result = problem.solve(method=method)
    assert result.success, str(result)
    np.testing.assert_allclose(result.x / SIZES, BEST, rtol=digits)
    assert result.fun == pytest.approx(17.0140173e5, rel=digits)
    np.testing.assert_allclose(result.constraints, [25e-4, 4e4], rtol=digits)
    np.testing.assert_allclose(result.multipliers, [-0.55229366 * 1e9, 0.16146857 * 1e2], rtol=2e-3)
    lower, upper = result.bound_multipliers
    assert lower[0] * SIZES[0] == pytest.approx(1.0878713e5, rel=2e-3)
    assert np.all(upper * SIZES < 1e-3 * 1e5)
    gradient = objective_gradient(result.x)
    np.testing.assert_allclose(result.gradient, gradient, rtol=1e-9)
    assert result.history.objective[-1] == pytest.approx(result.fun, rel=1e-4)
    assert result.multipliers["sphere"] == result.multipliers[1]


def objective_gradient(x: Any) -> Any:
    z = x / SIZES
    total = z[0] + z[1] + z[2]
    slopes = [z[3] * (total + z[0]), z[0] * z[3], z[0] * z[3] + 1.0, z[0] * total]
    return 1e5 * np.array(slopes) / SIZES


def test_what_the_solver_sees() -> None:
    problem = hs71(x_scale=SIZES, f_scale=1e5, rows=(7.0, 7.0))
    scales = find_scales(problem)
    assert scales is not None
    seen = scaled_problem(problem, scales)
    np.testing.assert_allclose(seen.start, [1.0, 5.0, 5.0, 1.0])
    np.testing.assert_allclose(seen.bounds[1], np.full(4, 5.0))
    assert seen.objective_value(seen.start) == pytest.approx(16.0)
    np.testing.assert_allclose(seen.constraint_values(seen.start), [25e-4 / 7, 52e3 / 7])
    np.testing.assert_allclose(seen.constraint_bounds[0], [25e-4 / 7, 4e4 / 7])


def test_automatic_units_are_powers_of_two_of_one_size() -> None:
    problem = hs71(x_scale="auto", f_scale="auto", rows=("auto", "auto"))
    scales = find_scales(problem)
    assert scales is not None
    for unit in (scales.x, scales.f, *scales.rows):
        np.testing.assert_array_equal(np.log2(unit), np.rint(np.log2(unit)))
    seen = scaled_problem(problem, scales)
    assert 0.5 <= np.max(np.abs(seen.gradient(seen.start))) <= 2.0
    slopes = np.max(np.abs(seen.jacobian(seen.start).toarray()), axis=1)
    assert np.all((slopes >= 0.5) & (slopes <= 2.0))
    width = seen.bounds[1] - seen.bounds[0]
    assert np.all((width >= 0.7) & (width <= 1.5))


def test_without_scales_nothing_changes() -> None:
    assert find_scales(hs71()) is None


@pytest.mark.parametrize("n", [1, 2, 33, 100])
def test_unconstrained_and_callbacks(n: int) -> None:
    seen: list[Any] = []

    def keep(state: Any) -> None:
        seen.append((state.x[-1], state.fun))

    size = 10.0 ** np.linspace(-4, 4, n)

    def f(x: Any) -> Any:
        return 1e6 * np.sum((x / size - 3.0) ** 2)

    result = ss.minimize(
        f, np.zeros(n), method="L-BFGS-B", x_scale=size, f_scale=1e6, callback=keep
    )
    np.testing.assert_allclose(result.x, 3.0 * size, rtol=1e-5)
    assert seen[0] == (0.0, 9e6 * n)
    assert seen[-1] == (pytest.approx(result.x[-1]), pytest.approx(result.fun, abs=1e-3))


def test_nests_and_parameters_and_warm_starts_are_scaled_once() -> None:
    problem = ss.Problem(
        lambda v, p: 1e6 * np.sum((v["u"] * 1e3 - p) ** 2) + np.sum((v["w"] - 5e4) ** 2),
        {"u": np.zeros(3), "w": np.full(2, 4e4)},
        bounds={"w": (0.0, 1e5)},
        constraints=ss.Constraint(
            lambda v, p: 1e3 * v["u"].sum() - p[0], None, [0.0], name="c", scale="auto"
        ),
        parameters=np.ones(3),
        x_scale={"u": np.full(3, 1e-3), "w": np.full(2, 1e4)},
        f_scale="auto",
    )
    first = problem.solve(method="trust-constr")
    np.testing.assert_allclose(first.x["u"], np.full(3, 1e-3 / 3), rtol=1e-3)
    np.testing.assert_allclose(first.x["w"], np.full(2, 5e4), rtol=1e-6)
    base = problem.kept["scaled"]
    again = problem.solve(p=np.array([3.0, 1.0, 1.0]), method="trust-constr", warm_start=first)
    assert problem.kept["scaled"] is base
    np.testing.assert_allclose(again.x["u"].sum(), 3e-3, rtol=1e-3)
    limited = problem.solve(
        method="trust-constr", limits={"c": (None, -0.5)}, bounds={"w": (0.0, 4.5e4)}
    )
    np.testing.assert_allclose(limited.x["w"], np.full(2, 4.5e4), rtol=1e-5)
    assert limited.x["u"].sum() == pytest.approx(0.5e-3, rel=1e-3)


def test_data_that_change_between_scaled_solves() -> None:
    goal = np.array([1e3, 2e3])
    problem = ss.Problem(
        lambda x: 1e6 * np.sum((x - goal) ** 2),
        np.ones(2),
        constraints=ss.Constraint(lambda x: x[0] - goal[1], None, 0.0, scale="auto"),
        x_scale=1e3,
        f_scale="auto",
    )
    first = problem.solve(method="trust-constr")
    np.testing.assert_allclose(first.x, [1e3, 2e3], rtol=1e-6)
    goal[:] = [5e3, 4e3]
    second = problem.solve(method="trust-constr")
    np.testing.assert_allclose(second.x, [4e3, 4e3], rtol=1e-6)
    assert second.success
    assert second.fun == pytest.approx(1e12, rel=1e-5)
    assert any("traced anew" in note for note in second.notes)


def test_scales_of_single_rows() -> None:
    row = ss.Constraint(lambda x: x * np.array([1e6, 1.0, 1e-6]), 1.0, None, scale=[1e6, 1.0, 1e-6])
    problem = ss.Problem(lambda x: np.sum(x**2), np.ones(3), constraints=row)
    scales = find_scales(problem)
    assert isinstance(scales, Scales)
    np.testing.assert_array_equal(scales.of_rows((3,)), [1e6, 1.0, 1e-6])
    np.testing.assert_allclose(
        scaled_problem(problem, scales).jacobian(np.ones(3)).toarray(), np.eye(3)
    )


@pytest.mark.parametrize("wrong", ["small", -1.0, 0.0, np.nan, [1.0, -2.0], [1.0, 2.0, 3.0]])
def test_wrong_scales_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="`x_scale` must be 'auto'"):
        ss.minimize(lambda x: np.sum(x**2), np.ones(2), x_scale=wrong)


def test_scales_belong_to_the_problem() -> None:
    with pytest.raises(TypeError, match="`x_scale` and `f_scale` belong to the Problem"):
        ss.minimize(hs71(), x_scale=2.0)
    with pytest.raises(ValueError, match="`scale` must be 'auto' or positive numbers, got 0"):
        ss.Constraint(sphere, 0.0, 0.0, scale=0)
