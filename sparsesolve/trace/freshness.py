"""Whether a tape still says what its function says: data may have changed since the trace.

It is asked long after the trace, by solvers and by `verify`. Three looks, each
only where the one before found something or sees nothing: arrays that were copied are compared by
checksum; one plain call is compared with the tape, which repeats the same operations of NumPy and
so mostly gives the same bits; and whatever differs is traced anew and compared tape with tape, so
that rounding is never taken for a change.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import isfinite
from types import MethodType
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch, TraceError
from sparsesolve.ir.tape import Repeated, Tape, evaluate
from sparsesolve.trace.checking import describe_difference
from sparsesolve.trace.closed import is_closed
from sparsesolve.trace.compiled import python_source
from sparsesolve.trace.content import still_uses, unwrapped
from sparsesolve.trace.output import plain_output
from sparsesolve.trace.rehearsal import LoopRun, rehearsed, repeated
from sparsesolve.trace.tracing import Traced, prepare
from sparsesolve.trace.watched import first_change

__all__ = ["is_settled", "moved", "staleness"]

Array = NDArray[np.float64]

# operations are repeated one by one: what differs by more than this is worth a second look
_TOLERANCE = 1e-12
# how many times the change of a value that rounding of x alone would cause is rounding
_ROUNDING = 64.0
_EPS = float(np.finfo(np.float64).eps)
_SETTLED: weakref.WeakKeyDictionary[Tape, bool] = weakref.WeakKeyDictionary()
"""Tapes whose functions said the same since the trace, and whether those are closed."""
_NOT_YET: tuple[Array, list[LoopRun]] = (np.empty(0), [])


def staleness(
    function: Callable[..., Any],
    traced: Traced,
    args: Sequence[Any],
    near: Array | None = None,
    *,
    traced_from: Callable[..., Any] | None = None,
    called: Callable[[], None] = lambda: None,
    compute: Callable[[Array], Array] | None = None,
) -> str:
    """Say how a function differs from its tape; empty where it does not.

    Parameters
    ----------
    function : callable
        The user's function; it is called once, and traced once more where there is a difference.
    traced : Traced
        What it, or another function, was traced to.
    args : sequence
        Where to look; arguments as the user gives them.
    near : ndarray, optional
        A value of the differentiated argument to look at first. The other one is looked at only
        where the function raises or is not finite there.
    traced_from : callable, optional
        What was traced; where it is `function`, what it uses is compared as well.
    called : callable, optional
        Called before each call of the function.
    compute : callable, optional
        A program made of the tape. Where the plain call says at `near` what it gives there, the
        tape is not replayed, which takes longer than both.

    Returns
    -------
    str
        A clause without a subject, such as "returns 2.0 instead of 1.0 in element 0".
    """
    try:
        x, parameters = traced.arguments.split(args)
    except StructureMismatch as error:
        return f"is given other arguments than those it was traced with ({_clause(error)})"

    def call(*given: Any) -> Any:
        called()
        return function(*given)

    source = python_source(function)
    change, hidden = first_change(traced.watched)
    if hidden:
        return change
    is_same = _is_same(function, traced_from)
    around = _change_around(source, traced) if is_same else ""
    values = [p[()] for p in parameters]
    for point in [x] if near is None else [near, x]:
        at = point[()]
        given = _replaced(args, traced.arguments.argnum, traced.arguments.point(at.copy()))
        quick = compute if point is near and not (change or around) else None
        with np.errstate(all="ignore"):
            recorded, loops = _replayed(traced.tape, at, values) if quick is None else _NOT_YET
            try:
                with repeated(loops):
                    plain = plain_output(call(*given))
            except Exception:
                if point is x:
                    raise
                continue
            if quick is not None:
                if _says_the_same(plain, quick, at, traced.tape):
                    if is_same and traced.tape not in _SETTLED:
                        _SETTLED[traced.tape] = _may_settle(function, traced)
                    return ""
                recorded, _ = _replayed(traced.tape, at, values)
            same = _same_values(plain, recorded, traced.tape, at, values)
            returns = "" if same else f"returns {describe_difference(recorded, plain)}"
            reason = change or returns or around
            if reason:
                called()
                if not _traces_to_the_same(source, traced, args, recorded, at):
                    return reason
        if np.isfinite(plain).all():
            break
    return ""


def is_settled(function: Callable[..., Any], traced: Traced, of: Callable[..., Any]) -> bool:
    """Whether a function needs no call to be known to be what was traced, as `staleness` saw.

    Parameters
    ----------
    function : callable
        The user's function.
    traced : Traced
        What `of` was traced to.
    of : callable
        What was traced.
    """
    known = traced.surroundings
    if known is None or not _SETTLED.get(traced.tape) or not _is_same(function, of):
        return False
    return still_uses(function, known)


def moved(x: Array, lower: Any = -np.inf, upper: Any = np.inf) -> Array:
    """Return a point near `x` and within bounds, where nothing vanishes by chance.

    Parameters
    ----------
    x : ndarray
        A point.
    lower, upper : float or ndarray, optional
        Bounds.
    """
    u = _steps(np.shape(x))
    step = (1e-3 * np.abs(x) + 1e-4) * u
    ahead = x + step
    inside = np.minimum(np.where(ahead <= upper, ahead, x - step), upper)
    moved_x: Array = np.maximum(inside, lower)
    return moved_x


@lru_cache(maxsize=4)
def _steps(shape: tuple[int, ...]) -> Array:
    """Return the same numbers each time."""
    return np.random.default_rng(0).uniform(0.5, 1.0, size=shape)


@lru_cache(maxsize=4)
def _signs(shape: tuple[int, ...]) -> Array:
    """Return the same signs each time."""
    return np.random.default_rng(1).choice([-1.0, 1.0], size=shape)


def _replayed(tape: Tape, x: Any, parameters: Sequence[Any]) -> tuple[Array, list[LoopRun]]:
    with rehearsed() as loops:
        return np.asarray(evaluate(tape, x, parameters)), loops


def _says_the_same(plain: Array, compute: Callable[[Array], Array], x: Any, tape: Tape) -> bool:
    """Whether a plain call gave what a program computes, and finite numbers alone."""
    if plain.shape != tape.output_shape:
        return False
    computed = compute(x)
    if plain.size == 1:  # an objective: NumPy takes longer than all the rest
        one, other = float(plain.item()), float(computed.item())
        if isfinite(one) and abs(one - other) <= _TOLERANCE * abs(one):
            return True
    computed = computed.reshape(plain.shape)
    if not np.isfinite(plain).all():
        return False
    apart = np.abs(plain - computed) > _TOLERANCE * np.abs(plain)
    return not apart.any() or _is_rounding(plain, computed, compute, x, apart)


def _is_rounding(
    one: Array, other: Array, compute: Callable[[Array], Any], x: Any, apart: NDArray[np.bool_]
) -> bool:
    """Whether the last bits of x alone would do as much, as they do where terms cancel."""
    # all at once, or else the last bits of a large sum would hide them
    nearby = np.asarray(compute(x * (1.0 + _ROUNDING * _EPS * _signs(np.shape(x)))))
    noise = np.abs(nearby.reshape(other.shape) - other)
    return bool(_close(one, other, np.where(np.isfinite(noise), noise, 0.0))[apart].all())


def _may_settle(function: Callable[..., Any], traced: Traced) -> bool:
    """Whether a function that agrees with its tape will, while what it uses is the same.

    Branches were met at some points only.
    """
    plain = traced.surroundings is not None and traced.surroundings.plain is not None
    straight = traced.path is None and not (traced.watched or traced.merged or traced.buffers)
    return plain and straight and is_closed(unwrapped(function))


def _is_same(function: Any, other: Any) -> bool:
    """Whether two callables are one; a method is made anew whenever it is asked for."""
    return function is other or (isinstance(function, MethodType) and bool(function == other))


def _change_around(function: Callable[..., Any], traced: Traced) -> str:
    known = traced.surroundings
    if known is None or still_uses(function, known):
        return ""
    return "uses a closure, global or attribute that changed"


def _clause(error: Exception) -> str:
    return str(error).split("; ")[0]


def _replaced(args: Sequence[Any], position: int, value: Any) -> list[Any]:
    given = list(args)
    given[position] = value
    return given


def _same_values(
    plain: Array, recorded: Array, tape: Tape, x: Any, parameters: Sequence[Any]
) -> bool:
    if plain.shape != recorded.shape:
        return False
    apart = ~_close(plain, recorded, _TOLERANCE * np.abs(recorded))
    if not apart.any():
        return True
    return _is_rounding(plain, recorded, lambda at: evaluate(tape, at, parameters), x, apart)


def _close(a: Array, b: Array, tolerance: Array) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(a - b) <= tolerance
    near |= (a == b) | (np.isnan(a) & np.isnan(b))
    return near


def _traces_to_the_same(
    function: Callable[..., Any], traced: Traced, args: Sequence[Any], recorded: Array, x: Any
) -> bool:
    """Trace again: equal constants and equal bits of the value mean that nothing changed."""
    try:
        anew = prepare(
            function,
            args,
            argnum=traced.arguments.argnum,
            opened=traced.arguments.opened,
        )
    except TraceError:
        return False
    old, new = traced.tape, anew.tape
    if [step.op for step in old.instructions] != [step.op for step in new.instructions]:
        return False
    for one, other in zip(_constants(old), _constants(new), strict=False):
        if not _equal(one, other):
            return False
    parameters = anew.arguments.split(args)[1]
    again = np.asarray(evaluate(new, x, [p[()] for p in parameters]))
    return again.shape == recorded.shape and np.array_equal(again, recorded, equal_nan=True)


def _constants(tape: Tape) -> Iterator[Any]:
    """Go through the numbers and arrays of a tape, in order."""
    for step in tape.instructions:
        yield from _data((step.args, tuple(step.kwargs.items())))
    yield from _data((tape.output,))


def _data(arguments: Sequence[Any]) -> Iterator[Any]:
    for argument in arguments:
        if isinstance(argument, tuple | list):
            yield from _data(argument)
        elif isinstance(argument, Repeated):
            yield from (argument.trips, *_constants(argument.tape))
        elif isinstance(argument, np.ndarray | np.generic | int | float | str) or (
            scipy.sparse.issparse(argument)
        ):
            yield argument


def _equal(a: Any, b: Any) -> bool:
    if scipy.sparse.issparse(a) and scipy.sparse.issparse(b):
        return a.shape == b.shape and a.nnz == b.nnz and not (a != b).nnz
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape
        return same and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return type(a) is type(b) and bool(a == b or (a != a and b != b))
