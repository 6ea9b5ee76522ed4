"""TrajectorySensitivities of a trajectory: ``S' = J S + df/dp`` beside ``y' = f``.

Separate from the choice of a method: state and sensitivities are one system to the integrator, with
errors of both controlled, but its Newton matrix is that of the states, repeated. So one
factorization, of the size of the states, serves all of them.

Maly, Petzold (1996), "Numerical methods and software for sensitivity analysis of
differential-algebraic systems", Appl. Numer. Math. 20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sparsesolve.adapters.first_states import events_of_first, keep_first
from sparsesolve.adapters.jacobian_supply import JacobianSupply
from sparsesolve.adapters.krylov_bdf import KrylovBDF
from sparsesolve.methods.freshness import seal
from sparsesolve.methods.prepared_jacobian import prepare_jacobian
from sparsesolve.options import SolverDerivatives

__all__ = ["TrajectorySensitivities", "with_float_parameters"]

Array = NDArray[np.float64]

_OURS = ("BDF", "krylov", "auto")
_EXPLICIT = ("RK45", "RK23", "DOP853")
_START = "y0"


def with_float_parameters(args: tuple[Any, ...], wanted: Any) -> tuple[Any, ...]:
    """Return the arguments with those that are parameters as floats.

    Parameters
    ----------
    args : tuple
        As given.
    wanted : int, str or tuple
        See `TrajectorySensitivities`.

    Raises
    ------
    ValueError, TypeError
        If there is no such argument, or it is not real numbers.
    """
    made = list(args)
    for which in _listed(wanted):
        if which == _START:
            continue
        if not isinstance(which, int | np.integer) or not 0 <= which < len(args):
            raise ValueError(
                f"`sensitivity` must be positions in `args` (0 to {len(args) - 1}) or 'y0', got "
                f"{which!r}."
            )
        value = np.asarray(args[which])
        if value.dtype.kind not in "fiu":
            raise TypeError(
                f"argument {which} must be real numbers for sensitivities to it, got "
                f"{type(args[which]).__name__}."
            )
        made[which] = float(value) if value.ndim == 0 else value.astype(np.float64)
    return tuple(made)


def _listed(wanted: Any) -> tuple[Any, ...]:
    return tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,)


class _Parameter:
    """One parameter: its values, and the derivative of the right-hand side by it."""

    def __init__(self, values: Any, of: Callable[[float, Array], Array], start: Array) -> None:
        self.values = np.asarray(values, dtype=np.float64)
        self.of = of
        self.start = start

    @classmethod
    def made(
        cls, which: Any, rhs: Any, supply: JacobianSupply, args: Any, derivatives: SolverDerivatives
    ) -> _Parameter:
        """Return that of a position in `args`, or of the start."""
        t, y = supply.t_start, supply.y_start
        if which == _START:
            none = np.zeros((y.size, y.size))
            return cls(y, lambda t, y: none, np.eye(y.size))
        example = [t, y, *args]
        prepared, _ = prepare_jacobian(rhs, example, 2 + int(which), None, derivatives)
        fixed = seal(prepared, example)[2:]
        values = np.asarray(args[which])
        return cls(
            values,
            lambda t, y: np.asarray(prepared(t, y, *fixed).toarray().T),
            np.zeros((values.size, y.size)),
        )

    def scales(self) -> Array:
        """Return by what absolute tolerances are divided: the sizes of the parameters."""
        size = np.abs(np.ravel(self.values))
        return np.where(size > 0.0, size, 1.0)


class TrajectorySensitivities:
    """Integrates states and sensitivities together.

    Parameters
    ----------
    rhs : callable
        ``f(t, y, *args)``.
    supply : JacobianSupply
        Its Jacobian by y.
    args : tuple
        From `with_float_parameters`.
    wanted : int, str or tuple
        Positions in `args`, or "y0".
    derivatives : str
        How derivatives by the parameters are made.
    """

    def __init__(
        self,
        rhs: Callable[..., Any],
        supply: JacobianSupply,
        args: tuple[Any, ...],
        wanted: Any,
        derivatives: SolverDerivatives,
    ) -> None:
        self._supply, self._args = supply, args
        self._single = not isinstance(wanted, tuple | list)
        self._parameters = [
            _Parameter.made(which, rhs, supply, args, derivatives) for which in _listed(wanted)
        ]
        self._n = supply.y_start.size

    def run(
        self, t_span: tuple[float, float], method: Any, options: Mapping[str, Any], atol: Any
    ) -> Any:
        """Return scipy's result with `sensitivities`.

        Parameters
        ----------
        t_span, method, options
            As for scipy's `solve_ivp`.
        atol : float or ndarray
            Of the states; those of sensitivities are divided by the sizes of the parameters.

        Raises
        ------
        ValueError
            If the method does not do.
        """
        known = (*_OURS, *_EXPLICIT)
        if not (isinstance(method, str) and method in known):
            raise ValueError(f"`sensitivity` needs a method of {', '.join(known)}; got {method!r}.")
        n = self._n
        scales = np.concatenate([np.ones(1), *(p.scales() for p in self._parameters)])
        tolerances = np.broadcast_to(np.asarray(atol, dtype=np.float64), n)
        passed = dict(options) | {"atol": np.ravel(tolerances / scales[:, None])}
        if "events" in passed:
            passed["events"] = events_of_first(passed["events"], n, self._args)
        start = np.concatenate([self._supply.y_start[None], *(p.start for p in self._parameters)])
        if method in _OURS:
            passed |= {"matrix": self._matrix, "copies": scales.size, "method": KrylovBDF}
        run = solve_ivp(self._slopes, t_span, np.ravel(start), **({"method": method} | passed))
        return self._divided(run)

    def _matrix(self, t: float, whole: Array) -> Any:
        return self._supply.by_rows(t, whole[: self._n])

    def _slopes(self, t: float, whole: Array) -> Array:
        y, *_ = rows = whole.reshape(-1, self._n)
        moved = (self._supply.by_rows(t, y) @ rows[1:].T).T
        moved += np.concatenate([p.of(t, y) for p in self._parameters])
        return np.concatenate([self._supply.state_function(t, y), np.ravel(moved)])

    def _divided(self, run: Any) -> Any:
        """Take states and sensitivities apart."""
        n = self._n
        of_sizes = [(n, *p.values.shape) for p in self._parameters]
        places, at = [], n
        for p in self._parameters:
            places.append(slice(at, at + n * p.values.size))
            at = places[-1].stop
        parts = [
            _parameters_last(run.y[place], size)
            for place, size in zip(places, of_sizes, strict=True)
        ]
        run.sensitivities = parts[0] if self._single else tuple(parts)
        return keep_first(run, n)


def _parameters_last(rows: Array, size: tuple[int, ...]) -> Array:
    """Return rows of all states for each parameter as (state, *parameter, time)."""
    n, times = size[0], rows.shape[1]
    return np.moveaxis(rows.reshape(-1, n, times), 0, 1).reshape(*size, times)
