"""All derivatives of an optimization problem, from one program.

A problem is more than its parts: objective and constraints are traced once each,
lowered into one program, and everything a solver asks for is made from that program. So the
Hessian of the Lagrangian is one program with the multipliers as parameters, and what is linear or
quadratic is proven, not guessed: an entry whose value does not depend on x is constant.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.derivatives.branches import Guarded
from sparsesolve.derivatives.comparison import CheckPoint
from sparsesolve.derivatives.fused import Fused
from sparsesolve.derivatives.matrix_template import MatrixTemplate
from sparsesolve.derivatives.nonfinite import first_nonfinite
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.problem_explanations import (
    explain_curvature,
    nonfinite_curvature,
    nonfinite_slope,
)
from sparsesolve.derivatives.problem_programs import ProblemPrograms
from sparsesolve.derivatives.remade import Remade
from sparsesolve.derivatives.report import table
from sparsesolve.derivatives.together import lower_together
from sparsesolve.derivatives.traced_function import Lazy, TracedFunction, require_fresh
from sparsesolve.differentiate import tangent_program
from sparsesolve.engine.arguments import flat_argument
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.errors import StructureMismatch
from sparsesolve.options import Method, Options
from sparsesolve.trace import Path, is_settled

__all__ = ["ProblemDerivatives"]

Array = NDArray[np.float64]
Scalar = Callable[..., Any]


class _Rows:
    """Values of all constraints at the last point, of which each takes its part."""

    def __init__(self, compute: Callable[[Array], Array]) -> None:
        self._compute = compute
        self._known: tuple[bytes, Array] | None = None

    def __call__(self, start: int, end: int, x: Array) -> Array:
        key = x.tobytes()
        if self._known is None or self._known[0] != key:
            self._known = key, self._compute(x)
        return self._known[1][start:end]


class ProblemDerivatives(ProblemPrograms, Remade):
    """Values and exact sparse derivatives of an objective and constraints.

    Nothing is remembered between calls; whoever calls decides what to keep.

    Parameters
    ----------
    objective : callable or None
        ``objective(x)`` returns a number; None stands for zero.
    constraints : sequence of callable
        Each returns a number or an array; flattened and stacked in order.
    x0 : array_like, shape (n,)
        Fixes the number of variables; its values do not matter.
    method : str, default "auto"
        As for `jacobian`.
    check : bool, default True
        Whether to compare each trace with one plain call at a second point, and machine code
        with the interpreter.
    threads : int, default 1
        How many threads share a long loop of machine code.
    guarded : {"never", "needed", "always"}, default "never"
        Whether branches on values are taken as at x0, which `problem_derivatives` makes use of.
        They are refused where not.
    parameters : array_like, shape (k,), optional
        Where the functions are called with x and these; `at` gives them other values.

    Raises
    ------
    TraceError
        If a function cannot be traced.
    StructureMismatch
        If the objective does not return a number.

    Notes
    -----
    Each function is called once to trace it and once to check, and once more by each `verify`.

    Examples
    --------
    >>> import numpy as np
    >>> d = ProblemDerivatives(lambda x: x[0] * x[1], [lambda x: x[0] ** 2 + x[1]], np.ones(2))
    >>> d.hessian_full(d.hessian_values(np.ones(2), np.array([3.0]))).toarray()
    array([[6., 1.],
           [1., 0.]])
    """

    second_order = True

    def __init__(
        self,
        objective: Scalar | None,
        constraints: Sequence[Scalar],
        x0: ArrayLike,
        *,
        method: Method = "auto",
        check: bool = True,
        threads: int = 1,
        guarded: Guarded = "never",
        parameters: ArrayLike | None = None,
    ) -> None:
        options = {"method": method, "check": check, "threads": threads, "parameters": parameters}
        self.recipe = ProblemDerivatives, (objective, constraints, x0), options
        start = np.asarray(x0, dtype=np.float64).reshape(-1)
        self.n = int(start.size)
        given = () if parameters is None else (np.array(parameters, dtype=np.float64).reshape(-1),)
        self._parameters: tuple[Array, ...] = given
        self.log = PrepareLog(Options(method, threads, check=check))
        if check:
            self.log.point = CheckPoint.near(start, given)
        self.calls = {
            "objective": 0, "gradient": 0, "constraints": 0, "jacobian": 0, "hessian": 0,
        }  # fmt: skip
        self.growths = 0  # of the patterns: none, without branches
        self._lazy = Lazy()
        self._start = start
        lowered = lower_together((objective, *constraints), (start, *given), self.log, guarded)
        self._functions, self._program = lowered.functions, lowered.program
        self._structure, self._layered = lowered.structure, partial(lowered.layered, self.log)
        sizes = [math.prod(shape) for shape in lowered.shapes]
        if objective is not None and sizes[0] != 1:
            raise StructureMismatch(
                f"the objective must return a number, got {sizes[0]} elements. Sum it, or pass it "
                "as a constraint."
            )
        self.constraint_shapes = tuple(lowered.shapes[1:])
        self.constraint_sizes = tuple(sizes[1:])
        self.m = sum(self.constraint_sizes)

    def at(self, parameters: ArrayLike) -> Self:
        """Return the same at other values of the parameters: nothing is traced or compiled.

        Parameters
        ----------
        parameters : array_like, shape (k,)
            As many as those of the example.
        """
        size = sum(own.size for own in self._parameters)
        given = flat_argument(parameters, size, "parameters").copy()
        view = object.__new__(type(self))
        vars(view).update(vars(self))
        view._parameters = (given,)
        if self.recipe is not None:
            view.recipe = (*self.recipe[:2], {**self.recipe[2], "parameters": given})
        return view

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The vector of parameters, if there are any."""
        return self._parameters

    @property
    def functions(self) -> tuple[TracedFunction | None, ...]:
        """The functions, traced: the objective first; None stands for zero."""
        return self._functions

    @property
    def first(self) -> Array:
        """The point at which the functions were traced, shape (n,)."""
        return self._start

    @property
    def whole(self) -> Fused:
        """The program of the objective and all rows."""
        return self._program

    # ----- values -----

    def objective(self, x: Any) -> float:
        """Return the objective."""
        self.calls["objective"] += 1
        run = self._objective_run
        return float(run(x, self._parameters)[0])

    def gradient(self, x: Any) -> Array:
        """Return the gradient of the objective, shape (n,)."""
        self.calls["gradient"] += 1
        return self._gradient(x, self._parameters)

    def constraints(self, x: Any) -> Array:
        """Return all constraints, shape (m,)."""
        self.calls["constraints"] += 1
        return self._constraint_run(x, self._parameters)

    def jacobian_values(self, x: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the constraint Jacobian, in the order of `jacobian_pattern`."""
        self.calls["jacobian"] += 1
        return self._jacobian_run(x, self._parameters, out)

    def jacobian(self, x: Any) -> Any:
        """Return the constraint Jacobian as a csr_array, shape (m, n), with fresh data."""
        template = self._made("matrix", lambda: MatrixTemplate(self.jacobian_pattern))
        return template(self.jacobian_values(x))

    def hessian_values(
        self, x: Any, multipliers: Any, sigma: float = 1.0, out: Array | None = None
    ) -> Array:
        """Return the lower triangle of the Hessian of ``sigma * f + multipliers . c``.

        In the order of `hessian_pattern`, shape (nnz,).
        """
        self.calls["hessian"] += 1
        template, fill, refill = self._hessian_entries
        own = self._parameters
        if out is None:
            result, run = template(), refill
        else:
            result, run = out, fill
        # an empty tuple of arguments costs as much as some values
        done = (
            run(x, multipliers, sigma, own[0], result)
            if own
            else run(x, multipliers, sigma, result)
        )
        if done is not None:
            return result
        return self._weighted_hessian(x, multipliers, sigma, out)

    def _weighted_hessian(self, x: Any, multipliers: Any, sigma: float, out: Array | None) -> Array:
        """Return the same, for arguments of any kind."""
        weights = self.weights(multipliers, sigma)
        return self._hessian_run(x, (*self._parameters, weights), out)

    def weights(self, multipliers: Any, sigma: float) -> Array:
        """Return checked factors of the objective and the constraints, shape (1 + m,)."""
        weights = np.empty(self.m + 1)
        weights[0] = flat_argument(sigma, 1, "sigma")[0]
        if np.iscomplexobj(multipliers):
            raise StructureMismatch(
                "`multipliers` must be real, got complex numbers. Pass their real part."
            )
        given = np.asarray(multipliers, dtype=np.float64).reshape(-1)
        if given.size != self.m:
            raise StructureMismatch(
                f"`multipliers` must have shape ({self.m},), got {given.size} elements."
            )
        weights[1:] = given
        return weights

    def lagrangian_gradient(self, x: Any, multipliers: Any, sigma: float = 1.0) -> Array:
        """Return the gradient of ``sigma * f + multipliers . c``, shape (n,)."""
        weights = self.weights(multipliers, sigma)
        return self._lagrangian_gradient(x, [*self._parameters, weights])

    def lagrangian_product(self, x: Any, multipliers: Any, sigma: float, v: Array) -> Array:
        """Return the product of the Hessian of ``sigma * f + multipliers . c`` with `v`."""
        weights = self.weights(multipliers, sigma)
        return self._lagrangian_product(x, [*self._parameters, weights, v])

    def objective_hessian_product(self, x: Any, v: Any) -> Array:
        """Return the product of the Hessian of the objective with `v`; the Hessian is not made."""
        self.calls["hessian"] += 1

        run = self._run("product", lambda: tangent_program(self.slopes))
        return run(x, [*self._parameters, v])

    def explain_nonfinite(self, x: Any) -> str:
        """Say which operation makes a first derivative not finite; empty where all are finite."""
        return nonfinite_slope(self._functions, x, self._parameters)

    def explain_hessian(self, i: int, j: int) -> str:
        """Say which source lines and primitives join gradient element i and variable j."""
        return explain_curvature(self._functions, i, j)

    def explain_nonfinite_hessian(self, x: Any, multipliers: Any, sigma: float) -> str:
        """Say which operation makes an entry of the Hessian not finite; empty if all are finite."""
        values = self.hessian_values(x, multipliers, sigma)
        text = first_nonfinite(self.hessian_pattern, values, "Hessian of the Lagrangian")
        weights = self.weights(multipliers, sigma)
        why = nonfinite_curvature(self._functions, x, weights, self._parameters)
        return f"{text} {why}".strip() if text else ""

    def evaluators(self) -> dict[str, Evaluator]:
        """Return what computes each kind of value, by the name of the method that calls it."""
        return {
            "objective": self._objective_run,
            "gradient": self._gradient,
            "constraints": self._constraint_run,
            "jacobian_values": self._jacobian_run,
            "hessian_values": self._hessian_run,
        }

    def hessian_full(self, values: Array) -> Any:
        """Return the full symmetric csr_array for values of the lower triangle."""
        return self.symmetric(values)

    def takes_same_path(self, args: Sequence[Any]) -> bool:
        """Whether the functions take the branches at a point that they took at x0."""
        return all(f is None or f.takes_same_path(args) for f in self._functions)

    def paths(self) -> Sequence[Path]:
        """Return the branches that were taken, of each function that has any."""
        return [path for f in self._functions if f is not None for path in f.paths()]

    def point(self, args: Sequence[Any]) -> bytes:
        """Return the numbers of a point, which is checked."""
        numbers = flat_argument(args[0], self.n, "x").tobytes()
        return b"".join([numbers, *(p.tobytes() for p in args[1:])])

    def explore(self, points: Iterable[Any]) -> None:
        """Trace ahead at some points; without branches on values there is nothing to do."""

    def staleness(
        self,
        x: Array,
        functions: Sequence[tuple[str, Scalar | None]] | None = None,
        near: Array | None = None,
    ) -> tuple[str, str]:
        """Say which function, called once, differs from what was traced, and how.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Point.
        functions : sequence of (str, callable or None), optional
            Names and functions, the objective first; those that were traced if not given.
        near : ndarray, shape (n,), optional
            Point to look at first; `x` only where a function raises or is not finite there. A
            function that can be known to be the same without a call is called only without it.

        Returns
        -------
        tuple of str
            Name, and a clause about it; both empty if none differs.
        """
        traced = self._functions
        given = functions or [(f.name, f.function) if f else ("zero", None) for f in traced]
        if [f is None for _, f in given] != [own is None for own in traced]:
            return "problem", "has other functions than those that were traced"
        programs: list[Any] = []
        for k, ((name, function), own) in enumerate(zip(given, traced, strict=True)):
            if function is None or own is None:
                continue
            if near is not None and is_settled(function, own.traced, own.function):
                continue
            programs = programs or self._programs()
            stale = own.staleness(function, [x, *self._parameters], near, programs[k])
            if stale:
                return name, stale
        return "", ""

    def is_settled(self, functions: Sequence[Scalar | None]) -> bool:
        """Whether no call is needed to know that functions, objective first, were traced here."""
        pairs = list(zip(functions, self._functions, strict=False))
        if len(functions) != len(self._functions) or any(f is None and own for f, own in pairs):
            return False
        return all(
            f is None or (own is not None and is_settled(f, own.traced, own.function))
            for f, own in pairs
        )

    def _value(self, run: Evaluator, x: Array) -> Array:
        return run(x, self._parameters)

    def _programs(self) -> list[Callable[[Array], Array] | None]:
        """Return a program for each function, if they are ready; else None."""
        names = ("_objective_run", "_constraint_run")[: 2 if self.m else 1]
        runs = [self._lazy.known(name) for name in names]
        if None in runs:
            return [None] * len(self._functions)
        f, *c = (partial(self._value, run) for run in runs)
        if not c:
            return [f, *([None] * len(self.constraint_sizes))]
        rows = _Rows(c[0])
        ends = itertools.accumulate(self.constraint_sizes)
        sized = zip(ends, self.constraint_sizes, strict=True)
        return [f, *(partial(rows, end - size, end) for end, size in sized)]

    @property
    def user_calls(self) -> int:
        """How often the user's functions were called."""
        return sum(f.user_calls for f in self._functions if f is not None)

    def verify(self, x: ArrayLike | None = None) -> None:
        """Raise `VerificationError` where data of a function changed since it was traced."""
        point = self._start if x is None else np.asarray(x, dtype=np.float64).reshape(-1)
        require_fresh(*self.staleness(point))

    def report(self) -> str:
        """Return a table of sizes, times of each stage and counts."""
        rows = [
            ("variables", str(self.n)),
            ("constraints", f"{self.m}, {int(self.linear_rows.sum())} proven linear"),
            ("Jacobian nonzeros", str(self.jacobian_pattern.nnz)),
            ("Hessian nonzeros", f"{self.hessian_pattern.nnz} (lower triangle)"),
            (
                "method",
                f"Jacobian {self.jacobian_nonzeros.method}, Hessian {self.hessian_nonzeros.method}",
            ),
            ("calls of the user's functions", str(self.user_calls)),
        ]
        return table(rows + self.log.rows())
