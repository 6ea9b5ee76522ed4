"""`TracedFunction`: a user's function, traced once, as a fused program that can be run.

Jacobians, Hessians and problems all begin with it. It also holds what a report
says: how long each stage took, and how often the user's function was called (twice: once traced,
once to check the trace).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.bound_evaluator import BoundEvaluator
from sparsesolve.derivatives.branches import Guarded
from sparsesolve.derivatives.comparison import CheckPoint, LoweredPart, Names, compare_lowering
from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.limits import Limits
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.slope_check import CALLS, compare_slopes
from sparsesolve.derivatives.stored import StoredKind, stored_as
from sparsesolve.derivatives.structures import Structure, structure_of, takes_long
from sparsesolve.engine.evaluator import FastCall
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import DataDependentBranch, TraceError, VerificationError
from sparsesolve.fuse.roll import roll
from sparsesolve.host.fork import forkable_lock, forkable_property
from sparsesolve.host.imports import importing
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.packing import Unpackable
from sparsesolve.ir.program import Program
from sparsesolve.ir.tape import Repeated
from sparsesolve.lower import lower
from sparsesolve.lower.collector import collector_paused
from sparsesolve.numpy_ops import movement  # noqa: F401  (its package fills the tables)
from sparsesolve.trace import (
    Arguments,
    Path,
    Recorded,
    Traced,
    asks_for_types,
    check,
    is_special,
    may_be_kept,
    may_search,
    plain_value,
    prepare,
    staleness,
    ways_to_read,
)

__all__ = [
    "Executable",
    "Lazy",
    "TracedFunction",
    "executable",
    "limits_of",
    "name_of",
    "require_fresh",
    "select",
    "shared_property",
]

Array = NDArray[np.float64]
_T = TypeVar("_T")
_FINGERPRINT = "fingerprint of the check"
_AS_CONSTANTS = 2  # from which on arguments that are numbers are fixed
_GUARDED: dict[Guarded, tuple[bool, ...]] = {
    "never": (False,),
    "needed": (False, True),
    "always": (True,),
}


if TYPE_CHECKING:
    from sparsesolve.engine.llvm.compile import Compiled

Executable: TypeAlias = "Interpreter | Compiled"
"""A program that can be run."""


class TracedFunction:
    """A traced function.

    Parameters
    ----------
    function : callable
        The user's function.
    example_arguments : sequence
        Arguments that fix shapes.
    argnum : int
        Position of the differentiated argument.
    checked : bool
        Whether to compare the trace with a plain call at a second point.
    log : PrepareLog, optional
        Gets the times.
    guarded : {"never", "needed", "always"}, default "never"
        Whether branches on values are taken as at the example: `takes_same_path` then says where
        else. "never" refuses them, "needed" tries without first.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example_arguments: Sequence[Any],
        *,
        argnum: int = 0,
        checked: bool = True,
        log: PrepareLog | None = None,
        guarded: Guarded = "never",
    ) -> None:
        self.name = name_of(function)
        self._function = function
        self._example = tuple(example_arguments)
        self.checked = checked
        self.log = log or PrepareLog()
        self.user_calls = 0
        self._recorded: Recorded | None = None
        self._first: Structure | None = None
        self.traced = self._first_trace(argnum, guarded)
        if checked:
            self.log.point = CheckPoint.near(*self.traced.arguments.split(example_arguments))
            if may_search(self.traced):
                self._compare_slopes()

    def _compare_slopes(self) -> None:
        """Hold the derivative against differences at the example, or a little beside it."""
        x, parameters = self.traced.arguments.split(self._example)
        self.user_calls += CALLS

        def value(at: Array) -> Array:
            given = self.traced.arguments, at.reshape(np.shape(x)), parameters, self._example
            return plain_value(self._function, *given).reshape(-1)

        with self.log.stage("check"):
            flat = np.array(x, dtype=np.float64).reshape(-1)
            compare_slopes(self.program, value, flat, list(parameters))

    def _first_trace(self, argnum: int, guarded: Guarded) -> Traced:
        """Trace in the first way that works: guards and constants only where they are needed."""
        ways = ways_to_read(self._example, argnum)
        usual = [way for way in ways if way < _AS_CONSTANTS]
        try:
            return self._traced_in_one_of(usual, argnum, guarded)
        except TraceError as error:
            for way in ways[len(usual) :]:
                try:
                    return self._traced_in_one_of([way], argnum, guarded)
                except (TraceError, VerificationError):  # the first refusal says more
                    continue
            raise error

    def _traced_in_one_of(self, ways: list[int], argnum: int, guarded: Guarded) -> Traced:
        errors: list[Exception] = []
        for guards in _GUARDED[guarded]:
            if (
                guards
                and errors
                and not any(isinstance(error, DataDependentBranch) for error in errors)
            ):
                break
            for opened in ways:
                try:
                    return self._trace(argnum, opened=opened, guarded=guards)
                except Exception as error:
                    errors.append(error)
        raise errors[-1]

    def _trace(self, argnum: int, *, opened: int, guarded: bool, merging: bool = True) -> Traced:
        """Trace the function, and check the trace, once."""
        self.user_calls += 1 + int(self.checked)
        with self.log.stage("trace"):
            traced = self._prepared(argnum, opened=opened, guarded=guarded, merging=merging)
        if traced.formatted:
            self.log.note("a text was made of values: it shows those of the trace")
        if self.checked:
            with self.log.stage("check"):
                try:
                    self._recorded = self._checked(traced)
                    if self._recorded.arguments is not None:
                        traced = replace(traced, arguments=self._recorded.arguments)
                except VerificationError:
                    if traced.merged:  # a side that is not taken did more than compute
                        return self._trace(argnum, opened=opened, guarded=guarded, merging=False)
                    if not asks_for_types(self._function):
                        raise
                    return self._trace(argnum, opened=opened, guarded=guarded)
        return traced

    def _checked(self, traced: Traced) -> Recorded:
        """Check a trace; one that was checked by another process in fewer steps."""
        shelf = None
        if takes_long([traced.tape]):
            self._first = structure_of("function", [traced.tape], self.log)  # the same is asked for
            shelf = self._first.shelf
        known = None if shelf is None else shelf.get(_FINGERPRINT, self.log)
        recorded = check(self._function, traced, self._example, known)
        if shelf is not None and known is None:
            shelf.put(_FINGERPRINT, recorded.fingerprint())
        return recorded

    def _prepared(self, argnum: int, **options: Any) -> Traced:
        """Trace the function; where it may keep its last value, at another point than that."""
        given = self._function, self._example
        traced = prepare(*given, argnum=argnum, denying=self.checked, **options)
        if traced.denied and is_special(self._function, traced, self._example):
            self.user_calls += 2
            traced = prepare(*given, argnum=argnum, denying=False, **options)
        if may_be_kept(self._function, traced, self._example):
            self.user_calls += 2
            traced = prepare(*given, argnum=argnum, denying=False, **options)
        return traced

    @forkable_property
    def structure(self) -> Structure:
        """What is shared with all that record the same tape."""
        return structure_of("function", [self.traced.tape], self.log)

    def made(self, name: Hashable, make: Callable[[], _T]) -> _T:
        """Return what `make` makes of the tape, once for all that record the same one."""
        thing: _T = self.structure.get(name, self.log, make)
        return thing

    @forkable_property
    def program(self) -> Fused:
        """The function as a program."""
        return self.made("program", self._lowered)

    def _lowered(self) -> Fused:
        with self.log.stage("lower"):
            lowered = roll(lower(self.traced.tape))
        program = fused(lowered, self.log)
        parts = self.lowered_at(0)
        if parts:
            with self.log.stage("check"):
                compare_lowering(program, parts)
        return program

    def lowered_at(self, begin: int) -> list[LoweredPart]:
        """Return, once, what the outputs of a program must be from one on, where this was checked.

        Parameters
        ----------
        begin : int
            The first output that is this function's.
        """
        recorded, self._recorded = self._recorded, None
        return [] if recorded is None else [LoweredPart(self.name, begin, recorded)]

    @forkable_property
    def limits(self) -> Limits:
        """What is needed to take limits of derivatives at singular points."""
        return self.made("limits", lambda: limits_of(self.program, self.log))

    @property
    def path(self) -> Path | None:
        """The branches that were taken; None where the function has none."""
        return self.traced.path

    @forkable_property
    def _holds(self) -> BoundEvaluator:
        """One value: 1.0 where the branches are those that were taken."""
        assert self.path is not None
        program = fused(lower(self.path.tape), self.log)
        run = executable(program, self.log, lambda _: "guards")
        return BoundEvaluator(run, self.arguments)

    def guarded(self, values: BoundEvaluator, *, fill: bool) -> FastCall:
        """Return what writes values, of the same arguments, where it takes the same path."""
        first = None if self.path is None else self._holds
        return values.guarded_by(first, fill=fill)

    def takes_same_path(self, args: Sequence[Any]) -> bool:
        """Whether a call with these arguments takes the branches that were taken."""
        return self.path is None or bool(self._holds(args)[0] == 1.0)

    def paths(self) -> tuple[Path, ...]:
        """Return the branches that were taken, if the function has any."""
        return () if self.path is None else (self.path,)

    def point(self, args: Sequence[Any]) -> bytes:
        """Return the numbers among some arguments, which are checked."""
        x, parameters = self.arguments.split(args)
        return b"".join(a.tobytes() for a in (x, *parameters))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the function's value."""
        return self.traced.tape.output_shape

    @property
    def arguments(self) -> Arguments:
        """Layout of the arguments of a call."""
        return self.traced.arguments

    def staleness(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        near: Array | None = None,
        compute: Callable[[Array], Array] | None = None,
    ) -> str:
        """Say how `function` differs from what was traced; see `sparsesolve.trace.freshness`.

        A plain call of a loop takes over what its tape computes, so then the tape is replayed.
        """
        return staleness(
            function,
            self.traced,
            args,
            near,
            traced_from=self._function,
            called=self._count,
            compute=None if self._has_loops else compute,
        )

    @forkable_property
    def _has_loops(self) -> bool:
        steps = self.traced.tape.instructions
        return any(isinstance(argument, Repeated) for step in steps for argument in step.args)

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function."""
        return self._function

    def _count(self) -> None:
        self.user_calls += 1

    def verify(self, args: Sequence[Any]) -> None:
        """Raise where the function differs from what was traced; at the example without `args`."""
        require_fresh(self.name, self.staleness(self._function, args or self._example))


def name_of(function: Callable[..., Any] | None) -> str:
    """Return what a function is called in messages."""
    return str(getattr(function, "__name__", type(function).__name__))


def require_fresh(name: str, stale: str) -> None:
    """Raise `VerificationError` where something is said about staleness."""
    if stale:
        raise VerificationError(
            f"expected `{name}` to be what was traced, but it {stale}. Prepare it anew."
        )


def executable(
    program: Fused, log: PrepareLog, names: Names | None = None, *, known: bool = False
) -> Executable:
    """Prepare a program to be run: machine code where possible, NumPy otherwise.

    Parameters
    ----------
    program : Fused
        Any program.
    log : PrepareLog
        Says how; gets the time, and the reason where machine code was not possible.
    names : callable, optional
        What to call a value, by its number, in a message that it is wrong.
    known : bool, default False
        Whether the program was read, and its machine code compared when that was made.

    Raises
    ------
    VerificationError
        If machine code and the interpreter differ at the point of the log.
    """
    if log.options.method == "interpreted":
        return Interpreter(program)
    try:
        with importing():  # llvmlite is slow to import
            from sparsesolve.engine.llvm.compile import (  # noqa: PLC0415
                CannotCompile,
                compile_program,
            )
    except ImportError as error:
        if log.options.method == "compiled":
            raise
        log.note(f"interpreted with NumPy: llvmlite cannot be imported ({error})")
        return Interpreter(program)
    try:
        with log.stage("compile"), collector_paused():
            compiled = compile_program(program, threads=log.options.threads, lean=log.lean)
    except (CannotCompile, OSError, RuntimeError) as error:  # the last two: LLVM may not run here
        if log.options.method == "compiled":
            raise
        log.note(f"interpreted with NumPy: {error}")
        return Interpreter(program)
    log.compare(compiled, names, known=known)
    return compiled


def limits_of(program: Program, log: PrepareLog) -> Limits:
    """Return what is needed to take limits of derivatives of a program at singular points."""
    return Limits(program, lambda guards: executable(fused(guards, log), log))


def _limits_tree(limits: Limits) -> list[Any]:
    if limits.needed:
        raise Unpackable("limits")
    return []


stored_as(Limits, StoredKind("unneeded limits", _limits_tree, lambda *_: Limits.unneeded()))


def select(program: Program, outputs: slice) -> Program:
    """Return the program of some of the outputs, without what they do not need."""
    return Builder.resume(program).build(program.outputs[outputs])


class shared_property(Generic[_T]):  # noqa: N801 - as the library's own
    """A property computed once and kept in `_lazy`, which several objects may share."""

    def __init__(self, function: Callable[[Any], _T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> _T:
        value: _T = instance._lazy.get(self._name, lambda: self._function(instance))
        vars(instance)[self._name] = value  # found first the next time
        return value


class Lazy:
    """Makes things on first use, once, also when several threads ask."""

    def __init__(self) -> None:
        self._lock = forkable_lock()
        self._made: dict[str, Any] = {}

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what `make` returned the first time."""
        if name not in self._made:
            with self._lock:
                if name not in self._made:
                    self._made[name] = make()
        return self._made[name]

    def known(self, name: str) -> Any:
        """Return what was made under a name; None if nothing was."""
        return self._made.get(name)
