"""A program as nested lists of numbers, text and arrays, and back: to be kept in files.

Only what is described in full is: a program that calls functions of NumPy or of the user is not,
but its repeated steps are.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sparsesolve.ir.packing import Unpackable
from sparsesolve.ir.program import Block, Constant, Index, Kernel, Node, Opaque, Program
from sparsesolve.ir.recurrence import Recurrence, restored

__all__ = ["program_from_tree", "program_tree"]

Tree: TypeAlias = list[Any]


def program_tree(program: Program) -> Tree:
    """Return what describes a program.

    Parameters
    ----------
    program : Program
        Of kernels and recurrences.

    Raises
    ------
    Unpackable
        If it calls functions.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((3,))
    >>> program = b.build(b.map("multiply", b.x, b.x))
    >>> str(program_from_tree(program_tree(program))) == str(program)
    True
    """
    return [
        program.n,
        program.input_shape,
        [(block.start, block.shape) for block in program.parameters],
        [(constant.start, constant.values) for constant in program.constants],
        [_step_tree(step) for step in program.instructions],
        program.outputs,
        program.output_shape,
        program.n_slots,
        program.sources,
    ]


def _step_tree(step: Kernel | Opaque) -> Tree:
    if isinstance(step, Recurrence):
        read = [_index_tree(index) for index in step.operands]
        shapes, body = [*step.shapes], program_tree(step.body)
        return [step.start, step.length, read, shapes, step.origin, body, step.sources]
    if isinstance(step, Opaque):
        raise Unpackable(step.name)
    nodes = [
        (node.op, node.value) if node.op == "const" else (node.op, *node.args)
        for node in step.nodes
    ]
    loads = [_index_tree(index) for index in step.loads]
    return [step.start, step.length, loads, nodes, step.outputs, step.origin, step.segments, None]


def _index_tree(index: Index) -> Tree:
    return [index.length, index.start, index.stride, index.array]


def program_from_tree(tree: Tree) -> Program:
    """Return the program of which `program_tree` made a tree."""
    n, shape, parameters, constants, steps, outputs, output_shape, n_slots, sources = tree
    return Program(
        n,
        tuple(shape),
        tuple(Block(start, tuple(shape)) for start, shape in parameters),
        tuple(Constant(start, values) for start, values in constants),
        tuple(_step(*step) for step in steps),
        outputs,
        tuple(output_shape),
        n_slots,
        tuple(sources),
    )


def _step(start: int, length: int, read: Tree, *rest: Any) -> Kernel | Recurrence:
    indices = tuple(Index(*index) for index in read)
    if len(rest) == 4:
        shapes, origin, body, sources = rest
        kept = tuple(map(tuple, shapes)), tuple(origin), program_from_tree(body), sources
        return restored(start, length, indices, *kept)
    nodes, outputs, origin, segments, _ = rest
    expression = tuple(_node(*node) for node in nodes)
    return Kernel(start, length, indices, expression, tuple(outputs), segments, tuple(origin))


def _node(op: str, *args: Any) -> Node:
    return Node(op, (), args[0]) if op == "const" else Node(op, args)
