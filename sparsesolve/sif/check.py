"""`check`: exact derivatives against those written in a file, and against differences.

Separate because it is a tool for doubts: neither loading nor solving needs it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from sparsesolve.problem.problem import Problem
from sparsesolve.sif.load import read
from sparsesolve.sif.model import Array, Model
from sparsesolve.sif.written import written_derivatives

__all__ = ["Comparison", "check"]

_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Comparison:
    """The worst entry of one derivative against another source of it.

    Parameters
    ----------
    quantity : {"gradient", "Jacobian", "Hessian"}
        Of the objective, the constraints, the Lagrangian.
    against : {"cards", "differences"}
        The file's own G and H cards, or central differences.
    error : float
        Difference of that entry, relative to its size or 1.
    entry : str
        Its row and column, by name.
    exact, other : float
        Both values.

    Examples
    --------
    >>> Comparison("gradient", "differences", 1e-9, "X", 2.0, 2.0000001).quantity
    'gradient'
    """

    quantity: str
    against: str
    error: float
    entry: str
    exact: float
    other: float


def check(
    path_or_name: str | os.PathLike[str],
    /,
    *,
    x: ArrayLike | None = None,
    multipliers: ArrayLike | None = None,
    **parameters: Any,
) -> tuple[Comparison, ...]:
    """Compare the derivatives of a problem with the cards of its file and with differences.

    Parameters
    ----------
    path_or_name : str or path
        As for `load`.
    x : array_like, shape (n,), optional
        Point; the starting point, moved by 0.01 sin(k) in variable k, if not given, since kinks
        and zeros like to lie at starting points.
    multipliers : array_like, shape (m,), optional
        Ones if not given.
    **parameters : int or float
        As for `load`.

    Returns
    -------
    tuple of Comparison
        One a derivative and source, with its worst entry. A large error is not always an error of
        ours: cards are typed by hand, and differences are inexact.

    Raises
    ------
    SifError
        As for `load`, and if a derivative card cannot be evaluated.

    Notes
    -----
    Differences are taken in at most 200 columns, evenly chosen.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> text = '''NAME          TINY
    ...  IE N                   5              $-PARAMETER
    ... VARIABLES
    ...     X
    ... GROUPS
    ...  N  OBJ       X         1.0
    ... ENDATA
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "TINY.SIF")
    ...     _ = file.write_text(text)
    ...     worst = check(file)
    >>> all(comparison.error < 1e-6 for comparison in worst)
    True
    """
    model, problem = read(path_or_name, **parameters)
    point = problem.x0 + 0.01 * np.sin(np.arange(1, problem.n + 1)) if x is None else x
    weights = np.ones(problem.m) if multipliers is None else multipliers
    with np.errstate(all="ignore"):
        return _compare(model, problem, np.asarray(point, float), np.asarray(weights, float))


def _compare(
    model: Model, problem: Problem, x: Array, multipliers: Array
) -> tuple[Comparison, ...]:
    """Compare at one point."""
    written = written_derivatives(model, x, multipliers)
    rows = problem.metadata.constraint_names
    sigma = 0.0 if problem.objective is None else 1.0
    gradient = problem.gradient(x) if sigma else np.zeros(problem.n)
    J = problem.jacobian(x) if problem.m else sp.csr_array((0, problem.n))
    H = problem.lagrangian_hessian(x, multipliers, sigma)
    found = []
    columns = np.unique(np.linspace(0, problem.n - 1, min(problem.n, _COLUMNS)).astype(int))
    steps = 1e-6 * np.maximum(1.0, np.abs(x))
    for quantity, exact, card, names, function in (
        (
            "gradient",
            _row(gradient),
            _row(written.gradient),
            ("objective",),
            problem.objective_value,
        ),
        ("Jacobian", J, written.jacobian, rows, problem.constraint_values),
        ("Hessian", H, written.hessian, model.variables, _slope(problem, multipliers, sigma)),
    ):
        if not exact.shape[0] or (quantity == "gradient" and not sigma):
            continue
        found.append(_worst(quantity, "cards", exact, card, names, model.variables))
        difference = _differences(function, x, columns, steps)
        kept = sp.csr_array(exact)[:, columns]
        shown = tuple(model.variables[j] for j in columns)
        found.append(_worst(quantity, "differences", kept, difference, names, shown))
    return tuple(found)


def _row(values: Array) -> sp.csr_array:
    return sp.csr_array(values.reshape(1, -1))


def _slope(problem: Problem, multipliers: Array, sigma: float) -> Any:
    """Gradient of the Lagrangian, as a function."""

    def gradient(x: Array) -> Array:
        total = problem.gradient(x) if sigma else np.zeros(problem.n)
        return total + problem.jacobian(x).T @ multipliers if problem.m else total

    return gradient


def _differences(function: Any, x: Array, columns: Any, steps: Array) -> sp.csr_array:
    """Central differences of a function in some columns."""
    found = []
    for j in columns:
        step = np.zeros(x.size)
        step[j] = steps[j]
        change = np.atleast_1d(function(x + step)) - np.atleast_1d(function(x - step))
        found.append(change / (2 * steps[j]))
    return sp.csr_array(np.array(found).T)


def _worst(
    quantity: str, against: str, exact: Any, other: Any, rows: Any, columns: Any
) -> Comparison:
    """Find the entry of two matrices that differs most, relative to its size or 1."""
    a, b = sp.coo_array(exact), sp.coo_array(other)
    at = np.unique(
        np.concatenate([np.ravel_multi_index(m.coords, m.shape) for m in (a, b)]).astype(np.int64)
    )
    if not at.size:
        return Comparison(quantity, against, 0.0, "", 0.0, 0.0)
    i, j = np.unravel_index(at, a.shape)
    ours = np.asarray(sp.csr_array(exact)[i, j]).reshape(-1)
    theirs = np.asarray(sp.csr_array(other)[i, j]).reshape(-1)
    error = np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))
    error[(ours == theirs) | (np.isnan(ours) & np.isnan(theirs))] = 0.0
    error[np.isnan(error)] = np.inf
    k = int(np.argmax(error))
    entry = f"{rows[i[k]]}, {columns[j[k]]}"
    return Comparison(quantity, against, float(error[k]), entry, float(ours[k]), float(theirs[k]))
