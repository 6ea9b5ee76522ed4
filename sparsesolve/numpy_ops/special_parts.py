"""Functions of scipy.special that are not one ufunc of real numbers: tuples, complex, Python's.

Separate because each of their parts is a row of its own (`special_rows`), and what the user calls
is put together from these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.ir.scalar_ops import OPS, Slope
from sparsesolve.numpy_ops import scalar_rows
from sparsesolve.numpy_ops.special_rows import (
    COST,
    ROOT_PI,
    SPECIAL,
    UNKNOWN,
    function_of_scipy,
    times_slope,
)
from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.naming import WITH_SCIPY, load_scipy
from sparsesolve.trace.operands import holds_boxes, operand, plain_index
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

# --- several results, each a row of its own ---


def _parts(name: str, *slopes: Callable[..., Any], parameters: int = 0) -> None:
    """Add a function that returns a tuple, differentiated by its first operand."""
    tables: list[list[Callable[..., Any] | None]] = [
        [slope] + [None] * parameters for slope in slopes
    ]
    rows = _rows_of_parts(name, tables, partial(_part, name))

    def register() -> None:
        made = _PARTS[name] = [scalar_rows.made_primitive(OPS[row], row) for row in rows]
        implements(function_of_scipy(name))(lambda *x: tuple(part(*x) for part in made))

    WITH_SCIPY.append(register)


def _rows_of_parts(
    name: str, tables: list[list[Callable[..., Any] | None]], part: Callable[..., Any]
) -> list[str]:
    """Add a row for each part by its slopes; ``part(k, *operands)`` is its value."""
    rows = [f"{name}[{k}]" for k in range(len(tables))]
    for k, (row, slopes) in enumerate(zip(rows, tables, strict=True)):
        given: dict[int, Slope] = {
            j: UNKNOWN if slope is None else partial(times_slope, slope)
            for j, slope in enumerate(slopes)
        }
        function = partial(part, k)
        scalar_rows.add(row, len(slopes), COST, path="", slopes=given, function=function)
    return rows


_PARTS: dict[str, list[Callable[..., Any]]] = {}


def _part(name: str, k: int, *x: Any) -> Any:
    return function_of_scipy(name)(*x)[k]


_parts("sici", lambda y, x: anp.sinc(x / np.pi), lambda y, x: anp.cos(x) / x)
_parts(
    "shichi",
    lambda y, x: SPECIAL.exprel(-2.0 * anp.abs(x)) * anp.exp(anp.abs(x)),
    lambda y, x: anp.cosh(x) / x,
)
_parts(
    "fresnel",
    lambda y, x: anp.sin(0.5 * np.pi * x * x),
    lambda y, x: anp.cos(0.5 * np.pi * x * x),
)
_parts(
    "airy",
    lambda y, x: _PARTS["airy"][1](x),
    lambda y, x: x * _PARTS["airy"][0](x),
    lambda y, x: _PARTS["airy"][3](x),
    lambda y, x: x * _PARTS["airy"][2](x),
)
_parts(
    "ellipj",
    lambda y, u, m: _PARTS["ellipj"][1](u, m) * _PARTS["ellipj"][2](u, m),
    lambda y, u, m: -_PARTS["ellipj"][0](u, m) * _PARTS["ellipj"][2](u, m),
    lambda y, u, m: -m * _PARTS["ellipj"][0](u, m) * _PARTS["ellipj"][1](u, m),
    lambda y, u, m: _PARTS["ellipj"][2](u, m),
    parameters=1,
)

# --- Faddeeva's function of a complex number, by its parts; the profile of Voigt is one of them ---


def _faddeeva(k: int, x: Any, y: Any) -> Any:
    value = function_of_scipy("wofz")(x + 1j * y)
    return value.imag if k else value.real


def _real_slope(x: Any, y: Any) -> Any:
    real, imag = _PARTS["wofz"]
    return -2.0 * (x * real(x, y) - y * imag(x, y))


def _imag_slope(x: Any, y: Any) -> Any:
    real, imag = _PARTS["wofz"]
    return 2.0 / ROOT_PI - 2.0 * (x * imag(x, y) + y * real(x, y))


_FADDEEVA = _rows_of_parts(
    "wofz",
    [
        [lambda w, x, y: _real_slope(x, y), lambda w, x, y: -_imag_slope(x, y)],
        [lambda w, x, y: _imag_slope(x, y), lambda w, x, y: _real_slope(x, y)],
    ],
    _faddeeva,
)


def _register_faddeeva() -> None:
    real, imag = _PARTS["wofz"] = [scalar_rows.made_primitive(OPS[r], r) for r in _FADDEEVA]

    @implements(function_of_scipy("wofz"))
    def wofz(z: Any) -> Any:
        x, y = anp.real(z), anp.imag(z)
        return real(x, y) + 1j * imag(x, y)

    @implements(function_of_scipy("voigt_profile"))
    def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
        width = np.sqrt(2.0) * sigma
        return real(x / width, gamma / width) / (ROOT_PI * width)


WITH_SCIPY.append(_register_faddeeva)


# --- spherical Bessel functions: by the orders beside, which no quotient by x enters ---


def _spherical(kind: str, sign: float, outer: float) -> None:
    """Add one kind: ``outer (n f(n - 1) + sign (n + 1) f(n + 1)) / (2 n + 1)`` is the slope."""
    name = f"spherical_{kind}"

    def slope(y: Any, n: Any, x: Any) -> Any:
        f = _PARTS[name][0]
        below = f(anp.where(n == 0.0, 1.0, n) - 1.0, x)
        return outer * (n * below + sign * (n + 1.0) * f(n + 1.0, x)) / (2.0 * n + 1.0)

    def value(k: int, n: Any, x: Any) -> Any:
        return function_of_scipy(name)(np.asarray(n).astype(np.int64), x)

    (row,) = _rows_of_parts(name, [[None, slope]], value)

    def register() -> None:
        _PARTS[name] = [scalar_rows.made_primitive(OPS[row], row)]

    WITH_SCIPY.append(register)

    @replaces("scipy.special", name)
    def of_traced(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(n: Any, z: Any, derivative: bool = False) -> Any:
            if not holds_boxes(z):
                return plain(n, z, derivative)
            load_scipy()
            order, x = np.asarray(plain_index(n), dtype=np.float64), operand(z)
            return slope(None, order, x) if derivative else _PARTS[name][0](order, x)

        return call


for _kind, _sign, _outer in (
    ("jn", -1.0, 1.0),
    ("yn", -1.0, 1.0),
    ("in", 1.0, 1.0),
    ("kn", 1.0, -1.0),
):
    _spherical(_kind, _sign, _outer)


# --- Hurwitz' zeta function: by its second argument ---

(_ZETA,) = _rows_of_parts(
    "zeta",
    [[None, lambda y, s, q: -s * _PARTS["zeta"][0](s + 1.0, q)]],
    lambda k, s, q: function_of_scipy("zeta")(s, q),
)


def _register_zeta() -> None:
    _PARTS["zeta"] = [scalar_rows.made_primitive(OPS[_ZETA], _ZETA)]


WITH_SCIPY.append(_register_zeta)


@replaces("scipy.special", "zeta")
def _zeta_of_traced(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, q: Any = None, out: Any = None) -> Any:
        if not holds_boxes(x) and not holds_boxes(q):
            return plain(x, q, out)
        if holds_boxes(x):
            raise refuse(
                f"`zeta` of a traced exponent at {user_line()}, by which SciPy has no derivative",
                "Make it a primitive with autograd.extend.primitive and defvjp",
            )
        load_scipy()
        return _PARTS["zeta"][0](operand(x), operand(q))

    return call


# --- Lambert's W: real where the branch is, NaN where it is not ---


def _lambertw(k: int, x: Any) -> Any:
    value = function_of_scipy("lambertw")(x, k)
    return np.where(value.imag == 0.0, value.real, np.nan)


for _k in (0, -1):
    _slope: Slope = lambda g, w, x: g * anp.exp(-w) / (1.0 + w)  # noqa: E731
    scalar_rows.add(
        f"lambertw[{_k}]", 1, COST, path="", slopes={0: _slope}, function=partial(_lambertw, _k)
    )


def _lambertw_primitives() -> None:
    for k in (0, -1):
        _BRANCHES[k] = scalar_rows.made_primitive(OPS[f"lambertw[{k}]"], f"lambertw[{k}]")


_BRANCHES: dict[int, Callable[..., Any]] = {}
WITH_SCIPY.append(_lambertw_primitives)


@replaces("scipy.special", "lambertw")
def _lambertw_of_traced(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
        if not holds_boxes(z):
            return plain(z, k, tol)
        load_scipy()
        if k not in _BRANCHES:
            raise refuse(f"lambertw of branch {k} at {user_line()}", "Only 0 and -1 may be real")
        return _BRANCHES[k](operand(z))

    return call


@replaces("scipy.special", "softmax")
def _softmax(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, axis: Any = None) -> Any:
        return anp.exp(_log_softmax(x, axis)) if holds_boxes(x) else plain(x, axis)

    return call


@replaces("scipy.special", "log_softmax")
def _log_softmax_of_traced(plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, axis: Any = None) -> Any:
        return _log_softmax(x, axis) if holds_boxes(x) else plain(x, axis)

    return call


def _log_softmax(x: Any, axis: Any) -> Any:
    x = operand(x)
    return x - function_of_scipy("logsumexp")(x, axis=axis, keepdims=True)
