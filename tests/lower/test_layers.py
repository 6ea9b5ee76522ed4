"""Sums of layers: kept where a product enters another one, for Hessians alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir.program import Kernel, Program
from sparsesolve.lower import lower, lower_layers
from sparsesolve.trace import trace
from tests.oracles import assert_close, dense_hessian

rng = np.random.default_rng(8)
ROWS = rng.normal(size=(31, 6))


def sums_of(program: Program | None) -> list[int]:
    """How many sums each kernel of sums has."""
    assert program is not None
    steps = [s for s in program.instructions if isinstance(s, Kernel) and s.segments is not None]
    return [step.rows for step in steps]


def layers(w: Any) -> Any:
    hidden = np.tanh(ROWS @ w[:36].reshape(6, 6) + w[36:42])
    hidden = np.tanh(hidden @ w[42:78].reshape(6, 6))
    return hidden @ w[78:84].reshape(6, 1)


def attention(w: Any, size: int = 5) -> Any:
    rows, k = ROWS[:10, :size], size * size
    q, key, value = (rows @ w[j * k : (j + 1) * k].reshape(size, size) for j in range(3))
    weights = np.exp(q @ key.T / size)
    return np.sum(((weights / np.sum(weights, axis=1, keepdims=True)) @ value - rows) ** 2)


def test_sums_of_layers_are_kept_and_those_that_read_them() -> None:
    tape = trace(layers, [np.zeros(84)])
    assert sums_of(lower(tape)) == []
    assert sums_of(lower_layers(tape)) == [186, 186, 31]


def test_all_products_of_an_attention_are_kept() -> None:
    tape = trace(attention, [np.zeros(75)])
    assert [rows for rows in sums_of(lower_layers(tape)) if rows > 10] == [50, 50, 50, 100, 50]


@pytest.mark.parametrize("function", [layers, attention])
def test_both_programs_have_the_same_values(function: Any) -> None:
    x = rng.normal(size=84 if function is layers else 75)
    kept = lower_layers(trace(function, [x]))
    assert kept is not None
    assert_close(Interpreter(kept)(x, ()), np.ravel(function(x)), rtol=1e-13)


MATRIX = rng.normal(size=(8, 8))
ELEMENTS = rng.normal(size=(40, 8, 8))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(40, 8) @ MATRIX,  # enters no other product
        lambda x: np.sum((x[:160].reshape(20, 8) @ x[160:].reshape(8, 20) - 1.0) ** 2),
        lambda x: np.tanh(x.reshape(80, 4) @ MATRIX[:4, :4]) @ MATRIX[:4],  # few terms
        lambda x: np.einsum(  # each factor is read once
            "eij,ej->ei", ELEMENTS, np.einsum("eji,ej->ei", ELEMENTS, x.reshape(40, 8))
        ),
        lambda x: MATRIX @ np.tanh(MATRIX @ x[:8]),
    ],
)
def test_other_products_are_written_out(function: Any) -> None:
    assert lower_layers(trace(function, [np.zeros(320)])) is None


def test_complex_layers() -> None:
    x = rng.normal(size=60)
    phases = np.exp(1j * rng.normal(size=(6, 6)))

    def function(x: Any) -> Any:
        field = (x.reshape(10, 6) @ phases) @ phases
        return np.sum(np.abs(field) ** 4)

    kept = lower_layers(trace(function, [x]))
    assert kept is not None
    assert_close(Interpreter(kept)(x, ()), [function(x)], rtol=1e-13)
    assert_close(ss.hessian(function, x)(x) @ x, 3.0 * ss.gradient(function, x)(x), rtol=1e-10)


@pytest.mark.parametrize("n", [75, pytest.param(108, marks=pytest.mark.slow)])
def test_hessians_of_attentions_are_blocks(n: int) -> None:
    size = {75: 5, 108: 6}[n]
    x = rng.normal(size=n) * 0.5

    def function(w: Any) -> Any:
        return attention(w, size)

    H = ss.hessian(function, x)
    assert isinstance(H._nonzeros, Blocked)
    y = x[::-1].copy()
    assert_close(H(y).toarray(), dense_hessian(function, y), rtol=1e-10)


def test_gradients_and_jacobians_are_left_alone() -> None:
    x = rng.normal(size=84) * 0.3
    assert sums_of(ss.jacobian(layers, x)._function.program) == []
    g = ss.gradient(lambda w: np.sum(layers(w) ** 2), x)
    assert sums_of(g._function.program) == [1]
