"""Random programs for the engines: every form of load, segment, output and instruction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Node, Program, verify

UNARY = [
    "negative",
    "abs",
    "sqrt",
    "exp",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "arctan",
    "sign",
    "floor",
    "isnan",
    "logical_not",
    "expm1",
]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "fmin",
    "less",
    "power",
    "arctan2",
    "logical_and",
    "copysign",
]


def programs() -> st.SearchStrategy[Program]:
    """Draw programs; the draw is one seed, so that examples stay cheap."""
    return st.integers(0, 2**32 - 1).map(random_program)


def random_program(
    seed: int, *, unary: Sequence[str] = UNARY, binary: Sequence[str] = BINARY
) -> Program:
    rng = np.random.default_rng(seed)
    builder = Builder((int(rng.integers(0, 9)),))
    for _ in range(int(rng.integers(0, 3))):
        builder.parameter(((), (3,), (2, 2))[int(rng.integers(0, 3))])
    builder.scalar(0.5)
    builder.constant(rng.normal(size=int(rng.integers(2, 5))))
    for _ in range(int(rng.integers(1, 6))):
        if rng.random() < 0.15:
            _opaque(builder, rng)
        else:
            _kernel(builder, rng, unary, binary)
    known = np.arange(builder.n_slots, dtype=np.int32)
    form = rng.integers(0, 3)
    if form == 0:
        outputs = known[int(rng.integers(0, known.size)) :]
    elif form == 1:
        outputs = rng.permutation(known)
    else:
        outputs = rng.choice(known, size=int(rng.integers(0, 2 * known.size)))
    program = builder.build(outputs.astype(np.int32))
    verify(program)
    return program


def point(program: Program, seed: int) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Draw x and the parameters."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=program.n),
        [rng.normal(size=block.shape) for block in program.parameters],
    )


def _index(rng: np.random.Generator, known: int, length: int) -> Index:
    form = rng.integers(0, 4)
    if form == 0 or length == 0:
        return Index.scalar(int(rng.integers(0, known)), length)
    if form == 1 and length <= known:
        start = int(rng.integers(0, known - length + 1))
        return Index(length, start, 1)
    if form == 2 and 2 * length <= known:  # backwards, every second slot
        return Index(length, int(rng.integers(2 * length - 2, known)), -2)
    return Index.of(rng.integers(0, known, size=length).astype(np.int32))


def _kernel(
    builder: Builder, rng: np.random.Generator, unary: Sequence[str], binary: Sequence[str]
) -> None:
    length = int(rng.choice([0, 1, 2, 3, 5, 8, 17, 40]))
    segments = None
    form = rng.integers(0, 5)
    if form == 0:
        inner = np.sort(rng.integers(0, length + 1, size=int(rng.integers(0, 7))))
        segments = np.array([0, *inner, length])
    elif form == 1 and length in (8, 40):
        segments = np.arange(0, length + 1, 4)
    elif form == 2:
        segments = np.array([0, length])
    loads = [_index(rng, builder.n_slots, length) for _ in range(int(rng.integers(1, 4)))]
    nodes = [Node("load", (k,)) for k in range(len(loads))]
    nodes.append(Node("const", (), float(rng.choice([0.0, 1.0, -2.0, 0.3]))))
    for _ in range(int(rng.integers(1, 7))):
        pick = [int(k) for k in rng.integers(0, len(nodes), size=3)]
        kind = rng.random()
        if kind < 0.4:
            nodes.append(Node(str(rng.choice(unary)), (pick[0],)))
        elif kind < 0.93:
            nodes.append(Node(str(rng.choice(binary)), (pick[0], pick[1])))
        else:
            nodes.append(Node("where", tuple(pick)))
    count = int(rng.integers(1, 4))
    outputs = [len(nodes) - 1, *(int(k) for k in rng.integers(0, len(nodes), size=count - 1))]
    builder.kernel(length, loads, nodes, outputs, segments)


def _opaque(builder: Builder, rng: np.random.Generator) -> None:
    first = rng.integers(0, builder.n_slots, size=(2, 3)).astype(np.int32)
    second = rng.integers(0, builder.n_slots, size=3).astype(np.int32)
    builder.opaque("matvec", lambda a, b: np.sin(a) @ np.cos(b), (first, second), (2,))
