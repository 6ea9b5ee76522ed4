"""One step of a BDF method by Newton's method with GMRES, and the preconditioner that pays.

Separate from the differences and from scipy's driver. The Jacobian is exact and taken at the
prediction of every step: its values cost little more than the function. So one or two Newton steps
are enough, and what is solved for loosely is corrected in the next one.

Without a preconditioner, mildly stiff systems need a few products each. Where they need many, which
is seen after some of them, or as soon as they have cost too much by what a factorization costs, the
matrix is factorized, and serves as a preconditioner for many steps, whatever their size, until the
products that it costs too many are worth a new one. Which it is follows from counts alone, so runs
repeat themselves.

Brown, Hindmarsh, Petzold (1994), "Using Krylov methods in the solution of large-scale
differential-algebraic systems", SIAM J. Sci. Comput. 15(6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.methods.gmres import Gmres
from sparsesolve.methods.pencil import Pencil
from sparsesolve.methods.sparse_lu import Factor, SparseLU

__all__ = ["NewtonKrylov"]

Array = NDArray[np.float64]

MOST_ITERATIONS = 4
_CLOSE = 0.03  # size of the residual of a step, where its error may be 1
_LINEAR = 0.5  # how much of that is left to the linear system

_MOST_PRODUCTS = 100

# What it costs, in entries that a product or a solve goes through, as measured on meshes.
_VECTORS = 8.0  # of vectors of all unknowns in one product, and
_ORTHOGONAL = 0.4  # for each product before it
_FACTORIZATION = 60  # solves, for one factorization
_PRECONDITIONED = 8.0  # solves, for one system with a factorization, and its share of making one
_FILL = 10  # entries of a factorization for one of J, before there is any

_TRIAL = 12  # solves after which their cost is added up, if it was not too much before


class NewtonKrylov:
    """Solves ``alpha d = h f(t, y + d) - past`` for d.

    Parameters
    ----------
    function : callable
        ``f(t, y)``.
    jacobian : callable
        Its Jacobian as csr, in the order of a pattern that may grow.
    n : int
        How many unknowns there are.
    copies : int, default 1
        Of how many equal blocks, one after the other, the Jacobian is made; it is then near enough,
        and one block is what `jacobian` returns.
    """

    def __init__(
        self,
        function: Callable[[float, Array], Array],
        jacobian: Callable[[float, Array], Any],
        n: int,
        copies: int = 1,
    ) -> None:
        self._function, self._jacobian, self._copies = function, jacobian, copies
        self._gmres = Gmres(n, _MOST_PRODUCTS)
        self._identity = sp.csc_array(sp.eye_array(n // copies))
        self._maker = SparseLU()
        self._factor: Factor | None = None
        self._pencil: Pencil | None = None
        self.products = self.jacobians = self.factorizations = 0
        self._solves = self._fill = self._wasted = 0
        self._spent = 0.0
        self._least: int | None = None

    def solve(
        self, t: float, y: Array, past: Array, alpha: float, h: float, guess: Array, scale: Array
    ) -> tuple[Array, int] | None:
        """Return d and the Newton steps; None where they do not converge.

        Parameters
        ----------
        t, y : float, ndarray
            The end of the step, and the prediction there.
        past, alpha, h : ndarray, float, float
            Of the formula.
        guess : ndarray, shape (n,)
            About d.
        scale : ndarray, shape (n,)
            What counts as an error of one.
        """
        c = h / alpha
        weight = 1.0 / (scale * np.sqrt(scale.size))
        d = guess
        residual = c * self._function(t, y + d) - past / alpha - d
        size = _norm(residual * weight)
        jacobian = None
        for number in range(MOST_ITERATIONS + 1):
            if not np.isfinite(size):
                return None
            if size <= _CLOSE and (number or not guess.any()):
                return d, number
            if number == MOST_ITERATIONS:
                return None
            if jacobian is None:
                self.jacobians += 1
                jacobian = self._jacobian(t, y + d)
            step = self._linear(jacobian, c, residual, weight, size)
            if step is None:
                return None
            d = d + step
            residual = c * self._function(t, y + d) - past / alpha - d
            before, size = size, _norm(residual * weight)
            if not size <= 2.0 * before:
                return None
            if size > 0.1 * before:
                jacobian = None
        return None

    def _linear(
        self, jacobian: Any, c: float, residual: Array, weight: Array, size: float
    ) -> Array | None:
        """Solve ``(I - c J) step = residual``; with a factorization where products do not do."""
        tolerance = max(_LINEAR * _CLOSE, 1e-3 * size)
        made, done = self._by_products(jacobian, c, residual, weight, tolerance)
        if not done:
            self._factorize(jacobian, c)
            made, done = self._by_products(jacobian, c, residual, weight, tolerance)
        return made if done else None

    def _by_products(
        self, jacobian: Any, c: float, residual: Array, weight: Array, tolerance: float
    ) -> tuple[Array, bool]:
        backward, buffer = 1.0 / weight, np.empty_like(weight)
        solve = self._solver(c)

        def product(v: Array) -> Array:
            z = solve(np.multiply(v, backward, out=buffer))
            w = self._blockwise(jacobian.__matmul__, z)
            w *= -c
            w += z
            w *= weight
            return np.asarray(w)

        x, count, done = self._gmres.solve(product, residual * weight, tolerance)
        self.products += count
        self._judge(count, jacobian, c)
        return solve(x * backward), done

    def _solver(self, c: float) -> Callable[[Array], Array]:
        """Return the preconditioner; what it is given may be overwritten."""
        if self._factor is None:
            return lambda v: v
        factor = self._factor
        return lambda v: self._blockwise(factor.solve, v)

    def _blockwise(self, act: Callable[[Array], Array], v: Array) -> Array:
        """Return what acts on a block, done to each of them."""
        if self._copies == 1:
            return act(v)
        return np.ravel(act(v.reshape(self._copies, -1).T).T)

    def _judge(self, count: int, jacobian: Any, c: float) -> None:
        """Factorize, the first time or anew, where that is worth it."""
        if self._factor is not None:
            self._least = count if self._least is None else min(count, self._least)
            self._wasted += count - self._least
            if self._wasted > _FACTORIZATION:
                self._factorize(jacobian, c)
            return
        entries, n = jacobian.nnz, jacobian.shape[0]
        self._solves += 1
        self._spent += count * (entries + (_VECTORS + _ORTHOGONAL * count) * n)
        fill = self._fill or _FILL * entries
        excess = self._spent - self._solves * _PRECONDITIONED * fill
        if self._solves < _TRIAL and excess <= _FACTORIZATION * fill:
            return
        mean = self._spent / self._solves
        self._solves, self._spent = 0, 0.0
        if excess > 0.0:
            self._factorize(jacobian, c)
        if mean <= _PRECONDITIONED * self._fill:  # now that it is known
            self._factor = None

    def _factorize(self, jacobian: Any, c: float) -> None:
        by_columns = sp.csc_array(jacobian)
        by_columns.sort_indices()
        if self._pencil is None or not self._pencil.fits(self._identity, by_columns):
            self._pencil = Pencil(self._identity, by_columns)
        self.factorizations += 1
        factor = self._maker.factor(self._pencil(1.0 / c, self._identity, by_columns))
        self._factor, self._fill = (factor, factor.fill) if factor.ok else (None, 0)
        self._wasted, self._least = 0, None


def _norm(x: Array) -> float:
    return float(np.sqrt(x @ x))
