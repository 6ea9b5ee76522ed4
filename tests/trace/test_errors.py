"""What cannot be recorded is refused, with the line and the fix; nothing is frozen silently."""

from __future__ import annotations

import copy
import math
import re

import numpy as np
import pytest
import scipy.sparse
import scipy.special

from sparsesolve.errors import (
    DataDependentBranch,
    StructureMismatch,
    TraceError,
    UnsupportedOperation,
    VerificationError,
)
from sparsesolve.ir.tape import evaluate
from sparsesolve.trace import check, prepare, trace

x0 = np.array([0.1, 0.5, 0.7, 0.9])
S = scipy.sparse.eye_array(4, format="csr")


_buffer = np.zeros(4)


def _assign_to_buffer(x):
    r = _buffer
    r[0] = x[0]
    return r


def _assign_slice_to_buffer(x):
    r = _buffer
    r[1:] = x[:-1]
    return r


def _add_to_buffer(x):
    r = _buffer
    r += x
    return r


_integers = np.zeros(4, dtype=int)


def _add_to_integers(x):
    r = _integers
    r += x
    return r


def _assign_to_argument(x):
    x[0] = 1.0
    return x


def _assign_to_view_of_argument(x):
    v = x[1:]
    v[0] = 1.0
    return x


def _add_to_argument(x):
    x += 1.0
    return x


def _assign_to_integers(x):
    r = np.zeros_like(x, dtype=int)
    r[0] = x[0]
    return r


def _assign_by_mask(x):
    r = x * 2
    r[x > 0.5] = x
    return r


def _loop_until(x):
    while x[0] < 1:
        x = x * 2
    return x


REFUSED = {
    "if": (lambda x: x if x[0] > 0 else -x, DataDependentBranch, "np.where"),
    "if of one element": (lambda x: x if x[:1] > 0 else -x, DataDependentBranch, "np.where"),
    "while": (_loop_until, DataDependentBranch, "np.where"),
    "and": (lambda x: x[0] > 0 and x[1], DataDependentBranch, "np.where"),
    "not": (lambda x: not x[0], DataDependentBranch, "np.where"),
    "builtin max": (lambda x: max(x, key=abs), DataDependentBranch, "np.maximum"),
    "builtin min": (lambda x: min(x[0], x[1], key=abs), DataDependentBranch, "np.minimum"),
    "builtin all": (lambda x: all(x > 0), DataDependentBranch, "NumPy's"),
    "sorted": (lambda x: sorted(x), DataDependentBranch, "np.where"),
    "in": (lambda x: 0.5 in x, DataDependentBranch, "np.where"),
    "allclose": (lambda x: x if np.allclose(x, 0) else -x, DataDependentBranch, "np.where"),
    "mask": (lambda x: x[x > 0.5], DataDependentBranch, "np.where(mask, a, b)"),
    "mask of a constant": (lambda x: np.ones(4)[x > 0.5], DataDependentBranch, "np.where"),
    "assignment by mask": (_assign_by_mask, DataDependentBranch, "np.where"),
    "int": (lambda x: x[int(x[0])], DataDependentBranch, "functools.partial"),
    "range": (lambda x: list(range(x[0])), DataDependentBranch, "static constant"),
    "slice": (lambda x: x[: x[0]], DataDependentBranch, "static constant"),
    "index": (lambda x: x[[0, x[1]]], DataDependentBranch, "static constant"),
    "index of a constant": (lambda x: [1, 2][x[0]], DataDependentBranch, "static constant"),
    "shape": (lambda x: np.zeros(x[0]), DataDependentBranch, "static constant"),
    "shape of array": (lambda x: np.zeros(x.reshape(4)), DataDependentBranch, "static constant"),
    "shape of 0-d array": (lambda x: np.zeros(np.squeeze(x[:1])), DataDependentBranch, "static"),
    "reshape": (lambda x: x.reshape(x[0], 2), DataDependentBranch, "static constant"),
    "floor": (lambda x: x[math.floor(x[0])], DataDependentBranch, "static constant"),
    "argmax": (lambda x: np.argmax(x), DataDependentBranch, "np.max"),
    "argmax method": (lambda x: x.argmax(), DataDependentBranch, "np.max"),
    "argsort": (lambda x: x[np.argsort(x)], DataDependentBranch, "np.sort"),
    "nonzero": (lambda x: x[np.nonzero(x)], DataDependentBranch, "np.where"),
    "where alone": (lambda x: np.where(x > 0.5), DataDependentBranch, "np.where"),
    "nanmedian": (lambda x: np.nanmedian(x), DataDependentBranch, "np.sort"),
    "unique": (lambda x: np.unique(x), DataDependentBranch, "np.where"),
    "searchsorted": (lambda x: np.searchsorted(x0, x), DataDependentBranch, "np.where"),
    "float": (lambda x: x[0].__float__(), UnsupportedOperation, "Leave float() out"),
    "math": (lambda x: math.frexp(x[0]), UnsupportedOperation, "np.sin"),
    "math.ulp": (lambda x: math.ulp(x[0]), UnsupportedOperation, "float()"),
    "complex": (lambda x: complex(x[0]), TraceError, ".real"),
    "float32": (lambda x: x.astype(np.float32), UnsupportedOperation, "float64"),
    "add to buffer": (_add_to_integers, UnsupportedOperation, "np.zeros_like(x)"),
    "out": (lambda x: np.add(x, x, out=_integers), UnsupportedOperation, "out="),
    "where option": (lambda x: np.add(x, x, where=x > 0.5), UnsupportedOperation, "np.where"),
    "assign to integers": (_assign_to_integers, UnsupportedOperation, "dtype=float"),
    "unknown ufunc": (lambda x: scipy.special.kolmogorov(x), UnsupportedOperation, "defvjp"),
    "unknown function": (
        lambda x: np.nextafter(x, 1.0),
        UnsupportedOperation,
        "nextafter",
    ),
    "unknown method": (lambda x: x.dumps(), UnsupportedOperation, ".dumps"),
    "sparse times": (lambda x: np.hypot(S, x), UnsupportedOperation, "A @ x"),
    "sparse elementwise": (lambda x: S * x, TraceError, "got a sparse one"),
    "ragged": (lambda x: [x, x[:2]], UnsupportedOperation, "np.concatenate"),
    "no value": (lambda x: None, TraceError, "Return its value"),
    "complex value": (lambda x: x * 1j, TraceError, ".real"),
    "string": (lambda x: "a", TraceError, "got str"),
    "dict": (lambda x: {"a": x}, TraceError, "got dict"),
    "sparse value": (lambda x: S, TraceError, "toarray"),
    "ragged constant": (lambda x: [[1.0], [1.0, 2.0]], TraceError, "ragged"),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, kind, text = REFUSED[name]
    with pytest.raises(kind, match=re.escape(text)):
        trace(function, [x0])


CHANGING = [_assign_to_argument, _assign_to_view_of_argument, _add_to_argument]


@pytest.mark.parametrize("function", CHANGING)
def test_a_parameter_is_not_changed(function):
    with pytest.raises(UnsupportedOperation, match=re.escape("x = x.copy()")):
        trace(lambda x, p: x * function(p), [x0, x0.copy()])


@pytest.mark.parametrize("function", CHANGING)
def test_the_differentiated_argument_is_a_copy(function):
    example = x0.copy()
    tape = trace(function, [example])
    assert np.array_equal(example, x0)
    assert np.array_equal(evaluate(tape, x0 + 1.0, []), function(x0 + 1.0))


@pytest.mark.parametrize("function", [_assign_to_buffer, _assign_slice_to_buffer])
def test_a_buffer_is_written_into(function):
    traced = prepare(function, [x0])
    check(function, traced, [x0])
    assert np.array_equal(evaluate(traced.tape, x0 + 1.0, []), function(x0 + 1.0))


def test_what_a_buffer_held_is_refused():
    with pytest.raises(VerificationError, match="keeps state between calls"):
        check(_add_to_buffer, prepare(_add_to_buffer, [x0]), [x0])


def test_message_names_the_line():
    def function(x):
        y = x**2
        return y if y[0] > 0 else x

    line = function.__code__.co_firstlineno + 2
    with pytest.raises(DataDependentBranch, match=re.escape(f"{__file__}:{line}")):
        trace(function, [x0])


def test_instruction_names_the_line():
    def function(x):
        y = np.exp(x)
        return np.concatenate([y, np.gradient(x)])

    tape = trace(function, [x0])
    first = function.__code__.co_firstlineno
    lines = {step.op: step.source for step in tape.instructions}
    assert lines["exp"] == f"{__file__}:{first + 1}"
    assert {step.source for step in tape.instructions if step.op != "exp"} == {
        f"{__file__}:{first + 2}"
    }


def test_constants_may_branch():
    def function(x):
        r = np.zeros_like(x)
        r += 2.0
        if r[0] > 1 and x.size > 2 and x.ndim == 1 and np.shape(x)[0] == 4:
            r = r * int(r[1]) * float(r[2])
        return r * x

    assert np.array_equal(evaluate(trace(function, [x0]), x0), 8.0 * x0)


def test_constant_arrays_are_kept_as_they_were():
    def function(x):
        w = np.arange(200.0)
        y = w[:4] * x
        total = np.sum(w * 1.0) * x
        w[:] = 7.0
        index = np.array([0, 1])
        moved = np.take(x, index) + x[index]
        index[:] = 3
        return np.concatenate([y, total, moved, w[:4] * x])

    traced = prepare(function, [x0])
    check(function, traced, [x0])


def test_copies_are_copies():
    def function(x):
        a = x.copy()
        b, c = copy.copy(a), copy.deepcopy(a)
        a[0] = 5.0
        b[1] = x[0]
        return np.concatenate([a, b, c, np.ascontiguousarray(a[::2])])

    traced = prepare(function, [x0])
    check(function, traced, [x0])


def test_nothing_is_left_behind():
    before = np.array, np.asarray
    with pytest.raises(DataDependentBranch):
        trace(lambda x: x if x[0] > 0 else -x, [x0])
    assert (np.array, np.asarray) == before


def test_argument_is_not_changed():
    x = x0.copy()
    trace(lambda x: x * 2, [x])
    assert np.array_equal(x, x0)


# --- the check at a second point ---


def test_check_finds_state():
    calls = []

    def function(x):
        calls.append(1)
        return x * len(calls)

    traced = prepare(function, [x0])
    with pytest.raises(VerificationError, match="state between calls"):
        check(function, traced, [x0])
    assert len(calls) == 2


def test_check_finds_random_numbers():
    generator = np.random.default_rng(3)
    function = lambda x: x + generator.normal(size=4)
    traced = prepare(function, [x0])
    with pytest.raises(VerificationError, match="random"):
        check(function, traced, [x0])


def test_check_finds_hidden_types():
    function = lambda x: x if type(x) is np.ndarray else 2 * x
    traced = prepare(function, [x0])
    with pytest.raises(VerificationError):
        check(function, traced, [x0])


# --- arguments ---


def test_arguments_are_sorted():
    def function(t, y, data, options, name, scale=2.0):
        a, (b, c) = data
        assert name == "case"
        return scale * y * t + a * b[0] * options["k"] + c

    args = [0.5, x0, (1.5, [np.ones(2), 3]), {"k": 2.0}, "case", 4.0]
    traced = prepare(function, args, argnum=1)
    check(function, traced, args)
    shapes = [value.shape for value in traced.tape.parameters]
    assert shapes == [(), (), (2,), (), (), ()]
    later = [0.7, x0**2, (2.5, [np.arange(2.0) + 1, 5]), {"k": 3}, "case", 1]
    x, parameters = traced.arguments.split(later)
    assert x.dtype == float
    np.testing.assert_allclose(evaluate(traced.tape, x, parameters), function(*later))


@pytest.mark.parametrize(
    ("later", "text"),
    [
        ([x0[:3], 1.0, "a", None], "`x` must have shape (4,), got (3,)"),
        ([x0, [1.0, 2.0], "a", None], "`scale` must have shape (), got (2,)"),
        ([x0, 1.0, "b", None], "`name` must be 'a', got 'b'"),
        ([x0, 1.0, "a", 3.0], "`extra` must be None"),
        ([x0 * 1j, 1.0, "a", None], "`x` must hold real numbers"),
        ([x0, 1.0, "a"], "expected 4 arguments, got 3"),
        ([x0, "1", "a", None], "`scale` must hold real numbers"),
    ],
)
def test_other_arguments_are_refused(later, text):
    def function(x, scale, name, extra):
        return x * scale

    arguments = prepare(function, [x0, 2.0, "a", None]).arguments
    with pytest.raises(StructureMismatch, match=re.escape(text)):
        arguments.split(later)


def test_static_arrays_of_truth_are_compared():
    function = lambda x, mask: x[mask]
    mask = np.array([True, False, True, False])
    arguments = prepare(function, [x0, mask]).arguments
    arguments.split([x0, mask.copy()])
    with pytest.raises(StructureMismatch):
        arguments.split([x0, ~mask])


def test_integer_parameters_cannot_index():
    with pytest.raises(DataDependentBranch, match=re.escape("functools.partial")):
        trace(lambda x, k: x[k], [x0, 2])


@pytest.mark.parametrize("bad", ["text", None, len, {"a": "b"}, (), x0 > 0.5])
def test_differentiated_argument_is_numeric(bad):
    with pytest.raises(TraceError, match="must be a number or an array"):
        trace(lambda x: 1.0, [bad])


def test_complex_argument_is_refused():
    with pytest.raises(TraceError, match="must be real"):
        trace(lambda x: x, [x0 * 1j])


def test_argnum_is_checked():
    with pytest.raises(ValueError, match="argnum"):
        trace(lambda x: x, [x0], argnum=1)


@pytest.mark.parametrize("x", [3.0, 3, np.float64(2.0), np.array(2.0), [1, 2], np.arange(3)])
def test_kinds_of_points(x):
    traced = prepare(lambda x: np.asarray(x) * 2.0, [x])
    check(lambda x: np.asarray(x) * 2.0, traced, [x])
    assert traced.tape.input.dtype == float


@pytest.mark.parametrize("shape", [(0,), (1,), (0, 3), (3, 0), (1, 1)])
def test_small_shapes(shape):
    def function(x):
        r = np.zeros_like(x)
        r[...] = x * 2
        r[:1] += 1.0
        return np.concatenate([r.ravel(), x.reshape(-1)[1:], np.array([x.sum(), 0.0])])

    x = np.full(shape, 0.5)
    traced = prepare(function, [x])
    check(function, traced, [x])
