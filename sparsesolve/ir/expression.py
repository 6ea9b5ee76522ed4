"""`Expressions`: scalar expressions, every distinct node kept once.

Fusing kernels and differentiating them both grow expressions, and both rely on
equal subexpressions being one node. Two ways in: `intern` keeps the arithmetic as it is (values
must be what NumPy gives, NaN and infinity included), `apply` simplifies zeros and ones as well
(derivatives, where zero times anything is structurally zero).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from sparsesolve.ir.program import Node
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Expressions", "live_nodes", "support_of", "used_loads"]


class Expressions:
    """A growing list of nodes, operands before users.

    Examples
    --------
    >>> e = Expressions()
    >>> x = e.load(0)
    >>> e.apply("multiply", x, e.const(1.0)) == x
    True
    >>> e.nodes[e.apply("multiply", x, e.const(0.0))].value
    0.0
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[tuple[str, tuple[int, ...], bytes], int] = {}
        self.supports: dict[int, int | None] = {}  # of nodes for which `support_of` was asked

    def graft(self, nodes: Sequence[Node], leaf: Callable[[int], int] | None = None) -> list[int]:
        """Add the nodes of a kernel unchanged and return their numbers here.

        `leaf` gives the node for each load number; by default the load itself.
        """
        numbers: list[int] = []
        for node in nodes:
            if node.op == "load" and leaf is not None:
                numbers.append(leaf(node.args[0]))
            elif node.op in ("load", "const"):
                numbers.append(self._add(node))
            else:
                numbers.append(self.intern(node.op, *(numbers[a] for a in node.args)))
        return numbers

    def load(self, number: int) -> int:
        """Node of load `number`."""
        return self._add(Node("load", (number,)))

    def const(self, value: float) -> int:
        """Node of a constant."""
        return self._add(Node("const", (), float(value)))

    def value(self, number: int) -> float | None:
        """Value of a constant node, None for others."""
        node = self.nodes[number]
        return node.value if node.op == "const" else None

    def intern(self, op: str, *args: int) -> int:
        """Node of an operation, with nothing but constants folded."""
        values = [self.nodes[a].value for a in args if self.nodes[a].op == "const"]
        if len(values) == len(args):
            with np.errstate(all="ignore"):
                return self.const(float(OPS[op].evaluate(*map(np.float64, values))))
        return self._add(Node(op, args))

    def apply(self, op: str, *args: int) -> int:
        """Node of an operation in a derivative: zeros and ones are simplified away."""
        rule = _SIMPLIFY.get(op)
        found = rule(self, *args) if rule is not None else None
        return self.intern(op, *args) if found is None else found

    def _add(self, node: Node) -> int:
        if node.op in ("add", "multiply") and node.args[0] > node.args[1]:
            node = Node(node.op, node.args[::-1])  # the same number, so one node for both
        key = (node.op, node.args, np.float64(node.value).tobytes() if node.op == "const" else b"")
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.nodes)
            self.nodes.append(node)
        return number


# ----- simplification of derivatives; each returns a node, or None to keep the operation -----


def _add(e: Expressions, a: int, b: int) -> int | None:
    if e.value(a) == 0.0:
        return b
    if e.value(b) == 0.0:
        return a
    if a == b:
        return e.apply("multiply", e.const(2.0), a)
    if e.nodes[b].op == "negative":
        return e.apply("subtract", a, e.nodes[b].args[0])
    if e.nodes[a].op == "negative":
        return e.apply("subtract", b, e.nodes[a].args[0])
    for one, other in ((a, b), (b, a)):
        if e.value(one) is not None and e.nodes[other].op == "add":
            left, right = e.nodes[other].args  # gather constants: c + (d + y) = (c + d) + y
            for constant, rest in ((left, right), (right, left)):
                if e.value(constant) is not None:
                    return e.apply("add", e.intern("add", one, constant), rest)
    return _merged(e, "add", a, b)


def _subtract(e: Expressions, a: int, b: int) -> int | None:
    if e.value(b) == 0.0:
        return a
    if a == b:
        return e.const(0.0)
    if e.value(a) == 0.0:
        return e.apply("negative", b)
    value = e.value(b)
    if value is not None:
        return e.apply("add", e.const(-value), a)
    if e.nodes[b].op == "negative":
        return e.apply("add", a, e.nodes[b].args[0])
    return _merged(e, "subtract", a, b)


def support_of(e: Expressions, number: int) -> int | None:
    """Node that is true wherever a choice between something and zero may not be zero.

    Parameters
    ----------
    e : Expressions
        Where the nodes are; gets one more for a choice of choices.
    number : int
        A node.

    Returns
    -------
    int or None
        None if the node is no such choice.
    """
    if number not in e.supports:  # parts may be shared: a tree of them could be exponential
        e.supports[number] = _support(e, e.nodes[number])
    return e.supports[number]


def _support(e: Expressions, node: Node) -> int | None:
    if node.op == "add":
        left = support_of(e, node.args[0])
        right = None if left is None else support_of(e, node.args[1])
        return None if left is None or right is None else e.intern("logical_or", left, right)
    if node.op != "where":
        return None
    condition, a, b = node.args
    for chosen, other, truth in ((a, b, None), (b, a, "logical_not")):
        if e.value(other) == 0.0:
            outer = condition if truth is None else e.intern(truth, condition)
            inner = support_of(e, chosen)
            return outer if inner is None else e.intern("logical_and", outer, inner)
    rest = support_of(e, b)
    return None if rest is None else e.intern("logical_or", condition, rest)


def _gate(e: Expressions, chosen: int, operation: Callable[[int], int]) -> int | None:
    """Apply an operation that keeps zero zero inside a choice, not to its outcome.

    What was not chosen then stays out of the derivative, where a product would make NaN of zero
    times the infinite slope of a branch that was not taken. None where there is no such choice.
    """
    node = e.nodes[chosen]
    if node.op not in ("where", "add"):
        return None
    if node.op == "where":
        condition, a, b = node.args
        if e.value(b) == 0.0:
            return e.apply("where", condition, operation(a), b)
        if e.value(a) == 0.0:
            return e.apply("where", condition, a, operation(b))
    support = support_of(e, chosen)
    return None if support is None else e.apply("where", support, operation(chosen), e.const(0.0))


def _merged(e: Expressions, op: str, a: int, b: int) -> int | None:
    """Sum or difference of two such choices by one condition: one choice."""
    first, second = e.nodes[a], e.nodes[b]
    if not first.op == second.op == "where" or first.args[0] != second.args[0]:
        return None
    if not all(any(e.value(k) == 0.0 for k in node.args[1:]) for node in (first, second)):
        return None
    branches = [e.apply(op, x, y) for x, y in zip(first.args[1:], second.args[1:], strict=True)]
    return e.apply("where", first.args[0], *branches)


def _product(e: Expressions, gate: int, other: int, factor: int) -> int:
    return (
        e.intern("multiply", gate, other) if factor == gate else e.apply("multiply", factor, other)
    )


def _multiply(e: Expressions, a: int, b: int) -> int | None:
    for one, other in ((a, b), (b, a)):
        value = e.value(one)
        if value == 0.0:
            return e.const(0.0)
        if value == 1.0:
            return other
        if value == -1.0:
            return e.apply("negative", other)
        if value is not None and e.nodes[other].op == "multiply":
            left, right = e.nodes[other].args  # gather constants: c * (d * y) = (c d) * y
            if e.value(left) is not None:
                return e.apply("multiply", e.intern("multiply", one, left), right)
            if e.value(right) is not None:
                return e.apply("multiply", e.intern("multiply", one, right), left)
    for gate, other in ((a, b), (b, a)):
        found = _gate(e, gate, partial(_product, e, gate, other))
        if found is not None:
            return found
    if e.nodes[a].op == "negative":
        return e.apply("negative", e.apply("multiply", e.nodes[a].args[0], b))
    if e.nodes[b].op == "negative":
        return e.apply("negative", e.apply("multiply", a, e.nodes[b].args[0]))
    return None


def _divide(e: Expressions, a: int, b: int) -> int | None:
    if e.value(a) == 0.0:
        return e.const(0.0)
    if e.value(b) == 1.0:
        return a
    gated = _gate(e, a, lambda k: e.intern("divide", a, b) if k == a else e.apply("divide", k, b))
    if gated is not None:
        return gated
    if e.nodes[a].op == "negative":
        return e.apply("negative", e.apply("divide", e.nodes[a].args[0], b))
    return None


def _negative(e: Expressions, a: int) -> int | None:
    node = e.nodes[a]
    if node.op == "where":
        gated = _gate(e, a, lambda k: e.intern("negative", a) if k == a else e.apply("negative", k))
        if gated is not None:
            return gated
    if node.op == "negative":
        return node.args[0]
    if node.op == "subtract":
        return e.apply("subtract", node.args[1], node.args[0])
    if node.op == "multiply" and e.value(node.args[0]) is not None:
        return e.apply("multiply", e.apply("negative", node.args[0]), node.args[1])
    return None


def _power(e: Expressions, a: int, b: int) -> int | None:
    exponent = e.value(b)
    if exponent == 1.0:
        return a
    if exponent == 0.0:
        return e.const(1.0)
    if exponent == 2.0:
        return e.apply("multiply", a, a)
    if exponent == 3.0:
        return e.apply("multiply", e.apply("multiply", a, a), a)
    if exponent == 0.5:
        return e.intern("sqrt", a)
    if exponent in (-1.0, -2.0, -3.0, -0.5):
        return e.apply("divide", e.const(1.0), e.apply("power", a, e.const(-exponent)))
    return None


def _where(e: Expressions, condition: int, a: int, b: int) -> int | None:
    if a == b:
        return a
    value = e.value(condition)
    if value is not None:
        return b if value == 0.0 else a
    inner_a, inner_b = e.nodes[a], e.nodes[b]
    if inner_a.op == "where" and inner_a.args[0] == condition:
        return e.apply("where", condition, inner_a.args[1], b)
    if inner_b.op == "where" and inner_b.args[0] == condition:
        return e.apply("where", condition, a, inner_b.args[2])
    return None


def _logical_and(e: Expressions, a: int, b: int) -> int | None:
    return e.const(0.0) if e.value(a) == 0.0 or e.value(b) == 0.0 else None


_SIMPLIFY: dict[str, Callable[..., int | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "power": _power,
    "where": _where,
    "logical_and": _logical_and,
}


def live_nodes(nodes: Sequence[Node], outputs: Sequence[int]) -> tuple[list[Node], list[int]]:
    """Keep the nodes that `outputs` need; returns them renumbered, and the new outputs."""
    needed = bytearray(len(nodes))
    for number in outputs:
        needed[number] = 1
    for number in range(len(nodes) - 1, -1, -1):
        if needed[number] and nodes[number].op != "load":
            for operand in nodes[number].args:
                needed[operand] = 1
    if all(needed):
        return list(nodes), list(outputs)
    renumbered = [-1] * len(nodes)
    kept: list[Node] = []
    for number, node in enumerate(nodes):
        if not needed[number]:
            continue
        renumbered[number] = len(kept)
        if node.op not in ("load", "const"):
            args = tuple([renumbered[operand] for operand in node.args])
            node = node if args == node.args else Node(node.op, args)
        kept.append(node)
    return kept, [renumbered[k] for k in outputs]


def used_loads(nodes: Sequence[Node]) -> tuple[list[int], list[Node]]:
    """Return the numbers of the loads that nodes read, and the nodes with these counted anew."""
    used: dict[int, int] = {}
    renamed = []
    for node in nodes:
        if node.op == "load":
            node = Node("load", (used.setdefault(node.args[0], len(used)),))
        renamed.append(node)
    return list(used), renamed
