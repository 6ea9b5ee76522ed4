"""Kernels with operations that only Python has, as calls.

Separate because machine code must not call Python from its threads: such a kernel is evaluated by
NumPy as a whole, between the others, like any other call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Kernel, Opaque, Program
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["with_callbacks"]

_LEAVES = ("load", "const", "value")


def with_callbacks(program: Program) -> Program:
    """Make calls of the kernels that hold an operation without machine code."""
    steps = program.instructions
    made = tuple(
        _call(step) if isinstance(step, Kernel) and _is_foreign(step) else step for step in steps
    )
    same = all(a is b for a, b in zip(steps, made, strict=True))
    return program if same else replace(program, instructions=made)


def _is_foreign(kernel: Kernel) -> bool:
    return any(n.op not in _LEAVES and OPS[n.op].function is not None for n in kernel.nodes)


def _call(kernel: Kernel) -> Opaque:
    shapes = ((kernel.length,),) * len(kernel.loads)
    names = [n.op for n in kernel.nodes if n.op not in _LEAVES and OPS[n.op].function is not None]
    return Opaque(
        start=kernel.start,
        length=kernel.rows * len(kernel.outputs),
        function=_evaluator(kernel),
        operands=kernel.loads,
        shapes=shapes,
        result_shape=(len(kernel.outputs), kernel.rows),
        name=names[0],
        origin=kernel.origin,
    )


def _evaluator(kernel: Kernel) -> Callable[..., Any]:
    def evaluate(*loads: NDArray[np.float64]) -> NDArray[np.float64]:
        values: list[Any] = []
        for node in kernel.nodes:
            if node.op == "load":
                values.append(loads[node.args[0]])
            elif node.op == "const":
                values.append(np.float64(node.value))
            else:
                found = OPS[node.op].evaluate(*(values[a] for a in node.args))
                values.append(np.asarray(found, dtype=np.float64))
        return np.stack([_rows(kernel, values[node]) for node in kernel.outputs])

    return evaluate


def _rows(kernel: Kernel, values: Any) -> NDArray[np.float64]:
    """One number a row: the values, or their sums over segments."""
    whole = np.broadcast_to(values, (kernel.length,))
    if kernel.segments is None:
        return whole
    rows = np.repeat(np.arange(kernel.rows), np.diff(kernel.segments))
    inside = whole[kernel.segments[0] : kernel.segments[-1]]
    sums = np.bincount(rows, weights=inside, minlength=kernel.rows)
    return sums.astype(np.float64)
