"""What may be known not to change without a call."""

import functools
import math
import types

import numpy as np
import pytest

from sparsesolve.trace.closed import is_closed

GAIN = 2.0
TABLE = np.ones(3)


def plain(x):
    return np.sum(np.sin(x) ** 2) + GAIN * math.pi


def by_another(x, factor=3.0):
    return sum(factor * plain(x) for _ in range(2))


def of_table(x):
    return TABLE * x


def by_import(x):
    import sparsesolve

    return x * len(sparsesolve.__version__)


class Holder:
    gain = 1.0


def closure(value):
    return lambda x: value * x


@pytest.mark.parametrize(
    "function",
    [
        plain,
        by_another,
        closure(2.0),
        closure(plain),
        closure(np.sin),
        lambda x: x @ x,
        lambda x: np.linalg.norm(x),
    ],
)
def test_arguments_and_constants_are_all_that_is_used(function):
    assert is_closed(function)


@pytest.mark.parametrize(
    "function",
    [
        of_table,
        by_import,
        closure(TABLE),
        closure([1.0]),
        closure(Holder),
        closure(of_table),
        closure(np.frompyfunc(of_table, 1, 1)),
        closure(len),
        functools.wraps(plain)(lambda x: plain(x)),
        np.sum,
        Holder,
        lambda x: x * Holder.gain,
        lambda x: x * np.random.rand(),
        lambda x: x * np.empty(1)[0],
        lambda x: x * float(open("gain").read()),  # noqa: SIM115
        lambda x: pytest.approx(x),
        lambda x: x * undefined,  # noqa: F821
        lambda x: x.spac,  # part of a name that is known
    ],
)
def test_whatever_else_may_change(function):
    assert not is_closed(function)


def test_globals_of_another_module_are_compared_by_nobody():
    elsewhere = types.FunctionType(plain.__code__, {"np": np, "math": math, "GAIN": 2.0}, "plain")
    assert is_closed(elsewhere)
    here = types.FunctionType(by_another.__code__, {"plain": elsewhere}, "here", (3.0,))
    assert not is_closed(here)


def test_a_counter_is_not_closed():
    def count(x):
        count.calls += 1
        return x

    count.calls = 0
    assert not is_closed(count)


def test_what_writes_to_its_closure_changes_its_next_call():
    calls = 0.0

    def count(x):
        nonlocal calls
        calls += 1.0
        return calls * x

    assert not is_closed(count)
    assert not is_closed(closure(count))

    def own(x):
        total = 0.0

        def add(value):
            nonlocal total
            total += value

        add(x)
        return total

    assert is_closed(own)
