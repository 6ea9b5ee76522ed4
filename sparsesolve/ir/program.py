"""The program: a function over scalar *slots*, made of fused kernels.

Every array element of a computation has a slot, a position in one flat float64 buffer. Movement of
data (indexing, reshape, transpose, concatenate ...) is nothing but arrays of slot numbers, so what
is left to execute are kernels: a scalar expression, evaluated for ``i = 0 .. length - 1``, whose
leaves load slots through index arrays. Derivatives of a program are programs again.

Data layout. Slots ``0 .. n - 1`` are the differentiated argument, flattened in C order; then come
the parameters, one block each; then constants and kernel results in the order of their creation.
Each slot is written exactly once. A kernel with `segments` sums its outputs over consecutive
pieces of its domain; that one form covers sums, dot products, and constant linear maps.

Separate from `lower`, which makes programs, and from `engine`, which runs them: this is the
contract between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import SparseSolveError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.scalar_ops import OPS

__all__ = [
    "Block",
    "Constant",
    "Index",
    "Kernel",
    "Node",
    "Opaque",
    "Program",
    "Slots",
    "any_true",
    "verify",
]

Slots: TypeAlias = NDArray[np.int32]
_SHORT = 1 << 12  # elements that are counted in less time than `any` takes to begin


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Which slot a load reads at each point of a kernel's domain.

    Either affine, slot ``start + stride * i`` (`array` is None; stride 0 is one slot for all
    ``i``), or the explicit `array` of shape (length,).
    """

    length: int
    start: int = 0
    stride: int = 1
    array: Slots | None = None
    _bounds: tuple[int, int] | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, ids: Slots) -> Index:
        """Wrap slot numbers of any shape, recognising the affine ones."""
        flat = np.ascontiguousarray(ids).reshape(-1)
        if flat.size == 0:
            return cls(0)
        start = int(flat[0])
        if flat.size == 1:
            return cls(1, start, 0)
        stride = int(flat[1]) - start
        if int(flat[-1]) == start + stride * (flat.size - 1) and _is_affine(flat, stride):
            return cls(flat.size, start, stride)
        return cls(flat.size, array=flat.astype(np.int32, copy=False))

    @classmethod
    def scalar(cls, slot: int, length: int) -> Index:
        """One slot at every point."""
        return cls(length, slot, 0)

    def to_array(self) -> Slots:
        """Return the slot numbers, shape (length,)."""
        if self.array is not None:
            return self.array
        if self.stride == 0:
            return np.full(self.length, self.start, dtype=np.int32)
        stop = self.start + self.stride * self.length
        return np.arange(self.start, stop, self.stride, dtype=np.int32)

    def take(self, positions: Index) -> Index:
        """Compose: the slots at ``positions``, which index into this domain."""
        if self.array is None:
            if self.stride == 0:
                return Index(positions.length, self.start, 0)
            if positions.array is None:
                start = self.start + self.stride * positions.start
                return Index(positions.length, start, self.stride * positions.stride)
            if self.start == 0 and self.stride == 1:
                return positions
            return Index(positions.length, array=self.start + self.stride * positions.array)
        if positions.array is None and positions.stride == 0:
            return Index(positions.length, int(self.array[positions.start]), 0)
        if positions.array is None and positions.stride == 1:
            return Index.of(self.array[positions.start : positions.start + positions.length])
        return Index.of(self.array[positions.to_array()])

    def shifted(self, offset: int) -> Index:
        """Return the index with `offset` added to every slot."""
        if self.array is None:
            return Index(self.length, self.start + offset, self.stride)
        return Index(self.length, array=self.array + np.int32(offset))

    def bounds(self) -> tuple[int, int]:
        """Smallest and largest slot; (0, -1) where empty."""
        if self.length == 0:
            return 0, -1
        if self.array is not None:
            if self._bounds is None:  # passes ask again and again
                found = int(self.array.min()), int(self.array.max())
                object.__setattr__(self, "_bounds", found)
                return found
            return self._bounds
        last = self.start + self.stride * (self.length - 1)
        return (self.start, last) if last >= self.start else (last, self.start)

    @property
    def is_run(self) -> bool:
        """Whether these are consecutive slots, at least one."""
        return self.array is None and self.length > 0 and (self.stride == 1 or self.length == 1)

    def same_as(self, other: Index) -> bool:
        """Whether both read the same slots."""
        if self is other:
            return True
        if self.length != other.length or (self.array is None) != (other.array is None):
            return False
        if self.array is None or other.array is None:
            return self.start == other.start and self.stride == other.stride
        return self.array is other.array or np.array_equal(self.array, other.array)

    def __str__(self) -> str:
        if self.array is not None:
            return f"[{', '.join(map(str, self.array[:3]))}{', ...' if self.length > 3 else ''}]"
        return f"{self.start}" if self.stride == 0 else f"{self.start}+{self.stride}i"


def any_true(mask: NDArray[np.bool_]) -> bool:
    """Whether any is true: as ``mask.any()``, which takes long to begin."""
    return bool(np.count_nonzero(mask) if mask.size < _SHORT else mask.any())


def _is_affine(flat: Slots, stride: int) -> bool:
    middle = flat.size // 2  # one probe rejects most index arrays at once
    if int(flat[middle]) != int(flat[0]) + stride * middle:
        return False
    return bool(np.all(flat[1:] - flat[:-1] == stride))


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a scalar expression.

    `op` is ``"load"`` (`args` is the number of the load), ``"const"`` (`value`), or the name of an
    operation of `OPS` whose `args` are the numbers of earlier nodes.
    """

    op: str
    args: tuple[int, ...] = ()
    value: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A scalar expression with one or more outputs, evaluated over a domain.

    Parameters
    ----------
    start : int
        First slot written. Output ``k`` fills slots ``start + k * rows`` to ``+ rows - 1``.
    length : int
        Size of the domain.
    loads : tuple of Index
        What each load reads, all of this length.
    nodes : tuple of Node
        The expression, operands before their users.
    outputs : tuple of int
        The nodes that are stored.
    segments : ndarray of int64, shape (rows + 1,), or None
        If given, row ``r`` of an output is the sum over ``segments[r] <= i < segments[r + 1]``
        (0.0 where empty); otherwise ``rows == length`` and row ``i`` is the value at ``i``.
    origin : tuple of int
        Numbers of the tape instructions that it computes; for messages.
    """

    start: int
    length: int
    loads: tuple[Index, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    segments: NDArray[np.int64] | None = None
    origin: tuple[int, ...] = ()

    def placed(self, start: int, loads: tuple[Index, ...]) -> Kernel:
        """Return the same with other slots."""
        given = self.nodes, self.outputs, self.segments, self.origin
        return Kernel(start, self.length, loads, *given)

    @property
    def rows(self) -> int:
        """Slots per output."""
        return self.length if self.segments is None else int(self.segments.size) - 1

    @property
    def stop(self) -> int:
        """One past the last slot written."""
        return self.start + self.rows * len(self.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A call that cannot be lowered, such as ``linalg.solve``; a block with a dense derivative.

    Parameters
    ----------
    start, length : int
        Slots written: ``start .. start + length - 1``, the flattened result.
    function : callable
        Takes one array per operand, returns the result as an array; autograd can differentiate it.
    operands : tuple of Index
        Slots of each operand, flattened.
    shapes : tuple of tuple of int
        Shape of each operand.
    result_shape : tuple of int
        Shape of the result.
    name : str
        What it is, for messages.
    origin : tuple of int
        Numbers of the tape instructions that it computes.
    """

    start: int
    length: int
    function: Callable[..., Any]
    operands: tuple[Index, ...]
    shapes: tuple[tuple[int, ...], ...]
    result_shape: tuple[int, ...]
    name: str
    origin: tuple[int, ...] = ()

    @property
    def stop(self) -> int:
        """One past the last slot written."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive slots of a parameter, with its shape."""

    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of slots."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Consecutive slots that hold constants."""

    start: int
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """A function over slots.

    Parameters
    ----------
    n : int
        Number of slots of the differentiated argument.
    input_shape : tuple of int
        Its shape.
    parameters : tuple of Block
        Slots and shape of each parameter.
    constants : tuple of Constant
        Slots whose values never change.
    instructions : tuple of Kernel or Opaque
        In an order in which every slot is written before it is read.
    outputs : ndarray of int32, shape (m,)
        Slot of each element of the result, flattened; any slot may appear, also repeatedly.
    output_shape : tuple of int
        Shape of the result.
    n_slots : int
        Size of the buffer.
    sources : tuple of str
        ``file:line primitive`` for each number in an `origin`.
    """

    n: int
    input_shape: tuple[int, ...]
    parameters: tuple[Block, ...]
    constants: tuple[Constant, ...]
    instructions: tuple[Kernel | Opaque, ...]
    outputs: Slots
    output_shape: tuple[int, ...]
    n_slots: int
    sources: tuple[str, ...] = field(default=())

    @property
    def m(self) -> int:
        """Number of outputs."""
        return int(self.outputs.size)

    def constant_values(self) -> NDArray[np.float64]:
        """Return a buffer of shape (n_slots,) with the constants in place and NaN elsewhere."""
        values = np.full(self.n_slots, np.nan)
        for constant in self.constants:
            values[constant.start : constant.start + constant.values.size] = constant.values
        return values

    def constant_mask(self) -> NDArray[np.bool_]:
        """Return a mask of shape (n_slots,) that is True at the constants."""
        mask = np.zeros(self.n_slots, dtype=bool)
        for constant in self.constants:
            mask[constant.start : constant.start + constant.values.size] = True
        return mask

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def verify(program: Program) -> None:
    """Check that every slot is written once and before it is read, and every node is well formed.

    Raises
    ------
    SparseSolveError
        If the program is malformed; a defect of sparsesolve, not of the user's function.

    Notes
    -----
    Cost is linear in the size of all index arrays.
    """
    written = np.zeros(program.n_slots, dtype=bool)

    def write(start: int, stop: int, what: str) -> None:
        if written[start:stop].any():
            raise SparseSolveError(f"malformed program: {what} writes slots twice")
        written[start:stop] = True

    def read(index: Index, what: str) -> None:
        low, high = index.bounds()
        if low < 0 or high >= program.n_slots or not written[index.to_array()].all():
            raise SparseSolveError(f"malformed program: {what} reads slots never written")

    write(0, program.n, "the input")
    for block in program.parameters:
        write(block.start, block.start + block.size, "a parameter")
    for constant in program.constants:
        write(constant.start, constant.start + constant.values.size, "a constant")
    for step in program.instructions:
        what = f"instruction at slot {step.start}"
        for index in step.loads if isinstance(step, Kernel) else step.operands:
            read(index, what)
        if isinstance(step, Kernel):
            _verify_nodes(step, what)
        write(step.start, step.stop, what)
    read(Index.of(program.outputs), "the output")


def _verify_nodes(kernel: Kernel, what: str) -> None:
    for index in kernel.loads:
        if index.length != kernel.length:
            raise SparseSolveError(f"malformed program: {what} has a load of another length")
    for number, node in enumerate(kernel.nodes):
        if node.op == "load":
            fine = len(node.args) == 1 and 0 <= node.args[0] < len(kernel.loads)
        elif node.op == "const":
            fine = not node.args
        else:
            fine = node.op in OPS and len(node.args) == OPS[node.op].arity
            fine = fine and all(0 <= a < number for a in node.args)
        if not fine:
            raise SparseSolveError(f"malformed program: {what} has the bad node {node}")
    if not all(0 <= k < len(kernel.nodes) for k in kernel.outputs):
        raise SparseSolveError(f"malformed program: {what} stores a node it does not have")


def _lines(program: Program) -> Iterator[str]:
    yield f"slots {program.n_slots}: x[{program.n}]" + "".join(
        f", parameter {k} at {p.start}{list(p.shape)}" for k, p in enumerate(program.parameters)
    )
    for step in program.instructions:
        if isinstance(step, Opaque):
            yield f"{step.start}..{step.stop - 1} = {step.name}({len(step.operands)} operands)"
            continue
        stored = ", ".join(expression(step, k) for k in step.outputs)
        summed = "" if step.segments is None else f" summed to {step.rows}"
        yield f"{step.start}..{step.stop - 1} = {stored} for i < {step.length}{summed}"
    yield f"return {Index.of(program.outputs)}"


def expression(kernel: Kernel, number: int) -> str:
    """Write one node of a kernel as a formula, slots as ``s[...]``, long operands as ``...``."""
    texts: list[str] = []  # of all nodes in order: a node used twice is not written twice as long
    for node in kernel.nodes[: number + 1]:
        if node.op == "load":
            text = f"s[{kernel.loads[node.args[0]]}]"
        elif node.op == "const":
            text = f"{node.value:g}"
        else:
            text = f"{node.op}({', '.join(texts[a] for a in node.args)})"
        texts.append(text if len(text) <= _WIDEST else f"{node.op}(...)")
    return texts[number]


_WIDEST = 400
