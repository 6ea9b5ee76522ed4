"""A branch in every cell of a loop is a choice, where both sides only compute."""

from __future__ import annotations

import inspect

import autograd
import numpy as np
import pytest
from branch_references import differences
from cellwise_functions import KEPT, MERGED, Model, upwind, with_closure

import sparsesolve as ss

POINTS = np.random.default_rng(3).normal(size=(4, 12))
OTHERS = {"method": Model(), "closure": with_closure}


@pytest.mark.every(8)
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
@pytest.mark.parametrize("name", MERGED | OTHERS)
def test_one_program_is_enough(name, method):
    function = (MERGED | OTHERS)[name]
    J = ss.jacobian(function, POINTS[0], method=method)
    for x in POINTS:
        expected = differences(function, x)
        np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-13, atol=1e-14)
    if name in MERGED:
        assert type(J) is ss.Jacobian
        assert len(J.paths()) == 0


@pytest.mark.every(4)
@pytest.mark.parametrize("name", MERGED)
def test_second_derivatives(name):
    def function(x):
        return np.sum(np.sin(MERGED[name](x)))

    H = ss.hessian(function, POINTS[0])
    for x in POINTS:
        np.testing.assert_allclose(H.gradient(x), differences(function, x)[0], atol=1e-7)
        second = differences(H.gradient, x)
        np.testing.assert_allclose(H(x).toarray(), second, rtol=1e-6, atol=1e-6)


@pytest.mark.every(4)
@pytest.mark.parametrize("name", KEPT)
def test_sides_that_do_more_are_paths(name):
    function = KEPT[name]
    J = ss.jacobian(function, POINTS[0])
    for x in [*POINTS, POINTS[0]]:
        expected = differences(function, x)
        np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("n", [7, 31, 32, 33, 130])
def test_sizes(n):
    J = ss.jacobian(upwind, np.ones(n))
    rng = np.random.default_rng(n)
    for _ in range(3):
        x = rng.choice([-1.0, 1.0], n) * rng.uniform(0.01, 2.0, n)
        np.testing.assert_allclose(J(x).toarray(), differences(upwind, x), atol=1e-7)
    assert J.nnz == 3 * n


def test_the_code_of_a_function_is_put_back():
    before = upwind.__code__
    ss.jacobian(upwind, np.ones(9))
    assert upwind.__code__ is before
    assert "converted" not in inspect.getsource(upwind)
    np.testing.assert_array_equal(upwind(POINTS[0]), upwind(POINTS[0].copy()))


def test_a_plain_condition_does_what_python_does():
    def f(x, flags):
        y = [(v if v > 0 else -v) if flag else {}[0] for v, flag in zip(x, flags, strict=True)]
        return np.array(y)

    J = ss.jacobian(f, np.ones(9), (True,) * 9)
    assert J.nnz == 9


def matrix(x):
    A = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if x[i] > x[j]:
                A[i, j] = x[i] * x[j]
            elif i == j:
                A[i, j] = 1.0
            else:
                A[i, j] = -x[j]
    return A


def recursive(v, k=0):
    if v * v < 1e-2:
        return v * k
    return recursive(v * 0.6, k + 1)


def shrunk(x):
    return np.array([recursive(v) for v in x])


@pytest.mark.parametrize("function", [matrix, shrunk])
def test_more_shapes_of_code(function):
    J = ss.jacobian(function, np.array([1.0, 2.0, 3.0]))
    for x in (np.array([1.0, 2.0, 3.0]), np.array([0.3, -2.0, 0.05])):
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-13)
        np.testing.assert_allclose(J(x).toarray(), differences(function, x), atol=1e-7)


def test_a_branch_inside_of_an_inner_gradient():
    def f(x):
        return autograd.grad(lambda z: z**2 if z > 0 else -3.0 * z)(x[0]) * x

    J = ss.jacobian(f, np.ones(2))
    np.testing.assert_allclose(J(np.ones(2)).toarray(), [[4.0, 0.0], [2.0, 2.0]])
    np.testing.assert_allclose(J(-np.ones(2)).toarray(), [[-3.0, 0.0], [0.0, -3.0]])


@pytest.mark.slow
def test_what_numba_compiled():
    numba = pytest.importorskip("numba")
    compiled = numba.njit(upwind)
    J = ss.jacobian(compiled, np.linspace(-1, 1, 8))
    assert type(J) is ss.Jacobian
    x = np.linspace(1, -1, 8) * 1.1
    np.testing.assert_allclose(J.value(x), upwind(x), rtol=1e-13)


def reservoir(release):
    """A state that is cut off, step after step, and what it costs: each step asks three times."""
    level, cost = 20.0, 0.0
    for inflow, out in zip(np.tile([5.0, 9.0, 14.0, 1.0], 3), release, strict=True):
        level = level + inflow - out
        spill = 0.0
        if level > 30.0:
            spill = level - 30.0
            level = 30.0
        elif level < 5.0:
            cost += 50.0 * (5.0 - level) ** 2
        cost -= 0.5 * out**0.8 * np.sqrt(max(level, 0.1)) - 2.0 * spill
    return cost


def test_choices_upon_choices_are_looked_through_once():
    x = np.linspace(2.0, 8.0, 12)
    gradient = ss.gradient(reservoir, x)
    for at in (x, 1.3 * x, 0.6 * x + 0.01):
        expected = differences(lambda x: np.atleast_1d(reservoir(x)), at)[0]
        np.testing.assert_allclose(gradient(at), expected, atol=1e-5)
