"""What a `Problem` is given, besides numbers: checked before anything is done."""

from __future__ import annotations

from typing import Any

from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.metadata import Metadata

__all__ = ["check_given", "one_of"]


def check_given(objective: Any, name: Any, metadata: Any) -> None:
    """Raise `TypeError` where one of these is of another kind than `Problem` takes."""
    if objective is not None and not callable(objective):
        raise TypeError(
            f"`objective` must be callable or None, got {type(objective).__name__}. "
            "Pass None for a problem of feasibility."
        )
    if not isinstance(name, str):
        raise TypeError(f"`name` must be text, got {name!r}.")
    if metadata is not None and not isinstance(metadata, Metadata):
        kind = type(metadata).__name__
        raise TypeError(f"`metadata` must be a Metadata, got {kind}. Write Metadata(source).")


def one_of(derivatives: SolverDerivatives, method: SolverDerivatives) -> SolverDerivatives:
    """Read the two names of one option."""
    if method != "auto" and derivatives not in ("auto", method):
        raise TypeError(
            f"`derivatives` and `method` of a Problem are one option, got {derivatives!r} and "
            f"{method!r}. Leave out `method`."
        )
    return derivatives if method == "auto" else method
