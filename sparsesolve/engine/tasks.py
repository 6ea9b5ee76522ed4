"""From a kernel to a task: its form, and the words that one run of its code reads.

Separate because this is where addresses, slot numbers and index arrays enter; see `form` for the
layout of the words.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.chunks import Chunk, cut
from sparsesolve.engine.form import BASES, RUN_WORDS, Form
from sparsesolve.engine.runs import affine_pieces, piece_words
from sparsesolve.program import Block, Index, Kernel, Node, Program, Slots

__all__ = ["SMALL", "Regions", "Target", "Task", "make_task"]

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
    positions : ndarray of int32, shape (rows,), or None
        Positions in the result, -1 for none, if it is stored there.
    """

    node: int
    rest: int | None
    positions: Slots | None


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A kernel, ready to run.

    Parameters
    ----------
    form : Form
        What its code depends on.
    words : list of int
        What its code reads, but for the addresses of native functions, which begin at
        ``native_at``.
    low, high : int
        The domain: elements, runs or rows.
    work : int
        Nodes times elements.
    reads, writes : list of (int, int)
        Hulls of the slots that are read, and ranges of those that are written: first and last.
    chunks : list of Chunk
        The domain in parts.
    reads_result : bool
        Whether it copies within the result.
    kernel : Kernel
        What it computes.
    kept : list of ndarray
        The arrays whose addresses are among the words.
    """

    form: Form
    words: list[int]
    native_at: int
    low: int
    high: int
    work: int
    reads: list[tuple[int, int]]
    writes: list[tuple[int, int]]
    chunks: list[Chunk]
    reads_result: bool
    kernel: Kernel
    kept: list[NDArray[np.generic]]


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

    def base(self, low: int, high: int) -> int:
        """Return the number of the base of slots ``low .. high``, -1 if x and others are mixed."""
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
    base: int | None = None,
) -> Task:
    """Choose a form for a kernel and fill its words.

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
    base : int, optional
        Number of the base that all loads refer to; by default it is found by their slots.
    """
    maker = _Maker(kernel, regions, width)
    for index in kernel.loads:
        maker.add_load(index, base)
    for target in targets:
        maker.add_target(target)
    return maker.finish()


@dataclass(slots=True)
class _Access:
    """A load or store on its way into the words."""

    kind: str
    words: list[int]
    array: Slots | None = None
    base: int = 0
    node: int = -1


class _Maker:
    def __init__(self, kernel: Kernel, regions: Regions, width: int) -> None:
        self.kernel = kernel
        self.regions = regions
        self.width = width
        self.work = len(kernel.nodes) * kernel.length
        self.kept: list[NDArray[np.generic]] = []
        self.reads: list[tuple[int, int]] = []
        self.writes: list[tuple[int, int]] = []
        self.positions: list[Slots] = []
        self.waits: list[Index] = []  # loads that may read what other tasks write
        self.starts: NDArray[np.int64] | None = None
        self.reads_result = False
        self.loads: list[_Access] = []
        self.stores: list[_Access] = []

    def address(self, array: NDArray[np.generic]) -> int:
        """Keep an array alive and return where its elements are."""
        self.kept.append(array)
        return int(array.__array_interface__["data"][0])

    def add_load(self, index: Index, given: int | None) -> None:
        if given is None:
            self.reads.append(index.bounds())
            if self.reads[-1][1] >= self.regions.n:
                self.waits.append(index)
            base = self.regions.base(*self.reads[-1])
        else:
            base = given
            self.reads_result = True
        if index.array is None and base >= 0:
            if index.stride == 0 or index.length == 1:
                self.loads.append(_Access("scalar", [base, index.start]))
            elif index.stride == 1:
                self.loads.append(_Access("unit", [base, index.start]))
            else:
                self.loads.append(_Access("strided", [base, index.start, index.stride]))
            return
        slots = np.ascontiguousarray(index.to_array(), dtype=np.int32)
        values = self.regions.constants(slots) if given is None else None
        if values is not None:
            slot = self.address(values) // 8
            self.loads.append(_Access("unit", [BASES["absolute"], slot]))
        else:
            self.loads.append(_Access("mixed" if base < 0 else "index", [], slots, base))

    def add_target(self, target: Target) -> None:
        if target.rest is not None:
            self.stores.append(_Access("rest", [target.rest], node=target.node))
            self.writes.append((target.rest, target.rest + self.kernel.rows - 1))
        if target.positions is None:
            return
        self.positions.append(target.positions)
        if int(target.positions.min()) < 0:
            array = np.ascontiguousarray(target.positions)
            self.stores.append(_Access("out-partial", [], array, BASES["out"], node=target.node))
            return
        index = Index.of(target.positions)
        if index.array is not None:
            access = _Access("out-index", [], index.array, BASES["out"])
        elif index.stride == 1 or index.length == 1:
            access = _Access("out", [index.start])
        else:
            access = _Access("out-strided", [index.start, index.stride])
        access.node = target.node
        self.stores.append(access)

    def finish(self) -> Task:
        kernel = self.kernel
        mode, low, high, last = self._mode()
        if mode in ("map", "tiny"):
            self.stores = _in_turn(self.stores)
        words = [self.regions.n]
        for access in self.loads:
            words += self._words(access)
        nodes, values = _split_constants(kernel.nodes)
        words += values
        native_at = len(words)
        for access in self.stores:
            words += self._words(access)
        form = Form(
            mode,
            nodes,
            tuple(access.kind for access in self.loads),
            tuple((access.node, access.kind) for access in self.stores),
        )
        words += last
        return Task(
            form,
            words,
            native_at,
            low,
            high,
            self.work,
            self.reads,
            self.writes,
            cut(kernel, self.starts, self.positions, self.waits, self.regions.m),
            self.reads_result,
            kernel,
            self.kept,
        )

    def _words(self, access: _Access) -> list[int]:
        if access.array is None or access.kind in RUN_WORDS:
            return access.words
        address = self.address(access.array)
        return [access.base, address] if access.kind == "index" else [address]

    def _mode(self) -> tuple[str, int, int, list[int]]:
        """Return the mode, the domain, and the words of the mode."""
        kernel = self.kernel
        if kernel.segments is not None:
            mean = kernel.length / kernel.rows
            mode = "long-rows" if mean >= 2 * self.width else "rows"
            edges = np.ascontiguousarray(kernel.segments, dtype=np.int64)
            return mode, 0, kernel.rows, [self.address(edges)]
        table = self._runs()
        if table is not None:
            return "runs", 0, table.shape[0], [self.address(table)]
        return ("tiny" if kernel.length < self.width else "map"), 0, kernel.length, []

    def _runs(self) -> NDArray[np.int64] | None:
        """Cut the domain where an index array is not affine, if that gives few pieces."""
        cut = [access for access in (*self.loads, *self.stores) if access.array is not None]
        arrays = [access.array for access in cut if access.array is not None]
        starts = affine_pieces(arrays, self.regions.n)
        self.starts = starts
        if starts is None:
            return None
        columns: list[NDArray[np.int64]] = [starts, np.append(starts[1:], self.kernel.length)]
        for access, array in zip(cut, arrays, strict=True):
            base = access.base
            if access.kind == "mixed":
                bases = np.where(array[starts] < self.regions.n, BASES["x"], BASES["rest"])
            elif access.kind == "out-partial":
                bases = np.where(array[starts] < 0, BASES["nowhere"], base)
            else:
                bases = np.full(starts.size, base)
            first, stride = piece_words(array, starts, access.kind == "out-partial")
            if access.node < 0 and access.base != BASES["out"]:  # positions are no slots
                self._spread_constants(array, starts, bases, first, stride)
            unit = bool((stride == 1).all())
            access.kind = "run-unit" if unit else "run-strided"
            columns += [bases, first] if unit else [bases, first, stride]
        return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.int64)

    def _spread_constants(
        self,
        array: Slots,
        starts: NDArray[np.int64],
        bases: NDArray[np.int64],
        first: NDArray[np.int64],
        stride: NDArray[np.int64],
    ) -> None:
        """Let pieces that repeat one constant (the padding of a grid) read a vector of it.

        Then they are loads of stride 1, like the rest of the grid.
        """
        sizes = np.diff(np.append(starts, array.size))
        for slot in np.unique(array[starts[stride == 0]])[:_MOST_SPREAD]:
            value = self.regions.constants(np.array([slot]))
            pieces = np.flatnonzero((stride == 0) & (array[starts] == slot))
            if value is not None and stride.size > pieces.size:
                block = self.address(np.full(int(sizes[pieces].max()), value[0])) // 8
                bases[pieces] = BASES["absolute"]
                first[pieces] = block - starts[pieces]
                stride[pieces] = 1


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
