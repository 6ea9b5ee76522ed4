"""Tape -> Program: walks the tape once and applies one rule an instruction.

This is the only place that knows all families of rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsesolve.ir.builder import Builder, Operand
from sparsesolve.ir.program import Program, Slots
from sparsesolve.ir.tape import Instruction, Ref, Tape, refs_of
from sparsesolve.lower.batch import batch
from sparsesolve.lower.collector import collector_paused
from sparsesolve.lower.complex_values import Deferred, Pair, lower_complex
from sparsesolve.lower.context import RULES, Context, is_slots
from sparsesolve.lower.layers import Layers, may_have_layers
from sparsesolve.lower.opaque import Pending, lower_opaque
from sparsesolve.lower.sharing import Shared

__all__ = ["lower", "lower_into", "lower_layers"]

_NUMBERS = {np.int32}  # a traced scalar
_COMPLEX = (Pair, Deferred, Pending)


def lower(tape: Tape) -> Program:
    """Turn a tape into a program over slots.

    Parameters
    ----------
    tape : Tape
        A recorded function.

    Returns
    -------
    Program
        Computes the function's value; parameters of the tape are parameters of the program.

    Raises
    ------
    UnsupportedOperation
        If an operation has no rule and autograd cannot differentiate it.
    SparseSolveError
        If the program would need more than 2**31 slots.

    Notes
    -----
    Time and memory are linear in the number of elements that the function computes, and the
    instructions of Python loops over scalars are gathered into vectors (`batch`).
    """
    builder = Builder(tape.input.shape)
    parameters = [builder.parameter(info.shape) for info in tape.parameters]
    with collector_paused():
        result = lower_into(builder, tape, builder.x, parameters)
        return batch(builder.build(result))


def lower_layers(tape: Tape) -> Program | None:
    """Turn a tape into a program that keeps the sums of its layers, for second derivatives.

    Parameters
    ----------
    tape : Tape
        A recorded function.

    Returns
    -------
    Program or None
        None where nothing is kept that `lower` writes out.
    """
    if not may_have_layers(tape):
        return None
    builder, layers = Builder(tape.input.shape), Layers(tape)
    parameters = [builder.parameter(info.shape) for info in tape.parameters]
    with collector_paused():
        result = lower_into(builder, tape, builder.x, parameters, layers)
        return batch(builder.build(result)) if layers.any else None


def lower_into(
    builder: Builder,
    tape: Tape,
    x: Slots,
    parameters: Sequence[Slots] = (),
    layers: Layers | None = None,
) -> Operand:
    """Append a tape's instructions to a program that is being built.

    Parameters
    ----------
    builder : Builder
        Receives the instructions.
    tape : Tape
        A recorded function.
    x : ndarray of int32, shape ``tape.input.shape``
        Slots of the differentiated argument.
    parameters : sequence of ndarray of int32
        Slots of each parameter.
    layers : Layers, optional
        Decides which products keep their sums.

    Returns
    -------
    ndarray of int32, or constant array
        Slots of the function's value, in its shape.
    """
    values: list[Any] = [None] * len(tape.values)
    for number, slots in enumerate([x, *parameters]):
        # elements of a scalar are handled one by one: a plain number is quicker than an array
        values[number] = slots[()]
    context = Context(builder, tape, values)
    context.layers = layers
    before = builder.origin
    with np.errstate(all="ignore"):
        _run(context, tape.instructions)
    builder.origin = before
    if not isinstance(tape.output, Ref):
        return np.asarray(tape.output, dtype=np.float64)
    result = values[tape.output.index]
    return result if is_slots(result) else np.asarray(result, dtype=np.float64)


def _run(context: Context, steps: Sequence[Instruction]) -> None:
    builder, values = context.builder, context.values
    sources, infos = builder.sources, context.tape.values
    has_complex = any(info.dtype.kind == "c" for info in infos)
    folded: set[int] = set()  # values that turned out to be constants
    shared = Shared()
    for step in steps:
        out = step.out.index
        if infos[out].shape:  # equal scalars are shared by the builder
            twin = shared.twin(step)
            if twin is not None:
                values[out] = values[twin]
                if twin in folded:
                    folded.add(out)
                continue
        context.step = step
        builder.origin = (len(sources),)
        sources.append(f"{step.source} {step.op}")
        if folded and all(ref.index in folded for ref in refs_of((step.args, dict(step.kwargs)))):
            args, kwargs = context.resolve(step.args), context.resolve(dict(step.kwargs))
            result = context.resolve(step.function(*args, **kwargs))
            if infos[out].dtype.kind == "b":  # constants are kept as numbers
                result = np.not_equal(result, 0)
        elif has_complex and _is_complex(context, step):
            result = lower_complex(context, step)
        else:
            result = _apply(context, step)
        if not is_slots(result) and not isinstance(result, _COMPLEX):
            folded.add(out)
            result = _in_kind(result, infos[out].dtype)
        values[out] = result


def _in_kind(result: Any, kind: np.dtype[Any]) -> Any:
    """Make floats of what NumPy made floats of: a choice may leave small integers, or truths."""
    given = getattr(result, "dtype", kind)
    return result.astype(kind) if kind.kind == "f" and given.kind in "biu" else result


def _is_complex(c: Context, step: Instruction) -> bool:
    """Whether a step reads or makes a complex value."""
    if c.tape.values[step.out.index].dtype.kind == "c":
        return True
    read = refs_of((step.args, dict(step.kwargs)))
    return any(isinstance(c.values[ref.index], _COMPLEX) for ref in read)


def _apply(context: Context, step: Instruction) -> Any:
    known = RULES.get(step.op)
    if known is None:
        return lower_opaque(context, step)
    values = context.values
    args = [values[a.index] if type(a) is Ref else context.resolve(a) for a in step.args]
    if step.kwargs:
        return known.function(context, *args, **context.resolve(dict(step.kwargs)))
    if known.op and _NUMBERS.issuperset(map(type, args)) and context.kind == "f":
        return context.builder.map_scalars(known.op, *args)
    return known.function(context, *args)
