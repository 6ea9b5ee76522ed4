"""`verify`, and arguments that are fixed at the trace: both compare what things hold now."""

from __future__ import annotations

import types

import numpy as np
import pytest
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch, VerificationError


def counting(function):
    def counted(*args):
        counted.calls += 1
        return function(*args)

    counted.calls = 0
    return counted


def cubic():
    p = {"c": 1.0}
    return counting(lambda x: x**3 - p["c"]), p


# ----- verify -----


def test_a_jacobian_verifies_what_it_took_from_elsewhere() -> None:
    d = np.arange(200.0)
    F = counting(lambda x: (x - d[50:150]) ** 2)
    J = ss.jacobian(F, np.ones(100))
    J.verify()
    J.verify(np.full(100, 2.0))
    assert F.calls == 4
    assert "calls of the user's function  4" in J.report()
    d[:50] = -1.0  # another part of the same memory
    J.verify()
    d[60] = 7.0
    with pytest.raises(
        VerificationError, match=r"uses an array of shape \(100,\).*Prepare it anew"
    ):
        J.verify()
    d[60] = 60.0
    J.verify()


def test_an_array_that_does_not_matter_at_the_point_is_verified() -> None:
    w = np.zeros(100)
    J = ss.jacobian(lambda x: x * w, np.zeros(100))
    w[3] = 1.0
    with pytest.raises(VerificationError):
        J.verify(np.zeros(100))


def test_all_kinds_of_derivatives_verify() -> None:
    p = {"k": 1.0}
    f = lambda x: p["k"] * np.sum(x**3)
    x = np.ones(3)
    made = [
        ss.gradient(f, x),
        ss.hessian(f, x),
        ss.jacobian(f, x),
        ss.LagrangianHessian(None, [f], x),
        ss.Problem(f, x),
        ss.Problem(None, x, constraints=ss.Constraint(f, 0.0, None)),
    ]
    for derivative in made:
        derivative.verify()
        derivative.verify(2.0 * x)
    for derivative in made[4:]:
        derivative.gradient(x)
    p["k"] = 2.0
    for derivative in made:
        with pytest.raises(VerificationError, match="returns"):
            derivative.verify()
        with pytest.raises(VerificationError, match="returns"):
            derivative.verify(2.0 * x)


def test_a_black_box_is_never_out_of_date() -> None:
    F, p = cubic()
    J = ss.jacobian(F, np.ones(2), method="finite-difference", pattern=np.eye(2))
    p["c"] = 3.0
    J.verify()


# ----- static arguments -----


def fetch(x, thing):
    """Multiply by the first number that an object holds."""
    while not isinstance(thing, float):
        if hasattr(thing, "k"):
            thing = thing.k
        elif callable(thing):
            thing = thing()
        elif sp.issparse(thing):
            thing = thing.toarray()[0, 0].item()
        else:
            thing = next(iter(thing.values())) if isinstance(thing, dict) else thing[0]
        if isinstance(thing, np.bool_ | bool):
            thing = float(thing)
    return x * thing


class Slots:
    __slots__ = ("k",)

    def __init__(self) -> None:
        self.k = [2.0]


def enclosing():
    k = [2.0]

    def give():
        return k[0]

    return give


STATIC = {
    "csr": (lambda: sp.eye_array(3).tocsr(), lambda A: A.data.__setitem__(0, 9.0)),
    "csc": (lambda: sp.eye_array(3).tocsc(), lambda A: A.data.__setitem__(0, 9.0)),
    "coo": (lambda: sp.eye_array(3).tocoo(), lambda A: A.data.__setitem__(0, 9.0)),
    "lil": (lambda: sp.eye_array(3).tolil(), lambda A: A.__setitem__((0, 0), 9.0)),
    "dok": (lambda: sp.eye_array(3).todok(), lambda A: A.__setitem__((0, 0), 9.0)),
    "dia": (lambda: sp.eye_array(3), lambda A: A.data.__setitem__((0, 0), 9.0)),
    "mask": (lambda: np.array([True, False]), lambda m: m.__setitem__(0, False)),
    "object": (lambda: types.SimpleNamespace(k=2.0), lambda c: setattr(c, "k", 5.0)),
    "nested": (lambda: types.SimpleNamespace(k={"a": [2.0]}), lambda c: c.k["a"].insert(0, 3.0)),
    "slots": (Slots, lambda c: c.k.__setitem__(0, 5.0)),
    "object array": (lambda: np.array([2.0, "a"], object), lambda a: a.__setitem__(0, 9.0)),
    "closure": (enclosing, lambda f: f.__closure__[0].cell_contents.__setitem__(0, 9.0)),
}


@pytest.mark.parametrize("kind", STATIC)
@pytest.mark.parametrize("method", ["compiled", "interpreted", "colored"])
def test_a_fixed_argument_is_compared_by_what_it_holds(kind: str, method: str) -> None:
    make, change = STATIC[kind]
    x = np.arange(1.0, 4.0)
    thing = make()
    J = ss.jacobian(fetch, x, thing, method=method)
    for same in (thing, make(), thing):
        assert np.array_equal(J.value(x, same), fetch(x, same))
        assert np.array_equal(J(x, same).toarray(), fetch(np.eye(3), same))
    change(thing)
    for call in (J, J.value, J.values, lambda *a: J.jvp(*a, x), J.verify):
        with pytest.raises((StructureMismatch, VerificationError), match="changed in place"):
            call(x, thing)
    assert np.array_equal(J.value(x, make()), fetch(x, make()))
    anew = ss.jacobian(fetch, x, thing, method=method)
    assert np.array_equal(anew.value(x, thing), fetch(x, thing))
    with pytest.raises(StructureMismatch, match="must be"):
        anew.value(x, make())


def test_fixed_arguments_of_hessians_and_gradients_are_compared_too() -> None:
    c = types.SimpleNamespace(k=2.0)
    f = lambda x, c: c.k * np.sum(x**2)
    g, H = ss.gradient(f, np.ones(2), c), ss.hessian(f, np.ones(2), c)
    c.k = 3.0
    for call in (g, H, H.gradient, H.value, g.verify, H.verify):
        with pytest.raises((StructureMismatch, VerificationError), match="changed in place"):
            call(np.ones(2), c)


def test_an_object_that_the_function_itself_changes_is_known_by_identity() -> None:
    class Meter:
        def __init__(self) -> None:
            self.calls, self.k = 0, 2.0

    def f(x, meter):
        meter.calls += 1
        return meter.k * x

    meter = Meter()
    J = ss.jacobian(f, np.ones(2), meter)
    for _ in range(2):
        assert np.array_equal(J.value(np.ones(2), meter), f(np.ones(2), meter))
    with pytest.raises(StructureMismatch):
        J.value(np.ones(2), Meter())
    meter.k = 3.0
    assert np.allclose(ss.root(lambda x, m: f(x, m) - 6.0, np.ones(2), args=(meter,)).x, 2.0)
    with pytest.raises(VerificationError, match="returns"):
        J.verify(np.ones(2), meter)


def test_fixed_arguments_without_content_keep_the_quick_way() -> None:
    J = ss.jacobian(lambda x, name, flag: x * (2.0 if flag else 3.0), np.ones(3), "a", True)
    assert np.array_equal(J.value(np.ones(3), "a", True), np.full(3, 2.0))
    with pytest.raises(StructureMismatch, match="`flag` must be True, got False"):
        J.value(np.ones(3), "a", False)
