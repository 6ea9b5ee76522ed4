"""Functions that branch on their values: every derivative follows the path of its point."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from branch_references import derivative, differences
from branching_functions import FUNCTIONS

import sparsesolve as ss
from sparsesolve.derivatives import branches
from sparsesolve.errors import StructureMismatch, VerificationError

POINTS = np.random.default_rng(0).normal(size=(5, 4))


def scalar(function):
    return lambda x: np.sum(np.sin(function(x)))


@pytest.mark.every(46)
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian(name, method):
    function = FUNCTIONS[name]
    J = ss.jacobian(function, POINTS[0], method=method)
    rng = np.random.default_rng(1)
    for x in [*POINTS, POINTS[0]]:
        expected, tolerance = derivative(function, x)
        matrix = J(x)
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-12, atol=1e-14)
        assert matrix.nnz == J.nnz == J.pattern.nnz
        np.testing.assert_array_equal(J.values(x), J.values(x, out=np.empty(J.nnz)))
        v, w = rng.normal(size=x.size), rng.normal(size=matrix.shape[0])
        np.testing.assert_allclose(J.jvp(x, v), matrix @ v, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(J.vjp(x, w), matrix.T @ w, rtol=1e-11, atol=1e-12)


@pytest.mark.slow_cases("upwind")
@pytest.mark.every(22)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_and_hessian(name):
    function = scalar(FUNCTIONS[name])
    gradient, H = ss.gradient(function, POINTS[0]), ss.hessian(function, POINTS[0])
    for x in [*POINTS, POINTS[0]]:
        expected, tolerance = derivative(function, x)
        np.testing.assert_allclose(gradient(x), expected[0], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(H.gradient(x), gradient(x), rtol=1e-12, atol=1e-13)
        second = differences(gradient, x)
        full = H(x).toarray()
        np.testing.assert_allclose(full, second, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(H.value(x), function(x), rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(H.values(x), H(x).data)
        np.testing.assert_allclose(H.hvp(x, np.ones(4)), full.sum(1), rtol=1e-9, atol=1e-10)


def two_ways(x):
    if x[0] > 0:
        return np.array([x[0] * x[1], x[2], 0.0])
    return np.array([x[0], x[2] ** 2 * x[1], x[0]])


def test_the_pattern_is_the_union_of_what_was_seen():
    J = ss.jacobian(two_ways, np.ones(3))
    assert J.nnz == 3
    before = J(np.ones(3))
    after = J(np.array([-1.0, 2.0, 3.0]))
    assert (before.nnz, after.nnz, J.nnz) == (3, 5, 5)
    assert J(np.ones(3)).nnz == 5
    np.testing.assert_array_equal(J(np.ones(3)).toarray(), before.toarray())
    np.testing.assert_array_equal(after.toarray(), [[1, 0, 0], [0, 9, 12], [1, 0, 0]])
    text = J.report()
    assert "programs, one for each path  2" in text
    assert f"{__file__}:" in text
    assert "input element itself" in J.explain(2, 0)  # on the other path


def test_a_result_that_the_pattern_has_outgrown_is_refused():
    J = ss.jacobian(two_ways, np.ones(3))
    out = J.buffer()
    J.refill(out, np.ones(3))
    with pytest.raises(ValueError, match="5"):
        J.values(-np.ones(3), out=out)
    assert J.values(-np.ones(3), out=J.buffer()).size == 5


def test_explore_traces_ahead():
    J = ss.jacobian(two_ways, np.ones(3))
    J.explore([np.ones(3), -np.ones(3)])
    assert J.nnz == 5
    ss.jacobian(lambda x: x**2, np.ones(3)).explore([np.ones(3)])


def test_parameters_ask_too():
    def f(t, y, k):
        return -y * (2.0 if t <= 5 else 0.0) if k > 1 else y**2 * t

    J = ss.jacobian(f, 0.0, np.ones(2), 2.0, argnum=1)
    y = np.array([0.5, 0.8])
    for t in (1.0, 5.0, 5.1, 9.0):
        for k in (0.5, 3.0):
            d = (-(2.0 if t <= 5 else 0.0) * np.ones(2)) if k > 1 else 2 * y * t
            np.testing.assert_allclose(J(t, y, k).toarray(), np.diag(d))


def test_wrong_arguments_are_refused_not_traced():
    J = ss.jacobian(two_ways, np.ones(3))
    with pytest.raises(StructureMismatch):
        J(np.ones(4))
    with pytest.raises(StructureMismatch):
        J(np.ones(3), 1.0)
    assert "path  1" in J.report()


def test_values_of_other_shapes_are_refused():
    J = ss.jacobian(lambda x: x[x > 0], np.ones(3))
    with pytest.raises(StructureMismatch, match="one shape"):
        J(np.array([1.0, -1.0, 1.0]))


def test_beyond_the_bound_values_come_from_the_trace_of_the_moment(monkeypatch):
    monkeypatch.setattr(branches, "MOST_PROGRAMS", 3)
    f = FUNCTIONS["int"]
    J = ss.jacobian(f, np.full(4, 0.5))
    for k in range(7):
        x = np.full(4, k + 0.5)
        np.testing.assert_array_equal(J.value(x), f(x))
        np.testing.assert_array_equal(J(x).toarray(), k * np.eye(4))
    assert "programs, one for each path  3" in J.report()
    assert "more than 3 paths" in J.report()


def test_threads_agree():
    f = FUNCTIONS["elif"]
    J = ss.jacobian(f, POINTS[0])
    expected = [derivative(f, x)[0] for x in POINTS]
    wrong = []

    def run(shift):
        for k in range(60):
            i = (k + shift) % len(POINTS)
            if not np.allclose(J(POINTS[i]).toarray(), expected[i], atol=1e-9):
                wrong.append(i)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_data_that_changed_are_seen_on_every_path():
    data = np.ones(100)

    def f(x):
        return x * data[0] if x[0] > 0 else x * np.sum(data)

    J = ss.jacobian(f, np.ones(2))
    J(-np.ones(2))
    J.verify()
    J.verify(-np.ones(2))
    data[:] = 2.0
    for args in ((), (np.ones(2),), (-np.ones(2),)):
        with pytest.raises(VerificationError):
            J.verify(*args)


def test_a_path_may_have_no_branches():
    """Doses at times: of the first two, at time 0; later, each is a choice."""

    def f(t, y):
        rate = 0.0
        for start, dose in ((0.0, 100.0), (0.5, 50.0), (2.0, 25.0)):
            if start <= t < start + 0.25:
                rate += dose / 0.25
        return np.array([rate - y[0] * y[1], -(y[1] ** 2)])

    y = np.array([10.0, 1.5])
    expected = [[-1.5, -10.0], [0.0, -3.0]]
    for first in (0.0, 0.3, 0.6, 2.1):
        J = ss.jacobian(f, first, y, argnum=1)
        for t in (0.0, 0.3, 0.6, 2.1, 0.1, 5.0):
            np.testing.assert_array_equal(J(t, y).toarray(), expected)
            np.testing.assert_array_equal(J.value(t, y), f(t, y))
            assert J.refill(J.buffer(), t, y).sum() == -14.5


def test_a_function_without_branches_is_as_before():
    assert type(ss.jacobian(lambda x: max(x[0], x[1]) * x, np.ones(3))) is ss.Jacobian
    assert type(ss.hessian(lambda x: np.sum(x**3), np.ones(3))) is ss.Hessian


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 130])
def test_sizes(n):
    def f(x):
        return np.roll(x, 1) * x if x[-1] > 0 else x**2

    J = ss.jacobian(f, np.ones(n))
    for x in np.random.default_rng(n).normal(size=(4, n)):
        np.testing.assert_allclose(J(x).toarray(), derivative(f, x)[0], rtol=1e-12, atol=1e-14)
