"""CVODE and IDA of SUNDIALS, through scikit-sundae, as methods of scipy's.

Separate because the package is optional. Function, Jacobian and products with it are ours,
compiled; `t_eval`, events and dense output are scipy's, on the polynomial of each step: it has
degree five at most, so six of its values determine it.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DenseOutput, OdeSolver

from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.imports import importing
from sparsesolve.methods.pencil import Pencil
from sparsesolve.methods.radau import ImplicitSystem

__all__ = ["Cvode", "Ida", "checked_linear_solver", "require_sundials"]

Array = NDArray[np.float64]

_LINEAR = {"cvode": ("auto", "dense", "sparse", "gmres"), "ida": ("auto", "dense", "sparse")}

_KRYLOV = 30
_FEW = 40  # unknowns, up to which a full matrix is quicker
_SAMPLES = 0.5 - 0.5 * np.cos(np.pi * np.arange(6) / 5.0)
_TO_POWERS = np.linalg.inv(np.vander(_SAMPLES, increasing=True))


def require_sundials(name: str) -> Any:
    """Return the module ``sksundae.cvode`` or ``sksundae.ida``.

    Parameters
    ----------
    name : str
        Its last part.

    Raises
    ------
    SolverUnavailable
        If it is not installed.
    """
    try:
        with importing():
            return importlib.import_module(f"sksundae.{name}")
    except ImportError as error:
        raise SolverUnavailable(
            f"method='{name}' needs SUNDIALS: pip install 'sparsesolve[sundials]'. ({error})"
        ) from None


def checked_linear_solver(given: Any, method: Any, sundials: str) -> str:
    """Return how SUNDIALS solves its linear systems.

    Parameters
    ----------
    given : str or None
        The user's.
    method : str
        The user's, for which SUNDIALS must be there if it is `sundials`.
    sundials : {"cvode", "ida"}
        What could take it.

    Raises
    ------
    ValueError
        If it is unknown, or the method takes none.
    """
    known = _LINEAR[sundials]
    if isinstance(method, str) and method == sundials:
        require_sundials(sundials)
    elif given is not None:
        raise ValueError(f"`linear_solver` goes with method='{sundials}', got method={method!r}.")
    if given not in (None, *known):
        raise ValueError(f"`linear_solver` must be one of {', '.join(known)}; got {given!r}.")
    return given or "auto"


class _Sampled(DenseOutput):  # type: ignore[misc]
    """The polynomial of one step, by its values."""

    def __init__(self, t_old: float, t: float, values: Array) -> None:
        super().__init__(t_old, t)
        self.coefficients = _TO_POWERS @ values

    def _call_impl(self, t: Any) -> Array:
        s = (np.asarray(t) - self.t_old) / (self.t - self.t_old)
        powers = np.power(s[..., None], np.arange(6))
        return np.asarray(np.moveaxis(powers @ self.coefficients, -1, 0))


class _Sundials(OdeSolver):  # type: ignore[misc]
    """What both have in common: steps are made one at a time."""

    def __init__(
        self,
        fun: Callable[..., Any],
        t0: float,
        y0: Array,
        t_bound: float,
        max_step: float = np.inf,
        rtol: float = 1e-3,
        atol: Any = 1e-6,
        vectorized: bool = False,
        first_step: float | None = None,
        **_: Any,
    ) -> None:
        self.t: float
        self.y: Array
        super().__init__(fun, t0, y0, t_bound, vectorized)
        self._common = {
            "rtol": rtol,
            "atol": atol if np.ndim(atol) else float(atol),
            "max_step": max_step if np.isfinite(max_step) else 0.0,
            "first_step": (first_step or 0.0) * float(self.direction or 1.0),
        }

    def _begin(self, make: Any, function: Any, given: dict[str, Any], *start: Array) -> None:
        with warnings.catch_warnings():
            # that the structure is not needed to make differences: it is needed for the matrix
            warnings.filterwarnings("ignore", "Custom sparse Jacobian", UserWarning)
            self._made = make(function, **given, **self._common)
        self._made.init_step(float(self.t), *start)

    def _step_impl(self) -> tuple[bool, str | None]:
        with np.errstate(all="ignore"):
            reached = self._made.step(self.t_bound, "onestep", self.t_bound)
        self.nfev, self.njev = int(reached.nfev), int(reached.njev)
        if not reached.success:
            return False, f"SUNDIALS: {reached.message}"
        if reached.t == self.t:  # it would go on, past a singularity
            return False, self.TOO_SMALL_STEP
        self.t, self.y = float(reached.t), np.asarray(reached.y)
        return True, None

    def _dense_output_impl(self) -> _Sampled:
        assert self.t_old is not None
        times = self.t_old + _SAMPLES[1:] * (self.t - self.t_old)
        times[-1] = self.t  # and there the next step begins
        # what lies in the last step is interpolated, without a step
        later = [np.asarray(self._made.step(float(t), "normal", None).y) for t in times]
        return _Sampled(self.t_old, self.t, np.array([self._y_old, *later]))

    def step(self) -> str | None:
        """Make a step; keep where it began."""
        self._y_old = self.y
        message: str | None = super().step()
        return message


class Cvode(_Sundials):
    """CVODE, for ``scipy.integrate.solve_ivp(..., method=Cvode, supply=supply)``.

    Parameters
    ----------
    fun, t0, y0, t_bound, max_step, rtol, atol, vectorized, first_step
        As for ``scipy.integrate.BDF``.
    supply : JacobianSupply
        Of the right-hand side.
    linear_solver : str
        From `checked_linear_solver`.
    """

    def __init__(self, *args: Any, supply: Any, linear_solver: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cvode = require_sundials("cvode")
        if linear_solver == "auto":
            linear_solver = "dense" if supply.is_small else "sparse"

        def rhs(t: float, y: Array, out: Array) -> None:
            out[:] = supply.state_function(t, y)

        def fill(t: float, y: Array, yp: Array, out: Array) -> None:
            _fill(out, supply.sparse(t, y))

        given: dict[str, Any] = {"linsolver": linear_solver}
        if linear_solver == "gmres":
            products = cvode.CVODEJacTimes(None, _products(supply))
            given |= {"krylov_dim": _KRYLOV, "jactimes": products}
        else:
            given["jacfn"] = fill
        if linear_solver == "sparse":
            given["sparsity"] = _ones(supply.sparse(self.t, self.y))
        self._begin(cvode.CVODE, rhs, given, self.y)


class Ida(_Sundials):
    """IDA, for ``scipy.integrate.solve_ivp(..., method=Ida, system=system, slope=slope)``.

    Parameters
    ----------
    fun, t0, y0, t_bound, max_step, rtol, atol, vectorized, first_step
        As for ``scipy.integrate.BDF``; `fun` is not called.
    system : ImplicitSystem
        What is integrated; `y0` and `slope` must satisfy it.
    slope : ndarray, shape (n,)
        y' at the start.
    linear_solver : str
        From `checked_linear_solver`.
    """

    def __init__(
        self,
        *args: Any,
        system: ImplicitSystem,
        slope: Array,
        linear_solver: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        ida = require_sundials("ida")
        first = system.linearize(self.t, self.y, slope)
        pencil = Pencil(*first)
        if linear_solver == "auto":
            linear_solver = "dense" if self.n <= _FEW else "sparse"

        def residual(t: float, y: Array, yp: Array, out: Array) -> None:
            out[:] = system.residual(t, y, yp)

        def fill(t: float, y: Array, yp: Array, res: Array, weight: float, out: Array) -> None:
            found = system.linearize(t, y, yp)
            _fill(out, (pencil if pencil.fits(*found) else Pencil(*found))(weight, *found))

        given: dict[str, Any] = {"linsolver": linear_solver, "jacfn": fill}
        if linear_solver == "sparse":
            given["sparsity"] = _ones(pencil(1.0, *first))
        self._begin(ida.IDA, residual, given, self.y, slope)


def _products(supply: Any) -> Callable[..., None]:
    def times(t: float, y: Array, yp: Array, v: Array, out: Array) -> None:
        out[:] = supply.product(t, y, v)

    return times


def _fill(out: Array, matrix: Any) -> None:
    """Put a csc matrix where SUNDIALS wants it: its entries, or a full matrix."""
    if out.ndim == 2:
        out[:] = matrix.toarray()
    elif out.size == matrix.nnz:
        out[:] = matrix.data
    else:
        raise ValueError(
            "A branch needs more entries of the Jacobian than there were at the start, and "
            "SUNDIALS keeps one structure: use another method, or "
            "linear_solver='dense'."
        )


def _ones(matrix: Any) -> Any:
    """Return the structure of a matrix; stored zeros belong to it."""
    made = matrix.copy()
    made.data = np.ones(made.nnz)
    return made
