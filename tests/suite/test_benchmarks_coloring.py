"""The coloring benchmark: its patterns, its table, ColPack's driver, the page that quotes it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.coloring import (
    WAYS,
    Line,
    compare,
    markdown,
    run_coloring,
    write,
)
from benchmarks.coloring_patterns import PATTERNS, Named
from benchmarks.colpack import ColPackMissing, built
from sparsesolve.coloring import color
from sparsesolve.coloring.recover import prepare_recovery
from sparsesolve.structure.pattern import Pattern

ROOT = Path(__file__).resolve().parents[2]
SMALL = Named("band", "mesh", lambda: Pattern.from_offsets((40, 40), (-1, 0, 1)))


def test_there_are_enough_patterns_of_every_family() -> None:
    assert len({named.name for named in PATTERNS}) == len(PATTERNS) >= 30
    families = {named.family for named in PATTERNS}
    assert families == {"mesh", "random", "power law", "power flow", "COPS", "Matrix Market"}


@pytest.mark.every(8)
@pytest.mark.parametrize("named", PATTERNS, ids=lambda named: named.name)
def test_patterns_are_colored(named: Named) -> None:
    p = named.build()
    assert p.nnz
    prepare_recovery(color(p, budget=0.01))


def test_lines_without_colpack() -> None:
    lines = compare(SMALL, None, 1)
    assert [line.way for line in lines] == list(WAYS)
    assert [line.ours for line in lines] == [3, 3, 3, 2, 3]
    assert all(line.theirs is None and line.bound <= line.ours for line in lines)
    text = markdown(lines, ["a note"], {"machine": "some"})
    assert "| band | 40 x 40 | 118 | 3 | 3 | 3 | 2 | 3 |" in text
    assert "- machine: some" in text


def test_the_table_marks_where_colpack_has_fewer(tmp_path: Path) -> None:
    ratios = (0.5, float("nan"), 1.0, 2.0)
    lines = [
        Line("a", "mesh", 3, 3, 9, "columns", 3, 4, "natural", 0.1, 3, "natural", ratios),
        Line("a", "mesh", 3, 3, 9, "rows", 3, 3, "natural", 0.1, 4, "random", ratios),
        Line("b", "mesh", 3, 3, 9, "columns", 3, 3, "natural", 0.1, 3, "natural", ratios),
    ]
    text = markdown(lines, [], {})
    assert "**4 / 3**" in text
    assert "| columns | 0 | 1 | 1 |" in text
    assert "| all | 1 | 1 | 1 |" in text
    assert "on 1 of 2 patterns (50 %)" in text
    assert "| columns | 0.50 (0.50) | - | 1.00 (1.00) | 2.00 (2.00) |" in text
    write(tmp_path / "lines.csv", lines, {"seed": "0"})
    written = (tmp_path / "lines.csv").read_text().splitlines()
    assert written[0] == "# seed: 0"
    assert written[1].startswith("pattern,family,rows,columns,entries,structure,bound,ours,order")
    assert len(written) == 5


@pytest.mark.slow
def test_colpack_agrees_on_a_band() -> None:
    try:
        with built() as colpack:
            pattern = SMALL.build()
            for way, fewest in (("columns", 3), ("rows", 3), ("star", 3), ("acyclic", 2)):
                found = colpack.color(pattern, way, repeats=1)
                assert fewest <= found["natural"][0] <= fewest + 1
    except ColPackMissing as error:
        pytest.skip(str(error))


def test_without_a_compiler_the_comparison_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import benchmarks.coloring as module

    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(module, "PATTERNS", (SMALL,))
    monkeypatch.setattr(module, "stencil_times", lambda side, repeats: [])
    monkeypatch.setattr(module, "brusselator_colors", list)
    out = io.StringIO()
    run_coloring(Console(file=out), quick=True, output=tmp_path / "coloring.csv", about={})
    assert "ColPack is skipped: no C++ compiler" in out.getvalue()
    assert (tmp_path / "coloring.md").read_text().endswith("| 3 | 3 | 3 | 2 | 3 |\n")
