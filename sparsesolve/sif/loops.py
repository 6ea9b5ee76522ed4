"""Loops of the data part: a tree of actions, run with a bound on their number.

The tree is the same in every section. ``ND`` closes all open loops, ``OD`` the
innermost one, whatever index it names (files exist that name another). Bounds are read on entry;
after a loop its index keeps the last value it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sparsesolve.errors import SifError
from sparsesolve.sif.cards import Card, CardProblem, Source
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.iterations import AllTrips, Iterations, together_in_order

__all__ = ["DEFAULT_LIMIT", "Loops"]

Action = Callable[[], None]
DEFAULT_LIMIT = 20_000_000
_DEEPEST = 50
_MANY = 8  # trips from which it pays to do all of a card's at once


@dataclass(slots=True)
class Loop:
    """One loop: its index, the names of its bounds, and its body."""

    card: Card
    index: str
    start: str
    stop: str
    step: str = ""
    body: list[tuple[Card, Action]] = field(default_factory=list)
    together: list[AllTrips | None] = field(default_factory=list)
    in_order: list[AllTrips] | None = None


class Loops:
    """Runs cards at once, or keeps them for the loops they stand in.

    Parameters
    ----------
    draft : Draft
        Holds the indices.
    source : Source
        For messages.
    limit : int, optional
        How many cards may be executed in loops. Default is 20 million.
    """

    def __init__(self, draft: Declarations, source: Source, limit: int = DEFAULT_LIMIT) -> None:
        self.integers = draft.integers
        self.source = source
        self.limit = limit
        self.left = limit
        self.open: list[Loop] = []

    def add(self, card: Card, action: Action, together: AllTrips | None = None) -> None:
        """Run a compiled card now, or with the innermost open loop.

        Parameters
        ----------
        card : Card
            The card.
        action : callable
            Does what it says, once.
        together : AllTrips, optional
            Does it for all trips of a loop.
        """
        if self.open:
            self.open[-1].body.append((card, action))
            self.open[-1].together.append(together)
        else:
            self.run([(card, action)])

    def control(self, card: Card) -> bool:
        """Handle DO, DI, OD and ND; returns whether the card was one of them."""
        if card.code == "DO":
            if len(self.open) >= _DEEPEST:
                raise CardProblem(f"expected at most {_DEEPEST} nested loops")
            self.open.append(Loop(card, card.name, card.field3, card.field5))
        elif card.code == "DI":
            if not self.open or self.open[-1].index != card.name:
                raise CardProblem("expected a DI card inside the loop of its index")
            self.open[-1].step = card.field3
        elif card.code == "OD":
            if not self.open:
                raise CardProblem("expected a DO card before this OD card")
            self._close()
        elif card.code == "ND":
            if not self.open:
                raise CardProblem("expected a DO card before this ND card")
            while self.open:
                self._close()
        else:
            return False
        return True

    def finish(self, card: Card) -> None:
        """Raise if a loop is still open where its section ends."""
        if self.open:
            raise self.source.error(
                self.open[-1].card,
                f"expected OD or ND to close this loop before {card.header!r} in line {card.line}.",
            )

    def run(self, body: Sequence[tuple[Card, Action]]) -> None:
        """Run compiled cards in order."""
        for card, action in body:
            try:
                action()
            except CardProblem as problem:
                raise self.source.error(card, f"{problem}.") from None

    def _close(self) -> None:
        loop = self.open.pop()
        loop.in_order = together_in_order(loop.together)
        self.add(loop.card, lambda: self._iterate(loop))

    def _iterate(self, loop: Loop) -> None:
        integers = self.integers
        start, stop = integers[loop.start], integers[loop.stop]
        step = integers[loop.step] if loop.step else 1
        if step == 0:
            raise CardProblem("expected a nonzero increment, got 0")
        self.left -= max(0, (stop - start) // step + 1) * (1 + len(loop.body))
        if self.left < 0:
            raise SifError(
                f"expected loops that execute at most {self.limit} cards. Pass a larger `limit`, "
                "or smaller parameters.",
                path=self.source.path,
                line=loop.card.line,
                card=loop.card.text,
            )
        index, body = loop.index, loop.body
        values = range(start, stop + (1 if step > 0 else -1), step)
        if len(values) >= _MANY and loop.in_order is not None and self._run_together(loop, values):
            integers[index] = values[-1]
            return
        for value in values:
            integers[index] = value
            self.run(body)

    def _run_together(self, loop: Loop, values: range) -> bool:
        """Run the cards of a loop, all trips of each; whether that was possible."""
        assert loop.in_order is not None
        trips = Iterations(self.integers, loop.index, values)
        try:
            if not all(card.ready(trips) for card in loop.in_order):
                return False
        except CardProblem:
            return False  # one by one, the right card is blamed
        for (card, _), together in zip(loop.body, loop.in_order, strict=True):
            try:
                together.act(trips)
            except CardProblem as problem:
                raise self.source.error(card, f"{problem}.") from None
        return True
