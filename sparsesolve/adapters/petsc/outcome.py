"""How solves by PETSc end: its reasons in words, and the `Result` of a distributed solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.problem.result import Result

__all__ = ["OwnedResult", "Stop", "largest_of", "reason_of", "version_of"]


class Stop(Exception):
    """A callback wants to stop; raised on all ranks."""


@dataclass(frozen=True, eq=False, slots=True)
class OwnedResult(Result):
    """A `Result` whose vectors are the part that this rank owns.

    `x` is a part of the vector of unknowns, also where the start was a nest.

    Parameters
    ----------
    owned : ndarray of int
        Which unknowns these are, by the user's numbers.
    """

    owned: NDArray[Any] | None = None


def reason_of(kind: Any, code: int) -> str:
    """Return PETSc's name of a reason, such as CONVERGED_FNORM_ABS.

    Parameters
    ----------
    kind : class
        ``SNES.ConvergedReason`` and its like.
    code : int
        The reason.
    """
    names = [str(n) for n, value in vars(kind).items() if value == code]
    named = [n for n in names if n.startswith(("CONVERGED", "DIVERGED"))]
    return named[0] if named else str(code)


def version_of(petsc: Any, size: int) -> str:
    """Return what did the work, for a result."""
    number = ".".join(str(part) for part in petsc.Sys.getVersion())
    return f"PETSc {number}, {size} rank{'s' if size > 1 else ''}"


def largest_of(ranks: Any, values: NDArray[np.float64]) -> float:
    """Return the largest absolute value over all ranks; NaN where one is."""
    return float(ranks.largest(float(np.abs(values).max(initial=0.0))))
