"""Rules for products of arrays, dense and sparse, and what is built of them.

Separate because each only says which elements meet; `sparsesolve.lower.products` does the rest.
"""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, is_traced, rule
from sparsesolve.lower.products import contract, read_subscripts, summed_terms

__all__: list[str] = []


def _arrays(c: Context, *values: Any) -> list[Any]:
    return [np.asarray(c.operand(value)) for value in values]


def _product(c: Context, operands: list[Any], letters: list[str], output: str) -> Any:
    """Contract; a product of truth arrays is truth in NumPy: whether any term is true."""
    return _truth(c, contract(c, operands, letters, output))


def _truth(c: Context, result: Any) -> Any:
    return c.map("not_equal", result, 0.0) if c.kind == "b" else result


@rule("matmul", "products")
def _matmul(c: Context, a: Any, b: Any) -> Any:
    a, b = _arrays(c, a, b)
    batch = ascii_letters[: max(a.ndim, b.ndim)]
    left = batch[len(batch) - max(0, a.ndim - 2) :] + ("YX" if a.ndim > 1 else "X")
    right = batch[len(batch) - max(0, b.ndim - 2) :] + ("XZ" if b.ndim > 1 else "X")
    outer = left[:-2] if len(left) > len(right) else right[:-2]
    output = outer + "Y" * (a.ndim > 1) + "Z" * (b.ndim > 1)
    return _product(c, [a, b], [left, right], output)


@rule("dot", "products")
def _dot(c: Context, a: Any, b: Any) -> Any:
    a, b = _arrays(c, a, b)
    if a.ndim == 0 or b.ndim == 0:
        return c.map("multiply", a, b)
    left = ascii_letters[: a.ndim]
    right = ascii_letters[a.ndim : a.ndim + b.ndim]
    shared = max(0, b.ndim - 2)
    right = right[:shared] + left[-1] + right[shared + 1 :]
    output = left[:-1] + right[:shared] + right[shared + 1 :]
    return _product(c, [a, b], [left, right], output)


@rule("einsum", "products")
def _einsum(c: Context, subscripts: Any, *arrays: Any, **options: Any) -> Any:
    if not isinstance(subscripts, str):
        raise c.unsupported("got lists of axis numbers", 'Write the subscripts as "ij,jk->ik".')
    operands = _arrays(c, *arrays)
    letters, output = read_subscripts(subscripts, [array.ndim for array in operands])
    return _product(c, operands, letters, output)


# ----- sparse matrices -----


@rule("sparse_matmul", "products")
def _sparse_matmul(c: Context, matrix: Any, x: Any) -> Any:
    return _truth(c, _apply_sparse(c, matrix.tocsr(), x))


@rule("sparse_rmatmul", "products")
def _sparse_rmatmul(c: Context, x: Any, matrix: Any) -> Any:
    product = _apply_sparse(c, matrix.T.tocsr(), np.transpose(x))
    return np.transpose(_truth(c, product))


def _apply_sparse(c: Context, matrix: Any, x: Slots) -> Slots:
    if x.size == 0 or matrix.nnz == 0:
        return np.full((matrix.shape[0], *x.shape[1:]), c.zero, dtype=np.int32)
    data = np.asarray(matrix.data, dtype=np.float64)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[data != 0.0]
    columns, data = matrix.indices[data != 0.0], data[data != 0.0]
    counts = np.bincount(rows, minlength=matrix.shape[0])
    width = int(np.prod(x.shape[1:], dtype=np.int64))
    # one column of x after the other: the result is the transpose of what is wanted
    segments = np.concatenate([[0], np.cumsum(np.tile(counts, width))])
    loads = x.reshape(x.shape[0], width).T[:, columns].reshape(-1)
    result = summed_terms(c, np.tile(c.builder.constant(data), width), loads, segments)
    return result.reshape(width, matrix.shape[0]).T.reshape(matrix.shape[0], *x.shape[1:])


# ----- convolution -----


@rule("signal.convolve", "products")
def _convolve(
    c: Context,
    a: Any,
    b: Any,
    axes: Any = None,
    dot_axes: Any = ((), ()),
    mode: str = "full",
) -> Any:
    """Lower autograd's convolution over some axes, with a sum over pairs of others."""
    a, b = _arrays(c, a, b)
    conv = [list(range(a.ndim))] * 2 if axes is None else [list(k) for k in axes]
    dots = [list(k) for k in dot_axes]
    free = [
        [k for k in range(array.ndim) if k not in conv[side] + dots[side]]
        for side, array in enumerate((a, b))
    ]
    parts = [
        array.transpose(free[side] + dots[side] + conv[side]) for side, array in enumerate((a, b))
    ]
    n, slid = len(conv[0]), _slid_side(mode, *(_tail(part, len(conv[0])) for part in parts))
    windows = _windows(c, parts[slid], _tail(parts[1 - slid], n), mode)
    flipped = parts[1 - slid][(..., *(slice(None, None, -1),) * n)]
    names = iter(ascii_letters)
    free_a, free_b, dot, place, inside = (
        "".join(next(names) for _ in range(k))
        for k in (len(free[0]), len(free[1]), len(dots[0]), n, n)
    )
    own, other = (free_a, free_b) if slid == 0 else (free_b, free_a)
    letters = [own + dot + place + inside, other + dot + inside]
    return _product(c, [windows, flipped], letters, free_a + free_b + place)


def _tail(array: Any, n: int) -> tuple[int, ...]:
    return tuple(array.shape[array.ndim - n :])


def _slid_side(mode: str, a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Which array the window runs over: the first ("same"), or the larger one."""
    larger = any(j < i for i, j in zip(a, b, strict=True))
    if mode == "full":
        larger = bool(np.prod(a) > np.prod(b))
    return 0 if mode == "same" or larger else 1


def _windows(c: Context, array: Any, size: tuple[int, ...], mode: str) -> Any:
    """All windows of the given size over the last axes: shape (..., places, size)."""
    n = len(size)
    if mode == "full":
        widths = [(k - 1, k - 1) for k in size]
    elif mode == "same":
        widths = [(k - 1 - (k - 1) // 2, (k - 1) // 2) for k in size]
    else:
        widths = [(0, 0)] * n
    hole = c.zero if is_traced(array) else 0.0
    padded = np.pad(array, [(0, 0)] * (array.ndim - n) + widths, constant_values=hole)
    return np.lib.stride_tricks.sliding_window_view(
        padded, size, axis=tuple(range(array.ndim - n, array.ndim))
    )
