"""`odeint`: scipy's numbers by its signature, with a Jacobian that is prepared."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate as si
from branch_references import differences

import sparsesolve as ss

T = np.linspace(0.0, 1.0, 6)
TIGHT = {"rtol": 1e-10, "atol": 1e-12}
MANY = {**TIGHT, "mxstep": 5000}


def decay(y, t, k=2.0):
    return -k * y**3 + np.sin(t)


def heat(y, t):
    """Diffusion and growth on a line: three bands."""
    wide = np.concatenate(([0.0], y, [0.0]))
    return 900.0 * (wide[2:] - 2.0 * y + wide[:-2]) + y * (1.0 - y)


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 101])
def test_scipys_numbers(n):
    start = np.linspace(0.3, 1.0, n)
    for f in (decay, heat):
        found = ss.odeint(f, start, T, **MANY)
        assert found.shape == (6, n)
        np.testing.assert_allclose(found, si.odeint(f, start, T, **MANY), rtol=1e-7, atol=1e-10)


def test_bands_are_used():
    start = np.linspace(0.3, 1.0, 101)
    _, ours = ss.odeint(heat, start, T, full_output=True)
    _, plain = si.odeint(heat, start, T, full_output=True)
    assert ours["message"] == "Integration successful."
    assert ours["leniw"] == plain["leniw"]
    assert ours["lenrw"] < plain["lenrw"] / 4
    assert ours["nfe"][-1] < plain["nfe"][-1] / 2


def test_arguments():
    y0 = [1.0, 2.0]
    expected = si.odeint(decay, y0, T, (3.0,), **TIGHT)
    first = lambda t, y, k: decay(y, t, k)
    for found in (
        ss.odeint(decay, y0, T, args=(3.0,), **TIGHT),
        ss.odeint(decay, y0, T, 3.0, **TIGHT),
        ss.odeint(first, y0, T, (3.0,), tfirst=True, **TIGHT),
        ss.odeint(decay, y0, T, (3.0,), lambda y, t, k: np.diag(-3.0 * k * y**2), **TIGHT),
        ss.odeint(decay, y0, T, (3.0,), derivatives="differences", hmax=0.1, **TIGHT),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_backward_and_one_time():
    back = ss.odeint(decay, [0.5], T[::-1], **TIGHT)
    np.testing.assert_allclose(back, si.odeint(decay, [0.5], T[::-1], **TIGHT), rtol=1e-7)
    assert ss.odeint(decay, [0.5], [0.0]).tolist() == [[0.5]]


@pytest.mark.slow_cases("solve_ivp")
@pytest.mark.parametrize("solve", ["odeint", "solve_ivp"])
def test_inside_of_a_function(solve):
    def f(p):
        if solve == "odeint":
            return ss.odeint(decay, [p[1], 1.0], T[1:], (p[0],), **TIGHT).ravel()
        rate = lambda t, y: decay(y, t, p[0])
        return ss.solve_ivp(rate, (0.0, 1.0), [p[1], 1.0], t_eval=T[1:], **TIGHT).y.ravel()

    p = np.array([1.7, 0.6])
    J = ss.jacobian(f, p)
    np.testing.assert_allclose(J.value(p), f(p), rtol=1e-6)
    np.testing.assert_allclose(J(p).toarray(), differences(f, p), rtol=1e-5, atol=1e-6)


def test_mistakes():
    with pytest.raises(ValueError, match="must return 2 values for 2 unknowns"):
        ss.odeint(lambda y, t: y[:1], [1.0, 2.0], T)
    with pytest.raises(ValueError, match="one dimension"):
        ss.odeint(decay, [1.0], 2.0)
    with pytest.raises(ss.errors.UnsupportedOperation, match="mass_matrix inside"):
        ss.jacobian(
            lambda p: ss.solve_ivp(lambda t, y: -p, (0, 1), p, mass_matrix=np.eye(1)).y[:, -1],
            np.ones(1),
        )


def test_data_that_change_are_no_result():
    k = np.ones(2)

    def rate(y, t):
        if t > 0.5 and type(t) is float:
            k[:] = 7.0
        return -k * y

    with pytest.raises(ss.errors.SparseSolveError):
        ss.odeint(rate, [1.0, 2.0], T)
