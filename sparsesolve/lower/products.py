"""Sums of products: the one core behind dot, matmul, einsum, convolution and sparse products.

All of these differ only in which elements meet. The terms of every result are laid
out along a last axis; where a constant factor is exactly zero, or a slot is a hole, the term is
left out, so that a constant matrix costs and couples what its nonzeros do.

Data layout. An operand is slots or a float64 array, with one letter an axis as in ``einsum``.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Index, Node, Slots
from sparsesolve.lower.context import Context, is_slots
from sparsesolve.lower.layers import MANY, UNROLLED

__all__ = ["contract", "read_subscripts", "summed_terms"]

_MOST_TERMS = 50_000_000

_PRODUCT = (Node("load", (0,)), Node("load", (1,)), Node("multiply", (0, 1)))


def contract(c: Context, operands: Sequence[Any], letters: Sequence[str], output: str) -> Any:
    """Multiply operands whose axes are named by letters, and sum over letters not in `output`.

    Parameters
    ----------
    operands : sequence of slots or ndarray
        At least one is slots.
    letters : sequence of str
        One letter an axis of each operand.
    output : str
        Letters of the result, each in some operand.

    Returns
    -------
    ndarray of int32
        Slots of the result.

    Notes
    -----
    Several operands are joined pairwise from the left; a pair's result keeps the letters that
    are needed later.
    """
    parts = [_unique(operand, names) for operand, names in zip(operands, letters, strict=True)]
    while len(parts) > 1:
        (a, left), (b, right) = parts[:2]
        later = output + "".join(names for _, names in parts[2:])
        kept = "".join(dict.fromkeys(k for k in left + right if k in later))
        names = output if len(parts) == 2 else kept
        parts[:2] = [(_pair(c, a, left, b, right, names), names)]
    return _single(c, *parts[0], output)


def read_subscripts(text: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Read einsum subscripts; an ellipsis becomes letters that nobody uses."""
    left, arrow, output = text.replace(" ", "").partition("->")
    terms = left.split(",")
    free = [k for k in ascii_letters if k not in text]
    hidden = [n - len(t.replace("...", "")) for n, t in zip(ndims, terms, strict=True)]
    dots = "".join(free[: max([0, *(h for h, t in zip(hidden, terms, strict=True) if "." in t)])])
    letters = [
        term.replace("...", dots[len(dots) - count :]) if "." in term else term
        for term, count in zip(terms, hidden, strict=True)
    ]
    if arrow:
        return letters, output.replace("...", dots)
    named = "".join(terms).replace(".", "")
    return letters, dots + "".join(sorted(k for k in set(named) if named.count(k) == 1))


def _unique(operand: Any, names: str) -> tuple[Any, str]:
    """Take the diagonal over letters that repeat within one operand."""
    array = np.asarray(operand)
    distinct = "".join(dict.fromkeys(names))
    if len(distinct) < len(names):
        array = np.einsum(f"{names}->{distinct}", array)  # moves elements only
    return array, distinct


def _single(c: Context, a: Any, names: str, output: str) -> Any:
    if names == output:
        return a
    summed = [k for k in range(len(names)) if names[k] not in output]
    ordered = np.transpose(a, [names.index(k) for k in output] + summed)
    if not summed:
        return ordered
    shape = ordered.shape[: len(output)]
    count = int(np.prod(ordered.shape[len(output) :], dtype=np.int64))
    return c.sum_rows(np.reshape(ordered, (*shape, count)))


def _pair(c: Context, a: Any, left: str, b: Any, right: str, output: str) -> Any:
    if not is_slots(a) and not is_slots(b):
        return np.einsum(f"{left},{right}->{output}", a, b)
    summed = "".join(dict.fromkeys(k for k in left + right if k not in output))
    sizes: dict[str, int] = {}
    for array, names in ((a, left), (b, right)):
        for name, size in zip(names, array.shape, strict=True):
            sizes[name] = size if sizes.get(name, 1) == 1 else sizes[name]
    shape = tuple(sizes[k] for k in output)
    terms = tuple(sizes[k] for k in summed)
    count = int(np.prod(terms, dtype=np.int64))
    if count * int(np.prod(shape, dtype=np.int64)) > _MOST_TERMS:
        raise c.unsupported(
            f"got a product of {count * int(np.prod(shape, dtype=np.int64))} terms",
            f"At most {_MOST_TERMS} are recorded one by one: use a sparse matrix, or make the "
            "product a primitive with autograd.extend.primitive and defvjp.",
        )
    factors = []
    for array, names in ((a, left), (b, right)):
        ids, wanted = _factor(c, array)
        full = (*shape, *terms)
        factors += [_spread(part, names, output + summed, full) for part in (ids, wanted)]
    flat = [part.reshape(*shape, count) for part in factors]
    often = min(flat[0].size // max(1, np.size(array)) for array in (a, b)) >= MANY
    kept = False
    if c.layers is not None and c.step is not None and count >= MANY:
        kept = c.layers.keeps(c.step, often=often)
    return _sum_products(c, flat[0], flat[2], flat[1] & flat[3], written_out=not kept)


def _factor(c: Context, operand: Any) -> tuple[Slots, NDArray[np.bool_]]:
    """Slots of a factor, and where it is not zero by structure."""
    if is_slots(operand):
        return operand, operand != c.zero
    wanted = np.asarray(operand != 0.0)
    if wanted.all():
        return c.builder.constant(operand), wanted
    ids = np.full(operand.shape, c.zero, dtype=np.int32)
    ids[wanted] = c.builder.constant(operand[wanted])
    return ids, wanted


def _spread(array: Any, names: str, order: str, shape: tuple[int, ...]) -> Any:
    """Broadcast an operand to all letters, in the given order."""
    present = [k for k in order if k in names]
    ordered = np.transpose(array, [names.index(k) for k in present])
    index = tuple(slice(None) if k in names else None for k in order)
    return np.broadcast_to(ordered[index], shape)


def _sum_products(
    c: Context, a: Slots, b: Slots, wanted: NDArray[np.bool_], *, written_out: bool
) -> Slots:
    """Sum the wanted products of two factors over their last axis, as maps if they are few."""
    shape, count = a.shape[:-1], a.shape[-1]
    rows = int(np.prod(shape, dtype=np.int64))
    whole = bool(wanted.all())
    if count == 1 and whole:
        return np.asarray(_times(c, a[..., 0], b[..., 0]), dtype=np.int32)
    if written_out and whole and 0 < count <= UNROLLED <= rows:
        products = [_times(c, a[..., k], b[..., k]) for k in range(count)]
        return np.asarray(c.chain("add", products), dtype=np.int32)
    segments = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(wanted.reshape(rows, count).sum(axis=1), out=segments[1:])
    if segments[-1] == 0:
        return np.full(shape, c.zero, dtype=np.int32)
    left, right = (a.reshape(-1), b.reshape(-1)) if whole else (a[wanted], b[wanted])
    return summed_terms(c, left, right, segments).reshape(shape)


def summed_terms(c: Context, a: Slots, b: Slots, segments: NDArray[np.int64]) -> Slots:
    """Sum consecutive products ``a[i] * b[i]``, as one kernel."""
    loads = [ids for ids in (a, b) if not _is_one(c, ids)]
    if len(loads) < 2:
        return c.builder.reduce([*loads, a][0], segments)
    indices = [Index.of(ids) for ids in loads]
    start = c.builder.kernel(indices[0].length, indices, _PRODUCT, (2,), segments)
    return np.arange(start, start + segments.size - 1, dtype=np.int32)


def _times(c: Context, a: Slots, b: Slots) -> Any:
    if _is_one(c, a):
        return b
    return a if _is_one(c, b) else c.map("multiply", a, b)


def _is_one(c: Context, ids: Slots) -> bool:
    """Whether a factor is the constant one everywhere."""
    one = c.builder.scalar(1.0)
    return bool(ids.size) and int(ids.flat[0]) == one and bool((ids == one).all())
