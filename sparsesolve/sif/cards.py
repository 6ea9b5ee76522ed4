"""Cards: the lines of a SIF file, cut by columns, and the numbers on them.

Separate because everything above reads fields, never columns. A card has six fields at fixed
columns; names keep their leading blanks and their case; a number is cut at twelve characters and
read as Fortran reads it. ``*`` in column 1 makes a line a comment, ``$`` as the first character of
field 3 or 5 makes the rest of it one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sparsesolve.errors import SifError

__all__ = ["Card", "CardProblem", "Lines", "Source", "fortran_number", "real_number"]

_NUMBER = re.compile(r"([+-]?)(\d*\.?\d*)(?:([DdEe])([+-]?\d+)|([+-]\d+))?", re.ASCII)


class CardProblem(Exception):
    """What is wrong with a card; whoever knows the card makes a `SifError` of it."""


class Card(NamedTuple):
    """One line that is not a comment: a header (column 1 is not blank) or a card of fields."""

    line: int
    text: str
    header: str
    code: str
    name: str
    field3: str
    field5: str
    remark: str = ""

    def check(self) -> None:
        """Raise if the columns of the card cannot be known."""
        if "\t" in self.text[:61]:
            raise CardProblem("expected blanks between fields, got a TAB: SIF is read by columns")

    @property
    def number4(self) -> str:
        """Field 4, uninterpreted."""
        return self.text[24:36]

    @property
    def number6(self) -> str:
        """Field 6, uninterpreted."""
        return self.text[49:61]

    @property
    def expression(self) -> str:
        """Field 7: columns 25 to 65, blanks kept, since a token may go on in the next card."""
        return self.text[24:65].partition("$")[0]


class Source:
    """A file's name, for messages."""

    def __init__(self, path: str) -> None:
        self.path = path

    def error(self, card: Card | None, message: str) -> SifError:
        """Return the error for a card: file, line, the card itself, and what was expected."""
        if card is None:
            return SifError(message, path=self.path)
        return SifError(message, path=self.path, line=card.line, card=card.text.rstrip())


class Lines:
    """The cards of a file, and its comments.

    Parameters
    ----------
    content : bytes
        The whole file. Read as Latin-1: one byte, one column.
    path : str
        Name for messages.

    Raises
    ------
    SifError
        If the content is binary.
    """

    def __init__(self, content: bytes, path: str) -> None:
        self.source = Source(path)
        self.path = path
        if b"\0" in content:
            raise SifError(
                "expected a text file in SIF, got binary content (it holds a NUL byte).", path=path
            )
        self.lines = content.decode("latin-1").split("\n")

    def cards(self) -> Iterator[Card]:
        """Yield headers and cards in order, without comments and blank lines."""
        for number, raw in enumerate(self.lines, 1):
            line = raw.rstrip()
            if line and line[0] != "*":
                yield self._card(number, line)

    def comments(self) -> Iterator[tuple[int, str]]:
        """Yield the comment lines with their numbers, without the asterisk."""
        for number, raw in enumerate(self.lines, 1):
            if raw[:1] == "*":
                yield number, raw[1:].rstrip()

    def commented_card(self, number: int) -> Card:
        """Return the comment in line `number` as the card it would be without the asterisk."""
        return self._card(number, " " + self.lines[number - 1][1:].rstrip())

    def _card(self, number: int, line: str) -> Card:
        if line[0] != " ":
            header = line[:12].rstrip()
            return Card(number, line, header, "", line[14:24].rstrip(), "", "")
        field3, field5 = line[14:24].rstrip(), line[39:49].rstrip()
        remark = ""
        if field3[:1] == "$":
            line, remark, field3, field5 = line[:14], line[14:], "", ""
        elif field5[:1] == "$":
            line, remark, field5 = line[:39], line[39:], ""
        return Card(
            number, line, "", line[1:3].strip(), line[4:14].rstrip(), field3, field5, remark
        )


def fortran_number(text: str) -> float | None:
    """Read a number as a Fortran field of twelve characters does.

    Parameters
    ----------
    text : str
        Blanks are ignored; the exponent letter may be D, E or missing (``1234+04``).

    Returns
    -------
    float or None
        0.0 for a blank field, None for what is no number.
    """
    packed = text.replace(" ", "")
    if not packed:
        return 0.0
    match = _NUMBER.fullmatch(packed)
    if match is None or match[2] in ("", "."):
        return None
    exponent = match[4] or match[5]
    return float(f"{match[1]}{match[2]}e{exponent}" if exponent else packed)


def real_number(text: str) -> float:
    """Read a number, or raise what was expected."""
    value = fortran_number(text)
    if value is None:
        raise CardProblem(f"expected a number in 12 columns, got {text.strip()!r}")
    return value
