"""The sum of blocks is held against its entries: what goes to a wrong place is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks import hessian as blocked_hessian
from sparsesolve.derivatives.blocks.assembly import Chain
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.low_rank import SparsePlusLowRank
from sparsesolve.derivatives.blocks.sums import BlockSum
from sparsesolve.differentiate import cuts
from sparsesolve.errors import VerificationError
from tests.oracles import assert_close, dense_hessian, dense_jacobian

A = np.random.default_rng(3).normal(size=(60, 24))


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks wherever there are wide sums, however few."""
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)


def least_squares(x: Any) -> Any:
    return np.sum((np.tanh(A @ x) - 0.3) ** 2)


def nested(x: Any) -> Any:
    return np.sum(np.sin(A.T @ np.cos(A @ x)) ** 2) * np.exp(np.mean(x))


def residual(x: Any) -> Any:
    return np.tanh(A @ x) * np.mean(x**2) + np.sum(x)


def shifted(product: Callable[..., Any]) -> Callable[..., Any]:
    """Add a little to one entry of a result."""

    def wrong(*args: Any, **options: Any) -> Any:
        found = np.array(product(*args, **options))
        found.reshape(-1)[found.size // 3] += 1e-4
        return found

    return wrong


@pytest.mark.parametrize("function", [least_squares, nested])
def test_hessians_pass(function: Callable[[Any], Any]) -> None:
    x = np.linspace(-0.5, 0.4, 24)
    H = ss.hessian(function, x)
    assert isinstance(H._nonzeros, Blocked)
    assert_close(H(x).toarray(), dense_hessian(function, x))


def test_jacobians_pass() -> None:
    x = np.linspace(-0.5, 0.4, 24)
    J = ss.jacobian(residual, x)
    assert isinstance(J._nonzeros, Blocked)
    assert_close(J(x).toarray(), dense_jacobian(residual, x))


@pytest.mark.parametrize("function", [least_squares, nested])
def test_a_wrong_place_in_a_hessian_is_seen(
    function: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlockSum, "dense", shifted(BlockSum.dense))
    x = np.linspace(-0.5, 0.4, 24)
    with pytest.raises(VerificationError, match="sum of their entries"):
        ss.hessian(function, x)
    assert ss.hessian(function, x, check=False) is not None


def test_a_wrong_product_of_blocks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked_hessian, "_gram", shifted(blocked_hessian._gram))
    with pytest.raises(VerificationError, match="sum of their entries"):
        ss.hessian(least_squares, np.linspace(-0.5, 0.4, 24))


def test_a_wrong_place_in_a_jacobian_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockSum, "dense", shifted(BlockSum.dense))
    with pytest.raises(VerificationError, match="sum of their entries"):
        ss.jacobian(residual, np.linspace(-0.5, 0.4, 24))


def test_what_is_multiplied_only_is_held_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparsePlusLowRank, "times", shifted(SparsePlusLowRank.times))
    with pytest.raises(VerificationError, match="sum of their entries"):
        ss.hessian(lambda x: np.sum(x) ** 3 + np.sum(x**4), np.linspace(0.0, 1e-3, 2000))


def test_lagrangians_are_held_with_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-0.5, 0.4, 24)
    problem = ss.Problem(
        least_squares, x0=x, constraints=[ss.Constraint(lambda x: np.sin(A[:5] @ x), 0.0, 0.0)]
    )
    assert isinstance(problem.derivatives.hessian_nonzeros, Blocked)
    monkeypatch.setattr(BlockSum, "dense", shifted(BlockSum.dense))
    other = ss.Problem(nested, x0=x, constraints=[ss.Constraint(np.sum, 0.0, 0.0)])
    with pytest.raises(VerificationError, match="sum of their entries"):
        _ = other.derivatives.hessian_nonzeros


def test_entries_that_are_not_finite_end() -> None:
    found = ss.hessian(nested, np.linspace(-0.5, 0.4, 24))._nonzeros
    extended = found._extended
    values = np.full(extended.first.run.size, np.nan)
    chain = Chain(extended.first, values, extended.n, extended.k)
    assert np.isnan(chain.forward(np.ones(extended.n))).any()
    assert np.isnan(chain.backward(np.ones(extended.n + extended.k), np.ones(extended.m))[0]).any()
