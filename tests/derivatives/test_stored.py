"""Structures on disk: another process only traces, and takes nothing that is not its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.coloring.cache import shared_coloring_cache
from sparsesolve.derivatives import nonzeros, prepare_log, stored, together, traced_function
from sparsesolve.derivatives.structures import forget_structures
from sparsesolve.engine.llvm.run import jit
from sparsesolve.host.cache_folder import CacheFolder
from sparsesolve.ir import tape
from sparsesolve.ir.program_tree import program_from_tree, program_tree
from sparsesolve.ir.tape import evaluate
from sparsesolve.trace import checking, trace

N = 6000  # large enough to be kept


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own, and nothing known."""
    kept = CacheFolder(tmp_path / "files", tmp_path / "secret")
    monkeypatch.setattr(stored, "folder_of_structures", lambda: kept)
    monkeypatch.setattr(CacheFolder, "default", classmethod(lambda cls: kept))
    new_process()
    return kept


@pytest.fixture
def work(monkeypatch):
    """Counts of what takes long, by name."""
    names = "lower", "fuse", "slopes", "pattern", "color", "compile", "compare"
    counted = dict.fromkeys(names, 0)

    def count(module, attribute, name):
        plain = getattr(module, attribute)

        def counting(*args, **options):
            counted[name] += 1
            return plain(*args, **options)

        monkeypatch.setattr(module, attribute, counting)

    count(traced_function, "lower", "lower")
    count(together, "lower_into", "lower")
    for attribute in ("jacobian_program", "jacobian_structure", "boolean_pattern"):
        count(nonzeros, attribute, "pattern")
    count(nonzeros, "fewest_colors", "color")
    count(shared_coloring_cache, "get", "color")
    count(jit, "_generate", "compile")
    count(prepare_log, "compare", "compare")
    from sparsesolve.derivatives import fused

    count(fused, "fuse", "fuse")
    count(fused, "gradient_program", "slopes")
    count(fused, "adjoint_program", "slopes")
    return counted


def new_process():
    """Forget what a process knows."""
    forget_structures()
    jit._MODULES.clear()
    jit._RECENT.clear()


def chain(x):
    return np.sin(x[1:-1]) * x[2:] + x[:-2] ** 3


def energy(x):
    return np.sum(np.exp(x[1:] * 0.1) * x[:-1] ** 2) + x[0] * x[-1]


def prepared(what, x):
    """Values of one kind of derivative."""
    if what == "jacobian":
        J = ss.jacobian(chain, x)
        return J.values(x), J(x).data, J.pattern.indices, J.pattern.indptr
    if what == "csc":
        return ss.jacobian(chain, x, format="csc")(x).data, ss.jacobian(chain, x).values(x)
    if what == "colored":
        J = ss.jacobian(chain, x, method="colored")
        return J.values(x), J.pattern.indices
    if what == "colored hessian":
        H = ss.hessian(energy, x, method="colored")
        return H.values(x), H.pattern.indices
    if what == "hessian":
        H = ss.hessian(energy, x)
        return H.values(x), H(x).data, H.lower_values(x)
    if what == "gradient":
        return ss.gradient(energy, x)(x), np.zeros(0)
    d = ss.Problem(energy, x, constraints=[ss.Constraint(chain, 0.0, 0.0)]).derivatives
    weights = np.cos(np.arange(d.m))
    return d.hessian_values(x, weights), d.jacobian_values(x), d.gradient(x), d.constraints(x)


KINDS = ["jacobian", "csc", "colored", "colored hessian", "hessian", "gradient", "problem"]


@pytest.mark.every(2)
@pytest.mark.parametrize("what", KINDS)
def test_another_process_makes_nothing_anew(what, folder, work, rng):
    x = rng.uniform(0.5, 1.5, N)
    first = prepared(what, x)
    assert work["lower"]
    assert work["compile"]
    assert work["pattern"] or what == "gradient"
    assert work["color"] or not what.startswith("colored")
    work.update(dict.fromkeys(work, 0))
    new_process()
    again = prepared(what, x)
    compared = work.pop("compare")
    assert work == dict.fromkeys(work, 0)
    assert not compared or what in ("gradient", "problem")  # whose programs alone are kept
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_values_of_what_was_read_are_exact(folder, rng):
    x = rng.uniform(0.5, 1.5, N)
    ss.jacobian(chain, x)
    new_process()
    J = ss.jacobian(chain, x)
    dense = J(x)[:40, :44].toarray()
    i = np.arange(40)
    expected = np.zeros((40, 44))
    expected[i, i] = 3 * x[:40] ** 2
    expected[i, i + 1] = np.cos(x[1:41]) * x[2:42]
    expected[i, i + 2] = np.sin(x[1:41])
    np.testing.assert_allclose(dense, expected, rtol=1e-14)
    v, w = rng.normal(size=N), rng.normal(size=N - 2)
    np.testing.assert_allclose(J.jvp(x, v), J(x) @ v, rtol=1e-12)
    np.testing.assert_allclose(J.vjp(x, w), J(x).T @ w, rtol=1e-12)
    np.testing.assert_allclose(J.value(x), chain(x), rtol=1e-14)
    assert "sin" in J.explain(0, 1)


def test_machine_code_that_is_made_anew_is_compared(folder, work, rng):
    x = rng.uniform(0.5, 1.5, N)
    first = ss.jacobian(chain, x)
    assert work["compare"] == 1
    row = next(line for line in first.report().split("\n") if "values equal" in line)
    new_process()
    assert row in ss.jacobian(chain, x).report()
    assert work["compare"] == 1
    for file in folder.folder.iterdir():
        if file not in structures(folder):
            file.unlink()
    new_process()
    J = ss.jacobian(chain, x)
    assert work["compare"] == 2
    assert work["pattern"] == 1
    assert row in J.report()


def test_the_products_of_a_hessian_that_was_read(folder, rng):
    x, v = rng.uniform(0.5, 1.5, N), rng.normal(size=N)
    ss.hessian(energy, x)
    new_process()
    H = ss.hessian(energy, x)
    np.testing.assert_allclose(H.hvp(x, v), H(x) @ v, rtol=1e-12)
    np.testing.assert_allclose(H.gradient(x), ss.gradient(energy, x)(x), rtol=1e-13)
    assert H.value(x) == pytest.approx(energy(x), rel=1e-14)


def test_limits_are_taken_by_what_was_read(folder):
    def lengths(x):
        return np.sqrt(x[1:] ** 2 + x[:-1] ** 2) ** 2

    x = np.linspace(0.0, 1.0, N)
    x[:4] = 0.0
    first = ss.jacobian(lengths, x)(x).data
    new_process()
    again = ss.jacobian(lengths, x)(x).data
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(again).all()


def test_loops_are_kept(folder, work):
    def steps(x):
        state, kept = x[:3], []
        for _ in range(80):
            state = state + 0.01 * np.sin(np.roll(state, 1)) * x[3]
            kept.append(state)
        return np.concatenate(kept)

    x = np.array([0.3, 0.5, 0.7, 1.1])
    first = ss.jacobian(steps, x).values(x)
    work.update(dict.fromkeys(work, 0))
    new_process()
    again = ss.jacobian(steps, x).values(x)
    assert work == dict.fromkeys(work, 0)
    np.testing.assert_array_equal(first, again)


def test_small_ones_and_those_that_call_functions_are_not_kept(folder):
    ss.jacobian(chain, np.ones(9))
    matrix = np.eye(150) + 0.01

    def solved(x):
        return np.linalg.solve(matrix + np.diag(x), x)

    ss.jacobian(solved, np.ones(150))
    assert not structures(folder, programs=True)


def structures(folder, *, programs=False):
    """Return the files; `programs`: those which hold one."""
    files = sorted(folder.folder.glob("structure-*"))
    return [f for f in files if not programs or b'"program"' in f.read_bytes()]


@pytest.mark.parametrize(
    "other",
    [
        lambda x: np.sin(x[1:-1]) * x[2:] + x[:-2] ** 3.0000001,
        lambda x: np.cos(x[1:-1]) * x[2:] + x[:-2] ** 3,
        lambda x: np.sin(x[1:-1]) * x[2:] + x[2:] ** 3,
        lambda x: np.sin(x[:-2]) * x[2:] + x[:-2] ** 3,
    ],
)
def test_another_function_has_files_of_its_own(other, folder, rng):
    x = rng.uniform(0.5, 1.5, N)
    ss.jacobian(chain, x)
    count = len(structures(folder))
    new_process()
    J = ss.jacobian(other, x)
    assert len(structures(folder)) > count
    v, h = rng.normal(size=N), 1e-6
    slope = (other(x + h * v) - other(x - h * v)) / (2 * h)
    np.testing.assert_allclose(J(x) @ v, slope, rtol=1e-6, atol=1e-7)


def test_other_constants_sizes_and_options_have_files_of_their_own(folder, rng):
    data = rng.uniform(1.0, 2.0, N)
    for scale, options in ((1.0, {}), (2.0, {}), (1.0, {"method": "interpreted"})):
        given = scale * data
        x = rng.uniform(0.5, 1.5, N)
        for _ in range(2):
            J = ss.jacobian(lambda x, c=given: c * x**2, x, **options)
            np.testing.assert_allclose(J.values(x), 2 * given * x, rtol=1e-15)
            new_process()


@pytest.mark.parametrize("part", ["mask", "processor", "file", "python"])
def test_what_is_of_another_version_is_not_taken(part, folder, work, monkeypatch, rng):
    x = rng.uniform(0.5, 1.5, N)
    ss.jacobian(chain, x)
    new_process()
    count = work["pattern"]
    stored._surroundings.cache_clear()
    if part == "mask":
        monkeypatch.setattr(np, "__version__", "2.9.9")
    elif part == "processor":
        monkeypatch.setattr(stored, "_machine", lambda: "another")
    elif part == "file":
        monkeypatch.setattr(stored, "_states", lambda folder: [f"{folder} x.py 1 1"])
    else:
        monkeypatch.setattr(sys, "version", "4.0")
    try:
        ss.jacobian(chain, x)
    finally:
        stored._surroundings.cache_clear()
    assert work["pattern"] == count + 1


def flip(data, place):
    data = bytearray(data)
    data[place] ^= 1
    return bytes(data)


MUTANTS = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:-1],
    "cut in half": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0",
    "checksum": lambda data: flip(data, 3),
    "length": lambda data: flip(data, 32),
    "text": lambda data: flip(data, 60),
    "middle": lambda data: flip(data, len(data) // 2),
    "end": lambda data: flip(data, len(data) - 1),
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_damaged_file_is_not_taken(mutant, folder, work, rng):
    x = rng.uniform(0.5, 1.5, N)
    first = ss.jacobian(chain, x).values(x)
    for file in structures(folder):
        file.write_bytes(MUTANTS[mutant](file.read_bytes()))
    new_process()
    before = dict(work)
    np.testing.assert_array_equal(ss.jacobian(chain, x).values(x), first)
    assert work["pattern"] == before["pattern"] + 1
    assert work["lower"] == before["lower"] + 1


def test_a_file_under_the_name_of_another_is_not_taken(folder, work, rng):
    x = rng.uniform(0.5, 1.5, N)
    ss.jacobian(chain, x)
    own = structures(folder)
    new_process()
    ss.jacobian(lambda x: np.cos(x[1:-1]) * x[2:] + x[:-2] ** 3, x)
    others = [file for file in structures(folder) if file not in own]
    sizes = {file.stat().st_size: file for file in others}
    assert len(own) == len(others)
    for file in own:
        file.write_bytes(sizes.get(file.stat().st_size, others[0]).read_bytes())
    new_process()
    count = work["pattern"]
    v = rng.normal(size=N)
    slope = (chain(x + 1e-6 * v) - chain(x - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(ss.jacobian(chain, x)(x) @ v, slope, rtol=1e-6, atol=1e-7)
    assert work["pattern"] == count + 1


def test_files_of_another_secret_are_not_taken(folder, work, tmp_path, monkeypatch, rng):
    x = rng.uniform(0.5, 1.5, N)
    ss.jacobian(chain, x)
    new_process()
    count = work["pattern"]
    other = CacheFolder(folder.folder, tmp_path / "other")
    monkeypatch.setattr(stored, "folder_of_structures", lambda: other)
    ss.jacobian(chain, x)
    assert work["pattern"] == count + 1


def test_a_function_that_keeps_state_is_refused_all_the_same(folder, rng):
    x = rng.uniform(0.5, 1.5, N)
    calls = []

    def counting(x, step=0.0):
        calls.append(1)
        return x**2 + step * len(calls)

    ss.jacobian(lambda x: counting(x), x)
    new_process()
    state = [0.0, 0.0]

    def drifting(x):
        state[0] += state[1]
        return x**2 + state[0]

    ss.jacobian(drifting, x)
    new_process()
    state[1] = 1.0
    with pytest.raises(ss.errors.SparseSolveError):
        ss.jacobian(drifting, x)


def test_a_tape_that_was_checked_is_not_evaluated_again(folder, monkeypatch, rng):
    evaluated = []
    plain = checking.evaluate
    monkeypatch.setattr(checking, "evaluate", lambda *a: evaluated.append(1) or plain(*a))
    x = rng.uniform(0.5, 1.5, N)
    for again in (False, True):
        J = ss.jacobian(chain, x)
        assert bool(evaluated) is not again
        assert J._function.user_calls == 2
        evaluated.clear()
        new_process()
    ss.jacobian(chain, x + 0.25)  # of the same structure, checked at another point
    assert evaluated


def test_values_that_are_freed_early_are_the_same(monkeypatch, rng):
    def function(x, p):
        u = np.exp(x)
        v = u[::-1]  # a view of what is given back
        r = np.zeros_like(x)
        r[1:] = (v * p)[:-1] + u[1:]
        return np.concatenate([r, u, v * v, x])

    x, p = rng.uniform(size=(2, 40))
    recorded = trace(function, [x, p])
    kept = evaluate(recorded, x + 1.0, [p])
    monkeypatch.setattr(tape, "_LARGE", 0)
    np.testing.assert_array_equal(evaluate(recorded, x + 1.0, [p]), kept)
    np.testing.assert_array_equal(kept, function(x + 1.0, p))
    constant = trace(lambda x: np.ones(3), [x])
    np.testing.assert_array_equal(evaluate(constant, x), np.ones(3))


def test_programs_come_back_as_they_were(rng):
    J = ss.jacobian(chain, np.ones(9))
    for program in (J._function.program, J._nonzeros.run.program):
        again = program_from_tree(program_tree(program))
        assert str(again) == str(program)
        assert (again.sources, again.n_slots) == (program.sources, program.n_slots)


@pytest.mark.parametrize("threads", [True, False])
def test_what_is_long_is_written_meanwhile(threads, folder, work, monkeypatch, rng):
    def refused(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    if not threads:
        monkeypatch.setattr(threading.Thread, "start", refused)
    monkeypatch.setattr(stored, "_SHORT", 0)
    before = set(threading.enumerate())
    x = rng.uniform(0.5, 1.5, N)
    first = ss.jacobian(chain, x).values(x)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    work.update(dict.fromkeys(work, 0))
    new_process()
    np.testing.assert_array_equal(ss.jacobian(chain, x).values(x), first)
    assert work == dict.fromkeys(work, 0)


def test_names_tell_keys_apart():
    keys = [
        (), ("",), ("", ""), (("",), ""), ("a", "b"), ("ab",), (b"ab",), 1, 1.0, True, "1", None,
        -0.0, 0.0, int, float, np.float64, (int, "int"), ("(1",), (("(1",),),
    ]  # fmt: skip
    names = [stored.named((key,)) for key in keys]
    assert None not in names
    assert len(set(names)) == len(keys)
    assert stored.named((object(),)) is None


SCRIPT = """
    import numpy as np
    import sparsesolve as ss
    from sparsesolve.derivatives import nonzeros
    from sparsesolve.engine.llvm.run import jit

    def chain(x):
        return np.sin(x[1:-1]) * x[2:] + x[:-2] ** 3

    counts = [0, 0]
    def count(k, plain):
        def counting(*args, **options):
            counts[k] += 1
            return plain(*args, **options)
        return counting
    nonzeros.jacobian_program = count(0, nonzeros.jacobian_program)
    jit._generate = count(1, jit._generate)
    x = np.linspace(0.5, 1.5, 50_000)
    print(ss.jacobian(chain, x)(x).sum().hex(), *counts)
"""


@pytest.mark.slow
def test_several_processes_share_what_one_has_made(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    places = {"XDG_CACHE_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
    environment = {**os.environ, **places, "SPARSESOLVE_CACHE": "1"}

    def started(**more):
        given = {**environment, **more}
        return subprocess.Popen(
            [sys.executable, str(script)], env=given, stdout=subprocess.PIPE, text=True
        )

    together = [started() for _ in range(2)]  # both at once: one may find another's files
    first = [process.communicate()[0].split() for process in together]
    later = started().communicate()[0].split()
    off = started(SPARSESOLVE_CACHE="0").communicate()[0].split()
    assert {value for value, *_ in (*first, later, off)} == {first[0][0]}
    assert max(int(patterns) for _, patterns, _ in first) == 1
    assert later[1:] == ["0", "0"]
    assert off[1] == "1"
    assert int(off[2]) > 0
