"""`Way`: which IPOPT is called, and how; or what to install.

Whoever only asks whether there is one needs no problem.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from sparsesolve.adapters.ipopt_library import IpoptLibrary, find_library, install_command
from sparsesolve.adapters.ipopt_probe import library_version
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing

__all__ = ["Way", "ipopt_available", "prepare_ipopt", "require_cyipopt", "require_ipopt"]

_TRANSPORT = ""  # the first of `_TRANSPORTS` that works here
_TRANSPORTS = ("native", "c", "cyipopt")


@dataclass(frozen=True, slots=True)
class Way:
    """How IPOPT is called.

    Parameters
    ----------
    transport : {"native", "c", "cyipopt"}
        Who calls whom.
    library : IpoptLibrary or None
        Whose code runs; None for that of a cyipopt which does not show it.
    timed : bool
        Whether the time of the linear solver is wanted.
    """

    transport: str
    library: IpoptLibrary | None
    timed: bool = False

    @property
    def path(self) -> str:
        """The file of the library, empty if not known."""
        return "" if self.library is None else self.library.path

    def version(self) -> str:
        """Return the version of IPOPT, empty if it cannot be told."""
        if self.transport == "cyipopt":
            return ".".join(map(str, getattr(require_cyipopt(), "IPOPT_VERSION", ())))
        return library_version(self.path)

    def describe(self) -> str:
        """Say which IPOPT it is, and where from."""
        source = "cyipopt" if self.library is None else self.library.source
        return f"IPOPT {self.version()}".strip() + f", {source}, transport {self.transport!r}"


def require_ipopt(transport: str = "", library: str | None = None) -> Way:
    """Return the way to IPOPT, loaded, or say how to install it.

    Parameters
    ----------
    transport : str, optional
        One of "native", "c", "cyipopt"; the first that works if not given.
    library : str, optional
        As for `find_library`.

    Returns
    -------
    Way
        What to call.

    Raises
    ------
    SolverUnavailable
        If there is none; the message holds the command for this platform.
    """
    wanted = transport or _TRANSPORT
    if wanted not in ("", *_TRANSPORTS):
        named = ", ".join(map(repr, _TRANSPORTS[:-1]))
        raise ValueError(f"`transport` must be {named} or 'cyipopt', got {wanted!r}.")
    if wanted == "cyipopt":
        require_cyipopt()
        return Way("cyipopt", _of_cyipopt())
    try:
        return Way(wanted or "native", find_library(library))
    except SolverUnavailable:
        if wanted or library is not None or not _cyipopt_works():
            raise
        return Way("cyipopt", None)


def prepare_ipopt(options: Mapping[str, Any] | None) -> None:
    """Load what a solve with these options needs."""
    given = options or {}
    require_ipopt(given.get("transport", ""), given.get("library"))


def require_cyipopt() -> Any:
    """Return the module cyipopt, or say how to install it.

    Returns
    -------
    module
        cyipopt.

    Raises
    ------
    SolverUnavailable
        If it cannot be imported.
    """
    try:
        with importing():
            return importlib.import_module("cyipopt")
    except ImportError as error:
        raise SolverUnavailable(
            f"cyipopt cannot be imported ({error}). Install it: `pip install "
            "'sparsesolve[cyipopt]'`, where IPOPT's headers are installed, or `conda install -c "
            "conda-forge cyipopt`. "
            "Everything but `to_cyipopt` and transport='cyipopt' works without it: "
            f"{install_command()}."
        ) from error


def _cyipopt_works() -> bool:
    try:
        require_cyipopt()
    except SolverUnavailable:
        return False
    return True


def _of_cyipopt() -> IpoptLibrary | None:
    try:
        return find_library("cyipopt")
    except SolverUnavailable:  # its IPOPT is hidden inside
        return None


def ipopt_available() -> bool:
    """Whether ``solver="ipopt"`` works.

    Returns
    -------
    bool
        True where a library of IPOPT can be loaded, or cyipopt be imported.
    """
    try:
        require_ipopt()
    except SolverUnavailable:
        return False
    return True
