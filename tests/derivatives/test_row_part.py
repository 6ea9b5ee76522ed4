"""Parts of a function equal the same rows of the whole: values, structure, nonzeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from autograd.extend import defvjp, primitive

import sparsesolve as ss
from sparsesolve.derivatives.row_part import Divided

WEIGHTS = np.linspace(0.5, 2.0, 400)


def stencil(x: Any) -> Any:
    p = np.pad(x.reshape(4, -1), 1)
    mid = p[1:-1, 1:-1]
    return (4 * mid - p[2:, 1:-1] - p[:-2, 1:-1] - np.exp(p[1:-1, 2:]) * p[1:-1, :-2]).ravel()


def two_layers(x: Any) -> Any:
    """A value that is stored and read at distances, with constants of all unknowns."""
    y = np.tanh(WEIGHTS[: x.size] * x)
    z = y * np.roll(y, 3) + np.roll(x, -1) ** 2
    return z[::-1] * np.roll(z, 5)


def steps(x: Any) -> Any:
    for _ in range(4):
        x = x + 0.1 * (np.roll(x, 1) - 2 * x + np.roll(x, -1)) - 0.01 * x**3
    return x


def repeated(x: Any) -> Any:
    ids = np.arange(2 * x.size) * 7 % x.size
    return (x[ids] * np.sin(x[ids[::-1]])).reshape(-1, 2).sum(axis=1)


def solved(x: Any) -> Any:
    head = np.linalg.solve(np.eye(3) + 0.1 * np.outer(x[:3], x[:3]), x[1:4])
    return np.concatenate([head, x[3:] ** 2])


def tall(x: Any) -> Any:
    return np.concatenate([np.diff(x), x**2, [x[0] * x[-1], 3.0]])


FUNCTIONS = [two_layers, steps, repeated, tall]


def check(function: Callable[..., Any], n: int, parts: int, rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 1.0, n)
    J = ss.jacobian(function, x)
    divided = Divided(function, [np.ones(n)])
    m = divided.shape[0]
    value, matrix = np.asarray(function(x)).ravel(), J(x)
    for rows in np.array_split(np.arange(m), parts):
        part = divided.rows(rows)
        at = x[part.inputs]
        np.testing.assert_allclose(part.value(at, [], np.empty(rows.size)), value[rows], rtol=1e-13)
        entries = part.refill(part.buffer(), at, [])
        place = (part.pattern.rows, part.inputs[part.pattern.indices])
        found = sp.csr_array((entries, place), shape=(rows.size, n))
        np.testing.assert_allclose(found.toarray(), matrix[rows].toarray(), rtol=1e-12, atol=1e-14)
        assert part.pattern.nnz == matrix[rows].nnz


@pytest.mark.every(6)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("n", "parts"), [(8, 1), (31, 2), (33, 4), (100, 3)])
def test_parts_are_the_rows_of_the_whole(
    function: Callable[..., Any], n: int, parts: int, rng: np.random.Generator
) -> None:
    check(function, n, parts, rng)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_parts_of_a_grid(parts: int, rng: np.random.Generator) -> None:
    check(stencil, 64, parts, rng)


def test_a_call_needs_all_that_it_reads(rng: np.random.Generator) -> None:
    check(solved, 12, 3, rng)
    divided = Divided(solved, [np.ones(12)])
    first, last = divided.rows(np.array([0])), divided.rows(np.array([11]))
    assert first.may_raise
    assert first.calls == ("linalg.solve",)
    assert first.inputs.tolist() == [0, 1, 2, 3]
    assert not last.may_raise
    assert last.inputs.tolist() == [11]


def test_more_parts_than_rows(rng: np.random.Generator) -> None:
    check(two_layers, 2, 5, rng)


def test_rows_in_any_order_and_again(rng: np.random.Generator) -> None:
    n = 40
    x = rng.uniform(0.2, 1.0, n)
    rows = np.array([31, 2, 2, 17])
    part = Divided(two_layers, [np.ones(n)]).rows(rows)
    got = part.value(x[part.inputs], [], np.empty(4))
    np.testing.assert_allclose(got, two_layers(x)[rows], rtol=1e-14)


def test_a_part_has_its_own_size() -> None:
    """Inputs with neighbors, slots with what the rows need, constants where they are read."""
    part = Divided(two_layers, [np.ones(400)]).rows(np.arange(100, 150))
    assert part.inputs.size <= 2 * (50 + 9)
    assert sum(constant.values.size for constant in part.program.constants) <= 300
    assert part.program.n_slots < 700


def test_parameters_and_other_positions(rng: np.random.Generator) -> None:
    def rhs(t: float, y: Any, k: Any) -> Any:
        return k * np.roll(y, 1) * np.sin(t) - y**2

    n = 20
    y, k = rng.uniform(0.2, 1.0, n), rng.uniform(1.0, 2.0, n)
    divided = Divided(rhs, [0.5, np.ones(n), k], argnum=1)
    part = divided.rows(np.arange(5, 9))
    assert part.inputs.tolist() == [4, 5, 6, 7, 8]
    got = part.value(y[4:9], [np.array(2.0), k], np.empty(4))
    np.testing.assert_allclose(got, rhs(2.0, y, k)[5:9], rtol=1e-14)


def test_singular_points_have_limits() -> None:
    def roots(x: Any) -> Any:
        return np.sqrt(x**2 + np.roll(x, 1) ** 2) ** 2

    part = Divided(roots, [np.ones(6)]).rows(np.array([2, 3]))
    values = part.refill(part.buffer(), np.zeros(3), [])
    np.testing.assert_allclose(values, 0.0, atol=1e-12)


def test_digests_tell_programs_apart() -> None:
    def by(c: float) -> bytes:
        return Divided(lambda x: c * x[1:] + x[:-1], [np.ones(5)]).digest()

    assert by(2.0) == by(2.0)
    assert by(2.0) != by(3.0)
    others = [
        Divided(lambda x: x[1:] - x[:-1], [np.ones(5)]),
        Divided(lambda x: x[:-1] - x[1:], [np.ones(5)]),
        Divided(lambda x, p: p * x, [np.ones(5), 2.0]),
        Divided(lambda x, p: p * x, [np.ones(5), 3.0]),
    ]
    assert len({other.digest() for other in others}) == 4


def test_digests_know_where_sums_end() -> None:
    ends = np.arange(36) // 12

    def divided(end: int) -> Divided:
        return Divided(lambda x: x - np.add.reduceat(x**2, [0, end, 30])[ends], [np.ones(36)])

    assert divided(18).digest() == divided(18).digest()
    assert divided(18).digest() != divided(19).digest()


def test_summaries_know_what_calls_compute() -> None:
    """A digest knows a call by its name alone."""

    def divided(factor: float) -> Divided:
        @primitive
        def scaled(x: Any) -> Any:
            return factor * x**2

        defvjp(scaled, lambda ans, x: lambda g: 2.0 * factor * x * g)
        return Divided(lambda x: x + scaled(x), [np.ones(9)])

    one, other = divided(2.0), divided(3.0)
    assert one.digest() == other.digest()
    assert one.summary() == divided(2.0).summary()
    assert abs(one.summary()[0] - other.summary()[0]) > 1e-3 * one.summary()[1] > 0.0


def test_summaries_leave_out_what_is_not_finite() -> None:
    with np.errstate(all="ignore"):
        value, scale = Divided(lambda x: np.log(x - 2.0), [np.ones(5)]).summary()
    assert (value, scale) == (0.0, 0.0)
