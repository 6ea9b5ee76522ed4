"""What functions use besides their arguments: looked at by identity first, then by contents."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from sparsesolve.trace import content
from sparsesolve.trace.content import still_uses, surroundings_of

FACTOR: Any = 2.0
LIST: Any = [1.0]


def helper(x):
    return FACTOR * x


def deeper(x):
    return helper(x) + 1.0


def itself(x, n=3):
    return x if n == 0 else itself(x, n - 1)


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often something is read."""
    made: list[int] = []
    plain = content._SurroundingsReader.__init__

    def counting(self: Any) -> None:
        made.append(1)
        plain(self)

    monkeypatch.setattr(content._SurroundingsReader, "__init__", counting)
    return made


def enclosing(value: Any):
    def function(x):
        return value * x

    return function


@pytest.mark.parametrize(
    "function",
    [helper, deeper, enclosing(3), enclosing("a"), lambda x: np.sum(x), lambda x, k=2: x],
)
def test_what_cannot_be_changed_in_place_is_not_read(function, digests: list[int]) -> None:
    known = surroundings_of(function)
    assert known is not None
    digests.clear()
    assert still_uses(function, known)
    assert not digests


@pytest.mark.parametrize(
    "function",
    [enclosing([1.0]), enclosing(np.ones(2)), itself, lambda x: LIST[0], partial(helper)],
)
def test_what_can_be_is_read(function, digests: list[int]) -> None:
    known = surroundings_of(function)
    assert known is not None
    digests.clear()
    assert still_uses(function, known)
    assert digests


@pytest.mark.parametrize("function", [helper, deeper])
def test_another_number_is_a_change(function, monkeypatch: pytest.MonkeyPatch) -> None:
    known = surroundings_of(function)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert not still_uses(function, known)
    monkeypatch.setitem(globals(), "FACTOR", float("2.0"))  # another object, the same number
    assert still_uses(function, known)
    monkeypatch.setitem(globals(), "FACTOR", 2)
    assert not still_uses(function, known)
    monkeypatch.setitem(globals(), "FACTOR", [2.0])
    assert not still_uses(function, known)


def test_changes_in_cells_defaults_code_and_attributes_are_seen() -> None:
    function = enclosing(2.0)
    known = surroundings_of(function)
    function.__closure__[0].cell_contents = 4.0
    assert not still_uses(function, known)
    function.__closure__[0].cell_contents = 2.0
    assert still_uses(function, known)
    function.mark = 1
    assert not still_uses(function, known)
    del function.mark
    function.__kwdefaults__ = {"k": 1}
    assert not still_uses(function, known)

    def other(x, k=1.0):
        return k * x

    known = surroundings_of(other)
    other.__defaults__ = (2.0,)
    assert not still_uses(other, known)
    other.__defaults__ = (1.0,)
    assert still_uses(other, known)
    other.__code__ = (lambda x, k: k + x).__code__
    assert not still_uses(other, known)


def test_a_helper_that_was_replaced_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    known = surroundings_of(deeper)
    monkeypatch.setitem(globals(), "helper", lambda x: 5.0 * x)
    assert not still_uses(deeper, known)
    monkeypatch.delitem(globals(), "helper")
    assert not still_uses(deeper, known)


def test_lists_are_read_each_time() -> None:
    values = [1.0, 2.0]
    function = enclosing(values)
    known = surroundings_of(function)
    values[1] = 3.0
    assert not still_uses(function, known)
    values[1] = 2.0
    assert still_uses(function, known)
