"""`Hessian` of scalar functions, prepared once.

Separate from `jacobian` because symmetry is what this file is about: the lower triangle is
computed, the full matrix is one cached gather away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.again import hessian_again, program_again
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.low_rank import by_columns, linear_operator
from sparsesolve.derivatives.bound_evaluator import BoundEvaluator
from sparsesolve.derivatives.branches import Guarded, with_branches
from sparsesolve.derivatives.calling import as_scipy_calls
from sparsesolve.derivatives.derivative import SymmetricDerivative
from sparsesolve.derivatives.fused import Fused, fused, fused_gradient
from sparsesolve.derivatives.jacobian import nonzero_part
from sparsesolve.derivatives.matrix_template import template_of
from sparsesolve.derivatives.nonzeros import Nonzeros, colorings, hessian_nonzeros
from sparsesolve.derivatives.other_constants import embedded
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.scalar_derivative import ScalarDerivative, scalar_function, slopes_of
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.differentiate import gradient_program
from sparsesolve.differentiate.detect import jacobian_structure
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.fuse.roll import roll
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower_layers
from sparsesolve.options import Format, Method, Options
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import OtherConstant

if TYPE_CHECKING:
    from sparsesolve.coloring import Coloring

__all__ = ["Hessian", "SymmetricTemplate", "hessian", "hessian_pattern"]

Array = NDArray[np.float64]


class SymmetricTemplate:
    """From the values of a lower triangle to full symmetric matrices.

    Parameters
    ----------
    lower : Pattern, shape (n, n)
        Entries with row >= column.
    format : {"csr", "csc", "dense"}
        Of the matrices; of a symmetric matrix both sparse ones have the same indices.
    """

    def __init__(self, lower: Pattern, format: Format = "csr") -> None:
        n = lower.shape[1]
        if lower.nnz == n * (n + 1) // 2:
            self.pattern = Pattern.full((n, n))
        else:
            self.pattern, self.gather = self._mirrored(lower)
        self._matrix = template_of(self.pattern, format)

    @forkable_property
    def gather(self) -> NDArray[np.intp]:
        """Which value of the lower triangle each value is; of a full matrix by arithmetic."""
        n = self.pattern.shape[0]
        places = np.empty((n, n), dtype=np.intp)  # of the kind that is taken without a copy
        for row in range(n):
            start = row * (row + 1) // 2
            places[row, : row + 1] = np.arange(start, start + row + 1)
            places[:row, row] = places[row, :row]
        return places.reshape(-1)

    def _mirrored(self, lower: Pattern) -> tuple[Pattern, NDArray[np.intp]]:
        # a row of the whole is that of the lower triangle, then the column below the diagonal
        rows, columns, n = lower.rows, lower.indices, lower.shape[1]
        strict = np.flatnonzero(rows > columns)
        upper = strict[np.argsort(columns[strict], kind="stable")]
        above = np.bincount(columns[strict], minlength=n)
        behind = np.cumsum(above) - above
        indptr = lower.indptr + np.concatenate([[0], np.cumsum(above)])
        left = np.arange(lower.nnz) + behind[rows]
        right = np.arange(upper.size) + lower.indptr[1:].astype(np.int64)[columns[upper]]
        gather = np.empty(lower.nnz + upper.size, dtype=np.intp)
        gather[left], gather[right] = np.arange(lower.nnz), upper
        indices = np.empty(gather.size, dtype=np.int32)
        indices[left], indices[right] = columns, rows[upper]
        return Pattern(lower.shape, indptr.astype(np.int32), indices), gather

    def __call__(self, lower_values: Array) -> Any:
        """Return the full matrix."""
        return self.of_full(lower_values.take(self.gather, mode="clip"))

    def of_full(self, values: Array) -> Any:
        """Return the full matrix of the values of both triangles."""
        return self._matrix(values)


class Hessian(SymmetricDerivative, ScalarDerivative):
    """The sparse Hessian of a scalar function; made by `hessian`.

    Call it with the function's arguments to get the full symmetric `csr_array` of shape (n, n).
    `values` and `lower_values` give the nonzeros of the full matrix and of its lower triangle,
    whose structures are `pattern` and `lower_pattern`; `calls` counts calls.

    Examples
    --------
    >>> import numpy as np
    >>> H = hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(3))
    >>> H(np.array([1.0, 2.0, 3.0])).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    >>> H.lower_pattern.nnz, H.hvp(np.ones(3), np.array([1.0, 0.0, 0.0]))
    (4, array([2., 2., 0.]))
    """

    _name = "Hessian"
    _row = "gradient element"
    hvp = ScalarDerivative.hvp

    def __init__(self, function: TracedFunction, nonzeros: Nonzeros, format: Format) -> None:
        super().__init__(nonzeros, function)
        self.format: Format = format
        if not isinstance(nonzeros, Blocked):
            _ = self._full  # now, and not at the first call

    @forkable_property
    def _full(self) -> SymmetricTemplate:
        pattern, format = self._nonzeros.pattern, self.format
        name = "Hessian's matrices", format
        return self._traced("matrices").made(name, lambda: SymmetricTemplate(pattern, format))

    def _unfused(self) -> Program:
        return gradient_program(super()._unfused())

    def _entries(self, args: Sequence[Any]) -> tuple[Pattern, Array]:
        return self.lower_pattern, self.lower_values(*args)

    def _limited(self, function: TracedFunction, nonzeros: Nonzeros) -> Evaluator:
        if isinstance(nonzeros, Blocked):  # what is not finite spreads to all unknowns of a sum
            return function.limits.guard(nonzeros.run)
        pattern = nonzeros.pattern
        return function.limits.guard(
            nonzeros.run,
            variables=(pattern.rows, pattern.indices),
            again=hessian_again(pattern, fused_gradient, function.log.options),
        )

    @property
    def pattern(self) -> Pattern:
        """Structure of the full matrix, shape (n, n)."""
        return self._full.pattern

    @property
    def lower_pattern(self) -> Pattern:
        """Structure of the lower triangle."""
        return self._nonzeros.pattern

    @property
    def coloring(self) -> Coloring:
        """A star coloring of the pattern."""
        return colorings().get(self.pattern, structure="symmetric").coloring

    def __call__(self, *args: Any) -> Any:
        """Return the full symmetric matrix, with fresh data and shared read-only indices."""
        try:
            dense = self._dense(args)
            if dense is not None:
                return self._full.of_full(dense)
            self.calls["values"] += 1
            return self._full(self._values(args))
        except OtherConstant:
            return self.for_others(args)(*args)

    def _dense(self, args: Sequence[Any]) -> Array | None:
        """Return the values of both triangles where they are found at once."""
        nonzeros = self._nonzeros
        if (
            isinstance(nonzeros, Blocked)
            and nonzeros.is_full
            and self._values.evaluator is nonzeros
        ):
            return nonzeros.dense(*self._arguments("values", args)).reshape(-1)
        return None

    def lower_values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the lower triangle in the order of `lower_pattern`."""
        self.calls["values"] += 1
        try:
            return self._values(args, out)
        except OtherConstant:
            other = self.for_others(args)
            values = other.lower_values(*args)
            return embedded(values, other.lower_pattern, self.lower_pattern, out)

    def values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the full matrix in the order of `pattern`."""
        if out is not None:
            output_buffer(out, self.nnz)
        return self.lower_values(*args).take(self._full.gather, out=out, mode="clip")

    def gradient(self, *args: Any) -> Array:
        """Return the gradient, shape (n,)."""
        self.calls["gradient"] += 1
        try:
            return self._gradient(args)
        except OtherConstant:
            gradient: Array = self.for_others(args).gradient(*args)
            return gradient

    @forkable_property
    def _gradient(self) -> BoundEvaluator:
        variables = (np.arange(self.shape[1]),)
        again = program_again(fused_gradient, self._traced("gradient").log.options)
        return self._call("gradient", self._gradient_program, variables, again)

    def as_linear_operator(self, *args: Any) -> Any:
        """Return the Hessian at a point as scipy's `LinearOperator`, without forming it.

        Where sums couple most unknowns it is held as sparse + low rank; otherwise products are
        those of `hvp`.

        Parameters
        ----------
        *args
            Arguments of a call.

        Examples
        --------
        >>> import numpy as np
        >>> H = hessian(lambda x: np.sum(x) ** 2 + np.sum(x**4), np.ones(20_000))
        >>> (H.as_linear_operator(np.zeros(20_000)) @ np.ones(20_000))[:2]
        array([40000., 40000.])
        """
        found = self._factored(args)
        if found is not None:
            return linear_operator(self.shape, found.times, found.times)

        def times(v: Array) -> Array:
            return by_columns(lambda column: self.hvp(*args, column), v, self.shape[0])

        return linear_operator(self.shape, times, times)


@as_scipy_calls
def hessian(
    function: Callable[..., Any],
    *example_arguments: Any,
    argnum: Any = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    method: Method = "auto",
    format: Format = "csr",
    check: bool = True,
    threads: int = 1,
) -> Hessian:
    """Prepare the sparse Hessian of a scalar NumPy function.

    Parameters
    ----------
    function : callable
        Returns a number.
    *example_arguments
        Arguments that fix shapes.
    argnum : int or tuple of int, default 0
        Position of the argument to differentiate by; all others are parameters. Several
        give a tuple of Hessians, which can be called as one.
    args, kwargs : tuple and mapping, optional
        Further arguments, as scipy passes them: `args` after the others, and so again at each
        call; `kwargs` by keyword, as constants of the function.
    method : {"auto", "compiled", "interpreted", "colored"}
        As for `jacobian`.
    format : {"csr", "csc", "dense"}, default "csr"
        Of the returned matrices.
    check : bool, default True
        Whether to compare the trace with one plain call at a second point, and machine code
        with the interpreter.
    threads : int, default 1
        How many threads share a long loop of machine code.

    Returns
    -------
    Hessian

    Raises
    ------
    TraceError
        If the function cannot be traced.
    StructureMismatch
        If it does not return a scalar.

    Notes
    -----
    The Jacobian of the gradient program, lower triangle only; the pattern is that of the true
    second derivatives, so linear and separable parts add nothing.

    Examples
    --------
    >>> import numpy as np
    >>> H = hessian(lambda x: x[0] / x[1] + x[2], np.ones(3))
    >>> H(np.array([1.0, 2.0, 3.0])).toarray()
    array([[ 0.  , -0.25,  0.  ],
           [-0.25,  0.25,  0.  ],
           [ 0.  ,  0.  ,  0.  ]])
    """

    def prepare(args: Sequence[Any], options: Options, guarded: Guarded) -> Hessian:
        log = PrepareLog(options)
        traced = scalar_function(function, args, argnum, options.check, log, guarded)

        def make() -> Nonzeros:
            slopes, layered = partial(slopes_of, traced), partial(_with_layers, traced)
            return hessian_nonzeros(traced.program, slopes, log, layered=layered)

        return Hessian(traced, traced.made("Hessian", make), format)

    options = Options(method, threads, format, check)
    return with_branches(prepare, example_arguments, options, _hessians)


def _with_layers(traced: TracedFunction) -> Fused | None:
    """Return the function with the sums of its layers kept, if it has any."""
    with traced.log.stage("lower"):
        lowered = lower_layers(traced.traced.tape)
    return None if lowered is None else fused(roll(lowered), traced.log)


def _hessians(first: Hessian, make: Callable[[Sequence[Any], bool], Hessian]) -> Hessian:
    from sparsesolve.derivatives.branched import BranchedHessian  # noqa: PLC0415  (is built on us)

    return BranchedHessian(first, make)


def hessian_pattern(
    function: Callable[..., Any], *example_arguments: Any, argnum: int = 0, local: bool = False
) -> Pattern:
    """Detect the sparsity pattern of a Hessian, both triangles.

    Parameters
    ----------
    function : callable
        Returns a number.
    *example_arguments
        Arguments that fix shapes; with ``local=True`` also the point.
    argnum : int, default 0
        Position of the argument to differentiate by.
    local : bool, default False
        Whether to keep only entries that are nonzero at the given point.

    Returns
    -------
    Pattern, shape (n, n)

    Examples
    --------
    >>> import numpy as np
    >>> hessian_pattern(lambda x: np.sum(np.diff(x) ** 3), np.ones(4)).to_dense().astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    if local:
        H = hessian(function, *example_arguments, argnum=argnum, method="interpreted")
        return nonzero_part(H.pattern, H.values(*example_arguments))
    traced = scalar_function(function, example_arguments, argnum, False)
    pattern = jacobian_structure(fused(gradient_program(traced.program)))
    return pattern.union(pattern.T)
