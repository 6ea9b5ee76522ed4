"""Operations of your own: elementwise functions with their derivatives, and handlers.

`elementwise` makes an operation of any function that NumPy can call on arrays, element by element:
its Jacobian is as sparse as that of ``np.sin``. `handler` says how a function of NumPy that is not
known yet is written with those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.scalar_ops import OPS, Slope
from sparsesolve.numpy_ops import scalar_rows
from sparsesolve.trace.dispatch import HANDLERS, implements
from sparsesolve.trace.naming import WRAPPED, load_scipy

__all__ = ["elementwise", "handler"]

_COST = 60  # as a function of scipy.special: computed once rather than again


def elementwise(
    f: Callable[..., Any],
    *derivatives: Callable[..., Any],
    partials: Sequence[Callable[..., Any] | None] | None = None,
    name: str | None = None,
) -> Callable[..., Any]:
    """Make an elementwise operation of a function.

    Parameters
    ----------
    f : callable
        Takes one array, or several that broadcast, and returns an array of their common shape. It
        is called on plain arrays only, so it may be anything: a spline, a table, compiled code.
    *derivatives : callable
        For one operand: f', f'' and so on, of the same kind. A Jacobian needs the first, a Hessian
        the first two.
    partials : sequence of callable or None, optional
        Instead: the partial derivative in each operand as a function of all operands, written with
        NumPy or with other operations. It is differentiated in turn. None stands for zero.
    name : str, optional
        What messages call it; by default the name of `f`.

    Returns
    -------
    callable
        To be called in place of `f`, on traced and on plain arrays.

    Raises
    ------
    ValueError
        If both `derivatives` and `partials` are given.

    Notes
    -----
    The machine code engine calls back into Python for such an operation, once for all elements. A
    ufunc (of SciPy, of numba) that is not known yet is recorded by its own name as well.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> cube = ss.elementwise(lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x)
    >>> J = ss.jacobian(lambda x: cube(x) + x, np.ones(3))
    >>> J(np.array([1.0, 2.0, 3.0])).toarray()
    array([[ 4.,  0.,  0.],
           [ 0., 13.,  0.],
           [ 0.,  0., 28.]])
    """
    _require_function("f", f)
    if partials is not None and derivatives:
        raise ValueError(
            "expected either derivatives of a function of one operand or `partials`, got both. "
            "Leave one of them out."
        )
    label = name or getattr(f, "__name__", "operation").strip("<>")
    if partials is not None:
        slopes = {k: "zero" if p is None else _slope(p) for k, p in enumerate(partials)}
        return _operation(f, label, slopes)
    slope: Slope = "unknown"
    for order in range(len(derivatives), 0, -1):
        made = _operation(derivatives[order - 1], label + "'" * order, {0: slope})
        slope = _slope(made)
    return _operation(f, label, {0: slope})


def handler(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say how functions of NumPy are written with others on traced arrays.

    Parameters
    ----------
    *functions : callable
        Functions of NumPy or ufuncs.

    Returns
    -------
    callable
        A decorator of the handler, which has the signature of the functions.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> @ss.extend.handler(np.nancumsum)
    ... def nancumsum(a, axis=None):
    ...     return np.cumsum(np.where(np.isnan(a), 0.0, a), axis)
    >>> ss.jacobian_pattern(lambda x: np.nancumsum(x), np.ones(3)).nnz
    6
    """
    for given in functions:
        _require_function("functions", given)
    return implements(*functions)


def _require_function(name: str, given: Any) -> None:
    if not callable(given):
        raise TypeError(f"`{name}` must be a function, got {type(given).__name__}: {given!r}.")


def _slope(derivative: Callable[..., Any]) -> Slope:
    return lambda g, ans, *operands: g * derivative(*operands)


def _operation(f: Callable[..., Any], label: str, slopes: dict[int, Slope]) -> Callable[..., Any]:
    """Add a row and make its primitive; of a ufunc that is not known also its handler."""

    def evaluate(*operands: Any) -> Any:
        value = np.asarray(f(*operands), dtype=np.float64)
        shape = np.broadcast_shapes(*map(np.shape, operands))
        if value.shape != shape:
            raise StructureMismatch(
                f"expected `{label}` to return shape {shape}, element by element, got "
                f"{value.shape}. Make it an elementwise function, or a primitive of autograd."
            )
        return value[()]

    name = f"user.{label}"
    number = 1
    while name in OPS:
        number += 1
        name = f"user.{label}#{number}"
    scalar_rows.add(name, len(slopes), _COST, path="", slopes=slopes, function=evaluate)
    made = scalar_rows.made_primitive(OPS[name], name)
    if isinstance(f, np.ufunc):
        load_scipy()
        if f not in HANDLERS and f not in WRAPPED:
            implements(f)(lambda *operands: made(*operands))
    return made
