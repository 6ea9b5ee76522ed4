"""Patterns: published answers, tightness, and the cases where other detectors go wrong."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.sparse as sp
from autograd.extend import defvjp, primitive

import sparsesolve as ss
from sparsesolve.derivatives.traced_function import TracedFunction
from sparsesolve.differentiate.detect import boolean_pattern, jacobian_structure
from tests import oracles


def jacobian_mask(function, n, **kwargs):
    return ss.jacobian_pattern(function, np.linspace(0.2, 0.9, n), **kwargs).to_dense().astype(int)


def hessian_mask(function, n, **kwargs):
    return ss.hessian_pattern(function, np.linspace(0.2, 0.9, n), **kwargs).to_dense().astype(int)


# ----- published answers: SparseConnectivityTracer.jl, asdex (KNOWN ANSWERS, table b3) -----


def test_sct_readme_jacobian():
    mask = jacobian_mask(lambda x: np.array([x[0] ** 2, 2 * x[0] * x[1] ** 2, np.sin(x[2])]), 3)
    assert mask.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_sct_hessian_of_cubed_differences_is_tridiagonal():
    mask = hessian_mask(lambda x: np.sum(np.diff(x) ** 3), 4)
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]


def test_sct_hessian_of_quotients():
    mask = hessian_mask(lambda x: x[0] / x[1] + x[2] / 1 + 1 / x[3], 4)
    assert np.argwhere(mask).tolist() == [[0, 1], [1, 0], [1, 1], [3, 3]]


def test_sct_hessian_of_products():
    mask = hessian_mask(lambda x: (x[0] * x[1]) * (x[2] * x[3]), 4)
    assert (mask == 1 - np.eye(4, dtype=int)).all()
    mask = hessian_mask(lambda x: (x[0] + x[1]) * (x[2] + x[3]), 4)
    assert mask.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


def test_sct_hessian_of_clip_is_empty():
    assert hessian_mask(lambda x: np.sum(np.clip(x, 0.3, 0.6)), 3).sum() == 0


def test_asdex_hessian_of_prod():
    assert hessian_mask(np.prod, 6).sum() == 30


def test_sct_hessian_of_det_of_a_diagonal():
    mask = hessian_mask(lambda x: np.linalg.det(np.diag(x)), 3)
    assert (mask == 1 - np.eye(3, dtype=int)).all()


def test_local_patterns():
    p = ss.jacobian_pattern(lambda x: x[0] * x[1], np.array([1.0, 0.0]), local=True)
    assert p.to_dense().astype(int).tolist() == [[0, 1]]
    p = ss.jacobian_pattern(lambda x: np.maximum(x[0], x[1]), np.array([2.0, 2.0]), local=True)
    assert p.to_dense().astype(int).tolist() == [[1, 1]]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_iterated_differences_have_k_plus_one_bands(k):
    J = ss.jacobian(lambda x: np.diff(x, n=k), np.zeros(20))
    assert J.nnz == (20 - k) * (k + 1)
    assert J.coloring.ncolors == k + 1


@pytest.mark.parametrize("n", [6, 12, 24])
def test_brusselator_has_12_nonzeros_a_cell(n):
    def rhs(y):
        u, v = y[0], y[1]

        def laplacian(w):
            return (
                np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w
            )

        du = 1.0 + u**2 * v - 4.4 * u + 0.1 * laplacian(u)
        dv = 3.4 * u - u**2 * v + 0.1 * laplacian(v)
        return np.stack([du, dv])

    p = ss.jacobian_pattern(rhs, np.ones((2, n, n)))
    assert p.shape == (2 * n * n, 2 * n * n)
    assert p.nnz == 12 * n * n


def test_convolution_layer_of_nnlib():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 3, 3, 3))

    def layer(x):
        image = x.reshape(3, 28, 28)
        planes = []
        for k in range(2):
            plane = 0.0
            for c in range(3):
                for i in range(3):
                    for j in range(3):
                        plane = plane + weights[k, c, i, j] * image[c, i : i + 26, j : j + 26]
            planes.append(plane)
        return np.stack(planes)

    p = ss.jacobian_pattern(layer, np.zeros(28 * 28 * 3))
    assert p.shape == (1352, 2352)
    assert p.nnz == 36504


# ----- where the best existing detector is silently wrong, raises, or is far too dense -----


def test_straight_through_estimator_keeps_the_users_rule():
    @primitive
    def rounded(x):
        return np.round(x)

    defvjp(rounded, lambda ans, x: lambda g: g)
    mask = jacobian_mask(lambda x: anp.concatenate([rounded(x[:1]), rounded(x[1:2])]) * x[:2], 2)
    assert (mask == np.eye(2, dtype=int)).all()
    J = ss.jacobian(lambda x: rounded(x) * 2.0, np.array([0.2, 1.7]))
    np.testing.assert_array_equal(J(np.array([0.2, 1.7])).toarray(), 2.0 * np.eye(2))


def test_swapped_variables_in_a_loop():
    def function(x):
        a, b = x[:3], x[3:]
        for _ in range(3):
            a, b = b, np.sin(a)
        return np.concatenate([a, b])

    mask = jacobian_mask(function, 6)
    expected = oracles.numeric_pattern(function, [np.linspace(0.2, 0.9, 6)]).astype(int)
    assert (mask == expected).all()


def test_clipped_out_of_bounds_index():
    def function(x):
        y = x.copy()
        y[min(9, 3)] = x[0] * x[1]
        return y

    assert (
        jacobian_mask(function, 4) == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0]]
    ).all()


def test_sparse_constant_matrix():
    A = sp.csr_array(sp.diags_array([1.0, -2.0], offsets=[0, 1], shape=(4, 5)))
    p = ss.jacobian_pattern(lambda x: A @ (x**2), np.ones(5))
    assert p == ss.Pattern.from_scipy(A)


@pytest.mark.parametrize("n", [200, 600])
def test_shifting_loop_stays_banded(n):
    def function(x):
        for _ in range(3):
            x = np.sin(x) + np.concatenate([x[1:], x[:1]])
        return x

    assert ss.jacobian_pattern(function, np.ones(n)).nnz == 4 * n


def test_small_stencil_in_a_python_loop():
    def function(x):
        y = np.zeros_like(x)
        for i in range(6):
            y[i] = x[i] * x[(i + 1) % 6]
        return y

    assert ss.jacobian_pattern(function, np.ones(6)).nnz == 12


def test_gather_of_neighbors():
    i = np.arange(6)
    assert ss.jacobian_pattern(lambda x: x[i] * x[(i + 1) % 6], np.ones(6)).nnz == 12
    assert ss.jacobian_pattern(lambda x: np.array([v * v for v in x]), np.ones(6)).nnz == 6


def test_kernel_convolved_with_a_traced_kernel():
    mask = jacobian_mask(lambda x: np.convolve(x[:3], x[3:], mode="valid"), 5)
    expected = oracles.numeric_pattern(
        lambda x: anp.array([x[0] * x[4] + x[1] * x[3], x[1] * x[4] + x[2] * x[3]]),
        [np.linspace(0.2, 0.9, 5)],
    )
    assert (mask == expected).all()


@pytest.mark.parametrize("name", ["solve", "inv"])
def test_linear_algebra_is_a_dense_block(name):
    def function(x):
        A = np.diag(x[:4]) + 0.1
        y = np.linalg.solve(A, x[4:8]) if name == "solve" else np.linalg.inv(A)[0]
        return np.concatenate([y, x[8:] ** 2])

    mask = jacobian_mask(function, 10)
    assert mask[:4, 8:].sum() == 0
    assert mask[4:, :8].sum() == 0
    assert (mask[4:, 8:] == np.eye(2)).all()
    x = np.linspace(0.2, 0.9, 10)
    oracles.assert_close(ss.jacobian(function, x)(x).toarray(), oracles.dense_jacobian(function, x))


# ----- tightness -----


@pytest.mark.parametrize(
    ("function", "nnz"),
    [
        (lambda x: x - x, 0),
        (lambda x: 0.0 * x, 0),
        (lambda x: x * np.array([1.0, 0.0, 2.0]), 2),
        (lambda x: (x + 1.0) - x, 0),
        (lambda x: np.sin(x) * np.array([0.0, 0.0, 1.0]), 1),
        (lambda x: np.sign(x) + np.floor(x), 0),
        (lambda x: (x > 0.3) * x, 3),
        (lambda x: np.where(np.array([True, False, True]), x, 1.0), 2),
        (lambda x: np.where(x > 0.5, x, x[::-1]), 5),
        (lambda x: 2 * x + 3 * x[::-1] - 3 * x[::-1], 3),
        (lambda x: np.sum(np.outer(x, x), axis=1) * 0.0, 0),
        (lambda x: np.pad(x, 1) * 1.0, 3),
        (lambda x: x[[0, 0, 1, 1]], 4),
        (lambda x: np.triu(np.outer(x, np.ones(3))), 6),
        (lambda x: x / x * 1.0, 3),
    ],
)
def test_structure_is_tight(function, nnz):
    assert ss.jacobian_pattern(function, np.linspace(0.2, 0.9, 3)).nnz == nnz


def test_both_sides_of_where_and_maximum_count():
    mask = jacobian_mask(
        lambda x: np.array([np.where(x[0] > 0, x[1], x[2]), np.maximum(x[0], x[1])]), 3
    )
    assert mask.tolist() == [[0, 1, 1], [1, 1, 0]]


def test_patterns_hold_where_values_vanish():
    p = ss.jacobian_pattern(lambda x: x[0] * x[1:] ** 2, np.zeros(4))
    assert p.to_dense().astype(int).tolist() == [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]


def test_hessian_of_least_squares_needs_no_cross_terms():
    # squares of single variables: diagonal; asdex reports a dense matrix for such sums
    assert hessian_mask(lambda x: np.sum((x - 1.0) ** 2) + np.sum(x), 5).sum() == 5
    assert hessian_mask(lambda x: np.dot(x, x) + np.dot(np.arange(5.0), x), 5).sum() == 5


def test_boolean_propagation_covers_and_nearly_equals():
    def function(x):
        u = np.tanh(np.arange(12.0).reshape(3, 4) @ x)
        return np.concatenate([u * x[:3], np.cumsum(x), np.where(x > 0, x, 2.0)])

    program = TracedFunction(function, [np.ones(4)]).program
    assert boolean_pattern(program).covers(jacobian_structure(program))
    assert boolean_pattern(program) == jacobian_structure(program)


def test_large_dense_blocks_are_detected_and_colored(monkeypatch):
    from sparsesolve.differentiate import jacobian as module

    monkeypatch.setattr(module, "MOST_TERMS", 50)
    monkeypatch.setattr(
        module.jacobian_program, "__kwdefaults__", {"lower": False, "most_terms": 50}
    )
    A, B = np.arange(20.0).reshape(4, 5), np.arange(15.0).reshape(5, 3)

    def function(x):
        return A @ np.tanh(B @ x)

    x = np.array([0.1, -0.02, 0.03])
    J = ss.jacobian(function, x)
    assert J.method == "colored"
    assert "method='colored'" in J.report()
    oracles.assert_close(J(x).toarray(), oracles.dense_jacobian(function, x))
