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
