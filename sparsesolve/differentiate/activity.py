"""Which slots depend on the differentiated argument, or on a parameter.

Every derivative asks it first: what is inactive costs nothing, and an output
whose derivative is inactive, and that has no steps, is affine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.linear import LinearCall
from sparsesolve.ir.program import Index, Kernel, Program, any_true
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["active_slots", "any_slot", "stepped_slots"]

_SAWTOOTH = frozenset({"remainder", "fmod"})  # not flat, but with steps and a constant slope


def active_slots(program: Program, *, differentiable: bool = True) -> NDArray[np.bool_]:
    """Mark the slots that depend on the input.

    Parameters
    ----------
    program : Program
        Any program.
    differentiable : bool, default True
        Whether only dependence with a derivative counts; comparisons, `sign`, `floor` then stop it.

    Returns
    -------
    ndarray of bool, shape (n_slots,)
        True where a change of the input can change the slot.
    """
    active = np.zeros(program.n_slots, dtype=bool)
    active[: program.n] = True
    for step in program.instructions:
        if not isinstance(step, Kernel):
            active[step.start : step.stop] = any(any_slot(active, i) for i in step.operands)
            continue
        loads = {k for k, index in enumerate(step.loads) if any_slot(active, index)}
        if not loads:
            continue
        through: list[bool] = []
        for node in step.nodes:
            if node.op == "load":
                through.append(node.args[0] in loads)
            elif node.op == "const" or (differentiable and OPS[node.op].flat):
                through.append(False)
            else:
                through.append(any(through[a] for a in node.args))
        for k, output in enumerate(step.outputs):
            if through[output]:
                first = step.start + k * step.rows
                active[first : first + step.rows] = True
    return active


def stepped_slots(program: Program) -> NDArray[np.bool_]:
    """Mark the slots that depend on the input by way of a step: `floor`, `sign`, a comparison.

    Parameters
    ----------
    program : Program
        Any program.

    Returns
    -------
    ndarray of bool, shape (n_slots,)
        True where a slot may jump although its derivative is constant. A call counts as a step,
        unless it is linear.
    """
    active = active_slots(program, differentiable=False)
    stepped = np.zeros(program.n_slots, dtype=bool)
    for step in program.instructions:
        if not isinstance(step, Kernel):
            source = stepped if isinstance(step.function, LinearCall) else active
            stepped[step.start : step.stop] = any(any_slot(source, i) for i in step.operands)
            continue
        for k, reached in enumerate(_stepped_outputs(step, active, stepped)):
            first = step.start + k * step.rows
            stepped[first : first + step.rows] = reached
    return stepped


def _stepped_outputs(
    kernel: Kernel, active: NDArray[np.bool_], stepped: NDArray[np.bool_]
) -> list[bool]:
    """Return which outputs of a kernel depend on the input by way of a step."""
    moves: list[bool] = []
    jumps: list[bool] = []
    for node in kernel.nodes:
        if node.op == "load":
            index = kernel.loads[node.args[0]]
            moves.append(any_slot(active, index))
            jumps.append(any_slot(stepped, index))
            continue
        args = () if node.op == "const" else node.args
        moves.append(any(moves[a] for a in args))
        jumps.append(any((moves if _has_steps(node.op) else jumps)[a] for a in args))
    return [jumps[output] for output in kernel.outputs]


def _has_steps(op: str) -> bool:
    return op in _SAWTOOTH or (op != "const" and OPS[op].flat)


def any_slot(mask: NDArray[np.bool_], index: Index) -> bool:
    """Whether a load reads any marked slot."""
    low, high = index.bounds()
    if high < low:
        return False
    if index.array is None:
        return any_true(mask[low : high + 1 : abs(index.stride) or 1])
    return any_true(mask[low : high + 1]) and any_true(mask[index.array])
