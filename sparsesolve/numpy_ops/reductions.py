"""Sums, products, extrema, running sums.

NumPy's options (`where=`, `initial=`, `dtype=`) are taken apart by the handlers, so that an
instruction only ever has an axis and ``keepdims``. A short sum is a chain of maps, which fuses; a
long one is one kernel with segments. Products and extrema are halving trees of maps, so that their
derivatives need no division and their depth is the logarithm of the length. Running sums double
their reach at every level (Hillis, Steele 1986), short ones are triangular sums.

Where several elements share the extremum, the tree splits the derivative evenly between the two
halves of each level; any split is a subgradient there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from numpy.typing import NDArray

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, rule
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand
from sparsesolve.trace.sources import user_line

__all__ = ["extremum", "merge_axes", "restore_axes", "squares_of"]


def _reduction(
    function: Callable[..., Any], primitive: Any, empty: Any, join: Callable[..., Any] | None
) -> None:
    """Register a reduction: `empty` is its value without elements, `join` its operation."""

    def reduce(a: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        left = {k: v for k, v in options.items() if not _is_unset(v)}
        left.pop("dtype", None)
        mask, initial = left.pop("where", True), left.pop("initial", None)
        if left or (join is None and initial is not None):
            raise refuse(
                f"np.{function.__name__} with {set(left)} at {user_line()}", "Leave it out"
            )
        if mask is not True:
            a = where(operand(mask), a, empty)
        keepdims = False if _is_unset(keepdims) else keepdims
        a = operand(a)
        if initial is not None and function in (np.max, np.min) and not _count(a, axis):
            shape = np.sum(np.empty(np.shape(a)), axis=axis, keepdims=keepdims).shape
            return anp.array(anp.broadcast_to(initial, shape))
        result = primitive(a, axis=axis, keepdims=keepdims)
        return result if initial is None or join is None else join(result, initial)

    @implements(function, recorded=True)
    def handler(a: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Any:
        names = ("dtype", "out") if function in (np.sum, np.prod, np.mean) else ("out",)
        return reduce(a, axis, **dict(zip((*names, "keepdims"), args, strict=False)), **kwargs)


def _is_unset(value: Any) -> bool:
    return value is None or value is np._NoValue


_reduction(np.sum, anp.sum, 0.0, anp.add)
_reduction(np.prod, anp.prod, 1.0, anp.multiply)
_reduction(np.max, anp.max, -np.inf, anp.maximum)
_reduction(np.min, anp.min, np.inf, anp.minimum)
_reduction(np.all, anp.all, True, None)
_reduction(np.any, anp.any, False, None)


@implements(np.mean, recorded=True)
def _mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, **options: Any) -> Any:
    keepdims = options.pop("keepdims", False)
    mask = options.pop("where", np._NoValue)
    keepdims = False if _is_unset(keepdims) else keepdims
    if not _is_unset(mask) and mask is not True:
        count = anp.sum(anp.broadcast_to(mask, np.shape(a)) * 1.0, axis=axis, keepdims=keepdims)
        return anp.sum(where(mask, a, 0.0), axis=axis, keepdims=keepdims) / count
    return anp.mean(operand(a), axis=axis, keepdims=keepdims)


implements(np.amax)(lambda a, axis=None, **options: anp.max(a, axis, **options))
implements(np.amin)(lambda a, axis=None, **options: anp.min(a, axis, **options))


@implements(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: Any = False,
    **options: Any,
) -> Any:
    ddof = options.pop("correction", ddof)
    if any(not _is_unset(v) for v in options.values()):
        raise refuse(f"np.var with {set(options)} at {user_line()}", "Write it with np.mean")
    deviation = a - anp.mean(a, axis=axis, keepdims=True)
    total = anp.sum(
        squares_of(deviation), axis=axis, keepdims=False if _is_unset(keepdims) else keepdims
    )
    return total / max(_count(a, axis) - ddof, 0)


def squares_of(a: Any) -> Any:
    """Return squares, of complex numbers those of their sizes."""
    a = operand(a)
    if np.result_type(getattr(a, "_value", a)).kind != "c":
        return a * a
    return anp.real(a) * anp.real(a) + anp.imag(a) * anp.imag(a)


def _count(a: Any, axis: Any) -> int:
    """Count the elements that go into one result of a reduction."""
    shape = np.shape(a)
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    return int(np.prod([shape[k] for k in axes], dtype=np.int64))


implements(np.std)(lambda a, *args, **kwargs: anp.sqrt(_var(a, *args, **kwargs)))


@implements(np.ptp)
def _ptp(a: Any, axis: Any = None, out: None = None, keepdims: Any = False) -> Any:
    keep = False if _is_unset(keepdims) else keepdims
    return anp.max(a, axis=axis, keepdims=keep) - anp.min(a, axis=axis, keepdims=keep)


@implements(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    keep = False if _is_unset(keepdims) else keepdims
    a = operand(a)
    weights = np.ones(np.shape(a)) if weights is None else operand(weights)
    if np.shape(weights) != np.shape(a):
        weights = anp.reshape(
            weights, [n if k == axis % a.ndim else 1 for k, n in enumerate(a.shape)]
        )
    total = anp.sum(anp.broadcast_to(weights, a.shape), axis=axis, keepdims=keep)
    result = anp.sum(a * weights, axis=axis, keepdims=keep) / total
    return (result, total) if returned else result


@implements(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return anp.sum(anp.not_equal(a, 0), axis=axis, keepdims=keepdims)


implements(np.nansum)(lambda a, axis=None, **options: np.sum(_without_nan(a, 0.0), axis, **options))
implements(np.nanprod)(
    lambda a, axis=None, **options: np.prod(_without_nan(a, 1.0), axis, **options)
)


implements(np.nanmax)(
    lambda a, axis=None, **options: np.max(_without_nan(a, -np.inf), axis, **options)
)
implements(np.nanmin)(
    lambda a, axis=None, **options: np.min(_without_nan(a, np.inf), axis, **options)
)


@implements(np.nanmean)
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, **options: Any) -> Any:
    count = np.sum(anp.logical_not(anp.isnan(a)) * 1.0, axis, **options)
    return np.sum(_without_nan(a, 0.0), axis, **options) / count


@implements(np.nanvar)
def _nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> Any:
    a = operand(a)
    center = _nanmean(a, axis, keepdims=True)
    squares = np.sum(_without_nan(a - center, 0.0) ** 2, axis, keepdims=keepdims)
    count = np.sum(anp.logical_not(anp.isnan(a)) * 1.0, axis, keepdims=keepdims)
    return squares / where(count > ddof, count - ddof, np.nan)


@implements(np.nanstd)
def _nanstd(a: Any, *args: Any, **options: Any) -> Any:
    return anp.sqrt(_nanvar(a, *args, **options))


def _without_nan(a: Any, empty: float) -> Any:
    return where(anp.isnan(a), empty, a)


def _products(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Multiply up one slice after the other; NumPy's cumprod has no derivative rule."""
    a = operand(a)
    if a.dtype == bool:
        a = anp.multiply(a, 1)  # NumPy's products of truth values are integers here
    if axis is None:
        a, axis = anp.reshape(a, (-1,)), 0
    parts = [a[(slice(None),) * (axis % a.ndim) + (k,)] for k in range(a.shape[axis])]
    for k in range(1, len(parts)):
        parts[k] = parts[k - 1] * parts[k]
    return anp.stack(parts, axis=axis) if parts else anp.array(a)


implements(np.cumprod)(_products)


@implements(np.cumsum, recorded=True)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return anp.cumsum(operand(a), axis=axis)


def _cumulative(first: float, run: Callable[..., Any]) -> Callable[..., Any]:
    def handler(x: Any, /, *, axis: Any = None, include_initial: bool = False, **_: Any) -> Any:
        if axis is None and x.ndim != 1:
            raise ValueError("`axis` must be given for arrays with more than one dimension")
        axis = 0 if axis is None else axis % x.ndim
        result = run(x, axis)
        if not include_initial:
            return result
        start = np.full([1 if k == axis else n for k, n in enumerate(x.shape)], first)
        return anp.concatenate([start, result], axis=axis)

    return handler


implements(np.cumulative_sum)(_cumulative(0.0, lambda x, axis: anp.cumsum(x, axis=axis)))
implements(np.cumulative_prod)(_cumulative(1.0, _products))


# --- lowering ---


_SHORT_CUMSUM = 64


def merge_axes(ids: Any, axis: Any) -> tuple[Slots, tuple[int, ...]]:
    """Move the reduced axes last and merge them; also return the shape with kept dimensions."""
    ids = np.asarray(ids)
    axes = range(ids.ndim) if axis is None else np.atleast_1d(axis)
    reduced = sorted({int(a) % ids.ndim for a in axes}) if ids.ndim else []
    kept = [a for a in range(ids.ndim) if a not in reduced]
    shape = tuple(1 if a in reduced else ids.shape[a] for a in range(ids.ndim))
    count = int(np.prod([ids.shape[a] for a in reduced], dtype=np.int64))
    ordered = ids.transpose(kept + reduced)
    return ordered.reshape((*(ids.shape[a] for a in kept), count)), shape


def restore_axes(result: Any, shape: tuple[int, ...], keepdims: Any) -> Any:
    """Put the reduced axes back with length one, where wanted."""
    if not isinstance(keepdims, bool):  # NumPy's mark of an argument that was not given
        keepdims = False
    return np.reshape(result, shape) if keepdims else result


def _check_options(c: Context, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is None or value is np._NoValue:
            continue
        if name == "dtype" and np.dtype(value) in (np.float64, np.int64):
            continue
        raise c.unsupported(f"got `{name}={value!r}`", f"Leave out `{name}`.")


@rule("sum", "reductions")
def _lower_sum(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
    _check_options(c, options)
    ids, shape = merge_axes(a, axis)
    return restore_axes(c.sum_rows(ids), shape, keepdims)


@rule("mean", "reductions")
def _lower_mean(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
    _check_options(c, options)
    ids, shape = merge_axes(a, axis)
    mean = c.map("divide", c.sum_rows(ids), float(ids.shape[-1]))
    return restore_axes(mean, shape, keepdims)


def _tree(c: Context, op: str, ids: Slots) -> Slots:
    """Combine the last axis of slots pairwise until one element is left."""
    while ids.shape[-1] > 1:
        odd = ids[..., -1:] if ids.shape[-1] % 2 else None
        even = ids[..., : ids.shape[-1] // 2 * 2]
        ids = c.map(op, even[..., ::2], even[..., 1::2])
        if odd is not None:
            # the leftover goes first, or it would be left over again and again
            ids = np.concatenate([odd, ids], axis=-1)
    return ids[..., 0]


def extremum(c: Context, ids: Slots, *, largest: bool) -> Any:
    """Maximum or minimum over the last axis."""
    return _tree(c, "maximum" if largest else "minimum", ids)


def _tree_rule(name: str, op: str, empty: float | None) -> None:
    @rule(name, "reductions")
    def apply(c: Context, a: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
        _check_options(c, options)
        ids, shape = merge_axes(a, axis)
        if op.startswith("logical") and c.kind_of_argument(0) != "b":
            ids = np.asarray(c.map("not_equal", ids, 0.0))
        if ids.shape[-1] == 0:
            return restore_axes(np.full(ids.shape[:-1], empty), shape, keepdims)
        return restore_axes(_tree(c, op, ids), shape, keepdims)


_tree_rule("prod", "multiply", 1.0)
_tree_rule("max", "maximum", None)
_tree_rule("min", "minimum", None)
_tree_rule("all", "logical_and", 1.0)
_tree_rule("any", "logical_or", 0.0)


@rule("cumsum", "reductions")
def _lower_cumsum(c: Context, a: Any, axis: Any = None, **options: Any) -> Any:
    _check_options(c, options)
    ids = np.asarray(a)
    if axis is None or ids.ndim == 0:
        ids, axis = ids.reshape(-1), 0
    last = np.moveaxis(ids, axis, -1)
    running = _triangular if last.shape[-1] <= _SHORT_CUMSUM else _doubling
    return np.moveaxis(running(c, last), -1, axis)


def _triangular(c: Context, ids: Slots) -> Slots:
    n = ids.shape[-1]
    if ids.size == 0 or n == 1:
        return ids
    column: NDArray[np.int64] = np.tril_indices(n)[1]
    lengths = np.tile(np.arange(1, n + 1), ids.size // n)
    segments = np.concatenate([[0], np.cumsum(lengths)])
    return c.builder.reduce(ids[..., column], segments).reshape(ids.shape)


def _doubling(c: Context, ids: Slots) -> Slots:
    reach = 1
    while reach < ids.shape[-1]:
        added = c.map("add", ids[..., :-reach], ids[..., reach:])
        ids = np.concatenate([ids[..., :reach], added], axis=-1)
        reach *= 2
    return ids
