"""From a draft and the parsed formulas to a `Model`.

Separate because this is where the parts of a file meet: types are matched with their formulas,
lists become arrays, and what was never given is found.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sparsesolve.sif.cards import Source
from sparsesolve.sif.draft import Declarations, ElementKind
from sparsesolve.sif.evaluate import FormulaProgram
from sparsesolve.sif.model import Array, ElementBlock, GroupBlock, Indices, Model
from sparsesolve.sif.nonlinear import TRIVIAL
from sparsesolve.sif.routines import Formula, Part, Routine

__all__ = ["freeze"]


def freeze(
    draft: Declarations, name: str, elements: Part | None, groups: Part | None, source: Source
) -> Model:
    """Build the model.

    Parameters
    ----------
    draft : Draft
        What the data part declares.
    name : str
        Name of the problem.
    elements, groups : Part or None
        The other parts of the file.
    source : Source
        For messages.

    Raises
    ------
    SifError
        If something that is used was not given.
    """
    if not draft.variables:
        raise source.error(None, "expected a VARIABLES section with at least one variable.")
    n, g = len(draft.variables), len(draft.groups)
    weights = _matrix(draft.weights, (g, len(draft.elements)))
    scales = np.ones(g)
    _put(scales, draft.scales)
    constants = np.full(g, draft.default_constant)
    _put(constants, draft.constants)
    ranges = np.full(g, draft.default_range)
    _put(ranges, draft.ranges)
    multipliers = np.full(g, draft.default_multiplier)
    _put(multipliers, draft.multipliers)
    return Model(
        name=name,
        variables=tuple(draft.variables),
        groups=tuple(draft.groups),
        kinds="".join(draft.kinds),
        lower=np.array(draft.lower),
        upper=np.array(draft.upper),
        start=np.array(draft.start),
        multipliers=multipliers,
        ranges=ranges,
        linear=_matrix(draft.linear, (g, n)),
        constants=constants,
        scales=scales,
        weights=weights,
        elements=_element_blocks(
            draft, elements, np.flatnonzero(np.bincount(weights.indices)), source
        ),
        transformed=_group_blocks(draft, groups, source),
        quadratic=_quadratic(draft),
        integer_variables=tuple(v for v in draft.variables if v in draft.integer_variables),
    )


def _put(array: Array, values: dict[int, float]) -> None:
    if values:
        array[list(values)] = list(values.values())


def _matrix(entries: list[tuple[int, int, float]], shape: tuple[int, int]) -> sp.csr_array:
    """Sparse matrix whose repeated entries add up."""
    if not entries:
        return sp.csr_array(shape)
    rows, columns, values = zip(*entries, strict=True)
    return sp.csr_array(sp.coo_array((np.array(values), (rows, columns)), shape=shape))


def _quadratic(draft: Declarations) -> tuple[Indices, Indices, Array] | None:
    """Coefficients of x_i x_j in the objective: half of h on the diagonal, h elsewhere."""
    if not draft.has_quadratic:
        return None
    if not draft.quadratic:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0)
    rows, columns, values = zip(*draft.quadratic, strict=True)
    i, j, h = np.array(rows), np.array(columns), np.array(values, dtype=float)
    return i, j, np.where(i == j, 0.5 * h, h)


# ----- elements -----


def _element_blocks(
    draft: Declarations, part: Part | None, used: Indices, source: Source
) -> tuple[ElementBlock, ...]:
    members: dict[str, list[int]] = {}
    for e in used.tolist():
        members.setdefault(draft.element_types[e].name, []).append(e)
    names = list(draft.elements) if members else []
    blocks = []
    for name, elements in members.items():
        kind = draft.element_kinds[name]
        routine, part = _routine(name, part, "ELEMENTS", source)
        blocks.append(_element_block(draft, kind, routine, part, elements, names, source))
    return tuple(blocks)


def _element_block(
    draft: Declarations,
    kind: ElementKind,
    routine: Routine,
    part: Part,
    elements: list[int],
    names: list[str],
    source: Source,
) -> ElementBlock:
    variables = np.array([draft.element_variables[e] for e in elements], dtype=np.int64)
    variables = variables.reshape(len(elements), len(kind.variables)).T
    parameters = np.array([draft.element_parameters[e] for e in elements], dtype=np.float64)
    parameters = parameters.reshape(len(elements), len(kind.parameters)).T
    variable_names = tuple(map(_upper, kind.variables))
    parameter_names = tuple(map(_upper, kind.parameters))
    internals = _internals(kind, routine, source)
    inside = [name for name, _ in internals] if internals is not None else []
    program = FormulaProgram(
        routine, part, _value_of(routine, source), [*variable_names, *inside, *parameter_names]
    )
    for k, row in enumerate(variables):
        missing = np.flatnonzero(row < 0)
        if missing.size:
            raise source.error(
                None,
                f"expected a V card for elemental variable {list(kind.variables)[k]!r} of element "
                f"{names[elements[missing[0]]]!r} (type {kind.name!r}), got none.",
            )
    for k, numbers in enumerate(parameters):
        missing = np.flatnonzero(np.isnan(numbers))
        if missing.size and parameter_names[k] in program.needed:
            raise source.error(
                None,
                f"expected a number for parameter {list(kind.parameters)[k]!r} of element "
                f"{names[elements[missing[0]]]!r} (type {kind.name!r}), got none.",
            )
    return ElementBlock(
        routine,
        part,
        program,
        np.array(elements, dtype=np.int64),
        variables,
        variable_names,
        parameter_names,
        parameters,
        internals,
    )


def _internals(
    kind: ElementKind, routine: Routine, source: Source
) -> tuple[tuple[str, tuple[tuple[int, float], ...]], ...] | None:
    """Rows of the constant map from elemental to internal variables."""
    rows: dict[str, dict[int, float]] = {_upper(name): {} for name in kind.internals}
    for internal, variable, value in routine.transformation:
        position = kind.variables.get(variable)
        if internal not in rows or position is None:
            wrong = f"elemental variable {variable!r}" if internal in rows else repr(internal)
            raise source.error(
                routine.card,
                f"expected declared variables on the R cards of type {kind.name!r}, got {wrong}.",
            )
        rows[internal][position] = rows[internal].get(position, 0.0) + value
    if not rows:
        return None
    return tuple((name, tuple(row.items())) for name, row in rows.items())


# ----- groups -----


def _group_blocks(draft: Declarations, part: Part | None, source: Source) -> tuple[GroupBlock, ...]:
    members: dict[str, list[int]] = {}
    for i in range(len(draft.groups)):
        name = draft.group_types.get(i, draft.default_group_kind)
        if name is not None and name != TRIVIAL:
            members.setdefault(name, []).append(i)
    blocks = []
    for name, groups in members.items():
        kind = draft.group_kinds[name]
        routine, part = _routine(name, part, "GROUPS", source)
        parameters = list(map(_upper, kind.parameters))
        variable = _upper(kind.variable)
        program = FormulaProgram(routine, part, _value_of(routine, source), [variable, *parameters])
        values = {}
        for shown, parameter in zip(kind.parameters, parameters, strict=True):
            given = [draft.group_parameters.get(i, {}).get(shown) for i in groups]
            if None in given and parameter in program.needed:
                missing = list(draft.groups)[groups[given.index(None)]]
                raise source.error(
                    None,
                    f"expected a number for parameter {shown!r} of group {missing!r} "
                    f"(type {name!r}), got none.",
                )
            values[parameter] = np.array([np.nan if v is None else v for v in given])
        blocks.append(
            GroupBlock(routine, part, program, np.array(groups, dtype=np.int64), variable, values)
        )
    return tuple(blocks)


def _routine(name: str, part: Part | None, header: str, source: Source) -> tuple[Routine, Part]:
    routine = part.routines.get(name) if part is not None else None
    if routine is None or part is None:
        raise source.error(
            None, f"expected a T card for type {name!r} in the {header} part, got none."
        )
    return routine, part


def _value_of(routine: Routine, source: Source) -> Formula:
    """Return the formula of a type's value, or raise that there is none."""
    if routine.value is None:
        raise source.error(routine.card, "expected an F card for this type, got none.")
    return routine.value


def _upper(name: str) -> str:
    return name.replace(" ", "").upper()
