"""`python -m sparsesolve inspect module:function`: the structure and cost of a derivative.

It turns text from a command line into calls of the library, and the library into
text; it computes nothing itself.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

import sparsesolve as ss

__all__ = ["Question", "inspect_function"]


@dataclass(frozen=True, slots=True)
class Question:
    """What to inspect.

    Parameters
    ----------
    target : str
        ``module:function``; the module is looked for in the working directory first.
    at : sequence of str
        One Python expression an argument, such as ``np.ones(50)``; names of the module may be used.
    argnum : int
        Which argument is differentiated.
    hessian : bool
        Inspect the Hessian of a scalar function in place of the Jacobian.
    entry : tuple of int, optional
        Also explain this row and column.
    """

    target: str
    at: Sequence[str]
    argnum: int = 0
    hessian: bool = False
    entry: tuple[int, int] | None = None


def inspect_function(question: Question, console: Console) -> None:
    """Print the picture, sizes, colors and costs of a function's Jacobian or Hessian.

    Parameters
    ----------
    question : Question
        What to inspect.
    console : rich.console.Console
        Where to print.

    Raises
    ------
    ValueError
        If the target or an argument cannot be found or evaluated.
    """
    function, scope = load(question.target)
    arguments = [evaluate(text, scope) for text in question.at]
    make = ss.hessian if question.hessian else ss.jacobian
    start = time.perf_counter()
    derivative: Any = make(function, *arguments, argnum=question.argnum)
    derivative(*arguments)
    ready = time.perf_counter()
    derivative(*arguments)
    again = time.perf_counter()

    console.print(Text(str(derivative)))
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_row("function", question.target)
    for line in derivative.report().splitlines():
        name, _, value = line.partition("  ")
        table.add_row(name, value.strip())
    for structure, count in colors(derivative, question.hessian):
        table.add_row(f"colors, {structure}", count)
    table.add_row("first value, set-up included", f"{1e3 * (ready - start):.1f} ms")
    table.add_row("next value", f"{1e3 * (again - ready):.3f} ms")
    console.print(table)
    if question.entry is not None:
        console.print(Text(derivative.explain(*question.entry)))


def colors(derivative: Any, hessian: bool) -> list[tuple[str, str]]:
    """Count the colors of each structure that recovers the matrix."""
    pattern = derivative.pattern
    if hessian:
        star = ss.color(pattern, structure="symmetric", recovery="direct")
        acyclic = ss.color(pattern, structure="symmetric", recovery="substitution")
        found = {"symmetric, direct": star, "symmetric, substitution": acyclic}
    else:
        found = {
            "columns": ss.color(pattern, structure="columns"),
            "rows": ss.color(pattern, structure="rows"),
            "bidirectional": ss.color(pattern, structure="bidirectional"),
        }
    return [(name, str(coloring.ncolors)) for name, coloring in found.items()]


def load(target: str) -> tuple[Any, dict[str, Any]]:
    """Import ``module:function`` and return the function with the names of its module."""
    module_name, colon, name = target.partition(":")
    if not colon or not name:
        raise ValueError(f"expected module:function, got {target!r}.")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"module {module_name!r} cannot be imported ({error}). Run this from the directory "
            "that holds it, or give its dotted name."
        ) from error
    if not hasattr(module, name):
        raise ValueError(f"module {module_name!r} has no function {name!r}.")
    return getattr(module, name), vars(module)


def evaluate(text: str, scope: dict[str, Any]) -> Any:
    """Evaluate one argument, written as a Python expression by the user of the command."""
    try:
        return eval(text, {"np": np, **scope})
    except Exception as error:
        raise ValueError(
            f"argument {text!r} cannot be evaluated ({error}). Write an expression such as "
            "'np.ones(50)', or a name of the module."
        ) from error
