"""Rules for norms and log-sum-exp: compositions of maps and sums.

Separate because autograd has these as one primitive each, with a dense derivative; taken apart they
keep their structure. What has no such form stays a call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.opaque import lower_opaque
from sparsesolve.lower.reduce import extremum, merge_axes, restore_axes

__all__: list[str] = []


@rule("linalg.norm", "linear algebra")
def _norm(
    c: Context,
    x: Any,
    ord: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    ids = np.asarray(x)
    if axis is None and ord is not None:
        axis = tuple(range(ids.ndim))
    axes = None if axis is None else tuple(int(a) % ids.ndim for a in np.atleast_1d(axis))
    matrix = axes is not None and len(axes) == 2
    if ord is None or (ord == "fro" if matrix else ord == 2):
        flat, shape = merge_axes(ids, axes)
        return restore_axes(_vector_norm(c, flat, 2), shape, keepdims)
    if not matrix:
        flat, shape = merge_axes(ids, axes)
        return restore_axes(_vector_norm(c, flat, float(ord)), shape, keepdims)
    if ord not in (1, -1, np.inf, -np.inf):
        assert c.step is not None
        return lower_opaque(c, c.step)
    assert axes is not None
    inner, outer = axes if abs(ord) == 1 else axes[::-1]
    flat, shape = merge_axes(ids, (inner,))
    sums = np.reshape(_vector_norm(c, flat, 1), shape)
    flat, shape = merge_axes(sums, (inner, outer))
    return restore_axes(extremum(c, flat, largest=ord > 0), shape, keepdims)


def _vector_norm(c: Context, ids: Slots, p: float) -> Any:
    """Norm of order p over the last axis."""
    if p == 2:
        return c.map("sqrt", c.sum_rows(np.asarray(c.map("multiply", ids, ids))))
    if p == 0:
        return c.sum_rows(np.asarray(c.map("not_equal", ids, 0.0)))
    sizes = np.asarray(c.map("abs", ids))
    if p == 1:
        return c.sum_rows(sizes)
    if np.isinf(p):
        return extremum(c, sizes, largest=p > 0)
    return c.map("power", c.sum_rows(np.asarray(c.map("power", sizes, p))), 1.0 / p)


@rule("special.logsumexp", "special functions")
def _logsumexp(
    c: Context, x: Any, axis: Any = None, b: Any = 1.0, keepdims: bool = False, **options: Any
) -> Any:
    if options.get("return_sign"):
        raise c.unsupported("got `return_sign=True`", "Leave out `return_sign`.")
    ids, shape = merge_axes(np.asarray(x), axis)
    top = extremum(c, ids, largest=True)
    top = np.asarray(c.map("where", c.map("isfinite", top), top, 0.0))
    weighted = c.map("exp", c.map("subtract", ids, top[..., None]))
    if np.ndim(b) or b != 1.0:
        spread, _ = merge_axes(np.broadcast_to(b, np.shape(x)), axis)
        weighted = c.map("multiply", weighted, spread)
    total = c.map("add", c.map("log", c.sum_rows(np.asarray(weighted))), top)
    return restore_axes(total, shape, keepdims)
