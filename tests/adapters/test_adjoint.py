"""Gradients by the adjoint: against forward sensitivities, exact solutions and differences."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.errors import VerificationError
from sparsesolve.front import solve_ivp

TIMES = np.array([0.0, 0.3, 1.0])


def chain(t, y, rates, shift):
    moved = np.roll(y, 1)
    return -rates * y**2 + shift * moved * np.cos(t)


def by_forward(weights: np.ndarray, sensitivities: np.ndarray) -> np.ndarray:
    return np.tensordot(weights, sensitivities, axes=([0, 1], [0, -1]))


@pytest.mark.parametrize("n", [1, 2, 31, 33, pytest.param(101, marks=pytest.mark.slow)])
def test_the_adjoint_is_the_forward_sensitivity(n: int) -> None:
    rates, start = np.linspace(0.5, 1.5, n), np.linspace(1.0, 2.0, n)
    given = {
        "t_eval": TIMES, "args": (rates, 0.7), "sensitivity": ("y0", 0, 1), "rtol": 1e-8,
        "atol": 1e-10,
    }  # fmt: skip
    weights = np.random.default_rng(n).normal(size=(n, 3))
    run = solve_ivp(chain, (0.0, 1.0), start, adjoint=True, **given)
    forward = solve_ivp(chain, (0.0, 1.0), start, **given)
    for got, slopes, like in zip(
        run.vjp(weights), forward.sensitivities, (start, rates, 0.7), strict=True
    ):
        assert got.shape == np.shape(like)
        np.testing.assert_allclose(got, by_forward(weights, slopes), rtol=1e-5, atol=1e-6)
    assert run.sol is None


@pytest.mark.every(2)
@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA", "krylov", "auto", "RK45", "DOP853"])
def test_every_method_gives_the_exact_gradient(method: str) -> None:
    def decay(t, y, k):
        return -k * y

    run = solve_ivp(
        decay, (0.0, 1.0), [2.0, 3.0], method, [0.5, 1.0], args=(1.5,), sensitivity=0,
        adjoint=True, rtol=1e-8, atol=1e-10,
    )  # fmt: skip
    weights = np.array([[1.0, 0.0], [-2.0, 0.5]])
    exact = np.sum(weights * np.outer([2.0, 3.0], [-0.5, -1.0] * np.exp([-0.75, -1.5])))
    assert run.vjp(weights) == pytest.approx(exact, abs=1e-6)
    assert run.vjp(0.0 * weights) == 0.0


@pytest.mark.slow
def test_a_stiff_reaction_agrees_with_forward_sensitivities() -> None:
    def robertson(t, y, k):
        slow, fast, pairs = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
        return np.array([fast - slow, slow - fast - pairs, pairs])

    given = {
        "args": (np.array([0.04, 1e4, 3e7]),), "sensitivity": (0, "y0"), "t_eval": [4.0, 40.0],
        "rtol": 1e-7, "atol": np.array([1e-10, 1e-14, 1e-10]),
    }  # fmt: skip
    weights = np.array([[1.0, -0.5], [2.0, 1.0], [0.3, 0.7]])
    run = solve_ivp(robertson, (0.0, 40.0), [1.0, 0.0, 0.0], adjoint=True, **given)
    forward = solve_ivp(robertson, (0.0, 40.0), [1.0, 0.0, 0.0], **given)
    for got, slopes in zip(run.vjp(weights), forward.sensitivities, strict=True):
        np.testing.assert_allclose(got, by_forward(weights, slopes), rtol=1e-5)


def test_backward_in_time_and_by_differences() -> None:
    def final(rates: np.ndarray) -> float:
        run = solve_ivp(
            chain, (1.0, 0.2), np.ones(3), args=(rates, 0.3), t_eval=[0.2], rtol=1e-10, atol=1e-12
        )
        return float(np.sum(run.y**2))

    rates = np.array([0.5, 0.2, 0.9])
    run = solve_ivp(
        chain, (1.0, 0.2), np.ones(3), args=(rates, 0.3), t_eval=[0.2], sensitivity=0,
        adjoint=True, rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    h = 1e-4 * np.eye(3)
    differences = [(final(rates + e) - final(rates - e)) / 2e-4 for e in h]
    np.testing.assert_allclose(run.vjp(2.0 * run.y), differences, rtol=1e-5)


def test_a_jump_that_moves_with_the_argument_is_refused() -> None:
    def switched(t, y, when):
        return np.where(t > when, 2.0, 1.0) * np.ones(1)

    run = solve_ivp(
        switched, (0.0, 1.0), [0.0], t_eval=[1.0], args=(0.4,), sensitivity=0, adjoint=True,
        max_step=0.05,
    )  # fmt: skip
    with pytest.raises(VerificationError, match="by its adjoint, got 0 for -0"):
        run.vjp([[1.0]])


def test_a_jump_after_the_first_times_is_refused_where_it_counts() -> None:
    def switched(t, y, when):
        return np.where(t > when, 2.0, 1.0) * np.array([0.0, 1.0])

    run = solve_ivp(
        switched, (0.0, 1.0), [0.0, 0.0], t_eval=[0.2, 1.0], args=(0.4,), sensitivity=0,
        adjoint=True, max_step=0.05,
    )  # fmt: skip
    for _ in range(2):  # and number 3 is not compared for its number
        assert run.vjp([[1.0, 2.0], [1.0, 0.0]]) == 0.0
    with pytest.raises(VerificationError, match="by its adjoint, got 0 for -0"):
        run.vjp([[1.0, 2.0], [1.0, 1.0]])


def test_a_switch_that_is_continuous_is_right() -> None:
    def ramp(t, y, when):
        return np.where(t > when, t - when, 0.0) * np.ones(1)

    run = solve_ivp(
        ramp, (0.0, 1.0), [0.0], t_eval=[1.0], args=(0.4,), sensitivity=0, adjoint=True,
        rtol=1e-8, max_step=0.02,
    )  # fmt: skip
    assert run.vjp([[1.0]]) == pytest.approx(-0.6, abs=1e-4)


def test_what_does_not_fit_says_so() -> None:
    with pytest.raises(ValueError, match="`adjoint` needs `sensitivity`"):
        solve_ivp(chain, (0.0, 1.0), np.ones(2), args=(1.0, 1.0), adjoint=True)
    run = solve_ivp(
        chain, (0.0, 1.0), np.ones(2), args=(1.0, 1.0), t_eval=TIMES, sensitivity="y0",
        adjoint=True, dense_output=True,
    )  # fmt: skip
    assert run.sol(0.5).shape == (2,)
    for weights in (np.ones(2), np.full((2, 3), np.nan)):
        with pytest.raises(ValueError, match=r"of the shape of `y`, \(2, 3\)"):
            run.vjp(weights)
    run = solve_ivp(
        lambda t, y, k: k * y**2, (0.0, 2.0), [1.0], args=(1.0,), sensitivity=0, adjoint=True
    )
    with pytest.raises(ValueError, match="was not integrated to its end"):
        run.vjp(np.ones(run.y.shape))
