"""What is prepared again is shared: programs, patterns and machine code of equal tapes."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
from autograd.extend import defvjp, primitive

import sparsesolve as ss
from sparsesolve.derivatives import structures
from sparsesolve.derivatives.lagrangian import ProblemDerivatives
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.structures import Structure, forget_structures, structure_of
from sparsesolve.engine.llvm import compile as compiling
from sparsesolve.lower.tape_key import tape_key
from sparsesolve.numpy_ops import movement
from sparsesolve.trace import trace

X = np.linspace(0.5, 1.5, 6)


@pytest.fixture(autouse=True)
def nothing_known():
    forget_structures()
    yield
    forget_structures()


@pytest.fixture
def compiled(monkeypatch):
    """Counts programs that are planned and compiled."""
    counted = []
    plain = compiling.compile_joint
    monkeypatch.setattr(
        compiling, "compile_joint", lambda *a, **k: counted.append(1) or plain(*a, **k)
    )
    return counted


def made_of(c):
    return lambda x: np.sin(c * x[1:]) * x[:-1] ** 2


def exact(c, x):
    dense = np.zeros((x.size - 1, x.size))
    i = np.arange(x.size - 1)
    dense[i, i + 1] = c * np.cos(c * x[1:]) * x[:-1] ** 2
    dense[i, i] = 2 * np.sin(c * x[1:]) * x[:-1]
    return dense


def test_a_jacobian_prepared_again_compiles_nothing(compiled):
    first = ss.jacobian(made_of(2.0), X)
    count = len(compiled)
    again = ss.jacobian(made_of(2.0), X + 1.0)
    assert len(compiled) == count
    assert again.pattern is first.pattern
    assert again.calls is not first.calls
    for J in (first, again):
        np.testing.assert_allclose(J(X).toarray(), exact(2.0, X), rtol=1e-14)
    assert again._function.user_calls == 2  # traced and checked all the same


@pytest.mark.parametrize("other", [3.0, np.nextafter(2.0, 3.0), -2.0, np.full(5, 2.0), 2])
def test_another_constant_is_another_structure(other):
    ss.jacobian(made_of(2.0), X)
    J = ss.jacobian(made_of(other), X)
    np.testing.assert_allclose(J(X).toarray(), exact(other, X), rtol=1e-14)


def test_zeros_of_either_sign_and_kinds_of_numbers_are_told_apart():
    constants = [0.0, -0.0, 0, False, np.zeros(2), np.zeros(2, dtype=int), np.zeros((1, 2))]
    keys = [tape_key(trace(lambda x, c=c: np.arctan2(c, x), [np.ones(2)])) for c in constants]
    assert None not in keys
    for k, key in enumerate(keys):
        assert key not in keys[:k]


def test_data_that_changed_in_place_are_seen():
    data = np.array([1.0, 2.0, 3.0])

    def residual(x):
        return data * x**2

    first = ss.jacobian(residual, np.ones(3))
    data[1] = 5.0
    second = ss.jacobian(residual, np.ones(3))
    assert first(np.ones(3)).diagonal().tolist() == [2.0, 4.0, 6.0]
    assert second(np.ones(3)).diagonal().tolist() == [2.0, 10.0, 6.0]


def test_options_and_shapes_make_other_structures():
    plain = ss.jacobian(made_of(2.0), X)
    ways = {m: ss.jacobian(made_of(2.0), X, method=m) for m in ("compiled", "interpreted")}
    assert [J.method for J in ways.values()] == ["compiled", "interpreted"]
    short = ss.jacobian(made_of(2.0), X[:3])
    assert (plain.shape, short.shape) == ((5, 6), (2, 3))
    columns = ss.jacobian(made_of(2.0), X, format="csc")
    assert columns(X).format == "csc"
    for J in (plain, *ways.values(), columns):
        np.testing.assert_allclose(J(X).toarray(), exact(2.0, X), rtol=1e-14)


def test_all_derivatives_of_one_function_agree_and_are_shared(compiled):
    def f(x):
        return np.sum(np.exp(x[1:]) * x[:-1] ** 2)

    def values():
        H, g, J = ss.hessian(f, X), ss.gradient(f, X), ss.jacobian(f, X)
        v = np.arange(6.0)
        return H(X).toarray(), g(X), J(X).toarray()[0], H.gradient(X), H.hvp(X, v), g.hvp(X, v)

    H, g, row, same, along, again = values()
    np.testing.assert_allclose(row, g, rtol=1e-13)
    np.testing.assert_allclose(same, g, rtol=1e-13)
    np.testing.assert_allclose(along, H @ np.arange(6.0), rtol=1e-13)
    np.testing.assert_array_equal(again, along)
    count = len(compiled)
    for one, other in zip(values(), (H, g, row, same, along, again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(compiled) == count


def problem(target):
    return ProblemDerivatives(
        lambda x: np.sum((x - target) ** 4), [lambda x: x[0] * x[1] + x[2]], np.zeros(3)
    )


def test_a_problem_prepared_again_compiles_nothing(compiled):
    def all_of(target):
        d = problem(target)
        x, y = np.array([0.3, 0.4, 0.5]), np.array([2.0])
        H = d.hessian_full(d.hessian_values(x, y)).toarray()
        return d.objective(x), d.gradient(x), d.jacobian(x).toarray(), H

    first = all_of(2.0)
    count = len(compiled)
    for one, other in zip(all_of(2.0), first, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(compiled) == count
    expected = 12 * (np.array([0.3, 0.4, 0.5]) - 3.0) ** 2
    np.testing.assert_allclose(all_of(3.0)[3].diagonal(), expected, rtol=1e-14)


def test_movements_and_sparse_constants_count_by_content(compiled):
    def matrix(c):
        return sp.csr_array((np.array([c, 2.0]), [0, 2], [0, 1, 1, 2]), shape=(3, 3))

    families = [
        lambda k: lambda x: np.roll(x, k) * x,
        lambda k: lambda x: np.repeat(x, k + 1)[:3] * np.tile(x, 2)[1:4],
        lambda k: lambda x: np.take(x, [0, k, 1], axis=0) * x,
        lambda k: lambda x: matrix(k) @ np.sin(x),
    ]
    x, eye = np.array([0.5, 1.0, 2.0]), np.eye(3)
    for family in families:
        for k in (1, 2, 1, 2):
            count = len(compiled)
            J = ss.jacobian(family(k), x)
            f, h = family(k), 1e-6
            slopes = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in eye]
            np.testing.assert_allclose(J(x).toarray(), np.transpose(slopes), atol=1e-8)
        assert len(compiled) == count
    assert tape_key(trace(lambda x: np.roll(x, 1), [x])) is not None


def test_a_function_that_took_the_name_of_numpys_is_not_taken_for_it():
    def roll(x, shift):
        return np.roll(x, shift)

    roll.__module__ = "numpy"
    move = movement.Move(roll, (1,))
    tape = trace(lambda x: movement.movement(move, x), [np.ones(3)])
    assert tape_key(tape) is None


def test_an_operation_of_the_users_own_is_never_shared():
    @primitive
    def own(x):
        return x**2

    defvjp(own, lambda ans, x: lambda g: g * 2 * x)
    cube = ss.elementwise(lambda x: x**3, lambda x: 3 * x**2)
    for function in (own, cube):
        assert tape_key(trace(function, [np.ones(1)])) is None


def test_an_operation_defined_again_has_its_new_slope():
    for slope in (2.0, 5.0):
        scaled = ss.elementwise(lambda x, s=slope: s * x, lambda x, s=slope: np.full_like(x, s))
        assert ss.jacobian(lambda x, f=scaled: f(x), np.ones(2))(np.ones(2)).diagonal()[0] == slope


def test_notes_and_counts_are_said_again():
    def wide(x):
        return np.cumprod(np.cumsum(x) + x)

    reports = [ss.jacobian(wide, np.linspace(1, 2, 4)).report() for _ in range(2)]
    said = [[line for line in r.splitlines() if "machine code  " in line] for r in reports]
    assert said[0] == said[1] != []
    structure, log = Structure(), PrepareLog()
    structure.get("a thing", log, lambda: log.note("a reason"))
    other = PrepareLog()
    structure.get("a thing", other, lambda: pytest.fail("made twice"))
    assert other.notes == ["a reason"]


@pytest.mark.slow
def test_small_structures_are_held_and_only_some(monkeypatch):
    monkeypatch.setattr(structures, "_MOST", 3)
    tapes = [trace(lambda x, c=c: c * x, [np.ones(2)]) for c in range(5)]
    alive = [weakref.ref(structure_of("function", [tape], PrepareLog())) for tape in tapes]
    gc.collect()
    assert [ref() is not None for ref in alive] == [False, False, True, True, True]
    for large in (lambda x: np.sum(x) ** 2, lambda x: np.concatenate([x, -x] * 10)):
        tape = trace(large, [np.ones(300)])
        used = structure_of("function", [tape], PrepareLog())
        assert structure_of("function", [tape], PrepareLog()) is used
        unused = weakref.ref(used)
        del used
        gc.collect()
        assert unused() is None


@pytest.mark.slow
def test_the_function_and_its_data_are_not_kept_alive():
    class Data:
        factor = 2.0

    def prepared():
        data, function = Data(), made_of(3.0)

        def both(x):
            return data.factor * function(x)

        assert ss.jacobian(both, X)(X).nnz == 10
        return [weakref.ref(data), weakref.ref(function), weakref.ref(both)]

    gone = prepared()
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]


def test_threads_that_prepare_the_same_agree():
    results, errors = [], []
    start = threading.Barrier(4)

    def work():
        try:
            start.wait()
            J = ss.jacobian(made_of(2.0), X)
            results.extend(J(X + k).toarray() for k in range(20))
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    for k, got in enumerate(results):
        np.testing.assert_allclose(got, exact(2.0, X + k % 20), rtol=1e-13)
