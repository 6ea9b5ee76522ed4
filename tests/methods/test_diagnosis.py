"""What may be wrong with a problem: found, and told by name."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.adapters.explanations import Conflict, Ray, find_conflict, find_ray
from sparsesolve.methods.diagnosis import dependent_rows
from sparsesolve.methods.structural import decompose
from sparsesolve.problem.names import row_name, variable_name

Pair = namedtuple("Pair", "x y")


def sphere(x: Any) -> Any:
    return np.sum(x**2)


def equal(function: Any, name: str, value: Any = 0.0) -> ss.Constraint:
    return ss.Constraint(function, value, value, name=name)


def test_a_sound_problem_has_no_advice() -> None:
    problem = ss.Problem(sphere, np.ones(4), constraints=equal(lambda x: x[1:] - x[:-1], "steps"))
    found = problem.diagnose()
    assert found.is_clean
    assert (found.n, found.m, found.equalities, found.rank) == (4, 3, 3, 3)
    assert found.rows == (1.0, 1.0)
    assert str(found).splitlines()[0].split() == ["variables", "4"]
    assert all(text == "-" for label, text in found.table() if label in ("kinks", "not finite"))


def test_without_constraints_and_for_one_variable() -> None:
    found = ss.Problem(lambda x: x[0] ** 2, [3.0]).diagnose()
    assert found.is_clean
    assert found.gradient == 6.0
    assert found.rank == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 5), (31, 33), (33, 31), (40, 40)])
def test_dependent_rows_against_rank_and_least_squares(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    m, n = shape
    base = rng.standard_normal((max(1, min(m, n) // 2), n))
    A = rng.standard_normal((m, base.shape[0])) @ base * 10.0 ** rng.uniform(-4, 4, (m, 1))
    rank, found = dependent_rows(A)
    assert rank == np.linalg.matrix_rank(A / np.linalg.norm(A, axis=1)[:, None])
    assert len(found) == m - rank
    for row, others in found:
        weights = np.linalg.lstsq(A[others].T, A[row])[0]
        np.testing.assert_allclose(A[others].T @ weights, A[row], rtol=1e-6, atol=1e-10)


def test_dependent_rows_by_name_and_zero_rows() -> None:
    problem = ss.Problem(
        sphere,
        np.ones(3),
        constraints=[
            equal(lambda x: np.array([x[0] + x[1], x[1] + x[2]]), "flow"),
            equal(lambda x: x[0] + 2 * x[1] + x[2], "total"),
            equal(lambda x: 0.0 * x[0] + 1.0, "nothing", 1.0),
            equal(lambda x: (x[0] - 1.0) ** 2, "flat"),
        ],
    )
    found = problem.diagnose()
    assert found.rank == 2
    assert any("total" in text and "flow" in text for text in found.dependent)
    assert found.constant_rows == ("nothing",)
    assert found.zero_rows == ("flat",)
    assert "nothing" in found.over
    assert any("Leave out dependent" in text for text in found.advice)
    assert any("Start elsewhere" in text for text in found.advice)


def test_unused_variables_and_blocks_by_name() -> None:
    start = {"u": np.ones((2, 2)), "w": np.ones(3)}
    problem = ss.Problem(
        lambda v: np.sum(v["u"] ** 2) + v["w"][0] ** 2,
        start,
        constraints=equal(lambda v: v["u"] - 1.0, "held"),
    )
    found = problem.diagnose()
    assert found.unused == ("w[1]", "w[2]")
    assert [variable_name(problem, j) for j in (0, 3, 4)] == ["u[0, 0]", "u[1, 1]", "w[0]"]
    assert [row_name(problem, i) for i in (0, 2)] == ["held[0, 0]", "held[1, 0]"]
    pair = ss.Problem(lambda p: p.x**2 + np.sum(p.y**2), Pair(1.0, np.ones(2)))
    assert [variable_name(pair, j) for j in range(3)] == ["x", "y[0]", "y[1]"]
    assert variable_name(ss.Problem(sphere, np.ones(2)), 1) == "x[1]"


def test_scaling_is_told() -> None:
    problem = ss.Problem(
        lambda x: 1e9 * np.sum(x**2),
        np.ones(3),
        constraints=ss.Constraint(lambda x: x * np.array([1.0, 1e5, 1e-5]), 0.0, None),
    )
    found = problem.diagnose()
    assert found.rows == pytest.approx((1e-5, 1e5))
    assert found.gradient == pytest.approx(2e9)
    assert sum("factor of 1e+10" in text for text in found.advice) == 2
    assert any("divide it" in text for text in found.advice)


def test_kinks_are_told_where_they_are() -> None:
    rows = ss.Constraint(lambda x: np.maximum(x, 1.0), None, 9.0, name="top")
    problem = ss.Problem(lambda x: np.sum(np.abs(x - 2.0)), np.zeros(3), constraints=rows)
    assert problem.diagnose().kinks == ()
    assert problem.diagnose([0.0, 1.0, 0.0]).kinks == ("top[1]",)
    assert problem.diagnose([0.0, 2.0, 3.0]).kinks == ("the objective",)
    smooth = ss.Problem(lambda x: np.sum(1e3 * np.sin(30 * x)), np.ones(3))
    assert smooth.diagnose().kinks == ()
    steep = ss.Constraint(lambda x: np.exp(20.0 * x), None, 1e9)
    assert ss.Problem(sphere, np.ones(2), constraints=steep).diagnose().kinks == ()


def test_what_is_not_finite_is_told() -> None:
    problem = ss.Problem(
        lambda x: np.sum(np.log(x)),
        np.array([1.0, 0.0]),
        constraints=ss.Constraint(lambda x: np.sqrt(x), 0.0, None, name="root"),
    )
    found = problem.diagnose()
    assert "the objective" in found.nonfinite
    assert "the derivative by x[1]" in found.nonfinite
    assert "a derivative of root[1]" in found.nonfinite


def test_structure_with_too_many_and_too_few_equations() -> None:
    """x0 is in two equations alone; x3, x4 share one."""
    problem = ss.Problem(
        None,
        np.full(5, 0.5),
        constraints=equal(
            lambda x: np.array([x[0] ** 2, x[0] ** 3, x[1] * x[2], x[1] + x[2], x[3] * x[4]]), "f"
        ),
    )
    found = problem.diagnose()
    assert found.structural.rank == 4
    assert found.over == ("f[0]", "f[1]")
    assert found.under == ("x[3]", "x[4]")


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (7, 4), (4, 7), (32, 33), (33, 32)])
def test_parts_of_a_structure(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    for density in (0.02, 0.1, 0.4):
        A = sp.csr_array((rng.random(shape) < density).astype(float))
        found = decompose(A)
        values = rng.standard_normal(shape) * (A.toarray() != 0)
        assert found.rank == (np.linalg.matrix_rank(values) if A.nnz else 0)
        over, under = found.over_rows, found.under_columns
        assert over.size - found.over_columns.size == shape[0] - found.rank
        assert under.size - found.under_rows.size == shape[1] - found.rank
        dense = A.toarray() != 0
        others = np.setdiff1d(np.arange(shape[1]), found.over_columns)
        assert not dense[np.ix_(over, others)].any()
        rest = np.setdiff1d(np.arange(shape[0]), found.under_rows)
        assert not dense[np.ix_(rest, under)].any()


def test_a_block_triangular_matrix_is_square_all_over() -> None:
    A = scipy.linalg.block_diag(np.ones((2, 2)), np.eye(3))
    found = decompose(sp.csr_array(A))
    assert found.rank == 5
    assert not found.over_rows.size
    assert not found.under_columns.size


# ----- Why there is no solution -----


@pytest.mark.slow
def test_a_smallest_set_of_rows_that_contradict() -> None:
    """a + b <= 1 and a + b >= 2 clash; the other 30 rows do not matter."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 6))
    problem = ss.Problem(
        sphere,
        np.zeros(6),
        constraints=[
            ss.Constraint(lambda x: A @ x, -5.0, 5.0, name="harmless"),
            ss.Constraint(lambda x: x[0] + x[1], None, 1.0, name="at most"),
            ss.Constraint(lambda x: x[0] + x[1], 2.0, None, name="at least"),
        ],
    )
    result = ss.minimize(problem, method="trust-constr", options={"maxiter": 200})
    assert not result.success
    found = result.explain()
    assert isinstance(found, Conflict)
    assert found.rows == ("at most <= 1", "at least >= 2")
    assert found.bounds == ()
    assert found.is_minimal
    assert "each is needed" in str(found)


def test_a_row_against_bounds() -> None:
    problem = ss.Problem(
        sphere,
        np.zeros(5),
        bounds=(0.0, 1.0),
        constraints=ss.Constraint(lambda x: x[0] + x[3], 3.0, None, name="sum"),
    )
    found = find_conflict(problem, problem.start)
    assert found.rows == ("sum >= 3",)
    assert found.bounds == ("x[0] <= 1", "x[3] <= 1")
    assert found.worst == ("sum by 3",)


def test_every_set_found_is_smallest() -> None:
    """Without any of its rows the rest can hold: checked by the program without elastic rows."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        A, b = rng.standard_normal((12, 3)), rng.standard_normal(12)
        problem = ss.Problem(
            sphere, np.zeros(3), constraints=ss.Constraint(lambda x, A=A: A @ x, b, None, name="r")
        )
        found = find_conflict(problem, problem.start)
        if not found.rows:
            assert scipy.optimize.linprog(np.zeros(3), -A, -b, bounds=(None, None)).status == 0
            continue
        rows = list(found.indices)
        assert len(rows) <= 4  # Helly: n + 1
        for left in [None, *rows]:
            kept = [i for i in rows if i != left]
            status = scipy.optimize.linprog(np.zeros(3), -A[kept], -b[kept], bounds=(None, None))
            assert status.status == (2 if left is None else 0)


def test_a_nonlinear_contradiction_where_the_solver_ended() -> None:
    problem = ss.Problem(
        lambda x: x[1] ** 2,
        [1.0, 1.0],
        constraints=ss.Constraint(lambda x: x[0] ** 2 + x[1] ** 2, None, -1.0, name="ball"),
    )
    found = ss.minimize(problem).explain()
    assert found.rows == ("ball <= -1",)


def test_rows_that_can_hold_linearized() -> None:
    problem = ss.Problem(sphere, [3.0], constraints=ss.Constraint(lambda x: x, 1.0, 2.0, name="c"))
    found = find_conflict(problem, np.array([3.0]))
    assert found.rows == ()
    assert "try another start" in str(found)


def test_an_unbounded_problem_names_its_ray() -> None:
    problem = ss.Problem(
        lambda x: x[0] - 2.0 * x[1] + x[2] ** 2,
        np.zeros(3),
        bounds=([0.0, -np.inf, -1.0], np.inf),
        constraints=ss.Constraint(lambda x: x[0] - x[1], None, 5.0, name="c"),
    )
    found = find_ray(problem, problem.start)
    assert isinstance(found, Ray)
    assert found.direction[1] == 1.0
    assert found.values == (-2.0, -200.0, -20000.0)
    assert found.text == "+1 x[1]"
    assert "falls along +1 x[1]: -2 at 1" in str(found)
    result = ss.minimize(problem)
    assert result.status.value == "unbounded"
    assert np.abs(result.explain().direction[1]) == 1.0


def test_a_bounded_problem_has_no_ray() -> None:
    problem = ss.Problem(
        lambda x: -x[0] - x[1],
        np.zeros(2),
        constraints=ss.Constraint(lambda x: x[0] + x[1], None, 1.0),
    )
    found = find_ray(problem, problem.start)
    assert not found.direction.any()
    assert "bounded" in str(found)


def test_a_solution_is_diagnosed() -> None:
    result = ss.minimize(ss.Problem(sphere, np.ones(2)))
    assert result.explain().is_clean
    with pytest.raises(TypeError, match="`explain` is not known of a result by 'newton'"):
        ss.root(lambda x: x, np.ones(2)).explain()


def test_a_problem_without_rows_has_no_derivatives_of_them() -> None:
    table = dict(ss.Problem(lambda x: np.sum(x**2), np.ones(2)).diagnose().table())
    assert table["derivatives of rows"] == table["derivatives of columns"] == "-"
