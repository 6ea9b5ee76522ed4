"""The cache of colorings: what is computed, kept, dropped, and shared between threads."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sparsesolve.coloring import Coloring, color
from sparsesolve.coloring import cache as module
from sparsesolve.coloring.cache import ColoringCache
from sparsesolve.errors import ColoringError
from sparsesolve.structure.pattern import Pattern


def band(n: int) -> Pattern:
    return Pattern.from_offsets((n, n), (-1, 0, 1))


def test_equal_patterns_share_an_entry() -> None:
    cache = ColoringCache()
    first = cache.get(band(6))
    assert cache.get(Pattern.from_scipy(band(6).to_scipy())) is first
    stats = cache.stats
    assert (stats.hits, stats.misses, stats.entries, stats.evictions) == (1, 1, 1, 0)
    assert stats.nbytes == first.nbytes > 0


def test_every_choice_is_an_entry_of_its_own() -> None:
    cache = ColoringCache()
    assert cache.get(band(6), structure="symmetric").coloring.ncolors == 3
    assert cache.get(band(6), structure="symmetric", recovery="substitution").coloring.ncolors == 2
    assert cache.get(band(6), structure="rows").coloring.structure == "rows"
    assert cache.get(band(6), order="natural").coloring.order == "natural"
    assert cache.get(band(7)).pattern.shape == (7, 7)
    assert (cache.stats.misses, cache.stats.entries) == (5, 5)


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = ColoringCache(max_entries=2)
    for n in (3, 4, 3, 5, 3, 4):
        cache.get(band(n))
    stats = cache.stats
    assert (stats.hits, stats.misses, stats.evictions, stats.entries) == (2, 4, 2, 2)


def test_bytes_are_bounded() -> None:
    size = ColoringCache().get(band(50)).nbytes
    cache = ColoringCache(max_bytes=2 * size)
    for n in (50, 49, 48):
        cache.get(band(n))
    assert cache.stats.entries == 2
    assert cache.stats.nbytes <= 2 * size
    cache.get(band(500))
    assert cache.stats.entries == 2
    assert cache.stats.misses == 4


def test_nothing_is_kept_where_nothing_may_be() -> None:
    cache = ColoringCache(max_entries=0)
    assert cache.get(band(4)).coloring.ncolors == 3
    assert cache.stats.entries == cache.stats.nbytes == 0


def test_clear() -> None:
    cache = ColoringCache()
    cache.get(band(4))
    cache.clear()
    assert (cache.stats.entries, cache.stats.nbytes) == (0, 0)
    cache.get(band(4))
    assert cache.stats.misses == 2


def test_errors_are_raised_and_not_kept() -> None:
    cache = ColoringCache()
    for _ in range(2):
        with pytest.raises(ColoringError):
            cache.get(Pattern.from_dense(np.triu(np.ones((3, 3)))), structure="symmetric")
    assert (cache.stats.misses, cache.stats.entries) == (2, 0)


def test_threads_compute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    all_here = threading.Event()

    def slow(pattern: Pattern, **choice: str) -> Coloring:
        nonlocal calls
        calls += 1
        all_here.wait(5.0)
        return color(pattern, **choice)

    monkeypatch.setattr(module, "color", slow)
    cache = ColoringCache()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(cache.get, band(8)) for _ in range(4)]
        while cache.stats.hits < 3:
            pass
        all_here.set()
        found = [future.result() for future in futures]
    assert calls == 1
    assert all(one is found[0] for one in found)


def test_bounds_must_not_be_negative() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        ColoringCache(max_entries=-1)


def test_an_interrupt_leaves_nothing_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(pattern: Pattern, **choice: str) -> Coloring:
        signal.raise_signal(signal.SIGINT)
        return color(pattern, **choice)

    monkeypatch.setattr(module, "color", interrupted)
    cache = ColoringCache()
    with pytest.raises(KeyboardInterrupt):
        cache.get(band(8))
    monkeypatch.undo()
    assert cache.get(band(8)).coloring.ncolors == 3
    assert (cache.stats.misses, cache.stats.entries) == (2, 1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("where", ["_look_up", "_end"])
def test_an_interrupt_waits_for_the_books(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    plain = getattr(ColoringCache, where)

    def interrupted(self: ColoringCache, *args: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return plain(self, *args)

    monkeypatch.setattr(ColoringCache, where, interrupted)
    cache = ColoringCache()
    with pytest.raises(KeyboardInterrupt):
        cache.get(band(8))
    assert cache.stats.entries == 1


def test_who_waits_for_interrupted_work_takes_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, waiting = ColoringCache(), threading.Event()

    def first_interrupted(pattern: Pattern, **choice: str) -> Coloring:
        if threading.current_thread() is threading.main_thread():
            thread.start()
            while cache.stats.hits < 1:
                waiting.wait(0.001)
            raise KeyboardInterrupt
        return color(pattern, **choice)

    monkeypatch.setattr(module, "color", first_interrupted)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(cache.get(band(8)).coloring.ncolors))
    with pytest.raises(KeyboardInterrupt):
        cache.get(band(8))
    thread.join(30)
    assert found == [3]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_does_not_wait_for_threads_that_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over, main = threading.Event(), threading.Event(), threading.main_thread()

    def slow(pattern: Pattern, **choice: str) -> Coloring:
        if threading.current_thread() is not main:
            begun.set()
            over.wait(30)
        return color(pattern, **choice)

    monkeypatch.setattr(module, "color", slow)
    cache = ColoringCache()
    cache.get(band(5))  # all kernels are compiled
    thread = threading.Thread(target=cache.get, args=(band(8),))
    thread.start()
    begun.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if cache.get(band(8)).coloring.ncolors == 3 else 1)
    status = os.waitpid(child, 0)[1]
    over.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
