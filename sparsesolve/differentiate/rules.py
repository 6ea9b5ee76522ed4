"""Partial derivatives of the scalar operations, taken from autograd's own rules.

Hardly anything here is retyped: the vector-Jacobian rule that autograd holds for
an operation is traced once on scalars, lowered, and kept as a small template over the loads
``0 = g`` (what is pulled back), ``1 = ans`` (the operation's value) and ``2, 3, ... = operands``.
The few operations for which autograd has no rule, or one whose second derivative is wrong, have one
in their row (`sparsesolve.numpy_ops.scalar_rows`), traced the same way.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.program import Kernel, Node, Program
from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.lower import lower
from sparsesolve.numpy_ops import movement  # noqa: F401  (its package fills the tables)
from sparsesolve.trace import trace

__all__ = ["PartialRule", "partial_rule", "pull_back"]


@dataclass(frozen=True, slots=True)
class PartialRule:
    """A scalar formula over the loads g, ans and the operands; None stands for zero."""

    nodes: tuple[Node, ...]
    output: int


_HIDDEN = {"where": "_original_where"}  # autograd's primitive behind a plain function


def _no_slope(op: str, operand: int) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"expected derivatives by operands that have one in closed form, got one that varies: "
        f"`{op}` has no derivative for its operand {operand} (counted from 0). Keep that parameter "
        "constant, or give the function and its slopes to `sparsesolve.elementwise`."
    )


@cache
def partial_rule(op: str, operand: int) -> PartialRule | None:
    """Return the formula that pulls ``g`` back through one operand; None if that is zero.

    Raises
    ------
    UnsupportedOperation
        If neither autograd nor the row of the operation has a rule.
    """
    row = OPS[op]
    own = row.slopes.get(operand)
    if row.flat or own == "zero":
        return None
    if own == "unknown":
        raise _no_slope(op, operand)
    rule = own if callable(own) else _autograd_rule(op, operand)
    example = [1.0, 0.75, *(0.5 + 0.125 * k for k in range(row.arity))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the example may lie outside the domain: log, yn
        program = lower(trace(rule, example, pure=True))
    expressions, root = _flatten(program)
    nodes, (output,) = live_nodes(expressions.nodes, [root])
    return PartialRule(tuple(nodes), output)


def pull_back(e: Expressions, op: str, operand: int, g: int, ans: int, args: list[int]) -> int:
    """Node for ``g`` pulled back through one operand, simplified."""
    formula = partial_rule(op, operand)
    if formula is None:
        return e.const(0.0)
    leaves = [g, ans, *args]
    numbers: list[int] = []
    for node in formula.nodes:
        if node.op == "load":
            numbers.append(leaves[node.args[0]])
        elif node.op == "const":
            numbers.append(e.const(node.value))
        else:
            numbers.append(e.apply(node.op, *(numbers[a] for a in node.args)))
    return numbers[formula.output]


def _autograd_rule(op: str, operand: int) -> Callable[..., Any]:
    from autograd.core import primitive_vjps  # noqa: PLC0415  (keeps the import of rules light)

    module, name = OPS[op].path.rsplit(".", 1)
    home = importlib.import_module(f"autograd.{module}")
    primitive = getattr(home, _HIDDEN.get(name, name), None)
    maker = primitive_vjps.get(primitive)
    if maker is None:
        raise UnsupportedOperation(
            f"`{op}` has no derivative rule in autograd. Wrap it in a function of your own with "
            "`autograd.extend.primitive` and give it a rule with `autograd.extend.defvjp`."
        )

    def rule(g: Any, ans: Any, *args: Any) -> Any:
        try:
            pulled = maker((operand,), ans, args, {})(g)[0]
        except NotImplementedError:
            pulled = None
        if pulled is None:
            raise _no_slope(op, operand)
        return pulled

    return rule


def _flatten(program: Program) -> tuple[Expressions, int]:
    """One expression for a program on scalars."""
    e = Expressions()
    at: dict[int, int] = {0: e.load(0)}
    for k, block in enumerate(program.parameters):
        at[block.start] = e.load(k + 1)
    for constant in program.constants:
        for k, value in enumerate(constant.values):
            at[constant.start + k] = e.const(float(value))
    for step in program.instructions:
        assert isinstance(step, Kernel), "a scalar rule lowers to kernels"
        for row in range(step.rows):
            points = [row] if step.segments is None else range(*step.segments[row : row + 2])
            for k, node in enumerate(_row(e, step, points, at)):
                at[step.start + k * step.rows + row] = node
    return e, at[int(program.outputs[0])]


def _row(e: Expressions, step: Kernel, points: Iterable[int], at: dict[int, int]) -> list[int]:
    """Nodes of one row of every output of a kernel: its value at a point, or a sum of values."""
    totals: list[int] = []
    for i in points:
        slots = [int(index.to_array()[i]) for index in step.loads]
        numbers = e.graft(step.nodes, [at[slot] for slot in slots].__getitem__)
        here = [numbers[node] for node in step.outputs]
        totals = (
            [e.intern("add", a, b) for a, b in zip(totals, here, strict=True)] if totals else here
        )
    return totals or [e.const(0.0)] * len(step.outputs)
