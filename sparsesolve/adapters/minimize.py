"""One door for all minimizers: choose the solver, watch it, return its `Result`.

Separate because IPOPT and scipy know nothing of each other, and the case that every variable is
fixed belongs to neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sparsesolve.adapters.choice import any_kept_feasible, choose, choose_solver
from sparsesolve.adapters.equations import is_final, only_equations, solve_equations
from sparsesolve.adapters.highs import solve_highs
from sparsesolve.adapters.ipopt import prepare_ipopt, solve_ipopt
from sparsesolve.adapters.lifted import solve_lifted, worth_lifting
from sparsesolve.adapters.nested import of_nests
from sparsesolve.adapters.nlp import Ended, result_of
from sparsesolve.adapters.pounce import require_pounce, solve_pounce
from sparsesolve.adapters.scaled import solve_scaled
from sparsesolve.adapters.scipy_methods import find_method, load_scipy
from sparsesolve.adapters.scipy_minimize import solve_scipy
from sparsesolve.adapters.uno import require_uno, solve_uno
from sparsesolve.host.imports import importing
from sparsesolve.methods.callback import as_callback, check_callback
from sparsesolve.methods.evaluation import Evaluation, moved_inside
from sparsesolve.methods.failure import describe_failure
from sparsesolve.methods.freshness import confirm, refresh
from sparsesolve.methods.monitor import IterationState, Monitor
from sparsesolve.methods.origin import Minimized
from sparsesolve.methods.units import Units
from sparsesolve.options import check_words
from sparsesolve.problem.present import present
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result, Status
from sparsesolve.problem.scaling import find_scales

__all__ = ["choose_solver", "presented", "solve", "with_origin"]

# solvers that take the callbacks of a nonlinear program
_NLP: dict[str, Callable[..., Result]] = {
    "ipopt": solve_ipopt,
    "pounce": solve_pounce,
    "uno": solve_uno,
}
_PREPARED: dict[str, Callable[[Mapping[str, Any] | None], Any]] = {
    "ipopt": prepare_ipopt,
    "pounce": lambda options: require_pounce(),
    "uno": lambda options: require_uno(),
}
_OTHERS = frozenset({"highs", *_NLP})  # than scipy's
_PROVEN = (Status.SOLVED, Status.INFEASIBLE, Status.UNBOUNDED)  # of a convex quadratic problem


def solve(
    problem: Problem,
    *,
    solver: str,
    options: Mapping[str, Any] | None,
    tol: float | None,
    progress: bool,
    callback: Callable[[IterationState], Any] | None,
    warm_start: Result | None,
    notes: tuple[str, ...] = (),
) -> Result:
    """Solve `problem`; the arguments are those of `sparsesolve.minimize`.

    Parameters
    ----------
    problem : Problem
        The problem.
    solver, options, tol, progress, callback, warm_start
        See `sparsesolve.minimize`.
    notes : tuple of str, optional
        For the result.

    Returns
    -------
    Result
        Of the solver chosen.
    """
    check_words(tol=tol, options=options, progress=progress)
    check_callback(callback)
    callback = of_nests(callback, problem.form)
    if str(solver).lower() == "petsc":
        monitor = Monitor("petsc", callback=callback, progress=progress)
        return _by_petsc(problem, options, tol, warm_start, monitor, notes)
    given: dict[str, Any] = {"solver": solver, "options": options, "tol": tol}
    given |= {"progress": progress, "callback": callback, "warm_start": warm_start}
    scales = find_scales(problem)
    if scales is None:
        return presented(problem, _solve(problem, notes=notes, **given))
    notes += refresh(problem)  # which answers are judged by, besides the scaled one
    scales = find_scales(problem) or scales
    return presented(problem, solve_scaled(problem, scales, _solve, notes=notes, **given))


def _solve(
    problem: Problem,
    *,
    solver: str,
    options: Mapping[str, Any] | None,
    tol: float | None,
    progress: bool,
    callback: Callable[[IterationState], Any] | None,
    warm_start: Result | None,
    notes: tuple[str, ...] = (),
    units: Units | None = None,
) -> Result:
    """Solve a problem without scales, of vectors; `units` of one that is scaled itself."""
    name = str(solver)
    start = problem.first if warm_start is None else warm_start.x
    notes += refresh(problem)
    asked = name.lower() != "auto" or bool(options) or any_kept_feasible(problem)
    if not asked and problem.second_order and only_equations(problem):
        seen = callback if units is None or callback is None else _of_equations(callback, units)
        watched: dict[str, Any] = {"tol": tol, "progress": progress, "callback": seen}
        result, why = solve_equations(problem, start, **watched)
        if is_final(problem, result):
            return replace(confirm(problem, result, notes + why), choice=why[0])
        notes += (f"{why[0]}, which ended as {result.status.value}",)
    attempt = partial(
        _attempt,
        problem,
        options=options,
        tol=tol,
        progress=progress,
        callback=callback,
        warm_start=warm_start,
        units=units,
    )
    if name.lower() != "auto":
        result, more = attempt(name.lower() if name.lower() in _OTHERS else find_method(name).name)
        return confirm(problem, result, notes + more)
    watches = progress or callback is not None
    choice = choose(problem, options, watched=watches, warm=warm_start is not None)
    result, more = attempt(choice.solver)
    if not choice.certain and result.status not in _PROVEN:
        notes += (f"{choice.why}, which ended as {result.status.value}",)
        choice = choose(problem, options, watched=watches, quadratic=False)
        result, more = attempt(choice.solver)
    elif choice.solver == "highs" and choice.certain:
        notes += (choice.why.replace(": HiGHS", ": solved by HiGHS"),)
    return replace(confirm(problem, result, notes + more), choice=choice.why)


def _attempt(
    problem: Problem,
    name: str,
    *,
    options: Mapping[str, Any] | None,
    tol: float | None,
    progress: bool,
    callback: Callable[[IterationState], Any] | None,
    warm_start: Result | None,
    units: Units | None,
) -> tuple[Result, tuple[str, ...]]:
    """Solve by one solver; return the result and notes for it."""
    start = problem.first if warm_start is None else warm_start.x
    notes: tuple[str, ...] = ()
    if units is not None:
        options, tol = units.tolerances(name, options, tol)
    if not problem.second_order:
        notes += _without_second_order(problem, name)
    elif name not in _OTHERS:
        notes += _not_formed(problem, name)
    _load(name, options)  # it is slow: not to be counted as solving
    notes += moved_inside(start, problem.bounds)
    if any_kept_feasible(problem) and name != "trust-constr":
        notes += (f"`keep_feasible` is for trust-constr; {name} does not know it",)
    notes += _not_lifted(problem, name)
    with Monitor(name, callback=callback, progress=progress, units=units) as monitor:
        given: dict[str, Any] = {"options": options, "tol": tol, "warm_start": warm_start}
        try:
            if np.array_equal(*problem.bounds):
                result = _all_fixed(problem, monitor)
            elif name in _NLP and worth_lifting(problem):
                result = solve_lifted(problem, monitor, _NLP[name], **given)
            elif name in _NLP:
                result = _NLP[name](problem, monitor, **given)
            elif name == "highs":
                result = solve_highs(problem, monitor, options=options, tol=tol)
            else:
                result = solve_scipy(problem, monitor, solver=name, **given)
        except MemoryError as failure:  # also of what a solver prepares before its first step
            result = _out_of_memory(problem, monitor, describe_failure(failure, (), None, name))
    return result, notes


def _load(name: str, options: Mapping[str, Any] | None) -> None:
    if name in _PREPARED:
        _PREPARED[name](options)
    else:
        load_scipy()


def _not_lifted(problem: Problem, name: str) -> tuple[str, ...]:
    """Return a note where `lift_sums` is asked for in vain."""
    if not problem.lift_sums or (name in _NLP and worth_lifting(problem)):
        return ()
    if name not in _NLP:
        return (f"`lift_sums` is for {', '.join(_NLP)}; {name} gets the problem as it is",)
    return ("nothing was lifted: no sum over many variables enters what is not linear in it",)


def _of_equations(callback: Callable[..., Any], units: Units) -> Callable[..., Any]:
    called = as_callback(callback)
    return lambda state: called(units.told_of_equations(state))


def _explain(problem: Problem, result: Result) -> Any:
    # imported when asked for
    from sparsesolve.adapters.explanations import explain  # noqa: PLC0415

    return explain(problem, result)


def _by_petsc(
    problem: Problem,
    options: Mapping[str, Any] | None,
    tol: float | None,
    warm_start: Result | None,
    monitor: Monitor,
    notes: tuple[str, ...],
) -> Result:
    """Solve by all processes together, of which each traces what it evaluates."""
    with importing():
        from sparsesolve.adapters.petsc.minimize import minimize_by_tao  # noqa: PLC0415

    start = problem.first if warm_start is None else warm_start.x
    if problem.x_scale is not None or problem.f_scale is not None:
        notes += ("method='petsc' does not use `x_scale` and `f_scale`",)
    with monitor:
        result = minimize_by_tao(problem, start, options=options, tol=tol, monitor=monitor)
    result = replace(result, notes=result.notes + notes)
    return result if getattr(result, "owned", None) is not None else presented(problem, result)


def presented(problem: Problem, result: Result) -> Result:
    """Return a result in the form of its problem, which it knows from then on."""
    return present(problem, result, origin=Minimized(problem, _explain))


def with_origin(problem: Problem, result: Result) -> Result:
    """Return a result that knows its problem."""
    return replace(result, origin=Minimized(problem, _explain))


def _not_formed(problem: Problem, name: str) -> tuple[str, ...]:
    """Return a note where a method takes products with a Hessian that is large."""
    if find_method(name).hessian not in ("sparse", "product"):
        return ()
    nonzeros = Evaluation(problem).thin_hessian
    if not nonzeros:
        return ()
    return (
        f"the Hessian has {nonzeros} nonzeros in a triangle and is not formed: {name} takes "
        "products with it, which is sparse + low rank",
    )


def _without_second_order(problem: Problem, name: str) -> tuple[str, ...]:
    """Return a note for a problem of first derivatives; raise where the solver wants more."""
    if name in _OTHERS or (name != "trust-constr" and find_method(name).hessian != "none"):
        raise ValueError(
            f"{name} takes second derivatives, which derivatives='differences' does not give. Use "
            "method='trust-constr', 'SLSQP', 'L-BFGS-B', 'TNC', 'BFGS' or 'CG'."
        )
    nnz = problem.derivatives.jacobian_pattern.nnz
    rows = f"; the pattern of the constraints ({nnz} nonzeros) is estimated and may miss entries"
    return (
        "first derivatives are by finite differences, as derivatives='differences' asks"
        f"{rows if problem.constraints else ''}",
    )


def _out_of_memory(problem: Problem, monitor: Monitor, message: str) -> Result:
    """Nothing more can be evaluated: the best point seen, if any, or the start."""
    best = monitor.best
    return Result(
        x=problem.start if best is None else best.x,
        fun=float("nan") if best is None else best.fun,
        status=Status.FAILED,
        message=message,
        solver=monitor.solver,
        cost=float("nan") if best is None else best.fun,
        iterations=monitor.iterations,
        name=problem.name,
    )


def _all_fixed(problem: Problem, monitor: Monitor) -> Result:
    """No variable is free: evaluate, and say whether the constraints hold."""
    evaluation = Evaluation(problem)
    x = problem.bounds[0]
    feasible = evaluation.violation(x) <= 1e-8
    status = Status.SOLVED if feasible else Status.INFEASIBLE
    text = "All variables are fixed by their bounds; nothing was left to solve."
    return result_of(evaluation, monitor, Ended(x, status, text))
