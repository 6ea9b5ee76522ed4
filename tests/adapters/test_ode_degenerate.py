"""Stiff integration where the Jacobian is empty, constant, diagonal, or not finite."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

from sparsesolve import solve_ivp
from sparsesolve.adapters.differenced import DifferencedColumns
from sparsesolve.structure.pattern import Pattern

IMPLICIT = ["BDF", "Radau", "LSODA"]
SIZES = [1, 2, 41, 200]


@pytest.mark.parametrize("method", IMPLICIT)
@pytest.mark.parametrize("n", SIZES)
def test_a_right_hand_side_without_the_state(method: str, n: int) -> None:
    constant = solve_ivp(lambda t, y: np.arange(n * 1.0), (0.0, 1.0), np.zeros(n), method=method)
    assert constant.success
    np.testing.assert_allclose(constant.y[:, -1], np.arange(n), rtol=1e-6)
    of_time = solve_ivp(
        lambda t, y: np.cos(t) * np.ones(n), (0.0, 1.0), np.zeros(n), method=method, rtol=1e-8
    )
    np.testing.assert_allclose(of_time.y[:, -1], np.sin(1.0), atol=1e-5)
    assert of_time.notes == ()


@pytest.mark.parametrize("method", IMPLICIT)
@pytest.mark.parametrize("n", SIZES)
def test_diagonal_and_constant_jacobians(method: str, n: int) -> None:
    rates = np.linspace(1.0, 50.0, n)
    decay = solve_ivp(lambda t, y: -rates * y, (0.0, 1.0), np.ones(n), method=method, rtol=1e-7)
    np.testing.assert_allclose(decay.y[:, -1], np.exp(-rates), atol=2e-5)
    logistic = solve_ivp(
        lambda t, y: y * (1.0 - y), (0.0, 1.0), np.full(n, 0.5), method=method, rtol=1e-7
    )
    np.testing.assert_allclose(logistic.y[:, -1], 1.0 / (1.0 + np.exp(-1.0)), atol=1e-5)
    last = solve_ivp(  # one entry alone, off the diagonal where there is room
        lambda t, y: np.concatenate([np.ones(n - 1), y[:1]]), (0.0, 1.0), np.ones(n), method=method
    )
    expected = np.append(np.full(n - 1, 2.0), 2.5 if n > 1 else np.e)
    np.testing.assert_allclose(last.y[:, -1], expected, rtol=1e-2)


def drag(t, y):
    v = y[2:]
    return np.concatenate([v, np.array([0.0, -9.81]) - 0.1 * np.linalg.norm(v) * v])


def tanks(t, y):
    return np.array([-np.sqrt(y[0]), np.sqrt(y[0]) - np.sqrt(y[1])])


def take_off(t, y):
    return np.array([y[1], np.cos(t) - y[0] - 3.0 * np.abs(y[1]) ** 0.3377 * y[1]])


@pytest.mark.parametrize("method", IMPLICIT)
@pytest.mark.parametrize(
    ("rhs", "y0"), [(drag, np.zeros(4)), (tanks, [1.0, 0.0]), (take_off, np.zeros(2))]
)
def test_no_finite_jacobian_at_the_start(method: str, rhs, y0) -> None:
    want = scipy.integrate.solve_ivp(rhs, (0.0, 1.0), y0, method="RK45", rtol=1e-9, atol=1e-12)
    with np.errstate(invalid="ignore"):
        run = solve_ivp(rhs, (0.0, 1.0), y0, method=method, rtol=1e-7, atol=1e-9)
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], want.y[:, -1], rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("method", ["BDF", "Radau"])
@pytest.mark.parametrize("n", [3, 60])
def test_a_note_names_what_was_differenced(method: str, n: int) -> None:
    y0 = np.append(np.zeros(1), np.ones(n - 1))
    with np.errstate(invalid="ignore"):
        run = solve_ivp(lambda t, y: 1.0 - np.sqrt(y), (0.0, 1.0), y0, method=method)
    assert run.success
    [note] = run.notes
    assert "not finite in 1 columns (the first: 0) at t = 0" in note
    assert "row 0, column 0" in note
    assert "`sqrt`" in note
    assert "test_ode_degenerate.py" in note


@pytest.mark.parametrize("method", IMPLICIT)
@pytest.mark.parametrize("n", [2, 60])
def test_a_right_hand_side_that_is_not_finite_is_a_failed_run(method: str, n: int) -> None:
    with np.errstate(divide="ignore"):
        run = solve_ivp(lambda t, y: np.log(y), (0.0, 1.0), np.zeros(n), method=method)
    assert not run.success
    assert run.status == -1
    assert "-inf in row 0 at the start" in run.message
    assert run.y.shape == (n, 1)


def test_differences_take_the_other_side_where_the_function_is_undefined() -> None:
    pattern = Pattern.from_dense(np.eye(3))
    differences = DifferencedColumns(pattern, 1e-6)
    found = differences.replace(
        np.array([np.nan, 7.0, np.inf]), lambda y: np.sqrt(-y) + 1.0, np.array([-1.0, -1.0, 0.0])
    )
    assert found[1] == 7.0
    assert found[0] == pytest.approx(-0.5, rel=1e-6)
    assert np.isfinite(found[2])
    assert found[2] < -1.0


@pytest.mark.parametrize("name", ["mass", "threads", "rtoll"])
@pytest.mark.parametrize("method", ["BDF", "Radau", "RK45"])
def test_options_that_would_be_dropped_are_refused(method, name):
    with pytest.raises(TypeError, match=name):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), np.ones(2), method=method, **{name: np.eye(2)})


@pytest.mark.parametrize("given", [{"lband": 1}, {"lband": 0, "uband": 2}])
def test_bands_of_a_user_are_those_of_the_pattern(given):
    def rhs(t, y):
        return np.concatenate([-y[:1], -y[1:] + y[:-1]])

    y0 = np.linspace(1.0, 2.0, 12)
    run = solve_ivp(rhs, (0.0, 1.0), y0, method="LSODA", **given)
    plain = solve_ivp(rhs, (0.0, 1.0), y0, method="LSODA")
    np.testing.assert_array_equal(run.y, plain.y)
