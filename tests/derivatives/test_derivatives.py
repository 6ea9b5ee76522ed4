"""Values of Jacobians, Hessians and gradients against autograd's dense derivatives."""

from __future__ import annotations

import copy
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

import sparsesolve as ss
from sparsesolve.derivatives import ProblemDerivatives
from sparsesolve.errors import PatternError, StructureMismatch, UnsupportedOperation
from tests import oracles
from tests.strategies import random_functions


def running(x):
    return np.concatenate([np.cumsum(x**2), np.diff(np.cos(x))])


METHODS = ["auto", "interpreted", "colored"]


def chain(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def exponential_fit(x):
    t = np.linspace(0.0, 1.0, 7)
    return x[0] * np.exp(-x[1] * t) + x[2] * np.sin(x[1] * t) - 1.0


def neighbors(x):
    return np.sin(x) * np.roll(x, 1) + np.maximum(x, 0.25) / (2.0 + np.roll(x, -2) ** 2)


def normalized(x):
    return x / np.linalg.norm(x) + np.exp(-np.sum(x**2)) * x[::-1]


@pytest.mark.every(2)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("function", [exponential_fit, neighbors, normalized, running])
def test_jacobian_values(function, method):
    J = ss.jacobian(function, np.zeros(5) + 0.5, method=method)
    for x in oracles.random_points(np.full(5, 0.7)):
        expected = oracles.dense_jacobian(function, x)
        oracles.assert_close(J(x).toarray(), expected)
        oracles.assert_close(J.value(x), function(x))
        v, w = np.arange(5.0), np.arange(float(expected.shape[0]))
        oracles.assert_close(J.jvp(x, v), expected @ v)
        oracles.assert_close(J.vjp(x, w), expected.T @ w)


@pytest.mark.every(3)
@pytest.mark.parametrize("method", METHODS)
def test_hessian_values(method):
    def energy(x):
        return chain(x) + np.prod(x) + np.log(np.sum(np.exp(x))) + np.sum(x) ** 2

    H = ss.hessian(energy, np.zeros(5), method=method)
    for x in oracles.random_points(np.full(5, 0.7)):
        expected = oracles.dense_hessian(energy, x)
        oracles.assert_close(H(x).toarray(), expected)
        lower = H.lower_pattern.to_scipy(H.lower_values(x)).toarray()
        oracles.assert_close(lower, np.tril(expected))
        oracles.assert_close(H.gradient(x), oracles.dense_gradient(energy, x))
        oracles.assert_close(H.hvp(x, np.arange(5.0)), expected @ np.arange(5.0))
        assert H.value(x) == pytest.approx(energy(x), rel=1e-13)


@pytest.mark.slow
@settings(max_examples=60)
@given(random_functions())
def test_random_programs(case):
    J = ss.jacobian(case.function, case.x0)
    expected = oracles.dense_jacobian(case.autograd_function, case.x0)
    oracles.assert_covers(J.pattern, expected != 0.0)
    oracles.assert_close(J(case.x0).toarray(), expected)
    oracles.assert_close(J.value(case.x0), np.asarray(case.function(case.x0)))
    colored = ss.jacobian(case.function, case.x0, method="colored", check=False)
    oracles.assert_close(colored(case.x0).toarray(), expected)


@pytest.mark.slow
@settings(max_examples=40)
@given(random_functions())
def test_random_hessians(case):
    def scalar(x):
        return np.sum(np.sin(case.function(x)) + case.function(x) ** 2)

    def twin(x):
        import autograd.numpy as anp

        return anp.sum(anp.sin(case.autograd_function(x)) + case.autograd_function(x) ** 2)

    expected = oracles.dense_hessian(twin, case.x0)
    H = ss.hessian(scalar, case.x0)
    oracles.assert_covers(H.pattern, expected != 0.0)
    oracles.assert_close(H(case.x0).toarray(), expected, rtol=1e-11)


def test_lagrangian_hessian_and_problem_parts():
    objective = chain
    constraints = [lambda x: x[0] * x[1:] + x[2], lambda x: np.sum(x**2), lambda x: 3.0 * x[:2] - 1]
    x = np.linspace(0.3, 1.2, 5)
    d = ProblemDerivatives(objective, constraints, x)
    y = np.linspace(-1.0, 1.0, d.m)
    assert d.constraint_sizes == (4, 1, 2)
    expected = oracles.lagrangian_hessian(objective, constraints, x, y, 0.5)
    oracles.assert_close(d.hessian_full(d.hessian_values(x, y, 0.5)).toarray(), expected)
    stacked = np.vstack([oracles.dense_jacobian(c, x) for c in constraints])
    oracles.assert_close(d.jacobian(x).toarray(), stacked)
    oracles.assert_close(d.gradient(x), oracles.dense_gradient(objective, x))
    values = np.concatenate([np.ravel(c(x)) for c in constraints])
    oracles.assert_close(d.constraints(x), values)
    assert d.linear_rows.tolist() == [False] * 5 + [True] * 2
    assert not d.objective_is_quadratic
    assert not d.objective_is_linear
    assert not d.hessian_is_constant


def test_linear_and_quadratic_parts_are_proven():
    d = ProblemDerivatives(
        lambda x: np.sum(x**2) + x[0] * x[1],
        [lambda x: np.cumsum(x), lambda x: x[0] * x[2]],
        [1, 2, 3],
    )
    assert d.linear_rows.tolist() == [True, True, True, False]
    assert d.objective_is_quadratic
    assert d.hessian_is_constant
    linear = ProblemDerivatives(lambda x: 3 * x[0] - x[1], [], [1.0, 2.0])
    assert linear.objective_is_linear
    # linear in x on each side of a kink only: not proven, and not linear
    kinked = ProblemDerivatives(
        None, [lambda x: np.abs(x), lambda x: np.where(x > 0, x, 2 * x)], [1.0]
    )
    assert kinked.linear_rows.tolist() == [False, False]


def test_the_function_is_called_once_to_trace_and_once_to_check():
    calls = []

    def function(x):
        calls.append(1)
        return x**2

    J = ss.jacobian(function, np.ones(3))
    assert len(calls) == 2
    for x in oracles.random_points(np.ones(3)):
        J(x), J.value(x), J.jvp(x, x), J.vjp(x, x)
    assert len(calls) == 2
    ss.jacobian(function, np.ones(3), check=False)
    assert len(calls) == 3


def test_parameters_change_without_a_new_trace():
    calls = []

    def rhs(t, y, k):
        calls.append(1)
        return np.array([-k[0] * y[0] * t, k[1] * y[1] ** 2])

    J = ss.jacobian(rhs, 0.0, np.ones(2), np.ones(2), argnum=1)
    for t, k in ((0.5, [1.0, 2.0]), (2.0, [3.0, -1.0])):
        y = np.array([0.3, 0.4])
        expected = [[-k[0] * t, 0.0], [0.0, 2.0 * k[1] * y[1]]]
        np.testing.assert_allclose(J(t, y, k).toarray(), expected, rtol=1e-14)
    assert len(calls) == 2


def test_results_own_their_data_and_share_indices():
    J = ss.jacobian(neighbors, np.ones(6))
    a, b = J(np.ones(6)), J(np.full(6, 2.0))
    assert not np.shares_memory(a.data, b.data)
    assert np.shares_memory(a.indices, b.indices)
    before = b.toarray()
    a.data[:] = -7.0
    with pytest.raises(ValueError, match="read-only"):
        a.eliminate_zeros()
    np.testing.assert_array_equal(b.toarray(), before)
    np.testing.assert_array_equal(J(np.full(6, 2.0)).toarray(), before)
    assert isinstance(a, sp.csr_array)
    assert a.indices.dtype == np.int32
    assert copy.deepcopy(a).has_canonical_format


def test_csc_and_out():
    J = ss.jacobian(neighbors, np.ones(6), format="csc")
    x = np.linspace(0.1, 1.0, 6)
    assert isinstance(J(x), sp.csc_array)
    oracles.assert_close(J(x).toarray(), oracles.dense_jacobian(neighbors, x))
    buffer = np.empty(J.nnz)
    assert J.values(x, out=buffer) is buffer
    oracles.assert_close(J.pattern.to_scipy(buffer).toarray(), J(x).toarray())


@pytest.mark.parametrize("n", [0, 1])
def test_small_sizes(n):
    J = ss.jacobian(lambda x: x**2, np.ones(n))
    assert J.shape == (n, n)
    np.testing.assert_array_equal(J(np.full(n, 3.0)).toarray(), 6.0 * np.eye(n))
    H = ss.hessian(lambda x: np.sum(x**3), np.ones(n))
    np.testing.assert_array_equal(H(np.full(n, 2.0)).toarray(), 12.0 * np.eye(n))


def test_scalars_and_matrices_as_arguments():
    J = ss.jacobian(lambda t: t**3, 2.0)
    assert J(2.0).toarray().item() == 12.0
    J = ss.jacobian(lambda a: a @ a, np.ones((2, 2)))
    a = np.arange(4.0).reshape(2, 2)
    oracles.assert_close(J(a).toarray(), oracles.dense_jacobian(lambda b: b @ b, a))
    assert J.value(a).shape == (2, 2)


def test_constant_functions():
    J = ss.jacobian(lambda x: np.ones(3), np.zeros(2))
    assert J.shape == (3, 2)
    assert J.nnz == 0
    assert J(np.zeros(2)).nnz == 0
    H = ss.hessian(lambda x: 3.0 * x[0], np.zeros(2))
    assert H.nnz == 0


def test_wrong_shapes_are_named():
    J = ss.jacobian(neighbors, np.ones(6))
    with pytest.raises(StructureMismatch, match=r"must have shape \(6,\), got \(5,\)"):
        J(np.ones(5))
    with pytest.raises(StructureMismatch, match="must return a scalar"):
        ss.hessian(neighbors, np.ones(6))


@pytest.mark.parametrize("scheme", ["forward", "central", "complex"])
def test_black_boxes(scheme):
    pattern = ss.jacobian_pattern(exponential_fit, np.ones(3))
    J = ss.jacobian_by_differences(exponential_fit, np.ones(3), scheme=scheme, pattern=pattern)
    x = np.array([1.0, 2.0, 0.5])
    tolerance = {"forward": 1e-7, "central": 1e-8, "complex": 1e-14}[scheme]
    expected = oracles.dense_jacobian(exponential_fit, x)
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=0, atol=tolerance * 10)
    with pytest.raises(PatternError, match="misses entries"):
        ss.jacobian_by_differences(
            exponential_fit, np.ones(3), scheme=scheme, pattern=sp.eye_array(7, 3)
        )


def test_opaque_calls_in_the_middle():
    A = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]])

    def function(x):
        y = np.linalg.solve(A + np.diag(x), np.sin(x))
        return y * x[::-1]

    def energy(x):
        return np.sum(function(x) ** 2)

    x = np.array([0.3, 0.7, 1.1])
    J = ss.jacobian(function, x)
    oracles.assert_close(J(x).toarray(), oracles.dense_jacobian(function, x))
    oracles.assert_close(J.jvp(x, x), oracles.dense_jacobian(function, x) @ x)
    H = ss.hessian(energy, x)
    oracles.assert_close(H(x).toarray(), oracles.dense_hessian(energy, x), rtol=1e-11)


def test_two_threads_share_one_jacobian():
    J = ss.jacobian(neighbors, np.ones(200))
    points = [np.linspace(0.1, k, 200) for k in range(1, 9)]
    expected = [J(x).toarray() for x in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: J(x).toarray(), points * 5))
    for k, matrix in enumerate(found):
        np.testing.assert_array_equal(matrix, expected[k % 8])


def test_operation_without_a_rule_is_named():
    with pytest.raises(UnsupportedOperation):
        ss.jacobian(lambda x: np.nextafter(x, 2.0), np.ones(3))


def test_explain_names_the_lines():
    J = ss.jacobian(neighbors, np.ones(6))
    text = J.explain(0, 5)
    assert "test_derivatives.py" in text
    assert "multiply" in text
    assert "structurally zero" in J.explain(0, 3)
    with pytest.raises(IndexError):
        J.explain(6, 0)
    H = ss.hessian(chain, np.ones(4))
    assert "test_derivatives.py" in H.explain(2, 1)
    assert "structurally zero" in H.explain(3, 1)


def test_report_and_pictures():
    J = ss.jacobian(neighbors, np.ones(6))
    J(np.ones(6))
    assert "nonzeros" in J.report()
    assert "calls of the user's function  2" in J.report()
    assert "6x6" in str(J)
    assert J.coloring.ncolors >= 3
    assert J.kernels()


@pytest.mark.parametrize("method", METHODS)
def test_refilled_buffers_keep_their_constants(method):
    J = ss.jacobian(neighbors, np.ones(6), method=method)
    buffer = J.buffer()
    for x in oracles.random_points(np.full(6, 0.7)):
        assert J.refill(buffer, x) is buffer
        np.testing.assert_array_equal(buffer, J.values(x))


def test_threads_give_the_same_numbers(monkeypatch):
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.schedule._WORTH_A_THREAD", 1000)
    x = np.linspace(0.1, 1.0, 60_000)
    one, two = (ss.jacobian(neighbors, x, threads=k, check=False) for k in (1, 2))
    np.testing.assert_array_equal(one.values(x), two.values(x))


def test_without_llvm_numpy_serves(monkeypatch):
    monkeypatch.setitem(sys.modules, "sparsesolve.engine.llvm.compile", None)
    J = ss.jacobian(neighbors, np.ones(6))
    assert J.method == "interpreted"
    assert "llvmlite cannot be imported" in J.report()
    x = np.linspace(0.1, 1.0, 6)
    oracles.assert_close(J(x).toarray(), oracles.dense_jacobian(neighbors, x))
    with pytest.raises(ImportError):
        ss.jacobian(neighbors, np.ones(6), method="compiled")


def test_what_llvm_refuses_numpy_does(monkeypatch):
    from sparsesolve.engine.llvm import compile as engine

    def refuse(*args, **kwargs):
        raise RuntimeError("no executable memory")

    monkeypatch.setattr(engine, "compile_program", refuse)
    J = ss.jacobian(neighbors, np.ones(6))
    assert J.method == "interpreted"
    assert "no executable memory" in J.report()


def test_programs_without_native_functions_are_interpreted():
    from autograd.scipy.special import polygamma

    J = ss.jacobian(lambda x: polygamma(1, x), np.ones(3))
    assert J.method == "interpreted"
    assert "polygamma" in J.report()
    x = np.array([0.5, 1.0, 2.5])
    oracles.assert_close(J(x).toarray(), np.diag(polygamma(2, x)), rtol=1e-13)
