"""What functions use: objects that hold each other are gone through once."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsesolve.trace.content import content_of


def registered(count: int) -> tuple[list[Any], set[Any]]:
    """Functions of which each knows the set of all of them."""
    known: set[Any] = set()

    def made(k: int) -> Any:
        return lambda x: x * k + len(known)

    functions = [made(k) for k in range(count)]
    known.update(functions)
    return functions, known


def test_sets_of_what_knows_the_set_are_gone_through_once() -> None:
    functions, known = registered(40)  # and not 40! times
    assert content_of(functions[0]) == content_of(functions[0]) is not None
    before = content_of(functions[1])
    known.add(4)
    assert content_of(functions[1]) != before


def test_sets_are_what_is_in_them() -> None:
    assert content_of({1, "two", (3.0,)}) == content_of({(3.0,), 1, "two"})
    assert content_of({1, 2}) != content_of({1, 3})
    assert content_of([{1}, {2}]) != content_of([{2}, {1}])
    assert content_of({frozenset({1, 2}), 3}) == content_of({3, frozenset({2, 1})})
    assert content_of({k for k in range(30_000)}) is None
    data = np.ones(3)
    assert content_of((data, {1})) == content_of((data.copy(), {1}))
