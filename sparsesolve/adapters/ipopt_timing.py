"""How long IPOPT's linear solver took, from the statistics that IPOPT writes to a file.

IPOPT tells it in no other way; nobody who does not ask pays for the file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["linear_seconds", "statistics_file"]

# solves of the augmented system: assembly, symbolic and numeric factorization, substitution
_LINE = re.compile(r"StdAugSystemSolverMultiSolve\.*:.*wall: *([\d.]+)")


@contextmanager
def statistics_file(*, wanted: bool) -> Iterator[str]:
    """Yield the path of a file that is gone afterwards, or an empty string."""
    if not wanted:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="sparsesolve-") as folder:
        yield str(Path(folder) / "statistics.txt")


def linear_seconds(path: str) -> float | None:
    """Return the seconds that the linear solver took, None where the file does not tell."""
    file = Path(path)
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    found = _LINE.search(text)
    return float(found[1]) if found else None
