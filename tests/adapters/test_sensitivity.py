"""Sensitivities of trajectories: against exact solutions, published values and differences."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.front import solve_ivp


def robertson(t, y, k):
    slow, fast, pairs = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return np.array([fast - slow, slow - fast - pairs, pairs])


@pytest.mark.slow
def test_robertson_reaches_the_values_of_other_solvers() -> None:
    rates = np.array([0.04, 1e4, 3e7])
    run = solve_ivp(
        robertson, (0.0, 40.0), [1.0, 0.0, 0.0], args=(rates,), sensitivity=0, rtol=1e-6,
        atol=np.array([1e-9, 1e-13, 1e-9]),
    )  # fmt: skip
    # as SUNDIALS prints them for t = 40
    published = np.array([
        [-4.2475e0, 1.3731e-5, -2.2883e-9],
        [4.5913e-5, -2.3573e-10, -1.1380e-13],
        [4.2475e0, -1.3730e-5, 2.2884e-9],
    ])  # fmt: skip
    assert run.success
    assert run.sensitivities.shape == (3, 3, run.t.size)
    np.testing.assert_allclose(run.sensitivities[:, :, -1], published, rtol=2e-4)
    np.testing.assert_allclose(run.sensitivities.sum(axis=0), 0.0, atol=1e-6)


@pytest.mark.every(2)
@pytest.mark.parametrize("method", ["BDF", "auto", "krylov", "RK45", "DOP853"])
@pytest.mark.parametrize("n", [1, 2, 33])
def test_a_linear_system_is_exact(method: str, n: int) -> None:
    weights = np.linspace(0.5, 2.0, n)

    def rhs(t, y, rate, shift):
        return -rate * weights * y + shift

    times = np.array([0.0, 0.4, 1.0])
    run = solve_ivp(
        rhs, (0.0, 1.0), np.full(n, 2.0), method, times, args=(3, 0.5),
        sensitivity=(1, 0, "y0"), rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    assert run.success
    by_shift, by_rate, by_start = run.sensitivities
    k, t = 3.0 * weights[:, None], times
    decay = np.exp(-k * t)
    np.testing.assert_allclose(run.y, 2.0 * decay + 0.5 * (1.0 - decay) / k, atol=1e-7)
    np.testing.assert_allclose(by_shift, (1.0 - decay) / k, atol=1e-7)
    by_k = -2.0 * t * decay + 0.5 * (t * decay / k - (1.0 - decay) / k**2)
    np.testing.assert_allclose(by_rate, weights[:, None] * by_k, atol=1e-7)
    assert by_start.shape == (n, n, 3)
    np.testing.assert_allclose(by_start, np.eye(n)[:, :, None] * decay[:, None], atol=1e-7)


def stiff_field(t, y, strength, table):
    around = np.roll(y, 1) + np.roll(y, -1) - 2.0 * y
    return strength * around + table[0, 0] * y * (1.0 - y) + table[1, 1] * np.sin(t)


@pytest.mark.slow
def test_a_stiff_field_agrees_with_differences_and_factorizes_once_for_all() -> None:
    n = 50
    start = 0.5 + 0.3 * np.sin(2.0 * np.pi * np.arange(n) / n)
    table = np.array([[0.8, 5.0], [7.0, 0.3]])

    def end(strength, table):
        run = solve_ivp(
            stiff_field, (0.0, 1.0), start, "Radau", args=(strength, table), rtol=1e-10, atol=1e-12
        )
        return run.y[:, -1]

    run = solve_ivp(
        stiff_field, (0.0, 1.0), start, args=(1e3, table), sensitivity=(0, 1), rtol=1e-8, atol=1e-10
    )
    assert run.success
    by_strength, by_table = (s[..., -1] for s in run.sensitivities)
    h = 1.0
    np.testing.assert_allclose(
        by_strength, (end(1e3 + h, table) - end(1e3 - h, table)) / (2 * h), atol=1e-8
    )
    assert by_table.shape == (n, 2, 2)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        step = np.zeros((2, 2))
        step[i, j] = 1e-3
        slope = (end(1e3, table + step) - end(1e3, table - step)) / 2e-3
        np.testing.assert_allclose(by_table[:, i, j], slope, atol=1e-6)


def test_events_and_dense_output_are_of_the_states() -> None:
    def half(t, y, rate):
        assert y.shape == (1,)
        return y[0] - 0.5

    half.terminal, half.direction = True, -1
    run = solve_ivp(
        lambda t, y, rate: -rate * y, (0.0, 5.0), [1.0], "BDF", None, True, half, args=(2.0,),
        sensitivity=0, rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(0.5 * np.log(2.0), abs=1e-7)
    assert run.y_events[0].shape == (1, 1)
    t = np.linspace(0.0, 0.3, 5)
    np.testing.assert_allclose(run.sol(t), np.exp(-2.0 * t)[None], atol=1e-7)
    np.testing.assert_allclose(run.sensitivities[0], -run.t * np.exp(-2.0 * run.t), atol=1e-7)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"sensitivity": 1}, ValueError, r"positions in `args` \(0 to 0\) or 'y0', got 1"),
        ({"sensitivity": "p"}, ValueError, "got 'p'"),
        ({"sensitivity": 0, "args": (1j,)}, TypeError, "argument 0 must be real numbers"),
        ({"sensitivity": 0, "method": "Radau"}, ValueError, "needs a method of BDF, krylov"),
        ({"sensitivity": 0, "mass_matrix": np.eye(1)}, TypeError, "got sensitivity"),
    ],
)
def test_what_is_refused(given, error, words) -> None:
    with pytest.raises(error, match=words):
        solve_ivp(lambda t, y, p: -p * y, (0.0, 1.0), [1.0], **({"args": (2.0,)} | given))
