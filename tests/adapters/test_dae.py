"""Implicit systems: against published values, exact solutions and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp as scipy_solve_ivp

from sparsesolve.errors import SparseSolveError
from sparsesolve.front import solve_dae, solve_ivp


def robertson(t, y, yp):
    slow, fast = 0.04 * y[0], 1e4 * y[1] * y[2]
    return np.array(
        [yp[0] - fast + slow, yp[1] - slow + fast + 3e7 * y[1] ** 2, y[0] + y[1] + y[2] - 1.0]
    )


@pytest.mark.slow
def test_robertson_reaches_the_published_values() -> None:
    run = solve_dae(
        robertson, (0.0, 1e11), [1.0, 0.0, 0.0], rtol=1e-7, atol=np.array([1e-14, 1e-20, 1e-14])
    )
    assert run.success
    published = [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]
    np.testing.assert_allclose(run.y[:, -1], published, rtol=1e-7)
    assert run.notes == ()
    np.testing.assert_allclose(run.yp0, [-0.04, 0.04, 0.0], atol=1e-12)


def test_hires_reaches_the_published_values() -> None:
    def residual(t, y, yp):
        a, b, c, d, e, f, g, h = y
        bound = 280.0 * f * h
        return yp - np.array([
            -1.71 * a + 0.43 * b + 8.32 * c + 0.0007, 1.71 * a - 8.75 * b,
            -10.03 * c + 0.43 * d + 0.035 * e, 8.32 * b + 1.71 * c - 1.12 * d,
            -1.745 * e + 0.43 * f + 0.43 * g, -bound + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g,
            bound - 1.81 * g, -bound + 1.81 * g,
        ])  # fmt: skip

    start = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057]
    run = solve_dae(residual, (0.0, 321.8122), start, rtol=1e-6, atol=1e-10)
    published = [
        0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
        0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
    ]  # fmt: skip
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], published, rtol=1e-4)


def amplifier(t, y, yp):
    """The transistor amplifier of the test set of Bari and CWI: three pairs share a capacity."""
    base, thermal, beta, small, large = 6.0, 0.026, 1e-6, 1000.0, 9000.0
    first = beta * (np.exp((y[1] - y[2]) / thermal) - 1.0)
    second = beta * (np.exp((y[4] - y[5]) / thermal) - 1.0)
    through = [1e-6 * (yp[0] - yp[1]), 3e-6 * (yp[3] - yp[4]), 5e-6 * (yp[6] - yp[7])]
    return np.array([
        through[0] + (y[0] - 0.1 * np.sin(200.0 * np.pi * t)) / small,
        -through[0] + (2.0 * y[1] - base) / large + 0.01 * first,
        2e-6 * yp[2] + y[2] / large - first,
        through[1] + (y[3] - base) / large + 0.99 * first,
        -through[1] + (2.0 * y[4] - base) / large + 0.01 * second,
        4e-6 * yp[5] + y[5] / large - second,
        through[2] + (y[6] - base) / large + 0.99 * second,
        -through[2] + y[7] / large,
    ])  # fmt: skip


START = [0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0]


@pytest.mark.slow
def test_the_transistor_amplifier_reaches_the_published_values() -> None:
    run = solve_dae(amplifier, (0.0, 0.2), START, rtol=1e-6, atol=1e-8)
    published = [
        -0.5562145012262709e-2, 0.3006522471903042e1, 0.2849958788608128e1, 0.2926422536206241e1,
        0.2704617865010554e1, 0.2761837778393145e1, 0.4770927631616772e1, 0.1236995868091548e1,
    ]  # fmt: skip
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], published, rtol=1e-6)


def test_combinations_without_derivatives_hold_in_the_amplifier() -> None:
    run = solve_dae(amplifier, (0.0, 0.005), np.add(START, 0.01), rtol=1e-6, atol=1e-8)
    assert run.success
    zero = np.zeros(8)
    free = np.array([amplifier(t, y, zero) for t, y in zip(run.t, run.y.T, strict=True)])
    for i, j in ((0, 1), (3, 4), (6, 7)):
        np.testing.assert_allclose(free[:, i] + free[:, j], 0.0, atol=1e-9)
        # what has a slope is kept: the difference of the pair
        assert run.y[i, 0] - run.y[j, 0] == pytest.approx(START[i] - START[j], abs=1e-12)


G = 9.81


def pendulum(t, y, yp, index):
    """A point on a circle; the force along the rod is unknown."""
    x, z, u, v, force = y
    rod = {
        3: x**2 + z**2 - 1.0,
        2: x * u + z * v,
        1: u**2 + v**2 - force * (x**2 + z**2) - G * z,
    }[index]
    return np.array([yp[0] - u, yp[1] - v, yp[2] + force * x, yp[3] + force * z + G, rod])


def test_a_pendulum_of_index_one_swings_like_its_angle() -> None:
    run = solve_dae(
        pendulum, (0.0, 2.0), [1.0, 0.0, 0.0, 0.0, 3.0], args=(1,), rtol=1e-8, atol=1e-10
    )
    angle = scipy_solve_ivp(
        lambda t, y: [y[1], -G * np.sin(y[0])], (0.0, 2.0), [0.5 * np.pi, 0.0], "DOP853",
        rtol=1e-11, atol=1e-12,
    ).y[0, -1]  # fmt: skip
    assert run.success
    np.testing.assert_allclose(run.y[:2, -1], [np.sin(angle), -np.cos(angle)], atol=1e-6)
    assert "y[4] moved most, from 3 to 0" in run.notes[0]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (2, r"equation 4 and unknown 4\): the index .* greater than one.* equation 4 once\.$"),
        (3, r"equation 4 and unknown 4\): .*equation 4 twice, equation 0 once, equation 1 once\.$"),
    ],
)
def test_a_greater_index_names_what_to_differentiate(index: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        solve_dae(pendulum, (0.0, 2.0), [1.0, 0.0, 0.0, 0.0, 0.0], args=(index,))


def test_equations_that_leave_an_unknown_over_are_named() -> None:
    with pytest.raises(ValueError, match=r"equation \d is left over, and unknown 2 is in none"):
        solve_dae(
            lambda t, y, yp: np.array([yp[0] - y[1], y[0] + y[1], y[0] - 2.0 * y[1]]),
            (0.0, 1.0),
            np.ones(3),
        )


@pytest.mark.parametrize("guess", [-3.0, 1.0, 4.0])
def test_a_start_far_away_is_found(guess: float) -> None:
    def diode(t, y, yp):
        return np.array([yp[0] + y[0], np.exp(20.0 * y[1]) - 1.0 - y[0]])

    with np.errstate(over="ignore"):
        run = solve_dae(diode, (0.0, 1.0), [1.0, guess], rtol=1e-8)
    assert run.success
    np.testing.assert_allclose(run.y[1], np.log1p(np.exp(-run.t)) / 20.0, atol=1e-6)


def battery(n: int):
    """Diffusion in a particle; the current through its surface solves a logarithmic equation."""
    h = 1.0 / n
    x = (np.arange(n) + 0.5) * h

    def residual(t, y, yp):
        c, flux, voltage = y[:n], y[n], y[n + 1]
        face = np.concatenate([[0.0], ((np.arange(1, n) * h) ** 2) * np.diff(c) / h, [0.0]])
        source = np.concatenate([np.zeros(n - 1), -flux * np.ones(1)])
        return np.concatenate([
            x**2 * yp[:n] - (np.diff(face) + source) / h,
            [flux - np.sinh(voltage - np.log(c[-1]))],
            [voltage + 0.1 * flux - 0.05 * np.cos(t)],
        ])  # fmt: skip

    return residual


@pytest.mark.parametrize("n", [3, 31, 33])
def test_a_parabolic_and_algebraic_system_agrees_with_its_reduced_form(n: int) -> None:
    residual = battery(n)
    start = np.concatenate([np.ones(n), [0.0, 0.0]])
    run = solve_dae(residual, (0.0, 0.5), start, rtol=1e-8, atol=1e-10)
    assert run.success

    from scipy.optimize import brentq

    def reduced(t, c):
        flux = brentq(
            lambda f: f - np.sinh(0.05 * np.cos(t) - 0.1 * f - np.log(c[-1])), -5, 5, xtol=1e-15
        )
        y = np.concatenate([c, [flux, 0.05 * np.cos(t) - 0.1 * flux]])
        return -residual(t, y, np.zeros(n + 2))[:n] / ((np.arange(n) + 0.5) / n) ** 2

    other = scipy_solve_ivp(reduced, (0.0, 0.5), np.ones(n), "Radau", rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(run.y[:n, -1], other.y[:, -1], atol=1e-7)


@pytest.mark.slow
def test_heat_with_a_hundred_thousand_unknowns() -> None:
    n = 100_001
    h = 1.0 / (n - 1)
    x = np.linspace(0.0, 1.0, n)

    def residual(t, y, yp):
        inner = yp[1:-1] - (y[:-2] - 2.0 * y[1:-1] + y[2:]) / h**2
        return np.concatenate([y[:1], inner, y[-1:]])

    run = solve_dae(residual, (0.0, 0.1), np.sin(np.pi * x), rtol=1e-5, atol=1e-7)
    assert run.success
    exact = np.exp(-(np.pi**2) * 0.1) * np.sin(np.pi * x)
    np.testing.assert_allclose(run.y[:, -1], exact, atol=2e-6)


def pair(t, y, yp, rate):
    """y1' = -rate y1, written not linear in the slope; y2 = y1^2, y3 = t."""
    return np.array(
        [yp[0] + rate * y[0] + 0.1 * np.sin(yp[0] + rate * y[0]), y[1] - y[0] ** 2, y[2] - t]
    )


@pytest.mark.parametrize("end", [1.0, -1.0])
def test_dense_output_events_and_times_are_those_of_scipy(end: float) -> None:
    def half(t, y, rate):
        return y[1] - np.exp(-end)

    half.terminal = True
    given = {"args": (1.0,), "rtol": 1e-9, "atol": 1e-11}
    times = np.linspace(0, end, 8)
    start, slopes = [1.0, 1.0, 0.0], [-0.9, 0.0, 0.0]
    run = solve_dae(pair, (0.0, end), start, slopes, "Radau", times, True, half, **given)
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(0.5 * end, abs=1e-8)
    t = np.linspace(0.0, 0.5 * end, 20)
    np.testing.assert_allclose(run.sol(t), [np.exp(-t), np.exp(-2 * t), t], atol=1e-8)
    np.testing.assert_allclose(run.y, [np.exp(-run.t), np.exp(-2 * run.t), run.t], atol=1e-8)
    assert run.yp0[0] == pytest.approx(-1.0, abs=1e-6)
    assert "slopes at the start were made consistent: that of y[0] moved most" in run.notes[0]


@pytest.mark.every(4)
@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 100])
@pytest.mark.parametrize("derivatives", ["auto", "interpreted", "colored", "differences"])
def test_ways_of_derivatives_agree(n: int, derivatives, rng) -> None:
    weights = 1.0 + np.arange(n)
    start = rng.uniform(0.5, 1.0, n)

    def residual(t, y, yp):
        return (1.0 + y**2) * yp + y * np.roll(y, 1) ** 2 / weights + y

    def rhs(t, y):
        return -(y * np.roll(y, 1) ** 2 / weights + y) / (1.0 + y**2)

    run = solve_dae(residual, (0.0, 1.0), start, derivatives=derivatives, rtol=1e-8, atol=1e-10)
    other = scipy_solve_ivp(rhs, (0.0, 1.0), start, "DOP853", rtol=1e-11, atol=1e-12)
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], other.y[:, -1], atol=1e-7)


def test_a_mass_matrix_may_be_a_function() -> None:
    def mass(t, y, size):
        return np.array([[1.0 + y[0] ** 2, t, 0.0], [0.0, size, 0.0], [0.0, 0.0, 0.0]])

    def rhs(t, y, size):
        return np.array([-y[0] - t * y[1] / size, -y[1], y[2] - y[0] * y[1]])

    run = solve_ivp(
        rhs, (0.0, 1.0), [1.0, 2.0, 0.0], mass_matrix=mass, args=(2.0,), rtol=1e-9, atol=1e-11
    )
    assert run.success
    first, second, third = run.y[:, -1]
    assert second == pytest.approx(2.0 * np.exp(-0.5), abs=1e-8)
    # (1 + y^2) y' + t z' = -y + t z' with z = y2: so ln y + y^2 / 2 = 1 / 2 - t
    assert np.log(first) + 0.5 * first**2 == pytest.approx(-0.5, abs=1e-7)
    assert third == pytest.approx(first * second, abs=1e-8)


def test_a_mass_function_may_return_a_sparse_matrix() -> None:
    M = sp.csr_array(np.diag([2.0, 0.0]))
    run = solve_ivp(
        lambda t, y: np.array([-y[0], y[1] - y[0]]), (0.0, 1.0), [1.0, 0.0],
        mass_matrix=lambda t, y: M, rtol=1e-8,
    )  # fmt: skip
    np.testing.assert_allclose(run.y[:, -1], np.exp(-0.5), atol=1e-7)


def test_the_function_is_not_called_while_it_is_integrated() -> None:
    calls = []

    def residual(t, y, yp):
        calls.append(t)
        return yp + y

    run = solve_dae(residual, (0.0, 1.0), np.ones(3), rtol=1e-8)
    assert run.nfev > 50
    assert len(calls) <= 4


def test_slopes_that_are_not_finite_are_differenced() -> None:
    run = solve_dae(lambda t, y, yp: yp - np.sqrt(y) - 1.0, (0.0, 0.5), [0.0], rtol=1e-8)
    assert run.success
    assert "the Jacobian is not finite in 1 columns" in run.notes[0]
    root = np.sqrt(run.y[0, -1])  # 2 (sqrt(y) - log(1 + sqrt(y))) = t
    assert 2.0 * (root - np.log1p(root)) == pytest.approx(0.5, abs=1e-5)
    ended = solve_dae(lambda t, y, yp: yp + np.sqrt(y) + 1.0, (0.0, 0.5), [0.0])
    assert not ended.success
    with np.errstate(all="ignore"):
        trouble = solve_dae(lambda t, y, yp: yp + np.log(y), (0.0, 0.5), [0.0])
    assert not trouble.success
    assert "The residual is -inf in row 0" in trouble.message


def test_data_that_change_fail_the_run() -> None:
    d = np.ones(2)

    def spoil(t, y):
        d[0] = 5.0
        return 1.0

    run = solve_dae(lambda t, y, yp: yp + d * y, (0.0, 1.0), [1.0, 1.0], events=spoil)
    assert not run.success
    assert "residual" in run.message
    assert "changed" in run.message


def test_a_branch_that_needs_more_entries_is_followed() -> None:
    def residual(t, y, yp):
        pull = y[1] if y[0] > 0.5 else y[1] + y[0] * y[2] ** 2
        return np.array([yp[0] + y[0], pull - y[0] ** 2, y[2] - 1.0])

    run = solve_dae(residual, (0.0, 2.0), [1.0, 1.0, 1.0], rtol=1e-8)
    assert run.success
    y0 = np.exp(-run.t)
    np.testing.assert_allclose(run.y[1], np.where(y0 > 0.5, y0**2, y0**2 - y0), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"method": "BDF"}, ValueError, "`method` must be 'Radau'"),
        ({"jac": 3}, TypeError, "unexpected keyword argument 'jac'"),
        ({"yp0": [1.0]}, ValueError, "`yp0` must have as many values as `y0`, 2, got 1"),
    ],
)
def test_what_is_refused(given, error, words) -> None:
    with pytest.raises(error, match=words):
        solve_dae(lambda t, y, yp: yp + y, (0.0, 1.0), [1.0, 2.0], **given)


def test_a_residual_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="must return 2 values for 2 unknowns, got 1"):
        solve_dae(lambda t, y, yp: yp[:1] + y[:1], (0.0, 1.0), [1.0, 2.0])
    with pytest.raises((ValueError, SparseSolveError)):
        solve_dae(lambda t, y, yp: yp, (0.0, 1.0), [[np.nan]])


def test_many_unknowns_with_pairs_that_share_a_slope_say_what_to_do() -> None:
    n = 1200
    M = sp.csr_array(sp.block_diag([sp.csr_array(np.ones((2, 2)))] * (n // 2)))

    def residual(t, y, yp):
        return M @ yp + y * (1.0 + np.arange(n))

    with pytest.raises(ValueError, match="is singular, and with 1200 unknowns"):
        solve_dae(residual, (0.0, 1.0), np.ones(n))
