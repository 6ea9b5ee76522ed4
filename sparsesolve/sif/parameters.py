"""Parameters that a user of a file may set: cards marked ``$-PARAMETER``.

The list is wanted without interpreting the file, and overriding needs it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sparsesolve.errors import SifError
from sparsesolve.sif.arithmetic import PARAMETER_CODES, truncated
from sparsesolve.sif.cards import Card, Lines, fortran_number
from sparsesolve.sif.data import MARK

__all__ = ["Parameter", "checked", "marked"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a user may set.

    Parameters
    ----------
    name : str
        Its name, as `load` takes it.
    kind : {"integer", "real"}
        What may be given.
    value : int or float
        What holds if nothing is given.
    alternatives : tuple of int or float
        Other values that the file offers, in order of appearance.

    Examples
    --------
    >>> Parameter("N", "integer", 5, (10, 50)).alternatives
    (10, 50)
    """

    name: str
    kind: str
    value: int | float
    alternatives: tuple[int | float, ...] = ()


def marked(lines: Lines) -> tuple[Parameter, ...]:
    """Return the parameters of a file, in order of appearance of their active cards.

    Parameters
    ----------
    lines : Lines
        The file.
    """
    active: dict[str, Card] = {}
    offered: dict[str, list[int | float]] = {}
    for number, raw in enumerate(lines.lines, 1):
        if MARK not in raw or raw[:1] not in ("*", " "):
            continue
        card = lines.commented_card(number)
        value = _value(card) if card.code in PARAMETER_CODES else None
        if value is None:
            continue
        if raw[0] == "*":
            offered.setdefault(card.name, []).append(value)
        else:
            active[card.name] = card
    return tuple(
        Parameter(
            name,
            "integer" if card.code[0] == "I" else "real",
            value,
            tuple(offered.get(name, ())),
        )
        for name, card in active.items()
        if (value := _value(card)) is not None
    )


def checked(
    given: Mapping[str, object], known: tuple[Parameter, ...], path: str
) -> dict[str, int | float]:
    """Return overrides with their types, or raise what is wrong with them.

    Parameters
    ----------
    given : mapping
        Values by name.
    known : tuple of Parameter
        What may be set.
    path : str
        For messages.

    Raises
    ------
    SifError
        If a name is unknown, or a value does not fit its kind.
    """
    kinds = {p.name: p.kind for p in known}
    values: dict[str, int | float] = {}
    for name, value in given.items():
        if name not in kinds:
            names = ", ".join(f"{p.name}={p.value}" for p in known) or "none"
            raise SifError(
                f"expected one of the parameters of this file, got {name!r}. It has: {names}.",
                path=path,
            )
        number = isinstance(value, int | float | np.integer | np.floating)
        if not number or isinstance(value, bool) or not np.isfinite(value):  # type: ignore[call-overload]
            raise SifError(f"expected a finite number for {name}, got {value!r}.", path=path)
        assert isinstance(value, int | float | np.integer | np.floating)
        if kinds[name] == "integer" and value != int(value):
            raise SifError(f"expected an integer for {name}, got {value!r}.", path=path)
        values[name] = int(value) if kinds[name] == "integer" else float(value)
    return values


def _value(card: Card) -> int | float | None:
    value = fortran_number(card.number4)
    if value is None or not card.number4.strip():
        return None
    return truncated(value) if card.code[0] == "I" else value
