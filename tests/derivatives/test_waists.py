"""Wide sums written term by term: the same numbers as dense autograd, and blocks where it pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.differentiate import cuts
from sparsesolve.differentiate.waists import waists, with_waists
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.ir.program import Program, verify
from sparsesolve.lower import lower
from sparsesolve.trace import trace
from tests.oracles import assert_close, dense_hessian, dense_jacobian, random_points

rng = np.random.default_rng(11)
IMAGE, TIMES = rng.normal(size=(14, 14)), np.linspace(-1.0, 1.0, 50)
WEIGHTS = rng.normal(size=(20, 40))


def convolution(w: Any) -> Any:
    """Two channels of 4 x 4 taps, rectified and added."""
    taps, out = w.reshape(2, 4, 4), 0.0
    for channel in range(2):
        s = 0.0
        for a in range(4):
            for b in range(4):
                s = s + taps[channel, a, b] * IMAGE[a : a + 10, b : b + 10]
        out = out + np.maximum(s, 0.0)
    return np.mean((out - 1.0) ** 2)


def polynomial(c: Any) -> Any:
    r = 0.0
    for k in range(18):
        r = r - c[k] * TIMES**k
    return np.sum(np.tanh(r - np.sin(TIMES)) ** 2)


def exponentials(p: Any) -> Any:
    """Terms that are not linear in what they read."""
    r = -1.0
    for k in range(0, 34, 2):
        r = r + p[k] * np.exp(-(p[k + 1] ** 2) * (TIMES + 1.0))
    return np.sum(r**2) + np.sum(np.cos(r) * p[0])


def sums_of_sums(x: Any) -> Any:
    """A waist whose terms read waists."""
    total = x[0]
    for k in range(16):
        s = 0.0
        for j in range(16):
            s = s + WEIGHTS[k, j] * x[j] * TIMES[:6]
        total = total + np.sin(s) * x[k]
    return np.sum(total**2 * np.exp(-0.1 * total))


def both_kinds(x: Any) -> Any:
    s = sum(x[k] * TIMES ** (k % 5) for k in range(20))
    return np.sum(np.tanh(s) ** 2) + np.sum(np.tanh(WEIGHTS[:, :20] @ x) ** 2)


def shifted(x: Any) -> Any:
    """Points that read different inputs: no blocks."""
    s = 0.0
    for k in range(18):
        s = s + WEIGHTS[0, k] * x[k : k + 150]
    return np.sum(s**4)


FUNCTIONS: list[tuple[Callable[[Any], Any], int]] = [
    (convolution, 32),
    (polynomial, 18),
    (exponentials, 34),
    (sums_of_sums, 20),
    (both_kinds, 20),
]
NAMES = [f.__name__ for f, _ in FUNCTIONS]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks wherever there are wide sums, however few."""
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)


def fused_program(function: Callable[[Any], Any], n: int) -> Program:
    return fuse(lower(trace(function, [rng.normal(size=n)])))


@pytest.mark.parametrize(("function", "n"), FUNCTIONS, ids=NAMES)
def test_the_same_function_with_slots_for_its_waists(function: Any, n: int) -> None:
    program = fused_program(function, n)
    split = with_waists(program)
    verify(split)
    assert waists(split)
    assert with_waists(split) is split
    for x in random_points(np.ones(n)):
        np.testing.assert_allclose(Interpreter(split)(x), Interpreter(program)(x), rtol=1e-12)


@pytest.mark.slow_cases("sums_of_sums-compiled", "convolution-compiled")
@pytest.mark.every(7)
@pytest.mark.usefixtures("eager")
@pytest.mark.every(3)
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize(("function", "n"), FUNCTIONS, ids=NAMES)
def test_hessians(function: Any, n: int, method: Any) -> None:
    x0 = rng.normal(size=n) * 0.3
    H = ss.hessian(function, x0, method=method)
    assert isinstance(H._nonzeros, Blocked)
    for x in random_points(x0):
        expected = dense_hessian(function, x)
        assert_close(H(x).toarray(), expected, rtol=1e-10)
        assert_close(H.as_linear_operator(x) @ np.eye(n), expected, rtol=1e-10)


@pytest.mark.slow_cases("exponentials", "convolution")
@pytest.mark.every(5)
@pytest.mark.every(2)
@pytest.mark.parametrize(("function", "n"), FUNCTIONS, ids=NAMES)
def test_other_ways_have_the_same_numbers(function: Any, n: int) -> None:
    x = rng.normal(size=n) * 0.3
    expected = dense_hessian(function, x)
    for method in ("auto", "colored"):
        H = ss.hessian(function, x, method=method)  # type: ignore[arg-type]
        assert_close(H(x).toarray(), expected, rtol=1e-10)


@pytest.mark.usefixtures("eager")
def test_points_that_read_different_inputs_stay_a_list() -> None:
    program = fused_program(shifted, 167)
    assert with_waists(program) is program
    x = rng.normal(size=167)
    H = ss.hessian(shifted, x)
    assert not isinstance(H._nonzeros, Blocked)
    assert_close(H(x).toarray(), dense_hessian(shifted, x), rtol=1e-10)


@pytest.mark.usefixtures("eager")
def test_rows_that_share_a_sum_written_out() -> None:
    def rows(x: Any) -> Any:
        total = 0.0
        for k in range(20):
            total = total + np.cos(x[k]) * x[k]
        return np.stack([np.sin(total * x[k]) for k in range(20)])

    x = rng.normal(size=20) * 0.3
    J = ss.jacobian(rows, x)
    assert_close(J(x).toarray(), dense_jacobian(rows, x), rtol=1e-10)


@pytest.mark.usefixtures("eager")
def test_a_parameter_in_every_term() -> None:
    def weighted(x: Any, w: Any) -> Any:
        s = 0.0
        for k in range(17):
            s = s + w[k] * x[k] * TIMES
        return np.sum(np.sin(s))

    x, w = rng.normal(size=17), rng.normal(size=17)
    H = ss.hessian(weighted, x, w)
    for factor in (1.0, -0.5):
        expected = dense_hessian(weighted, x, factor * w)
        assert_close(H(x, factor * w).toarray(), expected, rtol=1e-10)


def test_a_convolution_of_many_points_is_a_product_of_blocks() -> None:
    image = rng.normal(size=(40, 40))

    def loss(w: Any) -> Any:
        s = 0.0
        for a in range(5):
            for b in range(5):
                s = s + w[5 * a + b] * image[a : a + 36, b : b + 36]
        return np.sum(np.tanh(s) ** 2)

    H = ss.hessian(loss, np.ones(25))
    assert isinstance(H._nonzeros, Blocked)
    assert "1296 wide sums" in H.report()
