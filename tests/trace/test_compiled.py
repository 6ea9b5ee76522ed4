"""Functions compiled by numba, and np.vectorize, are traced through their Python source."""

from __future__ import annotations

import math

import numpy as np
import oracles
import pytest
from numba import njit, vectorize

import sparsesolve as ss
from sparsesolve.errors import VerificationError

X = np.array([0.5, -0.8, 1.3, 0.2])


@njit
def reaction(u, v):
    return u * u * v - 4.0 * u


@njit
def brusselator(t, y):
    r = np.zeros(y.size)
    for i in range(0, y.size, 2):
        r[i] = 1.0 + reaction(y[i], y[i + 1])
        r[i + 1] = 3.0 * y[i] - y[i] ** 2 * y[i + 1]
    return r


@vectorize
def softplus(v):
    return math.log(1.0 + math.exp(v))


def calls_compiled(x):
    return np.array([reaction(x[0], x[1]), math.exp(x[2]) * reaction(x[3], 2.0)])


def calls_ufunc(x):
    return softplus(x) * x[0]


@np.vectorize
def cubic(v, w):
    return v**3 * w


def calls_vectorized(x):
    return cubic(x, x[::-1]) + cubic(x[0], 2.0)


CASES = {
    "compiled": (lambda x: brusselator.py_func(0.0, x), brusselator, True),
    "calls compiled": (calls_compiled, calls_compiled, False),
    "calls ufunc": (calls_ufunc, calls_ufunc, False),
    "vectorized": (calls_vectorized, calls_vectorized, False),
}


@pytest.mark.slow_cases("compiled-auto")
@pytest.mark.every(4)
@pytest.mark.parametrize("method", ["auto", "interpreted"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_jacobians(name, method):
    plain, given, timed = CASES[name]
    args = (0.0, X) if timed else (X,)
    J = ss.jacobian(given, *args, argnum=len(args) - 1, method=method)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.uniform(-1, 1, size=4)
        at = (*args[:-1], x)
        oracles.assert_close(J.value(*at), plain(x), rtol=1e-12)
        step = 1e-6
        expected = np.array(
            [(plain(x + step * e) - plain(x - step * e)) / (2 * step) for e in np.eye(4)]
        ).T
        oracles.assert_close(J(*at).toarray(), expected, rtol=1e-6)


@pytest.mark.slow
def test_a_compiled_right_hand_side_is_integrated():
    y0 = np.array([1.0, 3.0, 1.1, 2.9])
    ours = ss.solve_ivp(brusselator, (0.0, 1.0), y0, method="BDF", rtol=1e-8, atol=1e-10)
    import scipy.integrate

    plain = scipy.integrate.solve_ivp(brusselator, (0, 1), y0, method="BDF", rtol=1e-8, atol=1e-10)
    assert np.allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-5)
    assert ours.status == plain.status == 0


def test_what_numba_compiled_has_not_changed():
    J = ss.jacobian(brusselator, 0.0, X, argnum=1)
    J.verify()


SCALE = [2.0]


@njit
def decay(t, y):
    return -y * (1.0 + t)


def scaled(t, y):
    out = np.zeros(y.size)
    out[:] = SCALE[0] * decay(t, y)
    return out


def test_a_change_beside_what_numba_compiled_is_seen():
    J = ss.jacobian(scaled, 0.0, X, argnum=1)
    J.verify()
    SCALE[0] = 3.0
    try:
        with pytest.raises(VerificationError, match="Prepare it anew"):
            J.verify()
    finally:
        SCALE[0] = 2.0
    J.verify()


def test_everything_is_as_it_was():
    before = np.vectorize.__call__
    compiled = calls_compiled.__globals__["reaction"]
    ss.jacobian(calls_compiled, X)
    assert np.vectorize.__call__ is before
    assert calls_compiled.__globals__["reaction"] is compiled
    assert reaction(1.0, 2.0) == -2.0


def _sum_of(a, weights):
    return a * weights[0] + weights[1]


VECTORIZED = {
    "excluded position": lambda x: np.vectorize(_sum_of, excluded=[1])(x, [x[0], 2.0]),
    "excluded name": lambda x: np.vectorize(_sum_of, excluded=["weights"])(x, weights=x[:2] * 3),
    "by name": lambda x: np.vectorize(lambda a, b: a * b)(x, b=x[0]),
    "two results": lambda x: np.vectorize(lambda a: (a, a * a))(x)[1],
    "otypes": lambda x: np.vectorize(lambda a: 2.0 * a, otypes=[float])(x),
}


@pytest.mark.parametrize("name", VECTORIZED)
def test_options_of_vectorize(name):
    f, x = VECTORIZED[name], np.array([0.5, -1.5, 2.5])
    J = ss.jacobian(f, x)
    for point in (x, x[::-1] + 0.25):
        np.testing.assert_allclose(J.value(point), f(point), rtol=1e-14)
        columns = [(f(point + h) - f(point - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(J(point).toarray(), np.transpose(columns), atol=1e-8)


WHOLE = {
    "otypes": lambda x: np.vectorize(lambda a: a * 2, otypes=[int])(x),
    "first result": lambda x: np.vectorize(lambda k, a: 1 if k == 0 else a)(np.arange(3), x),
}


@pytest.mark.parametrize("name", WHOLE)
def test_vectorize_that_cuts_to_whole_numbers_is_refused(name):
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"whole number.*otypes=\[float\]"):
        ss.jacobian(WHOLE[name], np.array([0.5, 1.5, 2.5]))
