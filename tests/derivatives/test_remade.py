"""Prepared derivatives, problems and results travel between processes, or say why not."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import sparsesolve as ss

X = np.array([0.3, -1.2, 0.7, 2.0])


def residual(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def scaled(p, x):
    return p * x**2


def energy(x):
    return np.sum(x**4) + x[0] * x[3]


def norm(x):
    return np.sum(x**2)


def rebuilt(thing):
    return [pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)]


@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
def test_jacobians(method):
    J = ss.jacobian(residual, X, method=method, format="csc")
    for other in rebuilt(J):
        assert other is not J
        assert (other.method, other.format) == (J.method, "csc")
        assert np.array_equal(other(X).toarray(), J(X).toarray())


def test_other_arguments_and_differences():
    J = ss.jacobian(scaled, 2.0, X, argnum=1)
    D = ss.jacobian_by_differences(scaled, 2.0, X, argnum=1, pattern=np.eye(4))
    for thing in (J, D):
        for other in rebuilt(thing):
            assert other.argnum == 1
            assert np.array_equal(other(3.0, X).toarray(), thing(3.0, X).toarray())


def test_gradients_and_hessians():
    for thing in (ss.gradient(energy, X), ss.hessian(energy, X)):
        for other in rebuilt(thing):
            a, b = other(X), thing(X)
            assert np.array_equal(*(m.toarray() if hasattr(m, "toarray") else m for m in (a, b)))
    H = ss.LagrangianHessian(energy, [norm], X)
    for other in rebuilt(H):
        assert np.array_equal(other(X, [2.0]).toarray(), H(X, [2.0]).toarray())


@pytest.mark.slow
def test_problems_before_and_after_use():
    problem = ss.Problem(energy, X, bounds=(-1, 3), constraints=ss.Constraint(norm, None, 2.0))
    for used in (False, True):
        if used:
            expected = ss.minimize(problem, solver="trust-constr")
        for other in rebuilt(problem):
            assert other.n == 4
            result = ss.minimize(other, solver="trust-constr")
            assert result.success
            if used:
                assert np.array_equal(result.x, expected.x)
                for again in rebuilt(result):
                    assert np.array_equal(again.x, result.x)
                    assert again.status is result.status


def test_patterns_and_colorings():
    J = ss.jacobian(residual, X)
    for thing in (J.pattern, ss.color(J.pattern)):
        for other in rebuilt(thing):
            assert repr(other) == repr(thing)
    assert pickle.loads(pickle.dumps(J.pattern)) == J.pattern


def test_what_cannot_be_pickled_says_so():
    J = ss.jacobian(lambda x: x**2, X)
    assert np.array_equal(copy.deepcopy(J)(X).toarray(), J(X).toarray())
    with pytest.raises(TypeError, match="Define the function at the top of a module"):
        pickle.dumps(J)


def test_problems_of_lambdas_are_copied_and_say_why_they_are_not_pickled():
    ours = ss.Constraint(lambda x: x[:1], 0, 1)
    for problem in (
        ss.Problem(lambda x: np.sum(x**2), X),
        ss.Problem(norm, X, constraints=[ss.Constraint(norm, 0, 9), ours]),
    ):
        for other in (copy.copy(problem), copy.deepcopy(problem)):
            assert np.array_equal(other.gradient(X), 2 * X)
        with pytest.raises(
            TypeError, match=r"a Problem is pickled with its functions, and <.*lambda"
        ):
            pickle.dumps(problem)


def test_a_deep_copy_has_data_of_its_own():
    problem = ss.Problem(norm, X, bounds=(-1, 3))
    other = copy.deepcopy(problem)
    assert not np.shares_memory(other._x0, problem._x0)
    assert np.shares_memory(copy.copy(problem)._x0, problem._x0)
