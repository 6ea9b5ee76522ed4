"""`ProblemDifferences`: first derivatives of a problem whose functions cannot be traced.

Nothing is proven here: values are calls of the user's functions, derivatives are
finite differences, the pattern of the constraints is estimated, and there is no Hessian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.derivatives.by_differences import jacobian_by_differences
from sparsesolve.derivatives.jacobian import Jacobian
from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.report import table
from sparsesolve.derivatives.traced_function import Lazy, shared_property
from sparsesolve.errors import StructureMismatch
from sparsesolve.structure.pattern import Pattern

__all__ = ["ProblemDifferences"]

Array = NDArray[np.float64]
Scalar = Callable[..., Any]


class Stacked:
    """Functions as one, whose values are flattened and put one after the other."""

    def __init__(self, functions: Sequence[Scalar]) -> None:
        self.functions = tuple(functions)

    def __call__(self, *args: Array) -> Array:
        """Return all values."""
        return np.concatenate([*(_value(f, *args).reshape(-1) for f in self.functions), _NONE])


class ProblemDifferences(ProblemDerivatives):
    """First derivatives of an objective and constraints, by calls of them alone.

    Parameters
    ----------
    objective : callable or None
        ``objective(x)`` returns a number; None stands for zero.
    constraints : sequence of callable
        Each returns a number or an array; flattened and stacked in order.
    x0 : array_like, shape (n,)
        Where the pattern of the constraints is estimated.
    check : bool, default True
        Whether to compare the pattern with one directional difference.
    parameters : array_like, shape (k,), optional
        Where the functions are called with x and these.

    Raises
    ------
    StructureMismatch
        If the objective does not return a number.
    PatternError
        If a function gives other values when it is called again.
    """

    second_order = False

    def __init__(
        self,
        objective: Scalar | None,
        constraints: Sequence[Scalar],
        x0: ArrayLike,
        *,
        check: bool = True,
        parameters: ArrayLike | None = None,
    ) -> None:
        options = {"check": check, "parameters": parameters}
        self.recipe = ProblemDifferences, (objective, constraints, x0), options
        start = np.array(x0, dtype=np.float64).reshape(-1)
        self.n = int(start.size)
        self.log = PrepareLog()
        self.calls = dict.fromkeys(("objective", "gradient", "constraints", "jacobian"), 0)
        self.growths = 0
        self._lazy = Lazy()
        self._start = start
        given = () if parameters is None else (np.array(parameters, dtype=np.float64).reshape(-1),)
        self._parameters: tuple[Array, ...] = given
        self._objective, self._rows = objective or _zero, Stacked(constraints)
        size = _value(self._objective, start, *given).size
        if size != 1:
            raise StructureMismatch(f"the objective must return a number, got {size} elements.")
        with self.log.stage("estimate"):
            self.constraint_shapes = tuple(_value(f, start, *given).shape for f in constraints)
            self.constraint_sizes = tuple(math.prod(shape) for shape in self.constraint_shapes)
            self._constraint_jacobian = jacobian_by_differences(
                self._rows, start, *given, check=check
            )
        self.m = sum(self.constraint_sizes)

    @shared_property
    def _slope(self) -> Jacobian:
        dense = Pattern.from_dense(np.ones((1, self.n)))
        example = (self._start, *self._parameters)
        return jacobian_by_differences(self._objective, *example, pattern=dense, check=False)

    def objective(self, x: Any) -> float:
        """Return the objective."""
        self.calls["objective"] += 1
        return float(_value(self._objective, x, *self._parameters).reshape(-1)[0])

    def gradient(self, x: Any) -> Array:
        """Return the gradient of the objective, shape (n,)."""
        self.calls["gradient"] += 1
        return self._slope.values(x, *self._parameters)

    def constraints(self, x: Any) -> Array:
        """Return all constraints, shape (m,)."""
        self.calls["constraints"] += 1
        return self._rows(x, *self._parameters)

    def jacobian_values(self, x: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the constraint Jacobian, in the order of `jacobian_pattern`."""
        self.calls["jacobian"] += 1
        return self._constraint_jacobian.values(x, *self._parameters, out=out)

    @property
    def jacobian_pattern(self) -> Pattern:
        """Estimated structure of the constraint Jacobian, shape (m, n)."""
        return self._constraint_jacobian.pattern

    @property
    def hessian_pattern(self) -> Pattern:
        """There is none."""
        self._no_hessian()

    def hessian_values(self, *args: Any, **options: Any) -> Array:
        """Raise: differences are of first order."""
        self._no_hessian()

    def objective_hessian_product(self, x: Any, v: Any) -> Array:
        """Raise: differences are of first order."""
        self._no_hessian()

    def _no_hessian(self) -> NoReturn:
        raise TypeError(
            "second derivatives need traced functions, and derivatives='differences' only calls "
            "them. Use a method that takes first derivatives."
        )

    @property
    def linear_rows(self) -> NDArray[np.bool_]:
        """No row is proven affine."""
        return np.zeros(self.m, dtype=bool)

    @property
    def objective_is_linear(self) -> bool:
        """Nothing is proven."""
        return False

    @property
    def objective_is_quadratic(self) -> bool:
        """Nothing is proven."""
        return False

    def explain_nonfinite(self, x: Any) -> str:
        """Nothing is known of operations."""
        return ""

    def staleness(self, *args: Any, **options: Any) -> tuple[str, str]:
        """Return nothing: what calls the functions is never out of date."""
        return "", ""

    def is_settled(self, functions: Sequence[Any]) -> bool:
        """Return True: what calls the functions is never out of date."""
        return True

    def verify(self, x: ArrayLike | None = None) -> None:
        """Do nothing: what calls the functions is never out of date."""

    @property
    def user_calls(self) -> int:
        """How often the constraints were called, all together."""
        return self._constraint_jacobian._function.user_calls

    def report(self) -> str:
        """Return a table of sizes, how the pattern was found, and counts."""
        text = self._constraint_jacobian.report()
        return f"{table([('variables', str(self.n)), ('constraints', str(self.m))])}\n{text}"


def _value(function: Scalar, *args: Any) -> Array:
    """Call a function with arguments of its own."""
    own = [np.array(argument, dtype=np.float64) for argument in args]
    return np.asarray(function(*own), dtype=np.float64)


def _zero(*_: Any) -> float:
    return 0.0


_NONE = np.empty(0)
