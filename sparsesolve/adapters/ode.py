"""``scipy.integrate.solve_ivp`` with an exact sparse Jacobian and a better factorization.

Separate because the implicit methods have needs of their own:

- BDF and Radau factorize ``c I - J`` again and again with COLAMD, whose fill on meshes is twice
  that of a symmetric ordering: subclasses replace the factorization (`SparseLU`), and assemble the
  matrix in one fixed structure;
- a Jacobian that is not finite would reach SuperLU: its columns are differenced, with a note;
- LSODA takes no sparse matrix: it gets bands where they are narrow, else a dense matrix;
- explicit methods ignore the Jacobian: nothing is prepared for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.integrate import BDF, LSODA, Radau, solve_ivp

from sparsesolve.adapters.dae import WITH_SYSTEMS, MassFunction, integrate_implicit
from sparsesolve.adapters.finite_values import FiniteValues
from sparsesolve.adapters.implicit_radau import ImplicitRadau
from sparsesolve.adapters.krylov_bdf import KrylovBDF
from sparsesolve.adapters.mass_matrix import MassSystem, read_mass_matrix
from sparsesolve.adapters.ode_arguments import check_given, checked_span
from sparsesolve.host.words import check_call, refuse_words
from sparsesolve.methods.consistent import consistent_start
from sparsesolve.methods.freshness import check_jacobian, during, find_change, seal
from sparsesolve.methods.prepared_jacobian import prepare_jacobian
from sparsesolve.methods.radau import Point
from sparsesolve.methods.residual import CscOrder
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.options import TRACED, SolverDerivatives
from sparsesolve.problem.start import start_point

__all__ = ["SparseBDF", "SparseRadau", "integrate"]

Array = NDArray[np.float64]
Rhs = Callable[..., Any]

_EXPLICIT = ("RK45", "RK23", "DOP853")

# up to this size, or from this density on, LAPACK beats SuperLU and the sparse arithmetic
_DENSE_SIZE = 40
_DENSE_SHARE = 0.3

# which part of the span away from its ends a function is compared: not where a term is zero
_NEAR = 1e-3


# scipy's defaults
_ATOL, _RTOL = 1e-6, 1e-3


class ShiftedIdentity:
    """``scale * I`` whose difference with a sparse matrix is assembled in one fixed structure.

    Stands where scipy's methods keep their sparse identity; they only scale it and subtract from
    it.

    Parameters
    ----------
    matrix : csc_matrix, shape (n, n)
        Fixes the structure.
    """

    __array_ufunc__ = None  # numpy scalars leave the product to us

    def __init__(self, matrix: Any) -> None:
        n = int(matrix.shape[0])
        diagonal = np.arange(n)
        columns = np.repeat(diagonal, np.diff(matrix.indptr))
        rows = np.concatenate([matrix.indices, diagonal])
        both = sp.coo_array(
            (np.ones(rows.size), (rows, np.concatenate([columns, diagonal]))), shape=(n, n)
        )
        union = sp.csc_array(both)
        union.sort_indices()
        # entries by columns, rows sorted: so their numbers are sorted too
        keys = np.repeat(diagonal, np.diff(union.indptr)) * n + union.indices
        self.template = union
        self.source = (matrix.indptr, matrix.indices)
        self.places = np.searchsorted(keys, columns * n + matrix.indices)
        self.diagonal = np.searchsorted(keys, diagonal * (n + 1))
        self.scale: complex | float = 1.0

    def __rmul__(self, scale: Any) -> ShiftedIdentity:
        other = object.__new__(ShiftedIdentity)
        other.__dict__.update(self.__dict__)
        other.scale = scale * self.scale
        return other

    def __sub__(self, matrix: Any) -> sp.csc_array:
        if matrix.nnz != self.source[1].size:  # a branch has made the structure grow
            self.__dict__.update(ShiftedIdentity(matrix).__dict__ | {"scale": self.scale})
        kind = np.result_type(np.asarray(self.scale).dtype, matrix.data.dtype)
        data = np.zeros(self.template.nnz, dtype=kind)
        data[self.places] = -matrix.data
        data[self.diagonal] += self.scale
        return sp.csc_array(
            (data, self.template.indices, self.template.indptr), shape=self.template.shape
        )


_WORDS = "fun", "t_span", "y0", "method", "args", "kwargs", "jac", "derivatives", "mass_matrix"
_OPTIONS = (
    "t_eval", "dense_output", "events", "vectorized", "first_step", "max_step", "min_step", "rtol",
    "atol", "jac_sparsity", "lband", "uband",
)  # fmt: skip


def _check_options(options: Mapping[str, Any], method: Any) -> None:
    """Raise where an option is none of scipy's: it would be dropped, and another problem solved."""
    known = set(_OPTIONS)
    if isinstance(method, type):  # a method of the user's own may take more
        known.update(inspect.signature(method).parameters)
    words = (*_WORDS, *_OPTIONS, *sorted(known - set(_OPTIONS)))
    refuse_words("solve_ivp", sorted(set(options) - known), words)


class _SparseFactorization:
    """Mixed into scipy's implicit methods: their factorization and identity, replaced."""

    def _replace(self) -> None:
        solver: Any = self
        if not sp.issparse(solver.J):
            return
        factors = SparseLU()

        def factorize(matrix: Any) -> Any:
            solver.nlu += 1
            return factors.factor(matrix)

        solver.lu = factorize
        solver.I = ShiftedIdentity(solver.J)


class SparseBDF(_SparseFactorization, BDF):  # type: ignore[misc]
    """scipy's BDF with the factorization of `SparseLU`; takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # scipy leaves these differences uninitialized and computes with them in the first steps;
        # their values are never used, but may be NaN and then warn
        self.D[2:] = 0.0
        self._replace()


class SparseRadau(_SparseFactorization, Radau):  # type: ignore[misc]
    """scipy's Radau with the factorization of `SparseLU`; takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._replace()


def integrate(
    rhs: Rhs,
    t_span: tuple[float, float],
    y0: Any,
    *,
    method: Any,
    args: tuple[Any, ...],
    jac: Any,
    derivatives: SolverDerivatives,
    options: dict[str, Any],
) -> Any:
    """Integrate; the arguments are those of `sparsesolve.solve_ivp`.

    Parameters
    ----------
    rhs, t_span, y0, method, args, jac, derivatives, options
        See `sparsesolve.solve_ivp`.

    Returns
    -------
    OdeResult
        As scipy returns it.

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    options = dict(options)
    mass = options.pop("mass_matrix", None)
    _check_options(options, method)
    t_span = checked_span(t_span)
    check_given(options, int(np.size(y0)))
    check_call(rhs, [t_span[0], y0, *args])
    if mass is not None:
        _check_mass(options, method)
    if callable(mass):
        options.pop("vectorized", None)
        residual = MassFunction(mass, rhs)
        return integrate_implicit(
            residual, t_span, y0, None, method="Radau", args=args, derivatives=derivatives,
            options=options,
        )  # fmt: skip
    passed = options | ({"args": args} if args else {})
    if method in _EXPLICIT:
        return solve_ivp(rhs, t_span, y0, method=method, **passed)
    # only differences profit from it, and there are none; compiled functions take one state
    passed.pop("vectorized", None)
    solver, kind = _solver(method)
    start = start_point(y0, "y0")
    atol = options.get("atol", _ATOL)
    supply = JacobianSupply(rhs, t_span, start, args, jac, atol, derivatives)
    trouble = supply.trouble_at_the_start()
    if trouble:  # scipy's methods would halve their step without end
        run = solve_ivp(lambda t, y: np.zeros(y.size), (supply.t_start,) * 2, start)
        run.update(t=run.t[:1], y=run.y[:, :1], notes=supply.notes)
        run.update(status=-1, success=False, message=trouble)
        return run
    notes: tuple[str, ...] = ()
    if mass is not None:
        solver, start, form, notes = _with_mass(mass, supply, options)
    elif kind == "LSODA":
        form = supply.lsoda()
    elif kind == "krylov" or (kind == "auto" and not supply.is_small):
        solver, form = KrylovBDF, {"matrix": supply.by_rows}
    else:
        form = {"jac": supply.dense if supply.is_small else supply.sparse}
    run = solve_ivp(supply.function(rhs), t_span, start, method=solver, **form, **passed)
    return _confirmed(run, supply, rhs, args, notes)


def _check_mass(options: Mapping[str, Any], method: Any) -> None:
    """Raise where a method or an option does not go with a mass matrix."""
    if not (isinstance(method, str) and method in ("BDF", "Radau")):
        raise ValueError(
            f"`mass_matrix` needs method='Radau' (the default serves as well), got {method!r}."
        )
    others = sorted(set(options) - {*WITH_SYSTEMS, "vectorized"})
    if others:
        raise TypeError(
            f"with `mass_matrix`, `solve_ivp` takes {', '.join(WITH_SYSTEMS)}; got "
            f"{', '.join(others)}. Leave them out."
        )


def _with_mass(
    given: Any, supply: JacobianSupply, options: Mapping[str, Any]
) -> tuple[Any, Array, dict[str, Any], tuple[str, ...]]:
    """Return the method, a consistent start, the arguments of the method, and notes."""
    start = supply.y_start
    system = MassSystem(read_mass_matrix(given, start.size), supply.state_function, supply.sparse)
    allowed = options.get("atol", _ATOL) + options.get("rtol", _RTOL) * np.abs(start)
    at, notes = consistent_start(
        system,
        Point(supply.t_start, start, np.zeros(start.size)),
        allowed,
        supply.span,
        told=False,
    )
    return ImplicitRadau, at.y, {"system": system, "slope": at.slope}, notes


def _confirmed(
    run: Any, supply: JacobianSupply, rhs: Rhs, args: tuple[Any, ...], notes: tuple[str, ...]
) -> Any:
    """Return a run with the notes of its start, failed where the right-hand side changed."""
    run.notes = supply.notes + notes
    if not supply.comparable:
        return run
    t, y = (run.t[-1], run.y[:, -1]) if len(run.t) else (supply.t_start, supply.y_start)
    at = float(t) - _NEAR * (float(t) - supply.t_start)
    given = [at, np.asarray(y), *args]
    stale = find_change(rhs, supply.prepared, given, 1, supply.args, run.success)
    if stale:
        run.update(status=-1, success=False, message=during("right-hand side", stale))
    return run


def _solver(method: Any) -> tuple[Any, str]:
    known = {
        "BDF": (SparseBDF, "BDF"),
        "Radau": (SparseRadau, "Radau"),
        "LSODA": (LSODA, "LSODA"),
        "krylov": (KrylovBDF, "krylov"),
        "auto": (SparseBDF, "auto"),
    }
    if isinstance(method, str) and method in known:
        return known[method]
    if method in (BDF, Radau):
        return known[method.__name__]
    if isinstance(method, type):
        return method, "LSODA" if issubclass(method, LSODA) else method.__name__
    raise ValueError(
        f"`method` must be one of {', '.join((*known, *_EXPLICIT))}, or a subclass of OdeSolver; "
        f"got {method!r}."
    )


class JacobianSupply:
    """The Jacobian by y of a right-hand side, in the form each method takes."""

    def __init__(
        self,
        rhs: Rhs,
        t_span: tuple[float, float],
        y0: Array,
        args: tuple[Any, ...],
        jac: Any,
        atol: Any = _ATOL,
        derivatives: SolverDerivatives = "auto",
    ) -> None:
        t0 = float(t_span[0])
        self.t_start, self.y_start = t0, y0
        self.span = abs(float(t_span[1]) - t0)
        self.prepared, self._prepare_notes = prepare_jacobian(
            rhs,
            [t0, y0, *args],
            1,
            jac,
            derivatives,
            lambda given: self._checked(rhs, given, t_span, args),
        )
        # an object of the user's own may give a Jacobian alone: the function is then called itself
        self.comparable = hasattr(self.prepared, "staleness")
        self.args = seal(self.prepared, [t0, y0, *args])[2:]
        self._finite_values = FiniteValues(self.prepared, atol)
        self._follow()
        n = y0.size
        if self.pattern.shape != (n, n):
            raise ValueError(
                f"The right-hand side must return {n} values for {n} unknowns, got "
                f"{self.pattern.shape[0]}. It is called as rhs(t, y, *args), t first."
            )
        self.is_small = n <= _DENSE_SIZE or self.pattern.density >= _DENSE_SHARE
        called = self.function(rhs)

        def state_function(t: float, y: Array) -> Array:
            return np.ravel(np.asarray(called(t, y, *args), dtype=np.float64))

        self.state_function: Callable[[float, Array], Array] = state_function

    def _follow(self) -> None:
        """Take over the pattern, at the start and where a branch has made it grow."""
        self.pattern = self._finite_values.pattern
        self.order = CscOrder(self.pattern)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result should tell of the Jacobian."""
        return self._prepare_notes + self._finite_values.notes

    def trouble_at_the_start(self) -> str:
        """Say what of the right-hand side is not finite at the start; empty if all is."""
        with np.errstate(all="ignore"):
            value = self.state_function(self.t_start, self.y_start)
        bad = np.flatnonzero(~np.isfinite(value))
        if not bad.size:
            return ""
        return (
            f"The right-hand side is {value[bad[0]]} in row {bad[0]} at the start ({bad.size} such "
            "rows). Start where it is finite."
        )

    def _checked(
        self, rhs: Rhs, jac: Any, t_span: tuple[float, float], args: tuple[Any, ...]
    ) -> tuple[Any, tuple[str, ...]]:
        """Return `jac`, or one prepared anew where it is not of `rhs`."""
        if not hasattr(jac, "staleness"):
            return jac, ()
        length = float(t_span[1]) - self.t_start
        at = self.t_start + _NEAR * (length if np.isfinite(length) else 1.0)
        return check_jacobian(rhs, jac, [at, self.y_start, *args], 1)

    def function(self, rhs: Rhs) -> Rhs:
        """Return the right-hand side as it was traced; the user's own where it was not."""
        if getattr(self.prepared, "method", "") not in TRACED:
            return rhs
        value, fixed = self.prepared.value, self.args
        return lambda t, y, *args: np.ravel(value(t, y, *fixed))

    def sparse(self, t: float, y: Array, *args: Any) -> sp.csc_array:
        """Return J as csc, sorted, int32."""
        values = self._finite(t, y)
        return self.order.matrix(values)

    def by_rows(self, t: float, y: Array) -> sp.csr_array:
        """Return J as csr, in the order of the pattern."""
        values = self._finite(t, y)
        return sp.csr_array(
            (values, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape
        )

    def dense(self, t: float, y: Array, *args: Any) -> Array:
        """Return J as an array of shape (n, n)."""
        values = self._finite(t, y)
        full = np.zeros(self.pattern.shape)
        full[self.pattern.rows, self.pattern.indices] = values
        return full

    @property
    def may_grow(self) -> bool:
        """Whether there are branches, of which another one may need more entries."""
        paths = getattr(self.prepared, "paths", tuple)
        return getattr(self.prepared, "method", "") in TRACED and bool(paths())

    def lsoda(self) -> dict[str, Any]:
        """Return LSODA's arguments: bands where they are narrow."""
        offset = self.pattern.indices.astype(np.int64) - self.pattern.rows
        upper, lower = int(offset.max(initial=0)), int(-offset.min(initial=0))
        n = self.pattern.shape[0]
        if 2 * (upper + lower + 1) >= n or self.may_grow:
            return {"jac": self.dense}
        rows = upper - offset

        def banded(t: float, y: Array, *args: Any) -> Array:
            packed = np.zeros((lower + upper + 1, n))
            packed[rows, self.pattern.indices] = self._finite(t, y)
            return packed

        return {"jac": banded, "lband": lower, "uband": upper}

    def _finite(self, t: float, y: Array) -> Array:
        """Values at (t, y), all finite; the pattern is then that of these."""
        values = self._finite_values.at(lambda at: self.state_function(t, at), t, y, self.args)
        if self._finite_values.pattern is not self.pattern:
            self._follow()
        return values
