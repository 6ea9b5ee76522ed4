"""Linear algebra of complex matrices: that of real ones, twice as large.

``A = P + iQ`` does to pairs of real vectors what ``[[P, -Q], [Q, P]]`` does, and so do its inverse
and its pseudo-inverse. With rows and columns in the order of the elements, real and imaginary part
by turns, its Cholesky factor is that of the larger matrix. Autograd's own rules for these, and for
eigenvalues, are of real matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.complex_values import Pair, complex_rule
from sparsesolve.lower.context import RULES, Context
from sparsesolve.numpy_ops.complex_numbers import full_pair

__all__ = [
    "eigh_vjp",
    "in_lapacks_phase",
    "over_distances",
    "phase_vjp",
    "singular_vectors_in_phase",
]

_ROUNDING = 1e-12  # of the largest eigenvalue, to which distances are known
_MOST_CALLS = 256  # a larger stack of matrices stays one call


def _block(c: Context, matrix: Any) -> Slots:
    """Write a complex matrix as a real one that does the same to real and imaginary parts."""
    real, imag = (c.slots(part) for part in _parts(full_pair(c, matrix)))
    turned = c.slots(c.map("negative", imag))
    rows = [np.concatenate(row, axis=-1) for row in ((real, turned), (imag, real))]
    return np.concatenate(rows, axis=-2)


def _parts(pair: Pair) -> tuple[Any, Any]:
    return pair.real, pair.imag


@complex_rule("linalg.inv")
def _inverse(c: Context, a: Any) -> Any:
    return _halves(_each(c, [_block(c, a)]))


@complex_rule("linalg.pinv")
def _pseudo_inverse(c: Context, a: Any) -> Any:
    block = _block(c, a)
    return _halves(_each(c, [block], block.shape[:-3:-1]))


def _halves(whole: Any) -> Any:
    """Return the pair that a real matrix of twice the size stands for."""
    if whole is NotImplemented:
        return whole
    m, n = (size // 2 for size in whole.shape[-2:])
    return Pair(whole[..., :m, :n], whole[..., m:, :n])


@complex_rule("linalg.cholesky")
def _cholesky(c: Context, a: Any, *, upper: bool = False) -> Pair:
    real, imag = (c.slots(part) for part in _parts(full_pair(c, a)))
    if upper:  # the lower triangle of the conjugate transpose
        real, imag = np.swapaxes(real, -1, -2), c.map("negative", np.swapaxes(imag, -1, -2))
    factor = RULES["linalg.cholesky"].function(c, _by_turns(c, real, c.slots(imag)))
    real, imag = factor[..., ::2, ::2], factor[..., 1::2, ::2]
    if upper:
        real, imag = np.swapaxes(real, -1, -2), c.map("negative", np.swapaxes(imag, -1, -2))
    return Pair(real, imag)


def _by_turns(c: Context, real: Slots, imag: Slots) -> Slots:
    """Write a Hermitian matrix as a real one, each element as two rows and two columns."""
    n = real.shape[-1]
    imag = np.where(np.eye(n, dtype=bool), np.int32(c.zero), imag)
    turned = c.slots(c.map("negative", imag))
    rows = [np.stack(row, axis=-1) for row in ((real, turned), (imag, real))]
    return np.stack(rows, axis=-3).reshape(*real.shape[:-2], 2 * n, 2 * n)


@complex_rule("linalg.solve")
def _solution(c: Context, a: Any, b: Any) -> Any:
    matrix, (real, imag) = _block(c, a), map(c.slots, _parts(full_pair(c, b)))
    vector = real.ndim == 1
    if vector:
        real, imag = real[:, None], imag[:, None]
    lead = np.broadcast_shapes(matrix.shape[:-2], real.shape[:-2])
    right = np.concatenate([real, imag], axis=-2)
    stacks = [np.broadcast_to(ids, lead + ids.shape[-2:]) for ids in (matrix, right)]
    whole = _each(c, stacks)
    if whole is NotImplemented:
        return whole
    n = real.shape[-2]
    parts = whole[..., :n, :], whole[..., n:, :]
    return Pair(*(part[..., 0] if vector else part for part in parts))


def _each(c: Context, stacks: Sequence[Slots], core: tuple[int, ...] | None = None) -> Any:
    """Call the step's function for each matrix of a stack; the last array has the result's core."""
    step = c.step
    assert step is not None
    lead = stacks[0].shape[:-2]
    places = list(np.ndindex(lead))
    if not 0 < len(places) <= _MOST_CALLS:
        return NotImplemented
    core = stacks[-1].shape[-2:] if core is None else core
    results = [
        c.builder.opaque(step.op, step.function, [ids[k] for ids in stacks], core) for k in places
    ]
    return np.reshape(results, lead + core).astype(np.int32)


# --- calls as for real matrices ---


def phase_vjp(ans: Any, a: Any) -> Callable[[Any], Any]:
    """Make the rule of the sign of a determinant, which turns if the matrix is complex."""

    def pull(g: Any) -> Any:
        turned = anp.real(1j * g * ans)[..., None, None]
        return -1j * turned * anp.swapaxes(anp.linalg.inv(a), -1, -2)

    return pull if np.iscomplexobj(a) else lambda g: anp.zeros(np.shape(a))


def eigh_vjp(k: int, w: Any, v: Any, side: str) -> Callable[[Any], Any]:
    """Make the rule of one item of ``eigh`` of a Hermitian matrix.

    Parameters
    ----------
    k : {0, 1}
        Eigenvalues or eigenvectors.
    w, v : array
        These.
    side : {"L", "U"}
        The triangle that is read.
    """
    turned, one = anp.swapaxes(v, -1, -2), np.eye(np.shape(w)[-1])
    away = np.tril(1.0 - one) if side == "L" else np.triu(1.0 - one)

    def pull(g: Any) -> Any:
        if k == 0:
            inner = anp.matmul(anp.conj(v) * g[..., None, :], turned)
        else:
            inner = over_distances(anp.matmul(turned, g), w)
            inner = anp.matmul(anp.matmul(anp.conj(v), inner), turned)
        both = inner + anp.conj(anp.swapaxes(inner, -1, -2))
        return anp.real(inner) * one + both * away

    return pull


def over_distances(weights: Any, w: Any) -> Any:
    """Divide weights by the distances of eigenvalues; on the diagonal there are zeros.

    Where rounding alone makes a distance, a quotient has no right digit: it is infinite instead,
    which is seen and replaced by a limit, if the weight is not zero. Zero over such a distance is
    zero; should the weight change, its derivative is absurd, and seen as well.
    """
    one = np.eye(np.shape(w)[-1])
    distance = w[..., None, :] - w[..., :, None] + one
    size = anp.max(anp.abs(w), axis=-1)[..., None, None]
    close = anp.abs(distance) <= _ROUNDING * size
    instead = anp.where(anp.abs(weights) == 0.0, 1e300, np.inf)
    return weights * anp.where(close, instead, (1.0 - one) / anp.where(close, 1.0, distance))


def in_lapacks_phase(v: Any, side: str) -> Any:
    """Hold what LAPACK makes real in eigenvectors: the first row, or the last of an upper triangle.

    The rule leaves open how a vector turns in the complex plane.
    """
    return v * _to_real(v[..., :1, :] if side == "L" else v[..., -1:, :])


def singular_vectors_in_phase(u: Any, v: Any) -> tuple[Any, Any]:
    """Do the same for a singular value decomposition: the first column of v, or the first row of u.

    Which one depends on whether there are more rows or columns.
    """
    if u.shape[-2] >= v.shape[-1]:
        turn = _to_real(v[..., :, :1])
        return u * anp.conj(anp.swapaxes(turn, -1, -2)), v * turn
    turn = _to_real(u[..., :1, :])
    return u * turn, v * anp.conj(anp.swapaxes(turn, -1, -2))


def _to_real(numbers: Any) -> Any:
    """Return what makes numbers real that are real at this point, also next to it."""
    return anp.conj(numbers) / anp.abs(numbers) * anp.sign(anp.real(numbers))
