"""Loops of matrices: rows are carried through trips, and small systems are written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian

import sparsesolve as ss
from sparsesolve.differentiate import carried_rows, jacobian_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.fuse.roll import roll
from sparsesolve.ir.program import Opaque, Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.lower import lower
from sparsesolve.trace import trace

TRIPS = 26
Function = Callable[[Any], Any]


def covariances(n: int, own: bool) -> Function:
    """A matrix equation step by step; with `own` each step has an unknown that no other has."""
    rng = np.random.default_rng(n)
    F, Q = np.eye(n) + rng.normal(size=(n, n)) / n, np.eye(n)

    def f(x: Any) -> Any:
        P, mean = np.eye(n), x[:n]
        for k in range(TRIPS):
            A = F * x[n] + np.outer(mean, mean) / n
            P = A @ P @ A.T / 4.0 + Q + (x[n + 1 + k] ** 2 * np.eye(n) if own else 0.0)
            mean = np.sin(P @ mean) + x[:n]
        return mean

    return f


def same_of_autograd(function: Function) -> Function:
    """The same code with autograd's NumPy."""

    def f(x: Any) -> Any:
        space = function.__globals__
        kept, space["np"] = space["np"], anp
        try:
            return function(x)
        finally:
            space["np"] = kept

    return f


def rolled(function: Function, x: Any) -> tuple[Program, Program]:
    lowered = lower(trace(function, [x]))
    return fuse(lowered), fuse(roll(lowered))


@pytest.mark.parametrize(("n", "own"), [(2, True), (1, False)])
def test_rows_through_products_of_matrices(n: int, own: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(carried_rows.CarriedRows, "pays", lambda self: True)
    f = covariances(n, own)
    x = np.random.default_rng(1).normal(size=n + 1 + own * TRIPS) / 3
    plain, loop = rolled(f, x)
    assert any(isinstance(step, Recurrence) for step in loop.instructions)
    J = jacobian_program(loop)
    values = J.pattern.to_scipy(Interpreter(J.program)(x)).toarray()
    np.testing.assert_allclose(values, jacobian(same_of_autograd(f))(x), rtol=1e-9, atol=1e-11)
    unrolled = jacobian_program(plain).pattern
    assert (J.pattern.nnz, J.pattern.union(unrolled).nnz) == (unrolled.nnz, unrolled.nnz)


@pytest.mark.parametrize("carried", [False, True])
def test_first_trips_have_shorter_rows(carried: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(carried_rows.CarriedRows, "pays", lambda self: carried)
    n = 3

    def f(x: Any) -> Any:
        v, out = np.ones(n), []
        for k in range(TRIPS):
            M = np.outer(v, v) * x[k % 3]
            v = np.tanh(M @ M @ v / 50.0) + 0.5 * v
            out.append(v[0])
        return np.array(out)

    x = np.array([0.4, -0.3, 0.2])
    plain, loop = rolled(f, x)
    J, expected = jacobian_program(loop), jacobian_program(plain)
    assert J.pattern.nnz == expected.pattern.nnz == 3 * TRIPS - 3
    values = J.pattern.to_scipy(Interpreter(J.program)(x)).toarray()
    np.testing.assert_allclose(values, jacobian(same_of_autograd(f))(x), rtol=1e-10, atol=1e-13)


def likelihood(how: str) -> Function:
    """A Kalman filter with three states and two observations."""
    rng = np.random.default_rng(7)
    data, H = rng.normal(size=(TRIPS, 2)), rng.normal(size=(2, 3))
    F = 0.8 * np.eye(3) + rng.normal(size=(3, 3)) / 10

    def f(x: Any) -> Any:
        state, P, total = np.zeros(3), np.eye(3), 0.0
        for y in data:
            A = F + np.diag(x[:3])
            state, P = A @ state, A @ P @ A.T + np.exp(x[3]) * np.eye(3)
            S, gap = H @ P @ H.T + np.exp(x[4]) * np.eye(2), y - H @ state
            if how == "inverse":
                gain, far = P @ H.T @ np.linalg.inv(S), gap @ np.linalg.inv(S) @ gap
            else:
                gain, far = np.linalg.solve(S, H @ P).T, gap @ np.linalg.solve(S, gap)
            if how == "factor":
                size = 2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(S))))
            else:
                size = np.linalg.slogdet(S)[1]
            state, P, total = state + gain @ gap, P - gain @ H @ P, total + size + far
        return total

    return f


@pytest.mark.slow_cases("6-True")
@pytest.mark.parametrize(("n", "pays"), [(3, False), (6, True)])
def test_rows_are_carried_where_trips_are_large(n: int, pays: bool, monkeypatch: Any) -> None:
    asked = []
    plainly = carried_rows.CarriedRows.pays
    monkeypatch.setattr(
        carried_rows.CarriedRows, "pays", lambda self: asked.append(plainly(self)) or asked[-1]
    )

    A = np.random.default_rng(3).normal(size=(n, n)) / n

    def f(x: Any) -> Any:
        P = np.eye(n)
        for _ in range(TRIPS):
            P = np.sin(A @ P @ A.T + P @ A @ P + x[0] * np.eye(n)) / n
        return np.array([np.sum(P), P[0, 0] * x[1]])

    x = np.array([0.3, 0.5])
    J = jacobian_program(rolled(f, x)[1])
    assert asked == [pays]
    values = J.pattern.to_scipy(Interpreter(J.program)(x)).toarray()
    np.testing.assert_allclose(values, jacobian(same_of_autograd(f))(x), rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["factor", "inverse", "solve"])
def test_filters_stay_loops(how: str) -> None:
    f, x = likelihood(how), np.array([0.1, -0.05, 0.02, -0.4, 0.3])
    H = ss.hessian(f, x)
    steps = H._function.program.instructions
    assert sum(step.trips for step in steps if isinstance(step, Recurrence)) >= TRIPS - 4
    assert all(isinstance(s, Recurrence) for s in steps if isinstance(s, Opaque))
    slope = grad(same_of_autograd(f))
    for at in (x, x + 0.1):
        np.testing.assert_allclose(H.value(at), f(at), rtol=1e-13)
        np.testing.assert_allclose(H.gradient(at), slope(at), rtol=1e-9)
        steps = [(slope(at + h) - slope(at - h)) / 2e-5 for h in 1e-5 * np.eye(5)]
        np.testing.assert_allclose(H(at).toarray(), steps, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_small_factors_and_determinants_in_loops(n: int) -> None:
    def f(x: Any) -> Any:
        M, out = np.reshape(x, (n, n)), []
        for k in range(10):
            L = np.linalg.cholesky(M @ M.T + (1.0 + k) * np.eye(n))
            out += [np.linalg.slogdet(M - k * L)[1], np.sum(L[:, 0]), L[n - 1, n - 1]]
        return np.array(out)

    x = np.random.default_rng(n).normal(size=n * n)
    J = ss.jacobian(f, x, method="interpreted")
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
    expected = jacobian(same_of_autograd(f))(x)
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-8, atol=1e-10)


def test_what_has_no_logarithm_is_minus_infinity() -> None:
    def f(x: Any) -> Any:
        return np.array([np.linalg.slogdet(np.outer(x, x) * k)[1] for k in range(10)])

    J = ss.jacobian(f, np.array([0.3, 0.4]), check=False, method="interpreted")
    with np.errstate(divide="ignore"):
        assert np.array_equal(J.value(np.array([1.0, 2.0])), np.full(10, -np.inf))
