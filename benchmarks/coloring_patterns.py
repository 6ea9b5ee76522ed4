"""Patterns to color: meshes, random matrices, power flow, optimal control, Matrix Market files.

Separate from the measuring. Every pattern is built from a formula or from `problems`, seeded, so
that the list is the same everywhere; nothing is downloaded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse as sp
import scipy.spatial

from sparsesolve.structure.pattern import Pattern

__all__ = ["PATTERNS", "Named", "five_points"]


@dataclass(frozen=True, slots=True)
class Named:
    """A pattern that is built when it is needed.

    Parameters
    ----------
    name, family : str
        What it is, and of what kind.
    build : callable
        Returns the pattern.
    """

    name: str
    family: str
    build: Callable[[], Pattern]


# ----- Meshes ----------------------------------------------------------------------------------


def stencil(shape: tuple[int, ...], offsets: list[tuple[int, ...]], *, periodic: bool) -> Pattern:
    """Couple each cell of a grid with the cells at the offsets."""
    cell = np.arange(int(np.prod(shape))).reshape(shape)
    place = np.indices(shape)
    rows, columns = [], []
    for offset in offsets:
        other = [place[k] + step for k, step in enumerate(offset)]
        inside = np.ones(shape, dtype=bool)
        for k, size in enumerate(shape):
            if not periodic:
                inside &= (other[k] >= 0) & (other[k] < size)
            other[k] = other[k] % size
        rows.append(cell[inside])
        columns.append(cell[tuple(other)][inside])
    return Pattern.from_coo((cell.size, cell.size), np.concatenate(rows), np.concatenate(columns))


def star(dimensions: int, reach: int = 1) -> list[tuple[int, ...]]:
    """Offsets along the axes only."""
    steps = [k for k in range(-reach, reach + 1) if k]
    axes = np.eye(dimensions, dtype=int)
    return [(0,) * dimensions, *(tuple(int(s) for s in k * axis) for axis in axes for k in steps)]


def box(dimensions: int) -> list[tuple[int, ...]]:
    """Offsets of all neighbors, diagonal ones too."""
    return [
        tuple(k) for k in (np.indices((3,) * dimensions).reshape(dimensions, -1).T - 1).tolist()
    ]


def five_points(side: int) -> Pattern:
    """Five-point stencil on a square grid."""
    return stencil((side, side), star(2), periodic=False)


def brusselator(side: int) -> Pattern:
    """Two species on a periodic square grid."""
    one = stencil((side, side), star(2), periodic=True).to_scipy()
    other = sp.eye_array(side * side)
    return Pattern.from_scipy(sp.block_array([[one, other], [other, one]]))


def triangulation(points: int, dimensions: int) -> Pattern:
    """Vertices of a Delaunay triangulation of random points, coupled along its edges."""
    where = np.random.default_rng(points).random((points, dimensions))
    corners = scipy.spatial.Delaunay(where).simplices
    pairs = [(i, j) for i in range(dimensions + 1) for j in range(dimensions + 1)]
    rows, columns = (np.concatenate([corners[:, p[k]] for p in pairs]) for k in (0, 1))
    return Pattern.from_coo((points, points), rows, columns)


# ----- Random ----------------------------------------------------------------------------------


def random(m: int, n: int, per_row: int) -> Pattern:
    """Columns drawn uniformly, the same number in each row."""
    rng = np.random.default_rng(m + n)
    return Pattern.from_coo(
        (m, n), np.repeat(np.arange(m), per_row), rng.integers(0, n, m * per_row)
    )


def random_graph(n: int, degree: float) -> Pattern:
    """Symmetric, edges drawn uniformly, with the diagonal."""
    rng = np.random.default_rng(n)
    return _symmetric(n, *rng.integers(0, n, (2, int(n * degree / 2))))


def preferential(n: int, edges: int) -> Pattern:
    """Grow a graph whose new vertices prefer neighbors of high degree (Barabasi, Albert 1999)."""
    rng = np.random.default_rng(n)
    ends = list(range(edges))
    rows, columns = [], []
    for v in range(edges, n):
        chosen = {ends[k] for k in rng.integers(0, len(ends), edges)}
        rows += [v] * len(chosen)
        columns += chosen
        ends += [*chosen, *[v] * len(chosen)]
    return _symmetric(n, rows, columns)


def zipf(m: int, n: int, per_row: int) -> Pattern:
    """Columns drawn with probability 1 / rank: some columns are nearly dense."""
    rng = np.random.default_rng(m)
    chance = 1.0 / np.arange(1, n + 1)
    columns = rng.permutation(n)[rng.choice(n, m * per_row, p=chance / chance.sum())]
    return Pattern.from_coo((m, n), np.repeat(np.arange(m), per_row), columns)


def permuted_band(n: int, half: int) -> Pattern:
    """Band matrix in random order."""
    order = np.random.default_rng(n).permutation(n)
    band = Pattern.from_offsets((n, n), range(-half, half + 1))
    return Pattern.from_coo((n, n), order[band.rows], order[band.indices])


def _symmetric(n: int, rows: Any, columns: Any) -> Pattern:
    i = np.concatenate((rows, columns, np.arange(n)))
    j = np.concatenate((columns, rows, np.arange(n)))
    return Pattern.from_coo((n, n), i, j)


# ----- Problems --------------------------------------------------------------------------------


def constraints_of(problem: str, **sizes: Any) -> Callable[[], Pattern]:
    """Jacobian of all constraints of a problem of `problems`."""

    def build() -> Pattern:
        return _problem(problem, **sizes).jacobian_pattern

    return build


def lagrangian_of(problem: str, **sizes: Any) -> Callable[[], Pattern]:
    """Hessian of the Lagrangian of a problem of `problems`."""

    def build() -> Pattern:
        lower = _problem(problem, **sizes).hessian_pattern
        return lower.union(lower.T)

    return build


def _problem(name: str, **sizes: Any) -> Any:
    from .collection import registry

    return registry.find(name).build(**sizes).problem().derivatives


# ----- Matrix Market ---------------------------------------------------------------------------


def through_file(make: Callable[[], sp.coo_array]) -> Callable[[], Pattern]:
    """Write a matrix in Matrix Market's format, and read its pattern back."""

    def build() -> Pattern:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "matrix.mtx"
            scipy.io.mmwrite(file, make())
            return Pattern.from_matrix_market(file)

    return build


def kronecker() -> sp.coo_array:
    """Power of a small matrix: self-similar, with rows and columns of very different lengths."""
    seed = sp.coo_array(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 0]]))
    power = seed
    for _ in range(5):
        power = sp.coo_array(sp.kron(power, seed))
        power.eliminate_zeros()
    return power


def staircase() -> sp.coo_array:
    """Blocks of a multi-period linear program, each period joined to the next, and a budget row."""
    rng = np.random.default_rng(3)
    blocks = [[None] * 30 for _ in range(30)]
    for k in range(30):
        blocks[k][k] = sp.random_array((40, 60), density=0.08, rng=rng)
        if k:
            blocks[k][k - 1] = sp.random_array((40, 60), density=0.03, rng=rng)
    joined = sp.block_array(blocks)
    return sp.coo_array(sp.vstack([joined, np.ones((1, joined.shape[1]))]))


def shared_parameters() -> sp.coo_array:
    """Collocation in time with three parameters that enter everywhere: three dense columns."""
    band = sp.diags_array([np.ones(3000)] * 4, offsets=[0, 1, 2, 3], shape=(3000, 3003))
    return sp.coo_array(sp.hstack([band, np.ones((3000, 3))]))


def bordered() -> sp.coo_array:
    """Arrow with five dense rows and columns around a band."""
    n = 2000
    band = sp.diags_array([np.ones(n)] * 5, offsets=[-2, -1, 0, 1, 2], shape=(n, n)).tolil()
    band[:5, :] = 1.0
    band[:, :5] = 1.0
    return sp.coo_array(band)


# ----- The list --------------------------------------------------------------------------------


def _lines() -> Iterator[tuple[str, str, Callable[[], Pattern]]]:
    mesh = "mesh"
    yield "5-point 100x100", mesh, lambda: five_points(100)
    yield "5-point 300x200 periodic", mesh, lambda: stencil((300, 200), star(2), periodic=True)
    yield "9-point 100x100", mesh, lambda: stencil((100, 100), box(2), periodic=False)
    yield "9-point wide 80x80", mesh, lambda: stencil((80, 80), star(2, 2), periodic=False)
    yield "13-point 60x60", mesh, lambda: Pattern.from_scipy(_squared(five_points(60)))
    yield "7-point 25x25x25", mesh, lambda: stencil((25,) * 3, star(3), periodic=False)
    yield "27-point 15x15x15", mesh, lambda: stencil((15,) * 3, box(3), periodic=False)
    for side in (12, 24, 48):
        yield f"Brusselator {side}x{side}", mesh, lambda side=side: brusselator(side)
    yield "triangles 5000", mesh, lambda: triangulation(5000, 2)
    yield "tetrahedra 2000", mesh, lambda: triangulation(2000, 3)
    yield "band 5000, 10", mesh, lambda: permuted_band(5000, 10)
    for m, n, k in ((5000, 5000, 3), (5000, 3000, 5), (2000, 8000, 10)):
        yield f"random {m}x{n}, {k} a row", "random", lambda m=m, n=n, k=k: random(m, n, k)
    yield "random graph 5000, degree 8", "random", lambda: random_graph(5000, 8)
    yield "random graph 1000, degree 20", "random", lambda: random_graph(1000, 20)
    yield "preferential 5000, 3", "power law", lambda: preferential(5000, 3)
    yield "preferential 2000, 6", "power law", lambda: preferential(2000, 6)
    yield "Zipf 2000x2000, 4 a row", "power law", lambda: zipf(2000, 2000, 4)
    yield "Zipf 3000x1000, 3 a row", "power law", lambda: zipf(3000, 1000, 3)
    for case in ("case57", "case118", "case300"):
        yield f"{case}, constraints", "power flow", constraints_of(f"acopf-{case}")
        yield f"{case}, Lagrangian", "power flow", lagrangian_of(f"acopf-{case}")
    for name, sizes in (
        ("rocket", {"intervals": 400}),
        ("robot-arm", {"intervals": 200}),
        ("glider", {"intervals": 100}),
        ("marine", {"intervals": 100}),
        ("pinene", {"intervals": 100}),
    ):
        yield f"{name}, constraints", "COPS", constraints_of(name, **sizes)
    yield "chain, Lagrangian", "COPS", lagrangian_of("chain", intervals=200)
    yield "minsurf, Lagrangian", "COPS", lagrangian_of("minsurf", nx=50, ny=50)
    yield "elec, Lagrangian", "COPS", lagrangian_of("elec", electrons=50)
    market = "Matrix Market"
    yield "Kronecker power", market, through_file(kronecker)
    yield "staircase program", market, through_file(staircase)
    yield "shared parameters", market, through_file(shared_parameters)
    yield "bordered band", market, through_file(bordered)


def _squared(pattern: Pattern) -> Any:
    matrix = pattern.to_scipy()
    return matrix @ matrix


PATTERNS = tuple(Named(*line) for line in _lines())
