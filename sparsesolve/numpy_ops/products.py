"""Products of dense arrays; what is left of them on a tape is ``dot``, ``matmul``, ``einsum``.

A rule only says which elements meet; `sparsesolve.lower.products` does the rest.
"""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.products import contract, read_subscripts
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand
from sparsesolve.trace.sources import user_line

__all__ = ["arrays_of", "is_truth", "plain_value", "product_of", "truth_of"]

# --- products ---


@implements(np.dot, recorded=True)
def _dot(a: Any, b: Any, out: None = None) -> Any:
    return anp.dot(operand(a), operand(b))


@implements(np.outer, np.linalg.outer)
def _outer(a: Any, b: Any, out: None = None) -> Any:
    return anp.reshape(operand(a), (-1, 1)) * anp.reshape(operand(b), (1, -1))


@implements(np.inner)
def _inner(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    return _tensordot(a, b, ((-1,), (-1,)))


@implements(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return anp.dot(anp.reshape(_conjugate(a), (-1,)), anp.reshape(operand(b), (-1,)))


def _conjugate(a: Any) -> Any:
    """Return the conjugate of complex numbers; real ones as they are."""
    a = operand(a)
    return anp.conj(a) if np.result_type(plain_value(a)).kind == "c" else a


@implements(np.vecdot, np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, axis: int = -1, **options: Any) -> Any:
    products = _conjugate(x1) * operand(x2)
    return (anp.any if products.dtype == bool else anp.sum)(products, axis=axis)


implements(np.matvec)(lambda x1, x2: anp.matmul(x1, x2[..., None])[..., 0])
implements(np.vecmat)(lambda x1, x2: anp.matmul(_conjugate(x1)[..., None, :], x2)[..., 0, :])
implements(np.linalg.matmul)(lambda x1, x2: anp.matmul(x1, x2))


@implements(np.tensordot, np.linalg.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = operand(a), operand(b)
    if isinstance(axes, (int, np.integer)):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    axes_a = [int(k) % a.ndim for k in np.atleast_1d(axes[0])]
    axes_b = [int(k) % b.ndim for k in np.atleast_1d(axes[1])]
    free_a = [k for k in range(a.ndim) if k not in axes_a]
    free_b = [k for k in range(b.ndim) if k not in axes_b]
    inner = int(np.prod([a.shape[k] for k in axes_a], dtype=np.int64))
    outer_a, outer_b = [a.shape[k] for k in free_a], [b.shape[k] for k in free_b]
    left = anp.reshape(anp.transpose(a, free_a + axes_a), (_size(outer_a), inner))
    right = anp.reshape(anp.transpose(b, axes_b + free_b), (inner, _size(outer_b)))
    return anp.reshape(anp.dot(left, right), (*outer_a, *outer_b))


def _size(shape: list[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


@implements(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = operand(a), operand(b)
    ndim = max(np.ndim(a), np.ndim(b))
    shape_a = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    shape_b = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    wide_a = [n for length in shape_a for n in (length, 1)]
    wide_b = [n for length in shape_b for n in (1, length)]
    product = anp.reshape(a, wide_a) * anp.reshape(b, wide_b)
    return anp.reshape(product, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@implements(np.cross)
def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = anp.moveaxis(operand(a), axisa, -1), anp.moveaxis(operand(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise refuse(f"np.cross of vectors without 3 components at {user_line()}", "Add a zero")
    parts = [a[..., j] * b[..., k] - a[..., k] * b[..., j] for j, k in ((1, 2), (2, 0), (0, 1))]
    return anp.stack(parts, axis=axisc)


implements(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis))


@implements(np.einsum, recorded=True)
def _einsum(*operands: Any, optimize: Any = False, **options: Any) -> Any:
    if any(value is not None for value in options.values()):
        raise refuse(f"np.einsum with {set(options)} at {user_line()}", "Leave the option out")
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0], operands[1:]
    else:
        subscripts, arrays = _subscripts(operands), operands[: len(operands) // 2 * 2 : 2]
    if optimize is not False:
        _one_kind("np.einsum with `optimize`", arrays)
    return anp.einsum(subscripts, *map(operand, arrays))


def _one_kind(name: str, arrays: Any) -> None:
    """Refuse truth beside numbers in a product whose order NumPy chooses."""
    if len(arrays) > 2 and len({is_truth(a) for a in map(operand, arrays)}) > 1:
        raise refuse(
            f"{name} of truth values and numbers at {user_line()}, which depends on the order of "
            "the products",
            "Multiply the comparisons by 1.0 first, or write the products one by one",
        )


def plain_value(value: Any) -> NDArray[Any]:
    """Return the numbers of an array, traced or not."""
    return np.asarray(getattr(value, "_value", value))


def is_truth(array: Any) -> bool:
    """Whether an array, traced or not, holds truth values."""
    return bool(np.result_type(plain_value(array)) == np.bool_)


def _subscripts(operands: tuple[Any, ...]) -> str:
    """Write einsum's interleaved lists as a string."""

    def letters(labels: Any) -> str:
        return "".join("..." if k is Ellipsis else chr(ord("a") + k) for k in labels)

    pairs = len(operands) // 2
    joined = ",".join(letters(labels) for labels in operands[1 : 2 * pairs : 2])
    return f"{joined}->{letters(operands[-1])}" if len(operands) % 2 else joined


@implements(np.trace, np.linalg.trace)
def _trace(
    a: Any,
    offset: int = 0,
    axis1: int | None = None,
    axis2: int | None = None,
    **options: Any,
) -> Any:
    return anp.sum(anp.diagonal(a, offset, axis1 or 0, 1 if axis2 is None else axis2), axis=-1)


implements(np.linalg.diagonal)(lambda x, /, *, offset=0: anp.diagonal(x, offset, -2, -1))


@implements(np.linalg.multi_dot)
def _multi_dot(arrays: Any, out: None = None) -> Any:
    first, *rest = arrays
    _one_kind("np.linalg.multi_dot", arrays)
    for array in rest:
        first = anp.dot(first, operand(array))
    return first


# --- lowering ---


def arrays_of(c: Context, *values: Any) -> list[Any]:
    """Return lowered values as arrays."""
    return [np.asarray(c.operand(value)) for value in values]


def product_of(c: Context, operands: list[Any], letters: list[str], output: str) -> Any:
    """Contract; a product of truth arrays is truth in NumPy: whether any term is true."""
    return truth_of(c, contract(c, operands, letters, output))


def truth_of(c: Context, result: Any) -> Any:
    """Make truth of a product of truth arrays."""
    return c.map("not_equal", result, 0.0) if c.kind == "b" else result


@rule("matmul", "products")
def _lower_matmul(c: Context, a: Any, b: Any) -> Any:
    a, b = arrays_of(c, a, b)
    batch = ascii_letters[: max(a.ndim, b.ndim)]
    left = batch[len(batch) - max(0, a.ndim - 2) :] + ("YX" if a.ndim > 1 else "X")
    right = batch[len(batch) - max(0, b.ndim - 2) :] + ("XZ" if b.ndim > 1 else "X")
    outer = left[:-2] if len(left) > len(right) else right[:-2]
    output = outer + "Y" * (a.ndim > 1) + "Z" * (b.ndim > 1)
    return product_of(c, [a, b], [left, right], output)


@rule("dot", "products")
def _lower_dot(c: Context, a: Any, b: Any) -> Any:
    a, b = arrays_of(c, a, b)
    if a.ndim == 0 or b.ndim == 0:
        return c.map("multiply", a, b)
    left = ascii_letters[: a.ndim]
    right = ascii_letters[a.ndim : a.ndim + b.ndim]
    shared = max(0, b.ndim - 2)
    right = right[:shared] + left[-1] + right[shared + 1 :]
    output = left[:-1] + right[:shared] + right[shared + 1 :]
    return product_of(c, [a, b], [left, right], output)


@rule("einsum", "products")
def _lower_einsum(c: Context, subscripts: Any, *arrays: Any, **options: Any) -> Any:
    if not isinstance(subscripts, str):
        raise c.unsupported("got lists of axis numbers", 'Write the subscripts as "ij,jk->ik".')
    operands = arrays_of(c, *arrays)
    letters, output = read_subscripts(subscripts, [array.ndim for array in operands])
    return product_of(c, operands, letters, output)
