"""The recorder: a `Node` of autograd's tracer that writes instructions instead of derivatives.

This is all that a tape needs of autograd: how values are numbered, how constants
are kept, and how assignment in place is followed.

Data layout. A `TapeNode` stands for one value of the tape: a `Ref`, or a constant array (born from
``zeros_like`` and its like) that has no number yet. Arrays that share memory share an `Owner`,
which knows the node of the whole memory and counts the assignments to it; a node whose version is
behind its owner's is stale, and is derived anew when it is next used. That is how views and
assignment in place keep NumPy's meaning although every instruction is functional.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from autograd.builtins import DictBox, SequenceBox, container_take
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Box, Node, isbox
from numpy.typing import NDArray

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.tape import Instruction, Ref, Tape, ValueInfo, map_refs, refs_of
from sparsesolve.trace.box_errors import (
    by_keyword_error,
    no_rule_error,
    outlived_error,
)
from sparsesolve.trace.naming import NAMES, op_name
from sparsesolve.trace.sources import user_line

__all__ = [
    "BIRTHS",
    "EXPANSIONS",
    "ORDERED",
    "Owner",
    "Recorder",
    "TapeNode",
    "active_recorder",
    "active_recorders",
    "check_options",
    "gather",
    "recording",
]

EXPANSIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""Primitives of autograd that are not recorded but expressed in other words, and how."""

ORDERED: dict[Callable[..., Any], Callable[..., Any]] = {}
"""Primitives that are recorded, and what puts their arguments in order."""

_KINDS = {np.dtype(kind) for kind in (np.float64, np.int64, np.bool_, np.complex128)}
_FLOAT = ValueInfo((), np.dtype(np.float64))
_PLAIN = frozenset({int, float, str, bool, complex, type(None), type(Ellipsis), np.float64})
_SMALL = 64
_MAKERS = frozenset(
    [
        "array",
        "asarray",
        "asanyarray",
        "ascontiguousarray",
        "astype",
        "empty_like",
        "full",
        "full_like",
        "ones_like",
        "zeros_like",
    ]
)
_GETITEM = ArrayBox.__getitem__
BIRTHS = itertools.count()  # numbers memories of traced arrays as they are met


class Owner:
    """Memory that several traced arrays share.

    It refers to no node, as nodes refer to it: a cycle would keep every array of the trace alive.

    Parameters
    ----------
    array : ndarray
        The first traced array with this memory; all others are views into it.
    ref : Ref or None
        The value of that array now; None if it is a constant.
    """

    __slots__ = ("array", "born", "locked", "ref", "root", "version")

    def __init__(self, array: NDArray[Any], ref: Ref | None = None) -> None:
        self.array = array
        self.born = next(BIRTHS)
        self.root = root_of(array)
        self.ref = ref
        self.version = 0
        self.locked = ""  # why nobody may assign into it

    def node(self, recorder: Recorder) -> TapeNode:
        """Make a node of the whole array."""
        node: TapeNode = TapeNode.new_root(recorder, self.array, self.ref)
        node.owner, node.version = self, self.version
        return node


class TapeNode(Node):  # type: ignore[misc]
    """One value of the tape, as autograd's tracer sees it."""

    __slots__ = ("constant", "index", "owner", "recorder", "ref", "version")

    recorder: Recorder
    ref: Ref | None
    constant: Any
    owner: Owner | None
    index: Any
    version: int

    def __init__(
        self,
        value: Any,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        parent_argnums: Sequence[int],
        parents: Sequence[TapeNode],
    ) -> None:
        recorder = self.recorder = parents[0].recorder
        self.constant = self.owner = self.index = self.ref = None
        self.version = 0
        kind = type(value)
        if isbox(value):  # a traced value was passed by keyword, and met NumPy's dispatch inside
            value = value._value
            kind = type(value)
        if kind is np.ndarray:
            self._own(value, parents, fun, args)
        if fun is container_take:
            self.take_over(parents[0].constant[args[1]])
        elif parents[0].ref is not None or any(parent.ref is not None for parent in parents):
            recorder.record(self, kind, value, fun, args, kwargs, parent_argnums, parents)
        else:
            self.constant = value
        if self.owner is not None and self.owner.array is value and not self.version:
            self.owner.ref = self.ref

    def initialize_root(self, recorder: Recorder, value: Any, ref: Ref | None) -> None:
        """Stand for an argument of the function, or for a constant where `ref` is None."""
        self.recorder = recorder
        self.ref = ref
        self.constant = value if ref is None else None
        self.index = None
        self.version = 0
        self.owner = Owner(value, ref) if isinstance(value, np.ndarray) else None

    def _own(
        self,
        value: NDArray[Any],
        parents: Sequence[TapeNode],
        fun: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        """Find whose memory the new array shares; mostly nobody's."""
        root = root_of(value)
        for parent in parents:
            owner = parent.owner
            if owner is not None and owner.root is root:
                self.owner, self.version = owner, owner.version
                if fun is _GETITEM and args[0] is owner.array:
                    self.index = args[1]
                return
        self.owner = Owner(value)

    def take_over(self, result: Any) -> None:
        """Stand for a result that other instructions have computed."""
        if isbox(result) and type(result) not in (SequenceBox, DictBox):
            self.ref, self.constant = result._node.ref, result._node.constant
        else:
            self.constant = result

    def argument(self) -> Any:
        """Give what stands for this value in an instruction."""
        if self.ref is not None:
            return self.ref
        return self.recorder.keep(self.constant)


class Recorder:
    """Instructions in order of execution, and the constants they use."""

    def __init__(self, trace: int) -> None:
        self.trace = trace
        self.values: list[ValueInfo] = []
        self.steps: list[tuple[Any, ...]] = []
        self.finished = False
        self.formatted = False  # whether a text was made of a traced value
        self.thread = threading.get_ident()
        self.apart: list[Owner] | None = None  # memories assigned to, while a step is recorded
        self.met: dict[int, Any] = {}  # plain values that instructions read meanwhile
        self.has_parts = False  # whether some values stand in a step's own tape only
        self.merging = 0  # how many branches are evaluated on both sides now
        self.denying = True  # whether a question for the point of the last call is denied
        self.denied: set[Ref] = set()  # truths that are always answered by no
        self.denials: list[tuple[Ref, Any]] = []  # the value and the constant of each of them
        self.forced: Mapping[int, bool] = {}  # answers by number, which are no guards
        self.answered = 0
        self.asked: list[tuple[Ref, Any, str]] | None = None  # answers, where they are taken
        self.keys: list[tuple[Any, str]] = []  # traced values of which a hash was taken, and where
        self.origins: Any = None  # how values came about, where that was asked for
        self.memories: dict[int, Owner] = {}  # of plain arrays with traced content
        self.used: list[tuple[Any, Any]] = []  # functions called at evaluations, and their data
        self._kept: dict[int, tuple[Any, Any]] = {}
        self._small: list[NDArray[Any]] = []

    def new_value(self, kind: type, value: Any) -> Ref:
        """Give a new value its number."""
        if kind is np.float64:
            info = _FLOAT
        else:
            if kind is not np.ndarray and isinstance(value, np.ndarray):
                raise UnsupportedOperation(
                    f"expected plain arrays, got a {kind.__name__} at {user_line()}. Convert its "
                    "constant operand with np.asarray."
                )
            dtype = np.result_type(value)
            if dtype not in _KINDS:
                raise UnsupportedOperation(
                    f"expected values of kind float64, int64 or bool, got {dtype} at "
                    f"{user_line()}. Leave out the conversion: everything is computed in float64."
                )
            info = ValueInfo(np.shape(value), dtype)
        ref = Ref(len(self.values))
        self.values.append(info)
        return ref

    def record(
        self,
        node: TapeNode,
        kind: type,
        value: Any,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        argnums: Sequence[int],
        parents: Sequence[TapeNode],
    ) -> None:
        """Write one instruction, or the instructions that a composite operation stands for."""
        if self.finished:
            raise outlived_error()
        expand = EXPANSIONS.get(fun)
        if kwargs:
            check_options(getattr(fun, "__name__", ""), kwargs)
        if expand is None and kwargs and any(map(isbox, kwargs.values())):
            # autograd looks for traced values among positional arguments only
            expand = ORDERED.get(fun)
            if expand is None:
                raise by_keyword_error(fun)
        if expand is not None:
            boxed = list(args)
            for k, parent in zip(argnums, parents, strict=True):
                boxed[k] = self.box(args[k], parent)
            node.take_over(expand(*boxed, **kwargs))
            return
        op = NAMES.get(fun) or op_name(fun)
        if op is None:
            raise no_rule_error(fun)
        given: list[Any] = list(args)
        for k, parent in zip(argnums, parents):  # noqa: B905  (hot, and equal by construction)
            if parent.recorder is not self:
                raise outlived_error()
            given[k] = parent.ref or parent
            if self.apart is not None and parent.ref is not None:
                self.met[parent.ref.index] = np.array(args[k])[()]
        for k, argument in enumerate(given):
            kind_of = type(argument)
            if kind_of is TapeNode:
                given[k] = self.keep(argument.constant)
            elif kind_of is not Ref and kind_of not in _PLAIN:
                given[k] = self.keep(argument)
        if kwargs:
            kwargs = {name: self.keep(a) for name, a in kwargs.items()}
        node.ref = ref = self.new_value(kind, value)
        self.steps.append((op, fun, tuple(given), kwargs, ref, user_line()))

    def box(self, value: Any, node: TapeNode) -> Any:
        """Wrap a value so that operations on it come back here."""
        return Box.type_mappings[type(value)](value, self.trace, node)

    def constant(self, value: Any) -> Any:
        """Wrap a constant that may be assigned into later."""
        return self.box(value, TapeNode.new_root(self, value, None))

    def keep(self, argument: Any) -> Any:
        """Protect a constant argument from later changes by the user's function."""
        kind = type(argument)
        if kind in _PLAIN:
            return argument
        if isinstance(argument, np.ndarray):
            return self._keep_array(argument)
        if kind in (tuple, list):
            return kind(self.keep(item) for item in argument)
        if kind is slice:
            return slice(*map(self.keep, (argument.start, argument.stop, argument.step)))
        if isbox(argument):
            if argument._trace != self.trace or type(argument._node) is not TapeNode:
                raise UnsupportedOperation(
                    "expected plain constants beside the traced values, got a value of another "
                    f"trace at {user_line()}. Pass it to the inner function as an argument; where "
                    "that is what a solver of sparsesolve solves, call the one of scipy.optimize, "
                    "or make it an operation by sparsesolve.implicit."
                )
            if self.apart is not None and argument._node.ref is not None:
                self.met[argument._node.ref.index] = np.array(argument._value)[()]
            return argument._node.argument()
        if hasattr(argument, "tocsr"):
            return self._keep_sparse(argument)
        return argument

    def _keep_array(self, array: NDArray[Any]) -> Any:
        if type(array) is not np.ndarray and hasattr(array, "tracer"):
            given: Any = array
            return self.keep(given.tracer() if given.live else given.plain)
        if array.size <= _SMALL:
            self._small.append(array)
            return array.copy()
        known = self._kept.get(id(array))
        if known is not None and _same(known[1], array):
            return known[1]
        copy = array.copy()
        self._kept[id(array)] = (array, copy)
        return copy

    def _keep_sparse(self, matrix: Any) -> Any:
        known = self._kept.get(id(matrix))
        if known is not None and known[1].nnz == matrix.nnz and (known[1] != matrix).nnz == 0:
            return known[1]
        copy = matrix.tocsr(copy=True)
        self._kept[id(matrix)] = (matrix, copy)
        return copy

    def captured(self) -> list[Any]:
        """Hand over the constant arrays and matrices that were copied, as the function has them."""
        found = [original for original, _ in self._kept.values()] + self._small
        self._kept, self._small = {}, []
        return found

    def finish(self, n_parameters: int, output: Any) -> Tape:
        """Build the tape from the instructions that the output needs."""
        self.finished = True
        needed = {output.index} if isinstance(output, Ref) else set()
        kept: list[tuple[Any, ...]] = []
        for step in reversed(self.steps):
            if step[4].index in needed:
                gather(step[2], needed)
                gather(step[3].values(), needed)
                kept.append(step)
        kept.reverse()
        first = 1 + n_parameters
        values = self.values[:first] + [self.values[step[4].index] for step in kept]
        if self.has_parts:
            _refuse_escaped(needed, first, kept)
        if len(values) < len(self.values):
            number = {k: Ref(k) for k in range(first)}
            number.update((step[4].index, Ref(first + k)) for k, step in enumerate(kept))
            kept = [map_refs(lambda ref: number[ref.index], step) for step in kept]
            output = map_refs(lambda ref: number[ref.index], output)
        instructions = tuple(Instruction(*step) for step in kept)
        return Tape(tuple(values), n_parameters, instructions, output)


_ACTIVE: list[Recorder] = []


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Let functions that record their steps apart find the recorder."""
    _ACTIVE.append(recorder)
    try:
        yield
    finally:
        _ACTIVE.remove(recorder)


def active_recorders() -> list[Recorder]:
    """Return the recorders of the functions that this thread traces, the outermost first."""
    here = threading.get_ident()
    return [r for r in _ACTIVE if r.thread == here and not r.finished]


def active_recorder() -> Recorder | None:
    """Return the recorder of the function that this thread traces, if there is one."""
    return next(reversed(active_recorders()), None)


def _refuse_escaped(needed: set[int], first: int, steps: Sequence[tuple[Any, ...]]) -> None:
    """Raise where a value of one step of a loop is used outside of it."""
    if not needed <= {*range(first), *(step[4].index for step in steps)}:
        raise UnsupportedOperation(
            "expected steps of `scan` that only return values, got one whose value is used outside "
            "of it (kept in a list, for one). Return it as part of the step's output."
        )


def gather(arguments: Iterable[Any], found: set[int]) -> None:
    """Collect the numbers of all values in some arguments."""
    for argument in arguments:
        if type(argument) is Ref:
            found.add(argument.index)
        elif type(argument) in (tuple, list, dict, slice):
            found.update(ref.index for ref in refs_of(argument))


def root_of(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _same(copy: NDArray[Any], array: NDArray[Any]) -> bool:
    return (
        copy.shape == array.shape
        and copy.dtype == array.dtype
        and np.array_equal(copy, array, equal_nan=array.dtype.kind == "f")
    )


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse an output array, and a kind of result other than float64, given by keyword."""
    if options.get("out") is not None:
        raise UnsupportedOperation(
            f"expected operations that can be recorded and differentiated, got `out=` of `{name}` "
            f"at {user_line()}. Leave it out, and assign the result with r[...] = result."
        )
    kind = options.get("dtype")
    if kind is not None and np.dtype(kind) != np.float64 and name not in _MAKERS:
        raise UnsupportedOperation(
            f"expected results of kind float64, got `dtype={kind}` of `{name}` at {user_line()}. "
            "Leave it out: everything is computed in float64."
        )
