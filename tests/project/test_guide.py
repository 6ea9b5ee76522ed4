"""The guide in pictures is what its script writes, and its pictures are there and small."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def guide():
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    spec = importlib.util.spec_from_file_location("guide", DOCS.parent / "scripts" / "guide.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(guide) -> None:
    page = (DOCS / "guide.md").read_text()
    assert page == guide.text(), "run `python scripts/guide.py`"


def test_every_picture_is_drawn_shown_and_small(guide) -> None:
    shown = re.findall(r"\(guide/(\w+)\.png\)", (DOCS / "guide.md").read_text())
    assert sorted(shown) == sorted(guide.DRAWN)
    files = {path.stem: path.stat().st_size for path in (DOCS / "guide").glob("*")}
    assert sorted(files) == sorted(guide.DRAWN)
    assert sum(files.values()) < 1_000_000


def test_the_pictures_can_be_drawn(guide) -> None:
    for name in ("compressed", "arrow"):
        target = io.BytesIO()
        guide.DRAWN[name]().savefig(target, format="png", dpi=40)
        assert target.getvalue().startswith(b"\x89PNG")


def test_the_maps_of_the_example_multiply_to_its_jacobian(guide) -> None:
    m = guide.factors()
    assert np.array_equal(m["J"], m["A3"] @ m["A2"] @ m["A1"] + m["C"])


def test_the_coloring_page_runs_and_prints_what_it_says() -> None:
    page = (DOCS / "coloring.md").read_text()
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for code, expected in blocks:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "coloring.md", "exec"), names)
        assert out.getvalue() == expected
