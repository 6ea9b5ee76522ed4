"""The class `ode` inside of a function: one solution, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences
from scipy.integrate import ode

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([0.7, 0.2])
TIGHT = {"rtol": 1e-11, "atol": 1e-12}


def rate(t, y, a, b):
    return [-a * y[0] ** 2 + b, a * y[0] - 0.3 * y[1]]


def until_the_end(integrator):
    def f(p):
        stepper = ode(lambda t, y: rate(t, y, *p)).set_integrator(integrator, **TIGHT)
        stepper.set_initial_value([1.0, 0.0], 0.0)
        rows = []
        while stepper.successful() and stepper.t < 1.99:
            stepper.integrate(stepper.t + 0.5)
            rows.append(stepper.y.copy())  # which lsoda overwrites
        return np.vstack(rows).ravel()

    return f


def from_a_traced_start(p):
    stepper = ode(rate)
    stepper.set_integrator("vode", method="bdf", **TIGHT)
    stepper.set_f_params(p[0], p[1])
    stepper.set_initial_value([p[1], 2.0 * p[0]], 0.5)
    found = np.zeros(3)
    for k in range(3):
        found[k] = stepper.integrate(0.5 + 0.3 * (k + 1))[0]
    return found


CASES = {
    "dopri5": until_the_end("dopri5"),
    "dop853": until_the_end("dop853"),
    "lsoda": until_the_end("lsoda"),
    "vode": until_the_end("vode"),
    "a traced start": from_a_traced_start,
}


@pytest.mark.slow_cases("dopri5")
@pytest.mark.every(3)
@pytest.mark.parametrize("name", CASES)
def test_derivatives(name):
    f = CASES[name]
    J = ss.jacobian(f, X)
    for x in (X, np.array([0.5, 0.4])):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)
    square = lambda p: np.sum(f(p) ** 2)
    H, gradient = ss.hessian(square, X), ss.gradient(square, X)
    np.testing.assert_allclose(H(X).toarray(), differences(gradient, X), rtol=1e-5, atol=1e-5)


def test_steps_of_constants_are_taken():
    f = lambda p: p * ode(lambda t, y: -y).set_initial_value([1.0]).integrate(1.0)[0]
    np.testing.assert_allclose(ss.jacobian(f, X)(X).toarray(), np.exp(-1.0) * np.eye(2), rtol=1e-5)


def other_parameters(p):
    stepper = ode(rate).set_f_params(p[0], p[1]).set_initial_value([1.0, 0.0])
    stepper.integrate(1.0)
    return stepper.set_f_params(p[1], p[0]).integrate(2.0)


REFUSED = {
    "single steps": lambda p: (
        ode(rate).set_f_params(*p).set_initial_value([1.0, 0.0]).integrate(1.0, step=True)
    ),
    "other parameters": other_parameters,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_line(name):
    with pytest.raises(TraceError, match=rf"(?s){name}.*test_steppers\.py:\d+"):
        ss.jacobian(REFUSED[name], X)
