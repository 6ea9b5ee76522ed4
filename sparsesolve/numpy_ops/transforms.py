"""Fourier's relatives in SciPy: constant linear maps, written as the matrix that they are.

SciPy gives them to compiled code without asking for a protocol; they are replaced
where `scipy.fft` and `scipy.fftpack` look for them. A matrix is found by applying the map to units.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import RULES, Context, rule
from sparsesolve.lower.opaque import bound
from sparsesolve.numpy_ops.factorizations import LARGEST, Solver, factored_solve
from sparsesolve.numpy_ops.fourier import vector_map
from sparsesolve.numpy_ops.movement import Move
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces

__all__ = ["linear", "linear_map"]

_MOST_ENTRIES = 1 << 25  # of a map's matrix, zeros included


@primitive
def linear(function: Callable[[Any], Any], array: Any) -> Any:
    """Return ``function(array)`` for a function that is linear, with constant coefficients."""
    return function(array)


named(linear, "linear")


def linear_map(function: Callable[..., Any], array: Any, *args: Any, **options: Any) -> Any:
    """Record a linear function of one array."""
    return linear(Move(function, args, options), operand(array))


# --- SciPy's names ---


def _alike(name: str) -> None:
    """Take NumPy's transform of the same name; SciPy's has options that change no number."""
    numpys = getattr(np.fft, name)

    @replaces("scipy.fft._pocketfft", name)
    def replacement(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain if hasattr(plain, "__name__") else numpys)
        def call(x: Any, *args: Any, **options: Any) -> Any:
            if not holds_boxes(x):
                return plain(x, *args, **options)
            kept = {k: v for k, v in options.items() if k in ("n", "s", "axis", "axes", "norm")}
            return numpys(operand(x), *args[:3], **kept)

        return call


_NUMPYS = "fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn"
for _name in _NUMPYS.split():
    _alike(_name)


def _replaced(module: str, names: str) -> None:
    """Record what SciPy's compiled function does to its first argument."""

    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(x: Any, *args: Any, **options: Any) -> Any:
            if not holds_boxes(x):
                return plain(x, *args, **options)
            # the constants are overwritten where the caller allows it, but the units are ours
            return linear_map(plain, x, *args, **options)

        return call

    for name in names.split():
        replaces(module, name)(make)


_replaced("scipy.fft._pocketfft", "dct idct dst idst dctn idctn dstn idstn")
_replaced("scipy.fft._pocketfft", "rfft_fftpack irfft_fftpack")
_replaced("scipy.fftpack.convolve", "convolve convolve_z")


@replaces("scipy.fftpack._pseudo_diffs", "diff")
def _derivative(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Let the period be traced too: SciPy keeps a table of multipliers by its value."""

    def diff(x: Any, order: int = 1, period: Any = None, **options: Any) -> Any:
        if not (holds_boxes(x) or holds_boxes(period)):
            return plain(x, order, period, **options)
        of_one_turn = linear_map(plain, x, order) if holds_boxes(x) else plain(x, order)
        scale = 1.0 if period is None else (2.0 * np.pi / operand(period)) ** order
        return of_one_turn * scale

    return diff


# --- lowering ---


@rule("linear", "products")
def _lower_linear(c: Context, function: Callable[[Any], Any], array: Any) -> Any:
    shape = np.shape(array)
    if np.any(function(np.zeros(shape))):
        raise c.unsupported("got a map that is not zero at zero", "Leave out constants, as `cval`.")
    size = int(np.prod(shape))
    if len(shape) == 1 and size > LARGEST and _fills(function, size):
        return _called(c, function, c.slots(array))
    if len(shape) == 1:
        return vector_map(c, c.slots(array), lambda column: np.asarray(function(column.copy())))
    result = np.shape(function(np.zeros(shape)))
    if size * int(np.prod(result)) > _MOST_ENTRIES:
        raise c.unsupported(
            f"got an array of shape {shape}, whose map has {size * int(np.prod(result))} entries",
            "Use smaller arrays, or a primitive of autograd with a rule of yours.",
        )
    matrix = scipy.sparse.hstack([_column(function, shape, k) for k in range(size)], format="csr")
    ids = np.reshape(c.slots(array), -1)
    product: Any = RULES["sparse_matmul"].function(c, matrix, ids)
    return np.reshape(product, result)


def _fills(function: Callable[[Any], Any], size: int) -> bool:
    """Whether an element in the middle moves much of the result, unlike in a filter."""
    unit = np.zeros(size)
    unit[size // 2] = 1.0
    response = np.asarray(function(unit))
    return bool(4 * np.count_nonzero(response) > response.size)


def _called(c: Context, function: Callable[[Any], Any], ids: Slots) -> Slots:
    """Keep a large map as a linear call; its matrix is made where the transpose is wanted."""

    @cache
    def matrix() -> NDArray[np.float64]:
        return np.array([function(unit) for unit in np.eye(ids.size)])

    solver = Solver(lambda v: np.asarray(function(v.copy())), lambda g: matrix() @ g)
    made = bound(factored_solve, "factored_solve", [solver, ids], {})
    shape = np.shape(function(np.zeros(ids.size)))
    return c.builder.opaque("linear", made.call, made.operands, shape)


def _column(function: Callable[[Any], Any], shape: tuple[int, ...], k: int) -> Any:
    unit: NDArray[np.float64] = np.zeros(shape)
    unit.flat[k] = 1.0
    return scipy.sparse.csc_array(np.reshape(function(unit), (-1, 1)))
