"""`solvers`: what can solve here, in which version, and where it comes from.

It is about all solvers and calls none, but for a trial of IPOPT's linear solvers.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from sparsesolve.adapters.highs_quadratic import find_highs
from sparsesolve.adapters.ipopt_library import IpoptLibrary, found_libraries
from sparsesolve.adapters.ipopt_probe import LINEAR_SOLVERS, probe
from sparsesolve.adapters.scipy_minimize import SCIPY_METHODS

__all__ = ["SolverInfo", "solvers"]

_BY_PETSC = ("root", "minimize", "solve_ivp")


@dataclass(frozen=True, slots=True)
class SolverInfo:
    """A solver that is installed.

    Parameters
    ----------
    name : str
        As ``solver=`` or ``method=`` takes it.
    function : str
        Whose argument that is.
    version : str
        Of the library.
    source : str
        Where it comes from.
    linear_solvers : tuple of str
        What its option ``linear_solver`` may be, as tried.
    path : str
        File of the library, where it is one.

    Examples
    --------
    >>> newton = next(s for s in solvers() if s.name == "newton")
    >>> newton.function, newton.source
    ('root', 'sparsesolve')
    """

    name: str
    function: str
    version: str
    source: str
    linear_solvers: tuple[str, ...] = ()
    path: str = ""


def solvers(*, trial: bool = True) -> list[SolverInfo]:
    """Return what can solve here: every library of IPOPT, the one in use first, then the others.

    Parameters
    ----------
    trial : bool, default True
        Whether to try each linear solver of each IPOPT, in processes of their own: half a second a
        library. Without, neither they nor the versions are told.

    Returns
    -------
    list of SolverInfo
        In the order in which ``solver="auto"`` prefers them.

    Raises
    ------
    SolverUnavailable
        If the environment variable ``SPARSESOLVE_IPOPT`` names a library that is not there.

    Examples
    --------
    >>> [one.source for one in solvers(trial=False) if one.name == "trust-constr"]
    ['scipy']
    """
    return [
        *(_ipopt(library, trial) for library in found_libraries()),
        *_of_package("pounce-solver", "pounce", [("pounce", "minimize")]),
        *_of_package("unopy", "unopy", [("uno", "minimize")]),
        *_highs(),
        *_of_scipy("minimize", SCIPY_METHODS),
        *_of_scipy("least_squares", ("trf", "dogbox")),
        *_of_scipy("solve_ivp", ("BDF", "Radau", "LSODA", "RK45", "RK23", "DOP853")),
        *(SolverInfo(name, "least_squares", "", "sparsesolve") for name in ("lm", "gauss-newton")),
        SolverInfo("newton", "root", "", "sparsesolve"),
        SolverInfo("krylov", "solve_ivp", "", "sparsesolve"),
        SolverInfo("Radau", "solve_dae", "", "sparsesolve"),
        *_of_package("scikit-sundae", "sksundae", [("cvode", "solve_ivp"), ("ida", "solve_dae")]),
        *_of_package(
            "petsc4py", "petsc4py", [("petsc", f) for f in ("root", "minimize", "solve_ivp")]
        ),
    ]


def _ipopt(library: IpoptLibrary, trial: bool) -> SolverInfo:
    found = {name: probe(library.path, name) for name in LINEAR_SOLVERS} if trial else {}
    works = tuple(name for name, one in found.items() if one.works)
    version = next((one.version for one in found.values() if one.version), "")
    return SolverInfo("ipopt", "minimize", version, library.source, works, library.path)


def _highs() -> list[SolverInfo]:
    """Return the copy inside SciPy, and highspy where quadratic problems go there."""
    source, module = find_highs() or ("", None)
    inside = source == "SciPy"
    version = str(module._Highs().version()) if inside and module is not None else ""
    own = SolverInfo("highs", "minimize", version, f"scipy {importlib.metadata.version('scipy')}")
    return [own] if inside else [own, *_of_package("highspy", "highspy", [("highs", "minimize")])]


def _of_scipy(function: str, names: tuple[str, ...]) -> Iterator[SolverInfo]:
    version = importlib.metadata.version("scipy")
    return (SolverInfo(name, function, version, "scipy") for name in names)


def _of_package(package: str, module: str, names: list[tuple[str, str]]) -> list[SolverInfo]:
    """Return what a package solves, under these names, where it is installed."""
    if importlib.util.find_spec(module) is None:
        return []
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # another package with a module of this name
        return []
    return [SolverInfo(name, function, version, package) for name, function in names]
