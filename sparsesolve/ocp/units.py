"""Units in which a solver sees unknowns and rows: one for each quantity, given or by its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ocp.grid import Grid
from sparsesolve.ocp.quantities import Quantity

__all__ = ["block_units", "filled", "row_units", "unit_of"]

Array = NDArray[np.float64]


def unit_of(quantity: Quantity, scale: Mapping[str, Any] | str, values: Any) -> Array:
    """Return the unit of a quantity, a number or one for each of its rows.

    Parameters
    ----------
    quantity : Quantity
        What it is of.
    scale : mapping or "auto"
        As `Phase` was given it: units by name, or by the size of a guess, as powers of two.
    values : array
        The guess.
    """
    if isinstance(scale, Mapping):
        return np.asarray(scale.get(quantity.name, 1.0), dtype=float)
    limits = np.concatenate([np.ravel(quantity.lower), np.ravel(quantity.upper)])
    size = np.abs(values).max(initial=0.0) or np.abs(limits[np.isfinite(limits)]).max(initial=0.0)
    return np.asarray(np.exp2(np.rint(np.log2(size))) if size > 0.0 else 1.0)


def block_units(grid: Grid, blocks: Mapping[str, Any]) -> dict[str, Array]:
    """Return the unit of each number of the blocks of a phase."""
    return {
        name: filled(unit_of(quantity, grid.phase.scale, blocks[name]), np.shape(blocks[name]))
        for name, (quantity, _) in grid.blocks().items()
    }


def filled(unit: Array, shape: tuple[int, ...]) -> Array:
    """Return a unit for each number of a block."""
    along = unit[:, None] if unit.ndim and len(shape) > 1 else unit
    return np.array(np.broadcast_to(along, shape))


def row_units(grid: Grid, blocks: Mapping[str, Any]) -> Array | None:
    """Return the units of the rows of the dynamics, those of their states; None if all are 1."""
    phase = grid.phase
    if not phase.scale:
        return None
    units = [
        np.broadcast_to(unit_of(quantity, phase.scale, blocks[name]), quantity.size)
        for name, quantity in phase.states.items()
    ]
    shape = (grid.rule.rows, grid.nx, grid.intervals)
    return np.broadcast_to(np.concatenate(units)[:, None], shape).ravel()
