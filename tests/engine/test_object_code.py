"""Object code brought into memory without LLVM."""

from __future__ import annotations

import ctypes
import math
import os
import subprocess
import sys

import pytest

from sparsesolve.engine.llvm.run import jit
from sparsesolve.engine.llvm.run.object_code import ObjectCode, UnknownObject, reads_objects

pytestmark = pytest.mark.skipif(not reads_objects(), reason="object code of another kind")

HALF = """define double @half(double %a) {
entry:
  %b = fmul double %a, 0.3
  ret double %b
}
"""
SINE = """declare double @sin(double)
define double @sine(double %a) {
entry:
  %b = call double @sin(double %a)
  ret double %b
}
"""
DATA = """@count = global i64 5
define i64 @next() {
entry:
  %b = load i64, ptr @count
  ret i64 %b
}
"""
UNKNOWN = SINE.replace("sin(", "a_function_that_nobody_has(")


def number(code: ObjectCode, name: str, value: float) -> float:
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(code[name])(value)


@pytest.mark.parametrize("effort", [0, 2])
def test_functions_find_their_constants(effort) -> None:
    code = ObjectCode(jit._generate(HALF, effort), ["half"])
    assert number(code, "half", 0.5) == 0.15
    code.close()


def test_functions_of_the_process_are_found() -> None:
    assert number(ObjectCode(jit._generate(SINE, 0), ["sine"]), "sine", 0.5) == math.sin(0.5)


@pytest.mark.parametrize(
    "made",
    [
        lambda: jit._generate(DATA, 0),
        lambda: jit._generate(UNKNOWN, 0),
        lambda: b"",
        lambda: jit._generate(HALF, 0).replace(b"\x7fELF\x02", b"\x7fELF\x01"),
    ],
    ids=["data", "unknown function", "nothing", "32 bits"],
)
def test_what_is_not_known_is_left_to_llvm(made) -> None:
    with pytest.raises(UnknownObject):
        ObjectCode(made(), [])


def test_llvm_takes_what_is_left_to_it() -> None:
    module = jit._load(jit._generate(DATA, 0), {"body": "next"})
    assert isinstance(module.code, jit._Engine)
    assert ctypes.CFUNCTYPE(ctypes.c_int64)(module.addresses["body"])() == 5


def test_code_from_the_disk_needs_no_llvm(tmp_path) -> None:
    code = (
        "import sys, numpy as np, sparsesolve as ss\n"
        "J = ss.jacobian(lambda x: np.sin(x[1:]) * x[:-1], np.ones(4), method='compiled')\n"
        "print(J(np.arange(4.0)).toarray().tolist(), 'llvmlite' in sys.modules)"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout
        for _ in range(2)
    )
    assert first.replace("True", "False") == second
    assert second.endswith("False\n")


@pytest.mark.slow
def test_a_process_ends_while_threads_wait_in_its_code() -> None:
    code = (
        "import numpy as np, sparsesolve as ss\n"
        "J = ss.jacobian(lambda x: np.sin(x[1:]) * x[:-1], np.ones(200_000), threads=2)\n"
        "J(np.ones(200_000))"
    )
    assert not subprocess.run([sys.executable, "-c", code], check=False).returncode
