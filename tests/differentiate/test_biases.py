"""Inputs that are added to a sum wherever it is read are terms of the sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian, jacobian

import sparsesolve as ss
from sparsesolve.derivatives.blocks import places
from sparsesolve.differentiate import cuts
from sparsesolve.differentiate.biases import has_layers, with_biases
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from sparsesolve.ir.program import Kernel, Program, verify
from sparsesolve.lower import lower
from sparsesolve.trace import trace
from tests.oracles import assert_close

rng = np.random.default_rng(7)
DATA = rng.normal(size=(12, 9))
N = 9 * 10 + 10 + 10 * 4 + 4


def split(w: Any) -> tuple[Any, Any, Any, Any]:
    return w[:90].reshape(9, 10), w[90:100], w[100:140].reshape(10, 4), w[140:]


def network(w: Any) -> Any:
    first, b, second, c = split(w)
    return anp.dot(anp.tanh(anp.dot(DATA, first) + b), second) + c


def softmax(w: Any) -> Any:
    """The sums of the last layer are read by two kernels."""
    last = network(w)
    return anp.sum(anp.log(anp.sum(anp.exp(last), axis=1))) - anp.sum(last[:, 0])


def program_of(function: Callable[[Any], Any]) -> Program:
    return fuse(lower(trace(function, [0.1 * rng.normal(size=N)])))


def terms(program: Program) -> list[int]:
    """How many terms all sums of products have, by kernel."""
    steps = [s for s in program.instructions if isinstance(s, Kernel) and s.segments is not None]
    return [step.length for step in steps if step.nodes[-1].op == "multiply"]


def with_terms(function: Callable[[Any], Any]) -> tuple[list[int], list[int]]:
    """Return the terms before and after, of programs that compute the same."""
    before = program_of(function)
    after = with_biases(before)
    verify(after)
    for _ in range(2):
        x = rng.normal(size=N)
        assert_close(Interpreter(after)(x, ()), Interpreter(before)(x, ()), rtol=1e-12)
    assert (after is before) == (terms(before) == terms(after))
    return terms(before), terms(after)


@pytest.mark.parametrize("function", [network, softmax])
def test_biases_are_terms(function: Callable[[Any], Any]) -> None:
    hidden, last = 12 * 10, 12 * 4
    before, after = with_terms(function)
    assert before[:2] == [hidden * 9, last * 10]
    if function is softmax:
        assert after[:2] == [hidden * 10, last * 11]
    else:  # its outputs are sums and biases, kept as a kernel of their own
        assert after == [hidden * 10, last * 11]


def test_slots_that_nobody_reads_have_none() -> None:
    def function(w: Any) -> Any:
        first, b, _, _ = split(w)
        return np.sum(np.exp((DATA @ first + b)[::2, :7]))

    before, after = with_terms(function)
    assert [b - a for a, b in zip(before, after, strict=True)] == [6 * 7]


@pytest.mark.parametrize(
    "function",
    [
        lambda w: np.tanh(DATA @ split(w)[0]),
        lambda w: np.tanh(DATA @ split(w)[0] - split(w)[1]),
        lambda w: np.tanh(DATA @ split(w)[0] + 0.5),
        lambda w: np.tanh(DATA @ split(w)[0] + np.exp(w[0])),
        lambda w: np.append(np.tanh(DATA @ split(w)[0] + w[0]), (DATA @ split(w)[0])[0]),
        lambda w: np.sin(DATA @ split(w)[0] + w[0]) * np.cos(DATA @ split(w)[0] + w[1]),
        lambda w: np.outer(DATA @ w[:9], np.ones(3)) + w[9:12],
        lambda w: np.sum(np.exp(DATA @ split(w)[0] + w[0])) * np.sum((DATA @ split(w)[0])[0] ** 2),
        lambda w: np.exp(np.concatenate([DATA @ w[:9], w[:2]]) + w[20]),
    ],
)
def test_what_is_added_at_some_places_only_is_no_bias(function: Callable[[Any], Any]) -> None:
    before, after = with_terms(function)
    assert before == after


def test_one_bias_of_all_sums() -> None:
    before, after = with_terms(lambda w: np.exp(w[120] + DATA @ w[:9]))
    assert (before, after) == ([12 * 9], [12 * 10])


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)
    monkeypatch.setattr(places, "_GAIN", 0.0)
    monkeypatch.setattr(cuts, "WIDE", 8)


def entries_of_sums(found: Any) -> int:
    extended = found._nonzeros._extended
    return int(extended.first.pattern.indptr[extended.k])


def test_derivatives_by_blocks_have_no_columns_of_biases_before(eager: None) -> None:
    x, y = 0.3 * rng.normal(size=(2, N))
    H, J = ss.hessian(softmax, x), ss.jacobian(network, x)
    hidden, last = 12 * 10 * 10, 12 * 4 * (11 + 10)  # by inputs, and by the sums before
    assert (entries_of_sums(H), entries_of_sums(J)) == (hidden + last, hidden)
    assert_close(H(y).toarray(), hessian(softmax)(y), rtol=1e-10)
    assert_close(J(y).toarray(), jacobian(network)(y).reshape(48, N), rtol=1e-10)


GROUPS = np.repeat(np.arange(6), 2)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (network, True),
        (softmax, True),
        (lambda w: np.sum(np.exp(DATA @ w[:9] + w[9:15][GROUPS])) + w @ w, False),
        (lambda w: np.sum(DATA[:, 0] * np.tanh(DATA @ split(w)[0] + split(w)[1]).T), False),
        (lambda w: np.sin(w), False),
    ],
)
def test_layers(function: Callable[[Any], Any], expected: bool) -> None:
    assert has_layers(program_of(function)) == expected


def test_intercepts_of_groups_have_no_second_derivatives_of_each_other(eager: None) -> None:
    H = ss.hessian(
        lambda w: anp.sum(anp.log1p(anp.exp(anp.dot(DATA, w[:9]) + w[9:15][GROUPS]))), np.zeros(15)
    )
    assert H.nnz == 15 * 15 - 6 * 5
