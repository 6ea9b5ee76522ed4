"""`Result`: what a solver found, in one form for every solver.

Separate because all adapters fill it and none of them should know another. Sign convention, the
same for every solver: the Lagrangian is

    L(x) = f(x) + multipliers . c(x) - lower . (x - lo) + upper . (x - hi)

with ``lower, upper = bound_multipliers``, both >= 0. At a solution

    gradient f + J^T multipliers - lower + upper = 0,

so the multiplier of a constraint held at its upper limit is >= 0, and <= 0 at its lower limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import SolverError
from sparsesolve.host.imports import importing
from sparsesolve.problem.history import History
from sparsesolve.problem.html import html_table
from sparsesolve.problem.names import block_name
from sparsesolve.problem.optimize_names import OptimizeNames
from sparsesolve.problem.result_text import result_rows, result_title

__all__ = ["Counts", "Result", "Status"]

Array = NDArray[np.float64]


class Status(StrEnum):
    """How a solve ended; the same words for every solver.

    Examples
    --------
    >>> Status("solved") is Status.SOLVED, Status.SOLVED == "solved"
    (True, True)
    """

    SOLVED = "solved"
    ACCEPTABLE = "acceptable"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    ITERATION_LIMIT = "iteration-limit"
    TIME_LIMIT = "time-limit"
    STALLED = "stalled"
    SINGULAR = "singular"
    EVALUATION_ERROR = "evaluation-error"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Counts:
    """Evaluations really made; a value taken from the cache of one point is not counted again."""

    function: int = 0
    gradient: int = 0
    constraints: int = 0
    jacobian: int = 0
    hessian: int = 0


def _empty() -> Array:
    return np.empty(0)


@dataclass(frozen=True, eq=False, slots=True)
class Result(OptimizeNames):
    """What a solver found; also by the names and keys of scipy's `OptimizeResult`.

    Parameters
    ----------
    x : ndarray, shape (n,), or a nest of arrays
        The solution, or the best point seen where the solve was stopped or failed; in the form of
        the start. So are `gradient` and `bound_multipliers`.
    fun : float or ndarray
        Objective at `x`; for `root` and `least_squares` the residual vector, shape (m,).
    status : Status
        How the solve ended.
    message : str
        The same in words, from the solver.
    solver : str
        Name of the solver.
    constraints : NamedRows, shape (m,)
        Constraint values at `x`, stacked in order; ``constraints["name"]`` is one, in its shape.
    multipliers : NamedRows, shape (m,)
        Of the constraints: L = f + multipliers . c, whatever the solver; by name as well.
    bound_multipliers : tuple of ndarray, each of shape (n,)
        ``(lower, upper)``, both >= 0.
    cost : float
        Objective as the solver minimizes it; ``0.5 * sum(rho(r**2))`` for least squares.
    optimality : float
        Largest absolute entry of the gradient of the Lagrangian at `x`.
    constraint_violation : float
        Largest violation of a constraint or bound at `x`, absolute.
    iterations : int
        Iterations of the solver.
    counts : Counts
        Evaluations of each function.
    seconds_preparation, seconds_derivatives, seconds_solver : float, s
        Preparing derivatives inside this solve; evaluating values and derivatives; all the rest.
    jacobian : csr_array or None
        Jacobian at `x`, for `root` and `least_squares`.
    gradient : ndarray or None
        Of the objective at `x`, shape (n,), for `minimize`.
    solver_status : int or None
        The solver's own code.
    name : str
        Of the problem.
    backend : str
        Which library did the work, its version, and where it comes from, for those that are not
        scipy's.
    seconds_linear_solver : float, s, or None
        Part of `seconds_solver` in IPOPT's linear solver, with ``options={"timing": True}``.
    notes : tuple of str
        What else there is to know: that functions were traced anew because their data had changed.
    vector : ndarray, shape (n,), or None
        `x` as one vector, where `x` is a nest of arrays, as the start was.
    history : History
        The iterations, as arrays.
    origin : object or None
        What it is asked by: `sensitivity` and `covariance`. Not pickled, not among the keys.
    choice : str
        Why this solver, where ``method="auto"`` chose it: what was proven of the problem.
    slack : ndarray, shape (m,)
        How far each constraint is inside of its nearer limit; negative where it is violated.

    Examples
    --------
    >>> import numpy as np
    >>> import sparsesolve as ss
    >>> result = ss.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(2), method="trust-krylov")
    >>> result.status, result.success, result.x.round(6)
    (<Status.SOLVED: 'solved'>, True, array([1., 1.]))
    >>> result["x"] is result.x, result.raise_on_failure() is result
    (True, True)
    """

    x: Any
    fun: Any
    status: Status
    message: str
    solver: str
    constraints: Array = field(default_factory=_empty)
    multipliers: Array = field(default_factory=_empty)
    bound_multipliers: tuple[Any, Any] = field(default_factory=lambda: (_empty(), _empty()))
    cost: float = float("nan")
    optimality: float = float("nan")
    constraint_violation: float = 0.0
    iterations: int = 0
    counts: Counts = field(default_factory=Counts)
    seconds_preparation: float = 0.0
    seconds_derivatives: float = 0.0
    seconds_solver: float = 0.0
    jacobian: Any = None
    gradient: Any = None
    solver_status: int | None = None
    name: str = ""
    backend: str = ""
    notes: tuple[str, ...] = ()
    seconds_linear_solver: float | None = None
    vector: Array | None = None
    slack: Array = field(default_factory=_empty)
    history: History = field(default_factory=History)
    choice: str = ""
    origin: Any = field(default=None, repr=False, metadata={"hidden": True})

    @property
    def success(self) -> bool:
        """Whether the solver reports a solution (to its tolerance, or an acceptable one)."""
        return self.status in (Status.SOLVED, Status.ACCEPTABLE)

    def sensitivity(self, p: Any = None) -> Any:
        """Return the derivatives of the solution and its multipliers by the parameters.

        One factorization of the matrix of the Karush-Kuhn-Tucker conditions; at the first call of
        a family of problems, second derivatives by the parameters are prepared as well.

        Parameters
        ----------
        p : str or int, optional
            One block of the parameters, where they are a nest; all if not given. For `root`, the
            position of one of `args`; the first if not given.

        Returns
        -------
        Sensitivity
            ``x``, shape (n, k), ``multipliers``, ``objective``, the active set, ``predict(p)``.

        Raises
        ------
        TypeError
            If the problem has no parameters.
        SolverError
            If the solve failed, or the solution has no derivative.
        """
        return self._asked("sensitivity")(self, p)

    def covariance(self) -> Array:
        """Return the covariance of the parameters that `least_squares` fitted, shape (n, n).

        ``s**2 inv(J' W J)``, where W is that of the loss and ``s**2 = 2 cost / (m - k)`` for k
        free parameters. Those at a bound are taken as fixed: their rows and columns are zero.

        Raises
        ------
        SolverError
            If J is singular, or there are no more residuals than parameters.
        """
        found: Array = self._asked("covariance")(self)
        return found

    def standard_errors(self) -> Array:
        """Return the standard errors of the parameters that `least_squares` fitted, shape (n,)."""
        return np.sqrt(np.diag(self.covariance()))

    def explain(self) -> Any:
        """Say why the solve ended as it did.

        Returns
        -------
        Conflict, Ray or Diagnosis
            Of an infeasible end: the rows that are violated most, and a set of rows and bounds,
            as small as one was found, of which not all can hold, linearized there. Of an unbounded
            one: a direction along which the objective falls. Else what `Problem.diagnose` finds.
            All are printed as text.
        """
        return self._asked("explain")(self)

    def _asked(self, name: str) -> Any:
        answer = getattr(self.origin, name, None)
        if answer is None:
            why = "" if self.origin is not None else "; a result that was pickled has lost it"
            raise TypeError(
                f"`{name}` is not known of a result by {self.solver!r}{why}. `explain` is for "
                "minimize, `sensitivity` for minimize and root, `covariance` and `standard_errors` "
                "for least_squares."
            )
        return answer

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "origin"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in (state | {"origin": None}).items():
            object.__setattr__(self, name, value)

    def raise_on_failure(self) -> Result:
        """Return this result, or raise where the solver did not succeed.

        Returns
        -------
        Result
            The same object, so that calls chain.

        Raises
        ------
        SolverError
            If `success` is false.
        """
        if not self.success:
            raise SolverError(
                f"{self.solver} ended with status {self.status.value!r}: {self.message} "
                f"Objective {self.cost:.6g}, constraint violation "
                f"{self.constraint_violation:.2e}, optimality {self.optimality:.2e} after "
                f"{self.iterations} iterations. Try another start, tolerance or solver."
            )
        return self

    def __str__(self) -> str:
        rows = result_rows(self)
        width = max(len(label) for label, _ in rows)
        lines = [f"  {label:<{width}}  {text}" for label, text in rows]
        return "\n".join([result_title(self), *lines])

    def _repr_html_(self) -> str:
        return html_table(result_title(self), result_rows(self))

    def plot(self, ax: Any = None) -> Any:
        """Draw objective, violation, optimality and step against the iteration.

        Parameters
        ----------
        ax : sequence of two matplotlib.axes.Axes, optional
            For the objective, and for the rest; a new figure is made without them.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        # upward, as `Problem.to_scipy`: a convenience, imported when called
        with importing():
            from sparsesolve.adapters.explanations import plot_history  # noqa: PLC0415

        return plot_history(self.history, result_title(self), ax)

    def blocks(self) -> list[tuple[str, tuple[int, ...], Array]]:
        """Return name, shape and values of each block of unknowns; one, `x`, without a nest."""
        form = getattr(getattr(self.origin, "problem", None), "form", None)
        if form is None or self.vector is None:
            return [("x", self._point.shape, self._point)]
        vector = self.vector
        return [(block_name(b), b.shape, vector[b.start : b.stop]) for b in form.blocks]

    def __repr__(self) -> str:
        return (
            f"Result({self.status.value!r}, solver={self.solver!r}, cost={self.cost:.10g}, "
            f"n={self._point.size}, m={self.constraints.size}, iterations={self.iterations})"
        )

    @property
    def _point(self) -> Array:
        return self.x if self.vector is None else self.vector
