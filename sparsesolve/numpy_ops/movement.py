"""Functions that move or repeat elements: the very NumPy function, called on slots.

Nothing here computes and no instruction of a program is emitted, so these are exact by
construction. Where a function leaves holes (off the diagonal, in the padding) they get the slot of
the constant that belongs there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial, wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import make_vjp
from autograd.extend import defjvp, defvjp
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, rule
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import frozen_index, holds_boxes, operand, plain_index
from sparsesolve.trace.own_code import composed
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["Move", "atleast_1d", "atleast_2d", "atleast_3d", "moved", "movement"]

# modes of np.pad that only repeat elements
_MOVING_PADS = {"edge", "wrap", "reflect", "symmetric"}


@primitive
def movement(fun: Callable[[Any], Any], array: Any) -> Any:
    """Return ``fun(array)`` for a function that only moves or repeats elements."""
    return fun(array)


def _moved(fun: Callable[[Any], Any], array: Any) -> NDArray[np.int64]:
    shape = np.shape(array)
    moved: NDArray[np.int64] = fun(np.arange(int(np.prod(shape))).reshape(shape))
    return moved


def _movement_vjp(ans: Any, fun: Callable[[Any], Any], array: Any) -> Callable[[Any], Any]:
    index = _moved(fun, array)
    pull: Callable[[Any], Any] = make_vjp(lambda a: anp.reshape(a, (-1,))[index], array)[0]
    return pull


defvjp(movement, None, _movement_vjp)
defjvp(movement, None, "same")
named(movement, "movement")


# --- moving elements of one array ---


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A function of NumPy that moves elements, with all arguments but the array."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, array: Any) -> Any:
        """Move the elements of one array."""
        return self.function(array, *self.args, **self.options)

    @property
    def described(self) -> tuple[Any, ...]:
        """What tells it from others."""
        return self.function, self.args, dict(self.options)

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"{self.function.__name__}({', '.join(['.', *given])})"


def moved(function: Callable[..., Any], array: Any, *args: Any, **options: Any) -> Any:
    """Record a movement of the elements of one array."""
    options = {name: frozen_index(value) for name, value in options.items()}
    return movement(Move(function, tuple(map(frozen_index, args)), options), operand(array))


def _move(function: Callable[..., Any]) -> None:
    implements(function)(partial(moved, function))


_MOVES: tuple[Any, ...] = (
    np.roll,
    np.tile,
    np.repeat,
    np.delete,
    np.diagonal,
    np.take,
    np.take_along_axis,
    np.lib.stride_tricks.sliding_window_view,
    np.fft.fftshift,
    np.fft.ifftshift,
)
for _function in _MOVES:
    _move(_function)


@implements(np.resize)
def _resize(a: Any, new_shape: Any) -> Any:
    if not np.size(a):  # nothing to repeat: NumPy fills with zeros
        return np.resize(np.zeros(0), plain_index(new_shape))
    return moved(np.resize, a, new_shape)


@replaces("numpy.lib._stride_tricks_impl", "as_strided", second=True)
def _as_strided(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(x: Any, shape: Any = None, strides: Any = None, *args: Any, **options: Any) -> Any:
        if not holds_boxes(x):
            return plain(x, shape, strides, *args, **options)
        array, where = operand(x), user_line()
        if not array.flags.c_contiguous:
            raise refuse(f"as_strided of an array that is not in one piece at {where}", "Copy it")
        labels = np.arange(array.size).reshape(array.shape)
        to = array.shape if shape is None else tuple(plain_index(shape))
        steps = labels.strides if strides is None else tuple(plain_index(strides))
        ends = [(n - 1) * step for n, step in zip(to, steps, strict=True)]
        if min(0, *ends) < 0 or sum(ends) >= labels.nbytes or any(s % 8 for s in steps):
            raise refuse(f"as_strided beyond the elements of an array at {where}", "Use slices")
        view = anp.reshape(array, (-1,))[plain(labels, to, steps)]
        for owner in (getattr(part._node, "owner", None) for part in (array, view)):
            if owner is not None:
                owner.locked = "an array of which as_strided has made another view"
        return view

    return call


@implements(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return moved(_chosen, a, condition, axis)


@implements(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return moved(_chosen, anp.reshape(arr, (-1,)), np.ravel(plain_index(condition)), 0)


def _chosen(array: Any, mask: Any, axis: int | None) -> Any:
    return np.compress(mask, array, axis)


@implements(np.diag, recorded=True)
def _diag(v: Any, k: int = 0) -> Any:
    return anp.diag(v, k) if v.ndim == 1 else moved(np.diag, v, k)


@implements(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> Any:
    return anp.diag(anp.reshape(v, (-1,)), k)


@implements(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else np.atleast_1d(axis) % m.ndim
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


@implements(np.fliplr)
def _fliplr(m: Any) -> Any:
    return _flip(m, 1)


@implements(np.flipud)
def _flipud(m: Any) -> Any:
    return _flip(m, 0)


@implements(np.rot90)
def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    return moved(np.rot90, m, k, axes)


@implements(np.meshgrid)
def _meshgrid(*xi: Any, **options: Any) -> Any:
    vectors = [anp.reshape(operand(x), (-1,)) for x in xi]
    sizes = [len(v) for v in vectors]

    def spread(k: int, labels: Any) -> Any:
        parts = [labels if j == k else np.zeros(n, dtype=int) for j, n in enumerate(sizes)]
        return np.meshgrid(*parts, **options)[k]

    return [movement(partial(spread, k), v) for k, v in enumerate(vectors)]


@implements(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(anp.broadcast_to(a, shape) for a in args)


@implements(np.pad, recorded=True)
def _pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode in _MOVING_PADS and not options:
        return moved(np.pad, array, pad_width, mode)
    fill = options.get("constant_values", 0)
    if callable(mode):
        raise refuse(f"np.pad with a function at {user_line()}", "Assign into np.zeros(shape)")
    if mode not in ("constant", "empty") or holds_boxes(fill) or holds_boxes(pad_width):
        return composed(np.pad)(array, plain_index(pad_width), mode, **options)
    if isinstance(fill, (int, float)) and fill == 0:
        return _zero_pad(array, pad_width)
    frame = np.pad(np.zeros(array.shape), pad_width, constant_values=plain_index(fill))
    inside = np.pad(np.ones(array.shape, dtype=bool), pad_width)
    return anp.where(inside, _zero_pad(array, pad_width), frame)


def _zero_pad(array: Any, pad_width: Any) -> Any:
    return anp.pad(array, pad_width, "constant")


# --- other shapes; all are views, as in NumPy ---


@implements(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    if order in ("A", "K"):  # as memory has it, which the values of the trace know
        value = np.asarray(a._value if isbox(a) else a)
        if order == "K":
            apart = [-abs(step) for step in value.strides]
            a = anp.transpose(a, sorted(range(value.ndim), key=apart.__getitem__))
        order = "F" if order == "A" and value.flags.fnc else "C"
    return anp.reshape(a, (-1,), order=order)


@implements(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axes = [k for k, n in enumerate(a.shape) if n == 1]
    else:
        axes = [int(k) % a.ndim for k in np.atleast_1d(axis)]
        np.squeeze(np.empty([1 if n == 1 else 2 for n in a.shape]), axis)  # raises if not 1
    return a[(*(0 if k in axes else slice(None) for k in range(a.ndim)), Ellipsis)]


@implements(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    ndim = np.ndim(a) + np.size(axis)
    new = [int(k) % ndim for k in np.atleast_1d(axis)]
    return operand(a)[tuple(None if k in new else slice(None) for k in range(ndim))]


def _permuted(function: Callable[..., Any]) -> None:
    @implements(function)
    def permute(a: Any, *args: Any, **kwargs: Any) -> Any:
        # the axes of an array of shape (0, 1, ...) tell where each one goes
        moved = function(np.empty(range(a.ndim)), *args, **kwargs)
        return anp.transpose(a, moved.shape)


_PERMUTATIONS: tuple[Any, ...] = (np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose)
for _function in _PERMUTATIONS:
    _permuted(_function)
implements(np.linalg.matrix_transpose)(lambda x, /: anp.swapaxes(x, -1, -2))


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Do what ``np.atleast_1d`` does."""
    return _each(lambda a: anp.reshape(a, (1,)) if np.ndim(a) == 0 else a, arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """Do what ``np.atleast_2d`` does."""
    return _each(lambda a: a if np.ndim(a) > 1 else anp.reshape(a, (1, -1)), arys)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """Do what ``np.atleast_3d`` does."""

    def raised(a: Any) -> Any:
        if np.ndim(a) == 2:
            return _expand_dims(a, 2)
        return a if np.ndim(a) > 2 else anp.reshape(a, (1, -1, 1))

    return _each(raised, arys)


def _each(fun: Callable[[Any], Any], arrays: tuple[Any, ...]) -> Any:
    results = tuple(fun(operand(a)) for a in arrays)
    return results[0] if len(results) == 1 else results


# --- lowering ---


@rule("__getitem__", "movement")
def _lower_getitem(c: Context, array: Any, index: Any) -> Any:
    return array[index]


@rule("reshape", "movement")
def _lower_reshape(c: Context, array: Any, shape: Any, order: Any = None) -> Any:
    return np.reshape(array, shape, order=order or "C")


@rule("transpose", "movement")
def _lower_transpose(c: Context, array: Any, axes: Any = None) -> Any:
    return np.transpose(array, axes)


@rule("broadcast_to", "movement")
def _lower_broadcast_to(c: Context, array: Any, shape: Any, subok: bool = False) -> Any:
    return np.broadcast_to(array, shape)


@rule("movement", "movement")
def _lower_movement(c: Context, function: Callable[[Any], Any], array: Any) -> Any:
    return function(array)


@rule("setitem", "movement")
def _lower_setitem(c: Context, array: Any, index: Any, value: Any) -> Any:
    result = np.array(c.slots(array), dtype=np.int32)
    result[index] = c.slots(value)
    return result


# ----- movement with holes -----


def _with_holes(c: Context, function: Callable[[Any], Any], array: Any) -> Slots:
    """Apply a function that fills holes with zero."""
    moved = function(np.asarray(array) + np.int32(1))  # slot 0 is a slot like any other
    return np.where(moved > 0, moved - 1, c.zero).astype(np.int32, copy=False)


@rule("diag", "movement")
def _lower_diag(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.diag(ids, k), array)


@rule("triu", "movement")
def _lower_triu(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.triu(ids, k), array)


@rule("tril", "movement")
def _lower_tril(c: Context, array: Any, k: int = 0) -> Any:
    return _with_holes(c, lambda ids: np.tril(ids, k), array)


@rule("pad", "movement")
def _lower_pad(c: Context, array: Any, width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode in _MOVING_PADS and options.get("reflect_type", "even") == "even":
        return np.pad(array, width, mode=mode)  # type: ignore[call-overload]
    if mode != "constant":
        raise c.unsupported(
            f"got mode {mode!r}", f'Use "constant" or one of {sorted(_MOVING_PADS)}.'
        )
    values = options.get("constant_values", 0.0)
    if np.ndim(values) == 0:
        return np.pad(array, width, constant_values=int(c.slots(values)))
    border = np.pad(np.zeros(np.shape(array)), width, constant_values=values)
    inside = np.pad(np.ones(np.shape(array), dtype=bool), width)
    return np.where(inside, np.pad(array, width), c.slots(border)).astype(np.int32, copy=False)
