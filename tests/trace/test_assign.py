"""Assignment in place and views: random programs mean on a tape what they mean in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.tape import evaluate, verify
from sparsesolve.trace import prepare, trace

BEGIN = (
    lambda x: x * 1.0,
    lambda x: x.copy(),
    lambda x: np.zeros_like(x),
    lambda x: np.ones_like(x),
    lambda x: np.exp(x).T,
    lambda x: np.concatenate([x, x]),
    lambda x: np.roll(x, 1),
)
VIEW = (
    lambda a: a[1:],
    lambda a: a[:-1],
    lambda a: a[::-1],
    lambda a: a[::2],
    lambda a: a[..., :1],
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: a.ravel(),
    lambda a: np.flip(a),
    lambda a: a[None],
    lambda a: np.expand_dims(a, -1),
    lambda a: np.squeeze(a),
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: np.atleast_2d(a),
    lambda a: np.asarray(a),
    lambda a: a[0],
    lambda a: a[np.arange(len(a))],  # a copy
    lambda a: a * 2.0,  # a new array
)


def _assign_reversed(a):
    a[...] = a[::-1] * 1.0


def _shift(a):
    a[1:] = a[:-1]


def _twice(a):
    a[np.zeros(2, dtype=int)] += 1.0


def _set(a, index, value):
    a[index] = value


CHANGE = (
    lambda a, x: _set(a, 0, x.flat[0] ** 2),
    lambda a, x: _set(a, -1, 3.0),
    lambda a, x: _set(a, Ellipsis, x.flat[1]),
    lambda a, x: _set(a, slice(1, None), x.flat[2] * 2.0),
    lambda a, x: _set(a, [0], np.sin(x.flat[3])),
    lambda a, x: _set(a, a > 0.5, 0.25),
    lambda a, x: a.__iadd__(x.flat[0]),
    lambda a, x: a.__imul__(2.0),
    lambda a, x: a[1:].__isub__(x.flat[1]),
    lambda a, x: a.fill(x.flat[2]),
    lambda a, x: _assign_reversed(a),
    lambda a, x: _shift(a),
    lambda a, x: _twice(a),
    lambda a, x: np.add.at(a, 0, x.flat[0]),
    lambda a, x: np.copyto(a, 0.5 * a),
    lambda a, x: _set(a, Ellipsis, a),
)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("view"), st.integers(0, 5), st.integers(0, len(VIEW) - 1)),
        st.tuples(st.just("change"), st.integers(0, 5), st.integers(0, len(CHANGE) - 1)),
    ),
    min_size=2,
    max_size=9,
)


def _run(x, begin, steps):
    arrays = [BEGIN[begin](x)]
    for what, which, how in steps:
        array = arrays[which % len(arrays)]
        if what == "change" and np.ndim(array) and len(array) > 1:
            CHANGE[how](array, x)
        elif what == "view" and np.ndim(array) and np.size(array) > 1:
            arrays.append(VIEW[how](array))
    return np.concatenate([np.ravel(a) for a in arrays])


@given(begin=st.integers(0, len(BEGIN) - 1), steps=STEPS, flat=st.booleans())
def test_random_assignments(begin, steps, flat):
    x = np.linspace(0.15, 0.9, 6) if flat else np.linspace(0.15, 0.9, 6).reshape(2, 3)

    def function(x):
        return _run(x, begin, steps)

    tape = trace(function, [x])
    verify(tape)
    for point in (x, 0.95 * x + 0.01):
        np.testing.assert_allclose(evaluate(tape, point), function(point), rtol=1e-13, atol=1e-13)


def test_read_only_views_are_refused():
    def function(x):
        r = np.broadcast_to(x * 2, (3, 4))
        r[0] = 1.0
        return r

    with pytest.raises(ValueError, match="read-only"):
        trace(function, [np.ones(4)])


def test_views_of_another_kind_are_refused():
    def function(x):
        r = np.fft.fft(x)
        part = r.real
        part[0] = 1.0
        return part

    with pytest.raises(UnsupportedOperation):
        trace(function, [np.ones(4)])


def test_one_update_an_assignment():
    def function(x):
        r = np.zeros_like(x)
        r[1:] += x[:-1]
        r[0] = x[0]
        return r

    tape = trace(function, [np.ones(4)])
    assert [step.op for step in tape.instructions].count("setitem") == 2


def test_whole_assignment_needs_no_update():
    def function(x):
        r = np.empty_like(x)
        r[:] = x * 2
        return r

    assert [step.op for step in trace(function, [np.ones(4)]).instructions] == ["multiply"]


def test_dead_code_is_left_out():
    def function(x):
        np.exp(x)
        r = x * 2
        np.sin(r)
        return r + 1

    tape = trace(function, [np.ones(3)])
    verify(tape)
    assert [step.op for step in tape.instructions] == ["multiply", "add"]


def test_assignment_through_plain_array_of_objects():
    def function(x):
        r = np.empty(3, dtype=object)
        r[0] = x[0]
        r[1:] = [x[1] * x[0], 2.0]
        return r

    traced = prepare(function, [np.array([2.0, 3.0])])
    assert evaluate(traced.tape, np.array([2.0, 3.0])).tolist() == [2.0, 6.0, 2.0]
