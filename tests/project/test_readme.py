"""The README's Python runs, and prints what the README says; its links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import sparsesolve

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", README, re.DOTALL)


def test_examples_run_and_print_what_is_shown() -> None:
    assert len(BLOCKS) >= 2
    names: dict[str, object] = {}
    for code, expected in BLOCKS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "README.md", "exec"), names)
        assert out.getvalue() == expected


def test_links_and_scripts_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    scripts = re.findall(r"scripts/\w+|\.ci/run", README)
    assert links
    assert scripts
    assert all((ROOT / target).exists() for target in [*links, *scripts])


def test_pages_of_docs_link_to_what_exists() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_version_and_length() -> None:
    assert f"version {sparsesolve.__version__}" in README
    assert len(README.splitlines()) <= 130
    assert "MEASURED" not in README
