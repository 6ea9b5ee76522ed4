"""Rules for determinants, inverses and linear systems.

Separate because these act on each matrix of a stack by itself. A stack of small matrices (up to
3 x 3) is written out by cofactors, so that it is as sparse and as quick as other elementwise work;
larger ones are one call a matrix, which keeps the matrices independent of each other. A single
inverse or system stays a call of any size, for LAPACK's accuracy; a single small determinant is
written out, because that shows which entries it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, is_traced, rule
from sparsesolve.lower.opaque import bound, lower_opaque
from sparsesolve.lower.products import contract, read_subscripts

__all__: list[str] = []

_WRITTEN_OUT = 3  # largest matrix that is written out
_MOST_CALLS = 256  # a larger stack of larger matrices stays one call


@rule("linalg.det", "linear algebra")
def _det(c: Context, a: Any) -> Any:
    n = a.shape[-1]
    if n > _WRITTEN_OUT:
        return _each(c, [a], [2], ())
    result = _determinant(c, a, tuple(range(n)))
    return np.zeros(a.shape[:-2]) if result is None else result


@rule("linalg.inv", "linear algebra")
def _inv(c: Context, a: Any) -> Any:
    if a.shape[-1] > _WRITTEN_OUT or a.ndim == 2 or a.size == 0:
        return _each(c, [a], [2], a.shape[-2:])
    adjugate, determinant = _adjugate(c, a)
    return c.map("divide", adjugate, determinant[..., None, None])


@rule("linalg.solve", "linear algebra")
def _solve(c: Context, a: Any, b: Any) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    vector = b.ndim == 1
    small = is_traced(a) and 0 < a.shape[-1] <= _WRITTEN_OUT
    if not small or (a.ndim == 2 and b.ndim <= 2):
        return _each(c, [a, b], [2, 1 if vector else 2], b.shape if vector else b.shape[-2:])
    adjugate, determinant = _adjugate(c, a)
    text = "...ij,j->...i" if vector else "...ij,...jk->...ik"
    letters, output = read_subscripts(text, [a.ndim, b.ndim])
    products = contract(c, [adjugate, c.operand(b)], letters, output)
    return c.map("divide", products, determinant[(..., None) if vector else (..., None, None)])


@rule("linalg.pinv", "linear algebra")
def _pinv(c: Context, a: Any, *args: Any, **options: Any) -> Any:
    if args or options:
        raise c.unsupported(f"got options {args or options}", "Leave them out.")
    return _each(c, [a], [2], a.shape[:-3:-1])


@rule("linalg.cholesky", "linear algebra")
def _cholesky(c: Context, a: Any, *, upper: bool = False) -> Any:
    """Factorize what NumPy reads: one triangle, which stands for the other one too."""
    step = c.step
    assert step is not None
    ids = np.swapaxes(a, -1, -2) if upper else a
    below = np.tri(ids.shape[-1], dtype=bool)
    whole = np.where(below, ids, np.swapaxes(ids, -1, -2))
    stack = whole.reshape(-1, *whole.shape[-2:]) if whole.size else whole[None]
    pieces = stack if 0 < len(stack) <= _MOST_CALLS and whole.size else [whole]
    factors = [c.builder.opaque(step.op, step.function, (piece,), piece.shape) for piece in pieces]
    lower = np.where(below, np.reshape(factors, whole.shape), np.int32(c.zero))
    return np.swapaxes(lower, -1, -2) if upper else lower


def _each(
    c: Context, arrays: Sequence[Any], cores: Sequence[int], core_shape: tuple[int, ...]
) -> Any:
    """Call the primitive once for each matrix of a stack."""
    step = c.step
    assert step is not None
    leads = [a.shape[: a.ndim - core] for a, core in zip(arrays, cores, strict=True)]
    lead = np.broadcast_shapes(*leads)
    count = int(np.prod(lead, dtype=np.int64))
    if not lead or not 0 < count <= _MOST_CALLS:
        return lower_opaque(c, step)
    stacks = [
        np.broadcast_to(a, lead + a.shape[a.ndim - core :]).reshape(
            count, *a.shape[a.ndim - core :]
        )
        for a, core in zip(arrays, cores, strict=True)
    ]
    calls = [bound(step.function, step.op, [s[k] for s in stacks], {}) for k in range(count)]
    results = [
        c.builder.opaque(call.name, call.function, call.operands, core_shape) for call in calls
    ]
    return np.stack(results).reshape(lead + core_shape)


def _adjugate(c: Context, a: Slots) -> tuple[Slots, Slots]:
    """Transposed cofactors, shape (..., n, n), and the determinant, shape (...)."""
    n = a.shape[-1]
    rows: list[Any] = []
    for j in range(n):
        row = []
        for i in range(n):
            others = [k for k in range(n) if k != i]
            minor = _determinant(c, a[..., others, :], tuple(k for k in range(n) if k != j))
            if minor is not None and (i + j) % 2:
                minor = c.map("negative", minor)
            row.append(c.slots(np.broadcast_to(0.0 if minor is None else minor, a.shape[:-2])))
        rows.append(np.stack(row, axis=-1))
    determinant = _determinant(c, a, tuple(range(n)))
    whole = np.broadcast_to(0.0 if determinant is None else determinant, a.shape[:-2])
    return np.stack(rows, axis=-2), c.slots(whole)


def _determinant(c: Context, a: Slots, columns: tuple[int, ...]) -> Any:
    """Take the determinant of the last rows in some columns; None: zero by structure.

    Products with the slot of zero, as `diag` leaves them, are left out.
    """
    if not columns:
        return np.ones(a.shape[:-2])
    row = a.shape[-2] - len(columns)
    total: Any = None
    for k, column in enumerate(columns):
        factor = a[..., row, column]
        rest = columns[:k] + columns[k + 1 :]
        minor = None if bool((factor == c.zero).all()) else _determinant(c, a, rest)
        if minor is None:
            continue
        term = c.map("multiply", factor, minor) if rest else factor
        if total is None:
            total = term if k % 2 == 0 else c.map("negative", term)
        else:
            total = c.map("add" if k % 2 == 0 else "subtract", total, term)
    return total
