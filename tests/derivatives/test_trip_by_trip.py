"""Loops that stay loops beside choices: what was not chosen stays out, in all derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.sparse as sp
from autograd import grad
from autograd import hessian as dense_hessian
from autograd import jacobian as dense_jacobian
from scipy.special import logsumexp

import sparsesolve as ss
from sparsesolve.derivatives.trip_by_trip import InPattern
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import VerificationError
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.structure.pattern import Pattern

Function = Callable[[Any], Any]
TRIPS = 40


def loops(derivative: Any) -> int:
    """Trips of the loops in what is differentiated."""
    steps = derivative._function.program.instructions
    return sum(step.trips for step in steps if isinstance(step, Recurrence))


def overflowing(x: Any) -> Any:
    """Each trip looks at an exponential of the one before, and does not take it."""
    v, total = x[0], 0.0
    for k in range(TRIPS):
        total = total + np.where(v < 5.0, v, x[1] * (1.0 + 0.1 * k)) ** 2
        v = np.exp(800.0 * x[0] + total / (1.0 + total))
    return total


def expected(x: Any) -> Any:
    """The same where the exponential overflows, but for the first trip."""
    first = anp.where(x[0] < 5.0, x[0], x[1])
    return first**2 + anp.sum((x[1] * (1.0 + 0.1 * np.arange(1, TRIPS))) ** 2)


NEAR, FAR = np.array([-0.1, 0.5]), np.array([1.5, 0.75])


def test_what_was_not_chosen_may_overflow() -> None:
    H, g = ss.hessian(overflowing, NEAR), ss.gradient(overflowing, NEAR)
    assert loops(H) >= TRIPS - 4
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(g(FAR), grad(expected)(FAR), rtol=1e-13)
        second = dense_hessian(expected)(FAR)
        np.testing.assert_allclose(H(FAR).toarray(), second, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(H.gradient(FAR), grad(expected)(FAR), rtol=1e-13)
        v = np.array([0.3, -2.0])
        np.testing.assert_allclose(H.hvp(FAR, v), second @ v, rtol=1e-12)
        np.testing.assert_allclose(g.hvp(FAR, v), second @ v, rtol=1e-12)


def test_rows_and_products_leave_it_out_too() -> None:
    def rows(x: Any) -> Any:
        return np.array([overflowing(x), x[0] * x[1]])

    J = ss.jacobian(rows, NEAR)
    assert loops(J) >= TRIPS - 4
    dense = np.stack([grad(expected)(FAR), FAR[::-1]])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(J(FAR).toarray(), dense, rtol=1e-13)
        np.testing.assert_allclose(J.jvp(FAR, FAR), dense @ FAR, rtol=1e-13)
        np.testing.assert_allclose(J.vjp(FAR, FAR), FAR @ dense, rtol=1e-13)


def test_a_problem_leaves_it_out_too() -> None:
    problem = ss.Problem(
        overflowing, NEAR, constraints=[ss.Constraint(overflowing, lower=0.0)], check=False
    )
    with np.errstate(all="ignore"):
        slope, second = grad(expected)(FAR), dense_hessian(expected)(FAR)
        np.testing.assert_allclose(problem.gradient(FAR), slope, rtol=1e-13)
        np.testing.assert_allclose(problem.jacobian(FAR).toarray(), [slope], rtol=1e-13)
        H = problem.lagrangian_hessian(FAR, np.array([2.0])).toarray()
        np.testing.assert_allclose(H, 3.0 * second, rtol=1e-12, atol=1e-12)


def test_nothing_else_is_made_where_all_is_finite() -> None:
    near = NEAR
    H = ss.hessian(overflowing, near)
    values = H(near).toarray()
    assert "_trips" not in vars(H._values.evaluator)
    step = 1e-6 * np.eye(2)
    slopes = [(H.gradient(near + h) - H.gradient(near - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(values, slopes, rtol=1e-7, atol=1e-7)


def forward(sum_up: Function, x: Any) -> Any:
    """The forward algorithm of a hidden Markov model with two states, by logarithms."""
    A = x[:4].reshape(2, 2) - sum_up(x[:4].reshape(2, 2), 1)[:, None]
    a = x[4:]
    for k in range(TRIPS):
        a = sum_up(a[:, None] + A, 0) + x[4:] * (k % 3)
    return sum_up(a, 0)


def by_hand(v: Any, axis: int) -> Any:
    top = np.max(v, axis=axis, keepdims=True)
    return np.squeeze(top + np.log(np.sum(np.exp(v - top), axis=axis, keepdims=True)), axis=axis)


def plainly(v: Any, axis: int) -> Any:
    return anp.log(anp.sum(anp.exp(v), axis=axis))


SUMS: dict[str, Function] = {
    "by hand": lambda x: forward(by_hand, x),
    "of SciPy": lambda x: forward(lambda v, axis: logsumexp(v, axis=axis), x),
    "by pairs": lambda x: forward(lambda v, axis: np.logaddexp.reduce(v, axis=axis), x),
}


@pytest.mark.parametrize(
    "name", ["by hand", *(pytest.param(n, marks=pytest.mark.slow) for n in list(SUMS)[1:])]
)
def test_hidden_markov_model(name: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=6) / 2
    H = ss.hessian(SUMS[name], x)
    assert loops(H) >= TRIPS - 4
    for at in (x, x + 3.0, rng.normal(size=6)):

        def reference(x: Any) -> Any:
            return forward(plainly, x)

        np.testing.assert_allclose(H.gradient(at), grad(reference)(at), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(
            H(at).toarray(), dense_hessian(reference)(at), rtol=1e-10, atol=1e-10
        )


def test_a_state_that_cannot_be() -> None:
    """Logarithms of zero beside others; elsewhere all of them."""

    def f(x: Any) -> Any:
        a = np.array([0.0, -np.inf, -np.inf])
        for _ in range(TRIPS):
            a = logsumexp(a[:, None] + x[:9].reshape(3, 3), axis=0)
        return logsumexp(a)

    def reference(x: Any) -> Any:
        p = np.array([1.0, 0.0, 0.0])
        for _ in range(TRIPS):
            p = anp.dot(p, anp.exp(x.reshape(3, 3)))
        return anp.log(anp.sum(p))

    x = np.random.default_rng(5).normal(size=9) / 3
    g = ss.gradient(f, x)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(g(x), grad(reference)(x), rtol=1e-11)
        apart = x.copy()
        apart[3::3] = -np.inf  # nothing leads to the first state but itself
        np.testing.assert_allclose(g.value(apart), reference(apart), rtol=1e-12)


@pytest.mark.slow
def test_guards_within_trips_have_their_limits() -> None:
    def f(x: Any) -> Any:
        total = 1.0
        for k in range(TRIPS):
            r = np.sqrt((x[0] ** 2 + x[1] ** 2) * total**2) * (1.0 + 0.05 * k)
            part = np.where(r > 0.0, np.sin(r) / np.where(r > 0.0, r, 1.0), 1.0)
            total = np.sin(total) + part
        return total

    H = ss.hessian(f, np.array([0.3, 0.4]), method="interpreted")
    assert loops(H) >= TRIPS - 4
    total, curvature = 1.0, 0.0
    for k in range(TRIPS):
        curvature = np.cos(total) * curvature - ((1.0 + 0.05 * k) * total) ** 2 / 3.0
        total = np.sin(total) + 1.0
    found = H(np.zeros(2)).toarray()
    np.testing.assert_allclose(found, curvature * np.eye(2), rtol=1e-7, atol=1e-7)


def test_pieces_within_trips_are_seen() -> None:
    def clipped(x: Any) -> Any:
        y, out = x[0], []
        for _ in range(TRIPS):
            y = np.clip(y + 0.1 * x[1] - 0.2 * np.floor(y), -1.0, 1.0) * np.exp(-0.01 * y)
            out.append(y)
        return np.array(out)

    def reference(x: Any) -> Any:
        y, out = x[0], []
        for _ in range(TRIPS):
            y = anp.clip(y + 0.1 * x[1] - 0.2 * anp.floor(y), -1.0, 1.0) * anp.exp(-0.01 * y)
            out.append(y)
        return anp.array(out)

    x = np.array([0.3, 0.7])
    J = ss.jacobian(clipped, x)
    assert loops(J) >= TRIPS - 4
    for at in (x, np.array([-0.8, 0.1]), np.array([3.0, -2.0])):
        np.testing.assert_allclose(J(at).toarray(), dense_jacobian(reference)(at), rtol=1e-11)


def test_long_sums_of_sizes() -> None:
    def f(c: Any) -> Any:
        y = 0.0
        for k in range(600):
            y = y * 0.9 + c[k]
        return np.where(y * y > 0.0, y**2, 0.0)

    c = np.random.default_rng(6).random(600)
    powers = 0.9 ** np.arange(599, -1, -1)
    np.testing.assert_allclose(ss.gradient(f, c)(c), 2.0 * (powers @ c) * powers, rtol=1e-12)


def test_what_overflows_in_a_loop_may_be_left_out_behind_it() -> None:
    def f(p: Any) -> Any:
        s, total = p[0], 0.0
        for _ in range(TRIPS):
            s = np.exp(300.0 * p[1]) * s * 0.001 + p[0]
            total = total + np.where(s < 1e3, s * s, p[2])
        return total

    g = ss.gradient(f, np.array([0.5, -0.4, 0.3]))
    assert loops(g) >= TRIPS - 4
    with np.errstate(all="ignore"):
        assert np.array_equal(g(np.array([0.5, 0.4, 0.3])), [0.0, 0.0, TRIPS])


def test_nonzeros_in_the_places_of_another_pattern() -> None:
    theirs = Pattern.from_scipy(sp.coo_array(([1.0] * 3, ([0, 0, 1], [0, 2, 1])), shape=(2, 3)))
    mine = Pattern.from_scipy(sp.coo_array(([1.0] * 3, ([0, 1, 1], [0, 0, 1])), shape=(2, 3)))
    b = Builder((3,))
    run = InPattern(Interpreter(b.build(b.x)), theirs, mine)
    for lost in (0.0, np.nan, np.inf):
        np.testing.assert_array_equal(run([4.0, lost, 5.0]), [4.0, 0.0, 5.0])
    with pytest.raises(VerificationError, match="its trips have one by one"):
        run([4.0, 1e-9, 5.0])
    backwards = InPattern(Interpreter(b.build(b.x)), theirs, mine, np.array([2, 1, 0]))
    np.testing.assert_array_equal(backwards([4.0, 0.0, 5.0]), [5.0, 0.0, 4.0])
