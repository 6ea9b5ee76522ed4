"""Products with a constant sparse matrix: ``A @ x`` and ``x @ A``."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.ir.program import Slots
from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.products import summed_terms
from sparsesolve.numpy_ops.products import truth_of

__all__: list[str] = []

# ----- sparse matrices -----


@rule("sparse_matmul", "products")
def _lower_sparse_matmul(c: Context, matrix: Any, x: Any) -> Any:
    return truth_of(c, _apply_sparse(c, matrix.tocsr(), x))


@rule("sparse_rmatmul", "products")
def _lower_sparse_rmatmul(c: Context, x: Any, matrix: Any) -> Any:
    product = _apply_sparse(c, matrix.T.tocsr(), np.transpose(x))
    return np.transpose(truth_of(c, product))


def _apply_sparse(c: Context, matrix: Any, x: Slots) -> Slots:
    if x.size == 0 or matrix.nnz == 0:
        return np.full((matrix.shape[0], *x.shape[1:]), c.zero, dtype=np.int32)
    data = np.asarray(matrix.data, dtype=np.float64)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[data != 0.0]
    columns, data = matrix.indices[data != 0.0], data[data != 0.0]
    counts = np.bincount(rows, minlength=matrix.shape[0])
    width = int(np.prod(x.shape[1:], dtype=np.int64))
    # one column of x after the other: the result is the transpose of what is wanted
    segments = np.concatenate([[0], np.cumsum(np.tile(counts, width))])
    loads = x.reshape(x.shape[0], width).T[:, columns].reshape(-1)
    result = summed_terms(c, np.tile(c.builder.constant(data), width), loads, segments)
    return result.reshape(width, matrix.shape[0]).T.reshape(matrix.shape[0], *x.shape[1:])
