"""`jacobian_by_differences`: the Jacobian of a function that is called, never traced.

It takes other options than `jacobian`, and what it gives is not exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from numpy.typing import ArrayLike

from sparsesolve.derivatives.calling import OLD_WORDS, as_scipy_calls
from sparsesolve.derivatives.differences import Differences, Scheme
from sparsesolve.derivatives.jacobian import Jacobian
from sparsesolve.errors import PatternError
from sparsesolve.options import DIFFERENCED, Format, Method, Options
from sparsesolve.structure.pattern import Pattern

__all__ = ["jacobian_by_differences", "old_spelling"]


@as_scipy_calls
def jacobian_by_differences(
    function: Callable[..., Any],
    *example_arguments: Any,
    argnum: Any = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    pattern: Pattern | Any = None,
    scheme: Scheme = "central",
    relative_step: ArrayLike | None = None,
    workers: int | Executor | None = None,
    format: Format = "csr",
    check: bool = True,
) -> Jacobian:
    """Prepare the sparse Jacobian of a black box, by colored differences.

    For what cannot be traced: simulations, compiled code, functions of other libraries.

    Parameters
    ----------
    function : callable
        Any function of arrays; its value is a scalar or an array.
    *example_arguments
        Arguments that fix shapes, and the point of the check. Where the pattern is estimated, it
        is so around this point.
    argnum : int or tuple of int, default 0
        Position of the argument to differentiate by. All others are parameters. Several
        give a tuple of Jacobians, which can be called as one.
    args, kwargs : tuple and mapping, optional
        Further arguments, as scipy passes them: `args` after the others, and so again at each
        call; `kwargs` by keyword, as constants of the function.
    pattern : Pattern, Coloring, or any matrix, optional
        Structure of the Jacobian; a coloring of columns is used as it is. If not given, it is
        estimated, with 4 calls an unknown, and may miss entries.
    scheme : {"forward", "central", "complex"}, default "central"
        1 call a color and 1 more, 2 a color, or 1 a color with a complex argument, which is exact
        where the function is analytic and takes complex numbers.
    relative_step : float or array_like, optional
        For "forward" and "central": the step relative to each element. By default scipy's: the
        square (cubic) root of the spacing of numbers, times ``max(1, abs(x))``.
    workers : int or Executor, optional
        How many threads share the calls of the function, or a `concurrent.futures` executor of
        threads or processes (or anything with a method `map`).
    format : {"csr", "csc", "dense"}, default "csr"
        Of the returned matrices.
    check : bool, default True
        Whether to compare the pattern with one directional difference.

    Returns
    -------
    Jacobian
        Its `method` is "finite-difference" or "complex-step"; it has no products, since these need
        a trace.

    Raises
    ------
    PatternError
        If the pattern misses entries at the example, or the function gives other values when it is
        called again.
    VerificationError
        If the complex step differs from real differences.

    Notes
    -----
    An estimate joins two looks: outputs that are NaN when one input is, and outputs that change
    when one input moves at random, near the example and away from it. It misses what neither shows:
    a branch not taken at these points (``x[1] if x[0] > 1e3 else x[2]``), a function that is flat
    there (rounded, clipped), an error or a choice that hides a dependence. `repr` and `report` call
    it estimated.

    Examples
    --------
    >>> import numpy as np
    >>> J = jacobian_by_differences(lambda x: (x[1:] - x[:-1]) ** 2, np.arange(4.0))
    >>> J
    <Jacobian 3x4, 6 nonzeros (50 %), finite-difference, estimated pattern>
    >>> np.round(J(np.array([0.0, 1.0, 3.0, 6.0])).toarray(), 6)
    array([[-2.,  2.,  0.,  0.],
           [ 0., -4.,  4.,  0.],
           [ 0.,  0., -6.,  6.]])
    """
    Options(format=format, check=check)
    differences = Differences(
        function,
        example_arguments,
        argnum=argnum,
        scheme=scheme,
        pattern=pattern,
        check=check,
        relative_step=relative_step,
        workers=workers,
    )
    return Jacobian(differences, differences, format)


def old_spelling(
    function: Callable[..., Any],
    example_arguments: Sequence[Any],
    method: Method,
    old: Mapping[str, Any],
    **options: Any,
) -> Jacobian:
    """Read `jacobian` with a method that does not trace, as it was written before.

    Parameters
    ----------
    function, example_arguments, method
        As for `jacobian`.
    old : mapping
        Its options that went to `jacobian_by_differences`.
    **options
        Those that both have.
    """
    unknown = sorted(set(old) - OLD_WORDS)
    if unknown:
        raise TypeError(f"jacobian() got an unexpected keyword argument {unknown[0]!r}")
    if method not in DIFFERENCED:
        raise ValueError(
            f"`pattern`, `scheme`, `relative_step` and `workers` are for black boxes, got "
            f"method={method!r}, which does not call the function; a traced function needs none. "
            "Leave them out, or use jacobian_by_differences."
        )
    if old.get("pattern") is None:
        raise PatternError(
            f"method={method!r} needs `pattern`, the structure of the Jacobian, got none. Use "
            "jacobian_by_differences, which estimates one, or method='auto', which finds it."
        )
    warnings.warn(
        f"jacobian(..., method={method!r}) is now jacobian_by_differences(...).",
        DeprecationWarning,
        stacklevel=5,
    )
    complex_step = {"scheme": "complex"} if method == "complex-step" else {}
    return jacobian_by_differences(
        function, *example_arguments, **{**old, **complex_step}, **options
    )
