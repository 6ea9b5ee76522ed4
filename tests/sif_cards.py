"""SIF texts for tests: cards laid out by columns, and problems read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sparsesolve as ss
from sparsesolve.sif.model import Model


def card(
    code: str = "", name: str = "", f3: str = "", n4: Any = "", f5: str = "", n6: Any = ""
) -> str:
    """One card: fields 1 to 6 in their columns."""
    return f" {code:<2} {name:<10}{f3:<10}{n4!s:<12}   {f5:<10}{n6!s:<12}".rstrip()


def formula(code: str, name: str, expression: str, f3: str = "") -> str:
    """One card of the second or third part: fields 1 to 3 and 7."""
    return f" {code:<2} {name:<10}{f3:<10}{expression}"


def data(*lines: str, end: bool = True) -> str:
    """A data part: NAME, the lines, ENDATA."""
    return "\n".join(["NAME          TEST", *lines, *(["ENDATA"] if end else []), ""])


def elements(*lines: str, before: tuple[str, ...] = ()) -> str:
    """An ELEMENTS part."""
    return "\n".join(["ELEMENTS      TEST", *before, "INDIVIDUALS", *lines, "ENDATA", ""])


def groups(*lines: str, before: tuple[str, ...] = ()) -> str:
    """A GROUPS part."""
    return "\n".join(["GROUPS        TEST", *before, "INDIVIDUALS", *lines, "ENDATA", ""])


def write(folder: Path, text: str, name: str = "TEST.SIF") -> Path:
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def model(folder: Path, text: str, **parameters: Any) -> Model:
    return ss.sif.read_model(write(folder, text), **parameters)


def problem(folder: Path, text: str, **parameters: Any) -> ss.Problem:
    return ss.sif.load(write(folder, text), **parameters)


def variables(*names: str) -> list[str]:
    return ["VARIABLES", *(card("", name) for name in names)]


SMALL = (
    data(
        " IE N                   3              $-PARAMETER", card("IE", "1", "", 1),
        card("RE", "R", "", "2.5D0"), card("RF", "S", "SQRT", 2.0),
        "VARIABLES", card("DO", "I", "1", "", "N"), card("X", "X(I)"), card("ND"),
        "GROUPS", card("N", "O", "X1", 1.0, "X2", -1.0), card("XL", "C(1)", "X(1)", 2.0),
        card("E", "D", "'SCALE'", 2.0), "CONSTANTS", card("Z", "V", "C(1)", "", "R"),
        "RANGES", card("", "V", "C1", 4.0), "BOUNDS", card("FR", "B", "'DEFAULT'"),
        card("UP", "B", "X1", 9.0), "START POINT", card("", "S", "'DEFAULT'", 1.0),
        "QUADRATIC", card("", "X1", "X2", 1.0),
        "ELEMENT TYPE", card("EV", "P", "A", "", "B"), card("EP", "P", "Q"), card("IV", "P", "U"),
        "ELEMENT USES", card("T", "'DEFAULT'", "P"), card("V", "E1", "A", "", "X1"),
        card("V", "E1", "B", "", "X3"), card("P", "E1", "Q", 2.0),
        "GROUP TYPE", card("GV", "L2", "G"), "GROUP USES", card("T", "O", "L2"),
        card("E", "D", "E1", 3.0), card("E", "O", "E1"),
    )
    + elements(
        formula("T", "P", ""), card("R", "U", "A", 1.0, "B", -1.0), formula("A", "Z", "SIN( U )"),
        formula("A", "L", "Z .GT. Q"), formula("I", "L", "Z**2", "Z"),
        formula("F", "", "Z * Q"), formula("G", "U", "COS( U )"), formula("H", "U", "- Z", "U"),
        before=("TEMPORARIES", card("R", "Z"), card("L", "L")),
    )
    + groups(
        formula("T", "L2", ""), formula("F", "", "G * G"), formula("G", "", "G + G"),
        formula("H", "", "2.0"),
    )
)  # fmt: skip
