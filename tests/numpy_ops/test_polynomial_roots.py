"""`np.roots` of traced coefficients: real and complex roots, and what is chosen of them."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([1.0, 0.3, 0.7, 0.2, 0.9])


def largest_volume(x):
    """As equations of state are solved."""
    a, b = 0.5 * x[0], 0.1 * x[1]
    found = np.roots([1, b - 1, a - 2 * b - 3 * b**2, -(a * b - b**2 - b**3)])
    return np.array([max(found[np.isreal(found)].real)])


def all_parts(x):
    found = np.roots(x)
    return np.concatenate((found.real, found.imag, np.abs(found)))


CASES = {
    "the largest real one": largest_volume,
    "all": all_parts,
    "of an object": lambda x: np.poly1d(x).r.real * x[:4],
    "nearly real ones": lambda x: np.array(
        [r.real for r in np.roots([1.0, -x[0], x[1], -0.01]) if abs(r.imag) < 1e-8]
    ),
    "of a line": lambda x: np.roots(x[:2]).real * x,
    "zeros first": lambda x: np.roots([0.0, 0.0, 1.0, -x[0], x[1] / 9]).real,
    "zeros last": lambda x: np.roots(np.array([x[0], x[1], -1.0, 0.0, 0.0])).real,
    "of a power": lambda x: np.append(np.roots([x[0], 0.0, 0.0]).real, x[0]),
    "of a constant": lambda x: np.append(np.roots([0.0, x[0]]).real, x[0]),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", CASES)
def test_derivatives(name):
    f = CASES[name]
    J = ss.jacobian(f, X)
    x = 1.1 * X - 0.01
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-14)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-9)


def test_second_derivatives():
    square = lambda x: np.sum(all_parts(x) ** 2)
    gradient, H = ss.gradient(square, X), ss.hessian(square, X)
    np.testing.assert_allclose(H(X).toarray(), differences(gradient, X), rtol=1e-7, atol=1e-7)


def test_roots_that_meet_have_no_derivative():
    J = ss.jacobian(lambda x: np.roots(np.append(1.0, x)).real, np.array([-3.0, 2.0]))
    np.testing.assert_allclose(J(np.array([-3.0, 2.0])).toarray(), [[-2.0, -1.0], [1.0, 1.0]])
    assert not np.isfinite(J(np.array([-2.0, 1.0])).toarray()).all()


def test_a_leading_coefficient_that_is_zero_at_some_points():
    f = lambda x: np.sum(np.roots([x[0] - 1.0, x[1], x[2]]).real) * x[1]
    line, parabola = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 3.0])
    gradient = ss.gradient(f, line)
    for x, expected in ((line, [0.0, 0.0, -1.0]), (parabola, [16.0, -8.0, 0.0])):
        assert gradient.value(x) == pytest.approx(f(x), rel=1e-14)
        np.testing.assert_allclose(gradient(x), expected, atol=1e-13)


def test_complex_coefficients_are_refused():
    with pytest.raises(TraceError, match="complex coefficients"):
        ss.jacobian(lambda x: np.roots(x + 1j * x).real, X)
