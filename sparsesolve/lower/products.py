"""Sums of products: the one core behind dot, matmul, einsum, convolution and sparse products.

Separate because all of these differ only in which elements meet. The terms of every result are laid
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

from sparsesolve.lower.context import Context, is_traced
from sparsesolve.program import Index, Node, Slots

__all__ = ["contract", "read_subscripts", "sum_products"]

_MOST_TERMS = 50_000_000
_UNROLLED = 8  # up to so many terms a result, the sum is a chain of maps, which fuses

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
    if not is_traced(a) and not is_traced(b):
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
    full = (*shape, *terms)
    spread = [
        _spread(array, names, output + summed, full) for array, names in ((a, left), (b, right))
    ]
    flat = (*shape, count)
    return sum_products(c, *(array.reshape(flat) for array in spread))


def _spread(array: Any, names: str, order: str, shape: tuple[int, ...]) -> Any:
    """Broadcast an operand to all letters, in the given order."""
    present = [k for k in order if k in names]
    ordered = np.transpose(array, [names.index(k) for k in present])
    index = tuple(slice(None) if k in names else None for k in order)
    return np.broadcast_to(ordered[index], shape)


def sum_products(c: Context, a: Any, b: Any) -> Slots:
    """Sum the products of two operands over their last axis.

    Parameters
    ----------
    c : Context
        Receives the instructions.
    a, b : slots or ndarray of float64, shape (..., k)
        The factors; at least one is slots.

    Returns
    -------
    ndarray of int32, shape (...)
        Slots of the sums.
    """
    shape, count = a.shape[:-1], a.shape[-1]
    rows = int(np.prod(shape, dtype=np.int64))
    wanted = _nonzero(c, a) & _nonzero(c, b)
    whole = bool(wanted.all())
    if count == 1 and whole:
        return np.asarray(_times(c, a[..., 0], b[..., 0]), dtype=np.int32)
    if whole and 0 < count <= _UNROLLED <= rows:
        products = [_times(c, a[..., k], b[..., k]) for k in range(count)]
        return np.asarray(c.chain("add", products), dtype=np.int32)
    segments = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(wanted.reshape(rows, count).sum(axis=1), out=segments[1:])
    if segments[-1] == 0:
        return np.full(shape, c.zero, dtype=np.int32)
    left, right = (a.reshape(-1), b.reshape(-1)) if whole else (a[wanted], b[wanted])
    return summed_terms(c, left, right, segments).reshape(shape)


def summed_terms(c: Context, a: Any, b: Any, segments: NDArray[np.int64]) -> Slots:
    """Sum consecutive products ``a[i] * b[i]``, as one kernel."""
    loads = [array for array in (a, b) if is_traced(array) or not bool((array == 1.0).all())]
    if len(loads) == 1:
        return c.builder.reduce(loads[0], segments)
    ids = [array if is_traced(array) else shared_constants(c, array) for array in loads]
    indices = [Index.of(array) for array in ids]
    start = c.builder.kernel(indices[0].length, indices, _PRODUCT, (2,), segments)
    return np.arange(start, start + segments.size - 1, dtype=np.int32)


def shared_constants(c: Context, values: NDArray[np.float64]) -> Slots:
    """Give slots to constants that may repeat a lot; equal ones share a slot then."""
    distinct, inverse = np.unique(values, return_inverse=True)
    if distinct.size * 4 > values.size:
        return c.builder.constant(values)
    return c.builder.constant(distinct)[inverse.reshape(values.shape)]


def _times(c: Context, a: Any, b: Any) -> Any:
    if not is_traced(a) and bool((a == 1.0).all()):
        return b
    if not is_traced(b) and bool((b == 1.0).all()):
        return a
    return c.map("multiply", a, b)


def _nonzero(c: Context, operand: Any) -> NDArray[np.bool_]:
    return np.asarray(operand != (c.zero if is_traced(operand) else 0.0))
