"""Adjoints of ``M y' = f``, M singular or not: against the equations with M solved away."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sparsesolve.front import solve_ivp
from sparsesolve.methods.adjoint_jumps import AdjointJumps

TIMES = [0.0, 0.3, 0.5]
TIGHT = {"rtol": 1e-7, "atol": 1e-9, "t_eval": TIMES, "adjoint": True}


def moving(x, p):
    """Slopes of the states that have any."""
    return -p[0] * x**2 + p[1] * np.roll(x, 1)


def following(x, p):
    """What the others are equal to."""
    return p[2] * x[:1] + np.sin(x[-1:]) * p[0]


def with_follower(t, x, p):
    """x' of all but the last one, which acts on all, and its equation."""
    slopes = moving(x[:-1], p) - 0.5 * x[-1]
    return np.concatenate([slopes, x[-1:] - following(x[:-1], p)])


def without(t, x, p):
    return moving(x, p) - 0.5 * following(x, p)


def expected(weights: np.ndarray, start: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the gradient by p and by the first states, of weighted states and follower."""
    run = solve_ivp(without, (0.0, 0.5), start, args=(p,), sensitivity=(0, "y0"), **TIGHT)
    last, x, own = weights[-1], run.y, weights[:-1].copy()
    own[0] += p[2] * last
    own[-1] += np.cos(x[-1]) * p[0] * last
    by_p, by_start = run.vjp(own)
    direct = [np.sum(np.sin(x[-1]) * last), 0.0, np.sum(x[0] * last)]
    return by_p + direct, by_start


@pytest.mark.parametrize(
    ("n", "form"),
    [
        (2, sp.csr_array),
        *(pytest.param(n, np.asarray, marks=pytest.mark.slow) for n in (1, 31, 32, 33)),
    ],
)
def test_an_unknown_without_derivative_is_as_if_it_was_put_in(n: int, form, rng) -> None:
    start, p = rng.uniform(0.5, 1.0, n), np.array([0.7, 0.4, 0.6])
    weights = rng.normal(size=(n + 1, 3))
    run = solve_ivp(
        with_follower, (0.0, 0.5), np.append(start, 5.0), args=(p,), sensitivity=(0, "y0"),
        mass_matrix=form(np.diag([1.0] * n + [0.0])), **TIGHT,
    )  # fmt: skip
    by_p, by_start = run.vjp(weights)
    for_p, for_start = expected(weights, start, p)
    np.testing.assert_allclose(by_p, for_p, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_start[:-1], for_start, rtol=1e-5, atol=1e-5)
    assert by_start[-1] == 0.0  # it was moved where M does not see it
    assert run.sol is None


@pytest.mark.parametrize("n", [2, pytest.param(9, marks=pytest.mark.slow)])
def test_mixed_equations_and_unknowns_change_nothing(n: int, rng) -> None:
    """No row or column of M is zero here."""
    A, B = (np.eye(n + 1) + 0.2 * rng.normal(size=(n + 1, n + 1)) for _ in range(2))
    start, p = rng.uniform(0.5, 1.0, n), np.array([0.7, 0.4, 0.6])
    whole = np.append(start, following(start, p))
    weights = rng.normal(size=(n + 1, 3))
    run = solve_ivp(
        lambda t, y, p: np.dot(A, with_follower(t, np.dot(B, y), p)), (0.0, 0.5),
        np.linalg.solve(B, whole), args=(p,), sensitivity=(0, "y0"),
        mass_matrix=A @ np.diag([1.0] * n + [0.0]) @ B, **TIGHT,
    )  # fmt: skip
    by_p, by_start = run.vjp(weights)
    for_p, for_start = expected(np.linalg.solve(B.T, weights), start, p)
    np.testing.assert_allclose(by_p, for_p, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_start, B[:-1].T @ for_start, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_regular_matrix_is_as_if_solved_for_also_back_in_time(rng) -> None:
    M, p = np.array([[2.0, 0.3], [0.1, 1.5]]), np.array([0.7, 0.4])
    weights = rng.normal(size=(2, 2))
    given = {
        "args": (p,), "sensitivity": ("y0", 0), "adjoint": True, "rtol": 1e-8, "atol": 1e-10,
        "t_eval": [0.5, 0.1],
    }  # fmt: skip
    run = solve_ivp(lambda t, y, p: moving(y, p), (1.0, 0.1), [1.0, 0.5], mass_matrix=M, **given)
    inverse = np.linalg.inv(M)
    plain = solve_ivp(
        lambda t, y, p: np.dot(inverse, moving(y, p)), (1.0, 0.1), [1.0, 0.5], **given
    )
    for got, like in zip(run.vjp(weights), plain.vjp(weights), strict=True):
        np.testing.assert_allclose(got, like, rtol=1e-6, atol=1e-7)


def test_equations_alone_have_the_slopes_of_their_solution() -> None:
    run = solve_ivp(
        lambda t, y, p: y**3 - p * (1.0 + t), (0.0, 1.0), [1.0], args=(8.0,), sensitivity=0,
        mass_matrix=np.zeros((1, 1)), t_eval=[0.5, 1.0], adjoint=True, rtol=1e-8,
    )  # fmt: skip
    exact = [(8.0 * (1.0 + t)) ** (-2 / 3) / 3.0 * (1.0 + t) for t in (0.5, 1.0)]
    assert run.vjp([[1.0, -2.0]]) == pytest.approx(exact[0] - 2.0 * exact[1], rel=1e-6)


def test_what_the_adjoint_cannot_take_is_refused() -> None:
    given = {"sensitivity": 0, "adjoint": True, "args": (1.0,)}
    decay = lambda t, y, k: -k * y
    with pytest.raises(ValueError, match="needs index one, got `index_reduction`"):
        solve_ivp(decay, (0, 1), [1.0], mass_matrix=np.eye(1), index_reduction=True, **given)
    with pytest.raises(TypeError, match="Add adjoint=True"):
        solve_ivp(decay, (0, 1), [1.0], mass_matrix=np.eye(1), **given | {"adjoint": False})
    jump = lambda t, y, k: np.where(t > k, -y, y)
    with pytest.raises(ValueError, match="cannot jump"):
        solve_ivp(jump, (0, 1), [1.0], mass_matrix=np.eye(1), **given)
    ones = sp.csc_array(sp.block_diag([np.ones((2, 2))] * 501))
    with pytest.raises(ValueError, match="more than 1000 unknowns"):
        AdjointJumps(ones)
    with pytest.raises(ValueError, match="index of the system is greater than one"):
        AdjointJumps(sp.csc_array(np.diag([1.0, 0.0])))(np.ones(2), np.array([[0.0, 1], [1, 0]]))


@pytest.mark.parametrize("rank", [0, 1, 3, 4])
def test_jumps_solve_their_equations(rank: int, rng) -> None:
    n = 4
    J = rng.normal(size=(n, n))
    dense = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n))
    diagonal = np.diag([2.0] * rank + [0.0] * (n - rank))
    for M in (dense, diagonal):
        w = rng.normal(size=n)
        step, pulse = AdjointJumps(sp.csc_array(M))(w, J)
        np.testing.assert_allclose(M.T @ step + J.T @ pulse, w, atol=1e-10)
        np.testing.assert_allclose(M.T @ pulse, 0.0, atol=1e-10)
        left = J.T @ step  # in the range of M'
        reached = np.linalg.lstsq(M.T, left)[0] if rank else np.zeros(n)
        np.testing.assert_allclose(M.T @ reached, left, atol=1e-9)
