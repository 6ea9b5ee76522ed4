"""`python -m sparsesolve problems` and `bench`: the suite that comes with the package.

The package itself knows neither its problems nor its benchmarks: only where they are.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import sparsesolve as ss

__all__ = ["suite_command"]

_BESIDE = Path(__file__).resolve().parents[2]


def suite_command(package: str, beside: Path = _BESIDE) -> Callable[..., int | None]:
    """Find the command of a package of the suite.

    Parameters
    ----------
    package : {"problems", "benchmarks"}
        Installed with ``sparsesolve_`` before its name; in a clone it stands at the top.
    beside : Path, optional
        The folder that holds both it and sparsesolve.

    Returns
    -------
    callable
        What ``python -m`` of that package does: ``main(arguments, prog=...)``.

    Raises
    ------
    SparseSolveError
        If the package is not there.
    """
    for name in (f"sparsesolve_{package}", package):
        if (beside / name / "__main__.py").is_file():
            # first, for a clone's package has a name that somebody else's may have too
            sys.path.insert(0, str(beside))
            try:
                found = importlib.import_module(f"{name}.__main__")
            finally:
                sys.path.remove(str(beside))
            command: Callable[..., int | None] = found.main
            return command
    raise ss.errors.SparseSolveError(
        f"The {package} must stand in {beside}, beside sparsesolve, but they do not: the package "
        "was installed in part. Install sparsesolve anew."
    )
