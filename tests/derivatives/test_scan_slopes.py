"""`scan` where slopes may be infinite: which loops stay loops, and that they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.ir.recurrence import Recurrence


def loop(step: Any, carry: Any, xs: Any) -> tuple[Any, Any]:
    """Do what `scan` shall do, for arrays."""
    rows = []
    for row in xs:
        carry, out = step(carry, row)
        rows.append(out)
    return carry, np.array(rows)


def relaxing(scan: Any, x: Any, count: int) -> Any:
    """A constant start at zero, and slopes that could be infinite, beside choices."""

    def step(c: Any, u: Any) -> Any:
        c = c + 0.01 * np.where(c < 0.4, np.exp(-c) * x[0], np.maximum(x[1] - c, 0.1) / (1 + u))
        return c, c**2

    return scan(step, 0.0, np.linspace(0.0, 1.0, count))[1]


@pytest.mark.parametrize("count", [pytest.param(100, marks=pytest.mark.slow), 101])
def test_many_steps_with_choices_stay_a_loop(count: int) -> None:
    x = np.array([0.9, 0.6])
    J = ss.jacobian(lambda x: relaxing(ss.scan, x, count), x)
    rolled = [s for s in J._function.program.instructions if isinstance(s, Recurrence)]
    assert len(rolled) == 1  # however many: a loop beside choices is one
    h = 1e-6 * np.eye(2)
    differences = [(relaxing(loop, x + e, count) - relaxing(loop, x - e, count)) / 2e-6 for e in h]
    np.testing.assert_allclose(J(x).toarray(), np.transpose(differences), atol=1e-8)
    H = ss.hessian(lambda x: np.sum(relaxing(ss.scan, x, count)), x)
    slope = ss.gradient(lambda x: np.sum(relaxing(ss.scan, x, count)), x)
    twice = [(slope(x + e) - slope(x - e)) / 2e-6 for e in h]
    np.testing.assert_allclose(H(x).toarray(), twice, atol=1e-5)


@pytest.mark.slow
def test_steps_around_a_singular_point_have_limits() -> None:
    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            r = np.abs(c)
            return c + 1e-3 * x[1] * np.where(r > 0, np.sin(r) / r, 1.0), None

        return ss.scan(step, x[0], length=120)[0]

    J = ss.gradient(f, np.array([0.3, 0.5]))
    h = 1e-5 * np.eye(2)
    for at in (np.array([0.3, 0.5]), np.zeros(2), np.array([0.0, 0.5])):
        with np.errstate(invalid="ignore"):
            differences = [(f(at + e) - f(at - e)) / 2e-5 for e in h]
        np.testing.assert_allclose(J(at), differences, atol=1e-8)


@pytest.mark.parametrize("method", ["compiled", pytest.param("colored", marks=pytest.mark.slow)])
def test_what_is_not_chosen_stays_out_of_a_loop(method: Any) -> None:
    """Roots of negative numbers, and of zero, in the other side of a choice."""

    def f(x: Any) -> Any:
        def step(c: Any, u: Any) -> Any:
            with np.errstate(invalid="ignore"):
                root = np.where(c > 0.0, np.sqrt(c), 0.0 * c)
            return c - 0.01 * u * root - 0.02 * x[1], c

        return ss.scan(step, x[0], np.linspace(0.0, 1.0, 130))[1]

    at = np.array([0.9, 0.5])
    J = ss.jacobian(f, at, method=method)
    rolled = [s for s in J._function.program.instructions if isinstance(s, Recurrence)]
    assert len(rolled) == 1
    for x in (at, np.array([-0.5, 0.3])):
        steps = [(f(x + e) - f(x - e)) / 2e-7 for e in 1e-7 * np.eye(2)]
        np.testing.assert_allclose(J(x).toarray(), np.transpose(steps), atol=1e-5)
    np.testing.assert_array_equal(J(np.zeros(2)).toarray()[:, 0], 1.0)
