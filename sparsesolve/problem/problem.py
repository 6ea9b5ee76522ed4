"""`Problem`: an optimization problem in plain NumPy, with exact derivatives.

Separate because it is what every solver reads and knows no solver. Functions take ``x`` of shape
(n,), or in the form of the start, and parameters where there are any; constraints are stacked in
the order given; ``c`` is an equality where its limits are equal. Derivatives are prepared at the
first use, once, and serve every later solve.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.imports import importing
from sparsesolve.host.pickling import require_picklable
from sparsesolve.host.words import known_words
from sparsesolve.options import FOR_SOLVERS, Options, SolverDerivatives, choice, switch
from sparsesolve.problem.bounds import Bounds, real_array
from sparsesolve.problem.call import of_vectors
from sparsesolve.problem.constraint import Constraint, read_constraints
from sparsesolve.problem.explained import Explained
from sparsesolve.problem.given import check_given, one_of
from sparsesolve.problem.metadata import Metadata
from sparsesolve.problem.resolve import Resolved
from sparsesolve.problem.scaling import check_scale
from sparsesolve.problem.start import form_of, start_point

if TYPE_CHECKING:
    from sparsesolve.derivatives import ProblemDerivatives

__all__ = ["Constraint", "Problem"]

Array = NDArray[np.float64]


@known_words
class Problem(Resolved, Explained):
    """Minimize ``objective(x)`` within bounds and constraints.

    Parameters
    ----------
    objective : callable or None
        ``objective(x)``, or ``objective(x, p)`` with `parameters`, returns a scalar; None: find a
        feasible point.
    x0 : array_like, shape (n,), or a nest of arrays
        Starting point; its size fixes n. A dict, named tuple, dataclass, or list or tuple of arrays
        is given to the functions in the same form, and comes back in `Result.x`.
    bounds : tuple, sequence of pairs, scipy.optimize.Bounds, or mapping, optional
        ``(lower, upper)``, each a scalar or an array of shape (n,); or n pairs ``(low, high)``, as
        scipy writes them. None or infinite: no bound. Of a nest by key: ``{"u": (0, 1)}``; what is
        missing is free.
    constraints : Constraint or sequence of Constraint, optional
        Stacked in order; scipy's objects and dictionaries as well.
    name : str, optional
        Used in reports.
    derivatives : {"auto", "compiled", "interpreted", "colored", "differences"}, optional
        How derivatives are made; see `method` of `jacobian`. Default is "auto". "differences" is
        for functions that cannot be traced: first derivatives only, on an estimated pattern.
    threads : int, optional
        How many threads share long loops of machine code. Default is 1.
    check : bool, optional
        Whether to compare each trace with one plain call at a second point, and machine code with
        the interpreter. Default is True.
    metadata : Metadata, optional
        Names, classification, known optima; for reports.
    parameters : array_like or nest of arrays, optional
        Example of what all functions are given besides x; `solve` and `at` take others of the same
        shapes, and nothing is traced or compiled again. Its integers are real numbers. A function
        of one argument gets x alone.
    x_scale : "auto", float, array_like or nest, optional
        Units of the variables that solvers see; "auto": by bounds and start. Answers are in yours.
    f_scale : "auto" or float, optional
        Unit of the objective; "auto": by its gradient at the start. See `scale` of `Constraint`.
    lift_sums : bool, optional
        Whether IPOPT gets sums over many variables, in what is not linear, as unknowns of its own,
        so that its Hessian is sparse; by default where that pays. The answer is in yours.
    method : str, optional
        The same as `derivatives`, as it was called before.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong kind, shape or value.

    Notes
    -----
    Every function is traced once, at the first use of a derivative (or of `m`).

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(
    ...     lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
    ...     [1.0, 5.0, 5.0, 1.0],
    ...     bounds=(1.0, 5.0),
    ...     constraints=[
    ...         Constraint(lambda x: np.prod(x), 25.0, None),
    ...         Constraint(lambda x: np.sum(x**2), 40.0, 40.0),
    ...     ],
    ...     name="HS71",
    ... )
    >>> problem.n, problem.m
    (4, 2)
    >>> problem.jacobian(problem.x0).toarray()
    array([[25.,  5.,  5., 25.],
           [ 2., 10., 10.,  2.]])
    """

    def __init__(
        self,
        objective: Callable[[Any], Any] | None,
        x0: Any,
        *,
        bounds: Bounds | None = None,
        constraints: Any = (),
        name: str = "",
        derivatives: SolverDerivatives = "auto",
        threads: int = 1,
        check: bool = True,
        metadata: Metadata | None = None,
        method: SolverDerivatives = "auto",
        parameters: Any = None,
        x_scale: Any = None,
        f_scale: Any = None,
        lift_sums: bool | None = None,
    ) -> None:
        check_given(objective, name, metadata)
        self.objective, self.name = objective, name
        wanted = one_of(derivatives, method)
        choice("derivatives" if method == "auto" else "method", wanted, FOR_SOLVERS)
        options = Options("auto" if wanted == "differences" else wanted, threads, check=check)
        self.method = wanted
        self.threads, self.check = options.threads, options.check
        self.metadata = metadata or Metadata()
        for scale, given in (("x_scale", x_scale), ("f_scale", f_scale)):
            check_scale(scale, given)
        self.x_scale, self.f_scale = x_scale, f_scale
        self.lift_sums = None if lift_sums is None else switch("lift_sums", lift_sums)
        self.form = form_of(x0)
        self._x0 = start_point(x0 if self.form is None else self.form.example)
        self._bound(bounds)
        self.constraints = read_constraints(constraints)
        self._take_parameters(parameters)
        self._unpacked: dict[int, Any] = {}
        self._derivatives: ProblemDerivatives | None = None
        self._limits: tuple[Array, Array] | None = None
        self.kept: dict[str, Any] = {}

    @property
    def functions(self) -> tuple[Callable[..., Any] | None, ...]:
        """The objective and the constraints, of vectors: of x, and of the parameters if any."""
        given = (self.objective, *(constraint.function for constraint in self.constraints))
        return tuple(map(self._of_vectors, given))

    def _of_vectors(self, function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """Return a function as one of the vector of unknowns, and that of parameters if any."""
        known = self._unpacked.get(id(function))
        if known is not None:
            return known  # type: ignore[no-any-return]
        made = of_vectors(function, self.form, self.parameter_form)
        return made if made is function else self._unpacked.setdefault(id(function), made)

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was prepared behind: a copy prepares its own."""
        nothing: dict[str, Any] = {"_derivatives": None, "_family": None, "_unpacked": {}}
        return {**vars(self), **nothing, "kept": {}}

    def __reduce__(self) -> Any:
        """Pickle the functions and the options; an error says which function does not travel."""
        functions = (self.objective, *(c.function for c in self.constraints))
        require_picklable("a Problem", "with its functions", functions)
        return _restored, (type(self), self.__getstate__())

    def __copy__(self) -> Problem:
        """Make a problem of the same functions."""
        return _restored(type(self), self.__getstate__())

    def __deepcopy__(self, memo: dict[int, Any]) -> Problem:
        """Make a problem with data of its own."""
        return _restored(type(self), copy.deepcopy(self.__getstate__(), memo))

    @property
    def m(self) -> int:
        """Number of constraint rows (0 without tracing where there are no constraints)."""
        return int(self.derivatives.m) if self.constraints else 0

    @property
    def x0(self) -> Any:
        """Starting point, a copy, as it was given: an array of shape (n,), or a nest."""
        return self._x0.copy() if self.form is None else self.form.copy(self._x0)

    @property
    def first(self) -> Array:
        """Starting point as one vector, a copy, shape (n,)."""
        return self._x0.copy()

    @property
    def start(self) -> Array:
        """Starting point moved into the bounds, where every solve begins, shape (n,)."""
        inside: Array = np.minimum(np.maximum(self._x0, self._lower), self._upper)
        return inside

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of x, each of shape (n,), infinite where there is none."""
        return self._lower.copy(), self._upper.copy()

    @property
    def constraint_bounds(self) -> tuple[Array, Array]:
        """Lower and upper limits of the stacked constraints, each of shape (m,)."""
        if self._limits is None:
            sizes = self.derivatives.constraint_sizes if self.constraints else ()
            pairs = [c.limits(int(k)) for c, k in zip(self.constraints, sizes, strict=True)]
            empty = [np.empty(0)]
            self._limits = (
                np.concatenate([p[0] for p in pairs] + empty),
                np.concatenate([p[1] for p in pairs] + empty),
            )
            if self._family is not None and self._family.constraints is self.constraints:
                self._family._limits = self._limits
        return self._limits[0].copy(), self._limits[1].copy()

    @property
    def rows_kept_feasible(self) -> NDArray[np.bool_]:
        """Which constraint rows iterates must satisfy, shape (m,)."""
        sizes = self.derivatives.constraint_sizes if self.constraints else ()
        parts = zip(self.constraints, sizes, strict=True)
        rows = [np.broadcast_to(np.ravel(c.keep_feasible), (k,)) for c, k in parts]
        return np.concatenate([*rows, np.empty(0)]).astype(bool)

    @property
    def derivatives(self) -> ProblemDerivatives:
        """The prepared derivatives; made at the first use."""
        if self._derivatives is None and self._family is not None:
            known = self._family.derivatives
            self._derivatives = known.at(*p) if (p := self.parameter_vectors) else known
        elif self._derivatives is None:
            # only here, so that building a problem stays light
            with importing():
                from sparsesolve.derivatives import (  # noqa: PLC0415
                    ProblemDifferences,
                    problem_derivatives,
                )

            # at the start: outside of the bounds a function may be undefined
            objective, *rows = self.functions
            given: tuple[Any, ...] = objective, rows, self.start
            options: dict[str, Any] = {"check": self.check}
            if self.parameter_vectors:
                options["parameters"] = self.parameter_vectors[0]
            if self.method == "differences":
                self._derivatives = ProblemDifferences(*given, **options)
            else:
                options |= {"method": self.method, "threads": self.threads}
                self._derivatives = problem_derivatives(*given, **options)
        return self._derivatives

    @property
    def second_order(self) -> bool:
        """Whether there are second derivatives."""
        return self.method != "differences"

    @property
    def seconds_preparation(self) -> float:
        """Seconds spent so far on tracing, patterns, differentiation and compilation."""
        derivatives = self._derivatives or (self._family and self._family._derivatives)
        return float(sum(derivatives.log.seconds.values())) if derivatives else 0.0

    def objective_value(self, x: ArrayLike) -> float:
        """Return f(x)."""
        return float(self.derivatives.objective(self._point(x)))

    def gradient(self, x: ArrayLike) -> Array:
        """Return the gradient of f at `x`, shape (n,)."""
        return np.asarray(self.derivatives.gradient(self._point(x)))

    def constraint_values(self, x: ArrayLike) -> Array:
        """Return the stacked constraints at `x`, shape (m,)."""
        if not self.constraints:
            return np.empty(0)
        return np.asarray(self.derivatives.constraints(self._point(x)))

    def jacobian(self, x: ArrayLike) -> sp.csr_array:
        """Return the Jacobian of the stacked constraints.

        Parameters
        ----------
        x : array_like, shape (n,)
            Point.

        Returns
        -------
        csr_array, shape (m, n)
            Fresh values, shared indices; entries that may be nonzero elsewhere are kept as zeros.
        """
        point = self._point(x)
        values = self.derivatives.jacobian_values(point)
        return self.derivatives.jacobian_pattern.to_scipy(values)

    def lagrangian_hessian(
        self, x: ArrayLike, multipliers: ArrayLike | None = None, sigma: float = 1.0
    ) -> sp.csr_array:
        """Return the Hessian of ``sigma * f + multipliers . c``, both triangles.

        Parameters
        ----------
        x : array_like, shape (n,)
            Point.
        multipliers : array_like, shape (m,), optional
            Zeros where not given.
        sigma : float, optional
            Factor of the objective. Default is 1.

        Returns
        -------
        csr_array, shape (n, n)
            Symmetric; fresh values, shared indices.
        """
        point = self._point(x)
        weights = (
            np.zeros(self.m) if multipliers is None else real_array("multipliers", multipliers)
        )
        if weights.shape != (self.m,):
            raise StructureMismatch(
                f"`multipliers` must have shape ({self.m},), got {weights.shape}: one for each "
                "constraint row."
            )
        values = self.derivatives.hessian_values(point, weights, float(sigma))
        return self.derivatives.hessian_full(values)

    def to_scipy(
        self, *, method: str = "trust-constr", solver: str | None = None
    ) -> dict[str, Any]:
        """Return keyword arguments of ``scipy.optimize.minimize``.

        Parameters
        ----------
        method : str, optional
            A method of scipy that takes derivatives. Default is "trust-constr".
        solver : str, optional
            The same.

        Returns
        -------
        dict
            With `fun`, `x0`, `jac`, `method`, and as the method takes them `hess` or `hessp`,
            `bounds`, `constraints`.
        """
        # the one place that looks upward: a convenience, imported when called
        with importing():
            from sparsesolve.adapters.scipy_minimize import to_scipy  # noqa: PLC0415

        return to_scipy(self, solver or method)

    def to_cyipopt(self) -> Any:
        """Return a ready ``cyipopt.Problem`` with structures, callbacks and proven constants.

        Returns
        -------
        cyipopt.Problem
            Call ``solve(problem.x0)``. Build a new one for each solve.

        Raises
        ------
        SolverUnavailable
            If cyipopt cannot be imported.
        """
        with importing():
            from sparsesolve.adapters.ipopt import to_cyipopt  # noqa: PLC0415

        return to_cyipopt(self)

    def verify(self, x: ArrayLike | None = None) -> None:
        """Raise `VerificationError` where a function's data changed since it was traced.

        Each function is called once at `x`, or at the start if not given.
        """
        self.derivatives.verify(None if x is None else self._point(x))

    def staleness(self, x: Array, near: Array) -> tuple[str, str]:
        """Say which function is no more what was traced, and how, at `near` or `x`; or empty."""
        names = ["objective", *(f"constraint {c.label}" for c in self.constraints)]
        return self.derivatives.staleness(x, list(zip(names, self.functions, strict=True)), near)

    @property
    def is_settled(self) -> bool:
        """Whether the functions need no call to be known to be what was traced."""
        return self.derivatives.is_settled(self.functions)

    @property
    def is_prepared(self) -> bool:
        """Whether the functions have been traced."""
        family = self._family
        return self._derivatives is not None or (family is not None and family.is_prepared)

    def forget(self) -> None:
        """Drop what was prepared: the next use traces the functions as they are then."""
        self._derivatives = self._limits = None
        self.kept.clear()
        if self._family is not None:
            self._family.forget()

    def report(self) -> str:
        """Return sizes, kinds of rows, and what the derivatives cost so far, as text."""
        with importing():
            from sparsesolve.derivatives.report import describe_problem  # noqa: PLC0415

        return describe_problem(self)

    def __repr__(self) -> str:
        label = f"{self.name!r}, " if self.name else ""
        rows = f"m={self.m}" if self._derivatives is not None else f"{len(self.constraints)} c"
        return f"Problem({label}n={self.n}, {rows})"

    def as_point(self, x: Any) -> Array:
        """Return a point as one vector, checked, shape (n,)."""
        return self._point(x)

    def _point(self, x: Any) -> Array:
        if self.form is not None and not isinstance(x, np.ndarray):
            return self.form.vector(x)
        point = real_array("x", x)
        if point.shape != (self.n,):
            raise StructureMismatch(
                f"`x` must have shape ({self.n},), got {point.shape}; this problem was built for "
                f"{self.n} variables. Build a new one for other sizes."
            )
        return point


def _restored(kind: type[Problem], state: dict[str, Any]) -> Problem:
    problem = kind.__new__(kind)
    vars(problem).update(state)
    return problem
