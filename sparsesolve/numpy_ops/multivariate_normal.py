"""SciPy's normal distribution of several variables, with traced means, covariances and points."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []

_MODULE = "scipy.stats._multivariate"


class _Frozen:
    """A distribution with traced parameters."""

    def __init__(self, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> None:
        self.mean, self.cov = mean, cov
        self._given = mean, cov, allow_singular

    def logpdf(self, x: Any) -> Any:
        """Return the logarithm of the density."""
        return _log_density(x, *self._given)

    def pdf(self, x: Any) -> Any:
        """Return the density."""
        return anp.exp(self.logpdf(x))


def _log_density(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
    if allow_singular:
        raise refuse(
            f"scipy.stats.multivariate_normal with allow_singular=True at {user_line()}",
            "Leave it out, and add a small multiple of np.eye to the covariance",
        )
    if hasattr(cov, "covariance"):  # a constant one of scipy.stats.Covariance
        cov = cov.covariance
    x, cov = operand(x), operand(cov)
    dim = _dimension(mean, cov)
    center = np.zeros(dim) if mean is None else anp.reshape(operand(mean), (dim,))
    if np.ndim(cov) == 1 and dim > 1:
        cov = anp.diag(cov)
    cov = cov * np.eye(dim) if np.ndim(cov) == 0 else anp.reshape(cov, (dim, dim))
    if np.ndim(x) < 2:
        x = anp.reshape(x, (-1, 1) if dim == 1 else (1, -1))
    deviation = x - center
    rows = anp.reshape(deviation, (-1, dim))
    distance = anp.sum(rows * np.linalg.solve(cov, rows.T).T, axis=1)
    size = np.linalg.slogdet(cov)[1]
    result = -0.5 * (dim * np.log(2.0 * np.pi) + size + distance)
    return np.squeeze(anp.reshape(result, np.shape(deviation)[:-1]))


def _dimension(mean: Any, cov: Any) -> int:
    if mean is not None:
        return int(np.size(mean))
    return 1 if np.ndim(cov) < 2 else int(np.shape(cov)[0])


def _replace(path: str, own: Callable[..., Any]) -> None:
    def make(plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not any(map(holds_boxes, (*args, *kwargs.values()))):
                return plain(self, *args, **kwargs)
            return own(self, *args, **kwargs)

        return method

    replaces(_MODULE, path)(make)


def _without_seed(mean: Any = None, cov: Any = 1, allow: bool = False, **_: Any) -> _Frozen:
    return _Frozen(mean, cov, allow)


_replace("multivariate_normal_gen.logpdf", lambda _, *a, **k: _log_density(*a, **k))
_replace("multivariate_normal_gen.pdf", lambda _, *a, **k: anp.exp(_log_density(*a, **k)))
_replace("multivariate_normal_gen.__call__", lambda _, *a, **k: _without_seed(*a, **k))
_replace(
    "multivariate_normal_frozen.logpdf",
    lambda self, x: _log_density(x, self.mean, self.cov_object.covariance),
)
_replace(
    "multivariate_normal_frozen.pdf",
    lambda self, x: anp.exp(_log_density(x, self.mean, self.cov_object.covariance)),
)
