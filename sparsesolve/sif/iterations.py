"""All trips of an innermost loop at once, a card at a time.

It is another order of the same work: cards do their work for every trip before the
next card begins, which costs a tenth of a call a card and a trip. `together_in_order` says where
nobody could tell the difference: no card reads what a later card, or a later trip of its own, has
set, and what counts by its order (elements, weights) comes from one card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sparsesolve.sif.draft import Table
from sparsesolve.sif.names import name_parts

__all__ = ["AllTrips", "Field", "Iterations", "together_in_order"]

_DIGITS = frozenset("0123456789,-")


@dataclass(frozen=True, slots=True)
class Field:
    """A name as it stands on a card; `array`: whether it is expanded."""

    text: str
    array: bool

    @classmethod
    def of(cls, text: str, *, array: bool = True) -> Field:
        """Return the field of a card, one for all ways to write a literal name."""
        return cls(text, array and "(" in text)

    def may_equal(self, other: Field) -> bool:
        """Whether two names can be the same one for some values of their indices."""
        (one, own), (base, indices) = (name_parts(f.text, array=f.array) for f in (self, other))
        if not own and not indices:
            return one == base
        short, long = sorted((one, base), key=len)
        return long.startswith(short) and _DIGITS.issuperset(long[len(short) :])


class Iterations:
    """The trips of a loop.

    Parameters
    ----------
    integers : Table of int
        Values of the other indices.
    index : str
        Of the loop.
    values : range
        Its values.
    """

    def __init__(self, integers: Table[int], index: str, values: range) -> None:
        self.count = len(values)
        self._integers = integers
        self._index = index
        self._texts = _texts(values)
        self._names: dict[Field, list[str]] = {}
        self._reals: dict[str, list[float]] = {}
        self.elements: dict[Field, Sequence[int]] = {}  # numbers of those that a card names

    def names(self, field: Field) -> list[str]:
        """Return a name in each trip."""
        found = self._names.get(field)
        if found is None:
            found = self._names[field] = self._expanded(*name_parts(field.text, array=field.array))
        return found

    def _expanded(self, base: str, indices: tuple[str, ...]) -> list[str]:
        if self._index not in indices:
            known = [str(self._integers[name]) for name in indices]
            return [base + ",".join(known)] * self.count
        before, after = base, ""
        for place, name in enumerate(indices):
            comma = "," if place else ""
            if name != self._index:
                after += comma + str(self._integers[name])
            elif place == indices.index(name):
                before, after = before + after + comma, ""
            else:  # the index stands there twice
                return [base + ",".join(self._one(n, t) for n in indices) for t in self._texts]
        return [before + text + after for text in self._texts]

    def _one(self, name: str, text: str) -> str:
        return text if name == self._index else str(self._integers[name])

    def read(self, field: Field, reals: Table[float]) -> list[float]:
        """Return a real parameter in each trip."""
        found = self._reals.get(field.text)
        return [reals[name] for name in self.names(field)] if found is None else found

    def write(self, field: Field, reals: Table[float], values: list[float]) -> None:
        """Set a real parameter in each trip."""
        self._reals[field.text] = values
        reals.update(zip(self.names(field), values, strict=True))


@lru_cache(maxsize=64)
def _texts(values: range) -> list[str]:
    return list(map(str, values))


def _always(_: Iterations) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class AllTrips:
    """What a card does in all trips of a loop.

    Parameters
    ----------
    act : callable
        Does it.
    ready : callable, optional
        Whether it may be done so; if not, nothing is.
    reads : tuple of Field
        Real parameters that it reads.
    writes : Field, optional
        The one that it sets.
    declares : Field, optional
        Elements that may be new.
    appends : bool, default False
        Whether it adds to a list whose order counts.
    """

    act: Callable[[Iterations], None]
    ready: Callable[[Iterations], bool] = _always
    reads: tuple[Field, ...] = ()
    writes: Field | None = None
    declares: Field | None = None
    appends: bool = False


def together_in_order(cards: Sequence[AllTrips | None]) -> list[AllTrips] | None:
    """Return the cards of a loop if doing all trips of one after the other changes nothing.

    Parameters
    ----------
    cards : sequence of AllTrips or None
        In order; None for a card that does one trip at a time.
    """
    found = [card for card in cards if card is not None]
    if not found or len(found) < len(cards):
        return None
    if len({card.declares for card in found} - {None}) > 1 or sum(c.appends for c in found) > 1:
        return None
    for number, card in enumerate(found):
        if card.writes is not None and not _is_settled(card.writes, number, found):
            return None
    return found


def _is_settled(written: Field, number: int, cards: Sequence[AllTrips]) -> bool:
    """Whether all that read or set what a card sets come later, and by the same name."""
    for place, card in enumerate(cards):
        reads = any(field.may_equal(written) for field in card.reads)
        if reads and (place <= number or not _all_equal(written, card.reads)):
            return False
        other = card.writes
        if other is not None and other != written and other.may_equal(written):
            return False
    return True


def _all_equal(written: Field, reads: tuple[Field, ...]) -> bool:
    return all(field == written for field in reads if field.may_equal(written))
