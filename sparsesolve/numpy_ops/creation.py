"""Functions that make or copy arrays, and those that only look at shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import numpy_wrapper
from autograd.tracer import isbox, register_notrace

from sparsesolve.trace.box_errors import PlainTargetError
from sparsesolve.trace.dispatch import CONSTRUCTORS, CREATORS, implements, refuse
from sparsesolve.trace.operands import holds_boxes, operand, plain_index, stacked
from sparsesolve.trace.recorder import EXPANSIONS, TapeNode
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["array_of", "as_array", "as_contiguous"]

_SHAPE_ONLY = (
    "broadcast_shapes can_cast common_type diag_indices_from iscomplexobj isfortran isrealobj "
    "isscalar iterable may_share_memory ndim result_type shape shares_memory size "
    "tril_indices_from triu_indices_from typename"
)


@replaces("numpy", "require")
def _require(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Leave a traced array as it is: whatever flags are required, it has no memory."""

    def call(a: Any, dtype: Any = None, requirements: Any = None, **options: Any) -> Any:
        if not holds_boxes(a):
            return plain(a, dtype, requirements, **options)
        return np.asarray(a) if dtype is None else np.asarray(a).astype(dtype)

    return call


def _plain(argument: Any) -> Any:
    if isbox(argument):
        return argument._value
    if isinstance(argument, (list, tuple)):
        return type(argument)(_plain(item) for item in argument)
    return argument


def _register_shape_only(name: str) -> None:
    function = getattr(np, name)
    register_notrace(TapeNode, getattr(anp, name))

    @implements(function)
    def look(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_plain, args), **kwargs)


for _name in _SHAPE_ONLY.split():
    _register_shape_only(_name)


@implements(np.copy)
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """Give a traced array memory of its own; the tape needs no instruction for that."""
    if not isbox(a) or type(a._node) is not TapeNode:
        return anp.array(a)
    node = a._node
    value = np.array(a._value)[()] if not isinstance(a._value, np.ndarray) else a._value.copy()
    return node.recorder.box(value, TapeNode.new_root(node.recorder, value, node.ref))


@implements(np.astype)
def _astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    kind = np.dtype(dtype)
    if kind == np.longdouble:  # no wrong number, only one of fewer digits
        kind = np.dtype(np.float64)
    if kind == x.dtype or (kind == np.float64 and x.dtype != np.complex128):
        return _copy(x) if kind == x.dtype else anp.multiply(x, 1.0)
    if kind == np.bool_:
        return anp.not_equal(x, 0)
    if kind == np.complex128:
        return anp.add(x, complex(-0.0, 0.0))
    if kind.kind in "iu":  # what a narrow one cannot hold, the check finds
        return anp.trunc(x)
    raise refuse(f"a conversion to {kind} at {user_line()}", "Compute in float64")


def _like(make: Any) -> Any:
    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = a._node.recorder if isbox(a) and type(a._node) is TapeNode else None
        value = make(_plain(a), *args, **kwargs)
        return value if recorder is None else recorder.constant(value)

    return handler


implements(np.zeros_like, np.empty_like)(_like(np.zeros_like))  # never uninitialized memory
implements(np.ones_like)(_like(np.ones_like))


@implements(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if not holds_boxes(fill_value):
        return _like(np.full_like)(a, fill_value, dtype, **kwargs)
    shape = kwargs.get("shape")
    shape = np.shape(a) if shape is None else plain_index(shape)
    return _full(shape, fill_value, np.result_type(a) if dtype is None else dtype)


def array_of(value: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0) -> Any:
    """Do what ``np.array`` does where traced values are inside."""
    result = _copy(value) if isbox(value) and copy is True else stacked(value)
    if dtype is not None and result.dtype != np.dtype(dtype):
        result = _astype(result, dtype)
    if result.ndim < ndmin:
        result = anp.reshape(result, (1,) * (ndmin - result.ndim) + result.shape)
    return result


def _array_from(array_args: Any, array_kwargs: Any, scalar: Any) -> Any:
    return array_of(scalar, *array_args, **array_kwargs)


EXPANSIONS[numpy_wrapper._array_from_scalar_or_array] = _array_from


@implements(np.asarray, np.asanyarray)
def as_array(a: Any, dtype: Any = None, *args: Any, copy: Any = None, **options: Any) -> Any:
    """Do what ``np.asarray`` does where traced values are inside: no copy without need."""
    return array_of(a, dtype, copy=copy is True)


@replaces("numpy.lib._function_base_impl", "asarray_chkfinite")
def _as_finite(plain: Callable[..., Any]) -> Callable[..., Any]:
    def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
        return as_array(a, dtype) if holds_boxes(a) else plain(a, dtype, order)

    return asarray_chkfinite


@implements(np.ascontiguousarray)
def as_contiguous(a: Any, dtype: Any = None, **options: Any) -> Any:
    """Do what ``np.ascontiguousarray`` does; it has at least one dimension."""
    result = as_array(a, dtype)
    if not result.ndim:
        return anp.reshape(result, (1,))
    return result if result._value.flags.c_contiguous else _copy(result)


@implements(np.copyto)
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isbox(dst):
        raise refuse(
            f"np.copyto into a plain array at {user_line()}",
            "Use np.zeros_like(x)",
            PlainTargetError,
        )
    dst[...] = src if where is True else anp.where(where, src, dst)


@implements(np.fill_diagonal)
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    count = min(a.shape)
    a[(np.arange(count),) * a.ndim] = val


@implements(np.put)
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.atleast_1d(plain_index(ind)) % a.size
    a[np.unravel_index(places, a.shape)] = v


@implements(np.putmask)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    if np.size(_plain(values)) != 1:
        values = anp.reshape(np.resize(values, a.size), a.shape)
    a[...] = anp.where(mask, values, a)


@implements(np.place)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    """Put one value after the other to where a mask holds."""
    places = np.flatnonzero(plain_index(mask))
    if places.size:
        arr[np.unravel_index(places, arr.shape)] = np.resize(vals, places.size)


@implements(np.linspace)
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **options: Any,
) -> Any:
    start, stop = operand(start), operand(stop)
    parts, step = np.linspace(0.0, 1.0, plain_index(num), endpoint, retstep=True)
    width = stop - start
    values = start + width * anp.reshape(parts, (-1,) + (1,) * np.ndim(width))
    values = anp.moveaxis(values, 0, axis) if axis else values
    return (values, width * step) if retstep else values


def _arange(*bounds: Any, dtype: Any = None, **options: Any) -> Any:
    """Do what ``np.arange`` does between traced bounds: how many there are is a guard."""
    start, stop, step = (0.0, bounds[0], 1.0) if len(bounds) == 1 else (*bounds, 1.0)[:3]
    count = plain_index(anp.ceil((stop - start) / step))
    return start + step * np.arange(max(int(count), 0))


@implements(np.logspace)
def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, **options: Any
) -> Any:
    return anp.power(base, _linspace(start, stop, num, endpoint, **options))


@implements(np.geomspace)
def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, **options: Any) -> Any:
    return start * anp.power(stop / start, _linspace(0.0, 1.0, num, endpoint, **options))


@implements(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    return array_of(anp.broadcast_to(stacked(fill_value), plain_index(shape)), dtype)


def _filling(handler: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Look at the value that fills an array, for which NumPy asks nobody."""

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(*args: Any, **kwargs: Any) -> Any:
            fill, kind = (*args[1:3], None, None)[:2]
            traced = holds_boxes(kwargs.get("fill_value", fill))
            numbers = traced and kwargs.get("dtype", kind) is not object
            return (handler if numbers else plain)(*args, **kwargs)

        return call

    return make


replaces("numpy", "full")(_filling(_full))
replaces("numpy", "full_like")(_filling(_full_like))
CREATORS["arange"] = _arange
CONSTRUCTORS.update(
    array=array_of, asarray=as_array, asanyarray=as_array, ascontiguousarray=as_contiguous
)
