"""`BranchedJacobian`, `BranchedHessian`, `BranchedGradient`: of functions that branch on values.

Separate because a derivative of a function without branches needs nothing of this. Each is a family
of ordinary derivatives, one for each path (`Branches`), under the surface of one of them. Patterns
are unions over the programs seen so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from sparsesolve.coloring import Coloring
from sparsesolve.derivatives.branches import Branches, Union, report_rows
from sparsesolve.derivatives.gradient import Gradient
from sparsesolve.derivatives.hessian import Hessian, SymmetricTemplate
from sparsesolve.derivatives.jacobian import Jacobian
from sparsesolve.derivatives.matrix_template import Template
from sparsesolve.derivatives.nonzeros import fewest_colors
from sparsesolve.derivatives.report import table
from sparsesolve.derivatives.sparse_derivative import SparseDerivative
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import FastCall, refuse
from sparsesolve.structure.pattern import Pattern

__all__ = ["BranchedGradient", "BranchedHessian", "BranchedJacobian"]

Array = NDArray[np.float64]


class _Quick(NamedTuple):
    """How calls begin: with the program used last, where it has all entries of the union."""

    fresh: Callable[[], Array]
    refill: FastCall
    fill: FastCall
    made: Callable[[Array], Any]


_NONE = _Quick(lambda: np.empty(0), refuse, refuse, lambda values: values)


class _Branched(SparseDerivative):
    """What the two families of matrices share; comes before the class of their members."""

    _branches: Branches[Any]
    _union: Union
    _shaped: tuple[Pattern, Any]
    _quick: _Quick

    def _begin(self, first: Any, make: Callable[[Sequence[Any], bool], Any], shaped: Any) -> None:
        """Answer as the first program does, until others join."""
        vars(self).update(vars(first))
        self._union = Union(self._nonzeros.pattern)
        self._shaped = self._union.pattern, shaped
        self._branches = Branches(first, make, self._join)
        self._quick = _NONE

    def _join(self, made: Any) -> None:
        made.calls = self.calls
        self._union = self._union.joined(made._nonzeros.pattern)
        self._quick = _NONE

    def _aim(self) -> None:
        """Let the next calls begin with the program used last."""
        latest, union = self._branches.latest, self._union
        if union.has_all(latest._nonzeros.pattern):
            made = self._template(union.pattern)
            vary, whole = latest.on_this_path
            self._quick = _Quick(latest._values.prefilled, vary, whole, made)
        else:
            self._quick = _NONE

    def _template(self, pattern: Pattern) -> Any:
        """Return what makes matrices of a pattern; patterns grow, rarely."""
        known, template = self._shaped
        if known is not pattern:
            template = self._new_template(pattern)
            self._shaped = pattern, template
        return template

    def _new_template(self, pattern: Pattern) -> Any:
        raise NotImplementedError

    def __call__(self, *args: Any) -> Any:
        """Return the derivative with fresh data, of the path of these arguments."""
        fresh, refill, _, made = self._quick
        values = fresh()
        if (
            refill(*args, values) is None
        ):  # another path, what machine code does not take, the first call
            pattern, values = self._evaluate(args)
            return self._template(pattern)(values)
        self.calls["values"] += 1
        return made(values)

    def _evaluate(self, args: Sequence[Any]) -> tuple[Pattern, Array]:
        """Return the values that are computed, in the order of a pattern."""
        self.calls["values"] += 1
        program = self._branches.latest
        values = program._values.prefilled()
        if program.on_this_path[0](*args, values) is None:
            program = self._branches.at(args)
            values = program._values(args)
        union = self._union
        self._aim()
        return union.pattern, union.spread(program._nonzeros.pattern, values)

    def _evaluate_into(self, args: Sequence[Any], out: Array | None) -> Array:
        if out is None:
            return self._evaluate(args)[1]
        if self._quick.fill(*args, out) is not None:
            self.calls["values"] += 1
            return out
        output_buffer(out, self._union.pattern.nnz)
        _, values = self._evaluate(args)
        return _copied(values, out)

    def explore(self, points: Iterable[Any]) -> None:
        """Trace ahead: prepare the programs of the paths at some points.

        Parameters
        ----------
        points : iterable
            Arguments of a call as a tuple, or x alone where there is no other.
        """
        for args in points:
            self._branches.at(args if isinstance(args, tuple) else (args,))

    def explain(self, i: int, j: int) -> str:
        """Say which source lines and primitives make an entry, on a path that has it."""
        programs = self._branches.programs
        found = (p for p in programs if p.pattern.holds(i, j))
        return cast(str, next(found, programs[0]).explain(i, j))

    def explain_nonfinite(self, *args: Any) -> str:
        """Say which source line and primitive make an entry infinite or not a number."""
        return cast(str, self._branches.at(args).explain_nonfinite(*args))

    def value(self, *args: Any) -> Any:
        """Return the function's value, without calling the user's function."""
        return self._branches.at(args).value(*args)

    def values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros in the order of `pattern`, shape (nnz,); into `out` if given."""
        return self._evaluate_into(args, out)

    def buffer(self) -> Array:
        """Return an array of shape (nnz,) for `refill`."""
        return np.zeros(self.nnz)

    def refill(self, buffer: Array, *args: Any) -> Array:
        """Write all entries into a `buffer`, and return it."""
        if self._quick.fill(*args, buffer) is None:
            return self.values(*args, out=buffer)
        self.calls["values"] += 1
        return buffer

    def jvp(self, *args: Any) -> Array:
        """Return the matrix times a direction, which comes last."""
        return cast(Array, self._branches.at(args[:-1]).jvp(*args))

    def vjp(self, *args: Any) -> Array:
        """Return the transposed matrix times weights, which come last."""
        return cast(Array, self._branches.at(args[:-1]).vjp(*args))

    def kernels(self) -> str:
        """Return a readable form of the programs that compute the nonzeros, one for each path."""
        return "\n\n".join(program.kernels() for program in self._branches.programs)

    def verify(self, *args: Any) -> None:
        """Raise where the function's data changed since it was traced."""
        _verify(self._branches, args)

    def staleness(self, function: Callable[..., Any], args: Sequence[Any], near: Any = None) -> str:
        """Say how `function` differs from the one that this was prepared of; empty if not."""
        return _staleness(self._branches, self.argnum, function, args, near)

    def report(self) -> str:
        """Return the report of the first program, and how many there are for which branches."""
        rows = report_rows(self._branches.programs, self._branches.notes)
        return f"{super().report()}\n{table(rows)}"


class BranchedJacobian(_Branched, Jacobian):
    """The Jacobian of a function that branches on values; made by `jacobian`.

    Parameters
    ----------
    first : Jacobian
        That of the path at the example.
    make : callable
        ``make(args, kept)`` prepares one at other arguments.
    """

    def __init__(self, first: Jacobian, make: Callable[[Sequence[Any], bool], Jacobian]) -> None:
        self._begin(first, make, first._matrix)

    def _new_template(self, pattern: Pattern) -> Template:
        return self._new_matrix(pattern)

    @property
    def pattern(self) -> Pattern:
        """Structure of the matrix: all that the programs seen so far need."""
        return self._union.pattern

    @property
    def coloring(self) -> Coloring:
        """The coloring with fewest colors."""
        return fewest_colors(self.pattern).coloring


class BranchedHessian(_Branched, Hessian):
    """The Hessian of a function that branches on values; made by `hessian`.

    Parameters
    ----------
    first : Hessian
        That of the path at the example.
    make : callable
        ``make(args, kept)`` prepares one at other arguments.
    """

    def __init__(self, first: Hessian, make: Callable[[Sequence[Any], bool], Hessian]) -> None:
        self._begin(first, make, first._full)

    def _new_template(self, pattern: Pattern) -> SymmetricTemplate:
        return SymmetricTemplate(pattern, self.format)

    @property
    def pattern(self) -> Pattern:
        """Structure of the full matrix: all that the programs seen so far need."""
        return cast(Pattern, self._template(self._union.pattern).pattern)

    @property
    def lower_pattern(self) -> Pattern:
        """Structure of the lower triangle."""
        return self._union.pattern

    def lower_values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the lower triangle in the order of `lower_pattern`."""
        return self._evaluate_into(args, out)

    def values(self, *args: Any, out: Array | None = None) -> Array:
        """Return the nonzeros of the full matrix in the order of `pattern`."""
        if out is not None:
            output_buffer(out, self.nnz)
        pattern, lower = self._evaluate(args)
        full = lower.take(self._template(pattern).gather)
        return full if out is None else _copied(full, out)

    def gradient(self, *args: Any) -> Array:
        """Return the gradient, shape (n,)."""
        return cast(Array, self._branches.at(args).gradient(*args))

    def hvp(self, *args: Any) -> Array:
        """Return ``H(x) @ v``, shape (n,); `v` comes last."""
        return cast(Array, self._branches.at(args[:-1]).hvp(*args))


class BranchedGradient(_Branched, Gradient):
    """The gradient of a function that branches on values; made by `gradient`.

    Parameters
    ----------
    first : Gradient
        That of the path at the example.
    make : callable
        ``make(args, kept)`` prepares one at other arguments.
    """

    def __init__(self, first: Gradient, make: Callable[[Sequence[Any], bool], Gradient]) -> None:
        shape = first._shape
        self._begin(first, make, lambda values: values.reshape(shape))

    def hvp(self, *args: Any) -> Array:
        """Return ``H(x) @ v``, shape (n,); `v` comes last."""
        return cast(Array, self._branches.at(args[:-1]).hvp(*args))


def _copied(values: Array, out: Array) -> Array:
    """Copy values into a result of their size, which they may just have outgrown."""
    output_buffer(out, values.size)
    out[...] = values
    return out


def _verify(branches: Branches[Any], args: Sequence[Any]) -> None:
    program = branches.at(args) if args else branches.programs[0]
    program.verify(*args)


def _staleness(
    branches: Branches[Any], argnum: int, function: Any, args: Sequence[Any], near: Any
) -> str:
    """Look near a point where the function has a value there, each on its own path."""
    if near is not None:
        there = [*args[:argnum], near, *args[argnum + 1 :]]
        try:
            return str(branches.at(there).staleness(function, there))
        except Exception:  # as the user's function may raise there
            pass
    return str(branches.at(args).staleness(function, args))
