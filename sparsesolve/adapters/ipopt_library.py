"""Where IPOPT is: every library on this machine that has IPOPT's C interface, the newest first.

Separate because everybody who needs IPOPT, or lists it, must find the same one. Nothing is loaded
here but the library that is asked for: two of one name share what they depend on, so versions are
told from the names of files.

Looked for are, in this order where versions are equal: the library of CasADi's wheel (what
``pip install 'sparsesolve[ipopt]'`` brings; casadi itself is not imported), the one that cyipopt is
linked to, that of a conda environment, and the system's. The environment variable
``SPARSESOLVE_IPOPT`` names one of these (``wheel``, ``cyipopt``, ``conda``, ``system``) or the path
of another.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.dataclass import dataclass

__all__ = [
    "IpoptLibrary",
    "find_library",
    "found_libraries",
    "install_command",
    "ipopt_available",
    "told_version",
]

VARIABLE = "SPARSESOLVE_IPOPT"
_ORIGINS = ("wheel", "cyipopt", "conda", "system")
_FILE = re.compile(r"libipopt(?:-[0-9a-f]{8})?\.so(?:\.(\d+(?:\.\d+)*))?|"
                   r"libipopt\.(\d+(?:\.\d+)*)?\.?dylib|(?:lib)?ipopt-(\d+)\.dll")  # fmt: skip
_LINKED = re.compile(rb"libipopt(?:-[0-9a-f]{8})?\.so\.(\d+)|libipopt\.(\d+)\.dylib")


@dataclass(frozen=True, slots=True)
class IpoptLibrary:
    """One library.

    Parameters
    ----------
    path : str
        Its file, or a file that is linked to it.
    origin : str
        One of "wheel", "cyipopt", "conda", "system", "variable".
    source : str
        Where it comes from, in words.
    file_version : tuple of int
        As its name says, which grows with the version of IPOPT: 3.11.9 is ``libipopt.so.1``.
    """

    path: str
    origin: str
    source: str
    file_version: tuple[int, ...] = ()


def found_libraries() -> list[IpoptLibrary]:
    """Return all that are installed, the newest first.

    Returns
    -------
    list of IpoptLibrary
        The one that the environment variable names stands in front.

    Raises
    ------
    SolverUnavailable
        If the variable names one that is not there.
    """
    found = list(_installed())
    named = os.environ.get(VARIABLE, "")
    return _preferred(found, named, f"the environment variable {VARIABLE}") if named else found


def find_library(named: str | None = None) -> IpoptLibrary:
    """Return the newest library that can be loaded.

    Parameters
    ----------
    named : str, optional
        One of "wheel", "cyipopt", "conda", "system", or a path: that one and no other.

    Raises
    ------
    SolverUnavailable
        If there is none; the message says what was tried, and how to install one.
    """
    libraries = found_libraries()
    if named is not None:
        libraries = _preferred(libraries, named, "`library`")[:1]
    elif os.environ.get(VARIABLE):
        libraries = libraries[:1]
    reasons = []
    for library in libraries:
        reason = _reason_not_to_load(library.path)
        if not reason:
            return library
        reasons.append(f"{library.path} cannot be loaded ({reason})")
    tried = "; ".join(reasons) or "no library of it was found"
    raise SolverUnavailable(
        f"IPOPT is not available: {tried}. Install it: {install_command()}. Or use "
        "solver='trust-constr', which needs only scipy."
    )


def ipopt_available() -> bool:
    """Whether a library of IPOPT is there and can be loaded.

    Returns
    -------
    bool
        True where ``solver="ipopt"`` works.
    """
    try:
        find_library()
    except SolverUnavailable:
        return False
    return True


def install_command(platform: str = sys.platform) -> str:
    """Say how to install IPOPT."""
    system = {"linux": "apt-get install coinor-libipopt1v5", "darwin": "brew install ipopt"}
    other = system.get(platform.rstrip("0123456789"), "")
    own = f", or the system's own (`{other}`)" if other else ""
    return f"`pip install 'sparsesolve[ipopt]'` or `conda install -c conda-forge ipopt`{own}"


def told_version(library: ctypes.CDLL) -> str:
    """Return the version that a library tells, since 3.14.18; else an empty string."""
    if not hasattr(library, "GetIpoptVersion"):
        return ""
    parts = [ctypes.c_int() for _ in range(3)]
    library.GetIpoptVersion(*map(ctypes.byref, parts))
    return ".".join(str(part.value) for part in parts)


@cache
def _reason_not_to_load(path: str) -> str:
    """Load a library; say why it cannot be."""
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        return str(error)
    return "" if hasattr(library, "CreateIpoptProblem") else "it does not show IPOPT's C interface"


def _preferred(found: list[IpoptLibrary], named: str, who: str) -> list[IpoptLibrary]:
    """Put the one that is named in front."""
    if named in _ORIGINS:
        own = [one for one in found if one.origin == named]
        if not own:
            there = ", ".join(dict.fromkeys(one.origin for one in found)) or "none at all"
            raise SolverUnavailable(
                f"{who} asks for IPOPT's library of kind {named!r}, which is not installed; there "
                f"is: {there}. Install it, or name a file."
            )
        return [*own, *(one for one in found if one.origin != named)]
    if not Path(named).is_file():
        raise SolverUnavailable(
            f"{who} must be one of {', '.join(map(repr, _ORIGINS))} or the path of IPOPT's "
            f"library, got {named!r}, which is no file."
        )
    path = str(Path(named).absolute())
    own = [IpoptLibrary(path, "variable", "named by hand", _file_version(Path(path)))]
    return [*own, *(one for one in found if one.path != path)]


@cache
def _installed() -> tuple[IpoptLibrary, ...]:
    """Look once: what is installed later is found by the next process."""
    return tuple(sorted(_everywhere(), key=lambda one: one.file_version, reverse=True))


def _everywhere() -> Iterator[IpoptLibrary]:
    yield from _in_wheel()
    yield from _of_cyipopt()
    prefix = Path(sys.prefix)
    if (prefix / "conda-meta").is_dir():
        folders = [prefix / "lib", prefix / "Library" / "bin"]
        yield from _newest(folders, "conda", f"conda environment {prefix}")
    yield from _newest(_system_folders(), "system", "installed in the system")


def _in_wheel() -> Iterator[IpoptLibrary]:
    folder = _package_folder("casadi")
    if folder is not None:
        yield from _newest([folder], "wheel", f"casadi {_distribution('casadi')}".strip())


def _of_cyipopt() -> Iterator[IpoptLibrary]:
    """Find cyipopt's extension module: IPOPT's functions are found through it."""
    folder = _package_folder("cyipopt")
    if folder is None:
        return
    endings = (".so", ".pyd", ".dylib")
    for path in sorted([*folder.rglob("*"), *folder.parent.glob("ipopt_wrapper*")]):
        if path.suffix in endings and "ipopt_wrapper" in path.name:
            linked = _LINKED.search(path.read_bytes())
            version = (int(linked[1] or linked[2]),) if linked else ()
            source = f"cyipopt {_distribution('cyipopt')}".strip()
            yield IpoptLibrary(str(path), "cyipopt", source, version)
            return


def _newest(folders: Iterable[Path], origin: str, source: str) -> Iterator[IpoptLibrary]:
    """Find the newest of all files of some folders."""
    files = [
        path
        for folder in folders
        for path in [*folder.glob("libipopt*"), *folder.glob("ipopt-*.dll")]
        if _FILE.fullmatch(path.name)
    ]
    if files:
        best = max(files, key=_file_version)
        yield IpoptLibrary(str(best), origin, source, _file_version(best))


def _file_version(path: Path) -> tuple[int, ...]:
    found = _FILE.fullmatch(path.resolve().name) or _FILE.fullmatch(path.name)
    digits = next((group for group in found.groups() if group), "") if found else ""
    return tuple(int(part) for part in digits.split(".") if part)


def _system_folders() -> list[Path]:
    arch = sysconfig.get_config_var("MULTIARCH") or ""
    listed = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    usual = [f"/usr/lib/{arch}", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/homebrew/lib"]
    return [Path(folder) for folder in dict.fromkeys([*listed, *usual]) if folder]


def _package_folder(name: str) -> Path | None:
    """Return the folder of a package, which is not imported; None where it is not installed."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # somebody set it to None in sys.modules
        return None
    places = None if spec is None else spec.submodule_search_locations
    return Path(next(iter(places))) if places else None


def _distribution(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
