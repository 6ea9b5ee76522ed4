"""A cache of colorings, so that one structure is colored once however often it is prepared.

Separate because it is the one piece of shared mutable state between preparations: a loop that
builds a Jacobian for each of many problems of one structure pays for the coloring once. Keys are
hashes of the pattern, not objects, so equal patterns of different origin share an entry.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from concurrent.futures import CancelledError, Future

from sparsesolve.coloring import Recovered, Structure, color
from sparsesolve.coloring.recover import Recovery, prepare_recovery
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import after_fork, forkable_lock
from sparsesolve.host.interrupts import interrupts_held
from sparsesolve.structure.pattern import Pattern

__all__ = ["CacheStats", "ColoringCache", "shared_coloring_cache"]

Key = tuple[str, Structure, str, Recovered]


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache did so far, and what it holds now.

    Parameters
    ----------
    hits, misses : int
        Requests answered from the cache, and requests that computed.
    evictions : int
        Entries dropped to stay within the bounds.
    entries, nbytes : int
        Entries held, and the bytes of their arrays.
    """

    hits: int
    misses: int
    evictions: int
    entries: int
    nbytes: int


class ColoringCache:
    """Least recently used recoveries by pattern, structure, order and kind of recovery.

    Safe to use from several threads: one that asks for an entry which another computes waits for
    it, so nothing is computed twice. An error is passed on to all who wait, and not kept; where a
    Ctrl-C ended the work, one of those who wait takes it up.

    Parameters
    ----------
    max_entries : int, default 64
        Number of entries to hold at most.
    max_bytes : int, default 2**28
        Bytes to hold at most; a single larger result is returned but not kept.

    Examples
    --------
    >>> cache = ColoringCache()
    >>> pattern = Pattern.from_offsets((5, 5), (-1, 0, 1))
    >>> cache.get(pattern) is cache.get(pattern)
    True
    >>> cache.stats.hits, cache.stats.misses
    (1, 1)
    """

    def __init__(self, *, max_entries: int = 64, max_bytes: int = 2**28) -> None:
        if max_entries < 0 or max_bytes < 0:
            raise ValueError(
                f"`max_entries` and `max_bytes` must not be negative, got {max_entries} and "
                f"{max_bytes}."
            )
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self._lock = forkable_lock()
        self._kept: OrderedDict[Key, Recovery] = OrderedDict()
        self._under_way: dict[Key, Future[Recovery]] = {}
        self._nbytes = 0
        self._hits = self._misses = self._evictions = 0
        _caches.add(self)

    def get(
        self,
        pattern: Pattern,
        *,
        structure: Structure = "columns",
        order: str = "auto",
        recovery: Recovered = "direct",
    ) -> Recovery:
        """Return the recovery of that coloring of `pattern`; arguments as for `color`."""
        key = (pattern.digest, structure, order, recovery)

        def make() -> Recovery:
            return prepare_recovery(
                color(pattern, structure=structure, order=order, recovery=recovery)
            )

        with interrupts_held() as hold:  # or else an entry would stay under way for ever
            while True:
                found, mine = self._look_up(key)
                if isinstance(found, Recovery):
                    return found
                try:
                    hold.open = True
                    made = make() if mine else found.result()
                except CancelledError:  # an interrupt ended the work that was waited for
                    continue
                except BaseException as error:
                    hold.open = False
                    if mine:
                        self._end(key, found, error)
                    raise
                finally:
                    hold.open = False
                if mine:
                    self._end(key, found, made)
                return made

    def clear(self) -> None:
        """Drop all entries; the counts go on."""
        with self._lock:
            self._kept.clear()
            self._nbytes = 0

    @property
    def stats(self) -> CacheStats:
        """Counts at this moment."""
        with self._lock:
            return CacheStats(
                self._hits, self._misses, self._evictions, len(self._kept), self._nbytes
            )

    def _look_up(self, key: Key) -> tuple[Recovery | Future[Recovery], bool]:
        """Return what is kept or under way; or begin it, which makes it the caller's."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                self._hits += 1
                return kept, False
            awaited = self._under_way.get(key)
            if awaited is not None:
                self._hits += 1
                return awaited, False
            self._misses += 1
            future = self._under_way[key] = Future[Recovery]()
            return future, True

    def _end(self, key: Key, future: Future[Recovery], outcome: Recovery | BaseException) -> None:
        """Hand a result, or an error, to all who wait."""
        with self._lock:
            self._under_way.pop(key, None)  # a child has forgotten it
            if isinstance(outcome, Recovery):
                self._keep(key, outcome)
        if isinstance(outcome, Recovery):
            future.set_result(outcome)
        elif isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:  # an interrupt is for the thread that it came to
            future.cancel()

    def forget_work(self) -> None:
        """In a child process: what other threads had under way will not be finished."""
        self._under_way = {}

    def _keep(self, key: Key, made: Recovery) -> None:
        """Store an entry and drop the oldest ones beyond the bounds; the lock is held."""
        if made.nbytes > self.max_bytes or self.max_entries == 0:
            return
        self._kept[key] = made
        self._nbytes += made.nbytes
        while len(self._kept) > self.max_entries or self._nbytes > self.max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._nbytes -= dropped.nbytes
            self._evictions += 1


_caches: weakref.WeakSet[ColoringCache] = weakref.WeakSet()


def _forget_work() -> None:
    for cache in list(_caches):
        cache.forget_work()


after_fork(_forget_work)
shared_coloring_cache = ColoringCache()
