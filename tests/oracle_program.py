"""The slow twin of both engines: a program evaluated element by element in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Kernel, Opaque, Program
from sparsesolve.ir.scalar_ops import OPS


def evaluate(program: Program, x: Any, parameters: Any = ()) -> NDArray[np.float64]:
    """Return the outputs, shape (m,)."""
    slots = program.constant_values()
    slots[: program.n] = np.reshape(x, -1)
    for block, value in zip(program.parameters, parameters, strict=True):
        slots[block.start : block.start + block.size] = np.reshape(value, -1)
    with np.errstate(all="ignore"):
        for step in program.instructions:
            if isinstance(step, Opaque):
                operands = [
                    slots[index.to_array()].reshape(shape)
                    for index, shape in zip(step.operands, step.shapes, strict=True)
                ]
                slots[step.start : step.stop] = np.reshape(step.function(*operands), -1)
            else:
                _run(step, slots)
    return slots[program.outputs]


def _run(kernel: Kernel, slots: NDArray[np.float64]) -> None:
    loads = [index.to_array() for index in kernel.loads]
    results = np.empty((len(kernel.outputs), kernel.length))
    for i in range(kernel.length):
        values: list[float] = []
        for node in kernel.nodes:
            if node.op == "load":
                values.append(float(slots[loads[node.args[0]][i]]))
            elif node.op == "const":
                values.append(node.value)
            else:
                values.append(float(OPS[node.op].evaluate(*(values[a] for a in node.args))))
        results[:, i] = [values[k] for k in kernel.outputs]
    if kernel.segments is None:
        slots[kernel.start : kernel.stop] = results.reshape(-1)
        return
    edges = kernel.segments
    for k, row in enumerate(results):
        for r in range(kernel.rows):
            piece = row[edges[r] : edges[r + 1]]
            total = math.fsum(piece) if np.isfinite(piece).all() else float(np.sum(piece))
            slots[kernel.start + k * kernel.rows + r] = total
