"""The compiled engine: runs a program as machine code.

Separate from `interpret`: same program in, same numbers out, but fused loops instead of one pass
over memory a node. It joins the modules that do the work: `rewrite` and `planner` decide what runs
and where everything is, `codegen` writes LLVM IR, `jit` turns it into machine code, and `machine`
runs that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.arguments import flat_argument, flat_parameters, output_buffer
from sparsesolve.engine.evaluator import Array, Evaluator, FastCall, Fixed, NativeRun, Place, refuse
from sparsesolve.engine.llvm.code.codegen import CannotCompile, generate
from sparsesolve.engine.llvm.code.vectormath import vector_width
from sparsesolve.engine.llvm.plan.callbacks import with_callbacks
from sparsesolve.engine.llvm.plan.constant_results import constant_results
from sparsesolve.engine.llvm.plan.kernel_signature import KernelSignature
from sparsesolve.engine.llvm.plan.plan_text import plan_lines
from sparsesolve.engine.llvm.plan.planner import make_plan
from sparsesolve.engine.llvm.run.machine import Machine, compile_forms, first_form
from sparsesolve.errors import StructureMismatch
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.program import Program

__all__ = ["CannotCompile", "Compiled", "Statistics", "compile_joint", "compile_program"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was compiled.

    Parameters
    ----------
    kernels : int
        Loops that run.
    functions : int
        Different functions among them.
    from_cache : bool
        Whether all machine code was found, in this process or on disk.
    seconds : float, s
        Time spent on planning, generating and compiling, for all programs compiled jointly.
    index_bytes : int
        Memory of index arrays, tables and constants that kernels read.
    """

    kernels: int
    functions: int
    from_cache: bool
    seconds: float
    index_bytes: int


def compile_program(program: Program, *, threads: int = 1, lean: bool = False) -> Compiled:
    """Compile a program.

    Parameters
    ----------
    program : Program
        What to run.
    threads : int, default 1
        How many threads share a long kernel.
    lean : bool, default False
        Whether memory counts more than the time to write a whole result, constants included.

    Returns
    -------
    Compiled
        A callable.

    Raises
    ------
    CannotCompile
        If an operation has no native function on this platform.

    Examples
    --------
    >>> from sparsesolve.ir.builder import Builder
    >>> b = Builder((3,))
    >>> compile_program(b.build(b.map("multiply", b.x, b.x)))([1.0, 2.0, 3.0])
    array([1., 4., 9.])
    """
    return compile_joint([program], threads=threads, lean=lean)[0]


def compile_joint(
    programs: Iterable[Program], *, threads: int = 1, lean: bool = False
) -> list[Compiled]:
    """Compile several programs as one module, which is quicker than one by one.

    Parameters
    ----------
    programs : iterable of Program
        For example value, gradient and Hessian of one function.
    threads, lean
        As for one.

    Returns
    -------
    list of Compiled
        In the order of the programs.

    Raises
    ------
    CannotCompile
        If an operation of any program has no native function on this platform.
    """
    begin = time.perf_counter()
    width = vector_width()
    programs = [with_callbacks(program) for program in programs]
    plans = [make_plan(program, width, lean=lean) for program in programs]
    signatures: dict[KernelSignature, int] = {}
    for plan in plans:
        for task in plan.tasks:
            signature, effort = first_form(task)
            signatures[signature] = max(signatures.get(signature, 0), effort)
    compiled = compile_forms(signatures, width)
    seconds = time.perf_counter() - begin
    return [Compiled(Machine(plan, compiled, width, threads), seconds) for plan in plans]


class Compiled(Evaluator):
    """A program as machine code; made by `compile_program` or `compile_joint`.

    Several Python threads may call one object at the same time.
    """

    def __init__(self, machine: Machine, seconds: float) -> None:
        self._machine = machine
        self.program = machine.plan.program
        self._constants = machine.plan.prefilled
        self._fills = machine.plan.fills
        self.when_upgraded: Callable[[Compiled], object] | None = None  # better code is in place
        tasks = list(machine.plan.tasks)
        self.statistics = Statistics(
            kernels=len(tasks),
            functions=len({task.signature for task in tasks}),
            from_cache=not machine.generated,
            seconds=seconds,
            index_bytes=sum(array.nbytes for task in tasks for array in task.kept),
        )

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
        if out is None:
            result = self.prefilled()
            self.run_into(result, x, parameters)
            return result
        if self._fill(x, *parameters, out) is not None:
            return out
        output_buffer(out, self.program.m)
        if not out.flags.c_contiguous or _overlaps(out, (x, *parameters)):
            out[...] = self(x, parameters)
            return out
        if self._constants is not None:
            np.copyto(out, self._constants)
        elif not self._fills:
            np.copyto(out, self.prefilled())
        self.run_into(out, x, parameters)
        return out

    @forkable_property
    def _fill(self) -> FastCall:
        return self.fastcall(self._flat_places(), fill=True)

    @forkable_property
    def _refill(self) -> FastCall:
        return self.fastcall(self._flat_places(), fill=False)

    def _flat_places(self) -> list[Place]:
        sizes = [self.program.n, *(block.size for block in self.program.parameters)]
        return [Place(k, (size,), size == 1) for k, size in enumerate(sizes, -1)]

    def prefilled(self) -> Array:
        """Return a fresh result with the constant entries in place, the others undefined."""
        if self._constants is not None:
            return self._constants.copy()
        return np.empty(self.program.m) if self._fills else constant_results(self.program)

    def run_into(self, buffer: Array, x: Any, parameters: Sequence[Any] = ()) -> None:
        """Write the entries of the result that vary.

        Parameters
        ----------
        buffer : ndarray of float64, shape (m,), contiguous
            A result of `prefilled`, or one of an earlier call; it may not share memory with the
            arguments.
        x, parameters
            As in a call.

        Raises
        ------
        StructureMismatch
            If an argument has another size than the program was built for.
        """
        if self._refill(x, *parameters, buffer) is not None:
            return
        program = self.program
        flat = flat_argument(x, program.n, "x")
        values = flat_parameters(program, parameters)
        if output_buffer(buffer, program.m) is not buffer or not buffer.flags.c_contiguous:
            raise StructureMismatch("`buffer` must be contiguous; take one from `prefilled()`.")
        if self._machine.run(flat, values, buffer):
            self._upgraded()

    def fastcall(
        self, places: Sequence[Place | Fixed], *, fill: bool, first: FastCall | None = None
    ) -> FastCall:
        """Make a builtin; it always refuses where the program calls Python or shares its work."""
        if fill and not self._fills:
            return refuse
        return self._machine.fastcall(places, fill=fill, first=first)

    def native_run(self) -> NativeRun | None:
        """Return what machine code needs to run it; None where Python is called in between."""
        return self._machine.native_run(self._upgraded) if self._fills else None

    def _upgraded(self) -> None:
        if self.when_upgraded is not None:
            self.when_upgraded(self)

    def sample(self) -> list[NDArray[np.int32]]:
        """Return some of the places in the result that each loop writes, in order."""
        return [places for task in self._machine.plan.tasks for places in task.sample]

    def source(self) -> str:
        """Write the loops that run, in a readable form."""
        return "\n".join(plan_lines(self._machine.plan))

    def llvm_ir(self) -> str:
        """Return the LLVM IR of the functions in use."""
        signatures = dict.fromkeys(self._machine.signatures)
        codes = [generate(signature, self._machine.width) for signature in signatures]
        declarations = sorted(frozenset().union(*(code.declarations for code in codes)))
        bodies = [f"define void @kernel{k}{code.body}" for k, code in enumerate(codes)]
        return "\n".join([*declarations, *bodies])


def _overlaps(out: Array, arguments: Sequence[Any]) -> bool:
    """Whether a result would be written over an argument that is still to be read."""
    return any(isinstance(a, np.ndarray) and np.may_share_memory(out, a) for a in arguments)
