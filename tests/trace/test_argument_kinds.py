"""Arguments of every kind: the function gets what it is given, or the kind is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch, TraceError, VerificationError

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
X = np.array([0.5, -1.5, 2.0])


def matrix(values: Any) -> Any:
    return np.array(values).view(np.matrix)


F: dict[str, tuple[Callable[..., Any], Any]] = {
    "list * 2": (lambda x, p: x * len(p * 2), [1.0, 2.0, 3.0]),
    "list + list": (lambda x, p: np.sum(x) * np.array(p + p), [1.0, 2.0, 3.0]),
    "list in a dict": (lambda x, p: np.sum(x) * np.array(p["a"] * 2), {"a": [1.0, 2.0]}),
    "list of integers": (lambda x, p: x[p] * len(p * 2), [0, 2]),
    "list as an array": (lambda x, p: x * p, [1.0, 2.0, 3.0]),
    "array's method of a list": (lambda x, p: x * np.sum(p), [1.0, 2.0, 3.0]),
    "isinstance": (lambda x, p: x * (2 if isinstance(p, int) else 3), 3),
    "big integer": (lambda x, p: x * (p - 2**60), 2**60 + 1),
    "slice": (lambda x, n: x[:n], 2),
    "range": (lambda x, n: sum(x * k for k in range(n)), 3),
    "key": (lambda x, mode: x * {1: 2.0}.get(mode, 5.0), 1),
    "reshape": (lambda x, p: x.reshape((p["n"], 1)) * p["k"], {"n": 3, "k": 0.1}),
    "bitwise": (lambda x, k: x * (1 << k), 3),
    "index": (lambda x, i: x[i], np.array([2, 0, 0])),
    "full_like": (lambda x, p: x * np.full_like(p, 2.7), np.array([1, 2, 3])),
    "dtype": (lambda x, p: x * (1 if p.dtype.kind == "i" else 2), np.ones(3, int)),
    "int64": (lambda x, p: x * (p - 2**60), np.array([2**60 + 1] * 3)),
    "uint8": (lambda x, p: x * (p * 2), np.array([200, 1, 2], np.uint8)),
    "int8 sum": (lambda x, p: x * (p + p), np.array([100, 1, 2], np.int8)),
    "int16": (lambda x, p: x * (p * p), np.array([300, 1, 2], np.int16)),
    "int32": (lambda x, p: x * (p * p), np.array([100000, 1, 2], np.int32)),
    "uint64": (lambda x, p: x * (p - p[::-1]), np.array([1, 5, 2], np.uint64)),
    "scalar uint8": (lambda x, p: x * (p + np.uint8(100)), np.uint8(200)),
    "bool": (lambda x, p: x * (p + p), np.array([True, False, True])),
    "Python bool": (lambda x, p: x * (~np.bool_(p) + 1), True),
    "matrix": (lambda x, A: np.asarray(A * A)[0] * x[:2], matrix([[1.0, 2.0], [3.0, 4.0]])),
    "unit matrix": (lambda x, A: np.asarray(A * A)[0] * x[:2], matrix(np.eye(2))),
    "masked": (lambda x, p: x * p.sum(), np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])),
    "not masked": (lambda x, p: x * p.mean(), np.ma.array([1.0, 2.0, 3.0])),
    "float32": (lambda x, p: x * p, np.array([0.1, 0.2, 0.3], np.float32)),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize("name", F)
def test_the_function_gets_what_it_is_given(name: str, method: Any) -> None:
    with np.errstate(over="ignore"):
        f, p = F[name]
        J = ss.jacobian(f, X + 0.1, p, method=method)
        assert np.allclose(J.value(X, p), f(X, p), rtol=1e-14)
        slopes = np.stack(
            [np.ravel(f(X + e, p) - f(X - e, p)) / 2e-3 for e in 1e-3 * np.eye(3)], axis=1
        )
    assert np.allclose(J(X, p).toarray(), slopes)


@pytest.mark.filterwarnings("ignore:Bitwise inversion:DeprecationWarning")  # of Python's True
@pytest.mark.parametrize(
    ("f", "p", "error"),
    [
        (lambda x, p: x * ~(p > 0), 1.5, VerificationError),
        (lambda x, p: p * x, np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), TraceError),
    ],
)
def test_kinds_that_are_refused(f: Callable[..., Any], p: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ss.jacobian(f, X, p)


def test_masked_unknowns_are_refused() -> None:
    masked = np.ma.array(X, mask=[0, 1, 0])
    with pytest.raises(TraceError, match="masked"):
        ss.jacobian(lambda x: x.sum() * x, masked)
    J = ss.jacobian(lambda x: x.sum() * x, np.ma.array(X))
    with pytest.raises(StructureMismatch, match="plain array"):
        J(masked)
    with pytest.raises(StructureMismatch, match="plain array"):
        ss.jacobian(lambda x, A: (A * A) @ x, X, np.eye(3))(X, matrix(np.eye(3)))


def test_integers_that_only_count_stay_parameters() -> None:
    J = ss.jacobian(lambda t, y: y * np.sin(t) ** 2, 0, X, argnum=1)
    assert np.allclose(J(0.3, X).diagonal(), np.sin(0.3) ** 2)
    J = ss.jacobian(lambda x, p: x * p, X, np.array([1, 2, 3]))
    assert np.allclose(J(X, [0.5, 1.5, 2.5]).diagonal(), [0.5, 1.5, 2.5])
    J = ss.jacobian(lambda x, image: x - image, X, np.array([1, 2, 3], np.uint8))
    image = np.array([250, 7, 0], np.uint8)
    assert np.array_equal(J.value(X, image), X - image)


def test_static_integers_are_compared() -> None:
    J = ss.jacobian(lambda x, n: x[:n], X, 2)
    assert J(X, 2).shape == (2, 3)
    with pytest.raises(StructureMismatch, match="2 x 3, 2 entries"):
        J.values(X, 3)
    p = np.array([200, 1, 2], np.uint8)
    J = ss.jacobian(lambda x, p: x * (p * 2), X, p)
    p[0] = 1
    with pytest.raises(StructureMismatch, match="changed in place"):
        J(X, p)


METHODS = ["compiled", "interpreted", "colored"]
OTHERS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "size": (lambda x, n: x[:n] ** 2, [2, 3, 1, 0]),
    "index": (lambda x, i: x[i] * x, [np.array([2, 0, 0]), np.array([1, 1, 2])]),
    "power and size": (lambda x, p: x[: p["n"]] ** p["k"], [{"n": 2, "k": 1}, {"n": 3, "k": 2}]),
    "word": (lambda x, s: {"a": x, "b": x**2}[s], ["a", "b", "a"]),
    "flag": (lambda x, flag: x * (2.0 if flag else x), [True, False]),
    "None": (lambda x, k: x if k is None else x[:k], [None, 2]),
    "list of indices": (lambda x, groups: [np.sum(x[g]) ** 2 for g in groups], [[0, 1], [2, 2]]),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", OTHERS)
def test_other_constants_are_traced_anew(name: str, method: Any) -> None:
    f, constants = OTHERS[name]
    calls: list[int] = []

    def counted(x: Any, c: Any) -> Any:
        calls.append(1)
        return f(x, c)

    J = ss.jacobian(counted, X, constants[0], method=method)
    g = lambda x, c: np.sum(np.asarray(f(x, c)) ** 2)
    H = ss.hessian(lambda x, c: np.sum(np.array(f(x, c)) ** 2), X, constants[0], method=method)
    G = ss.gradient(lambda x, c: np.sum(np.array(f(x, c)) ** 2), X, constants[0], method=method)
    for c in (*constants, *constants[::-1]):
        slopes = [(np.ravel(f(X + e, c)) - np.ravel(f(X - e, c))) / 2e-5 for e in 1e-5 * np.eye(3)]
        assert np.allclose(J(X, c).toarray(), np.stack(slopes, axis=1), atol=1e-7)
        assert np.allclose(J.value(X, c), f(X, c))
        steep = [(g(X + e, c) - g(X - e, c)) / 2e-5 for e in 1e-5 * np.eye(3)]
        assert np.allclose(G(X, c), steep, atol=1e-5)
        assert np.allclose(H.gradient(X, c), G(X, c))
        assert np.allclose(H.value(X, c), g(X, c))
        assert np.allclose(G.value(X, c), g(X, c))
        moved = [(G(X + e, c) - G(X - e, c)) / 2e-5 for e in 1e-5 * np.eye(3)]
        assert np.allclose(H(X, c).toarray(), moved, atol=1e-4)
    made = len(calls)
    J(X, constants[-1]), J.value(X, constants[0])
    assert len(calls) == made


def test_integers_that_are_no_floats_are_refused() -> None:
    J = ss.jacobian(lambda x, p: x * p, X, np.array([1, 2, 3]))
    with pytest.raises(StructureMismatch, match="2\\*\\*53"):
        J(X, np.array([1, 2, 2**60 + 1]))


def test_the_function_cannot_change_the_arguments_of_the_check() -> None:
    def f(x: Any, p: Any) -> Any:
        return x * p[0]

    p = [1.0, 2.0]
    ss.jacobian(f, X, p)
    assert p == [1.0, 2.0]


def test_a_list_that_the_function_takes_for_an_array() -> None:
    J = ss.jacobian(lambda x, p: x * p.sum(), X, [1.0, 2.0])
    assert np.allclose(J(X, [2.0, 3.0]).diagonal(), 5.0)
