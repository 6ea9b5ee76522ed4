"""The benchmarks run, and every formulation of every tool gives our values."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import peer_values
import pytest
from peer_values import agree

from benchmarks.__main__ import main
from benchmarks.cells import Cell, Outcome, run_cell
from benchmarks.compare import Options, _row, compare, plan
from benchmarks.fresh import FreshFailure, run_fresh
from benchmarks.listing import listing
from benchmarks.measure import sample
from benchmarks.peers import OURS, PEERS, load_peer
from benchmarks.plot import plot
from benchmarks.rows import Row, merged, read_rows, write_rows
from benchmarks.suite import FAMILIES, Task, find_family
from benchmarks.table import cells_of, groups, markdown, terminal, time_text
from benchmarks.ways import WAYS

ROOT = Path(__file__).resolve().parents[2]
SLOW = ("jax", "numba")  # to import, and to compile
PAIRS = [
    pytest.param(family.name, peer, marks=[pytest.mark.slow] if entry.needs[0] in SLOW else [])
    for family in FAMILIES
    for peer, entry in PEERS.items()
    if peer not in (OURS, "numpy-call") and entry.takes(family, min(family.sizes))
]


def smallest(name: str) -> Task:
    family = find_family(name)
    return family.task(min(family.sizes))


def row(**changes: object) -> Row:
    made = Row(
        family="jacobian bratu",
        n=100,
        m=100,
        nnz=460,
        colors=5,
        peer=OURS,
        threads=1,
        rounds=3,
        setup=0.05,
        first=0.001,
        evaluation=2e-5,
        best=1e-5,
        peak=100.0,
        base=90.0,
        error=0.0,
        load=0.5,
        status="ok",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


RIVALS = [row(), row(peer="asdex", evaluation=8e-5, setup=1.0), row(peer="casadi-sx", setup=0.1)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_sizes_are_numbers_of_variables(family):
    for n in sorted(family.sizes)[:3]:
        assert family.task(n).points.shape == (2, n)


@pytest.mark.every(12)
@pytest.mark.parametrize(("family", "peer"), PAIRS)
def test_every_tool_gives_our_values(family, peer):
    if missing := PEERS[peer].missing():
        pytest.skip(f"{', '.join(missing)} not installed (extra `peers`)")
    if "jax" not in PEERS[peer].needs:
        agree(family, peer)
        return
    command = [sys.executable, peer_values.__file__, family, peer]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    child = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(command, env=child, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_points_take_turns():
    task = smallest("jacobian lukvle1")
    prepared = load_peer(OURS).prepare(task, 1)
    first, second = (prepared.evaluate(k).copy() for k in range(2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, prepared.evaluate(2))


@pytest.mark.slow
def test_a_cell_runs_in_its_own_process():
    outcome = run_cell(Cell("jacobian lukvle1", 10, OURS, 1, 0, 3, 0.01), 120.0)
    assert outcome.status == "ok"
    assert (outcome.m, outcome.nnz, outcome.colors) == (8, 24, 3)
    assert 0 < outcome.evaluation <= outcome.setup
    assert outcome.peak > outcome.base > 0
    assert outcome.probes.shape == (8, 6)


def test_what_fails_in_a_process_is_told():
    with pytest.raises(FreshFailure, match="KeyError"):
        run_fresh("benchmarks.solve", {"key": ["x", "y", "z"], "size": 1}, threads=1, timeout=60.0)
    with pytest.raises(FreshFailure, match="more than"):
        run_fresh("benchmarks.solve", {}, threads=1, timeout=0.01)


def test_two_threads_leave_out_tools_that_have_one():
    options = Options(families=("jacobian bratu",), threads=(2,), largest=20)
    ((family, n, threads, names),) = plan(options)
    assert (family.name, n, threads) == ("jacobian bratu", 16, 2)
    assert OURS in names
    assert not {"casadi-sx", "numba-loop"}.intersection(names)


def test_limits_of_size_do_not_drop_power_flow():
    names = {family.name for family, *_ in plan(Options(smallest=10**5, largest=10**5))}
    assert {"jacobian acopf-case118", "jacobian lukvle1"} <= names
    assert "jacobian bratu" not in names


def test_other_values_are_noticed():
    reference = np.column_stack([np.ones((4, 3)), np.full((4, 3), 2.0)])
    outcome = Outcome("ok", 0.0, evaluation=1.0, setup=1.0, probes=reference + 1e-6)
    assert _row("f", 1, 1, "asdex", [outcome], reference).status == "other values than ours"
    assert _row("f", 1, 1, "scipy-differences", [outcome], reference).status == "ok"
    shorter = replace(outcome, probes=reference[:2])
    assert math.isinf(_row("f", 1, 1, "asdex", [shorter], reference).error)


def test_a_failed_cell_is_measured_once(monkeypatch):
    asked = []

    def fail(cell, timeout):
        asked.append(cell.peer)
        return Outcome("no", 0.0)

    monkeypatch.setattr("benchmarks.compare.run_cell", fail)
    rows = compare(Options(rounds=3), find_family("hessian rosenbrock"), 10, 1, [OURS, "asdex"])
    assert asked == [OURS, "asdex"]
    assert [r.status for r in rows] == ["no", "no"]


@pytest.mark.slow
def test_samples_count_calls_of_the_first_number():
    seen = []
    samples = sample(seen.append, repetitions=4, budget=0.001)
    assert samples.best <= samples.median
    assert 3 <= samples.count <= 4
    assert {0, 1} <= set(seen)


def test_files_are_read_back(tmp_path):
    rows = [row(), row(peer="asdex", evaluation=math.nan, status="more than 1 s, stopped")]
    write_rows(tmp_path / "deep" / "rows.csv", rows, {"machine": "a: b", "seed": "0"})
    again, about = read_rows(tmp_path / "deep" / "rows.csv")
    assert again[0] == rows[0]
    assert again[1].status == rows[1].status
    assert math.isnan(again[1].evaluation)
    assert about == {"machine": "a: b", "seed": "0"}


def test_a_new_run_replaces_whole_groups():
    new = row(threads=2), row(n=16), row(peer="numba-loop", best=1.0)
    together = merged(RIVALS, new)
    assert [(r.threads, r.n, r.peer) for r in together] == [
        (1, 16, OURS),
        (1, 100, "numba-loop"),
        (2, 100, OURS),
    ]


def test_a_line_takes_the_best_rival_of_each_kind():
    (group,) = groups(RIVALS, 1).values()
    text = cells_of(group)
    assert text[5:7] == ["100 ms casadi-sx", "0.5"]
    assert text[8:10] == ["20 us casadi-sx", "1"]
    assert text[10] == "0.5"
    assert text[11:13] == ["-", "-"]


def test_a_rival_with_other_values_does_not_count():
    wrong = [*RIVALS[:2], replace(RIVALS[2], status="other values than ours")]
    (group,) = groups(wrong, 1).values()
    assert cells_of(group)[8] == "80 us asdex"


def test_tables_show_every_line():
    text = markdown(RIVALS, {"seed": "0"})
    assert "- seed: 0" in text
    assert text.count("jacobian bratu") == 1
    assert terminal(RIVALS, 1).row_count == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.0, "12 s"),
        (0.0015, "1.5 ms"),
        (2e-5, "20 us"),
        (3e-8, "30 ns"),
        (0.0, "0"),
        (math.nan, "-"),
    ],
)
def test_times_have_units(seconds, text):
    assert time_text(seconds) == text


@pytest.mark.slow
def test_the_plot_is_written(tmp_path):
    plot([*RIVALS, row(n=1000)], tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").stat().st_size > 1000
    plot(RIVALS, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


@pytest.mark.every(4)
@pytest.mark.parametrize(
    "key", [key for key in WAYS if not key[1].startswith("ipopt")], ids=lambda key: "-".join(key)
)
def test_ways_agree(key):
    problem, solver, _ = key
    ours = WAYS[problem, solver, OURS](7)
    theirs = WAYS[key](7)
    assert theirs["n"] == ours["n"]
    assert theirs["value"] == pytest.approx(ours["value"], rel=1e-3, abs=1e-6)


def test_the_command_lists_what_there_is(capsys, tmp_path):
    write_rows(tmp_path / "rows.csv", RIVALS, {"seed": "0"})
    main(["table", str(tmp_path / "rows.csv")])
    assert "jacobian bratu" in capsys.readouterr().out


SOLVE_LINES = """\
# machine: here
problem,solver,way,n,setup,solve,value,derivatives,load,status
chain,ipopt,sparsesolve,20,0.5,1.5,6.25,0.15,1.0,ok
chain,ipopt,casadi,20,3.0,1.0,6.25,nan,1.0,ok
chain,ipopt,default,-1,nan,nan,nan,nan,1.0,more than 150 s
"""


def test_solves_are_listed_beside_ours(tmp_path):
    file = tmp_path / "solve.csv"
    file.write_text(SOLVE_LINES)
    text = listing(file)
    assert text.startswith("- machine: here\n\n| problem | solver | n | way |")
    assert "| chain | ipopt | 20 | sparsesolve | 500 ms | 1.5 s | 10 % | 1 | 6.25 |" in text
    assert "| chain | ipopt | 20 | casadi | 3 s | 1 s | - | 2 | 6.25 |" in text
    assert "| chain | ipopt | - | default | - | - | - | - | more than 150 s |" in text


def test_other_results_are_listed_as_they_are(tmp_path):
    file = tmp_path / "setup.csv"
    file.write_text("what,measured,met\nimport,0.4,yes\n")
    assert listing(file).splitlines()[-1] == "| import | 0.4 | yes |"
