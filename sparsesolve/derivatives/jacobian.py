"""`Jacobian`: prepared once from a function and example arguments, called at every iteration.

Separate from `hessian`, with which it shares all machinery but not its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives.again import jacobian_again
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.low_rank import by_columns, linear_operator
from sparsesolve.derivatives.branches import Guarded, with_branches
from sparsesolve.derivatives.calling import as_scipy_calls
from sparsesolve.derivatives.differences import Differences
from sparsesolve.derivatives.matrix_template import Template, template_of
from sparsesolve.derivatives.nonzeros import Nonzeros, fewest_colors, jacobian_nonzeros
from sparsesolve.derivatives.other_constants import also_for_others
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.sparse_derivative import SparseDerivative
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.differentiate import adjoint_program, tangent_program
from sparsesolve.differentiate.detect import jacobian_structure
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.errors import StructureMismatch, VerificationError
from sparsesolve.host.fork import forkable_property
from sparsesolve.options import DIFFERENCED, TRACED, Format, Method, Options
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import OtherConstant

if TYPE_CHECKING:
    from sparsesolve.coloring import Coloring

__all__ = ["Jacobian", "jacobian", "jacobian_pattern"]

Array = NDArray[np.float64]


class Jacobian(SparseDerivative):
    """The sparse Jacobian of a function; made by `jacobian`.

    Call it with the function's arguments to get a `scipy.sparse.csr_array` of shape (m, n), where
    m is the number of elements of the function's value and n that of the differentiated argument.
    Data are fresh at every call; the index arrays are shared and read-only. `pattern` holds the
    structure, `calls` counts calls.

    Examples
    --------
    >>> import numpy as np
    >>> J = jacobian(lambda x: x[1:] * x[:-1], np.ones(3))
    >>> J
    <Jacobian 2x3, 4 nonzeros (66.7 %), compiled>
    >>> J(np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    >>> J.values(np.array([1.0, 2.0, 3.0])), J.vjp(np.ones(3), np.array([1.0, 1.0]))
    (array([2., 1., 3., 2.]), array([1., 2., 1.]))
    """

    def __init__(
        self, nonzeros: Nonzeros, function: TracedFunction | Differences, format: Format
    ) -> None:
        super().__init__(nonzeros, function)
        self.format = format
        if not isinstance(nonzeros, Blocked):
            _ = self._matrix  # now, and not at the first call

    @forkable_property
    def _matrix(self) -> Template:
        if isinstance(self._function, Differences):
            return self._new_matrix(self.pattern)
        name = "Jacobian's matrices", self.format
        pattern = self.pattern
        return self._function.made(name, lambda: self._new_matrix(pattern))

    def _new_matrix(self, pattern: Pattern) -> Template:
        return template_of(pattern, self.format, of_number=self._function.output_shape == ())

    def _limited(self, function: TracedFunction, nonzeros: Nonzeros) -> Evaluator:
        if isinstance(nonzeros, Blocked) and not (function.limits.needed and nonzeros.is_formable):
            return function.limits.guard(nonzeros.run)
        pattern = nonzeros.pattern
        return function.limits.guard(
            nonzeros.run,
            rows=pattern.rows,
            variables=(pattern.indices,),
            again=jacobian_again(pattern, function.log.options),
        )

    @property
    def coloring(self) -> Coloring:
        """The coloring in use, or the one with fewest colors where none is needed."""
        recovery = getattr(self._nonzeros, "recovery", None)
        made: Coloring = (recovery or fewest_colors(self.pattern)).coloring
        return made

    def __call__(self, *args: Any) -> Any:
        """Return the Jacobian as a sparse array with fresh data.

        Parameters
        ----------
        *args
            Arguments as the function takes them, in the shapes of the example. For other integers
            that are sizes or indices, other words or flags, the function is traced anew, once for
            each; `pattern` stays that of the example, and what `values` gives is in its order.

        Returns
        -------
        csr_array, csc_array or ndarray, shape (m, n)
            Canonical; entries of the pattern that happen to be zero are stored. With
            ``format="dense"`` of a function that returns a number: shape (n,).
        """
        try:
            self.calls["values"] += 1
            return self._matrix(self._values(args))
        except OtherConstant:
            return self.for_others(args)(*args)

    def value(self, *args: Any) -> Array:
        """Return the function's value, in its own shape, without calling the user's function."""
        if isinstance(self._function, Differences):
            return self._function.evaluate(*self._arguments("value", args))
        self.calls["value"] += 1
        try:
            return self._value(args).reshape(self._function.output_shape)
        except OtherConstant:
            value: Array = self.for_others(args).value(*args)
            return value

    def value_and_jacobian(self, *args: Any) -> tuple[Array, Any]:
        """Return both."""
        return self.value(*args), self(*args)

    @also_for_others
    def jvp(self, *args: Any) -> Array:
        """Return ``J(x) @ v``, shape (m,); `v` of shape (n,) or of x comes last."""
        x, parameters = self._arguments("jvp", args[:-1])
        run = self._derivative("jvp", tangent_program, rows=np.arange(self.shape[0]))
        return run(x, [*parameters, direction("v", args[-1], self.shape[1])])

    @also_for_others
    def vjp(self, *args: Any) -> Array:
        """Return ``J(x).T @ w``, shape (n,); `w` of shape (m,) or of the value comes last."""
        x, parameters = self._arguments("vjp", args[:-1])
        variables = (np.arange(self.shape[1]),)
        run = self._derivative("vjp", adjoint_program, variables=variables)
        return run(x, [*parameters, direction("w", args[-1], self.shape[0])])

    def as_linear_operator(self, *args: Any) -> Any:
        """Return the Jacobian at a point as scipy's `LinearOperator`, without forming it.

        Where many rows read the same sums it is held as sparse + low rank; otherwise products are
        those of `jvp` and `vjp`.

        Parameters
        ----------
        *args
            Arguments of a call.

        Examples
        --------
        >>> import numpy as np
        >>> J = jacobian(lambda x: x**2 + np.mean(x), np.ones(4))
        >>> J.as_linear_operator(np.ones(4)) @ np.ones(4)
        array([3., 3., 3., 3.])
        """
        found = self._factored(args)
        if found is not None:
            return linear_operator(self.shape, found.times, found.transposed_times)
        m, n = self.shape
        return linear_operator(
            self.shape,
            lambda v: by_columns(lambda column: self.jvp(*args, column), v, m),
            lambda w: by_columns(lambda column: self.vjp(*args, column), w, n),
        )

    def anew(self, function: Callable[..., Any], args: Sequence[Any]) -> Jacobian:
        """Prepare the Jacobian of a function, at these arguments, as this one was prepared.

        Raises
        ------
        VerificationError
            If this one is of differences: the function may be one that cannot be traced.
        """
        if isinstance(self._function, Differences):
            raise VerificationError(
                "expected `jac` to be of the function that is solved, got one by differences of "
                "another. Prepare it of this function."
            )
        log = self._function.log
        return jacobian(
            function,
            *args,
            argnum=self.argnum,
            method=log.options.method,
            format=self.format,
            check=self._function.checked,
            threads=log.options.threads,
        )


@as_scipy_calls
def jacobian(
    function: Callable[..., Any],
    *example_arguments: Any,
    argnum: Any = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    method: Method = "auto",
    format: Format = "csr",
    check: bool = True,
    threads: int = 1,
    **old: Any,
) -> Jacobian:
    """Prepare the sparse Jacobian of a NumPy function.

    The function is traced once; structure is found here and reused at every call.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code; its value is a scalar or an array.
    *example_arguments
        Arguments that fix shapes; values do not matter.
    argnum : int or tuple of int, default 0
        Position of the argument to differentiate by. All others are parameters: they may
        change at each call. Several give a tuple of Jacobians, which can be called as one.
    args, kwargs : tuple and mapping, optional
        Further arguments, as scipy passes them: `args` after the others, and so again at each
        call; `kwargs` by keyword, as constants of the function.
    method : str, default "auto"
        "compiled": machine code for the nonzeros; "interpreted": the same program in NumPy;
        "colored": products with seeds; "auto": the first of these that works.
    format : {"csr", "csc", "dense"}, default "csr"
        Of the returned matrices.
    check : bool, default True
        Whether to compare the trace with one plain call at a second point, and machine code with
        the interpreter.
    threads : int, default 1
        How many threads share a long loop of machine code.
    **old
        `pattern`, `scheme`, `relative_step`, `workers` with method "finite-difference" or
        "complex-step": as `jacobian_by_differences` was written before; warns.

    Returns
    -------
    Jacobian

    Raises
    ------
    TraceError
        If the function cannot be traced; the message names the line and the fix.
    VerificationError
        If the traced function differs from the function at a second point, or machine code from
        the interpreter.

    See Also
    --------
    jacobian_by_differences : For functions that cannot be traced.

    Notes
    -----
    Set-up is linear in the number of primitive calls and nonzeros. The function is called twice.

    Examples
    --------
    >>> import numpy as np
    >>> J = jacobian(lambda x: (x[1:] - x[:-1]) ** 2, np.zeros(4))
    >>> J(np.array([0.0, 1.0, 3.0, 6.0])).toarray()
    array([[-2.,  2.,  0.,  0.],
           [ 0., -4.,  4.,  0.],
           [ 0.,  0., -6.,  6.]])
    """
    options = Options(method, threads, format, check, (*TRACED, *DIFFERENCED))
    if old or method in DIFFERENCED:
        # a maker of Jacobians, and so above this module
        from sparsesolve.derivatives.by_differences import old_spelling  # noqa: PLC0415

        given = {"argnum": argnum, "format": format, "check": check}
        return old_spelling(function, example_arguments, method, old, **given)

    def prepare(args: Sequence[Any], options: Options, guarded: Guarded) -> Jacobian:
        log = PrepareLog(options)
        traced = TracedFunction(
            function, args, argnum=argnum, checked=options.check, log=log, guarded=guarded
        )
        nonzeros = traced.made("Jacobian", lambda: jacobian_nonzeros(traced.program, log))
        return Jacobian(nonzeros, traced, format)

    return with_branches(prepare, example_arguments, options, _family)


def _family(first: Jacobian, make: Callable[[Sequence[Any], bool], Jacobian]) -> Jacobian:
    from sparsesolve.derivatives.branched import BranchedJacobian  # noqa: PLC0415  (is built on us)

    return BranchedJacobian(first, make)


def jacobian_pattern(
    function: Callable[..., Any], *example_arguments: Any, argnum: int = 0, local: bool = False
) -> Pattern:
    """Detect the sparsity pattern of a Jacobian.

    Parameters
    ----------
    function : callable
        Ordinary NumPy code.
    *example_arguments
        Arguments that fix shapes; with ``local=True`` also the point.
    argnum : int, default 0
        Position of the argument to differentiate by.
    local : bool, default False
        Whether to keep only entries that are nonzero at the given point. Otherwise the pattern
        holds at every point.

    Returns
    -------
    Pattern, shape (m, n)

    Examples
    --------
    >>> import numpy as np
    >>> jacobian_pattern(lambda x: x[:2] * x[2], np.ones(3)).to_dense().astype(int)
    array([[1, 0, 1],
           [0, 1, 1]])
    """
    if local:
        J = jacobian(function, *example_arguments, argnum=argnum, method="interpreted")
        return nonzero_part(J.pattern, J.values(*example_arguments))
    traced = TracedFunction(function, example_arguments, argnum=argnum, checked=False)
    return jacobian_structure(traced.program)


def nonzero_part(pattern: Pattern, values: Array) -> Pattern:
    """Keep the entries whose value is not exactly zero."""
    keep = values != 0.0
    rows, columns = pattern.rows[keep], pattern.indices[keep]
    ones = np.ones(rows.size)
    return Pattern.from_scipy(sp.coo_array((ones, (rows, columns)), shape=pattern.shape))


def direction(name: str, given: Any, size: int) -> Array:
    """Check a direction or weights and make it flat."""
    if np.iscomplexobj(given):
        raise StructureMismatch(
            f"`{name}` must be real, got complex numbers. Products are linear: pass the real and "
            "the imaginary part one after the other."
        )
    vector = np.asarray(given, dtype=np.float64).reshape(-1)
    if vector.size != size:
        raise ValueError(f"`{name}` must have {size} elements, got {vector.size}.")
    return vector
