"""Damaged files, read in a process of its own: the project's own errors, and no crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sif_reference import FOLDER

TESTS = Path(__file__).resolve().parents[1]


def attempt(kind: str, count: int) -> None:
    if kind == "sif" and not FOLDER.exists():
        pytest.skip("needs ../shared/sif")
    run = subprocess.run(
        [sys.executable, str(TESTS / "mutants.py"), kind, str(count)],
        capture_output=True, text=True, timeout=900,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
    )  # fmt: skip
    assert run.returncode == 0, f"{run.stdout[-2000:]} at {run.stderr[-300:]}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mtx", "npz", "sif"])
def test_damaged_files(kind: str) -> None:
    attempt(kind, 300)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mtx", "npz", "sif"])
def test_many_damaged_files(kind: str) -> None:
    attempt(kind, 3000)
