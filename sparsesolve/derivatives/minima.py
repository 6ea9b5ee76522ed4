"""Derivatives of a minimum inside of a function: of the root of its gradient.

Unknowns that a bound holds do not move; for the others ``H dy = -d(grad f)/dp``, with the Hessian
of the objective by unknowns and parameters together. The second derivative takes the third ones of
the objective: the Hessian of its slope in one direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.hessian import hessian
from sparsesolve.derivatives.implicit import InnerRoot
from sparsesolve.numpy_ops.implicit import root_operation, slope_along
from sparsesolve.numpy_ops.roots import OPERATION

__all__: list[str] = []

Array = NDArray[np.float64]

_NEAR = 1e-4  # of a bound: minimizers stop before
_FAR = 1e-3  # a Newton step that is longer says that this is no minimum


class _InnerMinimum(InnerRoot):
    """A minimum of few unknowns, and after it whether it was found.

    Parameters
    ----------
    solve, objective : callable
        Of arguments; of the minimum and these.
    bounds : pair of ndarray
        Lower and upper bounds.
    """

    def __init__(
        self, solve: Callable[..., Any], objective: Callable[..., Any], bounds: tuple[Array, Array]
    ) -> None:
        super().__init__(solve, objective)
        self._bounds = bounds
        self._free = np.ones(0)

    def _matrices(self, given: Sequence[Any]) -> list[Array]:
        point = np.concatenate([np.ravel(a) for a in given])
        n = np.size(given[0])
        name = f"twice, all of {[np.shape(a) for a in given]}"
        joined = self._joined(given)

        def objective(z: Any) -> Any:
            return np.sum(joined(z))

        objective.calls = joined.calls  # type: ignore[attr-defined]
        H = self._prepared.get(name, lambda: hessian(objective, point))
        slope = np.array(H.gradient(point))[: n - 1]
        whole = H(point).toarray()[:n]
        whole[n - 1] = 0.0  # the flag follows from nothing
        whole[:, n - 1] = 0.0
        whole[n - 1, n - 1] = 1.0
        held = np.flatnonzero(self._held(point[: n - 1], slope, np.diag(whole)[: n - 1]))
        whole[held] = 0.0
        whole[held, held] = 1.0
        slope[held] = 0.0
        self._free = np.ones(n)
        self._free[[*held, n - 1]] = 0.0
        try:
            step = np.linalg.solve(whole[: n - 1, : n - 1], slope)
        except np.linalg.LinAlgError:
            step = np.full(n - 1, np.inf)
        if not np.all(np.abs(step) <= _FAR * (1.0 + np.abs(point[: n - 1]))):
            whole[: n - 1] = np.nan
        return np.split(whole, np.cumsum([np.size(a) for a in given])[:-1], axis=1)

    def _second(self, given: Sequence[Any]) -> Callable[[Array, Array], Any]:
        """Return the Hessian of a weighted sum of the slopes that vanish."""
        point = np.concatenate([np.ravel(a) for a in given])
        joined = self._joined(given)
        along = slope_along(lambda z: np.sum(joined(z)), joined.calls)
        name = f"thrice, all of {[np.shape(a) for a in given]}"
        H = self._prepared.get(name, lambda: hessian(along, point, np.ones(np.size(given[0]))))
        return lambda z, weights: H(z, weights * self._free)

    def _held(self, y: Array, slope: Array, bend: Array) -> NDArray[np.bool_]:
        """Find the unknowns that would leave their bounds if they could."""
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = np.where(bend > 0.0, y - slope / bend, -np.inf * np.sign(slope))
        low, high = self._bounds
        near = _NEAR * np.where(np.isfinite(high - low), high - low, 1.0)
        at_low = (y <= low + near) & (newton <= low + 1e-12) & (slope > 0.0)
        return at_low | ((y >= high - near) & (newton >= high - 1e-12) & (slope < 0.0))


def _minimum(
    solve: Callable[..., Any], objective: Callable[..., Any], bounds: tuple[Array, Array]
) -> Callable[..., Any]:
    made = _InnerMinimum(solve, objective, bounds)
    twice = made.curvature, made.curvature_by_direction
    return root_operation(made.value, made.pullback, made.push, twice)


OPERATION["minimum"] = _minimum
