"""docs/supported.md says what the tables of rules say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_supported_operations_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "supported.py"))
    page = (ROOT / "docs" / "supported.md").read_text()
    if script["versions"]() not in page:
        pytest.skip("the page lists the functions of other versions of NumPy, SciPy or autograd")
    assert page == script["text"](), "run: python scripts/supported.py"
