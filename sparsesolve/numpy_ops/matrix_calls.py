"""Systems, inverses, Cholesky factors and exponentials as calls with closed rules.

The rules are those of Giles (2008), "Collected matrix derivative results", section 2, and for the
exponential that of Mathias (1996), "A chain rule for matrix functions". Derivatives of all orders
are calls again, with sums and masks between them, so that none is left to autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from sparsesolve.ir.builder import Builder
from sparsesolve.ir.matrix_call import Called, MatrixCall, Shape
from sparsesolve.ir.program import Slots

__all__ = [
    "CHOLESKY",
    "INVERSE",
    "PRODUCT",
    "SOLVE",
    "Eigenvalues",
    "Exponential",
]

Many = Sequence[Slots | None]


class _Product(MatrixCall):
    """``A @ B`` of two matrices."""

    name = "matmul"
    has_jacobian = True

    def __call__(self, a: Any, b: Any) -> Any:
        return anp.dot(a, b)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0][0], shapes[1][1]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        left, right = at.operands
        parts = [self.on(b, moving[0], right)] if moving[0] is not None else []
        if moving[1] is not None:
            parts.append(self.on(b, left, moving[1]))
        return parts[0] if len(parts) == 1 else b.map("add", *parts)

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        left, right = at.operands
        return [
            self.on(b, bar, right.T) if wanted[0] else None,
            self.on(b, left.T, bar) if wanted[1] else None,
        ]

    def jacobian(self, operand: int, *operands: Any) -> Any:
        left, right = operands
        if operand:
            return anp.kron(left, np.eye(right.shape[1]))
        return anp.kron(np.eye(left.shape[0]), anp.transpose(right))


class _Solve(MatrixCall):
    """The solution of ``A X = B``, for a vector or the columns of a matrix."""

    name = "linalg.solve"
    has_jacobian = True

    def __call__(self, a: Any, b: Any) -> Any:
        return anp.linalg.solve(a, b)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[1]

    @property
    def transposed(self) -> _Solve:
        """The call for the transposed matrix; it gets it transposed."""
        return self

    def read(self, b: Builder, matrix: Slots) -> Slots:
        """Return the slots of a matrix, those of zero where it is not read."""
        return matrix

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        right = moving[1]
        if moving[0] is not None:
            x = at.result
            change = PRODUCT.on(b, self.read(b, moving[0]), x.reshape(len(x), -1)).reshape(x.shape)
            right = b.map("negative", change) if right is None else b.map("subtract", right, change)
        assert right is not None
        return self.on(b, at.operands[0], right)

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        weights = self.transposed.on(b, at.operands[0].T, bar)
        if not wanted[0]:
            return [None, weights]
        return [self.read(b, _negative_outer(b, weights, at.result)), weights]

    def jacobian(self, operand: int, *operands: Any) -> Any:
        matrix, right = operands
        n = len(matrix)
        inverse = anp.linalg.inv(matrix)
        x = anp.reshape(right if operand else anp.linalg.solve(matrix, right), (n, -1))
        width = x.shape[1]
        if operand:
            return inverse if width == 1 else anp.kron(inverse, np.eye(width))
        return _outer_block(-inverse, x)


class _TriangularSolve(_Solve):
    """The same for a matrix that is triangular by structure; the other triangle is not read."""

    name = "solve_triangular"

    def __init__(self, *, lower: bool) -> None:
        self._lower = lower

    def __call__(self, a: Any, b: Any) -> Any:
        if isbox(a) or isbox(b):
            return anp.linalg.solve(self._triangle(a), b)
        from scipy.linalg.lapack import dtrtrs  # noqa: PLC0415  (slow to import)

        # what is one triangle by rows is the other one, transposed, by columns, as LAPACK has it
        x, failed = dtrtrs(a.T, b, lower=not self._lower, trans=1)
        return np.full(b.shape, np.nan) if failed else x

    @property
    def transposed(self) -> _Solve:
        """The call for the transposed matrix; it gets it transposed."""
        return UPPER_SOLVE if self._lower else LOWER_SOLVE

    def read(self, b: Builder, matrix: Slots) -> Slots:
        """Return the slots of a matrix, those of zero where it is not read."""
        inside = np.tri(len(matrix), dtype=bool)
        return np.where(inside if self._lower else inside.T, matrix, np.int32(b.scalar(0.0)))

    def _triangle(self, a: Any) -> Any:
        return anp.tril(a) if self._lower else anp.triu(a)

    def jacobian(self, operand: int, *operands: Any) -> Any:
        matrix, right = operands
        block = super().jacobian(operand, self._triangle(matrix), right)
        return block if operand else block * self._triangle(np.ones(matrix.shape)).reshape(1, -1)


class _Inverse(MatrixCall):
    """The inverse of a matrix."""

    name = "linalg.inv"
    has_jacobian = True

    def __call__(self, a: Any) -> Any:
        return anp.linalg.inv(a)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        assert moving[0] is not None
        return self._between(b, at.result, moving[0])

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        return [self._between(b, at.result.T, bar)]

    def _between(self, b: Builder, inverse: Slots, change: Slots) -> Slots:
        return b.map("negative", PRODUCT.on(b, PRODUCT.on(b, inverse, change), inverse))

    def jacobian(self, operand: int, *operands: Any) -> Any:
        inverse = anp.linalg.inv(operands[0])
        return _outer_block(-inverse, inverse)


class _Cholesky(MatrixCall):
    """The lower factor of a symmetric matrix whose two triangles are given."""

    name = "linalg.cholesky"
    has_jacobian = True

    def __call__(self, a: Any) -> Any:
        return anp.linalg.cholesky(a)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        assert moving[0] is not None
        half = LOWER_SOLVE.on(b, at.result, moving[0])
        inner = LOWER_SOLVE.on(b, at.result, half.T)
        return PRODUCT.on(b, at.result, _lower_half(b, inner))

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        inner = _lower_half(b, PRODUCT.on(b, at.result.T, bar))
        half = UPPER_SOLVE.on(b, at.result.T, inner)
        whole = UPPER_SOLVE.on(b, at.result.T, half.T)
        return [b.map("multiply", 0.5, b.map("add", whole, whole.T))]

    def jacobian(self, operand: int, *operands: Any) -> Any:
        factor = anp.linalg.cholesky(operands[0])
        inverse, n = anp.linalg.inv(factor), len(factor)
        half = np.tril(np.ones((n, n)) - 0.5 * np.eye(n))
        left = anp.einsum("ia,aj,ak->ijk", factor, half, inverse)
        return anp.reshape(left[..., None] * inverse[None, :, None, :], (n * n, n * n))


class Eigenvalues(MatrixCall):
    """The eigenvalues of a symmetric matrix whose two triangles are given.

    Parameters
    ----------
    values, vectors : callable
        Primitives that compute them, and the eigenvectors.
    """

    name = "eigh"
    has_jacobian = True

    def __init__(self, values: Callable[[Any], Any], vectors: Callable[[Any], Any]) -> None:
        self._values, self._vectors = values, vectors

    def __call__(self, *operands: Any) -> Any:
        """Return the value."""
        return self._values(*operands)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the result for operands of some shapes."""
        return shapes[0][:1]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        """Append the tangent of the result and return its slots."""
        assert moving[0] is not None
        vectors = self._on(b, at)
        products = b.map("multiply", vectors, PRODUCT.on(b, moving[0], vectors))
        n = len(vectors)
        return b.reduce(products.T.reshape(-1), np.arange(0, n * n + 1, n))

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        """Append the adjoint of the operand."""
        vectors = self._on(b, at)
        return [PRODUCT.on(b, b.map("multiply", vectors, bar[None, :]), vectors.T)]

    def jacobian(self, operand: int, *operands: Any) -> Any:
        """Return d result / d operand as a matrix, made of autograd's functions."""
        rows = anp.transpose(self._vectors(operands[0]))
        return anp.reshape(rows[:, :, None] * rows[:, None, :], (len(rows), -1))

    def _on(self, b: Builder, at: Called) -> Slots:
        matrix = at.operands[0]
        return b.opaque("eigenvectors", self._vectors, [matrix], matrix.shape)


class Exponential(MatrixCall):
    """The exponential of a matrix.

    Parameters
    ----------
    function : callable
        A primitive that computes it.
    """

    name = "expm"

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, *operands: Any) -> Any:
        """Return the value."""
        return self._function(*operands)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the result for operands of some shapes."""
        return shapes[0]

    def push(self, b: Builder, at: Called, moving: Many) -> Slots:
        """Append the tangent of the result and return its slots."""
        assert moving[0] is not None
        return self._in_direction(b, at.operands[0], moving[0])

    def pull(self, b: Builder, at: Called, bar: Slots, wanted: Sequence[bool]) -> Many:
        """Append the adjoint of the operand."""
        return [self._in_direction(b, at.operands[0].T, bar)]

    def _in_direction(self, b: Builder, matrix: Slots, direction: Slots) -> Slots:
        """Read the derivative off the exponential of a block matrix."""
        n = len(matrix)
        none = np.full((n, n), b.scalar(0.0), dtype=np.int32)
        return self.on(b, np.block([[matrix, direction], [none, matrix]]))[:n, n:]


def _outer_block(left: Any, right: Any) -> Any:
    """Return what turns a change D of a matrix into ``left @ D @ right``, as a matrix."""
    block = left[:, None, :, None] * anp.transpose(right)[None, :, None, :]
    rows, columns = left.shape[0] * right.shape[1], left.shape[1] * right.shape[0]
    return anp.reshape(block, (rows, columns))


def _negative_outer(b: Builder, weights: Slots, x: Slots) -> Slots:
    """Slots of ``-weights @ x.T``."""
    if weights.ndim == 1:
        return b.map("multiply", b.map("negative", weights)[:, None], x[None, :])
    return b.map("negative", PRODUCT.on(b, weights, x.T))


def _lower_half(b: Builder, square: Slots) -> Slots:
    """Slots of the lower triangle with half the diagonal; zero above."""
    n = len(square)
    found = np.where(np.tri(n, k=-1, dtype=bool), square, np.int32(b.scalar(0.0)))
    found[np.diag_indices(n)] = b.map("multiply", 0.5, np.diagonal(square).copy())
    return found


PRODUCT = _Product()
SOLVE = _Solve()
LOWER_SOLVE = _TriangularSolve(lower=True)
UPPER_SOLVE = _TriangularSolve(lower=False)
INVERSE = _Inverse()
CHOLESKY = _Cholesky()
