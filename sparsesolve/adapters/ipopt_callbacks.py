"""The callbacks of one IPOPT solve in Python, whatever transport calls them.

cyipopt, the C interface, and machine code that does not get on, all need the same.

- Structures are asked for several times: cached int32 arrays; the Hessian is the lower triangle.
- Each callback gets its own copy of x: `Evaluation` compares points by their bytes.
- An exception would be reported at the next iteration and then again at each later solve: the first
  one is kept here, IPOPT is stopped, and it is raised once.
- NaN in f or c cuts the step (an evaluation error); NaN in J would be used silently, so it becomes
  an evaluation error with a message that names the entry.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import SparseSolveError
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.monitor import Monitor

__all__ = ["Callbacks", "Refused", "StructureGrown"]

Array = NDArray[np.float64]


class Refused(Exception):
    """A point cannot be evaluated: tells IPOPT to take a shorter step, or to give up."""


class StructureGrown(SparseSolveError):
    """A branch was taken that needs entries which IPOPT was not told of."""

    def __init__(self) -> None:
        super().__init__(
            "expected branches that need no more entries than those at the start, got one that "
            "does. Trace ahead with problem.derivatives.explore(points), or use "
            "sparsesolve.minimize, which continues with the larger structure."
        )


class Callbacks:
    """The callbacks of one solve, with the surface that cyipopt wants.

    Parameters
    ----------
    evaluation : Evaluation
        Shared values of this solve.
    monitor : Monitor, optional
        Receives the iterations.
    refused : type, default Refused
        What is raised where a point cannot be evaluated.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        monitor: Monitor | None = None,
        refused: type[Exception] = Refused,
    ) -> None:
        self.evaluation = evaluation
        self.monitor = monitor
        self.error: BaseException | None = None
        self.complaint = ""
        self._refusal = refused
        self._patterns = (
            evaluation.derivatives.jacobian_pattern,
            evaluation.derivatives.hessian_pattern,
        )
        # Ipopt's C interface wants at least one entry where there are rows: a zero at (0, 0)
        self._padded = evaluation.m > 0 and self._patterns[0].nnz == 0
        self._growths = evaluation.derivatives.growths
        self.last_mu: float | None = None
        self.iterations_before = 0

    @cached_property
    def _jacobian(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        corner = np.zeros(1, dtype=np.int32)
        pattern = self._patterns[0]
        return (corner, corner) if self._padded else (pattern.rows, pattern.indices)

    @cached_property
    def _hessian(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return self._patterns[1].rows, self._patterns[1].indices

    def objective(self, x: Array) -> float:
        """Return f(x)."""
        value: float = self._guarded(self.evaluation.objective, x)
        if not np.isfinite(value):
            self._refuse(f"The objective is {value}.")
        return value

    def gradient(self, x: Array) -> Array:
        """Return the gradient of f."""
        value: Array = self._guarded(self.evaluation.gradient, x)
        self._check_finite(value, "The gradient is {value} at variable {k}.")
        return value

    def constraints(self, x: Array) -> Array:
        """Return the stacked constraints."""
        value: Array = self._guarded(self.evaluation.constraints, x)
        self._check_finite(value, "The constraints are {value} at row {k}.")
        return value

    def jacobianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return rows and columns of J."""
        return self._jacobian

    def jacobian(self, x: Array) -> Array:
        """Return the nonzeros of J."""
        value: Array = self._guarded(self.evaluation.jacobian_values, x)
        if self._padded:
            return np.zeros(1)
        self._check_finite(value, "The Jacobian is {value} at {place}.", self._jacobian)
        return value

    def hessianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return rows and columns of the lower triangle of H."""
        return self._hessian

    def hessian(self, x: Array, multipliers: Array, sigma: float) -> Array:
        """Return the lower triangle of the Hessian of the Lagrangian."""
        value: Array = self._guarded(self.evaluation.hessian_values, x, multipliers, sigma)
        self._check_finite(value, "The Hessian is {value} at {place}.", self._hessian)
        return value

    @property
    def wants_slopes(self) -> bool:
        """Whether iterations are told in other units, for which no norm of the slopes will do."""
        return self.monitor is not None and self.monitor.units is not None

    def intermediate(
        self,
        alg_mod: int,
        iter_count: int,
        obj_value: float,
        inf_pr: float,
        inf_du: float,
        mu: float,
        d_norm: float,
        regularization_size: float,
        alpha_du: float,
        alpha_pr: float,
        ls_trials: int,
        slopes: Array | None = None,
    ) -> bool:
        """Report one iteration; False stops IPOPT."""
        if self.error is not None:
            return False
        self.last_mu = mu
        iter_count += self.iterations_before
        if self.monitor is None:
            return True
        # The gradient is asked for at accepted iterates only, so its last point is the iterate
        # (Ipopt before 3.14 does not tell it). In the restoration phase it is the last one before.
        x = self.evaluation.newest
        try:
            return self.monitor.update(
                iter_count,
                x,
                self.evaluation.objective(x),
                constraint_violation=self.evaluation.violation(x),
                optimality=inf_du,
                step=d_norm,
                slopes=slopes,
                extra={
                    "mu": mu,
                    "regularization": regularization_size,
                    "alpha_dual": alpha_du,
                    "alpha_primal": alpha_pr,
                    "line_search_trials": ls_trials,
                    "restoration": alg_mod == 1,
                    "scaled_infeasibility": inf_pr,
                },
            )
        except BaseException as error:
            self.error = error
            return False

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        if self.error is not None:
            raise self._refusal
        try:
            value = function(*args)
            if self.evaluation.derivatives.growths != self._growths:
                raise StructureGrown
            return value
        except BaseException as error:
            self.error = error
            raise self._refusal from error

    def _check_finite(
        self, values: Array, text: str, places: tuple[Array, Array] | Any = None
    ) -> None:
        if np.all(np.isfinite(values)):
            return
        k = int(np.flatnonzero(~np.isfinite(values))[0])
        place = f"row {places[0][k]}, column {places[1][k]}" if places is not None else ""
        self._refuse(text.format(value=values[k], k=k, place=place))

    def _refuse(self, complaint: str) -> None:
        self.complaint = complaint
        raise self._refusal(complaint)
