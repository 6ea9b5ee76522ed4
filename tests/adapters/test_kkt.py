"""One sign convention: on random convex programs all multipliers satisfy the KKT rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparsesolve.front import minimize
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.problem.result import Result

QUICK = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Program:
    """A convex program with a known strictly feasible point for its inequalities."""

    problem: Problem
    lower: np.ndarray
    upper: np.ndarray


@st.composite
def programs(draw: st.DrawFn) -> Program:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(3, 6))
    inside = rng.uniform(-1.0, 1.0, n)
    B = rng.standard_normal((n, n))
    Q, q = B @ B.T + 0.5 * np.eye(n), 3.0 * rng.standard_normal(n)
    A, E = rng.standard_normal((3, n)), rng.standard_normal((1, n))
    room = rng.uniform(0.05, 0.5, 3)
    low = np.where(rng.random(3) < 0.6, A @ inside - room, -np.inf)
    high = np.where(rng.random(3) < 0.6, A @ inside + room, np.inf)
    radius = np.sum(inside**2) + 0.3
    lo = np.where(rng.random(n) < 0.5, inside - rng.uniform(0.1, 1.0, n), -np.inf)
    hi = np.where(rng.random(n) < 0.5, inside + rng.uniform(0.1, 1.0, n), np.inf)
    if draw(st.booleans()):
        lo[0] = hi[0] = inside[0]
    problem = Problem(
        lambda x: 0.5 * np.dot(x, np.dot(Q, x)) + np.dot(q, x),
        inside,
        bounds=(lo, hi),
        constraints=[
            Constraint(lambda x: np.dot(A, x), low, high),
            Constraint(lambda x: np.dot(E, x), E @ inside, E @ inside),
            Constraint(lambda x: np.sum(x**2), None, radius),
        ],
    )
    return Program(problem, lo, hi)


def check(program: Program, result: Result, tol: float) -> None:
    problem, x = program.problem, result.x
    scale = 1.0 + np.abs(result.multipliers).max(initial=0.0)
    assert result.success
    assert result.constraint_violation < tol
    lower, upper = result.bound_multipliers
    gradient = problem.gradient(x) + problem.jacobian(x).T @ result.multipliers
    assert np.abs(gradient - lower + upper).max() < tol * scale
    assert result.optimality < tol * scale
    assert min(lower.min(), upper.min()) >= 0.0
    # complementarity: a multiplier only where its limit holds
    c, (row_lower, row_upper) = problem.constraint_values(x), problem.constraint_bounds
    assert np.all((result.multipliers < tol * scale) | (row_upper - c < np.sqrt(tol)))
    assert np.all((result.multipliers > -tol * scale) | (c - row_lower < np.sqrt(tol)))
    assert np.all((lower < tol * scale) | (x - program.lower < np.sqrt(tol)))
    assert np.all((upper < tol * scale) | (program.upper - x < np.sqrt(tol)))


@given(programs())
@QUICK
def test_slsqp(program: Program) -> None:
    check(program, minimize(program.problem, solver="SLSQP", options={"ftol": 1e-11}), 1e-4)


@pytest.mark.slow
@given(programs())
@QUICK
def test_trust_constr(program: Program) -> None:
    result = minimize(program.problem, solver="trust-constr", tol=1e-9)
    check(program, result, 1e-4)


@pytest.mark.ipopt
@given(programs())
@QUICK
def test_ipopt(program: Program) -> None:
    check(program, minimize(program.problem, solver="ipopt"), 1e-5)


@pytest.mark.slow
@given(st.integers(0, 10_000))
@QUICK
def test_bounds_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = 2.0 * rng.standard_normal(5)
    problem = Problem(
        lambda x: np.sum((x - target) ** 2 + 0.1 * (x - target) ** 4),
        np.zeros(5),
        bounds=(-1.0, 1.0),
    )
    program = Program(problem, np.full(5, -1.0), np.full(5, 1.0))
    for solver in ("L-BFGS-B", "TNC", "trust-constr"):
        result = minimize(problem, solver=solver, tol=1e-9)
        check(program, result, 1e-3)
        assert np.allclose(result.x, np.clip(target, -1.0, 1.0), atol=1e-3)
