"""Quantiles, covariances, polynomials, choices: cases of `operation_cases.Case`."""

from __future__ import annotations

import numpy as np

from tests.operation_cases import MASK, A, Case

_POINTS = np.array([0.0, 0.4, 1.0, 1.5, 2.5, 3.0])
_FUNCTIONS = {
    "interp knots": lambda x: np.interp([0.5, 3.3], np.cumsum(x), x**2),
    "interp everything": lambda x: np.interp(x[:2], np.cumsum(x[1:]) - 0.9, x[1:] ** 2),
    "interp period": lambda x: np.interp(5.0 * x, [1.0, 0.3, 2.2], x[:3], period=2.5),
    "median": lambda x: np.median(x) * x,
    "median of five": lambda x: np.median(x[:5]),
    "median of one": lambda x: np.median(x[:1]) + np.median(x[0]),
    "quantiles": lambda x: np.quantile(x, [0.0, 0.3, 0.5, 1.0]),
    "quantile lower": lambda x: np.quantile(x, 0.3, method="lower"),
    "quantile higher": lambda x: np.quantile(x, 0.3, method="higher"),
    "quantile midpoint": lambda x: np.quantile(x, [0.3, 0.4], method="midpoint"),
    "quantile nearest": lambda x: np.quantile(x, [[0.3, 0.72]], method="nearest"),
    "percentile": lambda x: np.percentile(x, 25) - np.percentile(x, [75, 90]),
    "cov of two": lambda x: np.cov(x[:3], x[3:]),
    "cov of one": lambda x: np.cov(x),
    "cov of constants": lambda x: np.cov(x, A[0], ddof=0),
    "corrcoef of two": lambda x: np.corrcoef(x, A[1])[0, 1],
    "corrcoef of one": lambda x: np.corrcoef(x) * x,
    "polyadd": lambda x: np.polyadd(x, [1.0, 2.0]) + np.polysub([1.0, 2.0], x),
    "polyder": lambda x: np.polyder(x, 2) * np.polyder(x)[1:],
    "polyint": lambda x: np.polyint(x),
    "polyint of constants": lambda x: np.polyint(x, 3, k=[1.0, x[0], 3.0]) + np.polyint(x, 3, 2.0),
    "poly": lambda x: np.poly(x),
    "polyfit": lambda x: np.polyfit(_POINTS, x, 2),
    "polyfit of two": lambda x: np.polyfit(_POINTS, np.stack([x, x**2], axis=1), 1, w=_POINTS + 1),
    "polyfit of traced points": lambda x: np.polyfit(x + _POINTS, np.sin(x), 1),
    "polyfit of weights": lambda x: np.polyfit(_POINTS, _POINTS**2, 1, w=x),
    "lstsq": lambda x: np.concatenate(np.linalg.lstsq(A.T, x, rcond=None)[:2]),
    "lstsq of a wide matrix": lambda x: np.linalg.lstsq(A, x[:4], rcond=None)[0],
    "lstsq of a traced matrix": lambda x: np.linalg.lstsq(
        x.reshape(3, 2) + np.eye(3, 2), np.array([1.0, 2.0, 0.5]), rcond=None
    )[0],
    "geomspace": lambda x: np.geomspace(x[0], x[1], 4) + np.geomspace(1.0, x[2], 4, endpoint=False),
    "choose": lambda x: np.choose([0, 1, 2, 0, 1, 2], [x, x**2, 1.0]),
    "choose wraps": lambda x: np.choose([[0, 4], [3, 1]], [x[:2], x[2:4]], mode="wrap"),
    "unwrap": lambda x: np.unwrap(x * 20.0),
    "unwrap period": lambda x: np.unwrap(x, period=0.3, discont=0.2),
    "reduceat": lambda x: np.add.reduceat(x, [0, 3, 1, 5]) + np.multiply.reduceat(x, [0, 3, 1, 2]),
    "where of a ufunc": lambda x: np.divide(1.0, x, out=np.ones_like(x), where=MASK),
    "where and out traced": lambda x: np.log(x, out=x.copy(), where=x > 0.5),
    "frompyfunc": lambda x: np.frompyfunc(lambda a, b: a * b**2, 2, 1)(x, x[::-1]).astype(float),
    "item of a matrix": lambda x: x.reshape(2, 3).item(1, 0) * x.reshape(2, 3).item((0, 1)),
}  # fmt: skip
_OF_MATRICES = {
    "median of columns": lambda x: np.median(x, axis=0, keepdims=True),
    "median of two axes": lambda x: np.median(x[None], axis=(0, -1)),
    "quantile keepdims": lambda x: np.quantile(x, [0.2, 0.6], axis=-1, keepdims=True),
    "quantile of all": lambda x: np.quantile(x, 0.4, keepdims=True),
    "cov of rows": lambda x: np.cov(x, bias=True),
    "cov of columns": lambda x: np.cov(x, rowvar=False),
    "corrcoef of rows": lambda x: np.corrcoef(x + np.eye(3, 4)),
    "reduceat of rows": lambda x: np.maximum.reduceat(x, [0, 2], axis=1),
    "unwrap of columns": lambda x: np.unwrap(x * 20, axis=0),
}

STATISTICS: dict[str, Case] = {name: Case(f) for name, f in _FUNCTIONS.items()}
STATISTICS |= {name: Case(f, (3, 4)) for name, f in _OF_MATRICES.items()}
