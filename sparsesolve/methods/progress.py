"""`ProgressTable`: a live table of iterations in the terminal.

It is the only part that needs rich, which is imported when a table is asked for.
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


class ProgressTable:
    """The last iterations of a solve, live.

    Parameters
    ----------
    title : str
        Title of the table.
    console : rich.console.Console, optional
        Where to draw; the terminal where not given.
    """

    def __init__(self, title: str, console: Any = None) -> None:
        with importing():
            from rich.live import Live  # noqa: PLC0415 - optional at run time: only with progress

        self.title = title
        self._rows: deque[tuple[str, ...]] = deque(maxlen=_ROWS)
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=_REFRESH,
            transient=False,
        )

    def add(self, state: IterationState) -> None:
        """Append one iteration; drawn at the next refresh."""
        self._rows.append(
            (
                str(state.iteration),
                f"{state.fun:.9e}",
                f"{state.constraint_violation:.2e}",
                f"{state.optimality:.2e}",
                f"{state.step:.2e}",
                f"{state.seconds:.2f}",
            )
        )

    def render(self) -> Any:
        """Return the table as rich draws it."""
        with importing():
            from rich.table import Table  # noqa: PLC0415

        table = Table(title=self.title)
        names = ("iteration", "objective", "infeasibility", "optimality", "step", "seconds")
        for name in names:
            table.add_column(name, justify="right")
        for row in tuple(self._rows):  # a copy: the drawing thread reads while the solver adds
            table.add_row(*row)
        return table

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def stop(self) -> None:
        """Draw once more and end."""
        self._live.stop()
