"""docs/benchmarks.md quotes the result files as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.listing import listing
from benchmarks.page import PAGE, RESULTS, marks, quote


def test_a_page_is_changed_between_its_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    begin, end = marks("some.csv")
    page.write_text(f"above\n{begin}old\n{end}below\n")
    quote(page, "some.csv", "new")
    assert page.read_text() == f"above\n{begin}\nnew\n{end}below\n"
    page.write_text("no marks\n")
    with pytest.raises(ValueError, match="must have lines"):
        quote(page, "some.csv", "new")


@pytest.mark.parametrize("name", ["peers.csv", "blocks.csv", "setup.csv", "solve.csv"])
def test_the_page_quotes_the_results(name: str) -> None:
    assert listing(RESULTS / name) in PAGE.read_text()


def test_the_page_quotes_the_coloring() -> None:
    assert (RESULTS / "coloring.md").read_text() in PAGE.read_text()


def test_the_command_changes_nothing_on_a_current_page() -> None:
    before = PAGE.read_text()
    main(["page"])
    assert PAGE.read_text() == before
