"""Polynomials, broken lines, and matrices of powers."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand, plain_index
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@implements(np.interp)
def _interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    knots, heights = np.asarray(plain_index(xp), dtype=float), operand(fp)
    if period is not None:
        raise refuse(f"np.interp with `period` at {user_line()}", "Repeat the knots yourself")
    first = heights[0] if left is None else left
    last = heights[-1] if right is None else right
    if len(knots) == 1:
        return where(x < knots[0], first, where(x > knots[0], last, heights[0]))
    # a one in the column of the segment that holds x; no other column counts
    column = anp.reshape(x, (*np.shape(x), 1))
    inside = anp.logical_and(column >= knots[:-1], column < knots[1:])
    slopes = (heights[1:] - heights[:-1]) / np.diff(knots)
    value = anp.dot(inside, heights[:-1]) + anp.dot(inside, slopes) * (x - inside @ knots[:-1])
    value = where(x == knots[-1], heights[-1], value)
    return where(x < knots[0], first, where(x > knots[-1], last, where(anp.isnan(x), x, value)))


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
