"""The pages for users of other tools: both sides of each row of their tables run, and agree."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

START = Path(__file__).resolve().parents[2] / "docs" / "start"
PAGES = sorted(START.glob("from_*.md"))
NEEDS = {"from_casadi": "casadi", "from_cyipopt": "cyipopt", "from_jax": "jax"}
NOT_RUN = "from_jump"  # Julia's side


def blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", text, re.DOTALL)


def rows(text: str) -> list[tuple[str, str]]:
    """Both pieces of code of each row, from the second and third cell."""
    return re.findall(r"^\| [^|]+ \| `([^|]+)` \| `([^|]+)` \|$", text, re.MULTILINE)


def numbers(value: Any) -> np.ndarray:
    """Any tool's array, flat."""
    if scipy.sparse.issparse(value):
        value = value.toarray()
    value = value.full() if hasattr(value, "full") else value
    return np.asarray(value, dtype=float).squeeze()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_both_sides_of_the_tables_agree(page: Path) -> None:
    if needed := NEEDS.get(page.stem):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    text = page.read_text()
    names: dict[str, Any] = {}
    for code, expected in blocks(text):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, page.name, "exec"), names)
        assert out.getvalue() == expected
    assert len(rows(text)) >= 7
    for theirs, ours in rows(text):
        found = eval(ours, names)
        if page.stem != NOT_RUN:
            expected = numbers(eval(theirs, names))
            np.testing.assert_allclose(numbers(found), expected, 1e-3, 1e-4, err_msg=ours)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_row_of_a_table_has_code_on_both_sides(page: Path) -> None:
    text = page.read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ") and line[2] != "|"]
    assert len(lines) == len(rows(text))
