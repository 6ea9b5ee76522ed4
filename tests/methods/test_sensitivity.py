"""Derivatives of solutions by parameters, held against differences of solutions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from numpy.typing import NDArray

import sparsesolve as ss
from sparsesolve.errors import SolverError

Array = NDArray[np.float64]
TIGHT = {"tol": 1e-11}


def catenary(n: int) -> ss.Problem:
    """A chain of masses between walls that move, over a floor: rows and bounds become active."""
    floor = ss.Constraint(lambda y, p: y - p["floor"], 0.0, None, name="floor")
    ends = ss.Constraint(lambda y, p: np.array([y[0], y[-1]]) - p["walls"], 0.0, 0.0, name="ends")
    return ss.Problem(
        lambda y, p: p["spring"] * np.sum((y[1:] - y[:-1]) ** 2) * n + np.sum(y + 0.1 * y**4) / n,
        np.full(n, 0.5),
        bounds=(None, 0.9),
        constraints=[floor, ends],
        parameters={"floor": 0.35, "walls": np.array([0.8, 0.75]), "spring": 0.02},
    )


def differences(problem: ss.Problem, p: dict[str, Any], h: float = 1e-5) -> tuple[Array, Array]:
    """Differences of x and of multipliers by the parameters in the order of their vector."""
    form = problem.parameter_form
    assert form is not None
    at = form.vector(p)
    columns: list[tuple[Array, Array]] = []
    for k in range(at.size):
        step = np.where(np.arange(at.size) == k, h, 0.0)
        ends = [problem.solve(p=form.copy(at + s * step), **TIGHT) for s in (1.0, -1.0)]
        assert all(end.success for end in ends)
        columns.append(
            tuple((np.asarray(a) - np.asarray(b)) / (2 * h) for a, b in
                  zip((ends[0].x, ends[0].multipliers), (ends[1].x, ends[1].multipliers),
                      strict=True))
        )  # fmt: skip
    return np.array([c[0] for c in columns]).T, np.array([c[1] for c in columns]).T


@pytest.mark.parametrize("n", [5, 32])
def test_with_rows_and_bounds_active(n: int) -> None:
    problem = catenary(n)
    result = problem.solve(**TIGHT)
    found = result.sensitivity()
    x, y = differences(problem, problem.parameters)
    np.testing.assert_allclose(found.x, x, atol=2e-5)
    np.testing.assert_allclose(found.multipliers, y, atol=2e-3)
    active = found.active
    assert active.rows[-2:].all()
    assert 0 < active.rows[:-2].sum() < n
    assert not (active.weak_rows & active.rows).any()
    text = str(found)
    assert f"active: {active.rows.sum()} rows" in text
    assert f"{n} unknowns by 4" in text


def test_the_objective_moves_as_the_multipliers_say() -> None:
    problem = catenary(9)
    result = problem.solve(**TIGHT)
    found = result.sensitivity()
    form = problem.parameter_form
    assert form is not None
    at = form.vector(problem.parameters)
    for k in range(4):
        step = np.where(np.arange(4) == k, 1e-4, 0.0)
        up, down = (problem.solve(p=form.copy(at + s * step), **TIGHT).fun for s in (1, -1))
        assert found.objective[k] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-6)


def test_one_block_of_the_parameters() -> None:
    problem = catenary(32)
    result = problem.solve(**TIGHT)
    whole = result.sensitivity()
    np.testing.assert_array_equal(result.sensitivity("walls").x, whole.x[:, 1:3])
    np.testing.assert_array_equal(result.sensitivity("spring").objective, whole.objective[3:])
    with pytest.raises(KeyError, match=r"name of a block of the parameters.*got 'wall'"):
        result.sensitivity("wall")
    near = problem.parameters | {"walls": np.array([0.801, 0.749])}
    moved = problem.solve(p=near, **TIGHT).x
    assert problem.parameter_form is not None
    guess = whole.predict(problem.parameter_form.vector(near))
    assert np.max(np.abs(guess - moved)) < 0.2 * np.max(np.abs(result.x - moved))


def test_bound_multipliers_and_fixed_variables() -> None:
    """min (x0 - p)^2 + (x1 - 2 p)^2 + (x2 - x0)^2, x0 >= 1 and x1 = 3, at p = 0.5."""
    problem = ss.Problem(
        lambda x, p: (x[0] - p) ** 2 + (x[1] - 2 * p) ** 2 + (x[2] - x[0]) ** 2,
        [1.0, 3.0, 0.0],
        bounds=([1.0, 3.0, -9.0], [9.0, 3.0, 9.0]),
        parameters=0.5,
    )
    found = problem.solve(**TIGHT).sensitivity()
    np.testing.assert_allclose(found.x, np.zeros((3, 1)), atol=1e-9)
    lower, upper = found.bound_multipliers
    np.testing.assert_allclose(lower, [[-2.0], [-4.0], [0.0]], atol=1e-9)
    np.testing.assert_array_equal(upper, np.zeros((3, 1)))
    assert found.active.variables.tolist() == [True, True, False]
    np.testing.assert_allclose(found.objective, [-2 * (1 - 0.5) - 4 * (3 - 1.0)], atol=1e-7)


def test_a_weakly_active_limit_is_told() -> None:
    problem = ss.Problem(
        lambda x, p: np.sum((x - p) ** 2), np.array([1.0]), bounds=(0.0, None), parameters=[0.0]
    )
    result = problem.solve(method="L-BFGS-B")
    found = result.sensitivity()
    assert found.active.weak_variables.tolist() == [True]
    assert any("multiplier of about zero" in note for note in found.notes)


def test_derivatives_by_parameters_are_made_once_for_a_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = catenary(6)
    problem.solve(**TIGHT).sensitivity()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("sparsesolve.methods.sensitivity.problem_derivatives", never)
    again = problem.solve(p=problem.parameters | {"spring": 0.03}, **TIGHT)
    assert again.sensitivity().parameters[3] == 0.03


def test_what_has_no_sensitivity_says_why() -> None:
    with pytest.raises(TypeError, match="needs a problem with parameters"):
        ss.minimize(lambda x: np.sum(x**2), np.ones(2)).sensitivity()
    double = ss.Constraint(lambda x, p: np.array([x[0] - p[0], 2 * x[0] - 2 * p[0]]), 0.0, 0.0)
    problem = ss.Problem(
        lambda x, p: np.sum(x**2), np.ones(2), constraints=double, parameters=[1.0]
    )
    with pytest.raises(SolverError, match=r"singular\. Rows may be dependent"):
        problem.solve(method="trust-constr").sensitivity()
    failed = catenary(5).solve(method="trust-constr", options={"maxiter": 1})
    with pytest.raises(SolverError, match="got a result that is 'iteration-limit'"):
        failed.sensitivity()
    with pytest.raises(TypeError, match="`covariance` is not known of a result by"):
        failed.covariance()


def test_a_root_moves_with_its_arguments() -> None:
    def residual(x: Any, a: Any, b: Any) -> Any:
        return x**3 + b * np.roll(x, 1) - a

    a, b = np.linspace(1.0, 2.0, 31), 0.4
    root = ss.root(residual, np.ones(31), args=(a, b))
    by_a, by_b = root.sensitivity(), root.sensitivity(1)
    moved = [ss.root(residual, root.x, args=(a, b + h)).x for h in (1e-6, -1e-6)]
    np.testing.assert_allclose(by_b.x[:, 0], (moved[0] - moved[1]) / 2e-6, rtol=1e-6)
    step = np.cos(np.arange(31.0))
    moved = [ss.root(residual, root.x, args=(a + h * step, b)).x for h in (1e-6, -1e-6)]
    np.testing.assert_allclose(by_a.x @ step, (moved[0] - moved[1]) / 2e-6, rtol=1e-6)
    with pytest.raises(IndexError, match="one of the 2 further arguments, got 2"):
        root.sensitivity(2)


def decay(p: Any, t: Any, y: Any) -> Any:
    return p[0] * np.exp(-p[1] * t) + p[2] - y


def data(m: int = 60) -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    t = np.linspace(0.0, 4.0, m)
    return t, 2.5 * np.exp(-1.3 * t) + 0.5 + 0.05 * rng.standard_normal(m)


def test_covariance_is_that_of_curve_fit() -> None:
    t, y = data()
    _, expected = scipy.optimize.curve_fit(
        lambda t, a, b, c: a * np.exp(-b * t) + c, t, y, [2.0, 1.0, 0.0]
    )
    for method in ("lm", "trf"):
        fit = ss.least_squares(decay, [2.0, 1.0, 0.0], args=(t, y), method=method)
        np.testing.assert_allclose(fit.covariance(), expected, rtol=1e-3)
        np.testing.assert_allclose(fit.standard_errors(), np.sqrt(np.diag(expected)), rtol=1e-3)


def test_standard_errors_are_the_spread_of_repeated_fits() -> None:
    t, _ = data(40)
    rng = np.random.default_rng(8)
    J = ss.jacobian(decay, np.ones(3), t, t)
    fits = [
        ss.least_squares(decay, [2.0, 1.0, 0.3], jac=J,
                         args=(t, 2.5 * np.exp(-1.3 * t) + 0.5 + 0.05 * rng.standard_normal(40)))
        for _ in range(60)
    ]  # fmt: skip
    spread = np.std([fit.x for fit in fits], axis=0)
    mean = np.mean([fit.standard_errors() for fit in fits], axis=0)
    np.testing.assert_allclose(mean, spread, rtol=0.3)


def test_covariance_of_a_robust_fit_and_of_parameters_at_bounds() -> None:
    t, y = data()
    y[5] += 4.0
    plain = ss.least_squares(decay, [2.0, 1.0, 0.0], args=(t, y))
    robust = ss.least_squares(decay, [2.0, 1.0, 0.0], args=(t, y), loss="cauchy", f_scale=0.1)
    assert np.all(robust.standard_errors() < plain.standard_errors())
    held = ss.least_squares(
        decay, [2.0, 1.0, 0.4], args=(t, y), bounds=([0.0, 0.0, 0.0], [9.0, 9.0, 0.45])
    )
    assert held.x[2] == pytest.approx(0.45)
    held = ss.least_squares(
        decay, [2.0, 1.0, 0.4], args=(t, y), bounds=([0.0, 0.0, 0.4], [9.0, 9.0, 0.4])
    )
    covariance = held.covariance()
    assert not covariance[2].any()
    assert not covariance[:, 2].any()
    assert np.all(np.diag(covariance)[:2] > 0.0)


def test_data_that_determine_too_little() -> None:
    t, y = data(20)
    fit = ss.least_squares(lambda p: (p[0] + p[1]) * np.exp(-t) - y, [1.0, 1.0])
    with pytest.raises(SolverError, match="do not determine all 2 free parameters"):
        fit.covariance()
    fit = ss.least_squares(lambda p: p - 1.0, [3.0, 2.0])
    with pytest.raises(SolverError, match="more residuals than free parameters, got 2 and 2"):
        fit.standard_errors()


def test_a_result_is_pickled_without_its_origin() -> None:
    fit = ss.least_squares(lambda p: p - np.arange(2.0), [3.0, 2.0])
    again = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(again.x, fit.x)
    assert again.origin is None
    assert "origin" not in fit
    with pytest.raises(TypeError, match="a result that was pickled has lost it"):
        again.covariance()
