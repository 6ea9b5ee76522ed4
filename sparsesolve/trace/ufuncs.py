"""NumPy's and SciPy's ufuncs on traced arrays, with their methods (`reduce`, `outer`, `at`, ...).

Ufuncs reach a traced array by a protocol of their own.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox

from sparsesolve.trace import dispatch
from sparsesolve.trace.box_errors import PlainTargetError
from sparsesolve.trace.matrices import ufunc_call
from sparsesolve.trace.operands import operand, plain_index, stacked
from sparsesolve.trace.primitives import sparse_matmul
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.writable import current, destination

__all__ = ["call"]

_REDUCTIONS: dict[np.ufunc, Any] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_ASSOCIATIVE = {np.logaddexp, np.logaddexp2, np.hypot, np.fmax, np.fmin, np.matmul, np.logical_xor}
_FROM_THE_LEFT = {np.subtract, np.divide, np.floor_divide, np.power, np.float_power}
_ACCUMULATIONS: dict[np.ufunc, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}


def call(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Carry out one call of a ufunc or of one of its methods."""
    if any(type(value) is np.matrix for value in inputs):
        return ufunc_call(getattr(ufunc, method), inputs, kwargs)
    options = dict(kwargs)
    out = options.pop("out", None)
    if method != "at":
        inputs = tuple(operand(value) for value in inputs)
    mask = options.pop("where", True) if method == "__call__" else True
    result = _METHODS[method](ufunc, inputs, options)
    if mask is not True:
        result = _elsewhere(ufunc, out, result, mask)
    return result if out is None else dispatch.into(out, result)


def _elsewhere(ufunc: np.ufunc, out: tuple[Any, ...] | None, result: Any, mask: Any) -> Any:
    """Take what is in `out` where a mask is false."""
    if out is None or len(out) != 1:
        raise dispatch.refuse(
            f"`where=` of np.{ufunc.__name__} without `out=` at {user_line()}",
            "Give it `out=np.zeros_like(x)`, or use np.where(condition, a, b)",
        )
    before = current(out[0])
    return dispatch.call(np.where, (operand(mask), result, before), {})


def _call(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    kind = options.pop("dtype", None)
    if kind is not None and np.dtype(kind) != np.float64:
        raise dispatch.refuse(f"`dtype={kind}` at {user_line()}", "Compute in float64")
    for name in ("casting", "order", "subok", "signature"):
        options.pop(name, None)
    if _is_python(ufunc) and ufunc.nout == 1:
        return _of_python(ufunc, inputs)
    return dispatch.call(ufunc, inputs, options)


def _is_python(ufunc: np.ufunc) -> bool:
    """Whether np.frompyfunc made it."""
    return set(ufunc.types) == {"O" * ufunc.nin + "->" + "O" * ufunc.nout}


def _of_python(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    """Call a Python function, made by np.frompyfunc, on one element after the other."""
    shape = np.broadcast_shapes(*map(np.shape, inputs))
    spread = [anp.ravel(anp.broadcast_to(value, shape)) for value in inputs]
    whole = [np.empty(int(np.prod(shape)), dtype=object) for _ in spread]
    for elements, values in zip(whole, spread, strict=True):
        elements[:] = [values[k] for k in range(elements.size)]
    return anp.reshape(stacked(list(ufunc(*whole))), shape)


def _reduce(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    array, *rest = inputs
    options.update(zip(("axis", "dtype", "out", "keepdims"), rest, strict=False))
    options.setdefault("axis", 0)
    if ufunc not in _REDUCTIONS:
        return _folded(ufunc, array, options)
    return dispatch.call(_REDUCTIONS[ufunc], (array,), options)


def _folded(ufunc: np.ufunc, array: Any, options: dict[str, Any]) -> Any:
    """Reduce along one axis, or all, one element after the other."""
    axis, keeps = options.pop("axis"), options.pop("keepdims", False)
    in_order = ufunc in _FROM_THE_LEFT or _is_python(ufunc)
    if (
        not (ufunc in _ASSOCIATIVE or (in_order and (axis is not None or np.ndim(array) == 1)))
        or keeps
        or isinstance(axis, tuple)
        or options.get("dtype") is not None
    ):
        raise _unknown(ufunc, "reduce")
    if axis is None:
        array, axis = anp.reshape(array, (-1,)), 0
    parts = [anp.take(array, k, axis=axis) for k in range(array.shape[axis])]
    start = options.pop("initial", None)
    if not parts:
        raise _unknown(ufunc, "reduce")
    return functools.reduce(ufunc, parts if start is None else [start, *parts])


def _accumulate(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    array, *rest = inputs
    axis = rest[0] if rest else options.get("axis", 0)
    if ufunc in _ACCUMULATIONS:
        return dispatch.call(_ACCUMULATIONS[ufunc], (array,), {"axis": axis})
    parts = [anp.take(array, k, axis=axis) for k in range(array.shape[axis])]
    for k in range(1, len(parts)):
        parts[k] = ufunc(parts[k - 1], parts[k])
    return anp.stack(parts, axis=axis)


def _outer(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    a, b = inputs
    return ufunc(anp.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **options)


def _at(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    array, index, *rest = inputs
    array = destination(array)
    if not isbox(array):
        raise dispatch.refuse(
            f"`np.{ufunc.__name__}.at` at {user_line()}",
            "Use np.add.at on an array made with np.zeros_like(x)",
            PlainTargetError,
        )
    places = np.arange(array.size).reshape(array.shape)[plain_index(index)]
    values = [anp.ravel(anp.broadcast_to(operand(value), places.shape)) for value in rest]
    if ufunc not in (np.add, np.subtract):
        _at_one_by_one(ufunc, array, places.ravel(), values)
        return None
    (value,) = values
    scatter = scipy.sparse.csr_array(
        (np.ones(places.size), (places.ravel(), np.arange(places.size))),
        shape=(array.size, places.size),
    )
    total = anp.reshape(sparse_matmul(scatter, value), array.shape)
    array[...] = ufunc(array, total)
    return None


def _at_one_by_one(ufunc: np.ufunc, array: Any, places: Any, values: list[Any]) -> None:
    """Change places of an array; those that are there again wait for the next round."""
    waiting = np.arange(places.size)
    while waiting.size:
        hit, first = np.unique(places[waiting], return_index=True)
        now = waiting[first]
        at = np.unravel_index(hit, array.shape)
        array[at] = ufunc(array[at], *(value[now] for value in values))
        waiting = np.delete(waiting, first)


def _reduceat(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if ufunc not in _REDUCTIONS:
        raise _unknown(ufunc, "reduceat")
    array, index, *rest = inputs
    axis = rest[0] if rest else options.get("axis", 0)
    last = anp.moveaxis(array, axis, -1)
    bounds = [*np.arange(last.shape[-1])[plain_index(index)].tolist(), last.shape[-1]]
    parts = [
        _REDUCTIONS[ufunc](last[..., start : max(stop, start + 1)], axis=-1)
        for start, stop in itertools.pairwise(bounds)
    ]
    return anp.moveaxis(anp.stack(parts, axis=-1), -1, axis)


def _unknown(ufunc: np.ufunc, method: str) -> Exception:
    return dispatch.refuse(
        f"`np.{ufunc.__name__}.{method}` at {user_line()}",
        "Use np.sum, np.prod, np.max, np.min, np.cumsum or a slice of them",
    )


_METHODS = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "at": _at,
    "reduceat": _reduceat,
}
