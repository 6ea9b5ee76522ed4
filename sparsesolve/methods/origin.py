"""What a result came from, so that it can be asked for more: `Result.origin`.

Separate because results know no functions; what is asked rarely is computed only then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.methods.losses import Loss
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = ["Fitted", "Minimized", "Rooted"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Minimized:
    """The problem of a minimizer."""

    problem: Problem
    explain_at: Callable[[Problem, Result], Any]

    def explain(self, result: Result) -> Any:
        """Say why the solve ended as it did."""
        return self.explain_at(self.problem, result)

    def sensitivity(self, result: Result, p: Any) -> Any:
        """Return how the minimizer moves with parameters."""
        with importing():
            from sparsesolve.methods.sensitivity import minimizer_sensitivity  # noqa: PLC0415

        return minimizer_sensitivity(self.problem, result, p)


@dataclass(frozen=True, eq=False, slots=True)
class Rooted:
    """The function of a root."""

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def sensitivity(self, result: Result, p: Any) -> Any:
        """Return how the root moves with one of the further arguments."""
        with importing():
            from sparsesolve.methods.residual_sensitivity import root_sensitivity  # noqa: PLC0415

        return root_sensitivity(self.function, self.args, result, p)


@dataclass(frozen=True, eq=False, slots=True)
class Fitted:
    """The loss and the bounds of a fit."""

    loss: Loss | None
    f_scale: float
    bounds: tuple[Array, Array]

    def covariance(self, result: Result) -> Array:
        """Return the covariance of the parameters."""
        with importing():
            from sparsesolve.methods.residual_sensitivity import fit_covariance  # noqa: PLC0415

        return fit_covariance(result, self.loss, self.f_scale, self.bounds)
