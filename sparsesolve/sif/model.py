"""`Model`: a decoded problem, frozen; the contract between the reader and what evaluates it.

The reader knows files and no functions, and the evaluation knows functions and no
files. Groups are in order of declaration; elements of one type form a block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.sif.evaluate import FormulaProgram
from sparsesolve.sif.routines import Part, Routine

__all__ = ["ElementBlock", "GroupBlock", "Model"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ElementBlock:
    """All elements of one type.

    Parameters
    ----------
    routine : Routine
        The formulas.
    part : Part
        The part they stand in.
    program : Program
        Their value.
    elements : ndarray of int, shape (E,)
        Positions among all elements.
    variables : ndarray of int, shape (k, E)
        Problem variables in the order of the elemental ones.
    variable_names, parameter_names : tuple of str
        In upper case.
    parameters : ndarray, shape (p, E)
        Values.
    internals : tuple of (str, tuple of (int, float)), or None
        Internal variables as sums of elemental ones times numbers; None: there are none.
    """

    routine: Routine
    part: Part
    program: FormulaProgram
    elements: Indices
    variables: Indices
    variable_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    parameters: Array
    internals: tuple[tuple[str, tuple[tuple[int, float], ...]], ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class GroupBlock:
    """All groups of one type that is not trivial.

    Parameters
    ----------
    routine, part, program
        As for `ElementBlock`.
    groups : ndarray of int, shape (G,)
        Positions among all groups.
    variable : str
        Name of the group variable, in upper case.
    parameters : mapping from str to ndarray, shape (G,)
        Values, names in upper case.
    """

    routine: Routine
    part: Part
    program: FormulaProgram
    groups: Indices
    variable: str
    parameters: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Everything that a SIF file says about a problem.

    Parameters
    ----------
    name : str
        From the NAME card.
    variables, groups : tuple of str
        Names.
    kinds : str
        One letter a group: N, E, L or G.
    lower, upper, start : ndarray, shape (n,)
        Bounds and starting point.
    multipliers : ndarray, shape (g,)
        Starting multipliers, one a group.
    ranges : ndarray, shape (g,)
        Widths of constraints, infinite where there is none.
    linear : csr_array, shape (g, n)
        Linear parts.
    constants : ndarray, shape (g,)
        Subtracted from the linear parts.
    scales : ndarray, shape (g,)
        Divide the groups.
    weights : csr_array, shape (g, e)
        Weights of elements in groups.
    elements : tuple of ElementBlock
        By type.
    transformed : tuple of GroupBlock
        Groups whose type is not trivial, by type.
    quadratic : tuple of (ndarray, ndarray, ndarray), or None
        Rows, columns and coefficients of products of two variables, added to the objective; None
        where there is no such section.
    integer_variables : tuple of str
        Variables declared as integers; they are treated as continuous.
    """

    name: str
    variables: tuple[str, ...]
    groups: tuple[str, ...]
    kinds: str
    lower: Array
    upper: Array
    start: Array
    multipliers: Array
    ranges: Array
    linear: sp.csr_array
    constants: Array
    scales: Array
    weights: sp.csr_array
    elements: tuple[ElementBlock, ...]
    transformed: tuple[GroupBlock, ...]
    quadratic: tuple[Indices, Indices, Array] | None
    integer_variables: tuple[str, ...]

    @property
    def objective_groups(self) -> Indices:
        """Positions of the groups of the objective."""
        return np.array([i for i, kind in enumerate(self.kinds) if kind == "N"], dtype=np.int64)

    @property
    def constraint_groups(self) -> Indices:
        """Positions of the groups that are constraints, in order of declaration."""
        return np.array([i for i, kind in enumerate(self.kinds) if kind != "N"], dtype=np.int64)
