"""Where the nonzeros of a Jacobian or Hessian come from: a program of nonzeros, or colors.

`Jacobian`, `Hessian` and `ProblemDerivatives` choose in the same way.
`Accumulated` runs the program whose outputs are the nonzeros. `Compressed` pushes seeds through
the tangent program (columns, symmetric) or pulls them through the adjoint program (rows), all
seeds of a chunk at once, and recovers the nonzeros by one gather.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.blocks.choose import Offer, blocked_hessian, blocked_jacobian
from sparsesolve.derivatives.fused import Fused, fused, fused_adjoint
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import Executable, Lazy, executable
from sparsesolve.differentiate import (
    TooManyTerms,
    jacobian_program,
    tangent_program,
)
from sparsesolve.differentiate.cuts import MANY_TERMS
from sparsesolve.differentiate.detect import boolean_pattern, is_full, jacobian_structure
from sparsesolve.differentiate.opaque import call_in_many_rows, has_linear_calls
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.ir.program import Program
from sparsesolve.structure.pattern import Pattern

if TYPE_CHECKING:  # colors take a twentieth of all imports, and most programs need none
    from sparsesolve.coloring.cache import ColoringCache
    from sparsesolve.coloring.recover import Recovery
    from sparsesolve.derivatives.blocks.blocked import Blocked
    from sparsesolve.derivatives.by_columns import ByColumns
    from sparsesolve.derivatives.products import Products

__all__ = [
    "Accumulated",
    "Arrange",
    "Compressed",
    "Nonzeros",
    "colorings",
    "engine_name",
    "fewest_colors",
    "hessian_nonzeros",
    "jacobian_nonzeros",
    "products_of",
    "symmetric_nonzeros",
]

Array = NDArray[np.float64]
Arrange: TypeAlias = Callable[[Pattern], NDArray[Any] | None]
"""Returns the order in which the nonzeros of a pattern are wanted; None for its own."""

_WIDTH = 4
_MOST_LISTED = 1 << 21  # entries of a full matrix that are listed one by one


class Nonzeros(Protocol):
    """The nonzeros of one fixed pattern."""

    @property
    def pattern(self) -> Pattern:
        """Where the nonzeros are."""
        ...

    @property
    def method(self) -> str:
        """How they are computed, for reports."""
        ...

    @property
    def run(self) -> Evaluator:
        """Computes them in the order of the pattern."""
        ...


@dataclass(frozen=True, eq=False)
class Accumulated:
    """Nonzeros computed by their own program."""

    pattern: Pattern
    run: Executable
    method: str
    matrix: str  # what it is called in messages

    @classmethod
    def of(
        cls,
        pattern: Pattern,
        program: Fused,
        matrix: str,
        log: PrepareLog,
        *,
        known: bool = False,
        arrange: Arrange | None = None,
    ) -> Accumulated:
        """Make the program of nonzeros ready to run; `known` as for `executable`.

        Whoever arranges them has a place of his own, which is filled as a whole only once.
        """
        known_pattern = weakref.ref(pattern)  # the names outlive it where it is dropped

        def name(k: int) -> str:
            found = known_pattern()
            if found is None:
                return f"value {k} of the {matrix}"
            order = None if arrange is None else arrange(found)
            at = k if order is None else order[k]
            return f"entry ({found.rows[at]}, {found.indices[at]}) of the {matrix}"

        log = replace(log, lean=arrange is not None)
        run = executable(program, log, name, known=known)
        return cls(pattern, run, engine_name(run), matrix)


@dataclass(frozen=True, eq=False)
class Compressed(Evaluator):
    """Nonzeros recovered from products with seeds.

    Parameters
    ----------
    pattern : Pattern
        The pattern of the values returned: the lower triangle where the coloring is symmetric.
    recovery : Recovery
        Colors, and where each nonzero is read.
    push, pull : Products or None
        Products with the Jacobian and with its transpose.
    """

    pattern: Pattern
    recovery: Recovery
    push: Products | None
    pull: Products | None
    method: str = "colored"

    @property
    def run(self) -> Evaluator:
        """Computes the nonzeros."""
        return self

    @property
    def size(self) -> int:
        """How many there are."""
        return self.pattern.nnz

    def with_programs(self, change: Callable[[Program], Program | None]) -> Compressed | None:
        """Return the same with changed programs; None if there is nothing to change."""
        ways = [way and way.with_program(change) for way in (self.push, self.pull)]
        if not any(ways):
            return None
        push, pull = (new or old for new, old in zip(ways, (self.push, self.pull), strict=True))
        return replace(self, push=push, pull=pull)

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the nonzeros."""
        if out is not None:
            output_buffer(out, self.size)
        coloring = self.recovery.coloring
        forward = reverse = None
        if self.push is not None and coloring.nforward:
            forward = self.push(x, parameters, coloring).T
        if self.pull is not None and coloring.nreverse:
            reverse = self.pull(x, parameters, coloring, reverse=True).T
        if coloring.structure == "symmetric":
            return self.recovery.lower_values(forward, out=out)
        return self.recovery.values(forward, reverse, out=out)


@dataclass(frozen=True, eq=False)
class _Arranged(Evaluator):
    """Nonzeros in another order than that of their pattern, which is that of their recovery."""

    found: Nonzeros
    order: NDArray[Any]

    @property
    def pattern(self) -> Pattern:
        """Where the nonzeros are."""
        return self.found.pattern

    @property
    def method(self) -> str:
        """How they are computed."""
        return self.found.method

    @property
    def run(self) -> Evaluator:
        """Computes them in the order that is wanted."""
        return self

    @property
    def size(self) -> int:
        """How many there are."""
        return self.pattern.nnz

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the nonzeros."""
        values = self.found.run(x, parameters)
        return np.take(values, self.order, out=out, mode="clip")


def _push(program: Program, log: PrepareLog) -> Products:
    """Products with the Jacobian: machine code for several seeds at once, or NumPy for all."""
    with log.stage("differentiate"):
        tangent = tangent_program(program, _WIDTH)
    run = executable(fused(tangent, log), log)
    if isinstance(run, Interpreter):
        run = Interpreter(fused(tangent_program(program), log))
    return products_of(run, _WIDTH)


def _pull(program: Program, log: PrepareLog) -> Products:
    return products_of(executable(fused_adjoint(program, log), log), 1)


def products_of(run: Executable, width: int) -> Products:
    """Make products of the program that computes `width` of them."""
    with importing():
        from sparsesolve.derivatives.products import Products  # noqa: PLC0415 - as for colors
    return Products(run, width)


def jacobian_nonzeros(program: Fused, log: PrepareLog, arrange: Arrange | None = None) -> Nonzeros:
    """Prepare the nonzeros of the Jacobian of a program.

    Parameters
    ----------
    program : Fused
        The function.
    log : PrepareLog
        Method "auto" multiplies blocks where wide sums are read by many rows; else it lists the
        nonzeros as a program where that pays, and colors otherwise.
    arrange : callable, optional
        In which order `run` is to write them. Default is that of the pattern.
    """
    found = _jacobian_nonzeros(program, log, arrange)
    order = None
    if arrange is not None and not isinstance(found, Accumulated):
        order = arrange(found.pattern)
    return found if order is None else _Arranged(found, order)


def _jacobian_nonzeros(program: Fused, log: PrepareLog, arrange: Arrange | None) -> Nonzeros:
    blocks = None
    if log.options.method != "colored":
        blocks = blocked_jacobian(program, log, _plain(lambda: program, log))
        if blocks is not None and blocks.pays:
            return blocks.taken()
    large = log.options.method == "auto" and program.n * program.m > _MOST_LISTED
    if large and has_linear_calls(program) and is_full(program):
        return _by_columns(program, log)
    found = _accumulated(program, log, arrange=arrange, blocks=blocks)
    if not isinstance(found, Pattern):
        return found
    with log.stage("color"):
        recovery = fewest_colors(found)
    push = _push(program, log) if recovery.coloring.nforward else None
    pull = _pull(program, log) if recovery.coloring.nreverse else None
    return Compressed(found, recovery, push, pull)


def _by_columns(program: Program, log: PrepareLog) -> ByColumns:
    from sparsesolve.derivatives.by_columns import ByColumns  # noqa: PLC0415 - of few functions

    log.note("all columns at once: every output depends on every input through linear calls")
    with log.stage("differentiate"):
        tangent = fused(tangent_program(program), log)
    return ByColumns(Pattern.full((program.m, program.n)), products_of(Interpreter(tangent), 1))


def colorings() -> ColoringCache:
    """Return the colorings that all share."""
    with importing():
        from sparsesolve.coloring.cache import shared_coloring_cache  # noqa: PLC0415 - as above
    return shared_coloring_cache


def fewest_colors(pattern: Pattern) -> Recovery:
    """Color columns, rows, or both, whichever takes the fewest products; columns if equal.

    Both are tried only where one side may take twice the colors that both need at least: where
    dense rows meet dense columns.
    """
    from sparsesolve.coloring import lower_bound  # noqa: PLC0415 - only where there are colors

    get = colorings().get
    best = get(pattern, structure="columns")
    by_rows = get(pattern, structure="rows")
    if by_rows.coloring.ncolors < best.coloring.ncolors:
        best = by_rows
    if best.coloring.ncolors > 2 * lower_bound(pattern, "bidirectional"):
        by_both = get(pattern, structure="bidirectional")
        if by_both.coloring.ncolors < best.coloring.ncolors:
            best = by_both
    return best


def hessian_nonzeros(
    function: Fused,
    gradient: Callable[[], Fused],
    log: PrepareLog,
    *,
    weighted: bool = False,
    layered: Callable[[], Fused | None] | None = None,
) -> Nonzeros:
    """Prepare the lower triangle of a Hessian.

    Parameters
    ----------
    function : Fused
        What it is of.
    gradient : callable
        Returns its gradient, which blocks do without.
    log : PrepareLog
        Method "auto" multiplies blocks where wide sums enter what is not linear, and else does as
        `symmetric_nonzeros`.
    weighted : bool, default False
        Whether the gradient is that of a weighted sum of outputs, with the weights as the last
        parameter.
    layered : callable, optional
        Returns the function with the sums of its layers kept, for blocks; None if it has none.
    """
    blocks = None
    if log.options.method != "colored":
        plain = _plain(gradient, log)
        for program in (None if layered is None else layered(), function):
            if program is None:
                continue
            found = blocked_hessian(program, log, plain, weighted=weighted)
            if found is not None and found.pays:
                return found.taken()
            blocks = blocks or found
    return symmetric_nonzeros(gradient(), log, blocks)


def _plain(program: Callable[[], Fused], log: PrepareLog) -> Callable[[Any, Sequence[Any]], Array]:
    """Return what computes a transposed Jacobian by products with unit vectors; made if called."""
    made = Lazy()

    def units(x: Any, parameters: Sequence[Any]) -> Array:
        products: Products = made.get("products", lambda: _push(program(), log))
        return products.units(x, parameters)

    return units


def symmetric_nonzeros(gradient: Fused, log: PrepareLog, blocks: Offer | None = None) -> Nonzeros:
    """Prepare the lower triangle of the Jacobian of a gradient program.

    Parameters
    ----------
    gradient : Fused
        The gradient of a scalar function, so that its Jacobian is symmetric.
    log : PrepareLog
        As for `jacobian_nonzeros`.
    blocks : Offer, optional
        Taken where a list would be long.
    """
    found = _accumulated(gradient, log, lower=True, blocks=blocks)
    if not isinstance(found, Pattern):
        return found
    with log.stage("color"):
        recovery = colorings().get(found.union(found.T), structure="symmetric")
    return Compressed(recovery.lower_pattern, recovery, _push(gradient, log), None)


def _accumulated(
    program: Program,
    log: PrepareLog,
    *,
    lower: bool = False,
    arrange: Arrange | None = None,
    blocks: Offer | None = None,
) -> Accumulated | Blocked | Pattern:
    """List the nonzeros as a program; blocks, or the whole pattern, where that does not pay."""
    if log.options.method == "colored":
        with log.stage("detect"):
            return jacobian_structure(program)
    if log.options.method == "auto" and (name := call_in_many_rows(program)):
        log.note(f"colored: the rows of `{name}` are found one by one, and columns are few")
        with log.stage("detect"):
            return jacobian_structure(program)
    try:
        with log.stage("detect"):
            bound = {} if blocks is None else {"most_terms": MANY_TERMS}
            found = jacobian_program(program, lower=lower, **bound)
    except TooManyTerms as error:
        if blocks is not None:
            return blocks.taken()
        if log.options.method != "auto":
            raise
        log.note(f"colored: {error}")
        with log.stage("detect"):
            return boolean_pattern(program)
    pattern, listed = found.pattern, found.program
    del found  # arrays of all nonzeros are freed as soon as they can be
    listed = fused(_in_order(listed, pattern, arrange), log)
    return Accumulated.of(pattern, listed, "Hessian" if lower else "Jacobian", log, arrange=arrange)


def _in_order(listed: Program, pattern: Pattern, arrange: Arrange | None) -> Program:
    order = None if arrange is None else arrange(pattern)
    return listed if order is None else replace(listed, outputs=listed.outputs[order])


def engine_name(run: Executable) -> str:
    """Return what runs a program, in a word."""
    return "interpreted" if isinstance(run, Interpreter) else "compiled"
