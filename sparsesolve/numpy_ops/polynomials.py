"""Polynomials by their coefficients, broken lines, and matrices of powers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

from sparsesolve.numpy_ops.roots import record_root
from sparsesolve.trace.closures import Opened
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import holds_boxes, operand, plain_index
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@implements(np.interp)
def _interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    x, heights = operand(x), operand(fp)
    knots = operand(xp) if holds_boxes(xp) else np.asarray(xp, dtype=float)
    if period is not None:
        x, knots, heights = _unrolled(x, knots, heights, period)
        left = right = None
    first = heights[0] if left is None else left
    last = heights[-1] if right is None else right
    if len(knots) == 1:
        return where(x < knots[0], first, where(x > knots[0], last, heights[0]))
    # a one in the column of the segment that holds x; no other column counts
    column = anp.reshape(x, (*np.shape(x), 1))
    inside = anp.logical_and(column >= knots[:-1], column < knots[1:])
    widths = knots[1:] - knots[:-1]
    if not holds_boxes(knots):  # a segment between two that are one holds no x
        widths = np.where(widths == 0.0, 1.0, widths)
    slopes = (heights[1:] - heights[:-1]) / widths
    offset = x - anp.dot(inside, knots[:-1])
    value = anp.dot(inside, heights[:-1]) + anp.dot(inside, slopes) * offset
    value = where(x == knots[-1], heights[-1], value)
    return where(x < knots[0], first, where(x > knots[-1], last, where(anp.isnan(x), x, value)))


def _unrolled(x: Any, knots: Any, heights: Any, period: float) -> tuple[Any, Any, Any]:
    """Bring points and knots into one period, with a knot more on either side."""
    if holds_boxes(knots):
        raise refuse(f"np.interp with `period` and traced knots at {user_line()}", "Leave it out")
    period = abs(plain_index(period))
    order = np.argsort(knots % period)
    knots, heights = (knots % period)[order], heights[order]
    around = [order.size - 1, *range(order.size), 0]
    shifts = np.zeros(len(around))
    shifts[[0, -1]] = -period, period
    return x % period, knots[around] + shifts, heights[around]


@implements(np.roots)
def _roots(p: Any) -> Any:
    """Return all roots, complex ones in pairs of real and imaginary parts; simple ones move."""
    coefficients = operand(p)
    if np.ndim(coefficients) != 1 or np.iscomplexobj(coefficients):
        raise refuse(f"np.roots of complex coefficients at {user_line()}", "Give it real ones")
    coefficients, at_zero = _without_zeros(coefficients)
    n = max(np.size(coefficients) - 1, 0)
    if not n:
        return np.zeros(at_zero)

    def solve(bound: Any) -> Any:
        found = np.roots(bound[0])
        if found.size != n:  # the leading coefficient is zero
            return np.full(2 * n, np.nan), False
        return np.concatenate((found.real, found.imag)), True

    def bind(bound: Any) -> Callable[[Any], Any]:
        def residual(y: Any) -> Any:
            x, z = y[:n], y[n:]
            real, imaginary = bound[0][0] + 0.0 * x, 0.0 * z
            for k in range(1, n + 1):
                real, imaginary = (
                    real * x - imaginary * z + bound[0][k],
                    real * z + imaginary * x,
                )
            return anp.concatenate((real, imaginary))

        return residual

    found, _ = record_root(solve, bind, (), Opened((coefficients,)))
    return anp.concatenate((found[:n] + 1j * found[n:], np.zeros(at_zero)))


def _without_zeros(coefficients: Any) -> tuple[Any, int]:
    """Cut off what is zero at both ends; return how many roots are at zero.

    Only coefficients that are zero now are asked, so that others cost no guard.
    """
    first, last = 0, np.size(coefficients)
    while first < last and _is_zero(coefficients, first):
        first += 1
    whole = last - first
    while first < last and _is_zero(coefficients, last - 1):
        last -= 1
    return coefficients[first:last], whole - (last - first)


def _is_zero(coefficients: Any, k: int) -> bool:
    plain = coefficients._value if isbox(coefficients) else coefficients
    return bool(plain[k] == 0) and bool(coefficients[k] == 0)


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    result = anp.zeros(np.shape(x))
    for coefficient in operand(p):
        result = result * x + coefficient
    return result


@implements(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    powers = range(len(x) if N is None else N)
    columns = [x**k for k in (powers if increasing else reversed(powers))]
    return anp.stack(columns, axis=1)


# --- coefficients, the highest power first ---


@implements(np.trim_zeros)
def _trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Cut zeros off; whether a traced coefficient is one is a branch."""
    first, last = 0, len(filt)
    while "f" in trim.lower() and first < last and filt[first] == 0:
        first += 1
    while "b" in trim.lower() and first < last and filt[last - 1] == 0:
        last -= 1
    return filt[first:last]


@implements(np.polyadd)
def _polyadd(a1: Any, a2: Any) -> Any:
    a, b = _padded(a1, a2)
    return a + b


@implements(np.polysub)
def _polysub(a1: Any, a2: Any) -> Any:
    a, b = _padded(a1, a2)
    return a - b


def _padded(*polynomials: Any) -> list[Any]:
    """Make polynomials equally long by leading zeros."""
    parts = [anp.reshape(operand(p), (-1,)) for p in polynomials]
    longest = max(map(len, parts))
    return [anp.concatenate([np.zeros(longest - len(p)), p]) for p in parts]


@implements(np.polymul)
def _polymul(a1: Any, a2: Any) -> Any:
    a, b = (np.trim_zeros(anp.reshape(operand(p), (-1,)), "f") for p in (a1, a2))
    return np.convolve(a, b)


@implements(np.polyder)
def _polyder(p: Any, m: int = 1) -> Any:
    p = operand(p)
    for _ in range(plain_index(m)):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = operand(p), plain_index(m)
    constants = anp.zeros(m) if k is None else anp.reshape(operand(k), (-1,))
    if len(constants) == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    for order in range(m):
        p = anp.concatenate([p / np.arange(len(p), 0, -1), constants[order : order + 1]])
    return p


@implements(np.poly)
def _poly(seq_of_zeros: Any) -> Any:
    zeros = operand(seq_of_zeros)
    if np.ndim(zeros) != 1:
        raise refuse(f"np.poly of a matrix at {user_line()}", "Pass its eigenvalues")
    product: Any = np.ones(1)
    for zero in zeros:
        product = np.convolve(product, anp.array([1.0, -zero]))
    return product


@implements(np.polyfit)
def _polyfit(
    x: Any,
    y: Any,
    deg: int,
    rcond: None = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    if full or cov or rcond is not None:
        raise refuse(f"np.polyfit with `full`, `cov` or `rcond` at {user_line()}", "Leave it out")
    powers, y = np.vander(operand(x), plain_index(deg) + 1), operand(y)
    if w is not None:
        w = operand(w)
        powers, y = powers * w[:, None], (y.T * w).T
    scale = np.sqrt((powers * powers).sum(axis=0))
    return (np.linalg.lstsq(powers / scale, y, rcond=None)[0].T / scale).T
