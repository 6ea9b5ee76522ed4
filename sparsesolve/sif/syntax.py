"""The syntax tree of a Fortran expression.

The parser builds it and the evaluator and the analysis of names read it. Sums and
products are flat, so the depth of a tree is bounded by the nesting of parentheses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "Binary",
    "Expression",
    "FunctionCall",
    "Name",
    "Negative",
    "Not",
    "Number",
    "Operations",
    "names_in",
]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: an int, a float, or a truth value."""

    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, in upper case."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus an operand."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """Logical negation."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """A power, a relation, a logical operation."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Operations:
    """Terms of a sum, or factors of a product, evaluated from left to right."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of some arguments."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Number | Name | Negative | Not | Binary | Operations | FunctionCall


def names_in(expression: Expression) -> Iterator[str]:
    """Yield the variables of an expression, with repetitions."""
    match expression:
        case Name(name):
            yield name
        case Negative(operand) | Not(operand):
            yield from names_in(operand)
        case Binary(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case Operations(first, rest):
            yield from names_in(first)
            for _, operand in rest:
                yield from names_in(operand)
        case FunctionCall(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
