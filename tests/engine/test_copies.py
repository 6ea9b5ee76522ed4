"""Entries that share one value: what is copied within the result, at every size of a plan."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

SIZES = [1, 2, 31, 32, 33, 40, 100, 3000]


def weights_and_sums(x):
    """Constants in front of rows of which all entries are the same."""
    k = np.arange(1.0, x.size + 1) / 7
    return np.concatenate([k * x, [np.sum(x) ** 2, np.sin(np.sum(x))]])


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_one_value_behind_constants(n, rng):
    x = rng.uniform(-1, 1, n)
    s = x.sum()
    dense = ss.jacobian(weights_and_sums, x)(x).toarray()
    np.testing.assert_array_equal(np.diag(dense), np.arange(1.0, n + 1) / 7)
    np.testing.assert_allclose(dense[n], 2 * s, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dense[n + 1], np.cos(s), rtol=1e-12)


@pytest.mark.parametrize("n", SIZES[:-1])
def test_steps_of_a_running_sum_behind_constants(n, rng):
    k, x = rng.uniform(-1, 1, (2, n))
    dense = ss.jacobian(lambda x: np.concatenate([k * x, np.cumsum(x) ** 2]), x)(x).toarray()
    lower = np.tril(np.repeat(2 * np.cumsum(x)[:, None], n, axis=1))
    np.testing.assert_allclose(dense, np.concatenate([np.diag(k), lower]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", SIZES[1:-1])
def test_blocks_of_one_value_in_gradient_and_hessian(n, rng):
    k, x = rng.uniform(-1, 1, (2, n))
    h = n // 2

    def f(x):
        return np.sum(x[:h]) ** 3 + np.sum(x[h:]) ** 4 + np.sum(k * x**2)

    low, high = x[:h].sum(), x[h:].sum()
    gradient = np.repeat([3 * low**2, 4 * high**3], [h, n - h]) + 2 * k * x
    np.testing.assert_allclose(ss.gradient(f, x)(x), gradient, rtol=1e-11, atol=1e-13)
    hessian = np.diag(2 * k)
    hessian[:h, :h] += 6 * low
    hessian[h:, h:] += 12 * high**2
    got = ss.hessian(f, x)(x).toarray()
    np.testing.assert_allclose(got, hessian, rtol=1e-11, atol=1e-13)
