"""Corners of the engines: what is empty, not needed, not there on this machine, or asked twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.code import vectormath
from sparsesolve.engine.llvm.code.codegen import DRIVER
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan.spaces import Hull, Positions
from sparsesolve.engine.llvm.run import fastcall, thread_pool
from sparsesolve.engine.llvm.run.jit import compile_functions
from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Node, verify

# ----- programs -----


def with_parameters():
    """Sines that depend on the first parameter, exponentials that do not."""
    b = Builder((2,))
    p, q = b.parameter((2,)), b.parameter((3,))
    y = b.map("multiply", b.map("sin", p), b.x)
    return b.build(np.concatenate([b.slots(y), b.slots(b.map("exp", q)), b.x]))


def test_kernels_without_rows():
    b = Builder((3,))
    y = b.slots(b.map("exp", b.x))
    program = b.build(y)
    none = Index.of(np.empty(0, dtype=np.int32))
    empty = Kernel(program.n_slots, 0, (none,), (Node("load", (0,)),), (0,))
    sums = replace(empty, segments=np.array([0, 0, 0]))
    program = replace(
        program,
        instructions=(empty, *program.instructions, sums),
        outputs=np.append(y, [sums.start, sums.start + 1]).astype(np.int32),
        n_slots=sums.stop,
    )
    verify(program)
    for engine in (Interpreter, compile_program):
        np.testing.assert_allclose(engine(program)(np.zeros(3)), [1, 1, 1, 0, 0])


@pytest.mark.parametrize("n", [40, 20_000])
def test_sums_of_scattered_terms_some_of_them_empty(n, rng):
    b = Builder((n,))
    y = b.slots(b.map("negative", b.x))
    inner = np.sort(rng.integers(0, n, n // 20))
    segments = np.array([0, 0, *inner[:-1], *[inner[-1]] * 2500, n])
    sums = b.reduce(rng.permutation(y), segments)
    program = b.build(np.concatenate([b.slots(sums), y[::-1]]))
    x = rng.integers(-9, 9, n) / 1.0
    np.testing.assert_array_equal(compile_program(program)(x), Interpreter(program)(x))


def test_calls_that_nobody_needs_are_not_made():
    calls = []

    def function(a):
        calls.append(a)
        return a + 1.0

    b = Builder((2,))
    y = b.slots(b.map("exp", b.x))
    program = b.build(np.append(y, b.slots(b.opaque("unused", function, (b.x,), (2,)))))
    program = replace(program, outputs=y)
    np.testing.assert_allclose(compile_program(program)(np.zeros(2)), 1.0)
    assert not calls


def test_the_source_shows_calls_and_copies():
    b = Builder((40,))
    y = b.slots(b.opaque("shift", lambda a: a + 1.0, (b.slots(b.map("exp", b.x)),), (40,)))
    z = b.slots(b.map("negative", y))
    compiled = compile_program(b.build(np.concatenate([z, np.repeat(z[[3, 7]], 20), b.x])))
    source = compiled.source()
    assert "call shift with 1 operands for 40 results" in source
    assert "out[[59, 79, 59, ...]]" in source
    assert "s[0+1i]" in source
    np.testing.assert_allclose(compiled(np.zeros(40))[[0, 45, 79]], [-2.0, -2.0, -2.0])


def test_every_slot_of_the_interpreter():
    program = with_parameters()
    x, p, q = np.array([2.0, 3.0]), np.array([0.0, 1.0]), np.zeros(3)
    slots = Interpreter(program).slots(x, [p, q])
    assert slots.shape == (program.n_slots,)
    np.testing.assert_array_equal(slots[:7], [2, 3, 0, 1, 0, 0, 0])
    np.testing.assert_allclose(slots[program.outputs], Interpreter(program)(x, [p, q]))


def test_batches_of_many_sizes(rng):
    program = with_parameters()
    run = Interpreter(program)
    x, p, q = rng.normal(size=2), rng.normal(size=(9, 2)), rng.normal(size=(9, 3))
    for size in (1, 2, 3, 4, 5, 9, 9, 1):
        found = run.run_batched(x, [None, q[0]], {0: p[:size]})
        np.testing.assert_allclose(found, [run(x, [one, q[0]]) for one in p[:size]])
        found = run.run_batched(x, [None, None], {0: p[:size], 1: q[:size]})
        both = zip(p[:size], q[:size], strict=True)
        np.testing.assert_allclose(found, [run(x, [one, two]) for one, two in both])
    with pytest.raises(StructureMismatch, match=r"one batch size, got \[2, 3\]"):
        run.run_batched(x, [None, None], {0: p[:2], 1: q[:3]})
    with pytest.raises(StructureMismatch, match="Put the batch axis first"):
        run.run_batched(x, [None, None], {0: p[:2], 1: q[0]})


def test_two_threads_that_want_better_code_at_once(rng, monkeypatch):
    b = Builder((100,))
    compiled = compile_program(b.build(b.map("arctan", b.map("exp", b.x))))
    x = rng.normal(size=100)
    before = compiled(x)
    machine = compiled._machine
    machine._upgrade()  # too early: somebody else did it
    machine._runs_left[0] = 0
    machine._upgrade()
    machine._upgrade()
    np.testing.assert_array_equal(compiled(x), before)


def test_rounding_moves_what_cancels():
    b = Builder((2,))
    big = b.map("multiply", b.x, 1e9)
    near = b.map("subtract", b.map("add", big, 1.0), big)
    program = b.build(np.concatenate([b.slots(near), b.slots(b.map("log", b.x)), b.x]))
    moved = Interpreter(program).rounding(np.array([1.0, 0.0]))
    assert 1e-8 < moved[0] < 1e-4
    assert moved[1] < 1e-14
    assert moved[2] < 1e-14
    np.testing.assert_array_equal(moved[3:], [0.0, moved[4], 0.0])
    jump = b.build(b.map("log", b.map("subtract", b.x, 1.0)))
    assert np.isinf(Interpreter(jump).rounding(np.ones(2))).all()


def test_an_evaluator_has_a_size_and_a_call():
    with pytest.raises(NotImplementedError):
        _ = Evaluator().size
    with pytest.raises(NotImplementedError):
        Evaluator()(0.0)


# ----- positions -----


def test_positions():
    where = Positions(np.array([4, 6, -1, 10], dtype=np.int32))
    assert where.size == 4
    assert where.exist.tolist() == [True, True, False, True]
    assert where.where(where.exist).numbers.tolist() == [4, 6, 10]
    assert set(where.some()) == {4, 6, 10}
    assert where.run() is None
    assert Positions(where.numbers[:2]).run() == (4, 2)
    assert str(Positions(where.numbers[:2])) == "4+2i"
    many = Positions(np.arange(10**6, dtype=np.int32)).some()
    assert {0, 1, 10**6 - 2, 10**6 - 1} < set(many)
    assert np.unique(many).size == 16
    assert Hull(2, 4).meets(Hull(4, 9))
    assert not Hull(2, 4).meets(Hull(5, 9))


# ----- the platform -----


def test_other_layouts_of_objects_have_no_entries(monkeypatch):
    assert fastcall.fastcalls_work()
    ask = fastcall.fastcalls_work.__wrapped__
    monkeypatch.setitem(fastcall.FIELDS, "flags", fastcall.FIELDS["ndim"])
    assert not ask()
    monkeypatch.setattr(fastcall.sys.implementation, "name", "other")
    assert not ask()


def test_the_width_of_vectors(monkeypatch):
    ask = vectormath.vector_width.__wrapped__
    for flags, width in (
        ({"avx512f", "avx512dq", "avx512vbmi2", "avx2"}, 8),
        ({"avx512f", "avx2"}, 4),
        ({"sse2"}, 2),
    ):
        monkeypatch.setattr(vectormath, "processor_flags", lambda flags=flags: frozenset(flags))
        assert ask() == width


def test_functions_that_are_not_there(monkeypatch):
    assert vectormath._library.__wrapped__("no_such_library", "no_such_file.so") is None
    assert vectormath._library.__wrapped__("m", "no_such_file.so") is not None
    assert vectormath._address(None, "sin") == 0
    assert vectormath._address(vectormath._library("m", "libm.so.6"), "no_such_function") == 0
    assert vectormath._scipy_address("no_such_function", 1) == 0
    assert vectormath.native.__wrapped__("polygamma", 4) is None
    assert vectormath.native.__wrapped__("yn", 4) is None
    assert vectormath._vector_address("sin", 1, 3) == 0
    monkeypatch.setattr(vectormath.platform, "system", lambda: "Other")
    assert vectormath._vector_address("sin", 1, 4) == 0
    scalar = vectormath.native.__wrapped__("sin", 4)
    assert scalar.width == 1


def test_a_team_starts_again_with_as_many_workers():
    """As in a child process, where none is left."""
    addresses, _ = compile_functions({DRIVER: 0}, thread_pool.TEAM_DECLARATIONS)
    crew = thread_pool.ThreadPool(addresses[DRIVER].address)
    crew.grow(2)
    first = list(crew._jobs)
    crew.restart()
    assert len(crew._jobs) == 2
    assert crew._jobs[0] is not first[0]
    assert crew._words[thread_pool._TEAM.index("workers")] == 2
