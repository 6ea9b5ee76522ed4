"""The site: every public name and page is in it, and its examples check their answers."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import runpy
from pathlib import Path

import pytest

import sparsesolve as ss

DOCS = Path(__file__).resolve().parents[2] / "docs"
MODULES = {"errors", "extend", "ocp", "sif"}
EXAMPLES = sorted((DOCS / "examples").glob("*/plot_*.py"))
MADE_BY_THE_BUILD = ("gallery", "generated", "backreferences")
PAGES = [
    p
    for p in DOCS.rglob("*.md")
    if not set(MADE_BY_THE_BUILD) & set(p.parts) and p.parent.name != "suite"
]


def toctrees(page: Path) -> set[Path]:
    """What the page lists, as files."""
    found = set()
    for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL):
        for line in re.findall(r"^[/\w]+$", block, re.MULTILINE):
            base = DOCS if line.startswith("/") else page.parent
            found.add((base / line.lstrip("/")).with_suffix(".md"))
    return found


def test_every_page_is_listed() -> None:
    listed = {DOCS / "index.md"}.union(*(toctrees(page) for page in PAGES))
    orphans = [str(p.relative_to(DOCS)) for p in PAGES if p not in listed]
    assert not orphans, f"name them in the toctree of docs/howto/index.md or its like: {orphans}"


def test_tables_of_the_suite_have_pages() -> None:
    """Those files have no heading; a page of the site includes each."""
    for table in (DOCS / "suite").glob("*.md"):
        page = DOCS / "project" / f"suite_{table.name}"
        assert page.exists(), f"write {page.name}, as suite_report.md is written"
        assert f"{{include}} ../suite/{table.name}" in page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_links_lead_somewhere_in_the_repository_too(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        assert (page.parent / target).exists(), target


def test_the_reference_has_every_public_name() -> None:
    listed = set(re.findall(r"^   ([\w.]+)$", (DOCS / "api" / "index.rst").read_text(), re.M))
    names = set(ss.__all__) - {"__version__"}
    for module in MODULES:
        members = {f"{module}.{name}" for name in getattr(ss, module).__all__}
        names |= {m for m in members if m.split(".")[1] not in ss.__all__}
    assert listed == names


def test_members_left_out_of_the_reference_exist() -> None:
    """A name that is gone, or renamed, would go on hiding what gets it next."""
    inner = runpy.run_path(str(DOCS / "_ext" / "inner_members.py"))["INNER"]
    for name, members in inner.items():
        assert members <= set(dir(getattr(ss, name))), name


def public() -> list[tuple[str, object]]:
    """Public names that are documented one by one, and what they are."""
    found = [(n, getattr(ss, n)) for n in ss.__all__ if n not in MODULES | {"__version__"}]
    for module in MODULES:
        inside = getattr(ss, module)
        found += [(f"{module}.{n}", getattr(inside, n)) for n in inside.__all__]
    return found


def test_every_public_name_has_an_example() -> None:
    missing = [name for name, thing in public() if ">>>" not in (inspect.getdoc(thing) or "")]
    assert not missing


def test_examples_stand_by_subject() -> None:
    assert len(EXAMPLES) >= 25
    assert not list((DOCS / "examples").glob("plot_*.py")), "put it into a folder beside others"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_says_what_it_shows_and_checks_its_answer(path: Path) -> None:
    text = path.read_text()
    assert re.match(r'"""\n([^\n]+)\n=+\n\n\S', text)
    assert re.search(r"^ *assert ", text, re.MULTILINE)
    assert "plt.show()" in text
    assert len(text.splitlines()) <= 100


def run(page: Path) -> None:
    """Run the blocks of a page, one after the other, and compare what they print."""
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    blocks = re.findall(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", page.read_text(), re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for code, expected in blocks:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, page.name, "exec"), names)
        assert out.getvalue() == expected


def test_the_first_example_is_short() -> None:
    code = re.search(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)[1]
    assert 15 <= len([line for line in code.splitlines() if line]) <= 22


RUN = [DOCS / "start" / "ten_minutes.md", *sorted((DOCS / "howto").glob("[!i]*.md"))]
RUN += [DOCS / "howto" / "infeasible.md"]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda p: p.stem)
def test_blocks_of_a_page_run_and_print_what_is_shown(page: Path) -> None:
    run(page)
