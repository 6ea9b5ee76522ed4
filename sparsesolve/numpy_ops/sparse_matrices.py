"""`scipy.sparse` with traced entries: its classes, its operators, and what joins matrices.

SciPy builds a matrix by code that asks for no protocol. Where a traced value goes
in, SciPy's own function is called on whole numbers that stand for the entries
(`sparsesolve.trace.sparse_tracers`), so the places are those that SciPy finds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.tracer import isbox

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.primitives import sparse_matmul
from sparsesolve.trace.replaced import latest_trace, replaces
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.sparse_entries import is_sparse_tracer
from sparsesolve.trace.sparse_tracers import SparseTracer, become, holds_traced
from sparsesolve.trace.writable import current

__all__ = ["numbered_call"]

_Plain = Callable[..., Any]


class _Numbering:
    """Numbers in place of values, and the values."""

    def __init__(self) -> None:
        self.count = 0
        self.parts: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """Put numbers in place of all values in nested lists; of matrices those that are there."""
        value = current(value)
        if scipy.sparse.issparse(value):
            return self._matrix(SparseTracer.of(value).summed())
        if isinstance(value, (list, tuple)):
            return [self(item) for item in value]
        if isinstance(value, np.ndarray) and value.dtype == object:
            return [self(item) for item in value]
        if value is None or isinstance(value, str):
            return value
        return self._new(value)

    def _new(self, value: Any) -> Any:
        first, size = self.count + 1, int(np.size(value))
        numbers = np.arange(first, first + size).reshape(np.shape(value))
        self._keep(value, size)
        return numbers[()]

    def _keep(self, values: Any, size: int) -> None:
        self.parts.append(anp.reshape(values, (-1,)))
        self.count += size

    def _matrix(self, matrix: SparseTracer) -> Any:
        numbers = matrix.numbers.tocoo(copy=True)
        numbers.data = numbers.data.astype(np.int64)
        numbers.data[numbers.data > 0] += self.count
        self._keep(matrix.entries, int(np.size(matrix.entries)))
        return numbers

    def result(self, made: Any) -> Any:
        """Take what was made of the numbers for a matrix of the values."""
        made.data = made.data.astype(np.int64)
        return SparseTracer(made, anp.concatenate(self.parts))


def numbered_call(plain: _Plain, values: Any, *args: Any, **options: Any) -> SparseTracer:
    """Call a function of SciPy that moves values into a sparse matrix.

    Parameters
    ----------
    plain : callable
        The function.
    values : nested lists of arrays, numbers, and sparse matrices
        Its first argument, with traced values in it.
    *args, **options
        The rest.

    Returns
    -------
    SparseTracer
        The matrix.
    """
    numbering = _Numbering()
    made: SparseTracer = numbering.result(plain(numbering(values), *args, **options))
    return made


# --- classes ---


def _initialized(plain: _Plain, made: Any, arg1: Any, *args: Any, **options: Any) -> SparseTracer:
    """Make what stands for a new matrix with traced values."""
    kind = type(made)
    options.pop("copy", None)
    _check_kind(options.pop("dtype", None), kind)
    if is_sparse_tracer(arg1):
        return arg1.asformat(made.format).copy()  # type: ignore[no-any-return]

    def build(values: Any) -> Any:
        matrix = object.__new__(kind)
        plain(matrix, (values, *arg1[1:]) if isinstance(arg1, tuple) else values, *args, **options)
        return matrix

    by_places = isinstance(arg1, tuple) and len(arg1) == 2 and isinstance(arg1[1], (tuple, list))
    if by_places and made.format not in ("coo", "dia"):  # which sums what has one place
        is_array = isinstance(made, scipy.sparse.sparray)
        coo = scipy.sparse.coo_array if is_array else scipy.sparse.coo_matrix
        given = lambda values: coo((values, arg1[1]), *args, **options)  # noqa: E731
        return numbered_call(given, arg1[0]).asformat(made.format)
    return numbered_call(build, arg1[0] if isinstance(arg1, tuple) else _rows(arg1))


def _rows(values: Any) -> Any:
    """Make one array of a dense matrix given by rows."""
    return anp.array(values) if isinstance(values, (list, tuple)) else values


def _check_kind(kind: Any, what: type) -> None:
    if kind is not None and np.dtype(kind).kind not in "fc":
        raise refuse(f"{what.__name__} of kind {np.dtype(kind)} at {user_line()}", "Use floats")


def _become(matrix: Any, made: SparseTracer) -> None:
    """Let a matrix that has been handed out already be one with traced entries."""
    if isinstance(matrix, dict):
        raise refuse(f"traced values in a dok matrix at {user_line()}", "Use a lil matrix")
    become(matrix, made)


def _init(plain: _Plain) -> _Plain:
    @wraps(plain)
    def init(self: Any, arg1: Any, *args: Any, **options: Any) -> None:
        given = arg1[0] if isinstance(arg1, tuple) and arg1 else arg1
        if holds_traced(given):
            _become(self, _initialized(plain, self, arg1, *args, **options))
        else:
            plain(self, arg1, *args, **options)

    return init


for _module, _name in (
    ("_compressed", "_cs_matrix"),
    ("_coo", "_coo_base"),
    ("_dia", "_dia_base"),
    ("_bsr", "_bsr_base"),
    ("_lil", "_lil_base"),
    ("_dok", "_dok_base"),
):
    replaces(f"scipy.sparse.{_module}", f"{_name}.__init__", second=True)(_init)


# --- writing ---


@replaces("scipy.sparse._base", "_spbase.__init__", second=True)
def _mark_new(plain: _Plain) -> _Plain:
    """Note in which trace a matrix is made: an older one may not be written into."""

    @wraps(plain)
    def init(self: Any, *args: Any, **options: Any) -> None:
        plain(self, *args, **options)
        self._made_in = latest_trace()

    return init


def _writing(name: str) -> Callable[[_Plain], _Plain]:
    def make(plain: _Plain) -> _Plain:
        @wraps(plain)
        def write(self: Any, *args: Any, **options: Any) -> None:
            if not any(map(holds_traced, args)):
                plain(self, *args, **options)
                return
            if vars(self).get("_made_in") != latest_trace():
                raise refuse(
                    f"writing into a sparse matrix that exists before the call, at {user_line()}",
                    "Make it, or a copy of it, inside of the function",
                )
            _become(self, SparseTracer.of(self))
            getattr(self, name)(*args, **options)

        return write

    return make


replaces("scipy.sparse._base", "_spbase.setdiag", second=True)(_writing("setdiag"))
for _name in ("_index.IndexMixin", "_coo._coo_base", "_lil._lil_base"):
    _module, _kind = _name.split(".")
    replaces(f"scipy.sparse.{_module}", f"{_kind}.__setitem__", second=True)(
        _writing("__setitem__")
    )


# --- operators ---


def _operator(name: str) -> Callable[[_Plain], _Plain]:
    def make(plain: _Plain) -> _Plain:
        @wraps(plain)
        def call(self: Any, other: Any) -> Any:
            if isbox(vars(self).get("data")) or is_sparse_tracer(other):
                return getattr(SparseTracer.of(self), name)(other)
            other = current(other)
            if not holds_traced(other):
                return plain(self, other)
            is_product = name in ("__matmul__", "dot") and np.ndim(other)
            return (
                sparse_matmul(self, _rows(other))
                if is_product
                else (getattr(SparseTracer.of(self), name)(_rows(other)))
            )

        return call

    return make


def _own(kind: str, names: str) -> None:
    """Replace operators where a class defines them itself."""
    module, name = kind.rsplit(".", 1)
    own = vars(getattr(importlib.import_module(module), name))
    for method in names.split():
        if method in own:
            replaces(module, f"{name}.{method}", second=True)(_operator(method))


_OPERATORS = (
    "__add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __matmul__ __rmatmul__ __truediv__ "
    "multiply dot"
)
for _name in ("_base._spbase", "_matrix.spmatrix", "_coo._coo_base", "_dia._dia_base"):
    _own(f"scipy.sparse.{_name}", _OPERATORS)
for _name in ("_lil._lil_base", "_dok._dok_base"):
    _own(f"scipy.sparse.{_name}", _OPERATORS)


# --- functions ---


def _joining(plain: _Plain) -> _Plain:
    def call(blocks: Any, *args: Any, **options: Any) -> Any:
        if not holds_traced(blocks):
            return plain(blocks, *args, **options)
        options.pop("dtype", None)
        return numbered_call(plain, blocks, *args, **options)

    return call


for _name in ("bmat", "block_array", "block_diag", "hstack", "vstack", "spdiags"):
    replaces("scipy.sparse._construct", _name, second=True)(_joining)


def _diagonals(plain: _Plain) -> _Plain:
    def call(diagonals: Any, *args: Any, **options: Any) -> Any:
        if not holds_traced(diagonals):
            return plain(diagonals, *args, **options)
        return numbered_call(plain, diagonals, *args, **options | {"dtype": np.int64})

    return call


for _name in ("diags", "diags_array"):
    replaces("scipy.sparse._construct", _name, second=True)(_diagonals)


def _sparse(value: Any) -> SparseTracer:
    if not scipy.sparse.issparse(value):
        value = current(value)
        make = scipy.sparse.coo_array
        value = numbered_call(make, _rows(value)) if holds_traced(value) else make(value)
    matrix: SparseTracer = SparseTracer.of(value)
    return matrix


@replaces("scipy.sparse._construct", "kron", second=True)
def _kron(plain: _Plain) -> _Plain:
    def call(A: Any, B: Any, format: Any = None) -> Any:
        if not holds_traced(A) and not holds_traced(B):
            return plain(A, B, format)
        matrices = any(isinstance(m, scipy.sparse.spmatrix) for m in (A, B))
        arrays = any(isinstance(m, scipy.sparse.sparray) for m in (A, B))
        return _kronecker(_sparse(A), _sparse(B), arrays or not matrices).asformat(format)

    return call


def _kronecker(a: SparseTracer, b: SparseTracer, is_array: bool) -> SparseTracer:
    (rows, columns, mine), (rows2, columns2, theirs) = a.triplets(), b.triplets()
    entries = a.entries[np.repeat(mine, theirs.size)] * b.entries[np.tile(theirs, mine.size)]
    places = (
        (rows[:, None] * b.shape[0] + rows2).ravel(),
        (columns[:, None] * b.shape[1] + columns2).ravel(),
    )
    make = scipy.sparse.coo_array if is_array else scipy.sparse.coo_matrix
    shape = a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]
    return SparseTracer(make((np.arange(1, places[0].size + 1), places), shape=shape), entries)


def _triangle(plain: _Plain) -> _Plain:
    def call(A: Any, k: int = 0, format: Any = None) -> Any:
        if not holds_traced(A):
            return plain(A, k, format)
        return numbered_call(plain, _sparse(A), k, format)

    return call


for _name in ("tril", "triu"):
    replaces("scipy.sparse._extract", _name, second=True)(_triangle)


@replaces("scipy.sparse.linalg", "norm", second=True)
def _norm(plain: _Plain) -> _Plain:
    def call(x: Any, ord: Any = None, axis: Any = None) -> Any:
        if not holds_traced(x):
            return plain(x, ord, axis)
        if ord not in (None, "fro") or axis is not None:
            raise refuse(
                f"a norm of kind {ord!r} of a sparse matrix at {user_line()}",
                "Use np.linalg.norm of .toarray()",
            )
        return anp.linalg.norm(SparseTracer.of(x).summed().entries)

    return call
