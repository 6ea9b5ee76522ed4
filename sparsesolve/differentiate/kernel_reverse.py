"""Derivatives inside one kernel: reverse accumulation on its scalar expression.

Adjoint, tangent and Jacobian programs all start from it. Also here: which local
partials are *known numbers* although the kernel's loads vary, because a load reads constants at
some points (the zeros of a padding, a mask, a weight); that is what makes patterns tight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate.rules import pull_back
from sparsesolve.ir.dataclass import dataclass
from sparsesolve.ir.expression import Expressions, support_of
from sparsesolve.ir.program import Index, Node, Slots
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Known", "known_load", "known_values", "reverse", "truth_of"]


def reverse(
    e: Expressions, seeds: Mapping[int, int], active_loads: set[int], count: int
) -> dict[int, int]:
    """Pull seeds back to the loads of an expression.

    Parameters
    ----------
    e : Expressions
        Holds the expression in its first `count` nodes; derivative nodes are appended.
    seeds : mapping from node to node
        What is pulled back from each output node.
    active_loads : set of int
        Numbers of the loads whose derivative is wanted.
    count : int
        Number of nodes of the expression itself.

    Returns
    -------
    dict from load number to node
        Loads with a structurally zero derivative are left out.
    """
    active = _active_nodes(e.nodes[:count], active_loads)
    bar: dict[int, int] = {node: seed for node, seed in seeds.items() if active[node]}
    pulled: dict[int, int] = {}
    for number in range(count - 1, -1, -1):
        g = bar.pop(number, None)
        if g is None or e.value(g) == 0.0:
            continue
        node = e.nodes[number]
        if node.op == "load":
            pulled[node.args[0]] = g
            continue
        args = list(node.args)
        for operand, source in enumerate(args):
            if not active[source]:
                continue
            term = pull_back(e, node.op, operand, g, number, args)
            known = bar.get(source)
            bar[source] = term if known is None else e.apply("add", known, term)
    return pulled


def truth_of(e: Expressions, number: int) -> int | None:
    """Node that is 1.0 or 0.0, and 0.0 only where a node is the zero of what was not chosen.

    Parameters
    ----------
    e : Expressions
        Holds the node, and gets the new one.
    number : int
        A derivative.

    Returns
    -------
    int or None
        None if the node is no choice.
    """
    support = support_of(e, number)
    if support is None or e.value(support) is not None:
        return None
    return e.intern("logical_or", support, e.const(0.0))


def _active_nodes(nodes: Sequence[Node], active_loads: set[int]) -> list[bool]:
    active: list[bool] = []
    for node in nodes:
        if node.op == "load":
            active.append(node.args[0] in active_loads)
        else:
            active.append(
                node.op != "const" and not OPS[node.op].flat and any(active[a] for a in node.args)
            )
    return active


@dataclass(frozen=True, slots=True)
class Known:
    """Values of a node that are numbers at some points: ``values`` where ``mask``."""

    mask: NDArray[np.bool_]
    values: NDArray[np.float64]


def known_load(
    constants: Callable[[Slots], NDArray[np.float64]], index: Index, ids: Slots, n: int
) -> Known | None:
    """Find where a load reads constants.

    Parameters
    ----------
    constants : callable
        Gives the values of constant slots, NaN for others.
    index : Index
        What the load reads.
    ids : ndarray of int32
        The same as an array.
    n : int
        Slots below are the input.
    """
    low, high = index.bounds()
    if 0 <= low <= high < n:
        return None
    values = constants(ids[:1] if index.stride == 0 and index.array is None else ids)
    mask = ~np.isnan(values)
    if not mask.any():
        return None
    shape = (index.length,)
    filled = np.where(mask, values, 0.0)
    return Known(np.broadcast_to(mask, shape), np.broadcast_to(filled, shape))


def known_values(
    nodes: Sequence[Node], roots: Sequence[int], loads: Sequence[Known | None], length: int
) -> dict[int, Known]:
    """Find where nodes are known numbers, given where the loads are.

    Zero times an unknown is zero here: this decides structure, not values.

    Returns
    -------
    dict from root to Known
        Only roots that are known somewhere and are no plain constants.
    """
    if all(load is None for load in loads):
        return {}
    found: dict[int, Known | None] = {}
    for number, node in enumerate(nodes):
        if node.op == "load":
            found[number] = loads[node.args[0]]
        elif node.op == "const":
            found[number] = None
        else:
            found[number] = _known_node(nodes, node, found, length)
    return {
        root: known
        for root in roots
        if (known := found[root]) is not None and nodes[root].op != "const"
    }


def _known_node(
    nodes: Sequence[Node], node: Node, found: Mapping[int, Known | None], length: int
) -> Known | None:
    if all(found[a] is None for a in node.args):
        return None
    args = [_operand(nodes[a], found[a], length) for a in node.args]
    mask = np.logical_and.reduce([arg.mask for arg in args])
    with np.errstate(all="ignore"):
        values = np.where(mask, OPS[node.op].evaluate(*(arg.values for arg in args)), 0.0)
    if node.op in ("multiply", "divide"):
        vanishing = args[0].mask & (args[0].values == 0.0)
        if node.op == "multiply":
            vanishing |= args[1].mask & (args[1].values == 0.0)
        values = np.where(vanishing, 0.0, values)
        mask = mask | vanishing
    elif node.op == "where":
        chosen = np.where(args[0].values != 0.0, args[1].mask, args[2].mask)
        mask = args[0].mask & chosen
        values = np.where(args[0].values != 0.0, args[1].values, args[2].values)
    return Known(mask, values) if mask.any() else None


def _operand(node: Node, known: Known | None, length: int) -> Known:
    if known is not None:
        return known
    if node.op == "const":
        return Known(np.ones(length, dtype=bool), np.full(length, node.value))
    return Known(np.zeros(length, dtype=bool), np.zeros(length))
