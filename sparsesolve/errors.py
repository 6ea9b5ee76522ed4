"""Every exception that sparsesolve raises on purpose, in one tree.

Every stage raises, and none may import another stage to do so.

::

    SparseSolveError
    +-- TraceError                  a function could not be recorded
    |   +-- UnsupportedOperation    it uses an operation that has no rule (TypeError too)
    |   +-- DataDependentBranch     it branches on, indexes with, or converts a traced value
    +-- ArchiveError                a file does not hold what it should, or is damaged
    +-- PatternError                a sparsity pattern is malformed or does not fit
    |   +-- StructureTooLarge       it has more entries than can be stored (MemoryError too)
    +-- ColoringError               a coloring is invalid for its pattern, or none exists
    +-- StructureMismatch           an argument differs in shape or kind from the one prepared for
    +-- SifError                    a SIF file cannot be decoded
    +-- VerificationError           two ways to compute one thing disagree
    +-- SolverUnavailable           an optional solver is not installed
    +-- SolverError                 a result was asked to raise, and the solver had failed

Plain bad arguments raise ``ValueError`` or ``TypeError``. The failure of a solver is no
exception but a `Result` with a status and a message; its `raise_on_failure` makes one of it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

__all__ = [
    "ArchiveError",
    "ColoringError",
    "DataDependentBranch",
    "PatternError",
    "SifError",
    "SolverError",
    "SolverUnavailable",
    "SparseSolveError",
    "StructureMismatch",
    "StructureTooLarge",
    "TraceError",
    "UnsupportedOperation",
    "VerificationError",
    "refusals",
]


class _Listening(threading.local):
    """Where this thread collects refusals, while it traces."""

    heard: list[TraceError] | None = None


_listening = _Listening()


@contextmanager
def refusals() -> Iterator[list[TraceError]]:
    """Collect every `TraceError` that this thread makes, caught or not.

    A function that catches one would go on along a path that it takes in a trace only.

    Examples
    --------
    >>> with refusals() as heard:
    ...     error = TraceError("an example")
    >>> heard == [error]
    True
    """
    before = _listening.heard
    heard: list[TraceError] = []
    _listening.heard = heard
    try:
        yield heard
    finally:
        _listening.heard = before


class SparseSolveError(Exception):
    """Base of all exceptions of this package.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> J = ss.jacobian(np.sin, np.ones(2))
    >>> try:
    ...     J(np.ones(3))
    ... except ss.errors.SparseSolveError as error:
    ...     print(type(error).__name__)
    StructureMismatch
    """


class TraceError(SparseSolveError):
    """The user's function could not be recorded.

    Notes
    -----
    `final` says that NumPy does not raise where this error is raised, so that code which catches
    it takes another path than it takes with plain arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> try:
    ...     ss.jacobian(lambda x: np.linalg.svd(np.outer(x, x), hermitian=True)[1], np.ones(2))
    ... except ss.errors.TraceError as error:
    ...     print("Leave it out" in str(error))
    True
    """

    final: ClassVar[bool] = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if self.final and _listening.heard is not None and not _is_logging():
            _listening.heard.append(self)


def _is_logging() -> bool:
    """Whether a message is formatted for a log; what becomes of that changes no result."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "logging":
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None


class UnsupportedOperation(TraceError, TypeError):
    """The function uses an operation that cannot be recorded; the message names the fix.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> ss.jacobian(lambda x: np.linalg.svd(np.outer(x, x), hermitian=True)[1], np.ones(2))
    Traceback (most recent call last):
        ...
    sparsesolve.errors.UnsupportedOperation: expected operations that can be recorded and ...
    """


class DataDependentBranch(TraceError):
    """The function's path depends on a traced value: a branch, a mask or an integer conversion.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve.trace import trace
    >>> trace(lambda x: x[x > 0.0], (np.ones(2),))
    Traceback (most recent call last):
        ...
    sparsesolve.errors.DataDependentBranch: ...
    """


class ArchiveError(SparseSolveError, ValueError):
    """A file is not what was expected: another kind, a newer format, or damaged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import sparsesolve as ss
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "pattern.npz")
    ...     _ = file.write_bytes(b"no archive")
    ...     ss.Pattern.load(file)
    Traceback (most recent call last):
        ...
    sparsesolve.errors.ArchiveError: ...
    """


class PatternError(SparseSolveError, ValueError):
    """A sparsity pattern is malformed, or does not fit the function it is given for.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> ss.Pattern((2, 2), np.array([0, 1]), np.array([0]))
    Traceback (most recent call last):
        ...
    sparsesolve.errors.PatternError: `indptr` must have shape (3,) and end with 1, got ...
    """


class StructureTooLarge(PatternError, MemoryError):
    """A pattern has more entries than can be stored; products do without it.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> x = np.ones(20000)
    >>> H = ss.hessian(lambda x: np.sum(x) ** 2 * np.sum(np.sin(x)), x)
    >>> H(x)
    Traceback (most recent call last):
        ...
    sparsesolve.errors.StructureTooLarge: expected a matrix of at most 134217728 entries, got ...
    >>> H.hvp(x, x).shape
    (20000,)
    """


class ColoringError(SparseSolveError, ValueError):
    """A coloring is not valid for its pattern.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> ss.color(ss.Pattern.of(np.ones((1, 2))), forced=[0, 0])
    Traceback (most recent call last):
        ...
    sparsesolve.errors.ColoringError: the forced colors cannot stand together: ...
    """


class StructureMismatch(SparseSolveError, ValueError):
    """An argument does not have the shape or kind that the structure was prepared for.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> ss.gradient(np.sum, np.ones(2))(np.ones(3))
    Traceback (most recent call last):
        ...
    sparsesolve.errors.StructureMismatch: `a` must have shape (2,), got (3,); ...
    """


class SifError(SparseSolveError, ValueError):
    """A SIF file cannot be decoded.

    Parameters
    ----------
    message : str
        What was expected, and what came.
    path : str, optional
        The file.
    line : int, optional
        Number of the line, from 1; 0 where no line is to blame.
    card : str, optional
        The text of that line.

    Examples
    --------
    >>> import sparsesolve as ss
    >>> ss.sif.find("NOTHERE")
    Traceback (most recent call last):
        ...
    sparsesolve.errors.SifError: NOTHERE: expected a SIF file, or the name of one in ...
    """

    def __init__(self, message: str, *, path: str = "", line: int = 0, card: str = "") -> None:
        where = f"{path}:{line}: " if line else f"{path}: " if path else ""
        super().__init__(where + message + (f" The card: {card!r}" if card else ""))
        self.path = path
        self.line = line
        self.card = card


class VerificationError(SparseSolveError):
    """Two ways of computing the same numbers disagree.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> data = np.ones(2)
    >>> J = ss.jacobian(lambda x: data * x, np.ones(2))
    >>> data[:] = 5.0
    >>> J.verify()
    Traceback (most recent call last):
        ...
    sparsesolve.errors.VerificationError: expected `<lambda>` to be what was traced, ...
    """


class SolverUnavailable(SparseSolveError, ImportError):
    """An optional solver is not installed; the message says how to install it.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> ss.minimize(np.sum, np.ones(2), method="ipopt", options={"library": "/none"})
    Traceback (most recent call last):
        ...
    sparsesolve.errors.SolverUnavailable: `library` must be one of ...
    """


class SolverError(SparseSolveError, RuntimeError):
    """A solver did not find a solution; raised by `Result.raise_on_failure` only.

    Examples
    --------
    >>> import sparsesolve as ss
    >>> ss.root(lambda x: x**2 + 1.0, [1.0]).raise_on_failure()
    Traceback (most recent call last):
        ...
    sparsesolve.errors.SolverError: newton ended with status 'singular': ...
    """
