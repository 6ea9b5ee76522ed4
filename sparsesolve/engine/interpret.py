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
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.arguments import flat_argument, flat_parameters, output_buffer
from sparsesolve.engine.opaque import call_opaque
from sparsesolve.engine.segments import SegmentSum
from sparsesolve.errors import StructureMismatch
from sparsesolve.ops import OPS
from sparsesolve.program import Index, Kernel, Opaque, Program, Slots

__all__ = ["Interpreter"]

Array: TypeAlias = NDArray[np.float64]
Step: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
_MOST_BATCH_WORKSPACES = 4  # of different batch sizes, kept per thread


class Interpreter:
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
    >>> from sparsesolve.builder import Builder
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
        self._cones: dict[frozenset[int], _Cone] = {}

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
        program = self.program
        flat = flat_argument(x, program.n, "x")
        values = flat_parameters(program, parameters)
        result = output_buffer(out, program.m)
        work = self._workspace()
        work.shared[: program.n] = flat
        for block, value in zip(program.parameters, values, strict=True):
            work.shared[block.start : block.start + block.size] = value
        with np.errstate(all="ignore"):
            for function, arguments in work.steps:
                function(*arguments)
        _read_into(result, work.shared, self._outputs)
        return result

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
        cone = self._cone(frozenset(batched))
        values = flat_parameters(
            program,
            [
                np.zeros(program.parameters[k].shape) if k in batched else value
                for k, value in enumerate(parameters)
            ],
        )
        work = self._batch_workspace(cone, batch)
        work.shared[: program.n] = flat_argument(x, program.n, "x")
        for block, value in zip(program.parameters, values, strict=True):
            work.shared[block.start : block.start + block.size] = value
        for number, stack in stacks.items():
            block = program.parameters[number]
            work.stacked[:, cone.column[block.start : block.start + block.size]] = stack
        with np.errstate(all="ignore"):
            for function, arguments in work.steps:
                function(*arguments)
        result = np.empty((batch, program.m))
        result[:, cone.plain_outputs] = work.shared[program.outputs[cone.plain_outputs]]
        result[:, cone.batched_outputs] = work.stacked[
            :, cone.column[program.outputs[cone.batched_outputs]]
        ]
        return result

    # ----- workspaces -----

    def _workspace(self) -> _Workspace:
        work: _Workspace | None = getattr(self._local, "work", None)
        if work is None:
            work = self._local.work = self._bind(None, 0)
        return work

    def _batch_workspace(self, cone: _Cone, batch: int) -> _Workspace:
        kept: dict[tuple[int, int], _Workspace] = self._local.__dict__.setdefault("batches", {})
        key = (id(cone), batch)
        if key not in kept:
            if len(kept) >= _MOST_BATCH_WORKSPACES:
                kept.pop(next(iter(kept)))
            kept[key] = self._bind(cone, batch)
        return kept[key]

    def _cone(self, numbers: frozenset[int]) -> _Cone:
        cone = self._cones.get(numbers)
        if cone is None:
            cone = self._cones[numbers] = _cone(self.program, numbers)
        return cone

    def _bind(self, cone: _Cone | None, batch: int) -> _Workspace:
        shared = self.program.constant_values()
        binder = _Binder(shared, cone, batch)
        plain: list[Step] = []
        stacked: list[Step] = []
        for number, step in enumerate(self.program.instructions):
            batched = cone is not None and cone.instructions[number]
            steps = stacked if batched else plain
            if isinstance(step, Opaque):
                steps.extend(binder.opaque(step, batched))
            else:
                steps.extend(binder.kernel(step, self._sums.get(id(step)), batched))
        if cone is not None and cone.mirrored.size:
            columns = cone.column[cone.mirrored]
            plain.append((_mirror, (binder.stacked, columns, shared, cone.mirrored)))
        return _Workspace(shared, binder.stacked, plain + stacked)


@dataclass(frozen=True, slots=True, eq=False)
class _Workspace:
    """Buffers and the prepared calls that work on them."""

    shared: Array
    stacked: Array
    steps: list[Step]


@dataclass(frozen=True, slots=True, eq=False)
class _Cone:
    """What depends on the batched parameters.

    ``column`` maps slots to columns of the stacked buffer, -1 where a slot has none. A slot that
    does not depend on a batched parameter but is read together with one that does is *mirrored*:
    it is copied to a column once it is known.
    """

    instructions: tuple[bool, ...]
    depends: NDArray[np.bool_]
    mirrored: NDArray[np.intp]
    column: Slots
    width: int
    plain_outputs: NDArray[np.intp]
    batched_outputs: NDArray[np.intp]


def _cone(program: Program, numbers: frozenset[int]) -> _Cone:
    depends = np.zeros(program.n_slots, dtype=bool)
    mirrored = np.zeros(program.n_slots, dtype=bool)
    for number in numbers:
        block = program.parameters[number]
        depends[block.start : block.start + block.size] = True
    instructions: list[bool] = []
    for step in program.instructions:
        reads = [i.to_array() for i in (step.loads if isinstance(step, Kernel) else step.operands)]
        mixed = [ids for ids in reads if depends[ids].any()]
        for ids in mixed:
            mirrored[ids] = True
        instructions.append(bool(mixed))
        depends[step.start : step.stop] = bool(mixed)
    kept = depends | mirrored
    column = np.where(kept, np.cumsum(kept, dtype=np.int32) - 1, -1).astype(np.int32)
    found = depends[program.outputs]
    return _Cone(
        tuple(instructions),
        depends,
        np.flatnonzero(mirrored & ~depends),
        column,
        int(kept.sum()),
        np.flatnonzero(~found),
        np.flatnonzero(found),
    )


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


# ----- from a program to prepared calls -----


class _Pool:
    """Temporaries that are handed out and taken back while calls are prepared."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, ...], list[Array]] = {}

    def take(self, shape: tuple[int, ...]) -> Array:
        free = self._free.get(shape)
        return free.pop() if free else np.empty(shape)

    def give(self, array: Array) -> None:
        self._free.setdefault(array.shape, []).append(array)


class _Binder:
    """Turns instructions into calls on the arrays of one workspace."""

    def __init__(self, shared: Array, cone: _Cone | None, batch: int) -> None:
        self.shared = shared
        self.stacked = np.empty((batch, 0 if cone is None else cone.width))
        self._cone = cone
        self._pool = _Pool()

    def kernel(self, kernel: Kernel, sums: SegmentSum | None, batched: bool) -> Iterator[Step]:
        """Yield the calls that run a kernel."""
        if kernel.rows == 0:
            return
        targets = [
            self._written(kernel.start + k * kernel.rows, kernel.rows, batched)
            for k in range(len(kernel.outputs))
        ]
        if kernel.length == 0:  # rows of empty sums
            for target in targets:
                target[...] = 0.0
            return
        lead = self.stacked.shape[:1] if batched else ()
        direct: dict[int, Array] = {}
        if sums is None:
            for number, target in zip(kernel.outputs, targets, strict=True):
                direct.setdefault(number, target)
        values: dict[int, Array] = {}
        owned: dict[int, Array] = {}
        last_use = _last_uses(kernel)
        for number, node in enumerate(kernel.nodes):
            if last_use[number] < 0:
                continue
            if node.op == "const":
                values[number] = np.full(1, node.value)
            elif node.op == "load":
                values[number] = yield from self._load(kernel.loads[node.args[0]], owned, number)
            else:
                ready = [values[a] for a in node.args]
                shape = np.broadcast_shapes(*(v.shape for v in ready))
                result = direct.get(number)
                function = _function(node.op)
                in_place = isinstance(function, np.ufunc)
                if in_place:
                    self._release(node.args, number, last_use, owned)
                if result is None or result.shape != shape:
                    result = owned[number] = self._pool.take(shape)
                if not in_place:
                    self._release(node.args, number, last_use, owned)
                values[number] = result
                yield function, (*ready, result)
        full = (*lead, kernel.length)
        for number, target in zip(kernel.outputs, targets, strict=True):
            value = values[number]
            if sums is not None:
                yield sums.into, (target, np.broadcast_to(value, full))
            elif value is not target:
                yield np.copyto, (target, value)
        for array in owned.values():
            self._pool.give(array)

    def opaque(self, step: Opaque, batched: bool) -> Iterator[Step]:
        """Yield the calls that run an opaque instruction."""
        operands: list[Array] = []
        for index, shape in zip(step.operands, step.shapes, strict=True):
            part = yield from self._load(index, {}, 0)
            lead = part.shape[:-1]  # a load of one slot gives one element for all points
            operands.append(np.broadcast_to(part, (*lead, index.length)).reshape((*lead, *shape)))
        target = self._written(step.start, step.length, batched)
        yield _call_opaque, (step, operands, target)

    def _load(
        self, index: Index, owned: dict[int, Array], number: int
    ) -> Generator[Step, None, Array]:
        source, where = self._read(index)
        view = _view(source, where)
        if view is None:
            view = owned[number] = self._pool.take((*source.shape[:-1], where.length))
            yield _take_into, (source, where.array, view)
        return view

    def _release(
        self, args: tuple[int, ...], number: int, last_use: list[int], owned: dict[int, Array]
    ) -> None:
        for argument in set(args):
            if last_use[argument] == number and argument in owned:
                self._pool.give(owned.pop(argument))

    def _read(self, index: Index) -> tuple[Array, Index]:
        """Return the buffer that a load reads, and where in it."""
        if self._cone is not None and index.length:
            ids = index.to_array()
            if self._cone.depends[ids].any():
                return self.stacked, Index.of(self._cone.column[ids])
        return self.shared, index

    def _written(self, start: int, count: int, batched: bool) -> Array:
        """Return the view that an instruction writes."""
        if batched:
            assert self._cone is not None
            first = int(self._cone.column[start]) if count else 0
            return self.stacked[:, first : first + count]
        return self.shared[start : start + count]


def _last_uses(kernel: Kernel) -> list[int]:
    """List the last node that reads each node: -1 if none, past the end for outputs."""
    last = [-1] * len(kernel.nodes)
    for number in kernel.outputs:
        last[number] = len(kernel.nodes)
    for number in range(len(kernel.nodes) - 1, -1, -1):
        node = kernel.nodes[number]
        if last[number] >= 0 and node.op != "load":
            for argument in node.args:
                last[argument] = max(last[argument], number)
    return last


def _view(buffer: Array, index: Index) -> Array | None:
    """Return the part of `buffer` an affine index reads (one element if its stride is 0)."""
    if index.array is not None:
        return None
    if index.length == 0:
        return buffer[..., :0]
    if index.stride == 0:
        return buffer[..., index.start : index.start + 1]
    stop = index.start + index.stride * index.length
    return buffer[..., index.start : None if stop < 0 else stop : index.stride]


def _read_into(out: Array, buffer: Array, index: Index) -> None:
    view = _view(buffer, index)
    if view is None:
        buffer.take(index.to_array(), axis=-1, out=out, mode="clip")
    else:
        np.copyto(out, view)


def _take_into(buffer: Array, ids: Slots, out: Array) -> None:
    buffer.take(ids, axis=-1, out=out, mode="clip")  # the default mode would copy `out`


def _mirror(stacked: Array, columns: Slots, shared: Array, slots: NDArray[np.intp]) -> None:
    stacked[:, columns] = shared[slots]


def _call_opaque(step: Opaque, operands: Sequence[Array], target: Array) -> None:
    """Call the function, once for each value of the batch if there is one."""
    if target.ndim == 1:
        target[...] = call_opaque(step, operands)
        return
    for k, row in enumerate(target):
        arrays = [
            part[k] if part.ndim > len(shape) else part
            for part, shape in zip(operands, step.shapes, strict=True)
        ]
        row[...] = call_opaque(step, arrays)


def _function(op: str) -> Callable[..., Any]:
    """Return the function of an operation, called as ``function(*operands, out)``."""
    found = _WRITERS.get(op)
    if found is None:
        evaluate = OPS[op].evaluate
        found = evaluate if isinstance(evaluate, np.ufunc) else _writer(evaluate)
        _WRITERS[op] = found
    return found


def _writer(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that returns a fresh array the calling form of a ufunc."""

    def write(*arguments: Array) -> None:
        arguments[-1][...] = evaluate(*arguments[:-1])

    return write


def _where_into(condition: Array, if_true: Array, if_false: Array, out: Array) -> None:
    np.copyto(out, if_false)
    np.copyto(out, if_true, where=condition != 0.0)  # NaN counts as true, as in numpy.where


def _maximum_into(a: Array, b: Array, out: Array) -> None:
    np.maximum(a, b, out=out)  # NumPy deprecates a third positional argument of these two


def _minimum_into(a: Array, b: Array, out: Array) -> None:
    np.minimum(a, b, out=out)


_WRITERS: dict[str, Callable[..., Any]] = {
    "where": _where_into,
    "maximum": _maximum_into,
    "minimum": _minimum_into,
}
