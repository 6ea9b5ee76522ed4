"""BOUNDS and START POINT: one number for a variable, or the default of all.

Both have defaults that also hold for variables declared later. Of several named
vectors only the first counts. Bounds are 0 and infinity unless said otherwise; a magnitude of 1e20
or more is infinite. Two rules come from MPS: MI on untouched bounds (0, inf) also sets the upper
bound to 0, and UP 0 on them frees the lower one.
"""

from __future__ import annotations

import numpy as np

from sparsesolve.sif.cards import Card, CardProblem
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.entries import DEFAULT, Action, Number, amount, is_array, name_of, pairs
from sparsesolve.sif.sections import FirstVector

__all__ = ["Bounds", "StartPoint"]

_INFINITE = 1e20
_CODES = {
    "LO": "L", "UP": "U", "FX": "X", "FR": "R", "MI": "M", "PL": "P",
    "XL": "L", "XU": "U", "XX": "X", "XR": "R", "XM": "M", "XP": "P",
    "ZL": "L", "ZU": "U", "ZX": "X", "ZR": "R", "ZM": "M", "ZP": "P",
}  # fmt: skip
Pair = tuple[float, float]


class Bounds:
    """BOUNDS: codes LO, UP, FX, FR, MI, PL and their array forms."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        self.vector = FirstVector()
        self.individual = False

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        what = _CODES.get(card.code)
        if what is None:
            raise CardProblem(f"expected a code of {', '.join(_CODES)}, got {card.code!r}")
        value = amount(card, self.draft) if what in "LUX" else float
        if card.field3 == DEFAULT:
            return self.vector.guard(card, lambda: self._default(what, value))
        return self.vector.guard(card, self._single(card, what, value))

    def _single(self, card: Card, what: str, value: Number) -> Action:
        draft, name = self.draft, name_of(card, card.field3, self.draft)
        variables, lower, upper = draft.variables, draft.lower, draft.upper

        def act() -> None:
            self.individual = True
            j = variables[name()]
            lower[j], upper[j] = _changed(what, value(), (lower[j], upper[j]))

        return act

    def _default(self, what: str, value: Number) -> None:
        if self.individual:
            raise CardProblem("expected the default before bounds of single variables")
        draft = self.draft
        draft.default_bounds = _changed(what, value(), draft.default_bounds)
        draft.lower[:] = [draft.default_bounds[0]] * len(draft.lower)
        draft.upper[:] = [draft.default_bounds[1]] * len(draft.upper)


def _changed(what: str, value: float, bounds: Pair) -> Pair:
    """Bounds after one card."""
    lower, upper = bounds
    untouched = lower == 0.0 and upper == np.inf
    if value != value:
        raise CardProblem("expected a number as bound, got NaN")
    if abs(value) >= _INFINITE:
        value = np.inf if value > 0 else -np.inf
    if what == "L":
        return value, upper
    if what == "U":
        return (-np.inf if untouched and value == 0.0 else lower), value
    if what == "X":
        return value, value
    if what == "R":
        return -np.inf, np.inf
    if what == "M":
        return -np.inf, (0.0 if untouched else upper)
    return lower, np.inf


class StartPoint:
    """START POINT: values of variables (V) and multipliers (M); without either letter, of both."""

    def __init__(self, draft: Declarations) -> None:
        self.draft = draft
        self.vector = FirstVector()
        self.individual = False

    def compile(self, card: Card) -> Action:
        """Return what the card does."""
        prefix = card.code[:1] if is_array(card) else ""
        kind = card.code[len(prefix) :]
        if kind not in ("", "V", "M"):
            raise CardProblem(f"expected code V or M, alone or after X or Z, got {card.code!r}")
        entries = pairs(card, self.draft)
        if not entries:
            raise CardProblem("expected a variable or group in columns 15-24, got a blank")
        if card.field3 == DEFAULT:
            value = entries[0][1]
            return self.vector.guard(card, lambda: self._default(kind, value()))

        def act() -> None:
            self.individual = True
            for name, value in entries:
                self._put(kind, name(), value())

        return self.vector.guard(card, act)

    def _put(self, kind: str, name: str, value: float) -> None:
        draft = self.draft
        index = draft.variables.get(name) if kind != "M" else None
        if index is not None:
            draft.start[index] = value
        elif kind == "V":
            draft.variables[name]  # raises, and says what was expected
        else:
            draft.multipliers[draft.groups[name]] = value

    def _default(self, kind: str, value: float) -> None:
        if self.individual:
            raise CardProblem("expected the default before values of single variables")
        draft = self.draft
        if kind != "M":
            draft.default_start = value
            draft.start[:] = [value] * len(draft.start)
        if kind != "V":
            draft.default_multiplier = value
            draft.multipliers.clear()
