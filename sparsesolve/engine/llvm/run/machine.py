"""Running a plan: tables for the driver, workspaces, and better code once it pays.

Separate from `compile`, which is what callers see.

Data layout. One native call runs all tasks of a phase: it gets a table of (address of code,
address of words, low, high), ended by 0, and the bases (see `kernel_signature`). Bases and the rest
buffer belong to one call at a time; those of entries (see `fastcall`) to whoever holds the lock.

Good code for a short kernel costs more than its first runs save. Such kernels start with code that
goes element by element and is compiled with little effort; when a program has run so often that
better code would have paid, its kernels are compiled again and the tables are changed in place.
Both give the same bits.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import BuiltinFunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.evaluator import (
    Array,
    FastCall,
    Fixed,
    NativeParameter,
    NativeRun,
    Place,
    refuse,
)
from sparsesolve.engine.llvm.code.codegen import DRIVER, find_natives, generate
from sparsesolve.engine.llvm.plan.chunks import Chunk, tiled
from sparsesolve.engine.llvm.plan.fill import FILL, Row, fill_in_parts, fill_parts, fill_table
from sparsesolve.engine.llvm.plan.kernel_signature import BASES, KernelSignature
from sparsesolve.engine.llvm.plan.planner import Plan
from sparsesolve.engine.llvm.plan.schedule import divide, find_phases, is_long, make_table
from sparsesolve.engine.llvm.plan.tasks import SMALL, Task
from sparsesolve.engine.llvm.run.fastcall import (
    Argument,
    FirstAsked,
    fastcalls_work,
    make_fastcall,
    make_frame,
)
from sparsesolve.engine.llvm.run.jit import NativeFunction, compile_functions
from sparsesolve.engine.llvm.run.thread_pool import PARTS, TEAM, TEAM_DECLARATIONS, shared_pool
from sparsesolve.engine.llvm.run.workspace import Lent, Workspace
from sparsesolve.engine.opaque import call_opaque
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_lock
from sparsesolve.ir.program import Block, Opaque

__all__ = ["Machine", "compile_forms", "first_form"]

_DRIVE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_HOT_LENGTH = 1500  # elements from which good code pays within some hundred runs
_COLD_LENGTH = 16  # elements below which it hardly ever does
_SECONDS_PER_FUNCTION, _SECONDS_PER_NODE = 1e-3, 1.5e-4  # to compile with effort
_SECONDS_SAVED = 1e-9  # an element and a node, by better code
_LEAST_RUNS = 20
_ALWAYS = 2**62
_PARTS_A_THREAD = 4
_LONG = 50_000  # nodes times elements from which other Python threads may run meanwhile


@dataclass(frozen=True, slots=True)
class Functions:
    """Addresses of what was compiled of each signature, and of the functions that serve them all.

    `kept` holds the code; whoever runs it holds on to this object.
    """

    addresses: Mapping[KernelSignature, int]
    drive: int
    fill: int
    team: int
    parts: int
    generated: bool
    kept: tuple[NativeFunction, ...]


def first_form(task: Task) -> tuple[KernelSignature, int]:
    """Return the signature that a task starts with, and the effort to compile it with."""
    if task.computes.length >= _HOT_LENGTH:
        return task.signature, 2
    quick = {"map": "tiny", "runs": "tiny-runs"}
    return replace(task.signature, mode=quick.get(task.signature.mode, task.signature.mode)), 0


def compile_forms(signatures: Mapping[KernelSignature, int], width: int) -> Functions:
    """Compile signatures, each with its effort."""
    efforts = {DRIVER: 0, FILL: 0, TEAM: 0, PARTS: 0}
    codes = {signature: generate(signature, width) for signature in signatures}
    for signature, effort in signatures.items():
        body = codes[signature].body
        efforts[body] = max(efforts.get(body, 0), effort)
    declarations = TEAM_DECLARATIONS.union(*(code.declarations for code in codes.values()))
    found, generated = compile_functions(efforts, declarations)
    addresses = {signature: found[code.body].address for signature, code in codes.items()}
    services = [found[body] for body in (DRIVER, FILL, TEAM, PARTS)]
    _SERVICES.update(services)
    kept = tuple(found[code.body] for code in codes.values())
    drive, fill, team, parts = (function.address for function in services)
    return Functions(addresses, drive, fill, team, parts, generated, kept)


_SERVICES: set[NativeFunction] = set()  # in use as long as the process: by tables, by the team


class Machine:
    """A plan with its machine code.

    Parameters
    ----------
    plan : Plan
        What to run.
    functions : Functions
        Machine code of the first signature of each of its tasks.
    width : int
        Lanes of a vector.
    threads : int
        How many threads share a long kernel.
    """

    def __init__(self, plan: Plan, functions: Functions, width: int, threads: int) -> None:
        self.plan = plan
        self.width = width
        self.generated = functions.generated
        self.signatures = [first_form(task)[0] for task in plan.tasks]  # in use
        self._words = [_words(task, width) for task in plan.tasks]
        self._apart = {
            _address(w) for w, t in zip(self._words, plan.tasks, strict=True) if t.is_apart
        }
        self._tables: list[NDArray[np.int64]] = []
        self._drive = _DRIVE(functions.drive)
        self._functions = [functions]  # and better ones, once there are any
        self._threads = threads
        entries = zip(self.signatures, self._words, plan.tasks, strict=True)
        rows = [(functions.addresses[f], _address(w), t.low, t.high) for f, w, t in entries]
        left = iter(rows)
        self._stages: list[tuple[int, Opaque | None]] = []
        for stage in plan.stages:
            own = [next(left) for _ in stage.tasks]
            self._stages.append((self._lay_out(stage.tasks, own), stage.call))
        self._filling_table = self._stages[0][0]
        if plan.prefilled is not None and self._runs_alone:
            self._filling_table = self._lay_out_filled(rows, plan.prefilled)
        parameters = plan.program.parameters
        self._in_place = [k for k, block in enumerate(parameters) if block.size > SMALL]
        self._runs_left = np.array([self._runs_that_pay()])
        self._idle: list[Workspace] = []
        self._lent: list[Lent] = []  # these came back
        self._entries: tuple[Workspace, NDArray[np.int64]] | None = None
        self._lock = forkable_lock()

    @property
    def _runs_alone(self) -> bool:
        """Whether one table does all."""
        return len(self._stages) == 1 and self._stages[0][1] is None

    # ----- tables -----

    def _lay_out_filled(self, rows: Sequence[Row], prefilled: Array) -> int:
        """Make a table that writes the constant entries as well; return its address."""
        tasks = list(self.plan.tasks)
        given = (prefilled, self.plan.is_constant, self._functions[0].fill)
        filled, words = fill_table(_chunked(rows, tiled(tasks)), *given)
        self._words.append(words)
        alone = self._keep(filled)
        phases = self._phases(tasks, rows)
        if not phases:
            return alone
        count = _PARTS_A_THREAD * self._threads
        first = [(k, chunk) for k in find_phases(tasks)[0] for chunk in tasks[k].chunks]
        parts, words = fill_in_parts(_chunked(rows, first), *given, count)
        if parts:
            return self._lay_out_together(alone, [parts, *phases[1:]], words)
        whole, words = fill_parts(*given, count)
        return self._lay_out_together(alone, [[[row] for row in whole], *phases], words)

    def _lay_out(self, tasks: Sequence[Task], rows: Sequence[Row]) -> int:
        """Make the table of a stage, for all threads; return its address."""
        alone = self._keep([row for row, _ in _chunked(rows, tiled(tasks))])
        phases = self._phases(tasks, rows)
        return self._lay_out_together(alone, phases) if phases else alone

    def _phases(self, tasks: Sequence[Task], rows: Sequence[Row]) -> list[list[list[Row]]]:
        """Divide each phase of a stage into parts; nothing where one thread is as quick."""
        if any(task.trips > 1 for task in tasks):
            return []
        phases: list[list[list[Row]]] = []
        worth = False
        for phase in find_phases(tasks):
            own = [tasks[k] for k in phase]
            long = self._threads > 1 and is_long(own)
            count = _PARTS_A_THREAD * self._threads if long else 1
            phases.append(divide(own, [rows[k] for k in phase], self.width, count))
            worth = worth or long
        return phases if worth else []

    def _lay_out_together(
        self, alone: int, phases: Sequence[Sequence[Sequence[Row]]], *kept: NDArray[np.int64]
    ) -> int:
        """Make a table that gives phases to the team; return its address."""
        functions = self._functions[0]
        team = shared_pool(functions.drive)
        team.grow(self._threads - 1)
        counters = np.zeros(2 * len(phases), dtype=np.int64)
        rows: list[Row] = []
        for number, parts in enumerate(phases):
            tables = [self._keep(part) for part in parts]
            place = _address(counters) + 16 * number
            words = np.array([team.wait, functions.drive, place, len(tables), *tables])
            rows.append((functions.parts, _address(words), 0, 0))
            self._words.append(words)
        given = [team.address, functions.drive, alone, self._keep(rows), self._threads - 1]
        words = np.array([*given, _address(counters), counters.size])
        self._words += [counters, words, *kept]
        return self._keep([(functions.team, _address(words), 0, 0)])

    def _keep(self, rows: Sequence[Row]) -> int:
        self._tables.append(make_table(rows, self._apart))
        return _address(self._tables[-1])

    # ----- running -----

    def _workspace(self) -> Workspace:
        """Make what a thread needs, with the constants in place."""
        program = self.plan.program
        rest = np.empty(self.plan.n_slots - program.n)
        for constant in program.constants:
            start = constant.start - program.n
            rest[start : start + constant.values.size] = constant.values
        nowhere = np.zeros(1)
        x = np.zeros(program.n) if program.n <= SMALL else None
        result = self._result() if program.m <= SMALL else None
        bases = (ctypes.c_int64 * (BASES["parameters"] + len(program.parameters)))()
        bases[BASES["rest"]] = _address(rest) - 8 * program.n
        bases[BASES["nowhere"]] = _address(nowhere)
        if x is not None:
            bases[BASES["x"]] = _address(x)
        if result is not None:
            bases[BASES["out"]] = _address(result)
        return Workspace(x, result, rest, nowhere, bases, ctypes.addressof(bases))

    def _result(self) -> Array:
        prefilled = self.plan.prefilled
        return np.empty(self.plan.program.m) if prefilled is None else prefilled.copy()

    def run(self, x: Array, values: Sequence[Array], buffer: Array) -> bool:
        """Write what varies of the result to `buffer`; tell whether there is better code now."""
        work = self._idle.pop() if self._idle else self._workspace()
        try:
            self._run(work, x, values, buffer)
        finally:
            self._idle.append(work)
        self._runs_left -= 1
        return self._runs_left[0] <= 0 and self._upgrade()

    def _run(self, work: Workspace, x: Array, values: Sequence[Array], buffer: Array) -> None:
        self._point(work, x, values, buffer)
        for table, call in self._stages:
            self._drive(table, work.address)
            if call is not None:
                self._call(call, work.rest)
        if work.result is not None:
            buffer[...] = work.result

    def _point(self, work: Workspace, x: Array, values: Sequence[Array], buffer: Array) -> None:
        """Let the bases of a workspace point to the arguments, or copy these."""
        program = self.plan.program
        if work.x is None:
            work.bases[BASES["x"]] = _address(x)
        else:
            work.x[...] = x
        if work.result is None:
            work.bases[BASES["out"]] = _address(buffer)
        for number in self._in_place:
            shifted = _address(values[number]) - 8 * program.parameters[number].start
            work.bases[BASES["parameters"] + number] = shifted
        for number in self.plan.mirrored:
            start = program.parameters[number].start - program.n
            work.rest[start : start + values[number].size] = values[number]

    def _call(self, step: Opaque, rest: Array) -> None:
        n = self.plan.program.n
        operands = [
            rest[index.start - n : index.start - n + index.length].reshape(shape)
            for index, shape in zip(step.operands, step.shapes, strict=True)
        ]
        rest[step.start - n : step.stop - n] = call_opaque(step, operands)

    # ----- entries -----

    def fastcall(
        self, places: Sequence[Place | Fixed], *, fill: bool, first: FastCall | None = None
    ) -> FastCall:
        """Make a builtin that takes arguments at these places and then the result.

        Parameters
        ----------
        places : sequence of Place or Fixed
            x and each parameter once, or in pieces.
        fill : bool
            Whether to write the constant entries of the result as well.
        first : FastCall, optional
            Asked before: see `Evaluator.fastcall`.
        """
        if first is not None and not isinstance(first, BuiltinFunctionType):
            return refuse
        in_pieces = {p.number for p in places if isinstance(p, Place) and p.offset}
        if not (self._runs_alone and fastcalls_work()) or not in_pieces.isdisjoint(self._in_place):
            return refuse
        work, frame = self._shared_frame()
        arguments = [self._argument(place, work) for place in places]
        code = self._functions  # what is upgraded stays: another thread may run it
        kept = (work, self._runs_left, self._words, self._tables, self.plan, code)
        table = self._filling_table if fill else self._stages[0][0]
        asked = None if first is None else FirstAsked(first, np.empty(1))
        return make_fastcall(frame, arguments, self.plan.program.m, table, kept, asked)

    def _shared_frame(self) -> tuple[Workspace, NDArray[np.int64]]:
        with self._lock:
            if self._entries is None:
                work = self._workspace()
                drive = ctypes.cast(self._drive, ctypes.c_void_p).value or 0
                long = sum(task.work for task in self.plan.tasks) >= _LONG
                frame = make_frame(work.address, drive, self._runs_left, long=long)
                self._entries = work, frame
            return self._entries

    def _argument(self, place: Place | Fixed, work: Workspace) -> Argument | Fixed:
        if isinstance(place, Fixed):
            return place
        number, shape, numeric = place.number, place.shape, place.numeric
        if number < 0:
            return Argument(shape, numeric, 0, work.address + 8 * BASES["x"], 0)
        start, copy, point = self.plan.program.parameters[number].start + place.offset, 0, 0
        if number in self.plan.mirrored:
            copy = _address(work.rest) + 8 * (start - self.plan.program.n)
        if number in self._in_place:
            point = work.address + 8 * (BASES["parameters"] + number)
        return Argument(shape, numeric, copy, point, 8 * start)

    def native_run(self, upgraded: Callable[[], object]) -> NativeRun | None:
        """Lend a workspace to machine code that runs the program itself.

        Parameters
        ----------
        upgraded : callable
            Called when it comes back, if that has led to better code.
        """
        if not self._runs_alone:
            return None
        lent = self._lent.pop() if self._lent else self._to_lend()

        def release(runs: int) -> None:
            self._lent.append(lent)
            self._runs_left -= runs
            if self._runs_left[0] <= 0 and self._upgrade():
                upgraded()

        given = (lent.drive, self._filling_table, lent.work.address, self.plan.program.m)
        return NativeRun(*given, lent.parameters, release)

    def _to_lend(self) -> Lent:
        work, blocks = self._workspace(), enumerate(self.plan.program.parameters)
        parameters = tuple(self._native_parameter(k, block, work) for k, block in blocks)
        return Lent(work, ctypes.cast(self._drive, ctypes.c_void_p).value or 0, parameters)

    def _native_parameter(self, number: int, block: Block, work: Workspace) -> NativeParameter:
        copy = 0
        if number in self.plan.mirrored:
            copy = _address(work.rest) + 8 * (block.start - self.plan.program.n)
        point = work.address + 8 * (BASES["parameters"] + number)
        return NativeParameter(block.size, point, 8 * block.start, copy)

    # ----- better code -----

    def _cold(self) -> list[int]:
        """Numbers of the tasks that better code would help."""
        return [
            number
            for number, task in enumerate(self.plan.tasks)
            if _COLD_LENGTH <= task.computes.length < _HOT_LENGTH
        ]

    def _runs_that_pay(self) -> int:
        """Count the runs in which better code saves as much time as it costs to compile."""
        tasks = list(self.plan.tasks)
        cold = [tasks[number] for number in self._cold()]
        saved = _SECONDS_SAVED * sum(task.work for task in cold)
        signatures = {task.signature for task in cold}
        cost = sum(_SECONDS_PER_FUNCTION + _SECONDS_PER_NODE * len(f.nodes) for f in signatures)
        return max(_LEAST_RUNS, math.ceil(cost / saved)) if saved else _ALWAYS

    def _upgrade(self) -> bool:
        """Compile with effort, and let the tables point to the new code."""
        with self._lock:
            if self._runs_left[0] > 0:  # another thread did it
                return False
            tasks = list(self.plan.tasks)
            cold = self._cold()
            functions = compile_forms({tasks[number].signature: 2 for number in cold}, self.width)
            self._functions.append(functions)
            better = {
                _address(self._words[number]): functions.addresses[tasks[number].signature]
                for number in cold
            }
            for table in self._tables:
                for row in table:
                    row[0] = better.get(int(row[1]), row[0])
            for number in cold:
                self.signatures[number] = tasks[number].signature
            self._runs_left[0] = _ALWAYS
            return True


def _chunked(rows: Sequence[Row], chunks: Sequence[tuple[int, Chunk]]) -> list[tuple[Row, Chunk]]:
    """Give each chunk its row; `rows` are those of whole tasks."""
    return [((*rows[k][:2], chunk.low, chunk.high), chunk) for k, chunk in chunks]


def _words(task: Task, width: int) -> NDArray[np.int64]:
    """Complete the words of a task with the addresses of native functions."""
    natives = [function.address for function in find_natives(task.signature, width)]
    words = [*task.words[: task.native_at], *natives, *task.words[task.native_at :]]
    return np.array(words, dtype=np.int64)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
