"""Programs of the compiled engine for another processor: tables as C, kernels as an object.

A machine lays out tables of addresses. Here every address becomes the name of what stands there, so
that the same tables, words and index arrays can be linked with the same kernels for another system.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from sparsesolve.engine.llvm.code.codegen import DRIVER, find_natives, generate
from sparsesolve.engine.llvm.code.llvm_ops import native_operations
from sparsesolve.engine.llvm.plan.fill import FILL
from sparsesolve.engine.llvm.plan.kernel_signature import BASES
from sparsesolve.ir.scalar_ops import OPS

WIDTH = 2  # lanes, as there are without AVX

HEAD = """#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef int64_t word;
static void show(const double *values, int count) {
    const uint64_t *bits = (const uint64_t *)values;
    for (int i = 0; i < count; i++) printf("%016llx ", (unsigned long long)bits[i]);
    printf("\\n");
}
"""


@dataclass
class ForeignCode:
    """Kernels and tables of several programs, gathered one by one."""

    names: dict[str, str] = field(default_factory=dict)  # of functions, by their text
    used: set[str] = field(default_factory=set)  # declarations
    text: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def add(self, compiled: Any, x: np.ndarray, values: Sequence[np.ndarray]) -> None:
        """Add a program and where it is evaluated; it prints a line."""
        machine = compiled._machine
        number = len(self.runs)
        found, declared = _functions(machine)
        self.used |= declared
        code = {address: self.add_function(body) for address, body in found.items()}
        work = machine._workspace()
        machine._point(work, x, values, result := machine._result())
        blocks = [
            *machine._tables, *machine._words, *(a for t in machine.plan.tasks for a in t.kept),
            *filter(lambda a: a is not None, (machine.plan.prefilled, work.rest, work.nowhere)),
            work.x if work.x is not None else x,
            work.result if work.result is not None else result,
            *values,
        ]  # fmt: skip
        memory = _Memory(f"m{number}", blocks, code, _natives(machine))
        bases = np.ctypeslib.as_array(work.bases) if len(work.bases) else np.zeros(0, np.int64)
        lines = memory.lines()
        shifts = {BASES["rest"]: 8 * machine.plan.program.n}
        for k, block in enumerate(machine.plan.program.parameters):
            shifts[BASES["parameters"] + k] = 8 * block.start
        self.text.append(f"static word bases{number}[{len(bases)}];\n" + memory.declared())
        for k, base in enumerate(int(b) for b in bases):
            shift = shifts.get(k, 0)
            if base:
                lines.append(f"bases{number}[{k}] = {memory.word(base + shift)} - {shift};")
        out = memory.name_of(work.result if work.result is not None else result)
        table = memory.word(machine._filling_table)
        lines += [
            f"{self.add_function(DRIVER)}((word){table}, (word)bases{number});",
            f"show({out}, {machine.plan.program.m});",
        ]
        self.runs.append("{\n" + "\n".join(lines) + "\n}")

    def add_function(self, body: str) -> str:
        """Return the name of a function, which is known by its text."""
        return self.names.setdefault(body, f"kernel{len(self.names)}")

    def source(self) -> str:
        """Return the program in C."""
        functions = [f"void {n}();" for n in self.names.values()]
        inside = [f"static void run{k}(void) {run}" for k, run in enumerate(self.runs)]
        calls = "".join(f"run{k}();" for k in range(len(self.runs)))
        return "\n".join([HEAD, *functions, *self.text, *inside, f"int main() {{{calls}}}\n"])

    def module(self, target: Any) -> Any:
        """Return the kernels as a module for a target."""
        head = f'target triple = "{target.triple}"\ntarget datalayout = "{target.target_data}"\n'
        bodies = [f"define void @{name}{body}" for body, name in self.names.items()]
        return llvm.parse_assembly(head + "\n".join([*sorted(self.used), *bodies]))


class _Memory:
    """Arrays by address; words that point into one become its name."""

    def __init__(
        self, prefix: str, blocks: Iterable[Any], code: dict[int, str], natives: dict[int, str]
    ) -> None:
        self.prefix = prefix
        self.code, self.natives = code, natives
        found = {_address(block): np.ascontiguousarray(block).reshape(-1) for block in blocks}
        self.blocks = dict(sorted(found.items()))
        self.names = {address: f"{prefix}_{k}" for k, address in enumerate(self.blocks)}

    def name_of(self, block: np.ndarray) -> str:
        return self.names[_address(block)]

    def declared(self) -> str:
        kinds = {"f8": "double", "i8": "word", "i4": "int32_t"}
        lines = []
        for address, block in self.blocks.items():
            kind = kinds[block.dtype.str[1:]]
            values = [float(v).hex() if kind == "double" else str(v) for v in block.tolist()]
            values = [v.replace("inf", "INFINITY").replace("nan", "NAN") for v in values] or ["0"]
            listed = ", ".join("INT64_MIN" if v == str(-(2**63)) else v for v in values)
            lines.append(f"static {kind} {self.names[address]}[] = {{{listed}}};")
        return "\n".join(lines)

    def lines(self) -> list[str]:
        """Assign every word that is an address."""
        found = []
        for address, block in self.blocks.items():
            if block.dtype.str[1:] == "i8":
                for k, value in enumerate(block.tolist()):
                    if text := self._pointing(value):
                        found.append(f"{self.names[address]}[{k}] = {text};")
        return found

    def word(self, value: int) -> str:
        return self._pointing(value) or str(value)

    def _pointing(self, value: int) -> str:
        if value in self.code:
            return f"(word){self.code[value]}"
        if value in self.natives:
            return f"(word){self.natives[value]}"
        return self._inside(value) or (f"({t}) / 8" if (t := self._inside(8 * value)) else "")

    def _inside(self, value: int) -> str:
        for address, block in self.blocks.items():
            if address <= value < address + max(block.nbytes, 1):
                return f"(word){self.names[address]} + {value - address}"
        return ""


def _functions(machine: Any) -> tuple[dict[int, str], frozenset[str]]:
    """Text of the code at each address that the tables of a machine hold, and its declarations."""
    (functions,) = machine._functions
    codes = {a: generate(s, WIDTH) for s, a in functions.addresses.items()}
    declared = frozenset().union(*(code.declarations for code in codes.values()))
    services = {functions.drive: DRIVER, functions.fill: FILL}
    return {a: code.body for a, code in codes.items()} | services, declared


def _natives(machine: Any) -> dict[int, str]:
    """Names in C of the functions that the words of a machine point to."""
    found = {ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0: "memmove"}
    for signature in machine.signatures:
        operations = native_operations(signature.nodes)
        for operation, function in zip(operations, find_natives(signature, WIDTH), strict=True):
            found[function.address] = OPS[operation].libm
    return found


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def target_for(triple: str, cpu: str, *, effort: int = 2) -> Any:
    """Return LLVM's machine for another system, as for code that is linked there."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(cpu=cpu, opt=effort, reloc="pic", codemodel="default")
