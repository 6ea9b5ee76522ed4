"""ELEMENT TYPE, ELEMENT USES, GROUP TYPE, GROUP USES: how nonlinear functions are put together.

These sections only say which function takes which variables; the functions
themselves stand in the second and third part of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sparsesolve.sif.cards import Card, CardProblem
from sparsesolve.sif.draft import Declarations, ElementKind, GroupKind, Table
from sparsesolve.sif.entries import DEFAULT, Action, amount, is_array, name_of, pairs
from sparsesolve.sif.iterations import AllTrips, Field, Iterations

__all__ = ["ElementTypes", "ElementUses", "GroupTypes", "GroupUses", "ObjectBound"]

TRIVIAL = "TRIVIAL"


class ElementTypes:
    """ELEMENT TYPE: elemental variables (EV), internal variables (IV), parameters (EP)."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        if card.code not in ("EV", "IV", "EP"):
            raise CardProblem(f"expected code EV, IV or EP, got {card.code!r}")
        return lambda: self._declare(card)

    def _declare(self, card: Card) -> None:
        kinds = self.draft.element_kinds
        kind = kinds.get(card.name)
        if kind is None:
            kind = kinds[card.name] = ElementKind(card.name)
        for name in (card.field3, card.field5):
            if not name.strip():
                continue
            if card.code == "IV":
                if name not in kind.internals:
                    kind.internals.append(name)
                continue
            table = kind.variables if card.code == "EV" else kind.parameters
            table.setdefault(name, len(table))


def _letter_of(card: Card, letters: str) -> str:
    """Return the last letter of a code, which is T for a default: files exist that leave it out."""
    letter, prefix = card.code[-1:], card.code[:-1]
    if card.name == DEFAULT:
        return "T"
    if prefix not in ("", "X", "Z") or letter not in tuple(letters):
        known = f"{', '.join(letters[:-1])} or {letters[-1]}"
        raise CardProblem(f"expected code {known}, alone or after X or Z, got {card.code!r}")
    return letter


class ElementUses:
    """ELEMENT USES: types of elements (T), their variables (V) and parameters (P)."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        letter = _letter_of(card, "TVP")
        if letter == "T":
            return self._type(card)
        return self._variable(card) if letter == "V" else self._parameters(card)

    def _type(self, card: Card) -> Action:
        draft, name, kinds = self.draft, name_of(card, card.name, self.draft), card.field3
        if card.name == DEFAULT:

            def set_default() -> None:
                draft.default_element_kind = draft.element_kinds[kinds]

            return set_default

        def act() -> None:
            draft.typed_element(name(), draft.element_kinds[kinds])

        return act

    def _variable(self, card: Card) -> Action:
        draft, name, role = self.draft, name_of(card, card.name, self.draft), card.field3
        if not card.field5.strip():
            raise CardProblem("expected a variable in columns 40-49, got a blank")
        variable = name_of(card, card.field5, draft)
        element, types, uses = draft.element, draft.element_types, draft.element_variables

        def act() -> None:
            e = element(name())
            uses[e][types[e].variables[role]] = draft.variable(variable())

        return act

    def _parameters(self, card: Card) -> Action:
        draft, name = self.draft, name_of(card, card.name, self.draft)
        # names of element parameters are literal, also on array cards
        roles = [card.field3] + [card.field5] * (card.code[:1] != "Z")
        entries = [
            (role, value) for role, (_, value) in zip(roles, pairs(card, draft), strict=False)
        ]
        if not entries:
            raise CardProblem("expected an element parameter in columns 15-24, got a blank")
        element, types, given = draft.element, draft.element_types, draft.element_parameters

        def act() -> None:
            e = element(name())
            for role, value in entries:
                given[e][types[e].parameters[role]] = value()

        return act

    def together(self, card: Card) -> AllTrips | None:
        """Return what the card does in all trips of a loop, where that is known."""
        letter = _letter_of(card, "TVP")
        if card.name == DEFAULT or not is_array(card):
            return None
        element = Field.of(card.name)
        if letter == "T":
            return AllTrips(partial(self._types_of, element, card.field3), declares=element)
        if letter == "P" and card.code[:1] != "Z":
            return None
        given = Field.of(card.field5)
        if letter == "P":
            act = partial(self._parameters_of, element, card.field3, given)
            return AllTrips(act, reads=(given,), declares=element)
        act, known = partial(self._variables_of, element, card.field3, given), self.draft.variables
        ready = partial(_all_known, given, known)
        return AllTrips(act, ready, declares=element)

    def _elements(
        self, element: Field, trips: Iterations, kind: ElementKind | None = None
    ) -> Sequence[int]:
        """Return the numbers of elements; those that are new get a type."""
        draft = self.draft
        found = trips.elements.get(element)
        if found is not None and kind is None:
            return found
        names, given = trips.names(element), kind or draft.default_element_kind
        if given is not None and draft.elements.keys().isdisjoint(names):
            found = draft.new_elements(list(dict.fromkeys(names)), given)
        if found is None or len(found) < len(names):
            typed = draft.element if kind is None else partial(draft.typed_element, kind=kind)
            found = [typed(name) for name in names]
        trips.elements[element] = found
        return found

    def _types_of(self, element: Field, kind: str, trips: Iterations) -> None:
        self._elements(element, trips, self.draft.element_kinds[kind])

    def _variables_of(self, element: Field, role: str, given: Field, trips: Iterations) -> None:
        draft = self.draft
        found = map(draft.variables.__getitem__, trips.names(given))
        types, uses = draft.element_types, draft.element_variables
        for e, variable in zip(self._elements(element, trips), found, strict=True):
            uses[e][types[e].variables[role]] = variable

    def _parameters_of(self, element: Field, role: str, given: Field, trips: Iterations) -> None:
        draft = self.draft
        values = trips.read(given, draft.reals)
        types, numbers = draft.element_types, draft.element_parameters
        for e, value in zip(self._elements(element, trips), values, strict=True):
            numbers[e][types[e].parameters[role]] = value


def _all_known(field: Field, table: Table[int], trips: Iterations) -> bool:
    """Whether all names are declared: new ones would come in another order."""
    return all(map(table.__contains__, trips.names(field)))


class GroupTypes:
    """GROUP TYPE: the group variable (GV) and parameters (GP)."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        if card.code not in ("GV", "GP"):
            raise CardProblem(f"expected code GV or GP, got {card.code!r}")
        return lambda: self._declare(card)

    def _declare(self, card: Card) -> None:
        kinds = self.draft.group_kinds
        kind = kinds.get(card.name)
        if kind is None:
            kind = kinds[card.name] = GroupKind(card.name)
        if card.code == "GV":
            kind.variable = card.field3
            return
        for name in (card.field3, card.field5):
            if name.strip() and name not in kind.parameters:
                kind.parameters.append(name)


class GroupUses:
    """GROUP USES: types of groups (T), their elements (E) and parameters (P)."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        letter = _letter_of(card, "TEP")
        if letter == "T":
            return self._type(card)
        return self._elements(card) if letter == "E" else self._parameters(card)

    def _type(self, card: Card) -> Action:
        draft, name, kind = self.draft, name_of(card, card.name, self.draft), card.field3

        def known() -> str:
            if kind != TRIVIAL:
                draft.group_kinds[kind]  # raises if it is not declared
            return kind

        if card.name == DEFAULT:

            def set_default() -> None:
                draft.default_group_kind = known()

            return set_default

        def act() -> None:
            draft.group_types[draft.groups[name()]] = known()

        return act

    def _elements(self, card: Card) -> Action:
        draft, name = self.draft, name_of(card, card.name, self.draft)
        entries = pairs(card, draft, blank=1.0)
        groups, elements, weights = draft.groups, draft.elements, draft.weights

        def act() -> None:
            group = groups[name()]
            for element, value in entries:
                weights.append((group, elements[element()], value()))

        return act

    def _parameters(self, card: Card) -> Action:
        draft, name = self.draft, name_of(card, card.name, self.draft)
        roles = [card.field3] + [card.field5] * (card.code[:1] != "Z")
        entries = [
            (role, value) for role, (_, value) in zip(roles, pairs(card, draft), strict=False)
        ]
        if not entries:
            raise CardProblem("expected a group parameter in columns 15-24, got a blank")

        def act() -> None:
            given = draft.group_parameters.setdefault(draft.groups[name()], {})
            for role, value in entries:
                given[role] = value()

        return act

    def together(self, card: Card) -> AllTrips | None:
        """Return what the card does in all trips of a loop, where that is known."""
        if _letter_of(card, "TEP") != "E" or card.code[:1] != "Z" or not card.field5.strip():
            return self._unweighted(card)
        group, element, weight = (Field.of(f) for f in (card.name, card.field3, card.field5))
        reals = self.draft.reals

        def act(trips: Iterations) -> None:
            self._add(trips, group, element, trips.read(weight, reals))

        return AllTrips(act, reads=(weight,), appends=True)

    def _unweighted(self, card: Card) -> AllTrips | None:
        """Return the same for one element with a number, or without."""
        plain = card.code[:1] == "X" and card.code[-1:] == "E" and not card.field5.strip()
        if not plain or card.name == DEFAULT or not card.field3.strip():
            return None
        group, element = Field.of(card.name), Field.of(card.field3)
        value = amount(card, self.draft, 1.0)

        def act(trips: Iterations) -> None:
            self._add(trips, group, element, [value()] * trips.count)

        return AllTrips(act, appends=True)

    def _add(self, trips: Iterations, group: Field, element: Field, weights: list[float]) -> None:
        draft = self.draft
        groups = map(draft.groups.__getitem__, trips.names(group))
        elements = map(draft.elements.__getitem__, trips.names(element))
        draft.weights.extend(zip(groups, elements, weights, strict=True))


class ObjectBound:
    """OBJECT BOUND: bounds on the objective value; they have no effect on the functions."""

    def __init__(self, draft: Declarations) -> None:
        del draft

    def compile(self, card: Card) -> Action:
        """Return what the card does: nothing."""
        return lambda: None
