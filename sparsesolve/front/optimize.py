"""`minimize`, `root`, `least_squares`: one call from a NumPy function to a solution.

It only chooses: the work is in `adapters`, which is imported on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from sparsesolve.front.ranks import begin_ranks
from sparsesolve.host.imports import importing
from sparsesolve.options import SolverDerivatives, as_tuple, check_words, positive
from sparsesolve.problem.bounds import Bounds
from sparsesolve.problem.call import FirstOf, also_fun, require_callable
from sparsesolve.problem.pose import pose
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result
from sparsesolve.problem.start import bounds_of, form_of, start_point

__all__ = ["least_squares", "minimize", "root"]


@also_fun("problem")
def minimize(
    problem: Problem | Callable[..., Any],
    x0: Any = None,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Bounds | None = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    solver: str | None = None,
    derivatives: SolverDerivatives = "auto",
    progress: bool = False,
    warm_start: Result | None = None,
    x_scale: Any = None,
    f_scale: Any = None,
) -> Result:
    """Minimize a function within bounds and constraints, with exact sparse derivatives.

    Takes what ``scipy.optimize.minimize`` takes, in its order.

    Parameters
    ----------
    problem : Problem or callable
        A `Problem`, or the objective alone, ``fun(x, *args)``.
    x0 : array_like, shape (n,), or nest of arrays, optional
        Starting point; needed, and taken, with a plain function only. A dict, named tuple,
        dataclass, or list or tuple of arrays is what the functions get, and what comes back.
    args, kwargs : tuple, mapping, optional
        Further arguments of the objective.
    method : str, optional
        "ipopt", "pounce", "uno"; "highs" for linear and convex quadratic problems; a method of
        scipy that takes derivatives ("trust-constr", "SLSQP", "L-BFGS-B", "TNC", "Newton-CG",
        "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "BFGS", "CG"); "petsc"
        for bounds only: TAO of PETSc, by all processes of ``mpiexec -n 4 python script.py``; or
        "auto", the default: HiGHS where all is proven linear, or convex and quadratic, and small;
        else IPOPT where it is installed, or one like it; else trust-constr with constraints,
        L-BFGS-B with bounds only, trust-krylov with neither. scipy's where `options` are scipy's.
        ``result.choice`` says why.
    jac, hess, hessp : optional
        Not needed: derivatives are our own, and a note says so. ``jac=True``: the objective
        returns its gradient too, which is dropped.
    bounds
        As for `Problem`; with a plain function only.
    constraints
        As for `Problem`: a `Constraint`, scipy's `NonlinearConstraint` or `LinearConstraint`, a
        dictionary with "type", "fun" and "args", or a sequence of these.
    tol : float, optional
        The solver's main tolerance.
    callback : callable, optional
        ``callback(state)`` at each iteration, with `IterationState`: iteration, x, fun,
        constraint_violation, optimality, step, seconds; or as scipy's are written, with a parameter
        ``xk`` or ``intermediate_result``, or two. A true result, or StopIteration, stops.
    options : mapping, optional
        The solver's own options, by its own names.
    solver : str, optional
        The same as `method`.
    derivatives : {"auto", "compiled", "interpreted", "colored", "differences"}, optional
        How derivatives are made, as for `Problem`; with a plain function only. With "differences",
        for functions that cannot be traced, "auto" is SLSQP (above 500 unknowns trust-constr) with
        constraints, else L-BFGS-B, and a note says so.
    progress : bool, optional
        Show a live table of the iterations. Default is False.
    x_scale, f_scale : optional
        Units that the solver sees, as for `Problem`; with a plain function only.
    warm_start : Result, optional
        Start at its point; IPOPT also takes its multipliers.

    Returns
    -------
    Result
        Also where the solver fails: see `Result.status` and `Result.raise_on_failure`. Has the
        names and keys of scipy's `OptimizeResult`: nit, nfev, njev, nhev, jac, ...

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
    ...                   np.zeros(4), method="trust-krylov")
    >>> result.status.value, np.round(result.x, 6)
    ('solved', array([1., 1., 1., 1.]))
    """
    begin_ranks(method or solver)
    check_words(tol=tol, options=options, progress=progress, kwargs=kwargs)
    given = {"args": args, "kwargs": kwargs, "bounds": bounds, "constraints": constraints}
    given |= {"x_scale": x_scale, "f_scale": f_scale}
    posed = pose(problem, x0, with_gradient=jac is True, derivatives=derivatives, **given)
    if warm_start is not None:
        warm_start = posed.as_vectors(warm_start)
    result: Result = _minimizers().solve(
        posed,
        solver=_method(method, solver),
        options=options,
        tol=tol,
        progress=progress,
        callback=callback,
        warm_start=warm_start,
        notes=_unused(jac=None if jac is True else jac, hess=hess, hessp=hessp),
    )
    return result


@cache
def _minimizers() -> Any:
    """Import on use, since sparsesolve itself stays light; once, since to ask takes long, too."""
    with importing():
        from sparsesolve.adapters import minimize  # noqa: PLC0415

    return minimize


def _method(method: str | None, solver: str | None) -> str:
    """Read the two names of one option."""
    if method is not None and solver is not None and method != solver:
        raise TypeError(
            f"`method` and `solver` of minimize are one option, got {method!r} and {solver!r}. "
            "Leave out `solver`."
        )
    return method or solver or "auto"


def _unused(**given: Any) -> tuple[str, ...]:
    """Say in a note what is not needed, and so not used."""
    names = [f"`{k}`" for k, v in given.items() if v is not None and v is not False]
    return (f"{', '.join(names)}: not used, derivatives are our own",) if names else ()


@also_fun("function")
def root(
    function: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "newton",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    derivatives: SolverDerivatives = "auto",
    progress: bool = False,
) -> Result:
    """Solve ``function(x, *args) = 0`` by a sparse Newton method with exact Jacobian.

    Takes what ``scipy.optimize.root`` takes, in its order.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns as many values as there are unknowns.
    x0 : array_like, shape (n,), or nest of arrays
        Starting point; a nest, as for `minimize`, is what the function gets, and what comes back.
    args, kwargs : tuple, mapping, optional
        Further arguments.
    method : str, optional
        "newton", ours, is the only sparse one that uses the Jacobian. Or scipy's: "hybr" and "lm"
        with the exact Jacobian, dense; "krylov", "broyden1", "broyden2", "anderson",
        "linearmixing", "diagbroyden", "excitingmixing", "df-sane", which take none. Or "petsc":
        SNES of PETSc, by all processes of ``mpiexec -n 4 python script.py`` together.
    jac : Jacobian, optional
        Prepared before by `sparsesolve.jacobian`; else prepared here, as where it turns out not to
        be of `function` as it is now. A function of yours is not needed, and a note says so;
        ``jac=True``: `function` returns its Jacobian too, which is dropped.
    tol : float, optional
        Largest absolute residual at a solution. Default is 1e-10. With scipy's methods, theirs.
    options : mapping, optional
        ``tol``, ``xtol``, ``max_iterations``, ``max_step``; those of the method with scipy's; with
        "petsc" PETSc's, by its names, and ``answer``: "gathered", or "owned" for the part of `x`
        and `fun` that a process owns.
    derivatives : {"auto", "compiled", "interpreted", "colored", "differences"}, optional
        How they are made: see `method` of `jacobian`; "differences" is for functions that cannot
        be traced, by `jacobian_by_differences` with an estimated pattern, and a note says so.
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

    begin_ranks(method)
    check_words(tol=tol, options=options, progress=progress, kwargs=kwargs)
    called = require_callable(function, kwargs)
    return _solved(
        solve_root,
        FirstOf(called) if jac is True else called,
        x0,
        form_of(x0),
        method=method,
        tol=tol,
        options=options,
        args=as_tuple(args),
        jac=jac,
        derivatives=derivatives,
        progress=progress,
        callback=callback,
    )


def _solved(
    solve: Callable[..., Result],
    function: Callable[..., Any],
    x0: Any,
    form: Any,
    **given: Any,
) -> Result:
    """Solve from a vector, or from a nest, which then comes back."""
    if form is None:
        return solve(function, start_point(np.atleast_1d(np.asarray(x0))), **given)
    with importing():
        from sparsesolve.adapters.nested import solve_in_form  # noqa: PLC0415

    return solve_in_form(solve, function, form, **given)


@also_fun("function")
def least_squares(
    function: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Bounds | None = None,
    method: str = "auto",
    *,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    loss: str | Callable[..., Any] = "linear",
    f_scale: float = 1.0,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    derivatives: SolverDerivatives = "auto",
    progress: bool = False,
    callback: Callable[..., Any] | None = None,
    **more: Any,
) -> Result:
    """Minimize half the sum of squares of ``function(x, *args)`` with exact sparse Jacobian.

    Takes what ``scipy.optimize.least_squares`` takes.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns the residuals, m of them.
    x0 : array_like, shape (n,), or nest of arrays
        Starting point; a nest, as for `minimize`, is what the function gets, and what comes back.
    jac : Jacobian, optional
        As for `root`.
    bounds : tuple, sequence of pairs, or scipy.optimize.Bounds, optional
        As for `Problem`, also by key. With two variables, two lists are a lower and an upper one,
        as scipy's own `least_squares` reads them.
    args, kwargs : tuple, mapping, optional
        Further arguments.
    method : {"auto", "lm", "gauss-newton", "trf", "dogbox"}, optional
        "lm" and "gauss-newton" are ours, sparse and direct, without bounds; "trf" and "dogbox"
        are scipy's. "auto" is "trf" with bounds, else "lm".
    loss : {"linear", "soft_l1", "huber", "cauchy", "arctan"} or callable, optional
        As in scipy: ``loss(z)`` returns an array of shape (3, m). Default is "linear".
    f_scale : float, optional
        Residual at which the loss begins to bend. Default is 1.
    tol : float, optional
        For ftol, xtol and gtol.
    options : mapping, optional
        Of the method: for ours ``ftol``, ``xtol``, ``gtol``, ``x_scale``, ``max_nfev``,
        ``max_iterations``, ``damping``; for scipy's those of ``scipy.optimize.least_squares``.
    derivatives : str, optional
        As for `root`.
    progress, callback
        As for `minimize`.
    **more
        The same options as keywords, as scipy takes them: `ftol`, `xtol`, `gtol`, `x_scale`,
        `max_nfev`, `verbose`, `tr_solver`, `tr_options`; `diff_step`, `jac_sparsity` and `workers`
        are not needed.

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

    check_words(tol=tol, options=options, progress=progress, kwargs=kwargs)
    form = form_of(x0)
    return _solved(
        solve_least_squares,
        require_callable(function, kwargs),
        x0,
        form,
        bounds=bounds_of(bounds, np.size(x0), form, reading="least_squares"),
        method=method,
        loss=loss,
        f_scale=positive("f_scale", f_scale),
        tol=tol,
        options=options,
        more=more,
        args=as_tuple(args),
        jac=jac,
        derivatives=derivatives,
        progress=progress,
        callback=callback,
    )
