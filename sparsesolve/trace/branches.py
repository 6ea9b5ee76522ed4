"""Outcomes of branches: what a traced function asks of its values, and whether it is still so.

A tape holds one path only. While a function is traced with `Branches`, it is told
the outcome at the example (the truth of a comparison, an integer, a mask, an order) and goes on
with it. Each such answer is a guard. All guards together are one more tape, whose value is 1
where every answer is what it was, so that the path is the one that was recorded, and 0 elsewhere.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.tape import Ref, Tape
from sparsesolve.trace.recorder import Recorder, TapeNode
from sparsesolve.trace.sources import user_line

__all__ = [
    "CannotMerge",
    "Guard",
    "Path",
    "answer",
    "answer_no",
    "asks_less",
    "asks_often",
    "innermost",
    "note_text",
    "outlived",
    "path_of",
    "takes_answers",
]


class CannotMerge(BaseException):
    """A side of a branch asks for an outcome itself: no user's code shall catch this."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that a function asked.

    Parameters
    ----------
    source : str
        ``file:line`` of the question.
    outcome : bool or ndarray
        What a comparison gave, element by element.
    """

    source: str
    outcome: Any


@dataclass(frozen=True, slots=True)
class Path:
    """The branches that a trace has taken.

    Parameters
    ----------
    tape : Tape
        Its value is 1.0 where a call with the same arguments takes the same path, else 0.0.
    guards : tuple of Guard
        What was asked, in order.
    """

    tape: Tape
    guards: tuple[Guard, ...]


def innermost(box: Any) -> Any:
    """Return what is below the boxes of autograd: a value of the tape, or a plain one."""
    while isbox(box) and type(box._node) is not TapeNode:
        box = box._value
    return box


def takes_answers(box: Any) -> bool:
    """Whether the trace that a value belongs to goes on with the outcome at the example."""
    inner = innermost(box)
    return isbox(inner) and inner._node.recorder.asked is not None


def answer(box: Any) -> Any:
    """Return the plain value of a traced truth or integer, and make a guard of it."""
    inner = innermost(box)
    recorder, value = inner._node.recorder, inner._value
    if recorder.merging:
        raise CannotMerge
    if inner._node.ref in recorder.denied:
        return np.False_
    number, recorder.answered = recorder.answered, recorder.answered + 1
    if number in recorder.forced:
        return np.bool_(recorder.forced[number])
    if inner.dtype != bool:
        inner, expected = anp.equal(inner, value), np.ones(np.shape(value), dtype=bool)[()]
    else:
        expected = np.array(value)[()]
    if isbox(inner) and inner._node.ref is not None:
        recorder.asked.append((inner._node.ref, expected, user_line()))
    return np.array(value) if np.ndim(value) else value


def answer_no(box: Any, compared: Any, constant: Any) -> None:
    """Let a truth be denied wherever it is asked, at the example too.

    A function that keeps its last value asks whether its argument is that of the last call; what
    it kept then is a constant, and no function of its argument. The check looks at that point.
    """
    inner, compared = innermost(box), innermost(compared)
    if isbox(inner) and inner._node.ref is not None and inner._node.recorder.denying:
        recorder = inner._node.recorder
        recorder.denied.add(inner._node.ref)
        recorder.denials.append((compared._node.argument(), constant))


def note_text(box: Any) -> None:
    """Note that a text was made of a value: what is made of the text stays as it is now."""
    inner = innermost(box)
    if isbox(inner) and inner._node.ref is not None:
        inner._node.recorder.formatted = True


def outlived(box: Any) -> bool:
    """Whether a value belongs to a trace that has ended."""
    inner = innermost(box)
    return bool(isbox(inner) and inner._node.recorder.finished)


_OFTEN = 4  # guards of one line; their outcomes are as many paths as are kept


def asks_often(path: Path | None) -> bool:
    """Whether one line asks so often that its outcomes are too many paths."""
    lines = Counter(guard.source for guard in path.guards) if path is not None else Counter()
    return max(lines.values(), default=0) > _OFTEN


def asks_less(path: Path | None, other: Path | None) -> bool:
    """Whether a path has fewer guards than another one."""
    return len(path.guards if path else ()) < len(other.guards if other else ())


def path_of(recorder: Recorder, n_parameters: int) -> Path | None:
    """Return the guards of a trace that is about to end; None if nothing was asked."""
    if not recorder.asked:
        return None
    asked = list(
        {(ref.index, user): (ref, want, user) for ref, want, user in recorder.asked}.values()
    )
    holds = [_holds(recorder, ref, expected) for ref, expected, _ in asked]
    together = holds[0] if len(holds) == 1 else anp.all(anp.array_from_args((), {}, *holds))
    output = where(together, 1.0, 0.0)._node.argument()
    guards = tuple(Guard(source, expected) for _, expected, source in asked)
    return Path(recorder.finish(n_parameters, output), guards)


def _holds(recorder: Recorder, ref: Ref, expected: Any) -> Any:
    """Return one traced truth: whether a value is what it was."""
    box = recorder.box(expected, TapeNode.new_root(recorder, expected, ref))
    if np.ndim(expected):
        return anp.all(anp.equal(box, expected))
    return box if expected else anp.logical_not(box)
