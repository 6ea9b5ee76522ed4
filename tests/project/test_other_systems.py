"""What other systems lack or do otherwise, pretended here: Windows, macOS, musl, no fork."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.coloring import kernels
from sparsesolve.engine.llvm.code import vectormath
from sparsesolve.engine.llvm.run import jit
from sparsesolve.host.cache_folder import CacheFolder

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "sparsesolve").rglob("*.py"))

# Names that not every system has, and the files that may use them, each behind a branch
ABSENT = {
    "os": {
        "fork", "geteuid", "getuid", "getloadavg", "sched_setaffinity", "sched_getaffinity",
        "register_at_fork", "O_NONBLOCK", "O_NOFOLLOW", "uname", "killpg", "setpgid", "wait4",
        "pidfd_open", "sysconf", "mkfifo", "chown", "umask",
    },
    "signal": {"SIGKILL", "SIGALRM", "setitimer", "alarm", "SIGUSR1", "pthread_kill", "SIGCHLD"},
    "time": {"CLOCK_MONOTONIC", "clock_gettime"},
}  # fmt: skip
ONLY_POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "posix"}
BRANCHED = {
    ("coloring/kernels", "os.geteuid"),
    ("engine/llvm/run/c_callbacks", "time.CLOCK_MONOTONIC"),
    ("host/cache_folder", "os.geteuid"),
    ("host/fork", "os.register_at_fork"),
}


@pytest.fixture
def no_owners(monkeypatch):
    """As on Windows: no numbers of users."""
    monkeypatch.delattr(os, "geteuid")


def test_what_not_every_system_has_stands_behind_a_branch() -> None:
    used = set()
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT / "sparsesolve").with_suffix("").as_posix()
        imported = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.M))
        assert not imported & ONLY_POSIX, f"{name} imports {imported & ONLY_POSIX}"
        for module, attribute in re.findall(r"\b(os|signal|time)\.(\w+)", text):
            if attribute in ABSENT[module]:
                used.add((name, f"{module}.{attribute}"))
    assert used == BRANCHED


# Modules and names of the standard library that 3.12, 3.13 or 3.14 no longer have
GONE = {
    *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils"),
    *("imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes"),
    *("smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
}
GONE_NAMES = (
    r"\bast\.(?:Num|Str|Bytes|NameConstant|Ellipsis)\b|\bpkgutil\.(?:find_loader|get_loader|ImpImporter)"
    r"|\blocale\.resetlocale|\bunittest\.(?:makeSuite|findTestCases)|\btyping\.(?:io|re)\b"
    r"|\bsqlite3\.version|\bimportlib\.(?:find_loader|abc\.Finder)|\bconfigparser\.SafeConfigParser"
)


@pytest.mark.parametrize("room", ["sparsesolve", "problems", "benchmarks"])
def test_nothing_is_used_that_newer_pythons_lack(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        imported = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.M))
        assert not imported & GONE, f"{path} imports {imported & GONE}"
        assert not re.search(GONE_NAMES, text), path


def test_files_are_read_and_written_in_utf8() -> None:
    """The encoding that Python takes by itself differs between systems."""
    for path in SOURCES:
        lines = path.read_text(encoding="utf-8").splitlines()
        code = "\n".join(line for line in lines if not line.lstrip().startswith((">>>", "...")))
        bare = re.findall(r"\.(?:read_text|write_text)\((?![^\n]*encoding).*", code)
        assert not bare, f"{path}: {bare}"


@pytest.mark.posix
def test_bits_that_say_nothing_do_not_forbid_the_cache(tmp_path, no_owners) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)  # what Windows says of every folder
    cache = CacheFolder(folder, tmp_path / "secret")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.write("key", b"code")
        (tmp_path / "secret").chmod(0o666)  # and of every file
        assert bytes(CacheFolder(folder, tmp_path / "secret").read("key") or b"") == b"code"


def test_a_file_that_is_read_just_now_stays(tmp_path, no_owners, monkeypatch) -> None:
    cache = CacheFolder(tmp_path / "cache", tmp_path / "secret")
    cache.write("key", b"code")

    def refuse(*_: object) -> None:
        raise PermissionError("it is open")

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(os, "replace", refuse)
        cache.write("key", b"code")
    assert bytes(cache.read("key") or b"") == b"code"
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["key.o"]


def test_a_place_that_may_not_be_written_is_still_given_up_elsewhere(tmp_path, monkeypatch) -> None:
    cache = CacheFolder(tmp_path / "given up", tmp_path / "secret")

    def refuse(*_: object) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.warns(RuntimeWarning, match="not kept between runs"):
        cache.write("key", b"code")
    assert not list((tmp_path / "given up").iterdir())


@pytest.mark.posix
def test_numbas_files_are_used_where_there_are_no_owners(tmp_path, no_owners) -> None:
    tmp_path.chmod(0o777)
    kernels._refuse_foreign(str(tmp_path))
    (tmp_path / "kernel.nbi").mkdir()
    with pytest.raises(OSError, match="is not a file"):
        kernels._refuse_foreign(str(tmp_path))


class Runtime:
    """A library of C that has some functions, some only under a name with a line in front."""

    def __init__(self, *names: str) -> None:
        own = ctypes.CDLL(None)
        for name in names:
            setattr(self, name, getattr(own, name.lstrip("_"), own.sin))


def test_windows_functions_come_from_its_runtime(monkeypatch) -> None:
    asked = []

    def library(name: str, file: str) -> Runtime:
        asked.append(file)
        return Runtime("sin", "_hypot")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(vectormath, "_library", library)
    assert vectormath._scalar_address("sin")
    assert vectormath._scalar_address("hypot")
    assert vectormath._scalar_address("no_such_function") == 0
    assert set(asked) == {"ucrtbase.dll"}


def test_without_glibc_functions_come_from_the_process(monkeypatch) -> None:
    """As on macOS and with musl."""
    expected = vectormath._scalar_address("sin")
    monkeypatch.setattr(vectormath, "_library", lambda name, file: None)
    found = vectormath._scalar_address("sin")
    assert found
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(found)(0.5) == np.sin(0.5)
    assert expected


def f(x):
    return np.exp(x[1:]) * x[:-1] ** 2 + np.where(x[1:] > 0, np.sin(x[1:]), x[:-1])


@pytest.fixture
def older_linker(monkeypatch):
    """Code is loaded as everywhere but on Linux with x86-64."""
    monkeypatch.setattr(jit, "reads_objects", lambda: False)
    monkeypatch.setattr(jit, "_MODULES", {})


@pytest.mark.parametrize("n", [2, 3, 31, 32, 33, 100])
def test_the_older_linker_runs_the_same_code(n, older_linker, rng) -> None:
    x = rng.normal(size=n)
    jacobian = ss.jacobian(f, np.ones(n))
    dense = np.zeros((n - 1, n))
    slope = np.where(x[1:] > 0, np.cos(x[1:]), 0.0)
    dense[range(n - 1), range(n - 1)] = 2 * np.exp(x[1:]) * x[:-1] + (x[1:] <= 0)
    dense[range(n - 1), range(1, n)] = np.exp(x[1:]) * x[:-1] ** 2 + slope
    assert np.allclose(jacobian(x).toarray(), dense, rtol=1e-12, atol=0)
    assert any(isinstance(m.code, jit._Engine) for m in jit._MODULES.values())


def test_the_older_linker_frees_its_code(older_linker, monkeypatch) -> None:
    monkeypatch.setattr(jit, "_RECENT", type(jit._RECENT)())
    body = "i64 (i64 %a) {\nentry:\n  %b = add i64 %a, 41\n  ret i64 %b\n}\n"
    found, compiled = jit.compile_functions({body: 0}, frozenset())
    assert compiled in (True, False)  # from the disk or not
    add = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(found[body].address)
    assert add(1) == 42
    engine = found[body].module.code
    jit._RECENT.clear()
    jit._MODULES.clear()
    del found
    jit.compile_functions({}, frozenset())
    assert engine._engine.closed


@pytest.mark.slow
def test_the_package_works_without_forks_and_owners() -> None:
    """In a fresh process, in which Python has none of what Windows lacks."""
    code = (
        "import os, signal, time\n"
        "for module, names in ((os, 'fork geteuid getuid register_at_fork getloadavg'),\n"
        "                      (time, 'CLOCK_MONOTONIC'), (signal, 'SIGALRM SIGKILL')):\n"
        "    [delattr(module, name) for name in names.split()]\n"
        "import numpy as np, sparsesolve as ss\n"
        "H = ss.hessian(lambda x: np.sum(np.exp(x[1:] * x[:-1])), np.ones(40))\n"
        "print(H(np.zeros(40)).nnz)\n"
        "print(ss.root(lambda x: x**3 - np.roll(x, 1) - 1.0, np.ones(10)).success)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("118\nTrue\n", "")
