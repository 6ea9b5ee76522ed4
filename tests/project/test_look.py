"""What looks at the built site sees faults: links, anchors, and, in a browser, width and errors."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

LOOK = Path(__file__).resolve().parents[2] / "scripts" / "look.py"


@pytest.fixture(scope="module")
def look():
    spec = importlib.util.spec_from_file_location("look", LOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path, **pages: str) -> Path:
    for name, body in pages.items():
        icon = '<link rel="icon" href="data:,">'  # or else the browser asks for one
        text = f"<!doctype html><html><head>{icon}</head><body>{body}</body></html>"
        (folder / f"{name}.html").write_text(text)
    return folder


def test_links_to_nothing_are_named(look, tmp_path) -> None:
    site = write(
        tmp_path,
        index='<a href="other.html#there">a</a> <a href="other.html#gone">b</a> <a href="#">c</a>'
        '<a href="none.html">d</a> <img src="none.png"> <a href="https://example.org/x">e</a>',
        other='<h1 id="there">a</h1> <a href="index.html">back</a> <a href="#here">f</a>',
    )
    assert list(look.broken_links(site)) == [
        "index.html: other.html#gone",
        "index.html: none.html",
        "index.html: none.png",
        "other.html: #here",
    ]


def test_templates_of_a_theme_are_no_pages(look, tmp_path) -> None:
    (tmp_path / "_static").mkdir()
    write(tmp_path / "_static", macros='<a href="{{ nothing }}">a</a>')
    assert list(look.broken_links(write(tmp_path, index="text"))) == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_a_browser_sees_width_and_errors(look, tmp_path) -> None:
    pytest.importorskip("websocket", reason="the extra `docs` is not installed")
    site = write(
        tmp_path,
        good="<p>text</p>",
        wide='<div style="width: 700px">too wide for a telephone</div>',
        wrong="<script>console.error('no'); missing()</script>",
    )
    with look.served(site) as home, look.browser() as tab:
        names = ["good.html", "wide.html", "wrong.html"]
        faults = list(look.faults_of_pages(tab, home, names))
    assert [f for f in faults if f.startswith("good")] == []
    assert [f for f in faults if f.startswith("wide")] == ["wide.html: 308 px too wide at 400 px"]
    assert len([f for f in faults if f.startswith("wrong")]) == 2
