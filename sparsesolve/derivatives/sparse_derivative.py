"""`SparseDerivative`: what `Jacobian` and `Hessian` share: nonzeros, counts, words about them.

Separate so that these two hold their mathematics only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.again import program_again
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.low_rank import SparsePlusLowRank
from sparsesolve.derivatives.bound_evaluator import BoundEvaluator
from sparsesolve.derivatives.derivative import Derivative
from sparsesolve.derivatives.differences import Differences
from sparsesolve.derivatives.estimate import Estimate
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.nonzeros import Nonzeros
from sparsesolve.derivatives.other_constants import embedded, require_constant
from sparsesolve.derivatives.report import readable, report
from sparsesolve.derivatives.traced_function import Executable, Lazy, TracedFunction, executable
from sparsesolve.derivatives.trip_by_trip import Again
from sparsesolve.engine.evaluator import Array, Evaluator, FastCall, refuse
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import OtherConstant, Path

__all__ = ["SparseDerivative"]

Variables: TypeAlias = Sequence[Any]
_MOST_OTHERS = 16


class SparseDerivative(Derivative):
    """A derivative of one function of the user's.

    Parameters
    ----------
    nonzeros : Nonzeros
        Where the values come from.
    function : TracedFunction or Differences
        The function, traced or not.
    """

    _name = "Jacobian"
    _row = "output"  # what a row stands for

    def __init__(self, nonzeros: Nonzeros, function: TracedFunction | Differences) -> None:
        self._nonzeros = nonzeros
        self._function = function
        self._lazy = Lazy()
        self._others: tuple[Any, ...] = ()
        self._at_once: FastCall = refuse
        run = nonzeros.run
        if isinstance(function, TracedFunction):
            run = self._limited(function, nonzeros)
        self._values = BoundEvaluator(run, function.arguments)
        self.calls = dict.fromkeys(("values", "value", "gradient", "jvp", "vjp", "hvp"), 0)

    @property
    def pattern(self) -> Pattern:
        """Structure of the matrix."""
        return self._nonzeros.pattern

    @property
    def nnz(self) -> int:
        """Number of entries of the pattern."""
        known = self._blocked_size()
        return self.pattern.nnz if known is None else known

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        nonzeros = self._nonzeros
        return nonzeros.shape if isinstance(nonzeros, Blocked) else self.pattern.shape

    def _blocked_size(self) -> int | None:
        """Return the number of entries of a full matrix, known without its pattern."""
        nonzeros = self._nonzeros
        if isinstance(nonzeros, Blocked) and nonzeros.is_full:
            return nonzeros.shape[0] * nonzeros.shape[1]
        return None

    @property
    def method(self) -> str:
        """How values are computed: "compiled", "interpreted", "colored" or differences."""
        return self._nonzeros.method

    def report(self) -> str:
        """Return a table of sizes, times of each stage, counts of calls, and reasons."""
        return report(self, self._function, self._nonzeros)

    def verify(self, *args: Any) -> None:
        """Raise where the function's data changed since it was traced.

        Compares the arrays it took from elsewhere by checksum, and one plain call with what was
        traced. What calls the function itself at each evaluation is never out of date.

        Parameters
        ----------
        *args
            Arguments as the function takes them: where to call it; at the example if none.

        Raises
        ------
        VerificationError
            If there is a difference; prepare it anew then.
        """
        if isinstance(self._function, TracedFunction):
            self._function.verify(args)

    @property
    def argnum(self) -> int:
        """Position of the differentiated argument."""
        return self._function.arguments.argnum

    def staleness(self, function: Callable[..., Any], args: Sequence[Any], near: Any = None) -> str:
        """Say how `function` differs from the one that this was prepared of; empty if not."""
        return self._function.staleness(function, args, near)

    def seal(self, args: Sequence[Any]) -> list[Any]:
        """Return checked arguments whose fixed ones later calls need not compare again."""
        return self._function.arguments.seal(args)

    def explore(self, points: Iterable[Any]) -> None:
        """Trace ahead: prepare the programs of the paths at some points.

        Parameters
        ----------
        points : iterable
            Arguments of a call as a tuple, or x alone where there is no other. Where the function
            does not branch on values, there is nothing to do.
        """

    def takes_same_path(self, args: Sequence[Any]) -> bool:
        """Whether a call takes the branches that were taken when this was prepared."""
        return self._traced("branches").takes_same_path(args)

    @forkable_property
    def on_this_path(self) -> tuple[FastCall, FastCall]:
        """What writes the values that vary, and all values, where a call takes this path."""
        function = self._traced("branches")
        vary, whole = (function.guarded(self._values, fill=fill) for fill in (False, True))
        return vary, whole

    def paths(self) -> Sequence[Path]:
        """Return the branches that were taken; empty where the function has none."""
        return self._traced("branches").paths()

    def point(self, args: Sequence[Any]) -> bytes:
        """Return the numbers among some arguments, which are checked."""
        return self._traced("branches").point(args)

    def kernels(self) -> str:
        """Return a readable form of the program that computes the nonzeros."""
        return readable(self._nonzeros)

    def explain(self, i: int, j: int) -> str:
        """Say which source lines and primitives join row i and column j.

        Raises
        ------
        IndexError
            If the entry lies outside the matrix.
        """
        from sparsesolve.derivatives.explain import explain  # noqa: PLC0415 - rarely needed

        return explain(self._unfused(), self.pattern, i, j, self._row)

    def explain_nonfinite(self, *args: Any) -> str:
        """Say which source line and primitive make an entry infinite or not a number.

        Parameters
        ----------
        *args
            Arguments of a call.

        Returns
        -------
        str
            A sentence that names the first such entry, of a symmetric matrix in the lower
            triangle; empty if all entries are finite.
        """
        from sparsesolve.derivatives.nonfinite import (  # noqa: PLC0415 - rarely needed
            explain_nonfinite,
            first_nonfinite,
        )

        pattern, values = self._entries(args)
        if np.isfinite(values).all() or isinstance(self._function, Differences):
            return first_nonfinite(pattern, values, self._name)
        point = self._function.arguments.split(args)
        return explain_nonfinite(self._unfused(), pattern, values, point, self._name)

    def _unfused(self) -> Program:
        """Return the program of which this is the Jacobian, one kernel a primitive."""
        return lower(self._traced("explanations").traced.tape)

    def _entries(self, args: Sequence[Any]) -> tuple[Pattern, Array]:
        """Return what is computed, and where it stands."""
        return self.pattern, self.values(*args)

    def values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros in the order of `pattern`, shape (nnz,); into `out` if given."""
        self.calls["values"] += 1
        try:
            return self._values(args, out)
        except OtherConstant:
            return self._from_others(args, out)

    def _from_others(self, args: Sequence[Any], out: Array | None = None) -> Array:
        """Return the values for other constants, in the places of this structure."""
        other = self.for_others(args)
        return embedded(other.values(*args), other.pattern, self.pattern, out)

    def buffer(self) -> Array:
        """Return an array of shape (nnz,) for `refill`, with the constant entries in place."""
        return self._values.prefilled()

    def refill(self, buffer: Array, *args: Any) -> Array:
        """Write the entries that vary with the arguments into a `buffer`, and return it.

        The quickest way to new values: constant entries are not touched. The buffer must come
        from `buffer` and its constant entries must still be there.
        """
        self.calls["values"] += 1
        if self._at_once(*args, buffer) is not None:
            return buffer
        try:
            self._at_once = self._values.fast_refill  # in a dict of its own: found quicker
            return self._values.refill(buffer, args)
        except OtherConstant:
            values = self._from_others(args)
            require_constant(values, self._values.prefilled(), self._constant)
            buffer[~self._constant] = values[~self._constant]
            return buffer

    @forkable_property
    def _constant(self) -> NDArray[np.bool_]:
        """Which entries `refill` does not write."""
        _, example, _ = self._known_recipe()
        untouched = np.full(self.nnz, np.nan)
        self._values.refill(untouched, example[1:])
        constant: NDArray[np.bool_] = np.isnan(untouched)
        return constant

    @forkable_property
    def _value(self) -> BoundEvaluator:
        return self._call("value", self._traced("values").program)

    def for_others(self, args: Sequence[Any]) -> Any:
        """Return what is prepared for other sizes, indices or words; made when first asked for.

        Parameters
        ----------
        args : sequence
            Arguments of a call.
        """
        for other in self._others:
            if other.takes(args):
                return other
        if isinstance(self._function, Differences):
            self._function.arguments.split(args)  # raises
        make, example, options = self._known_recipe()
        made = make(example[0], *args, **options)
        self._others = (made, *self._others[: _MOST_OTHERS - 1])
        return made

    def takes(self, args: Sequence[Any]) -> bool:
        """Whether this is prepared for the sizes, indices and words among some arguments."""
        try:
            self._function.arguments.split(args)
        except OtherConstant:
            return False
        return True

    def _how(self) -> str:
        return f"{self.method}, estimated pattern" if self._estimate else self.method

    @property
    def _estimate(self) -> Estimate | None:
        """How the pattern was estimated, where it was."""
        return getattr(self._nonzeros, "estimate", None)

    def __str__(self) -> str:
        if isinstance(self._nonzeros, Blocked) and not self._nonzeros.is_formable:
            return repr(self)
        return super().__str__()

    def _limited(self, function: TracedFunction, nonzeros: Nonzeros) -> Evaluator:
        """Return the evaluator of the nonzeros, with limits at singular points."""
        raise NotImplementedError

    @property
    def is_thin(self) -> bool:
        """Whether solvers had better not form the matrix: it is large, and sparse + low rank."""
        nonzeros = self._nonzeros
        if not isinstance(nonzeros, Blocked) or self._values.evaluator is not nonzeros:
            return False
        return nonzeros.is_thin

    def factored(self, *args: Any) -> SparsePlusLowRank | None:
        """Return the matrix at a point as sparse + low rank; None where it is not of that form.

        Parameters
        ----------
        *args
            Arguments of a call.
        """
        return self._factored(args)

    def _factored(self, args: Any) -> SparsePlusLowRank | None:
        """Return the matrix as sparse + low rank where it has that form, and no limits to take."""
        nonzeros = self._nonzeros
        if not isinstance(nonzeros, Blocked) or self._values.evaluator is not nonzeros:
            return None
        try:
            found = nonzeros.factored(*self._arguments("values", args))
        except OtherConstant:
            factored: SparsePlusLowRank | None = self.for_others(args)._factored(args)
            return factored
        return found if found.is_finite else None

    def _arguments(self, name: str, args: Any) -> tuple[Any, list[Any]]:
        """Count a call, check its arguments and sort them into the point and the parameters."""
        self.calls[name] += 1
        x, parameters = self._function.arguments.split(args)
        return x, list(parameters)

    def _traced(self, what: str) -> TracedFunction:
        if isinstance(self._function, Differences):
            raise TypeError(
                f"{what} need the traced function, but method={self.method!r} only calls it. "
                "Use method='auto'."
            )
        return self._function

    def _call(
        self,
        name: str,
        program: Fused,
        variables: Variables | None = None,
        again: Again | None = None,
    ) -> BoundEvaluator:
        """Return a program under the function's arguments; as `_executable` or `_derivative`."""

        def make() -> BoundEvaluator:
            run: Evaluator = self._executable(name, program)
            if variables is not None:
                limits = self._traced("products").limits
                run = limits.guard(run, variables=variables, again=again)
            return BoundEvaluator(run, self._function.arguments)

        made: BoundEvaluator = self._lazy.get(f"call {name}", make)
        return made

    def _derivative(
        self,
        name: str,
        derive: Callable[[Fused], Program],
        *,
        rows: Any = None,
        variables: Variables = (),
    ) -> Evaluator:
        """As `_executable`, with limits at singular points; see `Limits.guard`."""
        traced = self._traced("products")

        def make() -> Evaluator:
            run = self._executable(name, lambda: derive(traced.program))
            again = program_again(lambda p, log: fused(derive(p), log), traced.log.options)
            return traced.limits.guard(run, rows=rows, variables=variables, again=again)

        made: Evaluator = self._lazy.get(f"limits of {name}", make)
        return made

    def _executable(self, name: str, program: Fused | Callable[[], Program]) -> Executable:
        """Return a program made ready to run on first use; `program` is fused, or makes one."""

        def make() -> Executable:
            log = self._traced("products").log
            made = fused(program(), log) if callable(program) else program
            return executable(made, log, lambda k: f"{name}[{k}]")

        run: Executable = self._lazy.get(name, lambda: self._traced("products").made(name, make))
        return run
