"""Run a user's function once on traced arguments and keep what it did.

Separate because here, and only here, global state is touched: autograd's trace stack, the table of
boxes, and NumPy's four array constructors, which have no dispatch of their own (NEP 18 leaves
them out). All are changed under one lock, and put back when the function returns.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import numpy as np
from autograd.tracer import Box, isbox, trace_stack
from numpy.typing import NDArray

from sparsesolve.errors import TraceError, UnsupportedOperation, refusals
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import after_fork, forkable_lock
from sparsesolve.host.interrupts import interrupts_held
from sparsesolve.host.words import in_call
from sparsesolve.ir.tape import Tape
from sparsesolve.trace.argument_tree import Leaf, argument_names, flatten
from sparsesolve.trace.arguments import Arguments, layout
from sparsesolve.trace.array_methods import replace_dot
from sparsesolve.trace.box_errors import (
    NotANumberError,
    NumberMadeError,
    Outlived,
    PlainTargetError,
    of_objects,
    speaks_of_objects,
)
from sparsesolve.trace.boxes import BOXED, ArrayTracer, ScalarTracer
from sparsesolve.trace.branches import Path, asks_less, asks_often, path_of
from sparsesolve.trace.changes import Changes
from sparsesolve.trace.compiled import function_inside, python_source
from sparsesolve.trace.content import Content, surroundings_of
from sparsesolve.trace.dispatch import CONSTRUCTORS
from sparsesolve.trace.idle_guards import without_idle_guards
from sparsesolve.trace.kept import leave_numbers
from sparsesolve.trace.keys import settle_keys
from sparsesolve.trace.operands import holds_boxes
from sparsesolve.trace.output import traced_output
from sparsesolve.trace.recorder import Recorder, TapeNode, recording
from sparsesolve.trace.replaced import load_families, replace_all
from sparsesolve.trace.sources import IMPLICIT, error_line, is_sparse_call, passed_a_solver
from sparsesolve.trace.substitutes import mentions, substitute
from sparsesolve.trace.tables import is_table
from sparsesolve.trace.watched import Used, Watched, watch

__all__ = ["Traced", "asks_for_types", "prepare", "trace"]

_LOCK = forkable_lock()
# how much stands for something else while a function is traced
_PLAIN, _NAMES, _LISTS, _SPARSE, _BUFFERS = range(5)
_NEEDED: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # as traces have shown
# what an assignment into a plain array raises
_INTO_PLAIN = NotANumberError, NumberMadeError, PlainTargetError
_DIGESTS = frozenset({"digest", "hexdigest"})
_DOT = frozenset({"dot"})
_ASKING = frozenset({"type", "hasattr"})  # what would see that a traced value is no array


@dataclass(frozen=True, slots=True)
class Traced:
    """A tape, how to call it with the arguments of the user's function, and what it has copied.

    `path` says where the function takes the branches that were recorded; None where it has none.
    `merged` says whether both sides of some were evaluated, `formatted` whether texts were made of
    values, and `denied` holds the questions for the last point that were answered by no:
    a value, and what it was compared with. With `buffers`, it writes into arrays that were there
    before.
    """

    tape: Tape
    arguments: Arguments
    watched: tuple[Watched | Used, ...] = ()
    surroundings: Content | None = None
    path: Path | None = None
    merged: bool = False
    formatted: bool = False
    denied: tuple[tuple[Tape, Any], ...] = ()
    buffers: bool = False


def trace(
    function: Callable[..., Any],
    example_arguments: Sequence[Any],
    *,
    argnum: int = 0,
    pure: bool = False,
) -> Tape:
    """Record one call of a function.

    Parameters
    ----------
    function : callable
        An ordinary NumPy function of arrays.
    example_arguments : sequence
        Arguments to call it with; they fix the shapes.
    argnum : int, default 0
        Position of the argument to differentiate by.
    pure : bool, default False
        Whether the function is known to use nothing that changes and to keep nothing: then what it
        encloses is not read. That takes longer than to record a rule of one operation.

    Returns
    -------
    Tape
        What the function did.

    Raises
    ------
    TraceError
        If the function cannot be recorded. The message names the line and the fix.

    Examples
    --------
    >>> tape = trace(lambda x: np.sin(x[1:]) * 2.0, [np.zeros(3)])
    >>> [step.op for step in tape.instructions]
    ['__getitem__', 'sin', 'multiply']
    """
    return prepare(function, example_arguments, argnum=argnum, pure=pure).tape


def prepare(
    function: Callable[..., Any],
    example_arguments: Sequence[Any],
    *,
    argnum: int = 0,
    opened: int = 0,
    guarded: bool = False,
    merging: bool = True,
    denying: bool = True,
    pure: bool = False,
) -> Traced:
    """Record one call of a function, and how its arguments are laid out.

    Parameters
    ----------
    function : callable
        An ordinary NumPy function of arrays.
    example_arguments : sequence
        Arguments to call it with; they fix the shapes.
    argnum : int, default 0
        Position of the argument to differentiate by.
    opened : int, default 0
        How much of the arguments is static; see `Arguments`.
    guarded : bool, default False
        Whether branches on traced values take the outcome at the example, which `Traced.path`
        tells then; else they are refused.
    merging : bool, default True
        Whether a line that asks often is evaluated on both sides, where that is possible.
    denying : bool, default True
        Whether `np.array_equal` of a value and a constant is answered by no, as if the constant
        were the point of the last call; else it is a guard.
    pure : bool, default False
        As for `trace`.

    Returns
    -------
    Traced
        The tape and the layout.

    Raises
    ------
    TraceError
        If the function cannot be recorded. The message names the line and the fix.
    """
    function = python_source(function)
    code = _code_of(function)
    least = _NAMES if guarded else _PLAIN  # or Python's max of two numbers would be a branch
    needed = least if code is None else max(least, _NEEDED.get(code, _PLAIN))
    errors: list[TraceError] = []
    # it writes into plain arrays or takes Python's functions, maybe: names are replaced only then;
    # what functions of the same code needed comes first, and may be more than this one takes
    for level in (*range(needed, _BUFFERS + 1), *range(least, needed)):
        if level == _BUFFERS > needed and not isinstance(errors[-1], _INTO_PLAIN):
            continue
        try:
            how = argnum, opened, level, guarded, denying, pure
            tracing = partial(_prepared, function, example_arguments, *how)
            traced = _guarded_as_needed(tracing)
        except TraceError as refused:
            if errors and isinstance(refused, Outlived):
                raise errors[0] from None
            errors += [refused] if level >= needed else []
        except _Raised as raised:
            errors += [_explained(raised, function, example_arguments)] if level >= needed else []
        else:
            if code is not None and max(level, needed) > _PLAIN:
                _NEEDED[code] = level
            if not (merging and asks_often(traced.path)):
                return traced
            try:
                merged = tracing(merged=True)
            except (TraceError, _Raised):
                return traced
            return merged if asks_less(merged.path, traced.path) else traced
    raise errors[-1]


def _guarded_as_needed(tracing: Callable[..., Traced]) -> Traced:
    """Trace without guards that decide only what the function keeps."""
    traced = tracing()
    if traced.path is None or traced.surroundings is not None:
        return traced

    def again(forced: Mapping[int, bool]) -> Traced | None:
        try:
            return tracing(forced=forced)
        except Exception:  # an answer that cannot be
            return None

    return without_idle_guards(traced, again)


def asks_for_types(function: Callable[..., Any]) -> bool:
    """Whether a function that a tape differs from may have seen what traced values are.

    It gets the answers of NumPy's arrays when it is traced again.
    """
    code = _code_of(function)
    if code is None or code in _NEEDED or not mentions(function, _ASKING):
        return False
    _NEEDED[code] = _NAMES
    return True


def _code_of(function: Any) -> Any:
    """Return what says of a function, or an object that is called, whether it was seen before."""
    while isinstance(function, partial) or function_inside(function) is not None:
        function = function.func if isinstance(function, partial) else function_inside(function)
    code = getattr(function, "__code__", None)
    return code or getattr(type(function).__call__, "__code__", None)


class _Raised(Exception):
    """What the user's function, or a library that it calls, raised on traced values."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _explained(
    raised: _Raised, function: Callable[..., Any], example_arguments: Sequence[Any]
) -> TraceError:
    """Make a refusal of what was raised, if a plain call raises nothing; else raise that."""
    try:
        with np.errstate(all="ignore"):
            function(*example_arguments)
    except Exception:
        raise in_call(raised.error, function, example_arguments) from None
    error = raised.error
    text = (str(error).strip().splitlines() or [""])[0][:200]
    at = f" at {error_line(error)}".removesuffix(" at ")
    return UnsupportedOperation(
        f"expected functions that take traced arrays, got one that does not{at} "
        f"({type(error).__name__}: {text}). Write it with NumPy's functions, or wrap it with "
        "autograd.extend.primitive and defvjp; derivatives of black boxes are made by "
        f"`sparsesolve.jacobian_by_differences`.{IMPLICIT if passed_a_solver(error) else ''}"
    )


def _prepared(
    function: Callable[..., Any],
    example_arguments: Sequence[Any],
    argnum: int,
    opened: int,
    substituting: int,
    guarded: bool,
    denying: bool,
    pure: bool,
    merged: bool = False,
    forced: Mapping[int, bool] | None = None,
) -> Traced:
    load_families()
    names = argument_names(function, len(example_arguments))
    arguments = layout(example_arguments, argnum, names, opened=opened).read()
    x, parameters = arguments.split(example_arguments)
    before = None if pure else surroundings_of(function)
    leaves = flatten(arguments.tree)
    leaves.insert(0, leaves.pop(arguments.tree[arguments.argnum].number))
    called = partial(function, *example_arguments)  # objects among them have methods
    with (
        _LOCK,
        interrupts_held() as hold,
        _dispatching() as changes,
        trace_stack.new_trace() as level,
    ):
        recorder = Recorder(level)
        recorder.asked = [] if guarded else None
        recorder.denying, recorder.forced = denying, forced or {}
        boxes = [
            _argument(recorder, value, leaf, locked=value is not x)
            for value, leaf in zip([x, *parameters], leaves, strict=True)
        ]
        try:
            if mentions(called, _DOT):
                replace_dot(changes)
            if substituting:
                substitute(
                    called,
                    recorder,
                    changes,
                    lists=substituting >= _LISTS,
                    merged=merged,
                    sparse=substituting >= _SPARSE,
                    buffers=substituting == _BUFFERS,
                )
            hold.open = True
            given = arguments.join(boxes[0], boxes[1:])
            output = _run(recorder, lambda: traced_output(function(*given)))
            if recorder.keys:
                settle_keys(recorder, digests=mentions(called, _DIGESTS))
            path = path_of(recorder, len(parameters))
        except BaseException:
            recorder.finished = True
            leave_numbers(called)
            raise
        finally:
            hold.open = False
            recorder.finished = True
    tape = recorder.finish(len(parameters), output)
    denied = tuple((recorder.finish(len(parameters), ref), at) for ref, at in recorder.denials)
    watched = watch(recorder.captured(), recorder.memories, recorder.used)
    # what the function itself changes, a counter or a cache, says nothing about its data
    surroundings = None if pure or before != surroundings_of(function) else before
    plain = surroundings is not None and all(isinstance(part, Leaf) for part in arguments.tree)
    if not (plain or pure):
        leave_numbers(called)
    seen = merged, recorder.formatted, denied, substituting == _BUFFERS
    return Traced(tape, arguments.settled(), watched, surroundings, path, *seen)


def _run(recorder: Recorder, call: Callable[[], Any]) -> Any:
    """Call the traced function; a refusal that it caught is raised all the same."""
    with refusals() as heard, recording(recorder):
        try:
            output = call()
        except TraceError:
            raise
        except Exception as error:
            # NumPy wraps what a conversion raises; the cause has the better message
            if isinstance(error.__cause__, TraceError):
                raise error.__cause__ from error
            if heard:
                raise heard[0] from error
            if speaks_of_objects(error):
                raise of_objects(error) from error
            raise _Raised(error) from error
    if heard:
        heard[0].add_note("The function caught this error; without a trace there is none.")
        raise heard[0]
    return output


def _argument(recorder: Recorder, value: NDArray[np.float64], leaf: Leaf, *, locked: bool) -> Any:
    """Wrap one numeric argument; a number becomes a traced scalar.

    The differentiated one is a copy wherever the function is called, and may be assigned into.
    Narrow integers keep their kind, so that what they give among themselves is refused.
    """
    plain: Any = value.copy() if value.ndim else np.float64(value)
    ref = recorder.new_value(type(plain), plain)
    if leaf.kind is not None:
        plain = plain.astype(leaf.kind)
    node = TapeNode.new_root(recorder, plain, ref)
    if node.owner is not None and locked:
        node.owner.locked = f"the argument `{leaf.name}`"
    return recorder.box(plain, node)


@contextmanager
def _dispatching() -> Iterator[Changes]:
    """Let traced arrays come out of autograd's primitives and into NumPy's constructors."""
    changes = Changes()
    _IN_PROGRESS.append(changes)
    try:
        for table, own in ((Box.type_mappings, BOXED), (vars(np), _constructors())):
            changes.update(table, own)
        replace_all(changes)
        Box.types.update((ArrayTracer, ScalarTracer))
        changes.reset_stack()
        changes.stop_collector()  # a third of the time of a long scalar loop; no cycles are made
        yield changes
    finally:
        changes.put_back()
        _IN_PROGRESS.remove(changes)


_IN_PROGRESS: list[Changes] = []


def _leave_to_parent() -> None:
    """In a child: undo the changes of traces in threads that it does not have."""
    for changes in [c for c in _IN_PROGRESS if c.thread != threading.get_ident()]:
        changes.put_back()
        _IN_PROGRESS.remove(changes)


after_fork(_leave_to_parent)


def _constructors() -> dict[str, Callable[..., Any]]:
    return {
        name: _constructor(handler)(getattr(np, name)) for name, handler in CONSTRUCTORS.items()
    }


def _constructor(handler: Callable[..., Any]) -> Callable[..., Any]:
    def wrap(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def constructor(value: Any = None, *args: Any, **kwargs: Any) -> Any:
            wanted = args[0] if args else kwargs.get("dtype")
            if not _is_boxed(value, wanted) or wanted in (object, np.dtype(object)):
                return plain(value, *args, **kwargs)
            if isbox(value) and is_sparse_call(sys._getframe(1)):
                return value.as_object()
            for name in ("like", "order", "subok", "device"):
                kwargs.pop(name, None)
            return handler(value, *args, **kwargs)

        return constructor

    return wrap


def _is_boxed(value: Any, wanted: Any) -> bool:
    if isbox(value):
        return True
    kind = type(value)
    if kind is np.ndarray:  # of objects, of which somebody wants numbers
        may_hold = wanted is not None and value.dtype == object
    else:
        may_hold = kind in (list, tuple) or (wanted is not None and is_table(value))
    return may_hold and holds_boxes(value)
