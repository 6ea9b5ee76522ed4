"""Unknowns as a nest of arrays: functions, bounds, starts and results in one form."""

from __future__ import annotations

import pickle
import re
import types
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint

import sparsesolve as ss


class Pair(NamedTuple):
    u: Any
    v: Any


@dataclass
class Plan:
    u: Any
    v: Any


START = {"u": np.zeros((2, 3)), "v": 1.0}
FORMS: dict[str, Any] = {
    "dict": lambda u, v: {"u": u, "v": v},
    "named": Pair,
    "dataclass": Plan,
    "namespace": lambda u, v: types.SimpleNamespace(u=u, v=v),
}


def field(x: Any, name: str) -> Any:
    return x[name] if isinstance(x, dict) else getattr(x, name)


def distance(x: Any) -> Any:
    u, v = field(x, "u"), field(x, "v")
    return np.sum((u - np.arange(6.0).reshape(2, 3)) ** 2) + (v - 2.0) ** 2 + v * u[0, 0]


def column(x: Any) -> Any:
    return field(x, "u")[:, :1] + field(x, "v")


@pytest.mark.parametrize(
    "form",
    [
        "dict",
        "dataclass",
        *(pytest.param(f, marks=pytest.mark.slow) for f in ("named", "namespace")),
    ],
)
def test_results_come_back_in_the_form_of_the_start(form: str) -> None:
    make = FORMS[form]
    start = make(np.zeros((2, 3)), 1.0)
    problem = ss.Problem(
        distance,
        start,
        bounds={"u": (None, 4.5), "v": (0.5, None)},
        constraints=ss.Constraint(column, None, 4.0, name="column"),
    )
    result = problem.solve(method="trust-constr")
    assert type(result.x) is type(start)
    flat = ss.minimize(
        lambda z: distance(make(z[:6].reshape(2, 3), z[6])),
        np.r_[np.zeros(6), 1.0],
        bounds=[(None, 4.5)] * 6 + [(0.5, None)],
        constraints=ss.Constraint(
            lambda z: column(make(z[:6].reshape(2, 3), z[6])), None, 4.0, name="c"
        ),
        method="trust-constr",
    )
    np.testing.assert_allclose(result.vector, flat.x, atol=1e-6)
    u, v = field(result.x, "u"), field(result.x, "v")
    np.testing.assert_array_equal(u.reshape(-1), result.vector[:6])
    assert v == result.vector[6]
    assert field(result.bound_multipliers[1], "u")[1, 2] == pytest.approx(1.0, abs=1e-5)
    assert field(result.gradient, "v") == pytest.approx(2 * (v - 2.0) + u[0, 0])
    assert result.multipliers["column"].shape == (2, 1)
    np.testing.assert_array_equal(
        result.multipliers["column"][:, 0], np.asarray(result.multipliers)
    )
    np.testing.assert_allclose(result.slack["column"], 4.0 - column(result.x))
    np.testing.assert_array_equal(result.constraints["column"], column(result.x))


@pytest.mark.parametrize(
    "bounds",
    [
        {"u": (-1.0, [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])},
        {"u": (-1.0, [1.0, 2.0, 3.0]), "v": None},
        ({"u": -1.0}, {"u": [1.0, 2.0, 3.0]}),
        ({"u": -1.0, "v": None}, {"u": [1.0, 2.0, 3.0], "v": np.inf}),
        Bounds([-1.0] * 6 + [-np.inf], [1.0, 2.0, 3.0] * 2 + [np.inf]),
        {"u": [(-1.0, 1.0), (-1.0, 2.0), (-1.0, 3.0)] * 2},
    ],
)
def test_bounds_in_all_their_spellings(bounds: Any) -> None:
    lower, upper = ss.Problem(distance, START, bounds=bounds).bounds
    np.testing.assert_array_equal(lower, [-1.0] * 6 + [-np.inf])
    np.testing.assert_array_equal(upper, [1.0, 2.0, 3.0] * 2 + [np.inf])


def test_bounds_for_all_and_inside_of_nests() -> None:
    nest = {"a": [np.zeros(2), {"b": 0.0}], "c": np.zeros(1)}
    problem = ss.Problem(lambda x: x["a"][1]["b"], nest, bounds=(0.0, None))
    assert problem.bounds[0].tolist() == [0.0] * 4
    inner = ss.Problem(lambda x: x["c"][0], nest, bounds={"a": [None, {"b": (1.0, 2.0)}]})
    assert inner.bounds[1].tolist() == [np.inf, np.inf, 2.0, np.inf]
    pairs = ss.Problem(lambda x: x[0][0], (np.zeros(2), np.zeros(1)), bounds=((0, 1), (2, 3)))
    assert pairs.bounds[1].tolist() == [1.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"w": (0, 1)}, "must be for 'u', 'v', got 'w'"),
        ({"u": (0.0, np.zeros(4))}, "shape (2, 3), that of the block, got shape (4,)"),
        ([0.0, 1.0], "must be a dict like the unknowns"),
        ({"u": (2.0, 1.0)}, "lower <= upper"),
    ],
)
def test_bounds_that_do_not_fit(bounds: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        ss.Problem(distance, START, bounds=bounds)


def test_starts_warm_starts_and_callbacks_in_the_form() -> None:
    problem = ss.Problem(distance, START)
    seen: list[Any] = []
    first = problem.solve(method="L-BFGS-B", callback=lambda state: seen.append(state.x["u"].shape))
    assert set(seen) == {(2, 3)}
    points: list[Any] = []
    again = problem.solve(method="BFGS", warm_start=first, callback=lambda xk: points.append(xk))
    assert again.iterations <= 1
    assert all(point["v"] == pytest.approx(first.x["v"], abs=1e-3) for point in points)
    other = problem.solve(x0=first.x, method="L-BFGS-B")
    assert other.iterations <= 1
    with pytest.raises(ValueError, match="keys"):
        problem.solve(x0={"u": np.zeros((2, 3))})


def test_minimize_takes_nests_and_scipys_constraints() -> None:
    result = ss.minimize(
        lambda x, target: np.sum((x["a"] - target) ** 2) + x["b"] ** 2,
        {"a": np.zeros(2), "b": 1.0},
        args=(np.array([1.0, 2.0]),),
        constraints=[
            LinearConstraint([[1.0, 1.0, 0.0]], -np.inf, 2.0),
            {"type": "eq", "fun": lambda x: x["b"] - 0.25},
        ],
        method="SLSQP",
    )
    np.testing.assert_allclose(result.x["a"], [0.5, 1.5], atol=1e-6)
    assert result.x["b"] == pytest.approx(0.25)


def test_derivatives_of_a_problem_take_the_nest() -> None:
    problem = ss.Problem(distance, START, constraints=ss.Constraint(column, None, 4.0))
    x = {"u": np.ones((2, 3)), "v": 3.0}
    assert problem.x0["v"] == 1.0
    assert problem.objective_value(x) == pytest.approx(distance(x))
    np.testing.assert_array_equal(
        problem.jacobian(x).toarray()[:, [0, 3, 6]], [[1, 0, 1], [0, 1, 1]]
    )
    assert problem.lagrangian_hessian(x).toarray()[0, 6] == 1.0
    assert problem.gradient(x)[6] == pytest.approx(2 * (3.0 - 2.0) + 1.0)


def test_rows_by_name() -> None:
    result = ss.minimize(
        lambda x: np.sum(x**2),
        np.ones(3),
        constraints=[
            ss.Constraint(lambda x: x[0], 1.0, name="first"),
            ss.Constraint(lambda x: x[1:], 2.0, name="rest"),
            ss.Constraint(lambda x: x.sum(), None, 99.0, name="rest"),
        ],
        method="SLSQP",
    )
    assert result.multipliers.names == ("first", "rest", "rest")
    assert result.multipliers["first"] == pytest.approx(-2.0)
    assert result.multipliers.shape == (4,)
    assert result.multipliers[0] == result.multipliers["first"]
    assert type(result.multipliers + 1.0) is np.ndarray
    with pytest.raises(KeyError, match="several"):
        result.multipliers["rest"]
    with pytest.raises(KeyError, match="none of them"):
        result.slack["other"]
    same = pickle.loads(pickle.dumps(result.slack))
    assert same["first"] == result.slack["first"]
    assert "rest" not in pickle.loads(pickle.dumps(result)).multipliers[:1]


def test_roots_and_fits_of_nests() -> None:
    seen: list[Any] = []
    found = ss.root(
        lambda x, p: np.concatenate([x["a"] ** 2 - p, [x["b"] - x["a"][0]]]),
        {"a": np.ones(2), "b": 0.0},
        args=(np.array([4.0, 9.0]),),
        callback=lambda state: seen.append(sorted(state.x)),
    )
    np.testing.assert_allclose(found.x["a"], [2.0, 3.0])
    assert found.x["b"] == pytest.approx(2.0)
    np.testing.assert_allclose(found.vector, [2.0, 3.0, 2.0])
    assert seen[0] == ["a", "b"]
    t = np.linspace(0.0, 2.0, 9)
    fit = ss.least_squares(
        lambda x: x.u * np.exp(-x.v * t) - 3.0 * np.exp(-0.5 * t),
        Plan(u=1.0, v=0.1),
        bounds={"v": (0.0, 0.25)},
    )
    assert type(fit.x) is Plan
    assert fit.x.v == pytest.approx(0.25)
    free = ss.least_squares(
        lambda x: x.u * np.exp(-x.v * t) - 3.0 * np.exp(-0.5 * t), Plan(1.0, 0.1)
    )
    assert (free.x.u, free.x.v) == pytest.approx((3.0, 0.5))
    by_scipy = ss.root(lambda x: x["a"] ** 3 - 8.0, {"a": np.ones(2)}, method="hybr")
    np.testing.assert_allclose(by_scipy.x["a"], 2.0)


def test_nests_of_lists_and_what_is_none() -> None:
    mixed = ss.minimize(lambda x: np.sum((x[0] - 1) ** 2) + x[1] ** 2, ([1.0, 2.0], 3.0))
    np.testing.assert_allclose(mixed.x[0], 1.0)
    with pytest.raises(ValueError, match="one dimension, got shape"):
        ss.Problem(distance, [[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(TypeError, match="`x0` must be a real number, an array of them, or a nest"):
        ss.Problem(distance, {"u": None})
    with pytest.raises(ValueError, match="must be finite, got nan at index 1"):
        ss.Problem(distance, {"u": np.zeros(1), "v": np.nan})
    with pytest.raises(TypeError, match="`y0` must be an array, got dict"):
        ss.solve_ivp(lambda t, y: -y["a"], (0.0, 1.0), {"a": np.ones(2)}, method="RK45")


def test_a_result_in_another_form_is_a_warm_start_too() -> None:
    nest = ss.Problem(lambda x: np.sum((x["a"] - 2.0) ** 4), {"a": np.zeros(2)})
    flat = ss.Problem(lambda x: np.sum((x - 2.0) ** 4), np.zeros(2))
    from_flat = nest.solve(method="BFGS", warm_start=flat.solve(method="BFGS"))
    from_nest = flat.solve(method="BFGS", warm_start=nest.solve(method="BFGS"))
    assert from_flat.iterations == from_nest.iterations == 0
