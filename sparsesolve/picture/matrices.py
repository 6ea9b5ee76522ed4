"""Colorings and small matrices, as text and as figures, and the cells that pictures are made of.

Matrices are drawn alike, whatever is told of them. A figure is an image with one
cell for each element, or for a block of elements where the matrix has more than `MAX_CELLS` rows or
columns; so its size does not grow with the matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring, color
from sparsesolve.errors import StructureMismatch
from sparsesolve.structure.pattern import Pattern
from sparsesolve.structure.textplot import draw, draw_marks, fits_marks

__all__ = [
    "INK",
    "PALETTE",
    "Panel",
    "axes_of",
    "block_image",
    "coloring_text",
    "draw_image",
    "new_figure",
    "plot_coloring",
    "plot_equation",
]

MAX_CELLS = 500
INK = "#1b2a41"
EMPTY = "#ffffff"
GRID = "#d9dee6"
PALETTE = ("#2e6fb7", "#e07a2d", "#2f9e6e", "#c2413b", "#7d5ab5", "#a8762f", "#d1629f", "#4aa3b8")
PLAIN = "#5b7aa6"
CELL = 0.36
# Marks of colors in text; colors beyond these share the last.
MARKS = np.array(list("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#"))


def coloring_text(coloring: Coloring, width: int = 60, height: int = 30) -> str:
    """Draw the entries of a pattern, each marked with its color, in bounded size.

    Parameters
    ----------
    coloring : Coloring
        What to draw. A matrix that is too large for marks is drawn without colors.
    width, height : int, default 60 and 30
        Number of characters not to exceed.

    Returns
    -------
    str
        A title line and the picture.

    Examples
    --------
    >>> from sparsesolve.coloring import color
    >>> print(coloring_text(color(Pattern.from_offsets((3, 4), (0, 1)), order="natural")))
    2 colors for 3 x 4, 6 entries (columns, direct)
    0 1 · ·
    · 1 0 ·
    · · 0 1
    """
    pattern = coloring.pattern
    m, n = pattern.shape
    title = (
        f"{coloring.ncolors} colors for {m} x {n}, {pattern.nnz} entries "
        f"({coloring.structure}, {coloring.recovery})"
    )
    if fits_marks(pattern.shape, width, height):
        shown = _entry_colors(coloring)
        marks = np.where(shown < 0, "●", MARKS[np.minimum(shown, MARKS.size - 1)])
        picture = draw_marks(pattern.shape, pattern.rows, pattern.indices, marks)
    else:
        picture = draw(pattern.shape, pattern.rows, pattern.indices, width, height)
    return f"{title}\n{picture}".rstrip("\n")


def plot_coloring(
    coloring: Coloring, ax: Any = None, *, compressed: bool = True, matrix: Any = None
) -> Any:
    """Draw a matrix in the colors of its columns or rows, and the compressed products beside it.

    Parameters
    ----------
    coloring : Coloring, derivative or matrix
        What to draw; of a `Jacobian` its coloring, of a matrix one of its columns. Entries have
        the color of the product that they are read from; full colors
        mark entries, tints the columns or rows.
    ax : matplotlib.axes.Axes, optional
        Where to draw the matrix, then without the products; a new figure is made without it.
    compressed : bool, default True
        Draw the products "J S" with seeds S to the right and "S^T J" below, in a new figure.
    matrix : scipy.sparse matrix or array_like, shape (m, n), optional
        Values to write into the cells of a small matrix.

    Returns
    -------
    matplotlib.axes.Axes
        Those of the matrix; its figure has the others.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    StructureMismatch
        If `matrix` has another shape.

    Examples
    --------
    >>> import sparsesolve as ss
    >>> ax = plot_coloring(ss.color(ss.Pattern.from_offsets((6, 6), (-1, 0, 1))))
    >>> ax.get_title()
    '3 colors (columns)'
    """
    coloring = _as_coloring(coloring)
    pattern = coloring.pattern
    values = _values(matrix, pattern)
    palette = _palette(coloring.ncolors)
    sides: dict[str, Any] = {}
    if ax is None and compressed and coloring.ncolors:
        ax, sides = _panels(coloring)
    ax = axes_of(ax, pattern.shape)
    draw_image(ax, _tinted(coloring, palette), pattern.shape)
    if values is not None:
        _write(ax, values, pattern)
    kind = coloring.structure if coloring.recovery == "direct" else f"{coloring.structure}, acyclic"
    ax.set_title(f"{coloring.ncolors} colors ({kind})", fontsize=10)
    for name, colors in (
        ("forward", np.arange(coloring.nforward)),
        ("reverse", np.arange(coloring.nforward, coloring.ncolors)),
    ):
        if name in sides:
            _show_products(sides[name], coloring, name, palette[colors], values)
    return ax


@dataclass(frozen=True, eq=False)
class Panel:
    """A small matrix of an equation.

    Parameters
    ----------
    matrix : array_like, shape (m, n)
        Its values; a boolean matrix is drawn without numbers.
    title : str
        Written above it.
    colors : array_like of int, shape (m, n), optional
        Number of the color of each entry, as in `plot_coloring`; -1 or none for a plain one.
    """

    matrix: Any
    title: str = ""
    colors: Any = None


def plot_equation(parts: Sequence[Panel | str]) -> Any:
    """Draw small matrices in one row, with signs between them, all cells of one size.

    Parameters
    ----------
    parts : sequence of Panel or str
        Such as ``[Panel(J, "J"), "=", Panel(A, "A"), Panel(B, "B")]``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    panels = [part for part in parts if isinstance(part, Panel)]
    shapes = [np.shape(panel.matrix) for panel in panels]
    tall = CELL * max(m for m, _ in shapes)
    gap = 0.14
    widths = [CELL * np.shape(p.matrix)[1] if isinstance(p, Panel) else 0.3 for p in parts]
    width, height = sum(widths) + gap * (len(parts) + 1), tall + 0.55
    figure = new_figure(width, height, layout=None)
    left = gap
    for part, across in zip(parts, widths, strict=True):
        if isinstance(part, str):
            figure.text(
                (left + across / 2) / width, (0.1 + tall / 2) / height, part,
                ha="center", va="center", fontsize=15, color=INK,
            )  # fmt: skip
        else:
            down = CELL * np.shape(part.matrix)[0]
            place = (
                left / width, (0.1 + (tall - down) / 2) / height, across / width, down / height
            )  # fmt: skip
            _show_panel(figure.add_axes(place), part)
        left += across + gap
    return figure


def _show_panel(ax: Any, panel: Panel) -> None:
    """Draw one matrix of an equation."""
    values = np.asarray(panel.matrix)
    pattern = Pattern.from_dense(values)
    colors = np.full(values.shape, -1) if panel.colors is None else np.asarray(panel.colors)
    plain = _import("matplotlib.colors").to_rgb(PLAIN)
    palette = np.concatenate((_palette(int(colors.max(initial=-1)) + 1).reshape(-1, 3), [plain]))
    image = np.ones((*values.shape, 3))
    filled = pattern.to_dense()
    image[filled] = palette[colors[filled]]
    draw_image(ax, image, pattern.shape)
    if values.dtype != np.bool_:
        _write(ax, values, pattern)
    ax.set_title(panel.title, fontsize=10)


def block_image(pattern: Pattern) -> NDArray[np.float64]:
    """Return a pattern as an image, darker where a block has more entries, shape (., ., 3)."""
    matplotlib_colors = _import("matplotlib.colors")
    counts = _block_counts(pattern, *_cells(pattern.shape))
    # A block with a single entry must be seen, so shades start well away from the background.
    share = np.where(counts > 0, 0.35 + 0.65 * counts / max(1.0, counts.max(initial=1.0)), 0.0)
    shades = matplotlib_colors.LinearSegmentedColormap.from_list("ink", [EMPTY, INK])
    image: NDArray[np.float64] = shades(share)[..., :3]
    return image


# ----- Cells and colors ----------------------------------------------------------------------


def _cells(shape: tuple[int, int]) -> tuple[int, int]:
    return min(shape[0], MAX_CELLS), min(shape[1], MAX_CELLS)


def _block_counts(pattern: Pattern, down: int, across: int) -> NDArray[np.float64]:
    """Count the entries in each cell, shape (down, across)."""
    i, j = _blocks(pattern, down, across)
    counts = np.bincount(i * across + j, minlength=down * across)
    return counts.astype(np.float64).reshape(down, across)


def _blocks(
    pattern: Pattern, down: int, across: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cell of each entry: its row and its column among the cells."""
    i = pattern.rows.astype(np.int64) * down // max(1, pattern.shape[0])
    j = pattern.indices.astype(np.int64) * across // max(1, pattern.shape[1])
    return i, j


def _entry_colors(coloring: Coloring) -> NDArray[np.int32]:
    """Color of the product that each entry is read from, shape (nnz,)."""
    from sparsesolve.coloring.recover import prepare_recovery  # noqa: PLC0415 - loads numba, only for this

    recovery = prepare_recovery(coloring)
    return recovery.product if recovery.expand is None else recovery.product[recovery.expand]


def _palette(ncolors: int) -> NDArray[np.float64]:
    """Colors that are easy to tell apart, shape (ncolors, 3): a fixed few, then hues in turn."""
    module = _import("matplotlib.colors")
    fixed = np.array([module.to_rgb(name) for name in PALETTE])
    number = np.arange(max(0, ncolors - len(PALETTE)))
    # Steps of the golden section never come close to an earlier hue soon.
    hue = (0.05 + 0.61803398875 * number) % 1.0
    saturation = np.array([0.75, 0.5])[number % 2]
    value = np.array([0.85, 0.6, 0.72])[number % 3]
    further = module.hsv_to_rgb(np.stack((hue, saturation, value), axis=-1))
    palette: NDArray[np.float64] = np.concatenate((fixed[:ncolors], further))
    return palette


def _tinted(coloring: Coloring, palette: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix as an image, shape (down, across, 3)."""
    pattern = coloring.pattern
    m, n = pattern.shape
    down, across = _cells(pattern.shape)
    image = np.ones((down, across, 3))
    colors = np.concatenate((palette, np.ones((1, 3))))
    pale = 0.14
    if coloring.structure in ("columns", "symmetric") and across == n:
        image *= 1.0 - pale * (1.0 - colors[coloring.column_colors])[None, :, :]
    elif coloring.structure == "rows" and down == m:
        image *= 1.0 - pale * (1.0 - colors[coloring.row_colors])[:, None, :]
    # In a block of many entries one gives the color: a mean of colors would be none of them.
    i, j = _blocks(pattern, down, across)
    image[i, j] = colors[_entry_colors(coloring)]
    return image


# ----- Axes ----------------------------------------------------------------------------------


def _import(name: str) -> Any:
    import importlib  # noqa: PLC0415 - only where a figure is drawn

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib, which is not installed. Install it with "
            "`pip install sparsesolve[plot]`, or print the pattern for a text picture."
        ) from error


def _as_coloring(given: Any) -> Coloring:
    """Return a coloring, that of a derivative, or one of the columns of a matrix."""
    known = given if isinstance(given, Coloring) else getattr(given, "coloring", None)
    return known if isinstance(known, Coloring) else color(Pattern.of(given))


def axes_of(ax: Any, shape: tuple[int, int]) -> Any:
    """Return axes as given, or new ones for a matrix of that shape."""
    if ax is not None:
        return ax
    figure = new_figure(*_size(shape))
    return figure.add_subplot()


def new_figure(width: float, height: float, layout: str | None = "constrained") -> Any:
    """Make a figure without touching the state of pyplot, so that nothing has to be closed."""
    figure = _import("matplotlib.figure").Figure(figsize=(width, height), layout=layout)
    _import("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def _size(shape: tuple[int, int]) -> tuple[float, float]:
    """Width and height in inches of a matrix of that shape."""
    longest = max(1, *shape)
    inches = float(np.clip(0.35 * longest, 2.4, 5.5))
    return max(1.2, inches * shape[1] / longest), max(1.2, inches * shape[0] / longest)


def _panels(coloring: Coloring) -> tuple[Any, dict[str, Any]]:
    """Axes for the matrix, and for the products where there are any."""
    m, n = coloring.pattern.shape
    width, height = _size((m, n))
    cell = width / max(1, n)
    right = max(0.6, cell * coloring.nforward) if coloring.nforward else 0.0
    below = max(0.6, cell * coloring.nreverse) if coloring.nreverse else 0.0
    figure = new_figure(width + right + 1.0, height + below + 1.0)
    grid = figure.add_gridspec(
        1 + (below > 0),
        1 + (right > 0),
        width_ratios=[width, right][: 1 + (right > 0)],
        height_ratios=[height, below][: 1 + (below > 0)],
    )
    ax = figure.add_subplot(grid[0, 0])
    sides = {}
    if right:
        sides["forward"] = figure.add_subplot(grid[0, 1])
    if below:
        sides["reverse"] = figure.add_subplot(grid[1, 0])
    return ax, sides


def draw_image(
    ax: Any, image: NDArray[np.float64], shape: tuple[int, int], aspect: str = "equal"
) -> None:
    """Draw an image of a matrix of that shape, with a grid where cells are large enough."""
    m, n = shape
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#8d99ae")
    if not m or not n:
        return
    ax.imshow(image, extent=(-0.5, n - 0.5, m - 0.5, -0.5), interpolation="nearest", aspect=aspect)
    if max(m, n) <= 60:
        ax.hlines(np.arange(m - 1) + 0.5, -0.5, n - 0.5, color=GRID, linewidth=0.6)
        ax.vlines(np.arange(n - 1) + 0.5, -0.5, m - 0.5, color=GRID, linewidth=0.6)
        ax.set_xlim(-0.5, n - 0.5)
        ax.set_ylim(m - 0.5, -0.5)


def _show_products(
    ax: Any,
    coloring: Coloring,
    name: str,
    palette: NDArray[np.float64],
    values: NDArray[np.float64] | None,
) -> None:
    """Draw the compressed products: filled where some entry of the color adds to it."""
    forward = name == "forward"
    filled = _product_pattern(coloring, name)
    image = np.ones((*_cells(filled.shape), 3))
    counts = _block_counts(filled, *image.shape[:2])
    owner = np.arange(image.shape[int(forward)]) * len(palette) // max(1, image.shape[int(forward)])
    tint = palette[owner][None, :, :] if forward else palette[owner][:, None, :]
    image = np.where((counts > 0)[..., None], np.broadcast_to(tint, image.shape), image)
    # Few products of a large matrix would be too thin to be seen in cells of its size.
    draw_image(
        ax, image, filled.shape, aspect="auto" if max(coloring.pattern.shape) > 60 else "equal"
    )
    matrix = "H" if coloring.structure == "symmetric" else "J"
    ax.set_title(f"{matrix} S" if forward else f"S$^T$ {matrix}", fontsize=10)
    if values is not None:
        from sparsesolve.coloring.seeds import compress  # noqa: PLC0415 - keeps this module light

        ahead, back = compress(coloring, values)
        _write(ax, ahead if forward else back.T, filled)


def _product_pattern(coloring: Coloring, name: str) -> Pattern:
    """Where the products have entries, shape (m, nforward) or (nreverse, n)."""
    pattern = coloring.pattern
    m, n = pattern.shape
    if name == "forward":
        color = coloring.column_colors[pattern.indices]
        kept = color >= 0
        return Pattern.from_coo((m, coloring.nforward), pattern.rows[kept], color[kept])
    color = coloring.row_colors[pattern.rows] - np.int32(coloring.nforward)
    kept = color >= 0
    return Pattern.from_coo((coloring.nreverse, n), color[kept], pattern.indices[kept])


def _values(matrix: Any, pattern: Pattern) -> NDArray[np.float64] | None:
    if matrix is None or max(pattern.shape) > 20:
        return None
    dense = np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=float)
    if dense.shape != pattern.shape:
        raise StructureMismatch(f"`matrix` must have shape {pattern.shape}, got {dense.shape}.")
    return dense


def _write(ax: Any, values: NDArray[np.float64], pattern: Pattern) -> None:
    """Write the values of a small matrix into its cells."""
    # matplotlib takes one text at a time; `_values` bounds their number.
    for i, j in zip(pattern.rows.tolist(), pattern.indices.tolist(), strict=True):
        ax.text(j, i, f"{values[i, j]:.3g}", ha="center", va="center", fontsize=8, color="white")
