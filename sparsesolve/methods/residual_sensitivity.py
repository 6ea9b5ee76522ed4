"""What roots and fits say of themselves: dx/dp of a root, covariance of fitted parameters.

Separate from the sensitivity of minimizers: one square Jacobian, or one tall one, is all there is.
Seber, Wild (1989), "Nonlinear Regression", section 2.1; Bjoerck (1996), "Numerical Methods for
Least Squares Problems", section 1.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.derivatives import jacobian
from sparsesolve.errors import SolverError
from sparsesolve.methods.losses import Loss, robust_weights
from sparsesolve.methods.sensitivity import Sensitivity
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.problem.result import Result

__all__ = ["fit_covariance", "root_sensitivity"]

Array = NDArray[np.float64]

_SINGULAR = 1e-13


def root_sensitivity(
    function: Callable[..., Any], args: tuple[Any, ...], result: Result, p: int | None = None
) -> Sensitivity:
    """Return how a root moves with one of the further arguments of its function.

    Parameters
    ----------
    function : callable
        ``function(x, *args)``.
    args : tuple
        Its further arguments.
    result : Result
        Of `root`.
    p : int, optional
        Which of them, from 0, the default.

    Raises
    ------
    TypeError, IndexError
        If there is no such argument.
    SolverError
        If there is no root, or its Jacobian is singular.
    """
    which = 0 if p is None else p
    if isinstance(which, bool) or not isinstance(which, int):
        raise TypeError(f"`p` must be the position of one of `args`, got {which!r}.")
    if not -len(args) <= which < len(args):
        raise IndexError(
            f"`p` must be the position of one of the {len(args)} further arguments, got {which}. "
            "Pass what the function depends on as `args`."
        )
    if not result.success:
        raise SolverError(f"a root is needed, got a result that is {result.status.value!r}.")
    argument = which % len(args)
    by_p = jacobian(function, result.x, *args, argnum=1 + argument)(result.x, *args).toarray()
    factor = SparseLU().factor(sp.csc_array(result.jacobian))
    dx = factor.solve(-by_p)
    if not np.all(np.isfinite(dx)):
        raise SolverError("The Jacobian is singular at the root, which has no derivative there.")
    none = np.zeros((0, dx.shape[1]))
    p_there = np.ravel(np.asarray(args[argument], dtype=np.float64))
    zero = np.zeros(dx.shape[1])
    return Sensitivity(dx, none, (0.0 * dx, 0.0 * dx), zero, p_there, np.array(result.x))


def fit_covariance(
    result: Result, loss: Loss | None, f_scale: float, bounds: tuple[Array, Array]
) -> Array:
    """Return the covariance of fitted parameters, shape (n, n).

    ``s**2 inv(J' W J)``, ``s**2 = 2 cost / (m - k)`` with k free parameters; W is that of the loss.
    Parameters at a bound are taken as fixed: their rows and columns are zero.

    Parameters
    ----------
    result : Result
        Of `least_squares`.
    loss, f_scale : callable or None, float
        Of the fit.
    bounds : tuple of ndarray
        ``(lower, upper)``.

    Raises
    ------
    SolverError
        If there are no more residuals than parameters, or J is singular.
    """
    x, residual = np.asarray(result.x), np.asarray(result.fun)
    J = sp.csr_array(result.jacobian)
    weights = robust_weights(residual, loss, f_scale)
    free = np.flatnonzero((x > bounds[0]) & (x < bounds[1]))
    A = sp.csc_array(sp.diags_array(weights) @ J)[:, free]
    m, k = A.shape
    if m <= k:
        raise SolverError(
            f"covariance needs more residuals than free parameters, got {m} and {k}: nothing is "
            "left to estimate the noise."
        )
    covariance = np.zeros((x.size, x.size))
    covariance[np.ix_(free, free)] = 2.0 * result.cost / (m - k) * _inverse_square(A)
    return covariance


def _inverse_square(A: Any) -> Array:
    """Return inv(A' A), columns scaled first; by QR, so that no digits are squared away."""
    norms = np.sqrt(np.asarray((A * A).sum(axis=0)).reshape(-1))
    scale = np.where(norms > 0.0, norms, 1.0)
    R = np.linalg.qr((A @ sp.diags_array(1.0 / scale)).toarray()).R
    pivots = np.abs(np.diag(R))
    if pivots.size and not np.min(pivots) > _SINGULAR * max(1.0, float(np.max(pivots))):
        j = int(np.argmin(pivots))
        raise SolverError(
            f"J is singular at the solution: the data do not determine all {pivots.size} free "
            f"parameters (number {j} depends on those before it). Fix one, or add data."
        )
    inverse = np.linalg.solve(R, np.eye(R.shape[0])) / scale[:, None]
    return np.asarray(inverse @ inverse.T)
