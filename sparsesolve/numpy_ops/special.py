"""Functions of scipy.special that are written in terms of others, and NumPy's only one of its kind.

Imported when a function of SciPy is met, not before: see `sparsesolve.trace.naming.load_scipy`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
import scipy.special
from autograd.extend import defvjp
from autograd.numpy import _original_where as where
from autograd.scipy import special

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.lower.context import Context, rule
from sparsesolve.lower.opaque import kept
from sparsesolve.numpy_ops.reductions import extremum, merge_axes, restore_axes
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import plain_index

__all__: list[str] = []

implements(np.i0)(lambda x: scipy.special.i0(x))


def _slope_of_psi(ans: Any, x: Any) -> Callable[[Any], Any]:
    if np.dtype(getattr(x, "dtype", np.float64)).kind == "c":
        raise UnsupportedOperation(
            "expected one derivative of a gamma function of complex numbers, got a second one. "
            "Use derivatives of first order only; SciPy has no polygamma of complex numbers."
        )
    return lambda g: g * special.polygamma(1, x)


for _psi in (special.psi, special.digamma):
    defvjp(_psi, _slope_of_psi)

_NDTR = np.sqrt(0.5)


def _times_log(log: Callable[..., Any], one: float) -> Callable[..., Any]:
    """Make ``x log(y)`` that is zero where x is; its slope in x there is still log(y).

    `one` is where the logarithm is zero. Where it is not finite, at x = 0 alone, it counts as zero.
    """

    def handler(x: Any, y: Any) -> Any:
        smooth = anp.logical_and(y > one - 1.0, anp.isfinite(y))
        chosen = anp.logical_or(anp.logical_or(x != 0, smooth), anp.isnan(y))
        return where(chosen, x * log(where(chosen, y, one)), 0.0)

    return handler


implements(scipy.special.xlogy)(_times_log(anp.log, 1.0))
implements(scipy.special.xlog1py)(_times_log(anp.log1p, 0.0))
implements(scipy.special.entr)(
    lambda x: where(x < 0, -np.inf, where(x == 0, 0.0, -x * anp.log(where(x == 0, 1.0, x))))
)
implements(scipy.special.ndtr)(lambda x: 0.5 * special.erfc(-x * _NDTR))
implements(scipy.special.exp10)(lambda x: anp.power(10.0, x))
implements(scipy.special.exp2)(lambda x: anp.exp2(x))
implements(scipy.special.cbrt)(lambda x: anp.cbrt(x))
implements(scipy.special.expm1)(lambda x: anp.expm1(x))
implements(scipy.special.log1p)(lambda x: anp.log1p(x))
implements(scipy.special.log_expit)(lambda x: -anp.logaddexp(0.0, -x))


@implements(scipy.special.huber)
def _huber(delta: Any, r: Any) -> Any:
    size = anp.absolute(r)
    inside = size <= delta
    return where(delta < 0, np.inf, where(inside, 0.5 * r * r, delta * (size - 0.5 * delta)))


@implements(scipy.special.pseudo_huber)
def _pseudo_huber(delta: Any, r: Any) -> Any:
    """Value without the difference of close numbers where the residual is small."""
    ratio = r / where(delta == 0, 1.0, delta)
    value = r * r / (1.0 + anp.sqrt(1.0 + ratio * ratio))
    return where(delta < 0, np.inf, where(delta == 0, 0.0, value))


implements(scipy.special.betaincc)(lambda a, b, x: special.betainc(b, a, 1.0 - x))
implements(scipy.special.chdtr)(lambda v, x: special.gammainc(0.5 * v, 0.5 * x))
implements(scipy.special.chdtrc)(lambda v, x: special.gammaincc(0.5 * v, 0.5 * x))
implements(scipy.special.gdtr)(lambda a, b, x: special.gammainc(b, a * x))
implements(scipy.special.gdtrc)(lambda a, b, x: special.gammaincc(b, a * x))
implements(scipy.special.fdtr)(
    lambda m, n, x: special.betainc(0.5 * m, 0.5 * n, m * x / (m * x + n))
)
implements(scipy.special.fdtrc)(lambda m, n, x: special.betainc(0.5 * n, 0.5 * m, n / (m * x + n)))


def _recurrence(factor: float) -> Callable[..., Any]:
    """Make Hermite's polynomials of a constant degree by their recurrence."""

    def handler(n: Any, x: Any) -> Any:
        before, last = 0.0 * x, 1.0 + 0.0 * x
        for k in range(int(plain_index(n))):
            before, last = last, factor * (x * last - k * before)
        return last

    return handler


implements(scipy.special.eval_hermite)(_recurrence(2.0))
implements(scipy.special.eval_hermitenorm)(_recurrence(1.0))
implements(scipy.special.jve)(lambda v, x: scipy.special.jv(v, x))
implements(scipy.special.yve)(lambda v, x: scipy.special.yv(v, x))
implements(scipy.special.pdtr)(lambda k, m: special.gammaincc(anp.floor(k) + 1.0, m))
implements(scipy.special.pdtrc)(lambda k, m: special.gammainc(anp.floor(k) + 1.0, m))
implements(scipy.special.bdtr)(lambda k, n, p: _binomial(n - anp.floor(k), anp.floor(k), 1.0 - p))
implements(scipy.special.bdtrc)(
    lambda k, n, p: special.betainc(anp.floor(k) + 1.0, n - anp.floor(k), p)
)
implements(scipy.special.nbdtr)(lambda k, n, p: _binomial(n, anp.floor(k), p))
implements(scipy.special.nbdtrc)(lambda k, n, p: special.betainc(anp.floor(k) + 1.0, n, 1.0 - p))
implements(scipy.special.betainccinv)(lambda a, b, y: 1.0 - scipy.special.betaincinv(b, a, y))
implements(scipy.special.hankel1)(lambda v, x: scipy.special.jv(v, x) + 1j * scipy.special.yv(v, x))
implements(scipy.special.hankel2)(lambda v, x: scipy.special.jv(v, x) - 1j * scipy.special.yv(v, x))


def _binomial(a: Any, k: Any, x: Any) -> Any:
    return special.betainc(a, k + 1.0, x)


@implements(scipy.special.agm)
def _agm(a: Any, b: Any) -> Any:
    """Return the mean by the complete elliptic integral."""
    total = a + b
    return 0.25 * np.pi * total / scipy.special.ellipk(((a - b) / total) ** 2)


@implements(scipy.special.fdtri)
def _fdtri(m: Any, n: Any, p: Any) -> Any:
    part = scipy.special.betaincinv(0.5 * m, 0.5 * n, p)
    return n * part / (m * (1.0 - part))


for _name, _handler in {
    "_beta_ppf": lambda q, a, b: scipy.special.betaincinv(a, b, q),
    "_binom_cdf": lambda k, n, p: scipy.special.bdtr(k, n, p),
    "_binom_sf": lambda k, n, p: scipy.special.bdtrc(k, n, p),
    "_nbinom_cdf": lambda k, n, p: scipy.special.nbdtr(k, n, p),
    "_nbinom_sf": lambda k, n, p: scipy.special.nbdtrc(k, n, p),
    "_cauchy_ppf": lambda q, loc, scale: loc - scale / anp.tan(np.pi * q),
    "_cauchy_isf": lambda q, loc, scale: loc + scale / anp.tan(np.pi * q),
}.items():
    _ufunc = getattr(scipy.special._ufuncs, _name, None)  # of some versions of SciPy
    if _ufunc is not None:
        implements(_ufunc)(_handler)
implements(scipy.special.chdtri)(lambda v, p: 2.0 * scipy.special.gammainccinv(0.5 * v, p))
implements(scipy.special.eval_sh_legendre)(
    lambda n, x: scipy.special.eval_legendre(n, 2.0 * x - 1.0)
)
implements(scipy.special.eval_sh_chebyt)(lambda n, x: scipy.special.eval_chebyt(n, 2.0 * x - 1.0))
implements(scipy.special.eval_sh_chebyu)(lambda n, x: scipy.special.eval_chebyu(n, 2.0 * x - 1.0))
implements(scipy.special.eval_chebyc)(lambda n, x: 2.0 * scipy.special.eval_chebyt(n, 0.5 * x))
implements(scipy.special.eval_chebys)(lambda n, x: scipy.special.eval_chebyu(n, 0.5 * x))
if hasattr(scipy.special, "softplus"):
    implements(scipy.special.softplus)(lambda x: anp.logaddexp(0.0, x))
implements(scipy.special.kn)(lambda n, x: scipy.special.kv(1.0 * n, x))


# --- lowering ---


@rule("special.gammasgn", "special functions")
def _lower_gammasgn(c: Context, x: Any) -> Any:
    """Sign of the gamma function: below zero it turns at every integer."""
    odd = c.map("remainder", c.map("floor", x), 2.0)
    below = c.map("subtract", 1.0, c.map("multiply", 2.0, odd))
    return c.map("where", c.map("greater", x, 0.0), 1.0, below)


@rule("special.logsumexp", "special functions")
def _lower_logsumexp(
    c: Context, x: Any, axis: Any = None, b: Any = 1.0, keepdims: bool = False, **options: Any
) -> Any:
    if options.get("return_sign"):
        raise c.unsupported("got `return_sign=True`", "Leave out `return_sign`.")
    ids, shape = merge_axes(np.asarray(x), axis)
    top = extremum(c, ids, largest=True)
    top = np.asarray(c.map("where", c.map("isfinite", top), top, 0.0))
    weighted = c.map("exp", c.map("subtract", ids, top[..., None]))
    if np.ndim(b) or b != 1.0:
        spread, _ = merge_axes(np.broadcast_to(b, np.shape(x)), axis)
        weighted = c.map("multiply", weighted, spread)
    total = c.map("add", c.map("log", c.sum_rows(np.asarray(weighted))), top)
    return restore_axes(total, shape, keepdims)


kept("special.multigammaln")
