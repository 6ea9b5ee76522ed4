"""Random programs of every size at which plans change, in whole numbers: two engines agree exactly.

What is loaded and stored is clipped to small integers, so sums are exact in any order. A last
operation, which nobody reads, may be one of the C library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Node, Program, Slots, verify

# around a vector, a piece, an element that is worth good code, a buffer, a long sum, a chunk
SIZES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 257, 1023, 1024, 1025]
SIZES += [1499, 1500, 1501, 2047, 2048, 2049, 4095, 4096, 4097, 8193, 16383, 16384, 16385, 33000]
UNARY = ["negative", "abs", "sign", "floor", "logical_not", "isnan"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum", "less", "logical_and", "fmin"]
LIBRARY = ["sin", "exp", "arctan", "sqrt", "divide"]
_LIMIT = 9.0


def exact_program(seed: int, n: int, *, library: bool = True) -> Program:
    """Draw a program whose argument has n elements."""
    rng = np.random.default_rng([seed, n])
    b = Builder((n,))
    shapes = [(), (3,), (n,)][: int(rng.integers(0, 4))]
    blocks = [b.x, *(np.asarray(b.parameter(shape)).reshape(-1) for shape in shapes)]
    scalars = [b.scalar(float(k)) for k in rng.integers(-5, 5, int(rng.integers(1, 8)))]
    blocks += [b.slots(b.constant(_integers(rng, n + 2))).reshape(-1), np.array(scalars)]
    blocks = [block.astype(np.int32) for block in blocks]
    finals: list[Slots] = []
    for _ in range(int(rng.integers(1, 5))):
        made, readable = _kernel(b, rng, blocks, max(1, n), library)
        finals += made
        if readable:
            blocks += [part for part in made if part.size]
    program = b.build(_outputs(rng, blocks, finals))
    verify(program)
    return program


def exact_point(
    program: Program, seed: int
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Draw x and the parameters."""
    rng = np.random.default_rng(seed)
    return _integers(rng, program.n), [
        _integers(rng, block.size).reshape(block.shape) for block in program.parameters
    ]


def _integers(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    return rng.integers(-6, 7, size).astype(np.float64)


def _row(rng: np.random.Generator, blocks: list[Slots], length: int) -> Slots:
    """Draw what a load reads: runs, runs with a padding, one slot again and again, anything."""
    block = blocks[int(rng.integers(len(blocks)))]
    if not block.size:
        block = blocks[-1]
    other = blocks[int(rng.integers(len(blocks)))]
    other = other if other.size else blocks[-1]
    form = int(rng.integers(0, 11))
    if form in (9, 10):  # a run that goes from one producer into the next ones
        last = max(int(part[-1]) for part in blocks if part.size)
        first = int(rng.integers(0, max(1, last + 2 - length)))
        run = np.minimum(np.arange(first, first + length), last).astype(np.int32)
        return run[::-1] if form == 10 else run
    if form == 0:
        return np.resize(block[::-1], length)
    if form == 1:
        return np.resize(block[:: int(rng.integers(2, 4))], length)
    if form == 2:
        return np.full(length, rng.choice(block))
    if form == 3:  # a padding
        row = np.resize(block, length)
        edge = int(rng.integers(0, length // 3 + 1))
        row[:edge], row[length - edge :] = rng.choice(blocks[-1]), rng.choice(other)
        return row
    if form == 4:  # one value again and again, then the next one
        count = max(1, length // int(rng.integers(1, 7)))
        return np.resize(np.repeat(rng.choice(block, 8), count), length)
    if form == 5:
        return rng.choice(np.concatenate([block, other]), length)
    if form == 6:  # two producers, one behind the other
        cut = int(rng.integers(0, length + 1))
        return np.concatenate([np.resize(block, cut), np.resize(other, length - cut)])
    if form == 7:  # a run with few other values
        row = np.resize(block, length).copy()
        row[rng.integers(0, length, length // 40)] = rng.choice(other)
        return row
    return np.resize(block, length)


def _segments(rng: np.random.Generator, length: int) -> NDArray[np.int64] | None:
    form = int(rng.integers(0, 8))
    if form == 0:
        return np.array([0, length])
    if form == 1:  # of one length
        each = int(rng.choice([1, 2, 3, 8, 9, 16, 40]))
        return np.arange(0, length + 1, each) if length % each == 0 else None
    if form == 2:  # short ones, some of them empty
        inner = np.sort(rng.integers(0, length + 1, length // 3))
        return np.array([0, *inner, length])
    if form == 3:  # long ones
        inner = np.sort(rng.integers(0, length + 1, 3))
        return np.array([0, *inner, length])
    return None


def _clipped(nodes: list[Node], number: int) -> int:
    nodes.append(Node("const", (), _LIMIT))
    nodes.append(Node("minimum", (number, len(nodes) - 1)))
    nodes.append(Node("const", (), -_LIMIT))
    nodes.append(Node("maximum", (len(nodes) - 2, len(nodes) - 1)))
    return len(nodes) - 1


def _kernel(
    b: Builder, rng: np.random.Generator, blocks: list[Slots], n: int, library: bool
) -> tuple[list[Slots], bool]:
    """Write a kernel; return its outputs, and whether others may read them."""
    length = int(rng.choice([n, n, n, n + 1, max(1, n // 2), 2 * n, 5]))
    loads = [Index.of(_row(rng, blocks, length)) for _ in range(int(rng.integers(1, 4)))]
    nodes: list[Node] = [Node("load", (k,)) for k in range(len(loads))]
    known = [_clipped(nodes, k) for k in range(len(loads))]
    nodes.append(Node("const", (), float(rng.choice([0.0, -1.0, 2.0, 7.0]))))
    known.append(len(nodes) - 1)
    for _ in range(int(rng.integers(1, 5))):
        a, c, d = (int(k) for k in rng.choice(known, 3))
        kind = rng.random()
        if kind < 0.2:
            nodes.append(Node(str(rng.choice(UNARY)), (a,)))
        elif kind < 0.9:
            nodes.append(Node(str(rng.choice(BINARY)), (a, c)))
        else:
            nodes.append(Node("where", (a, c, d)))
        known.append(_clipped(nodes, len(nodes) - 1))
    segments = _segments(rng, length)
    last = library and segments is None and rng.random() < 0.3
    if last:
        op = str(rng.choice(LIBRARY))
        nodes.append(Node(op, (known[-1], known[-2])[: 2 if op == "divide" else 1]))
        known.append(len(nodes) - 1)
    outputs = [known[-1], *(int(k) for k in rng.choice(known, int(rng.integers(0, 7))))]
    start = b.kernel(length, loads, nodes, outputs, segments)
    made = np.arange(start, b.n_slots, dtype=np.int32).reshape(len(outputs), -1)
    return list(made), not last


def _outputs(rng: np.random.Generator, blocks: list[Slots], finals: list[Slots]) -> Slots:
    """Draw the result: whole rows, rows that take turns, repeated slots, inputs, constants."""
    parts: list[Slots] = []
    everything = [*finals, *blocks]
    for _ in range(int(rng.integers(1, 9))):
        row = everything[int(rng.integers(len(everything)))]
        form = int(rng.integers(0, 11))
        if not row.size or form == 0:
            parts.append(row)
        elif form == 1:
            alike = [other for other in finals if other.size == row.size] or [row]
            parts.append(np.stack(alike, axis=1).reshape(-1))
        elif form == 2:
            parts.append(np.full(int(rng.integers(1, 2 * row.size + 40)), row[-1]))
        elif form == 3:
            parts.append(np.repeat(row[:50], max(1, row.size // 7)))
        elif form == 4:
            parts.append(rng.permutation(row))
        elif form == 5:
            parts.append(row[rng.random(row.size) < rng.choice([0.05, 0.2, 0.6])])
        elif form == 6:
            parts.append(row[:: int(rng.choice([-1, 2, 3]))])
        elif form == 7:
            parts.append(np.tile(row, 2))
        elif form in (8, 9):  # blocks of one value each
            few = rng.choice(row, int(rng.integers(2, 6)))
            parts.append(np.repeat(few, int(rng.integers(16, 40))))
        else:
            where = rng.integers(0, len(blocks))
            parts.append(np.resize(blocks[int(where)] if blocks[int(where)].size else row, 40))
    return np.concatenate([part.astype(np.int32) for part in parts])
