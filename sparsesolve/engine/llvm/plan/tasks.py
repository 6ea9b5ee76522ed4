"""From a kernel to a task: its signature, and the words that one run of its code reads.

This is where addresses, slot numbers and index arrays enter; see
`kernel_signature` for the layout of the words.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.affine_pieces import Numbers, affine_pieces, piece_words
from sparsesolve.engine.llvm.plan.chunks import Chunk, cut
from sparsesolve.engine.llvm.plan.kernel_signature import BASES, RUN_WORDS, KernelSignature
from sparsesolve.engine.llvm.plan.spaces import Hull, Positions
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Block, Index, Kernel, Node, Program, Slots

__all__ = ["SMALL", "Copy", "Regions", "Target", "Task", "copy_task", "make_task"]

SMALL = 2048  # elements up to which an argument or a result is copied rather than pointed to
_MOST_SPREAD = 4  # different constants in one load
_MOST_IN_TURN = 6  # stores that are written as one; shuffling grows with the square


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Where an output of a kernel goes.

    Parameters
    ----------
    node : int
        The node that is stored.
    rest : int or None
        First slot, if it is stored among the slots.
    positions : Positions, one a row, or None
        Where in the result it is stored, if it is stored there.
    """

    node: int
    rest: int | None
    positions: Positions | None


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """Elements of the result that stand there already: what a task does besides kernels.

    Parameters
    ----------
    sources : Positions
        What to copy.
    """

    sources: Positions
    nodes: ClassVar[tuple[Node, ...]] = (Node("load", (0,)),)
    segments: ClassVar[None] = None

    @property
    def length(self) -> int:
        """How many there are."""
        return self.sources.size

    @property
    def rows(self) -> int:
        """The same."""
        return self.sources.size


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A kernel, or a copy within the result, ready to run.

    Parameters
    ----------
    signature : KernelSignature
        What its code depends on.
    words : list of int
        What its code reads, but for the addresses of native functions, which begin at
        ``native_at``.
    low, high : int
        The domain: elements, runs or rows.
    work : int
        Nodes times elements.
    reads, writes : list of Hull
        Slots that are read, and those that are written.
    chunks : list of Chunk
        The domain in parts.
    computes : Kernel or Copy
        What it computes.
    kept : list of ndarray
        The arrays whose addresses are among the words.
    sample : list of ndarray of int32
        For each output in the result, some of the positions that it is written to.
    trips, group : int
        How many chunks must be run one after the other, each after that of the tasks before it in
        the same group.
    """

    signature: KernelSignature
    words: list[int]
    native_at: int
    low: int
    high: int
    work: int
    reads: list[Hull]
    writes: list[Hull]
    chunks: list[Chunk]
    computes: Kernel | Copy
    kept: list[NDArray[np.generic]]
    sample: list[NDArray[np.int32]]
    trips: int = 1
    group: int = -1

    @property
    def is_apart(self) -> bool:
        """Whether its chunks may not become one, as vectors would reach into the next trip."""
        return self.trips > 1 and self.signature.mode == "map"

    @property
    def reads_result(self) -> bool:
        """Whether it copies within the result."""
        return isinstance(self.computes, Copy)


class Regions:
    """Tells which base a range of slots is read from.

    Parameters
    ----------
    program : Program
        Whose slots they are.

    Attributes
    ----------
    mirrored : set of int
        Parameters that must be copied among the other slots, because they are small, or because
        some index array reads them together with those.
    """

    def __init__(self, program: Program) -> None:
        self.n = program.n
        self.m = program.m
        self.blocks: tuple[Block, ...] = program.parameters
        self.mirrored = {k for k, block in enumerate(self.blocks) if block.size <= SMALL}
        self.is_constant = program.constant_mask()
        self.values = program.constant_values()

    def base(self, hull: Hull) -> int:
        """Return the number of the base of a range of slots, -1 if x and others are mixed."""
        low, high = hull
        if high < self.n:
            return BASES["x"]
        for number, block in enumerate(self.blocks):
            if number in self.mirrored:
                continue
            if block.start <= low and high < block.start + block.size:
                return BASES["parameters"] + number
            if block.size and block.start <= high and low < block.start + block.size:
                self.mirrored.add(number)
        return BASES["rest"] if low >= self.n else -1

    def constants(self, slots: Slots) -> NDArray[np.float64] | None:
        """Return the values of slots that are all constant, else None."""
        size = self.is_constant.size
        if slots[0] >= size or not self.is_constant[slots[0]] or int(slots.max()) >= size:
            return None
        return self.values[slots] if bool(self.is_constant[slots].all()) else None


def make_task(
    kernel: Kernel,
    targets: Sequence[Target],
    regions: Regions,
    width: int,
    *,
    trips: int = 1,
    group: int = -1,
) -> Task:
    """Choose a signature for a kernel and fill its words.

    Parameters
    ----------
    kernel : Kernel
        What to compute, with at least one row.
    targets : sequence of Target
        Where its outputs go.
    regions : Regions
        Where its operands are.
    width : int
        Lanes of a vector.
    trips, group : int
        For a kernel of a recurrence, as in `Task`.
    """
    maker = _Maker(kernel, regions, width, trips)
    for index in kernel.loads:
        maker.add_load(index)
    for target in targets:
        maker.add_target(target)
    return replace(maker.finish(), trips=trips, group=group)


def copy_task(sources: Positions, positions: Positions, regions: Regions, width: int) -> Task:
    """Make a task that copies elements of the result to other places in it."""
    maker = _Maker(Copy(sources), regions, width)
    maker.add_source(sources)
    maker.add_target(Target(0, None, positions))
    return maker.finish()


@dataclass(slots=True)
class _Access:
    """A load or store on its way into the words; one that is no run has its numbers."""

    kind: str
    words: list[int]
    numbers: Numbers | None = None
    base: int = 0
    node: int = -1


class _Maker:
    def __init__(
        self, computes: Kernel | Copy, regions: Regions, width: int, trips: int = 1
    ) -> None:
        self.computes = computes
        self.trips = trips
        self.regions = regions
        self.width = width
        self.work = len(computes.nodes) * computes.length
        self.kept: list[NDArray[np.generic]] = []
        self.reads: list[Hull] = []
        self.writes: list[Hull] = []
        self.positions: list[Positions] = []
        self.waits: list[Index] = []  # loads that may read what other tasks write
        self.starts: NDArray[np.int64] | None = None
        self.loads: list[_Access] = []
        self.stores: list[_Access] = []

    def address(self, array: NDArray[np.generic]) -> int:
        """Keep an array alive and return where its elements are."""
        self.kept.append(array)
        return int(array.__array_interface__["data"][0])

    def add_source(self, sources: Positions) -> None:
        base, run = BASES["out"], sources.run()
        if run is None:
            self.loads.append(_Access("index", [], sources, base))
        else:
            self.loads.append(_run(base, *run, sources.size))

    def add_load(self, index: Index) -> None:
        hull = Hull(*index.bounds())
        self.reads.append(hull)
        if hull.high >= self.regions.n:
            self.waits.append(index)
        base = self.regions.base(hull)
        if index.array is None and base >= 0:
            self.loads.append(_run(base, index.start, index.stride, index.length))
            return
        slots = np.ascontiguousarray(index.to_array(), dtype=np.int32)
        values = self.regions.constants(slots)
        if values is not None:
            slot = self.address(values) // 8
            self.loads.append(_Access("unit", [BASES["absolute"], slot]))
        else:
            self.loads.append(_Access("mixed" if base < 0 else "index", [], slots, base))

    def add_target(self, target: Target) -> None:
        if target.rest is not None:
            self.stores.append(_Access("rest", [target.rest], node=target.node))
            self.writes.append(Hull(target.rest, target.rest + self.computes.rows - 1))
        if target.positions is not None:
            self.positions.append(target.positions)
            self.stores.append(_store(target.positions, target.node))

    def finish(self) -> Task:
        computes = self.computes
        mode, low, high, last = self._mode()
        if mode in ("map", "tiny"):
            self.stores = _in_turn(self.stores)
        words = [self.regions.n]
        for access in self.loads:
            words += self._words(access)
        nodes, values = _split_constants(computes.nodes)
        words += values
        native_at = len(words)
        for access in self.stores:
            words += self._words(access)
        signature = KernelSignature(
            mode,
            nodes,
            tuple(access.kind for access in self.loads),
            tuple((access.node, access.kind) for access in self.stores),
        )
        words += last
        return Task(
            signature,
            words,
            native_at,
            low,
            high,
            self.work,
            self.reads,
            self.writes,
            cut(computes, self.starts, self.positions, self.waits, self.regions.m, self.trips),
            computes,
            self.kept,
            [positions.some() for positions in self.positions],
        )

    def _words(self, access: _Access) -> list[int]:
        numbers = access.numbers
        if numbers is None or access.kind in RUN_WORDS:
            return access.words
        address = self.address(numbers.numbers if isinstance(numbers, Positions) else numbers)
        return [access.base, address] if access.kind == "index" else [address]

    def _mode(self) -> tuple[str, int, int, list[int]]:
        """Return the mode, the domain, and the words of the mode."""
        kernel = self.computes
        if kernel.segments is not None:
            mean = kernel.length / kernel.rows
            mode = "long-rows" if mean >= 2 * self.width else "rows"
            edges = np.ascontiguousarray(kernel.segments, dtype=np.int64)
            return mode, 0, kernel.rows, [self.address(edges)]
        table = self._runs()
        if table is not None:
            return "runs", 0, table.shape[0], [self.address(table)]
        mode = "tiny" if kernel.length < self.width * self.trips else "map"
        return mode, 0, kernel.length, []

    def _runs(self) -> NDArray[np.int64] | None:
        """Cut the domain where an index array is not affine, if that gives few pieces."""
        accesses = [(a, a.numbers) for a in (*self.loads, *self.stores) if a.numbers is not None]
        starts = affine_pieces([numbers for _, numbers in accesses], self.regions.n, self.trips)
        self.starts = starts
        if starts is None:
            return None
        columns: list[NDArray[np.int64]] = [starts, np.append(starts[1:], self.computes.length)]
        for access, numbers in accesses:
            first, stride = piece_words(numbers, starts)
            if isinstance(numbers, Positions):
                bases = np.where(numbers.exist[starts], access.base, BASES["nowhere"])
            else:
                mixed = access.kind == "mixed"
                base = np.int64(BASES["rest"] if mixed else access.base)
                bases = np.where(mixed & (numbers[starts] < self.regions.n), BASES["x"], base)
                self._spread_constants(numbers, starts, bases, first, stride)
            unit = bool((stride == 1).all())
            access.kind = "run-unit" if unit else "run-strided"
            columns += [bases, first] if unit else [bases, first, stride]
        return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.int64)

    def _spread_constants(
        self,
        slots: Slots,
        starts: NDArray[np.int64],
        bases: NDArray[np.int64],
        first: NDArray[np.int64],
        stride: NDArray[np.int64],
    ) -> None:
        """Let pieces that repeat one constant (the padding of a grid) read a vector of it.

        Then they are loads of stride 1, like the rest of the grid.
        """
        sizes = np.diff(np.append(starts, slots.size))
        for slot in np.unique(slots[starts[stride == 0]])[:_MOST_SPREAD]:
            value = self.regions.constants(np.array([slot]))
            pieces = np.flatnonzero((stride == 0) & (slots[starts] == slot))
            if value is not None and stride.size > pieces.size:
                block = self.address(np.full(int(sizes[pieces].max()), value[0])) // 8
                bases[pieces] = BASES["absolute"]
                first[pieces] = block - starts[pieces]
                stride[pieces] = 1


def _run(base: int, start: int, stride: int, length: int) -> _Access:
    """Load a run of slots or positions."""
    if stride == 0 or length == 1:
        return _Access("scalar", [base, start])
    if stride == 1:
        return _Access("unit", [base, start])
    return _Access("strided", [base, start, stride])


def _store(positions: Positions, node: int) -> _Access:
    """Store a node in the result."""
    if not positions.exist.all():
        return _Access("out-partial", [], positions, BASES["out"], node)
    run = positions.run()
    if run is None:
        return _Access("out-index", [], positions, BASES["out"], node)
    start, stride = run
    if stride == 1 or positions.size == 1:
        return _Access("out", [start], node=node)
    return _Access("out-strided", [start, stride], node=node)


def _in_turn(stores: list[_Access]) -> list[_Access]:
    """Join stores at stride k that begin at k consecutive positions."""
    others: list[_Access] = []
    by_stride: dict[int, dict[int, _Access]] = {}
    for access in stores:
        if access.kind == "out-strided" and 2 <= access.words[1] <= _MOST_IN_TURN:
            by_stride.setdefault(access.words[1], {})[access.words[0]] = access
        else:
            others.append(access)
    for stride, found in by_stride.items():
        for first in sorted(found):
            group = [found.pop(first + k, None) for k in range(stride)]
            ready = [access for access in group if access is not None]
            if len(ready) == stride:
                ready = [
                    _Access("out-next" if k else "out-first", [] if k else [first], node=a.node)
                    for k, a in enumerate(ready)
                ]
            others += ready
    return others


def _split_constants(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], list[int]]:
    """Move constants that depend on a problem's data from the nodes to the words."""
    kept: list[Node] = []
    values: list[int] = []
    for node in nodes:
        if node.op == "const" and not _is_common(node.value):
            kept.append(Node("value", (len(values),)))
            values.append(struct.unpack("<q", struct.pack("<d", node.value))[0])
        else:
            kept.append(node)
    return tuple(kept), values


def _is_common(value: float) -> bool:
    if value == 0.0:
        return struct.pack("d", value) == bytes(8)  # -0.0 would equal it as a key
    return abs(value) <= 4.0 and (2.0 * value).is_integer()
