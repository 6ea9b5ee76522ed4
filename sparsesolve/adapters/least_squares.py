"""`least_squares`: scipy's trf and dogbox, or our sparse Levenberg-Marquardt, with exact J.

The two families take other forms of the same Jacobian: scipy's methods take dense
matrices (exact inner solver) or csr ones (LSMR only), ours takes columns. Fixed variables are
removed for scipy, which refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from sparsesolve.adapters.reduction import Selection
from sparsesolve.adapters.residual_result import residual_result
from sparsesolve.adapters.scipy_methods import load_scipy
from sparsesolve.host.words import refuse_words
from sparsesolve.methods.callback import check_callback
from sparsesolve.methods.evaluation import moved_inside
from sparsesolve.methods.failure import INTERRUPTED, NUMERICAL, describe_failure
from sparsesolve.methods.levenberg_marquardt import as_options, solve_levenberg
from sparsesolve.methods.losses import Loss, as_loss, robust_weights
from sparsesolve.methods.low_rank import scaled_rows
from sparsesolve.methods.monitor import Monitor
from sparsesolve.methods.origin import Fitted
from sparsesolve.methods.residual import Residual, prepare_residual
from sparsesolve.methods.residual_measure import ResidualMeasure, measure_residual
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.result import Result, Status

__all__ = ["solve_least_squares"]

Array = NDArray[np.float64]

_OURS = ("lm", "gauss-newton")
_SCIPY = ("trf", "dogbox")

# keywords of scipy's least_squares: for every method, for scipy's own, and without a use here
_FOR_ALL = ("ftol", "xtol", "gtol", "x_scale", "max_nfev")
_FOR_SCIPY = ("verbose", "tr_solver", "tr_options")
_NOT_NEEDED = ("diff_step", "jac_sparsity", "workers")

# below this many entries scipy's dense inner solver is faster than LSMR, and exact
_DENSE_ENTRIES = 250_000

_STATUS = {
    -2: Status.STOPPED,
    -1: Status.FAILED,
    0: Status.ITERATION_LIMIT,
    1: Status.SOLVED,
    2: Status.SOLVED,
    3: Status.SOLVED,
    4: Status.SOLVED,
}


def solve_least_squares(
    function: Callable[..., Any],
    x0: Array,
    *,
    bounds: tuple[Array, Array],
    method: str,
    loss: str | Callable[[Array], Any],
    f_scale: float,
    tol: float | None,
    options: Mapping[str, Any] | None,
    more: Mapping[str, Any],
    args: tuple[Any, ...],
    jac: Any,
    derivatives: SolverDerivatives,
    progress: bool,
    callback: Callable[..., Any] | None,
) -> Result:
    """Minimize the sum of squares; the arguments are those of `sparsesolve.least_squares`.

    Parameters
    ----------
    function, x0, bounds, method, loss, f_scale, tol, options, more, args, jac, derivatives
        See `sparsesolve.least_squares`.
    progress, callback
        See `sparsesolve.least_squares`.

    Returns
    -------
    Result
        With ``fun`` the residual vector and ``cost`` the (robust) half sum of squares.

    Raises
    ------
    ValueError
        If method, loss or option is unknown, or the method takes no bounds.
    """
    check_callback(callback)
    bounded = bool(np.any(np.isfinite(bounds[0]) | np.isfinite(bounds[1])))
    rho = as_loss(loss)
    name = _choose(method, bounded)
    given = _method_options(options, more, name)
    notes = moved_inside(x0, bounds)
    x0 = np.clip(x0, *bounds)
    residual = prepare_residual(
        function, x0, args, jacobian=jac, derivatives=derivatives, thin=name in _OURS
    )
    residual.notes += notes
    with Monitor(name, callback=callback, progress=progress) as monitor:
        try:
            if name in _OURS:
                settings = as_options(given, name, tol)
                end = solve_levenberg(residual, x0, settings, monitor, loss=rho, scale=f_scale)
                result = residual_result(
                    residual,
                    monitor,
                    end.x,
                    end.status,
                    end.message,
                    iterations=end.iterations,
                    cost=end.cost,
                    optimality=end.optimality,
                )
            else:
                call = _ScipyCall(residual, monitor, x0, bounds)
                result = call.run(name, loss, f_scale, tol, given)
            result = _judged(result, _measure(residual, result.x, rho, f_scale, bounds))
        except KeyboardInterrupt:
            best = x0 if monitor.best is None else monitor.best.x
            text = INTERRUPTED
            result = residual_result(residual, monitor, best, Status.INTERRUPTED, text)
        except (MemoryError, np.linalg.LinAlgError) as failure:
            best = x0 if monitor.best is None else monitor.best.x
            text = f"The linear systems could not be solved: {str(failure) or 'no more memory'}."
            result = residual_result(residual, monitor, best, Status.FAILED, text)
    confirmed = residual.confirm(function, args, result)
    return replace(confirmed, origin=Fitted(rho, f_scale, bounds))


def _measure(
    residual: Residual, x: Array, loss: Loss | None, f_scale: float, bounds: tuple[Array, Array]
) -> ResidualMeasure:
    r, J = residual.value_and_jacobian(x)
    weights = robust_weights(r, loss, f_scale)
    return measure_residual(weights * r, scaled_rows(J, weights), x, bounds)


def _judged(result: Result, found: ResidualMeasure) -> Result:
    """Return a result, with another status where the solver's claim does not hold."""
    if not result.success or found.is_solved:
        return result
    status = Status.ACCEPTABLE if found.is_acceptable else Status.STALLED
    text = f"{result.message.rstrip('. ')}; but by our own measure this is not a solution: {found}."
    return replace(result, status=status, message=text)


def _method_options(
    options: Mapping[str, Any] | None, more: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Return the options of a method, with those given as keywords that it knows."""
    keywords = (*_FOR_ALL, *_FOR_SCIPY, *_NOT_NEEDED)
    words = "fun", "x0", "jac", "bounds", "method", "args", "kwargs", "loss", "f_scale", "tol"
    taken = (*words, "options", "derivatives", "progress", "callback", *keywords)
    refuse_words("least_squares", [word for word in more if word not in keywords], taken)
    known = _FOR_ALL if name in _OURS else (*_FOR_ALL, *_FOR_SCIPY)
    return {k: v for k, v in more.items() if k in known} | dict(options or {})


def _choose(method: str, bounded: bool) -> str:
    name = ("trf" if bounded else "lm") if method == "auto" else method
    if name not in _OURS + _SCIPY:
        raise ValueError(
            f"`method` must be 'auto' or one of {', '.join(_OURS + _SCIPY)}; got {method!r}."
        )
    if bounded and name in _OURS:
        raise ValueError(f"Method {name!r} takes no bounds. Use method='trf' or 'dogbox'.")
    return name


class _ScipyCall:
    """One call of scipy.optimize.least_squares, over the free variables."""

    def __init__(
        self, residual: Residual, monitor: Monitor, x0: Array, bounds: tuple[Array, Array]
    ) -> None:
        self.residual = residual
        self.monitor = monitor
        self.lower, self.upper = lower, upper = bounds
        fixed = lower == upper
        self.free = np.flatnonzero(~fixed)
        self.base = np.array(x0)  # inside its bounds
        self.bounds = (lower[self.free], upper[self.free])
        self._columns = self.free if fixed.any() else None
        self._select()
        self.dense = residual.pattern.shape[0] * self.free.size <= _DENSE_ENTRIES
        self.unit = 1.0  # scipy sees the residual in this unit
        self._previous = self.base[self.free]
        self._before = 0
        self._error: BaseException | None = None
        self._bad_point: Array | None = None

    def _select(self) -> None:
        self.pattern = self.residual.pattern
        numbered = self.pattern.to_scipy(np.arange(1, self.pattern.nnz + 1))
        self.selection = Selection.of(numbered, None, self._columns)

    def expand(self, z: Array) -> Array:
        x = np.array(self.base)
        x[self.free] = z
        return x

    def value(self, z: Array) -> Array:
        return self._own(self.residual.value, z) / self.unit

    def jacobian(self, z: Array) -> Any:
        values = self._own(self.residual.values, z)
        if not np.all(np.isfinite(values)):  # scipy's methods end in LAPACK's errors, or loop
            self._bad_point = self.expand(z)
            raise FloatingPointError("the Jacobian is not finite")
        if self.residual.pattern is not self.pattern:  # it has grown
            self._select()
        J = self.selection.matrix(values / self.unit)
        return J.toarray() if self.dense else J

    def _own(self, function: Callable[[Array], Array], z: Array) -> Array:
        try:
            return function(self.expand(z))
        except BaseException as error:
            self._error = error
            raise

    def callback(self, intermediate_result: Any) -> None:
        z = intermediate_result.x
        going = self.monitor.update(
            self._before + int(intermediate_result.nit),
            self.expand(z),
            float(intermediate_result.cost) * self.unit**2,
            optimality=float(np.max(np.abs(intermediate_result.grad), initial=0.0)) * self.unit**2
            if "grad" in intermediate_result
            else float("nan"),
            step=float(np.linalg.norm(z - self._previous)),
        )
        self._previous = np.array(z)
        if not going:
            raise StopIteration

    def _failed(self, message: str) -> Result:
        """Return the best point of a solve that an exception ended."""
        best = self.base if self.monitor.best is None else self.monitor.best.x
        status, text = Status.FAILED, message
        if not np.all(np.isfinite(self.residual.value(best))):
            status, text = Status.EVALUATION_ERROR, f"The residual is not finite. {message}"
        elif self._bad_point is not None:
            status = Status.EVALUATION_ERROR
            text = self.residual.explain_nonfinite(self._bad_point)
        return residual_result(self.residual, self.monitor, best, status, text)

    def run(
        self,
        name: str,
        loss: str | Callable[[Array], Any],
        f_scale: float,
        tol: float | None,
        given: dict[str, Any],
    ) -> Result:
        if self.free.size == 0:
            text = "All variables are fixed by their bounds; nothing was left to solve."
            return residual_result(self.residual, self.monitor, self.base, Status.SOLVED, text)
        arguments: dict[str, Any] = {"x_scale": "jac"}
        if tol is not None:
            arguments |= {"ftol": tol, "xtol": tol, "gtol": tol}
        if self.dense:
            arguments["tr_solver"] = "exact"
        else:  # LSMR's defaults (1e-6, min(m, n) iterations) stall ill-conditioned fits
            tight = {"atol": 1e-12, "btol": 1e-12, "maxiter": 10 * self.free.size}
            arguments |= {"tr_solver": "lsmr", "tr_options": tight}
        given = self._restricted(given)
        arguments |= given
        load_scipy()
        result = self._once(name, loss, f_scale, arguments, given)
        if "max_nfev" in given:
            return result
        for x_scale in ("jac", 1.0, "jac"):
            bounds = self.lower, self.upper
            found = _measure(self.residual, result.x, as_loss(loss), f_scale, bounds)
            if not result.success or found.is_solved:
                break
            # it stopped because of units: again in those of the residual as it is, by the step
            self.base, self._before = result.x, self.monitor.iterations
            self.unit = float(np.max(np.abs(result.fun))) or 1.0
            again = arguments | {"x_scale": x_scale, "ftol": None} | given
            polished = self._once(name, loss, f_scale, again, given)
            if not polished.cost <= result.cost or polished.status is Status.STOPPED:
                break
            result = polished
        return result

    def _restricted(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return options of which a scale of all variables is one of the free ones."""
        scale = given.get("x_scale", 1.0)
        if isinstance(scale, str) or np.ndim(scale) == 0:
            return given
        return given | {"x_scale": np.asarray(scale)[self.free]}

    def _once(
        self,
        name: str,
        loss: str | Callable[[Array], Any],
        f_scale: float,
        arguments: dict[str, Any],
        given: dict[str, Any],
    ) -> Result:
        try:
            raw = scipy.optimize.least_squares(
                self.value,
                self.base[self.free],
                jac=self.jacobian,
                bounds=self.bounds,
                method=name,
                loss=loss,
                f_scale=f_scale / self.unit,
                callback=self.callback,
                **arguments,
            )
        except NUMERICAL as failure:
            text = describe_failure(failure, (self._error, self.monitor.error), given, name)
            if not text:
                raise
            return self._failed(text)
        return residual_result(
            self.residual,
            self.monitor,
            self.expand(raw.x),
            _STATUS.get(int(raw.status), Status.FAILED),
            str(raw.message),
            iterations=self.monitor.iterations,
            cost=float(raw.cost) * self.unit**2,
            optimality=float(raw.optimality) * self.unit**2,
            solver_status=int(raw.status),
        )
