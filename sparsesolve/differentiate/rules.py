"""Partial derivatives of the scalar operations, taken from autograd's own rules.

Separate because hardly anything here is retyped: the vector-Jacobian rule that autograd holds for
an operation is traced once on scalars, lowered, and kept as a small template over the loads
``0 = g`` (what is pulled back), ``1 = ans`` (the operation's value) and ``2, 3, ... = operands``.
The few operations for which autograd has no rule, or one whose second derivative is wrong, get one
here, written in NumPy and traced the same way.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import sparsesolve.numpy_ops  # noqa: F401  (fills the tables of tracing and lowering)
from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.expression import Expressions, live_nodes
from sparsesolve.ir.program import Kernel, Node, Program
from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.lower import lower
from sparsesolve.trace import trace

__all__ = ["Template", "pull_back", "template"]


@dataclass(frozen=True, slots=True)
class Template:
    """A scalar formula over the loads g, ans and the operands; None stands for zero."""

    nodes: tuple[Node, ...]
    output: int


def _sinc_slope(x: Any) -> Any:
    """Slope of sin(u) / u, u = pi x; by its series near zero, where the quotient cancels."""
    u = np.pi * x
    near = np.abs(u) < 0.3
    away = np.where(near, 1.0, u)
    s = u * u
    series = -1.0 / 3 + s * (1.0 / 30 + s * (-1.0 / 840 + s * (1.0 / 45360 - s / 3991680)))
    return np.pi * np.where(near, u * series, (np.cos(u) - np.sin(u) / away) / away)


def _share(g: Any, ans: Any, one: Any, other: Any) -> Any:
    """Return what goes to an operand of a maximum: all, half at a tie, or nothing."""
    return np.where(one == ans, g * np.where(one == other, 0.5, 1.0), 0.0)


def _power_slope(g: Any, ans: Any, x: Any, y: Any) -> Any:
    """``g y x**(y - 1)``, and zero where both are zero.

    autograd takes another exponent wherever y is zero, which makes mixed second derivatives wrong.
    """
    both = np.logical_and(x == 0.0, y == 0.0)
    return g * y * x ** np.where(both, 1.0, y - 1.0)


def _tanh_slope(g: Any, ans: Any, x: Any) -> Any:
    """``g / cosh(x)**2``, zero where the square overflows and second derivatives are NaN."""
    return np.where(np.abs(x) < 350.0, g / np.cosh(x) ** 2, 0.0)


_EXTREMA = ("maximum", "minimum", "fmax", "fmin")
# Operations that autograd wraps without a rule, with one that fails at a point where they are
# smooth or overflows in second derivatives, or with one that multiplies by zero what was not chosen
# (zero times an infinite slope): (g, ans, *operands) -> pulled back to operand k.
_OWN_RULES: dict[tuple[str, int], Callable[..., Any]] = {
    ("abs", 0): lambda g, ans, x: g * np.sign(x),  # no quotient: the second derivative is zero
    ("cbrt", 0): lambda g, ans, x: g / (3.0 * ans * ans),
    ("copysign", 0): lambda g, ans, x, y: g * np.sign(x) * np.sign(ans),
    ("fmod", 0): lambda g, ans, x, y: g,
    ("fmod", 1): lambda g, ans, x, y: -g * np.trunc(x / y),
    **{(op, 0): lambda g, ans, x, y: _share(g, ans, x, y) for op in _EXTREMA},
    **{(op, 1): lambda g, ans, x, y: _share(g, ans, y, x) for op in _EXTREMA},
    ("power", 0): _power_slope,
    ("tanh", 0): _tanh_slope,
    ("sinc", 0): lambda g, ans, x: g * _sinc_slope(x),
    ("logaddexp2", 0): lambda g, ans, x, y: g * 2.0 ** (x - ans),
    ("logaddexp2", 1): lambda g, ans, x, y: g * 2.0 ** (y - ans),
}
_HIDDEN = {"where": "_original_where"}  # autograd's primitive behind a plain function
# autograd says zero for the order of these, which is not true; there is no rule
_NO_RULE = {(op, 0) for op in ("polygamma", "jn", "yn", "iv", "ive")}
_ZERO = {("where", 0), ("copysign", 1)}


@cache
def template(op: str, operand: int) -> Template | None:
    """Return the formula that pulls ``g`` back through one operand; None if that is zero.

    Raises
    ------
    UnsupportedOperation
        If neither autograd nor this module has a rule.
    """
    row = OPS[op]
    if row.flat or (op, operand) in _ZERO:
        return None
    rule = _OWN_RULES.get((op, operand)) or _autograd_rule(op, operand)
    example = [1.0, 0.75, *(0.5 + 0.125 * k for k in range(row.arity))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the example may lie outside the domain: log, yn
        program = lower(trace(rule, example))
    expressions, root = _flatten(program)
    nodes, (output,) = live_nodes(expressions.nodes, [root])
    return Template(tuple(nodes), output)


def pull_back(e: Expressions, op: str, operand: int, g: int, ans: int, args: list[int]) -> int:
    """Node for ``g`` pulled back through one operand, simplified."""
    formula = template(op, operand)
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
        if pulled is None or (op, operand) in _NO_RULE:
            raise UnsupportedOperation(f"`{op}` has no derivative for its operand {operand}.")
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
