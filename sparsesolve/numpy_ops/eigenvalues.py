"""Eigenvalues and eigenvectors of general real matrices, in pairs of real and imaginary parts.

With ``A v = w v`` and a scale for v they are roots of equations, simple ones where eigenvalues are
distinct; so they have derivatives, first and second, by the implicit function theorem.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from sparsesolve.numpy_ops.roots import record_root
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

Array = NDArray[np.float64]

_LARGEST = 24  # rows: all equations make one dense matrix


def _weights(n: int) -> Array:
    """Return the functional that scales eigenvectors while they are looked for: no symmetry."""
    return np.random.default_rng(n).uniform(0.5, 1.5, n)


def _pairs(a: Any) -> tuple[Any, Any, Any]:
    """Return eigenvalues, eigenvectors as LAPACK scales them, both complex, and all numbers."""
    a = operand(a)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or len(a) > _LARGEST or np.iscomplexobj(a):
        raise refuse(
            f"eigenvalues of a general matrix of shape {a.shape} or of complex numbers, which may "
            f"be complex, at {user_line()}",
            f"Use np.linalg.eigh where it is symmetric; others may have {_LARGEST} real rows",
        )
    n = len(a)
    c = _weights(n)

    def solve(bound: Any) -> Any:
        w, v = np.linalg.eig(bound[0])
        scaled = v / (c @ v)
        signs = np.sign(np.real(np.sum(np.conj(_as_lapack(scaled)) * v, axis=0)))
        parts = (w.real, w.imag, scaled.real, scaled.imag, signs)
        return np.concatenate([np.ravel(part) for part in parts]), True

    def bind(bound: Any) -> Any:
        def residual(y: Any) -> Any:
            w, z, x, u, signs = _cut(y, n)
            real = bound[0] @ x - x * w + u * z
            imaginary = bound[0] @ u - x * z - u * w
            scale = anp.concatenate((c @ x - 1.0, c @ u, signs - 1.0))  # signs follow from nothing
            return anp.concatenate((anp.ravel(real), anp.ravel(imaginary), scale))

        return residual

    found, _ = record_root(solve, bind, (), Opened((a,)))
    w, z, x, u, signs = _cut(found, n)
    return w + 1j * z, x + 1j * u, signs


def _cut(y: Any, n: int) -> tuple[Any, ...]:
    ends = np.cumsum([0, n, n, n * n, n * n, n])
    w, z, x, u, signs = (y[i:j] for i, j in pairwise(ends))
    return w, z, anp.reshape(x, (n, n)), anp.reshape(u, (n, n)), signs


def _as_lapack(v: Any) -> Any:
    """Scale columns to length one, their largest element real."""
    sizes = np.abs(v)
    largest = v[np.argmax(sizes, axis=0), np.arange(v.shape[1])]
    return v / np.sqrt(np.sum(sizes**2, axis=0)) * (np.conj(largest) / np.abs(largest))


def _simplest(values: Any) -> Any:
    """Return real numbers where all are real, as NumPy does."""
    return values.real if np.all(values.imag == 0) else values


@implements(np.linalg.eigvals)
def _eigvals(a: Any) -> Any:
    return _simplest(_pairs(a)[0])


@implements(np.linalg.eig)
def _eig(a: Any) -> Any:
    w, v, signs = _pairs(a)
    vectors = _as_lapack(v) * signs
    result: Any = type(np.linalg.eig(np.eye(1)))
    if np.all(w.imag == 0):
        return result(w.real, vectors.real)
    return result(w, vectors)


@replaces("scipy.linalg._decomp", "eigvals")
def _scipys_eigvals(plain: Any) -> Any:
    def call(a: Any, b: Any = None, *args: Any, **options: Any) -> Any:
        if not holds_boxes(a) and not holds_boxes(b):
            return plain(a, b, *args, **options)
        if b is not None:
            raise refuse(f"generalized eigenvalues at {user_line()}", "Use eigh, or solve with b")
        return _pairs(a)[0]

    return call
