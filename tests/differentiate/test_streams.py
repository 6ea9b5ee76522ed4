"""The chain rule by streams gives what the general way, by sorting terms, gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from sparsesolve.differentiate import jacobian, jacobian_program
from sparsesolve.differentiate.rows import ConstantTable
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import verify
from tests import oracles

OPERATIONS = ("add", "subtract", "multiply", "divide")


def regular_program(seed):
    """A chain of stencils over stored arrays, with weights, padding and constants in between."""
    rng = np.random.default_rng(seed)
    length = int(rng.integers(1, 30))
    b = Builder((length + 4,))
    known = [b.x, b.map("exp", b.x), b.map("sin", b.x)]
    for _ in range(int(rng.integers(1, 6))):
        a, c = (known[int(k)] for k in rng.integers(0, len(known), 2))
        size = min(a.size, c.size) - int(rng.integers(0, 2))
        if size < 1:
            continue
        left, right = (int(rng.integers(0, v.size - size + 1)) for v in (a, c))
        value = b.map(str(rng.choice(OPERATIONS)), a[left:][:size], c[right:][:size])
        form = rng.integers(0, 5)
        if form == 0:
            value = b.map("multiply", value, rng.choice([0.0, 1.0, 2.5], size=size))
        elif form == 1:
            value = np.concatenate([b.constant([1.5]), value, b.slots(np.array([0.0]))])
        elif form == 2:
            value = b.map("subtract", value, value[::-1])
        known.append(value)
    return b.build(np.concatenate(known[3:] or known))


def jacobian_of(program):
    found = jacobian_program(program)
    verify(found.program)
    x = np.linspace(0.4, 1.3, program.n)
    return found.pattern, Interpreter(found.program)(x)


@pytest.mark.slow
@settings(max_examples=200)
@given(seed=oracles.seeds())
def test_streams_and_sorted_terms_agree(seed):
    program = regular_program(seed)  # not fused: many stored intermediates
    pattern, values = jacobian_of(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jacobian, "stream_entries", lambda *_: None)
        expected_pattern, expected = jacobian_of(program)
    assert pattern == expected_pattern
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)


def stored(b, *values):
    """Keep values apart: outputs are stored, so that readers go through the chain rule."""
    return b.build(np.concatenate(values))


def stream_calls(program):
    """How many kernels the streams could do, and how many they left."""
    done = []
    original = jacobian.stream_entries
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            jacobian, "stream_entries", lambda *args: done.append(original(*args)) or done[-1]
        )
        found = jacobian_program(program)
    return [entries is not None for entries in done], found


def test_a_chain_over_stored_stencils_needs_no_sort():
    b = Builder((20,))
    inner = b.map("multiply", b.map("exp", b.x[1:]), b.x[:-1])
    outer = b.map("multiply", inner[1:], b.map("sin", inner[:-1]))
    done, found = stream_calls(stored(b, inner, outer))
    assert done
    assert all(done)
    assert found.pattern.nnz == 2 * 19 + 3 * 18


def test_terms_that_cancel_vanish():
    b = Builder((21,))
    u = b.map("add", b.x[1:], b.x[:-1])
    v = b.map("subtract", b.x[1:], b.x[:-1])
    done, found = stream_calls(stored(b, u, v, b.map("subtract", u, v)))  # 2 x[:-1]
    assert all(done)
    assert found.pattern.nnz == 2 * 20 + 2 * 20 + 20
    np.testing.assert_array_equal(Interpreter(found.program)(np.ones(21))[-20:], 2.0)


def test_all_terms_may_cancel():
    b = Builder((21,))
    u = b.map("add", b.x[1:], b.x[:-1])
    w = b.map("subtract", b.map("multiply", u, 2.0), b.map("add", u, u))
    assert jacobian_program(stored(b, u, w)).pattern.nnz == 2 * 20


def test_weights_with_zeros_go_the_general_way():
    b = Builder((4,))
    u = b.map("exp", b.x)
    w = b.map("multiply", u, np.array([1.0, 0.0, 3.0, 0.0]))
    program = stored(b, u, w)
    assert jacobian_program(program).pattern.nnz == 4 + 2


def test_constants_are_found_among_few_and_many():
    b = Builder((3,))
    ids = [b.x]
    for k in range(8):
        ids += [b.constant([1.0 + k, 2.5 + k]), b.map("exp", b.x)]
    table = ConstantTable(b)
    slots = np.concatenate(ids)
    each = np.concatenate([table(slots[k : k + 1]) for k in range(slots.size)])
    np.testing.assert_array_equal(table(slots), each)
    np.testing.assert_array_equal(table(slots[3:5]), [1.0, 2.5])
    assert not table.any_at(slots[5:8])
    assert table.any_at(slots[4:8])
    assert table(slots[:0]).size == 0


def test_streams_survive_fusing():
    program = fuse(regular_program(3))
    pattern, values = jacobian_of(program)
    x = np.linspace(0.4, 1.3, program.n)
    expected = oracles.finite_difference_jacobian(Interpreter(program), x)
    oracles.assert_close(pattern.to_scipy(values).toarray(), expected, rtol=1e-6)
