"""Derivatives as they are written in a file: its G and H cards, put together by the chain rule.

Nothing but a cross-check uses them: they are typed by hand, and some files have
wrong ones. For a group g(v) / s with v = A x - b + W e(x), its gradient is g' J / s with
J = A + W e'(x), its Hessian (g'' J'J + g' sum of w e'') / s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sparsesolve.sif.assembly import element_inputs
from sparsesolve.sif.evaluate import FormulaProgram
from sparsesolve.sif.model import Array, ElementBlock, GroupBlock, Model
from sparsesolve.sif.routines import Formula, Part, Routine

__all__ = ["Written", "written_derivatives"]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Gradient of the objective, Jacobian of the constraints, Hessian of the Lagrangian."""

    gradient: Array
    jacobian: sp.csr_array
    hessian: sp.csr_array


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Values, first and second derivatives of all group functions, each of shape (g,)."""

    first: Array
    second: Array


def written_derivatives(model: Model, x: Array, multipliers: Array) -> Written:
    """Evaluate the derivative cards of a file.

    Parameters
    ----------
    model : Model
        The problem.
    x : ndarray, shape (n,)
        Point.
    multipliers : ndarray, shape (m,)
        One a constraint; the objective has 1.

    Returns
    -------
    Written
        What the cards give.

    Raises
    ------
    SifError
        If a card cannot be evaluated.
    """
    n = len(model.variables)
    with np.errstate(all="ignore"):
        values = np.zeros(model.weights.shape[1])
        slopes = []
        for block in model.elements:
            given = _given(block, x)
            values[block.elements] = block.program(given)
            slopes += list(_slopes(block, given))
        inner = model.linear @ x - model.constants + model.weights @ values
        J = model.linear + model.weights @ _coo(slopes, (model.weights.shape[1], n))
        outer = _outer(model, inner)
        scaled = sp.diags_array(outer.first / model.scales) @ J
        weights = np.zeros(len(model.groups))
        weights[model.objective_groups] = 1.0
        weights[model.constraint_groups] = multipliers
        weights = weights / model.scales
        share = model.weights.T @ (weights * outer.first)
        bends = [
            entry
            for block in model.elements
            for entry in _bends(block, _given(block, x), share[block.elements])
        ]
        H = _coo(bends, (n, n)) + J.T @ sp.diags_array(weights * outer.second) @ J
        gradient = np.asarray(scaled[model.objective_groups].sum(axis=0)).reshape(-1)
        if model.quadratic is not None:
            i, j, h = model.quadratic
            Q = _coo([(i, j, h), (j, i, h)], (n, n))
            gradient = gradient + Q @ x
            H = H + Q
    jacobian = sp.csr_array(scaled[model.constraint_groups])
    return Written(gradient, jacobian, sp.csr_array(H))


def _given(block: ElementBlock, x: Array) -> dict[str, Any]:
    """Return the inputs of all formulas of a block."""
    names = {*block.variable_names, *(name for name, _ in block.internals or ())}
    given = element_inputs(x, block.variables, block.variable_names, block.internals, names)
    return {**given, **dict(zip(block.parameter_names, block.parameters, strict=True))}


def _evaluate(routine: Routine, part: Part, formula: Formula, given: dict[str, Any], n: int) -> Any:
    return np.broadcast_to(FormulaProgram(routine, part, formula, given)(given), (n,))


def _terms(block: ElementBlock) -> dict[str, tuple[tuple[int, float], ...]]:
    """Say what each variable of the formulas is made of: elemental ones and factors."""
    if block.internals is not None:
        return dict(block.internals)
    return {name: ((k, 1.0),) for k, name in enumerate(block.variable_names)}


Entry = tuple[Any, Any, Any]


def _slopes(block: ElementBlock, given: dict[str, Any]) -> Iterator[Entry]:
    """Entries of the Jacobian of the elements: rows, columns, values."""
    terms, size = _terms(block), block.elements.size
    for name, formula in block.routine.first.items():
        if name not in terms:
            raise formula.error(f"expected a variable of the type on this card, got {name!r}.")
        slope = _evaluate(block.routine, block.part, formula, given, size)
        for k, factor in terms[name]:
            yield block.elements, block.variables[k], factor * slope


def _bends(block: ElementBlock, given: dict[str, Any], share: Array) -> Iterator[Entry]:
    """Entries of the weighted sum of element Hessians: rows, columns, values."""
    terms, size = _terms(block), block.elements.size
    for (a, b), formula in block.routine.second.items():
        for name in (a, b):
            if name not in terms:
                raise formula.error(f"expected a variable of the type on this card, got {name!r}.")
        bend = share * _evaluate(block.routine, block.part, formula, given, size)
        for k, left in terms[a]:
            for j, right in terms[b]:
                entry = left * right * bend
                yield block.variables[k], block.variables[j], entry
                if a != b:
                    yield block.variables[j], block.variables[k], entry


def _outer(model: Model, inner: Array) -> _Group:
    first, second = np.ones(inner.size), np.zeros(inner.size)
    for block in model.transformed:
        at = block.groups
        given = {block.variable: inner[at], **block.parameters}
        first[at] = _of_group(block, block.routine.first.get(""), given)
        second[at] = _of_group(block, block.routine.second.get(("", "")), given)
    return _Group(first, second)


def _of_group(block: GroupBlock, formula: Formula | None, given: dict[str, Any]) -> Any:
    if formula is None:
        return 0.0
    return _evaluate(block.routine, block.part, formula, given, block.groups.size)


def _coo(entries: list[Entry], shape: tuple[int, int]) -> sp.csr_array:
    if not entries:
        return sp.csr_array(shape)
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=shape))
