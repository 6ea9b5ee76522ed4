"""Record what one step of a loop does on a tape of its own.

The step is called once, within the trace of the function around it: its values are
written by the same recorder, and then cut out. What does not depend on the step's own arguments
stays where it is; whatever else the step reads becomes an argument of its tape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from autograd.tracer import isbox
from numpy.typing import NDArray

from sparsesolve.errors import TraceError, UnsupportedOperation, refusals
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.tape import Instruction, Ref, Tape, ValueInfo, map_refs
from sparsesolve.trace.recorder import BIRTHS, Recorder, TapeNode, gather
from sparsesolve.trace.sources import user_line

__all__ = [
    "Apart",
    "NotApart",
    "is_foreign",
    "plain_value",
    "recorded_apart",
]

_EMPTY = ValueInfo((0,), np.dtype(np.float64))


class NotApart(Exception):
    """A step asks for what one tape for all steps cannot answer; not an error."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A step's own tape, and the traced values that it reads besides its arguments, in order."""

    tape: Tape
    closed_over: tuple[Any, ...]


def is_foreign(value: Any) -> bool:
    """Whether a value belongs to a derivative that autograd takes within the function."""
    return isbox(value) and type(value._node) is not TapeNode


def plain_value(value: Any) -> Any:
    """Return the value of a box at the example; others as they are."""
    return value._value if isbox(value) else value


def recorded_apart(
    recorder: Recorder,
    examples: Sequence[Any],
    step: Callable[[list[Any]], Any],
) -> Apart:
    """Call a step once, and cut out what it recorded.

    Parameters
    ----------
    recorder : Recorder
        Of the trace in progress.
    examples : sequence
        Plain arguments of the step, float64 or bool.
    step : callable
        Takes traced arguments; returns one array, traced or not.

    Raises
    ------
    NotApart
        If the step cannot be recorded with arguments whose values are open.
    UnsupportedOperation
        If it writes into arrays from outside.
    """
    mark, born = len(recorder.steps), next(BIRTHS)
    asked, denied = list(recorder.asked or ()), set(recorder.denied)
    before = recorder.apart
    recorder.apart = []
    recorder.has_parts = True
    boxes = [_placeholder(recorder, example) for example in examples]
    given = [box._node.ref.index for box in boxes]  # a step may write into its arguments
    own = set(given)
    try:
        with refusals() as heard:
            result = step(boxes)
        if any(owner.born < born for owner in recorder.apart):
            raise _writes_outside()
        output = recorder.keep(result)
        rest, inner = _parted(recorder.steps[mark:], own)
        news = (recorder.asked or [])[len(asked) :]
        if heard or recorder.denied != denied or any(ref.index in own for ref, *_ in news):
            raise NotApart
    except BaseException as error:
        del recorder.steps[mark:]  # numbers of values are not used again
        if recorder.asked is not None:
            recorder.asked[:] = asked
        recorder.denied = denied
        if isinstance(error, TraceError) and not isinstance(error, _Impure):
            raise NotApart from error
        raise
    finally:
        recorder.apart = before if before is None else [*before, *(recorder.apart or ())]
    recorder.steps[mark:] = rest
    return _tape(recorder, given, inner, output)


class _Impure(UnsupportedOperation):
    """A step does more than to compute; never tried in another way."""


def _writes_outside() -> UnsupportedOperation:
    return _Impure(
        f"expected steps of `scan` that only return values, got one that writes into an array from "
        f"outside at {user_line()}. Carry the array, or return what is to be collected as part of "
        "the step's output."
    )


def _placeholder(recorder: Recorder, example: NDArray[Any]) -> Any:
    plain: Any = np.array(example)[()]
    return _boxed(recorder, plain, recorder.new_value(type(plain), plain))


def _boxed(recorder: Recorder, plain: Any, ref: Ref) -> Any:
    return recorder.box(plain, TapeNode.new_root(recorder, plain, ref))


def _parted(
    steps: Sequence[tuple[Any, ...]], own: set[int]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Part instructions by whether they depend on own values; those of the latter are added."""
    rest, inner = [], []
    for step in steps:
        read: set[int] = set()
        gather(step[2], read)
        gather(step[3].values(), read)
        if read.isdisjoint(own):
            rest.append(step)
        else:
            own.add(step[4].index)
            inner.append(step)
    return rest, inner


def _tape(
    recorder: Recorder, given: list[int], steps: Sequence[tuple[Any, ...]], output: Any
) -> Apart:
    """Make a tape of the instructions of a step, its values numbered afresh."""
    needed = {output.index} if isinstance(output, Ref) else set()
    kept = []
    for step in reversed(steps):
        if step[4].index in needed:
            gather(step[2], needed)
            gather(step[3].values(), needed)
            kept.append(step)
    kept.reverse()
    made = [step[4].index for step in kept]
    outside = sorted(needed - set(given) - set(made))
    order = [*given, *outside, *made]
    number = {k: Ref(1 + place) for place, k in enumerate(order)}
    kept = [map_refs(lambda ref: number[ref.index], step) for step in kept]
    tape = Tape(
        (_EMPTY, *(recorder.values[k] for k in order)),
        len(given) + len(outside),
        tuple(Instruction(*step) for step in kept),
        number[output.index] if isinstance(output, Ref) else np.asarray(output, dtype=np.float64),
    )
    return Apart(tape, tuple(_boxed(recorder, recorder.met[k], Ref(k)) for k in outside))
