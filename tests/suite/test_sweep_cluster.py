"""The same cells on a cluster: threads of this process, which start processes for the cells."""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.sweep import cluster
from benchmarks.sweep.cluster import Cluster
from benchmarks.sweep.isolate import Request

pytestmark = [
    pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of dask and what it imports
]


@pytest.mark.slow
def test_every_end_comes_back_and_nothing_stays() -> None:
    requests = [
        Request("math:sqrt", 4.0, 20.0, 500.0, "value"),
        Request("ctypes:string_at", 0, 20.0, 500.0, "crash"),
        Request("time:sleep", 60, 0.2, 500.0, "slow"),
    ]
    with Cluster(None, 2, []) as workers:
        ends = {r.request.tag: (r.outcome, r.value) for r in workers.run(requests)}
        again = [r.value for r in workers.run([Request("math:sqrt", 9.0, 20.0, 500.0)])]
    assert ends == {"value": ("ok", 2.0), "crash": ("crash", None), "slow": ("time-limit", None)}
    assert again == [3.0]
    assert cluster._ALL == []


_DEADLY = """
import os, pathlib, signal

def work(argument):
    number, folder = argument
    runs = pathlib.Path(folder)
    (runs / f"{number} {os.getpid()}").touch()
    if number == 3 and len(list(runs.glob("3 *"))) == 1:
        stat = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text()
        os.kill(int(stat.rsplit(")")[-1].split()[1]), signal.SIGKILL)  # the nursery's parent
        signal.pause()
    return number
"""


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    (tmp_path / "deadly_cell.py").write_text(_DEADLY)
    (tmp_path / "runs").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    requests = [
        Request("deadly_cell:work", [k, str(tmp_path / "runs")], 30.0, 500.0, k) for k in range(6)
    ]
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        distributed.LocalCluster(**options, dashboard_address=":0") as machines,
        Cluster(machines.scheduler_address, 2, []) as workers,
    ):
        replies = list(workers.run(requests))
    assert sorted(r.request.tag for r in replies) == list(range(6))
    assert [(r.outcome, r.value) for r in replies] == [("ok", r.request.tag) for r in replies]
    runs = [path.name.split()[0] for path in (tmp_path / "runs").iterdir()]
    assert runs.count("3") == 2
    assert sum(runs.count(str(k)) > 1 for k in range(6)) <= 2  # it, and what was just finished


@pytest.mark.slow
def test_a_run_on_a_cluster(tmp_path: Path) -> None:
    main(
        ["run", "--problems", "own:hs71", "own:nist-misra1a", "--solvers", "slsqp",
         "--derivatives", "compiled", "--out", str(tmp_path), "--executor", "dask"]
    )  # fmt: skip
    with (tmp_path / "results.csv").open() as file:
        assert [r["outcome"] for r in csv.DictReader(file)] == ["ok", "ok"]


def test_without_dask_the_command_says_what_to_install(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(SystemExit):
        main(["run", "--out", str(tmp_path), "--executor", "dask"])
    assert "pip install 'sparsesolve[cluster]'" in " ".join(capsys.readouterr().out.split())
