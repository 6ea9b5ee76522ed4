"""A run: nothing twice, nothing lost, every end a row."""

from __future__ import annotations

import contextlib
import csv
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.fresh import ROOT
from benchmarks.sweep.cell import modules, run_cell, warm
from benchmarks.sweep.isolate import Nursery, Reply, Request
from benchmarks.sweep.posed import Description, Spec
from benchmarks.sweep.runner import CELL, Plan, Settings, describe_all, make_plan, run
from benchmarks.sweep.sets import STARTER, parse
from benchmarks.sweep.store import COLUMNS, Store
from benchmarks.sweep.verdict import verdicts
from benchmarks.sweep.ways import SOLVERS, WAYS, refusal

PARTS = ("objective", "violation", "stationarity", "complementarity")


class Fake:
    """Counts calls; answers each cell by ``answers[solver]``, `KeyboardInterrupt` included."""

    def __init__(self, answers: dict[str, object] | None = None) -> None:
        self.answers = answers or {}
        self.calls: list[Request] = []

    def run(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            self.calls.append(request)
            if request.function != CELL:
                value = {"n": 2, "m": 1, "bounded": True, "fixed": 0, "best": None,
                         "classification": "OOR2-AN-2-1"}  # fmt: skip
                yield Reply(request, "ok", "", value, 0.1, 0.1, 50.0)
                continue
            answer = self.answers.get(request.argument["solver"], "ok")
            if answer is KeyboardInterrupt:
                raise KeyboardInterrupt
            value = dict.fromkeys(PARTS, 0.0) if answer == "ok" else None
            yield Reply(request, str(answer), "", value, 0.1, 0.1, 50.0)


def go(store: Store, executor: Fake, settings: Settings, terms: Sequence[str]) -> Plan:
    problems, _ = describe_all(parse(terms), store, executor, settings)
    plan = make_plan(problems, store, settings)
    run(plan, store, executor, lambda row: None)
    return plan


SETTINGS = Settings(("ipopt", "slsqp", "l-bfgs-b"), ("compiled",))
TERMS = ["own:hs71", "own:elec"]


def test_a_second_start_runs_nothing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        first, second = Fake(), Fake()
        go(store, first, SETTINGS, TERMS)
        assert len(first.calls) == 2 + 4  # two problems read, four cells; l-bfgs-b is refused
        plan = go(store, second, SETTINGS, TERMS)
        assert (second.calls, plan.done) == ([], 6)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            go(store, Fake({"slsqp": KeyboardInterrupt}), SETTINGS, TERMS)
        assert [r["solver"] for r in store.rows() if r["outcome"] == "ok"] == ["ipopt"]
    with Store(tmp_path) as store:  # another process
        later = Fake()
        go(store, later, SETTINGS, TERMS)
        assert [c.argument["solver"] for c in later.calls] == ["slsqp", "ipopt", "slsqp"]


def test_failures_are_tried_again_on_request_only(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        go(store, Fake({"slsqp": "crash"}), SETTINGS, TERMS)
        assert not [c for c in _calls(store, SETTINGS)]
        again = _calls(store, Settings(SETTINGS.solvers, SETTINGS.ways, retry_failed=True))
        assert [c.argument["solver"] for c in again] == ["slsqp", "slsqp"]
        assert {r["outcome"] for r in store.rows()} == {"ok", "not-applicable"}


def _calls(store: Store, settings: Settings) -> list[Request]:
    fake = Fake()
    go(store, fake, settings, TERMS)
    return fake.calls


def test_a_solve_that_ran_out_of_time_is_tried_again_too(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        go(store, Fake(), SETTINGS, TERMS)
        [first, *_] = store.rows()
        store.add(first | {"status": "time-limit"})
        again = _calls(store, Settings(SETTINGS.solvers, SETTINGS.ways, retry_failed=True))
        assert len(again) == 1


def test_fresh_forgets(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        go(store, Fake(), SETTINGS, TERMS)
    with Store(tmp_path, fresh=True) as store:
        assert store.rows() == []
        assert store.descriptions() == {}


def test_seeds_are_cells_of_their_own(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        plan = go(store, Fake(), Settings(("ipopt",), ("compiled",), seeds=(0, 7)), ["own:hs71"])
        assert [r.argument["seed"] for r in plan.requests] == [0, 7]


def test_a_refused_cell_is_a_row_without_a_process(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        go(store, Fake(), SETTINGS, TERMS)
        refused = [r for r in store.rows() if r["outcome"] == "not-applicable"]
        assert [r["reason"] for r in refused] == ["l-bfgs-b takes no constraints"] * 2


@pytest.mark.parametrize(
    ("solver", "way", "words"),
    [
        ("ipopt", "finite-difference", ""),
        ("l-bfgs-b", "compiled", "l-bfgs-b takes no constraints"),
        ("trust-krylov", "compiled", "trust-krylov takes no constraints"),
    ],
)
def test_refusals(solver: str, way: str, words: str) -> None:
    both = Description(2, 1, bounded=True, fixed=0, best=None, classification="")
    assert refusal(solver, way, both) == words


def test_refusals_without_rows() -> None:
    boxed = Description(2, 0, bounded=True, fixed=0, best=None, classification="")
    held = Description(2, 0, bounded=False, fixed=1, best=None, classification="")
    free = Description(2, 0, bounded=False, fixed=0, best=None, classification="")
    assert refusal("bfgs", "compiled", boxed) == "bfgs takes no bounds"
    assert refusal("bfgs", "finite-difference", held) == "bfgs takes no fixed variables"
    assert refusal("trust-exact", "finite-difference", free) == "trust-exact needs a gradient"
    assert not [1 for s in SOLVERS for w in WAYS[:3] if refusal(s, w, free)]


@pytest.mark.slow
def test_an_unreadable_problem_is_told(tmp_path: Path) -> None:
    (tmp_path / "BAD.SIF").write_text("NAME          BAD\nVARIABLES\n")
    with Store(tmp_path / "out") as store, Nursery(1, ["benchmarks.sweep.posed"]) as nursery:
        kept, unreadable = describe_all(parse([f"sif:{tmp_path}"]), store, nursery, SETTINGS)
        plan = make_plan(kept, store, SETTINGS, unreadable)
        run(plan, store, nursery, lambda row: None)
        rows = store.rows()
    assert kept == {}
    assert "SifError" in unreadable["BAD"]
    assert [r["outcome"] for r in rows] == ["error"] * 3
    assert all(r["reason"].startswith("cannot be read: SifError") for r in rows)


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    with Store(tmp_path) as store, pytest.raises(ValueError, match="colour"):
        store.add({"problem": "p", "solver": "s", "way": "w", "seed": 0, "colour": "red"})


def test_results_of_another_version_are_not_mixed(tmp_path: Path, capsys) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "results.sqlite")) as base:
        base.execute("CREATE TABLE cells (problem TEXT, color TEXT)")
    with pytest.raises(ValueError, match="color"):
        Store(tmp_path)
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path)])
    assert "Use --fresh" in " ".join(capsys.readouterr().out.split())
    with Store(tmp_path, fresh=True) as store:
        assert store.rows() == []


def test_ends_of_real_processes_are_rows(tmp_path: Path) -> None:
    """A crash is a row, and the run goes on."""
    crash = Settings(("ipopt",), ("compiled",), cell="ctypes:string_at")
    with Store(tmp_path) as store, Nursery(1) as nursery:
        plan = make_plan({"p": (Spec("own", "hs71"), _description())}, store, crash)
        broken = [
            Request("ctypes:string_at", 0, 10.0, 100.0, {**r.tag, "way": "a"})
            for r in plan.requests
        ]
        slow = [Request("time:sleep", 60, 0.2, 100.0, {**r.tag, "way": "b"}) for r in plan.requests]
        large = [
            Request("numpy:ones", 10**11, 10.0, 100.0, {**r.tag, "way": "c"}) for r in plan.requests
        ]
        run(Plan([*broken, *slow, *large], [], 0), store, nursery, lambda row: None)
        ends = [(r["way"], r["outcome"]) for r in store.rows()]
    assert ends == [("a", "crash"), ("b", "time-limit"), ("c", "memory-limit")]


def _description() -> Description:
    return Description(4, 2, bounded=True, fixed=0, best=17.0, classification="OOR2-AN-4-2")


@pytest.mark.every(2)
@pytest.mark.slow_cases("trust-constr-dense-autograd")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("solver", ["trust-constr", "slsqp"])
def test_every_way_solves_and_counts(solver: str, way: str) -> None:
    words = {"spec": Spec("own", "hs71").words(), "solver": solver, "way": way, "seed": 0}
    row = run_cell({**words, "seconds": 60.0})
    assert set(row) <= set(COLUMNS)
    assert max(row[name] for name in PARTS[1:]) < 1e-6
    assert row["objective"] == pytest.approx(17.0140173, abs=1e-5)
    made = ("iterations", "calls_function", "calls_gradient", "calls_constraints", "calls_jacobian")
    assert min(row[name] for name in made) > 0
    assert (row["calls_hessian"] > 0) == (solver == "trust-constr" and way != WAYS[3])
    assert row["seconds"] >= row["seconds_derivatives"] > 0


@pytest.mark.ipopt
@pytest.mark.parametrize("way", WAYS)
def test_ipopt_in_every_way(way: str) -> None:
    words = {"spec": Spec("own", "hs71").words(), "solver": "ipopt", "way": way, "seed": 3}
    row = run_cell({**words, "seconds": 60.0})
    assert max(row[name] for name in PARTS[1:]) < 1e-6
    assert row["multipliers"] == "solver"
    assert (row["calls_hessian"] > 0) == (way != "finite-difference")
    assert row["calls_jacobian"] > 0


@pytest.mark.parametrize("way", ["compiled", "finite-difference"])
def test_the_time_limit_stops_a_solve_that_is_judged_all_the_same(way: str) -> None:
    words = {"spec": Spec("own", "torsion").words(), "solver": "trust-constr", "way": way}
    row = run_cell({**words, "seed": 0, "seconds": 1e-4})
    assert row["status"] == "time-limit"
    assert row["stationarity"] > 1e-6


def test_what_is_imported_before_a_fork() -> None:
    assert modules(["compiled"])[-1].endswith(":warm")
    assert modules(["colored"])[-1].endswith(":warm_all")
    warm()


@pytest.mark.slow
def test_the_commands_on_a_tiny_set(tmp_path: Path, capsys) -> None:
    arguments = ["run", "--problems", "own:hs71", "own:nist-misra1a", "--solvers", "slsqp,l-bfgs-b",
                 "--derivatives", "compiled,finite-difference", "--out", str(tmp_path),
                 "--time-limit", "30", "--jobs", "2"]  # fmt: skip
    main(arguments)
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert sum(r["outcome"] == "ok" for r in rows) == 6
    assert {r["commit"] for r in rows} != {""}
    main(arguments)
    assert "0 cells to run, 8 done before" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--problems", "nonsense", "--out", "x"], ["--solvers", "magic", "--out", "x"]]
)
def test_bad_arguments_end_with_words(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert "nonsense" in printed.out or "magic" in printed.err


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard_loses_nothing(tmp_path: Path) -> None:
    """The whole command, stopped by SIGINT after its first rows, then started again."""
    command = [
        *(sys.executable, "-m", "benchmarks", "run", "--out", str(tmp_path), "--solvers", "slsqp"),
        *("--problems", "own", "n<=100", "--derivatives", "compiled", "--time-limit", "20"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while time.monotonic() < until and _count(tmp_path) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    kept = _count(tmp_path)
    assert kept >= 3
    with (tmp_path / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == kept
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{kept} done before" in done.stdout
    assert _count(tmp_path) > kept


def _count(folder: Path) -> int:
    try:
        with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as base:
            return int(base.execute("SELECT COUNT(*) FROM cells").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


@pytest.mark.slow
@pytest.mark.ipopt
def test_ipopt_solves_the_starter_list(tmp_path: Path) -> None:
    """In two ways, from runs of real processes to the verdict."""
    main(["run", "--problems", "starter", "--solvers", "ipopt", "--out", str(tmp_path),
          "--derivatives", "compiled,colored", "--jobs", "2"])  # fmt: skip
    with Store(tmp_path) as store:
        judged = verdicts(store.rows())
    assert len(judged) == 2 * len(STARTER)
    assert [(v.row["problem"], v.verdict, v.reason) for v in judged if not v.solved] == []
