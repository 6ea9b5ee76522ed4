"""Positive semidefinite or not: by the whole matrix, at all sizes, dense and sparse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sparsesolve.methods.convexity import is_positive_semidefinite

SIZES = [1, 2, 3, 31, 32, 33, 100, 201, 260]


def factor(rows: int, n: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    dense = draw.normal(size=(rows, n)) * (draw.random((rows, n)) < min(1.0, 4.0 / n))
    return dense * 10.0 ** draw.integers(-4, 5, n)  # units that differ


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("share", [1.5, 0.5])
def test_sums_of_squares_are(n: int, share: float) -> None:
    B = factor(max(1, int(share * n)), n, n)
    assert is_positive_semidefinite(sp.csr_array(B.T @ B))


@pytest.mark.parametrize("n", [size for size in SIZES if size > 1])
def test_one_negative_direction_is_enough(n: int) -> None:
    B = factor(2 * n, n, n)
    H = B.T @ B + np.diag((B**2).sum(axis=0) + 1e-8)
    v = np.random.default_rng(n).normal(size=n)
    lowest = 1.0 / (v @ np.linalg.solve(H, v))
    for share, expected in ((0.99, True), (1.01, False)):
        assert (
            is_positive_semidefinite(sp.csr_array(H - share * lowest * np.outer(v, v))) is expected
        )


@pytest.mark.parametrize("n", [300, 1000])
def test_sparse_matrices_of_grids(n: int) -> None:
    path = sp.diags_array([-np.ones(n - 1), 2.0 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    lowest = 4.0 * np.sin(0.5 * np.pi / (n + 1)) ** 2
    assert is_positive_semidefinite(sp.csr_array(path))
    assert is_positive_semidefinite(sp.csr_array(path - 0.999 * lowest * sp.eye_array(n)))
    assert not is_positive_semidefinite(sp.csr_array(path - 1.001 * lowest * sp.eye_array(n)))


@pytest.mark.parametrize(
    "wrong",
    [
        [[0.0, 1.0], [1.0, 5.0]],
        [[-1.0, 0.0], [0.0, 1.0]],
        [[np.nan, 0.0], [0.0, 1.0]],
        [[np.inf, 0.0], [0.0, 1.0]],
        [[1e-8, 1.0], [1.0, 1e6]],
    ],
)
def test_what_is_not(wrong: list[list[float]]) -> None:
    assert not is_positive_semidefinite(sp.csr_array(np.array(wrong)))


def test_nothing_and_zeros() -> None:
    assert is_positive_semidefinite(sp.csr_array((0, 0)))
    assert is_positive_semidefinite(sp.csr_array((3, 3)))
    stored = sp.csr_array((np.zeros(4), ([0, 0, 1, 1], [0, 1, 0, 1])), shape=(2, 2))
    assert is_positive_semidefinite(stored)
