"""`scan`: a loop that is recorded once, against the loop it stands for."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import UnsupportedOperation, VerificationError
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.trace import trace

Array = np.ndarray
State = namedtuple("State", "place speed")
SLOW = pytest.mark.slow


def loop(
    step: Any,
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    **_: Any,
) -> tuple[Any, Any]:
    """Do what `scan` shall do, for arrays."""
    count = len(xs) if length is None else length
    rows: list[Any] = [None] * count
    for k in reversed(range(count)) if reverse else range(count):
        carry, rows[k] = step(carry, None if xs is None else xs[k])
    return carry, None if rows[0] is None else np.array(rows)


def oscillator(scan: Any, p: Any, steps: int = 60, **options: Any) -> Any:
    def rate(y):
        return np.array([y[1], p[2] * (1 - y[0] ** 2) * y[1] - y[0]])

    def step(y, _):
        k1 = rate(y)
        k2 = rate(y + 0.05 * k1)
        y = y + 0.1 * k2
        return y, y[0] * p[0]

    last, path = scan(step, np.array([p[0], p[1]]), length=steps, **options)
    return np.concatenate([last, path])


def driven(scan: Any, x: Any) -> Any:
    """Carry and inputs that depend on x, reversed."""

    def step(c, u):
        c = np.tanh(c + u) + 0.1 * np.sin(c[::-1] * u)
        return c, c[0] * u

    last, path = scan(step, x[:2], np.reshape(x[2:], (-1, 2)), reverse=True)
    return np.concatenate([last, path.reshape(-1)])


def closed_over(scan: Any, x: Any) -> Any:
    """Nothing that is given depends on x, only what the step reads besides."""
    weights = np.linspace(0.1, 0.9, 40)

    def step(c, w):
        return c + w * np.sin(x[0] * c + x[1]), c * x[1] ** 2

    last, path = scan(step, 0.5, weights)
    return np.concatenate([np.array([last]), path])


def sine_product(scan: Any, x: Any) -> Any:
    last, _ = scan(lambda c, a: (c * np.cos(a) + a, None), 1.0, x)
    return np.array([last])


def logistic(scan: Any, x: Any) -> Any:
    last, path = scan(lambda c, _: (x[0] * c * (1 - c), c**2), x[1], length=33)
    return np.append(path, last)


def rational(scan: Any, x: Any) -> Any:
    """Slopes that may be infinite: the trips are written one by one."""

    def step(c, u):
        return np.where(c > 0.4, np.sqrt(c + u), c / (1 + u)), np.maximum(c, u)

    last, path = scan(step, x[0] ** 2 + 0.1, x[1:] ** 2)
    return np.append(path, last)


FUNCTIONS: dict[str, tuple[Callable[[Any, Any], Any], Array]] = {
    "oscillator": (oscillator, np.array([0.8, -0.3, 0.6])),
    "driven": (driven, np.cos(np.arange(66.0))),
    "closed over": (closed_over, np.array([0.7, 0.4])),
    "product": (sine_product, np.sin(np.arange(40.0))),
    "logistic": (logistic, np.array([2.7, 0.3])),
    "rational": (rational, np.cos(np.arange(25.0))),
}


@pytest.mark.parametrize("method", ["compiled", "interpreted", pytest.param("colored", marks=SLOW)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_is_that_of_the_loop(name: str, method: Any) -> None:
    f, x = FUNCTIONS[name]
    J = ss.jacobian(lambda x: f(ss.scan, x), x, method=method)
    step = 1e-6 * np.eye(x.size)
    for at in (x, 1.1 * x):
        np.testing.assert_allclose(J.value(at), f(loop, at), rtol=1e-13)
        differences = [(f(loop, at + h) - f(loop, at - h)) / 2e-6 for h in step]
        np.testing.assert_allclose(J(at).toarray(), np.transpose(differences), atol=2e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pattern_and_values_are_those_of_the_unrolled_loop(name: str) -> None:
    f, x = FUNCTIONS[name]
    J, K = ss.jacobian(lambda x: f(ss.scan, x), x), ss.jacobian(lambda x: f(loop, x), x)
    np.testing.assert_array_equal(J.pattern.indptr, K.pattern.indptr)
    np.testing.assert_array_equal(J.pattern.indices, K.pattern.indices)
    np.testing.assert_allclose(J(1.05 * x).toarray(), K(1.05 * x).toarray(), rtol=1e-12, atol=1e-14)


@functools.cache
def hessian_of_the_loop(name: str) -> Array:
    f, x = FUNCTIONS[name]
    return ss.hessian(lambda x: np.sum(f(loop, x) ** 2), x)(1.05 * x).toarray()


HESSIANS = [name for name in FUNCTIONS if name != "rational"]
HESSIANS.append(pytest.param("rational", marks=SLOW))


OTHERS = [pytest.param(method, marks=SLOW) for method in ("interpreted", "colored")]


@pytest.mark.every(8)
@pytest.mark.parametrize("method", ["compiled", *OTHERS])
@pytest.mark.parametrize("name", HESSIANS)
def test_hessian_is_that_of_the_loop(name: str, method: Any) -> None:
    f, x = FUNCTIONS[name]
    H = ss.hessian(lambda x: np.sum(f(ss.scan, x) ** 2), x, method=method)
    expected = hessian_of_the_loop(name)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(H(1.05 * x).toarray(), expected, rtol=1e-10, atol=1e-12 * scale)


@pytest.mark.parametrize("every", [2, pytest.param(7, marks=SLOW), pytest.param(100, marks=SLOW)])
def test_checkpoints_change_nothing(every: int) -> None:
    p = np.array([0.8, -0.3, 0.6])

    def f(p: Any) -> Any:
        return oscillator(ss.scan, p, checkpoint_every=every)

    J, K = ss.jacobian(f, p), ss.jacobian(lambda p: oscillator(loop, p), p)
    np.testing.assert_allclose(J(p).toarray(), K(p).toarray(), rtol=1e-12)
    H = ss.hessian(lambda p: np.sum(f(p)), p)
    expected = ss.hessian(lambda p: np.sum(oscillator(loop, p)), p)(p).toarray()
    np.testing.assert_allclose(H(p).toarray(), expected, rtol=1e-9)


def instructions_of(function: Callable[[Any], Any], x: Array) -> list[str]:
    return [step.op for step in trace(function, [x]).instructions]


def test_a_step_is_recorded_once() -> None:
    calls = []

    def f(x: Any, steps: int) -> Any:
        def step(c: Any, _: Any) -> Any:
            calls.append(1)
            return np.sin(c) * x[0], None

        return ss.scan(step, x, length=steps)[0]

    lengths = []
    for steps in (50, 50_000):
        calls.clear()
        lengths.append(len(trace(functools.partial(f, steps=steps), [np.ones(2)]).instructions))
        assert len(calls) == 1
    assert lengths[0] == lengths[1]


@pytest.mark.slow
def test_a_long_loop_is_looked_at_in_few_places() -> None:
    calls = []

    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            calls.append(1)
            return c + 1e-4 * np.sin(c) * x[1], None

        return ss.scan(step, x[:1], length=6000)[0]

    J = ss.jacobian(f, np.array([1.0, 2.0]))
    assert len(calls) < 40
    slope = np.tan(J.value([1.0, 2.0])[0] / 2)  # Euler's method, near the solution 2 atan(c e^t)
    assert slope == pytest.approx(np.tan(0.5) * np.exp(1.2), rel=2e-3)
    assert J.verify() is None


def test_a_long_loop_that_counts_its_calls_is_refused() -> None:
    count = [0]

    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            count[0] += 1
            return c + x[1] * 1e-4 * count[0] ** 0.1, None

        return ss.scan(step, x[:1], length=3000)[0]

    with pytest.raises(VerificationError):
        ss.jacobian(f, np.array([1.0, 2.0]))


def test_programs_of_loops_are_rolled() -> None:
    x = np.array([0.8, -0.3, 0.6])
    J = ss.jacobian(lambda p: oscillator(ss.scan, p, 500), x)
    steps = J._function.program.instructions
    assert sum(isinstance(step, Recurrence) for step in steps) == 1
    assert len(steps) < 10


def nested(scan: Any, x: Any, inner: int, outer: int) -> Any:
    def step(c: Any, u: Any) -> Any:
        c, _ = scan(lambda d, _: (np.sin(d + u * x[0]), None), c, length=inner)
        return c, c

    return scan(step, x[1], np.linspace(0.0, 1.0, outer))[1]


@pytest.mark.slow_cases("3-40", "40-3", "26-25")
@pytest.mark.parametrize(("inner", "outer"), [(3, 40), (40, 3), (26, 25), (9, 8)])
def test_a_loop_in_a_loop(inner: int, outer: int) -> None:
    x = np.array([0.4, 0.9])
    J = ss.jacobian(lambda x: nested(ss.scan, x, inner, outer), x)
    K = ss.jacobian(lambda x: nested(loop, x, inner, outer), x)
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-12)
    H = ss.hessian(lambda x: np.sum(nested(ss.scan, x, inner, outer)), x)
    expected = ss.hessian(lambda x: np.sum(nested(loop, x, inner, outer)), x)(x).toarray()
    np.testing.assert_allclose(H(x).toarray(), expected, rtol=1e-10)


@pytest.mark.slow_cases("33", "23")
@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 23, 24, 33, 100])
def test_lengths(length: int) -> None:
    def f(scan: Any, x: Any) -> Any:
        last, path = scan(lambda c, u: (c * np.cos(u), c + u), x[0], x[1:])
        return np.append(path, last)

    x = np.linspace(0.2, 0.9, length + 1)
    J = ss.jacobian(lambda x: f(ss.scan, x), x)
    assert J.shape == (length + 1, length + 1)
    if length:
        K = ss.jacobian(lambda x: f(loop, x), x)
        np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-13)
    else:
        np.testing.assert_array_equal(J(x).toarray(), [[1.0]])


NESTS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "pair": (
        lambda x: (x[0], x[1:3]),
        lambda c, u: ((c[0] * np.cos(u), c[1] + c[0] * u), {"a": c[0], "b": (c[1], u)}),
    ),
    "dict": (
        lambda x: {"p": x[0], "q": [x[1], x[2]]},
        lambda c, u: ({"q": [c["q"][1] * u, c["p"]], "p": np.sin(c["q"][0])}, [c["p"] ** 2]),
    ),
    "named": (
        lambda x: State(x[0], x[1]),
        lambda c, u: (State(c.place + u * c.speed, c.speed - u * np.sin(c.place)), c),
    ),
    "with nothing": (lambda x: (x[0], None), lambda c, u: ((c[0] * u + 1.0, None), (c[0], None))),
    "truth": (
        lambda x: (x[0], False),
        lambda c, u: ((c[0] + np.where(c[1], u, 0.5), c[0] > 2.0), (c[0], c[1])),
    ),
    "number that becomes real": (lambda x: (x[0], 0), lambda c, u: ((c[0] * u, c[1] + u), c[1])),
    "complex": (
        lambda x: x[0] + 0j,
        lambda c, u: (c * np.exp(1j * u), (np.real(c), np.imag(c))),
    ),
    "real that becomes complex": (
        lambda x: x[0],
        lambda c, u: (c * np.exp(1j * u), np.abs(c) ** 2),
    ),
}


def flat(nest: Any) -> list[Any]:
    if nest is None:
        return []
    if isinstance(nest, dict):
        return [leaf for key in sorted(nest) for leaf in flat(nest[key])]
    if isinstance(nest, list | tuple):
        return [leaf for item in nest for leaf in flat(item)]
    return [np.ravel(np.real(nest)) * 1.0]


@pytest.mark.every(4)
@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("length", [pytest.param(5, marks=SLOW), 40])
def test_nests(name: str, length: int) -> None:
    begin, step = NESTS[name]
    x = np.linspace(0.3, 0.8, length + 3)

    def f(x: Any) -> Any:
        last, outputs = ss.scan(step, begin(x), x[3:])
        return np.concatenate([*flat(last), *flat(outputs)])

    def g(x: Any) -> Any:
        carry, rows = begin(x), []
        for u in x[3:]:
            carry, out = step(carry, u)
            rows.append(flat(out))
        columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
        return np.concatenate([*flat(carry), *columns])

    np.testing.assert_allclose(f(x), g(x), rtol=1e-13)
    J, K = ss.jacobian(f, x), ss.jacobian(g, x)
    np.testing.assert_allclose(J.value(x), g(x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-12, atol=1e-14)


def test_matrices_are_carried() -> None:
    def f(scan: Any, x: Any) -> Any:
        A = np.reshape(x, (2, 2))
        return scan(lambda M, _: (np.tanh(M @ A), None), np.eye(2), length=30)[0].reshape(-1)

    x = np.array([0.5, 0.2, -0.3, 0.7])
    J, K = ss.jacobian(lambda x: f(ss.scan, x), x), ss.jacobian(lambda x: f(loop, x), x)
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-11, atol=1e-15)


def test_steps_that_solve_systems() -> None:
    A = np.array([[2.0, 0.3], [0.1, 1.5]])

    def f(scan: Any, x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            return np.linalg.solve(A + np.diag(c**2), c + x), c

        return scan(step, x, length=26)[1].reshape(-1)

    x = np.array([0.5, -0.4])
    J, K = ss.jacobian(lambda x: f(ss.scan, x), x), ss.jacobian(lambda x: f(loop, x), x)
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-11)


def test_numbers_as_an_index_are_taken_step_by_step() -> None:
    data = np.cos(np.arange(40.0))

    def f(scan: Any, x: Any) -> Any:
        return np.array([scan(lambda c, k: (c * x[k % 3] + data[k], None), x[0], np.arange(40))[0]])

    x = np.array([0.5, 0.7, 0.9])
    J, K = ss.jacobian(lambda x: f(ss.scan, x), x), ss.jacobian(lambda x: f(loop, x), x)
    np.testing.assert_allclose(J(x).toarray(), K(x).toarray(), rtol=1e-13)


def test_branches_in_steps_follow_the_values() -> None:
    def f(scan: Any, x: Any) -> Any:
        def step(c: Any, u: Any) -> Any:
            return (c + u, c) if c < 1.0 else (c * 0.5, c * u)

        return scan(step, x[0], x[1:])[1]

    x = np.linspace(0.1, 0.4, 12)
    J = ss.jacobian(lambda x: f(ss.scan, x), x)
    for at in (x, 1.7 * x, 0.1 * x):
        K = ss.jacobian(lambda x: f(loop, x), at)
        np.testing.assert_allclose(J(at).toarray(), K(at).toarray(), rtol=1e-13)


def test_plain_calls_are_plain_loops() -> None:
    xs = np.arange(6.0)
    last, sums = ss.scan(lambda c, u: (c + u, c), 0.0, xs)
    assert last == 15.0
    np.testing.assert_array_equal(sums, [0.0, 0.0, 1.0, 3.0, 6.0, 10.0])
    last, sums = ss.scan(lambda c, u: (c + u, c), 0.0, xs, reverse=True)
    np.testing.assert_array_equal(sums, [15.0, 14.0, 12.0, 9.0, 5.0, 0.0])


def test_steps_may_write_into_their_own_carry() -> None:
    def step(c: Any, u: Any) -> Any:
        c[0] = c[0] * u + c[1]
        return c, c

    def f(x: Any) -> Any:
        return ss.scan(step, x[:2] * 1.0, x[2:])[1].reshape(-1)

    begin = np.array([1.0, 2.0])
    _, path = ss.scan(step, begin, np.ones(4))
    np.testing.assert_array_equal(path[:, 0], [3.0, 5.0, 7.0, 9.0])
    np.testing.assert_array_equal(begin, [1.0, 2.0])
    x = np.linspace(0.2, 1.0, 32)
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13)


def test_values_kept_outside_of_a_step_are_refused() -> None:
    def f(x: Any) -> Any:
        seen = []

        def step(c: Any, _: Any) -> Any:
            seen.append(c * 2.0)
            return c * x[0], None

        ss.scan(step, x[1], length=30)
        return seen[0]

    with pytest.raises(UnsupportedOperation, match="Return it as part of the step's output"):
        ss.jacobian(f, np.array([0.5, 2.0]))


def test_writing_outside_of_a_step_is_refused() -> None:
    def f(x: Any) -> Any:
        kept = x * 1.0

        def step(c: Any, _: Any) -> Any:
            kept[0] = kept[0] + c
            return c * 0.9, None

        ss.scan(step, x[1], length=30)
        return kept

    with pytest.raises(UnsupportedOperation, match="writes into an array from outside"):
        ss.jacobian(f, np.array([0.5, 2.0]))


def bad(step: Any, *args: Any, **options: Any) -> Callable[[], Any]:
    return lambda: ss.scan(step, *args, **options)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (bad(lambda c, u: c, 0.0, length=3), TypeError, "must return a pair"),
        (bad(lambda c, u: (np.ones(2), u), 0.0, length=3), TypeError, "shapes it is given"),
        (bad(lambda c, u: ((c, c), u), 0.0, length=3), TypeError, "structure"),
        (bad(lambda c, u: ({"b": 1.0}, u), {"a": 1.0}, length=3), TypeError, "structure"),
        (bad(lambda c, u: (None, u), 1.0, length=3), TypeError, "structure"),
        (bad(lambda c, u: (c, u), 0.0), ValueError, "got neither"),
        (bad(lambda c, u: (c, u), 0.0, np.ones(3), 4), ValueError, r"got \[3, 4\]"),
        (bad(lambda c, u: (c, u), 0.0, 3.0), ValueError, "first axis"),
        (bad(lambda c, u: (c, u), 0.0, length=-1), ValueError, "negative"),
        (bad(lambda c, u: (c, u), 0.0, length=2, checkpoint_every=0), ValueError, "at least 1"),
        (bad(lambda c, u: (c, u), 0.0, length=2, checkpoint_every=1.5), TypeError, "whole number"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_errors_of_a_step_come_as_they_are() -> None:
    def f(x: Any) -> Any:
        return ss.scan(lambda c, _: (c + [1.0, 2.0, 3.0][5], None), x[0], length=30)[0]

    with pytest.raises(IndexError):
        ss.jacobian(f, np.ones(2))


def test_loops_of_constants_are_constants() -> None:
    def f(x: Any) -> Any:
        weights = ss.scan(lambda c, _: (c * 0.5, c), 1.0, length=30)[1]
        return x * weights[int(weights[0])]

    assert ss.jacobian(f, np.ones(3))(np.ones(3)).toarray()[0, 0] == 0.5


def test_data_that_change_are_seen() -> None:
    rate = np.array([0.3])

    def f(x: Any) -> Any:
        return ss.scan(lambda c, _: (c + 1e-3 * rate[0] * np.sin(c), None), x, length=3000)[0]

    J = ss.jacobian(f, np.ones(2))
    J.verify()
    rate[0] = 0.4
    with pytest.raises(VerificationError):
        J.verify()


def test_autograd_inside_of_the_function() -> None:
    from autograd import grad

    def energy(c: Any) -> Any:
        return ss.scan(lambda e, u: (e + np.cos(u) * e**2 * 0.01, None), c, np.arange(9.0))[0]

    def f(x: Any) -> Any:
        return np.array([grad(energy)(x[0])])

    x = np.array([0.7])
    h = 1e-6
    J = ss.jacobian(f, x)
    expected = (energy(0.7 + h) - energy(0.7 - h)) / (2 * h)
    np.testing.assert_allclose(J.value(x), [expected], rtol=1e-8)
