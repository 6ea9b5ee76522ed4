"""Series and DataFrames of pandas among traced values."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences

import sparsesolve as ss
from sparsesolve.errors import TraceError

pandas = pytest.importorskip("pandas", reason="pandas is not installed")

X = np.array([0.6, 0.4])
S = pandas.Series([1.0, 2.0, 3.5], name="s")
GAPS = pandas.Series([np.nan, 2.0, 1.0, np.nan])
D = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.2, 0.9]}, index=list("xyz"))


def with_columns(x):
    table = D.copy()
    table["c"] = table["a"] * x[0]
    table.loc[:, "e"] = np.exp(table.c * x[1])
    return (table["e"] * table["b"]).sum()


def drawdown(x):
    wealth = (1 + (D - 1.5) * x).sum(axis=1).cumprod()
    return (wealth / wealth.cummax() - 1).min() + wealth.iloc[-1]


def by_name(x):
    p = pandas.Series(x, index=["rate", "size"])
    return p["size"] * np.exp(-p.rate * S) - 1


FUNCTIONS = {
    "a number times": lambda x: (x[0] * S - S * x[1] + x[0] / S - S ** x[1]).sum(),
    "a vector times": lambda x: x * S[:2] + S[:2] / x,
    "returned": lambda x: (S - x[0] * np.sin(S * x[1])) * np.sqrt(S),
    "ufuncs": lambda x: np.log(x[0] * S) + np.maximum(S * x[1], x[0] * S**2) + np.hypot(x[0], S),
    "aligned": lambda x: (S * x[0] + (S * x[1]).iloc[::-1]).to_numpy(),
    "reductions": lambda x: [
        getattr(x[0] * S + x[1] * S**2, name)()
        for name in ("sum", "mean", "prod", "min", "max", "std", "var", "sem", "median", "skew")
    ],
    "of numpy": lambda x: [np.sum(S * x[0]), np.mean(S * x[1]), np.std(S * x[0], ddof=1)],
    "missing": lambda x: [(GAPS * x[0]).sum(), (GAPS * x[1]).std(), np.exp(GAPS * x[0]).mean()],
    "shifted": lambda x: np.log((x[0] + S) / (x[0] + S).shift(1)).dropna().to_numpy(),
    "changes": lambda x: (1 + S * x[0]).pct_change().dropna().sum() + (S * x[1]).diff().iloc[2],
    "selected": lambda x: (S * x[0])[S > 1.5].sum() + (S * x[1])[x[0] * S > 1.0].sum(),
    "where": lambda x: (S * x[0]).where(S > 1.5, 0.0).sum() + np.where(S > 2, S * x[0], x[1]).sum(),
    "clipped": lambda x: (S * x[0]).clip(lower=1.0, upper=2.0).sum() + (S * x[1] - 1).abs().sum(),
    "apply": lambda x: S.apply(lambda v: v * x[0] ** 2).sum() + S.map(lambda v: v - x[1]).prod(),
    "rows": lambda x: D.apply(lambda row: row["a"] * x[0] + row.b * x[1], axis=1).to_numpy() ** 2,
    "iterrows": lambda x: [row["a"] * x[0] ** 2 for _, row in D.iterrows()],
    "table times": lambda x: (D * x).sum(axis=1).std() * np.sqrt(252) + (D * x).mean().prod(),
    "products": lambda x: [x @ D.cov() @ x, D.dot(x).std(), (D @ x).sum(), (S.dot(S * x[0]))],
    "dot of numpy": lambda x: np.dot(x.T, np.dot(D.cov(), x)) - np.sum(D.mean() * x),
    "left product": lambda x: np.asarray(np.array([1.0, 2.0, 3.0]) @ (D * x)),
    "columns": with_columns,
    "assigned": lambda x: D.assign(c=D.a * x[0] + D.b * x[1]).c.sum(),
    "drawdown": drawdown,
    "by name": by_name,
    "as numbers": lambda x: np.asarray(S * x[0], dtype=float) + (S * x[1]).astype(float).values,
    "correlation": lambda x: np.corrcoef(S * x[0] + x[1] * S**2, S)[0, 1],
    "line": lambda x: [np.polyval(x, S).sum(), np.interp(x[0], S, S**2 * x[1])],
    "together": lambda x: pandas.concat([S * x[0], S]).sum() * x[1],
    "made": lambda x: pandas.DataFrame({"u": S * x[1], "v": S})["u"].prod(),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_beside_differences(name):
    f = lambda x: np.ravel(np.asarray(FUNCTIONS[name](x), dtype=np.float64))
    J = ss.jacobian(FUNCTIONS[name], X)
    x = 1.1 * X
    np.testing.assert_allclose(np.ravel(J.value(x)), f(x), rtol=1e-12)
    found = J(x).toarray()
    np.testing.assert_allclose(found, differences(f, x).reshape(found.shape), atol=1e-7)


def test_rows_as_arguments():
    nll = lambda p, t, n: (p[0] * t - n * np.log(p[0] * t) + (p[1] - 1) ** 2).sum()
    gradient, H = ss.gradient(nll, X, S, S**2), ss.hessian(nll, X, S, S**2)
    np.testing.assert_allclose(
        gradient(X, S, S**2), np.ravel(differences(lambda p: nll(p, S, S**2), X))
    )
    slope = lambda p: gradient(p, S, S**2)
    np.testing.assert_allclose(H(X, S, S**2).toarray(), differences(slope, X), atol=1e-7)


def test_what_pandas_compiles_is_refused():
    with pytest.raises(TraceError, match=r"windows.*test_data_frames.*np.cumsum"):
        ss.jacobian(lambda x: (S * x[0]).rolling(2).mean().iloc[1:].to_numpy(), X)
