"""Minimizers of scipy.optimize inside of a function: the derivative is that of the minimum."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize as so
from autograd import grad
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError, UnsupportedOperation

X = np.array([0.9, 0.8, 1.1])
A = np.random.default_rng(0).random((6, 3))
T = np.linspace(0.0, 1.0, 8)
FINE = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


def well(z, p, q=0.4):
    return np.sum((z - p) ** 2) + q * z[0] * z[1] + 0.1 * np.sum(z**4)


def slope(z, p, q=0.4):
    return 2 * (z - p) + 0.4 * z**3 + q * np.array([z[1], z[0], 0.0])


def with_its_slope(p):
    both = lambda z: (well(z, p), slope(z, p))
    found = so.minimize(both, np.ones(3), jac=True, options={"gtol": 1e-12})
    return np.append(found.x, found.fun)


def by_newton(p):
    options = {"args": (p, p[0]), "jac": slope, "method": "Newton-CG", "tol": 1e-13}
    return so.minimize(well, np.ones(3), **options).x


def within_bounds(p):
    bounds = [(0.0, 0.2), (None, 2.0), (-1.0, None)]
    found = so.minimize(well, p, args=(p,), jac=slope, bounds=bounds, tol=1e-14)
    return found.x if found.success else 0.0 * p


class Model:
    def __init__(self):
        self.rate = 0.0

    def fitted(self, p):
        self.rate = p[0]
        curve = lambda t, a, b: a * np.exp(b * self.rate * t)
        found, _ = so.curve_fit(curve, T, p[1] + p[2] * T, p0=[1.0, 1.0], sigma=1 + T)
        return found


def residual(z, p):
    return A @ z + 0.1 * z.sum() ** 2 - np.concatenate((p, p))


CASES = {
    "with its slope": with_its_slope,
    "by Newton": by_newton,
    "within bounds": within_bounds,
    "of one": lambda p: so.minimize_scalar(
        lambda z: (z - p[0]) ** 2 + np.exp(p[1] * z), tol=1e-12
    ).x * p,
    "of one, held": lambda p: so.minimize_scalar(
        lambda z, a: (z - a) ** 2, bounds=(0, 0.3), args=(p[0],), method="bounded"
    ).x * p,
    "least squares": lambda p: so.least_squares(residual, np.ones(3), args=(p,), **FINE).x,
    "its cost": lambda p: so.least_squares(lambda z: residual(z, p), np.ones(3), **FINE).cost * p,
    "held": lambda p: so.least_squares(
        residual, np.full(3, 0.2), bounds=(0.0, [2.0, 2.0, 0.3]), args=(p,), **FINE
    ).x,
    "curve_fit": lambda p: so.curve_fit(
        lambda t, a, b: a * np.exp(b * t), T, p[0] + p[1] * T, p0=[1, 1], **FINE
    )[0],
    "a model": Model().fitted,
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("name", CASES)
def test_first_derivatives(name):
    f = CASES[name]
    J = ss.jacobian(f, X, method="interpreted")
    x = 1.02 * X
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=3e-4)


def test_by_hand():
    """The minimum of (z - a)**2 + b z**2 is a / (1 + b); one at a bound does not move."""
    f = lambda p: so.minimize(lambda z: (z[0] - p[0]) ** 2 + p[1] * z[0] ** 2, [0.0]).x
    J = ss.jacobian(f, X[:2])
    a, b = x = np.array([1.3, 0.5])
    np.testing.assert_allclose(J(x).toarray(), [[1 / (1 + b), -a / (1 + b) ** 2]], rtol=1e-6)
    held = lambda p: so.minimize(lambda z: np.sum((z - p) ** 2), X, bounds=[(0, 0.85)] * 3).x
    np.testing.assert_allclose(ss.jacobian(held, X)(X).toarray(), np.diag([0.0, 1.0, 0.0]))


def test_a_best_value_has_the_slope_of_its_objective():
    f = lambda p: so.minimize(well, np.ones(3), args=(p,), jac=slope, tol=1e-10).fun
    z = so.minimize(well, np.ones(3), args=(X,), jac=slope, tol=1e-10).x
    np.testing.assert_allclose(ss.gradient(f, X)(X), -2 * (z - X), rtol=1e-7)


@pytest.mark.slow
def test_no_minimum_has_no_derivative():
    flat = lambda p: so.minimize(lambda z: np.sum((z - p) ** 4), np.ones(3)).x
    assert np.isnan(ss.jacobian(flat, X)(X).toarray()).all()


def test_constant_ones_are_called():
    f = lambda p: p * so.minimize(lambda z: (z[0] - 2.0) ** 2, [0.0]).x
    np.testing.assert_allclose(ss.jacobian(f, X)(X).toarray(), 2.0 * np.eye(3), rtol=1e-6)


REFUSED = {
    "constraints": lambda p: (
        so.minimize(
            lambda z: np.sum((z - p) ** 2),
            p,
            constraints={"type": "eq", "fun": lambda z: z.sum() - 1},
        ).x
    ),
    "bounds that are traced": lambda p: so.minimize(well, p, (X,), bounds=[(0, p[0])] * 3).x,
    "covariances": lambda p: so.curve_fit(lambda t, a: a * t, T, p[0] * T, p0=[1])[1][0] * p,
    "`scipy.optimize.linprog`": lambda p: so.linprog(p, A_eq=np.ones((1, 3)), b_eq=[1.0]).x,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_line(name):
    with pytest.raises(TraceError, match=rf"(?s){name}.*test_minima\.py:\d+"):
        ss.jacobian(REFUSED[name], X)


def by_its_conditions(p):
    """The minimum within bounds of `well`, of three unknowns of which the first is held."""
    conditions = lambda z, p: np.append(z[0] - 0.2, slope(z, p)[1:])
    return ss.implicit(lambda p: so.fsolve(conditions, p, (p,), xtol=1e-13), conditions)(p)


def exponential(t, a, b):
    return a * np.exp(b * t)


SECOND = {
    "held at a bound": (within_bounds, by_its_conditions),
    "of one": (
        lambda p: so.minimize_scalar(lambda z: np.exp(z - p[0]) - p[1] * z).x,
        lambda p: p[0] + np.log(p[1]),
    ),
    "a best value": (
        lambda p: so.minimize(lambda z: np.sum(p * (np.exp(z) - p * z)), X, tol=1e-10).fun,
        lambda p: np.sum(p**2 * (1.0 - np.log(p))),
    ),
    "curve_fit": (
        lambda p: so.curve_fit(exponential, T, exponential(T, p[0], p[1]), p[:2])[0],
        lambda p: p[:2],
    ),
    "leastsq": (
        lambda p: so.leastsq(lambda z: np.array([z[0] - p[0], z[1] * p[1] - 1.0]), p[:2])[0],
        lambda p: np.array([p[0], 1.0 / p[1]]),
    ),
    "fmin_bfgs": (
        lambda p: so.fmin_bfgs(lambda z: np.sum(np.exp(z) - p * z), X, disp=0, gtol=1e-9),
        np.log,
    ),
    "fmin_l_bfgs_b": (
        lambda p: so.fmin_l_bfgs_b(
            lambda z: (np.sum(np.exp(z) - p * z), np.exp(z) - p), X, factr=1.0, pgtol=1e-9
        )[0],
        np.log,
    ),
    "nnls": (lambda p: so.nnls(A, p[0] * A @ p**2)[0], lambda p: p[0] * p**2),
}  # fmt: skip


def weighted(f):
    return lambda p: np.sum(np.sin(f(p)) * np.arange(1.0, np.size(f(p)) + 1.0))


@pytest.mark.slow_cases("held at a bound", "a best value", "nnls", "leastsq", "fmin_bfgs")
@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name):
    found, expected = (ss.hessian(weighted(f), X)(1.02 * X).toarray() for f in SECOND[name])
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_third_derivatives_are_refused():
    f = lambda p: so.minimize_scalar(lambda z: (z - p[0]) ** 2).x
    with pytest.raises(UnsupportedOperation, match="two derivatives"):
        ss.hessian(lambda p: grad(grad(f))(p)[0], X[:1])(X[:1])
