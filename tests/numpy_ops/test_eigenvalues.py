"""Eigenvalues and eigenvectors of general matrices: NumPy's numbers, right slopes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError

RNG = np.random.default_rng(5)


def square(x):
    n = int(np.sqrt(x.size))
    return x.reshape(n, n)


def parts(z):
    return np.concatenate((np.ravel(z.real), np.ravel(z.imag)))


def stable_ages(x):
    """A population by ages: its growth, and the shares in the long run."""
    leslie = np.zeros((4, 4))
    leslie[0] = x[:4]
    leslie[1, 0], leslie[2, 1], leslie[3, 2] = x[4:]
    growth, ages = np.linalg.eig(leslie)
    k = np.argmax(np.abs(growth))
    share = np.abs(ages[:, k])
    return np.append(share / share.sum(), growth[k].real)


CASES = {
    "eigenvalues": (lambda x: parts(np.linalg.eigvals(square(x))), 16),
    "eigenvectors": (lambda x: parts(np.linalg.eig(square(x)).eigenvectors), 9),
    "largest": (lambda x: np.max(np.abs(np.linalg.eigvals(square(x)))) * x, 4),
    "abscissa": (lambda x: max(np.linalg.eigvals(square(x)).real) * x, 9),
    "real ones": (lambda x: np.linalg.eigvals(np.diag(x) + np.tri(3, k=-1)).real, 3),
    "of scipy": (lambda x: scipy.linalg.eigvals(square(x)).real, 9),
    "turns": (lambda x: np.linalg.eigvals(np.array([[0.0, -x[0]], [x[1], x[2]]])).imag, 3),
    "ages": (stable_ages, 7),
    "one": (lambda x: np.linalg.eigvals(square(x)).real * 2.0, 1),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("name", CASES)
def test_derivatives(name):
    f, size = CASES[name]
    x = RNG.uniform(0.2, 1.2, size)
    J = ss.jacobian(f, 0.97 * x)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(J(x).toarray(), differences(f, x), atol=1e-7)


def test_second_derivatives():
    f = lambda x: np.sum(np.abs(np.linalg.eigvals(square(x))) ** 4)
    x = RNG.uniform(0.2, 1.2, 9)
    gradient, H = ss.gradient(f, x), ss.hessian(f, x)
    np.testing.assert_allclose(H(x).toarray(), differences(gradient, x), rtol=1e-6, atol=1e-6)


def test_by_hand():
    """The eigenvalues of [[a, b], [c, a]] are a -+ sqrt(b c)."""
    f = lambda x: np.sort(np.linalg.eigvals(np.array([[x[0], x[1]], [x[2], x[0]]])).real)
    b, c = (x := np.array([0.5, 2.0, 3.0]))[1:]
    s = np.sqrt(b * c)
    expected = [[1.0, -c / (2 * s), -b / (2 * s)], [1.0, c / (2 * s), b / (2 * s)]]
    np.testing.assert_allclose(ss.jacobian(f, x)(x).toarray(), expected, rtol=1e-12)


def test_shapes_and_sizes_that_are_refused():
    for f in (lambda x: np.linalg.eigvals(np.eye(25) * x[0]), lambda x: np.linalg.eig(x[None])[0]):
        with pytest.raises((TraceError, np.linalg.LinAlgError), match=r"eigenvalues|square"):
            ss.jacobian(f, np.ones(2))
