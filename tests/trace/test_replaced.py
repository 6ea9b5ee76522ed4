"""Functions of libraries that are replaced while one traces: found once, looked at each time."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.trace import replaced
from sparsesolve.trace.changes import Changes


class Kind:
    def double(self, x):
        return 2 * x


def double(x):
    return 2 * x


@pytest.fixture
def made_up(monkeypatch):
    """A module with a function, a method and a thing that is called, all of them replaced."""
    module = types.ModuleType("made_up_library")
    module.double = types.FunctionType(double.__code__, {}, "double")
    module.Kind = type("Kind", (), {"double": Kind.double})
    module.called = Kind().double
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(replaced, "_TABLE", [])
    monkeypatch.setattr(replaced, "_SPOTS", {})
    counts = []
    for path in ("double", "Kind.double", "called", "missing"):

        @replaced.replaces(module.__name__, path)
        def other(plain, path=path):
            counts.append(path)
            return lambda *args: -plain(*args)

    return module, counts


def values(module):
    return module.double(3), module.Kind().double(3), module.called(3)


def replacing(module):
    changes = Changes()
    try:
        replaced.replace_all(changes)
        return values(module)
    finally:
        changes.put_back()


def test_each_is_found_once_and_put_back(made_up):
    module, counts = made_up
    for _ in range(3):
        assert values(module) == (6, 6, 6)
        assert replacing(module) == (-6, -6, -6)
    assert values(module) == (6, 6, 6)
    assert sorted(counts) == ["Kind.double", "called", "double"]


def test_what_was_set_meanwhile_is_replaced_instead(made_up):
    module, counts = made_up
    replacing(module)
    module.double.__code__ = (lambda x: 5 * x).__code__
    module.Kind.double = lambda self, x: 6 * x
    module.called = lambda x: 7 * x
    assert replacing(module) == (-15, -18, -21)
    assert values(module) == (15, 18, 21)
    assert len(counts) == 6


def test_a_name_that_appears_later_is_replaced(made_up):
    module, _ = made_up
    replacing(module)
    module.missing = lambda x: x
    changes = Changes()
    replaced.replace_all(changes)
    assert module.missing(2) == -2
    changes.put_back()
    assert module.missing(2) == 2


def test_a_trace_that_raises_puts_back_and_the_next_one_works():
    def wrong(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ss.jacobian(wrong, np.ones(2))
    changes = Changes()
    replaced.replace_all(changes)
    changes.put_back()
    assert ss.jacobian(lambda x: x**2, np.ones(2))(np.ones(2)).diagonal().tolist() == [2.0, 2.0]
