"""``scipy.integrate.solve_ivp`` with an exact sparse Jacobian: which method is given what.

The methods have needs of their own:

- BDF and Radau take sparse matrices, and their factorization is replaced (`scipy_stiff`);
- LSODA takes no sparse matrix: it gets bands where they are narrow, else a dense matrix;
- methods of ours take rows, mass matrices, or sensitivities;
- explicit methods ignore the Jacobian: nothing is prepared for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import BDF, LSODA, Radau, solve_ivp

from sparsesolve.adapters.adjoint import Integration, with_adjoint
from sparsesolve.adapters.dae import WITH_SYSTEMS, MassFunction, integrate_implicit
from sparsesolve.adapters.implicit_radau import ImplicitRadau
from sparsesolve.adapters.jacobian_supply import NEAR, JacobianSupply
from sparsesolve.adapters.krylov_bdf import KrylovBDF
from sparsesolve.adapters.mass_matrix import MassConstant, MassSystem, read_mass_matrix
from sparsesolve.adapters.ode_arguments import check_given, checked_span
from sparsesolve.adapters.scipy_stiff import SparseBDF, SparseRadau
from sparsesolve.adapters.sensitivity import TrajectorySensitivities, with_float_parameters
from sparsesolve.adapters.sundials import Cvode, checked_linear_solver
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.host.words import check_call, refuse_words
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.freshness import during, find_change
from sparsesolve.methods.radau import Point
from sparsesolve.options import SolverDerivatives
from sparsesolve.problem.start import start_point

__all__ = ["SparseBDF", "SparseRadau", "integrate"]

Array = NDArray[np.float64]
Rhs = Callable[..., Any]

_EXPLICIT = ("RK45", "RK23", "DOP853")

_WITHOUT_MASS = (
    "`index_reduction` needs `mass_matrix`: y' = rhs(t, y) is of index zero. For F(t, y, y') = 0 "
    "call `solve_dae`."
)

_OF_INDEX_ONE = "`adjoint` with `mass_matrix` needs index one, got `index_reduction`."

# scipy's defaults
_ATOL, _RTOL = 1e-6, 1e-3


_WORDS = (
    "fun", "t_span", "y0", "method", "args", "kwargs", "jac", "derivatives", "mass_matrix",
    "sensitivity", "adjoint", "index_reduction", "linear_solver",
)  # fmt: skip
_OPTIONS = (
    "t_eval", "dense_output", "events", "vectorized", "first_step", "max_step", "min_step", "rtol",
    "atol", "jac_sparsity", "lband", "uband",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class _Asked:
    """What `solve_ivp` was asked for, checked; `options` are scipy's own."""

    rhs: Rhs
    t_span: tuple[float, float]
    y0: Any
    method: Any
    args: tuple[Any, ...]
    derivatives: SolverDerivatives
    options: dict[str, Any]
    mass: Any
    wanted: Any
    adjoint: bool
    reduces: bool
    linear_solver: str

    @property
    def forward(self) -> bool:
        """Whether sensitivities are integrated with the states."""
        return self.wanted is not None and not self.adjoint

    @property
    def atol(self) -> Any:
        return self.options.get("atol", _ATOL)

    @property
    def passed(self) -> dict[str, Any]:
        """Return what scipy's function is given; compiled functions take one state."""
        options = {k: v for k, v in self.options.items() if k != "vectorized"}
        return options | ({"args": self.args} if self.args else {})


def integrate(
    rhs: Rhs,
    t_span: tuple[float, float],
    y0: Any,
    *,
    method: Any,
    args: tuple[Any, ...],
    jac: Any,
    derivatives: SolverDerivatives,
    options: dict[str, Any],
) -> Any:
    """Integrate; the arguments are those of `sparsesolve.solve_ivp`.

    Parameters
    ----------
    rhs, t_span, y0, method, args, jac, derivatives, options
        See `sparsesolve.solve_ivp`.

    Returns
    -------
    OdeResult
        As scipy returns it.

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    if method == "petsc":
        return _by_petsc(
            rhs, checked_span(t_span), start_point(y0, "y0"), args, derivatives, options
        )
    asked = _asked(rhs, t_span, y0, method, args, derivatives, dict(options))
    if callable(asked.mass) or asked.reduces:
        return _as_implicit(asked)
    if method in _EXPLICIT and asked.wanted is None:
        vectorized = {k: v for k, v in asked.options.items() if k == "vectorized"}
        return solve_ivp(rhs, asked.t_span, y0, method=method, **vectorized, **asked.passed)
    solver, kind = _solver(method)
    start = start_point(y0, "y0")
    supply = JacobianSupply(rhs, asked.t_span, start, asked.args, jac, asked.atol, derivatives)
    trouble = supply.trouble_at_the_start()
    if trouble:  # scipy's methods would halve their step without end
        return _not_begun(supply, trouble)
    if asked.forward:
        return _with_sensitivities(asked, supply)
    run = _run(asked, supply, solver, kind)
    return _with_vjp(run, asked, supply) if asked.adjoint else run


def _asked(
    rhs: Rhs,
    t_span: tuple[float, float],
    y0: Any,
    method: Any,
    args: tuple[Any, ...],
    derivatives: SolverDerivatives,
    options: dict[str, Any],
) -> _Asked:
    """Check what is given, before anything is prepared; take what is not scipy's out of options."""
    mass, wanted = options.pop("mass_matrix", None), options.pop("sensitivity", None)
    adjoint = bool(options.pop("adjoint", False))
    reduces = bool(options.pop("index_reduction", False))
    if adjoint and wanted is None:
        raise ValueError("`adjoint` needs `sensitivity`: positions in `args`, or 'y0'.")
    if reduces and mass is None:
        raise ValueError(_WITHOUT_MASS)
    linear = checked_linear_solver(options.pop("linear_solver", None), method, "cvode")
    _check_options(options, method)
    t_span = checked_span(t_span)
    check_given(options, int(np.size(y0)))
    check_call(rhs, [t_span[0], y0, *args])
    if mass is not None:
        by_forward = wanted is not None and not adjoint
        _check_mass(options | ({"sensitivity": wanted} if by_forward else {}), method)
        if adjoint and reduces:
            raise ValueError(_OF_INDEX_ONE)
    if wanted is not None:
        args = with_float_parameters(args, wanted)
    more: dict[str, Any] = {"adjoint": adjoint, "reduces": reduces, "linear_solver": linear}
    return _Asked(rhs, t_span, y0, method, args, derivatives, options, mass, wanted, **more)


def _check_options(options: Mapping[str, Any], method: Any) -> None:
    """Raise where an option is none of scipy's: it would be dropped, and another problem solved."""
    known = set(_OPTIONS)
    if isinstance(method, type):  # a method of the user's own may take more
        known.update(inspect.signature(method).parameters)
    words = (*_WORDS, *_OPTIONS, *sorted(known - set(_OPTIONS)))
    refuse_words("solve_ivp", sorted(set(options) - known), words)


def _as_implicit(asked: _Asked) -> Any:
    """Integrate as F(t, y, y') = 0: a mass matrix that is a function, an index that is reduced."""
    mass = asked.mass if callable(asked.mass) else MassConstant(asked.mass, np.size(asked.y0))
    options = {k: v for k, v in asked.options.items() if k != "vectorized"}
    options |= {"index_reduction": asked.reduces}
    options |= {"sensitivity": asked.wanted, "adjoint": True} if asked.adjoint else {}
    return integrate_implicit(
        MassFunction(mass, asked.rhs),
        asked.t_span,
        asked.y0,
        None,
        method="Radau",
        args=asked.args,
        derivatives=asked.derivatives,
        options=options,
    )


def _with_sensitivities(asked: _Asked, supply: JacobianSupply) -> Any:
    """Integrate the states and, with them, their derivatives."""
    rhs, args = asked.rhs, asked.args
    made = TrajectorySensitivities(rhs, supply, args, asked.wanted, asked.derivatives)
    passed = {k: v for k, v in asked.passed.items() if k not in ("args", "atol")}
    run = made.run(asked.t_span, asked.method, passed, asked.atol)
    return _confirmed(run, supply, rhs, args, ())


def _run(asked: _Asked, supply: JacobianSupply, solver: Any, kind: str) -> Any:
    """Integrate the states alone."""
    passed, start = asked.passed, supply.y_start
    notes: tuple[str, ...] = ()
    if asked.mass is not None:
        solver, start, form, notes = _with_mass(asked.mass, supply, asked.options)
    elif kind == "auto" and not supply.is_small:
        solver, form = KrylovBDF, _form("krylov", asked, supply)
    else:
        form = _form(kind, asked, supply)
    if kind == "LSODA":  # the pattern gives the bands
        passed = {k: v for k, v in passed.items() if k not in ("lband", "uband")}
    passed |= {"dense_output": True} if asked.adjoint else {}
    function = supply.function(asked.rhs)
    run = solve_ivp(function, asked.t_span, start, method=solver, **form, **passed)
    return _confirmed(run, supply, asked.rhs, asked.args, notes)


def _form(kind: str, asked: _Asked, supply: JacobianSupply) -> dict[str, Any]:
    """Return the Jacobian as a method takes it."""
    if kind == "LSODA":
        return supply.lsoda()
    if kind == "cvode":
        return {"supply": supply, "linear_solver": asked.linear_solver}
    if kind == "krylov":
        return {"matrix": supply.by_rows}
    if kind in _EXPLICIT:
        return {}
    return {"jac": supply.dense if supply.is_small else supply.sparse}


def _with_vjp(run: Any, asked: _Asked, supply: JacobianSupply) -> Any:
    """Give a run the function that integrates the adjoint equations."""
    mass = None if asked.mass is None else read_mass_matrix(asked.mass, supply.y_start.size)
    rtol = asked.options.get("rtol", _RTOL)
    made_by = Integration(asked.rhs, supply, asked.args, asked.derivatives, rtol, asked.atol, mass)
    run = with_adjoint(run, made_by, asked.wanted)
    run.sol = run.sol if asked.options.get("dense_output") else None
    return run


def _by_petsc(
    rhs: Rhs,
    t_span: tuple[float, float],
    start: Array,
    args: tuple[Any, ...],
    derivatives: SolverDerivatives,
    options: dict[str, Any],
) -> Any:
    """Integrate by all processes together."""
    with importing():
        from sparsesolve.adapters.petsc.integrate import integrate_by_ts  # noqa: PLC0415

    check_given(options, start.size)
    check_call(rhs, [t_span[0], start, *args])
    given: dict[str, Any] = {"args": args, "derivatives": derivatives, "given": options}
    return integrate_by_ts(rhs, t_span, start, **given)


def _not_begun(supply: JacobianSupply, trouble: str) -> Any:
    """Return a failed run of the start alone."""
    run = solve_ivp(lambda t, y: np.zeros(y.size), (supply.t_start,) * 2, supply.y_start)
    run.update(t=run.t[:1], y=run.y[:, :1], notes=supply.notes)
    run.update(status=-1, success=False, message=trouble)
    return run


def _check_mass(options: Mapping[str, Any], method: Any) -> None:
    """Raise where a method or an option does not go with a mass matrix."""
    if not (isinstance(method, str) and method in ("BDF", "Radau")):
        raise ValueError(
            f"`mass_matrix` needs method='Radau' (the default serves as well), got {method!r}."
        )
    others = sorted(set(options) - {*WITH_SYSTEMS, "vectorized"})
    if others:
        fix = "Leave them out."
        if others == ["sensitivity"]:
            fix = "Add adjoint=True, which takes a constant mass matrix."
        raise TypeError(
            f"with `mass_matrix`, `solve_ivp` takes {', '.join(WITH_SYSTEMS)}; got "
            f"{', '.join(others)}. {fix}"
        )


def _with_mass(
    given: Any, supply: JacobianSupply, options: Mapping[str, Any]
) -> tuple[Any, Array, dict[str, Any], tuple[str, ...]]:
    """Return the method, a consistent start, the arguments of the method, and notes."""
    start = supply.y_start
    system = MassSystem(read_mass_matrix(given, start.size), supply.state_function, supply.sparse)
    allowed = options.get("atol", _ATOL) + options.get("rtol", _RTOL) * np.abs(start)
    at, notes = consistent_start(
        system,
        Point(supply.t_start, start, np.zeros(start.size)),
        allowed,
        supply.span,
        told=False,
    )
    return ImplicitRadau, at.y, {"system": system, "slope": at.slope}, notes


def _confirmed(
    run: Any, supply: JacobianSupply, rhs: Rhs, args: tuple[Any, ...], notes: tuple[str, ...]
) -> Any:
    """Return a run with the notes of its start, failed where the right-hand side changed."""
    run.notes = supply.notes + notes
    if not supply.comparable:
        return run
    t, y = (run.t[-1], run.y[:, -1]) if len(run.t) else (supply.t_start, supply.y_start)
    at = float(t) - NEAR * (float(t) - supply.t_start)
    given = [at, np.asarray(y), *args]
    stale = find_change(rhs, supply.prepared, given, 1, supply.args, run.success)
    if stale:
        run.update(status=-1, success=False, message=during("right-hand side", stale))
    return run


def _solver(method: Any) -> tuple[Any, str]:
    """Return a method of scipy's or ours, and which needs it has."""
    known = {
        "BDF": (SparseBDF, "BDF"),
        "Radau": (SparseRadau, "Radau"),
        "LSODA": (LSODA, "LSODA"),
        "krylov": (KrylovBDF, "krylov"),
        "auto": (SparseBDF, "auto"),
        "cvode": (Cvode, "cvode"),
    }
    if isinstance(method, str) and method in known:
        return known[method]
    if method in _EXPLICIT:
        return method, method
    if method in (BDF, Radau):
        return known[method.__name__]
    if isinstance(method, type):
        return method, "LSODA" if issubclass(method, LSODA) else method.__name__
    raise ValueError(
        f"`method` must be one of {', '.join((*known, 'petsc', *_EXPLICIT))}, or a subclass of "
        f"OdeSolver; got {method!r}."
    )
