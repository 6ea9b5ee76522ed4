"""A cache of colorings, so that one structure is colored once however often it is prepared.

Separate because it is the one piece of shared mutable state between preparations: a loop that
builds a Jacobian for each of many problems of one structure pays for the coloring once. Keys are
hashes of the pattern, not objects, so equal patterns of different origin share an entry.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass

from sparsesolve.coloring import Recovered, Structure, color
from sparsesolve.coloring.recover import Recovery, prepare_recovery
from sparsesolve.host.fork import forkable_lock
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
    it, so nothing is computed twice. An error is passed on to all who wait, and not kept.

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
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                self._hits += 1
                return kept
            awaited = self._under_way.get(key)
            if awaited is None:
                self._misses += 1
                future = self._under_way[key] = Future()
            else:
                self._hits += 1
        if awaited is not None:
            return awaited.result()
        try:
            made = prepare_recovery(
                color(pattern, structure=structure, order=order, recovery=recovery)
            )
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._under_way[key]
            self._keep(key, made)
        future.set_result(made)
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


shared_coloring_cache = ColoringCache()
