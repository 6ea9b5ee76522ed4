"""Problems keep the sums of layers for their second derivatives, as a function alone does."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian

import sparsesolve as ss
from sparsesolve.derivatives.blocks import places
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.differentiate import cuts
from tests.oracles import assert_close

rng = np.random.default_rng(3)
ROWS = rng.normal(size=(7, 6))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks wherever there are wide sums, however few."""
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)


def attention(w: Any, scale: Any = 1.0) -> Any:
    q, key, value = (anp.dot(ROWS[:, :5], w[j : j + 25].reshape(5, 5)) for j in (0, 25, 50))
    weights = anp.exp(anp.dot(q, key.T) / 5)
    mixed = anp.dot(weights / anp.sum(weights, axis=1, keepdims=True), value)
    return anp.sum((scale * mixed - ROWS[:, :5]) ** 2)


def network(w: Any, scale: Any = 1.0) -> Any:
    hidden = anp.tanh(anp.dot(ROWS, w[:36].reshape(6, 6)) + w[36:42])
    return scale * anp.dot(anp.tanh(anp.dot(hidden, w[42:72].reshape(6, 5))), w[70:75])


def lagrangian(w: Any, scale: Any, sigma: float, multipliers: Any) -> Any:
    return sigma * attention(w, scale) + anp.dot(multipliers, network(w, scale))


@pytest.mark.parametrize("gain", [0.0, pytest.param(1e9, marks=pytest.mark.slow)])
def test_a_lagrangian_by_blocks_is_that_of_autograd(
    eager: None, monkeypatch: pytest.MonkeyPatch, gain: float
) -> None:
    monkeypatch.setattr(places, "_GAIN", gain)
    d = ProblemDerivatives(
        lambda w, p: attention(w, p[0]), [lambda w, p: network(w, p[0])], np.zeros(75),
        parameters=np.ones(1),
    )  # fmt: skip
    assert isinstance(d.hessian_nonzeros, Blocked)
    x, multipliers = 0.4 * rng.normal(size=75), rng.normal(size=7)
    own = d.at(np.array([0.7]))
    H = own.hessian_full(own.hessian_values(x, multipliers, 0.6)).toarray()
    assert_close(H, hessian(lagrangian)(x, 0.7, 0.6, multipliers), rtol=1e-9)


def cuts_of(d: Any) -> int:
    """How many sums are multiplied as blocks."""
    return int(d._extended.k)


def test_a_problem_cuts_the_sums_of_its_function(eager: None) -> None:
    x = 0.3 * rng.normal(size=75)
    d = ProblemDerivatives(attention, [lambda w: w[:3] ** 2], x)
    assert cuts_of(d.hessian_nonzeros) == cuts_of(ss.hessian(attention, x)._nonzeros)


def test_layers_of_constraints_count_beside_an_objective_without_any(eager: None) -> None:
    d = ProblemDerivatives(None, [lambda w: w[:2], network], np.zeros(75))
    assert cuts_of(d.hessian_nonzeros) == 7 * 5  # the six sums of the first layer read few weights
    x, multipliers = 0.4 * rng.normal(size=75), rng.normal(size=9)
    H = d.hessian_full(d.hessian_values(x, multipliers)).toarray()
    assert_close(H, hessian(lagrangian)(x, 1.0, 0.0, multipliers[2:]), rtol=1e-9)
