"""`np.matrix` beside traced values, and arrays seen as numbers of another kind."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences
from numpy.polynomial import Chebyshev, Polynomial

import sparsesolve as ss
from sparsesolve.errors import TraceError

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5], [0.1, 0.2, 0.3]]).view(np.matrix)
X = np.array([1.5, 2.5, 0.5])
HERMITIAN = np.array([[1.0, 0.5j], [-0.5j, 2.0]])


def mass(x):
    return np.matrix([[x[0], 1.0, 0.0], [0.0, x[1], 1.0], [x[2], 0.0, 5.0]])


def arm(x):
    """Equations of motion as in books on control: everything is a matrix."""
    state = np.matrix(x).T
    c = np.cos(state[0, 0] - state[1, 0])
    inertia = np.matrix([[2.0, 0.2 * c], [0.2 * c, 1.0]])
    force = np.matrix([[np.sin(state[0, 0])], [state[2, 0] ** 2]])
    return np.concatenate((inertia.I * force, state[:1])).A1


def divided(matrix, number):
    matrix /= number
    return matrix


FUNCTIONS = {
    "constant times column": lambda x: np.asarray(A * x.reshape(3, 1)).ravel(),
    "row times constant": lambda x: np.asarray(x * A).ravel(),
    "matmul": lambda x: np.asarray(A @ x).ravel() + np.asarray(x @ A).ravel(),
    "dot": lambda x: np.asarray(A.dot(x)).ravel(),
    "made of x": lambda x: (A * np.matrix(x).T).A1,
    "quadratic form": lambda x: (np.matrix(x) * A * np.matrix(x).T)[0, 0],
    "returned": lambda x: A @ x,
    "sum": lambda x: np.asarray(A + x).ravel(),
    "multiply": lambda x: np.asarray(np.sum(np.multiply(A, x), axis=1)).ravel(),
    "quotient": lambda x: np.asarray(A / x).ravel(),
    "quotient by a number": lambda x: (A * np.matrix(x).T / np.sum(x)).A1,
    "power": lambda x: (np.matrix(np.diag(x) + A) ** 2).A1,
    "inverse": lambda x: (mass(x).I * A).A1,
    "linalg": lambda x: np.asarray(np.linalg.inv(mass(x)) * A).ravel(),
    "det": lambda x: np.linalg.det(mass(x)),
    "solve": lambda x: np.linalg.solve(A + np.matrix(np.diag(x)), np.matrix(x).T).A1,
    "bmat": lambda x: np.bmat([[np.matrix(x), A[0]]]).A1,
    "asmatrix": lambda x: np.asarray(np.asmatrix(x).T * np.asmatrix(x)).ravel(),
    "arm": arm,
    "by a number": lambda x: (A / x[0] + x[1] / A - x[2] + (x[1] - A)).A1,
    "power of a number": lambda x: np.power(A, x[1]).A1 + np.divide(np.matrix(x).T, x[0]).sum(),
    "into a matrix": lambda x: divided(np.matrix(x) * A, x[0]).A1,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_matrices_do_what_they_do_in_numpy(name):
    f = FUNCTIONS[name]
    x = 1.1 * X
    J = ss.jacobian(f, X)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13)
    expected = differences(lambda x: np.ravel(np.asarray(f(x))), x)
    np.testing.assert_allclose(J(x).toarray().reshape(expected.shape), expected, atol=1e-6)


def test_a_matrix_is_a_fixed_argument():
    J = ss.jacobian(lambda x, A: (A * x.reshape(3, 1)).A1 + (A @ x).A1, X, A)
    np.testing.assert_allclose(J(X, A).toarray(), 2 * np.asarray(A))


def schroedinger(x):
    psi = x.view(complex)
    return (-1j * (HERMITIAN @ psi) - 1j * np.abs(psi) ** 2 * psi).view(float)


VIEWS = {
    "pairs": schroedinger,
    "rows": lambda x: np.abs(x.reshape(2, 2).view(np.complex128)).ravel(),
    "parts": lambda x: (x[:2] + 1j * x[2:]).view(np.float64),
    "the same": lambda x: x.view() * x.view(np.ndarray) + x.view(float),
    "dtype": lambda x: np.abs(np.array([x[0], x[1]], dtype=complex) @ HERMITIAN),
    "astype": lambda x: np.imag(np.sqrt(-x.astype(complex))) + x.astype(int),
}


@pytest.mark.parametrize("name", VIEWS)
def test_real_numbers_seen_as_complex_ones_and_back(name):
    f = VIEWS[name]
    x = np.array([0.4, 1.3, 0.7, 2.2])
    J = ss.jacobian(f, x + 0.1)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


def test_views_that_are_no_pairs_or_are_written_into_are_refused():
    with pytest.raises(TraceError, match=r"`\.view` of float64 as"):
        ss.jacobian(lambda x: x.view(np.int64) * 1.0, X)

    def writes(x):
        z = x * 1.0
        z.view(complex)[0] = 0.0
        return z

    with pytest.raises(TraceError, match="a view as numbers of another kind"):
        ss.jacobian(writes, np.ones(4))


T = np.linspace(-1.0, 1.0, 12)
FITS = {
    "logaddexp": lambda x: np.logaddexp.reduce(x) * x,
    "logaddexp of rows": lambda x: np.logaddexp.reduce(np.outer(x, X), axis=1),
    "initial": lambda x: np.hypot.reduce(x, initial=2.0),
    "chebyshev": lambda x: Chebyshev.fit(T, x[0] * T + np.sin(x[1] * T) + x[2], 3).coef,
    "derivative of a polynomial": lambda x: Polynomial(x).deriv()(x) + Polynomial(x).deriv(2)(0.3),
    "polyfit": lambda x: np.polyfit(T, x[0] * T + np.sin(x[1] * T) + x[2], 2),
    "lstsq": lambda x: np.linalg.lstsq(np.vander(T, 3) * x[0], x[1] * T**3, rcond=1e-9)[0],
}


@pytest.mark.parametrize("name", FITS)
def test_reductions_and_fits(name):
    f = FITS[name]
    J = ss.jacobian(f, X)
    x = 1.1 * X
    np.testing.assert_allclose(J.value(x), np.ravel(f(x)), rtol=1e-12, atol=1e-14)
    expected = differences(lambda x: np.atleast_1d(f(x)), x)
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-7)


def in_long_numbers(x):
    x = np.asarray(x, dtype=np.longdouble)
    radius = np.sqrt(np.sum(x.astype(np.longdouble) ** 2))
    return np.array([radius**1.5, x[0] / radius, x[1] * x[2]], dtype=float)


def test_long_numbers_are_those_of_64_bits():
    J = ss.jacobian(in_long_numbers, X)
    x = 1.1 * X
    np.testing.assert_allclose(J.value(x), in_long_numbers(x), rtol=1e-15)
    np.testing.assert_allclose(J(x).toarray(), differences(in_long_numbers, x), atol=1e-8)
