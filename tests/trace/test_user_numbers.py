"""Numbers of a user's class beside traced arrays: their own operators compute."""

from __future__ import annotations

import numpy as np
from branch_references import differences

import sparsesolve as ss

X = np.array([0.3, 0.8, 1.7])


class Parameter:
    """A named number with limits, as in libraries that fit curves."""

    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        return self.value + other

    def __mul__(self, other):
        return self.value * other

    def __sub__(self, other):
        return self.value - other

    def __rsub__(self, other):
        return other - self.value

    def __rtruediv__(self, other):
        return other / self.value

    def __rpow__(self, other):
        return other**self.value

    def __gt__(self, other):
        return self.value > other

    __radd__, __rmul__ = __add__, __mul__


def fitted(x):
    a, b, c = (Parameter(v) for v in x)
    t = np.linspace(0.1, 1.0, 4)
    y = a * np.exp(-t) + b + np.sin(x[0] * t) / c + (2.0 + x[1:2]) ** a - c
    return np.asarray(y, dtype=float)


def test_traced_values_inside():
    J = ss.jacobian(fitted, X)
    np.testing.assert_allclose(J.value(1.1 * X), fitted(1.1 * X), rtol=1e-14)
    np.testing.assert_allclose(J(1.1 * X).toarray(), differences(fitted, 1.1 * X), rtol=1e-7)


def test_constants_beside_traced_arrays():
    def f(x):
        p = Parameter(2.0)
        return x**p - (x - p) * (x / p) + np.where(x < p, p + x, p * x)

    J = ss.jacobian(f, X)
    at = np.array([0.5, 1.5, 2.5])
    np.testing.assert_allclose(J(at).toarray(), np.diag([2.5, 3.5, 5.5]))
