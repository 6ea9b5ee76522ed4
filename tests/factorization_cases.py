"""Systems and matrix functions of SciPy: cases of `operation_cases.Case`."""

from __future__ import annotations

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.linalg import solve_triangular
from scipy.sparse.linalg import spsolve

from tests.operation_cases import Case

_A = 5.0 * np.eye(6) + np.random.default_rng(11).standard_normal((6, 6))
_S = _A @ _A.T
_SPARSE = sp.csc_array(np.triu(np.tril(_A, 1), -1))
_LU = spl.splu(_SPARSE)
_BANDS = np.array([[0.0, *np.diag(_A, 1)], np.diag(_A), [*np.diag(_A, -1), 0.0]])
_FACTORS, _CHOLESKY = sl.lu_factor(_A), sl.cho_factor(_S)


def _near(x):
    """A symmetric matrix that depends on x."""
    return _S + np.outer(x, x) + np.diag(x)


_FUNCTIONS = {
    "spsolve": lambda x: spsolve(_SPARSE, x**2) + spl.spsolve(_SPARSE.tocsr(), x),
    "spsolve of columns": lambda x: spsolve(_SPARSE, np.outer(x, x[:2])),
    "spsolve, complex": lambda x: np.abs(spsolve(_SPARSE * (1 + 1j), x)),
    "spsolve of traced entries": lambda x: spl.spsolve((_SPARSE * (2.0 + x[0])).tocsc(), x),
    "splu": lambda x: _LU.solve(x**2) * x + spl.splu(_SPARSE).solve(x, "T"),
    "solve": lambda x: sl.solve(_A, x**2) * x + sl.solve(_A, x, transposed=True),
    "solve, traced matrix": lambda x: sl.solve(_near(x) + _A, x, transposed=True),
    "solve, one triangle": lambda x: sl.solve(np.triu(_near(x)), x, assume_a="pos"),
    "solve, lower triangle": lambda x: sl.solve(np.tril(_near(x)), x, lower=True, assume_a="sym"),
    "solve, triangular": lambda x: sl.solve(_A, x, assume_a="lower triangular") * x,
    "solve, complex matrix": lambda x: np.abs(sl.solve(_A + 1j, x)),
    "solve, complex right side": lambda x: np.imag(sl.solve(_A, x + 1j * x**2)),
    "solve_triangular of scipy": lambda x: solve_triangular(_near(x), x),
    "solve_triangular, transposed": lambda x: solve_triangular(_A, x**2, lower=True, trans="T"),
    "solve_triangular, ones": lambda x: solve_triangular(
        _A / 9 + np.diag(x), x, unit_diagonal=True
    ),
    "solve_banded of scipy": lambda x: sl.solve_banded((1, 1), _BANDS, x**2) * x,
    "solve_banded, traced": lambda x: sl.solve_banded((1, 1), _BANDS + x, x),
    "solveh_banded": lambda x: sl.solveh_banded(_BANDS[:2], x**2),
    "solveh_banded, lower": lambda x: sl.solveh_banded(_BANDS[1:], x**2, lower=True),
    "cho_solve": lambda x: sl.cho_solve(_CHOLESKY, x**2) * x,
    "cho_solve, traced": lambda x: sl.cho_solve(sl.cho_factor(_near(x)), x),
    "cho_solve, own factor": lambda x: sl.cho_solve((np.linalg.cholesky(_near(x)), True), x),
    "lu_solve": lambda x: sl.lu_solve(_FACTORS, x**2) + sl.lu_solve(_FACTORS, x, 1),
    "lu_solve, traced": lambda x: sl.lu_solve(sl.lu_factor(_near(x)), x),
    "expm": lambda x: sl.expm(x.reshape(2, 3)[:, :2]) * x[0],
    "inv and det of scipy": lambda x: sl.inv(_near(x))[0] * sl.det(_near(x) / 20),
    "norm of scipy": lambda x: sl.norm(x) + sl.norm(np.outer(x, x[:2]), 1),
    "pinv of scipy": lambda x: sl.pinv(_near(x))[1],
    "cholesky of scipy": lambda x: sl.cholesky(_near(x))[0] + sl.cholesky(_near(x), lower=True)[1],
    "eigh of scipy": lambda x: sl.eigh(_near(x), eigvals_only=True) / 50,
    "svdvals of scipy": lambda x: sl.svdvals(np.outer(x, x[:2]) + _A[:, :2]),
    "toeplitz": lambda x: sl.toeplitz(x) @ x + sl.toeplitz(x[:3], x[2:])[0, 0],
    "hankel": lambda x: sl.hankel(x) @ x + sl.hankel(x[:3], x[2:])[1, 0],
    "companion": lambda x: sl.companion(np.append(2.0 + x[:1], x)) @ np.arange(x.size),
    "circulant": lambda x: sl.circulant(x) @ x**2,
    "solve_toeplitz": lambda x: sl.solve_toeplitz(x + 9.0 * (np.arange(x.size) == 0), x**2),
    "matmul_toeplitz": lambda x: sl.matmul_toeplitz(x, x**2),
    "solve_circulant": lambda x: sl.solve_circulant(x + 9.0 * (np.arange(x.size) == 0), x),
    "block_diag": lambda x: sl.block_diag(x[0], x[1:3], np.outer(x[:2], x[1:3])) @ np.arange(5.0),
}
FACTORIZATIONS = {f"{name} (factors)": Case(f) for name, f in _FUNCTIONS.items()}
