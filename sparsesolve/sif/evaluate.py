"""Syntax trees evaluated with NumPy, for all elements of a type at once.

This is where Fortran's rules meet traced arrays. Every value is paired with its
type, since integer temporaries truncate what is assigned to them and integers divide with
truncation. A name may be assigned again, also an elemental variable; an assignment under a
condition becomes a choice between the new and the old value. What a value does not need is not
evaluated.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sparsesolve.sif.cards import CardProblem
from sparsesolve.sif.functions import FUNCTIONS
from sparsesolve.sif.routines import Assignment, Formula, Part, Routine
from sparsesolve.sif.syntax import (
    Binary,
    Expression,
    FunctionCall,
    Name,
    Negative,
    Not,
    Number,
    Operations,
    names_in,
)

__all__ = ["FormulaProgram", "Typed"]


class Typed(NamedTuple):
    """A value and its type: "real", "integer" or "logical"."""

    value: Any
    kind: str


class FormulaProgram:
    """What has to be evaluated for one formula of a routine.

    Parameters
    ----------
    routine : Routine
        The type.
    part : Part
        Holds its global assignments and the types of temporaries.
    formula : Formula
        What is wanted: the value or a derivative.
    inputs : iterable of str
        Names that are given: variables and parameters, in upper case.

    Raises
    ------
    SifError
        If a name is neither given nor assigned before it is used, or a logical value and a number
        are mixed up.
    """

    def __init__(
        self, routine: Routine, part: Part, formula: Formula, inputs: Iterable[str]
    ) -> None:
        self.temporaries = part.temporaries
        self.formula = formula
        statements = [*part.globals, *routine.assignments]
        self.statements, self.needed = _live(statements, formula)
        known = set(inputs)
        self._check(routine, known)
        with np.errstate(all="ignore"):
            self(dict.fromkeys(known, np.float64(0.5)))  # finds misuse of logical values now

    def _check(self, routine: Routine, inputs: set[str]) -> None:
        known = set(inputs)
        for statement in self.statements:
            self._known(routine, statement.formula, known, statement.condition)
            known.add(statement.target)
        self._known(routine, self.formula, known)

    def _known(
        self, routine: Routine, formula: Formula, known: set[str], condition: str = ""
    ) -> None:
        for name in [*names_in(formula.tree), *([condition] if condition else [])]:
            if name not in known:
                raise formula.error(
                    f"expected a variable, parameter or assigned temporary of type "
                    f"{routine.name!r}, got {name!r}."
                )

    def __call__(self, given: Mapping[str, Any]) -> Any:
        """Evaluate the formula.

        Parameters
        ----------
        given : mapping from name to number or array
            Values of the inputs, of one length or scalars; may be traced.
        """
        scope = {name: Typed(value, "real") for name, value in given.items()}
        for statement in self.statements:
            self._assign(statement, scope)
        return self._evaluated(self.formula, scope, "number").value

    def _evaluated(self, formula: Formula, scope: Mapping[str, Typed], wanted: str = "") -> Typed:
        try:
            found = _evaluate(formula.tree, scope)
            return _number(found) if wanted == "number" else found
        except CardProblem as problem:
            raise formula.error(f"{problem}.") from None

    def _assign(self, statement: Assignment, scope: dict[str, Typed]) -> None:
        new = self._evaluated(statement.formula, scope)
        declared = self.temporaries.get(statement.target, new.kind)
        if declared == "integer" and new.kind != "integer":
            new = Typed(np.trunc(new.value), "integer")
        elif declared == "real" and new.kind == "integer":
            new = Typed(new.value, "real")
        if statement.condition:
            test, kind = scope[statement.condition]
            if kind != "logical":
                raise statement.formula.error(
                    f"expected the name of a logical value in columns 5-14, got {kind} "
                    f"{statement.condition!r}."
                )
            nothing = np.bool_(False) if new.kind == "logical" else np.float64(0.0)
            old = scope.get(statement.target, Typed(nothing, new.kind))
            chosen, other = (new, old) if statement.holds else (old, new)
            if isinstance(test, bool | np.bool_):
                new = chosen if test else other
            else:
                new = Typed(np.where(test, chosen.value, other.value), new.kind)
        scope[statement.target] = new


def _live(
    statements: Sequence[Assignment], formula: Formula
) -> tuple[tuple[Assignment, ...], frozenset[str]]:
    """Return the assignments that a formula needs, in order, and the names it needs."""
    needed = set(names_in(formula.tree))
    kept: list[Assignment] = []
    for statement in reversed(statements):
        if statement.target not in needed:
            continue
        kept.append(statement)
        if not statement.condition:
            needed.discard(statement.target)
        else:
            needed.add(statement.condition)
        needed.update(names_in(statement.formula.tree))
    return tuple(reversed(kept)), frozenset(needed)


# ----- operations; each takes and returns typed values -----


def _number(operand: Typed) -> Typed:
    if operand.kind == "logical":
        raise CardProblem("expected a number, got a logical value")
    return operand


def _logical(operand: Typed) -> Typed:
    if operand.kind != "logical":
        raise CardProblem("expected a logical value, got a number")
    return operand


def _evaluate(tree: Expression, scope: Mapping[str, Typed]) -> Typed:
    match tree:
        case Number(value):
            if isinstance(value, bool):
                return Typed(np.bool_(value), "logical")
            return Typed(np.float64(value), "integer" if isinstance(value, int) else "real")
        case Name(name):
            return scope[name]
        case Negative(operand):
            inner = _number(_evaluate(operand, scope))
            return Typed(-inner.value, inner.kind)
        case Not(operand):
            return Typed(np.logical_not(_logical(_evaluate(operand, scope)).value), "logical")
        case Binary(sign, left, right):
            return _BINARY[sign](_evaluate(left, scope), _evaluate(right, scope))
        case Operations(first, rest):
            total = _evaluate(first, scope)
            for sign, operand in rest:
                total = _BINARY[sign](total, _evaluate(operand, scope))
            return total
        case FunctionCall(name, arguments):
            return _call(name, [_number(_evaluate(argument, scope)) for argument in arguments])


def _call(name: str, arguments: Sequence[Typed]) -> Typed:
    function = FUNCTIONS[name]
    kind: str = function.result
    if kind == "same":
        kind = "integer" if all(a.kind == "integer" for a in arguments) else "real"
    return Typed(function.evaluate(*(a.value for a in arguments)), kind)


def _common(a: Typed, b: Typed) -> str:
    return "integer" if _number(a).kind == _number(b).kind == "integer" else "real"


def _arithmetic(operation: Callable[[Any, Any], Any]) -> Callable[[Typed, Typed], Typed]:
    def evaluate(a: Typed, b: Typed) -> Typed:
        kind = _common(a, b)
        return Typed(operation(a.value, b.value), kind)

    return evaluate


def _truncating(operation: Callable[[Any, Any], Any]) -> Callable[[Typed, Typed], Typed]:
    """Return an operation whose result on integers is an integer."""

    def evaluate(a: Typed, b: Typed) -> Typed:
        kind = _common(a, b)
        result = operation(a.value, b.value)
        return Typed(np.trunc(result) if kind == "integer" else result, kind)

    return evaluate


def _relation(compare: Callable[[Any, Any], Any]) -> Callable[[Typed, Typed], Typed]:
    return lambda a, b: Typed(compare(_number(a).value, _number(b).value), "logical")


def _junction(combine: Callable[[Any, Any], Any]) -> Callable[[Typed, Typed], Typed]:
    return lambda a, b: Typed(combine(_logical(a).value, _logical(b).value), "logical")


_BINARY: dict[str, Callable[[Typed, Typed], Typed]] = {
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _truncating(operator.truediv),
    "**": _truncating(np.power),
    "<": _relation(np.less),
    "<=": _relation(np.less_equal),
    ">": _relation(np.greater),
    ">=": _relation(np.greater_equal),
    "==": _relation(np.equal),
    "/=": _relation(np.not_equal),
    ".AND.": _junction(np.logical_and),
    ".OR.": _junction(np.logical_or),
    ".EQV.": _junction(np.equal),
    ".NEQV.": _junction(np.not_equal),
}
