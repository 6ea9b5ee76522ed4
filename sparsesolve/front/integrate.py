"""`solve_ivp`, `odeint` and `solve_dae`: one call from a NumPy function to a trajectory.

Separate from optimization, with which it shares no argument; the work is in `adapters`, which is
imported on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from numpy.typing import ArrayLike

from sparsesolve.front.ranks import begin_ranks
from sparsesolve.host.imports import importing
from sparsesolve.options import SolverDerivatives, as_tuple
from sparsesolve.problem.call import also_fun, require_callable
from sparsesolve.problem.start import form_of

__all__ = ["odeint", "solve_dae", "solve_ivp"]


@also_fun("rhs")
def solve_ivp(
    rhs: Callable[..., Any],
    t_span: tuple[float, float],
    y0: ArrayLike,
    method: Any = "BDF",
    t_eval: ArrayLike | None = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    jac: Any = None,
    derivatives: SolverDerivatives = "auto",
    mass_matrix: Any = None,
    sensitivity: Any = None,
    adjoint: bool = False,
    index_reduction: bool = False,
    **options: Any,
) -> Any:
    """Integrate ``y' = rhs(t, y, *args)`` with the exact sparse Jacobian of `rhs`.

    Takes what ``scipy.integrate.solve_ivp`` takes, in its order.

    Parameters
    ----------
    rhs : callable
        ``rhs(t, y, *args)`` returns as many values as `y` has.
    t_span : tuple of float
        Start and end.
    y0 : array_like, shape (n,)
        Initial state, real for the implicit methods.
    method : {"BDF", "Radau", "LSODA", "krylov", "auto", "cvode", "RK45", ...} or OdeSolver
        Default is "BDF". "krylov" is a BDF method of ours that solves by products with the Jacobian
        (GMRES), and factorizes only where the products so far say that it pays: for many
        unknowns. "auto" takes it above 40 unknowns with a sparse Jacobian, else "BDF". "cvode" is
        that of SUNDIALS, where it is installed, with `linear_solver` "auto", "dense", "sparse" or
        "gmres". "petsc" is TS of PETSc, by all processes of ``mpiexec -n 4 python script.py``
        together: BDF methods of order 4, or with ``options={"ts_type": "arkimex"}`` or "rosw"
        others; it takes `t_eval`, without which start and end alone are kept, `mass_matrix`,
        `rtol`, `atol`, `first_step`. The explicit ones ("RK45", "RK23", "DOP853") are passed
        through, with nothing prepared.
    t_eval, dense_output, events, vectorized
        As in scipy.
    args : tuple, optional
        Further arguments of `rhs` (and of events).
    kwargs : mapping, optional
        Keyword arguments of `rhs`.
    jac : Jacobian, optional
        ``sparsesolve.jacobian(rhs, t0, y0, *args, argnum=1)``, prepared before; else here, as
        where it turns out not to be of `rhs` as it is now. A function of yours is not needed, and
        a note says so.
    derivatives : str, optional
        As for `root`.
    mass_matrix : array_like, sparse matrix or callable, shape (n, n), optional
        M of ``M y' = rhs(t, y)``, constant or ``M(t, y, *args)``; it may be singular, if the index
        is one. By a Radau IIA method of ours, whatever `method` says of BDF and Radau. A start that
        is not consistent is moved where M does not see it, and a note says so.
    sensitivity : int, "y0" or tuple of these, optional
        Derivatives of the trajectory by arguments (positions in `args`: numbers or arrays) and by
        the start: by the variational equations, whose errors are controlled too. With "BDF",
        "krylov" and "auto" the method is that of "krylov"; the explicit ones do as well.
    adjoint : bool, default False
        With `sensitivity`: integrate the states alone, by any method but "petsc", and give the
        result a function `vjp`, which integrates the adjoint equations back: for few functionals
        of the trajectory and many parameters. Also with a `mass_matrix`, of index one.
    index_reduction : bool, default False
        With `mass_matrix`: whether a system whose index is greater than one is integrated by one of
        index one, as by `solve_dae`.
    **options
        All others of ``scipy.integrate.solve_ivp``: `rtol`, `atol`, `first_step`, `max_step`, ...

    Returns
    -------
    OdeResult
        scipy's own: `t`, `y`, `status`, `message`, `success`, `nfev`, `njev`, `nlu`, ...; and for
        the implicit methods `notes`, as `Result` has them. With `sensitivity`, `sensitivities`:
        an array of shape ``(n, *shape of the argument, number of times)``, or a tuple of them;
        with `adjoint` instead `vjp`: ``vjp(w)`` is the gradient of ``np.sum(w * run.y)``, in the
        shape of the argument, or a tuple of them.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong.

    Notes
    -----
    Entries of the Jacobian that are not finite (a square root at 0) are forward differences; a
    note says which.

    `rhs` is traced once, and what was traced is what the implicit methods call: `rhs` itself is
    called to be traced, checked, and compared at the end. `nfev` counts evaluations.

    Examples
    --------
    >>> import numpy as np
    >>> run = solve_ivp(lambda t, y: -1000.0 * (y - np.cos(t)), (0.0, 1.0), [0.0, 1.0])
    >>> run.success, bool(np.all(abs(run.y[:, -1] - np.cos(1.0)) < 1e-2))
    (True, True)
    >>> run = solve_ivp(
    ...     lambda t, y, k: -k * y, (0.0, 1.0), [1.0], args=(2.0,), sensitivity=0, rtol=1e-8
    ... )
    >>> run.sensitivities[0, -1].round(4), (-np.exp(-2.0)).round(4)
    (np.float64(-0.1353), np.float64(-0.1353))

    The gradient of the last value, by the adjoint:

    >>> run = solve_ivp(
    ...     lambda t, y, k: -k * y, (0.0, 1.0), [1.0], t_eval=[1.0], args=(2.0,),
    ...     sensitivity=(0, "y0"), adjoint=True, rtol=1e-8,
    ... )
    >>> by_rate, by_start = run.vjp(np.ones((1, 1)))
    >>> by_rate.round(4), by_start.round(4)
    (np.float64(-0.1353), array([0.1353]))
    """
    begin_ranks(method)
    _refuse_nests(y0)
    named = {
        "t_eval": t_eval,
        "dense_output": dense_output,
        "events": events,
        "vectorized": vectorized,
        "mass_matrix": mass_matrix,
        "sensitivity": sensitivity,
        "adjoint": adjoint,
        "index_reduction": index_reduction,
    }
    return _integrate()(
        require_callable(rhs, kwargs),
        t_span,
        y0,
        method=method,
        args=as_tuple(args),
        jac=jac,
        derivatives=derivatives,
        options=_given(named) | options,
    )


@cache
def _integrate() -> Any:
    with importing():
        from sparsesolve.adapters.ode import integrate  # noqa: PLC0415

    return integrate


def _refuse_nests(y0: Any) -> None:
    if form_of(y0, "y0") is not None:
        raise TypeError(
            f"`y0` must be an array, got {type(y0).__name__}: trajectories are arrays. Concatenate "
            "its parts, and cut `y` up inside of the function."
        )


def _given(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given: neither None nor False."""
    return {k: v for k, v in named.items() if v is not None and v is not False}


def odeint(
    func: Callable[..., Any],
    y0: ArrayLike,
    t: ArrayLike,
    args: Any = (),
    Dfun: Callable[..., Any] | None = None,
    col_deriv: bool = False,
    full_output: bool = False,
    ml: int | None = None,
    mu: int | None = None,
    rtol: Any = None,
    atol: Any = None,
    *,
    tfirst: bool = False,
    derivatives: SolverDerivatives = "auto",
    **options: Any,
) -> Any:
    """Integrate ``dy/dt = func(y, t, *args)`` by LSODA, with the exact Jacobian of `func`.

    Takes what ``scipy.integrate.odeint`` takes, and returns what that returns.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args)``, or ``func(t, y, *args)`` with `tfirst`.
    y0 : array_like, shape (n,)
        Initial state, at the first of the times.
    t : array_like
        Times at which the solution is wanted.
    args : tuple, optional
        Further arguments of `func`.
    Dfun : callable, optional
        A Jacobian of yours: then nothing is prepared, and scipy's function is called as it is.
    col_deriv, ml, mu
        The form of `Dfun`. The Jacobian made here is given in bands where these are narrow.
    full_output : bool, default False
        Whether a dictionary about the run is returned as well.
    rtol, atol : float or array_like, optional
        Tolerances; by default 1.49e-8, as in scipy.
    tfirst : bool, default False
        Whether `func` takes the time first.
    derivatives : str, optional
        As for `root`.
    **options
        All others of ``scipy.integrate.odeint``: `tcrit`, `h0`, `hmax`, `mxstep`, ...

    Returns
    -------
    ndarray, shape (len(t), n)
        The solution, one row a time; with `full_output` also scipy's dictionary.

    Notes
    -----
    `func` is traced once, as by `solve_ivp`, and what was traced is called. Within a function that
    is differentiated it is scipy's function, whose derivatives come from the sensitivity equations.

    Examples
    --------
    >>> import numpy as np
    >>> def robertson(y, t):
    ...     a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    ...     return [b - a, a - b - c, c]
    >>> y, run = odeint(robertson, [1.0, 0.0, 0.0], [0.0, 0.4, 40.0], full_output=True)
    >>> y[-1].round(5).tolist(), run["message"]
    ([0.71583, 1e-05, 0.28416], 'Integration successful.')
    """
    with importing():
        from sparsesolve.adapters.odeint import integrate_at  # noqa: PLC0415

    named = {"full_output": full_output, "rtol": rtol, "atol": atol}
    own = {"Dfun": Dfun, "col_deriv": col_deriv, "ml": ml, "mu": mu}
    return integrate_at(
        require_callable(func, None),
        y0,
        t,
        args=as_tuple(args),
        time_first=tfirst,
        derivatives=derivatives,
        options={**named, **options, **(own if Dfun is not None else {})},
    )


@also_fun("residual")
def solve_dae(
    residual: Callable[..., Any],
    t_span: tuple[float, float],
    y0: ArrayLike,
    yp0: ArrayLike | None = None,
    method: str = "Radau",
    t_eval: ArrayLike | None = None,
    dense_output: bool = False,
    events: Any = None,
    args: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    derivatives: SolverDerivatives = "auto",
    index_reduction: bool = False,
    sensitivity: Any = None,
    adjoint: bool = False,
    **options: Any,
) -> Any:
    """Integrate ``residual(t, y, y', *args) = 0`` with exact sparse derivatives.

    Parameters
    ----------
    residual : callable
        ``residual(t, y, yp, *args)`` returns as many values as `y` has. Equations without `yp` are
        taken as they are, if the index of the system is one.
    t_span : tuple of float
        Start and end.
    y0 : array_like, shape (n,)
        Initial state. What is in no derivative is a guess: it is moved until the equations hold,
        and a note says so.
    yp0 : array_like, shape (n,), optional
        A guess of the initial slopes; they are computed.
    method : {"Radau", "ida"}, optional
        A Radau IIA method of order 5 of ours; or IDA of SUNDIALS, where it is installed, with
        `linear_solver` "auto", "dense" or "sparse".
    t_eval, dense_output, events
        As in ``scipy.integrate.solve_ivp``; events are called with ``(t, y, *args)``.
    args : tuple, optional
        Further arguments of `residual` (and of events).
    kwargs : mapping, optional
        Keyword arguments of `residual`.
    derivatives : str, optional
        As for `root`.
    index_reduction : bool, default False
        Whether a system whose index is greater than one, as that of a pendulum, is integrated by
        one of index one: equations are differentiated by t as often as structure says, and states
        are projected onto those that are lost by that after each step. By "Radau" only.
    sensitivity, adjoint
        As for `solve_ivp`, with ``adjoint=True`` alone: the result has a function `vjp`. For
        systems of index one, whose equations determine all slopes that are in them.
    **options
        `rtol`, `atol`, `first_step`, `max_step`, as in scipy.

    Returns
    -------
    OdeResult
        scipy's own, with `notes` as `Result` has them, and `yp0`, the slopes at the start.

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or the index is greater than one, also after it was reduced by
        structure; the message names equations and
        unknowns, and how often which equation must be differentiated.

    Examples
    --------
    A tank that is drained, and its level as an equation:

    >>> import numpy as np
    >>> def tank(t, y, yp):
    ...     volume, level = y
    ...     return np.array([yp[0] + level, volume - 2.0 * level])
    >>> run = solve_dae(tank, (0.0, 2.0), [1.0, 0.0], rtol=1e-8)
    >>> run.y[:, -1].round(6), run.yp0[:1]
    (array([0.367879, 0.18394 ]), array([-0.5]))
    >>> run.notes[0]
    'the start was made consistent with the 1 equations without derivatives: y[1] moved most, ...'
    """
    with importing():
        from sparsesolve.adapters.dae import integrate_implicit  # noqa: PLC0415

    named = {"t_eval": t_eval, "events": events, "dense_output": dense_output}
    named |= {"sensitivity": sensitivity, "adjoint": adjoint}
    given = _given({**named, "index_reduction": index_reduction})
    return integrate_implicit(
        require_callable(residual, kwargs),
        t_span,
        y0,
        yp0,
        method=method,
        args=as_tuple(args),
        derivatives=derivatives,
        options=given | options,
    )
