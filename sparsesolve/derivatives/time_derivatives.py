"""`TimeDerivatives`: equations ``F(t, y, y') = 0``, differentiated by time as often as is asked.

Separate from `jacobian`, which takes a function as it is: the derivatives are programs, made from
that of the function, and rows of them are prepared as those of a divided function are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.comparison import CheckPoint
from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.row_part import Divided, RowPart
from sparsesolve.differentiate.time_derivative import time_derivative
from sparsesolve.fuse.roll import roll
from sparsesolve.options import Method

__all__ = ["TimeDerivatives"]

Array = NDArray[np.float64]


class TimeDerivatives:
    """Equations and their derivatives, as functions of ``z = (t, y, y', y'', ...)``.

    Parameters
    ----------
    residual : callable
        ``residual(t, y, yp, *args)``; it must not branch on the values of the first three.
    t, y : float, ndarray
        An example.
    args : sequence
        Further arguments.
    most : int
        How often an equation may be differentiated.
    method : str, optional
        As for `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> square = TimeDerivatives(lambda t, y, yp: y**2 - t, 0.0, np.ones(1), (), 1)
    >>> rows = square.rows(np.array([0]), np.array([1]))  # 2 y y' - 1
    >>> rows.inputs, rows.value(np.array([3.0, 5.0]), square.parameters, np.empty(1))
    (array([1, 2], dtype=int32), array([29.]))
    """

    def __init__(
        self,
        residual: Callable[..., Any],
        t: float,
        y: Array,
        args: Sequence[Any],
        most: int,
        method: Method = "auto",
    ) -> None:
        n = self.n = y.size

        def joined(z: Any, *given: Any) -> Any:
            return np.ravel(residual(z[0], z[1 : n + 1], z[n + 1 : 2 * n + 1], *given))

        joined.__name__ = getattr(residual, "__name__", type(residual).__name__)
        # beside zero, where a check would see nothing
        example = np.concatenate([[t], y, np.full((most + 1) * n, 1e-3)])
        divided = Divided(joined, [example, *args], 0, method)
        self.parameters, self._log = divided.parameters, divided.log
        self._point = CheckPoint(example, self.parameters)
        program = fused(roll(divided.whole))
        for _ in range(most):
            program = fused(time_derivative(program, n))
        self._program = program

    def rows(self, equations: NDArray[np.intp], times: NDArray[np.intp]) -> RowPart:
        """Prepare some equations, each differentiated so many times."""
        return RowPart(self._program, equations + self.n * times, self._log, self._point)
