"""`spy`: where a matrix may have entries; of a problem with lines and names between its parts.

Separate because it knows what may be drawn, and colorings have other pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsesolve.picture.matrices import axes_of, block_image, draw_image
from sparsesolve.structure.pattern import Pattern

__all__ = ["spy"]

_TICKS = 6
_MOST_NAMES = 25
_LINE = "#e07a2d"
_MATRICES = ("auto", "jacobian", "hessian")

Part = tuple[str, int]


def spy(pattern: Any, ax: Any = None, *, of: str = "auto") -> Any:
    """Draw which entries of a matrix may be nonzero.

    Parameters
    ----------
    pattern : Pattern, Coloring, derivative, Problem, scipy.sparse matrix or array_like
        What to draw. Of a derivative its pattern, of a `Problem` that of the Jacobian of its
        constraints, or without any the Hessian, with the names of constraints and of blocks of
        unknowns, and lines between them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure is made without it.
    of : {"auto", "jacobian", "hessian"}, optional
        Which matrix of a Problem; "hessian" is that of the Lagrangian.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    PatternError
        If it is no matrix, and has no pattern.

    Notes
    -----
    A matrix with more than 500 rows or columns is drawn in blocks, darker where more entries are.

    Examples
    --------
    >>> import numpy as np
    >>> ax = spy(np.eye(3))
    >>> ax.get_title()
    '3 x 3, 3 entries (33.3 %)'
    """
    if of not in _MATRICES:
        raise ValueError(f"`of` must be one of {', '.join(_MATRICES)}, got {of!r}.")
    known, rows, columns = _parts(pattern, of)
    ax = axes_of(ax, known.shape)
    draw_image(ax, block_image(known), known.shape)
    share = f"{100 * known.density:.3g} %"
    ax.set_title(f"{known.shape[0]} x {known.shape[1]}, {known.nnz} entries ({share})", fontsize=10)
    _mark(ax, known.shape[0], rows, "y")
    _mark(ax, known.shape[1], columns, "x")
    return ax


def _parts(given: Any, of: str) -> tuple[Pattern, list[Part], list[Part]]:
    """Return a pattern, and names and sizes of the parts of its rows and of its columns."""
    if not all(
        hasattr(given, name) for name in ("constraints", "derivatives", "lagrangian_hessian")
    ):
        return Pattern.of(given), [], []
    derivatives, form = given.derivatives, given.form
    blocks = [] if form is None else [(_short(b.name), b.stop - b.start) for b in form.blocks]
    if of == "hessian" or (of == "auto" and not given.constraints):
        return derivatives.symmetric.pattern, blocks, blocks
    labels = [constraint.label for constraint in given.constraints]
    rows = list(zip(labels, map(int, derivatives.constraint_sizes), strict=True))
    return derivatives.jacobian_pattern, rows, blocks


def _short(name: str) -> str:
    """Return the name of a block without that of the whole: ``x0['u']`` is ``u``."""
    return name.removeprefix("x0").strip("[]'.") or name


def _mark(ax: Any, size: int, parts: Sequence[Part], axis: str) -> None:
    """Write the names of parts, with lines between them; or numbers without parts."""
    set_ticks = getattr(ax, f"set_{axis}ticks")
    named = [part for part in parts if part[1]]
    if not named or len(named) > _MOST_NAMES:
        step = max(1, int(np.ceil(size / _TICKS)))
        ticks = np.arange(0, size, _rounded(step))
        set_ticks(ticks, [str(k) for k in ticks])
    else:
        ends = np.cumsum([size for _, size in named])
        middles = ends - np.array([size for _, size in named]) / 2.0 - 0.5
        set_ticks(middles, [name for name, _ in named])
        line = ax.axhline if axis == "y" else ax.axvline
        for end in ends[:-1]:
            line(end - 0.5, color=_LINE, linewidth=0.8)
    ax.tick_params(axis=axis, labelsize=8, length=2)


def _rounded(step: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50, ..."""
    power = 10 ** int(np.floor(np.log10(step)))
    return int(next(k * power for k in (1, 2, 5, 10) if k * power >= step))
