"""The ELEMENTS and GROUPS parts of a file: the formulas of every type.

These parts are Fortran in columns, while the data part is not. The result is one
`Routine` a type: assignments in order, the value, and the first and second derivatives that the
file itself gives, which nothing but a cross-check reads. A formula is parsed when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sparsesolve.sif.cards import Card, CardProblem, Source, real_number
from sparsesolve.sif.fortran import parse
from sparsesolve.sif.syntax import Expression

__all__ = ["Assignment", "Formula", "Part", "Routine", "read_part"]

_TEMPORARIES = {"R": "real", "I": "integer", "L": "logical", "M": "intrinsic", "F": "external"}
_REPEATED = ("EV", "IV", "EP", "GV", "GP")  # declared in the data part already


@dataclass(slots=True)
class Formula:
    """An expression and the card it begins on; parsed on first use."""

    card: Card
    source: Source
    text: str
    _tree: Expression | None = None

    @property
    def tree(self) -> Expression:
        """The syntax tree."""
        if self._tree is None:
            try:
                self._tree = parse(self.text)
            except CardProblem as problem:
                raise self.source.error(self.card, f"{problem}.") from None
        return self._tree

    def error(self, message: str) -> Exception:
        """Return the error that points at this formula's card."""
        return self.source.error(self.card, message)


@dataclass(frozen=True, slots=True)
class Assignment:
    """``target = formula``, where a logical name has a truth value if one is given."""

    target: str
    formula: Formula
    condition: str = ""
    holds: bool = True


@dataclass(slots=True)
class Routine:
    """Formulas of one type.

    Parameters
    ----------
    name : str
        The type.
    card : Card
        Where it begins.
    """

    name: str
    card: Card
    assignments: list[Assignment] = field(default_factory=list)
    value: Formula | None = None
    first: dict[str, Formula] = field(default_factory=dict)
    second: dict[tuple[str, str], Formula] = field(default_factory=dict)
    transformation: list[tuple[str, str, float]] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """All routines of a part, the types of its temporaries, and its global assignments."""

    source: Source
    routines: dict[str, Routine] = field(default_factory=dict)
    temporaries: dict[str, str] = field(default_factory=dict)
    globals: list[Assignment] = field(default_factory=list)


def read_part(cards: Iterator[Card], source: Source, header: Card) -> Part:
    """Read the cards from the header of a part up to its ENDATA.

    Parameters
    ----------
    cards : iterator of Card
        Right behind the header; left behind ENDATA.
    source : Source
        For messages.
    header : Card
        The header.

    Returns
    -------
    Part
        Its routines.

    Raises
    ------
    SifError
        If a card is not understood, or the part does not end.
    """
    reader = _Reader(Part(source))
    for card in cards:
        try:
            card.check()
            if card.header == "ENDATA":
                return reader.part
            reader.read(card)
        except CardProblem as problem:
            raise source.error(card, f"{problem}.") from None
    raise source.error(
        header, f"expected ENDATA at the end of the {header.header} part, got the end of file."
    )


class _Reader:
    """State while a part is read: the open section and the open routine."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.section = ""
        self.routine: Routine | None = None
        self.last: Formula | None = None

    def read(self, card: Card) -> None:
        if card.header:
            if card.header not in ("TEMPORARIES", "GLOBALS", "INDIVIDUALS"):
                raise CardProblem(
                    f"expected TEMPORARIES, GLOBALS, INDIVIDUALS or ENDATA, got {card.header!r}"
                )
            self.section, self.last = card.header, None
        elif card.code in _REPEATED:
            return
        elif self.section == "TEMPORARIES":
            self._temporary(card)
        elif self.section == "GLOBALS":
            self._assignment(card, self.part.globals)
        elif self.section == "INDIVIDUALS":
            self._individual(card)

    def _temporary(self, card: Card) -> None:
        kind = _TEMPORARIES.get(card.code)
        if kind is None:
            raise CardProblem(f"expected code R, I, L, M or F, got {card.code!r}")
        self.part.temporaries[_identifier(card.name)] = kind

    def _individual(self, card: Card) -> None:
        if card.code == "T":
            self.routine, self.last = Routine(card.name, card), None
            if card.name in self.part.routines:
                raise CardProblem(f"expected each type once, got {card.name!r} again")
            self.part.routines[card.name] = self.routine
            return
        routine = self.routine
        if routine is None:
            raise CardProblem(f"expected a T card that names a type, got code {card.code!r}")
        if card.code in ("R", "R+"):
            self._transformation(card, routine)
        elif card.code == "F":
            routine.value = self._formula(card)
        elif card.code == "G":
            routine.first[_identifier(card.name)] = self._formula(card)
        elif card.code == "H":
            pair = (_identifier(card.name), _identifier(card.field3))
            routine.second[pair] = self._formula(card)
        elif card.code in ("F+", "G+", "H+"):
            self._continue(card)
        else:
            self._assignment(card, routine.assignments)

    def _assignment(self, card: Card, into: list[Assignment]) -> None:
        if card.text[3:4].strip():
            raise CardProblem("expected a blank in column 4: the card is not aligned")
        if card.code in ("A+", "I+", "E+"):
            self._continue(card)
        elif card.code == "A":
            into.append(Assignment(_target(card.name), self._formula(card)))
        elif card.code in ("I", "E"):
            formula = self._formula(card)
            condition = _target(card.name)
            into.append(Assignment(_target(card.field3), formula, condition, card.code == "I"))
        else:
            raise CardProblem(f"expected code A, I, E, R, F, G, H or T, got {card.code!r}")

    def _formula(self, card: Card) -> Formula:
        self.last = Formula(card, self.part.source, card.expression)
        return self.last

    def _continue(self, card: Card) -> None:
        if self.last is None or self.last.card.code[:1] != card.code[:1]:
            raise CardProblem(f"expected an {card.code[:1]} card before its continuation")
        # a token may be cut in two by the end of the field, so nothing is stripped
        self.last.text += card.expression

    def _transformation(self, card: Card, routine: Routine) -> None:
        internal = _identifier(card.name)
        routine.transformation.append((internal, card.field3, real_number(card.number4)))
        if card.field5.strip():
            routine.transformation.append((internal, card.field5, real_number(card.number6)))


def _identifier(name: str) -> str:
    return name.replace(" ", "").upper()


def _target(name: str) -> str:
    target = _identifier(name)
    if not (target.isascii() and target.replace("_", "").isalnum() and target[0].isalpha()):
        raise CardProblem(f"expected the name of a Fortran variable, got {name!r}")
    return target
