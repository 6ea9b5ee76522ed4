"""PETSc's options during one solve: those of the call, by PETSc's names; the command line wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sparsesolve.options import mapping

__all__ = ["ANSWERS", "answer_of", "options_set"]

ANSWERS = ("gathered", "owned")


def answer_of(options: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return which form of answer is wanted, and PETSc's options without leading dashes.

    Parameters
    ----------
    options : mapping, optional
        The user's. "answer" is ours: "gathered", the default, or "owned".

    Raises
    ------
    ValueError
        If "answer" is another word.
    """
    given = {name.removeprefix("-"): value for name, value in mapping("options", options).items()}
    answer = given.pop("answer", ANSWERS[0])
    if answer not in ANSWERS:
        raise ValueError(
            f"`options`: 'answer' must be one of {', '.join(ANSWERS)}, got {answer!r}."
        )
    return answer, given


@contextmanager
def options_set(petsc: Any, given: Mapping[str, Any]) -> Iterator[Any]:
    """Set options that the command line does not, for a while.

    Yields
    ------
    Options
        PETSc's, which answers ``name in options``.
    """
    known = petsc.Options()
    new = [name for name in given if not known.hasName(name)]
    for name in new:
        known.setValue(name, given[name])
    try:
        yield known
    finally:
        for name in new:
            known.delValue(name)
