"""Covariances and correlations."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from sparsesolve.trace.dispatch import implements, refuse
from sparsesolve.trace.operands import operand
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
