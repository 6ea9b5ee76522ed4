"""Biases: inputs that are added to a sum wherever it is read, as terms of the sum.

Separate from `cuts`, which makes wide sums inputs of their own. In a layer ``tanh(W h + c)`` the
sum is that of ``W h``, as products are what NumPy sums, and ``c`` is added where it is read. Cut
there, all that reads the layer would depend on its sums and on its biases, and rows of derivatives
would be twice as long. So ``c`` becomes one more term.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from sparsesolve.differentiate.activity import active_slots, any_slot
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import live_nodes, used_loads
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program, Slots

__all__ = ["has_layers", "with_biases"]

_UNREAD, _NONE = -1, -2  # in the place of a bias
_SHORTEST = 4  # terms of the sums that are looked at
_PRODUCTS = (
    (Node("load", (0,)),),
    (Node("load", (0,)), Node("load", (1,)), Node("multiply", (0, 1))),
)


def with_biases(program: Program) -> Program:
    """Make inputs that are added to sums wherever these are read terms of the sums.

    Parameters
    ----------
    program : Program
        A fused program.

    Returns
    -------
    Program
        The same function; the same object where there is no such input.
    """
    found = _Biases(program)
    if not found.sums:
        return program
    b = Builder.resume(program)
    one = b.scalar(1.0)
    b.instructions = [
        found.grown(found.sums[step.start], one)
        if step.start in found.sums
        else found.without(step)
        for step in program.instructions
    ]
    return replace(b.build(program.outputs), output_shape=program.output_shape)


def has_layers(program: Program) -> bool:
    """Whether some sum is of products of inputs with what depends on other sums.

    Where none is, as in a regression with an intercept for each group, nothing is gained by biases
    in sums, and intercepts of different groups would seem to have second derivatives.

    Parameters
    ----------
    program : Program
        A fused program.
    """
    active = active_slots(program)
    reached = np.zeros(program.n_slots, dtype=bool)
    for step in program.instructions:
        indices = step.loads if isinstance(step, Kernel) else step.operands
        marked = [any_slot(reached, index) for index in indices]
        is_sum = isinstance(step, Kernel) and _is_sum(step)
        if is_sum and any(marked):
            others = [k for k, index in enumerate(indices) if not marked[k]]
            if any(any_slot(active, indices[k]) for k in others):
                return True
        if is_sum or any(marked):
            reached[step.start : step.stop] = True
    return False


def _is_sum(step: Kernel) -> bool:
    """Whether a kernel computes sums of numbers or products and nothing else."""
    if step.segments is None or step.nodes not in _PRODUCTS:
        return False
    last = (len(step.nodes) - 1,)
    return step.outputs == last and int(np.diff(step.segments).max(initial=0)) >= _SHORTEST


def _without(node: Node, nodes: Sequence[Node], loads: set[int]) -> Node:
    """Return the load in the place of what adds something to it."""
    for operand in node.args if node.op == "add" else ():
        if nodes[operand].op == "load" and nodes[operand].args[0] in loads:
            return nodes[operand]
    return node


class _Biases:
    """Which sums have biases, by their first slots, and the bias of each slot."""

    def __init__(self, program: Program) -> None:
        self._n = program.n
        self._bias = np.full(program.n_slots, _UNREAD, dtype=np.int32)
        kernels = [step for step in program.instructions if isinstance(step, Kernel)]
        self.sums = {step.start: step for step in kernels if _is_sum(step)}
        if not self.sums:
            return
        self._bias[program.outputs] = _NONE
        self._kernel = np.full(program.n_slots, -1, dtype=np.int32)  # first slot of its sum
        for start, step in self.sums.items():
            self._kernel[start : step.stop] = start
        together = [found for step in program.instructions for found in self._look(step)]
        self._keep(together)

    def _look(self, step: Kernel | Opaque) -> Iterable[set[int]]:
        """Note what a step adds to the sums that it reads; yield sums that go together."""
        if not isinstance(step, Kernel):
            for index in step.operands:
                self._bias[index.to_array()] = _NONE
            return
        for load, index in enumerate(step.loads):
            low, high = index.bounds()
            if (self._kernel[low : high + 1] < 0).all():
                continue
            ids = index.to_array()
            sums = set(np.unique(self._kernel[ids]).tolist())
            self._note(ids, None if -1 in sums else self._added(step, load))
            yield sums - {-1}

    def _added(self, step: Kernel, load: int) -> Slots | None:
        """Return which input is added to a load at each point; None where that is not all."""
        partner: int | None = None
        mine = {k for k, node in enumerate(step.nodes) if node == Node("load", (load,))}
        if mine & set(step.outputs):
            return None
        for node in step.nodes:
            if node.op in ("load", "const") or not mine & set(node.args):
                continue
            other = [step.nodes[k] for k in node.args if k not in mine]
            if node.op != "add" or len(other) != 1 or other[0].op != "load":
                return None
            if partner not in (None, other[0].args[0]):
                return None
            partner = other[0].args[0]
        if partner is None:
            return None
        low, high = step.loads[partner].bounds()
        return step.loads[partner].to_array() if 0 <= low <= high < self._n else None

    def _note(self, ids: Slots, added: Slots | None) -> None:
        """Note the inputs that are added to some slots."""
        if added is None:
            self._bias[ids] = _NONE
            return
        known = self._bias[ids]
        self._bias[ids] = np.where(known == _NONE, _NONE, added)
        differs = (known != _UNREAD) & (known != added) | (self._bias[ids] != added)
        self._bias[ids[differs]] = _NONE

    def _keep(self, together: list[set[int]]) -> None:
        """Leave only sums all of whose slots have one bias, or are not read."""
        refused = {k for k, s in self.sums.items() if not self._has_one(s)}
        for _ in self.sums:
            more = {k for found in together if found & refused for k in found}
            if more <= refused:
                break
            refused |= more
        self.sums = {k: step for k, step in self.sums.items() if k not in refused}

    def _has_one(self, step: Kernel) -> bool:
        mine = self._bias[step.start : step.stop]
        return bool((mine != _NONE).all() and (mine != _UNREAD).any())

    def grown(self, step: Kernel, one: int) -> Kernel:
        """Return a sum with its biases as last terms."""
        assert step.segments is not None
        bias = self._bias[step.start : step.stop]
        has = np.flatnonzero(bias >= 0)
        at = step.segments[has + 1]
        terms = [bias[has], np.full(has.size, one, dtype=np.int32)]
        loads = [
            Index.of(np.insert(index.to_array(), at, term))
            for index, term in zip(step.loads, terms, strict=False)
        ]
        shift = np.concatenate([[0], np.cumsum(bias >= 0)])
        length = step.length + has.size
        return replace(step, loads=tuple(loads), length=length, segments=step.segments + shift)

    def without(self, step: Kernel | Opaque) -> Kernel | Opaque:
        """Return a step that reads sums with their biases."""
        if not isinstance(step, Kernel):
            return step
        loads = {k for k, index in enumerate(step.loads) if self._grows(index)}
        if not loads:
            return step
        nodes = [_without(node, step.nodes, loads) for node in step.nodes]
        nodes, outputs = live_nodes(nodes, step.outputs)
        used, nodes = used_loads(nodes)
        kept = tuple(step.loads[k] for k in used)
        return replace(step, loads=kept, nodes=tuple(nodes), outputs=tuple(outputs))

    def _grows(self, index: Index) -> bool:
        """Whether a load reads sums that have biases: all that it reads do, or none."""
        return index.length > 0 and int(self._kernel[index.bounds()[0]]) in self.sums
