"""`scan`: a loop of equal steps, recorded once instead of step by step.

It is the loop as users write it: nests of arrays, results stacked. What is
recorded is one instruction (`numpy_ops/loops`); a plain call is a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.scan_nests import (
    LeafKind,
    copied,
    decode,
    encode,
    leaves_like,
    leaves_of,
    rebuilt,
    widened,
)
from sparsesolve.derivatives.scan_run import run_trips  # noqa: F401  (registers itself)
from sparsesolve.ir.tape import Repeated
from sparsesolve.numpy_ops.loops import scan_trips
from sparsesolve.trace.operands import holds_boxes, operand, stacked
from sparsesolve.trace.recorder import Recorder, active_recorder
from sparsesolve.trace.rehearsal import LoopRun, next_run
from sparsesolve.trace.subtrace import (
    NotApart,
    is_foreign,
    plain_value,
    recorded_apart,
)

__all__ = ["scan"]

Step = Callable[[Any, Any], Any]
_FEW = 8  # trips that are recorded one by one
_LOOKED_AT = 16  # trips that are taken in Python where the others are known


def scan(
    step: Step,
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint_every: int = 1,
) -> tuple[Any, Any]:
    """Run a loop whose steps are alike: time stepping, a recurrence, a fixed point.

    Equal to ``for x in xs: carry, y = step(carry, x)``. In a function that is traced, the step is
    recorded once, so preparing derivatives takes the time of one step; Jacobians, Hessians and
    products run the loop forward and backward.

    Parameters
    ----------
    step : callable
        ``step(carry, x)`` returns the next carry, of the same structure and shapes, and an output;
        None where there is nothing to collect. It only computes: what it keeps or writes elsewhere
        is refused.
    carry : array_like, or a nest of them
        Tuples, lists, dicts, named tuples and dataclasses may be nested.
    xs : array_like, or a nest of them, optional
        What each step gets: rows of the first axis.
    length : int, optional
        How many steps; needed where there are no `xs`.
    reverse : bool, default False
        Whether to go from the last row to the first; outputs stay beside their rows.
    checkpoint_every : int, default 1
        Only the carry of each so many steps is kept for derivatives; what is between is computed
        again. Preparing takes the time of so many steps.

    Returns
    -------
    carry, outputs
        The last carry, and the outputs of all steps, stacked along a first axis.

    Raises
    ------
    ValueError
        If lengths differ or are missing.
    TypeError
        If the step does not return a pair, or another carry than it is given.

    Notes
    -----
    The contract is that of ``jax.lax.scan``. A step that branches on its values, or uses its
    arguments as an index, is recorded step by step as a plain loop is.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> def pendulum(p):
    ...     def step(state, _):
    ...         angle, speed = state
    ...         speed = speed - 0.01 * p[0] * np.sin(angle)
    ...         return (angle + 0.01 * speed, speed), angle
    ...     return ss.scan(step, (p[1], 0.0), length=1000)[0][0]
    >>> H = ss.hessian(pendulum, np.array([9.81, 0.3]))
    >>> H(np.array([9.81, 0.3])).shape
    (2, 2)
    """
    count = _length(xs, length)
    if isinstance(checkpoint_every, bool) or not isinstance(checkpoint_every, int | np.integer):
        raise TypeError(f"`checkpoint_every` must be a whole number, got {checkpoint_every!r}.")
    if checkpoint_every < 1:
        raise ValueError(f"`checkpoint_every` must be at least 1, got {checkpoint_every}.")
    known = next_run(count)
    if known is not None:
        taken = _taken_over(known, step, carry, xs, reverse)
        if taken is not None:
            return taken
    recorder = active_recorder()
    if recorder is not None and count >= _FEW:
        try:
            return _recorded(recorder, step, carry, xs, count, reverse, int(checkpoint_every))
        except NotApart:
            pass
    return _plain(step, carry, xs, count, reverse)


def _length(xs: Any, length: int | None) -> int:
    """How many trips there are."""
    shapes = [np.shape(leaf) for leaf in leaves_of(xs)]
    if not all(shapes):
        raise ValueError("`xs` must hold arrays with a first axis, got a number.")
    counts = {shape[0] for shape in shapes}
    if length is not None:
        counts.add(int(length))
    if len(counts) != 1:
        got = f"got {sorted(counts)}" if counts else "got neither"
        raise ValueError(
            f"`xs` and `length` must say how many steps there are, all the same; {got}."
        )
    count = int(counts.pop())
    if count < 0:
        raise ValueError(f"`length` must not be negative, got {count}.")
    return count


def _pair(result: Any) -> tuple[Any, Any]:
    """Check what a step returned."""
    if type(result) not in (tuple, list) or len(result) != 2:
        raise TypeError(
            f"`step` must return a pair, the next carry and an output, got {type(result).__name__}."
            " Return (carry, None) where there is no output."
        )
    return result[0], result[1]


def _next(carry: Any, given: Any) -> list[Any]:
    """Return the leaves of the next carry, which must be like the one before."""
    leaves = leaves_like(carry, given)
    for before, after in zip(leaves_of(carry), leaves, strict=True):
        if np.shape(before) != np.shape(after):
            raise TypeError(
                f"`step` must return a carry of the shapes it is given, got {np.shape(after)} for "
                f"{np.shape(before)}. Begin with an array of the final shape."
            )
    return leaves


def _plain(step: Step, carry: Any, xs: Any, count: int, reverse: bool) -> tuple[Any, Any]:
    """Loop in Python."""
    carry = rebuilt(carry, map(copied, leaves_of(carry)))  # a step may write into its own carry
    wholes = leaves_of(xs)
    if not count:
        return carry, _of_no_trips(step, carry, xs)
    rows: list[list[Any]] = []
    like: Any = None
    for trip in reversed(range(count)) if reverse else range(count):
        now, like = _pair(step(carry, rebuilt(xs, (whole[trip] for whole in wholes))))
        carry = rebuilt(carry, iter(_next(carry, now)))
        rows.append([copied(leaf) for leaf in leaves_of(like)])
    if reverse:
        rows.reverse()
    return carry, rebuilt(like, (_stacked(leaf) for leaf in zip(*rows, strict=True)))


def _stacked(rows: Sequence[Any]) -> Any:
    return stacked(list(rows)) if any(map(holds_boxes, rows)) else np.array(rows)


def _of_no_trips(step: Step, carry: Any, xs: Any) -> Any:
    """Return outputs without rows; one step, of zeros, says their shapes."""
    zeros = (np.zeros(np.shape(whole)[1:]) for whole in leaves_of(xs))
    _, like = _pair(step(rebuilt(carry, map(copied, leaves_of(carry))), rebuilt(xs, zeros)))
    return rebuilt(like, (np.zeros((0, *np.shape(leaf))) for leaf in leaves_of(like)))


class _Wider(Exception):
    """A carry turns out to be of a wider kind than it began with."""


class _Recording:
    """One step, to be recorded on arguments whose values are open."""

    def __init__(self, step: Step, carry: Any, xs: Any) -> None:
        self.step = step
        self.carry, self.xs = carry, xs
        self.carried = [LeafKind.of(leaf) for leaf in leaves_of(carry)]
        self.given = [LeafKind.of(leaf, row=True) for leaf in leaves_of(xs)]
        self.like: Any = None
        self.returned: list[LeafKind] = []

    def __call__(self, boxes: Sequence[Any]) -> Any:
        """Return all that a trip computes, flat."""
        left = iter(boxes)
        carry = rebuilt(self.carry, (decode(part, left) for part in self.carried))
        x = rebuilt(self.xs, (decode(part, left) for part in self.given))
        now, self.like = _pair(self.step(carry, x))
        leaves = _next(self.carry, now)
        wider = [widened(part, leaf) for part, leaf in zip(self.carried, leaves, strict=True)]
        if wider != self.carried:
            self.carried = wider
            raise _Wider
        outputs = leaves_of(self.like)
        self.returned = [LeafKind.of(leaf) for leaf in outputs]
        parts = [*zip(self.carried, leaves, strict=True), *zip(self.returned, outputs, strict=True)]
        flat = [piece for part, leaf in parts for piece in encode(part, leaf, flat=True)]
        return np.concatenate(flat) if flat else np.empty(0)

    def operands(self, *, reverse: bool) -> list[Any]:
        """Arrays of what is carried at first, and of what all trips are given."""
        first = map(operand, leaves_of(self.carry))
        pieces = [
            p for part, leaf in zip(self.carried, first, strict=True) for p in encode(part, leaf)
        ]
        wholes = [w[::-1] if reverse else w for w in map(operand, leaves_of(self.xs))]
        for part, whole in zip(self.given, wholes, strict=True):
            pieces += encode(part, whole)
        return pieces

    def result(self, flat: Any, count: int, *, reverse: bool) -> tuple[Any, Any]:
        """Make nests of what all trips compute."""
        size = sum(part.size for part in self.carried)
        left = _cut(flat[:size], self.carried, ())
        carry = rebuilt(self.carry, (decode(part, left) for part in self.carried))
        rows = flat[size:].reshape((count, -1)) if self.returned else flat[size:]
        rows = rows[::-1] if reverse else rows
        left = _cut(rows, self.returned, (count,))
        return carry, rebuilt(self.like, (decode(part, left) for part in self.returned))


def _cut(flat: Any, parts: Sequence[LeafKind], rows: tuple[int, ...]) -> Iterator[Any]:
    """Cut arrays out of the last axis of one that holds them all."""
    shapes = [part.shape for part in parts for _ in range(part.pieces)]
    ends = list(accumulate((int(np.prod(shape)) for shape in shapes), initial=0))
    for shape, begin, end in zip(shapes, ends, ends[1:], strict=False):
        piece = flat[..., begin:end]
        yield piece.reshape((*rows, *shape)) if rows or shape else piece[0]


def _taken_over(
    known: LoopRun, step: Step, carry: Any, xs: Any, reverse: bool
) -> tuple[Any, Any] | None:
    """Return what a tape has computed, if some steps agree; None to take all of them."""
    once = _Recording(step, carry, xs)
    rows, loop = known.rows, known.loop
    for trip in _some(loop.trips):
        operands = once.operands(reverse=reverse)
        if not _agree(operands, known.operands[: loop.carried + loop.given]):
            return None
        before = operands[: loop.carried]
        if trip:
            before = list(_cut(rows[trip - 1, : loop.carried_size], once.carried, ()))
        try:
            found = once([*before, *(whole[trip] for whole in operands[loop.carried :])])
        except Exception:  # the plain loop will say what is wrong
            return None
        if not _agree([found], [rows[trip]]):
            return None
    size = loop.carried_size
    flat = np.concatenate([rows[-1, :size], rows[:, size:].reshape(-1)])
    return once.result(flat, loop.trips, reverse=reverse)


def _some(trips: int) -> list[int]:
    """Numbers of some trips, the first and the last ones among them."""
    between = np.random.default_rng(trips).integers(trips, size=_LOOKED_AT)
    return sorted({0, 1, trips - 1, *between.tolist()})


def _agree(found: Sequence[Any], known: Sequence[Any]) -> bool:
    """Whether arrays are equal but for rounding."""
    return len(found) == len(known) and all(
        np.shape(a) == np.shape(b) and _close(np.asarray(a), np.asarray(b))
        for a, b in zip(found, known, strict=True)
    )


def _close(a: NDArray[Any], b: NDArray[Any]) -> bool:
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    return np.allclose(a, b, rtol=1e-9, atol=1e-12 * scale, equal_nan=True)


def _recorded(
    recorder: Recorder,
    step: Step,
    carry: Any,
    xs: Any,
    count: int,
    reverse: bool,
    stride: int,
) -> tuple[Any, Any]:
    """Record a step, and one instruction that runs them all."""
    if any(map(is_foreign, [*leaves_of(carry), *leaves_of(xs)])):
        raise NotApart
    once = _Recording(step, carry, xs)
    while True:
        operands = once.operands(reverse=reverse)
        carried = sum(part.pieces for part in once.carried)
        first = [plain_value(p) for p in operands]
        examples = [p if k < carried else p[0] for k, p in enumerate(first)]
        try:
            apart = recorded_apart(recorder, examples, once)
        except _Wider:
            continue
        break
    loop = Repeated(apart.tape, count, carried, len(operands) - carried, stride)
    flat = scan_trips(loop, *operands, *apart.closed_over)
    return once.result(flat, count, reverse=reverse)
