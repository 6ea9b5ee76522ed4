"""A refusal counts also where the traced function catches it, and keys cannot be traced values."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import (
    DataDependentBranch,
    TraceError,
    UnsupportedOperation,
    VerificationError,
)
from sparsesolve.trace import trace

X = np.array([0.2, 0.4, 0.7])


def branch(x: Any) -> Any:
    try:
        if x[0] > 0.5:
            return x
    except Exception:
        pass
    return x**2


def branch_bare(x: Any) -> Any:
    try:
        return x if x[0] > 0.5 else x + 1.0
    except:  # noqa: E722
        return x**2


def integer(x: Any) -> Any:
    try:
        k = int(x[0])
    except Exception:
        k = 0
    return x + k


def number(x: Any) -> Any:
    k = 1.0
    with contextlib.suppress(TypeError):
        k = x[0].__float__() + 1.0
    return x * k


def order(x: Any) -> Any:
    try:
        return x[np.argsort(x)]
    except Exception:
        return x


def method(x: Any) -> Any:
    try:
        return x * len(x.tobytes())
    except AttributeError:
        return x


def other_error(x: Any) -> Any:
    try:
        return x * int(x[1])
    except Exception as error:
        raise RuntimeError("bad input") from error


@pytest.mark.parametrize(
    "f",
    [branch, branch_bare, integer, number, order, method, other_error],
    ids=lambda f: f.__name__,
)
def test_a_refusal_that_was_caught_is_raised(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TraceError, match="expected"):
        trace(f, [X])


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("f", [number, method], ids=lambda f: f.__name__)
def test_a_refusal_that_was_caught_is_raised_by_derivatives(f: Any, check: bool) -> None:
    with pytest.raises(TraceError, match="expected"):
        ss.jacobian(f, X, check=check)


@pytest.mark.parametrize("f", [branch, branch_bare, integer, order, other_error])
def test_what_a_function_asks_and_would_catch_is_answered(f: Callable[[Any], Any]) -> None:
    J = ss.jacobian(f, X)
    for x in (X, X[::-1].copy(), X - 1.0):
        assert np.allclose(J.value(x), f(x))


@pytest.mark.every(4)  # each looks at all objects that there are
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * {0.0: 1.0}.get(x[0], 0.5),
        lambda x: -x if x[1] in {2.0, 3.0} else x**2,
        lambda x: x * len(set(x)),
        lambda x: x * len(dict.fromkeys(x)),
        lambda x: x * functools.lru_cache(lambda t: 2.0)(x[0]),
        lambda x: x * hash(x[0]),
        lambda x: x * len({x[0], x[1]}),
        lambda x: x * (frozenset([1.0]) == frozenset([x[2]])),
    ],
)
def test_traced_values_are_no_keys(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedOperation, match="as keys"):
        ss.jacobian(f, X)


def test_a_parameter_is_no_key_either() -> None:
    flow = {0: 1.0, 1: 4.0}
    with pytest.raises(UnsupportedOperation, match="as keys"):
        ss.jacobian(lambda t, y: -flow.get(t, 0.5) * y, 0.5, X, argnum=1)


def test_arrays_are_as_unhashable_as_in_numpy() -> None:
    def f(x: Any) -> Any:
        try:
            hash(x)
        except TypeError:
            return x**2
        return x

    assert np.array_equal(ss.jacobian(f, X).value(X), X**2)


def test_what_numpy_refuses_too_may_be_caught() -> None:
    def f(x: Any) -> Any:
        try:
            y = math.exp(x)
        except TypeError:
            y = np.exp(x)
        try:
            return y if x > 0 else -y
        except ValueError:
            return np.where(x > 0, y, -y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        J = ss.jacobian(f, X)
    assert np.allclose(J(X).diagonal(), np.exp(X))


def test_probing_is_no_refusal() -> None:
    def f(x: Any) -> Any:
        found = [hasattr(x, name) for name in ("_data", "iloc", "todense", "units")]
        return x**2 if not any(found) else x

    assert np.allclose(ss.jacobian(f, X)(X).diagonal(), 2 * X)


def test_a_log_may_fail_to_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def f(x: Any) -> Any:
        logging.getLogger("test").warning("x = %f", x[0])
        return x**2

    assert np.allclose(ss.jacobian(f, X)(X).diagonal(), 2 * X)


def test_an_inner_refusal_of_plain_values_may_be_caught() -> None:
    def f(x: Any) -> Any:
        try:
            trace(lambda z: z if z[0] > 0 else -z, [np.ones(2)])
        except DataDependentBranch:
            return x**2
        return x

    assert np.allclose(ss.jacobian(f, X)(X).diagonal(), 2 * X)


def test_a_function_may_keep_its_last_value() -> None:
    last: dict[str, Any] = {"x": None}

    def f(x: Any) -> Any:
        if last["x"] is None or not np.array_equal(last["x"], x):
            last["x"], last["v"] = np.copy(x), x**2
        return last["v"]

    for before in (None, X, X + 1.0):  # nothing kept, this very point, and another one
        last["x"], last["v"] = before, X**2
        J = ss.jacobian(f, X)
        assert np.allclose(J(X).diagonal(), 2 * X)
        assert np.allclose(J(3 * X).diagonal(), 6 * X)
        assert np.allclose(f(X), X**2)


def test_a_value_that_depends_on_an_earlier_call_is_found() -> None:
    last: dict[str, Any] = {}

    def f(x: Any) -> Any:
        last.setdefault("x", x)
        return x * last["x"]

    with pytest.raises(VerificationError, match="state between calls"):
        ss.jacobian(f, X)
    assert type(last["x"]) is np.ndarray  # what is kept is a number, not a traced value


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize("x", [X, X * 0, np.array([np.nan, 0.0, 1.0]), X[::-1].copy()])
def test_comparisons_of_arrays_as_numbers(x: Any, equal_nan: bool) -> None:
    def f(x: Any) -> Any:
        whole = np.array_equal(x, x[::-1], equal_nan=equal_nan) * 1.0
        near = np.allclose(x, [0.0, 0.0, 0.0], atol=1e-3, equal_nan=equal_nan) * 2.0
        each = np.isclose(x, x[::-1], equal_nan=equal_nan) * 4.0
        return each + whole + near + np.array_equal(x, x[1:]) + np.array_equiv(x, x[0]) * 8.0

    for method in ("compiled", "interpreted"):
        J = ss.jacobian(f, X, method=method)
        assert np.array_equal(J.value(x), f(x))
        assert J.nnz == 0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * float(f"{x[0]:.2f}"),
        lambda x: x * float("%.1f" % x[0]),  # noqa: UP031
        lambda x: x * float(str(np.round(x[0], 1))),
        lambda x: x * int(f"{10 * x[0]:.0f}"),
        lambda x: x * {"0": 2.0, "3": 5.0}[f"{x[0]:.0f}"],
    ],
)
def test_what_is_made_of_a_text_of_a_value_is_not_frozen(f: Callable[[Any], Any]) -> None:
    with pytest.raises((VerificationError, LookupError)):
        ss.jacobian(f, X)


def test_a_text_to_look_at_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print(f"{x[0]:.3f}", str(x[1]), "%g" % x[2])  # noqa: T201, UP031
        return x**2

    assert np.allclose(ss.jacobian(f, X)(2 * X).diagonal(), 4 * X)
    assert "0.200" in capsys.readouterr().out


def test_a_special_value_at_one_point_is_no_kept_one() -> None:
    def f(x: Any) -> Any:
        return x * 0.0 + 5.0 if np.array_equal(x, np.zeros(3)) else np.sin(x)

    for example in (np.zeros(3), X):
        J = ss.jacobian(f, example)
        for x in (X, np.zeros(3), 2 * X, np.zeros(3)):
            assert np.allclose(J.value(x), f(x), rtol=1e-15)
            assert np.allclose(J(x).diagonal(), np.cos(x) * np.any(x))
