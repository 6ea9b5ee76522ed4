"""`PointFunction`: a user's function of one instant, at all points of a mesh.

Separate because it decides how that function is called: once, with rows of numbers where it expects
numbers, if that gives what it gives point by point; else point by point.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PointFunction", "Points", "sample_size"]

Array = NDArray[np.float64]
Points = tuple[Any, Any, Any, Any]
"""Times, shape (N,), states, (nx, N), controls, (nu, N), and parameters by name."""


class PointFunction:
    """``function(t, x, u, p)`` at many points.

    Parameters
    ----------
    function : callable
        The user's. Returns a number, or a list or array of them.
    label : str
        What it is, for messages.
    sample : Points
        Some points at which both ways of calling it are compared; their number differs from all
        other sizes, so that no axis is taken for another.
    wide : Points
        The same, far apart, where the function may be undefined: on both sides of what it asks of
        all points at once (``if np.all(x[0] > 0)``).
    rows : int, optional
        How many numbers it must return; as many as it does if not given.

    Raises
    ------
    ValueError
        If it returns another number of values.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        label: str,
        sample: Points,
        wide: Points,
        rows: int | None = None,
    ) -> None:
        self.__wrapped__ = function
        self.label = label
        self.__name__ = getattr(function, "__name__", label)
        try:
            expected = self._each(sample)
        except Exception as error:
            error.add_note(_call_in_words(label, sample))
            raise
        self.rows = len(expected)
        if rows is not None and self.rows != rows:
            raise ValueError(
                f"`{label}` must return {rows} values, got {self.rows}. Dynamics return one for "
                "each row of the states, running costs a number."
            )
        self.why_pointwise = self._difference(sample, expected) or self._difference_far(wide)

    @property
    def is_vectorized(self) -> bool:
        """Whether it is called once for all points."""
        return not self.why_pointwise

    def __call__(self, t: Any, x: Any, u: Any, p: Any) -> Any:
        """Return the values at all points, shape (rows, N)."""
        return self._at_once((t, x, u, p)) if self.is_vectorized else self._each((t, x, u, p))

    def _at_once(self, points: Points) -> Any:
        return _rows(self.__wrapped__(*points), len(points[0]))

    def _each(self, points: Points) -> Any:
        t, x, u, p = points
        values = [self.__wrapped__(t[k], x[:, k], u[:, k], p) for k in range(len(t))]
        if any(value is None for value in values):
            raise TypeError(f"`{self.label}` must return numbers, got None. Let it `return` them.")
        columns = [_flat(value) for value in values]
        sizes = {len(column) for column in columns}
        if len(sizes) > 1:
            raise ValueError(
                f"`{self.label}` must return equally many values everywhere, got {sorted(sizes)}."
            )
        return np.stack(columns, axis=1)

    def _difference_far(self, wide: Points) -> str:
        """Say the same of points where the function may be undefined; then nothing is said."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._difference(wide, self._each(wide))
        except Exception:  # point by point as well: it does not take such points
            return ""

    def _difference(self, sample: Points, expected: Array) -> str:
        """Say why the function cannot be called for all points at once; empty where it can."""
        try:
            found = self._at_once(sample)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        size = np.where(np.isfinite(expected), np.abs(expected), 0.0).max(axis=1, keepdims=True)
        if np.shape(found) != expected.shape:
            return f"it returns shape {np.shape(found)} for {expected.shape}"
        if not np.allclose(found, expected, rtol=1e-9, atol=1e-11 * size, equal_nan=True):
            return "it returns other values for many points than for one after the other"
        return ""


def _call_in_words(label: str, sample: Points) -> str:
    """Say how a function was called that raised an error."""
    _, x, u, p = sample
    return (
        f"`{label}` is called as f(t, x, u, p): with a number, arrays of shapes ({len(x)},) and "
        f"({len(u)},), and a dictionary of {list(p)}."
    )


def _rows(value: Any, points: int) -> Any:
    """Return what a function gave for many points, shape (rows, points)."""
    if isinstance(value, list | tuple):
        return np.concatenate([_rows(item, points) for item in value])
    shape = np.shape(value)
    if len(shape) < 2:
        return np.broadcast_to(value, (1, points))
    return np.broadcast_to(value, (shape[0], points))


def _flat(value: Any) -> Any:
    """Return what a function gave for one point, shape (rows,)."""
    if isinstance(value, list | tuple):
        return np.concatenate([_flat(item) for item in value])
    return np.reshape(value, (-1,))


def sample_size(sizes: Sequence[int]) -> int:
    """Return a number of points that is none of the sizes."""
    return next(k for k in (7, 11, 13, 17, 5) if k not in sizes)
