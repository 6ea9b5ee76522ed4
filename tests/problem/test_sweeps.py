"""Many solves of one problem: in turn, by threads, by processes, by dask; from many starts."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss


def misfit(x: Any, p: Any) -> Any:
    return np.sum((x["a"] - p) ** 2)


def total(x: Any, p: Any) -> Any:
    return np.sum(x["a"]) + 0.0 * p


def family() -> ss.Problem:
    rows = ss.Constraint(total, None, 3.0, name="total")
    return ss.Problem(misfit, {"a": np.zeros(2)}, constraints=rows, parameters=0.0)


PS = [0.5, 1.0, 2.0, 4.0]


def check(results: list[ss.Result]) -> None:
    for p, result in zip(PS, results, strict=True):
        np.testing.assert_allclose(result.x["a"], min(p, 1.5), atol=1e-5)
        assert result.multipliers["total"] == pytest.approx(max(0.0, 2 * p - 3.0), abs=1e-4)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_in_turn_and_by_threads(workers: Any) -> None:
    problem = family()
    check(problem.map(PS, workers=workers, method="SLSQP"))
    # beside the traces, looks for a change, until one agreed: these functions read nothing else
    looks = problem.derivatives.user_calls - 2 * 2
    assert looks == 4 if workers != 3 else 4 <= looks <= 4 * len(PS)


def test_executors_of_threads() -> None:
    with ThreadPoolExecutor(2) as pool:
        check(family().map(PS, workers=pool, method="SLSQP"))


@pytest.mark.slow
def test_executors_of_processes() -> None:
    problem = family()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        results = problem.map(PS, workers=pool, method="SLSQP")
    check(results)
    assert not problem.is_prepared
    nameless = ss.Problem(lambda x, p: np.sum((x - p) ** 2), [0.0], parameters=0.0)
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(TypeError, match="cannot be pickled"),
    ):
        nameless.map(PS, workers=pool)


class Client:
    """What a client of dask has."""

    def map(self, function: Any, items: Any, pure: bool = True) -> list[Any]:
        assert not pure
        return [lambda item=item: function(item) for item in items]

    def gather(self, futures: list[Any]) -> list[Any]:
        return [future() for future in futures]


def test_a_client_gathers() -> None:
    check(family().map(PS, workers=Client(), method="SLSQP"))


def test_starts_and_words_go_to_every_solve(capsys: pytest.CaptureFixture[str]) -> None:
    problem = ss.Problem(lambda x, p: np.sum(p * x**4 - x**2), np.ones(1), parameters=1.0)
    x0s = [[1.0], [-1.0], [0.5]]
    results = problem.map([1.0, 1.0, 4.0], x0s=x0s, method="BFGS", progress=True)
    expected = [1 / np.sqrt(2.0), -1 / np.sqrt(2.0), 1 / np.sqrt(8.0)]
    np.testing.assert_allclose([r.x[0] for r in results], expected, atol=1e-4)
    assert capsys.readouterr().err == "3 of 3 solved, 0 without success\n"
    with pytest.raises(ValueError, match=r"shorter|longer"):
        problem.map([1.0], x0s=[])


def test_one_that_cannot_be_solved_does_not_stop_the_others() -> None:
    def picky(x: Any, p: Any) -> Any:
        if float(p) < 0.0:
            raise ZeroDivisionError("no such p")
        return float(np.sum((x - p) ** 2))

    problem = ss.Problem(picky, [0.0], parameters=1.0, derivatives="differences")
    results = problem.map([1.0, -1.0, 2.0])
    assert [r.success for r in results] == [True, False, True]
    assert results[1].message == "ZeroDivisionError: no such p"


@pytest.mark.parametrize("workers", ["two", 0, 2.5])
def test_workers_that_are_none(workers: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape("`workers` must be")):
        family().map(PS, workers=workers)


def waves(x: Any) -> Any:
    return np.sum(x**2 - 2.0 * np.cos(5.0 * x))


def test_multistart_finds_the_lowest_minimum() -> None:
    results = ss.multistart(waves, [2.4, -2.4], bounds=(-3.0, 3.0), starts=30, method="L-BFGS-B")
    assert len(results) == 30
    assert results[0].fun == pytest.approx(-4.0)
    np.testing.assert_allclose(results[0].x, 0.0, atol=1e-5)
    costs = [r.fun for r in results if r.success]
    assert costs == sorted(costs)
    again = ss.multistart(waves, [2.4, -2.4], bounds=(-3.0, 3.0), starts=30, method="L-BFGS-B")
    np.testing.assert_array_equal(again[7].x, results[7].x)


def test_starts_are_in_their_ranges_and_may_be_given() -> None:
    seen: list[Any] = []
    problem = ss.Problem(
        lambda x: (x["a"][0] - 1.0) ** 2 + (x["b"] + 5.0) ** 2,
        {"a": np.zeros(1), "b": -5.0},
        bounds={"a": (0.0, 4.0)},
    )
    results = ss.multistart(
        problem,
        starts=5,
        spread=2.0,
        method="L-BFGS-B",
        callback=lambda state: seen.append(state.x) if state.iteration == 0 else None,
    )
    a, b = np.array([(x["a"][0], x["b"]) for x in seen]).T
    assert (a[0], b[0]) == (0.0, -5.0)
    assert sorted(np.floor(a[1:]).tolist()) == [0.0, 1.0, 2.0, 3.0]  # one in each quarter
    assert np.all((b >= -15.0) & (b <= 5.0))
    assert all(r.success for r in results)
    given = ss.multistart(waves, np.zeros(2), starts=[[0.1, 0.1], [2.5, 2.5]], method="BFGS")
    assert round(given[0].fun) == -4
    assert len(given) == 2
