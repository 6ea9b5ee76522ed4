"""`BranchedProblem`: all derivatives of a problem whose functions branch on their values.

Separate because a problem without branches needs nothing of this. It is a family of
`ProblemDerivatives`, one for each path through all functions together (`Branches`), under the
surface of one of them. Patterns are unions over the programs whose derivatives were asked for, and
`growths` counts how often they grew: a solver of fixed structure looks there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.derivatives.branches import Branches, Union, report_rows, with_branches
from sparsesolve.derivatives.hessian import SymmetricTemplate
from sparsesolve.derivatives.lagrangian import ProblemDerivatives, Scalar
from sparsesolve.derivatives.matrix_template import MatrixTemplate
from sparsesolve.derivatives.report import table
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.options import Method, Options
from sparsesolve.structure.pattern import Pattern

__all__ = ["BranchedProblem", "problem_derivatives"]

Array = NDArray[np.float64]
_Patterned = Callable[[ProblemDerivatives], Pattern]


def problem_derivatives(
    objective: Scalar | None,
    constraints: Sequence[Scalar],
    x0: ArrayLike,
    *,
    method: Method = "auto",
    check: bool = True,
    threads: int = 1,
    parameters: ArrayLike | None = None,
) -> ProblemDerivatives:
    """Prepare the derivatives of a problem, whose functions may branch on their values.

    Parameters
    ----------
    objective, constraints, x0, method, check, threads, parameters
        As for `ProblemDerivatives`.

    Returns
    -------
    ProblemDerivatives
        A `BranchedProblem` where there are branches.

    Examples
    --------
    >>> import numpy as np
    >>> d = problem_derivatives(lambda x: x[0] ** 2 if x[0] > 0 else -x[0], [], np.ones(1))
    >>> d.gradient(np.array([3.0])), d.gradient(np.array([-3.0]))
    (array([6.]), array([-1.]))
    """

    def prepare(args: Sequence[Any], options: Options, guarded: Any) -> ProblemDerivatives:
        return ProblemDerivatives(
            objective,
            constraints,
            args[0],
            method=options.method,
            check=options.check,
            threads=options.threads,
            guarded=guarded,
            parameters=args[1] if len(args) > 1 else None,
        )

    options = Options(method, threads, check=check)
    example = (x0,) if parameters is None else (x0, np.asarray(parameters, dtype=np.float64))
    made = with_branches(prepare, example, options, BranchedProblem)
    given = {"method": method, "check": check, "threads": threads, "parameters": parameters}
    made.recipe = problem_derivatives, (objective, constraints, x0), given
    return made


class BranchedProblem(ProblemDerivatives):
    """Values and derivatives of functions that branch; made by `problem_derivatives`.

    Parameters
    ----------
    first : ProblemDerivatives
        Those of the path at x0.
    make : callable
        ``make((x,), kept)`` prepares those at another point.
    """

    def __init__(
        self,
        first: ProblemDerivatives,
        make: Callable[[Sequence[Any], bool], ProblemDerivatives],
    ) -> None:
        vars(self).update(vars(first))
        self.growths = 0
        self._unions: dict[str, Union] = {}
        self._templates: dict[str, tuple[Pattern, Any]] = {}
        self._branches = Branches(first, make, self._join)
        self._family: BranchedProblem | None = None

    def at(self, parameters: ArrayLike) -> Self:
        """Return the same at other values of the parameters, with the entries known so far."""
        view = super().at(parameters)
        view._unions, view._templates = dict(self._unions), {}
        view._family = self._family or self
        return view

    def _join(self, made: ProblemDerivatives) -> None:
        if made.constraint_sizes != self.constraint_sizes:
            Union(Pattern.from_coo((self.m, 0), [], [])).joined(
                Pattern.from_coo((made.m, 0), [], [])
            )
        made.calls = self.calls
        for stage, spent in made.log.seconds.items():
            self.log.seconds[stage] = self.log.seconds.get(stage, 0.0) + spent
        made.log.seconds = self.log.seconds

    def _at(self, x: Any) -> ProblemDerivatives:
        found = self._branches.at((x, *self._parameters))
        return found.at(self._parameters[0]) if self._parameters else found

    def _spread(self, name: str, own: Pattern, values: Array, out: Array | None) -> Array:
        """Put the values of a program in the order of all programs so far."""
        union = self._unions.get(name)
        joined = Union(own) if union is None else union.joined(own)
        if joined is not union:
            self._take(name, joined, grown=union is not None)
            if self._family is not None:  # the next one begins with them
                known = self._family._unions.get(name)
                joined_before = joined if known is None else known.joined(own)
                if joined_before is not known:
                    self._family._take(name, joined_before, grown=known is not None)
        whole = joined.spread(own, values)
        if out is None:
            return whole
        output_buffer(out, whole.size)
        out[...] = whole
        return out

    def _take(self, name: str, union: Union, *, grown: bool) -> None:
        self.growths += grown
        self._unions[name] = union

    def _pattern(self, name: str, own: _Patterned) -> Pattern:
        if name not in self._unions:
            self._unions[name] = Union(own(self._branches.programs[0]))
        return self._unions[name].pattern

    def _template(self, name: str, pattern: Pattern, kind: Callable[[Pattern], Any]) -> Any:
        known = self._templates.get(name)
        if known is None or known[0] is not pattern:
            known = self._templates[name] = pattern, kind(pattern)
        return known[1]

    # ----- values -----

    def objective(self, x: Any) -> float:
        """Return the objective."""
        return self._at(x).objective(x)

    def gradient(self, x: Any) -> Array:
        """Return the gradient of the objective, shape (n,)."""
        return self._at(x).gradient(x)

    def constraints(self, x: Any) -> Array:
        """Return all constraints, shape (m,)."""
        return self._at(x).constraints(x)

    def jacobian_values(self, x: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the constraint Jacobian, in the order of `jacobian_pattern`."""
        program = self._at(x)
        values = program.jacobian_values(x)
        return self._spread("jacobian", program.jacobian_pattern, values, out)

    def jacobian(self, x: Any) -> Any:
        """Return the constraint Jacobian as a csr_array, shape (m, n), with fresh data."""
        values = self.jacobian_values(x)
        return self._template("jacobian", self.jacobian_pattern, MatrixTemplate)(values)

    def hessian_values(
        self, x: Any, multipliers: Any, sigma: float = 1.0, out: Array | None = None
    ) -> Array:
        """Return the lower triangle of the Hessian of ``sigma * f + multipliers . c``."""
        program = self._at(x)
        values = program.hessian_values(x, multipliers, sigma)
        return self._spread("hessian", program.hessian_pattern, values, out)

    def objective_hessian_product(self, x: Any, v: Any) -> Array:
        """Return the product of the Hessian of the objective with `v`."""
        return self._at(x).objective_hessian_product(x, v)

    def explain_nonfinite(self, x: Any) -> str:
        """Say which operation makes a first derivative not finite; empty where all are finite."""
        return self._at(x).explain_nonfinite(x)

    def lagrangian_gradient(self, x: Any, multipliers: Any, sigma: float = 1.0) -> Array:
        """Return the gradient of ``sigma * f + multipliers . c``, shape (n,)."""
        return self._at(x).lagrangian_gradient(x, multipliers, sigma)

    def lagrangian_product(self, x: Any, multipliers: Any, sigma: float, v: Array) -> Array:
        """Return the product of the Hessian of ``sigma * f + multipliers . c`` with `v`."""
        return self._at(x).lagrangian_product(x, multipliers, sigma, v)

    def explain_hessian(self, i: int, j: int) -> str:
        """Say which source lines and primitives make an entry, on a path that has it."""
        programs = self._branches.programs
        found = (p for p in programs if p.hessian_pattern.holds(max(i, j), min(i, j)))
        return next(found, programs[0]).explain_hessian(i, j)

    def explain_nonfinite_hessian(self, x: Any, multipliers: Any, sigma: float) -> str:
        """Say which operation makes an entry of the Hessian not finite; empty if all are finite."""
        return self._at(x).explain_nonfinite_hessian(x, multipliers, sigma)

    def evaluators(self) -> dict[str, Evaluator]:
        """Return none: which one computes a value depends on the point."""
        return {}

    # ----- structure -----

    @property
    def jacobian_pattern(self) -> Pattern:
        """Structure of the constraint Jacobian: all that was needed so far."""
        return self._pattern("jacobian", lambda d: d.jacobian_pattern)

    @property
    def hessian_pattern(self) -> Pattern:
        """Structure of the lower triangle of the Hessian: all that was needed so far."""
        return self._pattern("hessian", lambda d: d.hessian_pattern)

    @property
    def symmetric(self) -> SymmetricTemplate:
        """From the lower triangle to full matrices."""
        made: SymmetricTemplate = self._template("hessian", self.hessian_pattern, SymmetricTemplate)
        return made

    @property
    def linear_rows(self) -> NDArray[np.bool_]:
        """None is proven affine: another path may not be."""
        return np.zeros(self.m, dtype=bool)

    @property
    def objective_is_linear(self) -> bool:
        """It is not proven: another path may not be."""
        return False

    objective_is_quadratic = hessian_is_constant = objective_is_linear

    @property
    def user_calls(self) -> int:
        """How often the user's functions were called, by the programs that are kept."""
        return sum(program.user_calls for program in self._branches.programs)

    def explore(self, points: Iterable[Any]) -> None:
        """Trace ahead: prepare the programs and patterns of the paths at some points.

        Parameters
        ----------
        points : iterable of array_like, shape (n,)
            Points.
        """
        for x in points:
            at = np.asarray(x, dtype=np.float64).reshape(-1)
            self.jacobian_values(at)
            self.hessian_values(at, np.zeros(self.m))

    def report(self) -> str:
        """Return the report of the first program, and how many there are for which branches."""
        rows = report_rows(self._branches.programs, self._branches.notes)
        return f"{super().report()}\n{table(rows)}"

    # ----- whether it is still true -----

    def staleness(
        self,
        x: Array,
        functions: Sequence[tuple[str, Scalar | None]] | None = None,
        near: Array | None = None,
    ) -> tuple[str, str]:
        """Say which function, called once, differs from what was traced, and how."""
        if near is not None:
            try:
                return self._at(near).staleness(near, functions)
            except Exception:  # as a function may raise there
                pass
        return self._at(x).staleness(x, functions)

    def is_settled(self, functions: Sequence[Scalar | None]) -> bool:
        """Return False: branches were met at some points only."""
        return False

    def verify(self, x: ArrayLike | None = None) -> None:
        """Raise `VerificationError` where data of a function changed since it was traced."""
        point = self._start if x is None else np.asarray(x, dtype=np.float64).reshape(-1)
        self._at(point).verify(point)
