"""Small bodies of long loops as Python functions of numbers.

A call of NumPy for each operation of each trip takes most of the time of the
interpreter where a trip has a few numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from sparsesolve.ir.program import Kernel, Program
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Trip", "trip_function"]

Trip: TypeAlias = Callable[[Sequence[float]], tuple[float, ...]]
"""Takes what a trip is given; returns what its kernels write, in order."""

_LEAST_TRIPS = 100
_MOST_LINES = 3000
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*"}


def trip_function(body: Program, trips: int) -> Trip | None:
    """Write a trip as a function of numbers, where it is small and there are many.

    Parameters
    ----------
    body : Program
        Kernels and constants, without parameters.
    trips : int
        How often it will run at a time.
    """
    kernels = [step for step in body.instructions if isinstance(step, Kernel)]
    size = sum(kernel.length * len(kernel.nodes) for kernel in kernels)
    if trips < _LEAST_TRIPS or size > _MOST_LINES:
        return None
    names: dict[str, Any] = {"nan": float("nan"), "inf": float("inf")}
    lines = [line for kernel in kernels for line in _lines(kernel, names)]
    values = [
        f"s{c.start + k} = {float(v)!r}" for c in body.constants for k, v in enumerate(c.values)
    ]
    given = "".join(f"s{k}, " for k in range(body.n))
    written = "".join(f"s{k}, " for step in kernels for k in range(step.start, step.stop))
    text = [*values, f"{given}= x" if given else "", *lines, f"return ({written})"]
    exec("def trip(x):\n " + "\n ".join(text), names)  # numbers and our own words
    made: Trip = names["trip"]
    return made


def _lines(kernel: Kernel, names: dict[str, Any]) -> Iterator[str]:
    """Write a kernel element by element."""
    loads = [index.to_array().tolist() for index in kernel.loads]
    rows = kernel.rows
    row_of = np.arange(kernel.length)
    if kernel.segments is not None:
        row_of = np.repeat(np.arange(rows), np.diff(kernel.segments))
        for slot in range(kernel.start, kernel.stop):
            yield f"s{slot} = 0.0"
    for point, row in enumerate(row_of.tolist()):
        for number, node in enumerate(kernel.nodes):
            if node.op == "load":
                right = f"s{loads[node.args[0]][point]}"
            elif node.op == "const":
                right = repr(float(node.value))
            else:
                right = _applied(node.op, [f"v{a}" for a in node.args], names)
            yield f"v{number} = {right}"
        for k, output in enumerate(kernel.outputs):
            sign = "=" if kernel.segments is None else "+="
            yield f"s{kernel.start + k * rows + row} {sign} v{output}"


def _applied(op: str, args: list[str], names: dict[str, Any]) -> str:
    """Write one operation; what Python refuses, such as a division by zero, is done by NumPy."""
    if op in _SIGNS:
        return f"{args[0]} {_SIGNS[op]} {args[1]}"
    if op == "negative":
        return f"-{args[0]}"
    if op == "where":
        return f"{args[1]} if {args[0]} else {args[2]}"
    names[op] = _divide if op == "divide" else OPS[op].evaluate
    return f"float({op}({', '.join(args)}))"


def _divide(a: float, b: float) -> Any:
    return a / b if b else np.divide(a, b)
