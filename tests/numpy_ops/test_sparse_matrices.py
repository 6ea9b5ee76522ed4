"""Sparse matrices with traced entries: held against the complex step through SciPy's own code."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.sparse import csr_matrix, diags, issparse
from scipy.sparse.linalg import spsolve

import sparsesolve as ss
from sparsesolve.errors import TraceError

N = 5
BAND = sp.diags_array([-1.0, 2.0, -0.5], offsets=[-1, 0, 1], shape=(N, N), format="csr")
MATRIX = sp.csr_matrix(BAND.toarray())
SHIFTED = BAND + 3.0 * sp.eye_array(N)
LINKS = np.array([0, 1, 2, 3, 4, 0, 3]), np.array([0, 2, 1, 3, 4, 0, 0])
START, POINT = np.linspace(0.6, 1.4, N), np.array([1.3, 0.7, 0.9, 1.2, 0.5])


def lil(x):
    A = sp.lil_matrix((N, N), dtype=x.dtype)
    for k in range(N):
        A[k, k] = x[k] ** 2
        if k:
            A[k, k - 1] = -x[k]
    A[0, N - 1] = 1.0
    return A.tocsr() @ x


def other_values(x):
    A = BAND.copy()
    A.data = A.data * x[0]
    return A @ x + A.T @ x + (2 * A).sum(axis=0)


def written_diagonal(x):
    A = sp.csr_matrix(BAND.toarray().astype(x.dtype))
    A.setdiag(x)
    A[0, 1] = x[0] ** 2
    return A @ x


def assembled(x):
    rows, columns, values = [], [], []
    for k in range(N - 1):
        for a, b, v in ((k, k, x[k]), (k, k + 1, -x[k]), (k + 1, k + 1, x[k] * x[k + 1])):
            rows.append(a)
            columns.append(b)
            values.append(v)
    return sp.coo_matrix((values, (rows, columns)), shape=(N, N)).tocsr() @ x


def values_in_place(x):
    A = sp.csr_array((x**2, np.arange(N), np.arange(N + 1)), shape=(N, N))
    A.data[1] = x[0]
    A.data *= x[2]
    return A.diagonal()


def asked(x):
    A = sp.diags(x, format="csr")
    assert issparse(A)
    assert isinstance(A, csr_matrix)
    assert (A.shape, A.nnz, A.format) == ((N, N), N, "csr")
    return A.data * A.indices + np.diff(A.indptr)


def tidied(x):
    A = BAND.multiply(x).tocsr()
    A.eliminate_zeros()
    A.sum_duplicates()
    A.sort_indices()
    return A.data


def elements(x):
    """The assembly of finite elements into a list of lists, as textbooks have it."""
    A = sp.lil_matrix((N, N), dtype=x.dtype)
    for e in range(N - 1):
        block = (1 + (x[e] + x[e + 1]) ** 2) * np.array([[1, -1], [-1, 1]])
        for a in range(2):
            for b in range(2):
                A[e + a, e + b] += block[a, b]
    return A.tocsr() @ x


def free_unknowns(x):
    A = (SHIFTED * x).tocsc()
    free = np.arange(1, N)
    r = np.zeros(N, dtype=x.dtype)
    r[free] = spsolve(A[free][:, free], x[free])
    return r


CASES = {
    "diags": lambda x: diags(x) @ np.arange(1.0, N + 1),
    "diags @ x": lambda x: diags(x) @ x,
    "three diagonals": lambda x: diags([x[1:] ** 2, x, np.sin(x[:-1])], [-1, 0, 1]) @ x,
    "a constant diagonal": lambda x: (
        sp.diags_array([x[1:] ** 2, 3.0], offsets=[-1, 0], shape=(N, N)).tocsr() @ x
    ),
    "spdiags": lambda x: sp.spdiags(np.array([x, 2 * x]), [0, 1], N, N) @ x,
    "coo, a place twice": lambda x: sp.coo_matrix((np.r_[x, x[:2]], LINKS), (N, N)) @ x,
    "csr, a place twice": lambda x: csr_matrix((np.r_[x, x[:2]], LINKS), (N, N)) * x,
    "summed entries": lambda x: csr_matrix((np.r_[x, x[:2]], LINKS), (N, N)).data ** 2,
    "csc by columns": lambda x: sp.csc_array((x**2, range(N), range(N + 1)), (N, N)) @ x,
    "csr by rows": lambda x: (
        sp.csr_array((BAND.data * x[BAND.indices], BAND.indices, BAND.indptr)) @ x
    ),
    "of a dense matrix": lambda x: csr_matrix(np.outer(x, x)) @ x,
    "multiply": lambda x: BAND.multiply(x) @ x,
    "multiply by a column": lambda x: BAND.multiply(x[:, None]).sum(axis=1),
    "array * x": lambda x: (BAND * x) @ x,
    "matrix * x": lambda x: MATRIX * x,
    "x * array": lambda x: (x * BAND).sum(axis=0),
    "number * matrix * x": lambda x: (x[0] * MATRIX) * x,
    "matrix / number": lambda x: (MATRIX / x[0]) @ x,
    "x @ A": lambda x: x @ diags(x),
    "transposed": lambda x: (BAND * x).T @ x,
    "sum": lambda x: (BAND * x).sum(),
    "mean": lambda x: MATRIX.multiply(x).mean(),
    "constant + traced": lambda x: (BAND + diags(x)) @ x,
    "traced + constant": lambda x: (diags(x) + MATRIX - 2 * MATRIX) @ x,
    "constant - traced": lambda x: (MATRIX - diags(x**2)) @ x,
    "plus a dense matrix": lambda x: BAND.multiply(x) + np.outer(x, x),
    "A D A.T x": lambda x: (BAND @ sp.diags_array(x) @ BAND.T) @ x,
    "D A D": lambda x: (diags(x) * MATRIX * diags(x)).toarray(),
    "kron": lambda x: sp.kron(diags(x[:2]), BAND) @ np.ones(2 * N),
    "kron, other side": lambda x: sp.kron(MATRIX, sp.diags_array(x[:2]), "csr").toarray(),
    "kronsum": lambda x: sp.kronsum(diags(x[:2]), MATRIX) @ np.ones(2 * N),
    "vstack": lambda x: sp.vstack([diags(x), MATRIX]) @ x,
    "hstack": lambda x: sp.hstack([diags(x), MATRIX]) @ np.arange(2.0 * N),
    "block_diag": lambda x: sp.block_diag([diags(x), MATRIX, x[:2][None, :]]).toarray(),
    "bmat": lambda x: sp.bmat([[diags(x), None], [MATRIX, diags(x)]]) @ np.arange(2.0 * N),
    "block_array": lambda x: (
        sp.block_array([[diags(x), None], [BAND, BAND * x]]) @ np.arange(1.0, 2 * N + 1)
    ),
    "diagonal": lambda x: (BAND * x).diagonal(1),
    "rows and columns": lambda x: (BAND * x).tocsr()[[1, 3]][:, 2:5] @ np.ones(3),
    "a row": lambda x: (BAND * x).tocsr()[2] @ x,
    "tril": lambda x: sp.tril(MATRIX.multiply(x)) @ x,
    "squares": lambda x: MATRIX.multiply(x).power(2).sum(axis=0),
    "sines": lambda x: np.sin(sp.diags_array(x)).diagonal(),
    "dot": lambda x: BAND.dot(diags(x)).dot(x),
    "several columns": lambda x: diags(x) @ np.ones((N, 2)),
    "identity": lambda x: (x[1] * sp.identity(N, format="csr") - MATRIX).dot(x),
    "third power": lambda x: (diags(x) ** 3) @ x,
    "lil": lil,
    "values set": other_values,
    "diagonal set": written_diagonal,
    "assembled": assembled,
    "values in place": values_in_place,
    "asked": asked,
    "tidied": tidied,
    "elements": elements,
    "free unknowns": free_unknowns,
    "a matrix of sums": lambda x: MATRIX.multiply(x).sum(axis=0).A1,
    "largest element": lambda x: np.array(
        [(MATRIX.multiply(x).tocsr()).max(), (-diags(x, format="csr")).max()]
    ),
    "spsolve": lambda x: spsolve((SHIFTED * x).tocsc(), x**2),
    "spsolve of a column": lambda x: spl.spsolve((SHIFTED * x).tocsc(), x[:, None]),
    "splu": lambda x: spl.splu((SHIFTED + diags(x)).tocsc()).solve(x),
    "splu, transposed": lambda x: spl.splu((SHIFTED * x).tocsc()).solve(
        x[:, None] * np.ones(2), "T"
    ),
    "factorized": lambda x: spl.factorized((SHIFTED * x).tocsc())(x),
    "a triangle": lambda x: spl.spsolve_triangular(sp.tril(SHIFTED * x).tocsr(), x),
}
# calls, whose Jacobians are full
SOLVED = (
    "free unknowns",
    "largest element",
    "spsolve",
    "spsolve of a column",
    "splu",
    "splu, transposed",
    "factorized",
    "a triangle",
)
# second derivatives, which the first ones do not imply
TWICE = ["diags @ x", "csr, a place twice", "A D A.T x", "D A D", "lil", "spsolve", "squares"]


def dense(value):
    return np.asarray(value.toarray() if issparse(value) else value).ravel()


def complex_step(function, x):
    return np.array([dense(function(x + 1e-30j * e)).imag / 1e-30 for e in np.eye(x.size)]).T


@pytest.mark.every(3)
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("name", CASES)
def test_first_derivatives(name):
    function = CASES[name]
    J = ss.jacobian(function, START, method="interpreted")
    expected = [complex_step(function, x) for x in (START, POINT)]
    for x, there in zip((START, POINT), expected, strict=True):
        np.testing.assert_allclose(J(x).toarray(), there, rtol=1e-12, atol=1e-14)
    if name not in SOLVED:
        assert J.nnz == np.count_nonzero(np.any(expected, axis=0))


@pytest.mark.every(2)
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name):
    function = CASES[name]
    weights = np.cos(np.arange(dense(function(START)).size))
    H = ss.hessian(lambda x: weights @ np.ravel(function(x)), START)

    def slope(x):
        return weights @ complex_step(function, x)

    step = 1e-6
    expected = [(slope(POINT + step * e) - slope(POINT - step * e)) / (2 * step) for e in np.eye(N)]
    np.testing.assert_allclose(H(POINT).toarray(), expected, atol=1e-7)


@pytest.mark.parametrize("n", [1, 2, 31, 33, 200])
def test_a_conductivity_that_depends_on_the_unknowns(n):
    """The engines agree, and the Jacobian is that of the formula, a tridiagonal one."""
    difference = sp.diags_array([-1.0, 1.0], offsets=[-1, 0], shape=(n + 1, n), format="csr")

    def residual(u):
        k = 1.0 + difference @ u**2
        return difference.T @ sp.diags_array(k) @ difference @ u - 1.0

    u = np.linspace(0.1, 0.9, n)
    expected = difference.T @ (
        sp.diags_array(1.0 + difference @ u**2) @ difference
        + sp.diags_array(difference @ u) @ difference @ sp.diags_array(2.0 * u)
    )
    for method in ("compiled", "interpreted", "colored") if n == 33 else ("compiled",):
        J = ss.jacobian(residual, np.ones(n), method=method)
        assert J.nnz == 3 * n - 2
        np.testing.assert_allclose(J(u).toarray(), expected.toarray(), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(J.value(u), residual(u), rtol=1e-13, atol=1e-13)


def test_a_norm():
    J = ss.jacobian(lambda x: spl.norm(BAND * x), START, method="interpreted")
    weights = (BAND.multiply(BAND)).sum(axis=0)
    norm = np.sqrt(weights @ POINT**2)
    np.testing.assert_allclose(J(POINT).toarray()[0], weights * POINT / norm, rtol=1e-13)


def test_a_singular_matrix_gives_nan():
    J = ss.jacobian(lambda x: spsolve(diags(x, format="csc"), np.ones(2)), np.ones(2))
    np.testing.assert_allclose(J(np.array([2.0, 4.0])).diagonal(), [-0.25, -0.0625])
    assert not np.isfinite(J.value(np.array([0.0, 1.0]))).any()


def test_complex_entries():
    admittance = sp.csr_array([[1 - 2j, 0.5j, 0], [0.5j, 1 - 1j, 0.2], [0, 0.2, 1j]])

    def power(x):
        V = x[:3] * np.exp(1j * x[3:])
        S = (sp.diags_array(V) @ admittance.conj() @ sp.diags_array(V.conj())).sum(axis=1)
        return np.concatenate([S.real, S.imag])

    def plain(x):
        V = x[:3] * np.exp(1j * x[3:])
        S = V * np.conj(admittance @ V)
        return np.concatenate([S.real, S.imag])

    x = np.array([1.0, 1.1, 0.9, 0.1, -0.2, 0.3])
    J, K = ss.jacobian(power, x), ss.jacobian(plain, x)
    assert J.nnz == K.nnz == 28
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-13, atol=1e-15)


OUTSIDE = sp.lil_matrix((N, N))
REFUSED = {
    "a comparison": (lambda x: (diags(x) > 0.5) @ x, "comparison"),
    "an unknown property": (lambda x: (BAND * x).count_nonzero() * x, "count_nonzero"),
    "a matrix that is older": (lambda x: OUTSIDE.setdiag(x) or OUTSIDE @ x, "exists before"),
    "a dok matrix": (lambda x: sp.dok_array(np.outer(x, x)) @ x, "dok"),
    "an np.matrix": (lambda x: np.asarray(diags(x).todense())[0], "toarray"),
    "eigenvalues": (lambda x: spl.eigsh(BAND * x, k=1)[0], "eigh"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, text = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception, match=text) as caught:
            ss.jacobian(function, START)
    assert isinstance(caught.value, TraceError)
    assert "test_sparse_matrices.py:" in str(caught.value)
    assert OUTSIDE.nnz == 0


def test_classes_are_put_back_and_other_threads_see_them():
    before = [vars(sp._base._spbase)[name] for name in ("__init__", "__add__", "multiply")]
    found = []

    def other():
        found.append((BAND * np.ones(N) + sp.eye_array(N)).toarray())

    def f(x):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return diags(x) @ x

    ss.jacobian(f, START, check=False)
    assert [vars(sp._base._spbase)[n] for n in ("__init__", "__add__", "multiply")] == before
    for matrix in found:
        np.testing.assert_array_equal(matrix, BAND.toarray() + np.eye(N))
