"""The pictures of a report: profiles and shares of time.

Separate because only this needs matplotlib. A way has a color and a solver a dash pattern, the same
in every picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .profiles import (
    MEASURES,
    Curve,
    Measure,
    costs,
    data_profile,
    evaluations,
    performance_profile,
)
from .shares import Share, shares
from .verdict import Verdict
from .ways import WAYS

__all__ = ["COLORS", "Picture", "draw_all"]

COLORS = dict(zip(WAYS, ("#0b6e4f", "#3b6fb6", "#9a5fa8", "#c8541c"), strict=True))
DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.4)), (0, (6, 2, 1.2, 2)), (0, (8, 3, 1, 2, 1, 3)))
EVALUATIONS = Measure("evaluations", "evaluations", evaluations, 1.0)


class Picture:
    """A drawn figure.

    Parameters
    ----------
    name, title : str
        For files and for readers.
    svg : str
        The picture.
    png : Path or None
        Where it was written as well.
    """

    def __init__(self, name: str, title: str, svg: str, png: Path | None) -> None:
        self.name, self.title, self.svg, self.png = name, title, svg, png


def draw_all(verdicts: Sequence[Verdict], folder: Path | None) -> list[Picture]:
    """Draw every picture that the results allow.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of a run.
    folder : Path or None
        Gets PNG files; None: none are written.

    Returns
    -------
    list of Picture
        Performance profiles for each measure, the data profile, the shares of time.
    """
    pictures = []
    for measure in MEASURES:
        curves = performance_profile(costs(verdicts, measure))
        title = f"Performance profile: {measure.title}"
        pictures.append(
            _picture(
                f"performance-{measure.name}", title, folder, _performance(curves, measure.title)
            )
        )
    curves = data_profile(costs(verdicts, EVALUATIONS))
    title = "Data profile: evaluations of f and exact gradients"
    pictures.append(_picture("data", title, folder, _data(curves)))
    spent = shares(verdicts)
    if spent:
        pictures.append(_picture("time-share", "Where the time goes", folder, _shares(spent)))
    return pictures


def _picture(name: str, title: str, folder: Path | None, draw: Callable[[Any], None]) -> Picture:
    import matplotlib as mpl

    mpl.use("Agg")
    style: Any = {
        "svg.hashsalt": "benchmarks",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8a8f98",
        "xtick.color": "#4b5058",
        "ytick.color": "#4b5058",
    }
    with mpl.rc_context(style):
        from matplotlib import pyplot as plt

        figure, axis = plt.subplots(figsize=(6.4, 4.4))
        draw(axis)
        figure.tight_layout()
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
        path = None
        if folder is not None:
            axis.set_title(title, fontsize=10, loc="left")
            figure.tight_layout()
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=130)
        plt.close(figure)
    return Picture(name, title, text.getvalue(), path)


def _look(name: str, solvers: Sequence[str]) -> dict[str, Any]:
    solver, way = name.split(", ")
    return {"color": COLORS[way], "ls": DASHES[solvers.index(solver) % len(DASHES)], "lw": 1.9}


def _steps(axis: Any, curves: Sequence[Curve], start: float, end: float) -> None:
    solvers = list(dict.fromkeys(curve.name.split(", ")[0] for curve in curves))
    for curve in curves:
        inside = curve.steps <= end
        x = np.concatenate([[start], curve.steps[inside], [end]])
        y = np.concatenate([[curve.at(start)], curve.shares[inside], [curve.at(end)]])
        label = f"{curve.name} ({100 * curve.at(np.inf):.0f} %)"
        axis.plot(x, y, drawstyle="steps-post", label=label, **_look(curve.name, solvers))
    axis.set_ylim(-0.01, 1.02)
    axis.set_xlim(start, end)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axis.grid(True, lw=0.4, color="#d5d9df")
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.46, -0.15), ncols=2, frameon=False, handlelength=3
    )
    axis.set_ylabel("share of problems solved")


def _end(curves: Sequence[Curve], least: float, most: float) -> float:
    last = max((float(c.steps[-1]) for c in curves if c.steps.size), default=least)
    return float(np.clip(1.1 * last, least, most))


def _performance(curves: Sequence[Curve], what: str) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        axis.set_xscale("log", base=10)
        _steps(axis, curves, 1.0, _end(curves, 10.0, 1e5))
        axis.set_xlabel(f"{what}: multiple of the least on each problem")

    return draw


def _data(curves: Sequence[Curve]) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        axis.set_xscale("log", base=10)
        first = min((float(c.steps[0]) for c in curves if c.steps.size), default=0.1)
        _steps(axis, curves, min(0.1, first), _end(curves, 10.0, 1e6))
        axis.set_xlabel("budget: evaluations, in groups of n + 1")

    return draw


def _shares(spent: Sequence[Share]) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        names = [s.name for s in spent]
        left = np.zeros(len(spent))
        parts = (
            ("preparation", "#9fb4d6", [s.preparation for s in spent]),
            ("values and derivatives", "#c8541c", [s.callbacks for s in spent]),
            ("the solver itself", "#d5d9df", [s.solver for s in spent]),
        )
        for label, color, values in parts:
            axis.barh(names, values, left=left, color=color, label=label, height=0.62)
            left = left + np.array(values)
        for k, s in enumerate(spent):
            axis.text(1.01, k, f"{s.seconds:.3g} s", va="center", fontsize=8, color="#4b5058")
        axis.invert_yaxis()
        axis.set_xlim(0, 1.12)
        axis.set_xticks(np.linspace(0, 1, 6), [f"{20 * k} %" for k in range(6)])
        axis.set_xlabel("mean share of the time of a solve (sum of the times beside)")
        axis.legend(loc="upper center", bbox_to_anchor=(0.36, -0.15), ncols=3, frameon=False)

    return draw
