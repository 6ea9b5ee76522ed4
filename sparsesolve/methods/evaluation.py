"""`Evaluation`: values and derivatives of one problem during one solve, each computed once a point.

Every solver asks for f, c, g, J and H at one x by separate callbacks, and some
ask several times. The values of the last two points are kept (a line search returns to the point
before); points are compared by their bytes. Arrays handed out are read-only, because they are
shared; solvers that write into their arguments get a copy from their adapter.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from math import isfinite, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.methods.stacked_limits import StackedLimits
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Counts
from sparsesolve.structure.pattern import Pattern

__all__ = ["Evaluation", "moved_inside"]

Array = NDArray[np.float64]

_Structure = tuple[Pattern, NDArray[np.int32], NDArray[np.intp]]

_KEPT_POINTS = 2
_ROWS = "rows of the Jacobian"  # among what a problem keeps
_LIMITS = "limits, stacked"
_FEW = 100_000


class Evaluation:
    """Cached and counted evaluations of a `Problem` during one solve.

    Parameters
    ----------
    problem : Problem
        Its derivatives are prepared here if they were not before.
    """

    def __init__(self, problem: Problem) -> None:
        self._prepared_before = problem.seconds_preparation
        self.problem = problem
        self.derivatives = problem.derivatives
        self.n, self.m = problem.n, problem.m
        self.lower, self.upper = problem.bounds
        self.row_lower, self.row_upper = problem.constraint_bounds
        self.seconds = 0.0
        self.newest: Array = problem.start
        self.first_gradient = 0.0
        self.error: BaseException | None = None
        self._counts: Counter[str] = Counter()
        self._growths = self.derivatives.growths
        self._points: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._structure: _Structure | None = None

    @cached_property
    def limits(self) -> StackedLimits:
        """Bounds and limits, one after the other; as of the solve before, where they are."""
        parts = self.lower, self.upper, self.row_lower, self.row_upper
        key = np.concatenate(parts).tobytes() if self.n + self.m <= _FEW else b""
        known: StackedLimits | None = self.problem.kept.get(_LIMITS)
        if known is None or known.key != key:
            known = StackedLimits(parts[:2], parts[2:], key)
            if key:  # of many, no memory is left behind
                self.problem.kept[_LIMITS] = known
        return known

    @property
    def seconds_preparation(self) -> float:
        """Seconds of preparing derivatives since this solve began."""
        return self.problem.seconds_preparation - self._prepared_before

    def _prepared(self) -> float:
        return sum(self.derivatives.log.seconds.values())

    @property
    def counts(self) -> Counts:
        """Evaluations made so far."""
        return Counts(**self._counts)

    def objective(self, x: Array) -> float:
        """Return f(x)."""
        return float(self._once("function", x, self.derivatives.objective))

    def gradient(self, x: Array) -> Array:
        """Return the gradient, shape (n,), read-only."""
        before = self._counts["gradient"]
        value: Array = self._once("gradient", x, self.derivatives.gradient)
        if before == 0 and self._counts["gradient"]:  # a scale for those of other points
            self.see_first_gradient(value)
        self.newest = np.array(x)
        return value

    def see_first_gradient(self, value: Array | None) -> None:
        """Take the size of the first gradient of the solve."""
        if value is not None:
            largest = float(np.abs(value).max(initial=0.0))
            if not isfinite(largest):
                largest = float(np.abs(value[np.isfinite(value)]).max(initial=0.0))
            self.first_gradient = largest

    def constraints(self, x: Array) -> Array:
        """Return the stacked constraints, shape (m,), read-only."""
        if self.m == 0:
            return np.empty(0)
        value: Array = self._once("constraints", x, self.derivatives.constraints)
        return value

    def jacobian_values(self, x: Array) -> Array:
        """Return the nonzeros of J in the order of its pattern, read-only."""
        if self.m == 0:
            return np.empty(0)
        value: Array = self._once("jacobian", x, self.derivatives.jacobian_values)
        return value

    def hessian_values(self, x: Array, multipliers: Array, sigma: float) -> Array:
        """Return the lower triangle of the Hessian of sigma f + multipliers . c, read-only."""
        slot = self._slot(x)
        key = (float(sigma), np.asarray(multipliers, dtype=np.float64).tobytes())
        known = slot.get("hessian")
        if known is None or known[0] != key:
            values = self._timed(
                "hessian",
                lambda point: self.derivatives.hessian_values(point, multipliers, float(sigma)),
                x,
            )
            slot["hessian"] = known = (key, values)
        result: Array = known[1]
        return result

    def objective_hessian_product(self, x: Array, v: Array) -> Array:
        """Return the product of the Hessian of f with `v`, shape (n,)."""
        value: Array = self._timed(
            "hessian", lambda point: self.derivatives.objective_hessian_product(point, v), x
        )
        return value

    @property
    def thin_hessian(self) -> int:
        """Nonzeros of a Hessian that is large, and sparse + low rank; 0 for any other."""
        if not self.derivatives.second_order:
            return 0
        nonzeros: Any = getattr(self.derivatives, "hessian_nonzeros", None)
        return int(nonzeros.most) if getattr(nonzeros, "is_thin", False) else 0

    def adopt(self, x: Array, values: Mapping[str, Any]) -> None:
        """Take values at `x` that were computed elsewhere, by the kinds that are counted."""
        slot = self._slot(np.asarray(x))
        for kind, value in values.items():
            value.setflags(write=False)
            slot.setdefault(kind, float(value[0]) if kind == "function" else value)

    def count(self, runs: Mapping[str, int], seconds: float) -> None:
        """Count evaluations that were made elsewhere."""
        self._counts.update({kind: number for kind, number in runs.items() if number})
        self.seconds += seconds
        calls = self.derivatives.calls
        for kind, number in runs.items():
            calls["objective" if kind == "function" else kind] += number

    def describe_nonfinite(self) -> str:
        """Name what is not finite among the values of the last points; empty where all are."""
        for slot in reversed(self._points.values()):
            for kind in ("gradient", "constraints", "jacobian", "hessian"):
                known = slot.get(kind)
                values = known[1] if kind == "hessian" and known is not None else known
                if values is None or np.all(np.isfinite(values)):
                    continue
                why = "" if kind == "constraints" else self._explain(slot)
                name = kind.replace("jac", "Jac").replace("hess", "Hess")
                bad = values[~np.isfinite(values)][0]
                return f"The {name} has an entry that is {bad}. {why}".strip()
        return ""

    def _explain(self, slot: dict[str, Any]) -> str:
        for key, other in self._points.items():
            if other is slot:
                return str(self.derivatives.explain_nonfinite(np.frombuffer(key)))
        return ""

    def violation(self, x: Array) -> float:
        """Return the largest violation of a bound or constraint at `x`, absolute.

        Infinite where it is not known, so that a bad point never looks feasible.
        """
        at = np.concatenate((x, self.constraints(x))) if self.m else x
        above, below = at - self.limits.lower, self.limits.upper - at
        worst = 0.0 - float(np.minimum(above, below).min(initial=0.0))
        return np.inf if isnan(worst) else worst

    def jacobian_transposed_product(self, x: Array, multipliers: Array) -> Array:
        """Return J(x)^T multipliers, shape (n,)."""
        if self.m == 0:
            return np.zeros(self.n)
        values = self.jacobian_values(x)  # first: a new path may need a larger pattern
        pattern, rows, _ = self._jacobian_structure()
        products = values * multipliers[rows]
        return np.bincount(pattern.indices, products, self.n).astype(np.float64, copy=False)

    def row_norms(self, x: Array) -> Array:
        """Return the largest absolute entry of each row of J, zero where there is none."""
        if self.m == 0:
            return np.empty(0)
        values = self.jacobian_values(x)
        pattern, _, filled = self._jacobian_structure()
        norms = np.zeros(self.m)
        if filled.size:
            norms[filled] = np.maximum.reduceat(np.abs(values), pattern.indptr[filled])
        return norms

    def _jacobian_structure(self) -> _Structure:
        """Return the pattern of J, the row of each entry, and the rows that have any."""
        pattern = self.derivatives.jacobian_pattern
        kept = self.problem.kept
        structure: _Structure | None = self._structure or kept.get(_ROWS)
        if structure is None or structure[0] is not pattern:
            structure = pattern, pattern.rows, np.flatnonzero(np.diff(pattern.indptr))
            if pattern.nnz <= _FEW:  # of many, no memory is left behind
                kept[_ROWS] = structure
        self._structure = structure
        return structure

    def _slot(self, x: Array) -> dict[str, Any]:
        key = x.tobytes()
        slot = self._points.get(key)
        if slot is None:
            slot = self._points[key] = {}
            if len(self._points) > _KEPT_POINTS:
                self._points.popitem(last=False)
        else:
            self._points.move_to_end(key)
        return slot

    def _once(self, kind: str, x: Array, function: Callable[[Array], Any]) -> Any:
        slot = self._slot(x)
        if kind not in slot:
            slot[kind] = self._timed(kind, function, x)
        return slot[kind]

    def _timed(self, kind: str, function: Callable[[Array], Any], x: Array) -> Any:
        start = time.perf_counter() - self._prepared()  # some is done on first use
        try:
            value = function(x)
        except BaseException as error:
            self.error = error  # to tell it from a failure of the solver
            raise
        finally:
            self.seconds += time.perf_counter() - self._prepared() - start
            self._counts[kind] += 1
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        if self.derivatives.growths != self._growths:  # what is kept has the old structure
            self._growths = self.derivatives.growths
            self._points.clear()
        return value


def moved_inside(start: Array, bounds: tuple[Array, Array]) -> tuple[str, ...]:
    """Say in a note for the result where a start is outside of its bounds, and so was moved.

    Parameters
    ----------
    start : ndarray, shape (n,)
        As given.
    bounds : tuple of ndarray
        ``(lower, upper)``.
    """
    outside = np.flatnonzero((start < bounds[0]) | (start > bounds[1]))
    if not outside.size:
        return ()
    k = int(outside[0])
    return (
        f"the start was outside of the bounds of {outside.size} variables (the first: {start[k]:g} "
        f"at index {k}, bounds {bounds[0][k]:g} and {bounds[1][k]:g}) and was moved inside",
    )
