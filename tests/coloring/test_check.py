"""`check` against the definitions, against the recovery, and on what the algorithms find."""

from __future__ import annotations

import numpy as np
import oracles_coloring as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns, symmetric_patterns

from sparsesolve.coloring import RECOVERIES, STRUCTURES, Coloring, check, color
from sparsesolve.coloring.recover import prepare_recovery
from sparsesolve.errors import ColoringError
from sparsesolve.structure.pattern import Pattern

TWO_ROWS = Pattern.from_dense([[1, 1, 0], [0, 1, 1]])


def recoverable(coloring: Coloring) -> bool:
    try:
        prepare_recovery(coloring)
    except ColoringError:
        return False
    return True


@settings(max_examples=150)
@given(data=st.data(), structure=st.sampled_from(STRUCTURES), recovery=st.sampled_from(RECOVERIES))
def test_any_colors(data: st.DataObject, structure: str, recovery: str) -> None:
    """Right and wrong ones: the definition, and the recovery, say the same."""
    p = data.draw(symmetric_patterns(max_side=6) if structure == "symmetric" else patterns())
    m, n = p.shape
    size = {"columns": n, "rows": m, "symmetric": n, "bidirectional": n + m}[structure]
    colors = data.draw(st.lists(st.integers(-1, 4), min_size=size, max_size=size))
    found = Coloring.from_colors(p, colors, structure=structure, recovery=recovery)
    why = check(p, found)
    assert why == check(p, colors, structure=structure, recovery=recovery)
    assert (why == "") == recoverable(found)
    if recovery == "direct":
        assert (why == "") == oracle.is_directly_recoverable(found)
    if structure == "columns" and recovery == "direct":
        assert (why == "") == oracle.is_partial_coloring(p.to_dense(), found.colors)


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 120])
def test_colors_that_are_found(n: int, structure: str, recovery: str) -> None:
    """Larger ones than the definitions written out can look at."""
    rng = np.random.default_rng(n)
    m = n if structure == "symmetric" else max(0, n - 1)
    p = Pattern.from_dense(rng.random((m, n)) < 3.0 / max(1, n))
    if structure == "symmetric":
        p = p.union(p.T)
    found = color(p, structure=structure, recovery=recovery)
    assert check(p, found) == ""
    if found.ncolors > 1:
        worse = np.where(found.colors < 0, -1, 0)
        assert (check(p, worse, structure=structure, recovery=recovery) == "") == recoverable(
            Coloring.from_colors(p, worse, structure=structure, recovery=recovery)
        )


def test_a_coloring_may_be_held_against_another_pattern() -> None:
    found = color(TWO_ROWS)
    assert check(TWO_ROWS.restrict(rows=[0]), found) == ""
    assert check(np.ones((2, 3)), found).startswith(
        "entry (0, 0) cannot be read: in row 0, color 0"
    )
    with pytest.raises(ColoringError, match=r"of shape \(3, 2\), got one of \(2, 3\)"):
        check(TWO_ROWS.T, found)


@pytest.mark.parametrize(
    ("colors", "structure", "text"),
    [
        ([0, 0, 1], "columns", "entry (0, 0) cannot be read: in row 0, color 0 is that of columns"),
        ([0, -1, 0], "columns", "entry (0, 1) cannot be read: its column has no color"),
        ([0, 0], "rows", "entry (0, 1) cannot be read: in column 1, color 0 is that of rows 0, 1"),
        ([0, -1], "rows", "entry (1, 1) cannot be read: its row has no color"),
        ([0, 0, 0, -1, -1], "bidirectional", "entry (0, 0) cannot be read: in row 0, color 0 is"),
    ],
)  # fmt: skip
def test_the_first_entry_that_cannot_be_read_is_named(colors, structure, text) -> None:
    assert check(TWO_ROWS, colors, structure=structure).startswith(text)


def test_one_by_substitution_only() -> None:
    """A path of four with two colors: its ends first, then the middle."""
    path = Pattern.from_offsets((4, 4), (-1, 1))
    colors = [0, 1, 0, 1]
    assert check(path, colors, structure="symmetric", recovery="substitution") == ""
    assert "cannot be read" in check(path, colors, structure="symmetric")
