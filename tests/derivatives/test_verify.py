"""`verify`, and arguments that are fixed at the trace: both compare what things hold now."""

from __future__ import annotations

import gc
import threading
import types
import weakref
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch, VerificationError
from sparsesolve.trace.content import content_of, surroundings_of
from tests.operation_cases import CASES


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
    J = ss.jacobian_by_differences(F, np.ones(2), pattern=np.eye(2))
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


class Holder:
    def __init__(self, k=2.0) -> None:
        self.k = k


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
    "object": (lambda: Holder(2.0), lambda c: setattr(c, "k", 5.0)),
    "nested": (lambda: Holder({"a": [2.0]}), lambda c: c.k["a"].insert(0, 3.0)),
    "slots": (Slots, lambda c: c.k.__setitem__(0, 5.0)),
    "object array": (lambda: np.array([2.0, "a"], object), lambda a: a.__setitem__(0, 9.0)),
    "closure": (enclosing, lambda f: f.__closure__[0].cell_contents.__setitem__(0, 9.0)),
}


@pytest.mark.every(2)
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
    # a mask is traced anew, as for other integers and words, but has entries of its own
    refused = "holds all entries" if kind == "mask" else "must be"
    with pytest.raises(StructureMismatch, match=refused):
        anew.values(x, make())
    if kind == "mask":
        assert np.array_equal(anew.value(x, make()), fetch(x, make()))


def test_fixed_arguments_of_hessians_and_gradients_are_compared_too() -> None:
    c = Holder(2.0)
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


FACTOR = 2.0


def times(u):
    return FACTOR * u


def twice_times(u):
    return times(u) * 2.0


@pytest.mark.parametrize("law", [times, twice_times], ids=["named", "by another function"])
def test_a_function_as_argument_holds_the_globals_that_it_names(monkeypatch, law) -> None:
    J = ss.jacobian(lambda x, law: law(x), np.ones(2), law)
    assert np.array_equal(J.value(np.ones(2), law), law(np.ones(2)))
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    with pytest.raises(StructureMismatch, match="changed in place"):
        J.value(np.ones(2), law)


def test_an_attribute_of_the_name_of_a_global_is_no_global(monkeypatch) -> None:
    law = lambda u: u * types.SimpleNamespace(FACTOR=1.0).FACTOR
    J = ss.jacobian(lambda x, law: law(x), np.ones(2), law)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert np.array_equal(J.value(np.ones(2), law), np.ones(2))


def test_fixed_arguments_inside_containers_are_compared() -> None:
    data = {
        "mask": np.array([True, False]),
        "w": np.ones(2),
        "more": (sp.eye_array(2).tocsr(), "a"),
    }
    f = lambda x, data: np.where(data["mask"], data["more"][0] @ x, data["w"] * x)
    J = ss.jacobian(f, np.ones(2), data)
    data["w"] = np.full(2, 5.0)  # a number: free
    assert np.array_equal(J.value(np.ones(2), data), f(np.ones(2), data))
    data["more"][0].data[:] = 3.0
    with pytest.raises(StructureMismatch, match=r"`data\['more'\]\[0\]` must hold"):
        J.value(np.ones(2), data)


def test_fixed_arguments_without_content_keep_the_quick_way() -> None:
    J = ss.jacobian(lambda x, name, flag: x * (2.0 if flag else 3.0), np.ones(3), "a", True)
    assert np.array_equal(J.value(np.ones(3), "a", True), np.full(3, 2.0))
    assert J.values(np.ones(3), "a", False).tolist() == [3.0] * 3  # traced anew


# ----- what is read, and how -----


class Refusing:
    """Objects of which nothing can be read."""

    def __init__(self) -> None:
        self.k = 2.0

    @property
    def __dict__(self):
        raise ValueError("not for you")


def test_objects_that_refuse_to_be_read_are_known_by_identity() -> None:
    thing = Refusing()
    assert content_of(thing) is None
    J = ss.jacobian(lambda x, r: x * r.k, np.ones(2), thing)
    assert np.array_equal(J.value(np.ones(2), thing), [2.0, 2.0])
    J = ss.jacobian(lambda x: x * thing.k, np.ones(2))
    J.verify()
    thing.k = 3.0
    with pytest.raises(VerificationError, match="returns"):
        J.verify()


@dataclass(slots=True)
class Nothing:
    pass


@dataclass(slots=True)
class Slotted:
    k: float = 2.0


def test_content_tells_apart_what_is_alike() -> None:
    ring: list[object] = [1]
    ring.append(ring)
    things = [
        1, 1.0, True, "1", b"1", None, [], (), {}, set(), {1}, frozenset({1}), [1], (1,), {1: 1},
        [[1]], [[], []], [[[]]], ring, np.ones(1), np.ones(1, int), np.ones((1, 1)),
        np.array([1.0], object), deque([1]), Decimal(1), Fraction(1), partial(max, 1),
        np.ma.array([1.0], mask=[True]), np.ma.array([1.0], mask=[False]), np.zeros(0), Nothing(),
        Slotted(), Slotted(3.0), sp.eye_array(1).tocsr(), sp.csr_array((1, 1)), [0.0] * 100,
        [0.0] * 99 + [1.0], [0] * 100, [].append, [1].append, enclosing(), np.sin,
        threading.Lock(), range(3), slice(3),
    ]  # fmt: skip
    found = [content_of(thing) for thing in things]
    assert None not in found
    assert len(set(found)) == len(things)
    assert [content_of(thing) for thing in things] == found


def test_the_order_of_entries_of_a_matrix_does_not_matter() -> None:
    A = sp.coo_array(([1.0, 2.0, 3.0], ([0, 1, 1], [1, 0, 0])), shape=(2, 2))
    B = sp.coo_array(([5.0, 1.0], ([1, 0], [0, 1])), shape=(2, 2))
    assert content_of(A) == content_of(B)
    assert A.nnz == 3


def test_what_a_function_uses_is_read_in_part_only() -> None:
    large = np.zeros(1 << 18)
    small = np.zeros(4)
    many = list(map(str, range(2000)))
    f = lambda x: x * small[0] + large[0]
    known = surroundings_of(f)
    large[0] = 1.0
    assert surroundings_of(f) == known
    small[3] = 1.0
    assert surroundings_of(f) != known
    assert surroundings_of(lambda x: x * len(many)) is None


def test_views_are_watched_in_arrays_of_any_layout() -> None:
    for root in (np.zeros((4, 6)), np.zeros((4, 6), order="F"), np.zeros((6, 4)).T):
        views = [root[1], root[:, 2], root[::2, ::-1], root[::-1].T, root[1:3, 1:3], root[2:2]]
        for view in views:
            J = ss.jacobian(lambda x, view=view: x * np.sum(view) + np.sum(x[0] * view), np.ones(2))
            J.verify()
            outside = np.ones(root.shape, bool)
            inside = root.copy()
            view += 1.0
            outside[root != inside] = False
            if view.size:
                with pytest.raises(VerificationError):
                    J.verify()
            view -= 1.0
            root[outside] = 7.0
            J.verify()
            root[outside] = 0.0


def test_a_watched_array_is_not_resized_in_place() -> None:
    d = np.arange(4.0)
    J = ss.jacobian(lambda x: x * d[:2], np.ones(2))
    with pytest.raises(ValueError, match="cannot resize"):
        d.resize(1, refcheck=False)
    J.verify()


@pytest.mark.slow
def test_a_watched_array_is_not_kept_alive() -> None:
    holder = {"d": np.ones(1000)}
    J = ss.jacobian(lambda x: x * holder["d"], np.ones(1000))
    gone = weakref.ref(holder["d"])
    holder["d"] = np.ones(1000)
    gc.collect()
    assert gone() is None
    J.verify()


# ----- functions that can no longer be called, or traced -----


def guarded(limit):
    """A function that refuses plain points beyond a limit."""

    def F(x):
        if type(x) is np.ndarray and np.any(x > limit[0]):
            raise ValueError("outside")
        return x**3 - 8.0

    return F


def test_a_function_that_raises_near_the_result_is_called_at_it() -> None:
    limit = [2.0 + 1e-9]
    assert ss.root(guarded(limit), np.ones(2)).success
    J = ss.jacobian(guarded(limit), np.ones(2))
    assert ss.root(guarded(limit), np.full(2, 1.9999), jac=J).success
    with pytest.raises(ValueError, match="outside"):
        ss.root(guarded([1.0]), np.full(2, 1.9), jac=J)


@pytest.mark.parametrize("method", ["newton", "minimize", "BDF"])
def test_a_function_that_cannot_be_called_at_the_result_fails_the_solve(method: str) -> None:
    limit = [10.0]
    close = lambda state: limit.__setitem__(0, -10.0)
    F = guarded(limit)
    if method == "newton":
        result = ss.root(F, np.ones(2), callback=close)
    elif method == "minimize":
        result = ss.minimize(lambda x: np.sum(F(x) ** 2), np.ones(2), callback=close)
    else:
        stop = lambda t, y: float(close(None) or 1.0)
        result = ss.solve_ivp(lambda t, y: -F(y), (0.0, 1.0), np.ones(60), events=stop)
    assert not result.success
    assert "cannot be called at the result: ValueError('outside')" in result.message


def test_a_solve_that_did_not_succeed_needs_no_value_at_its_end() -> None:
    limit = [10.0]

    def stop(state):
        limit[0] = -10.0
        return True

    F = guarded(limit)
    assert ss.root(F, np.ones(2), callback=stop).status == "stopped"
    limit[0] = 10.0
    assert ss.minimize(lambda x: np.sum(F(x) ** 2), np.ones(2), callback=stop).status == "stopped"


def test_a_function_that_can_no_longer_be_traced_has_changed() -> None:
    scale = [1.0]
    J = ss.jacobian(lambda x: x * 2.0 if scale[0] == 1.0 else x * float(x[0]), np.ones(2))
    scale[0] = 2.0
    with pytest.raises(VerificationError, match="returns"):
        J.verify(np.full(2, 3.0))
    f = lambda x: x * 2.0 if scale[0] == 2.0 else np.concatenate([x, x])
    J = ss.jacobian(f, np.ones(2))
    scale[0] = 3.0
    with pytest.raises(VerificationError, match=r"returns shape \(4,\) instead of \(2,\)"):
        J.verify()


@pytest.mark.every(12)
@pytest.mark.parametrize("name", CASES)
def test_no_operation_is_taken_for_a_change(name: str) -> None:
    case = CASES[name]
    x = np.linspace(case.low, case.high, 2 + int(np.prod(case.shape)))[1:-1].reshape(case.shape)
    J = ss.jacobian(case.function, x, method="interpreted")
    for point in (x, 1.1 * x, 1e8 * x, 1e-8 * x):
        J.verify(point)
