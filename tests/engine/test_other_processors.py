"""Machine code for other processors and systems: made here by LLVM, run in an emulator of AArch64.

The same plans, tables and kernels as on this machine, linked for the other one; their values are
held against those of this one, to the last bit where no function of the C library is called.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exact_programs import exact_point, exact_program
from foreign_code import WIDTH, ForeignCode, target_for

from sparsesolve.engine.llvm import compile as compiling
from sparsesolve.engine.llvm.code import codegen, vectormath
from sparsesolve.engine.llvm.run import machine, thread_pool
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Program
from sparsesolve.ir.scalar_ops import OPS

GCC, QEMU = "aarch64-linux-gnu-gcc", "qemu-aarch64"
ARM = "aarch64-unknown-linux-gnu", "neoverse-n1"
OTHERS = {
    "linux-arm": ARM,
    "macos-arm": ("arm64-apple-darwin", "apple-m1"),
    "macos-x86": ("x86_64-apple-darwin", "haswell"),
    "windows": ("x86_64-pc-windows-msvc-elf", "haswell"),
}
LIBRARY = sorted(name for name, row in OPS.items() if row.libm)

needs_emulator = pytest.mark.skipif(
    not (shutil.which(GCC) and shutil.which(QEMU)),
    reason="needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user",
)


@pytest.fixture
def narrow(monkeypatch):
    """Plan as on a processor with two lanes, whose C library has no functions of vectors."""
    caches = codegen.generate, vectormath.native
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(compiling, "vector_width", lambda: WIDTH)
    monkeypatch.setattr(vectormath, "_vector_address", lambda *_: 0)
    yield
    for cache in caches:
        cache.cache_clear()


def best(monkeypatch) -> None:
    """Let short kernels have the code at once that they get when they have run often."""
    for module in (compiling, machine):
        monkeypatch.setattr(module, "first_form", lambda task: (task.signature, 2))


def library_program(n: int) -> Program:
    """Every function of the C library, at n points inside of its domain."""
    b = Builder((n,))
    inside = b.map("multiply", b.x, b.scalar(0.5))
    outputs = []
    for name in LIBRARY:
        first = b.map("add", inside, b.scalar(1.5)) if name == "arccosh" else inside
        outputs.append(b.map(name, *[first, b.map("abs", b.x)][: OPS[name].arity]))
    return b.build(np.concatenate([np.asarray(o).reshape(-1) for o in outputs]))


def run_emulated(code: ForeignCode, folder: Path) -> list[np.ndarray]:
    source, kernels, program = folder / "main.c", folder / "kernels.o", folder / "program"
    source.write_text(code.source())
    target = target_for(*ARM)
    kernels.write_bytes(target.emit_object(code.module(target)))
    built = [GCC, "-std=gnu99", "-w", "-O1", "-static", "-fno-builtin", source, kernels, "-lm"]
    subprocess.run([*map(str, built), "-o", str(program)], check=True)
    done = subprocess.run([QEMU, str(program)], capture_output=True, text=True, check=True)
    lines = [[int(word, 16) for word in line.split()] for line in done.stdout.splitlines()]
    return [np.array(line, dtype=np.uint64).view(np.float64) for line in lines]


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("form", ["first", "best"])
def test_arm_computes_the_same_bits(form, narrow, tmp_path, monkeypatch) -> None:
    if form == "best":
        best(monkeypatch)
    code, expected = ForeignCode(), []
    for n in (0, 1, 2, 3, 8, 17, 33, 65, 257, 1025):
        for seed in range(6):
            program = exact_program(seed, n, library=False)
            x, values = exact_point(program, seed)
            compiled = compiling.compile_program(program)
            code.add(compiled, x, values)
            expected.append(compiled(x, values))
    found = run_emulated(code, tmp_path)
    assert len(found) == len(expected) == 60
    assert sum(map(len, expected)) > 10_000
    for here, there in zip(expected, found, strict=True):
        assert np.array_equal(here, there, equal_nan=True)


@needs_emulator
@pytest.mark.slow
def test_arm_calls_its_own_library(narrow, tmp_path) -> None:
    program = library_program(33)
    x = np.linspace(-1.9, 1.9, 33)
    compiled = compiling.compile_program(program)
    code = ForeignCode()
    code.add(compiled, x, [])
    with np.errstate(invalid="ignore"):
        expected = compiled(x)
    (found,) = run_emulated(code, tmp_path)
    assert np.array_equal(np.isnan(expected), np.isnan(found))
    known = np.isfinite(expected)
    assert known.mean() > 0.7
    here, there = expected[known], found[known]
    assert np.all(abs(there - here) <= 4 * np.spacing(abs(here)))
    assert np.array_equal(expected[~known], found[~known], equal_nan=True)


@pytest.mark.parametrize("system", OTHERS)
def test_kernels_need_nothing_from_other_systems(system, narrow, monkeypatch) -> None:
    """What they call is handed to them as an address; a call by name would find nothing there."""
    best(monkeypatch)
    code = ForeignCode()
    for seed, n in ((0, 17), (1, 33), (2, 1025)):
        program = exact_program(seed, n)
        x, values = exact_point(program, seed)
        code.add(compiling.compile_program(program), x, values)
    target = target_for(*OTHERS[system])
    call, argument = thread_pool._ARM if "arm" in system else thread_pool._X86
    code.used.add(f"declare {call}{argument[:3]})")
    pause = re.compile(r"call void @llvm\.[\w.]+\([^)]*\)")
    for body in (thread_pool.PARTS, thread_pool.TEAM, thread_pool._WORKER):
        code.add_function(pause.sub(f"call {call}{argument})", body))
    text = target.emit_assembly(code.module(target))
    defined = set(re.findall(r"^(_?kernel\d+):", text, re.M))
    assert len(defined) == len(code.names)
    called = set(
        re.findall(r"\b(?:callq?|bl|b|jmp)\s+(?!L)([A-Za-z_]\w*)(?:@PLT)?\s*$", text, re.M)
    )
    assert not called - defined
