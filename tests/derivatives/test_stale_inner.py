"""Data of functions that solvers call inside of a function: values see them, derivatives do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, fsolve, minimize

import sparsesolve as ss
from sparsesolve.errors import VerificationError

RATE = np.array([1.0])


def by_quad(x):
    return np.array([quad(lambda s: np.exp(-RATE[0] * x[0] * s), 0.0, 1.0)[0]])


def by_solve_ivp(x):
    return solve_ivp(lambda t, y: -RATE[0] * x[0] * y, (0.0, 1.0), [1.0], rtol=1e-9).y[:, -1]


def by_brentq(x):
    return np.array([brentq(lambda y: y**3 + y - RATE[0] * x[0], -10.0, 10.0)])


def by_fsolve(x):
    return fsolve(lambda y: y**3 + y - RATE[0] * x, np.ones(1))


def by_minimize(x):
    return minimize(lambda y: np.sum((y - RATE[0] * x) ** 2), np.ones(1)).x


BY_IMPLICIT = ss.implicit(lambda x: np.sqrt(x * RATE[0]), lambda y, x: y**2 - RATE[0] * x)


@pytest.fixture(autouse=True)
def _rate_as_it_was():
    yield
    RATE[0] = 1.0


@pytest.mark.every(2)
@pytest.mark.parametrize(
    "function", [by_quad, by_solve_ivp, by_brentq, by_fsolve, by_minimize, BY_IMPLICIT]
)
def test_data_that_change_in_place_are_noticed(function: Any) -> None:
    x = np.array([1.5])

    def total(x):
        return 1.0 * function(x)

    J = ss.jacobian(total, x)
    J.verify()
    J(x)
    J.verify()
    RATE[0] = 3.0
    with pytest.raises(VerificationError, match="inside of a solver or an integral"):
        J.verify()
    anew = ss.jacobian(total, x)
    slope = (total(x + 1e-4) - total(x - 1e-4)) / 2e-4
    np.testing.assert_allclose(anew(x).toarray()[0], slope, rtol=1e-4)
    anew.verify()


def test_a_problem_that_is_solved_again_is_traced_anew() -> None:
    def objective(x):
        return (by_quad(x)[0] - 0.3) ** 2 + 0.01 * x[0] ** 2

    problem = ss.Problem(objective, np.ones(1))
    problem.solve(method="L-BFGS-B")
    again = problem.solve(method="L-BFGS-B")
    assert not [note for note in again.notes if "traced anew" in note]
    RATE[0] = 3.0
    found = problem.solve(method="L-BFGS-B")
    assert any("traced anew" in note for note in found.notes)
    fresh = ss.Problem(objective, np.ones(1)).solve(method="L-BFGS-B")
    np.testing.assert_allclose(found.x, fresh.x, rtol=1e-4)


def test_what_a_function_itself_changes_is_no_data_of_it() -> None:
    class Model:
        def __init__(self) -> None:
            self.calls, self.times = 0, []

        def rhs(self, t, y, p):
            self.calls += 1
            self.times.append(float(t))
            return -p * y

        def __call__(self, x):
            return solve_ivp(self.rhs, (0.0, 1.0), [1.0], args=(x[0],)).y[:, -1]

    J = ss.jacobian(Model(), np.ones(1))
    J.verify()
    J(np.array([2.0]))
    J.verify()
