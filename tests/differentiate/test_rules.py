"""Rules that replace autograd's: second derivatives where autograd's own are wrong or overflow."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special

import sparsesolve as ss

METHODS = pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])


@METHODS
def test_powers_whose_exponent_is_zero(method):
    x = np.array([0.7, 0.0])
    log = np.log(0.7)
    plain = ss.hessian(lambda x: x[0] ** x[1], x, method=method)(x).toarray()
    np.testing.assert_allclose(plain, [[0.0, 1 / 0.7], [1 / 0.7, log**2]], rtol=1e-14)
    both = ss.hessian(lambda x: (x[0] + x[1]) ** x[1], x, method=method)(x).toarray()
    expected = [[0.0, 1 / 0.7], [1 / 0.7, 2 / 0.7 + log**2]]
    np.testing.assert_allclose(both, expected, rtol=1e-14)


@METHODS
def test_slopes_of_powers_of_zero(method):
    J = ss.jacobian(lambda x, y: x**y, np.ones(4), np.ones(4), method=method)
    slopes = J(np.zeros(4), np.array([0.0, 1.0, 2.0, 2.5])).diagonal()
    np.testing.assert_array_equal(slopes, [0.0, 1.0, 0.0, 0.0])


@METHODS
@pytest.mark.parametrize("exponent", [2.5, -1.5, 1 / 3])
def test_constant_powers_differentiate_to_powers(method, exponent):
    x = np.array([0.3, 1.0, 7.5])
    H = ss.hessian(lambda x: np.sum(x**exponent), x, method=method)
    expected = exponent * (exponent - 1) * x ** (exponent - 2)
    np.testing.assert_allclose(H(x).diagonal(), expected, rtol=1e-14)
    assert "logical_and" not in H.kernels()


@METHODS
def test_tanh_far_out(method):
    x = np.array([0.0, 1e-8, 0.3, -2.0, 20.0, 400.0, -800.0, 1e300])
    slopes = ss.jacobian(np.tanh, x, method=method)(x).diagonal()
    curves = ss.hessian(lambda x: np.sum(np.tanh(x)), x, method=method)(x).diagonal()
    exact = [(mpmath.sech(t) ** 2, -2 * mpmath.tanh(t) * mpmath.sech(t) ** 2) for t in x[:-1]]
    first, second = (np.array([*map(float, column), 0.0]) for column in zip(*exact, strict=True))
    np.testing.assert_allclose(slopes, first, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(curves, second, rtol=1e-13, atol=1e-300)


@METHODS
def test_abs_has_no_second_derivative(method):
    x = np.array([1e-300, -0.7, 0.0])
    assert ss.hessian(lambda x: np.sum(np.abs(x)), x, method=method).nnz == 0
    slopes = ss.gradient(lambda x: np.sum(np.abs(x)), x, method=method)(x)
    np.testing.assert_array_equal(slopes, [1.0, -1.0, 0.0])


FAR = np.array([-700.0, -400.0, -200.0, -3.0, 0.5, 200.0, 400.0, 700.0])


@METHODS
@pytest.mark.parametrize(
    "loss",
    [
        lambda x: np.sum(np.log(1.0 / (1.0 + np.exp(-x)))),
        lambda x: np.sum(x - np.log1p(np.exp(x))),
        lambda x: np.sum(np.log(np.exp(x) / (1.0 + np.exp(x)))),
    ],
)
def test_a_quotient_whose_divisor_squared_overflows(method, loss):
    """The square of 1 + exp(200) is finite, that of 1 + exp(400) is not; both were wrong."""
    s = scipy.special.expit(-FAR)
    H = ss.hessian(loss, FAR, method=method)
    np.testing.assert_allclose(H.gradient(FAR), s, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        H(FAR).toarray(), -np.diag(s * scipy.special.expit(FAR)), rtol=1e-12, atol=1e-15
    )


@METHODS
def test_a_softmax_of_large_numbers(method):
    J = ss.jacobian(lambda x: np.exp(x) / np.sum(np.exp(x)), np.zeros(2), method=method)
    for size in (690.0, 400.0, -690.0):
        np.testing.assert_allclose(J([size, size]).toarray(), [[0.25, -0.25], [-0.25, 0.25]])
