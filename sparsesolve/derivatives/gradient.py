"""`Gradient`: of a scalar function, prepared once: a Jacobian of one dense row.

Separate from `jacobian` because it is called for an array in the shape of x, not for a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.again import program_again
from sparsesolve.derivatives.branches import Guarded, with_branches
from sparsesolve.derivatives.calling import as_scipy_calls
from sparsesolve.derivatives.fused import fused_gradient
from sparsesolve.derivatives.jacobian import direction
from sparsesolve.derivatives.nonzeros import Accumulated, Nonzeros, engine_name
from sparsesolve.derivatives.other_constants import also_for_others
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.scalar_derivative import ScalarDerivative, scalar_function, slopes_of
from sparsesolve.derivatives.traced_function import Executable, TracedFunction, executable
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.options import Method, Options
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import OtherConstant

__all__ = ["Gradient", "gradient"]

Array = NDArray[np.float64]


class Gradient(ScalarDerivative):
    """The gradient of a scalar function; made by `gradient`.

    Call it with the function's arguments to get an array in the shape of the differentiated one.
    As a matrix it has one row, whose n entries are all in `pattern`; `values` gives them flat.

    Examples
    --------
    >>> import numpy as np
    >>> g = gradient(lambda x: np.sum(x**3), np.ones(2))
    >>> g(np.array([1.0, 2.0])), g.value_and_gradient(np.array([1.0, 2.0]))[0]
    (array([ 3., 12.]), 9.0)
    """

    def __init__(self, function: TracedFunction, run: Executable) -> None:
        n = run.size
        row = Pattern((1, n), np.array([0, n], dtype=np.int32), np.arange(n, dtype=np.int32))
        super().__init__(Accumulated(row, run, engine_name(run), "gradient"), function)
        self._shape = function.arguments.tree[function.arguments.argnum].shape

    _name = "gradient"

    def _limited(self, function: TracedFunction, nonzeros: Nonzeros) -> Evaluator:
        return function.limits.guard(
            nonzeros.run,
            variables=(nonzeros.pattern.indices,),
            again=program_again(fused_gradient, function.log.options),
        )

    def __call__(self, *args: Any) -> Array:
        """Return the gradient in the shape of the differentiated argument."""
        self.calls["values"] += 1
        try:
            return self._values(args).reshape(self._shape)
        except OtherConstant:
            gradient: Array = self.for_others(args)(*args)
            return gradient

    def value_and_gradient(self, *args: Any) -> tuple[float, Array]:
        """Return both."""
        return self.value(*args), self(*args)

    @also_for_others
    def jvp(self, *args: Any) -> Array:
        """Return ``g @ v``, shape (1,); `v` of shape (n,) or of x comes last."""
        self.calls["jvp"] += 1
        along = direction("v", args[-1], self.shape[1])
        return np.array([self._values(args[:-1]) @ along])

    @also_for_others
    def vjp(self, *args: Any) -> Array:
        """Return ``w * g``, shape (n,); `w`, one number, comes last."""
        self.calls["vjp"] += 1
        weight = direction("w", args[-1], 1)
        return weight * self._values(args[:-1])


@as_scipy_calls
def gradient(
    function: Callable[..., Any],
    *example_arguments: Any,
    argnum: Any = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    method: Method = "auto",
    check: bool = True,
    threads: int = 1,
) -> Gradient:
    """Prepare the gradient of a scalar NumPy function.

    Parameters
    ----------
    function : callable
        Returns a number.
    *example_arguments
        Arguments that fix shapes.
    argnum : int or tuple of int, default 0
        Position of the argument to differentiate by. Several give a tuple of gradients,
        which can be called as one.
    args, kwargs : tuple and mapping, optional
        Further arguments, as scipy passes them: `args` after the others, and so again at each
        call; `kwargs` by keyword, as constants of the function.
    method : {"auto", "compiled", "interpreted", "colored"}
        Machine code where possible, or NumPy; a gradient has nothing to color.
    check : bool, default True
        Whether to compare the trace with one plain call at a second point, and machine code
        with the interpreter.
    threads : int, default 1
        How many threads share a long loop of machine code.

    Returns
    -------
    Gradient

    Raises
    ------
    TraceError
        If the function cannot be traced.
    StructureMismatch
        If it does not return a scalar.

    Examples
    --------
    >>> import numpy as np
    >>> gradient(lambda x: np.sum(x**2), np.zeros(3))(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """

    def prepare(args: Sequence[Any], options: Options, guarded: Guarded) -> Gradient:
        log = PrepareLog(options)
        traced = scalar_function(function, args, argnum, options.check, log, guarded)

        def make() -> Executable:
            return executable(slopes_of(traced), log, lambda k: f"gradient[{k}]")

        return Gradient(traced, traced.made("gradient", make))

    options = Options(method, threads, check=check)
    return with_branches(prepare, example_arguments, options, _gradients)


def _gradients(first: Gradient, make: Callable[[Sequence[Any], bool], Gradient]) -> Gradient:
    from sparsesolve.derivatives.branched import BranchedGradient  # noqa: PLC0415  (is built on us)

    return BranchedGradient(first, make)
