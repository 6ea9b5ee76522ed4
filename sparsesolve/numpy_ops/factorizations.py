"""Linear systems and matrix functions of `scipy.linalg` and `scipy.sparse.linalg`.

SciPy gives its arguments to LAPACK and SuperLU without asking for a protocol. A
system with a constant matrix is factorized once: its solution is a constant linear map of the right
side. Systems with traced matrices, and functions of them, are those of `numpy.linalg`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.opaque import lower_opaque
from sparsesolve.lower.products import contract
from sparsesolve.numpy_ops.fourier import vector_map
from sparsesolve.numpy_ops.matrix_calls import Exponential
from sparsesolve.numpy_ops.orthogonal import generalized_eigh
from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.math_errors import raise_unless_positive
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import holds_boxes, is_traced, operand
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__ = ["LARGEST", "Solver", "expm", "factored_solve", "takes_traced"]

LARGEST = 1448  # order of an inverse that is written out
_IGNORED = ("overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "use_umfpack")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Solver:
    """How systems with one constant matrix, and with its transpose, are solved."""

    plain: Callable[[Array], Array]
    transposed: Callable[[Array], Array]

    @property
    def swapped(self) -> Solver:
        """The solver of the transposed matrix."""
        return Solver(self.transposed, self.plain)


@primitive
def factored_solve(solver: Solver, b: Any) -> Any:
    """Return the solution of a system whose matrix is constant."""
    return solver.plain(np.asarray(b, dtype=np.float64))


defvjp(factored_solve, None, lambda ans, solver, b: lambda g: factored_solve(solver.swapped, g))
defjvp(factored_solve, None, "same")
named(factored_solve, "factored_solve")


@primitive
def expm(a: Any) -> Any:
    """Return the exponential of a matrix."""
    import scipy.linalg  # noqa: PLC0415  (loaded by whoever calls its function)

    return scipy.linalg.expm(a)


def _expm_vjp(ans: Any, a: Any) -> Callable[[Any], Any]:
    """Read the derivative in a direction off the exponential of a block matrix (Mathias 1996)."""
    turned, n = anp.swapaxes(a, -1, -2), a.shape[-1]

    def pull(g: Any) -> Any:
        above = anp.concatenate([turned, g], axis=-1)
        below = anp.concatenate([anp.zeros(a.shape), turned], axis=-1)
        return expm(anp.concatenate([above, below], axis=-2))[..., :n, n:]

    return pull


defvjp(expm, _expm_vjp)
named(expm, "expm")
_EXPONENTIAL = Exponential(expm)


def _by_factors(solver: Solver, b: Any, *, conjugate: bool = False) -> Any:
    """Solve with constant factors; complex ones are few enough to write their inverse out."""
    if conjugate:
        return anp.conj(_by_factors(solver, anp.conj(operand(b))))
    b = operand(b)
    if np.iscomplexobj(solver.plain(np.zeros(len(b)))):
        return anp.dot(solver.plain(np.eye(len(b))), b)
    if b.dtype.kind != "c":
        return factored_solve(solver, b)
    return factored_solve(solver, anp.real(b)) + 1j * factored_solve(solver, anp.imag(b))


# --- SciPy's names ---


def takes_traced(*paths: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function stand for SciPy's where an argument is traced; options of speed are left."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def make(plain: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                given = [*args, *kwargs.values()]
                if not any(holds_boxes(v) or _is_factor(v) for v in given):
                    return plain(*args, **kwargs)
                for name in _IGNORED:
                    kwargs.pop(name, None)
                return function(*args, **kwargs)

            return call

        for path in paths:
            module, name = path.rsplit(":", 1)
            replaces(module, name)(make)
        return function

    return register


@dataclass(frozen=True, slots=True, eq=False)
class _Factor:
    """What stands for the factors of a traced matrix, good for solving only."""

    matrix: Any


def _is_factor(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, _Factor) for item in value)


def _solved(a: Any, b: Any) -> Any:
    """Solve a system with a dense matrix, traced or not."""
    a, b = operand(a), operand(b)
    if is_traced(a) or np.ndim(a) != 2 or np.iscomplexobj(a) or b.dtype.kind == "c":
        if np.ndim(b) == np.ndim(a) - 1 and np.ndim(a) > 2:
            return anp.linalg.solve(a, b[..., None])[..., 0]
        return anp.linalg.solve(a, b)
    import scipy.linalg  # noqa: PLC0415  (loaded by whoever calls its function)

    factors = scipy.linalg.lu_factor(np.asarray(a, dtype=np.float64))
    lu_solve = scipy.linalg.lu_solve
    return factored_solve(
        Solver(lambda v: lu_solve(factors, v), lambda v: lu_solve(factors, v, trans=1)), b
    )


def _symmetric(a: Any, lower: bool, *, hermitian: bool = True) -> Any:
    """Make a whole matrix of the triangle that LAPACK reads."""
    half = anp.tril(a, -1) if lower else anp.triu(a, 1)
    turned = anp.swapaxes(half, -1, -2)
    if hermitian and a.dtype.kind == "c":
        return half + anp.conj(turned) + anp.real(a) * np.eye(np.shape(a)[-1])
    return half + turned + a * np.eye(np.shape(a)[-1])


@takes_traced("scipy.linalg:solve")
def _solve(
    a: Any, b: Any, lower: bool = False, *, assume_a: Any = None, transposed: bool = False
) -> Any:
    a = operand(a)
    if assume_a in ("sym", "her", "pos", "symmetric", "hermitian", "positive definite"):
        a = _symmetric(a, lower, hermitian=not assume_a.startswith("sym"))
    elif assume_a in ("upper triangular", "lower triangular"):
        a = anp.triu(a) if assume_a[0] == "u" else anp.tril(a)
    elif assume_a not in (None, "gen", "general"):
        raise refuse(f"`assume_a={assume_a!r}` at {user_line()}", "Leave it out")
    return _solved(anp.swapaxes(a, -1, -2) if transposed else a, b)


@takes_traced("scipy.linalg:solve_triangular")
def _solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    a = operand(a)
    if unit_diagonal:
        a = (anp.tril(a, -1) if lower else anp.triu(a, 1)) + np.eye(np.shape(a)[-1])
    a = anp.tril(a) if lower else anp.triu(a)
    if trans in (2, "C"):
        a = anp.conj(a)
    return _solved(a if trans in (0, "N") else anp.swapaxes(a, -1, -2), b)


@takes_traced("scipy.linalg:lstsq")
def _lstsq(a: Any, b: Any, cond: Any = None, *rest: Any, **options: Any) -> Any:
    least = np.finfo(float).eps if cond is None else cond
    solution, residual, rank, sizes = np.linalg.lstsq(operand(a), operand(b), rcond=least)
    one = np.size(residual) == 1 and np.ndim(operand(b)) == 1
    return solution, residual[0] if one else residual, rank, sizes


@takes_traced("scipy.linalg:lu_factor")
def _lu_factor(a: Any) -> Any:
    return _Factor(operand(a)), None


@takes_traced("scipy.linalg:cho_factor")
def _cho_factor(a: Any, lower: bool = False) -> Any:
    symmetric = _symmetric(operand(a), lower)
    raise_unless_positive(symmetric)
    return _Factor(symmetric), lower


@takes_traced("scipy.linalg:lu_solve")
def _lu_solve(lu_and_piv: Any, b: Any, trans: int = 0) -> Any:
    import scipy.linalg  # noqa: PLC0415  (loaded by whoever calls its function)

    lu = lu_and_piv[0]
    if isinstance(lu, _Factor):
        matrix = anp.conj(lu.matrix) if trans == 2 else lu.matrix
        return _solved(anp.swapaxes(matrix, -1, -2) if trans else matrix, b)
    _refuse_traced_factors(lu_and_piv)
    lu_solve = scipy.linalg.lu_solve
    solver = Solver(lambda v: lu_solve(lu_and_piv, v), lambda v: lu_solve(lu_and_piv, v, 1))
    return _by_factors(solver.swapped if trans else solver, b, conjugate=trans == 2)


@takes_traced("scipy.linalg:cho_solve")
def _cho_solve(c_and_lower: Any, b: Any) -> Any:
    import scipy.linalg  # noqa: PLC0415  (loaded by whoever calls its function)

    if isinstance(c_and_lower[0], _Factor):
        return _solved(c_and_lower[0].matrix, b)
    if holds_boxes(c_and_lower[0]):  # a factor that the function has made by np.linalg.cholesky
        factor, lower = operand(c_and_lower[0]), c_and_lower[1]
        turned = _turned(factor)
        low, high = (factor, turned) if lower else (turned, factor)
        return _solved(anp.triu(high), _solved(anp.tril(low), b))
    cho_solve = scipy.linalg.cho_solve
    return _by_factors(
        Solver(lambda v: cho_solve(c_and_lower, v), lambda v: cho_solve(c_and_lower, v)), b
    )


def _refuse_traced_factors(factors: Any) -> None:
    if holds_boxes(factors[0]):
        raise refuse(f"factors that are traced at {user_line()}", "Use lu_factor, or solve")


@takes_traced("scipy.linalg:solve_banded")
def _solve_banded(l_and_u: Any, ab: Any, b: Any) -> Any:
    if holds_boxes(ab):
        from autograd.scipy.linalg import solve_banded  # noqa: PLC0415  (slow to import)

        return solve_banded(l_and_u, operand(ab), operand(b))
    import scipy.sparse  # noqa: PLC0415  (loaded by whoever calls its function)

    offsets = np.arange(l_and_u[1], -l_and_u[0] - 1, -1)
    bands, n = np.asarray(ab) * 1.0, np.shape(ab)[1]
    return _sparse_solve(scipy.sparse.dia_array((bands, offsets), shape=(n, n)), b)


@takes_traced("scipy.linalg:solveh_banded")
def _solveh_banded(ab: Any, b: Any, lower: bool = False) -> Any:
    bands = operand(ab)
    if np.iscomplexobj(bands):
        raise refuse(
            f"solveh_banded with complex bands at {user_line()}", "Use solve_banded with all bands"
        )
    count, n = len(bands) - 1, np.shape(bands)[1]
    halves = [bands[k, : n - k] if lower else bands[count - k, k:] for k in range(count + 1)]
    above = [np.pad(halves[k], (k, 0)) for k in range(count, 0, -1)]
    below = [np.pad(halves[k], (0, k)) for k in range(count + 1)]
    return _solve_banded((count, count), anp.stack([*above, *below]), b)


@takes_traced("scipy.sparse.linalg:spsolve")
def _spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    if holds_boxes(A):
        return _solved(A, b)
    return _sparse_solve(A, b)


def _sparse_solve(A: Any, b: Any) -> Any:
    import scipy.sparse.linalg  # noqa: PLC0415  (loaded by whoever calls its function)

    b = operand(b)
    if b.dtype.kind == "c" or np.iscomplexobj(A):
        return anp.linalg.solve(A.toarray(), b)
    return _by_lu(scipy.sparse.linalg.splu(A.tocsc().astype(np.float64)), b)


def _by_lu(lu: Any, b: Any) -> Any:
    solve = type(lu).solve
    return factored_solve(Solver(lambda v: solve(lu, v), lambda v: solve(lu, v, "T")), b)


@replaces("scipy.sparse.linalg", "SuperLU.solve")
def _superlu(plain: Callable[..., Any]) -> Callable[..., Any]:
    def solve(self: Any, rhs: Any, trans: str = "N") -> Any:
        if not holds_boxes(rhs):
            return plain(self, rhs, trans)
        solver = Solver(lambda v: plain(self, v), lambda v: plain(self, v, "T"))
        chosen = solver if trans == "N" else solver.swapped
        return _by_factors(chosen, rhs, conjugate=trans == "H")

    return solve


takes_traced("scipy.linalg:expm")(lambda A: expm(operand(A)))
takes_traced("scipy.linalg:inv")(lambda a: anp.linalg.inv(operand(a)))
takes_traced("scipy.linalg:det")(lambda a: anp.linalg.det(operand(a)))
takes_traced("scipy.linalg:pinv")(lambda a: np.linalg.pinv(operand(a)))
takes_traced("scipy.linalg:norm")(
    lambda a, ord=None, axis=None, keepdims=False: np.linalg.norm(operand(a), ord, axis, keepdims)
)
takes_traced("scipy.linalg:svdvals")(lambda a: np.linalg.svdvals(operand(a)))
takes_traced("scipy.linalg:pinvh")(
    lambda a, lower=True: np.linalg.pinv(_symmetric(operand(a), lower))
)
takes_traced("scipy.linalg:svd")(
    lambda a, full_matrices=True, compute_uv=True, lapack_driver=None: np.linalg.svd(
        operand(a), full_matrices, compute_uv
    )
)
takes_traced("scipy.linalg:eigvalsh")(lambda a, b=None, **kw: _eigh(a, b, eigvals_only=True, **kw))


@takes_traced("scipy.linalg:eigh_tridiagonal")
def _eigh_tridiagonal(d: Any, e: Any, eigvals_only: bool = False, **options: Any) -> Any:
    if options:
        raise refuse(f"eigh_tridiagonal with {set(options)} at {user_line()}", "Leave them out")
    beside = anp.diag(operand(e), 1)
    return _eigh(anp.diag(operand(d)) + beside + beside.T, eigvals_only=eigvals_only)


takes_traced("scipy.linalg:eigvalsh_tridiagonal")(
    lambda d, e, **options: _eigh_tridiagonal(d, e, eigvals_only=True, **options)
)


@takes_traced("scipy.linalg:eigh")
def _eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    subset_by_index: Any = None,
) -> Any:
    side: Any = "L" if lower else "U"
    if b is None and subset_by_index is None:
        return (np.linalg.eigvalsh if eigvals_only else np.linalg.eigh)(operand(a), side)
    a = operand(a)
    values, vectors = np.linalg.eigh(a, side) if b is None else generalized_eigh(a, b, side)
    if subset_by_index is not None:
        first, last = subset_by_index
        values, vectors = values[first : last + 1], vectors[:, first : last + 1]
    return values if eigvals_only else (values, vectors)


@takes_traced("scipy.linalg:cholesky")
def _cholesky(a: Any, lower: bool = False) -> Any:
    a = operand(a)
    raise_unless_positive(a if lower else _turned(a))
    if lower:
        return anp.linalg.cholesky(a)
    return _turned(anp.linalg.cholesky(_turned(a)))


def _turned(a: Any) -> Any:
    """Return the conjugate transpose of a matrix."""
    turned = anp.swapaxes(a, -1, -2)
    return anp.conj(turned) if turned.dtype.kind == "c" else turned


# --- lowering ---


@rule("factored_solve", "linear algebra")
def _lower_factored_solve(c: Context, solver: Solver, b: Any) -> Any:
    ids = c.slots(b)
    if not 0 < len(ids) <= LARGEST:
        assert c.step is not None
        return lower_opaque(c, c.step)
    if ids.ndim == 1:
        return vector_map(c, ids, solver.plain)
    inverse = solver.plain(np.eye(len(ids)))
    return contract(c, [inverse, ids], ["ij", "jk"], "ik")


@rule("expm", "linear algebra")
def _lower_expm(c: Context, a: Any) -> Any:
    if a.ndim == 2 and a.size:
        return _EXPONENTIAL.on(c.builder, a)
    assert c.step is not None
    return lower_opaque(c, c.step)
