"""Machine code kept on disk: found again, never trusted when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparsesolve.engine.llvm.code.codegen import DRIVER
from sparsesolve.engine.llvm.run import jit

BODY = "(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {\nentry:\n  ret void\n}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SPARSESOLVE_CACHE", raising=False)
    monkeypatch.setattr(jit, "_MODULES", {})
    return tmp_path / "sparsesolve"


def compile_again(monkeypatch) -> bool:
    monkeypatch.setattr(jit, "_MODULES", {})
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
    with pytest.warns(RuntimeWarning, match="not kept between runs"):
        assert compile_again(monkeypatch)
    assert compile_again(monkeypatch)  # and no second warning


def test_more_effort_replaces_less(folder, monkeypatch):
    low, _ = jit.compile_functions({BODY: 0}, frozenset())
    high, compiled = jit.compile_functions({BODY: 2}, frozenset())
    assert compiled
    assert low[BODY] != high[BODY]
    assert jit.compile_functions({BODY: 0}, frozenset()) == (high, False)


def maps() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def body(k: int) -> str:
    return BODY.replace("ret void", f"%x = add i64 %low, {k}\n  ret void")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_code_is_freed_with_its_last_user(monkeypatch):
    monkeypatch.setenv("SPARSESOLVE_CACHE", "0")
    monkeypatch.setattr(jit, "_MOST_RECENT", 4)
    kept, _ = jit.compile_functions({body(-1): 0}, frozenset())
    before = maps()
    for k in range(200):
        jit.compile_functions({body(k): 0}, frozenset())
    assert maps() <= before + 40
    again, compiled = jit.compile_functions({body(-1): 0}, frozenset())
    assert again == kept
    assert not compiled


def test_a_function_without_users_is_compiled_again(monkeypatch):
    monkeypatch.setenv("SPARSESOLVE_CACHE", "0")
    monkeypatch.setattr(jit, "_MOST_RECENT", 1)
    jit.compile_functions({body(1000): 0}, frozenset())
    jit.compile_functions({body(1001): 0}, frozenset())
    assert jit.compile_functions({body(1000): 0}, frozenset())[1]


def test_the_package_does_not_import_llvmlite():
    code = (
        "import sys, sparsesolve, sparsesolve.engine.interpreter.interpret;"
        "print('llvmlite' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout.strip() == "False"
