"""`args` and `kwargs` as scipy passes them, several `argnum`, functions of all kinds."""

from __future__ import annotations

import functools
import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch

N = 4
X = np.linspace(0.5, 1.0, N)
INDEX = np.array([3, 0, 0, 1])


def shift(x, n, p, *, k=1.0, name="a"):
    """A function with an integer that is a size, data in a dict, and keywords."""
    return (x[:n] - p["goal"]) * k * (1.0 if name == "a" else 2.0)


def vector(x, *args, **kwargs):
    """As many values as there are unknowns, zero at the goal divided by 1."""
    head = shift(x, *args, **kwargs)
    return np.concatenate([head, x[len(head) :] - 1.0])


def total(x, *args, **kwargs):
    return np.sum(vector(x, *args, **kwargs) ** 2)


def rate(t, x, *args, **kwargs):
    return -vector(x, *args, **kwargs)


def solution(**given):
    return np.array([given["args"][1]["goal"]] * given["args"][0] + [1.0] * (N - given["args"][0]))


TAKES = {
    "jacobian": (vector, lambda f, **g: ss.jacobian(f, X, **g)(X, *g["args"]).toarray()),
    "hessian": (total, lambda f, **g: ss.hessian(f, X, **g)(X, *g["args"]).toarray()),
    "gradient": (total, lambda f, **g: ss.gradient(f, X, **g)(X, *g["args"])),
    "differences": (
        vector,
        lambda f, **g: ss.jacobian_by_differences(f, X, pattern=np.eye(N), **g)(
            X, *g["args"]
        ).toarray(),
    ),
}
SOLVES = {
    "minimize": (total, lambda f, **g: ss.minimize(f, X, method="trust-krylov", **g).x),
    "root": (vector, lambda f, **g: ss.root(f, X, **g).x),
    "least_squares": (vector, lambda f, **g: ss.least_squares(f, X, **g).x),
    "solve_ivp": (
        rate,
        lambda f, **g: ss.solve_ivp(f, (0.0, 20.0), X, rtol=1e-8, atol=1e-10, **g).y[:, -1],
    ),
}
GIVEN = {
    "tuple": {"args": (2, {"goal": 1.5})},
    "list": {"args": [2, {"goal": 1.5}]},
    "keywords": {"args": (3, {"goal": 0.5}), "kwargs": {"k": 2.0, "name": "b"}},
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", TAKES)
def test_derivatives_take_them(name, given):
    f, call = TAKES[name]
    g = GIVEN[given]
    n, factor = g["args"][0], 4.0 if "kwargs" in g else 1.0
    slopes = np.array([factor] * n + [1.0] * (N - n))
    value = slopes * (X - solution(**g))
    expected = {
        "jacobian": np.diag(slopes),
        "differences": np.diag(slopes),
        "hessian": np.diag(2 * slopes**2),
        "gradient": 2 * slopes * value,
    }[name]
    assert np.allclose(call(f, **g), expected, rtol=1e-8)


@pytest.mark.every(2)
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", SOLVES)
def test_solvers_take_them(name, given):
    f, solve = SOLVES[name]
    g = GIVEN[given]
    assert np.allclose(solve(f, **g), solution(**g), atol=1e-6)
    bound = functools.partial(f, **g.get("kwargs", {}))
    assert np.allclose(solve(bound, args=g["args"]), solution(**g), atol=1e-6)


@pytest.mark.parametrize("p", [1.5, np.full(N, 1.5), np.float64(1.5)])
def test_one_argument_needs_no_tuple(p):
    assert np.allclose(ss.root(lambda x, p: x - p, X, args=p).x, 1.5)
    assert np.allclose(ss.least_squares(lambda x, p: x - p, X, args=p).x, 1.5)
    assert np.allclose(ss.minimize(lambda x, p: np.sum((x - p) ** 2), X, args=p).x, 1.5)
    run = ss.solve_ivp(lambda t, x, p: p - x, (0.0, 20.0), X, args=p, rtol=1e-8)
    assert np.allclose(run.y[:, -1], 1.5, atol=1e-5)
    J = ss.jacobian(lambda x, p: x * p, X, args=p)
    assert np.allclose(J(X, p).diagonal(), 1.5)


@pytest.mark.parametrize("make", [ss.jacobian, ss.hessian, ss.gradient, ss.jacobian_by_differences])
def test_the_signature_names_them(make):
    assert {"argnum", "args", "kwargs"} <= set(inspect.signature(make).parameters)


def test_keywords_are_constants_that_are_watched():
    data = np.ones(N)
    J = ss.jacobian(lambda x, *, w: x * w, X, kwargs={"w": data})
    J.verify()
    data[0] = 2.0
    with pytest.raises(ss.errors.VerificationError):
        J.verify()
    result = ss.root(lambda x, *, w: x * w - 1.0, X, kwargs={"w": data}, jac=J)
    assert np.allclose(result.x, 1 / data)


def test_index_arrays_and_sizes():
    def f(x, n, index, scale):
        return x[:n][index] * scale

    J = ss.jacobian(f, X, args=(N, INDEX, 2.0))
    assert np.array_equal(J(X, N, INDEX, 3.0).toarray(), 3.0 * np.eye(N)[INDEX])


# ----- several arguments to differentiate by -----


def product(a, b, c):
    return np.concatenate([a * b, [np.sum(a) * c]])


B = np.array([2.0, 3.0, 4.0, 5.0])


@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
@pytest.mark.parametrize("argnum", [(0, 1), (0, 1, 2), [2, 0], (-1,), ()])
def test_a_tuple_of_positions_gives_a_tuple(method, argnum):
    args = (X, B, 3.0)
    J = ss.jacobian(product, *args, argnum=argnum, method=method)
    assert isinstance(J, tuple)
    assert len(J) == len(argnum)
    got = J(*args)
    assert len(got) == len(argnum)
    for k, matrix, part in zip(argnum, got, J, strict=True):
        expected = ss.jacobian(product, *args, argnum=k)(*args).toarray()
        assert np.array_equal(matrix.toarray(), expected)
        assert part.argnum == k % 3
    if argnum:
        assert np.array_equal(J.value(*args), product(*args))
        J.verify(*args)


def test_gradients_and_hessians_by_several():
    f = lambda a, b, c: np.sum(product(a, b, c) ** 2)
    g = ss.gradient(f, X, B, 3.0, argnum=(0, 1, 2))
    H = ss.hessian(f, X, B, 3.0, argnum=(0, 1))
    for part, k in zip(g(X, B, 3.0), range(3), strict=True):
        assert np.array_equal(part, ss.gradient(f, X, B, 3.0, argnum=k)(X, B, 3.0))
    assert np.allclose(H(X, B, 3.0)[1].toarray(), 2 * np.diag(X**2))


def test_positions_are_checked():
    with pytest.raises(ValueError, match="`argnum`"):
        ss.jacobian(product, X, B, 3.0, argnum=(0, 3))


def test_differences_give_integers_as_they_are():
    J = ss.jacobian_by_differences(lambda x, n, k: x[:n] * k, X, 2, 3, pattern=np.eye(2, N))
    assert np.allclose(J(X, 2, 3).toarray(), 3 * np.eye(2, N))
    with pytest.raises(StructureMismatch, match="must be 3, got 4"):
        J(X, 2, 4)


# ----- what the unknowns may be -----


@pytest.mark.parametrize("start", [2.0, 2, np.float64(2.0), np.array(2.0), [2.0]])
def test_one_unknown_may_be_a_number(start):
    assert ss.root(lambda x: x**2 - 9.0, start).x == pytest.approx([3.0])
    assert ss.least_squares(lambda x: x**2 - 9.0, start).x == pytest.approx([3.0])
    assert ss.minimize(lambda x: np.sum((x - 3.0) ** 2), start).x == pytest.approx([3.0])


@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0)])
def test_derivatives_by_a_number(x):
    J = ss.jacobian(lambda x: [x**2, 3 * x], x)
    assert J(x).toarray().tolist() == [[4.0], [3.0]]
    assert ss.hessian(lambda x: x**3, x)(x).toarray().tolist() == [[12.0]]
    assert np.shape(ss.gradient(lambda x: x**3, x)(x)) == ()


def test_a_matrix_of_unknowns():
    M = np.arange(6.0).reshape(2, 3) + 1
    J = ss.jacobian(lambda M: M @ M.T, M)
    E = np.eye(6).reshape(6, 2, 3)
    expected = np.stack([(e @ M.T + M @ e.T).ravel() for e in E], axis=1)
    assert np.allclose(J(M).toarray(), expected)
    g = ss.gradient(lambda M: np.sum(M**2), M)
    assert np.array_equal(g(M), 2 * M)


# ----- what a function may be -----


class Model:
    def __init__(self, k):
        self.k = k
        self.settings = SimpleNamespace(power=2)

    def method(self, x):
        return self.k * x**self.settings.power

    def __call__(self, x, y=1.0):
        return self.k * x * y

    @staticmethod
    def static(x):
        return 2.0 * x

    @classmethod
    def made(cls, x):
        return cls(3.0)(x)


def rows(x):
    for k in range(len(x)):
        yield x[k] * x[k - 1]


CALLABLES = {
    "object": (Model(2.0), 2.0),
    "method": (Model(2.0).method, 4.0),
    "static": (Model.static, 2.0),
    "class method": (Model.made, 3.0),
    "partial": (functools.partial(Model(2.0), y=3.0), 6.0),
    "partial of a partial": (functools.partial(functools.partial(np.multiply, 2.0), 3.0), None),
    "ufunc": (np.negative, -1.0),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_functions_of_every_kind(name):
    f, slope = CALLABLES[name]
    if slope is None:
        with pytest.raises(TypeError):
            ss.jacobian(f, X)
        return
    for method in ("compiled", "interpreted", "colored"):
        J = ss.jacobian(f, np.ones(N), method=method)
        assert np.allclose(J(np.ones(N)).diagonal(), slope)


def test_a_generator_of_rows():
    J = ss.jacobian(lambda x: np.array(list(rows(x))), X)
    expected = np.diag(np.roll(X, 1)) + np.roll(np.diag(X), -1, axis=1)
    assert np.allclose(J(X).toarray(), expected)


def test_parameters_are_checked():
    J = ss.jacobian(vector, X, args=(2, {"goal": 1.5}))
    with pytest.raises(StructureMismatch, match="expected 3 arguments, got 1"):
        J(X)
