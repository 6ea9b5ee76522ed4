"""What a problem is: four small frozen dataclasses, one for each kind of solver.

Separate from the families, so that these hold formulas only, and free of `sparsesolve`, so that any
other tool can be given the same functions. Objectives and residuals are plain NumPy functions of
one flat array; constraints are listed in blocks ``lower <= function(x) <= upper``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import sparsesolve

__all__ = [
    "Block",
    "Case",
    "LeastSquaresCase",
    "MinimizeCase",
    "OdeCase",
    "RootCase",
    "Vector",
    "free",
]

Vector = NDArray[np.float64]
VectorFunction = Callable[[Vector], Vector]


@dataclass(frozen=True, eq=False)
class Block:
    """Constraints ``lower <= function(x) <= upper``; bounds are numbers or arrays, shape (m,)."""

    function: VectorFunction
    lower: ArrayLike
    upper: ArrayLike
    name: str


@dataclass(frozen=True, eq=False)
class MinimizeCase:
    """Minimize ``objective(x)`` subject to bounds and blocks of constraints.

    Parameters
    ----------
    objective : callable
        Maps x, shape (n,), to a number.
    x0 : ndarray, shape (n,)
        Starting point of the source.
    bounds : tuple of ndarray
        Lower and upper bounds, shape (n,) each.
    constraints : tuple of Block
        In the order in which their rows are stacked.
    best : float or None
        Best known value of the objective at this size; None where none is known.
    local_minima : tuple of float
        Values of other minima that a correct solver may return from `x0`.
    """

    objective: Callable[[Vector], Any]
    x0: Vector
    bounds: tuple[Vector, Vector]
    constraints: tuple[Block, ...] = ()
    best: float | None = None
    local_minima: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.x0.size

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return sum(np.size(block.function(self.x0)) for block in self.constraints)

    def problem(self) -> sparsesolve.Problem:
        """Return this problem as a `sparsesolve.Problem`."""
        import sparsesolve as ss

        return ss.Problem(
            self.objective,
            self.x0,
            bounds=self.bounds,
            constraints=[
                ss.Constraint(b.function, b.lower, b.upper, name=b.name) for b in self.constraints
            ],
        )


@dataclass(frozen=True, eq=False)
class RootCase:
    """Solve ``residual(x) = 0``.

    Parameters
    ----------
    residual : callable
        Maps x, shape (n,), to shape (n,).
    x0 : ndarray, shape (n,)
        Starting point of the source.
    measure : callable
        One number of the solution that is compared with `best`.
    best : float or None
        Known value of `measure` at the root.
    """

    residual: VectorFunction
    x0: Vector
    measure: Callable[[Vector], float]
    best: float | None = None

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return self.x0.size

    @property
    def m(self) -> int:
        """Number of equations."""
        return self.x0.size


@dataclass(frozen=True, eq=False)
class LeastSquaresCase:
    """Minimize ``sum(residual(x) ** 2)`` subject to bounds.

    Parameters
    ----------
    residual : callable
        Maps x, shape (n,), to shape (m,).
    x0 : ndarray, shape (n,)
        Starting point of the source.
    bounds : tuple of ndarray
        Lower and upper bounds, shape (n,) each.
    best : float or None
        Best known sum of squares (not halved).
    solution : ndarray or None, shape (n,)
        Known minimizer, where the source gives one.
    """

    residual: VectorFunction
    x0: Vector
    bounds: tuple[Vector, Vector]
    best: float | None = None
    solution: Vector | None = None

    @property
    def n(self) -> int:
        """Number of parameters."""
        return self.x0.size

    @property
    def m(self) -> int:
        """Number of residuals."""
        return int(np.size(self.residual(self.x0)))


@dataclass(frozen=True, eq=False)
class OdeCase:
    """Integrate ``y' = rhs(t, y, *args)`` from `t_span[0]` to `t_span[1]`.

    Parameters
    ----------
    rhs : callable
        Maps t, y of shape (n,), and the arguments of the piece, to shape (n,).
    t_span : tuple of float
        First and last time, in the source's units.
    y0 : ndarray, shape (n,)
        Initial state.
    observed : ndarray of int
        Components of the final state that `reference` lists.
    reference : ndarray or None
        Known values of those components at the last time.
    pieces : tuple
        ``(t_span, args)`` for each stretch on which `rhs` is smooth, in order. Empty means one
        piece without arguments.
    """

    rhs: Callable[..., Vector]
    t_span: tuple[float, float]
    y0: Vector
    observed: NDArray[np.int64]
    reference: Vector | None = None
    pieces: tuple[tuple[tuple[float, float], tuple[float, ...]], ...] = ()

    @property
    def stretches(self) -> tuple[tuple[tuple[float, float], tuple[float, ...]], ...]:
        """`pieces`, or the whole interval where there is one piece only."""
        return self.pieces or ((self.t_span, ()),)

    @property
    def best(self) -> float | None:
        """The first reference value, for tables."""
        return None if self.reference is None else float(self.reference[0])

    @property
    def n(self) -> int:
        """Number of differential equations."""
        return self.y0.size

    @property
    def m(self) -> int:
        """Number of differential equations."""
        return self.y0.size


Case = MinimizeCase | RootCase | LeastSquaresCase | OdeCase


def free(n: int) -> tuple[Vector, Vector]:
    """Return bounds that bind nothing, for `n` variables."""
    return np.full(n, -np.inf), np.full(n, np.inf)
