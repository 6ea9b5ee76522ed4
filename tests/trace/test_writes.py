"""Functions as people write them: plain arrays written into, and Python's own numbers.

Each is held against finite differences of a plain call, by every way to compute.
"""

from __future__ import annotations

import math
import threading
from math import exp

import numpy as np
import pytest
from numpy import zeros

import sparsesolve as ss
from sparsesolve.errors import TraceError, UnsupportedOperation, VerificationError
from sparsesolve.trace import trace
from tests.written_functions import WRITING, N

NUMBERS = {
    "exp": lambda x: [math.exp(-x[0]), x[1]],
    "log": lambda x: [math.log(x[0]), math.log(x[1], 2), math.log10(x[2]), math.log1p(x[0])],
    "trigonometry": lambda x: [math.sin(x[0]), math.cos(x[1]), math.tan(x[2]), math.asin(x[3] / 9)],
    "inverse": lambda x: [math.acos(x[0] / 9), math.atan(x[1]), math.atan2(x[2], x[3])],
    "hyperbolic": lambda x: [math.sinh(x[0]), math.cosh(x[1]), math.tanh(x[2]), math.asinh(x[3])],
    "roots": lambda x: [math.sqrt(x[0]), math.cbrt(x[1]), math.hypot(x[2], x[3]), math.exp2(x[0])],
    "hypot of three": lambda x: math.hypot(x[0], x[1], x[2]),
    "pow": lambda x: [math.pow(x[0], x[1]), pow(x[0], 2), pow(2.0, x[1]), pow(x[1], x[2])],
    "fabs": lambda x: [math.fabs(x[0] - 0.9), abs(x[1] - 0.9), math.copysign(x[0], -1.0)],
    "remainder": lambda x: [math.fmod(x[0], 0.3), x[1] % 0.3, divmod(x[2], 0.3)[1]],
    "floor": lambda x: [math.floor(x[0]) + x[0], math.ceil(x[1]) * x[1], math.trunc(x[0])],
    "special": lambda x: [math.erf(x[0]), math.erfc(x[1]), math.gamma(x[2]), math.lgamma(x[3])],
    "sums": lambda x: [math.fsum(x), math.fsum([x[0], 2.0]), math.prod(x), sum(x), sum(list(x), 1)],
    "dist": lambda x: math.dist([x[0], 1.0], [2.0, x[1]]),
    "degrees": lambda x: [math.degrees(x[0]), math.radians(x[1])],
    "max of two": lambda x: [max(x[0], x[1]), max(x[0], 0.0), max(2, x[1])],
    "min of two": lambda x: [min(x[0], x[1]), min(x[0], 9.0), min(0, x[1])],
    "max of many": lambda x: [max(x), min(x), max([x[0], x[1], 0.5]), max(x[0], x[1], x[2])],
    "max of a generator": lambda x: max(v**2 for v in x),
    "clamp": lambda x: [min(max(v, 0.6), 1.1) for v in x],
    "float": lambda x: [float(x[0]) ** 2, float(x[1] * 2), float(3), float("2.5")],
    "float of one": lambda x: float(x[:1]) if x.ndim == 0 else float(np.sum(x)),
    "item": lambda x: [x[0].item() * 2, x[1:2].item(), x.item(3)],
    "isinstance": lambda x: [x[0] * isinstance(x[0], float), float(x[1]) if isinstance(x[1], float)
                             else 0.0, 2 * x[2] if isinstance(x, np.ndarray) else x[2]],
    "round": lambda x: [round(x[0]) + x[0], round(x[1], 2) + x[1]],
    "f-string": lambda x: [x[0] * len(f"{x[0]:8.3f}"), x[1] * len(format(x[1], "8.2e"))],
    "dtype": lambda x: np.zeros(2, dtype=float) + float(x[0]),
    "kind": lambda x: float(x[0]) * (np.zeros(2).dtype == float) * issubclass(float, object),
}  # fmt: skip


def _differences(function, x):
    plain = lambda x: np.hstack([np.ravel(part) for part in _parts(function(x))])
    columns = []
    for j in range(x.size):
        step = np.zeros(x.size)
        step[j] = 1e-6
        columns.append((plain(x + step) - plain(x - step)) / 2e-6)
    return np.stack(columns, axis=-1)


def _parts(value):
    return value if isinstance(value, (tuple, list)) else [value]


SIZES = {"lorenz": 3, "van_der_pol": 2, "robertson": 3, "brusselator": 6, "cstr": 2, "predator": 2}


@pytest.mark.every(6)
@pytest.mark.parametrize("name", [*WRITING, *NUMBERS])
def test_equals_differences(name):
    function = WRITING.get(name) or NUMBERS[name]
    generator = np.random.default_rng(len(name))
    n = SIZES.get(name, N)
    x = generator.uniform(0.4, 1.4, n)
    J = ss.jacobian(function, x)
    others = [ss.jacobian(function, x, method=m) for m in ("colored",)]
    others.append(ss.jacobian(function, x, method="interpreted"))
    for _ in range(3):
        x = generator.uniform(0.4, 1.4, n)
        got = J(x).toarray()
        want = _differences(function, x)
        assert np.allclose(got, want, rtol=2e-5, atol=1e-4 * max(1.0, np.abs(want).max()) * 1e-2)
        for other in others:
            assert np.allclose(other(x).toarray(), got, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 100])
def test_sizes(n):
    def function(x):
        r = np.zeros(n)
        r[1:] = x[1:] * x[:-1]
        r[:1] += x[:1] ** 2
        return r

    x = np.linspace(0.5, 1.5, n)
    J = ss.jacobian(function, x)
    assert np.allclose(J(x).toarray(), _differences(function, x) if n else np.zeros((0, 0)))


def test_a_constant_array_stays_one():
    def function(x):
        shape, mask, weights = np.full(2, 2), np.ones(4, dtype=bool), np.linspace(0, 1, 4)
        assert isinstance(weights, np.ndarray)
        assert weights[2] > 0.5
        assert {float(weights[3]): 1}[1.0] == 1
        total = math.fsum(weights) + int(weights[-1])
        r = np.zeros(shape)  # the shape is an array
        r[0, 0] = x[0]
        return r.ravel()[mask] * total + weights * np.arange(4)[[0, 2, 1, 3]]

    x = np.array([0.3, 0.4])
    assert np.allclose(ss.jacobian(function, x)(x).toarray(), [[3.0, 0], [0, 0], [0, 0], [0, 0]])


def test_of_python_and_of_other_modules():
    class Plant:
        def __init__(self):
            self.n = 2

        def __call__(self, x):
            return self._rates(x)

        def _rates(self, x):
            r = zeros(self.n)
            r[0] = exp(x[0]) * max(x[1], 0.0)
            return r

    x = np.array([0.3, 0.4])
    want = [[0.4 * np.exp(0.3), np.exp(0.3)], [0, 0]]
    assert np.allclose(ss.jacobian(Plant(), x)(x).toarray(), want)
    assert np.allclose(ss.jacobian(Plant()._rates, x)(x).toarray(), want)


def _fails(x):
    zeros(2)[0] = float(x[0])
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["return", "refusal", "interrupt"])
def test_names_are_put_back(how):
    before = (np.zeros, np.array, math.exp, zeros, exp, dict(globals()))

    def function(x):
        r = zeros(2)
        r[0] = max(exp(x[0]), float(x[1]))
        if how == "refusal" and x[0] > 0:
            return x
        return _fails(x) if how == "interrupt" else r

    kind = {"refusal": TraceError, "interrupt": KeyboardInterrupt}.get(how)
    if kind is None:
        trace(function, [np.ones(2)])
    else:
        with pytest.raises(kind):
            trace(function, [np.ones(2)])
    assert (np.zeros, np.array, math.exp, zeros, exp, dict(globals())) == before


def test_other_threads_get_plain_arrays():
    kinds = []

    def look():
        kinds.extend([type(np.zeros(2)), type(zeros(2)), type(max(1, 2)), type(float("1"))])

    def function(x):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        r = zeros(2)
        r[0] = float(x[0])
        return r

    ss.jacobian(function, np.ones(2))
    assert set(kinds) == {np.ndarray, int, float}


def test_a_trace_in_a_trace():
    def inner(y):
        r = zeros(2)
        r[1] = y[0] * 3.0
        return r

    def function(x):
        r = zeros(2)
        r[0] = float(x[0])
        r += ss.jacobian(inner, np.ones(2))(np.ones(2)).toarray() @ np.ones(2)
        r[1] *= x[1]
        return r

    x = np.array([0.3, 0.4])
    assert np.allclose(ss.jacobian(function, x)(x).toarray(), [[1.0, 0.0], [0.0, 3.0]])


_held = (np.zeros(2),)


def _into_held(x):
    _held[0][0] = x[0]
    return _held[0] * x


def _into_integers(x):
    r = np.zeros(2, dtype=int)
    r[0] = x[0]
    return r


def _into_list_of_integers(x):
    r = np.array([0] * 2)
    r[:] = x
    return r


def _by_traced_mask(x):
    return np.ones(2)[x > 0.5]


def _flat_of_transposed(x):
    r = np.zeros((2, 2))
    r[0] = x
    r.T.flat[1] = x[0]
    return r.ravel()


REFUSED = {
    "flat": (_flat_of_transposed, "not in one piece"),
    "held": (_into_held, "np.zeros_like"),
    "integers": (_into_integers, "dtype=float"),
    "integers of a list": (_into_list_of_integers, "dtype=float"),
    "complex": (lambda x: x[0].__complex__().real, "float()"),
}


@pytest.mark.parametrize("function", [_by_traced_mask, lambda x: max(x, key=lambda v: -v)])
def test_branches(function):
    x = np.array([0.7, 0.9])
    J = ss.jacobian(function, np.ones(2))
    assert np.array_equal(J.value(x), np.ravel(function(x)).reshape(np.shape(function(x))))
    assert np.allclose(J(x).toarray(), _differences(function, x))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, text = REFUSED[name]
    with pytest.raises(TraceError, match="expected") as caught:
        ss.jacobian(function, np.ones(2))
    assert text in str(caught.value)
    assert __file__ in str(caught.value)


def test_a_buffer_made_in_a_trace_is_plain_afterwards():
    kept = []

    def function(x):
        if not kept:
            kept.append(np.zeros(2))
        r = kept[0].copy()
        r[0] = x[0]
        return r

    trace(function, [np.ones(2)])
    assert type(kept[0]) is np.ndarray
    assert np.array_equal(kept[0] + 1.0, np.ones(2))


# --- what is asked of values, and lists of them ---


def test_types_are_those_of_arrays():
    def function(x):
        plain = type(x) is np.ndarray and type(x[0]) is np.float64
        return x * 2 if plain and not hasattr(x[0], "__iter__") and hasattr(x, "shape") else x

    J = ss.jacobian(function, np.ones(2))
    assert np.array_equal(J(np.ones(2)).toarray(), 2 * np.eye(2))


def test_a_difference_that_is_no_question_of_types_is_found():
    state = []

    def function(x):
        state.append(type(x))
        return x * len(state)

    with pytest.raises(VerificationError, match="state between calls"):
        ss.jacobian(function, np.ones(2))


def test_text_of_numbers():
    lines = []

    def function(x):
        lines.append("%6.2f|%d|%s" % (x[0], x[1] * 10, x[2]) + f"{x[0]:.1e}" + str(x[1]))  # noqa: UP031
        return x * len("%5.1f" % np.sum(x))  # noqa: UP031

    x = np.array([0.5, 1.25, 2.0])
    J = ss.jacobian(function, x)
    assert np.array_equal(J(x).toarray(), 5 * np.eye(3))
    assert lines[0] == "  0.50|12|2.05.0e-011.25"
    with pytest.raises(UnsupportedOperation, match=r"float\(\)"):
        ss.jacobian(lambda x: "%5.1f" % x, np.ones(3))  # noqa: UP031


def test_a_number_read_from_text_is_found():
    with pytest.raises(VerificationError):
        ss.jacobian(lambda x: x * float("%.3f" % x[0]), np.ones(3))  # noqa: UP031


def test_names_of_numpy_are_put_back():
    own = globals()["np"]
    J = ss.jacobian(lambda x: np.sqrt([x[0], 2.0]) + np.float64(x[1]), np.ones(2))
    assert globals()["np"] is own
    assert np.allclose(J(np.ones(2)).toarray(), [[0.5, 1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="inhomogeneous"):
        ss.jacobian(lambda x: np.sqrt([x[0], x]), np.ones(2))
    assert globals()["np"] is own
    assert type(np.float64(1.0)) is np.float64


class Meta(type):
    pass


def test_classes_made_while_traced():
    def function(x):
        made = type("Made", (), {"k": 2.0})
        meta = type(Meta("Other", (), {})) is Meta and isinstance(made, type)
        return np.zeros(2) + made.k * x[:2] * meta + complex(x[0], 1).imag

    x = np.ones(2)
    J = ss.jacobian(lambda x: float(x[0]) + function(x), x)
    assert np.allclose(J(x).toarray(), [[3.0, 0.0], [1.0, 2.0]])
