"""`PrepareLog`: what preparing a derivative cost, and which choices were made.

Every stage of preparing writes to it, and reports read it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from sparsesolve.derivatives.comparison import CheckPoint, Names, compare
from sparsesolve.host.dataclass import dataclass
from sparsesolve.options import Options

if TYPE_CHECKING:
    from sparsesolve.engine.llvm.compile import Compiled

__all__ = ["PrepareLog"]


@dataclass
class PrepareLog:
    """What preparing cost in seconds by stage, and notes on choices that were made.

    Parameters
    ----------
    options : Options
        What was asked for.
    point : CheckPoint, optional
        Where machine code is compared with the interpreter when it is made.
    lean : bool, default False
        Whether memory counts more than the time to write whole results; see `compile_program`.
    """

    options: Options = field(default_factory=Options)
    point: CheckPoint | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    compared: list[int] = field(default_factory=lambda: [0, 0])
    lean: bool = False

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def compare(self, compiled: Compiled, names: Names | None, *, known: bool = False) -> None:
        """Hold machine code against the interpreter, if that is wanted.

        Parameters
        ----------
        compiled : Compiled
            What was made.
        names : callable or None
            What to call a value, by its number.
        known : bool, default False
            Whether the process that made the program has done so; then only code that is new is.
        """
        point = self.point
        if point is None:
            return
        compiled.when_upgraded = lambda better: compare(better, point, names)
        if known and compiled.statistics.from_cache:
            return
        with self.stage("check machine code"):
            self.compared[0] += compare(compiled, point, names)
        self.compared[1] += compiled.size

    def rows(self) -> list[tuple[str, str]]:
        """Return what a report says."""
        rows = [(f"{name}, s", f"{spent:.4f}") for name, spent in self.seconds.items()]
        if self.compared[1]:
            text = f"{self.compared[0]} of {self.compared[1]} values equal the interpreter's"
            rows.append(("machine code", text))
        return rows + [("note", note) for note in self.notes]

    def note(self, text: str) -> None:
        """Remember a reason, once."""
        if text not in self.notes:
            self.notes.append(text)
