"""Determinants, inverses, linear systems and factors, each matrix of a stack by itself.

A stack of small matrices (up to 3 x 3) is written out by cofactors, so that it is as sparse and as
quick as other elementwise work; larger ones are one call a matrix, which keeps the matrices
independent of each other. A single inverse or system stays a call of any size, for LAPACK's
accuracy, unless there are as many as a loop has; a single small determinant is written out, because
that shows which entries it depends on. Every part of a factorization is an instruction of its own,
``component(function, k, ...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import make_vjp
from autograd.extend import defvjp_argnum
from autograd.numpy import linalg

from sparsesolve.ir.matrix_call import MatrixCall
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.context import Context, is_slots, rule
from sparsesolve.lower.opaque import bound, kept, lower_opaque, refused
from sparsesolve.lower.products import contract, read_subscripts
from sparsesolve.numpy_ops.complex_matrices import (
    eigh_vjp,
    in_lapacks_phase,
    over_distances,
    phase_vjp,
    singular_vectors_in_phase,
)
from sparsesolve.numpy_ops.determinants import DETERMINANT, LOG_DETERMINANT
from sparsesolve.numpy_ops.matrix_calls import (
    CHOLESKY,
    INVERSE,
    SOLVE,
    Eigenvalues,
)
from sparsesolve.numpy_ops.orthogonal import least_squares_solution
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.math_errors import raise_unless_positive
from sparsesolve.trace.naming import named
from sparsesolve.trace.operands import is_traced, operand, plain_index
from sparsesolve.trace.primitives import primitive
from sparsesolve.trace.sources import user_line

__all__ = ["component", "svdvals"]

_WRITTEN_OUT = 3  # largest matrix that is written out
_LOOP = 8  # single systems
_SYSTEMS = {"linalg.inv", "linalg.solve", "linalg.cholesky"}
_MOST_CALLS = 256  # a larger stack of larger matrices stays one call


@primitive
def component(function: Callable[..., Any], k: int, *arguments: Any, **options: Any) -> Any:
    """Return item `k` of the tuple ``function(*arguments, **options)``."""
    return function(*arguments, **options)[k]


def _component_vjp(
    argnum: int, ans: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Callable[[Any], Any]:
    function, k, *rest = arguments
    if function is anp.linalg.eigh:
        return _eigh_vjp(k, *rest, **options)
    if function is anp.linalg.slogdet and k == 0:
        return phase_vjp(ans, *rest)

    def item(argument: Any) -> Any:
        replaced = [*rest[: argnum - 2], argument, *rest[argnum - 1 :]]
        return function(*replaced, **options)[k]

    pull: Callable[[Any], Any] = make_vjp(item, rest[argnum - 2])[0]
    return pull


def _eigh_vjp(k: int, a: Any, UPLO: str = "L") -> Callable[[Any], Any]:
    """Rule of one item of ``eigh``.

    autograd's leaves the eigenvectors out where their cotangent is zero, which loses terms of
    second derivatives there.
    """
    eigh, UPLO = anp.linalg.eigh, UPLO.upper()
    w, v = component(eigh, 0, a, UPLO), component(eigh, 1, a, UPLO)
    if np.iscomplexobj(a):
        return eigh_vjp(k, w, v, UPLO)
    vt, one = anp.swapaxes(v, -1, -2), np.eye(np.shape(a)[-1])

    def pull(g: Any) -> Any:
        if k == 0:
            inner = anp.matmul(v * g[..., None, :], vt)
        else:
            inner = anp.matmul(anp.matmul(v, over_distances(anp.matmul(vt, g), w)), vt)
        triangle = np.tril(1.0 - one) if UPLO == "L" else np.triu(1.0 - one)
        return inner * one + (inner + anp.swapaxes(inner, -1, -2)) * triangle

    return pull


defvjp_argnum(component, _component_vjp)
named(component, "component")


@implements(np.linalg.matrix_power)
def _matrix_power(a: Any, n: int) -> Any:
    n = plain_index(n)
    if n < 0:
        return _matrix_power(linalg.inv(a), -n)
    result, square = None, a
    while n:
        if n & 1:
            result = square if result is None else anp.matmul(result, square)
        n >>= 1
        square = anp.matmul(square, square) if n else square
    if result is None:
        return anp.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    return result


def _tuple_valued(function: Callable[..., Any], primitive: Any, count: int) -> None:
    """Register a decomposition: every part of its result is an instruction of its own."""

    @implements(function)
    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        parts = [component(primitive, k, operand(a), *args, **kwargs) for k in range(count)]
        kind = type(function(np.eye(2)))
        return kind(*parts)


_tuple_valued(np.linalg.slogdet, linalg.slogdet, 2)


@implements(np.linalg.eigh)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    a = operand(a)
    w, v = component(linalg.eigh, 0, a, UPLO), component(linalg.eigh, 1, a, UPLO)
    if a.dtype.kind == "c" and a.size:
        v = in_lapacks_phase(v, UPLO.upper())
    return type(np.linalg.eigh(np.eye(2)))(w, v)


@implements(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    if not compute_uv:
        return svdvals(a)
    if any(options.values()):
        raise refuse(f"np.linalg.svd with {set(options)} at {user_line()}", "Leave it out")
    a = operand(a)
    rows, columns = a.shape[-2:]
    # a factor that is square in both forms is the same in both, and only the reduced has a rule
    full = [full_matrices and rows > columns, False, full_matrices and columns > rows]
    parts = [component(linalg.svd, k, a, full[k]) for k in range(3)]
    if a.dtype.kind == "c" and a.size:
        parts[0], parts[2] = singular_vectors_in_phase(parts[0], parts[2])
    return type(np.linalg.svd(np.eye(2)))(*parts)


@implements(np.linalg.pinv, recorded=True)
def _pinv(a: Any, *args: Any, **options: Any) -> Any:
    if args or any(value not in (None, False, np._NoValue) for value in options.values()):
        raise refuse(f"np.linalg.pinv with options at {user_line()}", "Leave them out")
    return linalg.pinv(operand(a))


@implements(np.linalg.cholesky, recorded=True)
def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = operand(a)
    raise_unless_positive(anp.swapaxes(a, -1, -2) if upper else a)
    return linalg.cholesky(a, upper=True) if upper else linalg.cholesky(a)


@implements(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """Solve by the pseudo-inverse; the rank is that of matrices in general."""
    a, b = operand(a), operand(b)
    if is_traced(a):
        rank, sizes = min(a.shape), np.linalg.svdvals(a)
        if rcond is not None and rcond >= 0 and not sizes[-1] > rcond * sizes[0]:
            raise refuse(f"np.linalg.lstsq with a large `rcond` at {user_line()}", "Leave it out")
        tall = a.shape[0] >= a.shape[1]
        simple = tall and a.dtype.kind != "c" and b.dtype.kind != "c"
        solution = least_squares_solution(a, b) if simple else anp.dot(linalg.pinv(a), b)
    else:
        plain, _, rank, sizes = np.linalg.lstsq(np.asarray(a), np.eye(len(a)), rcond=rcond)
        solution = anp.dot(plain, b)
    if rank < a.shape[1] or a.shape[0] <= a.shape[1]:
        return solution, np.zeros(0), rank, sizes
    gap = b - anp.dot(a, solution)
    squares = gap * gap if gap.dtype.kind != "c" else anp.real(gap * anp.conj(gap))
    return solution, anp.sum(anp.reshape(squares, (len(gap), -1)), axis=0), rank, sizes


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Return the singular values."""
    return component(linalg.svd, 1, operand(x), full_matrices=False)


implements(np.linalg.eigvalsh)(lambda a, UPLO="L": component(linalg.eigh, 0, operand(a), UPLO))


# --- lowering ---


@rule("linalg.det", "linear algebra")
def _lower_det(c: Context, a: Any) -> Any:
    n = a.shape[-1]
    if n > _WRITTEN_OUT:
        return _each(c, [a], [2], (), DETERMINANT)
    result = _determinant(c, a, tuple(range(n)))
    return np.zeros(a.shape[:-2]) if result is None else result


@rule("linalg.inv", "linear algebra")
def _lower_inv(c: Context, a: Any) -> Any:
    single = a.ndim == 2 and not _in_a_loop(c)
    if a.shape[-1] > _WRITTEN_OUT or single or a.size == 0:
        return _each(c, [a], [2], a.shape[-2:], INVERSE)
    adjugate, determinant = _adjugate(c, a)
    return c.map("divide", adjugate, determinant[..., None, None])


@rule("linalg.solve", "linear algebra")
def _lower_solve(c: Context, a: Any, b: Any) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    vector = b.ndim == 1
    small = is_slots(a) and 0 < a.shape[-1] <= _WRITTEN_OUT
    single = a.ndim == 2 and b.ndim <= 2 and not _in_a_loop(c)
    if not small or single:
        core_shape = b.shape if vector else b.shape[-2:]
        return _each(c, [a, b], [2, 1 if vector else 2], core_shape, SOLVE if is_slots(a) else None)
    adjugate, determinant = _adjugate(c, a)
    text = "...ij,j->...i" if vector else "...ij,...jk->...ik"
    letters, output = read_subscripts(text, [a.ndim, b.ndim])
    products = contract(c, [adjugate, c.operand(b)], letters, output)
    return c.map("divide", products, determinant[(..., None) if vector else (..., None, None)])


@rule("linalg.pinv", "linear algebra")
def _lower_pinv(c: Context, a: Any, *args: Any, **options: Any) -> Any:
    if args or options:
        raise c.unsupported(f"got options {args or options}", "Leave them out.")
    return _each(c, [a], [2], a.shape[:-3:-1])


@rule("linalg.cholesky", "linear algebra")
def _lower_cholesky(c: Context, a: Any, *, upper: bool = False) -> Any:
    """Factorize what NumPy reads: one triangle, which stands for the other one too."""
    step = c.step
    assert step is not None
    ids = np.swapaxes(a, -1, -2) if upper else a
    whole = _mirrored(ids)
    if _is_small_in_a_loop(c, whole):
        lower = _factor(c, whole)
        return np.swapaxes(lower, -1, -2) if upper else lower
    stack = whole.reshape(-1, *whole.shape[-2:]) if whole.size else whole[None]
    pieces = stack if 0 < len(stack) <= _MOST_CALLS and whole.size else [whole]
    known = CHOLESKY if pieces[0].ndim == 2 else step.function
    factors = [c.builder.opaque(step.op, known, (piece,), piece.shape) for piece in pieces]
    below = np.tri(ids.shape[-1], dtype=bool)
    lower = np.where(below, np.reshape(factors, whole.shape), np.int32(c.zero))
    return np.swapaxes(lower, -1, -2) if upper else lower


def _each(
    c: Context,
    arrays: Sequence[Any],
    cores: Sequence[int],
    core_shape: tuple[int, ...],
    known: MatrixCall | None = None,
) -> Any:
    """Call the primitive once for each matrix of a stack; `known` stands for it where given."""
    step = c.step
    assert step is not None
    leads = [a.shape[: a.ndim - core] for a, core in zip(arrays, cores, strict=True)]
    lead = np.broadcast_shapes(*leads)
    count = int(np.prod(lead, dtype=np.int64))
    if not lead and known is not None and all(np.size(a) for a in arrays):
        return known.on(c.builder, *map(c.slots, arrays))
    if not lead or not 0 < count <= _MOST_CALLS:
        return lower_opaque(c, step)
    stacks = [
        np.broadcast_to(a, lead + a.shape[a.ndim - core :]).reshape(
            count, *a.shape[a.ndim - core :]
        )
        for a, core in zip(arrays, cores, strict=True)
    ]
    if known is not None and all(stack.size for stack in stacks):
        each = [known.on(c.builder, *(c.slots(s[k]) for s in stacks)) for k in range(count)]
        return np.stack(each).reshape(lead + core_shape)
    calls = [bound(step.function, step.op, [s[k] for s in stacks], {}) for k in range(count)]
    results = [
        c.builder.opaque(call.name, call.function, call.operands, core_shape) for call in calls
    ]
    return np.stack(results).reshape(lead + core_shape)


def _in_a_loop(c: Context) -> bool:
    """Whether single systems are as many as the steps of a loop, which calls would unroll."""
    systems = filter(_is_system, c.tape.instructions)
    return len(list(islice(systems, _LOOP))) == _LOOP  # no more are looked for


def _is_small_in_a_loop(c: Context, a: Slots) -> bool:
    return a.ndim == 2 and 0 < len(a) <= _WRITTEN_OUT and _in_a_loop(c)


def _is_system(step: Instruction) -> bool:
    """Whether an instruction is one of the calls that are written out in loops."""
    return step.op in _SYSTEMS or (step.op == "component" and step.args[0] is linalg.slogdet)


def _factor(c: Context, a: Slots) -> Slots:
    """Cholesky's factor of a small matrix; NaN where NumPy would raise."""
    n = len(a)
    factor = np.full((n, n), c.zero, dtype=np.int32)
    for j in range(n):
        left = a[j:, j]
        for k in range(j):
            left = c.map("subtract", left, c.map("multiply", factor[j:, k], factor[j, k]))
        factor[j, j] = c.map("sqrt", left[0])
        if j + 1 < n:
            factor[j + 1 :, j] = c.map("divide", left[1:], factor[j, j])
    return factor


def _adjugate(c: Context, a: Slots) -> tuple[Slots, Slots]:
    """Transposed cofactors, shape (..., n, n), and the determinant, shape (...)."""
    n = a.shape[-1]
    rows: list[Any] = []
    for j in range(n):
        row = []
        for i in range(n):
            others = [k for k in range(n) if k != i]
            minor = _determinant(c, a[..., others, :], tuple(k for k in range(n) if k != j))
            if minor is not None and (i + j) % 2:
                minor = c.map("negative", minor)
            row.append(c.slots(np.broadcast_to(0.0 if minor is None else minor, a.shape[:-2])))
        rows.append(np.stack(row, axis=-1))
    determinant = _determinant(c, a, tuple(range(n)))
    whole = np.broadcast_to(0.0 if determinant is None else determinant, a.shape[:-2])
    return np.stack(rows, axis=-2), c.slots(whole)


def _determinant(c: Context, a: Slots, columns: tuple[int, ...]) -> Any:
    """Take the determinant of the last rows in some columns; None: zero by structure.

    Products with the slot of zero, as `diag` leaves them, are left out.
    """
    if not columns:
        return np.ones(a.shape[:-2])
    row = a.shape[-2] - len(columns)
    total: Any = None
    for k, column in enumerate(columns):
        factor = a[..., row, column]
        rest = columns[:k] + columns[k + 1 :]
        minor = None if bool((factor == c.zero).all()) else _determinant(c, a, rest)
        if minor is None:
            continue
        term = c.map("multiply", factor, minor) if rest else factor
        if total is None:
            total = term if k % 2 == 0 else c.map("negative", term)
        else:
            total = c.map("add" if k % 2 == 0 else "subtract", total, term)
    return total


_EIGENVALUES = Eigenvalues(
    lambda a: component(linalg.eigh, 0, a), lambda a: component(linalg.eigh, 1, a)
)


def _mirrored(a: Slots, side: str = "L") -> Slots:
    """Return the matrix that one of its triangles stands for."""
    one = np.tri(a.shape[-1], dtype=bool)
    turned = np.swapaxes(a, -1, -2)
    return np.where(one, a, turned) if side.upper() == "L" else np.where(one, turned, a)


@rule("component", "linear algebra")
def _lower_component(c: Context, function: Any, k: int, a: Any, *rest: Any, **options: Any) -> Any:
    if function is linalg.slogdet and k == 1 and a.ndim == 2 and a.size:
        found = _determinant(c, a, tuple(range(len(a)))) if _is_small_in_a_loop(c, a) else None
        if found is not None:
            return c.map("log", c.map("abs", found))
        return LOG_DETERMINANT.on(c.builder, a)
    if function is linalg.eigh and k == 0 and a.ndim == 2 and a.size:
        return _EIGENVALUES.on(c.builder, _mirrored(a, *rest, **options))
    assert c.step is not None
    return lower_opaque(c, c.step)


kept(
    "scipy.linalg.solve_banded scipy.linalg.solve_sylvester "
    "scipy.linalg.solve_triangular scipy.linalg.sqrtm"
)


@refused("component")
def _refuse_full_factor(c: Context, step: Instruction) -> None:
    """Refuse what autograd would refuse only when a derivative is evaluated."""
    if step.args[0] is linalg.svd and len(step.args) > 3 and step.args[3]:
        rows, columns = c.tape.values[step.args[2].index].shape[-2:]
        if rows != columns:
            raise c.unsupported(
                "got the full factor of a matrix that is not square",
                "Pass full_matrices=False: the other columns are not determined by the matrix",
            )
