"""Which sums are cut, and when blocks take the place of a long list: numbers of autograd."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.differentiate import cuts
from tests.oracles import assert_close, dense_hessian, dense_jacobian

rng = np.random.default_rng(23)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let blocks pay from the first term on."""
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)


def network(sizes: list[int], rows: int) -> tuple[Callable[[Any], Any], Any]:
    """Outputs of a network of tanh layers with biases, and weights."""
    data = rng.normal(size=(rows, sizes[0]))

    def outputs(w: Any) -> Any:
        layer, begin = data, 0
        for a, b in pairwise(sizes):
            if begin:
                layer = anp.tanh(layer)
            weights = anp.reshape(w[begin : begin + a * b], (a, b))
            layer = anp.dot(layer, weights) + w[begin + a * b : begin + a * b + b]
            begin += a * b + b
        return anp.reshape(layer, -1)

    size = sum(a * b + b for a, b in pairwise(sizes))
    return outputs, 0.4 * rng.normal(size=size)


def sums(derivative: Any) -> int:
    """How many sums are cut."""
    note = next(line for line in derivative.report().splitlines() if "wide sums" in line)
    return int(note.split()[1])


@pytest.mark.slow
def test_narrow_sums_that_many_read_are_cut(eager: None) -> None:
    outputs, w = network([6, 16, 16, 1], 5)
    H = ss.hessian(lambda w: anp.sum(outputs(w) ** 2), w)
    assert sums(H) == 5 * (16 + 16 + 1)  # a first layer of 7 terms each, too
    assert_close(H(w).toarray(), dense_hessian(lambda w: anp.sum(outputs(w) ** 2), w))


def test_narrow_sums_that_few_read_stay(eager: None) -> None:
    outputs, w = network([6, 20, 3, 1], 3)
    H = ss.hessian(lambda w: anp.sum(outputs(w) ** 2), w)
    assert sums(H) == 3 * 3


@pytest.mark.slow
def test_rows_behind_narrow_sums_are_blocks() -> None:
    outputs, w = network([12, 36, 36, 2], 40)
    J = ss.jacobian(outputs, w)
    assert isinstance(J._nonzeros, Blocked)  # a list has two million terms
    assert_close(J(w).toarray(), dense_jacobian(outputs, w))


def test_blocks_before_a_list_that_is_long_behind_them() -> None:
    matrix = rng.normal(size=(140, 140))
    matrix = matrix @ matrix.T + np.eye(140)

    def deviation(x: Any) -> Any:
        return anp.sqrt(anp.dot(x, anp.dot(matrix, x))) + anp.sum(x**3)

    x = rng.normal(size=140)
    H = ss.hessian(deviation, x)
    assert isinstance(H._nonzeros, Blocked)
    assert_close(H(x).toarray(), dense_hessian(deviation, x))


def test_terms_that_cancel_stay_a_list() -> None:
    def cancels(x: Any) -> Any:
        big = anp.sum(anp.exp(x)) * 1e3
        return (big + x**2) - big

    x = np.linspace(0.0, 1.0, 1100)
    J = ss.jacobian(cancels, x)
    assert not isinstance(J._nonzeros, Blocked)
    assert J.nnz == x.size


def test_the_largest_of_many_is_cut(eager: None) -> None:
    data = rng.normal(size=(7, 3))
    gains = rng.normal(size=(7, 18))

    def policy(w: Any) -> Any:
        logits = anp.dot(data, anp.reshape(w, (3, 18)))
        powers = anp.exp(logits - anp.max(logits, axis=1, keepdims=True))
        shares = powers / anp.sum(powers, axis=1, keepdims=True)
        return anp.mean(anp.sum(shares * gains, axis=1))

    w = rng.normal(size=54)
    H = ss.hessian(policy, w)
    assert sums(H) == 2 * 7  # the largest logit of each row, and the sum of its powers
    assert_close(H(w).toarray(), dense_hessian(policy, w))


def test_multiples_of_sums_are_cut_where_they_are_bent(eager: None) -> None:
    times, signs = np.linspace(-1.0, 1.0, 12), np.sign(rng.normal(size=12))

    def logistic(c: Any) -> Any:
        score = 0.0
        for k in range(18):
            score = score + c[k] * times**k
        return anp.sum(anp.logaddexp(0.0, -signs * score))

    c = rng.normal(size=18)
    H = ss.hessian(logistic, c)
    assert sums(H) == 12
    assert_close(H(c).toarray(), dense_hessian(logistic, c))
