"""The functions of a model: groups of elements, evaluated with NumPy all at once.

It is all that sparsesolve's tracer sees: gathers, formulas on arrays, constant
sparse matrices and one permutation. So objective and constraints are ordinary functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.sif.model import Array, ElementBlock, GroupBlock, Indices, Model

__all__ = ["GroupFunction", "Objective"]


class GroupFunction:
    """The values of some groups of a model: g(A x - b + W e(x)) / s.

    Parameters
    ----------
    model : Model
        The problem.
    groups : ndarray of int, shape (m,)
        Which groups, in the order of the result.
    """

    def __init__(self, model: Model, groups: Indices) -> None:
        self.size = int(groups.size)
        self.n = len(model.variables)
        linear = model.linear[groups]
        self.linear = linear if linear.nnz else None
        constants = model.constants[groups]
        self.constants = constants if constants.any() else None
        scales = model.scales[groups]
        self.scales = scales if (scales != 1.0).any() else None
        weights = model.weights[groups]
        needed = np.zeros(weights.shape[1], dtype=bool)
        needed[weights.indices] = True
        self.blocks = [
            _Elements(b, keep) for b in model.elements if (keep := needed[b.elements]).any()
        ]
        order = np.concatenate([np.empty(0, np.int64), *(b.elements for b in self.blocks)])
        self.weights = weights[:, order] if self.blocks else None
        self.transformed = _transformed(model, groups)
        self.restore = self._order()

    def _order(self) -> tuple[Indices, Indices] | None:
        """Return the groups without a type, and the permutation that restores the order."""
        if not self.transformed:
            return None
        typed = np.concatenate([positions for positions, _ in self.transformed])
        plain = np.setdiff1d(np.arange(self.size), typed)
        return plain, np.argsort(np.concatenate([plain, typed]))

    def __call__(self, x: Any) -> Any:
        """Return the values of the groups, shape (m,)."""
        with np.errstate(all="ignore"):
            values = self._inner(x)
            if self.restore is not None:
                plain, order = self.restore
                parts = [values[plain]] if plain.size else []
                parts += [group(values[at]) for at, group in self.transformed]
                joined = np.concatenate(parts) if len(parts) > 1 else parts[0]
                values = joined if _is_identity(order) else joined[order]
            return values if self.scales is None else values / self.scales

    def _inner(self, x: Any) -> Any:
        """Arguments of the group functions: A x - b + W e(x)."""
        values = None
        if self.linear is not None:
            values = self.linear @ x
        if self.constants is not None:
            values = -self.constants if values is None else values - self.constants
        if self.weights is not None:
            parts = [block(x) for block in self.blocks]
            elements = np.concatenate(parts) if len(parts) > 1 else parts[0]
            total = self.weights @ elements
            values = total if values is None else values + total
        if values is None:
            values = np.zeros(self.size)
        return values


class Objective:
    """The objective of a model: the sum of its N groups, and half of x'Hx.

    Parameters
    ----------
    model : Model
        The problem; it must have an N group or a quadratic term.
    """

    def __init__(self, model: Model) -> None:
        groups = model.objective_groups
        self.groups = GroupFunction(model, groups) if groups.size else None
        self.quadratic = model.quadratic if model.quadratic and model.quadratic[2].size else None

    def __call__(self, x: Any) -> Any:
        """Return the objective, a number."""
        total: Any = 0.0 * x[0]
        if self.groups is not None:
            total = np.sum(self.groups(x))
        if self.quadratic is not None:
            i, j, h = self.quadratic
            total = total + np.sum(h * x[i] * x[j])
        return total


class _Elements:
    """Elements of one block, perhaps not all."""

    def __init__(self, block: ElementBlock, keep: Any) -> None:
        self.program = block.program
        self.elements = block.elements[keep]
        self.names = block.variable_names
        self.variables = block.variables[:, keep]
        self.internals = block.internals
        needed = block.program.needed
        self.parameters = {
            name: uniform(values[keep])
            for name, values in zip(block.parameter_names, block.parameters, strict=True)
            if name in needed
        }

    def __call__(self, x: Any) -> Any:
        given = element_inputs(x, self.variables, self.names, self.internals, self.program.needed)
        return _full(self.program({**given, **self.parameters}), self.elements.size)


class _Group:
    """Groups of one type."""

    def __init__(self, block: GroupBlock, keep: Any) -> None:
        self.program = block.program
        self.variable = block.variable
        self.size = int(keep.size)
        self.parameters = {
            name: uniform(values[keep])
            for name, values in block.parameters.items()
            if name in block.program.needed
        }

    def __call__(self, values: Any) -> Any:
        return _full(self.program({self.variable: values, **self.parameters}), self.size)


def element_inputs(
    x: Any, variables: Indices, names: tuple[str, ...], internals: Any, needed: Any
) -> dict[str, Any]:
    """Return elemental and internal variables of all elements of a block, by name."""
    rows: dict[int, Any] = {}

    def row(k: int) -> Any:
        if k not in rows:
            rows[k] = x[variables[k]]
        return rows[k]

    given = {name: row(k) for k, name in enumerate(names) if name in needed}
    for name, terms in internals or ():
        if name in needed:
            given[name] = _combination([(row(k), value) for k, value in terms], variables.shape[1])
    return given


def uniform(values: Array) -> Any:
    """One number where all are equal, so that it folds into the formulas."""
    if values.size and (values == values[0]).all():
        return np.float64(values[0])
    return values


def _combination(terms: list[tuple[Any, float]], size: int) -> Any:
    total = None
    for value, factor in terms:
        term = value if factor == 1.0 else factor * value
        total = term if total is None else total + term
    return np.zeros(size) if total is None else total


def _full(values: Any, size: int) -> Any:
    """Values of a formula, one an element, also where it does not depend on any variable."""
    return values if np.shape(values) == (size,) else np.full(size, values)


def _transformed(model: Model, groups: Indices) -> list[tuple[Indices, _Group]]:
    position = np.full(len(model.groups), -1)
    position[groups] = np.arange(groups.size)
    found = []
    for block in model.transformed:
        keep = np.flatnonzero(position[block.groups] >= 0)
        if keep.size:
            found.append((position[block.groups[keep]], _Group(block, keep)))
    return found


def _is_identity(order: Indices) -> bool:
    return bool((order == np.arange(order.size)).all())
