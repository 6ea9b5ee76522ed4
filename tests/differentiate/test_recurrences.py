"""Loops that stay loops: found, run, and differentiated trip by trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives import traced_function
from sparsesolve.differentiate import (
    adjoint_program,
    gradient_program,
    jacobian_program,
    tangent_program,
)
from sparsesolve.differentiate.detect import boolean_pattern
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.fuse import fuse
from sparsesolve.fuse.roll import roll
from sparsesolve.fuse.unroll import unrolled
from sparsesolve.ir.program import Program, verify
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.lower import lower
from sparsesolve.trace import trace
from tests.oracles import dense_hessian

Function = Callable[[Any], Any]


def oscillator(steps: int) -> Function:
    def f(p):
        def rate(y):
            return np.array([y[1], p[2] * (1 - y[0] ** 2) * y[1] - y[0]])

        y, h, path = np.array([p[0], p[1]]), 0.01, []
        for _ in range(steps):
            k1 = rate(y)
            k2 = rate(y + h / 2 * k1)
            k3 = rate(y + h / 2 * k2)
            k4 = rate(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path.append(y)
        return np.concatenate(path)

    return f


def recurrence(x):
    t = 1.0
    for a in x:
        t = t * np.cos(a) + a
    return np.arctan2(t, 1.3) ** 2


def sines(x):
    t = 1.0
    for a in x:
        t = np.sin(t) + a
    return t * t


def coupled(x):
    C = np.random.default_rng(0).normal(size=(3, 3)) / 2
    total = 0.0
    for _ in range(26):
        x = np.tanh(C @ x) + 0.1 * x
        total = total + np.sum(x**2)
    return total


def delayed(x):
    """Reads what two and three trips before computed."""
    old, now, new = x[0], x[1], x[2]
    for k in range(60):
        old, now, new = now, new, np.sin(new) + 0.3 * old * now + 0.01 * k * x[3]
    return new + old


def logistic_growth(x):
    """Poles and exponentials, and data that vary."""
    data = np.linspace(-1.0, 1.1, 28)
    y = x[0]
    for k in range(28):
        y = y + 0.1 * x[1 + k] / (1.0 + np.exp(-y * data[k])) - 0.05 * np.sqrt(1.0 + y * y)
    return y


def several_parts(x):
    """The state grows apart from what is only looked at."""
    s, seen = x[:3], []
    for _ in range(30):
        s = 0.9 * np.sin(s[[1, 2, 0]]) + 0.1 * s * x[3]
        seen.append(s[0] * s[1])
    return np.sum(np.array(seen) ** 2) + s[2]


def heat(x):
    """A grid of 90 cells, and so kernels of 90 rows."""
    u = np.sin(np.linspace(0.0, 3.0, 90)) * x[0]
    for _ in range(26):
        bent = np.concatenate([[0.0], u[2:] - 2 * u[1:-1] + u[:-2], [0.0]])
        u = u + 0.2 * x[1] * bent + 0.05 * x[2] * u * (1 - u)
    return np.sum(u**2)


def network(x):
    """A recurrent network of ten neurons."""
    weights, s, total = x[:100].reshape(10, 10), x[100:110], 0.0
    for _ in range(25):
        s = np.tanh(weights @ s)
        total = total + np.sum(s**2)
    return total


def chosen(x):
    y = x[0]
    for a in x[1:]:
        y = np.maximum(np.sin(y), 0.2 * y) + np.abs(a) * y
    return y


SCALAR: dict[str, tuple[Function, int]] = {
    "recurrence 50": (recurrence, 50),
    "sines 65": (sines, 65),
    "coupled": (coupled, 3),
    "delayed": (delayed, 4),
    "logistic": (logistic_growth, 29),
    "parts": (several_parts, 4),
    "chosen": (chosen, 40),
}
VECTOR: dict[str, tuple[Function, int]] = {
    "oscillator 24": (oscillator(24), 3),
    "oscillator 33": (oscillator(33), 3),
    **{name: (lambda x, f=f: np.stack([f(x), x[0]]), n) for name, (f, n) in SCALAR.items()},
}


def lowered(function: Function, n: int) -> tuple[Program, Program]:
    program = lower(trace(function, [point(n)]))
    return fuse(program), fuse(roll(program))


def point(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=n) / 2


def trips(program: Program) -> list[int]:
    return [step.trips for step in program.instructions if isinstance(step, Recurrence)]


def assert_same(a: Program, b: Program, x: Any, parameters: Any = ()) -> None:
    verify(b)
    expected = Interpreter(a)(x, parameters)
    for run in (Interpreter(b), compile_program(b), compile_program(b, threads=2)):
        np.testing.assert_allclose(run(x, parameters), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.every(3)
@pytest.mark.parametrize("name", VECTOR)
def test_rolled_programs_compute_the_same(name: str) -> None:
    function, n = VECTOR[name]
    plain, rolled = lowered(function, n)
    assert len(trips(rolled)) == 1
    assert len(rolled.instructions) <= 8
    assert_same(plain, rolled, point(n, 1))
    assert not trips(unrolled(rolled))
    assert_same(plain, unrolled(rolled), point(n, 1))
    np.testing.assert_allclose(Interpreter(rolled)(point(n)), function(point(n)), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.every(9)
@pytest.mark.parametrize("name", VECTOR)
def test_products_of_rolled_programs(name: str) -> None:
    function, n = VECTOR[name]
    plain, rolled = lowered(function, n)
    for derive in (adjoint_program, lambda p: tangent_program(p, 3)):
        a, b = fuse(derive(plain)), fuse(derive(rolled))
        assert len(trips(b)) == 2
        weights = np.random.default_rng(2).normal(size=a.parameters[-1].size)
        assert_same(a, b, point(n, 1), [weights])


@pytest.mark.slow_cases("oscillator 24")
@pytest.mark.every(3)
@pytest.mark.parametrize("name", VECTOR)
def test_jacobians_of_rolled_programs(name: str) -> None:
    function, n = VECTOR[name]
    plain, rolled = lowered(function, n)
    a, b = jacobian_program(plain), jacobian_program(rolled)
    assert a.pattern == b.pattern
    assert boolean_pattern(rolled) == boolean_pattern(plain)
    assert len(trips(b.program)) == 2
    assert_same(fuse(a.program), fuse(b.program), point(n, 1))


@pytest.mark.slow
@pytest.mark.every(7)
@pytest.mark.parametrize("name", SCALAR)
def test_hessians_of_rolled_programs(name: str) -> None:
    function, n = SCALAR[name]
    plain, rolled = (fuse(gradient_program(p)) for p in lowered(function, n))
    a, b = jacobian_program(plain, lower=True), jacobian_program(rolled, lower=True)
    assert a.pattern == b.pattern
    assert trips(b.program)
    assert_same(fuse(a.program), fuse(b.program), point(n, 1))


@pytest.mark.slow_cases("recurrence 50-auto", "coupled-colored")
@pytest.mark.every(11)
@pytest.mark.parametrize("method", ["auto", "compiled", "interpreted", "colored"])
@pytest.mark.parametrize("name", SCALAR)
def test_all_methods_agree(name: str, method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    function, n = SCALAR[name]
    x, v = point(n, 3), point(n, 4)
    H = ss.hessian(function, point(n), method=method)
    monkeypatch.setattr(traced_function, "roll", lambda program: program)
    reference = ss.hessian(function, point(n), method="interpreted")
    expected = reference(x).toarray()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(H(x).toarray(), expected, atol=1e-11 * scale)
    np.testing.assert_allclose(H.hvp(x, v), expected @ v, atol=1e-10 * scale)
    np.testing.assert_allclose(H.gradient(x), reference.gradient(x), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("function", "n"), [(heat, 3), pytest.param(network, 110, marks=pytest.mark.slow)]
)
def test_trips_with_wide_kernels(function: Function, n: int) -> None:
    _, rolled = lowered(function, n)
    assert len(trips(rolled)) == 1
    x = point(n, 1)
    H = ss.hessian(function, point(n))
    expected = dense_hessian(function, x)
    np.testing.assert_allclose(H(x).toarray(), expected, atol=1e-11 * np.abs(expected).max())


def gated(x):
    """Sigmoids, and a state that begins with zeros."""
    s, total = np.zeros(2), 0.0
    for k in range(30):
        gate = 1.0 / (1.0 + np.exp(-x[0] * s - x[1:3] * np.sin(k)))
        s = gate * s + (1.0 - gate) * np.tanh(x[3] + s[::-1])
        total = total + np.sum(s**2) / (0.5 + s[0] * s[0])
    return total


@pytest.mark.slow
def test_sigmoids_stay_in_loops() -> None:
    _, rolled = lowered(gated, 4)
    assert len(trips(rolled)) == 1
    H = ss.hessian(gated, point(4))
    for x in (point(4, 1), np.array([0.0, 1e4, -1e4, 0.3])):
        with np.errstate(over="ignore"):
            value = H(x).toarray()
        expected = central_hessian(gated, x)
        np.testing.assert_allclose(value, expected, atol=2e-5 * max(1.0, np.abs(expected).max()))


def test_a_mask_of_zeros_keeps_an_overflow_out_of_a_loop() -> None:
    mask = np.array([1.0, 0.0])

    def f(w):
        h = np.zeros(2)
        for _ in range(40):
            h = 0.5 * h + mask / (1 + np.exp(800 * w + h)) + w * 0.1
        return h

    J = ss.jacobian(f, np.array([0.1, 0.2]))
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(J(np.ones(2)).toarray()[1, 1], 0.2, rtol=1e-11)


@pytest.mark.slow
def test_the_work_is_that_of_one_trip() -> None:
    counts = []
    for steps in (40, 80, 160):
        _, rolled = lowered(oscillator(steps), 3)
        program = fuse(jacobian_program(rolled).program)
        counts.append(len(program.instructions))
        assert trips(rolled) == [steps]
    assert max(counts) <= 50


def central_hessian(function: Function, x: Any) -> Any:
    """Differences of gradients along each variable, in its own units."""
    G, found = ss.gradient(function, point(x.size)), []
    with np.errstate(over="ignore"):
        for k in range(x.size):
            h = np.zeros(x.size)
            h[k] = 1e-6 * max(1.0, abs(x[k]))
            found.append((G(x + h) - G(x - h)) / (2 * h[k]))
    return np.array(found)


def test_what_differs_stays_unrolled() -> None:
    def uneven(x):
        y = x[0]
        for k in range(40):
            y = np.sin(y) * x[k % 7] if k % (2 + k // 9) else np.exp(-y) + x[1]
        return y

    plain, rolled = lowered(uneven, 8)
    assert not trips(rolled) or max(trips(rolled)) < 40
    assert_same(plain, rolled, point(8, 1))


def test_choices_beside_infinite_slopes_stay_unrolled() -> None:
    """A branch that is not taken may not enter, in whatever trip it stands."""

    def safe_root(x):
        y = x[0]
        for _ in range(60):
            y = 0.5 * np.where(x[1] > 0, np.sqrt(np.maximum(x[1], 0.0)), 0.0) + np.sin(y)
        return y

    J = ss.jacobian(lambda x: np.array([safe_root(x)]), np.array([0.3, 0.5]))
    values = J(np.array([0.3, -1.0])).toarray()
    assert np.isfinite(values).all()
    assert values[0, 1] == 0.0


def test_zeros_among_the_data_hide_infinite_slopes() -> None:
    data = np.where(np.arange(60) % 3 == 0, 0.0, 1.0)

    def weighted(x):
        y = x[0]
        for k in range(60):
            y = 0.5 * y + data[k] * np.sin(y) + data[k // 60] * np.sqrt(x[1])
        return np.array([y])

    values = ss.jacobian(weighted, np.array([0.3, 0.5]))(np.array([0.3, 0.0])).toarray()
    assert np.isfinite(values).all()


def test_singular_points_inside_a_loop_take_limits() -> None:
    def norms(x):
        y = x
        for _ in range(40):
            y = 0.9 * y + 0.1 * y * np.sqrt(np.sum(y**2))
        return np.sum(y**2)

    H = ss.hessian(norms, np.array([0.3, 0.4]))
    np.testing.assert_allclose(H(np.zeros(2)).toarray(), 2 * 0.9**80 * np.eye(2), rtol=1e-6)


def test_parameters_change_at_every_call() -> None:
    def path(x, rate, forcing):
        y = x
        for k in range(50):
            y = y + rate * np.sin(y) + forcing[k]
        return y

    rng = np.random.default_rng(5)
    J = ss.jacobian(path, np.zeros(2), 0.1, np.zeros(50))
    for _ in range(3):
        x, rate, forcing = rng.normal(size=2), rng.uniform(0.01, 0.2), rng.normal(size=50)
        slope, y = np.ones(2), x
        for k in range(50):
            slope, y = slope * (1 + rate * np.cos(y)), y + rate * np.sin(y) + forcing[k]
        np.testing.assert_allclose(J(x, rate, forcing).toarray(), np.diag(slope), rtol=1e-12)
        np.testing.assert_allclose(J.value(x, rate, forcing), y, rtol=1e-12)


def test_lagrangians_of_loops() -> None:
    n = 50

    def objective(u):
        return np.sum(u**2)

    def end(u):
        s = np.array([1.0, 0.0])
        for k in range(n):
            s = np.array([s[0] + 0.1 * s[1], s[1] - 0.1 * np.sin(s[0]) + 0.1 * u[k]])
        return s

    problem = ss.Problem(objective, x0=np.full(n, 0.1), constraints=[ss.Constraint(end, 0.0, 0.0)])
    result = ss.minimize(problem, solver="trust-constr")
    np.testing.assert_allclose(end(result.x), 0.0, atol=1e-6)


def test_linear_steps_stay_numbers() -> None:
    """Their Jacobian does not depend on x, and is known to."""
    weights = np.linspace(0.5, 1.0, 60)

    def linear(x):
        s = x
        for k in range(60):
            s = weights[k] * s[[1, 0]] + x / 3.0
        return s

    plain, rolled = lowered(linear, 2)
    assert not trips(rolled)
    assert not jacobian_program(rolled).program.instructions
    assert_same(plain, rolled, point(2))


def test_loops_behind_each_other() -> None:
    def two(x):
        s = x[0]
        for _ in range(60):
            s = np.tanh(s) + x[1]
        t = s
        for _ in range(70):
            t = 0.5 * np.cos(t) * s + x[2]
        return np.stack([s, t])

    plain, rolled = lowered(two, 3)
    assert trips(rolled)
    a, b = jacobian_program(plain), jacobian_program(rolled)
    assert a.pattern == b.pattern
    assert_same(fuse(a.program), fuse(b.program), point(3, 1))


def test_a_state_that_does_not_depend_on_x() -> None:
    def fading(x):
        s, seen = 1.0, []
        for k in range(60):
            s = np.sin(s) * 0.9
            seen.append(s * x[0] + np.sin(x[0] * k))
        return np.stack(seen)

    J = ss.jacobian(fading, np.array([0.4]))
    x = np.array([0.7])
    k, s = np.arange(60), np.empty(60)
    s[0] = np.sin(1.0) * 0.9
    for i in range(1, 60):
        s[i] = np.sin(s[i - 1]) * 0.9
    np.testing.assert_allclose(J(x).toarray()[:, 0], s + k * np.cos(x[0] * k), rtol=1e-12)
