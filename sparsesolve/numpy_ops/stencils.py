"""Differences, quadrature, convolutions, and sums into bins."""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sparsesolve.lower.context import Context, is_slots, rule
from sparsesolve.numpy_ops.products import arrays_of, is_truth, plain_value, product_of
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.primitives import sparse_matmul

__all__: list[str] = []

# --- stencils ---


@implements(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = operand(a)
    if not np.ndim(a):
        raise ValueError("np.diff needs an array of at least one dimension, got a number.")
    parts = [
        _as_slab(end, a, axis)
        for end in (prepend, a, append)
        if end is not None and end is not np._NoValue
    ]
    a = anp.concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        upper, lower = a[_slab(a, axis, 1, None)], a[_slab(a, axis, None, -1)]
        a = anp.not_equal(upper, lower) if a.dtype == bool else upper - lower
    return a


def _slab(a: Any, axis: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    return (*(slice(None),) * (axis % a.ndim), slice(start, stop))


def _as_slab(end: Any, a: Any, axis: int) -> Any:
    end = operand(end)
    if np.ndim(end):
        return end
    return anp.broadcast_to(end, [1 if k == axis % a.ndim else n for k, n in enumerate(a.shape)])


@implements(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    parts = [to_begin, _diff(anp.reshape(ary, (-1,))), to_end]
    return anp.concatenate([anp.reshape(operand(p), (-1,)) for p in parts if p is not None])


@implements(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = operand(y)
    width = dx
    if x is not None:
        width = _diff(x, axis=axis if np.ndim(x) > 1 else -1)
        if np.ndim(x) == 1:
            width = anp.reshape(width, (-1,) + (1,) * (y.ndim - axis % y.ndim - 1))
    pairs = y[_slab(y, axis, 1, None)] + y[_slab(y, axis, None, -1)]
    return anp.sum(width * pairs / 2.0, axis=axis)


@implements(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = operand(f)
    axes = range(f.ndim) if axis is None else [int(k) % f.ndim for k in np.atleast_1d(axis)]
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1:
        spacings *= len(axes)
    results = [
        _gradient_along(f, k, operand(h), edge_order) for k, h in zip(axes, spacings, strict=True)
    ]
    return results[0] if len(results) == 1 else tuple(results)


def _gradient_along(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """Difference quotients of second order inside and of the given order at the two ends."""
    f = anp.moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n < edge_order + 1:
        raise ValueError(f"np.gradient needs {edge_order + 1} points along an axis, got {n}")
    h = np.ones(n - 1) * spacing if not np.ndim(spacing) else _diff(spacing)
    slope = (f[..., 1:] - f[..., :-1]) / h
    total = h[1:] + h[:-1]
    inside = (h[1:] * slope[..., :-1] + h[:-1] * slope[..., 1:]) / total
    first, last = slope[..., :1], slope[..., -1:]
    if edge_order == 2:
        curve = (slope[..., 1:] - slope[..., :-1]) / total
        first = first - h[:1] * curve[..., :1]
        last = last + h[-1:] * curve[..., -1:]
    return anp.moveaxis(anp.concatenate([first, inside, last], axis=-1), -1, axis)


@implements(np.convolve)
def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = anp.reshape(operand(a), (-1,)), anp.reshape(operand(v), (-1,))
    if len(v) > len(a):
        a, v = v, a
    kept = np.convolve(np.arange(1, len(a) + len(v)), [1], "full")
    if mode == "same":
        kept = kept[(len(v) - 1) // 2 : (len(v) - 1) // 2 + len(a)]
    elif mode == "valid":
        kept = kept[len(v) - 1 : len(a)]
    result = _correlated(a, v)[kept - 1]
    return anp.not_equal(result, 0) if is_truth(a) and is_truth(v) else result


def _correlated(a: Any, v: Any) -> Any:
    """Sum ``a[i] * v[j]`` over i + j; a constant factor becomes part of a sparse matrix."""
    i, j = (k.ravel() for k in np.indices((len(a), len(v))))
    shape_out = len(a) + len(v) - 1
    if not is_traced(v):
        return sparse_matmul(_sparse(plain_value(v)[j], i + j, i, (shape_out, len(a))), a)
    if not is_traced(a):
        return sparse_matmul(_sparse(plain_value(a)[i], i + j, j, (shape_out, len(v))), v)
    products = anp.reshape(anp.reshape(a, (-1, 1)) * anp.reshape(v, (1, -1)), (-1,))
    return sparse_matmul(
        _sparse(np.ones(len(i)), i + j, np.arange(len(i)), (shape_out, len(i))), products
    )


def _sparse(
    data: NDArray[Any], row: NDArray[Any], column: NDArray[Any], shape: tuple[int, int]
) -> Any:
    return scipy.sparse.csr_array((data, (row, column)), shape=shape)


@implements(np.correlate)
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = operand(a), operand(v)
    if np.size(v) > np.size(a):
        turned = _correlate(v, a, mode)[::-1]
        return anp.conj(turned) if turned.dtype.kind == "c" else turned
    return _convolve(a, anp.conj(v)[::-1] if v.dtype.kind == "c" else v[::-1], mode)


@implements(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = np.asarray(plain_index(x))
    length = max(int(places.max(initial=-1)) + 1, minlength)
    ones = np.ones(places.size)
    scatter = _sparse(ones, places, np.arange(places.size), (length, places.size))
    return sparse_matmul(scatter, weights)


# ----- convolution -----


@rule("signal.convolve", "products")
def _lower_convolve(
    c: Context,
    a: Any,
    b: Any,
    axes: Any = None,
    dot_axes: Any = ((), ()),
    mode: str = "full",
) -> Any:
    """Lower autograd's convolution over some axes, with a sum over pairs of others."""
    a, b = arrays_of(c, a, b)
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
    return product_of(c, [windows, flipped], letters, free_a + free_b + place)


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
    hole = c.zero if is_slots(array) else 0.0
    padded = np.pad(array, [(0, 0)] * (array.ndim - n) + widths, constant_values=hole)
    return np.lib.stride_tricks.sliding_window_view(
        padded, size, axis=tuple(range(array.ndim - n, array.ndim))
    )
