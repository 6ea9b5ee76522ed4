"""`Evaluator`: what all that can be evaluated offers, and the plain way to offer it.

Programs run by either engine, compressed nonzeros and differences are called in
the same places; only machine code has anything better than the plain way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass

__all__ = [
    "Array",
    "Evaluator",
    "FastCall",
    "Fixed",
    "NativeParameter",
    "NativeRun",
    "Place",
    "refuse",
]

Array: TypeAlias = NDArray[np.float64]
FastCall: TypeAlias = Callable[..., Array | None]
"""Takes arguments and a result; returns the result, or None where it did nothing: `fastcall`."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an entry takes at one place.

    Parameters
    ----------
    number : int
        Of the parameter, or -1 for x.
    shape : tuple of int
        Of the array.
    numeric : bool
        Whether a float will do.
    offset : int, default 0
        Where in the parameter it begins: a parameter may come in pieces, all of them together.
    """

    number: int
    shape: tuple[int, ...]
    numeric: bool
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """The one object that an entry takes at one place."""

    thing: Any


@dataclass(frozen=True, slots=True, eq=False)
class NativeRun:
    """What machine code needs to run a program, with memory that nobody else uses.

    Parameters
    ----------
    drive, table, bases : int, address
        The driver and its arguments; the bases are words of `BASES`.
    size : int
        Elements of the result.
    parameters : tuple of NativeParameter
        Where the parameters are read.
    release : callable
        Is told how often it ran, when it is no more needed.
    """

    drive: int
    table: int
    bases: int
    size: int
    parameters: tuple[NativeParameter, ...]
    release: Callable[[int], object]


@dataclass(frozen=True, slots=True)
class NativeParameter:
    """Where a program reads a parameter.

    Parameters
    ----------
    size : int
        Elements.
    point : int, address
        Where the address of the first element, less `shift` bytes, is to be written.
    shift : int, bytes
        See there.
    copy : int, address
        Where the elements are to be copied to before each run; 0 for nowhere.
    """

    size: int
    point: int
    shift: int
    copy: int


def refuse(*_: Any) -> None:
    """Stand for an entry where there is none."""


class Evaluator:  # no ABC: their isinstance takes longer than a small Jacobian
    """Computes a fixed number of values from x and parameters."""

    @property
    def size(self) -> int:
        """How many values."""
        raise NotImplementedError

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the values, shape (size,): `out`, or a fresh array."""
        raise NotImplementedError

    def prefilled(self) -> Array:
        """Return a fresh result with the constant values in place, the others undefined."""
        return np.empty(self.size)

    def run_into(self, buffer: Array, x: Any, parameters: Sequence[Any] = ()) -> None:
        """Write the values that vary into a result of `prefilled`, or of an earlier call."""
        self(x, parameters, buffer)

    def native_run(self) -> NativeRun | None:
        """Return what machine code needs to run it without Python, or None; for one user."""
        return None

    def fastcall(
        self, places: Sequence[Place | Fixed], *, fill: bool, first: FastCall | None = None
    ) -> FastCall:
        """Return the quick way, for arguments that need no conversion.

        Parameters
        ----------
        places : sequence of Place or Fixed
            What comes before the result.
        fill : bool
            Whether all values are written, or those that vary.
        first : FastCall, optional
            Of one value, for the same arguments or the first of them: where that is not 1.0, or is
            refused, nothing is done.

        Returns
        -------
        callable
            Returns the result, or None if it does not take its arguments as they are; where there
            is no quick way, it always returns None.
        """
        return refuse
