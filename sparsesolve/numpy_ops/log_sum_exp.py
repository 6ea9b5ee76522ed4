"""Log-sum-exp of SciPy, which is written in Python and sets the largest term apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

from sparsesolve.trace.replaced import replaces

__all__: list[str] = []


@replaces("scipy.special._logsumexp", "_logsumexp")
def _log_sum_exp(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Add up all terms alike: where SciPy finds ties it would lose second derivatives."""

    def log_sum_exp(a: Any, b: Any, *, axis: Any, return_sign: bool, xp: Any) -> Any:
        if return_sign or not (isbox(a) or isbox(b)):
            return plain(a, b, axis=axis, return_sign=return_sign, xp=xp)
        if b is not None:
            a = where(b == 0, -np.inf, a)
        top = anp.max(a, axis=axis, keepdims=True)
        top = where(anp.isfinite(top), top, 0.0)
        terms = anp.exp(a - top)
        terms = terms if b is None else b * terms
        return anp.log(anp.sum(terms, axis=axis, keepdims=True)) + top, None

    return log_sum_exp
