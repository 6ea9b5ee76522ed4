"""`minimize`, `root`, `least_squares`, `solve_ivp`: one call from a NumPy function to a solution.

Separate because it only chooses: the work is in `adapters`, which is imported on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from sparsesolve.host.imports import importing
from sparsesolve.problem.bounds import Bounds, variable_bounds
from sparsesolve.problem.problem import Constraint, Problem, start_point
from sparsesolve.problem.result import Result

if TYPE_CHECKING:
    from sparsesolve.methods.monitor import IterationState

__all__ = ["least_squares", "minimize", "root", "solve_ivp"]


def minimize(
    problem: Problem | Callable[[Any], Any],
    x0: ArrayLike | None = None,
    *,
    bounds: Bounds | None = None,
    constraints: Constraint | Sequence[Constraint] = (),
    solver: str = "auto",
    options: Mapping[str, Any] | None = None,
    tol: float | None = None,
    progress: bool = False,
    callback: Callable[[IterationState], Any] | None = None,
    warm_start: Result | None = None,
) -> Result:
    """Minimize a function within bounds and constraints, with exact sparse derivatives.

    Parameters
    ----------
    problem : Problem or callable
        A `Problem`, or the objective alone.
    x0 : array_like, shape (n,), optional
        Starting point; needed, and taken, with a plain function only.
    bounds, constraints
        As for `Problem`; with a plain function only.
    solver : str, optional
        "ipopt", a method of scipy that takes derivatives ("trust-constr", "SLSQP", "L-BFGS-B",
        "TNC", "Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "BFGS", "CG"), or
        "auto": IPOPT where it is installed; else trust-constr with constraints, L-BFGS-B with
        bounds only, trust-krylov with neither.
    options : mapping, optional
        The solver's own options, by its own names.
    tol : float, optional
        The solver's main tolerance.
    progress : bool, optional
        Show a live table of the iterations. Default is False.
    callback : callable, optional
        ``callback(state)`` at each iteration, with `IterationState`: iteration, x, fun,
        constraint_violation, optimality, step, seconds. A true result, or StopIteration, stops.
    warm_start : Result, optional
        Start at its point; IPOPT also takes its multipliers.

    Returns
    -------
    Result
        Also where the solver fails: see `Result.status` and `Result.raise_on_failure`.

    Raises
    ------
    ValueError, TypeError
        If the solver cannot take the problem, or an option is unknown.
    SolverUnavailable
        If the solver is not installed.

    Notes
    -----
    Ctrl-C returns the best point so far, with status "interrupted". Data that changed since the
    functions were traced are noticed at the start, those that change on the way at the end.

    Examples
    --------
    >>> import numpy as np
    >>> result = minimize(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    ...                   np.zeros(4), solver="trust-krylov")
    >>> result.status.value, np.round(result.x, 6)
    ('solved', array([1., 1., 1., 1.]))
    """
    posed = _as_problem(problem, x0, bounds, constraints)
    if warm_start is not None and warm_start.x.shape != (posed.n,):
        raise ValueError(
            f"`warm_start` must come from a problem of {posed.n} variables, got one of "
            f"{warm_start.x.size}."
        )
    # imported on use: sparsesolve itself stays light
    with importing():
        from sparsesolve.adapters.minimize import solve  # noqa: PLC0415

    return solve(
        posed,
        solver=solver,
        options=options,
        tol=tol,
        progress=progress,
        callback=callback,
        warm_start=warm_start,
    )


def _as_problem(
    problem: Problem | Callable[[Any], Any],
    x0: ArrayLike | None,
    bounds: Bounds | None,
    constraints: Constraint | Sequence[Constraint],
) -> Problem:
    if isinstance(problem, Problem):
        alone = isinstance(constraints, Sequence) and not constraints
        if x0 is not None or bounds is not None or not alone:
            raise TypeError(
                "`x0`, `bounds` and `constraints` belong to the Problem; pass them with a plain "
                "function only."
            )
        return problem
    if not callable(problem):
        raise TypeError(f"`problem` must be a Problem or a function, got {type(problem).__name__}.")
    if x0 is None:
        raise TypeError("`x0` is needed with a plain function: minimize(f, x0).")
    return Problem(problem, x0, bounds=bounds, constraints=constraints)


def root(
    function: Callable[..., Any],
    x0: ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    method: str = "newton",
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    jac: Any = None,
    progress: bool = False,
    callback: Callable[[IterationState], Any] | None = None,
) -> Result:
    """Solve ``function(x, *args) = 0`` by a sparse Newton method with exact Jacobian.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns as many values as there are unknowns.
    x0 : array_like, shape (n,)
        Starting point.
    args : tuple, optional
        Further arguments.
    method : {"newton"}, optional
        scipy has no sparse method of its own.
    tol : float, optional
        Largest absolute residual at a solution. Default is 1e-10.
    options : mapping, optional
        ``tol``, ``xtol``, ``max_iterations``, ``max_step``.
    jac : Jacobian, optional
        Prepared before by `sparsesolve.jacobian`; else prepared here, as where it turns out not to
        be of `function` as it is now.
    progress, callback
        As for `minimize`.

    Returns
    -------
    Result
        ``fun`` is the residual vector, ``jacobian`` J at the solution; a failure is a status.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or the system is not square.

    Notes
    -----
    One sparse factorization an iteration; where J is singular a Levenberg step of a system of
    2 n unknowns.

    Examples
    --------
    >>> import numpy as np
    >>> result = root(lambda x: np.array([x[0] ** 2 + x[1] - 3.0, x[0] - x[1] + 1.0]), [1.0, 1.0])
    >>> result.status.value, np.round(result.x, 8)
    ('solved', array([1., 2.]))
    """
    with importing():
        from sparsesolve.adapters.root import solve_root  # noqa: PLC0415

    return solve_root(
        _callable(function),
        start_point(x0),
        method=method,
        tol=tol,
        options=options,
        args=tuple(args),
        jac=jac,
        progress=progress,
        callback=callback,
    )


def least_squares(
    function: Callable[..., Any],
    x0: ArrayLike,
    *,
    bounds: Bounds | None = None,
    args: tuple[Any, ...] = (),
    method: str = "auto",
    loss: str = "linear",
    f_scale: float = 1.0,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    jac: Any = None,
    progress: bool = False,
    callback: Callable[[IterationState], Any] | None = None,
) -> Result:
    """Minimize half the sum of squares of ``function(x, *args)`` with exact sparse Jacobian.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns the residuals, m of them.
    x0 : array_like, shape (n,)
        Starting point.
    bounds : tuple, sequence of pairs, or scipy.optimize.Bounds, optional
        As for `Problem`. With two variables, two lists are a lower and an upper one, as scipy's
        own `least_squares` reads them.
    args : tuple, optional
        Further arguments.
    method : {"auto", "lm", "gauss-newton", "trf", "dogbox"}, optional
        "lm" and "gauss-newton" are ours, sparse and direct, without bounds; "trf" and "dogbox"
        are scipy's. "auto" is "trf" with bounds, else "lm".
    loss : {"linear", "soft_l1", "huber", "cauchy", "arctan"}, optional
        As in scipy. Default is "linear".
    f_scale : float, optional
        Residual at which the loss begins to bend. Default is 1.
    tol : float, optional
        For ftol, xtol and gtol.
    options : mapping, optional
        Of the method: for ours ``ftol``, ``xtol``, ``gtol``, ``max_iterations``, ``damping``; for
        scipy's those of ``scipy.optimize.least_squares``.
    jac : Jacobian, optional
        Prepared before by `sparsesolve.jacobian`; else prepared here, as where it turns out not to
        be of `function` as it is now.
    progress, callback
        As for `minimize`.

    Returns
    -------
    Result
        ``fun`` is the residual vector, ``cost`` what is minimized, ``jacobian`` J at the solution.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or the method takes no bounds.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(5.0)
    >>> fit = least_squares(lambda p: p[0] * np.exp(-p[1] * t) - 2.0 * np.exp(-0.5 * t), [1.0, 1.0])
    >>> fit.success, np.round(fit.x, 6)
    (True, array([2. , 0.5]))
    """
    with importing():
        from sparsesolve.adapters.least_squares import solve_least_squares  # noqa: PLC0415

    start = start_point(x0)
    return solve_least_squares(
        _callable(function),
        start,
        bounds=variable_bounds(bounds, start.size, reading="least_squares"),
        method=method,
        loss=loss,
        f_scale=float(f_scale),
        tol=tol,
        options=options,
        args=tuple(args),
        jac=jac,
        progress=progress,
        callback=callback,
    )


def solve_ivp(
    rhs: Callable[..., Any],
    t_span: tuple[float, float],
    y0: ArrayLike,
    *,
    method: Any = "BDF",
    args: tuple[Any, ...] | None = None,
    jac: Any = None,
    **options: Any,
) -> Any:
    """Integrate ``y' = rhs(t, y, *args)`` with the exact sparse Jacobian of `rhs`.

    Parameters
    ----------
    rhs : callable
        ``rhs(t, y, *args)`` returns as many values as `y` has.
    t_span : tuple of float
        Start and end.
    y0 : array_like, shape (n,)
        Initial state, real for the implicit methods.
    method : {"BDF", "Radau", "LSODA", "RK45", "RK23", "DOP853"} or OdeSolver, optional
        Default is "BDF". The explicit ones are passed through, with nothing prepared.
    args : tuple, optional
        Further arguments of `rhs` (and of events).
    jac : Jacobian, optional
        ``sparsesolve.jacobian(rhs, t0, y0, *args, argnum=1)``, prepared before; else here, as
        where it turns out not to be of `rhs` as it is now.
    **options
        All others of ``scipy.integrate.solve_ivp``: `t_eval`, `dense_output`, `events`, `rtol`,
        `atol`, `first_step`, `max_step`, ...

    Returns
    -------
    OdeResult
        scipy's own: `t`, `y`, `status`, `message`, `success`, `nfev`, `njev`, `nlu`, ...; and for
        the implicit methods `notes`, as `Result` has them.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.

    Notes
    -----
    Entries of the Jacobian that are not finite (a square root at 0) are forward differences; a
    note says which.

    `rhs` is traced once. Where it compiles, and has more than a few unknowns, the compiled form is
    what the method calls; `nfev` counts evaluations of either.

    Examples
    --------
    >>> import numpy as np
    >>> run = solve_ivp(lambda t, y: -1000.0 * (y - np.cos(t)), (0.0, 1.0), [0.0, 1.0])
    >>> run.success, bool(np.all(abs(run.y[:, -1] - np.cos(1.0)) < 1e-2))
    (True, True)
    """
    with importing():
        from sparsesolve.adapters.ode import integrate  # noqa: PLC0415

    extra = () if args is None else args if isinstance(args, tuple | list) else (args,)
    return integrate(
        _callable(rhs),
        t_span,
        y0,
        method=method,
        args=tuple(extra),
        jac=jac,
        options=options,
    )


def _callable(function: Any) -> Callable[..., Any]:
    if not callable(function):
        raise TypeError(f"The first argument must be callable, got {type(function).__name__}.")
    return function  # type: ignore[no-any-return]
