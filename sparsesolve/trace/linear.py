"""Products, stencils and linear algebra.

Separate because these are the linear maps; what is left of them on a tape is ``dot``, ``matmul``,
``einsum``, sparse products, and the opaque decompositions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.numpy import linalg
from numpy.typing import NDArray

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.primitives import component, sparse_matmul
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


# --- products ---


@implements(np.dot, recorded=True)
def _dot(a: Any, b: Any, out: None = None) -> Any:
    return anp.dot(operand(a), operand(b))


@implements(np.outer, np.linalg.outer)
def _outer(a: Any, b: Any, out: None = None) -> Any:
    return anp.reshape(operand(a), (-1, 1)) * anp.reshape(operand(b), (1, -1))


@implements(np.inner)
def _inner(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    return _tensordot(a, b, ((-1,), (-1,)))


@implements(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return anp.dot(anp.reshape(operand(a), (-1,)), anp.reshape(operand(b), (-1,)))


@implements(np.vecdot, np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, axis: int = -1, **options: Any) -> Any:
    products = operand(x1) * operand(x2)
    return (anp.any if products.dtype == bool else anp.sum)(products, axis=axis)


implements(np.matvec)(lambda x1, x2: anp.matmul(x1, x2[..., None])[..., 0])
implements(np.vecmat)(lambda x1, x2: anp.matmul(x1[..., None, :], x2)[..., 0, :])
implements(np.linalg.matmul)(lambda x1, x2: anp.matmul(x1, x2))


@implements(np.tensordot, np.linalg.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = operand(a), operand(b)
    if isinstance(axes, (int, np.integer)):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    axes_a = [int(k) % a.ndim for k in np.atleast_1d(axes[0])]
    axes_b = [int(k) % b.ndim for k in np.atleast_1d(axes[1])]
    free_a = [k for k in range(a.ndim) if k not in axes_a]
    free_b = [k for k in range(b.ndim) if k not in axes_b]
    inner = int(np.prod([a.shape[k] for k in axes_a], dtype=np.int64))
    outer_a, outer_b = [a.shape[k] for k in free_a], [b.shape[k] for k in free_b]
    left = anp.reshape(anp.transpose(a, free_a + axes_a), (_size(outer_a), inner))
    right = anp.reshape(anp.transpose(b, axes_b + free_b), (inner, _size(outer_b)))
    return anp.reshape(anp.dot(left, right), (*outer_a, *outer_b))


def _size(shape: list[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


@implements(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    ndim = max(np.ndim(a), np.ndim(b))
    shape_a = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    shape_b = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    wide_a = [n for length in shape_a for n in (length, 1)]
    wide_b = [n for length in shape_b for n in (1, length)]
    product = anp.reshape(a, wide_a) * anp.reshape(b, wide_b)
    return anp.reshape(product, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@implements(np.cross)
def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = anp.moveaxis(operand(a), axisa, -1), anp.moveaxis(operand(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise refuse(f"np.cross of vectors without 3 components at {user_line()}", "Add a zero")
    parts = [a[..., j] * b[..., k] - a[..., k] * b[..., j] for j, k in ((1, 2), (2, 0), (0, 1))]
    return anp.stack(parts, axis=axisc)


implements(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis))


@implements(np.einsum, recorded=True)
def _einsum(*operands: Any, optimize: Any = False, **options: Any) -> Any:
    if any(value is not None for value in options.values()):
        raise refuse(f"np.einsum with {set(options)} at {user_line()}", "Leave the option out")
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0], operands[1:]
    else:
        subscripts, arrays = _subscripts(operands), operands[: len(operands) // 2 * 2 : 2]
    if optimize is not False:
        _one_kind("np.einsum with `optimize`", arrays)
    return anp.einsum(subscripts, *map(operand, arrays))


def _one_kind(name: str, arrays: Any) -> None:
    """Refuse truth beside numbers in a product whose order NumPy chooses."""
    if len(arrays) > 2 and len({_is_truth(a) for a in map(operand, arrays)}) > 1:
        raise refuse(
            f"{name} of truth values and numbers at {user_line()}, which depends on the order of "
            "the products",
            "Multiply the comparisons by 1.0 first, or write the products one by one",
        )


def _is_truth(array: Any) -> bool:
    return bool(np.result_type(_plain(array)) == np.bool_)


def _subscripts(operands: tuple[Any, ...]) -> str:
    """Write einsum's interleaved lists as a string."""

    def letters(labels: Any) -> str:
        return "".join("..." if k is Ellipsis else chr(ord("a") + k) for k in labels)

    pairs = len(operands) // 2
    joined = ",".join(letters(labels) for labels in operands[1 : 2 * pairs : 2])
    return f"{joined}->{letters(operands[-1])}" if len(operands) % 2 else joined


@implements(np.trace, np.linalg.trace)
def _trace(
    a: Any,
    offset: int = 0,
    axis1: int | None = None,
    axis2: int | None = None,
    **options: Any,
) -> Any:
    return anp.sum(anp.diagonal(a, offset, axis1 or 0, 1 if axis2 is None else axis2), axis=-1)


implements(np.linalg.diagonal)(lambda x, /, *, offset=0: anp.diagonal(x, offset, -2, -1))


@implements(np.linalg.multi_dot)
def _multi_dot(arrays: Any, out: None = None) -> Any:
    first, *rest = arrays
    _one_kind("np.linalg.multi_dot", arrays)
    for array in rest:
        first = anp.dot(first, operand(array))
    return first


@implements(np.linalg.matrix_power)
def _matrix_power(a: Any, n: int) -> Any:
    n = plain_index(n)
    if n < 0:
        return _matrix_power(linalg.inv(a), -n)
    result, square = None, a
    while n:
        if n & 1:
            result = square if result is None else anp.matmul(result, square)
        n >>= 1
        square = anp.matmul(square, square) if n else square
    if result is None:
        return anp.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    return result


# --- stencils ---


@implements(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = operand(a)
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
    return anp.not_equal(result, 0) if _is_truth(a) and _is_truth(v) else result


def _correlated(a: Any, v: Any) -> Any:
    """Sum ``a[i] * v[j]`` over i + j; a constant factor becomes part of a sparse matrix."""
    i, j = (k.ravel() for k in np.indices((len(a), len(v))))
    shape_out = len(a) + len(v) - 1
    if not is_traced(v):
        return sparse_matmul(_sparse(_plain(v)[j], i + j, i, (shape_out, len(a))), a)
    if not is_traced(a):
        return sparse_matmul(_sparse(_plain(a)[i], i + j, j, (shape_out, len(v))), v)
    products = anp.reshape(_outer(a, v), (-1,))
    return sparse_matmul(
        _sparse(np.ones(len(i)), i + j, np.arange(len(i)), (shape_out, len(i))), products
    )


def _plain(value: Any) -> NDArray[Any]:
    return np.asarray(getattr(value, "_value", value))


def _sparse(
    data: NDArray[Any], row: NDArray[Any], column: NDArray[Any], shape: tuple[int, int]
) -> Any:
    return scipy.sparse.csr_array((data, (row, column)), shape=shape)


@implements(np.correlate)
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = operand(a), operand(v)
    if np.size(v) > np.size(a):
        return _correlate(v, a, mode)[::-1]
    return _convolve(a, v[::-1], mode)


@implements(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = np.asarray(plain_index(x))
    length = max(int(places.max(initial=-1)) + 1, minlength)
    ones = np.ones(places.size)
    scatter = _sparse(ones, places, np.arange(places.size), (length, places.size))
    return sparse_matmul(scatter, weights)


# --- norms and decompositions ---


@implements(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = operand(x)
    if axis is None and ord is None:
        x, axis = anp.reshape(x, (-1,)) if not keepdims else x, None
        return _vector_norm(x, axis=axis, keepdims=keepdims)
    if axis is None:
        axis = tuple(range(x.ndim)) if x.ndim > 1 else 0
    if isinstance(axis, tuple) and len(axis) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axis, keepdims)
    axis = axis[0] if isinstance(axis, tuple) else axis
    return _vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)


@implements(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    along = {"axis": axis, "keepdims": keepdims}
    x = operand(x)
    if ord == 2:
        return anp.sqrt(anp.sum(x * x, **along))
    size = anp.absolute(x)
    if ord == np.inf:
        return anp.max(size, **along)
    if ord == -np.inf:
        return anp.min(size, **along)
    if ord == 1:
        return anp.sum(size, **along)
    if ord == 0:
        return anp.sum(anp.not_equal(x, 0) * 1.0, **along)
    return anp.power(anp.sum(anp.power(size, ord), **along), 1.0 / ord)


def _matrix_norm(x: Any, ord: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    row, column = (int(k) % x.ndim for k in axis)
    if ord == "fro":
        return anp.sqrt(anp.sum(x * x, axis=axis, keepdims=keepdims))
    if ord in (1, -1, np.inf, -np.inf):
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = anp.sum(anp.absolute(x), axis=first, keepdims=True)
        pick = anp.max if ord > 0 else anp.min
        result = pick(sums, axis=second, keepdims=True)
        return result if keepdims else anp.squeeze(result, axis)
    if ord in ("nuc", 2, -2) and x.ndim == 2 and not keepdims:
        singular = _svdvals(x)
        return {"nuc": anp.sum, 2: anp.max, -2: anp.min}[ord](singular)
    raise refuse(f"np.linalg.norm with ord={ord!r} at {user_line()}", "Use 'fro', 1 or np.inf")


@implements(np.linalg.matrix_norm)
def _matrix_norm_of(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _matrix_norm(x, ord, (-2, -1), keepdims)


def _tuple_valued(function: Callable[..., Any], primitive: Any, count: int) -> None:
    """Register a decomposition: every part of its result is an instruction of its own."""

    @implements(function)
    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        parts = [component(primitive, k, operand(a), *args, **kwargs) for k in range(count)]
        kind = type(function(np.eye(2)))
        return kind(*parts)


_tuple_valued(np.linalg.slogdet, linalg.slogdet, 2)
_tuple_valued(np.linalg.eigh, linalg.eigh, 2)


@implements(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    if not compute_uv:
        return _svdvals(a)
    if any(options.values()):
        raise refuse(f"np.linalg.svd with {set(options)} at {user_line()}", "Leave it out")
    a = operand(a)
    rows, columns = a.shape[-2:]
    # a factor that is square in both forms is the same in both, and only the reduced has a rule
    full = [full_matrices and rows > columns, False, full_matrices and columns > rows]
    parts = [component(linalg.svd, k, a, full[k]) for k in range(3)]
    return type(np.linalg.svd(np.eye(2)))(*parts)


@implements(np.linalg.pinv, recorded=True)
def _pinv(a: Any, *args: Any, **options: Any) -> Any:
    if args or any(value not in (None, False, np._NoValue) for value in options.values()):
        raise refuse(f"np.linalg.pinv with options at {user_line()}", "Leave them out")
    return linalg.pinv(operand(a))


@implements(np.linalg.svdvals)
def _svdvals(x: Any, /) -> Any:
    return component(linalg.svd, 1, operand(x), full_matrices=False)


@implements(np.linalg.eig, np.linalg.eigvals)
def _refuse_eig(a: Any) -> Any:
    raise refuse(
        f"eigenvalues of a general matrix, which may be complex, at {user_line()}",
        "Use np.linalg.eigh where the matrix is symmetric",
    )


implements(np.linalg.eigvalsh)(lambda a, UPLO="L": component(linalg.eigh, 0, operand(a), UPLO))
