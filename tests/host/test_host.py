"""Signals, forks, and files kept between runs."""

from __future__ import annotations

import os
import signal
import stat
import threading
import warnings

import pytest

from sparsesolve.host import cache_folder
from sparsesolve.host.cache_folder import CacheFolder
from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.interrupts import interrupts_held

# ----- interrupts -----


def test_a_signal_waits_for_the_end_of_the_block():
    done = []

    def work():
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_blocks_nest():
    done = []

    def work():
        with interrupts_held():
            with interrupts_held():
                signal.raise_signal(signal.SIGINT)
                done.append(1)
            done.append(2)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1, 2]


def test_an_open_block_does_not_wait():
    done = []

    def work():
        with interrupts_held() as hold:
            hold.open = True
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == []


def test_own_handlers_get_their_signal():
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            assert came == []
        assert came == [1]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_other_settings_are_left_alone(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with interrupts_held():
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_hold_nothing():
    seen = []

    def work():
        with interrupts_held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


# ----- forks -----


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_lock_of_another_thread_is_free_in_a_child():
    lock, held, over = forkable_lock(), threading.Event(), threading.Event()

    def work():
        with lock:
            held.set()
            over.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(timeout=5) else 1)
    status = os.waitpid(child, 0)[1]
    over.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


# ----- files -----


@pytest.fixture
def keeper(tmp_path):
    cache_folder._warn.cache_clear()
    return CacheFolder(tmp_path / "files", tmp_path / "secret")


def test_what_was_written_is_read(keeper):
    keeper.write("a", b"data")
    assert keeper.read("a") == b"data"
    assert keeper.read("b") is None
    keeper.write("empty", b"")
    assert keeper.read("empty") == b""


def test_the_number_of_files_is_bounded(keeper, monkeypatch):
    monkeypatch.setattr(cache_folder, "_MOST_FILES", 10)
    for k in range(30):
        keeper.write(f"{k}", b"data")
    assert len(list(keeper.folder.iterdir())) <= 12
    assert keeper.read("29") == b"data"


def test_a_folder_among_the_files_stays(keeper, monkeypatch):
    monkeypatch.setattr(cache_folder, "_MOST_FILES", 10)
    other = keeper.folder / "other"
    other.mkdir(parents=True)
    (other / "kept").write_text("somebody else's")
    os.utime(other, (0, 0))  # the oldest of all
    for k in range(30):
        keeper.write(f"{k}", b"data")
    assert (other / "kept").exists()
    assert keeper.read("29") == b"data"


def test_files_are_counted_once_in_many_writes(keeper, monkeypatch):
    counted = []
    plain = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: counted.append(path) or plain(path))
    for k in range(50):
        keeper.write(f"{k}", b"data")
    assert counted.count(keeper.folder) == 1


def test_a_file_under_another_name_is_not_taken(keeper):
    keeper.write("a", b"data")
    os.rename(keeper.folder / "a.o", keeper.folder / "b.o")
    assert keeper.read("b") is None


def test_a_file_of_another_key_is_not_taken(keeper, tmp_path):
    keeper.write("a", b"data")
    assert CacheFolder(keeper.folder, tmp_path / "other").read("a") is None


@pytest.mark.posix
def test_the_key_is_for_the_user_alone(keeper, tmp_path):
    keeper.write("a", b"data")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(keeper.folder.stat().st_mode) == 0o700
    (tmp_path / "secret").chmod(0o644)  # somebody may have read it
    assert CacheFolder(keeper.folder, tmp_path / "secret").read("a") is None


@pytest.mark.posix
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(keeper, mode):
    keeper.write("a", b"data")
    keeper.folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write"):
        assert keeper.read("a") is None
    keeper.write("b", b"data")
    assert keeper.read("b") is None


@pytest.mark.posix
def test_a_link_in_place_of_the_folder_is_not_used(keeper, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "files").symlink_to(tmp_path / "real")
    with pytest.warns(RuntimeWarning, match="is a link"):
        keeper.write("a", b"data")
    assert not list((tmp_path / "real").iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_place_of_a_file_is_no_wait(keeper):
    keeper.write("a", b"data")
    (keeper.folder / "a.o").unlink()
    os.mkfifo(keeper.folder / "a.o")
    with pytest.warns(RuntimeWarning, match="not a file"):
        assert keeper.read("a") is None


def test_a_full_disk_is_one_warning(keeper, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        keeper.write("a", b"data")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keeper.write("b", b"data")


@pytest.mark.parametrize(
    "variables",
    [
        {"XDG_CACHE_HOME": "relative", "XDG_STATE_HOME": "/tmp"},
        {"XDG_CACHE_HOME": "/tmp", "XDG_STATE_HOME": "./relative"},
        {"HOME": "nowhere"},
    ],
    ids=str,
)
def test_relative_paths_are_not_used(monkeypatch, variables):
    cache_folder._warn.cache_clear()
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "SPARSESOLVE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.warns(RuntimeWarning, match="absolute path"):
        assert CacheFolder.default().folder is None
