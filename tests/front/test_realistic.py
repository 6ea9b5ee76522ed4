"""Functions as users write them: derivatives, counts of kernels and calls, and clear errors."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import UnsupportedOperation, VerificationError
from sparsesolve.ir.recurrence import Recurrence
from tests import oracles
from tests.realistic_functions import SCALAR, VECTOR
from tests.reference import flat, reference_jacobian

METHODS = ["auto", "interpreted", "colored"]


def moved(x, k):
    """A point near `x`; the same for everybody."""
    return x * (1.0 + 0.05 * np.sin(np.arange(1.0 + k, 1.0 + k + x.size).reshape(x.shape)))


LONG = {"two_hundred_steps"}  # seconds each: one engine is enough by default
VECTOR_CASES = [
    pytest.param(name, method, marks=pytest.mark.slow if name in LONG and method != "auto" else ())
    for name in VECTOR
    for method in METHODS
]


@pytest.mark.every(8)
@pytest.mark.parametrize(("name", "method"), VECTOR_CASES)
def test_jacobian(name, method):
    function, (x0, *rest) = VECTOR[name]
    J = ss.jacobian(function, x0, *rest, method=method)
    x = moved(x0, 3)
    expected, rtol = reference_jacobian(lambda v: function(v, *rest), x)
    assert J.shape == expected.shape
    oracles.assert_close(
        J.value(x, *rest).reshape(-1), flat(lambda v: function(v, *rest), x), rtol=1e-13
    )
    oracles.assert_close(J(x, *rest).toarray(), expected, rtol=max(rtol, 1e-12))
    v, w = np.cos(np.arange(x.size)), np.sin(np.arange(expected.shape[0]))
    oracles.assert_close(J.jvp(x, *rest, v), expected @ v, rtol=max(rtol, 1e-11))
    oracles.assert_close(J.vjp(x, *rest, w), expected.T @ w, rtol=max(rtol, 1e-11))


@pytest.mark.every(16)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SCALAR)
def test_hessian(name, method):
    function, (x0, *rest) = SCALAR[name]
    H = ss.hessian(function, x0, *rest, method=method)
    x = moved(x0, 5)
    gradient, rtol = reference_jacobian(lambda v: function(v, *rest), x)
    assert H.value(x, *rest) == pytest.approx(function(x, *rest), rel=1e-13)
    oracles.assert_close(
        H.gradient(x, *rest).reshape(-1), gradient.reshape(-1), rtol=max(rtol, 1e-12)
    )
    second = oracles.finite_difference_jacobian(
        lambda v: H.gradient(v, *rest).reshape(-1), x, step=2e-4
    )
    found = H(x, *rest).toarray()
    oracles.assert_close(found, second, rtol=1e-8)
    np.testing.assert_array_equal(found, found.T)
    v = np.cos(np.arange(x.size))
    oracles.assert_close(H.hvp(x, *rest, v).reshape(-1), found @ v, rtol=1e-11)


# ----- loops become vectors -----


def loop_stencil(x):
    r = np.zeros_like(x)
    for i in range(1, len(x) - 1):
        r[i] = (x[i + 1] - 2.0 * x[i] + x[i - 1]) * 100.0 + np.exp(x[i]) * x[i]
    return r


def vector_stencil(x):
    r = np.zeros_like(x)
    r[1:-1] = (x[2:] - 2.0 * x[1:-1] + x[:-2]) * 100.0 + np.exp(x[1:-1]) * x[1:-1]
    return r


def list_stencil(x):
    inner = [
        (x[i + 1] - 2.0 * x[i] + x[i - 1]) * 100.0 + np.exp(x[i]) * x[i]
        for i in range(1, len(x) - 1)
    ]
    return np.array([0.0, *inner, 0.0])


def loop_sum(x):
    f = 0.0
    for i in range(len(x) - 1):
        f = f + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return f


def generator_sum(x):
    return sum(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x))


def vector_sum(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def loop_matvec(x):
    A = np.random.default_rng(0).standard_normal((len(x), len(x)))
    out = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(max(0, i - 1), min(len(x), i + 2)):
            out[i] += A[i, j] * x[j]
        out[i] = np.tanh(out[i])
    return out


def vector_matvec(x):
    A = np.random.default_rng(0).standard_normal((len(x), len(x)))
    return np.tanh(np.triu(np.tril(A, 1), -1) @ x)


def loop_blocks(x):
    """Small vectors in a loop, as object-oriented models make them."""
    parts = []
    for k in range(len(x) // 4):
        p, v = x[4 * k : 4 * k + 2], x[4 * k + 2 : 4 * k + 4]
        parts.append(np.concatenate([v, -p / (p[0] ** 2 + p[1] ** 2) ** 1.5]))
    return np.concatenate(parts)


def vector_blocks(x):
    p, v = x.reshape(-1, 4)[:, :2], x.reshape(-1, 4)[:, 2:]
    force = -p / (p[:, :1] ** 2 + p[:, 1:] ** 2) ** 1.5
    return np.concatenate([v, force], axis=1).ravel()


TWINS = {
    "stencil": (loop_stencil, vector_stencil, 200),
    "list": (list_stencil, vector_stencil, 200),
    "sum": (loop_sum, vector_sum, 200),
    "generator": (generator_sum, vector_sum, 200),
    "matvec": (loop_matvec, vector_matvec, 60),
    "blocks": (loop_blocks, vector_blocks, 240),
}


def kernels_of(J):
    return len(J._nonzeros.run.program.instructions)


@pytest.mark.every(2)
@pytest.mark.parametrize("name", TWINS)
def test_loops_run_like_their_vectorised_twins(name):
    loop, twin, n = TWINS[name]
    x = moved(np.full(n, 0.7), 1)
    made = [ss.jacobian(f, np.full(n, 0.6)) for f in (loop, twin)]
    assert made[0].pattern == made[1].pattern
    oracles.assert_close(made[0](x).toarray(), made[1](x).toarray(), rtol=1e-13)
    oracles.assert_close(made[0].value(x), made[1].value(x), rtol=1e-13)
    slow, quick = map(kernels_of, made)
    assert slow <= quick + 6, f"{slow} kernels against {quick}"
    values = [len(J._function.program.instructions) for J in made]
    assert values[0] <= values[1] + 6, f"{values[0]} kernels against {values[1]}"


@pytest.mark.parametrize("name", ["sum", "generator"])
def test_hessians_of_loops(name):
    loop, twin, n = TWINS[name]
    x = moved(np.full(n, 0.7), 1)
    made = [ss.hessian(f, np.full(n, 0.6)) for f in (loop, twin)]
    assert made[0].pattern == made[1].pattern
    oracles.assert_close(made[0](x).toarray(), made[1](x).toarray(), rtol=1e-12)
    assert kernels_of(made[0]) <= kernels_of(made[1]) + 6


@pytest.mark.slow
def test_kernels_do_not_grow_with_the_size():
    for function in (loop_stencil, loop_sum, loop_blocks):
        counts = [kernels_of(ss.jacobian(function, np.full(n, 0.6))) for n in (200, 800)]
        assert counts[0] == counts[1]


def test_kernels_grow_linearly_with_steps():
    def steps(count):
        def function(u):
            for _ in range(count):
                u = u + 0.01 * (np.roll(u, 1) - 2.0 * u + np.roll(u, -1)) * np.exp(-u)
            return u

        return function

    lengths = 3, 6, 11, 40
    counts = [kernels_of(ss.jacobian(steps(k), np.ones(6), check=False)) for k in lengths]
    assert counts[2] - counts[1] <= 2 * (counts[1] - counts[0]) + 10
    assert counts[2] <= 8 * 11
    assert counts[3] <= counts[1]  # a loop by then


@pytest.mark.parametrize("count", [400, pytest.param(1500, marks=pytest.mark.slow)])
def test_long_chains(count):
    """Longer than Python's stack is deep, and cut into kernels of bounded size."""

    def function(x):
        for _ in range(count):
            x = x + 0.001 * np.sin(x)
        return x

    x = np.array([0.3, 0.8])
    J = ss.jacobian(function, np.ones(2))
    oracles.assert_close(J(x).toarray(), oracles.complex_step_jacobian(function, x))
    steps = J._nonzeros.run.program.instructions
    kernels = [step.kernels() if isinstance(step, Recurrence) else [step] for step in steps]
    nodes = [len(kernel.nodes) for group in kernels for kernel in group]
    assert max(nodes) < 8000


@pytest.mark.parametrize("method", METHODS)
def test_shared_subexpressions_stay_shared(method):
    """Neither code nor text may grow as 2 ** 60."""

    def function(x):
        for _ in range(60):
            x = x * x + 0.1 * x
        return x

    J = ss.jacobian(function, np.full(3, 0.1), method=method)
    assert len(J.kernels()) < 100_000
    assert "multiply" in J.explain(0, 0)
    x = np.full(3, 0.2)
    oracles.assert_close(J(x).toarray(), oracles.complex_step_jacobian(function, x))


# ----- calls of the user's function -----


def test_the_function_is_called_twice_and_never_again():
    calls = []

    def energy(x, p):
        calls.append(1)
        return np.sum(np.sin(x) * p["a"]) + p["b"] * np.prod(x)

    p = {"a": np.arange(3.0), "b": 2.0}
    H = ss.hessian(energy, np.ones(3), p)
    assert len(calls) == 2
    for k in range(3):
        p = {"a": np.arange(3.0) + k, "b": 2.0 * k}
        x = moved(np.ones(3), k)
        H(x, p), H.gradient(x, p), H.value(x, p), H.hvp(x, p, x), H.values(x, p)
        oracles.assert_close(H(x, p).toarray(), oracles.dense_hessian(energy, x, p), rtol=1e-13)
    assert len(calls) == 2 + 3 * 1  # the oracle's calls


def test_parameters_may_be_nested():
    def model(x, parameters, scale):
        (a, b), options = parameters
        return scale * (a * x + options["shift"] @ x) ** options["power"] + b

    args = (((2.0, np.ones(3)), {"shift": np.eye(3), "power": 2.0}), 0.5)
    later = (((3.0, np.arange(3.0)), {"shift": np.full((3, 3), 0.5), "power": 3.0}), 2.0)
    J = ss.jacobian(model, np.ones(3), *args)
    x = np.array([0.3, 0.8, 1.2])
    for given in (args, later):
        expected, rtol = reference_jacobian(lambda v, given=given: model(v, *given), x)
        oracles.assert_close(J(x, *given).toarray(), expected, rtol=max(rtol, 1e-12))


def test_classes_partials_and_methods():
    import functools

    class Model:
        def __init__(self, k):
            self.k = k

        def residual(self, x):
            return self.k * x**2 - 1.0

        def __call__(self, x):
            return self.residual(x)

    model = Model(np.array([1.0, 2.0]))
    functions = (model, model.residual, functools.partial(lambda k, x: k * x**2 - 1.0, model.k))
    for function in functions:
        J = ss.jacobian(function, np.ones(2))
        np.testing.assert_array_equal(J(np.array([3.0, 4.0])).toarray(), np.diag([6.0, 16.0]))


def test_shapes_of_x():
    cube = np.arange(24.0).reshape(2, 3, 4) / 24.0 + 0.1
    J = ss.jacobian(lambda x: np.sum(x**2, axis=(0, 2)) * x[0, :, 0], cube)
    assert J.shape == (3, 24)
    expected, rtol = reference_jacobian(lambda x: np.sum(x**2, axis=(0, 2)) * x[0, :, 0], cube)
    oracles.assert_close(J(cube).toarray(), expected, rtol=rtol)
    scalar, one = ss.jacobian(lambda t: t**2, 3.0), ss.jacobian(lambda t: t**2, [3.0])
    assert scalar(3.0).toarray() == one([3.0]).toarray() == [[6.0]]
    assert scalar.value(3.0).shape == ()
    assert one.value([3.0]).shape == (1,)
    H = ss.hessian(lambda x: np.sum(x**3, axis=0, keepdims=True), np.ones(2))
    np.testing.assert_array_equal(H([1.0, 2.0]).toarray(), np.diag([6.0, 12.0]))


def test_functions_independent_of_x():
    J = ss.jacobian(lambda x: np.arange(3.0), np.ones(2))
    assert (J.nnz, J.shape) == (0, (3, 2))
    np.testing.assert_array_equal(J.value(np.ones(2)), np.arange(3.0))
    J = ss.jacobian(lambda x: 7.0, np.ones(2))
    assert J.shape == (1, 2)
    J = ss.jacobian(lambda x: x * 0.0 + np.floor(x) + np.sign(x) + (x - x), np.ones(2))
    np.testing.assert_array_equal(J(np.ones(2)).toarray(), np.zeros((2, 2)))
    J = ss.jacobian(lambda x, p: p * 2.0, np.ones(2), np.ones(2))
    np.testing.assert_array_equal(J.value(np.ones(2), np.array([1.0, 5.0])), [2.0, 10.0])


def test_only_some_of_x():
    J = ss.jacobian(lambda x: np.sin(x[3:5]), np.ones(100))
    assert J.nnz == 2
    H = ss.hessian(lambda x: x[0] * x[99], np.ones(100))
    assert H.nnz == 2


# ----- a user's own primitives -----


def test_own_primitive():
    from autograd.extend import defvjp, primitive

    @primitive
    def smooth(x):
        return np.sort(x) ** 2  # anything that NumPy can do

    def rule(ans, x):
        order = np.argsort(getattr(x, "_value", x))
        back = np.argsort(order)
        import autograd.numpy as anp

        return lambda g: (2.0 * anp.sort(x) * g)[back]

    defvjp(smooth, rule)
    x = np.array([0.7, 0.2, 0.5])
    for method in METHODS:
        J = ss.jacobian(lambda x: smooth(x) * x[0], np.ones(3) * 0.4, method=method)
        expected, _ = reference_jacobian(lambda x: np.sort(x) ** 2 * x[0], x)
        oracles.assert_close(J(x).toarray(), expected, rtol=1e-8)


# ----- what is refused -----

STATE = {"count": 0}


def counts_calls(x):
    STATE["count"] += 1
    return x * STATE["count"]


def changes_its_parameter(x, p):
    p += 1.0
    return x * p


def uses_random_numbers(x):
    return x + np.random.default_rng().standard_normal(x.size)


def branches(x):
    return x**2 if np.sum(x) > 1 else x


def loops_until(x):
    while np.max(x) > 1e-3:
        x = x / 2
    return x


def looks_up(x):
    table = [1.0, 2.0, 3.0]
    return table[int(x[0])] * x


held = (np.zeros(3),)


def fills_what_it_holds(x):
    r = held[0]
    for i in range(3):
        r[i] = x[i] ** 2
    return r


def uses_math(x):
    import math

    return math.frexp(x[0])[0] * x


REFUSED = {
    "state": (counts_calls, (), VerificationError, "state between calls"),
    "parameter": (changes_its_parameter, (np.ones(3),), UnsupportedOperation, "copy"),
    "random": (uses_random_numbers, (), VerificationError, "random"),
    "zeros": (fills_what_it_holds, (), UnsupportedOperation, "np.zeros_like(x)"),
    "math": (uses_math, (), UnsupportedOperation, "np.sin"),
    "text": (
        lambda x: x * 2 if repr(x).startswith("array") else x,
        (),
        VerificationError,
        "second point",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, rest, kind, text = REFUSED[name]
    with pytest.raises(kind, match=re.escape(text)):
        ss.jacobian(function, np.linspace(0.5, 0.9, 3), *rest)


@pytest.mark.parametrize("function", [branches, loops_until, looks_up])
def test_branches_take_the_path_of_each_point(function):
    J = ss.jacobian(function, np.linspace(0.5, 0.9, 3))
    for x in (np.linspace(0.5, 0.9, 3), np.linspace(1.1, 1.4, 3), np.full(3, 0.1)):
        np.testing.assert_array_equal(J.value(x), function(x))
        oracles.assert_close(J(x).toarray(), complex_step_of(function, x), rtol=1e-12)


def complex_step_of(function, x):
    """The path is that of the real part: NumPy compares it first."""
    columns = [np.imag(on_path(function, x + 1e-30j * e, x)) / 1e-30 for e in np.eye(x.size)]
    return np.array(columns).T


def on_path(function, z, x):
    return function(z) if function is not looks_up else [1.0, 2.0, 3.0][int(x[0])] * z


def test_the_line_is_named():
    with pytest.raises(UnsupportedOperation, match=r"test_realistic\.py:\d+"):
        ss.jacobian(uses_math, np.ones(3))


def test_vectorize_works_or_is_refused():
    J = ss.jacobian(np.vectorize(lambda a: a**2 + np.sin(a)), np.ones(3))
    x = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(J(x).toarray(), np.diag(2 * x + np.cos(x)), rtol=1e-14)


def test_arguments_are_left_alone():
    x, p = np.ones(3), np.ones(3)
    J = ss.jacobian(lambda x, p: np.sin(x) * p, x, p)
    x.flags.writeable = p.flags.writeable = False
    first = J(x, p)
    J.value(x, p), J.jvp(x, p, x), J.vjp(x, p, p)
    np.testing.assert_array_equal(x, np.ones(3))
    np.testing.assert_array_equal(J(x, p).toarray(), first.toarray())
    other = J(2.0 * x, p)
    assert not np.array_equal(other.toarray(), first.toarray())


@pytest.mark.parametrize(
    "convert", [list, tuple, np.float32, lambda x: x.astype(int), lambda x: x[::1][::-1]]
)
def test_kinds_of_arguments(convert):
    x = np.array([3.0, 1.0, 2.0])
    J = ss.jacobian(lambda x: x**2, np.zeros(3))
    np.testing.assert_array_equal(
        J(convert(x)).diagonal(), 2.0 * np.asarray(convert(x), dtype=float)
    )


def test_closures_are_read_when_traced():
    """A constant that changes later is not seen: it belongs to the trace."""
    weights = np.ones(3)
    J = ss.jacobian(lambda x: weights * x, np.zeros(3))
    weights[:] = 5.0
    np.testing.assert_array_equal(J(np.zeros(3)).diagonal(), np.ones(3))
