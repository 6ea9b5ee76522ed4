"""Starting points: one checked vector, or a nest of arrays in its form.

Every front door is given one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.host.imports import importing
from sparsesolve.problem.bounds import Bounds, Reading, variable_bounds

if TYPE_CHECKING:
    from sparsesolve.derivatives.form import Form

__all__ = ["bounds_of", "form_of", "start_point"]

Array = NDArray[np.float64]


def form_of(x0: Any, name: str = "x0") -> Form | None:
    """Return the form of a nest of arrays; None for a vector, or what should be one.

    Parameters
    ----------
    x0 : array_like or nest
        A dict, a named tuple, a dataclass or a namespace is a nest; a list or tuple is one if it
        holds a nest or an array.
    name : str, optional
        Name of the argument, for messages.
    """
    if isinstance(x0, np.ndarray | np.generic | int | float | complex | str) or x0 is None:
        return None
    if type(x0) in (list, tuple) and not any(map(_is_part, x0)) and not _is_ragged(x0):
        return None
    # only here, so that a problem of vectors stays light
    with importing():
        from sparsesolve.derivatives.form import Form, named_parts  # noqa: PLC0415

    return None if named_parts(x0) is None else Form(x0, name)


def bounds_of(
    bounds: Bounds | None, n: int, form: Form | None, *, reading: Reading = "minimize"
) -> tuple[Array, Array]:
    """Return bounds as two vectors, of a nest by key.

    Parameters
    ----------
    bounds, n, reading
        As for `variable_bounds`.
    form : Form or None
        Of the unknowns, if they are a nest.
    """
    if form is None:
        return variable_bounds(bounds, n, reading=reading)
    with importing():
        from sparsesolve.problem.block_bounds import block_bounds  # noqa: PLC0415

    return block_bounds(bounds, form)


def _is_ragged(x0: Any) -> bool:
    """Whether lists in a list are of several lengths, so that they make no array."""
    try:
        return np.asarray(x0).dtype == object
    except ValueError:
        return True


def _is_part(item: Any) -> bool:
    """Whether something makes the list that it is in a nest."""
    if isinstance(item, np.ndarray):
        return item.ndim > 0
    return not isinstance(item, np.generic | int | float | complex | str | list) and bool(
        hasattr(item, "_fields") or hasattr(item, "__dataclass_fields__") or isinstance(item, dict)
    )


def start_point(x0: ArrayLike, name: str = "x0") -> Array:
    """Return a checked float64 copy of a starting point, shape (n,).

    Parameters
    ----------
    x0 : array_like, shape (n,)
        Starting point.
    name : str, optional
        Name of the argument, for messages.

    Returns
    -------
    ndarray, shape (n,)
        A copy.

    Raises
    ------
    TypeError
        If it is complex or not numeric.
    ValueError
        If it is empty, not one-dimensional, or not finite.
    """
    array = np.asarray(x0)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"`{name}` must hold real numbers, got dtype {array.dtype}. "
            + (
                "Split complex unknowns into real and imaginary parts."
                if array.dtype.kind == "c"
                else "Pass an array of the size that the function takes."
            )
        )
    if array.ndim == 0:
        raise ValueError(
            f"`{name}` must have one dimension, got a single number, {array}. Write "
            f"{name}=[{array}] for one variable."
        )
    if array.ndim != 1:
        raise ValueError(
            f"`{name}` must have one dimension, got shape {array.shape}. Pass {name}.ravel() and "
            "reshape inside the functions."
        )
    if array.size == 0:
        raise ValueError(f"`{name}` must hold at least one variable, got none.")
    point = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(point))
    if bad.size:
        raise ValueError(
            f"`{name}` must be finite, got {point[bad[0]]} at index {bad[0]} "
            f"({bad.size} such entries)."
        )
    return point
