"""Problem, Constraint and Result: validation, stacked derivatives, one sign convention."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from oracles import assert_close, dense_gradient, dense_jacobian, lagrangian_hessian

from sparsesolve.errors import SolverError, StructureMismatch
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Counts, Result, Status


def objective(x):
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


def product(x):
    return np.prod(x)


def pair(x):
    return np.array([np.sum(x**2), x[0] - 2.0 * x[3]])


def hs71(**kwargs) -> Problem:
    return Problem(
        objective,
        [1.0, 5.0, 5.0, 1.0],
        bounds=(1.0, 5.0),
        constraints=[Constraint(product, 25.0), Constraint(pair, [40.0, -9.0], [40.0, np.inf])],
        **kwargs,
    )


def test_sizes_bounds_and_limits_are_stacked_in_order() -> None:
    problem = hs71(name="HS71")
    assert (problem.n, problem.m) == (4, 3)
    assert [b.tolist() for b in problem.bounds] == [[1.0] * 4, [5.0] * 4]
    lower, upper = problem.constraint_bounds
    assert lower.tolist() == [25.0, 40.0, -9.0]
    assert upper.tolist() == [np.inf, 40.0, np.inf]


def test_derivatives_equal_dense_ones(rng: np.random.Generator) -> None:
    problem = hs71()
    x, weights = rng.uniform(1.0, 5.0, 4), rng.standard_normal(3)
    assert problem.objective_value(x) == pytest.approx(objective(x), rel=1e-14)
    assert_close(problem.gradient(x), dense_gradient(objective, x))
    assert_close(problem.constraint_values(x), np.append(product(x), pair(x)))
    dense = np.vstack([dense_jacobian(product, x), dense_jacobian(pair, x)])
    assert_close(problem.jacobian(x).toarray(), dense)
    H = problem.lagrangian_hessian(x, weights, 0.5)
    assert_close(H.toarray(), lagrangian_hessian(objective, [product, pair], x, weights, 0.5))


def test_matrices_are_canonical_with_fresh_data_and_shared_indices() -> None:
    problem = hs71()
    x = problem.x0
    for first, second in (
        (problem.jacobian(x), problem.jacobian(x + 0.1)),
        (problem.lagrangian_hessian(x, np.ones(3)), problem.lagrangian_hessian(x, np.zeros(3))),
    ):
        assert isinstance(first, sp.csr_array)
        assert first.has_canonical_format
        assert first.indices.dtype == first.indptr.dtype == np.int32
        assert np.shares_memory(first.indices, second.indices)
        assert not np.shares_memory(first.data, second.data)


def test_each_function_is_called_twice_however_often_it_is_used() -> None:
    calls = {"f": 0, "c": 0}

    def f(x):
        calls["f"] += 1
        return np.sum(x**4)

    def c(x):
        calls["c"] += 1
        return x[1:] * x[:-1]

    problem = Problem(f, np.ones(5), constraints=Constraint(c, None, 2.0))
    assert calls == {"f": 0, "c": 0}  # lazily prepared
    for k in range(5):
        x = np.full(5, 1.0 + k)
        problem.objective_value(x)
        problem.gradient(x)
        problem.jacobian(x)
        problem.lagrangian_hessian(x, np.ones(4))
    assert calls == {"f": 2, "c": 2}


def test_a_problem_without_objective_asks_for_a_feasible_point() -> None:
    problem = Problem(None, np.ones(3), constraints=Constraint(lambda x: x[:2] * x[1:], 1.0, 1.0))
    assert problem.objective_value(np.ones(3)) == 0.0
    assert problem.gradient(np.ones(3)).tolist() == [0.0] * 3
    assert "feasibility" in problem.report()


def test_a_problem_without_constraints_has_no_rows() -> None:
    problem = Problem(lambda x: np.sum(x**2), np.ones(3))
    assert problem.m == 0
    assert problem.constraint_values(np.ones(3)).shape == (0,)
    assert problem.jacobian(np.ones(3)).shape == (0, 3)
    assert problem.constraint_bounds[0].size == 0


def test_report_names_constraints_and_what_is_proven() -> None:
    problem = Problem(
        lambda x: np.sum(x**2),
        np.ones(4),
        bounds=(0.0, [1.0, np.inf, np.inf, 0.0]),
        constraints=[Constraint(lambda x: x[1:] - x[:-1], 0.0, name="order")],
        name="demo",
    )
    text = problem.report()
    for part in ("demo", "n = 4, m = 3", "3 rows proven linear", "order: 3 rows", "quadratic"):
        assert part in text
    assert "1 variables fixed" in text
    assert repr(problem) == "Problem('demo', n=4, m=3)"


@pytest.mark.parametrize(
    ("x0", "error", "text"),
    [
        ([1.0, np.nan], ValueError, "finite, got nan at index 1"),
        ([np.inf], ValueError, "finite"),
        ([], ValueError, "at least one"),
        (np.ones((2, 2)), ValueError, "one dimension, got shape"),
        (3.0, ValueError, "one dimension"),
        ([1j, 2.0], TypeError, "real numbers"),
        (["a"], TypeError, "real numbers"),
    ],
)
def test_a_wrong_start_is_named(x0, error, text) -> None:
    with pytest.raises(error, match=text):
        Problem(lambda x: np.sum(x), x0)


@pytest.mark.parametrize(
    ("bounds", "error", "text"),
    [
        ((1.0, 0.0), ValueError, "lower <= upper: 1.0 > 0.0 at index 0"),
        ((np.nan, 1.0), ValueError, "must not be NaN"),
        (([0.0, 0.0], None), StructureMismatch, "scalar or have 3 entries"),
        ([(0, 1), (0, 1), (1, 0)], ValueError, "lower <= upper: 1.0 > 0.0 at index 2"),
        ([(0, 1), (0, 1), (0, 1), (0, 1)], ValueError, "3 pairs .* got 4 entries"),
        ((0.0, 1j), TypeError, "real"),
    ],
)
def test_wrong_bounds_are_named(bounds, error, text) -> None:
    with pytest.raises(error, match=text):
        Problem(lambda x: np.sum(x), np.ones(3), bounds=bounds)


def test_no_bound_may_be_written_as_none_anywhere() -> None:
    problem = Problem(lambda x: np.sum(x), np.ones(2), bounds=(None, [None, 3]))
    assert [b.tolist() for b in problem.bounds] == [[-np.inf] * 2, [np.inf, 3.0]]


def test_wrong_constraints_are_named() -> None:
    with pytest.raises(TypeError, match="callable"):
        Constraint(3.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must not exceed `upper` of constraint 'c1'"):
        Constraint(np.sum, 2.0, 1.0, name="c1")
    with pytest.raises(ValueError, match="NaN"):
        Constraint(np.sum, np.nan)
    with pytest.raises(ValueError, match="one shape"):
        Constraint(np.sum, [0.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="Constraint objects"):
        Problem(None, np.ones(2), constraints=[np.sum])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="`objective` must be callable"):
        Problem(1.0, np.ones(2))  # type: ignore[arg-type]
    problem = Problem(None, np.ones(4), constraints=Constraint(lambda x: x[:3], [0.0, 1.0]))
    with pytest.raises(StructureMismatch, match="scalar or have 3 entries"):
        problem.constraint_bounds


def test_wrong_points_are_named() -> None:
    problem = hs71()
    with pytest.raises(StructureMismatch, match=r"must have shape \(4,\), got \(3,\)"):
        problem.gradient(np.ones(3))
    with pytest.raises(StructureMismatch, match=r"`multipliers` must have shape \(3,\)"):
        problem.lagrangian_hessian(np.ones(4), np.ones(2))


def test_the_problem_keeps_its_own_copies() -> None:
    start = np.ones(2)
    problem = Problem(lambda x: np.sum(x), start)
    start[0] = 7.0
    problem.x0[1] = 9.0
    problem.bounds[0][0] = 9.0
    assert problem.x0.tolist() == [1.0, 1.0]
    assert np.all(np.isinf(problem.bounds[0]))


def result(status: Status) -> Result:
    return Result(
        x=np.arange(20.0),
        fun=1.5,
        cost=1.5,
        status=status,
        message="Words.",
        solver="test",
        multipliers=np.ones(3),
        counts=Counts(function=4, hessian=2),
        name="demo",
    )


def test_result_prints_a_table_and_raises_on_demand() -> None:
    good = result(Status.SOLVED)
    assert good.success
    assert good.raise_on_failure() is good
    text = str(good)
    for part in ("demo: test solved", "objective", "function 4", "Hessian 2", "(20 values)"):
        assert part in text
    bad = result(Status.ITERATION_LIMIT)
    assert not bad.success
    with pytest.raises(SolverError, match="iteration-limit"):
        bad.raise_on_failure()
    assert "iteration-limit" in repr(bad)
    with pytest.raises(AttributeError):
        bad.fun = 2.0  # type: ignore[misc]


def test_a_dense_hessian_is_no_obstacle_to_asking_what_is_quadratic() -> None:
    """The chain rule of 400 sums of 400 terms is too long to be listed; then nothing is proven."""
    A = np.random.default_rng(0).uniform(size=(400, 400))
    problem = Problem(lambda x: np.sum((A @ np.sin(x)) ** 2), np.ones(400))
    assert not problem.derivatives.objective_is_quadratic
