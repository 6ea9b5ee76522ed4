"""`Function`: a user's function, traced once, as a fused program that can be run.

Separate because Jacobians, Hessians and problems all begin with it. It also holds what a report
says: how long each stage took, and how often the user's function was called (twice: once traced,
once to check the trace).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.comparison import CheckPoint, Names, compare
from sparsesolve.derivatives.limits import Limits
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import VerificationError
from sparsesolve.fuse import fuse
from sparsesolve.host.fork import IMPORTING, forkable_lock, forkable_property
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.trace import (
    Arguments,
    Traced,
    check,
    depends_on_kinds,
    prepare,
    staleness,
)

__all__ = [
    "Executable",
    "Function",
    "Lazy",
    "Method",
    "Preparation",
    "executable",
    "name_of",
    "require_fresh",
    "select",
]

Array = NDArray[np.float64]
Method = Literal["auto", "compiled", "interpreted", "colored", "finite-difference", "complex-step"]


if TYPE_CHECKING:
    from sparsesolve.engine.llvm.compile import Compiled

Executable: TypeAlias = "Interpreter | Compiled"
"""A program that can be run."""


@dataclass
class Preparation:
    """How to prepare, what it cost in seconds by stage, and notes on choices that were made.

    Parameters
    ----------
    method : str, default "auto"
        "interpreted" asks for NumPy, "compiled" for machine code or an error, "colored" for
        products with seeds; "auto" for what is best.
    threads : int, default 1
        How many threads share a long loop of machine code.
    point : CheckPoint, optional
        Where machine code is compared with the interpreter when it is made.
    """

    method: Method = "auto"
    threads: int = 1
    point: CheckPoint | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    compared: list[int] = field(default_factory=lambda: [0, 0])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def compare(self, compiled: Compiled, names: Names | None) -> None:
        """Hold machine code against the interpreter, if that is wanted."""
        point = self.point
        if point is not None:
            with self.stage("check machine code"):
                found = compare(compiled, point, names)
            compiled.when_upgraded = lambda better: compare(better, point, names)
            self.compared[0] += found
            self.compared[1] += compiled.size

    def rows(self) -> list[tuple[str, str]]:
        """Return what a report says."""
        rows = [(f"{name}, s", f"{spent:.4f}") for name, spent in self.seconds.items()]
        if self.compared[1]:
            text = f"{self.compared[0]} of {self.compared[1]} values equal the interpreter's"
            rows.append(("machine code", text))
        return rows + [("note", note) for note in self.notes]

    def note(self, text: str) -> None:
        """Remember a reason, once."""
        if text not in self.notes:
            self.notes.append(text)


class Function:
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
    preparation : Preparation, optional
        Gets the times.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example_arguments: Sequence[Any],
        *,
        argnum: int = 0,
        checked: bool = True,
        preparation: Preparation | None = None,
    ) -> None:
        self.name = name_of(function)
        self._function = function
        self._example = tuple(example_arguments)
        self.checked = checked
        self.preparation = preparation or Preparation()
        self.user_calls = 0
        try:
            self.traced = self._trace(argnum, opened=False)
        except Exception:
            if not depends_on_kinds(example_arguments, argnum):
                raise
            self.traced = self._trace(argnum, opened=True)
        if checked:
            self.preparation.point = CheckPoint.near(
                *self.traced.arguments.split(example_arguments)
            )
        with self.preparation.stage("lower"):
            self.program = fuse(lower(self.traced.tape))

    def _trace(self, argnum: int, *, opened: bool) -> Traced:
        """Trace the function, and check the trace, once."""
        self.user_calls += 1 + int(self.checked)
        with self.preparation.stage("trace"):
            traced = prepare(self._function, self._example, argnum=argnum, opened=opened)
        if self.checked:
            with self.preparation.stage("check"):
                check(self._function, traced, self._example)
        return traced

    @forkable_property
    def limits(self) -> Limits:
        """What is needed to take limits of derivatives at singular points."""
        return Limits(self.program, lambda program: executable(program, self.preparation))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the function's value."""
        return self.traced.tape.output_shape

    @property
    def arguments(self) -> Arguments:
        """Layout of the arguments of a call."""
        return self.traced.arguments

    def staleness(
        self, function: Callable[..., Any], args: Sequence[Any], near: Array | None = None
    ) -> str:
        """Say how `function` differs from what was traced; see `sparsesolve.trace.freshness`."""
        return staleness(
            function,
            self.traced,
            args,
            near,
            traced_from=self._function,
            called=self._count,
        )

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
    program: Program, preparation: Preparation, names: Names | None = None
) -> Executable:
    """Prepare a program to be run: machine code where possible, NumPy otherwise.

    Parameters
    ----------
    program : Program
        Any program; it is fused here.
    preparation : Preparation
        Says how; gets the time, and the reason where machine code was not possible.
    names : callable, optional
        What to call a value, by its number, in a message that it is wrong.

    Raises
    ------
    VerificationError
        If machine code and the interpreter differ at the point of the preparation.
    """
    with preparation.stage("fuse"):
        fused = fuse(program)
    if preparation.method == "interpreted":
        return Interpreter(fused)
    try:
        with IMPORTING:  # llvmlite is slow to import
            from sparsesolve.engine.llvm.compile import (  # noqa: PLC0415
                CannotCompile,
                compile_program,
            )
    except ImportError as error:
        if preparation.method == "compiled":
            raise
        preparation.note(f"interpreted with NumPy: llvmlite cannot be imported ({error})")
        return Interpreter(fused)
    try:
        with preparation.stage("compile"):
            compiled = compile_program(fused, threads=preparation.threads)
    except (CannotCompile, OSError, RuntimeError) as error:  # the last two: LLVM may not run here
        if preparation.method == "compiled":
            raise
        preparation.note(f"interpreted with NumPy: {error}")
        return Interpreter(fused)
    preparation.compare(compiled, names)
    return compiled


def select(program: Program, outputs: slice) -> Program:
    """Return the program of some of the outputs, without what they do not need."""
    return Builder.resume(program).build(program.outputs[outputs])


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
