"""Roots and least squares do not depend on the unit of the residual; and nothing escapes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from sparsesolve import Status, least_squares, root
from sparsesolve.methods.residual_measure import measure_residual

METHODS = ["lm", "gauss-newton", "trf", "dogbox"]


@pytest.mark.every(4)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("unit", [1e-10, 1e-3, 1.0, 1e5, 1e10])
@pytest.mark.parametrize("n", [1, 2, 33])
def test_a_linear_residual_in_any_unit(method: str, unit: float, n: int) -> None:
    for start in (0.0, 50.0):
        fit = least_squares(lambda x, k=unit: k * (x - 1.0), np.full(n, start), method=method)
        assert fit.success
        np.testing.assert_allclose(fit.x, 1.0, rtol=1e-5)
        assert fit.cost <= 1e-9 * unit**2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_a_curved_fit_in_any_unit(method: str, unit: float) -> None:
    t = np.linspace(0.0, 2.0, 9)
    data = 2.0 * np.exp(-0.7 * t) + 0.1 * np.cos(5.0 * t)
    reference = least_squares(lambda p: p[0] * np.exp(-p[1] * t) - data, [1.0, 1.0])
    fit = least_squares(
        lambda p: unit * (p[0] * np.exp(-p[1] * t) - data), [1.0, 1.0], method=method
    )
    assert fit.success
    np.testing.assert_allclose(fit.x, reference.x, rtol=1e-3)
    np.testing.assert_allclose(fit.cost, unit**2 * reference.cost, rtol=1e-4)


@pytest.mark.parametrize("method", ["trf", "dogbox"])
@pytest.mark.parametrize("loss", ["linear", "soft_l1", "cauchy"])
def test_rows_in_several_units_with_bounds_and_losses(method: str, loss: str) -> None:
    unit = np.array([1e3, 1.0, 1e2])
    fit = least_squares(
        lambda x: unit * (x - np.array([1.0, 2.0, 3.0])),
        np.zeros(3),
        bounds=(-5.0, np.array([9.0, 1.5, 9.0])),
        method=method,
        loss=loss,
        f_scale=1e3,
    )
    assert fit.success
    np.testing.assert_allclose(fit.x, [1.0, 1.5, 3.0], rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_jacobian_that_is_not_finite_names_its_source(method: str) -> None:
    at_start = least_squares(
        lambda x: np.array([np.sqrt(x[0]), x[0] - 1, x[1] - 2]), np.zeros(2), method=method
    )
    assert at_start.status is Status.EVALUATION_ERROR
    assert "inf at row 0, column 0: `sqrt` at" in at_start.message
    assert "test_units.py" in at_start.message


def test_the_source_is_named_by_root_and_minimize_too() -> None:
    from sparsesolve import minimize

    assert "`sqrt` at" in root(lambda x: np.sqrt(x) - 1.0, np.zeros(2)).message
    for solver in ("BFGS", "trust-constr", "trust-ncg"):
        got = minimize(lambda x: np.sum(np.sqrt(x)), np.zeros(2), solver=solver)
        assert got.status is Status.EVALUATION_ERROR
        assert "`sqrt` at" in got.message


@pytest.mark.parametrize("method", METHODS)
def test_a_residual_that_is_not_finite_later_is_a_status(method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for residual in (lambda x: np.log(x) + 8.0, lambda x: np.sqrt(x - 1.0) - 3.0 * x):
            fit = least_squares(residual, np.full(3, 2.0), method=method)
            assert isinstance(fit.status, Status)


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1.0, 1e6])
def test_a_root_in_any_unit(unit: float) -> None:
    found = root(lambda x: unit * (x**3 - 8.0), np.full(3, 5.0), tol=1e-10 * max(unit, 1.0))
    assert found.success
    np.testing.assert_allclose(found.x, 2.0, rtol=1e-3)


def test_no_root_is_not_solved_however_small_the_unit() -> None:
    found = root(lambda x: 1e-12 * (x**2 + 1.0), np.full(2, 1.0))
    assert found.status is not Status.SOLVED


def test_the_measure_of_residuals() -> None:
    J = sp.csr_array(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    assert measure_residual(np.zeros(3), J, np.ones(2)).is_solved
    normal = np.array([-2.0, -1.0, 2.0])  # J' r = 0
    assert measure_residual(normal, J, np.ones(2)).cosine < 1e-15
    for unit in (1e-150, 1.0, 1e150):
        found = measure_residual(unit * np.array([1.0, 0.0, 0.0]), unit * J, np.ones(2))
        assert found.cosine == pytest.approx(np.sqrt(0.5))
        assert found.relative == pytest.approx(1.0)
        assert not found.is_acceptable
    held = (np.array([1.0, -9.0]), np.array([9.0, 9.0]))
    assert measure_residual(np.array([1.0, 0.0, 0.0]), J, np.ones(2), held).is_solved
    assert not measure_residual(np.array([np.nan, 0.0, 0.0]), J, np.ones(2)).is_acceptable


def test_no_memory_for_a_factorization_is_a_status(monkeypatch) -> None:
    def refuse(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("scipy.sparse.linalg.splu", refuse)
    found = root(lambda x: x**3 - 8.0, np.full(3, 5.0))
    assert found.status is Status.FAILED
    assert "no more memory" in found.message


@pytest.mark.parametrize("bounds", [None, (-np.inf, 50.0), (-50.0, 50.0)])
def test_an_unknown_that_changes_nothing_is_no_obstacle(bounds) -> None:
    y = np.array([1.0, 2.0, 3.0, 4.5])
    found = least_squares(lambda p: p[0] + p[1] * np.zeros(4) - y, np.ones(2), bounds=bounds)
    assert found.status is Status.SOLVED
    assert found.x[0] == pytest.approx(y.mean(), rel=1e-4)  # by the tolerance of trf


@pytest.mark.parametrize("method", ["lm", "trf"])
def test_a_peak_without_slopes_is_no_solution(method) -> None:
    found = least_squares(np.cos, np.zeros(3), method=method)
    assert found.status is Status.STALLED
    assert "all derivatives are zero here" in found.message
