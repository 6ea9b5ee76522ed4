"""Systems of greater index: against exact solutions, angles, and what must not drift."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp as scipy_solve_ivp

from sparsesolve.adapters.index_reduction import ReducedSystem
from sparsesolve.derivatives.time_derivatives import TimeDerivatives
from sparsesolve.front import solve_dae, solve_ivp
from sparsesolve.methods.manifold import Projection

G = 9.81
TIGHT = {"rtol": 1e-7, "atol": 1e-9, "index_reduction": True}


def pendulum(t, y, yp, index):
    x, z, u, v, force = y
    rod = {3: x**2 + z**2 - 1.0, 2: x * u + z * v}[index]
    return np.array([yp[0] - u, yp[1] - v, yp[2] + force * x, yp[3] + force * z + G, rod])


def angle_at(times: np.ndarray) -> np.ndarray:
    return scipy_solve_ivp(
        lambda t, y: [y[1], -G * np.sin(y[0])], (0.0, times[-1]), [0.5 * np.pi, 0.0], "DOP853",
        t_eval=times, rtol=1e-11, atol=1e-12,
    ).y  # fmt: skip


@pytest.mark.parametrize("index", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_pendulum_swings_like_its_angle_and_keeps_its_length(index: int) -> None:
    times = np.linspace(0.0, 1.5, 4)
    run = solve_dae(
        pendulum, (0.0, 1.5), [1.0, 0.0, 0.0, 0.0, 0.0], t_eval=times, args=(index,), **TIGHT
    )
    angle, speed = angle_at(times)
    assert run.success
    assert run.y.shape == (5, 4)
    exact = [np.sin(angle), -np.cos(angle), speed * np.cos(angle), speed * np.sin(angle)]
    np.testing.assert_allclose(run.y[:4], exact, atol=1e-6)
    np.testing.assert_allclose(run.y[4], speed**2 + G * np.cos(angle), atol=1e-5)
    np.testing.assert_allclose(run.yp0[:4], [0.0, 0.0, 0.0, -G], atol=1e-12)
    words = {
        3: "equation 4 twice, equation 0 once, equation 1 once differentiated by t",
        2: "equation 4 once differentiated by t",
    }
    assert run.notes == (f"the index was reduced: {words[index]}",)


@pytest.mark.slow
def test_a_pendulum_that_swings_long_does_not_drift() -> None:
    run = solve_dae(
        pendulum, (0.0, 30.0), [1.0, 0.0, 0.0, 0.0, 0.0], args=(3,), rtol=1e-4, atol=1e-6,
        index_reduction=True,
    )  # fmt: skip
    x, z, u, v, _ = run.y
    assert run.success
    np.testing.assert_allclose(x**2 + z**2, 1.0, atol=1e-12)
    np.testing.assert_allclose(x * u + z * v, 0.0, atol=1e-10)


def test_a_start_off_the_circle_is_moved_and_told() -> None:
    run = solve_dae(
        pendulum, (0.0, 0.1), [1.1, 0.0, 2.0, 0.3, 0.0], args=(3,), index_reduction=True
    )
    np.testing.assert_allclose(run.y[:4, 0], [1.0, 0.0, 0.0, 0.3], atol=1e-6)
    assert run.y[4, 0] == pytest.approx(0.09, abs=1e-5)
    assert "y[4] moved most, from 0 to 0.09" in run.notes[1]


def test_a_start_that_is_consistent_is_not_moved() -> None:
    angle = 0.7
    along = 3.0 * np.array([np.cos(angle), np.sin(angle)])
    start = np.array([np.sin(angle), -np.cos(angle), *along, 9.0 + G * np.cos(angle)])
    run = solve_dae(pendulum, (0.0, 0.01), start, args=(3,), **TIGHT)
    np.testing.assert_allclose(run.y[:, 0], start, rtol=0.0, atol=1e-13)
    assert len(run.notes) == 1


def test_events_and_dense_output_see_the_unknowns_alone() -> None:
    def lowest(t, y, index):
        assert y.shape == (5,)
        return y[0]

    lowest.terminal = True
    run = solve_dae(
        pendulum, (0.0, 2.0), [1.0, 0.0, 0.0, 0.0, 0.0], args=(3,), events=lowest,
        dense_output=True, **TIGHT,
    )  # fmt: skip
    exact = scipy_solve_ivp(
        lambda t, y: [y[1], -G * np.sin(y[0])], (0.0, 2.0), [0.5 * np.pi, 0.0], "DOP853",
        events=lambda t, y: y[0], rtol=1e-11, atol=1e-12,
    ).t_events[0][0]  # fmt: skip
    assert run.t_events[0] == pytest.approx([exact], abs=1e-6)
    assert run.y_events[0].shape == (1, 5)
    assert run.sol(np.array([0.1, 0.2])).shape == (5, 2)
    x, z = run.sol(run.t)[:2]
    np.testing.assert_allclose(x**2 + z**2, 1.0, atol=1e-12)


def test_a_prescribed_path_needs_a_force() -> None:
    def driven(t, y, yp, k):  # index 3
        return np.array([yp[0] - y[1], yp[1] + k * y[0] - y[2], y[0] - np.sin(2.0 * t)])

    run = solve_dae(driven, (0.0, 1.0), np.zeros(3), args=(3.0,), **TIGHT)
    t = run.t
    exact = [np.sin(2 * t), 2 * np.cos(2 * t), -np.sin(2 * t)]
    np.testing.assert_allclose(run.y, exact, atol=1e-6)


@pytest.mark.parametrize("order", [2, 4])
def test_a_chain_of_derivatives_is_differentiated_to_its_end(order: int) -> None:
    def chain(t, y, yp):
        return np.concatenate([y[:1] - np.exp(-t) * np.sin(t), yp[:-1] - y[1:]])

    run = solve_dae(chain, (0.0, 1.0), np.zeros(order), **TIGHT)
    turned = np.array([(-1.0 + 1.0j) ** k for k in range(order)])
    exact = np.imag(turned[:, None] * np.exp((-1.0 + 1.0j) * run.t))
    np.testing.assert_allclose(run.y, exact, atol=1e-8)


def test_unknowns_that_depend_nonlinearly_on_what_is_hidden() -> None:
    def hessenberg(t, y, yp):  # index 2; the solution is exp(t), exp(-2 t), exp(2 t)
        a, b, c = y
        return np.array([
            yp[0] - a * c * b,
            yp[1] + 2.0 * b - (c - np.exp(2.0 * t)) * a**2,
            a**2 * b - 1.0,
        ])  # fmt: skip

    run = solve_dae(hessenberg, (0.0, 1.0), [1.0, 1.0, 0.0], **TIGHT)
    t = run.t
    assert run.success
    np.testing.assert_allclose(run.y, [np.exp(t), np.exp(-2 * t), np.exp(2 * t)], rtol=1e-6)


def many(t, y, yp):
    x, z, u, v, force = y.reshape(5, -1)
    px, pz, pu, pv, _ = yp.reshape(5, -1)
    rows = [px - u, pz - v, pu + force * x, pv + force * z + G, x**2 + z**2 - 1.0]
    return np.concatenate(rows)


@pytest.mark.parametrize("count", [1, 2, pytest.param(31, marks=pytest.mark.slow), 33])
def test_many_pendulums_side_by_side_are_the_one(count: int) -> None:
    angles = np.linspace(0.5, 1.5, count)
    start = np.concatenate([np.sin(angles), -np.cos(angles), np.zeros(3 * count)])
    run = solve_dae(many, (0.0, 0.3), start, rtol=1e-6, atol=1e-8, index_reduction=True)
    ended = scipy_solve_ivp(
        lambda t, y: np.concatenate([y[count:], -G * np.sin(y[:count])]), (0.0, 0.3),
        np.concatenate([angles, np.zeros(count)]), "DOP853", rtol=1e-11, atol=1e-12,
    ).y[:count, -1]  # fmt: skip
    assert run.success
    exact = np.concatenate([np.sin(ended), -np.cos(ended)])
    np.testing.assert_allclose(run.y[: 2 * count, -1], exact, atol=1e-5)


def test_a_system_of_index_one_is_left_as_it_is() -> None:
    def tank(t, y, yp):
        return np.array([yp[0] + y[1], y[0] - 2.0 * y[1]])

    plain, asked = (
        solve_dae(tank, (0.0, 1.0), [1.0, 0.5], index_reduction=wanted) for wanted in (False, True)
    )
    np.testing.assert_array_equal(plain.y, asked.y)
    assert asked.notes == ()


def test_structure_that_misleads_is_refused() -> None:
    def twice(t, y, yp):  # the sum of two slopes, and the sum itself
        return np.array([yp[0] + yp[1] + y[2], y[0] + y[1] - t, y[0] - y[2]])

    with pytest.raises(ValueError, match="equation 1 once differentiated by t, as structure says"):
        solve_dae(twice, (0.0, 1.0), [-1.0, 1.0, -1.0], index_reduction=True)


def test_a_jump_of_what_is_kept_ends_the_run() -> None:
    def jump(t, y, yp):
        return np.array([yp[0] - y[1], y[0] - np.where(t > 0.5, 1.0, 0.0)])

    run = solve_dae(jump, (0.0, 1.0), [0.0, 0.0], index_reduction=True)
    assert not run.success
    assert run.t[-1] <= 0.5


@pytest.mark.parametrize("given", [{"method": "ida"}, {"derivatives": "differences"}])
def test_what_cannot_reduce_says_so(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="`index_reduction` needs method='Radau'"):
        solve_dae(pendulum, (0.0, 1.0), np.ones(5), args=(3,), index_reduction=True, **given)


def test_matrices_of_the_reduced_system_are_those_of_differences() -> None:
    y = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    offsets = np.array([1, 1, 0, 0, 2]), np.array([2, 2, 1, 1, 0])
    system = ReducedSystem(pendulum, 0.0, y, (3,), offsets, "auto")
    random = np.random.default_rng(5)
    n, h = 11, 1e-6  # two more for each position, one for each velocity
    states, slopes = random.normal(size=(2, n))
    by_slope, by_state = system.linearize(0.3, states, slopes)
    for k, e in enumerate(h * np.eye(n)):
        apart = [system.residual(0.3, states, slopes + s * e) for s in (1.0, -1.0)]
        np.testing.assert_allclose(
            by_slope.toarray()[:, k], (apart[0] - apart[1]) / (2 * h), atol=1e-8
        )
        apart = [system.residual(0.3, states + s * e, slopes) for s in (1.0, -1.0)]
        np.testing.assert_allclose(
            -by_state.toarray()[:, k], (apart[0] - apart[1]) / (2 * h), atol=1e-8
        )


@pytest.mark.parametrize(
    "method", [pytest.param("interpreted", marks=pytest.mark.slow), "compiled"]
)
@pytest.mark.parametrize("n", [1, 2, 32, 101])
def test_derivatives_by_time_are_those_along_a_curve(n: int, method: str) -> None:
    k = np.arange(1.0, n + 1.0)

    def equations(t, y, yp, w):
        return np.sin(w * y) * yp + t * np.roll(y, 1) ** 2

    t, w = 0.4, 0.7
    made = TimeDerivatives(equations, t, np.ones(n), (w,), 2, method)
    curve = [np.cos(k * t), -k * np.sin(k * t), -(k**2) * np.cos(k * t), k**3 * np.sin(k * t)]
    z = np.concatenate([[t], *curve])

    def along(at: float) -> np.ndarray:
        return equations(at, np.cos(k * at), -k * np.sin(k * at), w)

    every = np.arange(n)
    for times in range(3):
        rows = made.rows(every, np.full(n, times))
        got = rows.value(z[rows.inputs], made.parameters, np.empty(n))
        h = 1e-3 / n
        near = np.array([along(t + s * h) for s in range(-3, 4)])
        weights = {
            0: np.array([0, 0, 0, 1, 0, 0, 0.0]),
            1: np.array([-1, 9, -45, 0, 45, -9, 1.0]) / (60.0 * h),
            2: np.array([2, -27, 270, -490, 270, -27, 2.0]) / (180.0 * h * h),
        }[times]
        np.testing.assert_allclose(got, weights @ near, rtol=1e-6, atol=1e-6 * np.abs(got).max())


@pytest.mark.parametrize("n", [2, 60, 61])
def test_a_projection_finds_the_nearest_point(n: int) -> None:
    class Plane:
        def value(self, t, y):
            return np.array([np.sum(y) - t, y[0] - y[1]])

        def matrix(self, t, y):
            rows = np.zeros((2, n))
            rows[0], rows[1, :2] = 1.0, (1.0, -1.0)
            return sp.csc_array(rows)

    y, scale = np.linspace(0.0, 1.0, n), np.linspace(1.0, 2.0, n)
    rows = Plane().matrix(0.0, y).toarray()
    exact = y - scale * (np.linalg.pinv(rows * scale) @ Plane().value(3.0, y))
    np.testing.assert_allclose(Projection(Plane())(3.0, y, scale), exact, atol=1e-10)
    assert Projection(Plane())(np.nan, y, scale) is None


def forces(t, y, pull=G):
    x, z, u, v, force = y
    return np.array([u, v, -force * x, -force * z - pull, x**2 + z**2 - 1.0])


MASS = np.diag([1.0, 1.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    "mass",
    [MASS, sp.csr_array(MASS), lambda t, y, pull: MASS * (1.0 + 0.0 * y[0])],
    ids=["dense", "sparse", "function"],
)
def test_a_mass_matrix_of_greater_index_is_the_same_system(mass) -> None:
    start, span = [1.0, 0.0, 0.0, 0.0, 0.0], (0.0, 0.4)
    given = {"t_eval": [0.2, 0.4], "args": (G,), **TIGHT}
    run = solve_ivp(forces, span, start, mass_matrix=mass, **given)
    angle, _ = angle_at(np.array([0.0, 0.2, 0.4]))
    assert run.success
    np.testing.assert_allclose(run.y[:2], [np.sin(angle[1:]), -np.cos(angle[1:])], atol=1e-6)
    np.testing.assert_allclose(run.y[0] ** 2 + run.y[1] ** 2, 1.0, atol=1e-13)
    assert "equation 4 twice, equation 0 once, equation 1 once" in run.notes[0]


def test_masses_and_order_of_equations_do_not_matter() -> None:
    scales, order = np.array([2.0, 1.0, 3.0, 3.0, 0.5]), np.array([4, 2, 0, 3, 1])
    run = solve_ivp(
        lambda t, y: (scales * forces(t, y))[order], (0.0, 0.4), [1.0, 0.0, 0.0, 0.0, 0.0],
        mass_matrix=(scales[:, None] * MASS)[order], **TIGHT,
    )  # fmt: skip
    angle, _ = angle_at(np.array([0.0, 0.4]))
    np.testing.assert_allclose(run.y[:2, -1], [np.sin(angle[1]), -np.cos(angle[1])], atol=1e-6)
    assert "equation 0 twice" in run.notes[0]


def test_index_one_with_a_mass_matrix_is_integrated_as_given() -> None:
    tank = lambda t, y: np.array([-y[1], y[0] - 2.0 * y[1]])
    run = solve_ivp(tank, (0.0, 1.0), [1.0, 0.5], mass_matrix=np.diag([1.0, 0.0]), **TIGHT)
    np.testing.assert_allclose(run.y[:, -1], np.exp(-0.5) * np.array([1.0, 0.5]), rtol=1e-6)
    assert not run.notes


def test_reduction_without_a_mass_matrix_is_refused() -> None:
    for method in ("BDF", "RK45", "krylov"):
        with pytest.raises(ValueError, match="needs `mass_matrix`"):
            solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], method, index_reduction=True)
    with pytest.raises(ValueError, match="Pass `index_reduction=True`"):
        solve_ivp(forces, (0.0, 1.0), [1.0, 0.0, 0.0, 0.0, 0.0], mass_matrix=MASS)
    with pytest.raises(ValueError, match="'differences'"):
        solve_ivp(
            forces, (0.0, 1.0), [1.0, 0.0, 0.0, 0.0, 0.0], mass_matrix=MASS,
            derivatives="differences", index_reduction=True,
        )  # fmt: skip
