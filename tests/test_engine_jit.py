"""Machine code kept on disk: found again, never trusted when damaged."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sparsesolve.engine.llvm.code.codegen import DRIVER
from sparsesolve.engine.llvm.run import jit

BODY = "(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {\nentry:\n  ret void\n}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SPARSESOLVE_CACHE", raising=False)
    monkeypatch.setattr(jit, "_FUNCTIONS", {})
    return tmp_path / "sparsesolve"


def compile_again(monkeypatch) -> bool:
    monkeypatch.setattr(jit, "_FUNCTIONS", {})
    addresses, compiled = jit.compile_functions({BODY: 2, DRIVER: 0}, frozenset())
    assert set(addresses) == {BODY, DRIVER}
    return compiled


def test_found_again(folder, monkeypatch):
    assert compile_again(monkeypatch)
    assert len(list(folder.iterdir())) == 2
    assert not compile_again(monkeypatch)


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 500])
def test_damaged_files_are_compiled_anew(folder, monkeypatch, damage):
    compile_again(monkeypatch)
    for file in folder.iterdir():
        file.write_bytes(damage)
    assert compile_again(monkeypatch)
    assert not compile_again(monkeypatch)


def test_turned_off(folder, monkeypatch):
    monkeypatch.setenv("SPARSESOLVE_CACHE", "0")
    assert compile_again(monkeypatch)
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("SPARSESOLVE_CACHE", raising=False)
    assert compile_again(monkeypatch)


def test_the_number_of_files_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(jit, "_MOST_FILES", 10)
    keeper = jit.CacheFolder.default()
    for k in range(30):
        keeper.write(f"{k}", b"data")
    assert len(list(folder.iterdir())) <= 12
    assert keeper.read("29") == b"data"


def test_more_effort_replaces_less(folder, monkeypatch):
    low, _ = jit.compile_functions({BODY: 0}, frozenset())
    high, compiled = jit.compile_functions({BODY: 2}, frozenset())
    assert compiled
    assert low[BODY] != high[BODY]
    assert jit.compile_functions({BODY: 0}, frozenset()) == (high, False)


def test_the_package_does_not_import_llvmlite():
    code = (
        "import sys, sparsesolve, sparsesolve.engine.interpreter.interpret;"
        "print('llvmlite' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout.strip() == "False"
