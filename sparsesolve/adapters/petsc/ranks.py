"""`Ranks`: the processes that solve together, and the few words that they exchange.

Separate because all that ranks must agree on goes this way: sums, errors, and that they run the
same program. Everything is PETSc's own communication, so mpi4py is not needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.errors import SparseSolveError, VerificationError

__all__ = ["Ranks", "digest_of"]

Array = NDArray[np.float64]
_T = TypeVar("_T")


class Ranks:
    """All processes of PETSc's world.

    Parameters
    ----------
    petsc : module
        ``petsc4py.PETSc``.
    """

    def __init__(self, petsc: Any) -> None:
        self.petsc = petsc
        self.comm = petsc.COMM_WORLD
        self.rank = int(self.comm.getRank())
        self.size = int(self.comm.getSize())
        self._one = petsc.Vec().createMPI((1, self.size), comm=self.comm)

    def total(self, value: float) -> float:
        """Return the sum of a number over all ranks."""
        return value if self.size == 1 else float(self._holding(value).sum())

    def largest(self, value: float) -> float:
        """Return the largest of a number over all ranks; NaN where one is."""
        if self.size == 1:
            return value
        if self.total(float(np.isnan(value))):
            return float("nan")
        return float(self._holding(value).max()[1])

    def _holding(self, value: float) -> Any:
        self._one.setArray(np.array([value]))
        return self._one

    def texts(self, text: str) -> str:
        """Return the texts of all ranks, one after the other."""
        codes = np.frombuffer(text.encode(), dtype=np.uint8).astype(self.petsc.IntType)
        given = self.petsc.IS().createGeneral(codes, comm=self.comm)
        return bytes(given.allGather().getIndices().astype(np.uint8)).decode(errors="replace")

    def numbers(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return whole numbers of all ranks, one after the other."""
        given = self.petsc.IS().createGeneral(
            np.ascontiguousarray(numbers, dtype=self.petsc.IntType), comm=self.comm
        )
        return np.array(given.allGather().getIndices())

    def together(self, work: Callable[[], _T]) -> _T:
        """Do something on each rank; where it fails on one, raise on all, so that none waits.

        Raises
        ------
        Exception
            On a rank where `work` raised, that.
        SparseSolveError
            On the others: with its message.
        """
        if self.size == 1:
            return work()
        error: Exception | None = None
        try:
            result = work()
        except Exception as caught:
            error = caught
        if self.total(float(error is not None)):
            words = f"rank {self.rank}: {type(error).__name__}: {error}\n"
            said = self.texts(words if error else "")
            if error is not None:
                raise error
            raise SparseSolveError(f"expected all ranks to succeed, got from\n{said.rstrip()}")
        return result

    def require_same(self, digest: bytes) -> None:
        """Raise on all ranks where one has another digest: they would wait for each other.

        Raises
        ------
        VerificationError
            If digests differ.
        """
        if not self._agree_on(digest):
            raise VerificationError(_OTHER_PROGRAMS.format(self.size))

    def require_near(self, value: float, scale: float) -> None:
        """Raise on all ranks where a number differs between them by more than rounding.

        Parameters
        ----------
        value : float
            Of this rank.
        scale : float
            Of what it was added up from.

        Raises
        ------
        VerificationError
            If they differ.
        """
        spread = self.largest(value) + self.largest(-value)
        if spread > _NEAR * self.largest(scale):
            raise VerificationError(_OTHER_PROGRAMS.format(self.size))

    def require_same_given(self, **given: Any) -> None:
        """Raise on all ranks where an argument differs: each would have a part of its own.

        Raises
        ------
        VerificationError
            If digests differ.
        """
        if self.size == 1:
            return
        differing = [f"`{name}`" for name, it in given.items() if not self._agree_on(digest_of(it))]
        if differing:
            raise VerificationError(
                f"expected the same {', '.join(differing)} on all {self.size} ranks, got "
                f"different ones. {_ADVICE}"
            )

    def _agree_on(self, digest: bytes) -> bool:
        number = float(int.from_bytes(digest[:6], "big"))  # exact: 48 bits
        return self.largest(number) == -self.largest(-number)


_NEAR = 1e-7  # of the sum of sizes: the processors of ranks may round differently
_ADVICE = "Let no rank number, no random numbers without a seed and no local files enter."
_OTHER_PROGRAMS = (
    "expected the same program on all {} ranks, got different ones: the function, its data or its "
    f"arguments differ between ranks. {_ADVICE}"
)


def digest_of(given: Any) -> bytes:
    """Return a digest of what a user gives: numbers, words, arrays, sparse matrices, and of these.

    What is none of them, such as a function, counts by its type alone.

    Examples
    --------
    >>> digest_of({"a": np.ones(3), "b": None}) == digest_of({"b": None, "a": np.ones(3)})
    True
    """
    found = hashlib.blake2b(digest_size=6)
    for part in _parts(given):
        found.update(part)
    return found.digest()


def _parts(given: Any) -> Iterator[Any]:
    yield type(given).__name__.encode()
    if sp.issparse(given):
        matrix = given.tocoo()
        given = [matrix.shape, matrix.row, matrix.col, matrix.data]
    if isinstance(given, np.ndarray) and given.dtype.kind in "biufc":
        yield repr((given.shape, given.dtype.str)).encode()
        yield np.ascontiguousarray(given).reshape(-1).view(np.uint8).data
    elif isinstance(given, Mapping):
        yield from _parts([(name, given[name]) for name in sorted(given, key=str)])
    elif isinstance(given, (list, tuple)):
        for part in given:
            yield from _parts(part)
    elif given is None or isinstance(given, (str, bool, int, float, np.generic)):
        yield repr(given).encode()
