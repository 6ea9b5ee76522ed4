"""Mass matrices: singular or not, against published values, scipy's Radau and exact solutions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp as scipy_solve_ivp

from sparsesolve.front import solve_ivp
from sparsesolve.methods.pencil import Pencil


def robertson(t, y):
    slow, fast = 0.04 * y[0], 1e4 * y[1] * y[2]
    return np.array([fast - slow, slow - fast - 3e7 * y[1] ** 2, y[0] + y[1] + y[2] - 1.0])


CONSERVED = np.diag([1.0, 1.0, 0.0])


def test_robertson_as_a_dae_reaches_the_published_values() -> None:
    run = solve_ivp(
        robertson, (0.0, 1e11), [1.0, 0.0, 0.0], mass_matrix=CONSERVED, rtol=1e-7,
        atol=np.array([1e-14, 1e-20, 1e-14]),
    )  # fmt: skip
    assert run.success
    published = [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]
    np.testing.assert_allclose(run.y[:, -1], published, rtol=1e-7)
    np.testing.assert_allclose(run.y.sum(axis=0), 1.0, atol=1e-12)
    assert run.notes == ()


def amplifier(t, y):
    """The transistor amplifier of eight unknowns of the test set of Bari and CWI."""
    base, thermal, alpha, beta, small, large = 6.0, 0.026, 0.99, 1e-6, 1000.0, 9000.0

    def gate(v):
        return beta * (np.exp(v / thermal) - 1.0)

    first, second = gate(y[1] - y[2]), gate(y[4] - y[5])
    return np.array([
        (y[0] - 0.1 * np.sin(200.0 * np.pi * t)) / small,
        (2.0 * y[1] - base) / large + (1.0 - alpha) * first,
        y[2] / large - first,
        (y[3] - base) / large + alpha * first,
        (2.0 * y[4] - base) / large + (1.0 - alpha) * second,
        y[5] / large - second,
        (y[6] - base) / large + alpha * second,
        y[7] / large,
    ])  # fmt: skip


def capacities() -> np.ndarray:
    """No row is zero, and yet three equations are without derivatives."""
    M = np.zeros((8, 8))
    for size, (i, j) in zip((1e-6, 3e-6, 5e-6), ((0, 1), (3, 4), (6, 7)), strict=True):
        M[np.ix_([i, j], [i, j])] = size * np.array([[-1.0, 1.0], [1.0, -1.0]])
    M[2, 2], M[5, 5] = -2e-6, -4e-6
    return M


START = [0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0]


@pytest.mark.slow
def test_the_transistor_amplifier_reaches_the_published_values() -> None:
    run = solve_ivp(amplifier, (0.0, 0.2), START, mass_matrix=capacities(), rtol=1e-6, atol=1e-8)
    assert run.success
    published = [
        -0.5562145012262709e-2, 0.3006522471903042e1, 0.2849958788608128e1, 0.2926422536206241e1,
        0.2704617865010554e1, 0.2761837778393145e1, 0.4770927631616772e1, 0.1236995868091548e1,
    ]  # fmt: skip
    np.testing.assert_allclose(run.y[:, -1], published, rtol=1e-6)


def test_combinations_of_equations_hold_in_the_amplifier() -> None:
    run = solve_ivp(amplifier, (0.0, 0.01), START, mass_matrix=capacities(), rtol=1e-6, atol=1e-8)
    assert run.success
    free = np.array([amplifier(t, y) for t, y in zip(run.t, run.y.T, strict=True)])
    for i, j in ((0, 1), (3, 4), (6, 7)):
        np.testing.assert_allclose(free[:, i] + free[:, j], 0.0, atol=1e-9)


@pytest.mark.slow
def test_the_identity_takes_the_steps_of_scipy() -> None:
    def van_der_pol(t, y):
        return np.array([y[1], 1e3 * (1.0 - y[0] ** 2) * y[1] - y[0]])

    given = {"rtol": 1e-6, "atol": 1e-9}
    ours = solve_ivp(van_der_pol, (0.0, 2000.0), [2.0, 0.0], mass_matrix=np.eye(2), **given)
    theirs = scipy_solve_ivp(van_der_pol, (0.0, 2000.0), [2.0, 0.0], method="Radau", **given)
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-6)
    assert ours.t.size < 1.1 * theirs.t.size
    assert ours.nlu < 1.1 * theirs.nlu


@pytest.mark.every(2)
@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 100])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.coo_matrix])
def test_a_regular_matrix_is_the_same_as_its_inverse(n: int, form, rng) -> None:
    M = np.eye(n) * 3.0 + np.diag(rng.normal(size=n - 1), 1) + np.diag(rng.normal(size=n - 1), -1)

    def rhs(t, y):
        return -y - 0.1 * y**3 + np.sin(t) * np.ones(n)

    start = rng.normal(size=n)
    ours = solve_ivp(
        rhs, (0.0, 2.0), start, "Radau", mass_matrix=form(M), rtol=1e-8, atol=1e-10, t_eval=[1, 2]
    )
    inverse = np.linalg.inv(M)
    theirs = scipy_solve_ivp(
        lambda t, y: inverse @ rhs(t, y),
        (0.0, 2.0),
        start,
        "DOP853",
        [1, 2],
        rtol=1e-11,
        atol=1e-12,
    )
    assert ours.success
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-8)


def pair(t, y, rate):
    """y1' = -rate y1 with y2 = y1^2 and y3 = t: exact."""
    return np.array([-rate * y[0], y[1] - y[0] ** 2, y[2] - t])


ONE = np.diag([2.0, 0.0, 0.0])


@pytest.mark.parametrize("end", [1.0, -1.0])
def test_dense_output_events_and_times_are_those_of_scipy(end: float) -> None:
    def half(t, y, rate):
        return y[1] - np.exp(-end)

    half.terminal = True
    given = {"args": (2.0,), "mass_matrix": ONE, "rtol": 1e-9, "atol": 1e-11}
    run = solve_ivp(
        pair, (0.0, end), [1.0, 1.0, 0.0], "Radau", np.linspace(0, end, 8), True, half, **given
    )
    # 2 y1' = -2 y1, so y2 = exp(-2 t) meets exp(-end) half way
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(0.5 * end, abs=1e-8)
    t = np.linspace(0.0, 0.5 * end, 20)
    np.testing.assert_allclose(run.sol(t), [np.exp(-t), np.exp(-2 * t), t], atol=1e-8)
    np.testing.assert_allclose(run.y, [np.exp(-run.t), np.exp(-2 * run.t), run.t], atol=1e-8)
    np.testing.assert_allclose(run.t, np.linspace(0, end, 8)[:4])


@pytest.mark.parametrize(("rtol", "gain"), [(1e-5, 10.0), (1e-7, 10.0)])
def test_errors_follow_the_tolerance(rtol: float, gain: float) -> None:
    errors = []
    for factor in (1.0, 1e-2):
        run = solve_ivp(
            pair, (0.0, 2.0), [1.0, 1.0, 0.0], args=(6.0,), mass_matrix=ONE, rtol=rtol * factor,
            atol=1e-3 * rtol * factor,
        )  # fmt: skip
        errors.append(np.abs(run.y[1] - np.exp(-6.0 * run.t)).max())
    assert errors[0] < 30.0 * rtol
    assert errors[1] < errors[0] / gain


def test_an_inconsistent_start_is_moved_where_the_matrix_does_not_see_it() -> None:
    run = solve_ivp(pair, (0.5, 1.0), [1.0, 7.0, -3.0], args=(2.0,), mass_matrix=ONE)
    np.testing.assert_allclose(run.y[:, 0], [1.0, 1.0, 0.5], atol=1e-12)
    assert "consistent with the 2 equations without derivatives: y[2] moved most" in run.notes[0]
    moved = solve_ivp(amplifier, (0.0, 1e-4), np.add(START, 0.01), mass_matrix=capacities())
    M = capacities()
    np.testing.assert_allclose(M @ moved.y[:, 0], M @ np.add(START, 0.01), atol=1e-18)


def test_what_cannot_be_made_consistent_says_so() -> None:
    with pytest.raises(ValueError, match="Newton's method does not converge"):
        solve_ivp(
            lambda t, y: np.array([-y[0], y[1] ** 2 + 1.0 + y[0] ** 2]), (0.0, 1.0), [1.0, 0.3],
            mass_matrix=np.diag([1.0, 0.0]),
        )  # fmt: skip


def test_an_index_of_two_is_named_by_equation_and_unknown() -> None:
    def slider(t, y):  # position, velocity, force; the position is given
        return np.array([y[1], y[2], y[0] - np.sin(t)])

    with pytest.raises(ValueError, match=r"equation 2 and unknown 2\): the index .* greater than"):
        solve_ivp(slider, (0.0, 1.0), [0.0, 1.0, 0.0], mass_matrix=CONSERVED)
    with pytest.raises(ValueError, match="index of the system is greater than one"):
        solve_ivp(  # regular by structure, not by values
            lambda t, y: np.array([-y[0], y[1] + y[2], 2.0 * y[1] + 2.0 * y[2] + 0.0 * y[0]]),
            (0.0, 1.0), [1.0, 0.5, 0.5], mass_matrix=np.diag([1.0, 0.0, 0.0]),
        )  # fmt: skip


def test_a_large_sparse_system_with_a_boundary_that_is_algebraic() -> None:
    """Linear elements for the heat equation; the ends are equations: exact is one decaying mode."""
    n = 2001
    h = 1.0 / (n - 1)
    M = sp.diags_array([h / 6.0, 2.0 * h / 3.0, h / 6.0], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    M[[0, -1]] = 0.0
    M[:, [0, -1]] = 0.0

    def rhs(t, y):
        inner = (y[:-2] - 2.0 * y[1:-1] + y[2:]) / h
        return np.concatenate([y[:1], inner, y[-1:]])

    x = np.linspace(0.0, 1.0, n)
    start = np.sin(np.pi * x)
    start[-1] = 0.3  # wrong, to be mended
    run = solve_ivp(rhs, (0.0, 0.1), start, mass_matrix=M, rtol=1e-7, atol=1e-9)
    assert run.success
    np.testing.assert_allclose(
        run.y[:, -1], np.exp(-(np.pi**2) * 0.1) * np.sin(np.pi * x), atol=2e-6
    )
    assert f"y[{n - 1}] moved most, from 0.3 to 0" in run.notes[0]
    twice = sp.eye_array(n).tolil()
    twice[:2, :2] = 1.0  # no row and no column is zero
    with pytest.raises(ValueError, match="is singular, and with 2001 unknowns"):
        solve_ivp(rhs, (0.0, 0.1), start, mass_matrix=twice)


@pytest.mark.parametrize("weight", [2.0, 1.0 - 3.0j])
def test_a_pencil_is_the_difference_of_the_matrices(weight: complex, rng) -> None:
    for n in (1, 2, 33):
        M, J = (
            sp.csc_array(sp.random_array((n, n), density=0.3, random_state=rng)) for _ in range(2)
        )
        made = Pencil(M, J)(weight, M, J)
        np.testing.assert_allclose(made.toarray(), weight * M.toarray() - J.toarray())
        assert made.has_sorted_indices
    assert made.indices.dtype == np.int32


def decay(t, y):
    return -y


@pytest.mark.parametrize(
    ("matrix", "options", "error", "words"),
    [
        (
            lambda t, y: np.eye(3),
            {},
            ValueError,
            r"return an array of shape \(2, 2\), got \(3, 3\)",
        ),
        (np.eye(3), {}, ValueError, r"shape \(2, 2\), got \(3, 3\)"),
        (np.diag([1.0, np.nan]), {}, ValueError, "finite"),
        (sp.csr_array(np.diag([1.0, 1j])), {}, TypeError, "real"),
        (np.eye(2), {"method": "RK45"}, ValueError, "needs method='Radau'"),
        (np.eye(2), {"method": "LSODA"}, ValueError, "needs method='Radau'"),
        (np.eye(2), {"min_step": 0.1}, TypeError, "got min_step"),
    ],
)
def test_what_is_refused(matrix, options, error, words) -> None:
    with pytest.raises(error, match=words):
        solve_ivp(decay, (0.0, 1.0), [1.0, 2.0], mass_matrix=matrix, **options)


def test_a_right_hand_side_that_ends_is_a_failed_run() -> None:
    run = solve_ivp(
        lambda t, y: np.array([-1.0 / y[0] + y[1], y[1] - np.sqrt(y[0])]), (0.0, 2.0), [1.0, 1.0],
        mass_matrix=np.diag([1.0, 0.0]), rtol=1e-6,
    )  # fmt: skip
    assert not run.success or np.all(np.isfinite(run.y))
    ended = solve_ivp(lambda t, y: -1.0 / y**3, (0.0, 2.0), [1.0], mass_matrix=np.eye(1))
    assert not ended.success
    assert "step size" in ended.message


def test_data_that_change_fail_the_run() -> None:
    d = np.ones(2)

    def rhs(t, y):
        return np.array([-d[0] * y[0], y[1] - y[0]])

    def spoil(t, y):
        d[0] = 5.0
        return 1.0

    given = {"mass_matrix": np.diag([1.0, 0.0])}
    run = solve_ivp(rhs, (0.0, 1.0), [1.0, 1.0], events=spoil, **given)
    assert not run.success
    assert "changed" in run.message


def test_a_branch_that_needs_more_entries_is_followed() -> None:
    def rhs(t, y):
        pull = y[1] if y[0] > 0.5 else y[1] + y[0] * y[2] ** 2
        return np.array([-y[0], pull - y[0] ** 2, y[2] - 1.0])

    run = solve_ivp(rhs, (0.0, 2.0), [1.0, 1.0, 1.0], mass_matrix=np.diag([1.0, 0, 0]), rtol=1e-8)
    assert run.success
    y0 = np.exp(-run.t)
    np.testing.assert_allclose(run.y[1], np.where(y0 > 0.5, y0**2, y0**2 - y0), atol=1e-5)
