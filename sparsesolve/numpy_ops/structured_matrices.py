"""Matrices of `scipy.linalg` that are made of vectors and blocks, and systems with them."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.numpy_ops.factorizations import takes_traced
from sparsesolve.trace.operands import operand

__all__: list[str] = []


@takes_traced("scipy.linalg:toeplitz")
def _toeplitz(c: Any, r: Any = None) -> Any:
    c = operand(c)
    r = (anp.conj(c) if c.dtype.kind == "c" else c) if r is None else operand(r)
    entries = anp.concatenate([anp.reshape(c, (-1,))[::-1], anp.reshape(r, (-1,))[1:]])
    rows, columns = np.indices((np.size(c), np.size(r)))
    return entries[np.size(c) - 1 + columns - rows]


@takes_traced("scipy.linalg:hankel")
def _hankel(c: Any, r: Any = None) -> Any:
    c = operand(c)
    row = np.zeros(np.size(c)) if r is None else operand(r)
    entries = anp.concatenate([anp.reshape(c, (-1,)), anp.reshape(row, (-1,))[1:]])
    rows, columns = np.indices((np.size(c), np.size(row)))
    return entries[rows + columns]


@takes_traced("scipy.linalg:companion")
def _companion(a: Any) -> Any:
    a = operand(a)
    if np.ndim(a) != 1 or np.size(a) < 2:
        raise ValueError("expected the two or more coefficients of a polynomial, in one dimension")
    below = np.eye(np.size(a) - 2, np.size(a) - 1)
    return anp.concatenate([anp.reshape(-a[1:] / a[0], (1, -1)), below])


@takes_traced("scipy.linalg:circulant")
def _circulant(c: Any) -> Any:
    c = operand(c)
    rows, columns = np.indices((np.size(c), np.size(c)))
    return c[(rows - columns) % np.size(c)]


def _matrix(c_or_cr: Any) -> Any:
    """Return the Toeplitz matrix of a column, or of a column and a row."""
    return _toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else _toeplitz(c_or_cr)


@takes_traced("scipy.linalg:solve_toeplitz")
def _solve_toeplitz(c_or_cr: Any, b: Any) -> Any:
    return anp.linalg.solve(_matrix(c_or_cr), operand(b))


@takes_traced("scipy.linalg:matmul_toeplitz")
def _matmul_toeplitz(c_or_cr: Any, x: Any) -> Any:
    return anp.dot(_matrix(c_or_cr), operand(x))


@takes_traced("scipy.linalg:solve_circulant")
def _solve_circulant(c: Any, b: Any) -> Any:
    return anp.linalg.solve(_circulant(c), operand(b))


@takes_traced("scipy.linalg:block_diag")
def _block_diag(*arrays: Any) -> Any:
    blocks = [operand(a) for a in arrays]
    blocks = [anp.reshape(a, (1, -1)) if np.ndim(a) < 2 else a for a in blocks]
    widths = [np.shape(a)[1] for a in blocks]
    return anp.concatenate(
        [np.pad(a, ((0, 0), (sum(widths[:k]), sum(widths[k + 1 :])))) for k, a in enumerate(blocks)]
    )
