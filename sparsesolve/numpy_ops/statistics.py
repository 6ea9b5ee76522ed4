"""Covariances, correlations and densities of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


@implements(np.cov)
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: None = None,
    aweights: None = None,
    *,
    dtype: Any = None,
) -> Any:
    if fweights is not None or aweights is not None:
        raise refuse(f"np.cov with weights at {user_line()}", "Write it with np.average")
    rows = _rows(m, rowvar)
    if y is not None:
        rows = anp.concatenate([rows, _rows(y, rowvar)], axis=0)
    deviation = rows - anp.mean(rows, axis=1, keepdims=True)
    freedom = (0 if bias else 1) if ddof is None else ddof
    return np.squeeze(anp.dot(deviation, anp.conj(deviation.T)) / max(rows.shape[1] - freedom, 0))


def _rows(m: Any, rowvar: bool) -> Any:
    m = operand(m)
    if np.ndim(m) < 2:
        return anp.reshape(m, (1, -1))
    return m if rowvar or np.shape(m)[0] == 1 else anp.transpose(m)


@implements(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, **options: Any) -> Any:
    covariance = _cov(x, y, rowvar)
    if not np.ndim(covariance):
        return covariance / covariance
    deviation = anp.sqrt(anp.diag(covariance))
    return anp.clip(covariance / deviation[:, None] / deviation[None, :], -1.0, 1.0)


@replaces("scipy.stats", "pearsonr", second=True)
def _pearsonr(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the correlation; its p-value is that of Student's distribution."""

    def call(x: Any, y: Any, **options: Any) -> Any:
        if not holds_boxes([x, y]):
            return plain(x, y, **options)
        if options or np.ndim(operand(x)) != 1:
            raise refuse(f"pearsonr with options at {user_line()}", "Use np.corrcoef")
        from autograd.scipy.special import betainc  # noqa: PLC0415  (slow to import)

        a, b = (v - anp.mean(v) for v in (operand(x), operand(y)))
        r = anp.sum(a * b) / anp.sqrt(anp.sum(a * a) * anp.sum(b * b))
        half = np.size(operand(x)) / 2 - 1
        return _Correlation(r, 2 * betainc(half, half, 0.5 * (1 - anp.abs(r))))

    return call


class _Correlation(tuple[Any, Any]):
    """What stands for the result of a correlation."""

    __slots__ = ()

    def __new__(cls, statistic: Any, pvalue: Any) -> _Correlation:
        return super().__new__(cls, (statistic, pvalue))

    statistic = correlation = property(lambda self: self[0])
    pvalue = property(lambda self: self[1])


@replaces("scipy.stats", "gaussian_kde.__call__", second=True)
@replaces("scipy.stats", "gaussian_kde.evaluate", second=True)
def _density(plain: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(self: Any, points: Any) -> Any:
        if not holds_boxes(points):
            return plain(self, points)
        return anp.exp(_log_density(self, points))

    return evaluate


@replaces("scipy.stats", "gaussian_kde.logpdf", second=True)
def _log_of_density(plain: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, x: _log_density(self, x) if holds_boxes(x) else plain(self, x)


def _log_density(self: Any, points: Any) -> Any:
    """Sum up the kernels of constant data at traced points, one a column."""
    points = anp.atleast_2d(operand(points))
    if points.shape[0] != self.d:
        points = anp.reshape(points, (self.d, 1))
    to_unit = np.linalg.inv(np.linalg.cholesky(self.covariance))
    gaps = (to_unit @ self.dataset)[:, :, None] - anp.dot(to_unit, points)[:, None, :]
    energies = np.log(self.weights)[:, None] - 0.5 * anp.sum(gaps * gaps, axis=0)
    most = anp.max(energies, axis=0)
    whole = np.linalg.slogdet(2 * np.pi * self.covariance)[1] / 2
    return anp.log(anp.sum(anp.exp(energies - most), axis=0)) + most - whole
