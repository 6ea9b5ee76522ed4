"""What a library of IPOPT really has: its version, its options, and which linear solvers work.

Some questions end the process: MA97 calls ``abort`` where HSL is missing. So each
is put in a process of its own, which loads nothing but the library and solves a problem of two
variables; the answers are kept as long as this process lives.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from functools import cache

from sparsesolve.adapters.ipopt_library import told_version
from sparsesolve.host.dataclass import dataclass

__all__ = [
    "LINEAR_SOLVERS",
    "SPRAL_VARIABLES",
    "KnownOption",
    "Trial",
    "known_options",
    "library_version",
    "probe",
]

LINEAR_SOLVERS = ("mumps", "spral", "ma27", "ma57", "ma77", "ma86", "ma97", "pardiso",
                  "pardisomkl", "wsmp")  # fmt: skip
"""What the option ``linear_solver`` may name, up to IPOPT 3.14."""

SPRAL_VARIABLES = {"OMP_CANCELLATION": "TRUE", "OMP_PROC_BIND": "TRUE"}
"""Without these, set before the process starts, SPRAL may refuse to work."""

_SECONDS = 60
_SCRIPT = """
import ctypes as c, sys
path, options = sys.argv[1], sys.argv[2:]
library, p, d, i = c.CDLL(path), c.c_void_p, c.c_double, c.c_int
def write(kind, place, values):
    (kind * len(values)).from_address(place)[:] = values
    return 1
def read(place):
    return list((d * 2).from_address(place))
def hessian(*a):
    if a[10]:
        return write(d, a[10], [2 * a[3]] * 2)
    return write(i, a[8], [0, 1]) and write(i, a[9], [0, 1])
made = [
    c.CFUNCTYPE(i, i, p, i, p, p)(lambda n, x, w, v, u: write(d, v, [sum(t * t for t in read(x))])),
    c.CFUNCTYPE(i, i, p, i, i, p, p)(lambda *a: 1),
    c.CFUNCTYPE(i, i, p, i, p, p)(lambda n, x, w, v, u: write(d, v, [2 * t for t in read(x)])),
    c.CFUNCTYPE(i, i, p, i, i, i, p, p, p, p)(lambda *a: 1),
    c.CFUNCTYPE(i, i, p, i, d, i, p, i, i, p, p, p, p)(hessian),
]
low, high, x, z = ((d * 2)(t, t) for t in (-1, 1, 1, 0))
library.CreateIpoptProblem.restype = p
nlp = p(library.CreateIpoptProblem(2, low, high, 0, None, None, 0, 2, 0, *made))
split = [[text.encode() for text in option.split("=", 1)] for option in options]
taken = [library.AddIpoptStrOption(nlp, *pair) & 255 for pair in split]
if not taken[0]:
    sys.exit(2)
sys.exit(0 if library.IpoptSolve(nlp, x, None, z, None, z, z, None) == 0 else 1)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial.

    Parameters
    ----------
    works : bool
        Whether the problem was solved.
    version : str
        As IPOPT writes in its headline; empty where it came to none.
    reason : str
        Why it did not work.
    """

    works: bool
    version: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KnownOption:
    """An option, as a library describes it.

    Parameters
    ----------
    allowed : str
        Range of a number or choices of a text, in words.
    default : str
        Its value if it is not given.
    meaning : str
        First line of the description.
    """

    allowed: str
    default: str
    meaning: str


@cache
def probe(path: str, linear_solver: str = "mumps", more: tuple[str, ...] = ()) -> Trial:
    """Solve a small problem by a library and one of its linear solvers, in a process of its own.

    Parameters
    ----------
    path : str
        The library.
    linear_solver : str, default "mumps"
        One of `LINEAR_SOLVERS`.
    more : tuple of str, default ()
        Options of text that it needs, such as ``"hsllib=/opt/libhsl.so"``.
    """
    code, text = _run(path, f"linear_solver={linear_solver}", *more)
    found = re.search(r"This is Ipopt version ([\w.-]+)", text)
    if code == 0:
        return Trial(True, found[1].rstrip(".,") if found else "")
    last = [line.strip() for line in text.splitlines() if "Exception message" in line]
    reason = last[-1].split("message:", 1)[1].strip() if last else _ending(code)
    return Trial(False, found[1].rstrip(".,") if found else "", reason)


@cache
def library_version(path: str) -> str:
    """Return the version of a library, by asking it or else by a trial; empty if neither tells."""
    return told_version(ctypes.CDLL(path)) or probe(path).version


@cache
def known_options(path: str) -> dict[str, KnownOption]:
    """Return all options of a library, as it documents them itself.

    Parameters
    ----------
    path : str
        The library.

    Returns
    -------
    dict
        By name; empty where the library could not be asked.
    """
    more = ("print_options_mode=text", "print_advanced_options=yes")
    code, text = _run(path, "print_options_documentation=yes", *more)
    return _parsed(text) if code == 0 else {}


def _run(path: str, *options: str) -> tuple[int, str]:
    environment = {**os.environ, **SPRAL_VARIABLES, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, path, *options],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environment,
            cwd=os.path.dirname(os.path.abspath(path)),  # where no ipopt.opt of the user is read
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, f"Exception message: {error}"
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def _ending(code: int) -> str:
    known = {1: "it solved nothing", 2: "the library does not know it"}
    return known.get(code, "it ended the process")


_HEAD = re.compile(r"^(\w+) +(\S.*)$")
_NUMBER = re.compile(r"^(\S+) +(<=?) +\( *(\S+)\) +(<=?) +(\S+)$")
_TEXT = re.compile(r'^\("(.*)"\)$')
_CHOICE = re.compile(r"^ +- +(\S+)")


def _parsed(text: str) -> dict[str, KnownOption]:
    """Read the documentation: a head at the margin, then indented lines about it."""
    found: dict[str, KnownOption] = {}
    blocks = re.split(r"\n(?=\w+ +\S)", text)
    for block in blocks:
        head, *lines = block.strip("\n").splitlines() or [""]
        option = _option(_HEAD.match(head), lines)
        if option is not None:
            found[head.split()[0]] = option
    return found


def _option(head: re.Match[str] | None, lines: list[str]) -> KnownOption | None:
    if head is None:
        return None
    meaning = lines[0].strip() if lines else ""
    number, text = _NUMBER.match(head[2].strip()), _TEXT.match(head[2].strip())
    if number:
        low, less, default, less_too, high = number.groups()
        return KnownOption(f"{low} {less} value {less_too} {high}", default, meaning)
    if text:
        choices = [match[1] for match in map(_CHOICE.match, lines) if match]
        free = "*" in choices
        return KnownOption("any text" if free else ", ".join(choices), text[1], meaning)
    return None
