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
from sparsesolve.ir.scalar_ops import Slope
from sparsesolve.numpy_ops import scalar_rows
from sparsesolve.trace.dispatch import HANDLERS
from sparsesolve.trace.naming import WRAPPED

__all__ = ["COST", "ROOT_PI", "SPECIAL", "UNKNOWN", "function_of_scipy", "times_slope"]

COST = 60
ROOT_PI = np.sqrt(np.pi)
UNKNOWN: Slope = "unknown"


def function_of_scipy(name: str) -> Any:
    """Return a function of scipy.special."""
    with importing():
        import scipy.special  # noqa: PLC0415  (slow to import, and rarely needed)
    return getattr(scipy.special, name)


class _Special:
    """The functions of scipy.special, for autograd's values too."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            function = function_of_scipy(name)
            known = HANDLERS.get(function) or WRAPPED[function][0]
            return known(*args)

        return call


SPECIAL = _Special()


def _one(name: str, slope: Callable[[Any, Any], Any]) -> None:
    """Add a function of one operand by its slope at ``(value, x)``."""
    slopes: dict[int, Slope] = {0: lambda g, ans, x: g * slope(ans, x)}
    scalar_rows.add(name, 1, COST, module="scipy.special", slopes=slopes, cython=None)


def _several(name: str, *slopes: Callable[..., Any] | None) -> None:
    """Add a function of several operands; None stands for a slope that is not known."""
    table: dict[int, Slope] = {
        k: UNKNOWN if slope is None else partial(times_slope, slope)
        for k, slope in enumerate(slopes)
    }
    options: dict[str, Any] = {"module": "scipy.special", "slopes": table, "cython": None}
    scalar_rows.add(name, len(slopes), COST, **options)


def times_slope(slope: Callable[..., Any], g: Any, ans: Any, *operands: Any) -> Any:
    """Pull ``g`` back by a slope at ``(value, *operands)``."""
    return g * slope(ans, *operands)


# --- error functions, exponential integrals, distributions ---

_one("dawsn", lambda y, x: 1.0 - 2.0 * x * y)
_one("erfi", lambda y, x: 2.0 / ROOT_PI * anp.exp(x * x))
_one("exp1", lambda y, x: -anp.exp(-x) / x)
_one("expi", lambda y, x: anp.exp(x) / x)
_one("exprel", lambda y, x: 0.5 * SPECIAL.hyp1f1(2.0, 3.0, x))
_one("log_ndtr", lambda y, x: anp.exp(-0.5 * x * x - y) / np.sqrt(2.0 * np.pi))
_one("ndtri", lambda y, x: np.sqrt(2.0 * np.pi) * anp.exp(0.5 * y * y))
_one("ndtri_exp", lambda x, y: np.sqrt(2.0 * np.pi) * anp.exp(0.5 * x * x + y))
_one("wrightomega", lambda y, x: y / (1.0 + y))
_one("spence", lambda y, x: -SPECIAL.hyp2f1(1.0, 1.0, 2.0, 1.0 - x))
_one("cosm1", lambda y, x: -anp.sin(x))
_one("sindg", lambda y, x: np.pi / 180.0 * SPECIAL.cosdg(x))
_one("cosdg", lambda y, x: -np.pi / 180.0 * SPECIAL.sindg(x))
_one("tandg", lambda y, x: np.pi / 180.0 * (1.0 + y * y))
_several(
    "owens_t",
    lambda y, h, a: (
        -anp.exp(-0.5 * h * h) * SPECIAL.erf(a * h / np.sqrt(2.0)) / np.sqrt(8.0 * np.pi)
    ),
    lambda y, h, a: anp.exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * np.pi * (1.0 + a * a)),
)


def _t_density(y: Any, v: Any, t: Any) -> Any:
    scale = SPECIAL.gammaln(0.5 * v + 0.5) - SPECIAL.gammaln(0.5 * v) - 0.5 * anp.log(v * np.pi)
    return anp.exp(scale - 0.5 * (v + 1.0) * anp.log1p(t * t / v))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return x ** (a - 1.0) * (1.0 - x) ** (b - 1.0) / SPECIAL.beta(a, b)


_several("stdtr", None, _t_density)
_several("stdtrit", None, lambda t, v, p: 1.0 / _t_density(p, v, t))
_several("betaincinv", None, None, lambda y, a, b, p: 1.0 / _beta_density(a, b, y))
_several("gammaincinv", None, lambda y, a, p: SPECIAL.gamma(a) * anp.exp(y) * y ** (1.0 - a))
_several("gammainccinv", None, lambda y, a, p: -SPECIAL.gamma(a) * anp.exp(y) * y ** (1.0 - a))


def _lower_order(y: Any, n: Any, x: Any) -> Any:
    """Slope of an exponential integral; that of order zero is ``exp(-x) / x``."""
    lower = SPECIAL.expn(anp.where(n == 0.0, 1.0, n) - 1.0, x)
    return anp.where(n == 0.0, -(1.0 + 1.0 / x) * y, -lower)


_several("expn", None, _lower_order)

# --- gamma functions, divergences, transformations of data ---

_several(
    "poch",
    lambda y, a, m: y * (SPECIAL.psi(a + m) - SPECIAL.psi(a)),
    lambda y, a, m: y * SPECIAL.psi(a + m),
)
_several(
    "binom",
    lambda y, n, k: y * (SPECIAL.psi(n + 1.0) - SPECIAL.psi(n - k + 1.0)),
    lambda y, n, k: y * (SPECIAL.psi(n - k + 1.0) - SPECIAL.psi(k + 1.0)),
)
_one("loggamma", lambda y, x: SPECIAL.psi(x))
_several("kl_div", lambda z, x, y: anp.log(x / y), lambda z, x, y: 1.0 - x / y)
_several("rel_entr", lambda z, x, y: anp.log(x / y) + 1.0, lambda z, x, y: -x / y)
_several("boxcox", lambda y, x, p: x ** (p - 1.0), None)
_several("boxcox1p", lambda y, x, p: (1.0 + x) ** (p - 1.0), None)
_several("inv_boxcox", lambda x, y, p: x ** (1.0 - p), None)
_several("inv_boxcox1p", lambda x, y, p: (1.0 + x) ** (1.0 - p), None)

# --- Bessel functions and their like: by the orders beside ---

_one("k0", lambda y, x: -SPECIAL.k1(x))
_one("k1", lambda y, x: -SPECIAL.k0(x) - y / x)
_one("k0e", lambda y, x: y - SPECIAL.k1e(x))
_one("k1e", lambda y, x: y - SPECIAL.k0e(x) - y / x)
_one("i0e", lambda y, x: SPECIAL.i1e(x) - anp.sign(x) * y)
_one("i1e", lambda y, x: 0.5 * (SPECIAL.i0e(x) + SPECIAL.ive(2.0, x)) - anp.sign(x) * y)
_several("yv", None, lambda y, v, x: 0.5 * (SPECIAL.yv(v - 1.0, x) - SPECIAL.yv(v + 1.0, x)))
_several("kv", None, lambda y, v, x: -0.5 * (SPECIAL.kv(v - 1.0, x) + SPECIAL.kv(v + 1.0, x)))
_several("kve", None, lambda y, v, x: y - 0.5 * (SPECIAL.kve(v - 1.0, x) + SPECIAL.kve(v + 1.0, x)))
_one("berp", lambda y, x: -SPECIAL.bei(x) - y / x)
_one("beip", lambda y, x: SPECIAL.ber(x) - y / x)
_one("kerp", lambda y, x: -SPECIAL.kei(x) - y / x)
_one("keip", lambda y, x: SPECIAL.ker(x) - y / x)
_one("ber", lambda y, x: SPECIAL.berp(x))
_one("bei", lambda y, x: SPECIAL.beip(x))
_one("ker", lambda y, x: SPECIAL.kerp(x))
_one("kei", lambda y, x: SPECIAL.keip(x))
_several(
    "lpmv",
    None,
    None,
    lambda y, m, v, x: (v * x * y - (v + m) * SPECIAL.lpmv(m, v - 1.0, x)) / (x * x - 1.0),
)


def _struve_term(v: Any, x: Any) -> Any:
    return (0.5 * x) ** v * SPECIAL.rgamma(v + 1.5) / ROOT_PI


_several(
    "struve",
    None,
    lambda y, v, x: (
        0.5 * (SPECIAL.struve(v - 1.0, x) - SPECIAL.struve(v + 1.0, x) + _struve_term(v, x))
    ),
)
_several(
    "modstruve",
    None,
    lambda y, v, x: (
        0.5 * (SPECIAL.modstruve(v - 1.0, x) + SPECIAL.modstruve(v + 1.0, x) + _struve_term(v, x))
    ),
)

# --- hypergeometric and elliptic functions ---

_several("hyp0f1", None, lambda y, b, x: SPECIAL.hyp0f1(b + 1.0, x) / b)
_several("hyp1f1", None, None, lambda y, a, b, x: a / b * SPECIAL.hyp1f1(a + 1.0, b + 1.0, x))
_several(
    "hyp2f1",
    None,
    None,
    None,
    lambda y, a, b, c, x: a * b / c * SPECIAL.hyp2f1(a + 1.0, b + 1.0, c + 1.0, x),
)
_several("hyperu", None, None, lambda y, a, b, x: -a * SPECIAL.hyperu(a + 1.0, b + 1.0, x))
_one("ellipk", lambda y, m: np.pi / 8.0 * SPECIAL.hyp2f1(1.5, 1.5, 2.0, m))
_one("ellipe", lambda y, m: -np.pi / 8.0 * SPECIAL.hyp2f1(0.5, 1.5, 2.0, m))
_one("ellipkm1", lambda y, p: (p * y - SPECIAL.ellipe(1.0 - p)) / (2.0 * p * (1.0 - p)))


def _first_by_parameter(y: Any, p: Any, m: Any) -> Any:
    end = anp.sin(2.0 * p) / (4.0 * (1.0 - m) * anp.sqrt(1.0 - m * anp.sin(p) ** 2))
    return (SPECIAL.ellipeinc(p, m) / (1.0 - m) - y) / (2.0 * m) - end


_several(
    "ellipkinc",
    lambda y, p, m: 1.0 / anp.sqrt(1.0 - m * anp.sin(p) ** 2),
    _first_by_parameter,
)
_several(
    "ellipeinc",
    lambda y, p, m: anp.sqrt(1.0 - m * anp.sin(p) ** 2),
    lambda y, p, m: (y - SPECIAL.ellipkinc(p, m)) / (2.0 * m),
)
_several("elliprd", None, None, None)
_several(
    "elliprf",
    lambda w, x, y, z: -SPECIAL.elliprd(y, z, x) / 6.0,
    lambda w, x, y, z: -SPECIAL.elliprd(x, z, y) / 6.0,
    lambda w, x, y, z: -SPECIAL.elliprd(x, y, z) / 6.0,
)
_several(
    "elliprc",
    lambda w, x, y: -SPECIAL.elliprd(y, y, x) / 6.0,
    lambda w, x, y: -SPECIAL.elliprd(x, y, y) / 3.0,
)

# --- orthogonal polynomials of a fixed degree ---


def _lower_degree(factor: Callable[..., Any], name: str, *shifts: float) -> Callable[..., Any]:
    """Make the slope ``factor * p(n - 1, parameters + shifts, x)``, zero for the degree zero."""

    def slope(y: Any, n: Any, *rest: Any) -> Any:
        *parameters, x = rest
        degree = anp.where(n == 0.0, 1.0, n)
        moved = [p + s for p, s in zip(parameters, shifts, strict=False)]
        lower = getattr(SPECIAL, name)(degree - 1.0, *(moved or shifts), x)
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
