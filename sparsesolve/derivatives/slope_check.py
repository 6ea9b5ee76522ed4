"""Derivatives held against differences, where a function may have searched by comparisons.

Separate because all other functions are believed: what was recorded is what was computed. A
bisection is recorded just as well, and has the derivative zero, while its result moves with x. The
function is called at nine points; only where differences of two steps agree, from both sides, is
anything concluded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.differentiate import tangent_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import VerificationError
from sparsesolve.ir.program import Program

__all__ = ["CALLS", "compare_slopes"]

Array = NDArray[np.float64]
_STEPS = (3e-3, 1e-3, 1e-4, 1e-5)  # two of each kind: for coarse results, and for curved ones
CALLS = 1 + 2 * len(_STEPS)
_AGREE = 1e-2  # relative difference of differences that agree
_WRONG = 5e-2  # relative difference of a derivative that is wrong
_ROUNDING = 1e-10  # of a value, by the shortest step: differences do not see less


def compare_slopes(
    program: Program, value: Callable[[Array], Array], x: Array, parameters: list[Any]
) -> None:
    """Compare one derivative in a generic direction with differences.

    Parameters
    ----------
    program : Program
        What was made of the function.
    value : callable
        The function itself.
    x : ndarray of float64, shape (n,)
        Where.
    parameters : list of ndarray
        The other arguments.

    Raises
    ------
    VerificationError
        If the function is smooth, and its derivative another one.
    """
    size = np.maximum(1e-3, np.abs(x))
    direction = size * np.random.default_rng(7).uniform(0.5, 1.0, x.size)
    with np.errstate(all="ignore"):
        slope = Interpreter(tangent_program(program))(x, [*parameters, direction])
        middle = value(x)
        found = [
            (value(x + sign * step * direction) - middle) / (sign * step)
            for step in _STEPS
            for sign in (1, -1)
        ]
    if any(each.shape != slope.shape for each in found):
        return
    for sides in (np.array(found[:4]), np.array(found[4:])):
        spread, mean = np.ptp(sides, axis=0), sides.mean(axis=0)
        known = np.isfinite(sides).all(axis=0) & (spread <= _AGREE * np.abs(mean))
        allowed = _WRONG * np.abs(mean) + _ROUNDING * np.abs(middle)
        wrong = known & ~(np.abs(slope - mean) <= allowed)
        if wrong.any():
            raise _error(slope, mean, int(np.argmax(wrong)))


def _error(slope: Array, mean: Array, k: int) -> VerificationError:
    return VerificationError(
        "expected derivatives of what was recorded to be those of the function, got "
        f"{slope[k]:.6g} for {mean[k]:.6g} by differences in element {k}: the value was found "
        "by comparisons alone, as in a bisection, which has no derivative by itself. Find it "
        "by Newton's method or by scipy.optimize.brentq, which is differentiated as a root, "
        "or take sparsesolve.implicit(solve, residual)."
    )
