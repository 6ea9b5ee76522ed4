"""Series of `numpy.polynomial`: powers, Chebyshev, Legendre, Hermite, Laguerre polynomials.

What NumPy does to coefficients is linear, or linear in each of two, so the functions themselves,
applied to unit vectors, give the matrices. What they do to points follows from ``x p[k]``.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand, plain_index
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_HOMES = {
    "poly": "numpy.polynomial.polynomial",
    "cheb": "numpy.polynomial.chebyshev",
    "leg": "numpy.polynomial.legendre",
    "herm": "numpy.polynomial.hermite",
    "herme": "numpy.polynomial.hermite_e",
    "lag": "numpy.polynomial.laguerre",
}


def _register(family: str) -> None:
    """Put functions that take traced arrays in place of those of one family."""
    home = _HOMES[family]
    replaces(home, f"{family}val")(functools.partial(_evaluating, family))
    for name, make in _MADE.items():
        replaces(home, family + name, second=True)(functools.partial(make, family))
    for name in ("vander2d", "vander3d"):
        replaces(home, family + name, second=True)(functools.partial(_products_of_columns, family))
    for name in ("val2d", "val3d", "grid2d", "grid3d"):
        make = functools.partial(_in_several_variables, family, name.startswith("grid"))
        replaces(home, family + name, second=True)(make)


def _module(family: str) -> Any:
    """Return the module of a family, which few need: it is not loaded before."""
    return importlib.import_module(_HOMES[family])


def _evaluating(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, c: Any, tensor: bool = True) -> Any:
        if not holds_boxes([x, c]) or np.ndim(c) < 2:
            return plain(x, c, tensor)
        return _values(family, operand(x), operand(c), tensor)

    return call


def _values(family: str, x: Any, c: Any, tensor: bool) -> Any:
    """Sum up ``c[k] p[k](x)``; with `tensor` at every point for every column of `c`."""
    if tensor:
        c = anp.reshape(c, c.shape + (1,) * np.ndim(x))
    return sum(c[k] * column for k, column in enumerate(_columns(family, x, len(c) - 1)))


def _columns(family: str, x: Any, degree: int) -> list[Any]:
    """Evaluate the polynomials up to a degree by their recurrence."""
    columns = [x * 0.0 + 1.0]
    for k in range(degree):
        row = _times_x(family, k)
        new = x * columns[k] - row[k] * columns[k] if row[k] else x * columns[k]
        if k and row[k - 1]:
            new = new - row[k - 1] * columns[k - 1]
        columns.append(new if row[k + 1] == 1.0 else new / row[k + 1])
    return columns


@functools.cache
def _times_x(family: str, k: int) -> Any:
    """Return the coefficients of ``x p[k]``."""
    return getattr(_module(family), f"{family}mulx")(np.eye(k + 1)[k])


def _matrix_of_columns(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, deg: int) -> Any:
        if not holds_boxes(x):
            return plain(x, deg)
        return anp.stack(_columns(family, anp.atleast_1d(operand(x)), plain_index(deg)), axis=-1)

    return call


def _products_of_columns(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        if not holds_boxes(given[:-1]):
            return plain(*given)
        result: Any = np.ones(1)
        for x, degree in zip(given[:-1], given[-1], strict=True):
            columns = anp.stack(_columns(family, operand(x), plain_index(degree)), axis=-1)
            result = result[..., :, None] * columns[..., None, :]
            result = anp.reshape(result, (*result.shape[:-2], -1))
        return result

    return call


def _in_several_variables(family: str, grid: bool, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        if not holds_boxes(given):
            return plain(*given)
        *points, c = map(operand, given)
        for number, x in enumerate(points):
            c = _values(family, x, c, grid or not number)
        return c

    return call


def _derivative(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c: Any, m: int = 1, scl: Any = 1, axis: int = 0) -> Any:
        if not holds_boxes([c, scl]):
            return plain(c, m, scl, axis)
        c = anp.atleast_1d(operand(c))
        return _along(plain(np.eye(c.shape[axis]), m), c, axis) * scl**m

    return call


def _antiderivative(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c: Any, m: int = 1, k: Any = (), lbnd: Any = 0, scl: Any = 1, axis: int = 0) -> Any:
        if not holds_boxes([c, k, lbnd, scl]):
            return plain(c, m, list(np.atleast_1d(k)), lbnd, scl, axis)
        if holds_boxes([lbnd, scl]):
            what = f"`lbnd` or `scl` that is traced in {family}int at {user_line()}"
            raise refuse(what, "Subtract the value there, or multiply by the scale, yourself")
        c, constants = anp.atleast_1d(operand(c)), anp.atleast_1d(operand(k))
        result = _along(plain(np.eye(c.shape[axis]), m, [], lbnd, scl), c, axis)
        if not np.size(constants):
            return result
        zero = np.zeros(1)
        shape = [1] * c.ndim
        shape[axis] = -1
        for i in range(np.size(constants)):  # what follows from each constant, by linearity
            unit = list(np.eye(np.size(constants))[i])
            part = plain(zero, m, unit, lbnd, scl)
            part = np.pad(part, (0, result.shape[axis] - len(part)))
            result = result + anp.reshape(part, shape) * constants[i]
        return result

    return call


def _along(matrix: Any, c: Any, axis: int) -> Any:
    return anp.moveaxis(anp.tensordot(matrix, c, axes=(1, axis)), 0, axis)


def _multiplied_by_x(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c: Any) -> Any:
        if not holds_boxes(c):
            return plain(c)
        c = anp.atleast_1d(operand(c))
        return (
            np.stack([np.pad(_times_x(family, k), (0, len(c) - 1 - k)) for k in range(len(c))]).T
            @ c
        )

    return call


def _product(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c1: Any, c2: Any) -> Any:
        if not holds_boxes([c1, c2]):
            return plain(c1, c2)
        a, b = anp.atleast_1d(operand(c1)), anp.atleast_1d(operand(c2))
        return sum(a[i] * (_times(plain, i, len(a), len(b)) @ b) for i in range(len(a)))

    return call


def _times(plain: Callable[..., Any], i: int, rows: int, columns: int) -> Any:
    """Return the matrix that multiplies a series of some `columns` by the one of degree i."""
    products = [plain(np.eye(i + 1)[i], np.eye(j + 1)[j]) for j in range(columns)]
    return np.stack([np.pad(p, (0, rows + columns - 1 - len(p))) for p in products], axis=1)


def _quotient(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c1: Any, c2: Any) -> Any:
        if not holds_boxes([c1, c2]):
            return plain(c1, c2)
        rest, b = anp.atleast_1d(operand(c1)), anp.atleast_1d(operand(c2))
        if len(rest) < len(b):
            return rest[:1] * 0.0, rest
        quotient = []
        for degree in range(len(rest) - len(b), -1, -1):
            part = getattr(_module(family), f"{family}mul")(np.eye(degree + 1)[degree], b)
            quotient.append(rest[-1] / part[-1])
            rest = rest[:-1] - quotient[-1] * part[:-1]
        return anp.array(quotient[::-1]), rest

    return call


def _power(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c: Any, pow: int, maxpower: Any = 16) -> Any:
        if not holds_boxes(c):
            return plain(c, pow, maxpower)
        multiply = getattr(_module(family), f"{family}mul")
        return functools.reduce(multiply, [c] * plain_index(pow), np.ones(1))

    return call


def _from_roots(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(roots: Any) -> Any:
        if not holds_boxes(roots):
            return plain(roots)
        module, roots = _module(family), operand(roots)
        lines = [getattr(module, f"{family}line")(-root, 1) for root in roots]
        return functools.reduce(getattr(module, f"{family}mul"), lines)

    return call


def _zeros(family: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(c: Any) -> Any:
        if not holds_boxes(c):
            return plain(c)
        c = anp.atleast_1d(operand(c))
        if family != "poly":
            toward = getattr(_module(family), f"{family}2poly")
            powers = [toward(np.eye(k + 1)[k]) for k in range(len(c))]
            c = np.stack([np.pad(p, (0, len(c) - len(p))) for p in powers], axis=1) @ c
        return np.sort(np.roots(c[::-1]))

    return call


_MADE = {
    "vander": _matrix_of_columns,
    "der": _derivative,
    "int": _antiderivative,
    "mulx": _multiplied_by_x,
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "fromroots": _from_roots,
    "roots": _zeros,
}
for _name in _HOMES:
    _register(_name)
