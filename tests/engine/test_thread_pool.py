"""Threads that run one program together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from random_programs import point, random_program

import sparsesolve as ss
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan import chunks
from sparsesolve.engine.llvm.plan.schedule import find_phases
from sparsesolve.engine.llvm.run.thread_pool import ThreadPool
from sparsesolve.ir.builder import Builder


@pytest.fixture(autouse=True)
def everything_is_shared(monkeypatch):
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.schedule._WORTH_A_THREAD", 0)
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.schedule._WORTH_A_SPLIT", 0)
    monkeypatch.setattr(chunks, "_LEAST", 0)


def grid_residual(side: int):
    def residual(u):
        grid = np.pad(u.reshape(side, side), 1)
        middle = grid[1:-1, 1:-1]
        around = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
        return (4 * middle - around - np.exp(middle)).reshape(-1)

    return residual


@pytest.mark.every(2)
@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed, threads):
    program = random_program(seed)
    x, parameters = point(program, seed)
    alone = compile_program(program)(x, parameters)
    together = compile_program(program, threads=threads)
    for _ in range(5):
        np.testing.assert_array_equal(together(x, parameters), alone)
        out = np.full(program.m, 9.0)
        np.testing.assert_array_equal(together(x, parameters, out=out), alone)


@pytest.mark.parametrize("threads", [2, 4])
def test_many_calls_in_a_row(threads, rng):
    side = 40
    J = ss.jacobian(grid_residual(side), np.zeros(side**2), threads=threads)
    alone = ss.jacobian(grid_residual(side), np.zeros(side**2))
    points = rng.normal(size=(3, side**2))
    expected = [alone.values(x) for x in points]
    buffer, out = J.buffer(), np.empty(J.nnz)
    for k in range(3000):
        assert np.array_equal(J.values(points[k % 3], out=out), expected[k % 3])
        assert np.array_equal(J.refill(buffer, points[k % 3]), expected[k % 3])


def test_phases_that_wait_for_each_other(rng):
    n = 5003
    builder = Builder((n,))
    y = builder.map("exp", builder.x)
    for _ in range(6):  # each reads what the one before wrote, from the other end
        y = builder.map("multiply", builder.map("sin", y[::-1]), y)
    total = builder.reduce(y, np.array([0, n]))
    program = builder.build(np.concatenate([y, total]))
    x = rng.normal(size=n)
    alone = compile_program(program)(x)
    together = compile_program(program, threads=3)
    assert len(find_phases(list(together._machine.plan.tasks))) > 1
    for _ in range(500):
        assert np.array_equal(together(x), alone)


def test_several_callers_at_a_time(rng):
    """One has the team, the others run alone."""
    side = 60
    J = ss.jacobian(grid_residual(side), np.zeros(side**2), threads=2)
    points = rng.normal(size=(4, side**2))
    expected = [J.values(x) for x in points]
    wrong = []

    def work(k: int) -> None:
        wrong.extend(k for _ in range(300) if not np.array_equal(J.values(points[k]), expected[k]))

    callers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_opaque_calls_between_the_stages(rng):
    A = np.eye(40) * 3.0 + rng.normal(size=(40, 40)) * 0.1
    functions = [
        ss.jacobian(lambda x: np.linalg.solve(A, np.exp(x)) * x, np.zeros(40), threads=k)
        for k in (1, 2)
    ]
    for _ in range(20):
        x = rng.normal(size=40)
        np.testing.assert_array_equal(functions[0].values(x), functions[1].values(x))


def run_python(code: str) -> int:
    """Run code in a process of its own, where nothing else has threads."""
    return subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_has_a_team_of_its_own():
    code = """
import os, threading
import numpy as np
import sparsesolve as ss

x = np.linspace(0.0, 1.0, 300_000)
J = ss.jacobian(lambda x: np.exp(x) * x[::-1], x, threads=3)
expected = J.values(x)
child = os.fork()
names = [thread.name for thread in threading.enumerate()]
right = all(np.array_equal(J.values(x), expected) for _ in range(20))
right = right and names.count("sparsesolve") >= 2
if child == 0:
    os._exit(0 if right else 1)
raise SystemExit(os.waitpid(child, 0)[1] or not right)
"""
    assert run_python(code) == 0


@pytest.mark.slow
def test_the_process_ends_while_workers_sleep():
    code = (
        "import numpy as np, sparsesolve as ss\n"
        "J = ss.jacobian(lambda x: np.exp(x) * x[::-1], np.zeros(300000), threads=2)\n"
        "J.values(np.zeros(300000))\n"
    )
    assert run_python(code) == 0


def test_a_worker_is_known_where_an_interrupt_comes_as_it_starts(monkeypatch):
    plain = threading.Thread.start

    def start(thread):
        plain(thread)
        signal.raise_signal(signal.SIGINT)

    team = ThreadPool(0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            team.grow(2)
    assert len(team._jobs) == team._words[1] == 2
