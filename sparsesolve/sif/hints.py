"""What the comments of a file say: its classification and known optima.

Separate because comments carry no meaning for the functions, and are written freely: everything
here is a hint and never fails.
"""

from __future__ import annotations

import re

from sparsesolve.problem.metadata import KnownOptimum
from sparsesolve.sif.cards import Lines, fortran_number

__all__ = ["classification", "known_optima"]

_CLASS = re.compile(
    r"\bclassification\s*[:=]?\s*((?:[A-Z]-)?[A-Z]{3,4}[0-9A-Z]*-[A-Z]{2}-\S+)", re.IGNORECASE
)
_OPTIMUM = re.compile(
    r"^.\s?(?:LO|UP|XL|XU|ZL|ZU|FX)\s+(\S*SOL[A-Z]*)\s*(\(.*?\))?\s*(.*)$", re.IGNORECASE
)


def classification(lines: Lines) -> str:
    """Return the classification in a file's comments, or an empty text."""
    for _, comment in lines.comments():
        match = _CLASS.search(comment)
        if match is not None:
            return match[1]
    return ""


def known_optima(lines: Lines) -> tuple[KnownOptimum, ...]:
    """Return the known optima in a file, in order: lines such as ``*LO SOLTN(10)   2.83``."""
    found = []
    for line in lines.lines:
        if "SOL" not in line or line[:1] not in ("*", " "):
            continue
        match = _OPTIMUM.match(line.rstrip())
        if match is None:
            continue
        qualifier = (match[2] or "")[1:-1]
        amount, _, note = match[3].partition("$")
        text, _, rest = amount.strip().partition(" ")
        value = fortran_number(text) if text else None
        found.append(KnownOptimum(value, qualifier, (note or rest).strip(), line.rstrip()))
    return tuple(found)
