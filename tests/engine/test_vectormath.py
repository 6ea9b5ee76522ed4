"""Native functions within 4 ulp of the truth, at every width that the processor has."""

from __future__ import annotations

import ctypes.util
import platform

import mpmath
import numpy as np
import pytest

from sparsesolve.engine.llvm import compile as engine
from sparsesolve.engine.llvm.code.vectormath import native, vector_width
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.ir.builder import Builder

TRUTH = {
    "exp": (mpmath.exp, -700, 700),
    "exp2": (lambda x: mpmath.mpf(2) ** x, -1000, 1000),
    "expm1": (mpmath.expm1, -30, 700),
    "log": (mpmath.log, 1e-3, 1e9),
    "log2": (lambda x: mpmath.log(x, 2), 1e-3, 1e9),
    "log10": (lambda x: mpmath.log(x, 10), 1e-3, 1e9),
    "log1p": (mpmath.log1p, -0.999, 1e9),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), -1e9, 1e9),
    "sin": (mpmath.sin, -1e4, 1e4),
    "cos": (mpmath.cos, -1e4, 1e4),
    "tan": (mpmath.tan, -1e4, 1e4),
    "arcsin": (mpmath.asin, -1, 1),
    "arccos": (mpmath.acos, -1, 1),
    "arctan": (mpmath.atan, -1e5, 1e5),
    "sinh": (mpmath.sinh, -700, 700),
    "cosh": (mpmath.cosh, -700, 700),
    "tanh": (mpmath.tanh, -20, 20),
    "arcsinh": (mpmath.asinh, -1e9, 1e9),
    "arccosh": (mpmath.acosh, 1, 1e9),
    "arctanh": (mpmath.atanh, -1, 1),
    "power": (mpmath.power, 0.01, 30),
    "arctan2": (mpmath.atan2, -10, 10),
    "hypot": (mpmath.hypot, -10, 10),
}
NATIVE_WIDTH = vector_width()


def error_in_ulp(result: float, truth: mpmath.mpf) -> float:
    return float(abs(mpmath.mpf(float(result)) - truth) / float(np.spacing(abs(float(truth)))))


@pytest.mark.every(2)
@pytest.mark.parametrize("width", sorted({2, NATIVE_WIDTH}))
@pytest.mark.parametrize("name", sorted(TRUTH))
def test_within_four_ulp(name, width, rng, monkeypatch):
    monkeypatch.setattr(engine, "vector_width", lambda: width)
    function, low, high = TRUTH[name]
    arity = 2 if name in ("power", "arctan2", "hypot") else 1
    points = rng.uniform(low, high, size=(arity, 300))
    near = rng.uniform(max(low, -2.0), min(high, 2.0), size=(arity, 300))
    points = np.concatenate([points, near], axis=1)
    builder = Builder(points.shape)
    program = builder.build(builder.map(name, *builder.x))
    with mpmath.workprec(120):
        errors = [
            error_in_ulp(value, function(*(mpmath.mpf(float(p)) for p in point)))
            for value, point in zip(compile_program(program)(points), points.T, strict=True)
        ]
    assert max(errors) <= 4.0


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not ctypes.util.find_library("mvec"),
    reason="no vector math library on this platform",
)
def test_vector_functions_are_found():
    assert native("exp", NATIVE_WIDTH).width == NATIVE_WIDTH
    assert native("fmod", NATIVE_WIDTH).width == 1


def test_scipy_functions_are_found():
    assert native("erf", 4).flag
    assert native("polygamma", 4) is None
