"""Solvers of scipy.optimize inside of a function: the derivative is that of the root."""

from __future__ import annotations

import math
from math import exp, sqrt

import numpy as np
import pytest
from branch_references import differences
from scipy.optimize import (
    bisect,
    brenth,
    brentq,
    fsolve,
    newton,
    ridder,
    root,
    root_scalar,
    toms748,
)

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([2.0, 1.0, 0.5])
TIGHT = {"xtol": 1e-14}


def cubic(y, a, b=1.0):
    return y**3 + b * y - a


def with_result(x):
    found, result = brentq(lambda y: cubic(y, x[0]), -9.0, 9.0 + x[2], full_output=True)
    assert result.converged
    return found * x


def by_newton_with_slope(x):
    found = root_scalar(lambda y: cubic(y, x[1]), fprime=lambda y: 3 * y**2 + 1, x0=x[0])
    return found.root * x if found.converged else 0.0 * x


def system(z, a):
    return [z[0] + z[1] ** 3 - a, z[0] * z[1] - 0.4]


def looks_whether_it_went_well(x):
    z, info, code, message = fsolve(system, [1.5, 0.3], args=(x[0],), full_output=True, xtol=1e-13)
    if code != 1:
        raise RuntimeError(message)
    assert abs(info["fvec"]).max() < 1e-8
    return np.append(z, x[1])


def several(x):
    found = root(lambda z: z + 0.1 * z**3 - x, x, tol=1e-13)
    return found.x * x if found.success else x


def with_its_jacobian(x):
    def both(z):
        return z + 0.1 * z**3 - x, np.diag(1 + 0.3 * z**2)

    return root(both, np.ones(3), jac=True, tol=1e-13).x


class Pipe:
    """A model that keeps its parameters in another object."""

    class Fluid:
        density = 1.0

    def __init__(self):
        self.fluid = Pipe.Fluid()

    def friction(self, f):
        """By Colebrook, with functions of math under their names."""
        return 1 / sqrt(f) + 2 * math.log10(0.001 + 2.51 / (1e4 * self.fluid.density * sqrt(f)))

    def drop(self, x):
        self.fluid.density = x[0]
        return np.array([float(brentq(self.friction, 1e-4, 1.0, **TIGHT)) * q * abs(q) for q in x])


SCALE = [1.0]


def reads_a_global(x):
    SCALE[0] = x[2]
    return fsolve(lambda y: exp(SCALE[0] * y[0]) - 2.0, 1.0, xtol=1e-13) * x


def each_by_itself(x):
    return np.array([brenth(cubic, -9, 9, args=(a, 1 + k)) for k, a in enumerate(x)])


FUNCTIONS = {
    "brentq": lambda x: brentq(lambda y: cubic(y, x[0] * x[1]), -9.0, 9.0, **TIGHT) * x,
    "bisect": lambda x: bisect(cubic, -9.0, 9.0, args=(x[0], x[1]), **TIGHT) * x,
    "ridder": lambda x: ridder(cubic, -9.0, 9.0, args=(x[0],), **TIGHT) * x,
    "toms748": lambda x: toms748(cubic, -9.0, 9.0, args=(x[0],), **TIGHT) * x,
    "newton": lambda x: newton(lambda y: cubic(y, x[1]), x[0], tol=1e-13) * x,
    "newton of an array": lambda x: newton(lambda y: cubic(y, x), np.ones(3), tol=1e-13) * x,
    "root_scalar": lambda x: root_scalar(cubic, args=(x[0],), bracket=[-9, 9]).root * x,
    "fsolve of a number": lambda x: fsolve(cubic, 1, args=(x[0], x[1]), xtol=1e-13)[0] * x,
    **{f.__name__: f for f in (with_result, by_newton_with_slope, looks_whether_it_went_well)},
    **{f.__name__: f for f in (several, with_its_jacobian, reads_a_global, each_by_itself)},
    "objects": Pipe().drop,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_root_inside_has_the_derivative_of_the_root(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    for x in (X, 1.1 * X + 0.01):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-6)


@pytest.mark.parametrize("name", ["brentq", "newton of an array", "several"])
def test_it_may_be_differentiated_twice(name):
    f = FUNCTIONS[name]
    gradient = ss.gradient(lambda x: np.sum(f(x) ** 2), X)
    H = ss.hessian(lambda x: np.sum(f(x) ** 2), X)
    np.testing.assert_allclose(H(X).toarray(), differences(gradient, X), atol=1e-6)


def test_each_root_depends_on_what_its_equations_hold():
    J = ss.jacobian(each_by_itself, X)
    assert J.nnz == 3
    roots = each_by_itself(X)
    np.testing.assert_allclose(J(X).diagonal(), 1 / (3 * roots**2 + np.arange(1, 4)), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The iteration is not making good progress")
def test_where_no_root_is_found_the_derivative_is_not_a_number():
    J = ss.jacobian(lambda x: fsolve(lambda y: y**2 + x[0], 1.0), np.array([-4.0]))
    np.testing.assert_allclose(J(np.array([-4.0])).toarray(), [[-0.25]], rtol=1e-6)
    assert np.isnan(J.values(np.array([1.0]))).all()


def test_solvers_are_called_not_traced():
    calls = []

    def f(x):
        def equation(y):
            calls.append(y)
            return cubic(y, x[0])

        return brentq(equation, -9.0, 9.0) * x

    J = ss.jacobian(f, X)
    del calls[:]
    J(1.1 * X)
    count = len(calls)
    brentq(lambda y: calls.append(y) or cubic(y, 1.1 * X[0]), -9.0, 9.0)
    assert count == len(calls) - count


def test_more_equations_than_unknowns_are_refused():
    def f(x):
        return root(lambda z: np.array([z[0] - x[0], z[0] - 1.0]), [1.0], method="lm").x

    with pytest.raises(TraceError, match="2 equations for 1 unknowns"):
        ss.jacobian(f, np.ones(1))(np.ones(1))


def test_solvers_of_constants_are_left_alone():
    f = lambda x: brentq(lambda y: y**3 - 8.0, 0.0, 9.0, **TIGHT) * x
    J = ss.jacobian(f, X)
    np.testing.assert_allclose(J(X).toarray(), 2 * np.eye(3), rtol=1e-12)
