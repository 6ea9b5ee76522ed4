"""Running a plan: tables for the driver, workspaces, and better code once it pays.

Separate from `compile`, which is what callers see.

Data layout. One native call runs all tasks of a phase: it gets a table of (address of code,
address of words, low, high), ended by 0, and the bases (see `form`). Bases and the rest buffer
belong to the calling thread.

Good code for a short kernel costs more than its first runs save. Such kernels start with code that
goes element by element and is compiled with little effort; when a program has run so often that
better code would have paid, its kernels are compiled again and the tables are changed in place.
Both give the same bits.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.codegen import DRIVER, find_natives, generate
from sparsesolve.engine.form import BASES, Form
from sparsesolve.engine.jit import compile_functions
from sparsesolve.engine.opaque import call_opaque
from sparsesolve.engine.plan import Plan
from sparsesolve.engine.schedule import make_tables, run_tables
from sparsesolve.engine.tasks import SMALL, Task
from sparsesolve.program import Opaque

__all__ = ["Machine", "Workspace", "compile_forms", "first_form"]

Array: TypeAlias = NDArray[np.float64]
_DRIVE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_HOT_LENGTH = 1500  # elements from which good code pays within some hundred runs
_COLD_LENGTH = 16  # elements below which it hardly ever does
_SECONDS_PER_FUNCTION, _SECONDS_PER_NODE = 1e-3, 1.5e-4  # to compile with effort
_SECONDS_SAVED = 1e-9  # an element and a node, by better code
_LEAST_RUNS = 20


@dataclass(frozen=True, slots=True)
class Functions:
    """Addresses of compiled forms, and of the driver."""

    addresses: Mapping[Form, int]
    drive: int
    generated: bool


def first_form(task: Task) -> tuple[Form, int]:
    """Return the form that a task starts with, and the effort to compile it with."""
    if task.kernel.length >= _HOT_LENGTH:
        return task.form, 2
    quick = {"map": "tiny", "runs": "tiny-runs"}
    return replace(task.form, mode=quick.get(task.form.mode, task.form.mode)), 0


def compile_forms(forms: Mapping[Form, int], width: int) -> Functions:
    """Compile forms, each with its effort."""
    efforts = {DRIVER: 0}
    codes = {form: generate(form, width) for form in forms}
    for form, effort in forms.items():
        body = codes[form].body
        efforts[body] = max(efforts.get(body, 0), effort)
    declarations = frozenset().union(*(code.declarations for code in codes.values()))
    found, generated = compile_functions(efforts, declarations)
    addresses = {form: found[code.body] for form, code in codes.items()}
    return Functions(addresses, found[DRIVER], generated)


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
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


class Machine:
    """A plan with its machine code.

    Parameters
    ----------
    plan : Plan
        What to run.
    functions : Functions
        Machine code of the first form of each of its tasks.
    width : int
        Lanes of a vector.
    threads : int
        How many threads share a long kernel.
    """

    def __init__(self, plan: Plan, functions: Functions, width: int, threads: int) -> None:
        self.plan = plan
        self.width = width
        self.generated = functions.generated
        self.forms = [first_form(task)[0] for task in plan.tasks]  # in use
        self._words = [_words(task, width) for task in plan.tasks]
        self._tables: list[NDArray[np.int64]] = []
        self._drive = _DRIVE(functions.drive)
        self._stages: list[tuple[list[list[int]], Opaque | None]] = []
        codes = iter([functions.addresses[form] for form in self.forms])
        words = iter([_address(array) for array in self._words])
        for stage in plan.stages:
            entries = [(next(codes), next(words)) for _ in stage.tasks]
            phases = make_tables(stage.tasks, entries, threads, width)
            self._tables.extend(table for tables in phases for table in tables)
            where = [[_address(table) for table in tables] for tables in phases]
            self._stages.append((where, stage.call))
        single = [stage[0][0][0] for stage in self._stages if stage[0] and stage[1] is None]
        alone = len(self._stages) == 1 and len(self._tables) == 1
        self._only_table = single[0] if alone and single else 0
        parameters = plan.program.parameters
        self._direct = [k for k, block in enumerate(parameters) if block.size > SMALL]
        self._runs = 0
        self._upgrade_at = self._runs_that_pay()
        self._lock = threading.Lock()

    # ----- running -----

    def workspace(self) -> Workspace:
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
        return Workspace(x, result, rest, nowhere, bases, ctypes.addressof(bases))

    def fresh_result(self) -> Array:
        """Return a fresh result with the constant entries in place."""
        template = self.plan.template
        return np.empty(self.plan.program.m) if template is None else template.copy()

    def run(self, work: Workspace, x: Array, values: Sequence[Array], buffer: Array) -> None:
        """Write what varies of the result to `buffer`."""
        self._point(work, x, values, buffer)
        if self._only_table:
            self._drive(self._only_table, work.address)
        else:
            for phases, call in self._stages:
                run_tables(phases, lambda table: self._drive(table, work.address))
                if call is not None:
                    self._call(call, work.rest)
        if work.result is not None:
            buffer[...] = work.result
        self._runs += 1
        if self._runs >= self._upgrade_at:
            self._upgrade()

    def _point(self, work: Workspace, x: Array, values: Sequence[Array], buffer: Array) -> None:
        """Let the bases of a workspace point to the arguments, or copy these."""
        program = self.plan.program
        if work.x is None:
            work.bases[BASES["x"]] = _address(x)
        else:
            work.x[...] = x
        if work.result is None:
            work.bases[BASES["out"]] = _address(buffer)
        for number in self._direct:
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

    # ----- better code -----

    def _cold(self) -> list[int]:
        """Numbers of the tasks that better code would help."""
        return [
            number
            for number, task in enumerate(self.plan.tasks)
            if _COLD_LENGTH <= task.kernel.length < _HOT_LENGTH
        ]

    def _runs_that_pay(self) -> float:
        """Count the runs in which better code saves as much time as it costs to compile."""
        tasks = list(self.plan.tasks)
        cold = [tasks[number] for number in self._cold()]
        saved = _SECONDS_SAVED * sum(task.work for task in cold)
        forms = {task.form for task in cold}
        cost = sum(_SECONDS_PER_FUNCTION + _SECONDS_PER_NODE * len(f.nodes) for f in forms)
        return max(_LEAST_RUNS, math.ceil(cost / saved)) if saved else math.inf

    def _upgrade(self) -> None:
        """Compile with effort, and let the tables point to the new code."""
        with self._lock:
            if self._upgrade_at == math.inf:
                return
            tasks = list(self.plan.tasks)
            cold = self._cold()
            functions = compile_forms({tasks[number].form: 2 for number in cold}, self.width)
            better = {
                _address(self._words[number]): functions.addresses[tasks[number].form]
                for number in cold
            }
            for table in self._tables:
                for row in table:
                    row[0] = better.get(int(row[1]), row[0])
            for number in cold:
                self.forms[number] = tasks[number].form
            self._upgrade_at = math.inf


def _words(task: Task, width: int) -> NDArray[np.int64]:
    """Complete the words of a task with the addresses of native functions."""
    natives = [function.address for function in find_natives(task.form, width)]
    words = [*task.words[: task.native_at], *natives, *task.words[task.native_at :]]
    return np.array(words, dtype=np.int64)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
