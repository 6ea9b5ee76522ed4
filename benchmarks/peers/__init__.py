"""The tools that are compared, one a file.

Separate files so that a cell imports one tool only, and so that each formulation can be read by
those who know that tool. A peer turns a `Task` into a `Prepared`: an evaluator of the nonzeros.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..suite import Family, Task

__all__ = ["OURS", "PEERS", "RIVALS", "Entry", "Peer", "Prepared", "load_peer"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A derivative, ready to be evaluated.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(k)`` computes the nonzeros at point ``k % 2`` and waits until they are there.
    matrix : callable
        Returns the whole matrix at point 0 as a scipy sparse array (both triangles of a
        Hessian), or None where there is no matrix.
    rows, nnz : int
        -1 where unknown. `nnz` counts what is computed.
    colors : callable
        Returns the number of colors, or -1; called when all is measured.
    """

    evaluate: Callable[[int], Any]
    matrix: Callable[[], Any]
    rows: int
    nnz: int
    colors: Callable[[], int] = lambda: -1


class Peer(Protocol):
    """A module of this package.

    It may also have ``before(task)``: what is done once, before the clock starts.
    """

    @staticmethod
    def prepare(task: Task, threads: int) -> Prepared:
        """Prepare the derivative of a task; this is what is timed as set-up."""
        ...


@dataclass(frozen=True, eq=False)
class Entry:
    """What is known about a peer without importing it.

    Parameters
    ----------
    module : str
        Its file in this package.
    needs : tuple of str
        Modules that must be installed.
    limits : mapping
        Largest number of variables by kind; a kind that is not listed is not measured.
    formulas : tuple of str or None
        Formulas that it has; None means all.
    threads : bool
        Whether it can use more than one thread.
    tolerance : float, dimensionless
        How far its matrix may be from ours, relative to the sum of absolute products.
    """

    module: str
    needs: tuple[str, ...]
    limits: Mapping[str, float]
    formulas: tuple[str, ...] | None = None
    threads: bool = False
    tolerance: float = 1e-8

    def takes(self, family: Family, n: int) -> bool:
        """Whether this peer is measured on that family at that size."""
        known = self.formulas is None or family.formula in self.formulas
        return known and n <= self.limits.get(family.kind, 0)

    def missing(self) -> list[str]:
        """Return the modules that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


OURS = "sparsesolve"
RIVALS = ("asdex", "casadi-sx", "casadi-mx", "jax-dense", "sparsediffpy")
"""The peers whose best is the measure; the others give the scale."""

_ALL = {"jacobian": 2e6, "hessian": 2e6, "lagrangian": 2e6}
_MIDDLE = {"jacobian": 2e5, "hessian": 2e5, "lagrangian": 2e5}
_SMALL = {"jacobian": 200, "hessian": 200, "lagrangian": 200}
_DENSE = {"jacobian": 3000, "hessian": 3000}
_BLOCKS = (
    "global_sum", "kernel", "least_squares", "mean_field", "network", "steps", "triangles"
)  # fmt: skip
_NODES = ("global_sum", "least_squares", "mean_field", "network", "triangles")
_SMOOTH = ("bratu", "brusselator", "lukvle1", "bundle", "rosenbrock", "rocket")

PEERS: dict[str, Entry] = {
    OURS: Entry("sparsesolve", ("sparsesolve",), _ALL, threads=True),
    "asdex": Entry("asdex", ("jax", "asdex"), _ALL, threads=True),
    "casadi-sx": Entry("casadi_sx", ("casadi",), _ALL),
    "casadi-mx": Entry("casadi_mx", ("casadi",), _MIDDLE),
    "jax-dense": Entry("jax_dense", ("jax",), _DENSE, _BLOCKS, threads=True),
    "sparsediffpy": Entry("sparsediffpy", ("sparsediffpy",), _ALL, _NODES),
    "numba-loop": Entry("numba", ("numba",), _ALL, ("bratu", "lukvle1")),
    "scipy-differences": Entry("scipy", ("scipy",), {"jacobian": 2e5}, tolerance=1e-3),
    "autograd-dense": Entry("autograd", ("autograd",), _SMALL, _SMOOTH),
    "numpy-call": Entry("numpy", ("numpy",), _ALL),
}
"""By name; `OURS` first."""


def load_peer(name: str) -> Peer:
    """Import a peer, and with it its tool."""
    peer: Any = importlib.import_module(f"{__name__}.{PEERS[name].module}")
    return peer
