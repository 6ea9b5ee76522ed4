"""Which bodies of loops may stay rolled up.

Separate because loops that were found and loops that were written as such ask the same: whether
derivatives of a trip need to know nothing of where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Kernel, Node, Opaque, Program, Slots
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["has_guards", "is_affine", "is_tame", "keeps_slopes_finite"]

_CHOICES = {"where", "maximum", "minimum", "fmax", "fmin", "abs", "copysign"}
_FINITE = _CHOICES | {"negative", "add", "subtract", "multiply", "sin", "cos", "tanh", "arctan"}
_LINEAR = {"add", "subtract", "negative"}
_SPECIAL = {"equal", "not_equal", "isnan", "isinf", "isfinite"}
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal"}
_SIZES = {"sqrt", "abs", "hypot"}
_POSITIVE = {"exp", "cosh"}
_TAME = _FINITE | {"divide", "log", "log1p", "sqrt", "load", "const"}
_SLOPED = _FINITE | {"exp", "sinh", "cosh"}  # slopes are finite but for overflow


def keeps_slopes_finite(body: Program, given: Slots, b: Builder) -> bool:
    """Whether no infinite slope can meet what was not chosen, or a constant that is zero.

    Choices keep infinite slopes of what was not chosen out of the derivative, and so do constants
    that are zero, across all kernels; guards are looked for in kernels alone.

    Parameters
    ----------
    body : Program
        What a trip does.
    given : ndarray of int32, shape (trips, body.n)
        Slots that trips get; below 0 what a trip computes.
    b : Builder
        Has the constants.
    """
    ops = {node.op for step in body.instructions for node in _nodes(step)}
    ops -= {"load", "const"}
    if any(OPS[op].flat or OPS[op].function is not None for op in ops):
        return False
    if ops <= _FINITE:
        return True
    if ops & _CHOICES:
        return False
    if not _gives_zeros(given, b):
        return True
    if _gives_zeros(given[1:], b):  # a mask, and not the state at the beginning
        return False
    return all(_overflows_at_most(_nodes(step)) for step in body.instructions)


def is_tame(steps: Sequence[Kernel | Opaque]) -> bool:
    """Whether slopes are infinite at single points only, of which there are limits.

    Exponentials overflow, and what follows may be finite again: everywhere in some region.
    """
    return all(node.op in _TAME for step in steps for node in _nodes(step))


def _overflows_at_most(nodes: Sequence[Node]) -> bool:
    """Whether slopes are finite unless an exponential overflows, where limits put things right."""
    least = _least_values(nodes)
    for node in nodes:
        if node.op == "divide" and least[node.args[1]] > 0.0:
            continue
        if node.op in ("log", "sqrt") and least[node.args[0]] > 0.0:
            continue
        if node.op not in _SLOPED and node.op not in ("load", "const"):
            return False
    return True


def _least_values(nodes: Sequence[Node]) -> list[float]:
    """Return a number that each node is not below, as far as signs of operands tell."""
    least: list[float] = []
    for node in nodes:
        value = -np.inf
        if node.op == "const":
            value = node.value
        elif node.op == "add":
            value = least[node.args[0]] + least[node.args[1]]
        elif node.op in _POSITIVE or (node.op == "multiply" and node.args[0] == node.args[1]):
            value = 0.0
        least.append(float(value))
    return least


def has_guards(body: Program) -> bool:
    """Whether a trip may step around a singular point, or calls functions of a user.

    Looked for is what `differentiate/guards` knows: such a point needs its limits.
    """
    steps = [_nodes(step) for step in body.instructions]
    ops = {node.op for nodes in steps for node in nodes} - {"load", "const"}
    if ops & _SPECIAL or any(OPS[op].function is not None for op in ops):
        return True
    return any(
        node.op in _COMPARISONS and any(_is_size(nodes[a]) for a in node.args)
        for nodes in steps
        for node in nodes
    )


def _is_size(node: Node) -> bool:
    return node.op in _SIZES or (node.op == "multiply" and node.args[0] == node.args[1])


def is_affine(body: Program, given: Slots, b: Builder) -> bool:
    """Whether a trip multiplies nothing that may vary by anything that may.

    Then its derivatives are numbers, which are known one by one where trips are not rolled up.
    """
    moving = np.zeros(body.n_slots, dtype=bool)
    known = np.zeros(b.n_slots, dtype=bool)
    for constant in b.constants:
        known[constant.start : constant.start + constant.values.size] = True
    moving[: body.n] = ~((given >= 0) & known[np.maximum(given, 0)]).all(axis=0)
    return all(_is_affine(step, moving) for step in body.instructions)


def _gives_zeros(given: Slots, b: Builder) -> bool:
    """Whether some trip is given a constant that is zero."""
    zeros = [c.start + np.flatnonzero(c.values == 0.0) for c in b.constants]
    return bool(np.isin(np.unique(given), np.concatenate(zeros)).any()) if zeros else False


def _is_affine(step: Kernel | Opaque, moving: NDArray[np.bool_]) -> bool:
    """Whether a kernel is affine in what is moving; marks what it writes as moving, too."""
    through: list[bool] = []
    for node in _nodes(step):
        if node.op in ("load", "const"):
            index = step.loads[node.args[0]] if isinstance(step, Kernel) and node.args else None
            through.append(index is not None and bool(moving[index.to_array()].any()))
            continue
        args = [through[a] for a in node.args]
        first_only = node.op == "divide" and not args[1]
        product = node.op == "multiply" and not all(args)
        if any(args) and not (product or first_only or node.op in _LINEAR):
            return False
        through.append(any(args))
    moving[step.start : step.stop] = any(through)
    return True


def _nodes(step: Kernel | Opaque) -> tuple[Node, ...]:
    return step.nodes if isinstance(step, Kernel) else ()
