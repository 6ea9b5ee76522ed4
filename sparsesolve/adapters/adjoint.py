"""Gradients of what is computed from a trajectory: ``M' l' = -J' l`` back along ``M y' = f``.

`WeightedTimes` is what all adjoints have in common; those of implicit systems are in
`adjoint_implicit`. Separate from forward sensitivities, whose cost grows with the number of
parameters: here it grows with the number of functionals, and parameters cost one integral each,
``q' = -(df/dp)' l``. Both are one linear system to our Radau method, along the dense output of the
states.

Cao, Li, Petzold, Serban (2003), "Adjoint sensitivity analysis for differential-algebraic
equations", SIAM J. Sci. Comput. 24(3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sparsesolve.adapters.implicit_radau import ImplicitRadau
from sparsesolve.adapters.jacobian_supply import JacobianSupply
from sparsesolve.adapters.mass_matrix import MassSystem
from sparsesolve.derivatives.jumps import Watch, may_jump
from sparsesolve.methods.adjoint_jumps import AdjointJumps
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.freshness import seal
from sparsesolve.methods.prepared_jacobian import prepare_jacobian
from sparsesolve.methods.radau import Point
from sparsesolve.options import SolverDerivatives

__all__ = [
    "FINER",
    "ByParameter",
    "Integration",
    "TrajectoryAdjoint",
    "WeightedTimes",
    "integrate_back",
    "with_adjoint",
]

Array = NDArray[np.float64]

_START = "y0"
_WHAT = "the gradient of a trajectory by its adjoint"
FINER = 0.1
"""Tolerance of the adjoint, as a share of that of the states."""


class Integration(NamedTuple):
    """What was integrated, and how."""

    rhs: Callable[..., Any]
    supply: JacobianSupply
    args: tuple[Any, ...]
    derivatives: SolverDerivatives
    rtol: float
    atol: Any
    mass: sp.csc_array | None = None


def with_adjoint(run: Any, trajectory: Integration, wanted: Any) -> Any:
    """Return a run, which has its dense output, with `vjp`.

    Parameters
    ----------
    run : OdeResult
        Of the states.
    trajectory : Integration
        What it is a run of.
    wanted : int, str or tuple
        As for `TrajectorySensitivities`.
    """
    run.vjp = TrajectoryAdjoint(run, trajectory, wanted)
    return run


class ByParameter:
    """The derivative by one argument of a function of t, a state, and arguments.

    Parameters
    ----------
    function : callable
        ``function(t, y, *args)``.
    example : list
        Its arguments.
    which : int
        Position in `args`.
    derivatives : str
        How it is made.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example: list[Any],
        which: int,
        derivatives: SolverDerivatives,
    ) -> None:
        self._prepared, _ = prepare_jacobian(function, example, 2 + which, None, derivatives)
        self._fixed = seal(self._prepared, example)[2:]
        self.shape = np.shape(example[2 + which])
        self.size = int(np.size(example[2 + which]))

    def transposed(self, t: float, y: Array) -> sp.csc_array:
        """Return it by columns, shape (size, n)."""
        return sp.csc_array(sp.csr_array(self._prepared(t, y, *self._fixed)).T)


class WeightedTimes:
    """Products of weights with the derivatives of a trajectory: ``run.vjp``.

    Parameters
    ----------
    run : OdeResult
        Its times, states and dense output.
    function : callable
        ``function(t, y, *args)``, whose derivatives by parameters are integrated.
    example : list
        Its arguments at the start.
    wanted : int, str or tuple
        What to return.
    derivatives : str
        How they are made.
    """

    def __init__(
        self,
        run: Any,
        function: Callable[..., Any],
        example: list[Any],
        wanted: Any,
        derivatives: SolverDerivatives,
    ) -> None:
        self._t, self._shape, self._sol = run.t, run.y.shape, run.sol
        self._ended = "" if run.success else str(run.message)
        self._begin = float(example[0])
        self._single = not isinstance(wanted, tuple | list)
        self._wanted = (wanted,) if self._single else tuple(wanted)
        self._of_parameters = {
            which: ByParameter(function, example, int(which), derivatives)
            for which in self._wanted
            if which != _START
        }
        self._n = self._shape[0]
        self._q = sum(p.size for p in self._of_parameters.values())

    def __call__(self, weights: Any) -> Any:
        """Return the gradient of ``np.sum(weights * run.y)``.

        Parameters
        ----------
        weights : array_like, shape (n, number of times)
            The gradient of what is computed from ``run.y``, by ``run.y``.

        Returns
        -------
        ndarray or tuple of ndarray
            In the shape of the argument, or of `y0`; a tuple where a tuple was asked for.

        Raises
        ------
        ValueError
            If the weights have another shape, or the trajectory or its adjoint has no end.
        VerificationError
            If the right-hand side jumps where it depends on the argument.
        """
        given = np.asarray(weights, dtype=np.float64)
        if given.shape != self._shape or not np.all(np.isfinite(given)):
            raise ValueError(
                f"`weights` must be finite and of the shape of `y`, {self._shape}, got "
                f"{given.shape}."
            )
        if self._ended:
            raise ValueError(f"The trajectory was not integrated to its end: {self._ended}")
        found = self._taken_apart(self._integrated(given))
        self._compare(found, given)
        return found[0] if self._single else found

    def _integrated(self, weights: Array) -> Array:
        """Return the adjoint at the start, and the integrals."""
        z = np.zeros(self._n + self._q)
        at = float(self._t[-1]) if self._t.size else self._begin
        size = float(np.max(np.abs(weights), initial=0.0))
        for k in np.flatnonzero(np.any(weights != 0.0, axis=0))[::-1]:
            z = self._back(z, at, float(self._t[k]), size)
            at = float(self._t[k])
            z += self._jump(weights[:, k], at)
        return self._of_start(self._back(z, at, self._begin, size))

    def _taken_apart(self, z: Array) -> tuple[Any, ...]:
        found: dict[Any, Any] = {_START: z[: self._n]}
        at = self._n
        for which, p in self._of_parameters.items():
            found[which] = z[at : at + p.size].reshape(p.shape)
            at += p.size
        return tuple(found[which] for which in self._wanted)

    def _jump(self, weight: Array, t: float) -> Array:
        """Return what a weight of the state adds to the adjoint and to the integrals."""
        raise NotImplementedError

    def _back(self, z: Array, start: float, end: float, size: float) -> Array:
        """Return the adjoint and the integrals at an earlier time."""
        raise NotImplementedError

    def _of_start(self, z: Array) -> Array:
        """Return the same with the derivatives by the start in the place of the adjoint."""
        return z

    def _compare(self, found: tuple[Any, ...], weights: Array) -> None:
        """Raise where a gradient is known to be wrong."""


def integrate_back(
    system: MassSystem, z: Array, slope: Array, span: tuple[float, float], rtol: float, size: float
) -> Array:
    """Return the solution of a linear system at an earlier time; raise where there is none.

    Parameters
    ----------
    system : MassSystem
        The adjoint equations.
    z, slope : ndarray
        The start, consistent.
    span : tuple of float
        Its time, and the earlier one.
    rtol, size : float
        Tolerance, and what it is relative to.
    """
    run = solve_ivp(
        system.slopes,
        span,
        z,
        method=ImplicitRadau,
        system=system,
        slope=slope,
        t_eval=[span[1]],
        rtol=rtol,
        atol=rtol * size,
    )
    if not run.success:
        raise ValueError(
            f"The adjoint could not be integrated back from t = {span[0]:g} to {span[1]:g}: "
            f"{run.message}"
        )
    return np.array(run.y[:, -1])


class TrajectoryAdjoint(WeightedTimes):
    """Those of ``M y' = f`` with a constant matrix M.

    Parameters
    ----------
    run : OdeResult
        Its times, states and dense output.
    trajectory : Integration
        What it is a run of.
    wanted : int, str or tuple
        What to return.
    """

    def __init__(self, run: Any, trajectory: Integration, wanted: Any) -> None:
        self._trajectory, self._supply = trajectory, trajectory.supply
        example = [self._supply.t_start, self._supply.y_start, *trajectory.args]
        super().__init__(run, trajectory.rhs, example, wanted, trajectory.derivatives)
        self._rtol = FINER * trajectory.rtol
        self._watch = Watch() if may_jump(self._supply.prepared) else None
        if self._watch is not None and trajectory.mass is not None:
            raise ValueError(
                "`adjoint` with `mass_matrix` takes right-hand sides that cannot jump, got one "
                f"with operations that may: {_WHAT} is not compared with differences there."
            )
        mass = trajectory.mass
        self._jumps = None if mass is None else AdjointJumps(mass)
        blocks = (sp.eye_array(self._n) if mass is None else mass.T, sp.eye_array(self._q))
        self._mass = sp.csc_array(sp.block_diag(blocks if self._q else blocks[:1]))

    def _compare(self, found: tuple[Any, ...], weights: Array) -> None:
        """Compare with differences where the right-hand side may jump."""
        if self._watch is None:
            return
        slopes = np.concatenate([np.ravel(part) for part in found])
        at, weighted = np.concatenate(self._flat()), frozenset(np.flatnonzero(weights).tolist())
        self._watch.look(self._again(weights), at, slopes, _WHAT, weighted)

    def _flat(self) -> list[Array]:
        """Return what is differentiated by, flat."""
        args, start = self._trajectory.args, self._supply.y_start
        given = [start if which == _START else args[which] for which in self._wanted]
        return [np.ravel(np.asarray(part, dtype=np.float64)) for part in given]

    def _again(self, weights: Array) -> Callable[[Array], Array]:
        """Return the functional as a function of what it is differentiated by."""
        rhs, supply, args, _, rtol, atol, _ = self._trajectory
        ends = np.cumsum([part.size for part in self._flat()])[:-1]
        fine = min(1.0, 1e-6 / rtol) if rtol else 1.0

        def value(at: Array) -> Array:
            start, moved = supply.y_start, list(args)
            for which, part in zip(self._wanted, np.split(at, ends), strict=True):
                if which == _START:
                    start = part
                else:
                    moved[which] = part.reshape(np.shape(args[which]))[()]
            run = solve_ivp(
                lambda t, y: np.ravel(rhs(t, y, *moved)),
                (supply.t_start, float(self._t[-1])),
                start,
                method="BDF",
                t_eval=self._t,
                rtol=fine * rtol,
                atol=fine * np.asarray(atol),
            )
            return np.array([np.sum(weights * run.y)])

        return value

    def _of_start(self, z: Array) -> Array:
        if self._trajectory.mass is not None:  # of the start only what M sees is kept
            z[: self._n] = self._trajectory.mass.T @ z[: self._n]
        return z

    def _jump(self, weight: Array, t: float) -> Array:
        """Return what a weight of the state adds to the adjoint and to the integrals."""
        if self._jumps is None:
            return np.concatenate([weight, np.zeros(self._q)])
        jacobian, *by_parameters = self._at(t)
        step, pulse = self._jumps(weight, jacobian.T)
        return np.concatenate([step, *(-(part @ pulse) for part in by_parameters)])

    def _back(self, z: Array, start: float, end: float, size: float) -> Array:
        if start == end or not z.any():
            return z
        system = MassSystem(self._mass, self._slopes, self._matrix)
        slope = self._slopes(start, z)
        if self._jumps is not None:
            at = Point(start, z, np.zeros(z.size))
            allowed = self._rtol * (size + np.abs(z))
            at, _ = consistent_start(system, at, allowed, abs(end - start), told=False)
            z, slope = at.y, at.slope
        return integrate_back(system, z, slope, (start, end), self._rtol, size)

    def _at(self, t: float) -> list[sp.csc_array]:
        y = np.asarray(self._sol(t))
        parts = [p.transposed(t, y) for p in self._of_parameters.values()]
        return [sp.csc_array(self._supply.by_rows(t, y).T), *parts]

    def _slopes(self, t: float, z: Array) -> Array:
        adjoint = z[: self._n]
        return -np.concatenate([part @ adjoint for part in self._at(t)])

    def _matrix(self, t: float, z: Array) -> sp.csc_array:
        left = sp.vstack(self._at(t), format="csc")
        right = sp.csc_array((z.size, self._q))
        matrix = sp.csc_array(-sp.hstack([left, right], format="csc"))
        matrix.sort_indices()
        return matrix
