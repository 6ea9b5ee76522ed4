"""Masked arrays of traced values: values and a truth for each, whether it is masked.

NumPy's are arrays of a class of their own, which traced values cannot be viewed as. Here what is
masked takes no part in sums and means, and is filled by a choice; so a mask may be traced as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand, plain_index
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


class _Masked:
    """What stands for a masked array."""

    __array_priority__ = 200.0  # operators of arrays come here
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: Any, mask: Any) -> None:
        self.data = self._data = operand(values)
        shape = np.shape(self.data)
        known = operand(mask) if holds_boxes(mask) else np.asarray(mask, dtype=bool)
        self.mask = self._mask = anp.broadcast_to(known, shape)
        self.shape, self.ndim, self.size = shape, len(shape), int(np.prod(shape))
        self.dtype = np.dtype(np.float64)
        self._shares = False  # memory, if it were one of NumPy's

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or len(inputs) > 2:
            raise refuse(f"`np.{ufunc.__name__}` of a masked array at {user_line()}", _FIX)
        core: Any = np.ma.core
        made = {1: core._MaskedUnaryOperation, 2: core._MaskedBinaryOperation}
        narrow = core.ufunc_domain.get(ufunc) is not None
        known = getattr(np.ma, ufunc.__name__, None) if narrow else None
        return (known or made[len(inputs)](ufunc))(*inputs)

    def __array__(self, *_: Any, **options: Any) -> NoReturn:
        raise refuse(f"a plain array of a masked array at {user_line()}", _FIX)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise refuse(f"`.{name}` of a masked array of traced values at {user_line()}", _FIX)

    def filled(self, fill_value: Any = None) -> Any:
        """Return an array with a value where it is masked."""
        return where(self.mask, 1e20 if fill_value is None else fill_value, self.data)

    def compressed(self) -> Any:
        """Return what is not masked."""
        return anp.reshape(self.data, (-1,))[anp.logical_not(anp.reshape(self.mask, (-1,)))]

    def count(self, axis: Any = None) -> Any:
        """Count what is not masked."""
        return anp.sum(where(self.mask, 0.0, 1.0), axis=axis)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        """Sum what is not masked."""
        return anp.sum(self.filled(0.0), axis=axis, **_kept(options))

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        """Multiply what is not masked."""
        return anp.prod(self.filled(1.0), axis=axis, **_kept(options))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        """Return the mean of what is not masked."""
        kept = _kept(options)
        return self.sum(axis, **kept) / anp.sum(where(self.mask, 0.0, 1.0), axis=axis, **kept)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0) -> Any:
        """Return the variance of what is not masked."""
        gaps = where(self.mask, 0.0, self.data - self.mean(axis, keepdims=True))
        return anp.sum(gaps * gaps, axis=axis) / (self.count(axis) - ddof)

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0) -> Any:
        """Return the standard deviation of what is not masked."""
        return anp.sqrt(self.var(axis, ddof=ddof))

    def max(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        """Return the largest that is not masked."""
        return anp.max(self.filled(-np.inf), axis=axis, **_kept(options))

    def min(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        """Return the smallest that is not masked."""
        return anp.min(self.filled(np.inf), axis=axis, **_kept(options))

    def _part(self, data: Any, mask: Any) -> Any:
        """Return what may share memory: neither may be assigned to any more."""
        part = _Masked(data, mask)
        part._shares = self._shares = True
        return part

    def __getitem__(self, index: Any) -> Any:
        data, mask = self.data[index], self.mask[index]
        return self._part(data, mask) if np.ndim(data) else _Masked(data, mask)

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._shares:
            what = f"an assignment to a masked array of which parts were taken, at {user_line()}"
            raise refuse(what, "Take a copy first")
        index, hit = plain_index(index), np.zeros(self.shape, dtype=bool)
        hit[index] = True
        if value is np.ma.masked:
            self.mask = self._mask = anp.logical_or(self.mask, hit)
            return
        (values, mask), to = _parts(value), np.zeros(self.shape)[index].shape
        places = np.zeros(self.shape, dtype=np.int64)
        places[index] = np.arange(int(np.prod(to))).reshape(to)
        new, new_mask = (anp.reshape(anp.broadcast_to(v, to), (-1,)) for v in (values, mask))
        self.data = self._data = where(hit, new[places], self.data)
        self.mask = self._mask = where(hit, new_mask[places], self.mask)

    def copy(self) -> Any:
        """Return another one, of the same elements."""
        return _Masked(self.data, self.mask)

    def reshape(self, *shape: Any) -> Any:
        """Return it in another shape."""
        to = shape[0] if len(shape) == 1 else shape
        return self._part(anp.reshape(self.data, to), anp.reshape(self.mask, to))

    def ravel(self) -> Any:
        """Return it as one dimension."""
        return self.reshape(-1)

    flatten = ravel

    @property
    def T(self) -> Any:
        """The transposed one."""
        return self._part(anp.transpose(self.data), anp.transpose(self.mask))

    def __neg__(self) -> Any:
        return _Masked(-self.data, self.mask)

    def __abs__(self) -> Any:
        return _Masked(anp.abs(self.data), self.mask)


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    return {"keepdims": True} if options.get("keepdims") is True else {}


_FIX = (
    "Use np.where(mask, a, b), sums with zeros where it is masked, or `.filled(value)` before "
    "NumPy's functions"
)


def _parts(value: Any) -> tuple[Any, Any]:
    """Return values and mask of anything."""
    if isinstance(value, _Masked):
        return value.data, value.mask
    if isinstance(value, np.ma.MaskedArray):
        return value.data, np.ma.getmaskarray(value)
    return operand(value), False


def _either(a: Any, b: Any) -> Any:
    """Join two masks."""
    if a is False or b is False:
        return b if a is False else a
    return anp.logical_or(a, b)


def _operator(name: str, function: Callable[..., Any]) -> None:
    """Give the class an operator and its twin; what is masked on one side is masked."""

    def forward(self: Any, other: Any) -> Any:
        values, mask = _parts(other)
        return _masked_result(name, function, (self.data, values), _either(self.mask, mask))

    def backward(self: Any, other: Any) -> Any:
        values, mask = _parts(other)
        return _masked_result(name, function, (values, self.data), _either(self.mask, mask))

    setattr(_Masked, f"__{name}__", forward)
    setattr(_Masked, f"__r{name}__", backward)


def _masked_result(name: str, function: Any, values: tuple[Any, Any], mask: Any) -> _Masked:
    """Compute where nothing is masked; quotients by zero are masked too."""
    first, second = values
    if name in ("truediv", "floordiv", "mod"):
        mask = _either(mask, second == 0)
    shape = np.broadcast_shapes(np.shape(first), np.shape(second))
    mask = anp.broadcast_to(mask, shape)
    return _Masked(function(where(mask, 1.0, first), where(mask, 1.0, second)), mask)


for _name, _function in {
    "add": anp.add, "sub": anp.subtract, "mul": anp.multiply, "truediv": anp.divide,
    "pow": anp.power, "mod": anp.mod,
}.items():  # fmt: skip
    _operator(_name, _function)
for _name, _function in {
    "lt": anp.less, "le": anp.less_equal, "gt": anp.greater, "ge": anp.greater_equal,
    "eq": anp.equal, "ne": anp.not_equal,
}.items():  # fmt: skip
    _operator(_name, _function)


# --- NumPy's names ---


def _is_traced(*values: Any) -> bool:
    return any(isinstance(v, _Masked) or holds_boxes(v) for v in values)


def _masked_by(name: str, condition: Callable[..., Any]) -> None:
    """Replace a function that masks where a condition holds."""

    @replaces("numpy.ma.core", name)
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(x: Any, *args: Any, **options: Any) -> Any:
            if not _is_traced(x, *args):
                return plain(x, *args, **options)
            values, mask = _parts(x)
            return _Masked(values, _either(condition(values, *args[:2]), mask))

        return call


_masked_by("masked_greater", lambda x, v: x > operand(v))
_masked_by("masked_greater_equal", lambda x, v: x >= operand(v))
_masked_by("masked_less", lambda x, v: x < operand(v))
_masked_by("masked_less_equal", lambda x, v: x <= operand(v))
_masked_by("masked_equal", lambda x, v: x == operand(v))
_masked_by("masked_not_equal", lambda x, v: x != operand(v))
_masked_by("masked_inside", lambda x, a, b: anp.logical_and(x >= min(a, b), x <= max(a, b)))
_masked_by("masked_outside", lambda x, a, b: anp.logical_or(x < min(a, b), x > max(a, b)))
_masked_by("masked_invalid", lambda x, *_: anp.logical_not(anp.isfinite(x)))


@replaces("numpy.ma.core", "masked_where")
def _masked_where(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(condition: Any, a: Any, copy: bool = True) -> Any:
        if not _is_traced(condition, a):
            return plain(condition, a, copy)
        (values, mask), (where_, _) = _parts(a), _parts(condition)
        return _Masked(values, _either(anp.not_equal(where_, 0), mask))

    return call


@replaces("numpy.ma.extras", "median", second=True)
def _median(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(a: Any, axis: Any = None, *args: Any, **options: Any) -> Any:
        if not _is_traced(a):
            return plain(a, axis, *args, **options)
        if axis is not None or args or options:
            raise refuse(f"`ma.median` along an axis at {user_line()}", _FIX)
        return np.median(np.ma.array(a).compressed())

    return call


@replaces("numpy.ma.core", "MaskedArray.__new__")
def _new(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(kind: Any, data: Any = None, mask: Any = False, *args: Any, **options: Any) -> Any:
        if not _is_traced(data, mask):
            return plain(kind, data, mask, *args, **options)
        values, before = _parts(data)
        return _Masked(values, _either(before, anp.not_equal(operand(mask), 0)))

    return call


@replaces("numpy.ma.core", "array")
def _array(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(data: Any, *args: Any, **options: Any) -> Any:
        if not _is_traced(data, options.get("mask")):
            return plain(data, *args, **options)
        return np.ma.MaskedArray(data, mask=options.get("mask", False))

    return call


def _of_two(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, a: Any, b: Any, *args: Any, **options: Any) -> Any:
        if not _is_traced(a, b):
            return plain(self, a, b, *args, **options)
        (first, one), (second, other) = _parts(a), _parts(b)
        mask = _either(one, other)
        return _masked_result(_NAMES.get(self.__name__, ""), self.f, (first, second), mask)

    return call


_NAMES = {"true_divide": "truediv", "divide": "truediv", "floor_divide": "floordiv"} | {
    name: "mod" for name in ("mod", "remainder", "fmod")
}
for _kind in ("_MaskedBinaryOperation", "_DomainedBinaryOperation"):
    replaces("numpy.ma.core", f"{_kind}.__call__", second=True)(_of_two)


@replaces("numpy.ma.core", "_MaskedUnaryOperation.__call__")
def _unary(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, a: Any, *args: Any, **options: Any) -> Any:
        if not _is_traced(a):
            return plain(self, a, *args, **options)
        values, mask = _parts(a)
        if self.domain is not None:
            mask = _either(self.domain(values), mask)
        shape = np.shape(values)
        mask = anp.broadcast_to(mask, shape)
        return _Masked(self.f(where(mask, 1.0, values)), mask)

    return call
