"""`ProgressTable`: the iterations of a solve, as a live table in a terminal, else as plain lines.

It is the only part that needs rich, which is imported when a table is asked for.
All fits 80 columns. In the table the last iterations stand; lines are written for the first, every
tenth and the last, so that files and notebooks stay short.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparsesolve.methods.monitor import IterationState

from sparsesolve.host.imports import importing

__all__ = ["ProgressTable"]

_ROWS = 12
_REFRESH = 8  # a second; more only costs time
_EVERY = 10
_NAMES = ("iteration", "objective", "infeasibility", "optimality", "step", "seconds")
_WIDTHS = (9, 16, 13, 10, 9, 8)


class ProgressTable:
    """The iterations of a solve.

    Parameters
    ----------
    title : str
        Title of the table.
    console : rich.console.Console, optional
        Where to draw; standard output where not given.
    """

    def __init__(self, title: str, console: Any = None) -> None:
        with importing():
            # optional at run time: only with progress
            from rich.console import Console  # noqa: PLC0415

        self.title = title
        self._console = console or Console()
        self._rows: deque[tuple[str, ...]] = deque(maxlen=_ROWS)
        self._kept: list[tuple[str, ...]] = []
        self._last: tuple[str, ...] | None = None
        self._live: Any = None
        self._begun = False
        self._headed = False

    def add(self, state: IterationState) -> None:
        """Append one iteration; drawn at the next refresh."""
        row = (
            str(state.iteration),
            f"{state.fun:.9e}",
            f"{state.constraint_violation:.2e}",
            f"{state.optimality:.2e}",
            f"{state.step:.2e}",
            f"{state.seconds:.2f}",
        )
        self._rows.append(row)
        self._last = row
        if state.iteration % _EVERY == 0:
            self._kept.append(row)
            if self._live is None and self._begun:
                self._write(row)
                self._last = None

    def render(self) -> Any:
        """Return the table as rich draws it."""
        with importing():
            from rich import box  # noqa: PLC0415
            from rich.table import Table  # noqa: PLC0415

        rows = tuple(self._rows)  # a copy: the drawing thread reads while the solver adds
        title = self.title if rows else f"{self.title}: preparing"
        table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for name in _NAMES:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        return table

    def start(self) -> None:
        """Begin to draw."""
        self._begun = True
        if not self._console.is_terminal or self._console.is_jupyter:
            self._line(f"{self.title}: preparing")
            return
        with importing():
            from rich.live import Live  # noqa: PLC0415

        self._live = Live(
            get_renderable=self.render, console=self._console, refresh_per_second=_REFRESH
        )
        self._live.start()

    def stop(self) -> None:
        """Draw once more and end; every tenth iteration stays."""
        if self._live is not None:
            earlier = [row for row in self._kept if row not in self._rows]
            self._rows = deque([*earlier, *self._rows])
            self._live.stop()
        elif self._last is not None:
            self._write(self._last)

    def _write(self, row: tuple[str, ...]) -> None:
        if not self._headed:
            self._line(_joined(_NAMES))
        self._headed = True
        self._line(_joined(row))

    def _line(self, text: str) -> None:
        self._console.file.write(f"{text}\n")
        self._console.file.flush()


def _joined(row: tuple[str, ...]) -> str:
    return " ".join(text.rjust(width) for text, width in zip(row, _WIDTHS, strict=True))
