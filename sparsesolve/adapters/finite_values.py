"""The entries of a Jacobian that an integrator is given: all finite, whatever the function does.

Right-hand sides and residuals of implicit systems need the same: entries that are
not finite are differences, with a note, and a branch may make the structure grow on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.differenced import DifferencedColumns

__all__ = ["FiniteValues"]

Array = NDArray[np.float64]

_DIFFERENCED = "the Jacobian is not finite"


class FiniteValues:
    """Values of a prepared Jacobian of ``function(t, x, *args)`` by x.

    Parameters
    ----------
    prepared : Jacobian
        Or what stands for one.
    threshold : float or ndarray
        See `DifferencedColumns`.
    """

    def __init__(self, prepared: Any, threshold: Any) -> None:
        self.prepared, self._threshold = prepared, threshold
        self.notes: tuple[str, ...] = ()
        self._follow()

    def _follow(self) -> None:
        """Take over the pattern, at the start and where a branch has made it grow."""
        self.pattern = self.prepared.pattern
        self._differences = DifferencedColumns(self.pattern, self._threshold)
        self._last = np.zeros(self.pattern.nnz)

    def at(self, function: Callable[[Array], Array], t: float, x: Array, args: Any) -> Array:
        """Return the values; what is not finite is differenced, else taken from the last ones.

        Parameters
        ----------
        function : callable
            Of x alone, at this t.
        t, x, args : float, ndarray, sequence
            Where.
        """
        with np.errstate(all="ignore"):
            values = np.asarray(self.prepared.values(t, x, *args))
        if self.prepared.pattern is not self.pattern:
            self._follow()
        bad = ~np.isfinite(values)
        if bad.any():
            self._note(t, x, args, values)
            values = self._differences.replace(
                values, lambda flat: function(flat.reshape(x.shape)), np.ravel(x)
            )
            values = np.where(np.isfinite(values), values, self._last)
        self._last = values
        return values

    def _note(self, t: float, x: Array, args: Any, values: Array) -> None:
        """Tell once, for the first time, what was differenced and why."""
        if self.notes:
            return
        explain = getattr(self.prepared, "explain_nonfinite", None)
        with np.errstate(all="ignore"):
            why = explain(t, x, *args) if explain is not None else ""
        columns = np.unique(self.pattern.indices[~np.isfinite(values)])
        self.notes = (
            f"{_DIFFERENCED} in {columns.size} columns (the first: {columns[0]}) at t = {t:g}: "
            f"their entries that are not finite are forward differences, there and later. {why}",
        )
