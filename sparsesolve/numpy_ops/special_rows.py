"""Functions of scipy.special with a derivative in closed form: one row a function.

`scalar_rows` holds what NumPy and autograd have. Slopes are written so that no
point inside the domain needs a limit: by neighbors in the order, and by hypergeometric functions
where a quotient would be 0 / 0. The slope in an order, a degree or a shape parameter that has no
closed form is not known, and refused where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.host.imports import importing
from sparsesolve.ir.scalar_ops import OPS, Slope
from sparsesolve.numpy_ops import scalar_rows
from sparsesolve.trace.dispatch import HANDLERS, implements, refuse
from sparsesolve.trace.naming import WITH_SCIPY, WRAPPED, load_scipy
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_SPECIAL = 60
_ROOT_PI = np.sqrt(np.pi)
_UNKNOWN: Slope = "unknown"


def _function(name: str) -> Any:
    with importing():
        import scipy.special  # noqa: PLC0415  (slow to import, and rarely needed)
    return getattr(scipy.special, name)


class _Special:
    """The functions of scipy.special, for autograd's values too."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            function = _function(name)
            known = HANDLERS.get(function) or WRAPPED[function][0]
            return known(*args)

        return call


_S = _Special()


def _one(name: str, slope: Callable[[Any, Any], Any]) -> None:
    """Add a function of one operand by its slope at ``(value, x)``."""
    slopes: dict[int, Slope] = {0: lambda g, ans, x: g * slope(ans, x)}
    scalar_rows.add(name, 1, _SPECIAL, module="scipy.special", slopes=slopes, cython=None)


def _several(name: str, *slopes: Callable[..., Any] | None) -> None:
    """Add a function of several operands; None stands for a slope that is not known."""
    table: dict[int, Slope] = {
        k: _UNKNOWN if slope is None else partial(_times, slope) for k, slope in enumerate(slopes)
    }
    options: dict[str, Any] = {"module": "scipy.special", "slopes": table, "cython": None}
    scalar_rows.add(name, len(slopes), _SPECIAL, **options)


def _times(slope: Callable[..., Any], g: Any, ans: Any, *operands: Any) -> Any:
    return g * slope(ans, *operands)


# --- error functions, exponential integrals, distributions ---

_one("dawsn", lambda y, x: 1.0 - 2.0 * x * y)
_one("erfi", lambda y, x: 2.0 / _ROOT_PI * anp.exp(x * x))
_one("exp1", lambda y, x: -anp.exp(-x) / x)
_one("expi", lambda y, x: anp.exp(x) / x)
_one("exprel", lambda y, x: 0.5 * _S.hyp1f1(2.0, 3.0, x))
_one("log_ndtr", lambda y, x: anp.exp(-0.5 * x * x - y) / np.sqrt(2.0 * np.pi))
_one("ndtri", lambda y, x: np.sqrt(2.0 * np.pi) * anp.exp(0.5 * y * y))
_one("wrightomega", lambda y, x: y / (1.0 + y))
_one("spence", lambda y, x: -_S.hyp2f1(1.0, 1.0, 2.0, 1.0 - x))
_one("cosm1", lambda y, x: -anp.sin(x))
_one("sindg", lambda y, x: np.pi / 180.0 * _S.cosdg(x))
_one("cosdg", lambda y, x: -np.pi / 180.0 * _S.sindg(x))
_one("tandg", lambda y, x: np.pi / 180.0 * (1.0 + y * y))
_several(
    "owens_t",
    lambda y, h, a: -anp.exp(-0.5 * h * h) * _S.erf(a * h / np.sqrt(2.0)) / np.sqrt(8.0 * np.pi),
    lambda y, h, a: anp.exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * np.pi * (1.0 + a * a)),
)


def _t_density(y: Any, v: Any, t: Any) -> Any:
    scale = _S.gammaln(0.5 * v + 0.5) - _S.gammaln(0.5 * v) - 0.5 * anp.log(v * np.pi)
    return anp.exp(scale - 0.5 * (v + 1.0) * anp.log1p(t * t / v))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return x ** (a - 1.0) * (1.0 - x) ** (b - 1.0) / _S.beta(a, b)


_several("stdtr", None, _t_density)
_several("betaincinv", None, None, lambda y, a, b, p: 1.0 / _beta_density(a, b, y))
_several("gammaincinv", None, lambda y, a, p: _S.gamma(a) * anp.exp(y) * y ** (1.0 - a))
_several("gammainccinv", None, lambda y, a, p: -_S.gamma(a) * anp.exp(y) * y ** (1.0 - a))

# --- gamma functions, divergences, transformations of data ---

_several(
    "poch",
    lambda y, a, m: y * (_S.psi(a + m) - _S.psi(a)),
    lambda y, a, m: y * _S.psi(a + m),
)
_several(
    "binom",
    lambda y, n, k: y * (_S.psi(n + 1.0) - _S.psi(n - k + 1.0)),
    lambda y, n, k: y * (_S.psi(n - k + 1.0) - _S.psi(k + 1.0)),
)
_several("kl_div", lambda z, x, y: anp.log(x / y), lambda z, x, y: 1.0 - x / y)
_several("rel_entr", lambda z, x, y: anp.log(x / y) + 1.0, lambda z, x, y: -x / y)
_several("boxcox", lambda y, x, p: x ** (p - 1.0), None)
_several("boxcox1p", lambda y, x, p: (1.0 + x) ** (p - 1.0), None)
_several("inv_boxcox", lambda x, y, p: x ** (1.0 - p), None)
_several("inv_boxcox1p", lambda x, y, p: (1.0 + x) ** (1.0 - p), None)

# --- Bessel functions and their like: by the orders beside ---

_one("k0", lambda y, x: -_S.k1(x))
_one("k1", lambda y, x: -_S.k0(x) - y / x)
_one("k0e", lambda y, x: y - _S.k1e(x))
_one("k1e", lambda y, x: y - _S.k0e(x) - y / x)
_one("i0e", lambda y, x: _S.i1e(x) - anp.sign(x) * y)
_one("i1e", lambda y, x: 0.5 * (_S.i0e(x) + _S.ive(2.0, x)) - anp.sign(x) * y)
_several("yv", None, lambda y, v, x: 0.5 * (_S.yv(v - 1.0, x) - _S.yv(v + 1.0, x)))
_several("kv", None, lambda y, v, x: -0.5 * (_S.kv(v - 1.0, x) + _S.kv(v + 1.0, x)))
_several("kve", None, lambda y, v, x: y - 0.5 * (_S.kve(v - 1.0, x) + _S.kve(v + 1.0, x)))


def _struve_term(v: Any, x: Any) -> Any:
    return (0.5 * x) ** v * _S.rgamma(v + 1.5) / _ROOT_PI


_several(
    "struve",
    None,
    lambda y, v, x: 0.5 * (_S.struve(v - 1.0, x) - _S.struve(v + 1.0, x) + _struve_term(v, x)),
)
_several(
    "modstruve",
    None,
    lambda y, v, x: (
        0.5 * (_S.modstruve(v - 1.0, x) + _S.modstruve(v + 1.0, x) + _struve_term(v, x))
    ),
)

# --- hypergeometric and elliptic functions ---

_several("hyp0f1", None, lambda y, b, x: _S.hyp0f1(b + 1.0, x) / b)
_several("hyp1f1", None, None, lambda y, a, b, x: a / b * _S.hyp1f1(a + 1.0, b + 1.0, x))
_several(
    "hyp2f1",
    None,
    None,
    None,
    lambda y, a, b, c, x: a * b / c * _S.hyp2f1(a + 1.0, b + 1.0, c + 1.0, x),
)
_several("hyperu", None, None, lambda y, a, b, x: -a * _S.hyperu(a + 1.0, b + 1.0, x))
_one("ellipk", lambda y, m: np.pi / 8.0 * _S.hyp2f1(1.5, 1.5, 2.0, m))
_one("ellipe", lambda y, m: -np.pi / 8.0 * _S.hyp2f1(0.5, 1.5, 2.0, m))
_several("ellipkinc", lambda y, p, m: 1.0 / anp.sqrt(1.0 - m * anp.sin(p) ** 2), None)
_several("ellipeinc", lambda y, p, m: anp.sqrt(1.0 - m * anp.sin(p) ** 2), None)

# --- orthogonal polynomials of a fixed degree ---


def _lower_degree(factor: Callable[..., Any], name: str, *shifts: float) -> Callable[..., Any]:
    """Make the slope ``factor * p(n - 1, parameters + shifts, x)``, zero for the degree zero."""

    def slope(y: Any, n: Any, *rest: Any) -> Any:
        *parameters, x = rest
        degree = anp.where(n == 0.0, 1.0, n)
        moved = [p + s for p, s in zip(parameters, shifts, strict=False)]
        lower = getattr(_S, name)(degree - 1.0, *(moved or shifts), x)
        return anp.where(n == 0.0, 0.0, factor(n, *parameters) * lower)

    return slope


_several("eval_legendre", None, _lower_degree(lambda n: 0.5 * (n + 1.0), "eval_jacobi", 1.0, 1.0))
_several("eval_chebyt", None, _lower_degree(lambda n: n, "eval_chebyu"))
_several("eval_chebyu", None, _lower_degree(lambda n: 2.0, "eval_gegenbauer", 2.0))
_several("eval_laguerre", None, _lower_degree(lambda n: -1.0, "eval_genlaguerre", 1.0))
_several("eval_genlaguerre", None, None, _lower_degree(lambda n, a: -1.0, "eval_genlaguerre", 1.0))
_several("eval_gegenbauer", None, None, _lower_degree(lambda n, a: 2.0 * a, "eval_gegenbauer", 1.0))
_several(
    "eval_jacobi",
    None,
    None,
    None,
    _lower_degree(lambda n, a, b: 0.5 * (n + a + b + 1.0), "eval_jacobi", 1.0, 1.0),
)


# --- several results, each a row of its own ---


def _parts(name: str, *slopes: Callable[[Any, Any], Any]) -> None:
    """Add a function of one operand that returns a tuple."""
    rows = [f"{name}[{k}]" for k in range(len(slopes))]
    for k, (row, slope) in enumerate(zip(rows, slopes, strict=True)):
        given: dict[int, Slope] = {0: partial(_times, slope)}
        scalar_rows.add(row, 1, _SPECIAL, path="", slopes=given, function=partial(_part, name, k))

    def register() -> None:
        made = [scalar_rows.made_primitive(OPS[row], row) for row in rows]
        _PARTS[name] = made
        implements(_function(name))(lambda x: tuple(part(x) for part in made))

    WITH_SCIPY.append(register)


_PARTS: dict[str, list[Callable[..., Any]]] = {}


def _part(name: str, k: int, x: Any) -> Any:
    return _function(name)(x)[k]


_parts("sici", lambda y, x: anp.sinc(x / np.pi), lambda y, x: anp.cos(x) / x)
_parts(
    "shichi",
    lambda y, x: _S.exprel(-2.0 * anp.abs(x)) * anp.exp(anp.abs(x)),
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


# --- Lambert's W: real where the branch is, NaN where it is not ---


def _lambertw(k: int, x: Any) -> Any:
    value = _function("lambertw")(x, k)
    return np.where(value.imag == 0.0, value.real, np.nan)


for _k in (0, -1):
    _slope: Slope = lambda g, w, x: g * anp.exp(-w) / (1.0 + w)  # noqa: E731
    scalar_rows.add(
        f"lambertw[{_k}]", 1, _SPECIAL, path="", slopes={0: _slope}, function=partial(_lambertw, _k)
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
    return x - _function("logsumexp")(x, axis=axis, keepdims=True)
