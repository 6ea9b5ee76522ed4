"""What a wheel holds: the suite under names that are nobody else's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = [p for room in ("problems", "benchmarks") for p in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize("path", SUITE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_suite_does_not_know_its_own_name(path: Path) -> None:
    """A wheel installs both packages under longer names, so their imports are relative."""
    named = re.findall(r"^\s*(?:from|import) (?:problems|benchmarks)\b.*", path.read_text(), re.M)
    assert not named, "import relatively, modules of `problems` from benchmarks/collection.py"
