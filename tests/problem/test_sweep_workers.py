"""Sweeps by whatever has a `map`; what becomes of the results when a worker is lost."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters.sweep_workers import arriving

needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None, reason="dask.distributed not installed"
)
of_dask = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
PS = [0.5, -1.0, 2.0, 4.0, 0.25]
FOLDER = "SWEEP_TEST_FOLDER"


def misfit(x: Any, p: Any) -> Any:
    return np.sum((x - p) ** 2) + np.sum(x) ** 2


def family(n: int = 2) -> ss.Problem:
    return ss.Problem(misfit, np.zeros(n), bounds=(-9.0, 1.0), parameters=0.0)


def check(results: list[ss.Result]) -> None:
    """Minimum of n (x - p)^2 + n^2 x^2, moved into the bounds."""
    assert len(results) == len(PS)
    for p, result in zip(PS, results, strict=True):
        np.testing.assert_allclose(result.x, min(p / 3.0, 1.0), atol=1e-5)
        assert result.origin.problem.parameters == p


@pytest.fixture
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        distributed.LocalCluster(**options, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


@pytest.mark.slow
@needs_dask
@of_dask
def test_a_client_of_dask_and_its_executor(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    problem = family()
    check(problem.map(PS, workers=client, method="L-BFGS-B", progress=True))
    assert capsys.readouterr().err == "5 of 5 solved, 0 without success\n"
    assert not problem.is_prepared
    check(problem.map(PS, workers=client.get_executor(), method="L-BFGS-B"))
    same = problem.map([1.0] * 4, workers=client, method="L-BFGS-B")  # equal tasks are several
    assert len({id(result) for result in same}) == 4
    starts = ss.multistart(problem, starts=4, workers=client, method="L-BFGS-B")
    np.testing.assert_allclose([r.fun for r in starts], 0.0, atol=1e-9)
    with pytest.raises(KeyError, match="no such"):
        ss.Problem(unknown, [0.0], parameters=1.0, derivatives="differences").map(
            [1.0, 2.0], workers=client
        )


def unknown(x: Any, p: Any) -> Any:
    raise KeyError("no such")


def deadly(x: Any, p: Any) -> Any:
    """Kill the process that solves for 2.0 the first time; leave a file for each that solves."""
    folder = Path(os.environ[FOLDER])
    (folder / f"{float(p)} {os.getpid()}").touch()
    if float(p) == 2.0 and len(list(folder.glob("2.0 *"))) == 1 and len(list(folder.iterdir())) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(np.sum((x - p) ** 2) + np.sum(x) ** 2)


def fatal(x: Any, p: Any) -> Any:
    if float(p) == 2.0:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(np.sum((x - p) ** 2) + np.sum(x) ** 2)


def black_box(function: Callable[..., Any]) -> ss.Problem:
    return ss.Problem(
        function, np.zeros(2), bounds=(-9.0, 1.0), parameters=0.0, derivatives="differences"
    )


@pytest.mark.slow
@needs_dask
@of_dask
def test_a_killed_worker_of_dask_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    monkeypatch.setenv(FOLDER, str(tmp_path))
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        distributed.LocalCluster(**options, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        check(black_box(deadly).map(PS, workers=client))
        runs = [path.name.split()[0] for path in tmp_path.iterdir()]
        assert runs.count("2.0") == 2  # the one that was lost
        twice = {p for p in runs if runs.count(p) > 1 and p != "0.0"}  # of which it is prepared
        assert len(twice) <= 2  # and what its process had just finished, perhaps


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals")
def test_a_broken_pool_keeps_what_was_solved() -> None:
    problem = black_box(fatal)
    with concurrent.futures.ProcessPoolExecutor(1, get_context("spawn")) as pool:
        results = problem.map(PS, workers=pool)
    assert [r.success for r in results] == [True, True, False, False, False]
    np.testing.assert_allclose(results[1].x, -1.0 / 3.0, atol=1e-5)
    assert results[2].message.startswith("BrokenProcessPool: ")
    assert results[4].origin.problem.parameters == PS[4]


def test_a_pool_that_has_only_a_map() -> None:
    with ThreadPool(2) as pool:
        check(family().map(PS, workers=pool, method="L-BFGS-B"))


class KilledWorker(Exception):
    """What dask says of a task that some workers have died of."""


class Breaking(concurrent.futures.Executor):
    """Loses the third task while it runs, and takes no more than four."""

    def __init__(self) -> None:
        self.cancelled: list[Any] = []
        self.taken = 0

    def submit(self, function: Any, /, *args: Any, **options: Any) -> Any:
        self.taken += 1
        if self.taken > 4:
            raise concurrent.futures.BrokenExecutor("no more")
        future: Any = concurrent.futures.Future()
        if self.taken == 3:
            future.set_exception(KilledWorker("lost"))
        else:
            future.set_result(function(*args, **options))
        return future


def test_what_a_breaking_executor_loses_is_told_by_number() -> None:
    found = dict(arriving(Breaking(), lambda k: 10 * k, range(6)))
    assert [found[k] for k in (0, 1, 3)] == [0, 10, 30]
    assert [str(found[k]) for k in (2, 4, 5)] == ["lost", "no more", "no more"]
    results = family().map([0.0] * 6, workers=Breaking(), method="L-BFGS-B")
    assert [r.success for r in results] == [True, True, False, True, False, False]
    assert results[2].message == "KilledWorker: lost"
    np.testing.assert_array_equal(results[5].x, np.zeros(2))


class Late(concurrent.futures.Executor):
    """Gives results at the end, the last first."""

    def __init__(self) -> None:
        self.futures: list[Any] = []

    def submit(self, function: Any, /, *args: Any, **options: Any) -> Any:
        future: Any = concurrent.futures.Future()
        self.futures.append(future)
        if len(self.futures) == 2:
            future.set_exception(ValueError("of the function"))
        return future


def test_what_a_function_raises_ends_the_sweep_and_cancels_the_rest() -> None:
    pool = Late()
    with pytest.raises(ValueError, match="of the function"):
        list(arriving(pool, lambda k: k, range(4)))
    assert [future.cancelled() for future in pool.futures] == [True, False, True, True]


class Awaited:
    """What an asynchronous client of dask looks like."""

    asynchronous = True

    def map(self, *_: Any) -> None: ...


def test_parameters_are_looked_at_before_anything_runs() -> None:
    pool = Breaking()
    with pytest.raises(ss.errors.StructureMismatch):
        family().map([1.0, np.ones(3)], workers=pool)
    assert pool.taken == 0
    with pytest.raises(TypeError, match=r"must not be asynchronous.*get_executor"):
        family().map(PS, workers=Awaited())
