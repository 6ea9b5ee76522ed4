"""The judge knows solutions from points that are none, with and without multipliers."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from benchmarks.sweep.dense import DenseProblem
from benchmarks.sweep.judge import TOLERANCE, judge
from benchmarks.sweep.posed import Spec, build
from benchmarks.sweep.verdict import verdicts

HS71 = build(Spec("own", "hs71")).problem


@pytest.fixture(scope="module")
def solution() -> ss.Result:
    """Tightly, so that what is judged is the judge."""
    options = {"gtol": 1e-12, "xtol": 1e-14, "barrier_tol": 1e-12, "maxiter": 3000}
    return ss.minimize(HS71, solver="trust-constr", options=options)


def test_a_solution_passes_with_the_multipliers_of_the_solver(solution) -> None:
    found = judge(HS71, solution.x, solution.multipliers)
    assert found.worst < TOLERANCE
    assert found.multipliers == "solver"
    assert found.objective == pytest.approx(17.0140173, abs=1e-6)


@pytest.mark.parametrize("told", [None, [1e3, -1e3], [0.0, 0.0], [np.nan, 0.0]])
def test_a_solution_passes_without_good_multipliers(solution, told) -> None:
    found = judge(HS71, solution.x, None if told is None else np.array(told))
    assert found.worst < TOLERANCE
    assert found.multipliers == "estimated"


@pytest.mark.parametrize(
    ("step", "wrong"),
    [([0.0, 1e-3, 0.0, 0.0], "violation"), ([-1e-3, 0.0, 0.0, 0.0], "violation")],
)
def test_an_infeasible_point_fails(solution, step, wrong) -> None:
    assert getattr(judge(HS71, solution.x + step, solution.multipliers), wrong) > 10 * TOLERANCE


def test_a_maximum_on_a_bound_fails() -> None:
    """Minimize x in [0, 1]: at 1 the gradient points away from the bound that holds."""
    line = ss.Problem(lambda x: np.sum(x), [0.5], bounds=(0.0, 1.0))
    assert judge(line, np.array([0.0]), None).worst == 0.0
    assert judge(line, np.array([1.0]), None).stationarity == 1.0
    assert judge(line, np.array([1e-9]), None).worst <= 1e-9
    assert judge(line, np.array([-1e-3]), None).violation == pytest.approx(1e-3)


def test_a_maximum_on_a_constraint_fails() -> None:
    """The multiplier that would cancel the gradient has the wrong sign for the limit that holds."""
    row = ss.Constraint(lambda x: x[0] + x[1], None, 2.0)
    down = ss.Problem(lambda x: x[0] ** 2 + x[1] ** 2, [0.0, 0.0], constraints=row)
    wrong = judge(down, np.array([1.0, 1.0]), np.array([-2.0]))
    assert wrong.stationarity > 0.1
    right = ss.Problem(lambda x: (x[0] - 2) ** 2 + (x[1] - 2) ** 2, [0.0, 0.0], constraints=row)
    assert judge(right, np.array([1.0, 1.0]), np.array([2.0])).worst == 0.0
    assert judge(right, np.array([1.0, 1.0]), None).worst < 1e-12


def test_a_multiplier_of_a_row_far_from_its_limit_fails() -> None:
    row = ss.Constraint(lambda x: x[0], None, 5.0)
    bowl = ss.Problem(lambda x: (x[0] - 4) ** 2, [0.0], constraints=row)
    found = judge(bowl, np.array([2.0]), np.array([4.0]))  # r = -4 + 4 = 0, but the gap is 3
    assert max(found.complementarity, found.stationarity) > 0.1


def test_residuals_do_not_depend_on_the_scale_of_a_row(solution) -> None:
    """Rows multiplied by 1e6, multipliers divided: the same point, the same verdict."""
    scaled = ss.Problem(
        HS71.objective,
        HS71.x0,
        bounds=HS71.bounds,
        constraints=[
            ss.Constraint(lambda x: 1e6 * np.prod(x), 25e6, None),
            ss.Constraint(lambda x: 1e6 * np.sum(x**2), 40e6, 40e6),
        ],
    )
    step = 1e-4 * np.array([1.0, -1.0, 1.0, 1.0])
    for x in (solution.x, solution.x + step):
        plain = judge(HS71, x, solution.multipliers)
        large = judge(scaled, x, solution.multipliers / 1e6)
        assert large.stationarity == pytest.approx(plain.stationarity, rel=1e-6, abs=1e-9)
        assert (large.violation > TOLERANCE) == (plain.violation > TOLERANCE)


def quadratic(rng: np.random.Generator) -> tuple[ss.Problem, np.ndarray, np.ndarray]:
    """A convex problem made around its solution: limits hold, multipliers have the right sign."""
    n, m = int(rng.integers(1, 8)), int(rng.integers(1, 8))
    x, A = rng.normal(size=n), rng.normal(size=(m, n))
    c = A @ x
    kinds = rng.integers(0, 4, size=m)  # equality, upper limit holds, lower limit holds, none does
    room = rng.uniform(0.5, 2.0, size=m)
    low = np.where(kinds == 0, c, np.where(kinds == 2, c, c - room))
    high = np.where(kinds == 0, c, np.where(kinds == 1, c, c + room))
    size = rng.uniform(0.5, 2.0, size=m)
    y = np.select([kinds == 0, kinds == 1, kinds == 2], [rng.normal(size=m), size, -size], 0.0)
    held = rng.integers(0, 3, size=n)  # lower bound holds, upper bound holds, none does
    push = rng.uniform(0.5, 2.0, size=n)
    z = np.select([held == 0, held == 1], [push, -push], 0.0)
    bounds = np.where(held == 0, x, x - 1.0), np.where(held == 1, x, x + 1.0)
    slope = z - A.T @ y
    problem = ss.Problem(
        lambda v: np.sum((v - x) ** 2) + np.dot(slope, v - x),
        x + 0.1,
        bounds=bounds,
        constraints=ss.Constraint(lambda v: np.dot(A, v), low, high),
    )
    return problem, x, y


@pytest.mark.every(5)
@pytest.mark.parametrize("seed", range(25))
def test_random_solutions_pass_and_their_neighbors_fail(seed) -> None:
    rng = np.random.default_rng(seed)
    problem, x, y = quadratic(rng)
    assert judge(problem, x, y).worst < 1e-9
    assert judge(problem, x, None).worst < 1e-9
    step = rng.normal(size=x.size)
    moved = np.clip(x + 1e-2 * step / np.linalg.norm(step), *problem.bounds)
    if np.abs(moved - x).max() > 1e-3:  # not clipped back to the solution
        assert judge(problem, moved, y).worst > TOLERANCE
        assert judge(problem, moved, None).worst > TOLERANCE


@pytest.mark.parametrize("x", [[np.nan] * 4, [np.inf] * 4])
def test_a_point_that_is_not_finite_fails(x) -> None:
    assert judge(HS71, np.array(x), None).worst == np.inf


def test_a_value_that_is_not_finite_fails() -> None:
    log = ss.Problem(lambda x: np.sum(np.log(x)), [1.0])
    assert judge(log, np.array([-1.0]), None).worst == np.inf


def test_fixed_variables_need_no_stationarity() -> None:
    held = ss.Problem(
        lambda x: np.sum((x - 3.0) ** 2), [0.0, 0.0], bounds=[(1.0, 1.0), (None, None)]
    )
    assert judge(held, np.array([1.0, 3.0]), None).worst == 0.0
    assert judge(held, np.array([1.0, 2.0]), None).stationarity > 0.1


def test_a_problem_without_objective_is_judged_by_its_rows() -> None:
    rows = ss.Constraint(lambda x: x**2 - 4.0, 0.0, 0.0)
    root = ss.Problem(None, [1.0, 1.0], constraints=rows)
    assert judge(root, np.array([2.0, -2.0]), None).worst == 0.0
    assert judge(root, np.array([2.0, 1.0]), None).violation > 0.1


def test_estimated_multipliers_are_exact_where_rows_are_many() -> None:
    """A sparse least squares problem beyond the dense limit, equalities only."""
    n = 3000
    rows = ss.Constraint(lambda x: x[1:] - x[:-1], 0.0, 0.0)
    chain = ss.Problem(lambda x: np.sum((x - np.arange(n) / n) ** 2), np.zeros(n), constraints=rows)
    x = np.full(n, np.mean(np.arange(n) / n))
    assert judge(chain, x, None).violation == 0.0


@pytest.mark.slow_cases("lukvle6")
@pytest.mark.parametrize("name", ["hs71", "lukvle6", "camshape", "nist-hahn1", "chain"])
def test_dense_autograd_gives_our_values(name, rng) -> None:
    ours = build(Spec("own", name)).problem
    dense = DenseProblem(ours)
    x = np.clip(ours.x0 + 1e-3 * rng.standard_normal(ours.n), *ours.bounds)
    y = rng.standard_normal(ours.m)
    assert dense.objective_value(x) == pytest.approx(ours.objective_value(x), rel=1e-12)
    for expected, found in (
        (ours.gradient(x), dense.gradient(x)),
        (ours.constraint_values(x), dense.constraint_values(x)),
        (ours.jacobian(x).toarray(), dense.jacobian(x).toarray()),
        (ours.lagrangian_hessian(x, y).toarray(), dense.lagrangian_hessian(x, y).toarray()),
    ):
        scale = max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * scale)


def row(way: str, objective: float | None = 1.0, **changes: object) -> dict[str, object]:
    return {
        "problem": "p", "solver": "s", "way": way, "known": None, "outcome": "ok", "reason": "",
        "status": "solved", "message": "", "objective": objective, "violation": 0.0,
        "stationarity": 1e-9, "complementarity": 0.0, **changes,
    }  # fmt: skip


def test_verdicts() -> None:
    rows = [
        row("best"),
        row("near", 1.00005),
        row("worse", 1.01),
        row("infeasible", 0.0, violation=1e-3),
        row("bad", 0.5, stationarity=1e-3),
        row("slow", 0.5, stationarity=1e-3, status="time-limit", message="stopped after 1 s"),
        row("late", 1.0, status="time-limit"),
        row("liar", 1.0, status="failed"),
        row("nan", None, violation=None, stationarity=None),
        row("crash", None, outcome="crash", reason="SIGSEGV"),
        row("none", None, outcome="not-applicable", reason="takes no bounds"),
    ]
    assert {v.row["way"]: v.verdict for v in verdicts(rows)} == {
        "best": "solved", "near": "solved", "worse": "worse", "infeasible": "infeasible",
        "bad": "not-stationary", "slow": "time-limit", "late": "solved", "liar": "solved",
        "nan": "infeasible", "crash": "crash", "none": "not-applicable",
    }  # fmt: skip


def test_a_known_value_counts_and_a_better_point_replaces_it() -> None:
    high, low = row("a", 2.0, known=1.0), row("b", 0.5, known=1.0)
    assert [v.verdict for v in verdicts([high])] == ["worse"]
    assert [(v.verdict, v.best) for v in verdicts([high, low])] == [("worse", 0.5), ("solved", 0.5)]
