"""Inner functions of SciPy, written in Python, that hide a smooth function behind comparisons.

Separate because they are not ours to register: they are replaced in SciPy's own modules while a
function is traced, so that they are met however the user's code named what calls them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where
from autograd.tracer import isbox

__all__ = ["replaced_bodies"]


def replaced_bodies() -> Iterator[tuple[dict[str, Any], dict[str, Callable[..., Any]]]]:
    """List tables of loaded modules with the entries to change, if they are what they were."""
    module = sys.modules.get("scipy.special._logsumexp")
    plain = getattr(module, "_logsumexp", None)
    if plain is not None:
        yield vars(module), {"_logsumexp": _log_sum_exp(plain)}


def _log_sum_exp(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Add up all terms alike: SciPy sets the largest apart, and ties lose second derivatives."""

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
