"""Arguments inside of others: containers of data, of unknowns, and objects with fields."""

from __future__ import annotations

import dataclasses
import types
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch, TraceError

X = np.array([0.5, -1.5, 2.0])
Pair = namedtuple("Pair", "a b")
METHODS = ("compiled", "interpreted", "colored")


class Rates(NamedTuple):
    on: float
    off: Any = (1.0, 2.0)


@dataclass
class Tank:
    k: float
    w: Any
    name: str = "tank"

    @property
    def slope(self):
        return 2 * self.k

    @cached_property
    def total(self):
        return np.sum(self.w)


@dataclass(frozen=True, slots=True)
class Frozen:
    k: float
    inner: Any


@dataclass
class Computed:
    k: float
    slope: float = field(init=False)

    def __post_init__(self):
        self.slope = 2 * self.k


PARAMETERS = {
    "namedtuple": (lambda x, p: p.a * x + p[1], Pair(2.0, 1.0), Pair(3.0, 5.0)),
    "NamedTuple": (lambda x, r: r.on * x**2 + r.off[1], Rates(2.0), Rates(3.0, (4.0, 5.0))),
    "dataclass": (
        lambda x, t: t.slope * x + t.total + t.w[0],
        Tank(2.0, np.ones(2)),
        Tank(3.0, np.array([4.0, 5.0])),
    ),
    "frozen": (
        lambda x, t: t.k * x * t.inner["m"],
        Frozen(2.0, {"m": 1.0}),
        Frozen(3.0, {"m": 4.0}),
    ),
    "of dataclasses": (
        lambda x, ts: sum(t.k * x ** (n + 1) for n, t in enumerate(ts)),
        [Frozen(2.0, None), Frozen(3.0, None)],
        [Frozen(4.0, None), Frozen(5.0, None)],
    ),
    "namespace": (
        lambda x, p: p.k * x + p.inner.v,
        types.SimpleNamespace(k=2.0, inner=types.SimpleNamespace(v=np.ones(3))),
        types.SimpleNamespace(k=3.0, inner=types.SimpleNamespace(v=np.arange(3.0))),
    ),
    "ordered": (
        lambda x, p: p["k"] * x + next(iter(p.values())),
        OrderedDict(m=2.0, k=1.0),
        OrderedDict(m=4.0, k=3.0),
    ),
    "dict in another order": (
        lambda x, p: p["k"] * x + p["m"],
        {"k": 1.0, "m": 2.0},
        {"m": 5.0, "k": 3.0},
    ),
    "list of tuples": (
        lambda x, ps: sum(a * x**b for a, b in ps),
        [(1.0, 2.0), (3.0, 1.0)],
        [(2.0, 2.5), (0.5, 1.5)],
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_data_in_containers_are_parameters(name, method):
    f, first, second = PARAMETERS[name]
    J = ss.jacobian(f, X + 3, first, method=method)
    for p in (first, second, first):
        x = X + 3.1
        assert np.allclose(J.value(x, p), f(x, p), rtol=1e-14)
        slopes = (f(x + 1e-5, p) - f(x - 1e-5, p)) / 2e-5
        assert np.allclose(J(x, p).diagonal(), slopes, rtol=1e-7)


def test_what_is_no_number_in_them_is_fixed():
    J = ss.jacobian(lambda x, t: t.k * x, X, Tank(2.0, np.ones(2)))
    assert J.values(X, Tank(5.0, np.ones(2), "other")).tolist() == [5.0] * X.size  # traced anew
    with pytest.raises(StructureMismatch, match=r"`t.w` must have shape \(2,\)"):
        J(X, Tank(2.0, np.ones(3)))
    with pytest.raises(StructureMismatch, match="expected a Tank of 3 items, got dict"):
        J(X, {"k": 2.0})


def test_sizes_in_them_are_static():
    J = ss.jacobian(lambda x, g: x[: g.n] * g.h, X, types.SimpleNamespace(n=2, h=0.5))
    assert np.allclose(
        J(X, types.SimpleNamespace(n=2, h=0.5)).toarray(), [[0.5, 0, 0], [0, 0.5, 0]]
    )


def test_an_object_that_computes_something_once_is_fixed_as_a_whole():
    J = ss.jacobian(lambda x, c: c.slope * x, X, Computed(2.0))
    assert np.allclose(J(X, Computed(2.0)).diagonal(), 4.0)
    with pytest.raises(StructureMismatch, match="Computed"):
        J(X, Computed(3.0))
    own = Tank(2.0, np.ones(2))
    own.extra = 3.0
    J = ss.jacobian(lambda x, t: t.extra * x, X, own)
    assert np.allclose(J(X, own).diagonal(), 3.0)
    own.extra = 4.0
    with pytest.raises(StructureMismatch, match="changed in place"):
        J(X, own)


def test_an_object_that_holds_itself_is_fixed_as_a_whole():
    tank = Tank(2.0, [])
    tank.w.append(tank)
    J = ss.jacobian(lambda x, t: t.w[0].k * x, X, tank)
    assert np.allclose(J(X, tank).diagonal(), 2.0)


@pytest.mark.parametrize("method", METHODS)
def test_unknowns_in_a_dict(method):
    def f(x):
        return np.concatenate([x["u"] * x["v"], (x["w"] @ x["w"]).ravel(), [len(x["name"]) * 1.0]])

    x = {"u": X, "v": 2.0, "name": "ab", "w": np.arange(4.0).reshape(2, 2)}
    J = ss.jacobian(f, x, method=method)
    columns = []
    for name in ("u", "v", "w"):
        for k in range(np.size(x[name])):
            moved = []
            for step in (1e-6, -1e-6):
                part = np.array(x[name], dtype=float)
                part.flat[k] += step
                moved.append(f(x | {name: part[()]}))
            columns.append((moved[0] - moved[1]) / 2e-6)
    assert np.allclose(J(x).toarray(), np.stack(columns, axis=1), atol=1e-8)
    assert np.allclose(J.value(x), f(x))
    assert np.allclose(J.jvp(x, np.ones(8)), J(x).toarray().sum(axis=1))
    with pytest.raises(StructureMismatch, match=r"`x\['u'\]` must have shape \(3,\)"):
        J(x | {"u": np.ones(2)})
    J.verify(x)


NESTS = {
    "tuple": (lambda x: x[0] * np.sum(x[1]), (2.0, np.ones(3))),
    "nested": (
        lambda x: x[0][0] * x[0][1] + np.sum(x[1]["a"]),
        [(1.0, 2.0), {"a": np.ones((2, 1))}],
    ),
    "named": (lambda x: x.a * np.sum(x.b), Pair(1.0, np.ones(2))),
    "object": (lambda x: x.slope * np.sum(x.w) + x.total, Tank(1.0, np.ones(3))),
    "empty part": (lambda x: np.sum(x["a"]) + x["b"] ** 2, {"a": np.ones(0), "b": 2.0}),
    "one": (lambda x: x["b"] ** 2, {"b": 2.0}),
    "integers": (lambda x: x["n"] ** 2 * x["m"], {"n": 3, "m": 2}),
}


@pytest.mark.parametrize("name", NESTS)
def test_gradient_and_hessian_of_nests(name):
    f, x = NESTS[name]
    twin = ss.jacobian(f, x)
    g, H = ss.gradient(f, x), ss.hessian(f, x)
    n = twin.shape[1]
    assert g(x).shape == (n,)
    assert np.allclose(g(x), twin(x).toarray().ravel())
    assert np.allclose(H.gradient(x), g(x))
    assert np.allclose(H(x).toarray(), ss.hessian(f, x, method="interpreted")(x).toarray())
    assert H.value(x) == pytest.approx(f(x))


def test_the_columns_are_in_the_order_of_the_container():
    J = ss.jacobian(lambda x: x["b"] * 2 + np.sum(x["a"] * [3, 4]), {"b": 1.0, "a": np.ones(2)})
    assert J({"a": np.ones(2), "b": 1.0}).toarray().tolist() == [[2.0, 3.0, 4.0]]
    J = ss.jacobian(lambda x: x.k * np.sum(x.w), Tank(1.0, np.ones(2)))
    assert J(Tank(2.0, np.array([3.0, 4.0]))).toarray().tolist() == [[7.0, 2.0, 2.0]]


def test_differences_take_nests_too():
    f = lambda x: np.concatenate([x["a"] ** 2, [x["b"] * 3]])
    x = {"a": np.array([1.0, 2.0]), "b": 1.0}
    for scheme in ("forward", "central", "complex"):
        J = ss.jacobian_by_differences(f, x, scheme=scheme, pattern=np.eye(3))
        assert np.allclose(J(x).diagonal(), [2.0, 4.0, 3.0])


@pytest.mark.parametrize("bad", [{"a": 1j}, [np.ones(2), 1j * np.ones(2)], (1.0, [2.0, 1j])])
def test_complex_unknowns_are_refused(bad):
    with pytest.raises(TraceError, match="`x` must be real"):
        ss.jacobian(lambda x: 1.0, bad)


@pytest.mark.parametrize("bad", [{"a": "s"}, None, "x", [], {}, (), Computed(1.0)])
def test_what_holds_no_numbers_is_refused(bad):
    if isinstance(bad, list):
        pytest.skip("an empty list is an empty array")
    with pytest.raises(TraceError, match="`x` must be a number or an array"):
        ss.jacobian(lambda x: 1.0, bad)


def test_complex_parameters_are_fixed():
    z, w = 2 + 1j, np.array([1j, 2.0, 3.0])
    f = lambda x, z, w: (x * z * w).real + abs(z)
    for method in METHODS:
        J = ss.jacobian(f, X, z, w, method=method)
        assert np.allclose(J(X, z, w).diagonal(), (z * w).real)
        assert np.allclose(J.value(X, z, w), f(X, z, w))
        with pytest.raises(StructureMismatch, match="`z` must be"):
            J(X, 3 + 1j, w)
        with pytest.raises(StructureMismatch, match="`w` must be"):
            J(X, z, 2 * w)


@dataclasses.dataclass
class Model:
    decay: float
    rates: Any


@pytest.mark.parametrize("wrap", [lambda d, r: Model(d, r), lambda d, r: {"d": d, "r": r}])
def test_solvers_take_containers(wrap):
    def rhs(t, y, p):
        d, r = (p.decay, p.rates) if isinstance(p, Model) else (p["d"], p["r"])
        return -d * y + r * np.roll(y, 1) * 0.1

    p = wrap(2.0, np.linspace(1, 2, 30))
    run = ss.solve_ivp(rhs, (0, 1), np.ones(30), args=(p,))
    assert run.success
    result = ss.root(lambda y, p: rhs(0.0, y, p) - y**3 + 1, np.ones(30), args=(p,))
    assert result.success
    assert np.allclose(rhs(0.0, result.x, p) - result.x**3, -1)
    fit = ss.least_squares(lambda y, p: rhs(0.0, y, p) - y**3 + 1, np.ones(30), args=(p,))
    assert np.allclose(fit.x, result.x)


def test_a_container_that_changes_during_a_solve_fails_it():
    p = Model(2.0, np.ones(30))

    def residual(y, p):
        return -p.decay * y + p.rates + y**3

    def change(state):
        p.rates[0] = 5.0

    result = ss.root(residual, np.full(30, 0.3), args=(p,), callback=change)
    assert result.status.value == "failed"
    assert "changed" in result.message
