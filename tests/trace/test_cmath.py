"""Python's complex functions of traced values, and texts made of values."""

from __future__ import annotations

import cmath
import itertools
import sys
from cmath import exp as complex_exp

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([0.7, 1.3])
POINTS = [np.array(p) for p in itertools.product([-2.3, 0.4, 1.9], [-1.2, 0.7])]


def parts(z):
    return np.array([z.real, z.imag])


def in_an_array(x):
    r = np.zeros(2, dtype=complex)
    r[0], r[1] = x[0] + 1j * x[1], cmath.exp(1j * x[0])
    return np.real(r * np.conj(r[::-1]))


def continued(x):
    """A continued fraction, as circuits are written."""
    z = complex(x[0], x[1])
    for k in range(1, 4):
        z = complex(0.1 * k, 1.0) + 1.0 / z
    return parts(z)


OF_REAL = "sqrt log log10 acos asin acosh atanh phase exp sin cosh"
OF_COMPLEX = "sqrt log acos asin atan acosh asinh atanh tan tanh cos sinh exp"
CASES = {
    **{f"{n} of a number": lambda x, n=n: parts(getattr(cmath, n)(x[0])) for n in OF_REAL.split()},
    **{n: lambda x, n=n: parts(getattr(cmath, n)(x[0] + 1j * x[1])) for n in OF_COMPLEX.split()},
    "by its name": lambda x: parts(complex_exp(1j * x[0] * x[1])),
    "to a base": lambda x: parts(cmath.log(complex(x[0], x[1]), 2)),
    "phase of both": lambda x: np.array([cmath.phase(complex(*x)), abs(complex(*x))]),
    "polar": lambda x: np.array(cmath.polar(complex(x[0], x[1]))),
    "rect": lambda x: parts(cmath.rect(x[0], x[1])),
    "a power": lambda x: parts((x[0] + 1j * x[1]) ** 1.5),
    "a sum": lambda x: parts(sum(cmath.exp(1j * v * k) for k, v in enumerate(x))),
    "asked": lambda x: x if cmath.isfinite(complex(x[0], x[1])) else 0 * x,
    "in an array": in_an_array,
    "continued": continued,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes_on_all_branches(name):
    function = CASES[name]
    J = ss.jacobian(function, X, method="interpreted")
    for x in POINTS:
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-13, atol=1e-15)
        h = 1e-6 * np.eye(2)
        expected = [(function(x + e) - function(x - e)) / 2e-6 for e in h]
        np.testing.assert_allclose(J(x).toarray(), np.transpose(expected), rtol=1e-7, atol=1e-8)


def test_the_module_is_put_back():
    plain = cmath.exp, complex_exp
    ss.jacobian(CASES["by its name"], X)
    with pytest.raises(TraceError):
        ss.jacobian(lambda x: cmath.exp(1j * x[0]), X)  # a complex value
    assert (cmath.exp, complex_exp) == plain
    assert cmath.exp(0.0) == 1.0


def test_a_text_is_noted_once(capsys):
    def f(x):
        sys.stdout.write(f"at {x[0]:.3f} {x[1]}\n")
        return x**2

    J = ss.jacobian(f, X)
    assert capsys.readouterr().out.startswith("at 0.700 1.3\n")
    assert J.report().count("a text was made of values") == 1
    assert "a text" not in ss.jacobian(lambda x: x**2, X).report()
