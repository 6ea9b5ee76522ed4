"""`Metadata`: what is known of a problem beside its functions: names, classes, known optima.

Separate because readers of files fill it, reports and solvers read it, and none of them needs the
others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["KnownOptimum", "Metadata"]


@dataclass(frozen=True, slots=True)
class KnownOptimum:
    """A value of the objective that a source states; a hint, not a fact.

    Parameters
    ----------
    value : float or None
        The value; None where the source says that it is not known.
    qualifier : str
        For which size or parameters, as the source writes it; empty where it says nothing.
    note : str
        What else stands on that line.
    text : str
        The line itself.

    Examples
    --------
    >>> KnownOptimum(17.0140173).value
    17.0140173
    """

    value: float | None
    qualifier: str = ""
    note: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Metadata:
    """Names, classification and known optima of a problem.

    Parameters
    ----------
    source : str
        The file it was read from.
    classification : str
        As the collection writes it, such as ``OOR2-AY-4-2``; empty where it is not given.
    variable_names : tuple of str, length n
        Names of the variables.
    constraint_names : tuple of str, length m
        Names of the constraint rows, in order.
    start_multipliers : ndarray, shape (m,)
        Starting multipliers; zeros where none are given.
    known_optima : tuple of KnownOptimum
        In the order of the source.
    parameters : mapping of str to number
        Values of the parameters that a user may set.
    integer_variables : tuple of str
        Variables declared as integers, which are treated as continuous.

    Examples
    --------
    >>> Metadata(classification="OOR2-AY-4-2", variable_names=("X1", "X2")).variable_names
    ('X1', 'X2')
    """

    source: str = ""
    classification: str = ""
    variable_names: tuple[str, ...] = ()
    constraint_names: tuple[str, ...] = ()
    start_multipliers: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    known_optima: tuple[KnownOptimum, ...] = ()
    parameters: Mapping[str, int | float] = field(default_factory=dict)
    integer_variables: tuple[str, ...] = ()
