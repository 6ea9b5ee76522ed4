"""Pictures: what they show, their bounded size, and the message without matplotlib."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from sparsesolve.coloring import color
from sparsesolve.errors import StructureMismatch
from sparsesolve.picture import Panel, coloring_text, plot_coloring, plot_equation, spy
from sparsesolve.structure.pattern import Pattern


def band(n: int) -> Pattern:
    return Pattern.from_offsets((n, n), (-1, 0, 1))


def test_text_shows_the_color_each_entry_is_read_from() -> None:
    lines = coloring_text(color(band(4), order="natural")).splitlines()
    assert lines == [
        "3 colors for 4 x 4, 10 entries (columns, direct)",
        "0 1 · ·",
        "0 1 2 ·",
        "· 1 2 0",
        "· · 2 0",
    ]


def test_text_of_rows_and_of_large_matrices() -> None:
    rows = coloring_text(color(band(3), structure="rows", order="natural")).splitlines()
    assert rows[1:] == ["0 0 ·", "1 1 1", "· 2 2"]
    large = coloring_text(color(band(1000))).splitlines()
    assert len(large) <= 31
    assert max(map(len, large[1:])) <= 60


def test_text_of_more_colors_than_marks() -> None:
    assert coloring_text(color(np.ones((1, 70))), width=200).endswith("Z # # # # # # # #")


matplotlib = pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")


def png(ax: object) -> bytes:
    target = io.BytesIO()
    ax.figure.savefig(target, format="png", dpi=40)  # type: ignore[attr-defined]
    return target.getvalue()


def test_spy_darkens_the_entries() -> None:
    ax = spy(band(5))
    image = np.asarray(ax.images[0].get_array())
    assert np.array_equal(image.sum(axis=2) < 2.9, band(5).to_dense())
    assert ax.get_title() == "5 x 5, 13 entries (52 %)"
    assert png(ax).startswith(b"\x89PNG")


def test_spy_takes_any_matrix_and_axes() -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert spy(np.eye(3), ax) is ax
    assert spy(color(band(4)), ax) is ax
    assert spy(band(4).to_scipy().tocsc(), ax) is ax


def test_images_are_bounded_and_single_entries_show() -> None:
    image = np.asarray(spy(Pattern.from_coo((5000, 3000), [4999], [0])).images[0].get_array())
    assert image.shape[:2] == (500, 500)
    assert image[499, 0].sum() < 2.0
    assert (image.sum(axis=2) < 2.9).sum() == 1


@pytest.mark.every(2)
@pytest.mark.slow_cases("direct-rows")
@pytest.mark.parametrize("structure", ["columns", "rows", "symmetric", "bidirectional"])
@pytest.mark.parametrize("recovery", ["direct", "substitution"])
def test_coloring_beside_its_products(structure: str, recovery: str) -> None:
    coloring = color(band(8), structure=structure, recovery=recovery)
    ax = plot_coloring(coloring, matrix=band(8).to_dense())
    titles = [axes.get_title() for axes in ax.figure.axes]
    assert titles[0].startswith(f"{coloring.ncolors} colors")
    product = "H S" if structure == "symmetric" else "J S"
    assert (product in titles) == (coloring.nforward > 0)
    assert ("S$^T$ J" in titles) == (coloring.nreverse > 0)
    assert len(ax.texts) == band(8).nnz
    assert png(ax).startswith(b"\x89PNG")


def test_entries_of_one_column_color_look_the_same() -> None:
    coloring = color(band(6), order="natural")
    image = np.asarray(plot_coloring(coloring, compressed=False).images[0].get_array())
    p = coloring.pattern
    shown = image[p.rows, p.indices]
    assert len(np.unique(shown.round(6), axis=0)) == 3
    assert np.allclose(shown[p.indices == 0][0], shown[p.indices == 3])


@pytest.mark.every(2)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (2, 3000), (3000, 2)])
def test_empty_and_thin_matrices(shape: tuple[int, int]) -> None:
    p = Pattern.from_coo(shape, [], []) if 0 in shape else Pattern.from_offsets(shape, (0,))
    assert png(spy(p)).startswith(b"\x89PNG")
    assert png(plot_coloring(color(p))).startswith(b"\x89PNG")


def test_products_of_large_matrices_are_bounded_too() -> None:
    axes = plot_coloring(color(band(3000))).figure.axes
    sizes = [np.asarray(ax.images[0].get_array()).shape[:2] for ax in axes]
    assert sizes == [(500, 500), (500, 3)]


def test_many_colors_are_all_different() -> None:
    image = np.asarray(plot_coloring(color(np.ones((1, 40)))).images[0].get_array())
    assert len(np.unique(image.reshape(-1, 3).round(3), axis=0)) == 40


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(StructureMismatch, match="`matrix` must have shape"):
        plot_coloring(color(band(4)), matrix=np.ones((4, 5)))


def test_without_matplotlib_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install sparsesolve\[plot\]"):
        spy(band(3))


def test_equations_have_cells_of_one_size() -> None:
    colors = np.array([[0, 1, -1], [-1, 1, 2]])
    parts = [
        Panel(np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 4.0]]), "J", colors),
        "=",
        Panel(np.eye(2), "A"),
        Panel(np.ones((2, 3), dtype=bool), "pattern"),
    ]
    figure = plot_equation(parts)
    axes = figure.axes
    assert [ax.get_title() for ax in axes] == ["J", "A", "pattern"]
    assert [len(ax.texts) for ax in axes] == [4, 2, 0]
    width, height = figure.get_size_inches()
    for ax, (m, n) in zip(axes, ((2, 3), (2, 2), (2, 3)), strict=True):
        box = ax.get_position()
        assert box.width * width / n == pytest.approx(box.height * height / m)
    image = np.asarray(axes[0].images[0].get_array())
    assert np.allclose(image[0, 2], 1.0)
    assert not np.allclose(image[0, 0], image[0, 1])
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=40)
    assert target.getvalue().startswith(b"\x89PNG")
