"""The compiled engine: runs a program as machine code.

Separate from `interpret`: same program in, same numbers out, but fused loops instead of one pass
over memory a node. It joins the modules that do the work: `rewrite` and `plan` decide what runs
and where everything is, `codegen` writes LLVM IR, `jit` turns it into machine code.

Data layout. One native call runs all tasks of a stage: it gets a table of (address of code,
address of words, low, high), ended by 0, and the bases (see `form`). Bases and the rest buffer
belong to the calling thread.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.arguments import flat_argument, flat_parameters, output_buffer
from sparsesolve.engine.codegen import DRIVER, CannotCompile, Code, find_natives, generate
from sparsesolve.engine.form import BASES, Form
from sparsesolve.engine.jit import compile_functions
from sparsesolve.engine.opaque import call_opaque
from sparsesolve.engine.plan import Plan, make_plan
from sparsesolve.engine.schedule import make_tables, run_tables
from sparsesolve.engine.tasks import SMALL, Task
from sparsesolve.engine.vectormath import vector_width
from sparsesolve.errors import StructureMismatch
from sparsesolve.program import Opaque, Program, expression

__all__ = ["CannotCompile", "Compiled", "Statistics", "compile_joint", "compile_program"]

Array: TypeAlias = NDArray[np.float64]
_DRIVE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


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


def compile_program(program: Program, *, threads: int = 1) -> Compiled:
    """Compile a program.

    Parameters
    ----------
    program : Program
        What to run.
    threads : int, default 1
        How many threads share a long kernel.

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
    >>> from sparsesolve.builder import Builder
    >>> b = Builder((3,))
    >>> compile_program(b.build(b.map("multiply", b.x, b.x)))([1.0, 2.0, 3.0])
    array([1., 4., 9.])
    """
    return compile_joint([program], threads=threads)[0]


def compile_joint(programs: Iterable[Program], *, threads: int = 1) -> list[Compiled]:
    """Compile several programs as one module, which is quicker than one by one.

    Parameters
    ----------
    programs : iterable of Program
        For example value, gradient and Hessian of one function.
    threads : int, default 1
        How many threads share a long kernel.

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
    plans = [make_plan(program, width) for program in programs]
    codes: dict[Form, Code] = {}
    efforts: dict[str, int] = {DRIVER: 0}
    declarations: set[str] = set()
    for plan in plans:
        for task in plan.tasks:
            if task.form not in codes:
                codes[task.form] = generate(task.form, width)
                declarations |= codes[task.form].declarations
            body = codes[task.form].body
            efforts[body] = max(efforts.get(body, 0), task.effort)
    addresses, generated = compile_functions(efforts, frozenset(declarations))
    seconds = time.perf_counter() - begin
    return [
        Compiled(_Machine(plan, codes, addresses, width, threads, seconds, not generated))
        for plan in plans
    ]


class Compiled:
    """A program as machine code; made by `compile_program` or `compile_joint`.

    Several Python threads may call one object at the same time.
    """

    def __init__(self, machine: _Machine) -> None:
        self._machine = machine
        self.program = machine.plan.program
        self.statistics = machine.statistics
        self._local = threading.local()

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
            result = self.template()
            self.run_into(result, x, parameters)
            return result
        output_buffer(out, self.program.m)
        plan = self._machine.plan
        if out.flags.c_contiguous:
            self.run_into(out, x, parameters)
            if plan.template is not None:
                np.copyto(out, plan.template, where=plan.is_constant)
        else:
            out[...] = self(x, parameters)
        return out

    def template(self) -> Array:
        """Return a fresh result with the constant entries in place, the others undefined."""
        return self._machine.fresh_result()

    def run_into(self, buffer: Array, x: Any, parameters: Sequence[Any] = ()) -> None:
        """Write the entries of the result that vary.

        Parameters
        ----------
        buffer : ndarray of float64, shape (m,), contiguous
            A result of `template`, or one of an earlier call.
        x, parameters
            As in a call.

        Raises
        ------
        StructureMismatch
            If an argument has another size than the program was built for.
        """
        machine, program = self._machine, self.program
        flat = flat_argument(x, program.n, "x")
        values = flat_parameters(program, parameters)
        if output_buffer(buffer, program.m) is not buffer or not buffer.flags.c_contiguous:
            raise StructureMismatch("`buffer` must be contiguous; take one from `template()`.")
        work: _Workspace | None = getattr(self._local, "work", None)
        if work is None:
            work = self._local.work = machine.workspace()
        if work.x is None:
            work.bases[BASES["x"]] = _address(flat)
        else:
            work.x[...] = flat
        if work.result is None:
            work.bases[BASES["out"]] = _address(buffer)
        for number in machine.large_parameters:
            shifted = _address(values[number]) - 8 * program.parameters[number].start
            work.bases[BASES["parameters"] + number] = shifted
        for number in machine.plan.mirrored:
            start = program.parameters[number].start - program.n
            work.rest[start : start + values[number].size] = values[number]
        machine.run(work)
        if work.result is not None:
            buffer[...] = work.result

    def source(self) -> str:
        """Write the loops that were generated, in a readable form."""
        return "\n".join(self._machine.lines())

    def llvm_ir(self) -> str:
        """Return the LLVM IR of the functions."""
        forms = dict.fromkeys(task.form for task in self._machine.plan.tasks)
        codes = [self._machine.codes[form] for form in forms]
        declarations = sorted(frozenset().union(*(code.declarations for code in codes)))
        bodies = [f"define void @kernel{k}{code.body}" for k, code in enumerate(codes)]
        return "\n".join([*declarations, *bodies])


@dataclass(frozen=True, slots=True, eq=False)
class _Workspace:
    """What one thread needs for a call.

    Small arguments and results are copied to and from buffers of its own (``x``, ``result``): to
    ask an array for its address takes longer than that.
    """

    x: Array | None
    result: Array | None
    rest: Array
    nowhere: Array
    bases: ctypes.Array[ctypes.c_int64]
    address: int


class _Machine:
    """Tables and code of one program; nothing in it changes after construction."""

    def __init__(
        self,
        plan: Plan,
        codes: dict[Form, Code],
        addresses: dict[str, int],
        width: int,
        threads: int,
        seconds: float,
        from_cache: bool,
    ) -> None:
        self.plan = plan
        self.codes = codes
        self.kept: list[NDArray[Any]] = []
        blocks = enumerate(plan.program.parameters)
        self.large_parameters = [k for k, block in blocks if block.size > SMALL]
        self._drive = _DRIVE(addresses[DRIVER])
        self._stages: list[tuple[list[list[int]], Opaque | None]] = []
        for stage in plan.stages:
            entries = [self._entry(task, addresses, width) for task in stage.tasks]
            phases = make_tables(stage.tasks, entries, threads, width)
            self.kept.extend(table for tables in phases for table in tables)
            where = [[_address(table) for table in tables] for tables in phases]
            self._stages.append((where, stage.call))
        tasks = list(plan.tasks)
        self.statistics = Statistics(
            kernels=len(tasks),
            functions=len({task.form for task in tasks}),
            from_cache=from_cache,
            seconds=seconds,
            index_bytes=sum(array.nbytes for task in tasks for array in task.kept),
        )

    def _entry(self, task: Task, addresses: dict[str, int], width: int) -> tuple[int, int]:
        natives = [function.address for function in find_natives(task.form, width)]
        words = [*task.words[: task.native_at], *natives, *task.words[task.native_at :]]
        self.kept.append(np.array(words, dtype=np.int64))
        return addresses[self.codes[task.form].body], _address(self.kept[-1])

    def workspace(self) -> _Workspace:
        """Make what a thread needs, with the constants in place."""
        program = self.plan.program
        rest = np.empty(self.plan.n_slots - program.n)
        for constant in program.constants:
            start = constant.start - program.n
            rest[start : start + constant.values.size] = constant.values
        nowhere = np.zeros(1)
        x = np.zeros(program.n) if program.n <= SMALL else None
        result = self.fresh_result() if program.m <= SMALL else None
        bases = (ctypes.c_int64 * (BASES["parameters"] + len(program.parameters)))()
        bases[BASES["rest"]] = _address(rest) - 8 * program.n
        bases[BASES["nowhere"]] = _address(nowhere)
        if x is not None:
            bases[BASES["x"]] = _address(x)
        if result is not None:
            bases[BASES["out"]] = _address(result)
        return _Workspace(x, result, rest, nowhere, bases, ctypes.addressof(bases))

    def fresh_result(self) -> Array:
        """Return a fresh result with the constant entries in place."""
        template = self.plan.template
        return np.empty(self.plan.program.m) if template is None else template.copy()

    def run(self, work: _Workspace) -> None:
        """Run all stages on a workspace whose bases are set."""
        for phases, call in self._stages:
            run_tables(phases, lambda table: self._drive(table, work.address))
            if call is not None:
                self._call(call, work.rest)

    def _call(self, step: Opaque, rest: Array) -> None:
        n = self.plan.program.n
        operands = [
            rest[index.start - n : index.start - n + index.length].reshape(shape)
            for index, shape in zip(step.operands, step.shapes, strict=True)
        ]
        rest[step.start - n : step.stop - n] = call_opaque(step, operands)

    def lines(self) -> Iterator[str]:
        """Describe each task in a line or two."""
        for number, stage in enumerate(self.plan.stages):
            for task in stage.tasks:
                kernel, form = task.kernel, task.form
                for node, kind in form.stores:
                    yield f"{kind} = {expression(kernel, node)}"
                loads = ", ".join(form.loads) or "none"
                size = f"i < {kernel.length}"
                size += "" if kernel.segments is None else f" summed to {kernel.rows}"
                yield f"    for {size}; loop: {form.mode} of {task.high}; loads: {loads}"
            if stage.call is not None:
                yield f"stage {number} ends with a call of {stage.call.name}"


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
