"""The compiled engine against the interpreter."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_programs import point, programs, random_program

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import CannotCompile, compile_joint, compile_program
from sparsesolve.errors import StructureMismatch
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Node, Program
from sparsesolve.ir.scalar_ops import OPS

# of scipy.special, these have native functions; of NumPy's own operations, all do
SPECIAL_WITH_CODE = {
    "beta", "betainc", "betaln", "digamma", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "expit",
    "gamma", "gammainc", "gammaincc", "gammaln", "i0", "i1", "iv", "ive", "j0", "j1", "jn", "logit",
    "psi", "rgamma", "y0", "y1",
}  # fmt: skip
NO_CODE = {
    name for name, row in OPS.items()
    if str(row.path).startswith("scipy.special.") and name not in SPECIAL_WITH_CODE
}  # fmt: skip


def agree(program: Program, x, parameters=(), rtol=1e-13, **options):
    expected = Interpreter(program)(x, parameters)
    compiled = compile_program(program, **options)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x, parameters), expected, rtol=rtol, atol=rtol)
    out = np.full(program.m, 7.0)
    assert compiled(x, parameters, out=out) is out
    np.testing.assert_array_equal(out, compiled(x, parameters))
    buffer = compiled.prefilled()
    compiled.run_into(buffer, x, parameters)
    np.testing.assert_array_equal(out, buffer)
    return compiled


@given(programs(), st.integers(0, 1000))
def test_equals_the_interpreter(program, seed):
    agree(program, *point(program, seed), rtol=1e-11)


def start_hot(monkeypatch, hot: bool) -> None:
    """Start all kernels with good code, or none."""
    monkeypatch.setattr("sparsesolve.engine.llvm.run.machine._HOT_LENGTH", 0 if hot else 10**9)


@pytest.mark.every(2)
@pytest.mark.parametrize("seed", range(30))
def test_vector_loops_on_short_kernels(seed, monkeypatch):
    start_hot(monkeypatch, True)
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.affine_pieces._LEAST_MEAN", 2)
    program = random_program(seed)
    agree(program, *point(program, seed), rtol=1e-11)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e300, -1e-310, np.inf, -np.inf, np.nan, 700.0]


@pytest.mark.parametrize("name", sorted(NO_CODE))
def test_operations_without_native_functions_say_so(name):
    builder = Builder((OPS[name].arity, 2))
    with pytest.raises(CannotCompile, match=f"the operation `{name}` has no native function"):
        compile_program(builder.build(builder.map(name, *builder.x)))


@pytest.mark.every(2)
@pytest.mark.parametrize("hot", [True, False], ids=["vectors", "elements"])
@pytest.mark.parametrize("name", sorted(set(OPS) - NO_CODE))
def test_every_operation_at_special_values(name, hot, monkeypatch):
    """Infinities, NaN and signed zeros come out as from NumPy."""
    start_hot(monkeypatch, hot)
    arity = OPS[name].arity
    points = np.array([grid.ravel() for grid in np.meshgrid(*[SPECIAL] * arity)])
    builder = Builder(points.shape)
    program = builder.build(builder.map(name, *builder.x))
    if name == "jn":
        points[0] = np.arange(points.shape[1]) % 4
    expected = Interpreter(program)(points)
    result = compile_program(program)(points)
    np.testing.assert_allclose(result, expected, rtol=1e-15 if OPS[name].cost < 20 else 2e-14)
    if name not in (
        "gammainc",
        "gammaincc",
        "betainc",
        "beta",
        "betaln",
    ):
        zero = expected == 0.0
        np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("name", sorted(set(OPS) - NO_CODE))
def test_every_operation_at_ordinary_values(name, rng):
    arity = OPS[name].arity
    points = rng.uniform(-0.99, 0.99, size=(arity, 500)) * 10.0 ** rng.integers(-3, 1, 500)
    if name in ("iv", "ive", "jn", "beta", "betaln", "gammainc", "gammaincc", "betainc"):
        points = rng.uniform(0.1, 0.9, size=points.shape)
    builder = Builder(points.shape)
    program = builder.build(builder.map(name, *builder.x))
    agree(program, points, rtol=1e-14)


def test_an_operation_without_machine_code_is_refused():
    builder = Builder((2,))
    program = builder.build(builder.map("polygamma", 1.0, builder.x))
    with pytest.raises(CannotCompile, match="`polygamma` has no native function"):
        compile_program(program)


def test_results_do_not_depend_on_the_place_in_a_domain(rng):
    """The same number gives the same bits in a vector, in its tail, and alone."""
    value = 0.734
    results = []
    for n in (1, 2, 3, 4, 5, 7, 400, 403):
        builder = Builder((n,))
        y = builder.map("multiply", builder.map("exp", builder.x), builder.map("sin", builder.x))
        results.append(np.unique(compile_program(builder.build(y))(np.full(n, value))))
    assert len(np.unique(np.concatenate(results))) == 1


# ----- outputs -----


def test_outputs_of_every_kind():
    """Elements of x and of parameters, constants, repeated slots, and parts of a kernel."""
    builder = Builder((4,))
    p = builder.parameter((3,))
    y = builder.map("exp", builder.x)
    c = builder.constant([7.0, 8.0])
    outputs = np.concatenate([y[::-1], builder.x, c, p, y[1:2], y[1:2], c[:1], builder.x[3:]])
    compiled = agree(builder.build(outputs), np.arange(4.0), [np.array([1.0, 2.0, 3.0])])
    template = compiled.prefilled()
    np.testing.assert_array_equal(template[[8, 9, 15]], [7.0, 8.0, 7.0])


@pytest.mark.parametrize("share", [0.05, 0.6])
@pytest.mark.parametrize("n", [40, 5000])
def test_some_rows_of_a_kernel_are_outputs(n, share, rng):
    builder = Builder((n,))
    y = builder.map("exp", builder.x)
    kept = rng.permutation(np.flatnonzero(rng.random(n) < share))
    agree(builder.build(y[kept]), rng.normal(size=n))


@pytest.mark.parametrize("n", [0, 1])
def test_empty_and_single(n):
    builder = Builder((n,))
    y = builder.map("exp", builder.x)
    agree(builder.build(y), np.ones(n))
    agree(builder.build(np.empty((0,), dtype=np.int32)), np.ones(n))
    agree(builder.build(builder.reduce(y, np.array([0, 0, n]))), np.ones(n))


def test_only_its_own_memory_is_written(rng):
    for n in (1, 3, 4, 5, 64, 3000):
        builder = Builder((n,))
        y = builder.map("exp", builder.x)
        program = builder.build(np.concatenate([y[::2], y[::-2], builder.x]))
        frame = np.full(program.m + 128, 7.0)
        compile_program(program)(rng.normal(size=n), out=frame[64:-64])
        np.testing.assert_array_equal(frame[:64], 7.0)
        np.testing.assert_array_equal(frame[-64:], 7.0)


@pytest.mark.parametrize("n", [6, 9000])
def test_out_may_be_an_argument(n, rng):
    builder = Builder((n,))
    p = builder.parameter((n,))
    outputs = builder.slots(builder.map("add", builder.x[::-1], p)).copy()
    outputs[2] = builder.scalar(5.0)
    compiled = compile_program(builder.build(outputs))
    x, q = rng.normal(size=n), rng.normal(size=n)
    expected = compiled(x, [q])
    np.testing.assert_array_equal(compiled(x.copy(), [q]), expected)
    for place in (0, 1):
        arguments = [x.copy(), q.copy()]
        compiled(arguments[0], arguments[1:], out=arguments[place])
        np.testing.assert_array_equal(arguments[place], expected)


def test_strided_out_and_refused_buffers():
    builder = Builder((3,))
    compiled = compile_program(builder.build(builder.map("exp", builder.x)))
    frame = np.zeros(6)
    compiled(np.zeros(3), out=frame[::2])
    np.testing.assert_array_equal(frame, [1, 0, 1, 0, 1, 0])
    with pytest.raises(StructureMismatch, match="contiguous"):
        compiled.run_into(frame[::2], np.zeros(3))
    with pytest.raises(StructureMismatch, match="`out` must be"):
        compiled(np.zeros(3), out=np.zeros(3, dtype=np.float32))
    with pytest.raises(StructureMismatch, match="`x` must have 3 elements"):
        compiled(np.zeros(2))


# ----- loads -----


def grid_program(m: int, pad: float) -> Program:
    """A five-point stencil with padding, written straight into the result."""
    builder = Builder((m, m))
    padded = np.pad(builder.x, 1, constant_values=builder.scalar(pad))
    parts = [padded[2:, 1:-1], padded[:-2, 1:-1], padded[1:-1, 2:], padded[1:-1, :-2], builder.x]
    loads = [Index.of(part) for part in parts]
    nodes = [Node("load", (k,)) for k in range(5)]
    nodes += [Node("add", (0, 1)), Node("add", (2, 3)), Node("add", (5, 6)), Node("exp", (4,))]
    nodes.append(Node("subtract", (7, 8)))
    start = builder.kernel(m * m, loads, nodes, (9,))
    return builder.build(np.arange(start, start + m * m, dtype=np.int32))


@pytest.mark.parametrize("m", [3, 50, 61])
def test_grids_need_no_index_arrays(m, rng):
    program = grid_program(m, 0.25)
    compiled = agree(program, rng.normal(size=m * m))
    if m >= 50:
        task = next(iter(compiled._machine.plan.tasks))
        assert task.signature.mode == "runs"
        assert set(task.signature.loads) == {"unit", "run-unit"}
        assert compiled.statistics.index_bytes < 0.5 * (4 * 4 * m * m)


def test_loads_that_mix_x_parameters_and_constants(rng):
    n = 5000
    builder = Builder((n,))
    p = builder.parameter((n,))
    q = builder.parameter((3,))
    c = builder.constant(rng.normal(size=7))
    everything = np.concatenate([builder.x, p, q, c, builder.map("sin", p)])
    left = builder.map("exp", rng.choice(everything, size=n))
    right = builder.map("multiply", p[::-1], builder.x[rng.permutation(n)])
    program = builder.build(builder.map("add", left, right))
    agree(program, rng.normal(size=n), [rng.normal(size=n), rng.normal(size=3)])


# ----- sums -----


@pytest.mark.parametrize("count", [1, 7, 1000, 5000, 4_300_000])
def test_long_sums(count):
    builder = Builder((count,))
    y = builder.reduce(builder.x, np.array([0, count]))
    total = compile_program(builder.build(y))(np.full(count, 0.1))
    assert abs(total[0] - 0.1 * count) <= 1e-13 * count


@pytest.mark.parametrize("costly", [False, True])
@pytest.mark.parametrize("kind", ["pairs", "short", "long", "mixed"])
def test_sums_of_every_length(kind, costly, rng):
    counts = {
        "pairs": np.full(3000, 2),
        "short": rng.integers(0, 5, 2000),
        "long": rng.integers(100, 300, 40),
        "mixed": np.array([0, 9000, 1, 0, 5000, 17]),
    }[kind]
    edges = np.concatenate([[0], np.cumsum(counts)])
    length = int(edges[-1])
    builder = Builder((500,))
    ids = rng.integers(0, 500, length).astype(np.int32)
    nodes = [Node("load", (0,)), Node("exp" if costly else "negative", (0,))]
    start = builder.kernel(length, [Index.of(ids)], nodes, (1, 0), edges)
    program = builder.build(np.arange(start, builder.n_slots, dtype=np.int32))
    agree(program, rng.normal(size=500), rtol=1e-12)


# ----- the whole -----


def test_joint_compilation_shares_code():
    programs = []
    for n in (2000, 3000):
        builder = Builder((n,))
        programs.append(builder.build(builder.map("arctan", builder.x)))
    first, second = compile_joint(programs)
    assert first.llvm_ir() == second.llvm_ir()
    np.testing.assert_allclose(second(np.ones(3000)), np.arctan(1.0))
    again = compile_program(programs[1])
    assert again.statistics.from_cache


def test_better_code_is_compiled_once_it_pays_and_gives_the_same_bits(rng, monkeypatch):
    monkeypatch.setattr("sparsesolve.engine.llvm.run.machine._SECONDS_SAVED", 1.0)
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.affine_pieces._LEAST_MEAN", 4)
    program = grid_program(31, 0.5)
    compiled = compile_program(program)
    machine = compiled._machine
    x = rng.normal(size=program.n)
    assert {signature.mode for signature in machine.signatures} == {"tiny-runs"}
    results = [compiled(x) for _ in range(25)]
    assert {signature.mode for signature in machine.signatures} == {"runs"}
    assert "4 x double" in compiled.llvm_ir() or machine.width != 4
    for result in results:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same_bits(threads, rng, monkeypatch):
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.schedule._WORTH_A_THREAD", 1000)
    n = 100_003
    builder = Builder((n,))
    y = builder.map("exp", builder.x)
    z = builder.map("multiply", y, y[::-1])
    total = builder.reduce(z, np.array([0, n]))
    rows = builder.reduce(z, np.sort(np.concatenate([[0, n], rng.integers(0, n, 5000)])))
    program = builder.build(np.concatenate([z, total, rows, y[:10]]))
    x = rng.normal(size=n)
    single = compile_program(program)(x)
    np.testing.assert_array_equal(compile_program(program, threads=threads)(x), single)


def test_python_threads_share_a_compiled_program(rng):
    builder = Builder((20_000,))
    program = builder.build(builder.map("sin", builder.map("exp", builder.x)))
    compiled = compile_program(program)
    points = rng.normal(size=(4, 20_000))
    results: list[np.ndarray] = [np.empty(0)] * 4

    def work(k: int) -> None:
        for _ in range(20):
            results[k] = compiled(points[k])

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    np.testing.assert_allclose(results, np.sin(np.exp(points)), rtol=0, atol=1e-12)


def test_source_is_readable():
    builder = Builder((5,))
    nodes = [Node("load", (0,)), Node("exp", (0,)), Node("const", (), 3.7)]
    nodes += [Node("multiply", (1, 2)), Node("add", (3, 1))]
    start = builder.kernel(5, [Index.of(builder.x)], nodes, (4,))
    outputs = np.append(np.arange(start, start + 5), builder.scalar(2.0)).astype(np.int32)
    compiled = compile_program(builder.build(outputs))
    assert compiled.source().splitlines() == [
        "for i < 5:",
        "    t1 = exp(unit s[0+1i])",
        "    out <- add(multiply(t1, 3.7), t1)",
        "constant: 1 of 6 results",
    ]
    assert "fmul double" in compiled.llvm_ir()
    assert compiled.statistics.kernels == 1


def test_source_stays_short_for_deep_kernels():
    builder = Builder((1,))
    nodes = [Node("load", (0,)), *(Node("multiply", (k, k)) for k in range(200))]
    start = builder.kernel(1, [Index.of(builder.x)], nodes, (200,))
    compiled = compile_program(builder.build(np.array([start], dtype=np.int32)))
    assert len(compiled.source().splitlines()) < 250


@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # of JAX, where peers were loaded
def test_threads_after_a_fork(monkeypatch):
    """A child process makes its own threads."""
    monkeypatch.setattr("sparsesolve.engine.llvm.plan.schedule._WORTH_A_THREAD", 1000)
    builder = Builder((200_000,))
    compiled = compile_program(builder.build(builder.map("exp", builder.x)), threads=2)
    x = np.zeros(200_000)
    compiled(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if compiled(x)[0] == 1.0 else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("count", [2, 3, 5, 6, 7])
@pytest.mark.parametrize("n", [1, 8, 50, 2003])
def test_outputs_that_take_turns(n, count, rng):
    """Stores at stride k to k consecutive positions are written as whole vectors."""
    builder = Builder((n,))
    nodes = [Node("load", (0,)), *(Node("multiply", (0, k)) for k in range(count))]
    start = builder.kernel(n, [Index.of(builder.x)], nodes, range(1, count + 1))
    slots = np.arange(start, start + n * count, dtype=np.int32).reshape(count, n)
    mixed = slots[rng.permutation(count)].T.reshape(-1)
    constant = builder.slots(builder.constant([5.0]))
    compiled = compile_program(builder.build(np.concatenate([constant, mixed, constant])))
    x = rng.normal(size=n)
    expected = np.stack([x ** (k + 2) for k in range(count)])[
        (mixed.reshape(n, count) - start) // n, np.arange(n)[:, None]
    ]
    frame = np.full(n * count + 34, 7.0)
    for _ in range(30):  # element by element first, in vectors later
        compiled(x, out=frame[16:-16])
        np.testing.assert_allclose(frame[17:-17].reshape(n, count), expected, rtol=1e-13)
    assert (frame[:16] == 7.0).all()
    assert (frame[-16:] == 7.0).all()
    turns = {kind for task in compiled._machine.plan.tasks for _, kind in task.signature.stores}
    assert ("out-first" in turns) == (count <= 6 and n > 1)
