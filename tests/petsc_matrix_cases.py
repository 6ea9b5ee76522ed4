"""Products with the matrices that several processes assemble, in all ways that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

KINDS = "aij", "aijperm", "dense"
WAYS = "auto", "colored", "interpreted"


def ring(x: Any) -> Any:
    """Entries that vary and entries that do not, own and of others."""
    return 3 * x + x**3 - 0.5 * np.roll(x, 1) - 0.3 * np.roll(x, -2) * x[0]


def no_diagonal(x: Any) -> Any:
    return np.roll(x, 1) ** 2 + 2.0 * np.roll(x, 3)


def at_a_corner(x: Any) -> Any:
    """Derivatives are limits where two neighbors are zero."""
    return np.sqrt(x**2 + np.roll(x, 1) ** 2) ** 2 + 2.0 * np.roll(x, 2)


def corner_without_roots(x: Any) -> Any:
    return x**2 + np.roll(x, 1) ** 2 + 2.0 * np.roll(x, 2)


def far_apart(x: Any) -> Any:
    order = np.random.default_rng(7).permutation(x.size)
    y = x[order]
    return (3 * y - np.roll(y, 1) * y - 2 * np.roll(y, -1))[np.argsort(order)]


def with_sums(x: Any) -> Any:
    mean = np.mean(x**2)
    return 2 * x - np.roll(x, 1) ** 2 + mean * np.sin(x) + np.sum(x * mean) / x.size


def point(name: str, n: int) -> Any:
    x = np.random.default_rng(n).uniform(0.5, 1.5, n)
    return np.where(np.arange(n) % 5 < 2, 0.0, x) if name == "at_a_corner" else x


def directions(n: int) -> Any:
    return np.random.default_rng(n + 1).normal(size=(3, n))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    f.__name__: f for f in (ring, no_diagonal, at_a_corner, far_apart, with_sums)
}
CELLS = [
    *((name, n, "auto", "aij") for name in FUNCTIONS for n in (4, 33)),
    *((name, 33, way, "aij") for name in FUNCTIONS for way in WAYS[1:]),
    *((name, 33, "auto", kind) for name in ("ring", "no_diagonal") for kind in KINDS[1:]),
    *(("ring", n, "auto", "aij") for n in (1, 2)),
    ("far_apart", 300, "auto", "aij"),
]


def products() -> dict[str, Any]:
    return {" ".join(map(str, cell)): [list(p) for p in _products(*cell)] for cell in CELLS}


def _products(name: str, n: int, way: Any, kind: str) -> Iterator[Any]:
    """Fill a matrix twice, and let PETSc change all of it in between; multiply by it."""
    from sparsesolve.adapters.petsc.distributed import distributed
    from sparsesolve.adapters.petsc.library import require_petsc
    from sparsesolve.adapters.petsc.options import options_set
    from sparsesolve.adapters.petsc.ranks import Ranks

    ranks, at = Ranks(require_petsc()), point(name, n)
    system, _ = distributed(ranks, FUNCTIONS[name], [np.ones(n)], 0, way)
    with options_set(ranks.petsc, {} if kind == "aij" else {"mat_type": kind}):
        operator, matrix = system.matrices()
    assert matrix.getType().endswith(kind), matrix.getType()
    system.jacobian(system.vector(at + 0.1), operator)
    matrix.scale(7.0)
    system.jacobian(system.vector(at), operator)
    for direction in directions(n):
        result = system.vector()
        operator.mult(system.vector(direction), result)
        yield system.whole(result).tolist()


def expected(name: str, n: int) -> Any:
    """The same by complex steps."""
    f = corner_without_roots if name == "at_a_corner" else FUNCTIONS[name]
    x = point(name, n)
    return [np.imag(f(x + 1e-30j * direction)) / 1e-30 for direction in directions(n)]
