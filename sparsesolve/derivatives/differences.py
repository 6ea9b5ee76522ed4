"""`Differences`: the Jacobian of a black box with a given pattern, by colored differences.

Separate because here, and only here, the user's function is called at evaluation time: for code
that cannot be traced. One or two calls a color; complex step is exact to rounding where the
function is analytic and takes complex numbers (Squire and Trapp 1998, SIAM Review 40(1)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sparsesolve.cache import shared_coloring_cache
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.errors import PatternError, StructureMismatch
from sparsesolve.pattern import Pattern
from sparsesolve.recover import forward_seeds
from sparsesolve.trace.arguments import Arguments, layout

__all__ = ["Differences"]

Array = NDArray[np.float64]
_CENTRAL_STEP = float(np.finfo(np.float64).eps ** (1 / 3))
_COMPLEX_STEP = 1e-30


class Differences(Evaluator):
    """Nonzeros of a Jacobian from calls of the function itself.

    Parameters
    ----------
    function : callable
        Any function of arrays.
    example_arguments : sequence
        Arguments that fix shapes, and the point of the check.
    argnum : int
        Position of the differentiated argument.
    method : {"finite-difference", "complex-step"}
        Central differences, or one complex call a color.
    pattern : Pattern or sparse matrix
        Structure of the Jacobian.
    check : bool
        Whether to compare with one directional difference, which shows missing entries.

    Raises
    ------
    PatternError
        If no pattern is given, it has the wrong shape, or it misses entries.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example_arguments: Sequence[Any],
        *,
        argnum: int,
        method: Literal["finite-difference", "complex-step"] | str,
        pattern: Pattern | Any,
        check: bool,
    ) -> None:
        if pattern is None:
            raise PatternError(
                f"method={method!r} needs `pattern`, the structure of the Jacobian, got none. "
                "Pass a Pattern or a scipy.sparse matrix, or use method='auto', which finds it."
            )
        self.function = function
        self.method = method
        self.pattern = pattern if isinstance(pattern, Pattern) else Pattern.from_scipy(pattern)
        names = [f"argument {k}" for k in range(len(example_arguments))]
        self.arguments: Arguments = layout(example_arguments, argnum, names)
        self.user_calls = 0
        x, parameters = self.arguments.split(example_arguments)
        value = self.evaluate(x, parameters)
        self.output_shape = value.shape
        if self.pattern.shape != (value.size, x.size):
            raise PatternError(
                f"`pattern` must have shape {(value.size, x.size)}, got {self.pattern.shape}."
            )
        self._recovery = shared_coloring_cache.get(self.pattern, structure="columns")
        if check and x.size and value.size:
            self._check(x, parameters)

    @property
    def run(self) -> Evaluator:
        """Computes the nonzeros."""
        return self

    @property
    def size(self) -> int:
        """How many there are."""
        return self.pattern.nnz

    def evaluate(self, x: Array, parameters: Sequence[Any]) -> Array:
        """Call the user's function."""
        value: Array = self._call(x, parameters)
        return value

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the nonzeros in the order of the pattern, shape (nnz,)."""
        flat = np.asarray(x, dtype=np.float64)
        products = np.empty((self.pattern.shape[0], self._recovery.coloring.nforward))
        seeds = forward_seeds(self._recovery.coloring)
        for k in range(seeds.shape[1]):
            products[:, k] = self._along(flat, seeds[:, k].reshape(flat.shape), parameters)
        return self._recovery.values(products, out=out)

    def _along(self, x: Array, direction: Array, parameters: Sequence[Any]) -> Array:
        """Differentiate along a direction; the step is scaled to the largest element moved."""
        if self.method == "complex-step":
            shifted = self._call(x + 1j * _COMPLEX_STEP * direction, parameters, complex)
            return np.asarray(shifted).imag.reshape(-1) / _COMPLEX_STEP
        step = _CENTRAL_STEP * max(1.0, float(np.abs(x[direction != 0.0]).max(initial=0.0)))
        ahead, behind = x + step * direction, x - step * direction
        difference = self._call(ahead, parameters) - self._call(behind, parameters)
        return np.asarray(difference).reshape(-1) / (2.0 * step)

    def _call(self, x: Any, parameters: Sequence[Any], kind: type = float) -> Any:
        self.user_calls += 1
        result = self.function(*self.arguments.join(x if x.ndim else x[()], parameters))
        if kind is float and np.iscomplexobj(result):
            raise StructureMismatch(
                "expected real values, got complex ones. Return .real or .imag."
            )
        return np.asarray(result, dtype=np.complex128 if kind is complex else np.float64)

    def _check(self, x: Array, parameters: Sequence[Any]) -> None:
        """Compare with a difference along a random direction, which sees every column."""
        direction = np.random.default_rng(0).uniform(0.5, 1.5, size=x.shape)
        expected = self._along(x, direction, parameters)
        found = self.pattern.to_scipy(self(x, parameters)) @ direction.reshape(-1)
        scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)))
        wrong = np.flatnonzero(np.abs(expected - found) > 1e-4 * scale)
        if wrong.size:
            raise PatternError(
                f"`pattern` misses entries: along a test direction row {int(wrong[0])} changes by "
                f"{expected[wrong[0]]:.6g}, of which the pattern explains {found[wrong[0]]:.6g}. "
                "Add the missing entries, or use method='auto', which finds them."
            )
