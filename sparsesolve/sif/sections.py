"""Sections of linear data: VARIABLES, GROUPS, CONSTANTS, RANGES, QUADRATIC.

Together they are what a linear or quadratic program needs. Each section compiles
a card to an action on the draft. Of CONSTANTS and RANGES only the first vector counts; the last
assignment wins there, while linear and quadratic entries add up.
"""

from __future__ import annotations

from collections.abc import Callable

from sparsesolve.sif.cards import Card, CardProblem
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.entries import (
    DEFAULT,
    SCALE,
    Action,
    Name,
    Number,
    amount,
    is_array,
    name_of,
    pairs,
)

__all__ = ["Constants", "FirstVector", "Groups", "Quadratic", "Ranges", "Variables"]

_INTEGER = ("'INTEGER'", "INTEGER", "'ZERO-ONE'", "ZERO-ONE")


class FirstVector:
    """Remembers the first vector name met in a section; cards of others do nothing."""

    def __init__(self) -> None:
        self.name: str | None = None

    def guard(self, card: Card, action: Action) -> Action:
        """Let an action happen only if the card belongs to the first vector."""
        vector = card.name

        def act() -> None:
            if self.name is None:
                self.name = vector
            if vector == self.name:
                action()

        return act


class Variables:
    """VARIABLES (or COLUMNS): declares variables; after GROUPS also linear entries.

    What else stands on a card is ignored, as the reference decoder does.
    """

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        if draft.groups_first is None:
            draft.groups_first = False

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        draft = self.draft
        if card.code not in ("", "X", "Z"):
            raise CardProblem(f"expected code blank, X or Z, got {card.code!r}")
        if card.field3 == "'MARKER'":
            return lambda: None
        name = name_of(card, card.name, draft)
        if card.field3 in _INTEGER:
            return self._integer(name, card.field3.strip("'"))
        if not draft.groups_first or not card.field3.strip() or card.field3.strip() == SCALE:
            return lambda: _ignore(draft.variable(name()))
        entries, groups, linear = pairs(card, draft), draft.groups, draft.linear

        def act() -> None:
            column = draft.variable(name())
            for group, value in entries:
                linear.append((groups[group()], column, value()))

        return act

    def _integer(self, name: Name, kind: str) -> Action:
        draft = self.draft

        def act() -> None:
            column = draft.variable(name())
            draft.integer_variables.add(name())
            if kind == "ZERO-ONE":
                draft.lower[column], draft.upper[column] = 0.0, 1.0

        return act


class Groups:
    """GROUPS (or ROWS, CONSTRAINTS): declares groups, their kind, scale and linear entries."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        if draft.groups_first is None:
            draft.groups_first = True

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        draft = self.draft
        kind, prefix = card.code[-1:], card.code[:-1]
        if prefix == "D":
            raise CardProblem(
                f"groups that combine other groups ({card.code}) are not supported; write out "
                "their linear entries"
            )
        if kind not in ("N", "E", "L", "G") or prefix not in ("", "X", "Z"):
            raise CardProblem(f"expected code N, E, L or G, or one after X or Z, got {card.code!r}")
        name = name_of(card, card.name, draft)
        if card.field3.strip() == SCALE:
            return self._scale(name, kind, amount(card, draft))
        entries = pairs(card, draft)
        variables, linear = draft.variables, draft.linear
        if not entries:
            return lambda: _ignore(draft.group(name(), kind))

        def act() -> None:
            row = draft.group(name(), kind)
            for variable, value in entries:
                linear.append((row, variables[variable()], value()))

        return act

    def _scale(self, name: Name, kind: str, value: Number) -> Action:
        draft = self.draft

        def act() -> None:
            scale = value()
            if scale == 0.0:
                raise CardProblem("expected a nonzero scale, got 0")
            draft.scales[draft.group(name(), kind)] = scale

        return act


class Constants:
    """CONSTANTS (or RHS): what is subtracted from each group."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        self.vector = FirstVector()

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        return self.vector.guard(card, _assign(card, self.draft, self._set, self._set_default))

    def _set(self, group: int, value: float) -> None:
        self.draft.constants[group] = value

    def _set_default(self, value: float) -> None:
        self.draft.constants.clear()
        self.draft.default_constant = value


class Ranges:
    """RANGES: the width of two-sided constraints."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        self.vector = FirstVector()

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        return self.vector.guard(card, _assign(card, self.draft, self._set, self._set_default))

    def _set(self, group: int, value: float) -> None:
        self.draft.ranges[group] = abs(value)

    def _set_default(self, value: float) -> None:
        self.draft.ranges.clear()
        self.draft.default_range = abs(value)


class Quadratic:
    """QUADRATIC (or HESSIAN, QUADS, QUADOBJ, QSECTION, QMATRIX): one half of x'Hx."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        draft.has_quadratic = True

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        draft = self.draft
        if card.code not in ("", "X", "Z"):
            raise CardProblem(f"expected code blank, X or Z, got {card.code!r}")
        name, entries = name_of(card, card.name, draft), pairs(card, draft)
        if not entries:
            raise CardProblem("expected the second variable in columns 15-24, got a blank")
        variables, quadratic = draft.variables, draft.quadratic

        def act() -> None:
            i = variables[name()]
            for other, value in entries:
                quadratic.append((i, variables[other()], value()))

        return act


def _assign(
    card: Card,
    draft: Declarations,
    put: Callable[[int, float], None],
    put_default: Callable[[float], None],
) -> Action:
    """Compile an assignment to groups, or to all of them."""
    groups = draft.groups
    entries = pairs(card, draft)
    if not entries:
        raise CardProblem("expected a group in columns 15-24, got a blank")
    if card.field3 == DEFAULT:
        value = entries[0][1]
        return lambda: put_default(value())
    if not is_array(card) and len(entries) == 1:
        name = card.field3
        number = entries[0][1]
        return lambda: put(groups[name], number())

    def act() -> None:
        for group, value in entries:
            put(groups[group()], value())

    return act


def _ignore(_: int) -> None:
    """Discard a value that is not needed."""
