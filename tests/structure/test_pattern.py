"""`Pattern`: construction, validation, transpose, hash, text picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from strategies import patterns, symmetric_patterns

from sparsesolve.errors import PatternError
from sparsesolve.structure.pattern import Pattern
from sparsesolve.structure.textplot import draw


def test_entries_come_sorted_and_merged() -> None:
    p = Pattern.from_coo((2, 4), [1, 0, 1, 1], [3, 2, 0, 3])
    assert p.indptr.tolist() == [0, 1, 3]
    assert p.indices.tolist() == [2, 0, 3]
    assert p.rows.tolist() == [0, 1, 1]
    assert (p.indptr.dtype, p.indices.dtype, p.rows.dtype) == (np.int32,) * 3


def test_explicit_zeros_count_as_entries() -> None:
    matrix = sp.coo_array(([0.0, 1.0], ([0, 1], [1, 0])), shape=(2, 2))
    assert Pattern.from_scipy(matrix).nnz == 2
    assert Pattern.from_dense(matrix.toarray()).nnz == 1


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr"])
def test_from_every_scipy_format(form: str) -> None:
    mask = np.array([[1, 0, 1], [0, 0, 0]])
    assert np.array_equal(Pattern.from_scipy(sp.coo_array(mask).asformat(form)).to_dense(), mask)


def test_given_matrix_is_not_changed() -> None:
    matrix = sp.csr_array(([1.0, 2.0, 3.0], [1, 0, 0], [0, 3]), shape=(1, 2))
    Pattern.from_scipy(matrix)
    assert matrix.indices.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("shape", "indptr", "indices", "message"),
    [
        ((2, 2), [0, 1], [0], "shape"),
        ((1, 2), [0, 2], [0], "end with"),
        ((1, 2), [0, 1], [2], "column indices"),
        ((1, 2), [0, 1], [-1], "column indices"),
        ((1, 3), [0, 2], [2, 1], "increase"),
        ((1, 3), [0, 2], [1, 1], "increase"),
        ((2, 3), [0, 2, 1], [1], "not decrease"),
        ((1, 3), [1, 1], [0], "start with 0"),
        ((-1, 3), [0], [], "negative"),
    ],
)
def test_malformed_arrays_are_refused(
    shape: tuple[int, int], indptr: list[int], indices: list[int], message: str
) -> None:
    with pytest.raises(PatternError, match=message):
        Pattern(shape, np.array(indptr, dtype=np.int32), np.array(indices, dtype=np.int32))


def test_a_row_may_start_below_the_end_of_the_row_before() -> None:
    p = Pattern((4, 3), np.array([0, 2, 2, 3, 4]), np.array([1, 2, 0, 0]))
    assert p.nnz == 4


def test_indices_outside_the_shape_are_refused() -> None:
    with pytest.raises(PatternError, match="inside shape"):
        Pattern.from_coo((2, 2), [0], [2])


def test_band_from_offsets() -> None:
    p = Pattern.from_offsets((3, 5), (-1, 0, 2))
    expected = np.eye(3, 5) + np.eye(3, 5, 2) + np.eye(3, 5, -1)
    assert np.array_equal(p.to_dense(), expected > 0)
    assert p.offsets.tolist() == [-1, 0, 2]
    assert p.bandwidth == (1, 2)


@given(patterns())
def test_round_trips(p: Pattern) -> None:
    assert Pattern.from_scipy(p.to_scipy()) == p
    assert Pattern.from_dense(p.to_dense()).indices.tolist() == p.indices.tolist()
    assert p == p.T.T


@given(patterns())
def test_transpose_and_its_orders(p: Pattern) -> None:
    assert np.array_equal(p.T.to_dense(), p.to_dense().T)
    assert p.T.indices.tolist() == p.rows[p.csc_order].tolist()
    assert p.T.rows[p.transposed_places].tolist() == p.indices.tolist()
    data = np.arange(1.0, p.nnz + 1)
    assert np.array_equal(p.T.to_scipy(data[p.csc_order]).toarray(), p.to_scipy(data).toarray().T)


@given(patterns())
def test_offsets_and_bandwidth(p: Pattern) -> None:
    m, n = p.shape
    held = [k for k in range(-m + 1, n) if np.diagonal(p.to_dense(), k).any()]
    assert p.offsets.tolist() == held
    assert p.bandwidth == (max([0, *(-k for k in held)]), max([0, *held]))


@given(patterns(square=True))
def test_lower_union_covers(p: Pattern) -> None:
    assert np.array_equal(p.lower().to_dense(), np.tril(p.to_dense()))
    both = p.union(p.T)
    assert both.is_symmetric
    assert both.covers(p)
    assert p.covers(both) == p.is_symmetric


@given(symmetric_patterns())
def test_mirror_of_a_symmetric_pattern(p: Pattern) -> None:
    assert p.is_symmetric
    assert p.indices[p.transposed_places].tolist() == p.rows.tolist()


def test_union_of_different_shapes_is_refused() -> None:
    with pytest.raises(PatternError, match="shapes must agree"):
        Pattern.from_offsets((2, 2), (0,)).union(Pattern.from_offsets((2, 3), (0,)))


def test_digest_names_the_structure() -> None:
    p = Pattern.from_offsets((40, 30), (-1, 0, 7))
    assert p.digest == Pattern.from_scipy(p.to_scipy()).digest
    others = [
        p.T,
        Pattern.from_offsets((40, 30), (-1, 0, 6)),
        Pattern((40, 31), p.indptr, p.indices),
    ]
    assert len({p.digest, *(q.digest for q in others)}) == 4
    # Fixed by the definition of the hash, so the same on every machine and in every version.
    assert Pattern.from_offsets((2, 2), (0,)).digest == "15f97f08821ae8dd79fa1588b5ae1fae"


def test_equality() -> None:
    p = Pattern.from_offsets((3, 3), (0,))
    assert p == Pattern.from_dense(np.eye(3))
    assert p != Pattern.from_offsets((3, 3), (1,))
    assert p != "pattern"
    with pytest.raises(TypeError, match="unhashable"):
        hash(p)


def test_repr() -> None:
    assert repr(Pattern.from_offsets((4, 5), (0,))) == "Pattern(4 x 5, nnz=4, density=0.2)"


def test_small_picture_marks_each_element() -> None:
    assert str(Pattern.from_offsets((2, 3), (0, 2))).splitlines() == [
        "2 x 3, 3 entries (50 %)",
        "● · ●",
        "· ● ·",
    ]


def test_large_picture_is_braille_of_bounded_size() -> None:
    lines = str(Pattern.from_offsets((5000, 400), (0,))).splitlines()
    assert 1 < len(lines) <= 31
    assert max(map(len, lines[1:])) <= 60
    assert all(0x2800 <= ord(mark) < 0x2900 for line in lines[1:] for mark in line)


def test_braille_of_a_diagonal() -> None:
    i = np.arange(80)
    assert draw((80, 80), i, i, width=10, height=10).splitlines()[0] == "⠑⢄" + "⠀" * 8


def test_each_entry_of_a_large_matrix_shows() -> None:
    p = Pattern.from_coo((10_000, 10_000), [9_999], [9_999])
    assert str(p)[-1] == "⢀"


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (100, 0), (0, 100), (1, 5000)])
def test_pictures_of_empty_and_thin_matrices(shape: tuple[int, int]) -> None:
    p = Pattern.from_coo(shape, [], [])
    assert str(p).startswith(f"{shape[0]} x {shape[1]}, 0 entries")
    assert p.digest
    assert p.offsets.size == 0
    assert p.bandwidth == (0, 0)
    assert p.T.shape == shape[::-1]


def test_importing_colors_and_recovery_loads_no_compiler() -> None:
    code = (
        "import sys, sparsesolve.coloring, sparsesolve.coloring.recover, "
        "sparsesolve.coloring.cache, "
        "sparsesolve.picture; "
        "print([m for m in ('numba', 'llvmlite', 'matplotlib', 'scipy.optimize') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arrays_are_read_only_and_the_callers_are_not() -> None:
    indptr, indices = np.array([0, 1], dtype=np.int32), np.array([1], dtype=np.int32)
    p = Pattern((1, 2), indptr, indices)
    assert not p.indices.flags.writeable
    assert not p.to_scipy().indices.flags.writeable
    assert indices.flags.writeable
