"""Least squares and QR factors of traced matrices, and what follows from singular values.

Autograd knows the pseudo-inverse only, which has far more elements than a solution, and no QR. The
matrix has full rank: where it has not, these are not differentiable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["generalized_eigh", "least_squares_solution"]


@primitive
def least_squares_solution(a: Any, b: Any) -> Any:
    """Return what minimizes ``|a x - b|``, for a matrix of full column rank."""
    return np.linalg.lstsq(a, b, rcond=None)[0]


def _by_matrix(ans: Any, a: Any, b: Any) -> Callable[[Any], Any]:
    def pull(g: Any) -> Any:
        # with r = b - a x and y = (a' a)^-1 g: r y' - (a y) x'
        inverse = anp.linalg.pinv(a)
        y = anp.dot(inverse, anp.dot(inverse.T, g))
        rest = _columns(b - anp.dot(a, ans))
        return anp.dot(rest, _columns(y).T) - anp.dot(_columns(anp.dot(a, y)), _columns(ans).T)

    return pull


def _columns(v: Any) -> Any:
    return v if np.ndim(v) == 2 else anp.reshape(v, (-1, 1))


defvjp(
    least_squares_solution,
    _by_matrix,
    lambda ans, a, b: lambda g: anp.dot(anp.linalg.pinv(a).T, g),
)
named(least_squares_solution, "least_squares_solution")


# --- QR ---


@primitive
def _orthogonal_factor(a: Any) -> Any:
    return np.linalg.qr(a)[0]


@primitive
def _triangular_factor(a: Any) -> Any:
    return np.linalg.qr(a)[1]


def _pulled(q: Any, r: Any, g_q: Any, m: Any) -> Any:
    """Pull back to the matrix: ``(g_q + q s) r^-T``, where s is m's lower part, mirrored."""
    lower = anp.tril(m, -1)
    mirrored = lower + lower.T + anp.diag(anp.diag(m))
    inner = anp.dot(q, mirrored) if g_q is None else g_q + anp.dot(q, mirrored)
    return anp.linalg.solve(r, inner.T).T


defvjp(
    _orthogonal_factor,
    lambda ans, a: lambda g: _pulled(ans, _triangular_factor(a), g, -anp.dot(g.T, ans)),
)
defvjp(
    _triangular_factor,
    lambda ans, a: lambda g: _pulled(_orthogonal_factor(a), ans, None, anp.dot(ans, g.T)),
)
named(_orthogonal_factor, "orthogonal_factor")
named(_triangular_factor, "triangular_factor")


def _factors(a: Any, what: str) -> tuple[Any, Any]:
    a = operand(a)
    if a.dtype.kind == "c":
        raise refuse(
            f"{what} of a complex matrix at {user_line()}",
            "Use np.linalg.cholesky of its conjugate transpose times itself",
        )
    if np.ndim(a) != 2 or a.shape[0] < a.shape[1]:
        raise refuse(
            f"{what} of a matrix of shape {np.shape(a)} at {user_line()}",
            "Factorize matrices with at least as many rows as columns, one by one",
        )
    return _orthogonal_factor(a), _triangular_factor(a)


@implements(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    q, r = _factors(a, "np.linalg.qr")
    if mode == "r":
        return r
    if mode != "reduced" and q.shape[0] != q.shape[1]:
        raise refuse(f"np.linalg.qr with mode={mode!r} at {user_line()}", "Use mode='reduced'")
    return q, r


@replaces("scipy.linalg._decomp_qr", "qr")
def _scipy_qr(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        a: Any, overwrite_a: Any = False, lwork: Any = None, mode: str = "full", **more: Any
    ) -> Any:
        if not holds_boxes(a):
            return plain(a, overwrite_a, lwork, mode, **more)
        square = np.shape(operand(a))[0] == np.shape(operand(a))[-1]
        if more.get("pivoting") or not (mode in ("economic", "r") or square):
            raise refuse(
                f"scipy.linalg.qr with pivoting or mode={mode!r} at {user_line()}",
                "Use mode='economic'",
            )
        q, r = _factors(a, "scipy.linalg.qr")
        return (r,) if mode == "r" else (q, r)

    return call


# --- what follows from singular values, and from eigenvalues ---


def generalized_eigh(a: Any, b: Any, side: str) -> tuple[Any, Any]:
    """Solve ``a v = w b v`` for symmetric matrices, b positive definite."""
    if operand(a).dtype.kind == "c" or operand(b).dtype.kind == "c":
        raise refuse(
            f"generalized eigenvalues of complex matrices at {user_line()}",
            "Multiply by the inverse of the Cholesky factor of b from both sides, and use eigh",
        )
    one: Any = anp.tril if side == "L" else anp.triu
    a = one(a) + one(a, -1 if side == "L" else 1).T
    factor: Any = np.linalg.cholesky(operand(b))
    inner = anp.linalg.solve(factor, anp.linalg.solve(factor, a).T)
    values, vectors = anp.linalg.eigh(0.5 * (inner + inner.T))
    return values, anp.linalg.solve(factor.T, vectors)


@implements(np.linalg.cond)
def _cond(x: Any, p: Any = None) -> Any:
    x = operand(x)
    if p in (None, 2):
        sizes: Any = np.linalg.svdvals(x)
        return sizes[..., 0] / sizes[..., -1]
    norms = [np.linalg.norm(each, p, axis=(-2, -1)) for each in (x, np.linalg.inv(x))]
    return norms[0] * norms[1]


@implements(np.linalg.matrix_rank)
def _matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Count singular values: a branch, as any count of comparisons."""
    sizes = np.linalg.svdvals(operand(A))
    if tol is None:
        share = max(np.shape(A)[-2:]) * np.finfo(float).eps if rtol is None else rtol
        tol = anp.max(sizes, axis=-1, keepdims=True) * share
    return np.count_nonzero(sizes > tol, axis=-1)


@replaces("scipy.linalg", "polar", second=True)
def _polar(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, side: str = "right") -> Any:
        if not holds_boxes(a):
            return plain(a, side)
        left, sizes, right = np.linalg.svd(operand(a), full_matrices=False)
        turned = anp.conj(right).T if side == "right" else left
        return left @ right, (turned * sizes) @ anp.conj(turned).T

    return call


@replaces("scipy.linalg", "orthogonal_procrustes", second=True)
def _procrustes(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(A: Any, B: Any, check_finite: bool = True) -> Any:
        if not holds_boxes([A, B]):
            return plain(A, B, check_finite)
        left, sizes, right = np.linalg.svd((operand(B).T @ operand(A)).T)
        return left @ right, anp.sum(sizes)

    return call
