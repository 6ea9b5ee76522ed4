"""`NamedRows`: numbers of the stacked constraint rows, by the names of the constraints too.

Results hold several of them, and they are arrays like any other otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["NamedRows"]

Part = tuple[str, tuple[int, ...]]


class NamedRows(np.ndarray[Any, np.dtype[np.float64]]):
    """An array of shape (m,) that takes names as keys.

    Parameters
    ----------
    values : array_like, shape (m,)
        One number a row.
    parts : sequence of (str, tuple of int)
        Name and shape of each constraint, in order.

    Examples
    --------
    >>> rows = NamedRows([1.0, 2.0, 3.0], [("sphere", ()), ("box", (2, 1))])
    >>> rows["box"]
    array([[2.],
           [3.]])
    >>> float(rows["sphere"]), rows.names
    (1.0, ('sphere', 'box'))
    """

    parts: tuple[Part, ...] = ()

    def __new__(cls, values: ArrayLike, parts: Sequence[Part]) -> NamedRows:
        """Make one, a copy."""
        made = np.array(values, dtype=np.float64).view(cls)
        made.parts = tuple(parts)
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constraints, in order."""
        return tuple(name for name, _ in self.parts)

    def __getitem__(self, key: Any) -> Any:
        """Return the rows of one constraint, in its shape; else as an array does."""
        if not isinstance(key, str):
            return np.asarray(self)[key]
        if self.names.count(key) != 1:
            what = "the name of several" if key in self.names else "none of them"
            raise KeyError(
                f"expected the name of one constraint, {list(dict.fromkeys(self.names))}, got "
                f"{key!r}, {what}. Name them: Constraint(c, lower, upper, name=...)."
            )
        start = 0
        for name, shape in self.parts:
            stop = start + math.prod(shape)
            if name == key:
                return np.asarray(self)[start:stop].reshape(shape)[()]
            start = stop
        raise AssertionError

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return a plain array of what is computed from it."""
        plain = np.asarray(array)
        return plain[()] if return_scalar else plain

    def __reduce__(self) -> Any:
        """Pickle with the names."""
        return NamedRows, (np.asarray(self), self.parts)
