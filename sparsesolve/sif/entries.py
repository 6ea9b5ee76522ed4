"""Entries of a card: pairs of a name and a number, or a name and a real parameter.

Nearly every section has them. A code that begins with X has array names and
numbers, one that begins with Z array names and, in field 5, the real parameter that holds the
number; other codes have literal names.
"""

from __future__ import annotations

from collections.abc import Callable

from sparsesolve.sif.cards import Card, CardProblem, real_number
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.names import expander

__all__ = ["DEFAULT", "SCALE", "Action", "Name", "Number", "amount", "is_array", "name_of", "pairs"]

Action = Callable[[], None]
Name = Callable[[], str]
Number = Callable[[], float]

DEFAULT = "'DEFAULT'"
SCALE = "'SCALE'"


def is_array(card: Card) -> bool:
    """Whether the names on the card are expanded."""
    return card.code[:1] in ("X", "Z")


def name_of(card: Card, field: str, draft: Declarations) -> Name:
    """Return a function that gives the name in a field, expanded on array cards."""
    return expander(field, draft.integers, array=is_array(card))


def amount(card: Card, draft: Declarations, blank: float = 0.0) -> Number:
    """Return a function that gives the card's first number, or the parameter in its place."""
    if card.code[:1] == "Z":
        return _parameter(card, draft)
    return _constant(card.number4, blank)


def pairs(card: Card, draft: Declarations, blank: float = 0.0) -> list[tuple[Name, Number]]:
    """Return the (name, number) pairs in fields 3, 4 and 5, 6.

    Parameters
    ----------
    card : Card
        The card.
    draft : Draft
        Holds indices and real parameters, looked up when the functions are called.
    blank : float, optional
        What a blank number means. Default is 0.
    """
    if not card.field3.strip():
        return []
    found = [(name_of(card, card.field3, draft), amount(card, draft, blank))]
    if card.code[:1] != "Z" and card.field5.strip():
        found.append((name_of(card, card.field5, draft), _constant(card.number6, blank)))
    return found


def _parameter(card: Card, draft: Declarations) -> Number:
    if not card.field5.strip():
        raise CardProblem("expected the name of a real parameter in columns 40-49, got a blank")
    name, reals = expander(card.field5, draft.integers), draft.reals
    return lambda: reals[name()]


def _constant(text: str, blank: float) -> Number:
    value = real_number(text) if text.strip() else blank
    return lambda: value
