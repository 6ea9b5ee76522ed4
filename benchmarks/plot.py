"""Time against n, all tools, as one picture.

Separate because only this needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .peers import OURS, PEERS
from .rows import Row

__all__ = ["plot"]

LOOK = {
    OURS: ("#0b6e4f", "o", 2.4),
    "asdex": ("#c1440e", "s", 1.2),
    "casadi-sx": ("#3b6fb6", "^", 1.2),
    "casadi-mx": ("#8fb3dd", "v", 1.2),
    "jax-dense": ("#d98bb0", "P", 1.2),
    "sparsediffpy": ("#6b8e23", "p", 1.2),
    "numba-loop": ("#222222", "x", 1.2),
    "scipy-differences": ("#b08900", "d", 1.0),
    "autograd-dense": ("#9a5fa8", "*", 1.0),
    "numpy-call": ("#999999", ".", 1.0),
}


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw evaluation and set-up of every family that has several sizes, one thread."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    shown = [row for row in rows if row.threads == min(r.threads for r in rows)]
    sizes: dict[str, set[int]] = {}
    for row in shown:
        sizes.setdefault(row.family, set()).add(row.n)
    families = [family for family, ns in sizes.items() if len(ns) > 1]
    if not families:
        return
    figure, axes = plt.subplots(
        2, len(families), figsize=(3.2 * len(families) + 0.6, 6.4), sharex="col", squeeze=False
    )
    for column, family in enumerate(families):
        for line, what in enumerate(("evaluation", "setup")):
            _draw(axes[line, column], [r for r in shown if r.family == family], what)
        axes[0, column].set_title(family, fontsize=10)
        axes[1, column].set_xlabel("n")
    axes[0, 0].set_ylabel("evaluation, s")
    axes[1, 0].set_ylabel("set-up, s")
    handles = {}
    for axis in axes.flat:
        handles.update(dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True)))
    ordered = [name for name in PEERS if name in handles]
    figure.legend(
        [handles[name] for name in ordered], ordered, loc="lower center", ncols=8, frameon=False
    )
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _draw(axis: Any, rows: list[Row], what: str) -> None:
    for name in PEERS:
        mine = sorted((r.n, getattr(r, what)) for r in rows if r.peer == name and r.status == "ok")
        if not mine or (name == "numpy-call" and what == "setup"):
            continue
        color, marker, width = LOOK[name]
        axis.loglog(*zip(*mine, strict=True), color=color, marker=marker, lw=width, label=name)
    axis.minorticks_off()
    axis.grid(True, which="major", lw=0.3)
    axis.tick_params(labelsize=8)
