"""Fortran expressions: tokens, and a recursive-descent parser to a syntax tree.

The text of a file is parsed here and nowhere handed to Python. Blanks are
insignificant, letters have no case. From loose to tight: or, and, not, relation, sum, product,
power (right associative), primary; a sign binds like a sum, so ``-A**2`` is minus the square.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sparsesolve.sif.cards import CardProblem
from sparsesolve.sif.functions import FUNCTIONS
from sparsesolve.sif.syntax import (
    Binary,
    Expression,
    FunctionCall,
    Name,
    Negative,
    Not,
    Number,
    Operations,
)

__all__ = ["parse"]

_WORDS = "LT|LE|GT|GE|EQ|NE|AND|OR|NOT|TRUE|FALSE|EQV|NEQV"
_TOKEN = re.compile(
    rf"""(?P<number>(?:\d+\.(?!(?:{_WORDS})\.)\d*|\.\d+|\d+)(?:[DE][+-]?\d+)?)
    |(?P<name>[A-Z][A-Z0-9_]*)
    |(?P<word>\.(?:{_WORDS})\.)
    |(?P<sign>\*\*|<=|>=|==|/=|[-+*/(),<>])""",
    re.ASCII | re.VERBOSE,
)
_RELATIONS = {
    ".LT.": "<", ".LE.": "<=", ".GT.": ">", ".GE.": ">=", ".EQ.": "==", ".NE.": "/=",
    "<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "/=": "/=",
}  # fmt: skip
_DEEPEST = 60
_LONGEST = 100_000


def parse(text: str) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text : str
        The fields of a card and its continuations, joined.

    Returns
    -------
    Expression
        Its syntax tree; names are in upper case.

    Raises
    ------
    CardProblem
        If it is not an expression; the message says what was expected where.
    """
    packed = text.replace(" ", "").upper()
    if not packed:
        raise CardProblem("expected a Fortran expression in columns 25-65, got a blank")
    if len(packed) > _LONGEST:
        raise CardProblem(f"expected an expression of at most {_LONGEST} characters")
    parser = _Parser(packed, _tokens(packed))
    tree = parser.disjunction()
    parser.end()
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise CardProblem(
                f"expected a number, name or operator at {text[position : position + 10]!r} in "
                f"{_shown(text)}"
            )
        found.append((str(match.lastgroup), match[0]))
        position = match.end()
    return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


class _Parser:
    """Position in a list of tokens, one method a level of precedence."""

    def __init__(self, text: str, tokens: list[tuple[str, str]]) -> None:
        self.text = text
        self.tokens = [*tokens, ("end", "")]
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> str:
        return self.tokens[self.position][1]

    def take(self) -> str:
        self.position += 1
        return self.tokens[self.position - 1][1]

    def wrong(self, expected: str) -> CardProblem:
        got = self.next or "the end"
        return CardProblem(f"expected {expected}, got {got!r} in {_shown(self.text)}")

    def end(self) -> None:
        if self.tokens[self.position][0] != "end":
            raise self.wrong("an operator")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise CardProblem(f"expected an expression nested at most {_DEEPEST} deep")

    def disjunction(self) -> Expression:
        self.deeper()
        tree = self._chain(self.conjunction, self.conjunction, (".OR.", ".EQV.", ".NEQV."))
        self.depth -= 1
        return tree

    def conjunction(self) -> Expression:
        return self._chain(self.negation, self.negation, (".AND.",))

    def negation(self) -> Expression:
        if self.next != ".NOT.":
            return self.relation()
        self.take()
        self.deeper()
        tree = Not(self.negation())
        self.depth -= 1
        return tree

    def relation(self) -> Expression:
        left = self.sum()
        if self.next not in _RELATIONS:
            return left
        return Binary(_RELATIONS[self.take()], left, self.sum())

    def sum(self) -> Expression:
        return self._chain(self._signed_product, self.product, ("+", "-"))

    def _signed_product(self) -> Expression:
        """First term of a sum: a sign takes the whole product that follows."""
        sign = self.take() if self.next in ("+", "-") else "+"
        tree = self.product()
        return Negative(tree) if sign == "-" else tree

    def product(self) -> Expression:
        return self._chain(self.factor, self.factor, ("*", "/"))

    def factor(self) -> Expression:
        """Parse a power; compilers also take a sign here (``A * -B``)."""
        if self.next not in ("+", "-"):
            return self.power()
        self.deeper()
        sign, tree = self.take(), self.factor()
        self.depth -= 1
        return Negative(tree) if sign == "-" else tree

    def power(self) -> Expression:
        base = self.primary()
        if self.next != "**":
            return base
        self.take()
        self.deeper()
        exponent = self.factor()
        self.depth -= 1
        return Binary("**", base, exponent)

    def primary(self) -> Expression:
        kind = self.tokens[self.position][0]
        if kind == "number":
            return Number(_number(self.take()))
        if kind == "name":
            name = self.take()
            return self.call(name) if self.next == "(" else Name(name)
        if self.next in (".TRUE.", ".FALSE."):
            return Number(self.take() == ".TRUE.")
        if self.next == "(":
            self.take()
            tree = self.disjunction()
            self.closing()
            return tree
        raise self.wrong("a number, a name or a parenthesis")

    def call(self, name: str) -> Expression:
        function = FUNCTIONS.get(name)
        if function is None:
            raise CardProblem(
                f"expected an intrinsic function of Fortran, got {name!r}; external functions "
                "cannot be decoded"
            )
        arguments = []
        while self.next in ("(", ","):
            self.take()
            arguments.append(self.disjunction())
        self.closing()
        low, high = function.arity
        if not low <= len(arguments) <= high:
            wanted = str(low) if low == high else f"{low} or more"
            raise CardProblem(f"expected {wanted} arguments of {name}, got {len(arguments)}")
        return FunctionCall(name, tuple(arguments))

    def closing(self) -> None:
        if self.next != ")":
            raise self.wrong("a closing parenthesis")
        self.take()

    def _chain(
        self,
        first: Callable[[], Expression],
        other: Callable[[], Expression],
        operators: tuple[str, ...],
    ) -> Expression:
        tree = first()
        rest = []
        while self.next in operators:
            rest.append((self.take(), other()))
        return Operations(tree, tuple(rest)) if rest else tree


def _number(text: str) -> int | float:
    if text.isdigit():
        return int(text) if len(text) <= 18 else float(text)
    return float(text.replace("D", "E"))
