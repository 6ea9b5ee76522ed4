"""Entries that ask another entry before they run: nothing happens where it does not say 1.0."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from sparsesolve.engine.evaluator import Place, refuse
from sparsesolve.engine.llvm.compile import Compiled, compile_program
from sparsesolve.engine.llvm.run.fastcall import fastcalls_work
from sparsesolve.ir.builder import Builder

pytestmark = pytest.mark.skipif(not fastcalls_work(), reason="no entries in this Python")

N = 40


def squares() -> Compiled:
    """``x * x * p``."""
    b = Builder((N,))
    p = b.slots(b.parameter((1,)))
    return compile_program(b.build(b.map("multiply", b.map("multiply", b.x, b.x), p)))


def first_element(parameters: int = 1) -> Compiled:
    b = Builder((N,))
    for _ in range(parameters):
        b.parameter((1,))
    return compile_program(b.build(b.map("multiply", b.x[:1], b.constant([1.0]))))


def places(parameters: int = 1) -> list[Place]:
    return [Place(-1, (N,), False), Place(0, (1,), False)][: 1 + parameters]


def entry(parameters: int = 1):
    asked = first_element(parameters).fastcall(places(parameters), fill=True)
    return squares().fastcall(places(), fill=True, first=asked)


@pytest.mark.parametrize("parameters", [0, 1])
def test_the_answer_decides(parameters):
    """The one that is asked may take fewer arguments: the first ones."""
    run, out = entry(parameters), np.full(N, -1.0)
    x, p = np.linspace(1.0, 2.0, N), np.array([3.0])
    assert run(x, p, out) is out
    np.testing.assert_array_equal(out, x * x * 3.0)
    for answer in (0.0, -1.0, np.nan, np.inf, np.nextafter(1.0, 2.0)):
        out[:], x[0] = -1.0, answer
        assert run(x, p, out) is None
        assert set(out) == {-1.0}
    x[0] = 1.0
    assert run(x, p, out) is out


def test_what_either_does_not_take_is_refused():
    run, out = entry(), np.zeros(N)
    x, p = np.ones(N), np.ones(1)
    for wrong in (
        (x.astype(np.float32), p, out),
        (x, [1.0], out),
        (x, p, np.zeros(N + 1)),
        (x, p),
        (),
        (x, p, out, out),
        (x, p, x),
    ):
        assert run(*wrong) is None
    assert run(x, p, out) is out


def test_only_builtins_can_be_asked():
    for other in (refuse, lambda *_: np.ones(1)):
        assert squares().fastcall(places(), fill=True, first=other) is refuse


def test_objects_are_counted_right():
    run, out, x, p = entry(), np.zeros(N), np.ones(N), np.ones(1)
    things = (out, x, p, None)
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(1000):
        run(x, p, out)
        x[0] = 1.0 - x[0]
    after = [sys.getrefcount(thing) for thing in things]
    assert after[:3] == before[:3]
    assert abs(after[3] - before[3]) < 100


def test_threads_get_their_own_answers():
    run = entry()
    wrong = []

    def work(k):
        out, p = np.zeros(N), np.array([float(k)])
        good, bad = np.linspace(1.0, k, N), np.zeros(N)
        for _ in range(500):
            if run(bad, p, out) is not None:
                wrong.append(k)
            if run(good, p, out) is not None and not np.array_equal(out, good * good * k):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(2, 6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
