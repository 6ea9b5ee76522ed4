"""From instructions to prepared NumPy calls on the arrays of one workspace.

Separate from `interpret`, which decides what is run when: here one instruction becomes a list of
(function, arguments), the last argument being the array that is written. Temporaries are shared
between kernels, and a ufunc may write over an operand that nobody needs any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.interpreter.batch_dependence import BatchDependence
from sparsesolve.engine.interpreter.segments import SegmentSum
from sparsesolve.engine.opaque import call_opaque
from sparsesolve.ir.linear import LinearCall
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Slots
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Array", "Binder", "Step", "mirror", "read_into"]

Array: TypeAlias = NDArray[np.float64]
Call: TypeAlias = Callable[[Any, Sequence[Array]], Array]
Step: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class _Pool:
    """Temporaries that are handed out and taken back while calls are prepared."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, ...], list[Array]] = {}

    def take(self, shape: tuple[int, ...]) -> Array:
        free = self._free.get(shape)
        return free.pop() if free else np.empty(shape)

    def give(self, array: Array) -> None:
        self._free.setdefault(array.shape, []).append(array)


class _Values:
    """Values of the nodes of one kernel, and the temporaries that hold them.

    ``placed`` names the nodes whose result has a place already.
    """

    def __init__(self, pool: _Pool, last_use: list[int]) -> None:
        self.of: dict[int, Array] = {}
        self.placed: dict[int, Array] = {}
        self.last_use = last_use
        self._pool = pool
        self._owned: dict[int, Array] = {}

    def new(self, number: int, shape: tuple[int, ...]) -> Array:
        """Take a temporary for a node."""
        self._owned[number] = self._pool.take(shape)
        return self._owned[number]

    def release(self, args: tuple[int, ...], number: int) -> None:
        """Give back the temporaries of operands that node `number` reads last."""
        for argument in set(args):
            if self.last_use[argument] == number and argument in self._owned:
                self._pool.give(self._owned.pop(argument))

    def give_back(self) -> None:
        """Give back all that are left."""
        for array in self._owned.values():
            self._pool.give(array)


class Binder:
    """Turns instructions into calls on the arrays of one workspace."""

    def __init__(self, shared: Array, dependence: BatchDependence | None, batch: int) -> None:
        self.shared = shared
        self.stacked = np.empty((batch, 0 if dependence is None else dependence.width))
        self._dependence = dependence
        self._pool = _Pool()

    def kernel(self, kernel: Kernel, sums: SegmentSum | None, batched: bool) -> Iterator[Step]:
        """Yield the calls that run a kernel."""
        if kernel.rows == 0:
            return
        starts = range(kernel.start, kernel.stop, kernel.rows)
        targets = [self._written(start, kernel.rows, batched) for start in starts]
        if kernel.length == 0:  # rows of empty sums
            for target in targets:
                target[...] = 0.0
            return
        values = _Values(self._pool, _last_uses(kernel))
        if sums is None:  # the last operation writes its result where it belongs
            for number, target in zip(kernel.outputs, targets, strict=True):
                values.placed.setdefault(number, target)
        for number, node in enumerate(kernel.nodes):
            if values.last_use[number] >= 0:
                yield from self._node(kernel, number, node, values)
        lead = self.stacked.shape[:1] if batched else ()
        for number, target in zip(kernel.outputs, targets, strict=True):
            value = values.of[number]
            if sums is not None:
                yield sums.into, (np.broadcast_to(value, (*lead, kernel.length)), target)
            elif value is not target:
                yield np.positive, (value, target)
        values.give_back()

    def _node(self, kernel: Kernel, number: int, node: Node, values: _Values) -> Iterator[Step]:
        if node.op == "const":
            values.of[number] = np.full(1, node.value)
        elif node.op == "load":
            source, where = self._read(kernel.loads[node.args[0]])
            view = _view(source, where)
            if view is None:
                view = values.new(number, (*source.shape[:-1], where.length))
                yield _take_into, (source, where.array, view)
            values.of[number] = view
        else:
            ready = [values.of[a] for a in node.args]
            function = _function(node.op)
            in_place = isinstance(function, np.ufunc)  # others may not overwrite an operand
            if in_place:
                values.release(node.args, number)
            shape = np.broadcast_shapes(*(v.shape for v in ready))
            result = values.placed.get(number)
            if result is None or result.shape != shape:
                result = values.new(number, shape)
            if not in_place:
                values.release(node.args, number)
            values.of[number] = result
            yield function, (*ready, result)

    def opaque(self, step: Opaque, batched: bool, call: Call = call_opaque) -> Iterator[Step]:
        """Yield the calls that run an opaque instruction."""
        operands: list[Array] = []
        for index, shape in zip(step.operands, step.shapes, strict=True):
            source, where = self._read(index)
            part = _view(source, where)
            if part is None:
                part = np.empty((*source.shape[:-1], where.length))
                yield _take_into, (source, where.array, part)
            lead = part.shape[:-1]  # a load of one slot gives one element for all points
            operands.append(np.broadcast_to(part, (*lead, index.length)).reshape((*lead, *shape)))
        target = self._written(step.start, step.length, batched)
        yield _call_into, (call, step, operands, target)

    def _read(self, index: Index) -> tuple[Array, Index]:
        """Return the buffer that a load reads, and where in it."""
        if self._dependence is not None and index.length:
            ids = index.to_array()
            if self._dependence.depends[ids].any():
                return self.stacked, Index.of(self._dependence.column[ids])
        return self.shared, index

    def _written(self, start: int, count: int, batched: bool) -> Array:
        """Return the view that an instruction writes."""
        if batched:
            assert self._dependence is not None
            first = int(self._dependence.column[start]) if count else 0
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


def read_into(out: Array, buffer: Array, index: Index) -> None:
    """Copy the slots of an index."""
    view = _view(buffer, index)
    if view is None:
        buffer.take(index.to_array(), axis=-1, out=out, mode="clip")
    else:
        np.copyto(out, view)


def _take_into(buffer: Array, ids: Slots, out: Array) -> None:
    buffer.take(ids, axis=-1, out=out, mode="clip")  # the default mode would copy `out`


def mirror(stacked: Array, columns: Slots, shared: Array, slots: NDArray[np.intp]) -> None:
    """Copy slots to the columns that batched instructions read."""
    stacked[:, columns] = shared[slots]


def _call_into(call: Call, step: Opaque, operands: Sequence[Array], target: Array) -> None:
    """Call the function, once for each value of the batch if there is one."""
    if target.ndim == 1:
        target[...] = call(step, operands)
        return
    if _at_once(step, operands, target):
        return
    for k, row in enumerate(target):
        arrays = [
            part[k] if part.ndim > len(shape) else part
            for part, shape in zip(operands, step.shapes, strict=True)
        ]
        row[...] = call(step, arrays)


def _at_once(step: Opaque, operands: Sequence[Array], target: Array) -> bool:
    """Send a whole batch through a linear call, where it takes one."""
    function = step.function
    if not isinstance(function, LinearCall):
        return False
    stacks = [
        np.broadcast_to(part, (len(target), *shape))
        for part, shape in zip(operands, step.shapes, strict=True)
    ]
    found = function.stacked(stacks, step.shapes)
    if found is not None:
        target[...] = found.reshape(target.shape)
    return found is not None


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
