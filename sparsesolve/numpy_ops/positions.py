"""Functions that give positions: ``argmax``, ``argsort``, ``searchsorted``, ``nonzero`` and others.

Their results are constants: the positions at the example, with the comparisons
that they follow from as guards. Where a trace takes no answers, they are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.errors import DataDependentBranch
from sparsesolve.trace.branches import answer, innermost, takes_answers
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _positions(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register what gives positions; without answers there are none."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        @implements(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            given = [operand(a) if not isinstance(a, str) else a for a in args]
            traced = [a for a in (*given, *kwargs.values()) if is_traced(a)]
            if not all(map(takes_answers, traced)):
                raise DataDependentBranch(
                    "expected operations that do not depend on the order of the values, got "
                    f"np.{function.__name__} of a traced value at {user_line()}. Choose with "
                    "np.where, np.max, np.min or np.sort."
                )
            return handler(*given, **kwargs)

        return handler

    return register


def _plain(value: Any) -> Any:
    """Return the numbers at the example."""
    inner = innermost(value)
    return inner._value if isbox(inner) else inner


def _ask(truth: Any) -> Any:
    """Make a guard of a comparison, where it is traced."""
    return answer(truth) if is_traced(truth) else _plain(truth)


def _extreme(below: Callable[..., Any], below_or_equal: Callable[..., Any], find: Any) -> Any:
    """Make `argmax`, or `argmin` of the opposite comparisons: the first of the largest."""

    def handler(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Any:
        flat = anp.reshape(a, (-1,))
        line, along = (flat, 0) if axis is None else (a, axis)
        places = find(_plain(line), along, keepdims=True)
        numbers = np.arange(np.size(_plain(a))).reshape(np.shape(_plain(line)))
        best = flat[np.take_along_axis(numbers, places, along)]
        _ask(below_or_equal(line, best))
        rank = np.arange(numbers.shape[along]).reshape([-1, *[1] * (numbers.ndim - 1)])
        before = np.moveaxis(rank < np.moveaxis(places, along, 0), 0, along)
        if before.any():
            firsts = np.broadcast_to(np.take_along_axis(numbers, places, along), numbers.shape)
            _ask(below(flat[numbers[before]], flat[firsts[before]]))
        return find(_plain(a), axis, keepdims=keepdims)

    return handler


_positions(np.argmax)(_extreme(anp.less, anp.less_equal, np.argmax))
_positions(np.argmin)(_extreme(anp.greater, anp.greater_equal, np.argmin))


@_positions(np.nanargmax)
def _nanargmax(a: Any, axis: Any = None, **options: Any) -> Any:
    np.nanargmax(_plain(a), axis)  # raises where all are NaN
    return np.argmax(np.where(anp.isnan(a), -np.inf, a), axis, **options)


@_positions(np.nanargmin)
def _nanargmin(a: Any, axis: Any = None, **options: Any) -> Any:
    np.nanargmin(_plain(a), axis)
    return np.argmin(np.where(anp.isnan(a), np.inf, a), axis, **options)


def _ask_order(a: Any, axis: int = -1) -> None:
    """Ask how elements compare, each with the next one in order: so all of them with all others."""
    plain = np.asarray(_plain(a))
    if not is_traced(a) or plain.size < 2:
        return
    order = np.argsort(plain, axis, kind="stable")
    numbers = np.take_along_axis(np.arange(plain.size).reshape(plain.shape), order, axis)
    numbers = np.moveaxis(numbers, axis, 0)
    flat = anp.reshape(a, (-1,))
    one, next_one = flat[numbers[:-1]], flat[numbers[1:]]
    if not _ask(one < next_one).all():
        _ask(one == next_one)
        _ask(anp.isnan(flat))


def _ordered(function: Any) -> Any:
    """Make a function whose result follows from the order along an axis."""

    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        position = 1 if function is np.argpartition else 0
        axis = args[position] if len(args) > position else kwargs.get("axis", -1)
        _ask_order(anp.reshape(a, (-1,)) if axis is None else a, -1 if axis is None else axis)
        return function(_plain(a), *args, **kwargs)

    return handler


for _function in (np.argsort, np.argpartition):
    _positions(_function)(_ordered(_function))


@_positions(np.lexsort)
def _lexsort(keys: Any, axis: int = -1) -> Any:
    for key in keys:
        _ask_order(key, axis)
    return np.lexsort(_plain(keys), axis)


@_positions(np.unique)
def _unique(ar: Any, *options: Any, **named: Any) -> Any:
    flat = anp.reshape(ar, (-1,))
    _ask_order(flat)
    wanted = dict(zip(("return_index", "return_inverse", "return_counts"), options, strict=False))
    wanted.update(named)
    found = np.unique(_plain(ar), **{**wanted, "return_index": True})
    values = flat[found[1]]
    rest = found[1 if wanted.get("return_index") else 2 :]
    return (values, *rest) if rest else values


@_positions(np.searchsorted)
def _searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    if sorter is not None:
        a = a[sorter]
    places: NDArray[np.int64] = np.searchsorted(_plain(a), _plain(v), side)
    if np.size(_plain(a)):
        below, above = a[np.maximum(places - 1, 0)], a[np.minimum(places, len(a) - 1)]
        left = side == "left"
        _ask(below < v if left else below <= v)
        _ask(v <= above if left else v < above)
    return places


@_positions(np.digitize)
def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    side = "left" if right else "right"
    if len(bins) > 1 and _plain(bins)[0] > _plain(bins)[-1]:
        return len(bins) - _searchsorted(bins[::-1], x, "left" if side == "right" else "right")
    return _searchsorted(bins, x, side)


def _ask_mask(a: Any) -> Any:
    return _ask(a if _plain(a).dtype == bool else anp.not_equal(a, 0))


def _of_mask(function: Any) -> Any:
    return lambda a: function(_ask_mask(a))


for _masked in (np.nonzero, np.flatnonzero, np.argwhere):
    _positions(_masked)(_of_mask(_masked))


@_positions(np.isin)
def _isin(element: Any, test_elements: Any, **options: Any) -> Any:
    equal = anp.reshape(element, (-1, 1)) == anp.reshape(test_elements, (1, -1))
    found = np.asarray(_ask(equal)).any(axis=1).reshape(np.shape(_plain(element)))
    return ~found if options.get("invert") else found


def _of_numbers(function: Callable[..., Any], plain: Callable[..., Any]) -> None:
    """Register a function of the numbers among the elements; which are NaN is asked."""

    @_positions(function)
    def handler(a: Any, *q: Any, axis: Any = None, keepdims: Any = False, **options: Any) -> Any:
        if len(q) > (function is not np.nanmedian):  # the axis by position
            axis, q = q[-1], q[:-1]
        if isinstance(axis, tuple):
            raise DataDependentBranch(
                f"expected one axis or none, got {axis} of np.{function.__name__} at "
                f"{user_line()}. Reshape, so that they are one."
            )
        lines = anp.reshape(a, (1, -1)) if axis is None else anp.moveaxis(a, axis, -1)
        known = ~np.asarray(_ask(anp.isnan(lines)))
        outer = lines.shape[:-1]
        found = [plain(lines[k][known[k]], *q, **options) for k in np.ndindex(outer)]
        extra = np.shape(found[0])
        whole = anp.reshape(anp.stack(found, axis=-1), extra + (() if axis is None else outer))
        if keepdims is not True:
            return whole
        sizes = [1 if axis is None else n for n in np.shape(a)]
        if axis is not None:
            sizes[axis] = 1
        return anp.reshape(whole, (*extra, *sizes))


_of_numbers(np.nanmedian, np.median)
_of_numbers(np.nanquantile, np.quantile)
_of_numbers(np.nanpercentile, np.percentile)


# --- positions in other forms ---


def _of_constants(function: Callable[..., Any]) -> None:
    @implements(function)
    def handler(*args: Any, **kwargs: Any) -> Any:
        return function(*map(plain_index, args), **kwargs)


for _form in (np.ix_, np.ravel_multi_index, np.unravel_index):
    _of_constants(_form)
