"""Patterns and colorings in files: what comes back, and what is refused."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns

from sparsesolve.coloring import RECOVERIES, STRUCTURES, Coloring, color
from sparsesolve.errors import ArchiveError, PatternError
from sparsesolve.structure import archive
from sparsesolve.structure.archive import write_archive
from sparsesolve.structure.pattern import Pattern


def saved(thing: Pattern | Coloring) -> io.BytesIO:
    file = io.BytesIO()
    thing.save(file)
    file.seek(0)
    return file


@settings(max_examples=30)
@given(p=patterns(), structure=st.sampled_from(STRUCTURES), recovery=st.sampled_from(RECOVERIES))
def test_what_is_saved_comes_back(p: Pattern, structure: str, recovery: str) -> None:
    if structure == "symmetric":
        p = Pattern.from_dense(p.to_dense() @ p.to_dense().T)
    assert Pattern.load(saved(p)) == p
    coloring = color(p, structure=structure, recovery=recovery)
    back = Coloring.load(saved(coloring))
    assert back.pattern == p
    assert np.array_equal(back.colors, coloring.colors)
    assert repr(back) == repr(coloring)


def test_paths(tmp_path: Path) -> None:
    p = Pattern.from_offsets((5, 7), (0, 2))
    p.save(tmp_path / "band.npz")
    color(p).save(str(tmp_path / "colors.npz"))
    assert Pattern.load(tmp_path / "band.npz") == p
    assert Coloring.load(str(tmp_path / "colors.npz")).ncolors == 2
    with pytest.raises(FileNotFoundError):
        Pattern.load(tmp_path / "nothing.npz")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    p = Pattern.from_offsets((5, 5), (0,))
    with pytest.raises(ArchiveError, match="expected a coloring, got a pattern"):
        Coloring.load(saved(p))
    sp.save_npz(tmp_path / "matrix.npz", p.to_scipy())
    with pytest.raises(ArchiveError, match="expected a pattern written by `save`"):
        Pattern.load(tmp_path / "matrix.npz")
    (tmp_path / "text.npz").write_text("1 2 3")
    with pytest.raises(ArchiveError, match="cannot be read"):
        Pattern.load(tmp_path / "text.npz")


def test_a_damaged_file_is_refused_wherever_it_is_damaged() -> None:
    whole = saved(color(Pattern.from_offsets((30, 30), (-1, 0, 1)))).getvalue()
    good = Coloring.load(io.BytesIO(whole))
    for k in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[k] ^= 0xFF
        try:
            back = Coloring.load(io.BytesIO(bytes(broken)))
        except ArchiveError:
            continue
        # a byte that means nothing, such as a time stamp
        assert np.array_equal(back.colors, good.colors)
        assert back.pattern == good.pattern
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ArchiveError):
            Coloring.load(io.BytesIO(whole[:cut]))


def test_a_newer_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "VERSION", 2)
    newer = saved(Pattern.from_offsets((2, 2), (0,)))
    monkeypatch.setattr(archive, "VERSION", 1)
    with pytest.raises(ArchiveError, match="format version 1 or older, got 2"):
        Pattern.load(newer)


def test_arrays_are_checked_beyond_the_hash() -> None:
    file = io.BytesIO()
    arrays = {
        "shape": np.array([2, 2]),
        "indptr": np.array([0, 1, 5], dtype=np.int32),
        "indices": np.array([0, 1], dtype=np.int32),
    }
    write_archive(file, "pattern", arrays)
    file.seek(0)
    with pytest.raises(ArchiveError, match="expected a valid pattern"):
        Pattern.load(file)
    file = io.BytesIO()
    write_archive(file, "pattern", {**arrays, "shape": np.array(2)})
    file.seek(0)
    with pytest.raises(ArchiveError, match="expected a valid pattern"):
        Pattern.load(file)
    file = io.BytesIO()
    write_archive(file, "pattern", {"shape": np.array([2, 2])})
    file.seek(0)
    with pytest.raises(ArchiveError, match=r"without \['indptr', 'indices'\]"):
        Pattern.load(file)


@settings(max_examples=20)
@given(p=patterns())
def test_matrix_market(p: Pattern) -> None:
    file = io.BytesIO()
    p.to_matrix_market(file, comment="a pattern")
    file.seek(0)
    assert Pattern.from_matrix_market(file) == p


def test_matrix_market_of_other_programs(tmp_path: Path) -> None:
    lower = "%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 2.5\n3 1 0.0\n3 3 1\n"
    (tmp_path / "a.mtx").write_text(lower)
    found = Pattern.from_matrix_market(tmp_path / "a.mtx").to_dense().astype(int)
    assert found.tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    dense = "%%MatrixMarket matrix array real general\n2 2\n1\n0\n0\n4\n"
    (tmp_path / "b.mtx").write_text(dense)
    assert Pattern.from_matrix_market(tmp_path / "b.mtx") == Pattern.from_offsets((2, 2), (0,))


@pytest.mark.parametrize(
    "own",
    [
        {"kind": np.array(["pattern", "pattern"])},
        {"kind": np.array(3)},
        {"version": np.array([1, 2])},
        {"version": np.array("1")},
        {"version": np.array(np.nan)},
        {"version": np.array(1j)},
        {"digest": np.array([["a"], ["b"]])},
        {"digest": np.array(True)},
    ],
    ids=str,
)
def test_what_a_file_says_of_itself_is_checked(own: dict[str, np.ndarray]) -> None:
    with np.load(saved(Pattern.from_offsets((2, 2), (0,)))) as file:
        arrays = dict(file)
    changed = io.BytesIO()
    np.savez(changed, **{**arrays, **own})
    changed.seek(0)
    with pytest.raises(ArchiveError, match="something else"):
        Pattern.load(changed)


@pytest.mark.parametrize("packer", [bz2, gzip])
def test_damaged_compressed_matrix_market(packer: ModuleType, tmp_path: Path) -> None:
    text = b"%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 2\n"
    path = tmp_path / {"bz2": "a.mtx.bz2", "gzip": "a.mtx.gz"}[packer.__name__]
    whole = packer.compress(text)
    path.write_bytes(whole)
    assert Pattern.from_matrix_market(path).to_dense().tolist() == [[False, True], [False, False]]
    refused = 0
    for k in range(len(whole)):
        for data in (whole[:k], whole[:k] + bytes([whole[k] ^ 0x55]) + whole[k + 1 :]):
            path.write_bytes(data)
            with contextlib.suppress(PatternError):
                Pattern.from_matrix_market(path)
                continue
            refused += 1
    assert refused > len(whole)
    with pytest.raises(FileNotFoundError):
        Pattern.from_matrix_market(tmp_path / "nothing.mtx.bz2")


def test_matrix_market_of_empty_rows_by_the_billion() -> None:
    text = "%%MatrixMarket matrix coordinate pattern general\n2000000000 2 1\n1 2\n"
    with pytest.raises(PatternError, match="nearly all would be empty"):
        Pattern.from_matrix_market(io.StringIO(text))
    with pytest.raises(PatternError, match="nearly all would be empty"):
        Pattern.from_matrix_market(
            io.StringIO("%%MatrixMarket matrix array real general\n2000000000 0")
        )


def test_text_that_is_no_unicode() -> None:
    text = "%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 2 \udcff"
    with pytest.raises(PatternError):
        Pattern.from_matrix_market(io.StringIO(text))
