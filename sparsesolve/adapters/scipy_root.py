"""``scipy.optimize.root`` by its own methods, with an exact Jacobian where a method takes one.

They are dense, or ignore the Jacobian: our own method is in `root`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from sparsesolve.adapters.residual_result import residual_result
from sparsesolve.adapters.scipy_methods import load_scipy
from sparsesolve.methods.failure import INTERRUPTED, NUMERICAL, describe_failure
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.residual import Residual
from sparsesolve.methods.residual_measure import measure_residual
from sparsesolve.problem.result import Result, Status

__all__ = ["SCIPY_ROOT_METHODS", "solve_by_scipy"]

Array = NDArray[np.float64]

_TAKE_JACOBIAN = ("hybr", "lm")
SCIPY_ROOT_METHODS = (
    *_TAKE_JACOBIAN, "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden",
    "excitingmixing", "krylov", "df-sane",
)  # fmt: skip

# of the residual over what a change of the variables by their own size makes of it
_RELATIVE = 1e-4


def solve_by_scipy(
    residual: Residual,
    x0: Array,
    method: str,
    tol: float | None,
    options: Mapping[str, Any] | None,
    monitor: Monitor,
) -> Result:
    """Solve F(x) = 0 from `x0` by a method of scipy.

    Parameters
    ----------
    residual : Residual
        F and its Jacobian, square.
    x0 : ndarray, shape (n,)
        Start.
    method : str
        One of `SCIPY_ROOT_METHODS`.
    tol, options : float, mapping, optional
        As scipy understands them for this method.
    monitor : Monitor
        Receives the iterations of the methods that tell.

    Returns
    -------
    Result
        Also where the method fails.
    """
    load_scipy()
    call = _Call(residual, monitor)
    if not np.all(np.isfinite(residual.value(x0))):
        k = int(np.flatnonzero(~np.isfinite(residual.value(x0)))[0])
        text = f"The residual is {residual.value(x0)[k]} in row {k} at the start."
        return residual_result(residual, monitor, x0, Status.EVALUATION_ERROR, text)
    try:
        call.report(x0, residual.value(x0))
        raw = scipy.optimize.root(
            call.value, x0, method=method, tol=tol, options=dict(options or {}), **call.more(method)
        )
    except StopIteration:
        return call.ended(x0, Status.STOPPED, "The callback stopped the solve.")
    except KeyboardInterrupt:
        text = INTERRUPTED
        return call.ended(x0, Status.INTERRUPTED, text)
    except NUMERICAL as failure:
        text = describe_failure(failure, (call.error, monitor.error), options, method)
        if not text:
            raise
        return call.ended(x0, Status.FAILED, text)
    status, text = _judged(residual, np.asarray(raw.x), raw)
    return residual_result(residual, monitor, np.asarray(raw.x), status, text)


def _judged(residual: Residual, x: Array, raw: Any) -> tuple[Status, str]:
    """Return a status: what scipy says, where our own measure agrees."""
    F, text = residual.value(x), str(raw.message).replace("\n", " ").strip()
    if not np.all(np.isfinite(F)):
        return Status.EVALUATION_ERROR, f"The residual is not finite. {text}"
    if not raw.success:
        return (Status.ITERATION_LIMIT if int(raw.status) == 2 else Status.STALLED), text
    relative = measure_residual(F, residual.csc(x), x).relative
    if relative <= _RELATIVE:
        return Status.SOLVED, text
    return Status.STALLED, f"{text} But the residual is {np.max(np.abs(F)):.3e}, not small."


class _Call:
    """The function in the form that scipy takes; remembers what the user's own code raised."""

    def __init__(self, residual: Residual, monitor: Monitor) -> None:
        self.residual = residual
        self.monitor = monitor
        self.error: BaseException | None = None
        self._previous: Array | None = None

    def value(self, x: Array) -> Array:
        try:
            return self.residual.value(x)
        except BaseException as error:
            self.error = error
            raise

    def more(self, method: str) -> dict[str, Any]:
        """Return the Jacobian for the methods that take one, a callback for the others."""
        if method in _TAKE_JACOBIAN:
            return {"jac": lambda x: self.residual.csr(x).toarray()}
        return {"callback": self.report}

    def report(self, x: Array, F: Array) -> None:
        """Tell the monitor of an iteration."""
        number = 0 if self._previous is None else self.monitor.iterations + 1
        before = x if self._previous is None else self._previous
        self._previous = np.array(x)
        going = self.monitor.update(
            number,
            x,
            0.5 * float(F @ F),
            optimality=float(np.max(np.abs(F), initial=0.0)),
            step=float(np.linalg.norm(x - before)),
        )
        if not going:
            raise StopIteration

    def ended(self, x0: Array, status: Status, text: str) -> Result:
        """Return the best point of a solve that gave no answer."""
        best = x0 if self.monitor.best is None else self.monitor.best.x
        return residual_result(self.residual, self.monitor, best, status, text)
