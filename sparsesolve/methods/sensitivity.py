"""`Sensitivity`: how a solution moves with the parameters of its problem.

It needs what no solver asks for: second derivatives by unknown and parameter.
They are blocks of the derivatives of one larger problem, whose unknowns are x and p together. With
A the active rows, on the free variables, the conditions of Karush, Kuhn and Tucker give

    [ H  A' ] [ dx/dp ]     [ L_xp ]
    [ A  0  ] [ dy/dp ] = - [ c_p  ],

by one factorization. Fiacco (1976), "Sensitivity analysis for nonlinear programming using penalty
methods", Mathematical Programming 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives import problem_derivatives
from sparsesolve.errors import SolverError, StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.problem.bounds import real_array
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = ["ActiveSet", "Sensitivity", "active_set", "columns_of", "minimizer_sensitivity"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NEAR = 1e-4  # gap, and multiplier, below which neither says that a limit is active
_RESIDUAL = 1e-6


@dataclass(frozen=True, eq=False, slots=True)
class ActiveSet:
    """What holds a solution.

    Parameters
    ----------
    rows : ndarray of bool, shape (m,)
        Equalities, and rows that push against a limit.
    variables : ndarray of bool, shape (n,)
        Fixed ones, and those that push against a bound.
    weak_rows, weak_variables : ndarray of bool
        At a limit, with a multiplier of about zero: taken as free, though the solution may move
        otherwise to one side.
    """

    rows: Mask
    variables: Mask
    weak_rows: Mask
    weak_variables: Mask


@dataclass(frozen=True, eq=False, slots=True)
class Sensitivity:
    """First derivatives of a solution by parameters, k numbers of them.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Of the unknowns, as one vector.
    multipliers : ndarray, shape (m, k)
        Of those of the constraint rows; zero where a row is not active.
    bound_multipliers : tuple of ndarray, each of shape (n, k)
        ``(lower, upper)``.
    objective : ndarray, shape (k,)
        Of the objective at the solution.
    active : ActiveSet or None
        Within which they hold; None for `root`.
    parameters : ndarray, shape (k,)
        Where they were taken.
    solution : ndarray, shape (n,)
        The unknowns there.
    notes : tuple of str
        What else there is to know.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve import Constraint, Problem
    >>> row = Constraint(lambda x, p: x[0] + x[1] - p[0], 0.0, 0.0)
    >>> problem = Problem(lambda x, p: x[0] ** 2 + p[1] * x[1] ** 2, np.ones(2),
    ...                   constraints=row, parameters=np.array([3.0, 2.0]))
    >>> found = problem.solve(method="trust-constr", tol=1e-10).sensitivity()
    >>> np.round(found.x, 4) + 0.0
    array([[ 0.6667,  0.3333],
           [ 0.3333, -0.3333]])
    """

    x: Array
    multipliers: Array
    bound_multipliers: tuple[Array, Array]
    objective: Array
    parameters: Array
    solution: Array
    active: ActiveSet | None = None
    notes: tuple[str, ...] = field(default=())

    def predict(self, p: Any) -> Array:
        """Return the unknowns at other parameters near, to first order, shape (n,).

        Parameters
        ----------
        p : array_like, shape (k,)
            Parameters, as one vector.
        """
        given = np.ravel(real_array("p", p))
        if given.shape != self.parameters.shape:
            raise StructureMismatch(
                f"`p` must have {self.parameters.size} numbers, got {given.size}: those that the "
                "sensitivity is by, as one vector."
            )
        step = given - self.parameters
        return self.solution + self.x @ step

    def __str__(self) -> str:
        n, k = self.x.shape
        lines = [f"Sensitivity of {n} unknowns by {k} parameters"]
        if self.active is not None:
            rows, variables = int(self.active.rows.sum()), int(self.active.variables.sum())
            lines.append(f"  active: {rows} rows, {variables} variables at bounds")
        largest = f"{np.max(np.abs(self.x), initial=0.0):.3g}"
        return "\n".join([*lines, f"  largest dx/dp: {largest}", *(f"  {n}" for n in self.notes)])


def columns_of(form: Any, name: str | None, size: int) -> NDArray[np.intp]:
    """Return the positions of one block of a nest in its vector; all without a name.

    Parameters
    ----------
    form : Form or None
        Of the nest.
    name : str or None
        Key or field of the nest.
    size : int
        Length of the vector.

    Raises
    ------
    KeyError
        If there is no block of this name.
    """
    if name is None:
        return np.arange(size)
    blocks = () if form is None else form.blocks
    inner = {block.name.removeprefix(form.name): block for block in blocks}
    for written in (f"[{name!r}]", f".{name}", f"[{name}]"):
        chosen = [b for key, b in inner.items() if key == written or key.startswith(written + "[")]
        if chosen:
            return np.concatenate([np.arange(b.start, b.stop) for b in chosen])
    known = ", ".join(block.name for block in blocks) or "one array without names"
    raise KeyError(f"`p` must be the name of a block of the parameters, {known}, got {name!r}.")


def active_set(problem: Problem, x: Array, result: Result) -> ActiveSet:
    """Return which limits hold a solution: those whose multiplier exceeds the distance to them.

    Parameters
    ----------
    problem : Problem
        What was solved.
    x : ndarray, shape (n,)
        The solution.
    result : Result
        With its multipliers.
    """
    gradient = np.max(np.abs(problem.gradient(x)), initial=0.0)
    unit = max(1.0, float(gradient))
    y = np.asarray(result.multipliers)
    rows = _held(problem.constraint_values(x), *problem.constraint_bounds, y / unit)
    pull = problem.gradient(x)
    if y.size:
        pull = pull + problem.jacobian(x).T @ y
    variables = _held(x, *problem.bounds, -pull / unit)
    return ActiveSet(rows[0], variables[0], rows[1], variables[1])


def _held(value: Array, lower: Array, upper: Array, y: Array) -> tuple[Mask, Mask]:
    """Return where a limit is active, and where it may be; y > 0 pushes against the upper one."""
    scale = np.maximum(1.0, np.abs(value))
    gap = np.where(y > 0.0, upper - value, value - lower) / scale
    equal = lower == upper
    active = equal | (np.abs(y) > np.maximum(gap, 1e-9))
    near = np.minimum(upper - value, value - lower) / scale <= _NEAR
    return active, near & ~equal & ~(active & (np.abs(y) > _NEAR)) & (np.abs(y) <= _NEAR)


class _Joined:
    """A function of x and p as one of both in a row."""

    def __init__(self, function: Callable[..., Any], n: int) -> None:
        self.function, self.n = function, n
        self.__name__ = getattr(function, "__name__", "function")

    def __call__(self, z: Any) -> Any:
        return self.function(z[: self.n], z[self.n :])


def minimizer_sensitivity(problem: Problem, result: Result, p: str | None = None) -> Sensitivity:
    """Return how a minimizer and its multipliers move with the parameters.

    Parameters
    ----------
    problem : Problem
        With parameters.
    result : Result
        Of its solve.
    p : str, optional
        One block of the parameters, where they are a nest; else all.

    Raises
    ------
    TypeError
        If the problem has no parameters, or no second derivatives.
    SolverError
        If the solve failed, or the active rows are dependent there.
    """
    _require(problem, result)
    x = np.asarray(result.x if result.vector is None else result.vector)
    given = problem.parameter_vectors[0]
    columns = columns_of(problem.parameter_form, p, given.size)
    n, m = problem.n, problem.m
    y = np.asarray(result.multipliers)
    z = np.concatenate([x, given])
    joined = _joined_derivatives(problem, z)
    H = joined.hessian_full(joined.hessian_values(z, y, 1.0))
    by_parameters = n + columns
    L_xp = H[:n, by_parameters].toarray()
    gradient = np.asarray(joined.gradient(z))
    J = sp.csr_array((m, z.size))
    if m:
        J = joined.jacobian_pattern.to_scipy(joined.jacobian_values(z))
    c_p = J[:, by_parameters].toarray()
    active = active_set(problem, x, result)
    dx, dy = _solve(problem, H[:n, :n], J[:, :n], L_xp, c_p, active)
    held = H[:n, :n] @ dx + J[:, :n].T @ dy + L_xp
    pull = problem.gradient(x) + J[:, :n].T @ y
    lower = np.where((active.variables & (pull > 0.0))[:, None], held, 0.0)
    upper = np.where((active.variables & (pull <= 0.0))[:, None], -held, 0.0)
    # of the Lagrangian: x and the multipliers may stay, to first order
    value = gradient[by_parameters] + c_p.T @ y
    notes = _weak_notes(problem, active)
    return Sensitivity(dx, dy, (lower, upper), value, given[columns], x, active, notes)


def _require(problem: Problem, result: Result) -> None:
    if not problem.parameter_vectors:
        raise TypeError(
            "`sensitivity` needs a problem with parameters, got one without. Build it with "
            "Problem(objective, x0, parameters=p0), with functions of x and p."
        )
    if not problem.second_order:
        raise TypeError(
            "`sensitivity` needs second derivatives, which derivatives='differences' does not "
            "give. Use functions that can be traced."
        )
    if not result.success:
        raise SolverError(
            f"`sensitivity` needs a solution, got a result that is {result.status.value!r}."
        )


def _joined_derivatives(problem: Problem, z: Array) -> Any:
    """Return the derivatives by x and p together; made once for all members of a family."""
    kept = problem.kept
    if "sensitivity" not in kept:
        objective, *rows = problem.functions
        first = None if objective is None else _Joined(objective, problem.n)
        others = [_Joined(row, problem.n) for row in rows if row is not None]
        method: Any = problem.method
        kept["sensitivity"] = problem_derivatives(first, others, z, method=method, check=False)
    return kept["sensitivity"]


def _solve(
    problem: Problem, H: Any, A: Any, L_xp: Array, c_p: Array, active: ActiveSet
) -> tuple[Array, Array]:
    free, rows = np.flatnonzero(~active.variables), np.flatnonzero(active.rows)
    dx, dy = np.zeros(L_xp.shape), np.zeros(c_p.shape)
    if not free.size:
        return dx, dy
    B = A[rows][:, free]
    K = sp.csc_array(sp.block_array([[H[free][:, free], B.T], [B, None]], format="csc"))
    K.sort_indices()
    right = -np.concatenate([L_xp[free], c_p[rows]])
    factor = SparseLU(symmetric=False).factor(K)
    found = factor.solve(right)
    with np.errstate(all="ignore"):
        left_over = np.max(np.abs(K @ found - right), initial=0.0)
    size = max(1.0, float(np.max(np.abs(right), initial=0.0)))
    if not (factor.ok and np.all(np.isfinite(found)) and left_over <= _RESIDUAL * size):
        raise SolverError(
            f"The solution has no derivative by the parameters: the matrix of its {free.size} free "
            f"variables and {rows.size} active rows is singular. Rows may be dependent, or the "
            "minimizer not unique; `problem.diagnose(x)` names such rows."
        )
    dx[free], dy[rows] = found[: free.size], found[free.size :]
    return dx, dy


def _weak_notes(problem: Problem, active: ActiveSet) -> tuple[str, ...]:
    weak = int(active.weak_rows.sum()), int(active.weak_variables.sum())
    if not any(weak):
        return ()
    return (
        f"{weak[0]} rows and {weak[1]} variables are at a limit with a multiplier of about zero: "
        "to one side the solution may move otherwise",
    )
