"""A `Problem` under the method names of PyCUTEst, so that scripts written for it run unchanged.

It is another convention of the same numbers. What PyCUTEst documents is kept: the
Lagrangian is f + v . c; infinite bounds are +-1e20; fixed variables are dropped unless asked
otherwise; what an unconstrained problem does not have is None; sparse results are
`scipy.sparse.coo_matrix`, whose ``*`` is the matrix product; `jprod` and `hprod` without a point
use the last Jacobian and Hessian computed. A script needs one line changed::

    from sparsesolve.adapters import pycutest  # instead of: import pycutest
    p = pycutest.import_problem("HS71")  # from $MASTSIF

Fowkes, Roberts, Burmen (2022), "PyCUTEst: an open source Python package of optimization test
problems", Journal of Open Source Software 7(78).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.methods.freshness import refresh
from sparsesolve.problem.problem import Problem

__all__ = ["CUTEstProblem", "import_problem", "pycutest_problem"]

Array = NDArray[np.float64]

_INFINITE = 1e20


class CallError(StructureMismatch, RuntimeError):
    """A call that PyCUTEst refuses too; it raises RuntimeError there."""


class CUTEstProblem:
    """The callbacks of a problem as PyCUTEst names them.

    Parameters
    ----------
    problem : Problem
        The problem.
    drop_fixed_variables : bool, optional
        Whether variables with equal bounds are left out of every vector and matrix. Default is
        True.
    sif_parameters : mapping, optional
        Shown as `sifParams`.

    Notes
    -----
    Attributes as PyCUTEst has them: `name`, `n`, `m`, `x0`, `bl`, `bu`, `n_full`, `n_free`,
    `n_fixed`, `vartype` (0 real, 2 integer), `nnzh` (upper triangle of the Hessian of the
    Lagrangian, fixed variables included), `sifParams`, `sifOptions`, `nonlinear_vars_first`; and
    for constrained problems, else None: `cl`, `cu`, `v0`, `nnzj`, `is_eq_cons`, `is_linear_cons`,
    `eq_cons_first`, `linear_cons_first`. A row is linear where that is proven.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve import Constraint, Problem
    >>> row = Constraint(lambda x: x[0] * x[1], 1.0, None)
    >>> p = CUTEstProblem(Problem(lambda x: np.sum(x**2), [2.0, 3.0], constraints=row))
    >>> p.obj(p.x0, gradient=True)
    (13.0, array([4., 6.]))
    >>> p.cons(p.x0, index=0), p.hess(p.x0, v=np.array([5.0]))
    (6.0, array([[2., 5.],
           [5., 2.]]))
    """

    def __init__(
        self,
        problem: Problem,
        *,
        drop_fixed_variables: bool = True,
        sif_parameters: Mapping[str, Any] | None = None,
    ) -> None:
        begin = time.process_time()
        refresh(problem)
        self.problem = problem
        self.drop_fixed_vars = drop_fixed_variables
        self.name = problem.name
        self.sifParams = dict(sif_parameters) if sif_parameters else None
        self.sifOptions: list[str] | None = None
        self.nonlinear_vars_first = False
        self.n_full, self.m = problem.n, problem.m
        lower, upper = problem.bounds
        fixed = lower == upper if drop_fixed_variables else np.zeros(self.n_full, dtype=bool)
        self.idx_eq, self.idx_free = np.flatnonzero(fixed), np.flatnonzero(~fixed)
        self.n_fixed, self.n_free = self.idx_eq.size, self.idx_free.size
        self.n = self.n_free
        self._held = np.where(fixed, lower, 0.0)
        self.bl_full = _finite(lower)
        self.x0 = problem.first[self.idx_free]
        self.bl, self.bu = _finite(lower)[self.idx_free], _finite(upper)[self.idx_free]
        self.vartype = _kinds(problem)[self.idx_free]
        self.nnzh = problem.derivatives.hessian_pattern.nnz
        self._describe_constraints()
        self._counts = dict.fromkeys(("f", "g", "H", "Hprod", "c", "cg", "cH"), 0)
        self._last_jacobian: sp.csr_array | None = None
        self._last_hessian: sp.csr_array | None = None
        self._setup = time.process_time() - begin
        self._begin = time.process_time()

    def _describe_constraints(self) -> None:
        self.cl: Array | None = None
        self.cu: Array | None = None
        self.v0: Array | None = None
        self.nnzj: int | None = None
        self.is_eq_cons: NDArray[np.bool_] | None = None
        self.is_linear_cons: NDArray[np.bool_] | None = None
        self.eq_cons_first: bool | None = None
        self.linear_cons_first: bool | None = None
        if self.m == 0:
            return
        problem = self.problem
        lower, upper = problem.constraint_bounds
        self.cl, self.cu = _finite(lower), _finite(upper)
        start = problem.metadata.start_multipliers if problem.metadata else np.zeros(0)
        self.v0 = np.array(start) if start.size == self.m else np.zeros(self.m)
        self.nnzj = problem.derivatives.jacobian_pattern.nnz
        self.is_eq_cons = lower == upper
        self.is_linear_cons = np.array(problem.derivatives.linear_rows, dtype=bool)
        self.eq_cons_first = _are_first(self.is_eq_cons)
        self.linear_cons_first = _are_first(self.is_linear_cons)

    def __str__(self) -> str:
        parameters = "default params" if self.sifParams is None else f"params {self.sifParams}"
        return (
            f"CUTEst problem {self.name} ({parameters}) with {self.n} variables and {self.m} "
            "constraints"
        )

    # ----- variables -----

    def all_to_free(self, x: Array) -> Array:
        """Return a vector without the fixed variables."""
        return np.asarray(x)[self.idx_free]

    def free_to_all(self, x: Array, use_zeros: bool = False) -> Array:
        """Return a vector with the fixed variables at their values, or at zero."""
        whole = np.zeros(self.n_full) if use_zeros else self._held.copy()
        whole[self.idx_free] = x
        return whole

    def varnames(self) -> list[str]:
        """Return the names of all variables, fixed ones included."""
        known = self.problem.metadata.variable_names if self.problem.metadata else ()
        return list(known) or [f"X{j + 1}" for j in range(self.n_full)]

    def connames(self) -> list[str]:
        """Return the names of all constraint rows."""
        known = self.problem.metadata.constraint_names if self.problem.metadata else ()
        return list(known) or [f"C{i + 1}" for i in range(self.m)]

    # ----- values and first derivatives -----

    def objcons(self, x: Array) -> tuple[float, Array | None]:
        """Return f and c (None without constraints)."""
        return self.obj(x), self.cons(x)

    def obj(self, x: Array, gradient: bool = False) -> Any:
        """Return f, or f and its gradient."""
        value = self.problem.objective_value(self._point(x))
        self._counts["f"] += 1
        return (value, self.grad(x)) if gradient else value

    def grad(self, x: Array, index: int | None = None) -> Array:
        """Return the gradient of f, or of one constraint."""
        if index is not None:
            return np.asarray(self._row(x, index).toarray()[0])
        self._counts["g"] += 1
        return self.problem.gradient(self._point(x))[self.idx_free]

    def cons(self, x: Array, index: int | None = None, gradient: bool = False) -> Any:
        """Return the constraints, or one of them; with `gradient` also J, or that row of J."""
        found = self.scons(x, index, gradient)
        if found is None or not gradient:
            return found
        c, J = found
        return c, J.toarray() if index is None else J.toarray()[0]

    def lag(self, x: Array, v: Array | None, gradient: bool = False) -> Any:
        """Return the Lagrangian, or it and its gradient; `v` is None without constraints."""
        v = self._multipliers(v)
        value = self.obj(x) + (float(v @ self.cons(x)) if self.m else 0.0)
        return (value, self._lagrangian_gradient(x, v)[0]) if gradient else value

    def lagjac(self, x: Array, v: Array | None = None) -> tuple[Array, Array | None]:
        """Return the gradient of f (with `v`: of the Lagrangian) and J (None without rows)."""
        g, J = self._lagrangian_gradient(x, v)
        return g, None if J is None else J.toarray()

    def jprod(self, p: Array, transpose: bool = False, x: Array | None = None) -> Array | None:
        """Return J p or J' p, J at `x` or the last one computed."""
        if self.m == 0:
            return None
        if x is not None:
            self._jacobian(x)
        if self._last_jacobian is None:
            raise CallError("`x` is needed: no Jacobian has been computed before this product.")
        p = self._multipliers(p) if transpose else self._checked(p, "p")
        J = self._last_jacobian
        return np.asarray(J.T @ p if transpose else J @ p)

    def scons(self, x: Array, index: int | None = None, gradient: bool = False) -> Any:
        """Like `cons`, with J, or its row of shape (1, n), as a coo_matrix."""
        if self.m == 0:
            return None
        c = self.problem.constraint_values(self._point(x))
        if index is None:
            self._counts["c"] += self.m
            return (c, sp.coo_matrix(self._jacobian(x))) if gradient else c
        row = self._index(index)
        self._counts["c"] += 1
        return (float(c[row]), self._row(x, row)) if gradient else float(c[row])

    def slagjac(self, x: Array, v: Array | None = None) -> tuple[Any, Any]:
        """Like `lagjac`, as coo_matrix; the gradient has shape (1, n)."""
        g, J = self._lagrangian_gradient(x, v)
        return sp.coo_matrix(g[None, :]), None if J is None else sp.coo_matrix(J)

    # ----- second derivatives -----

    def hess(self, x: Array, v: Array | None = None) -> Array:
        """Return the Hessian of f, or with constraints of the Lagrangian, which needs `v`."""
        return np.asarray(self._hessian(x, v).toarray())

    def ihess(self, x: Array, cons_index: int | None = None) -> Array:
        """Return the Hessian of f, or of one constraint."""
        return np.asarray(self.isphess(x, cons_index).toarray())

    def hprod(self, p: Array, x: Array | None = None, v: Array | None = None) -> Array:
        """Return H p, H at `x` (and `v`) or the last one computed."""
        if x is not None:
            self._hessian(x, v)
        if self._last_hessian is None:
            raise CallError("`x` is needed: no Hessian has been computed before this product.")
        self._counts["Hprod"] += 1
        return np.asarray(self._last_hessian @ self._checked(p, "p"))

    def gradhess(
        self, x: Array, v: Array | None = None, gradient_of_lagrangian: bool = True
    ) -> tuple[Array, ...]:
        """Return g and H, or with constraints g, J and H; g of the Lagrangian unless told."""
        parts = self._all(x, v, gradient_of_lagrangian)
        return (parts[0], *(part.toarray() for part in parts[1:]))

    def sphess(self, x: Array, v: Array | None = None) -> Any:
        """Like `hess`, as a coo_matrix of both triangles."""
        return sp.coo_matrix(self._hessian(x, v))

    def isphess(self, x: Array, cons_index: int | None = None) -> Any:
        """Like `ihess`, as a coo_matrix of both triangles."""
        weights = np.zeros(self.m)
        if cons_index is None:
            self._counts["H"] += 1
            return sp.coo_matrix(self._weighted(x, weights, 1.0))
        weights[self._index(cons_index)] = 1.0
        self._counts["cH"] += 1
        return sp.coo_matrix(self._weighted(x, weights, 0.0))

    def gradsphess(
        self, x: Array, v: Array | None = None, gradient_of_lagrangian: bool = True
    ) -> tuple[Any, ...]:
        """Like `gradhess`, as coo_matrix; the gradient has shape (1, n)."""
        g, *matrices = self._all(x, v, gradient_of_lagrangian)
        return (sp.coo_matrix(g[None, :]), *(sp.coo_matrix(part) for part in matrices))

    # ----- usage -----

    def report(self) -> dict[str, Any]:
        """Return counts of evaluations, those of constraints by rows, and CPU seconds."""
        found: dict[str, Any] = dict(self._counts)
        if self.m == 0:
            found |= dict.fromkeys(("c", "cg", "cH"))
        found["tsetup"] = self._setup
        found["trun"] = time.process_time() - self._begin
        return found

    # ----- shared -----

    def _checked(self, x: Array, name: str = "x") -> Array:
        point = np.asarray(x, dtype=np.float64)
        if point.shape != (self.n,):
            raise CallError(
                f"`{name}` must have shape ({self.n},), got {point.shape}: one entry for each "
                f"{'free ' if self.n_fixed else ''}variable."
            )
        return point

    def _point(self, x: Array) -> Array:
        return self.free_to_all(self._checked(x))

    def _multipliers(self, v: Array | None) -> Array:
        if self.m == 0:
            if v is not None:
                raise CallError("`v` must be None for a problem without constraints.")
            return np.zeros(0)
        if v is None or np.shape(v) != (self.m,):
            got = "None" if v is None else f"shape {np.shape(v)}"
            raise CallError(
                f"`v` must have shape ({self.m},), got {got}: one multiplier for each row. For "
                "the Hessian of the objective alone use ihess(x)."
            )
        return np.asarray(v, dtype=np.float64)

    def _index(self, index: int) -> int:
        if not 0 <= index < self.m:
            raise IndexError(f"The index of a constraint must be in 0..{self.m - 1}, got {index}.")
        return int(index)

    def _jacobian(self, x: Array) -> sp.csr_array:
        self._counts["cg"] += self.m
        self._last_jacobian = self.problem.jacobian(self._point(x))[:, self.idx_free]
        return self._last_jacobian

    def _row(self, x: Array, index: int) -> Any:
        row = self._index(index)
        J = self.problem.jacobian(self._point(x))[:, self.idx_free]
        self._counts["cg"] += 1
        return sp.coo_matrix(J[row : row + 1])

    def _lagrangian_gradient(self, x: Array, v: Array | None) -> tuple[Array, sp.csr_array | None]:
        g = self.grad(x)
        if self.m == 0:
            self._multipliers(v)
            return g, None
        J = self._jacobian(x)
        return g if v is None else g + J.T @ self._multipliers(v), J

    def _weighted(self, x: Array, weights: Array, sigma: float) -> sp.csr_array:
        H = self.problem.lagrangian_hessian(self._point(x), weights, sigma)
        return H[self.idx_free][:, self.idx_free] if self.n_fixed else H

    def _hessian(self, x: Array, v: Array | None) -> sp.csr_array:
        self._last_hessian = self._weighted(x, self._multipliers(v), 1.0)
        self._counts["H"] += 1
        self._counts["cH"] += self.m
        return self._last_hessian

    def _all(self, x: Array, v: Array | None, of_lagrangian: bool) -> tuple[Any, ...]:
        H = self._hessian(x, v)
        g, J = self._lagrangian_gradient(x, v if of_lagrangian else None)
        return (g, H) if J is None else (g, J, H)


def pycutest_problem(problem: Problem, *, drop_fixed_variables: bool = True) -> CUTEstProblem:
    """Give a problem PyCUTEst's methods: obj, grad, cons, lagjac, scons, sphess, hprod and so on.

    Parameters
    ----------
    problem : Problem
        Read from a SIF file or written in NumPy.
    drop_fixed_variables : bool, optional
        Whether variables with equal bounds are left out of every vector and matrix. Default is
        True, as in PyCUTEst.

    Returns
    -------
    CUTEstProblem
        See its docstring for attributes and conventions.

    Notes
    -----
    Values are computed at each call; the last J and H are kept for `jprod` and `hprod`.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsesolve import Problem
    >>> p = pycutest_problem(Problem(lambda x: np.sum(x**3), [1.0, 2.0]))
    >>> p.grad(p.x0), p.hprod(np.ones(2), x=p.x0), p.cons(p.x0)
    (array([ 3., 12.]), array([ 6., 12.]), None)
    """
    return CUTEstProblem(problem, drop_fixed_variables=drop_fixed_variables)


def import_problem(
    problemName: str,
    destination: str | None = None,
    sifParams: Mapping[str, Any] | None = None,
    sifOptions: Any = None,
    efirst: bool = False,
    lfirst: bool = False,
    nvfirst: bool = False,
    quiet: bool = True,
    drop_fixed_variables: bool = True,
) -> CUTEstProblem:
    """Read a SIF file as `pycutest.import_problem` does, without decoder and compiler.

    Parameters
    ----------
    problemName : str
        Name in the folder $MASTSIF, or a path.
    destination, sifOptions, quiet
        Accepted and not needed: nothing is cached on disk, nothing is decoded by others.
    sifParams : mapping, optional
        Values of the parameters of the file.
    efirst, lfirst, nvfirst : bool, optional
        Must be False: rows and variables stay in the order of the file.
    drop_fixed_variables : bool, optional
        As for `CUTEstProblem`.

    Returns
    -------
    CUTEstProblem
        Of the problem of that file.

    Raises
    ------
    SifError
        If the file cannot be found or decoded.
    ValueError
        If another order is asked for.
    """
    if efirst or lfirst or nvfirst:
        raise ValueError(
            "`efirst`, `lfirst` and `nvfirst` must be False: rows and variables stay in the order "
            "of the file. Select by `is_eq_cons` and `is_linear_cons`."
        )
    from sparsesolve.sif import load  # noqa: PLC0415 (the reader is needed here only)

    problem = load(problemName, **(sifParams or {}))
    return CUTEstProblem(
        problem, drop_fixed_variables=drop_fixed_variables, sif_parameters=sifParams
    )


def _finite(limits: Array) -> Array:
    return np.clip(limits, -_INFINITE, _INFINITE)


def _are_first(rows: NDArray[np.bool_]) -> bool:
    """Whether rows of both kinds exist and those marked come first."""
    return bool(rows.any() and not rows.all() and np.all(rows[: int(rows.sum())]))


def _kinds(problem: Problem) -> NDArray[np.int64]:
    known = problem.metadata
    if known is None or not known.integer_variables:
        return np.zeros(problem.n, dtype=np.int64)
    return 2 * np.isin(known.variable_names, known.integer_variables).astype(np.int64)
