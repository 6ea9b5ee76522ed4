"""Stiff integration: exact Jacobians, better factorizations, and scipy's own results."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.sparse as sp
from scipy.integrate import BDF, LSODA, Radau

import sparsesolve as ss
from sparsesolve.adapters import ode
from sparsesolve.adapters.scipy_stiff import ShiftedIdentity
from sparsesolve.front import solve_ivp
from sparsesolve.methods.sparse_lu import SparseLU

IMPLICIT = ("BDF", "Radau", "LSODA")


def brusselator(n: int):
    """1-D Brusselator on n cells; unknowns interleaved (u1, v1, u2, v2, ...)."""

    def rhs(t, y):
        u, v = y[0::2], y[1::2]
        up = np.concatenate([np.ones(1), u, np.ones(1)])
        vp = np.concatenate([np.full(1, 3.0), v, np.full(1, 3.0)])
        c = (n + 1) ** 2 / 50.0
        du = 1.0 + u**2 * v - 4.0 * u + c * (up[:-2] - 2.0 * u + up[2:])
        dv = 3.0 * u - u**2 * v + c * (vp[:-2] - 2.0 * v + vp[2:])
        return np.stack([du, dv], axis=1).ravel()

    x = np.arange(1, n + 1) / (n + 1)
    return rhs, np.stack([1.0 + np.sin(2.0 * np.pi * x), np.full(n, 3.0)], axis=1).ravel()


def robertson(t, y):
    a, b, c = y
    return [-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b**2, 3e7 * b**2]


@pytest.mark.parametrize("method", IMPLICIT)
def test_brusselator_steps_as_scipy_does(method: str) -> None:
    rhs, y0 = brusselator(60)
    mine = solve_ivp(rhs, (0.0, 2.0), y0, method=method, rtol=1e-6, atol=1e-8)
    with np.errstate(invalid="ignore"):  # scipy computes with uninitialized differences
        plain = scipy.integrate.solve_ivp(rhs, (0.0, 2.0), y0, method=method, rtol=1e-6, atol=1e-8)
    assert mine.success
    scale = np.abs(plain.y[:, -1]).max()
    assert np.abs(mine.y[:, -1] - plain.y[:, -1]).max() < 1e-4 * scale
    assert abs(mine.t.size - plain.t.size) <= 0.05 * plain.t.size
    if method == "LSODA":
        assert mine.nfev < plain.nfev  # the rest of them were differences
    else:
        assert (mine.njev, mine.nlu) == pytest.approx((plain.njev, plain.nlu), rel=0.1)


@pytest.mark.parametrize("method", IMPLICIT)
def test_robertson_known_answer(method: str) -> None:
    run = solve_ivp(robertson, (0.0, 1e11), [1.0, 0.0, 0.0], method=method, rtol=1e-6, atol=1e-16)
    assert run.success
    known = [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]
    assert np.allclose(run.y[:, -1], known, rtol=1e-3)


def test_the_right_hand_side_is_called_twice_for_tracing_and_once_at_the_end() -> None:
    calls = []

    def rhs(t, y):
        calls.append(1)
        return -(y**3)

    run = solve_ivp(rhs, (0.0, 1.0), np.linspace(1.0, 2.0, 60))
    assert run.success
    assert len(calls) == 3
    assert run.nfev > 10  # still what the method asked for


def test_explicit_methods_are_passed_through_without_tracing() -> None:
    def rhs(t, y):
        return [float(y[1]), -float(y[0])]  # cannot be traced

    for method in ("RK45", "RK23", "DOP853"):
        run = solve_ivp(rhs, (0.0, 1.0), [1.0, 0.0], method=method, rtol=1e-8, atol=1e-10)
        assert run.y[0, -1] == pytest.approx(np.cos(1.0), rel=1e-6)


def test_keyword_arguments_of_scipy_pass_through() -> None:
    hit = lambda t, y: y[0] - 0.5
    hit.terminal = True  # type: ignore[attr-defined]
    run = solve_ivp(
        lambda t, y: -y, (0.0, 5.0), [1.0], events=hit, dense_output=True, t_eval=[0.0, 0.1, 0.2]
    )
    assert run.status == 1
    assert run.t_events[0][0] == pytest.approx(np.log(2.0), rel=1e-2)
    assert run.t.tolist() == [0.0, 0.1, 0.2]
    assert run.sol(0.1).shape == (1,)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        backward = solve_ivp(lambda t, y: -y, (1.0, 0.0), [1.0], method="Radau", rtol=1e-6)
    assert backward.y[0, -1] == pytest.approx(np.e, rel=1e-3)


@pytest.mark.parametrize("method", IMPLICIT)
def test_further_arguments_are_parameters(method: str) -> None:
    rhs = lambda t, y, rate, target: -rate * (y - target)
    J = ss.jacobian(rhs, 0.0, np.ones(50), 1.0, np.ones(50), argnum=1)
    for rate in (10.0, 1000.0):
        target = np.linspace(0.0, 1.0, 50)
        run = solve_ivp(rhs, (0.0, 3.0), np.ones(50), method=method, args=(rate, target), jac=J)
        assert np.allclose(run.y[:, -1], target, atol=1e-2)
    one = solve_ivp(lambda t, y, k: -k * y, (0.0, 1.0), [1.0], args=(2.0,), method=method)
    assert one.y[0, -1] == pytest.approx(np.exp(-2.0), rel=1e-2)


def test_the_jacobian_reaches_the_method_as_sorted_int32_columns() -> None:
    rhs, y0 = brusselator(60)
    supply = ode.JacobianSupply(rhs, (0.0, 1.0), y0, (), None)
    J = supply.sparse(0.0, y0)
    assert isinstance(J, sp.csc_array)
    assert J.has_sorted_indices
    assert J.indices.dtype == J.indptr.dtype == np.int32
    again = supply.sparse(0.0, y0 + 0.1)
    assert np.shares_memory(J.indices, again.indices)
    assert not np.shares_memory(J.data, again.data)
    assert np.allclose(supply.dense(0.0, y0), J.toarray())
    assert not supply.is_small


def test_the_factorization_is_ordered_once_and_fills_less() -> None:
    n = 24

    def rhs(t, y):  # heat on a square, not interleaved with anything
        u = np.pad(y.reshape(n, n), 1)
        inner = u[1:-1, 1:-1]
        return (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * inner).ravel()

    supply = ode.JacobianSupply(rhs, (0.0, 1.0), np.ones(n * n), (), None)
    solver = ode.SparseBDF(rhs, 0.0, np.ones(n * n), 1.0, jac=supply.sparse)
    solver.step()
    M = solver.I - 0.5 * solver.J
    factor = solver.lu(M)
    plain = SparseLU(symmetric=False).factor(M)
    assert factor.fill < 0.75 * plain.fill
    assert solver.nlu >= 2
    assert np.allclose(M @ factor.solve(np.ones(n * n)), 1.0)


def test_the_shifted_identity_equals_scipys(rng: np.random.Generator) -> None:
    J = sp.csc_matrix(sp.random_array((9, 9), density=0.3, rng=rng, format="csc"))
    for scale in (1.0, np.float64(2.5), np.complex128(1.0 - 2.0j)):
        mine = scale * ShiftedIdentity(J) - J
        assert np.allclose(mine.toarray(), scale * np.eye(9) - J.toarray())
        assert mine.has_sorted_indices
    zero = J.copy()
    zero.data[:] = 0.0
    kept = (1.0 * ShiftedIdentity(J)) - zero
    assert kept.nnz == (2.0 * ShiftedIdentity(J) - J).nnz  # structure never changes


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_a_jacobian_that_is_not_finite_on_the_way_is_survived(method: str) -> None:
    J = ss.jacobian(lambda t, y: -np.sqrt(np.abs(y)) * y, 0.0, np.ones(60), argnum=1)

    class Spoiled:
        pattern = J.pattern
        method = "user"
        calls = 0

        value = staticmethod(J.value)

        def values(self, *args):
            self.calls += 1
            return J.values(*args) * (np.nan if self.calls > 1 else 1.0)

    spoiled = Spoiled()
    rhs = lambda t, y: -np.sqrt(np.abs(y)) * y - 50.0 * (y - np.cos(30.0 * t))
    run = solve_ivp(rhs, (0.0, 1.0), np.linspace(1.0, 2.0, 60), method=method, jac=spoiled)
    assert spoiled.calls > 1
    assert np.all(np.isfinite(run.y))


def test_singular_systems_shorten_the_step() -> None:
    rhs = lambda t, y: 100.0 * y * (1.0 - y)
    run = solve_ivp(rhs, (0.0, 1.0), np.full(60, 0.01))
    assert run.success
    assert np.allclose(run.y[:, -1], 1.0, atol=1e-2)


def test_lsoda_gets_bands_or_a_dense_matrix() -> None:
    rhs, y0 = brusselator(40)
    given = ode.JacobianSupply(rhs, (0.0, 1.0), y0, (), None).lsoda()
    assert (given["lband"], given["uband"]) == (2, 2)
    packed = given["jac"](0.0, y0)
    dense = ode.JacobianSupply(rhs, (0.0, 1.0), y0, (), None).dense(0.0, y0)
    i, j = np.nonzero(dense)
    assert packed.shape == (5, 80)
    assert np.array_equal(packed[i - j + 2, j], dense[i, j])
    wide = lambda t, y: -y * np.sum(y)
    assert set(ode.JacobianSupply(wide, (0.0, 1.0), np.ones(9), (), None).lsoda()) == {"jac"}


def test_solver_classes_are_taken_too() -> None:
    rhs, y0 = brusselator(30)
    for method in (BDF, Radau, LSODA, ode.SparseRadau):
        assert solve_ivp(rhs, (0.0, 0.1), y0, method=method).success


def test_vectorized_functions_are_called_with_one_state() -> None:
    rhs = lambda t, y: -y * np.arange(1.0, 61.0).reshape(60, *[1] * (y.ndim - 1))
    run = solve_ivp(rhs, (0.0, 1.0), np.ones(60), vectorized=True, rtol=1e-6)
    assert run.y[0, -1] == pytest.approx(np.exp(-1.0), rel=1e-3)


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"`jac` must be a Jacobian made by sparsesolve.jacobian"):
        solve_ivp(robertson, (0.0, 1.0), [1.0, 0.0, 0.0], jac=np.eye(3))
    with pytest.raises(ValueError, match="`method` must be one of BDF"):
        solve_ivp(robertson, (0.0, 1.0), [1.0, 0.0, 0.0], method="Euler")
    with pytest.raises(TypeError, match="`y0` must hold real numbers"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0 + 1.0j])
    with pytest.raises(ValueError, match="must return 3 values"):
        solve_ivp(lambda t, y: y[:2], (0.0, 1.0), [1.0, 0.0, 0.0])
    with pytest.raises(TypeError, match="callable"):
        solve_ivp(1.0, (0.0, 1.0), [1.0])  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_jacobian_object_straight_into_scipy(method: str) -> None:
    rhs, y0 = brusselator(40)
    J = ss.jacobian(rhs, 0.0, y0, argnum=1)
    with np.errstate(invalid="ignore"):
        run = scipy.integrate.solve_ivp(
            rhs, (0.0, 1.0), y0, method=method, jac=J, rtol=1e-6, atol=1e-8
        )
    mine = solve_ivp(rhs, (0.0, 1.0), y0, method=method, jac=J, rtol=1e-6, atol=1e-8)
    assert run.success
    assert np.allclose(run.y[:, -1], mine.y[:, -1], rtol=1e-4)


def test_state_differences_of_bdf_are_initialized() -> None:
    rhs, y0 = brusselator(30)
    J = ss.jacobian(rhs, 0.0, y0, argnum=1)
    solver = ode.SparseBDF(rhs, 0.0, y0, 1.0, jac=J)
    assert np.all(solver.D[2:] == 0.0)
