"""``dense-autograd``: HIPS autograd's own dense derivatives, traced anew at each call.

Separate because it stands in for ``sparsesolve.derivatives``: `DenseProblem` is a `Problem` whose
derivatives are dense, so every adapter drives its solver exactly as it does with ours, and what
differs is where the numbers come from. autograd follows ``autograd.numpy`` only, and a function
that calls plain NumPy looks constant to it. So what it is given is the function's tape, replayed:
the same operations, as calls of autograd's primitives; what a user would write by hand.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

import sparsesolve as ss
import sparsesolve.numpy_ops
from sparsesolve.derivatives.hessian import SymmetricTemplate
from sparsesolve.ir.tape import evaluate
from sparsesolve.trace import trace

__all__ = ["DenseDerivatives", "DenseProblem"]

Array = NDArray[np.float64]


class DenseDerivatives:
    """The surface of `ProblemDerivatives` that adapters read, with full patterns.

    Parameters
    ----------
    problem : Problem
        Gives the functions.
    """

    def __init__(self, problem: ss.Problem) -> None:
        self.n = problem.n
        self._objective = _replay(problem.objective or _zero, problem.x0)
        self._constraints = [_replay(c.function, problem.x0) for c in problem.constraints]
        self.constraint_shapes = tuple(np.shape(c(problem.x0)) for c in self._constraints)
        self.constraint_sizes = tuple(math.prod(shape) for shape in self.constraint_shapes)
        self.m = sum(self.constraint_sizes)
        self.log = SimpleNamespace(seconds={})
        self.linear_rows = np.zeros(self.m, dtype=bool)
        self.growths = 0
        self.second_order = True
        self.objective_is_linear = self.objective_is_quadratic = False

    def objective(self, x: Any) -> float:
        """Return f(x)."""
        return float(self._scalar(x))

    def gradient(self, x: Array) -> Array:
        """Return the gradient."""
        return np.asarray(_quiet(autograd.grad(lambda v: self._scalar(v) + 0.0 * anp.sum(v)), x))

    def constraints(self, x: Any) -> Array:
        """Return the stacked constraints."""
        return np.asarray(self._stacked(x), dtype=np.float64)

    def jacobian_values(self, x: Array) -> Array:
        """Return all entries of J, row by row."""
        if self.m == 0:
            return np.empty(0)
        J = _quiet(autograd.jacobian(lambda v: self._stacked(v) + 0.0 * anp.sum(v)), x)
        return np.asarray(J, dtype=np.float64).reshape(-1)

    def hessian_values(self, x: Array, multipliers: Array, sigma: float = 1.0) -> Array:
        """Return the lower triangle of the Hessian of the Lagrangian, row by row."""

        def lagrangian(v: Any) -> Any:
            value = sigma * self._scalar(v) + 0.0 * anp.sum(v**2)
            return value + anp.dot(multipliers, self._stacked(v)) if self.m else value

        H = np.asarray(_quiet(autograd.hessian(lagrangian), x), dtype=np.float64)
        return np.asarray(H[np.tril_indices(self.n)])

    def hessian_full(self, values: Array) -> Any:
        """Return the symmetric matrix as a csr_array."""
        return self._template(values)

    @cached_property
    def jacobian_pattern(self) -> ss.Pattern:
        """Every entry."""
        return ss.Pattern.from_dense(np.ones((self.m, self.n), dtype=bool))

    @cached_property
    def hessian_pattern(self) -> ss.Pattern:
        """Every entry of the lower triangle."""
        return ss.Pattern.from_dense(np.tri(self.n, dtype=bool))

    @cached_property
    def _template(self) -> SymmetricTemplate:
        return SymmetricTemplate(self.hessian_pattern)

    def _scalar(self, x: Any) -> Any:
        return anp.sum(self._objective(x))

    def _stacked(self, x: Any) -> Any:
        return anp.concatenate([anp.ravel(c(x)) for c in self._constraints])


class DenseProblem(ss.Problem):
    """A problem whose derivatives are autograd's.

    Parameters
    ----------
    problem : Problem
        Gives functions, start and limits.
    """

    def __init__(self, problem: ss.Problem) -> None:
        super().__init__(
            problem.objective,
            problem.x0,
            bounds=problem.bounds,
            constraints=problem.constraints,
            name=problem.name,
        )

    @cached_property
    def derivatives(self) -> Any:
        """Dense derivatives."""
        return DenseDerivatives(self)


def _quiet(function: Callable[[Array], Any], x: Array) -> Any:
    """Call without autograd's warnings about outputs that do not depend on the input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(np.array(x, dtype=np.float64))


def _replay(function: Callable[[Any], Any], x0: Array) -> Callable[[Any], Any]:
    """Return the function as calls of autograd's primitives."""
    tape = trace(function, [x0])
    return lambda x: evaluate(tape, x)


def _zero(x: Any) -> Any:
    return 0.0 * np.sum(x)
