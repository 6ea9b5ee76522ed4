"""Parameter cards: integer and real arithmetic of the data part.

Separate because such cards may stand in any section and any loop, and know nothing of either. Each
card is compiled once to a function without arguments that does its work on the tables of a draft.
Integers are exact and their division truncates; real arithmetic never raises (NaN, infinity).
On ``IS``, ``ID``, ``RS``, ``RD`` the number comes first: ``RD 1/N N 1.0`` is 1/N.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from sparsesolve.sif.cards import Card, CardProblem, real_number
from sparsesolve.sif.draft import Declarations
from sparsesolve.sif.iterations import AllTrips, Field, Iterations
from sparsesolve.sif.names import expander

__all__ = ["PARAMETER_CODES", "parameter_action", "parameters_together", "truncated"]

Action = Callable[[], None]

PARAMETER_CODES = frozenset(
    ["IE", "IR"]
    + ["I" + c for c in "ASMD=+-*/"]
    + [kind + c for kind in "RA" for c in "EASMDIF(=+-*/"]
)
_LARGEST = 2**63


def divide(a: float, b: float) -> float:
    """Quotient of reals, infinite or NaN where Python would raise."""
    if b != 0.0:
        return a / b
    if a == 0.0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def truncated_quotient(a: int, b: int) -> int:
    """Quotient of integers, truncated toward zero."""
    if b == 0:
        raise CardProblem("expected a nonzero integer divisor, got 0")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def truncated(value: float) -> int:
    """Integer part of a real.

    Of NaN and infinity it is what the reference decoder gets from the hardware, the smallest
    32-bit integer: files divide by zero and then do not use the result.
    """
    return int(value) if math.isfinite(value) else -(2**31)


def _quiet(function: Callable[[float], float], pole: float = math.nan) -> Callable[[float], float]:
    def evaluate(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.copysign(math.inf, value) if function is math.sinh else math.inf
        except ValueError:
            return pole if value == 0.0 else math.nan

    return evaluate


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "SQRT": _quiet(math.sqrt),
    "EXP": _quiet(math.exp),
    "LOG": _quiet(math.log, -math.inf),
    "LOG10": _quiet(math.log10, -math.inf),
    "SIN": _quiet(math.sin),
    "COS": _quiet(math.cos),
    "TAN": _quiet(math.tan),
    "ARCSIN": _quiet(math.asin),
    "ARCCOS": _quiet(math.acos),
    "ARCTAN": _quiet(math.atan),
    "HYPSIN": _quiet(math.sinh),
    "HYPCOS": _quiet(math.cosh),
    "HYPTAN": _quiet(math.tanh),
}
_REAL_PAIR: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}
_INTEGER_PAIR: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": truncated_quotient,
}
_WITH_NUMBER = {"A": "+", "S": "-", "M": "*", "D": "/"}


def parameter_action(card: Card, draft: Declarations, override: float | None = None) -> Action:
    """Compile a parameter card.

    Parameters
    ----------
    card : Card
        With a code of `PARAMETER_CODES`.
    draft : Draft
        Whose parameters it reads and sets.
    override : float, optional
        Value that replaces whatever the card says.

    Returns
    -------
    callable
        Does what the card says, without arguments.

    Raises
    ------
    CardProblem
        If a number or function name is not one.
    """
    if card.code[0] == "I":
        return _integer_action(card, draft, override)
    return _real_action(card, draft, override)


def _integer_action(card: Card, draft: Declarations, override: float | None) -> Action:
    integers, reals = draft.integers, draft.reals
    target, first, second, what = card.name, card.field3, card.field5, card.code[1]

    def assign(make: Callable[[], int]) -> Action:
        def act() -> None:
            value = make()
            if not -_LARGEST < value < _LARGEST:
                raise CardProblem("expected an integer below 2**63, got a larger one")
            integers[target] = value

        return act

    if override is not None:
        given = int(override)
        return assign(lambda: given)
    if what == "E":
        number = truncated(real_number(card.number4))
        return assign(lambda: number)
    if what == "=":
        return assign(lambda: integers[first])
    if what == "R":
        return assign(lambda: truncated(reals[first]))
    if what in _WITH_NUMBER:
        number = truncated(real_number(card.number4))
        combine = _INTEGER_PAIR[_WITH_NUMBER[what]]
        if what in "SD":
            return assign(lambda: combine(number, integers[first]))
        return assign(lambda: combine(integers[first], number))
    combine = _INTEGER_PAIR[what]
    return assign(lambda: combine(integers[first], integers[second]))


def _real_action(card: Card, draft: Declarations, override: float | None) -> Action:
    integers, reals, what = draft.integers, draft.reals, card.code[1]
    array = card.code[0] == "A"
    target = expander(card.name, integers, array=array)
    # on AI field 3 is an integer parameter, on AF and A( a function: neither is expanded
    first = expander(card.field3, integers, array=array and what not in "IF(")
    second = expander(card.field5, integers, array=array)

    def assign(make: Callable[[], float]) -> Action:
        def act() -> None:
            reals[target()] = make()

        return act

    if override is not None:
        given = float(override)
        return assign(lambda: given)
    if what == "I":
        return assign(lambda: float(integers[card.field3]))
    if what == "=":
        return assign(lambda: reals[first()])
    if what == "(":
        function = _function(card.field3)
        return assign(lambda: function(reals[second()]))
    if what in "EF" or what in _WITH_NUMBER:
        number = real_number(card.number4)
        if what == "E":
            return assign(lambda: number)
        if what == "F":
            function = _function(card.field3)
            return assign(lambda: function(number))
        combine = _REAL_PAIR[_WITH_NUMBER[what]]
        if what in "SD":
            return assign(lambda: combine(number, reals[first()]))
        return assign(lambda: combine(reals[first()], number))
    combine = _REAL_PAIR[what]
    return assign(lambda: combine(reals[first()], reals[second()]))


def parameters_together(card: Card, draft: Declarations) -> AllTrips | None:
    """Return what a card that computes a real of others does in all trips of a loop."""
    formula = _formula(card) if card.code[0] != "I" else None
    if formula is None:
        return None
    function, names = formula
    array, reals = card.code[0] == "A", draft.reals
    target = Field.of(card.name, array=array)
    operands = tuple(Field.of(name, array=array) for name in names)

    def act(trips: Iterations) -> None:
        values = [trips.read(field, reals) for field in operands]
        trips.write(target, reals, list(map(function, *values)))

    return AllTrips(act, reads=operands, writes=target)


def _formula(card: Card) -> tuple[Callable[..., float], tuple[str, ...]] | None:
    """Return the function of a card and the names of its operands."""
    what = card.code[1]
    if what == "=":
        return float, (card.field3,)
    if what == "(":
        return _function(card.field3), (card.field5,)
    if what in _REAL_PAIR:
        return _REAL_PAIR[what], (card.field3, card.field5)
    if what not in _WITH_NUMBER:
        return None
    number, combine = real_number(card.number4), _REAL_PAIR[_WITH_NUMBER[what]]
    if what in "SD":
        return partial(combine, number), (card.field3,)
    return (lambda value: combine(value, number)), (card.field3,)


def _function(name: str) -> Any:
    function = FUNCTIONS.get(name.strip())
    if function is None:
        raise CardProblem(f"expected a function ({', '.join(FUNCTIONS)}), got {name!r}")
    return function
