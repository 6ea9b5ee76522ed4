"""Linear algebra of complex matrices inside of real functions, held against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
import scipy.special
from numpy.typing import NDArray

import sparsesolve as ss
from sparsesolve.errors import UnsupportedOperation

Array = NDArray[np.float64]
_TRACED = np.array([0.7, -1.3, 0.4, 1.1, 0.2, -0.6, 1.7, 0.9])
_POINT = np.array([0.3, -1.2, 0.8, 2.1, -0.4, 1.7, 1.1, -0.7])
_CONSTANT = np.array([[2.0, 1j], [1.0 - 1j, 3.0]])
_LU = scipy.linalg.lu_factor(_CONSTANT)
_CHOLESKY = scipy.linalg.cho_factor(_CONSTANT @ _CONSTANT.conj().T)
_SUPERLU = scipy.sparse.linalg.splu(scipy.sparse.csc_matrix(_CONSTANT))


def _square(x: Any) -> Any:
    return (x[:4] + 1j * x[4:]).reshape(2, 2)


def _tall(x: Any) -> Any:
    return np.concatenate([_square(x), [[x[0] * 1j, x[5] + 2.0]]])


def _positive(x: Any) -> Any:
    return _square(x) @ _square(x).conj().T + np.eye(2)


def _vector(x: Any) -> Any:
    return x[:2] + 1j * x[2:4]


def _reals(z: Any) -> Any:
    return np.concatenate([np.ravel(np.real(z)), np.ravel(np.imag(z))])


def _eigenvectors(side: Any) -> Callable[[Any], Any]:
    return lambda x: _reals(np.linalg.eigh(_square(x), side)[1])


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "eigenvalues": lambda x: np.linalg.eigvalsh(_square(x)),
    "eigenvalues, upper": lambda x: np.linalg.eigvalsh(_square(x), "U"),
    "eigenvectors": _eigenvectors("L"),
    "eigenvectors, upper": _eigenvectors("U"),
    "cholesky": lambda x: _reals(np.linalg.cholesky(_positive(x))),
    "cholesky, upper": lambda x: _reals(np.linalg.cholesky(_positive(x), upper=True)),
    "cholesky of scipy": lambda x: _reals(scipy.linalg.cholesky(_positive(x))),
    "cholesky of a triangle": lambda x: _reals(
        np.linalg.cholesky(np.tril(_positive(x)) + np.triu(_square(x), 1))
    ),
    "cholesky of two": lambda x: _reals(np.linalg.cholesky(np.stack([_positive(x)] * 2))),
    "pinv": lambda x: _reals(np.linalg.pinv(_tall(x))),
    "pinv, wide": lambda x: _reals(np.linalg.pinv(_tall(x).T)),
    "lstsq": lambda x: _reals(np.linalg.lstsq(_tall(x), np.array([1.0, 2j, 3.0]), rcond=None)[0]),
    "residual of lstsq": lambda x: np.linalg.lstsq(_tall(x), np.ones(3), rcond=None)[1],
    "singular vectors": lambda x: _reals(np.linalg.svd(_tall(x), full_matrices=False)[0]),
    "singular vectors, wide": lambda x: _reals(np.linalg.svd(_tall(x).T, full_matrices=False)[2]),
    "phase of a determinant": lambda x: _reals(np.linalg.slogdet(_square(x))[0]),
    "solve, hermitian": lambda x: _reals(
        scipy.linalg.solve(_positive(x), _vector(x), assume_a="her")
    ),
    "lu_solve": lambda x: _reals(scipy.linalg.lu_solve(_LU, _vector(x), trans=2)),
    "cho_solve": lambda x: _reals(scipy.linalg.cho_solve(_CHOLESKY, x[:2])),
    "superlu": lambda x: _reals(_SUPERLU.solve(_vector(x), trans="H")),
    "correlate": lambda x: _reals(np.correlate(x[:3] * (1.0 + 1j), _vector(x[2:]))),
    "correlate, longer second": lambda x: _reals(np.correlate(_vector(x), x[3:6] * 1j)),
    "toeplitz": lambda x: _reals(scipy.linalg.toeplitz(_vector(x))),
    "sign": lambda x: _reals(np.sign(x[:4] + 1j * x[4:])),
}


def _differences(f: Callable[[Any], Any], x: Array) -> Array:
    """Central differences of two steps, extrapolated."""

    def at(h: float) -> Array:
        return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)]).T

    return np.asarray((4.0 * at(5e-4) - at(1e-3)) / 3.0)


@pytest.mark.every(2)
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_derivatives_are_those_of_the_function(name: str) -> None:
    f = _FUNCTIONS[name]
    J = ss.jacobian(f, _TRACED)
    np.testing.assert_allclose(J.value(_POINT), f(_POINT), rtol=1e-11, atol=1e-12)
    expected = _differences(f, _POINT)
    np.testing.assert_allclose(J(_POINT).toarray(), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_second_derivatives_are_those_of_the_function(name: str) -> None:
    f = _FUNCTIONS[name]
    J = ss.jacobian(f, _TRACED)
    weights = np.cos(np.arange(J.shape[0]))
    H = ss.hessian(lambda x: np.dot(weights, f(x)), _TRACED, method="interpreted")
    expected = _differences(lambda x: J.vjp(x, weights), _POINT)
    np.testing.assert_allclose(H(_POINT).toarray(), expected, rtol=1e-6, atol=1e-6)


def test_the_direction_of_a_complex_zero_is_zero() -> None:
    J = ss.jacobian(lambda x: np.real(np.sign(x[:1] + 1j * x[1:])), np.ones(2))
    assert J.value(np.zeros(2)) == [0.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: _reals(np.linalg.qr(_tall(x))[0]),
        lambda x: scipy.linalg.eigh(_positive(x), _positive(x[::-1]), eigvals_only=True),
    ],
)
def test_factors_without_a_complex_rule_are_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedOperation, match="complex matri"):
        ss.jacobian(f, _TRACED)


@pytest.mark.parametrize(
    "f",
    [
        lambda z: scipy.special.ive(1, z),
        lambda z: scipy.special.elliprf(z, 1.0, 2.0),
        scipy.special.elliprd,
        scipy.special.psi,
    ],
)
def test_slopes_of_real_numbers_are_not_those_of_complex_ones(f: Callable[..., Any]) -> None:
    arguments = (1.0, 2.0) if f is scipy.special.elliprd else ()
    with pytest.raises(UnsupportedOperation, match="got complex numbers"):
        ss.jacobian(lambda x: np.real(f(*arguments, x[:4] + 1j * x[4:])), np.abs(_TRACED))
