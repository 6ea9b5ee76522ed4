"""Unknowns that are a nest of arrays, for solvers of vectors.

`minimize`, `root` and `least_squares` do the same: the function and the callback get nests, and
the result comes back as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sparsesolve.derivatives.form import Form
from sparsesolve.methods.callback import as_callback
from sparsesolve.problem.call import Unpacked
from sparsesolve.problem.result import Result
from sparsesolve.problem.start import start_point

__all__ = ["of_nests", "solve_in_form"]


def of_nests(callback: Callable[..., Any] | None, form: Form | None) -> Callable[..., Any] | None:
    """Return a callback that sees the unknowns in their own form."""
    if form is None or not callable(callback):
        return callback
    called = as_callback(callback)
    return lambda state: called(replace(state, x=form.copy(state.x)))


def solve_in_form(
    solve: Callable[..., Result],
    function: Callable[..., Any],
    form: Form,
    *,
    args: tuple[Any, ...],
    callback: Callable[..., Any] | None,
    **given: Any,
) -> Result:
    """Solve for a nest by a solver of vectors.

    Parameters
    ----------
    solve : callable
        ``solve(function, x0, args=, callback=, ...)`` returns a result.
    function : callable
        Of the nest and `args`.
    form : Form
        Of the start.
    args, callback, **given
        What it is given.
    """
    called = Unpacked(function, [form, *[None] * len(args)])
    start, watching = start_point(form.example), of_nests(callback, form)
    result = solve(called, start, args=args, callback=watching, **given)
    if getattr(result, "owned", None) is not None:  # a part of the vector is no nest
        return result
    return replace(result, vector=result.x, x=form.copy(result.x))
