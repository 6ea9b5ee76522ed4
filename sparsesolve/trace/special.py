"""Functions of scipy.special that are written in terms of others, and NumPy's only one of its kind.

Separate because it is imported when a function of SciPy is met, not before: see
`naming.load_scipy`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.special
from autograd.numpy import _original_where as where
from autograd.scipy import special

from sparsesolve.trace.dispatch import implements

__all__: list[str] = []

implements(np.i0)(lambda x: special.i0(x))

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
