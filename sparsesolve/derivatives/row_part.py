"""`Divided`: a function in parts, and `RowPart`: some rows, from the inputs that these need.

Separate from `jacobian`, which evaluates all rows: whoever owns a part of the unknowns, as a
process of a distributed solver does, prepares and runs that part alone. What is prepared has the
size of the part; the function is traced as a whole, since its tape holds operations and no values.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.again import jacobian_again
from sparsesolve.derivatives.comparison import CheckPoint, LoweredPart, compare_lowering
from sparsesolve.derivatives.fused import fused
from sparsesolve.derivatives.global_sums import GlobalSums
from sparsesolve.derivatives.nonzeros import Arrange, jacobian_nonzeros
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.traced_function import TracedFunction, executable, limits_of
from sparsesolve.differentiate import gradient_program
from sparsesolve.differentiate.cuts import global_sums
from sparsesolve.differentiate.detect import jacobian_structure
from sparsesolve.engine.evaluator import Array, Evaluator
from sparsesolve.fuse.part import part_of
from sparsesolve.fuse.roll import roll
from sparsesolve.host.fork import forkable_property
from sparsesolve.host.memory import give_back
from sparsesolve.ir.program import Index, Kernel, Opaque, Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.lower import lower
from sparsesolve.options import Method, Options
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace import Recorded

__all__ = ["Divided", "RowPart"]

_WEIGHTS = 1.0 + np.sin(np.arange(1009.0))
_READERS = 16  # rows that depend on a sum: fewer are dense rows, which one process has


class RowPart:
    """Some outputs of a program, ready to be evaluated and differentiated.

    Parameters
    ----------
    program : Program
        The whole function.
    rows : ndarray of int, shape (k,)
        Which of its outputs.
    log : PrepareLog
        Gets the times.
    point : CheckPoint, optional
        Where machine code is compared with the interpreter; of the whole function.

    Attributes
    ----------
    inputs : ndarray of int32
        Which unknowns these rows need, increasing: the columns of `pattern`, and what `value` and
        `values` take.
    calls : tuple of str
        Operations that are called as a whole and so need all that they read.
    """

    def __init__(
        self,
        program: Program,
        rows: NDArray[np.intp],
        log: PrepareLog,
        point: CheckPoint | None = None,
    ) -> None:
        part, self.inputs = part_of(program, program.outputs[rows])
        give_back()
        at = None if point is None else CheckPoint(point.x[self.inputs], point.parameters)
        self.log = PrepareLog(log.options, at, log.seconds, log.notes, log.compared)
        self.program = fused(roll(part), self.log)
        self._arrange: Arrange | None = None
        self.calls = tuple(
            step.name for step in self.program.instructions if isinstance(step, Opaque)
        )

    @property
    def may_raise(self) -> bool:
        """Whether a function is called, which may raise; machine code never does."""
        steps = self.program.instructions
        return any(isinstance(s, Opaque) and not isinstance(s, Recurrence) for s in steps)

    @forkable_property
    def _value(self) -> Evaluator:
        return executable(self.program, self.log)

    @forkable_property
    def _nonzeros(self) -> tuple[Pattern, Evaluator]:
        found = jacobian_nonzeros(self.program, self.log, self._arrange)
        pattern, limits = found.pattern, limits_of(self.program, self.log)
        if not limits.needed:
            return pattern, found.run
        order = None if self._arrange is None else self._arrange(pattern)
        rows, columns = (
            where if order is None else where[order] for where in (pattern.rows, pattern.indices)
        )
        again = jacobian_again(pattern, self.log.options, order)
        return pattern, limits.guard(found.run, rows=rows, variables=(columns,), again=again)

    def arrange(self, order: Arrange) -> None:
        """Say in which order `refill` is to write nonzeros; before they are prepared.

        Parameters
        ----------
        order : callable
            Takes their pattern.
        """
        self._arrange = order

    @property
    def pattern(self) -> Pattern:
        """Structure of the rows of the Jacobian, shape (k, number of inputs)."""
        return self._nonzeros[0]

    def structure(self) -> Pattern:
        """Return the same, or a little more, where nothing is to be evaluated."""
        return jacobian_structure(self.program)

    def drop_pattern(self) -> None:
        """Forget the structure, which nothing but the assembly of a matrix needs."""
        run = self._nonzeros[1]
        vars(self)["_nonzeros"] = Pattern.full((0, 0)), run

    def prepare(self) -> None:
        """Make what `value` runs, which may fail: before others wait for it."""
        _ = self._value

    def value(self, x: Array, parameters: Sequence[Array], out: Array) -> Array:
        """Return the rows of the function, in `out`.

        Parameters
        ----------
        x : ndarray, shape (number of inputs,)
            The unknowns that they need.
        parameters : sequence of ndarray
            All other arguments, as `Arguments.split` sorts them.
        out : ndarray, shape (k,)
            Gets the values.
        """
        return self._value(x, parameters, out)

    def buffer(self) -> Array:
        """Return an array for `refill`, with the constant entries in place."""
        return self._nonzeros[1].prefilled()

    def refill(self, buffer: Array, x: Array, parameters: Sequence[Array]) -> Array:
        """Write the nonzeros of the rows of the Jacobian that vary into a `buffer`."""
        self._nonzeros[1].run_into(buffer, x, parameters)
        return buffer


class Divided:
    """A function, traced as a whole, that is evaluated in parts.

    Parameters
    ----------
    function : callable
        The user's. It must not branch on the values of its unknowns.
    example : sequence
        Its arguments.
    argnum : int
        Position of the unknowns among them.
    method : str, optional
        As for `jacobian`.

    Examples
    --------
    >>> divided = Divided(lambda x: np.diff(x) ** 2, [np.zeros(5)])
    >>> block = divided.rows(np.array([2, 3]))
    >>> block.inputs, block.pattern.to_dense().astype(int)
    (array([2, 3, 4], dtype=int32), array([[1, 1, 0],
           [0, 1, 1]]))
    >>> block.value(np.array([0.0, 1.0, 3.0]), [], np.empty(2))
    array([1., 4.])
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example: Sequence[Any],
        argnum: int = 0,
        method: Method = "auto",
    ) -> None:
        self.log = PrepareLog(Options(method))
        self.traced = TracedFunction(function, example, argnum=argnum, log=self.log)
        give_back()
        with self.log.stage("lower"):
            self.whole = lower(self.traced.traced.tape)
        give_back()
        self.parameters = self.traced.arguments.split(example)[1]
        parts = self.traced.lowered_at(0)
        self._recorded = parts[0].recorded if parts else None
        self._cut(_READERS)

    def _cut(self, readers: int) -> None:
        self.sums = GlobalSums(self.whole, global_sums(self.whole, readers))
        point = self.log.point
        if point is not None:
            x = self.sums.at(point.x, list(point.parameters))
            point = CheckPoint(x, point.parameters)
        self._point = point

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the Jacobian."""
        return self.whole.m, self.whole.n

    def summed(self) -> Divided:
        """Return the same function with all of its long sums divided, whoever reads them."""
        made = copy.copy(self)
        made._cut(0)
        return made

    def gradient(self) -> Divided:
        """Return the gradient of a function of one value."""
        made = copy.copy(self)
        with self.log.stage("differentiate"):
            made.whole = gradient_program(fused(roll(self.whole)))
        made._recorded = None
        made._cut(_READERS)
        return made

    def rows(self, rows: NDArray[np.intp]) -> RowPart:
        """Prepare some rows, whose inputs from n on are the global sums.

        What they give is compared with the trace.
        """
        part = RowPart(self.sums.program, rows, self.log, self._point)
        known = self._recorded
        if known is not None:
            x = self.sums.at(known.x.reshape(-1), list(known.parameters))[part.inputs]
            value = known.value.reshape(-1)[rows]
            here = Recorded(x, known.parameters, value, known.noise)
            with self.log.stage("check"):
                compare_lowering(part.program, [LoweredPart(self.traced.name, 0, here)])
        return part

    def shares(self, part: int, parts: int) -> list[RowPart]:
        """Prepare one share of each global sum, in an order in which one may enter the next."""
        program = self.sums.share(part, parts)
        each = (np.array([k]) for k in range(self.sums.count))
        return [RowPart(program, row, self.log, self._point) for row in each]

    def digest(self) -> bytes:
        """Return a digest of the program and its parameters: equal where two processes agree."""
        found = hashlib.blake2b(digest_size=6)
        for step in self.whole.instructions:
            found.update(repr((step.start, step.stop)).encode())
            if isinstance(step, Kernel):
                found.update(repr((step.nodes, step.outputs)).encode())
                found.update(b"" if step.segments is None else step.segments.tobytes())
            else:
                found.update(repr((step.name, step.shapes, step.result_shape)).encode())
            for index in step.loads if isinstance(step, Kernel) else step.operands:
                found.update(_described(index))
        for constant in self.whole.constants:
            found.update(constant.values.tobytes())
        for array in (self.whole.outputs, *self.parameters):
            found.update(np.asarray(array).tobytes())
        return found.digest()

    def summary(self) -> tuple[float, float]:
        """Return what the values near the start add up to with weights, and without signs.

        It tells functions apart that are called as a whole, of which a digest knows the name.
        """
        if self._recorded is None:
            return 0.0, 0.0
        value, step, sums = self._recorded.value.reshape(-1), 64 * _WEIGHTS.size, np.zeros(2)
        for first in range(0, value.size, step):
            some = np.nan_to_num(value[first : first + step], posinf=0.0, neginf=0.0)
            sums += some @ np.resize(_WEIGHTS, some.size), np.abs(some).sum()
        return float(sums[0]), float(sums[1])


def _described(index: Index) -> bytes:
    if index.array is not None:
        return index.array.tobytes()
    return repr((index.length, index.start, index.stride)).encode()
