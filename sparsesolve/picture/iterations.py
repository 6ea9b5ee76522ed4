"""The iterations of a solve as curves.

Separate because it draws numbers against numbers, and all other pictures are of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.picture.matrices import INK, PALETTE, new_figure

__all__ = ["plot_iterations"]

_CURVES = ("constraint_violation", "optimality", "step")


def plot_iterations(rows: Mapping[str, NDArray[Any]], title: str = "", ax: Any = None) -> Any:
    """Draw the objective, and below it violation, optimality and step on a logarithmic scale.

    Parameters
    ----------
    rows : mapping of str to ndarray
        ``iteration``, ``objective``, ``constraint_violation``, ``optimality``, ``step``; what is
        not finite, or zero, is left out.
    title : str, optional
        Above the figure.
    ax : sequence of two matplotlib.axes.Axes, optional
        Where to draw; a new figure is made without them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is None:
        figure = new_figure(6.0, 5.0)
        ax = figure.subplots(2, 1, sharex=True)
        figure.suptitle(title if len(title) <= 70 else f"{title[:67]}...", fontsize=10)
    upper, lower = ax
    at = rows["iteration"]
    upper.plot(at, rows["objective"], color=INK, marker=".", label="objective")
    upper.set_ylabel("objective")
    drawn = 0
    for name, color in zip(_CURVES, PALETTE, strict=False):
        values = np.asarray(rows[name], dtype=float)
        seen = np.isfinite(values) & (values > 0.0)
        if seen.any():
            label = name.replace("_", " ")
            lower.semilogy(at[seen], values[seen], color=color, marker=".", label=label)
            drawn += 1
    lower.set_xlabel("iteration")
    if drawn:
        lower.legend(fontsize=8)
    return lower.figure
