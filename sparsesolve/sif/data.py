"""The data part of a file, from ``NAME`` to the first ``ENDATA``.

Separate because it is the one place that knows all sections: it opens them, hands each card to the
parameters, the loops or the section, and gives errors their file, line and card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from sparsesolve.sif.arithmetic import PARAMETER_CODES, parameter_action, parameters_together
from sparsesolve.sif.cards import Card, CardProblem, Source
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.iterations import AllTrips
from sparsesolve.sif.loops import Loops
from sparsesolve.sif.nonlinear import (
    ElementTypes,
    ElementUses,
    GroupTypes,
    GroupUses,
    ObjectBound,
)
from sparsesolve.sif.points import Bounds, StartPoint
from sparsesolve.sif.sections import Constants, Groups, Quadratic, Ranges, Variables

__all__ = ["MARK", "read_data"]

MARK = "$-PARAMETER"


class Section(Protocol):
    """What compiles the cards of one section."""

    def compile(self, card: Card) -> Callable[[], None]:
        """Return what the card does."""


_SECTIONS: dict[str, Callable[[Declarations], Section]] = {
    **dict.fromkeys(["VARIABLES", "COLUMNS"], Variables),
    **dict.fromkeys(["GROUPS", "ROWS", "CONSTRAINTS"], Groups),
    **dict.fromkeys(["CONSTANTS", "RHS", "RHS'"], Constants),
    "RANGES": Ranges,
    "BOUNDS": Bounds,
    "START POINT": StartPoint,
    **dict.fromkeys(["QUADRATIC", "HESSIAN", "QUADS", "QUADOBJ", "QSECTION", "QMATRIX"], Quadratic),
    "ELEMENT TYPE": ElementTypes,
    "ELEMENT USES": ElementUses,
    "GROUP TYPE": GroupTypes,
    "GROUP USES": GroupUses,
    "OBJECT BOUND": ObjectBound,
}


def read_data(
    cards: Iterator[Card], source: Source, overrides: Mapping[str, Any], limit: int
) -> tuple[Declarations, str]:
    """Interpret the data part.

    Parameters
    ----------
    cards : iterator of Card
        Left just behind ENDATA.
    source : Source
        For messages.
    overrides : mapping
        Values that replace those of cards marked as parameters, by name.
    limit : int
        How many cards may be executed in loops.

    Returns
    -------
    tuple of Draft and str
        What was declared, and the name on the NAME card.

    Raises
    ------
    SifError
        If a card cannot be interpreted, or the part does not end.
    """
    draft = Declarations()
    loops = Loops(draft, source, limit)
    section: Section | None = None
    name = ""
    for card in cards:
        try:
            card.check()
            if card.header:
                loops.finish(card)
                if card.header == "ENDATA":
                    return draft, name
                if card.header == "NAME":
                    name = card.name
                else:
                    section = _open(card, section, draft)
            elif not loops.control(card):
                action = _compile(card, section, draft, overrides)
                if action is not None:
                    together = _together(card, section, draft) if loops.open else None
                    loops.add(card, action, together)
        except CardProblem as problem:
            raise source.error(card, f"{problem}.") from None
    raise source.error(None, "expected ENDATA at the end of the data part, got the end of file.")


def _open(card: Card, section: Section | None, draft: Declarations) -> Section | None:
    make = _SECTIONS.get(card.header)
    if make is not None:
        return make(draft)
    if card.header.startswith("FREE"):
        raise CardProblem("free format is not supported; convert the file to fixed columns")
    if section is not None:
        raise CardProblem(f"expected a section ({', '.join(_SECTIONS)}), got {card.header!r}")
    return None  # junk before the first section


def _together(card: Card, section: Section | None, draft: Declarations) -> AllTrips | None:
    """Return what a card does in all trips of a loop, where that is known."""
    if card.code in PARAMETER_CODES:
        return None if MARK in card.text + card.remark else parameters_together(card, draft)
    return section.together(card) if isinstance(section, ElementUses | GroupUses) else None


def _compile(
    card: Card, section: Section | None, draft: Declarations, overrides: Mapping[str, Any]
) -> Callable[[], None] | None:
    if card.code in PARAMETER_CODES:
        override = overrides.get(card.name) if MARK in card.text + card.remark else None
        return parameter_action(card, draft, override)
    if section is None:
        return None  # junk before the first section
    return section.compile(card)
