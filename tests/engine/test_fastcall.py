"""Entries: the builtins that run machine code on the memory of Python objects."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives import ProblemDerivatives
from sparsesolve.engine.evaluator import Fixed, Place, refuse
from sparsesolve.engine.llvm.compile import Compiled, compile_program
from sparsesolve.engine.llvm.run.fastcall import fastcalls_work
from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.builder import Builder

pytestmark = pytest.mark.skipif(not fastcalls_work(), reason="no entries in this Python")


def weighted(n: int = 5, m: int = 3) -> Compiled:
    """``exp(x) * p[0]``, then a constant, then all of p."""
    builder = Builder((n,))
    p = builder.parameter((m,))
    values = builder.map("multiply", builder.map("exp", builder.x), builder.slots(p)[:1])
    constant = builder.constant([7.0])
    return compile_program(builder.build(np.concatenate([values, constant, builder.slots(p)])))


def places(n: int = 5, m: int = 3) -> list[Place]:
    return [Place(-1, (n,), False), Place(0, (m,), False)]


X, P = np.linspace(0.0, 1.0, 5), np.array([2.0, 3.0, 4.0])
EXPECTED = np.concatenate([2.0 * np.exp(X), [7.0], P])


def test_an_entry_fills_the_result_and_returns_it():
    entry = weighted().fastcall(places(), fill=True)
    out = np.zeros(9)
    assert entry(X, P, out) is out
    np.testing.assert_allclose(out, EXPECTED, rtol=1e-15)


def test_without_filling_the_constants_stay():
    entry = weighted().fastcall(places(), fill=False)
    out = np.full(9, -1.0)
    assert entry(X, P, out) is out
    assert out[5] == -1.0
    np.testing.assert_allclose(np.delete(out, 5), np.delete(EXPECTED, 5), rtol=1e-15)


def aligned_view(offset: int) -> np.ndarray:
    """Numbers that begin at any byte."""
    return np.zeros(8 * 5 + 8, dtype=np.uint8)[offset : offset + 40].view(np.float64)


REFUSED = {
    "list": [0.0] * 5,
    "float32": X.astype(np.float32),
    "integers": np.arange(5),
    "big endian": X.astype(">f8"),
    "complex": X.astype(complex),
    "objects": X.astype(object),
    "strided": np.zeros(10)[::2],
    "reversed": X[::-1],
    "short": X[:4],
    "long": np.zeros(6),
    "column": X[:, None],
    "misaligned": aligned_view(1),
    "none": None,
    "float": 1.0,
    "class": np.ndarray,
    "subclass": X.view(np.recarray),
    "masked": np.ma.masked_array(X),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_left_alone(name):
    entry = weighted().fastcall(places(), fill=True)
    out = np.zeros(9)
    assert entry(REFUSED[name], P, out) is None
    np.testing.assert_array_equal(out, 0.0)


@pytest.mark.parametrize("name", ["list", "float32", "big endian", "strided", "misaligned"])
def test_the_long_way_takes_it(name):
    given = REFUSED[name]
    compiled = weighted()
    expected = compiled(np.array(given, dtype=np.float64), [P])
    np.testing.assert_array_equal(compiled(given, [P]), expected)
    np.testing.assert_array_equal(compiled(given, [P], out=np.empty(9)), expected)


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "out",
    [
        np.zeros(8),
        np.zeros(18)[::2],
        np.zeros((9, 1)),
        np.zeros(9, dtype=np.float32),
        np.zeros(9, dtype=">f8"),
        frozen(np.zeros(9)),
        [0.0] * 9,
        None,
        9.0,
    ],
    ids=["short", "strided", "column", "float32", "big endian", "frozen", "list", "none", "float"],
)
def test_results_that_are_not_taken(out):
    assert weighted().fastcall(places(), fill=True)(X, P, out) is None


def test_a_frozen_result_is_refused_with_a_message():
    with pytest.raises(StructureMismatch, match="`out` must be writeable"):
        weighted()(X, [P], out=frozen(np.zeros(9)))


def test_numbers_of_arguments():
    entry = weighted().fastcall(places(), fill=True)
    out = np.zeros(9)
    assert entry() is None
    assert entry(out) is None
    assert entry(X, out) is None
    assert entry(X, P, P, out) is None
    with pytest.raises(TypeError):
        entry(X, P, out=out)


def test_frozen_arguments_are_read():
    out = np.zeros(9)
    assert weighted().fastcall(places(), fill=True)(frozen(X.copy()), frozen(P.copy()), out) is out


@pytest.mark.parametrize("shift", [-4, 0, 4, 5, 8])
def test_overlapping_memory_goes_the_long_way(shift):
    """Where the result overlaps x, x is read first."""
    memory = np.zeros(40)
    x, out = memory[16:21], memory[16 + shift : 25 + shift]
    compiled = weighted()
    x[:] = X
    entry = compiled.fastcall(places(), fill=True)
    assert (entry(x, P, out) is out) == (not np.shares_memory(x, out))
    x[:] = X
    np.testing.assert_allclose(compiled(x, [P], out=out), EXPECTED, rtol=1e-15)


def test_any_order_and_shape():
    compiled = weighted(n=6, m=1)
    order = [Fixed("exp"), Place(0, (), True), Place(-1, (2, 3), False)]
    entry = compiled.fastcall(order, fill=True)
    x, out = np.arange(6.0).reshape(2, 3), np.empty(8)
    for scale in (3.0, np.float64(3.0), np.array(3.0)):
        out[:] = 0.0
        assert entry("exp", scale, x, out) is out
        np.testing.assert_allclose(out[:6], 3.0 * np.exp(np.arange(6.0)), rtol=1e-15)
    for wrong in (3, np.float32(3.0), np.array([3.0]), True, "3"):
        assert entry("exp", wrong, x, out) is None
    assert entry("exp", 3.0, np.asfortranarray(x), out) is None
    assert entry("exp", 3.0, x.reshape(3, 2), out) is None
    assert entry("exp", 3.0, x.reshape(-1), out) is None
    assert entry("sin", 3.0, x, out) is None


@pytest.mark.parametrize("m", [1, 3000])
@pytest.mark.parametrize("n", [0, 1, 3000])
def test_sizes(n, m, rng):
    """Small parameters are copied, large ones are pointed to."""
    compiled = weighted(n, m)
    x, p = rng.normal(size=n), rng.normal(size=m)
    for _ in range(3):
        expected = np.concatenate([p[0] * np.exp(x), [7.0], p])
        out = np.empty(n + 1 + m)
        assert n == 0 or compiled.fastcall(places(n, m), fill=True)(x, p, out) is out
        np.testing.assert_allclose(compiled(x, [p], out=out), expected, rtol=1e-15)
        np.testing.assert_allclose(compiled(x, [p]), expected, rtol=1e-15)
        p += 1.0


def test_a_parameter_that_is_copied_and_pointed_to(rng):
    """One load reads it alone, another one together with x."""
    n = 3000
    builder = Builder((n,))
    p = builder.slots(builder.parameter((n,)))
    mixed = rng.permutation(np.concatenate([builder.slots(builder.x), p]))[:n]
    program = builder.build(
        builder.map("add", builder.map("exp", mixed), builder.map("sin", p[::-1]))
    )
    x, q = rng.normal(size=n), rng.normal(size=n)
    everything = np.concatenate([x, q])
    expected = np.exp(everything[mixed]) + np.sin(q[::-1])
    np.testing.assert_allclose(compile_program(program)(x, [q]), expected, rtol=1e-13, atol=1e-14)


def test_constant_programs():
    builder = Builder((2,))
    compiled = compile_program(builder.build(builder.constant([1.0, 2.0])))
    out = np.zeros(2)
    assert compiled.fastcall([Place(-1, (2,), False)], fill=True)(np.zeros(2), out) is out
    np.testing.assert_array_equal(out, [1.0, 2.0])


def test_references_are_counted():
    entry = weighted().fastcall(places(), fill=True)
    x, p, out = X.copy(), P.copy(), np.zeros(9)
    before = [sys.getrefcount(a) for a in (x, p, out)]
    nothing = sys.getrefcount(None)
    for _ in range(1000):
        entry(x, p, out)
        entry(x, p, None)
    assert [sys.getrefcount(a) for a in (x, p, out)] == before
    assert abs(sys.getrefcount(None) - nothing) < 100


@pytest.mark.slow
def test_an_entry_keeps_what_it_needs():
    compiled = weighted()
    entry = compiled.fastcall(places(), fill=True)
    gone = weakref.ref(compiled)
    del compiled
    gc.collect()
    assert gone() is None
    out = np.zeros(9)
    for _ in range(100):
        np.ones(100)  # would take the place of what was freed
    entry(X, P, out)
    np.testing.assert_allclose(out, EXPECTED, rtol=1e-15)


def test_better_code_reaches_entries(rng, monkeypatch):
    monkeypatch.setattr("sparsesolve.engine.llvm.run.machine._SECONDS_SAVED", 1.0)
    builder = Builder((100,))
    compiled = compile_program(builder.build(builder.map("exp", builder.x)))
    x, out = rng.normal(size=100), np.empty(100)
    entry = compiled.fastcall([Place(-1, (100,), False)], fill=True)
    refusals = [entry(x, out) is None for _ in range(40)]
    assert not any(refusals[:20])
    assert all(refusals[20:])  # until the long way has compiled
    assert {signature.mode for signature in compiled._machine.signatures} == {"tiny"}
    compiled(x)
    assert {signature.mode for signature in compiled._machine.signatures} == {"map"}
    assert entry(x, out) is out
    np.testing.assert_array_equal(out, compiled(x))


@pytest.mark.parametrize("n", [10, 30_000])
def test_threads_share_an_object(n, rng):
    """Small programs keep the lock; of large ones, one call has the entry, the others go along."""
    J = ss.jacobian(lambda x, p: np.sin(x[1:] * p) * x[:-1], np.zeros(n), 1.0)
    points, scales = rng.normal(size=(4, n)), rng.normal(size=4)
    expected = [J(x, p).data for x, p in zip(points, scales, strict=True)]
    wrong = []

    def work(k: int) -> None:
        out = np.empty(J.nnz)
        for _ in range(30 if n > 100 else 3000):
            J.values(points[k], scales[k], out=out)
            if not np.array_equal(out, expected[k]):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_a_function_may_call_the_object_that_calls_it():
    """A program that is at work may be started again by the Python function that it calls."""
    from autograd.extend import defvjp, primitive

    compiled: list[ss.Jacobian] = []

    @primitive
    def cube(x):
        if compiled and x[0] > 0.0:
            compiled[0].value(-np.abs(x))
        return x**3

    defvjp(cube, lambda ans, x: lambda g: 3.0 * g * x**2)
    J = ss.jacobian(lambda x: cube(np.exp(x) - 1.5) + x, np.zeros(3))
    compiled.append(J)
    x = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(J.value(x), (np.exp(x) - 1.5) ** 3 + x, rtol=1e-14)


def test_derivatives_without_entries(monkeypatch, rng):
    """Where there are no entries, everything is the same."""
    results = []
    for works in (True, False):
        monkeypatch.setattr(
            "sparsesolve.engine.llvm.run.machine.fastcalls_work", lambda works=works: works
        )
        J = ss.jacobian(lambda x, s: s * np.sin(x) * x[::-1], np.zeros((6,)), 1.0)
        assert (J._values._fill is refuse) == (not works)
        d = ProblemDerivatives(lambda x: np.sum(x**3), [lambda x: x[:1] * x[1:]], np.ones(4))
        x, y = np.arange(6.0), np.arange(4.0)
        results.append([J.values(x, 2.0), J.value(x, 2.0), J(x, 2.0).toarray()])
        results[-1] += [d.gradient(y), d.hessian_values(y, np.ones(3)), d.jacobian_values(y)]
    for with_entries, without in zip(*results, strict=True):
        np.testing.assert_array_equal(with_entries, without)


def test_every_form_of_arguments_of_a_jacobian():
    def function(t, mode, y, data):
        return t * y**2 + (data["a"] if mode is None else 0.0)

    y = np.arange(3.0)
    J = ss.jacobian(function, 0.5, None, y, {"a": 2.0}, argnum=2)
    np.testing.assert_array_equal(J.values(2.0, None, y, {"a": 1.0}), 4.0 * y)
    K = ss.jacobian(lambda t, mode, y: t * y**2 if mode else y, 0.5, True, y, argnum=2)
    for t in (2.0, 2, np.float64(2.0), np.array(2.0), np.float32(2.0)):
        np.testing.assert_array_equal(K.values(t, True, y), 4.0 * y)
        np.testing.assert_array_equal(K.values(t, np.bool_(True).item(), list(y)), 4.0 * y)
    assert K.values(2.0, False, y).tolist() == [1.0] * 3  # traced anew
    with pytest.raises(StructureMismatch, match=r"`t` must have shape \(\)"):
        K.values(np.ones(1), True, y)


@pytest.mark.parametrize("n", [2, 50, 5000])
def test_the_hessian_of_a_lagrangian_takes_multipliers_in_pieces(n, rng):
    """Small ones are copied by the entry; large ones go the long way."""
    d = ProblemDerivatives(lambda x: np.sum(x**3), [lambda x: x[1:] * x[:-1] ** 2], np.ones(n))
    x, y = rng.normal(size=n), rng.normal(size=n - 1)
    out = np.empty(d.hessian_pattern.nnz)
    quick = d._hessian_entries[1](x, y, 2.0, out) is out
    assert quick == (n <= 2048)
    for sigma in (2.0, 2, np.float64(2.0), np.array(2.0), 0.0):
        expected = d._weighted_hessian(x, y, sigma, None)
        np.testing.assert_array_equal(d.hessian_values(x, y, sigma), expected)
        np.testing.assert_array_equal(d.hessian_values(list(x), list(y), sigma), expected)
        assert d.hessian_values(x, y, sigma, out) is out
        np.testing.assert_array_equal(out, expected)
    with pytest.raises(StructureMismatch, match="`multipliers` must have shape"):
        d.hessian_values(x, y[1:], 2.0)
    assert d.calls["hessian"] == 16


def test_no_constraints_or_no_objective():
    x = np.arange(1.0, 4.0)
    d = ProblemDerivatives(lambda x: np.sum(x**3), [], x)
    np.testing.assert_array_equal(d.hessian_values(x, np.empty(0), 0.5), 3.0 * x)
    np.testing.assert_array_equal(d.hessian_values(x, [], 0.5), 3.0 * x)
    d = ProblemDerivatives(None, [lambda x: np.sum(x**3)], x)
    np.testing.assert_array_equal(d.hessian_values(x, np.ones(1)), 6.0 * x)
