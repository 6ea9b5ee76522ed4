"""The interpreter: runs a program with NumPy, one ufunc call a node.

Separate from `compile` because it is the readable reference, needs no LLVM, and is the quicker
way for a program that is evaluated a few times only. It also runs many values of some parameters
at once (`Interpreter.run_batched`), which is what compressed Jacobians need.

Data layout. All slots live in one buffer of shape (n_slots,). What a kernel reads and writes are
views of that buffer, or copies where an index array is not affine; views, temporaries and the
order of the calls are fixed once a workspace is made, so a call is one pass over a list of
prepared ufunc calls. Workspaces are per thread. In a batched run, the slots that depend on a
batched parameter live in a second buffer of shape (batch, columns), the others stay where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.arguments import flat_argument, flat_parameters, output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.engine.interpreter.batch_dependence import BatchDependence, batch_dependence
from sparsesolve.engine.interpreter.numpy_calls import Array, Binder, Step, mirror, read_into
from sparsesolve.engine.interpreter.scalar_code import Trip, trip_function
from sparsesolve.engine.interpreter.segments import SegmentSum
from sparsesolve.errors import StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Opaque, Program
from sparsesolve.ir.recurrence import Recurrence, output_places, places

__all__ = ["Interpreter"]

_MOST_BATCH_WORKSPACES = 4  # of different batch sizes, kept per thread


class Interpreter(Evaluator):
    """A program, prepared to be run with NumPy.

    Parameters
    ----------
    program : Program
        What to run.

    Notes
    -----
    Memory: the buffer of n_slots numbers, copies of what is loaded through index arrays, and a few
    temporaries as long as the longest kernel, for each thread that calls.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((3,))
    >>> Interpreter(b.build(b.map("multiply", b.x, b.x)))([1.0, 2.0, 3.0])
    array([1., 4., 9.])
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._sums = {
            id(step): SegmentSum(step.segments)
            for step in program.instructions
            if isinstance(step, Kernel) and step.segments is not None
        }
        self._outputs = Index.of(program.outputs)
        self._local = threading.local()
        self._dependences: dict[frozenset[int], BatchDependence] = {}

    @property
    def size(self) -> int:
        """How many values."""
        return self.program.m

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Evaluate.

        Parameters
        ----------
        x : array_like, n elements
            The differentiated argument.
        parameters : sequence of array_like
            The other arguments.
        out : ndarray of float64, shape (m,), optional
            Where to write the result.

        Returns
        -------
        ndarray of float64, shape (m,)
            `out`, or a fresh array.

        Raises
        ------
        StructureMismatch
            If an argument has another size than the program was built for.
        """
        result = output_buffer(out, self.program.m)
        read_into(result, self._run(x, parameters), self._outputs)
        return result

    def slots(self, x: Any, parameters: Sequence[Any] = ()) -> Array:
        """Evaluate, and return the values of all slots, shape (n_slots,)."""
        return self._run(x, parameters).copy()

    def _run(self, x: Any, parameters: Sequence[Any]) -> Array:
        """Run all steps on the buffer of this thread, and return it."""
        program = self.program
        flat = flat_argument(x, program.n, "x")
        values = flat_parameters(program, parameters)
        work = self._workspace()
        work.shared[: program.n] = flat
        for block, value in zip(program.parameters, values, strict=True):
            work.shared[block.start : block.start + block.size] = value
        with np.errstate(all="ignore"):
            for function, arguments in work.steps:
                function(*arguments)
        return work.shared

    def rounding(self, x: Any, parameters: Sequence[Any] = (), trials: int = 8) -> Array:
        """Return how far the values move if every step is wrong by a few units in the last place.

        Parameters
        ----------
        x : array_like, n elements
            The differentiated argument.
        parameters : sequence of array_like
            The other arguments.
        trials : int, default 8
            How often the program is run, each time with other errors, from one seed.

        Returns
        -------
        ndarray of float64, shape (m,)
            The largest difference; infinite where a value becomes NaN or stops being so.
        """
        expected = self(x, parameters)
        generator = np.random.default_rng(0)
        work = self._workspace()
        reached = self.program.n + sum(block.size for block in self.program.parameters)
        given = work.shared[:reached].copy()
        spread = np.zeros(self.program.m)
        result = np.empty(self.program.m)
        with np.errstate(all="ignore"):
            for _ in range(trials):
                work.shared[:reached] = given
                _blur(work.shared[:reached], generator)
                for function, arguments in work.steps:
                    function(*arguments)
                    _blur(arguments[-1], generator)
                read_into(result, work.shared, self._outputs)
                moved = np.abs(result - expected)
                moved[(result == expected) | (np.isnan(result) & np.isnan(expected))] = 0.0
                spread = np.maximum(spread, np.where(np.isnan(moved), np.inf, moved))
        return spread

    def run_batched(
        self, x: Any, parameters: Sequence[Any], batched: Mapping[int, NDArray[Any]]
    ) -> Array:
        """Evaluate for many values of some parameters at once.

        Parameters
        ----------
        x : array_like, n elements
            The differentiated argument.
        parameters : sequence of array_like
            The other arguments; entries named in `batched` are ignored.
        batched : mapping of int to ndarray, each of shape (batch, ...)
            Values of the parameters of these numbers, one after the other along the first axis.

        Returns
        -------
        ndarray of float64, shape (batch, m)
            One result for each value.

        Raises
        ------
        StructureMismatch
            If an argument has another size than the program was built for.

        Notes
        -----
        What does not depend on a batched parameter is computed once.
        """
        program = self.program
        batch, stacks = _stacks(program, batched)
        dependence = self._dependence(frozenset(batched))
        values = flat_parameters(
            program,
            [
                np.zeros(program.parameters[k].shape) if k in batched else value
                for k, value in enumerate(parameters)
            ],
        )
        work = self._batch_workspace(dependence, batch)
        work.shared[: program.n] = flat_argument(x, program.n, "x")
        for block, value in zip(program.parameters, values, strict=True):
            work.shared[block.start : block.start + block.size] = value
        for number, stack in stacks.items():
            block = program.parameters[number]
            columns = dependence.column[block.start : block.start + block.size]
            work.stacked[:, _as_slice(columns)] = stack
        with np.errstate(all="ignore"):
            for function, arguments in work.steps:
                function(*arguments)
        result = np.empty((batch, program.m))
        plain, varied = dependence.plain_outputs, dependence.batched_outputs
        if plain.size:
            result[:, plain] = work.shared[program.outputs[plain]]
        columns = dependence.column[program.outputs[varied]]
        result[:, _as_slice(varied)] = work.stacked[:, _as_slice(columns)]
        return result

    # ----- workspaces -----

    def _workspace(self) -> _Workspace:
        work: _Workspace | None = getattr(self._local, "work", None)
        if work is None:
            work = self._local.work = self._bind(None, 0)
        return work

    def _batch_workspace(self, dependence: BatchDependence, batch: int) -> _Workspace:
        kept: dict[tuple[int, int], _Workspace] = self._local.__dict__.setdefault("batches", {})
        key = (id(dependence), batch)
        if key not in kept:
            if len(kept) >= _MOST_BATCH_WORKSPACES:
                kept.pop(next(iter(kept)))
            kept[key] = self._bind(dependence, batch)
        return kept[key]

    def _dependence(self, numbers: frozenset[int]) -> BatchDependence:
        dependence = self._dependences.get(numbers)
        if dependence is None:
            dependence = self._dependences[numbers] = batch_dependence(self.program, numbers)
        return dependence

    def _bind(self, dependence: BatchDependence | None, batch: int) -> _Workspace:
        shared = self.program.constant_values()
        binder = Binder(shared, dependence, batch)
        plain: list[Step] = []
        stacked: list[Step] = []
        for number, step in enumerate(self.program.instructions):
            batched = dependence is not None and dependence.instructions[number]
            steps = stacked if batched else plain
            if isinstance(step, Recurrence):
                steps.extend(binder.opaque(step, batched, _Trips(step)))
            elif isinstance(step, Opaque):
                steps.extend(binder.opaque(step, batched))
            else:
                steps.extend(binder.kernel(step, self._sums.get(id(step)), batched))
        if dependence is not None and dependence.mirrored.size:
            columns = dependence.column[dependence.mirrored]
            plain.append((mirror, (binder.stacked, columns, shared, dependence.mirrored)))
        return _Workspace(shared, binder.stacked, plain + stacked)


class _Trips:
    """Runs a recurrence: its body again and again."""

    def __init__(self, step: Recurrence) -> None:
        self._trip = trip_function(step.body, step.trips)
        self._body = Interpreter(step.body)
        self._places = places(step.body, step.trips)
        steps = step.body.instructions
        self._written = np.concatenate([np.arange(k.start, k.stop) for k in steps])

    def __call__(self, step: Recurrence, operands: Sequence[Array]) -> Array:
        """Return all that the trips compute."""
        outer = operands[0].size
        if self._trip is not None:
            own = step.sources < 0
            given = np.zeros(own.shape)
            if outer:
                given[...] = operands[0][np.where(own, 0, step.sources)]
            return self._by_numbers(self._trip, step, given)
        known = np.empty(outer + step.length)  # what is read: from outside, then what is computed
        known[:outer] = operands[0].reshape(-1)
        ports = list(output_places(step.body, step.trips))
        for trip, source in enumerate(step.sources):
            slots = self._body.slots(known[np.where(source < 0, outer + ~source, source)])
            for first, rows, top in ports:
                begin = outer + top + trip * rows
                known[begin : begin + rows] = slots[first : first + rows]
        return known[outer:]

    def _by_numbers(self, run: Trip, step: Recurrence, given: Array) -> Array:
        columns = np.flatnonzero((step.sources < 0).any(axis=0)).tolist()
        sources = step.sources[:, columns].tolist()
        computed = [0.0] * step.length
        at = self._places[:, self._written].tolist()
        with np.errstate(all="ignore"):
            for row, source, place in zip(given.tolist(), sources, at, strict=True):
                for column, number in zip(columns, source, strict=True):
                    if number < 0:
                        row[column] = computed[~number]
                for where, value in zip(place, run(row), strict=True):
                    computed[where] = value
        return np.array(computed)


@dataclass(frozen=True, slots=True, eq=False)
class _Workspace:
    """Buffers and the prepared calls that work on them."""

    shared: Array
    stacked: Array
    steps: list[Step]


def _as_slice(ids: NDArray[Any]) -> NDArray[Any] | slice:
    """Return consecutive numbers as a slice, which is quicker."""
    if ids.size and np.array_equal(ids, np.arange(ids[0], ids[0] + ids.size)):
        return slice(int(ids[0]), int(ids[0]) + ids.size)
    return ids


def _blur(values: Array, generator: np.random.Generator) -> None:
    """Change numbers by up to four units in their last place."""
    values *= 1.0 + 4 * np.finfo(float).eps * generator.uniform(-1, 1, values.shape)


def _stacks(program: Program, batched: Mapping[int, NDArray[Any]]) -> tuple[int, dict[int, Array]]:
    """Return the batch size and each batched parameter with shape (batch, size)."""
    stacks: dict[int, Array] = {}
    for number, values in batched.items():
        size = program.parameters[number].size
        array = np.asarray(values, dtype=np.float64)
        if array.ndim == 0 or array.size != array.shape[0] * size:
            raise StructureMismatch(
                f"batched parameter {number} must have shape (batch, {size}), got "
                f"{list(array.shape)}. Put the batch axis first."
            )
        stacks[number] = array.reshape(array.shape[0], size)
    sizes = {stack.shape[0] for stack in stacks.values()}
    if len(sizes) != 1:
        raise StructureMismatch(
            f"all batched parameters must have one batch size, got {sorted(sizes)}."
        )
    return sizes.pop(), stacks
