"""Damaged files by the thousand: ``python tests/mutants.py mtx 10000`` prints what became of them.

Run as a program of its own, since what it looks for is that a reader ends the process. Whatever is
raised must be the project's own error.
"""

from __future__ import annotations

import collections
import io
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sif_reference import FOLDER

import sparsesolve as ss
from sparsesolve.errors import SparseSolveError

MTX = (
    b"%%MatrixMarket matrix coordinate integer general\n% a comment\n3 4 3\n1 1 4\n3 1 -2\n2 4 7\n",
    b"%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n1 1\n3 2\n",
    b"%%MatrixMarket matrix coordinate real skew-symmetric\n3 3 2\n2 1 1e3\n3 2 -.5\n",
    b"%%MatrixMarket matrix coordinate complex hermitian\n2 2 2\n1 1 1.0 0\n2 1 1 -1\n",
    b"%%MatrixMarket matrix array real general\n2 2\n1\n0\n3.5\n-1\n",
    b"%%MatrixMarket matrix array integer symmetric\n2 2\n1\n0\n3\n",
)
PIECES = (
    b" ", b"\n", b"\r\n", b"\t", b"0", b"-1", b"9", b"99999999999", b"1e400", b"nan", b"%", b"\0",
    b"\xff", b"", b"1 ", b" 1", b".", b"-", b"general", b"pattern", b"array", b"4294967297",
)  # fmt: skip


def npz(rng: random.Random) -> bytes:
    """Make a pattern or a coloring as it is saved."""
    dense = np.array([[rng.random() < 0.5 for _ in range(4)] for _ in range(4)])
    pattern = ss.Pattern.from_dense(dense)
    file = io.BytesIO()
    (pattern if rng.random() < 0.5 else ss.color(pattern)).save(file)
    return file.getvalue()


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change a few places: bytes, pieces, lines, the end."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((0, 1, 1, 2, 10, 50)))
        kind = rng.randrange(6)
        if kind == 0:
            data = data[:at] + rng.choice(PIECES) + data[to:]
        elif kind == 1:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif kind == 2:
            data = data[:at]
        elif kind == 3:
            data = data[:at] + data[at:to] * rng.randint(2, 4) + data[to:]
        elif kind == 4:
            lines = data.split(b"\n")
            rng.shuffle(lines)
            data = b"\n".join(lines) if rng.random() < 0.3 else data
        else:
            data = data.rstrip() + rng.choice((b" ", b"", b"\n \n", b"\r", b"\t\n", b"x", b"\0"))
    return data


def read_mtx(data: bytes, _folder: Path) -> object:
    return ss.Pattern.from_matrix_market(io.BytesIO(data))


def read_npz(data: bytes, _folder: Path) -> object:
    try:
        return ss.Pattern.load(io.BytesIO(data))
    except SparseSolveError:
        return ss.Coloring.load(io.BytesIO(data))


def read_sif(data: bytes, folder: Path) -> object:
    file = folder / "MUTANT.SIF"
    file.write_bytes(data)
    return ss.sif.load(file, limit=3000)


def sif(rng: random.Random) -> bytes:
    files = [f for f in sorted(FOLDER.glob("*.SIF")) if f.stat().st_size < 8000]
    return rng.choice(files).read_bytes()


KINDS: dict[str, tuple[Callable[[random.Random], bytes], Callable[[bytes, Path], object]]] = {
    "mtx": (lambda rng: rng.choice(MTX), read_mtx),
    "npz": (npz, read_npz),
    "sif": (sif, read_sif),
}


def main(kind: str, count: int, seed: int = 0) -> int:
    make, read = KINDS[kind]
    rng = random.Random(f"{kind} {seed}")
    outcomes: collections.Counter[str] = collections.Counter()
    foreign = 0
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for k in range(count):
            data = mutated(make(rng), rng)
            print(f"\r{k}", end="", file=sys.stderr, flush=True)
            try:
                read(data, Path(folder))
                outcomes["read"] += 1
            except SparseSolveError as error:
                outcomes[type(error).__name__] += 1
            except Exception as error:
                foreign += 1
                print(f"{k}: {type(error).__name__}: {error} of {data[:300]!r}")
    print(f"{count} mutants of {kind}: {dict(outcomes)}, {foreign} foreign errors")
    return min(foreign, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
