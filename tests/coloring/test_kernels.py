"""Compiled loops: where nothing can be kept on disk, and while numba compiles."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

from sparsesolve.coloring import kernels


def total(values):
    result = 0.0
    for k in range(values.size):
        result += values[k]
    return result


def test_an_installation_that_cannot_be_written_to(monkeypatch):
    plain = kernels.njit

    def njit(function=None, *, cache=False):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(function)

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels.kernel(total)(np.arange(4.0)) == 6.0


def test_a_signal_waits_while_numba_compiles(monkeypatch):
    seen = []

    class Dispatcher:
        def _compile_for_args(self, *args):
            signal.raise_signal(signal.SIGINT)
            seen.append("compiled")

    made = Dispatcher()
    monkeypatch.setattr(kernels, "njit", lambda **_: lambda function: made)
    held = kernels.kernel(total)
    with pytest.raises(KeyboardInterrupt):
        held._compile_for_args(1)
    assert seen == ["compiled"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return the files that numba kept of a kernel."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernels, "_TOLD", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.kernel(total)(np.arange(4.0)) == 6.0
        assert kernels.kernel(total)(np.arange(5.0)) == 10.0
    found = sorted(tmp_path.rglob("*.nb[ic]"))
    assert [file.suffix for file in found] == [".nbc", ".nbi"]
    return found


def replaced_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def replaced_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGE = {
    "empty": lambda file: file.write_bytes(b""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-20]),
    "garbage": lambda file: file.write_bytes(b"\x80garbage" * 9),
    "folder": replaced_by_folder,
}
if hasattr(os, "geteuid"):
    DAMAGE["others may write"] = lambda file: file.parent.chmod(0o777)
if hasattr(os, "mkfifo"):
    DAMAGE["pipe"] = replaced_by_pipe


@pytest.mark.every(4)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("damage", DAMAGE)
def test_files_that_cannot_be_used_are_one_warning(files, damage, which):
    DAMAGE[damage](files[which])
    with pytest.warns(RuntimeWarning, match="numba's files cannot be used"):
        assert kernels.kernel(total)(np.arange(4.0)) == 6.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.kernel(total)(np.arange(4.0)) == 6.0


def test_a_full_disk_is_one_warning(files, monkeypatch):
    for file in files:
        file.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert kernels.kernel(total)(np.arange(4.0)) == 6.0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_waits_while_numba_compiles(monkeypatch):
    begun, over, seen = threading.Event(), threading.Event(), []

    class Dispatcher:
        def _compile_for_args(self):
            begun.set()
            over.wait(30)
            seen.append("compiled")

    made = Dispatcher()
    monkeypatch.setattr(kernels, "njit", lambda **_: lambda function: made)
    thread = threading.Thread(target=kernels.kernel(total)._compile_for_args)
    thread.start()
    begun.wait(30)
    threading.Timer(0.1, over.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if seen else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
