"""Index sets as bits: structures as by sparse products, and how many terms there will be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.differentiate import TooManyTerms, detect, index_sets, jacobian, jacobian_program
from sparsesolve.differentiate.detect import boolean_pattern, jacobian_structure
from sparsesolve.fuse import fuse
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.trace import trace

rng = np.random.default_rng(9)
BANDED = np.triu(np.tril(rng.normal(size=(40, 40)), 2), -3)


def program_of(function: Callable[[Any], Any], n: int) -> Program:
    return fuse(lower(trace(function, [rng.normal(size=n)])))


def shared(x: Any) -> Any:
    """One slot that all points read, a row that reads nothing, and an output that is an input."""
    y = np.sin(np.diff(x)) * np.exp(x[0])
    return np.concatenate([y * y[-1], np.zeros(1), x[-1:], [np.sum(y)]])


FUNCTIONS: list[tuple[Callable[[Any], Any], int]] = [
    *((shared, n) for n in (2, 31, 63, 64, 65, 130)),
    (lambda x: np.tanh(BANDED @ x) @ np.tril(BANDED), 40),
    (lambda x: np.linalg.solve(x[:9].reshape(3, 3), x[6:9])[:2] * x[10], 12),
    (lambda x: np.exp(x) * 2.0, 1),
    (lambda x: np.array([np.sum(np.exp(x)) + 1.0, 2.0]), 0),
    (lambda x: np.cumsum(x**2) / np.sum(x[:3]), 70),
]


@pytest.mark.parametrize("words", [3, 2**21])
@pytest.mark.parametrize(("function", "n"), FUNCTIONS)
def test_structures_are_those_of_sparse_products(
    function: Any, n: int, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_sets, "_AT_ONCE", words)
    program = program_of(function, n)
    found = boolean_pattern(program)
    monkeypatch.setattr(detect, "index_sets", lambda _: None)
    assert found == boolean_pattern(program)


def test_what_would_be_too_large_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(shared, 65)
    assert index_sets.index_sets(program) is not None
    monkeypatch.setattr(index_sets, "_MOST_WORDS", 2 * program.n_slots - 1)
    assert index_sets.index_sets(program) is None


def test_terms_are_those_of_the_chain_rule() -> None:
    program = program_of(lambda x: np.sum(np.sin(BANDED @ np.cos(BANDED @ x)) ** 2), 40)
    sets = index_sets.index_sets(program)
    assert sets is not None
    terms, largest, entries = index_sets.terms_to_list(program, sets)
    walk = jacobian._Walk(program, 10**9)
    walk.run()
    assert (entries, largest) == (40, walk.rows.largest)
    assert 0 <= terms - walk.spent <= 2 * np.count_nonzero(BANDED)  # those of inputs are no terms


def test_a_list_that_would_be_too_long_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(x: Any) -> Any:
        for matrix in (BANDED, *([rng.normal(size=(40, 40))] * 3)):
            x = np.sin(matrix @ x)
        return x

    program = program_of(function, 40)
    monkeypatch.setattr(jacobian, "_SOME_TERMS", 500)
    walk = jacobian._Walk(program, 30_000)
    with pytest.raises(TooManyTerms, match="colored"):
        walk.run()
    assert walk.spent < 10_000  # of more than 64 000
    with pytest.raises(TooManyTerms, match="colored"):
        jacobian_program(program, most_terms=30_000)
    assert jacobian_structure(program).nnz == 1600


def test_a_structure_with_many_terms_an_entry_is_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jacobian, "_SOME_TERMS", 0)
    data = rng.normal(size=(60, 20))
    H = ss.hessian(lambda x: np.sum(np.tanh(data @ x) ** 2), np.ones(20), method="colored")
    assert H.pattern.nnz == 400
    with pytest.raises(TooManyTerms, match="other ways"):
        jacobian._Walk(fuse(H._gradient_program), 10**9, bare=True).run()
    tridiagonal = ss.hessian(lambda x: np.sum(np.diff(x) ** 4), np.ones(200), method="colored")
    assert tridiagonal.pattern.nnz == 598


@pytest.mark.parametrize("words", [3, 2**21])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200])
def test_unions_of_sets(size: int, words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_sets, "_AT_ONCE", words)
    table = rng.random((30, size)) < 0.1
    table[4] = False
    indptr = np.concatenate([[0], np.cumsum(table.sum(axis=1))])
    sets = index_sets.sets_of(indptr, np.nonzero(table)[1], size)
    np.testing.assert_array_equal(index_sets.members_of(sets), np.nonzero(table))
    counts = rng.integers(0, 4, 25)
    chosen = rng.integers(0, 30, counts.sum())
    ends = np.concatenate([[0], np.cumsum(counts)])
    found = index_sets.united(sets, ends, chosen)
    parts = np.split(chosen, ends[1:-1])
    expected = np.array([table[part].any(axis=0) for part in parts])
    np.testing.assert_array_equal(index_sets.members_of(found), np.nonzero(expected))
