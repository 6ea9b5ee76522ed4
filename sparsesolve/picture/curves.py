"""Functions of time as curves, a panel for each quantity.

Separate because it is given times and values, and all other pictures are of matrices or iterations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.picture.matrices import GRID, INK, PALETTE, new_figure

__all__ = ["CurvePanel", "plot_curves"]


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """Curves of one quantity.

    Parameters
    ----------
    title : str
        Written above it.
    pieces : sequence of (t, values)
        Each of shapes (points,) and (lines, points): the curves of one phase.
    marks : sequence of (t, values)
        The same at the ends of intervals, drawn as points.
    limits : sequence of float
        Drawn as lines where they are finite.
    """

    title: str
    pieces: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
    marks: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]] = ()
    limits: Sequence[float] = ()


def plot_curves(panels: Sequence[CurvePanel], title: str = "", axes: Any = None) -> Any:
    """Draw a panel for each quantity, two in a row.

    Parameters
    ----------
    panels : sequence of CurvePanel
        What to draw.
    title : str, optional
        Above the figure.
    axes : sequence of matplotlib.axes.Axes, optional
        As many as panels; a new figure is made without them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are not as many axes as panels.
    """
    if axes is None:
        axes = _new_axes(len(panels), title)
    axes = list(np.ravel(axes))
    if len(axes) != len(panels):
        raise ValueError(f"`axes` must be {len(panels)}, one for each quantity, got {len(axes)}.")
    for panel, ax in zip(panels, axes, strict=True):
        _draw(panel, ax)
    return axes[0].figure


def _new_axes(count: int, title: str) -> list[Any]:
    across = min(2, count)
    down = -(-count // across)
    figure = new_figure(4.2 * across, 1.9 * down + 0.4)
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.remove()
    for ax in axes[max(0, count - across) : count]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("t", fontsize=9)
    return list(axes[:count])


def _draw(panel: CurvePanel, ax: Any) -> None:
    for t, values in panel.pieces:
        colors = [INK, *PALETTE] if len(values) == 1 else [*PALETTE]
        for k, line in enumerate(values):
            ax.plot(t, line, color=colors[k % len(colors)], linewidth=1.4)
    for t, values in panel.marks:
        ax.plot(np.tile(t, len(values)), np.ravel(values), ".", color=INK, markersize=3)
    for limit in panel.limits:
        if np.isfinite(limit):
            ax.axhline(limit, color=GRID, linewidth=0.8, zorder=0)
    ax.set_title(panel.title, fontsize=9)
