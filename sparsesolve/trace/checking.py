"""A tape held against its function: one plain call at a second point."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import VerificationError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.tape import Tape, evaluate, refs_of
from sparsesolve.trace.arguments import Arguments
from sparsesolve.trace.branches import Path
from sparsesolve.trace.output import plain_output
from sparsesolve.trace.paths_apart import points_of_other_paths
from sparsesolve.trace.rehearsal import rehearsed, repeated
from sparsesolve.trace.tracing import Traced

__all__ = ["Recorded", "check", "describe_difference", "is_special", "may_be_kept", "plain_value"]

_ROUNDING = 1e-15
_LARGEST = 1e6  # whatever stands on the way, no error above a billionth passes for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What a tape gives at one point: whatever is made of it must give the same there.

    Parameters
    ----------
    x : ndarray of float64
        The differentiated argument.
    parameters : sequence of ndarray
        The others.
    value : ndarray of float64
        The value.
    noise : callable
        Bounds what rounding leaves of it, where values on the way cancel.
    arguments : Arguments, optional
        Of a function with buffers: without the content of objects in which they are.
    """

    x: NDArray[np.float64]
    parameters: Sequence[NDArray[np.float64]]
    value: NDArray[np.float64]
    noise: Callable[[], float]
    arguments: Arguments | None = None

    def fingerprint(self) -> str:
        """Return a hash of the point and of the value there, bit by bit."""
        digest = hashlib.sha256()
        for array in (self.x, *self.parameters, self.value):
            digest.update(f"{array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()

    def equals(self, value: NDArray[np.float64]) -> bool:
        """Whether a value computed in another way is the same but for rounding."""
        return _close(value, self.value) or _close(value, self.value, self.noise())


def check(
    function: Callable[..., Any],
    traced: Traced,
    args: Sequence[Any],
    known: str | None = None,
) -> Recorded:
    """Compare a tape with a plain call of its function at a second point.

    Parameters
    ----------
    function : callable
        The function that was traced; it is called once, and more often where it makes texts of
        values or writes into buffers, which calls on other paths may have filled.
    traced : Traced
        What `prepare` returned.
    args : sequence
        Arguments as for the trace; the differentiated one is moved a little.
    known : str, optional
        The `Recorded.fingerprint` of an equal tape: it need not be evaluated where the function
        gives these very bits.

    Returns
    -------
    Recorded
        The tape's value there.

    Raises
    ------
    VerificationError
        If the two values differ: the function keeps state between calls, or does something the
        tracer cannot see.
    """
    before = traced.arguments
    if traced.buffers:  # some may be in objects among the arguments
        traced = replace(traced, arguments=traced.arguments.settled(wholly=True))
    x, parameters = _second_point(traced, args)
    found = _compared(function, traced, x, parameters, args, known)
    if traced.buffers:  # as a call elsewhere has left them
        found = replace(found, arguments=before.settled())
    first = traced.arguments.split(args)[0]
    others = [] if traced.path is None else points_of_other_paths(function, first)
    if traced.buffers:  # what the call before has left in them must not count
        _compared(function, traced, first, parameters, args)
        for other in others:
            _compare_after(function, traced, other, args)
    if traced.formatted:
        _compare_far_away(function, traced, x, parameters, args)
    return found


def _compared(
    function: Callable[..., Any],
    traced: Traced,
    x: NDArray[np.float64],
    parameters: Sequence[NDArray[np.float64]],
    args: Sequence[Any],
    known: str | None = None,
) -> Recorded:
    with np.errstate(all="ignore"):
        given = x[()], [p[()] for p in parameters]
        noise = partial(_noise, traced.tape, *given)
        if known is not None:
            plain = np.array(plain_value(function, traced.arguments, x, parameters, args))
            found = Recorded(x, parameters, plain, noise)
            if found.fingerprint() == known:
                return found
        with rehearsed() as loops:
            recorded = np.asarray(evaluate(traced.tape, *given))
        if known is None:
            with repeated(loops):
                plain = plain_value(function, traced.arguments, x, parameters, args)
        found = Recorded(x, parameters, recorded, noise)
        same = plain.shape == recorded.shape and found.equals(plain)
    if not same:
        raise _difference(plain, recorded)
    return found


def _difference(plain: NDArray[np.float64], recorded: NDArray[np.float64]) -> VerificationError:
    return VerificationError(
        "expected the recorded function to equal the function itself at a second point, got "
        f"{describe_difference(plain, recorded)}. The function keeps state between calls, "
        "changes its arguments, uses random numbers, takes another path there, makes numbers "
        "or keys of texts of values, or treats an "
        "argument unlike a float64 array (a list, an integer, a Python number); make its "
        "value depend on its arguments alone, and pass np.asarray(argument, dtype=float)."
    )


def _compare_after(
    function: Callable[..., Any], traced: Traced, other: NDArray[np.float64], args: Sequence[Any]
) -> None:
    """Look whether calls on another path change what comes after them, or the other way round."""
    x, parameters = traced.arguments.split(args)

    def plain(point: NDArray[np.float64]) -> NDArray[np.float64] | None:
        try:
            return plain_value(function, traced.arguments, point, parameters, args)
        except Exception:  # the other arguments may be those of another use
            return None

    found = []
    nearby, _ = _second_point(traced, args)
    for here, there in ((x, other * (1.0 + _FARTHER) + _FARTHER), (nearby, other)):
        plain(there)
        _compared(function, traced, here, parameters, args)
        found.append(plain(other))
    before, after = found
    if before is not None and after is not None and not _close(before, after):
        raise _difference(before, after)


_FAR = ((1.37, 0.37), (0.39, 0.0), (3.3, 2.3))  # factors and offsets that show in rounded texts


def _compare_far_away(
    function: Callable[..., Any],
    traced: Traced,
    x: NDArray[np.float64],
    parameters: Sequence[NDArray[np.float64]],
    args: Sequence[Any],
) -> None:
    """Look where a text of a value must be another one; a print alone changes nothing there."""
    for factor, offset in _FAR:
        moved, *others = (v * factor + np.copysign(offset, v) for v in (x, *parameters))
        for point, rest, given in ((moved, parameters, args), (x, others, None)):
            if traced.path is not None and not _is_on(traced.path, point, list(rest)):
                continue
            own = traced.arguments.join(point.copy()[()], list(rest)) if given is None else given
            try:
                _compared(function, traced, point, rest, own)
            except (VerificationError, LookupError):  # the latter: a text was a key
                raise
            except Exception:  # outside of its domain a function may raise
                continue


def is_special(function: Callable[..., Any], traced: Traced, args: Sequence[Any]) -> bool:
    """Whether a function returns something of its own at a point that the trace has denied.

    Parameters
    ----------
    function : callable
        The function that was traced; it is called once for each question that was denied.
    traced : Traced
        What `prepare` returned.
    args : sequence
        Arguments as for the trace.

    Returns
    -------
    bool
        False where it returns there what the tape says, as a function does that keeps its last
        value; True where it does not, or where that point is not known.
    """
    x, parameters = traced.arguments.split(args)
    for compared, constant in traced.denied:
        point = _point_where(compared, constant, x, parameters)
        if point is None or not (traced.path is None or _is_on(traced.path, point, parameters)):
            return True
        try:
            _compared(function, traced, point, parameters, args)
        except Exception:  # another value, or none
            return True
    return False


def _point_where(compared: Tape, constant: Any, x: Any, parameters: Sequence[Any]) -> Any:
    """Return the point at which a value is a constant, if it consists of elements of x."""
    probe = 1.0 + np.random.default_rng(2).uniform(size=(2, x.size))
    given = [p[()] for p in parameters]
    first, second = (np.ravel(evaluate(compared, p.reshape(x.shape)[()], given)) for p in probe)
    order = np.argsort(probe[0])
    place = order[np.searchsorted(probe[0][order], first).clip(0, x.size - 1)]
    if not (np.array_equal(probe[0][place], first) and np.array_equal(probe[1][place], second)):
        return None
    point = np.array(x)
    point.reshape(-1)[place] = np.ravel(constant)
    return point


def may_be_kept(function: Callable[..., Any], traced: Traced, args: Sequence[Any]) -> bool:
    """Whether a value may be what an earlier call at this very point has left.

    Then the function is called elsewhere, so that the next trace does not meet it again.

    Parameters
    ----------
    function : callable
        The function that was traced.
    traced : Traced
        What `prepare` returned.
    args : sequence
        Arguments as for the trace.

    Returns
    -------
    bool
        True where the branches are those of a single point, or no unknown is left in the value.
    """
    if traced.path is None:
        return False
    x, parameters = traced.arguments.split(args)
    nearby = x * (1.0 + _NEARBY) + _NEARBY
    if _depends_on(traced.tape) and _is_on(traced.path, nearby, parameters):
        return False
    moved = x * (1.0 + _FARTHER) + _FARTHER
    try:
        plain_value(function, traced.arguments, moved, parameters, args)
    except Exception:  # outside of its domain, where it keeps nothing
        return False
    return True


_NEARBY, _FARTHER = 1e-9, 1e-3


def _depends_on(tape: Tape) -> bool:
    """Whether the differentiated argument is among what a value is made of."""
    used = [(*step.args, *step.kwargs.values()) for step in tape.instructions]
    return any(ref.index == 0 for ref in refs_of([tape.output, *used]))


_FEW = 4096  # numbers of which the moves are kept
_SHARES = (1.0, 1e-3, 1e-6, 0.0)  # of the usual move, where branches are near


def _second_point(
    traced: Traced, args: Sequence[Any]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Move the differentiated argument a little, and not beyond the branches that were taken."""
    x, parameters = traced.arguments.split(args)
    factor, offset = _moves(x.size) if x.size <= _FEW else _moves.__wrapped__(x.size)
    factor, offset = factor.reshape(x.shape), offset.reshape(x.shape)
    moved = x
    for share in _SHARES:
        moved = x * (1.0 + share * factor) + share * offset
        if traced.path is None or _is_on(traced.path, moved, parameters):
            break
    return moved, parameters


@lru_cache(maxsize=64)
def _moves(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by how much numbers are moved: relative to their size, and besides."""
    generator = np.random.default_rng(0)
    return 1e-3 * generator.uniform(size=size), 1e-4 * generator.uniform(size=size)


def _is_on(path: Path, x: Any, parameters: Sequence[Any]) -> bool:
    with np.errstate(all="ignore"):
        try:
            return bool(evaluate(path.tape, x[()], [p[()] for p in parameters]) == 1.0)
        except Exception:  # on another path it may ask for what is not there
            return False


def plain_value(
    function: Callable[..., Any],
    arguments: Arguments,
    x: NDArray[np.float64],
    parameters: Sequence[NDArray[np.float64]],
    args: Sequence[Any],
) -> NDArray[np.float64]:
    """Call the function on the user's own objects; on arrays, if it cannot take those."""
    try:
        return plain_output(function(*arguments.own(x.copy()[()], args)))
    except Exception:
        copies = [np.array(p)[()] for p in parameters]
        return plain_output(function(*arguments.join(x.copy()[()], copies)))


def _close(plain: NDArray[np.float64], recorded: NDArray[np.float64], noise: float = 0.0) -> bool:
    if np.array_equal(plain, recorded):  # as the same operations give, mostly
        return True
    return plain.shape == recorded.shape and np.allclose(
        plain, recorded, rtol=1e-9, atol=1e-9 * _scale(plain) + noise, equal_nan=True
    )


def _noise(tape: Tape, x: Any, parameters: Sequence[Any]) -> float:
    """Bound what rounding leaves where values on the way cancel."""
    with np.errstate(all="ignore"):
        return _loudest(tape, x, parameters)


def _loudest(tape: Tape, x: Any, parameters: Sequence[Any]) -> float:
    sizes = [_scale(np.asarray(x))]

    def note(value: Any) -> None:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            sizes.append(_scale(array))

    evaluate(tape, x, parameters, note)
    return _ROUNDING * min(max(sizes), _LARGEST)


def _scale(values: NDArray[np.float64]) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def describe_difference(plain: NDArray[np.float64], recorded: NDArray[np.float64]) -> str:
    """Say where two values differ most: the second, instead of the first."""
    if plain.shape != recorded.shape:
        return f"shape {recorded.shape} instead of {plain.shape}"
    gap = np.where(plain == recorded, 0.0, np.abs(plain - recorded))
    worst = int(np.argmax(np.nan_to_num(gap, nan=np.inf)))
    return f"{recorded.flat[worst]!r} instead of {plain.flat[worst]!r} in element {worst}"
