"""CVODE and IDA by our derivatives, and what is said where they are missing."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from sparsesolve.adapters.solvers import solvers
from sparsesolve.errors import SolverUnavailable
from sparsesolve.front import solve_dae, solve_ivp

HAS_SUNDIALS = importlib.util.find_spec("sksundae") is not None
needs_sundials = pytest.mark.skipif(not HAS_SUNDIALS, reason="scikit-sundae is not installed")


@pytest.mark.skipif(HAS_SUNDIALS, reason="scikit-sundae is installed")
def test_without_sundials_the_message_says_what_to_install() -> None:
    with pytest.raises(SolverUnavailable, match=r"pip install 'sparsesolve\[sundials\]'"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], "cvode")
    with pytest.raises(SolverUnavailable, match=r"pip install 'sparsesolve\[sundials\]'"):
        solve_dae(lambda t, y, yp: yp + y, (0.0, 1.0), [1.0], method="ida")


def test_a_linear_solver_of_other_methods_is_refused() -> None:
    with pytest.raises(ValueError, match="goes with method='cvode', got method='BDF'"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], linear_solver="gmres")
    with pytest.raises(ValueError, match="goes with method='ida', got method='Radau'"):
        solve_dae(lambda t, y, yp: yp + y, (0.0, 1.0), [1.0], linear_solver="dense")


def test_the_list_of_solvers_names_what_is_there() -> None:
    listed = {(s.name, s.function) for s in solvers(trial=False)}
    assert {("krylov", "solve_ivp"), ("Radau", "solve_dae")} < listed
    assert (("ida", "solve_dae") in listed) is HAS_SUNDIALS


@needs_sundials
def test_an_unknown_linear_solver_is_refused() -> None:
    with pytest.raises(ValueError, match="one of auto, dense, sparse, gmres; got 'lu'"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], "cvode", linear_solver="lu")
    with pytest.raises(ValueError, match="one of auto, dense, sparse; got 'gmres'"):
        solve_dae(lambda t, y, yp: yp, (0.0, 1.0), [1.0], method="ida", linear_solver="gmres")


def exact(rates, t):
    r = rates[:, None]
    forced = r * (r * np.cos(t) + np.sin(t)) / (1.0 + r**2)
    return forced + (2.0 - r**2 / (1.0 + r**2)) * np.exp(-r * t)


@needs_sundials
@pytest.mark.parametrize("linear_solver", ["auto", "dense", "sparse", "gmres"])
@pytest.mark.parametrize("n", [1, 2, 33, 100])
def test_cvode_with_its_linear_solvers(n: int, linear_solver: str) -> None:
    calls = []
    rates = np.linspace(1.0, 1e3, n)

    def rhs(t, y):
        calls.append(t)
        return -rates * (y - np.cos(t))

    for end in (1.0, -0.005):
        t = end * np.array([0.1, 0.35, 1.0])
        run = solve_ivp(
            rhs, (0.0, end), np.full(n, 2.0), "cvode", t, True, rtol=1e-8, atol=1e-10,
            linear_solver=linear_solver,
        )  # fmt: skip
        assert run.success
        np.testing.assert_allclose(run.y, exact(rates, t), rtol=3e-5, atol=1e-7)
        between = np.linspace(0.0, end, 50)
        np.testing.assert_allclose(run.sol(between), exact(rates, between), rtol=3e-5, atol=1e-6)
        assert run.nfev > 10
    assert len(calls) <= 8


@needs_sundials
def test_cvode_finds_events_and_reports_failure() -> None:
    def half(t, y, rate):
        return y[0] - 0.5

    half.terminal = True
    run = solve_ivp(
        lambda t, y, rate: -rate * y, (0.0, 5.0), [1.0, 2.0], "cvode", events=half, args=(2.0,),
        rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(0.5 * np.log(2.0), abs=1e-7)
    ended = solve_ivp(lambda t, y: -1.0 / y**3, (0.0, 2.0), [1.0], "cvode", rtol=1e-6)
    assert not ended.success
    assert "step size" in ended.message
    np.testing.assert_allclose(ended.t[-1], 0.25, rtol=1e-3)


@needs_sundials
@pytest.mark.parametrize("linear_solver", ["auto", "dense", "sparse"])
@pytest.mark.parametrize("n", [1, 31, 60])
def test_ida_with_as_many_equations_without_derivatives(n: int, linear_solver: str) -> None:
    rates = np.linspace(1.0, 20.0, n)

    def residual(t, y, yp):
        first, second = y[:n], y[n:]
        return np.concatenate([yp[:n] + rates * second, second - first + 0.1 * np.sin(t)])

    start = np.concatenate([np.ones(n), np.zeros(n)])
    t = np.array([0.2, 1.0])
    given = {"rtol": 1e-8, "atol": 1e-10, "t_eval": t}
    run = solve_dae(residual, (0.0, 1.0), start, method="ida", linear_solver=linear_solver, **given)
    ours = solve_dae(residual, (0.0, 1.0), start, **given)
    assert run.success
    np.testing.assert_allclose(run.y, ours.y, atol=1e-6)


@needs_sundials
def test_robertson_by_ida_reaches_the_published_values() -> None:
    def robertson(t, y, yp):
        slow, fast = 0.04 * y[0], 1e4 * y[1] * y[2]
        return np.array(
            [yp[0] - fast + slow, yp[1] - slow + fast + 3e7 * y[1] ** 2, y[0] + y[1] + y[2] - 1.0]
        )

    run = solve_dae(
        robertson, (0.0, 1e11), [1.0, 0.0, 0.0], method="ida", rtol=1e-7,
        atol=np.array([1e-12, 1e-18, 1e-12]),
    )  # fmt: skip
    assert run.success
    np.testing.assert_allclose(
        run.y[:, -1],
        [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050],
        rtol=1e-3,
    )
