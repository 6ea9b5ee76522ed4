"""`Resolved`: one problem solved again and again: other parameters, starts, bounds and limits.

Separate because it is about what may change between two solves, and `Problem` about what may not.
A member of the family shares what was prepared with the problem that it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.imports import importing
from sparsesolve.host.words import known_keywords
from sparsesolve.options import mapping
from sparsesolve.problem.bounds import Bounds, kept_feasible
from sparsesolve.problem.constraint import Constraint
from sparsesolve.problem.result import Result
from sparsesolve.problem.start import bounds_of, start_point

if TYPE_CHECKING:
    from sparsesolve.derivatives.form import Form

__all__ = ["Resolved"]

Array = NDArray[np.float64]


class Resolved:
    """Mixed into `Problem`."""

    form: Form | None
    constraints: tuple[Constraint, ...]
    _x0: Array
    _lower: Array
    _upper: Array
    _limits: tuple[Array, Array] | None
    _derivatives: Any
    _family: Any = None
    lift_sums: bool | None = None
    parameter_form: Form | None = None
    parameter_vectors: tuple[Array, ...] = ()

    @property
    def n(self) -> int:
        """Number of variables."""
        return int(self._x0.size)

    @property
    def parameters(self) -> Any:
        """The parameters of this problem, in the form in which they were given; None without."""
        form = self.parameter_form
        return None if form is None else form.copy(self.parameter_vectors[0])

    def at(
        self,
        p: Any = None,
        *,
        x0: Any = None,
        bounds: Bounds | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the same problem at other parameters; nothing is traced or compiled again.

        Parameters
        ----------
        p : array_like or nest of arrays, optional
            Like the example that the problem was built with. As before if not given; so the rest.
        x0 : array_like or nest of arrays, optional
            Starting point.
        bounds : optional
            As for `Problem`; all of them.
        limits : mapping of str to (lower, upper), optional
            Of some constraints, by name.

        Returns
        -------
        Problem
            It shares what was prepared, and may be solved while others are, in another thread.

        Raises
        ------
        StructureMismatch, TypeError, ValueError
            If something has another structure than at first.

        Examples
        --------
        >>> import numpy as np
        >>> from sparsesolve.problem.problem import Problem
        >>> family = Problem(lambda x, p: np.sum((x - p) ** 2), np.zeros(2), parameters=np.ones(2))
        >>> family.at(np.array([3.0, 4.0])).objective_value(np.zeros(2))
        25.0
        """
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        made._family = self if self._family is None else self._family
        made._derivatives = None
        if p is not None:
            made.parameter_vectors = (self._parameters_like(p),)
        if x0 is not None:
            made._x0 = self._start_like(x0)
        if bounds is not None:
            made._bound(bounds)
        if mapping("limits", limits) and limits:
            made._limits = None
            made.constraints = tuple(self._limited(limits))
        return made

    @known_keywords
    def solve(
        self,
        p: Any = None,
        *,
        x0: Any = None,
        warm_start: Result | None = None,
        bounds: Bounds | None = None,
        limits: Mapping[str, Any] | None = None,
        method: str | None = None,
        tol: float | None = None,
        options: Mapping[str, Any] | None = None,
        callback: Callable[..., Any] | None = None,
        progress: bool = False,
    ) -> Result:
        """Solve, at other parameters, from another start, within other limits if given.

        What was prepared at the first solve serves all others.

        Parameters
        ----------
        p, x0, bounds, limits
            As for `at`.
        warm_start : Result, optional
            Of another solve of this problem: the start is its point, unless `x0` is given; IPOPT
            takes its multipliers too.
        method, tol, options, callback, progress
            As for `sparsesolve.minimize`.

        Returns
        -------
        Result
            As `sparsesolve.minimize` returns it.

        Examples
        --------
        >>> import numpy as np
        >>> from sparsesolve.problem.problem import Problem
        >>> family = Problem(lambda x, p: np.sum((x - p) ** 2), np.zeros(2), parameters=np.ones(2))
        >>> first = family.solve(method="L-BFGS-B")
        >>> family.solve(p=[3.0, 4.0], warm_start=first, method="L-BFGS-B").x.round(6)
        array([3., 4.])
        """
        posed: Any = self.at(p, x0=x0, bounds=bounds, limits=limits)
        if warm_start is not None:
            warm_start = posed.as_vectors(warm_start)
            if x0 is not None:
                warm_start = replace(warm_start, x=posed._x0)
        result: Result = _minimizers().solve(
            posed,
            solver=method or "auto",
            tol=tol,
            options=options,
            callback=callback,
            progress=progress,
            warm_start=warm_start,
        )
        return result

    def map(
        self,
        ps: Iterable[Any],
        *,
        x0s: Iterable[Any] | None = None,
        workers: Any = None,
        progress: bool = False,
        **options: Any,
    ) -> list[Result]:
        """Solve at many parameters.

        Parameters
        ----------
        ps : iterable
            Parameters, one each solve.
        x0s : iterable, optional
            As many starting points; that of the problem if not given.
        workers : int, executor or None, optional
            None: one after the other. A number: as many threads, which share what was prepared;
            IPOPT runs at the same time in all, scipy's methods do not. Or anything with a method
            `map`: an executor of processes, a pool, a client of dask, whose lost workers lose
            nothing. The functions must then be picklable, and are prepared once in each process.
        progress : bool, optional
            Whether to write how many are done to the standard error. Default is False.
        **options
            Of every solve: `method`, `tol`, `options`, `warm_start`, `bounds`, `limits`.

        Returns
        -------
        list of Result
            In the order of `ps`; a solve that cannot be done is a failed result.

        Examples
        --------
        >>> import numpy as np
        >>> from sparsesolve.problem.problem import Problem
        >>> family = Problem(lambda x, p: np.sum((x - p) ** 2), np.zeros(1), parameters=0.0)
        >>> [round(r.x[0], 6) for r in family.map([1.0, 2.0], method="L-BFGS-B", workers=2)]
        [np.float64(1.0), np.float64(2.0)]
        """
        with importing():
            from sparsesolve.adapters.sweep import solve_all  # noqa: PLC0415

        tasks: list[dict[str, Any]] = [{"p": p} for p in ps]
        if x0s is not None:
            pairs = zip(tasks, x0s, strict=True)
            tasks = [{**task, "x0": x0} for task, x0 in pairs]
        problem: Any = self
        return solve_all(problem, tasks, workers=workers, progress=progress, **options)

    def as_vectors(self, result: Result) -> Result:
        """Return a result of a problem like this one with vectors in the place of nests.

        Raises
        ------
        ValueError, TypeError
            If it is of a problem of another size, or no result.
        """
        if not isinstance(result, Result):
            raise TypeError(
                f"`warm_start` must be a Result, got {type(result).__name__}. To start at a point, "
                "pass it as x0."
            )
        if result.vector is not None:
            form = self.form or _form_of(result.x)
            lower, upper = map(form.vector, result.bound_multipliers)
            result = replace(result, x=result.vector, vector=None, bound_multipliers=(lower, upper))
        if np.shape(result.x) != (self.n,):
            raise ValueError(
                f"`warm_start` must come from a problem of {self.n} variables, got one of "
                f"{np.size(result.x if result.vector is None else result.vector)}."
            )
        return result

    def _bound(self, bounds: Bounds | None) -> None:
        self._lower, self._upper = bounds_of(bounds, self.n, self.form)
        self.keep_feasible = kept_feasible(bounds, self.n)

    def _take_parameters(self, parameters: Any) -> None:
        if parameters is None:
            return
        with importing():
            from sparsesolve.derivatives.form import Form  # noqa: PLC0415

        self.parameter_form = Form(parameters, "parameters")
        self.parameter_vectors = (self.parameter_form.example,)

    def _parameters_like(self, p: Any) -> Array:
        if self.parameter_form is None:
            raise TypeError(
                "`p` needs a problem with parameters, got one without. Build it with "
                "Problem(objective, x0, parameters=p0), with functions of x and p."
            )
        return self.parameter_form.vector(p)

    def _start_like(self, x0: Any) -> Array:
        start = start_point(x0 if self.form is None else self.form.vector(x0))
        if start.size != self.n:
            raise StructureMismatch(
                f"`x0` must have shape ({self.n},), got {start.shape}; this problem was built for "
                f"{self.n} variables. Build a new one for other sizes."
            )
        return start

    def _limited(self, limits: Mapping[str, Any]) -> list[Constraint]:
        """Return the constraints, some with other limits."""
        labels = [constraint.label for constraint in self.constraints]
        for name, pair in limits.items():
            if labels.count(name) != 1:
                raise ValueError(
                    f"`limits` must be by the names of constraints, {sorted(set(labels))}, each "
                    f"that of one, got {name!r}. Name it: Constraint(c, lower, upper, name=...)."
                )
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise TypeError(f"`limits[{name!r}]` must be (lower, upper), got {pair!r}.")
        return [
            replace(c, lower=limits[c.label][0], upper=limits[c.label][1])
            if c.label in limits
            else c
            for c in self.constraints
        ]


@cache
def _minimizers() -> Any:
    """Import upward, as `to_scipy`: a convenience; once, since to ask takes long, too."""
    with importing():
        from sparsesolve.adapters import minimize  # noqa: PLC0415

    return minimize


def _form_of(nest: Any) -> Form:
    with importing():
        from sparsesolve.derivatives.form import Form  # noqa: PLC0415

    return Form(nest, "warm_start")
