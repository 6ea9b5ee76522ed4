"""`load`: from a SIF file to a `Problem`; and `parameters`, what may be set in it.

Separate because it is the one place that joins the reader with sparsesolve's problems.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sparsesolve.errors import SifError
from sparsesolve.problem.metadata import Metadata
from sparsesolve.problem.problem import Constraint, Problem
from sparsesolve.sif.assembly import GroupFunction, Objective
from sparsesolve.sif.cards import CardProblem, Lines
from sparsesolve.sif.data import read_data
from sparsesolve.sif.freeze import freeze
from sparsesolve.sif.hints import classification, known_optima
from sparsesolve.sif.loops import DEFAULT_LIMIT
from sparsesolve.sif.model import Array, Model
from sparsesolve.sif.parameters import Parameter, checked, marked
from sparsesolve.sif.routines import Part, read_part

__all__ = ["find", "load", "parameters", "read", "read_model"]


def load(path_or_name: str | os.PathLike[str], /, **parameters: Any) -> Problem:
    """Read a problem of the CUTEst collection, or any other in SIF.

    Parameters
    ----------
    path_or_name : str or path
        A file; or a name such as ``"HS71"``, which is looked up in the folder that the environment
        variable MASTSIF names, with and without ``.SIF``.
    **parameters : int or float
        Values for the cards marked ``$-PARAMETER``, by name; everything derived from them follows.
        `sparsesolve.sif.parameters` lists them. The name ``limit`` is not one of a file: how many
        cards loops may execute, 20 million by default.

    Returns
    -------
    Problem
        Variables and constraints in the order of the file; each constraint row has two limits.
        ``problem.metadata`` holds names, classification, known optima and starting multipliers. The
        objective is None where the file has none.

    Raises
    ------
    SifError
        If the file cannot be found or decoded; the message says which card, and what was expected.

    Notes
    -----
    Nothing of the file is executed: formulas are parsed to a tree that NumPy evaluates, all
    elements of a type at once. Derivatives are sparsesolve's own; those written in the file serve
    `sparsesolve.sif.check` only. The cost is a microsecond or two a card, less in long loops.

    Conn, Gould, Toint (1992), "LANCELOT: A Fortran Package for Large-Scale Nonlinear Optimization",
    chapter 7: the format.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> text = '''NAME          SMALL
    ... VARIABLES
    ...     X
    ...     Y
    ... GROUPS
    ...  N  OBJ       X         1.0            Y         2.0
    ...  G  SUM       X         1.0            Y         1.0
    ... CONSTANTS
    ...     SMALL     SUM       3.0
    ... ENDATA
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "SMALL.SIF")
    ...     _ = file.write_text(text)
    ...     problem = load(file)
    >>> problem.n, problem.m, problem.metadata.constraint_names
    (2, 1, ('SUM',))
    >>> problem.constraint_values([4.0, 1.0])
    array([2.])
    """
    return read(path_or_name, **parameters)[1]


def read(path_or_name: str | os.PathLike[str], /, **parameters: Any) -> tuple[Model, Problem]:
    """Read a file to its `Model` and the `Problem` made of it; arguments as for `load`."""
    limit = parameters.pop("limit", DEFAULT_LIMIT)
    lines = _open(path_or_name)
    known = marked(lines)
    values = checked(parameters, known, lines.path)
    model = _decode(lines, values, limit)
    return model, _problem(model, lines, {**{p.name: p.value for p in known}, **values})


def parameters(path_or_name: str | os.PathLike[str], /) -> tuple[Parameter, ...]:
    """List the parameters of a SIF file that a user may set.

    Parameters
    ----------
    path_or_name : str or path
        As for `load`.

    Returns
    -------
    tuple of Parameter
        In order of appearance, each with its value, and the alternatives that the file offers as
        comments.

    Raises
    ------
    SifError
        If the file cannot be found, or is binary.

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
    ...     parameters(file)
    (Parameter(name='N', kind='integer', value=5, alternatives=()),)
    """
    return marked(_open(path_or_name))


def find(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the path of a file, or of a name in the folder $MASTSIF.

    Raises
    ------
    SifError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "TINY.SIF")
    ...     _ = file.write_text("NAME          TINY")
    ...     find(file).name
    'TINY.SIF'
    """
    if not isinstance(path_or_name, str | os.PathLike):
        kind = type(path_or_name).__name__
        raise TypeError(f"`path_or_name` must be a path or a name, got {kind}: {path_or_name!r}.")
    path = Path(path_or_name)
    if path.is_file():
        return path
    folder = os.environ.get("MASTSIF", "")
    if folder:
        for candidate in (Path(folder, f"{path}.SIF"), Path(folder, path)):
            if candidate.is_file():
                return candidate
    where = f"in $MASTSIF = {folder}" if folder else "and MASTSIF is not set"
    raise SifError(
        "expected a SIF file, or the name of one in the folder $MASTSIF; found no file "
        f"{str(path)!r} here, {where}. Set MASTSIF to the folder of your copy of the collection.",
        path=str(path),
    )


def read_model(path_or_name: str | os.PathLike[str], /, **parameters: Any) -> Model:
    """Read a file to a `Model`, without making a problem of it; arguments as for `load`.

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
    ...     read_model(file, N=7).name
    'TINY'
    """
    limit = parameters.pop("limit", DEFAULT_LIMIT)
    lines = _open(path_or_name)
    return _decode(lines, checked(parameters, marked(lines), lines.path), limit)


def _open(path_or_name: str | os.PathLike[str]) -> Lines:
    path = find(path_or_name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SifError(f"expected a file that can be read: {error}.", path=str(path)) from error
    return Lines(content, str(path))


def _decode(lines: Lines, values: Mapping[str, Any], limit: int) -> Model:
    """Read the parts with the collector off: it would look at all entries again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _model(lines, values, limit)
    finally:
        if was_enabled:
            gc.enable()


def _model(lines: Lines, values: Mapping[str, Any], limit: int) -> Model:
    cards, source = lines.cards(), lines.source
    draft, name = read_data(cards, source, values, limit)
    parts: dict[str, Part] = {}
    for card in cards:
        if card.header in ("ELEMENTS", "GROUPS"):
            if card.header in parts:
                raise source.error(card, f"expected one {card.header} part, got a second one.")
            parts[card.header] = read_part(cards, source, card)
    try:
        return freeze(draft, name, parts.get("ELEMENTS"), parts.get("GROUPS"), source)
    except CardProblem as problem:
        raise source.error(None, f"{problem}.") from None


def _problem(model: Model, lines: Lines, values: Mapping[str, int | float]) -> Problem:
    rows = model.constraint_groups
    has_objective = bool(model.objective_groups.size) or model.quadratic is not None
    constraints = []
    if rows.size:
        lower, upper = _limits(model)
        constraints.append(Constraint(GroupFunction(model, rows), lower, upper, name="constraints"))
    _check_numbers(model, lines)
    metadata = Metadata(
        source=lines.path,
        classification=classification(lines),
        variable_names=model.variables,
        constraint_names=tuple(model.groups[i] for i in rows),
        start_multipliers=model.multipliers[rows],
        known_optima=known_optima(lines),
        parameters=dict(values),
        integer_variables=model.integer_variables,
    )
    return Problem(
        Objective(model) if has_objective else None,
        model.start,
        bounds=(model.lower, model.upper),
        constraints=constraints,
        name=model.name or Path(lines.path).stem,
        metadata=metadata,
    )


def _limits(model: Model) -> tuple[Array, Array]:
    """Two limits a constraint: E: 0, 0; L: -range, 0; G: 0, range."""
    rows = model.constraint_groups
    kinds = np.array([model.kinds[i] for i in rows])
    width = model.ranges[rows]
    lower = np.where(kinds == "L", -width, 0.0)
    upper = np.where(kinds == "G", width, 0.0)
    return lower, upper


def _check_numbers(model: Model, lines: Lines) -> None:
    """Raise where a problem cannot be made of the numbers."""
    crossed = np.flatnonzero(model.lower > model.upper)
    if crossed.size:
        j = int(crossed[0])
        raise SifError(
            f"expected lower <= upper bounds, got {model.lower[j]} > {model.upper[j]} for variable "
            f"{model.variables[j]!r} ({crossed.size} such variables).",
            path=lines.path,
        )
    wrong = np.flatnonzero(~np.isfinite(model.start))
    if wrong.size:
        j = int(wrong[0])
        raise SifError(
            f"expected a finite starting point, got {model.start[j]} for variable "
            f"{model.variables[j]!r}.",
            path=lines.path,
        )
    for name, array in (("constants", model.constants), ("scales", model.scales)):
        if np.isnan(array).any():
            raise SifError(f"expected numbers in {name} of groups, got NaN.", path=lines.path)
