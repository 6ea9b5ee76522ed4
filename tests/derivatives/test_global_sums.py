"""Sums over all unknowns, divided: shares add up, rows need their neighborhood and the sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sparsesolve.derivatives.row_part import Divided

N = 120


def coupled(x: Any) -> Any:
    mean = np.mean(x)
    spread = np.sum((x - mean) ** 2)  # reads the first sum
    return 2 * x - 0.5 * np.roll(x, 1) - mean * x**2 + np.tanh(spread)


def two_at_once(x: Any) -> Any:
    sums = np.stack([x, x**2]).reshape(2, -1).sum(axis=1)
    return x * sums[0] - np.cos(x) / (1.0 + sums[1])


def scalar(x: Any) -> Any:
    return np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.dot(x, x) * np.sin(x[3]) + np.mean(x) ** 2


FUNCTIONS = [coupled, two_at_once]


def by_differences(function: Callable[..., Any], x: Any) -> Any:
    h = 1e-6
    columns = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(x.size)]
    return np.array(columns).T


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("parts", [1, 3, 7])
def test_shares_add_up(function: Callable[..., Any], parts: int, rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 1.0, N)
    divided = Divided(function, [np.ones(N)])
    whole = divided.sums.at(x, [])
    assert divided.sums.count == 2
    shares = [divided.shares(k, parts) for k in range(parts)]
    for k in range(2):
        each = [share[k].value(whole[share[k].inputs], [], np.empty(1))[0] for share in shares]
        np.testing.assert_allclose(sum(each), whole[N + k], rtol=1e-13)
    for share in shares:
        assert share[0].inputs.size <= N // parts + 1


@pytest.mark.parametrize("function", FUNCTIONS)
def test_rows_and_sums_make_the_jacobian(
    function: Callable[..., Any], rng: np.random.Generator
) -> None:
    x = rng.uniform(0.2, 1.0, N)
    divided = Divided(function, [np.ones(N)])
    at = divided.sums.at(x, [])
    rows = divided.rows(np.arange(40, 80))
    value = rows.value(at[rows.inputs], [], np.empty(40))
    np.testing.assert_allclose(value, function(x)[40:80], rtol=1e-12)
    assert rows.inputs.size <= 41 + 2
    local = np.zeros((40, N + 2))
    entries = rows.refill(rows.buffer(), at[rows.inputs], [])
    local[rows.pattern.rows, rows.inputs[rows.pattern.indices]] = entries
    slopes = np.zeros((2, N + 2))
    for k, share in enumerate(divided.shares(0, 1)):
        slopes[k, share.inputs[share.pattern.indices]] = share.refill(
            share.buffer(), at[share.inputs], []
        )
    of_sums = np.linalg.solve(np.eye(2) - slopes[:, N:], slopes[:, :N])
    J = local[:, :N] + local[:, N:] @ of_sums
    np.testing.assert_allclose(J, by_differences(function, x)[40:80], rtol=1e-6, atol=1e-7)


def test_an_objective_is_shares_of_sums_and_a_rest(rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 1.0, N)
    divided = Divided(scalar, [np.ones(N)])
    assert divided.sums.count == 0  # one row reads them
    summed = divided.summed()
    assert summed.sums.count == 3
    rest = summed.rows(np.array([0]))
    at = summed.sums.at(x, [])
    assert rest.inputs.tolist() == [3, N, N + 1, N + 2]
    np.testing.assert_allclose(rest.value(at[rest.inputs], [], np.empty(1)), scalar(x), rtol=1e-13)


def test_the_gradient_by_rows(rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 1.0, N)
    gradient = Divided(scalar, [np.ones(N)]).gradient()
    at = gradient.sums.at(x, [])
    expected = by_differences(lambda y: np.atleast_1d(scalar(y)), x)[0]
    for rows in np.array_split(np.arange(N), 4):
        part = gradient.rows(rows)
        got = part.value(at[part.inputs], [], np.empty(rows.size))
        np.testing.assert_allclose(got, expected[rows], rtol=1e-6, atol=1e-7)


def test_short_sums_and_sums_of_constants_stay() -> None:
    weights = np.linspace(0.0, 1.0, 50)
    short = Divided(lambda x: x * np.sum(x[:20]), [np.ones(40)])
    constant = Divided(lambda x, p: x * np.sum(p * weights), [np.ones(40), np.ones(50)])
    assert short.sums.count == constant.sums.count == 0
