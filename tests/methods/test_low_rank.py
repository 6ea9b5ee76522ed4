"""Jacobians and Hessians that are sparse + low rank: solved without forming them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.methods.low_rank import (
    LowRankAugmented,
    LowRankLU,
    LowRankSum,
    column_squares,
    reach,
    scaled_rows,
)
from sparsesolve.methods.residual import prepare_residual
from sparsesolve.methods.sparse_lu import SparseLU
from sparsesolve.problem.result import Status

Array = np.ndarray


def random_sum(m: int, n: int, rank: int, seed: int, *, singular: bool = False) -> LowRankSum:
    rng = np.random.default_rng(seed)
    S = np.where(rng.random((m, n)) < 0.4, rng.normal(size=(m, n)), 0.0)
    if m == n and not singular:
        S += 3.0 * np.eye(n)
    if singular:
        S[0] = 0.0
    return LowRankSum(sp.csc_array(S), rng.normal(size=(m, rank)), rng.normal(size=(rank, n)))


def dense(J: LowRankSum) -> Array:
    return np.asarray(J.sparse.toarray() + J.left @ J.right)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (31, 7), (32, 33)])
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_products_and_measures(shape: tuple[int, int], rank: int) -> None:
    m, n = shape
    J = random_sum(m, n, rank, 1)
    A, v, w = dense(J), np.linspace(-1, 2, n), np.linspace(0.5, 1.5, m)
    np.testing.assert_allclose(J @ v, A @ v, atol=1e-12)
    np.testing.assert_allclose(J.T @ w, A.T @ w, atol=1e-12)
    np.testing.assert_allclose(column_squares(J), (A**2).sum(axis=0), atol=1e-10)
    np.testing.assert_allclose(dense(scaled_rows(J, w)), w[:, None] * A, atol=1e-12)
    assert np.all(reach(J, np.abs(v)) >= np.abs(A) @ np.abs(v) - 1e-12)
    assert (J.shape, J.rank) == (shape, rank)


def test_measures_of_sparse_matrices() -> None:
    A = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, -3.0]])
    for J in (sp.csc_array(A), sp.csr_array(A)):
        np.testing.assert_array_equal(column_squares(J), [1.0, 0.0, 13.0])
        np.testing.assert_array_equal(reach(J, np.ones(3)), [3.0, 3.0])
        scaled = scaled_rows(J, np.array([2.0, -1.0]))
        np.testing.assert_array_equal(scaled.toarray(), [[2.0, 0.0, 4.0], [0.0, 0.0, 3.0]])


@pytest.mark.parametrize("n", [1, 2, 31, 33, 100])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_square_systems(n: int, rank: int) -> None:
    J, b = random_sum(n, n, rank, n), np.linspace(1, 2, n)
    factor = LowRankLU().factor(J)
    np.testing.assert_allclose(factor.solve(b), np.linalg.solve(dense(J), b), rtol=1e-7)
    assert factor.ok


def test_a_singular_sparse_part_is_no_obstacle() -> None:
    J, b = random_sum(12, 12, 2, 3, singular=True), np.linspace(1, 2, 12)
    np.testing.assert_allclose(LowRankLU().factor(J).solve(b), np.linalg.solve(dense(J), b))


def test_a_sparse_part_that_is_nearly_singular_loses_no_digits() -> None:
    rng = np.random.default_rng(0)
    S = np.diag(np.linspace(1.0, 2.0, 20))
    S[3, 3] = 1e-14
    J = LowRankSum(sp.csc_array(S), rng.normal(size=(20, 1)), rng.normal(size=(1, 20)))
    b = rng.normal(size=20)
    np.testing.assert_allclose(LowRankLU().factor(J).solve(b), np.linalg.solve(dense(J), b))


def test_singular_systems_are_told() -> None:
    J = LowRankSum(sp.csc_array(np.eye(3)), -np.eye(3)[:, :1], np.eye(3)[:1])
    factor = LowRankLU().factor(J)
    assert np.isnan(factor.solve(np.ones(3))).all()
    assert not factor.ok


@pytest.mark.parametrize("shape", [(1, 1), (40, 7), (7, 12), (33, 33)])
@pytest.mark.parametrize("mu", [1e-6, 1.0, 1e3])
def test_damped_steps(shape: tuple[int, int], mu: float) -> None:
    m, n = shape
    J = random_sum(m, n, 2, 5)
    F, D = np.linspace(-1, 1, m) + 0.1, np.linspace(0.5, 2.0, n)
    A = dense(J)
    expected = np.linalg.solve(A.T @ A + mu * np.diag(D), -A.T @ F)
    step = LowRankAugmented().step(J, F, mu, D)
    np.testing.assert_allclose(step, expected, rtol=1e-5, atol=1e-8 * np.abs(expected).max())


def mean_field(u: Any) -> Any:
    """A chain in which two means drive every equation."""
    ahead, behind = np.append(u[1:], 0.0), np.append(0.0, u[:-1])
    pull = np.mean(np.cosh(u)) ** 2 + np.sin(u[0]) * np.mean(u)
    return ahead - 4.0 * u + behind + 0.5 * pull - 0.05 * u**3


def forming_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("the matrix is formed")

    monkeypatch.setattr(Blocked, "__call__", refuse)
    monkeypatch.setattr(Blocked, "dense", refuse)
    monkeypatch.setattr(Blocked, "pattern", property(refuse))


def test_roots_without_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 1500
    forming_is_refused(monkeypatch)
    result = ss.root(mean_field, np.zeros(n))
    assert result.status is Status.SOLVED
    assert np.abs(mean_field(result.x)).max() < 1e-10
    assert result.iterations < 8
    assert any("is not formed" in note for note in result.notes)
    v = np.linspace(0, 1, n)
    h = 1e-6
    expected = (mean_field(result.x + h * v) - mean_field(result.x - h * v)) / (2 * h)
    np.testing.assert_allclose(result.jacobian @ v, expected, atol=1e-8)


@pytest.mark.parametrize("n", [63, 64, 200])
def test_full_systems_are_factorized_densely(n: int) -> None:
    rng = np.random.default_rng(n)
    A, b = rng.normal(size=(n, n)), rng.normal(size=n)
    lu = SparseLU()
    np.testing.assert_allclose(lu.factor(sp.csc_array(A)).solve(b), np.linalg.solve(A, b))
    shifted = A + 2j * np.eye(n)
    found = lu.factor(sp.csc_array(shifted)).solve(b.astype(complex))
    np.testing.assert_allclose(found, np.linalg.solve(shifted, b))
    A[:, 3] = 0.0
    A[2, 3] = 0.0
    factor = lu.factor(sp.csc_array(A))
    assert not factor.ok
    assert np.isnan(factor.solve(b)).all()


def test_a_root_with_more_entries_than_are_ever_formed() -> None:
    n = 20_000
    result = ss.root(mean_field, np.zeros(n))
    assert result.status is Status.SOLVED
    assert np.abs(mean_field(result.x)).max() < 1e-10


def test_a_prepared_jacobian_is_not_formed_either(monkeypatch: pytest.MonkeyPatch) -> None:
    J = ss.jacobian(mean_field, np.zeros(1500))
    forming_is_refused(monkeypatch)
    assert ss.root(mean_field, np.zeros(1500), jac=J).success


def test_other_methods_form_it() -> None:
    result = ss.root(mean_field, np.zeros(200), method="hybr")
    assert result.success
    np.testing.assert_allclose(result.x, ss.root(mean_field, np.zeros(200)).x, atol=1e-8)
    assert sp.issparse(result.jacobian)
    assert not any("is not formed" in note for note in result.notes)


def test_small_or_sparse_systems_are_formed() -> None:
    for f, n in ((mean_field, 100), (lambda x: x**3 - np.roll(x, 1) - 1.0, 1000)):
        residual = prepare_residual(f, np.full(n, 0.5), thin=True)
        assert not residual.is_thin
        assert sp.issparse(residual.matrix(np.full(n, 0.5)))


def test_levenberg_steps_where_the_sum_is_singular() -> None:
    n = 1500

    def f(x: Any) -> Any:
        return x * (np.mean(x) - 1.0) + 0.0 * np.roll(x, 1)

    result = ss.root(f, np.full(n, 0.3) + 0.01 * np.sin(np.arange(n)))
    assert np.abs(f(result.x)).max() < 1e-8


@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_least_squares_without_the_matrix(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 1500
    data = np.sin(np.arange(2 * n - 1.0))

    def f(x: Any) -> Any:
        return np.concatenate([x**2 + np.mean(np.exp(x)) ** 2, np.diff(x)]) - data

    def cost(x: Any) -> float:
        return float(np.sum(np.sqrt(1 + f(x) ** 2) - 1 if loss == "soft_l1" else f(x) ** 2 / 2))

    forming_is_refused(monkeypatch)
    result = ss.least_squares(f, np.full(n, 0.1), loss=loss)
    assert result.success
    assert result.cost == pytest.approx(cost(result.x), rel=1e-12)
    assert any("is not formed" in note for note in result.notes)
    for v in (np.ones(n), np.cos(np.arange(n)), np.eye(n)[7]):
        slope = cost(result.x + 1e-5 * v) - cost(result.x - 1e-5 * v)
        assert abs(slope / 2e-5) < 1e-4 * np.linalg.norm(v)


def coupled(x: Any) -> Any:
    return (np.sum(x) - 1) ** 2 + np.sum(x**4)


def test_minimize_without_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    forming_is_refused(monkeypatch)
    result = ss.minimize(coupled, np.full(20_000, 0.1))
    assert result.status is Status.SOLVED
    assert result.solver == "trust-krylov"
    assert result.fun == pytest.approx(1.25e-13, rel=1e-6)  # all x near 1 / n
    assert any("is not formed: trust-krylov takes products" in note for note in result.notes)


@pytest.mark.parametrize("solver", ["trust-krylov", "trust-ncg", "Newton-CG"])
def test_methods_of_products_do_not_form_it(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forming_is_refused(monkeypatch)
    t = np.linspace(0.0, 0.2, 2100)

    def f(x: Any) -> Any:
        return (np.sum(x) - 1) ** 2 + np.sum((x - t) ** 2) + 1e-3 * np.sum(x**4)

    result = ss.minimize(f, np.full(2100, 0.1), method=solver)
    slope = 2 * (np.sum(result.x) - 1) + 2 * (result.x - t) + 4e-3 * result.x**3
    assert np.abs(slope).max() < 1e-4
    assert any("is not formed" in note for note in result.notes)


def test_bounds_leave_first_derivatives_to_the_largest() -> None:
    result = ss.minimize(coupled, np.full(5000, 0.1), bounds=(0.0, 1.0))
    assert result.success
    assert result.solver == "L-BFGS-B"


def test_hessians_that_are_not_large_go_to_the_usual_solver() -> None:
    result = ss.minimize(coupled, np.full(100, 0.1))
    assert not any("is not formed" in note for note in result.notes)


def test_a_sparse_part_that_stays_is_factorized_once() -> None:
    lu, b = LowRankLU(), np.linspace(-1.0, 1.0, 12)
    first, second = random_sum(12, 12, 2, 5), random_sum(12, 12, 2, 6)
    for left in (first.left, second.left):
        J = LowRankSum(first.sparse.copy(), left, first.right)
        np.testing.assert_allclose(dense(J) @ lu.factor(J).solve(b), b, atol=1e-10)
    assert lu._lu.factorizations == 1
    J = LowRankSum(first.sparse, first.left, first.right)
    lu.factor(J).solve(b)
    first.sparse.data *= 2.0  # in place
    np.testing.assert_allclose(dense(J) @ lu.factor(J).solve(b), b, atol=1e-10)
    assert lu._lu.factorizations == 2
    np.testing.assert_allclose(dense(second) @ lu.factor(second).solve(b), b, atol=1e-10)
    assert lu._lu.factorizations == 3
