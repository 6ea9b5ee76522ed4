"""BDF by products with the Jacobian: exact solutions, scipy, and counts of factorizations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp as scipy_solve_ivp

from sparsesolve.front import solve_ivp
from sparsesolve.methods.differences_table import DifferencesTable
from sparsesolve.methods.gmres import Gmres
from sparsesolve.methods.newton_krylov import NewtonKrylov


def diffusion(n: int, strength: float):
    """Two species that react, and diffuse on a periodic square."""

    def rhs(t, y):
        u, v = np.reshape(y, (2, n, n))
        around = [
            np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4.0 * w
            for w in (u, v)
        ]
        reaction = u**2 * v
        du = 1.0 + reaction - 4.4 * u + strength * around[0]
        dv = 3.4 * u - reaction + strength * around[1]
        return np.ravel(np.stack([du, dv]))

    x = np.linspace(0.0, 1.0, n, endpoint=False)
    hill = np.sin(np.pi * x[:, None]) ** 2 * np.sin(np.pi * x) ** 2
    return rhs, np.ravel(np.stack([1.0 + hill, 2.0 + hill.T]))


@pytest.mark.parametrize("n", [5, 12])
@pytest.mark.parametrize("strength", [0.1, 30.0])
def test_reactions_agree_with_an_explicit_method(n: int, strength: float) -> None:
    rhs, start = diffusion(n, strength)
    run = solve_ivp(rhs, (0.0, 2.0), start, "krylov", rtol=1e-7, atol=1e-9)
    other = scipy_solve_ivp(rhs, (0.0, 2.0), start, "DOP853", rtol=1e-10, atol=1e-12)
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], other.y[:, -1], rtol=3e-5)


def test_mild_stiffness_needs_no_factorization_and_strong_stiffness_few() -> None:
    rhs, start = diffusion(24, 1.0)
    mild = solve_ivp(rhs, (0.0, 4.0), start, "auto", rtol=1e-6, atol=1e-8)
    assert mild.success
    assert mild.nlu == 0
    rhs, start = diffusion(24, 5e4)
    stiff = solve_ivp(rhs, (0.0, 4.0), start, "auto", rtol=1e-6, atol=1e-8)
    theirs = solve_ivp(rhs, (0.0, 4.0), start, "BDF", rtol=1e-6, atol=1e-8)
    assert stiff.success
    assert 0 < stiff.nlu < 0.3 * theirs.nlu
    assert stiff.nfev < 1.2 * theirs.nfev
    np.testing.assert_allclose(stiff.y[:, -1], theirs.y[:, -1], rtol=1e-3)


@pytest.mark.parametrize(("strength", "least", "most"), [(3.0, 41, 41), (20.0, 3, 11)])
def test_products_are_borne_until_they_have_cost_a_factorization(
    strength: float, least: int, most: int
) -> None:
    n = 400
    chain = strength * sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsr()
    force = 100.0 * np.random.default_rng(0).normal(size=n)
    newton = NewtonKrylov(lambda t, y: chain @ y + force, lambda t, y: chain, n)
    zero, first = np.zeros(n), 41
    for number in range(1, 41):
        solved = newton.solve(0.0, zero, zero, 1.0, 1.0, zero, np.ones(n))
        assert solved is not None
        np.testing.assert_allclose(solved[0] - chain @ solved[0], force, atol=1.0)
        if newton.factorizations and first == 41:
            first = number
    assert least <= first <= most
    assert newton.factorizations <= 1


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 100])
def test_sizes_and_directions(n: int) -> None:
    rates = np.linspace(1.0, 50.0, n)

    def rhs(t, y):
        return -rates * (y - np.cos(t))

    for end in (1.0, -0.05):
        run = solve_ivp(
            rhs,
            (0.0, end),
            np.full(n, 2.0),
            "krylov",
            [0.3 * end, end],
            True,
            rtol=1e-8,
            atol=1e-10,
        )
        t = np.array([[0.3 * end, end]])
        r = rates[:, None]
        forced = r * (r * np.cos(t) + np.sin(t)) / (1.0 + r**2)
        exact = forced + (2.0 - r**2 / (1.0 + r**2)) * np.exp(-r * t)
        assert run.success
        np.testing.assert_allclose(run.y, exact, rtol=3e-6, atol=1e-7)
        np.testing.assert_allclose(run.sol(t[0]), exact, rtol=3e-6, atol=1e-7)


def test_auto_takes_scipys_method_for_few_unknowns() -> None:
    def rhs(t, y):
        return np.array([y[1], 50.0 * (1.0 - y[0] ** 2) * y[1] - y[0]])

    runs = [solve_ivp(rhs, (0.0, 20.0), [2.0, 0.0], m, rtol=1e-6) for m in ("auto", "BDF")]
    np.testing.assert_array_equal(runs[0].y, runs[1].y)


def test_events_end_a_run() -> None:
    def low(t, y, rate):
        return y[3] - 0.25

    low.terminal = True
    run = solve_ivp(
        lambda t, y, rate: -rate * y, (0.0, 9.0), np.ones(50), "krylov", events=low, args=(2.0,),
        rtol=1e-8, atol=1e-10,
    )  # fmt: skip
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(np.log(4.0) / 2.0, abs=1e-6)


def test_what_is_not_finite_makes_smaller_steps_or_a_failed_run() -> None:
    run = solve_ivp(lambda t, y: -1.0 / y**3, (0.0, 2.0), np.ones(50), "krylov", rtol=1e-7)
    assert not run.success
    assert "step size" in run.message
    np.testing.assert_allclose(run.t[-1], 0.25, rtol=1e-3)  # y^4 = 1 - 4 t


def test_a_branch_that_needs_more_entries_is_followed() -> None:
    def rhs(t, y):
        pull = y if y[0] > 0.5 else y + 0.1 * np.roll(y, 1)
        return -pull

    run = solve_ivp(rhs, (0.0, 2.0), np.linspace(1.0, 2.0, 60), "krylov", rtol=1e-7, atol=1e-9)
    other = scipy_solve_ivp(rhs, (0.0, 2.0), np.linspace(1.0, 2.0, 60), "RK45", rtol=1e-9)
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], other.y[:, -1], rtol=1e-4)


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA", "krylov", "auto"])
@pytest.mark.parametrize("n", [2, 60])
def test_the_function_is_not_called_on_the_way(method: str, n: int) -> None:
    calls = []

    def rhs(t, y):
        calls.append(t)
        return -(y**2) + 0.1 * np.roll(y, 1)

    run = solve_ivp(rhs, (0.0, 5.0), np.linspace(1.0, 2.0, n), method, rtol=1e-8)
    assert run.success
    assert run.nfev > 40
    assert len(calls) <= 4


@pytest.mark.parametrize("n", [1, 2, 33])
def test_gmres_solves_to_its_tolerance(n: int, rng) -> None:
    A = 3.0 * np.eye(n) + rng.normal(size=(n, n)) / np.sqrt(n)
    b = rng.normal(size=n)
    for tolerance in (1e-1, 1e-9):
        x, count, done = Gmres(n, 100).solve(lambda v: A @ v, b, tolerance)
        assert done
        assert count <= n
        assert np.linalg.norm(A @ x - b) <= 1.01 * tolerance
    x, count, done = Gmres(n, 100).solve(lambda v: A @ v, 0.0 * b, 0.0)
    assert (count, done, np.abs(x).max()) == (0, True, 0.0)


def test_gmres_says_where_it_did_not_get(rng) -> None:
    shift = np.roll(np.eye(8), 1, axis=0)  # no progress until the end
    b = np.eye(8)[0]
    x, count, done = Gmres(8, 7).solve(lambda v: shift @ v, b, 1e-6)
    assert (count, done) == (7, False)
    assert np.linalg.norm(shift @ x - b) == pytest.approx(1.0)
    singular = np.diag([1.0, 0.0])
    x, _, done = Gmres(2, 9).solve(lambda v: singular @ v, np.array([1.0, 0.0]), 1e-9)
    assert done
    np.testing.assert_allclose(x, [1.0, 0.0])
    assert not Gmres(2, 9).solve(lambda v: v * np.nan, np.ones(2), 1e-9)[2]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_a_change_of_the_step_keeps_the_polynomial(order: int, factor: float, rng) -> None:
    p = np.polynomial.Polynomial(rng.normal(size=order + 1))

    def differences(h):
        values = p(1.0 - h * np.arange(order + 1))
        return [np.diff(values[::-1], k)[-1] if k else values[0] for k in range(order + 1)]

    table = DifferencesTable(np.zeros(1), np.zeros(1))
    table.order = order
    table.rows[: order + 1, 0] = differences(0.1)
    table.resize(factor)
    np.testing.assert_allclose(table.rows[: order + 1, 0], differences(0.1 * factor), atol=1e-12)
    prediction, _, _ = table.predict()
    assert prediction[0] == pytest.approx(p(1.0 + 0.1 * factor))


def test_a_newton_step_solves_the_formula(rng) -> None:
    n = 20
    A = -np.diag(rng.uniform(1.0, 1e4, n)) + rng.normal(size=(n, n))

    from scipy.sparse import csr_array

    newton = NewtonKrylov(lambda t, y: A @ y, lambda t, y: csr_array(A), n)
    y, past, scale = rng.normal(size=n), rng.normal(size=n), np.full(n, 1e-6)
    solved = newton.solve(0.0, y, past, 1.5, 0.1, np.zeros(n), scale)
    assert solved is not None
    d, steps = solved
    assert 1 <= steps <= 4
    residual = 0.1 / 1.5 * (A @ (y + d)) - past / 1.5 - d
    assert np.sqrt(np.mean((residual / scale) ** 2)) < 0.05
