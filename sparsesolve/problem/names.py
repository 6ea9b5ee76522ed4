"""Names of single unknowns and constraint rows, as their user would write them.

Reports, diagnoses and pictures tell of single rows, and numbers say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sparsesolve.problem.problem import Problem

__all__ = ["block_name", "listed", "row_name", "variable_name"]


def row_name(problem: Problem, row: int) -> str:
    """Return the name of a constraint row: of its constraint, with its place in that.

    Parameters
    ----------
    problem : Problem
        Whose.
    row : int
        Among the stacked rows.
    """
    known = problem.metadata.constraint_names
    if len(known) == problem.m:
        return known[row]
    start = 0
    labels = [constraint.label for constraint in problem.constraints]
    for label, shape in zip(labels, problem.derivatives.constraint_shapes, strict=True):
        stop = start + math.prod(shape)
        if row < stop:
            return label + _place(row - start, tuple(shape))
        start = stop
    raise IndexError(f"expected a row below {start}, got {row}.")


def variable_name(problem: Problem, variable: int) -> str:
    """Return the name of an unknown: of its block, with its place in that; ``x[3]`` without blocks.

    Parameters
    ----------
    problem : Problem
        Whose.
    variable : int
        In the vector of unknowns.
    """
    known = problem.metadata.variable_names
    if len(known) == problem.n:
        return known[variable]
    form = problem.form
    for block in () if form is None else form.blocks:
        if block.start <= variable < block.stop:
            return block_name(block) + _place(variable - block.start, tuple(block.shape))
    return f"x[{variable}]"


def block_name(block: Any) -> str:
    """Return the name of a block of a nest without that of the whole: ``x0['u']`` is ``u``.

    Parameters
    ----------
    block : FormBlock
        Of the unknowns.
    """
    inner = str(block.name).removeprefix("x0")
    return inner.replace("']['", ".").replace("'].", ".").strip("[]'.") or "x"


def _place(k: int, shape: tuple[int, ...]) -> str:
    if not shape:
        return ""
    return f"[{', '.join(str(int(i)) for i in np.unravel_index(k, shape))}]"


def listed(names: Iterable[str], most: int = 6) -> str:
    """Return names in a row, the first few where there are many.

    Parameters
    ----------
    names : iterable of str
        All.
    most : int, optional
        How many to tell. Default is 6.
    """
    known = list(names)
    more = f", ... ({len(known)} in all)" if len(known) > most else ""
    return ", ".join(known[:most]) + more
