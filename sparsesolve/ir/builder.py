"""`Builder`: writes a `Program` instruction by instruction.

Separate from the frozen `Program` because this is the one place where programs are mutable. It
shares equal work (the same operation on the same slots), keeps every scalar constant once, and
drops what the outputs do not need.

Convention: an *operand* is either an integer array, whose elements are slot numbers, or a float
array (or number), whose elements are constants.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import SparseSolveError
from sparsesolve.ir.program import (
    Block,
    Constant,
    Index,
    Kernel,
    Node,
    Opaque,
    Program,
    Slots,
    any_true,
)

__all__ = ["Builder", "Operand", "is_slots"]

Operand: TypeAlias = NDArray[Any] | float
_MOST_SLOTS = 2**31 - 1
_ARRAYS = (np.ndarray, np.generic)
_SCALARS = {np.int32, float}
_LOADS = tuple(Node("load", (k,)) for k in range(4))


def _is_square(a: Any, b: Any) -> bool:
    """Whether two numbers are one slot; a constant of the same value is none."""
    return type(a) is np.int32 and type(b) is np.int32 and bool(a == b)


def is_slots(operand: Operand) -> bool:
    """Whether an operand holds slot numbers; otherwise it holds constants."""
    return isinstance(operand, _ARRAYS) and operand.dtype.kind == "i"


class Builder:
    """Collects instructions and allocates slots.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the differentiated argument, which takes the first slots.

    Examples
    --------
    >>> b = Builder((3,))
    >>> y = b.map("multiply", b.x, b.x)
    >>> print(b.build(y))
    slots 6: x[3]
    3..5 = multiply(s[0+1i], s[0+1i]) for i < 3
    return 3+1i
    """

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self.input_shape = input_shape
        self.n = int(np.prod(input_shape, dtype=np.int64))
        self.parameters: list[Block] = []
        self.constants: list[Constant] = []
        self.instructions: list[Kernel | Opaque] = []
        self.sources: list[str] = []
        self.origin: tuple[int, ...] = ()
        self._top = self.n
        self._scalars: dict[bytes, int] = {}
        self._memo: dict[tuple[Any, ...], Slots] = {}
        self._alive: list[Any] = []
        self._single: dict[int, Index] = {}
        self._expressions: dict[tuple[Any, ...], tuple[Node, ...]] = {}
        self._sizes: list[tuple[int, Slots]] = []  # results of `abs`: first slot, what it was of
        self.x: Slots = np.arange(self.n, dtype=np.int32).reshape(input_shape)

    @classmethod
    def resume(cls, program: Program) -> Builder:
        """Continue a frozen program: its slots stay valid and new ones follow."""
        builder = cls(program.input_shape)
        builder.parameters = list(program.parameters)
        builder.constants = list(program.constants)
        builder.instructions = list(program.instructions)
        builder.sources = list(program.sources)
        builder._top = program.n_slots
        for constant in program.constants:
            if constant.values.size == 1:
                builder._scalars[constant.values.tobytes()] = constant.start
        return builder

    # ----- slots -----

    @property
    def n_slots(self) -> int:
        """Slots allocated so far."""
        return self._top

    def allocate(self, count: int) -> int:
        """Reserve consecutive slots and return the first."""
        start = self._top
        if start + count > _MOST_SLOTS:
            raise SparseSolveError(
                f"expected fewer than {_MOST_SLOTS} array elements in one program, got more. "
                "Reduce the size of the problem, or split the function."
            )
        self._top = start + count
        return start

    def parameter(self, shape: tuple[int, ...]) -> Slots:
        """Reserve the slots of the next parameter."""
        block = Block(self.allocate(int(np.prod(shape, dtype=np.int64))), shape)
        self.parameters.append(block)
        return np.arange(block.start, block.start + block.size, dtype=np.int32).reshape(shape)

    def scalar(self, value: float) -> int:
        """Slot of a scalar constant; equal constants share one."""
        key = np.float64(value).tobytes()
        slot = self._scalars.get(key)
        if slot is None:
            slot = self._scalars[key] = self.allocate(1)
            self.constants.append(Constant(slot, np.array([value], dtype=np.float64)))
        return slot

    def constant(self, values: Any) -> Slots:
        """Slots of an array of constants, in its shape; a single value is shared."""
        array = np.asarray(values, dtype=np.float64)
        if array.size and _is_uniform(array):
            return np.full(array.shape, self.scalar(float(array.flat[0])), dtype=np.int32)
        start = self.allocate(array.size)
        self.constants.append(Constant(start, array.reshape(-1).copy()))
        return np.arange(start, start + array.size, dtype=np.int32).reshape(array.shape)

    def slots(self, operand: Operand) -> Slots:
        """Turn any operand into slots."""
        if isinstance(operand, np.ndarray | np.generic) and is_slots(operand):
            return np.asarray(operand)
        return self.constant(operand)

    # ----- instructions -----

    def map(self, op: str, *operands: Operand) -> Slots:
        """Apply one operation elementwise; operands broadcast as in NumPy.

        Returns
        -------
        ndarray of int32
            Slots of the result, in the broadcast shape; one number for scalar operands.
        """
        if _SCALARS.issuperset(map(type, operands)):
            single: Slots = self.map_scalars(op, *operands)
            return single
        if op == "multiply" and self._sizes and operands[0] is operands[1]:
            operands = (self._signed(np.asarray(operands[0])),) * 2
        key = (op, *(_key(operand) for operand in operands))
        found = self._memo.get(key)
        if found is not None:
            return found
        shape = np.broadcast_shapes(*(np.shape(operand) for operand in operands))
        length = math.prod(shape)
        loads: list[Index] = []
        nodes: list[Node] = []
        for operand in operands:
            if not is_slots(operand) and np.size(operand) == 1:
                nodes.append(Node("const", (), float(np.asarray(operand).reshape(()))))
                continue
            nodes.append(Node("load", (len(loads),)))
            ids = self.slots(operand)
            loads.append(Index.of(ids if ids.shape == shape else np.broadcast_to(ids, shape)))
            if length == 1 or ids.size == 1:
                loads[-1] = Index(length, int(ids.flat[0]) if ids.size else 0, 0)
        nodes.append(Node(op, tuple(range(len(operands)))))
        start = self.kernel(length, loads, nodes, (len(nodes) - 1,))
        result = np.arange(start, start + length, dtype=np.int32).reshape(shape)
        if op == "abs" and is_slots(operands[0]):
            self._sizes.append((start, np.asarray(operands[0]).reshape(-1)))
        self._memo[key] = result
        self._alive.append(operands)  # keys hold addresses, so the arrays must live on
        return result

    def map_scalars(self, op: str, *operands: Any) -> Any:
        """Do what `map` does for numbers (slots as ``np.int32``, constants as float), quickly.

        Python loops over scalars come here a lot.
        """
        if op == "multiply" and self._sizes and _is_square(*operands):
            operands = (self._signed(np.asarray(operands[0]))[()],) * 2
        key = (op, *[int(a) if type(a) is np.int32 else a.hex() for a in operands])
        found = self._memo.get(key)
        if found is not None:
            return found
        loads: list[Index] = []
        for slot in key[1:]:
            if type(slot) is int:
                index = self._single.get(slot)
                if index is None:
                    index = self._single[slot] = Index(1, slot, 0)
                loads.append(index)
        arity = len(operands)
        whole = len(loads) == arity
        nodes = _nodes_of(op, arity) if whole else self._with_constants(key, operands)
        start = self.allocate(1)
        step = Kernel(start, 1, tuple(loads), nodes, (arity,), None, self.origin)
        self.instructions.append(step)
        if op == "abs" and type(operands[0]) is np.int32:
            self._sizes.append((start, np.array([operands[0]])))
        result: Any = np.int32(start)
        self._memo[key] = result
        return result

    def _with_constants(self, key: tuple[Any, ...], operands: Sequence[Any]) -> tuple[Node, ...]:
        """One operation on loads and constants; kernels share these, too."""
        place = tuple([0 if type(part) is int else part for part in key])
        found = self._expressions.get(place)
        if found is None:
            left = iter(_LOADS)
            nodes = [
                next(left) if type(part) is int else Node("const", (), operand)
                for part, operand in zip(key[1:], operands, strict=True)
            ]
            found = self._expressions[place] = (*nodes, _nodes_of(key[0], len(nodes))[-1])
        return found

    def _signed(self, ids: Any) -> Any:
        """Return what these slots are the absolute value of, all of them, or else themselves.

        For squares: ``abs(x)**2`` is smooth where its factors have a kink.
        """
        if not is_slots(ids) or not ids.size:
            return ids
        low, high = int(ids.min()), int(ids.max())
        at = bisect_right(self._sizes, low, key=lambda size: size[0]) - 1
        if at < 0 or high >= self._sizes[at][0] + self._sizes[at][1].size:
            return ids
        start, signed = self._sizes[at]
        return signed[ids - start]

    def reduce(self, ids: Slots, segments: NDArray[Any]) -> Slots:
        """Sum consecutive pieces: row ``r`` is the sum of ``ids[segments[r]:segments[r + 1]]``."""
        index = Index.of(ids)
        start = self.kernel(index.length, [index], [Node("load", (0,))], (0,), segments)
        return np.arange(start, start + len(segments) - 1, dtype=np.int32)

    def kernel(
        self,
        length: int,
        loads: Sequence[Index],
        nodes: Sequence[Node],
        outputs: Sequence[int],
        segments: NDArray[Any] | None = None,
    ) -> int:
        """Append a kernel and return its first slot."""
        if segments is not None:
            segments = np.ascontiguousarray(segments, dtype=np.int64)
        rows = length if segments is None else len(segments) - 1
        start = self.allocate(rows * len(outputs))
        step = Kernel(
            start, length, tuple(loads), tuple(nodes), tuple(outputs), segments, self.origin
        )
        self.instructions.append(step)
        return start

    def opaque(
        self,
        name: str,
        function: Callable[..., Any],
        operands: Sequence[Slots],
        result_shape: tuple[int, ...],
    ) -> Slots:
        """Append a call that cannot be lowered and return the slots of its result."""
        length = int(np.prod(result_shape, dtype=np.int64))
        start = self.allocate(length)
        indices = tuple(Index.of(ids) for ids in operands)
        shapes = tuple(ids.shape for ids in operands)
        step = Opaque(start, length, function, indices, shapes, result_shape, name, self.origin)
        self.instructions.append(step)
        return np.arange(start, start + length, dtype=np.int32).reshape(result_shape)

    def build(self, outputs: Operand) -> Program:
        """Freeze into a program that computes `outputs`, without what they do not need."""
        ids = self.slots(outputs)
        flat = np.ascontiguousarray(ids, dtype=np.int32).reshape(-1)
        return Program(
            n=self.n,
            input_shape=self.input_shape,
            parameters=tuple(self.parameters),
            constants=tuple(self.constants),
            instructions=_needed(self.instructions, flat, self._top),
            outputs=flat,
            output_shape=ids.shape,
            n_slots=self._top,
            sources=tuple(self.sources),
        )


def _is_uniform(array: NDArray[np.float64]) -> bool:
    """Whether all elements are the same number, zeros of both signs being different."""
    first = array.flat[0]
    if array.size == 1:
        return True
    return bool((array == first).all()) and (first != 0.0 or not np.signbit(array).any())


def _key(operand: Operand) -> tuple[Any, ...]:
    """Cheap identity of an operand: by value for scalars, by memory for arrays."""
    if not isinstance(operand, np.ndarray):
        return (is_slots(operand), np.float64(operand).tobytes())
    if operand.size == 1:
        return (is_slots(operand), operand.shape, operand.tobytes())
    return (
        is_slots(operand),
        operand.__array_interface__["data"][0],
        operand.shape,
        operand.strides,
    )


@functools.cache
def _nodes_of(op: str, arity: int) -> tuple[Node, ...]:
    """One operation on loads; kernels share these, and can be told by identity."""
    return (*_LOADS[:arity], Node(op, tuple(range(arity))))


def _needed(
    instructions: Sequence[Kernel | Opaque], outputs: Slots, n_slots: int
) -> tuple[Kernel | Opaque, ...]:
    flags = bytearray(n_slots)  # quick to read and write one by one
    live = np.frombuffer(flags, dtype=np.bool_)
    live[outputs] = True
    kept: list[Kernel | Opaque] = []
    for step in reversed(instructions):
        single = step.stop == step.start + 1
        if not (flags[step.start] if single else any_true(live[step.start : step.stop])):
            continue
        kept.append(step)
        for index in step.loads if isinstance(step, Kernel) else step.operands:
            if index.array is not None or index.stride < 0:
                live[index.to_array()] = True
            elif index.length == 1:
                flags[index.start] = 1
            elif index.length:
                low, high = index.bounds()
                live[low : high + 1 : index.stride or 1] = True
    return tuple(reversed(kept))
