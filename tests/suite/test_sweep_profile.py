"""Where the wall time of each solver went."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.sweep.cell import run_cell
from benchmarks.sweep.posed import Spec
from benchmarks.sweep.profile import wall_times
from benchmarks.sweep.ways import SOLVERS

PARTS = ("violation", "stationarity", "complementarity")


def row(solver: str, problem: str, seconds: float, **changes: Any) -> dict[str, Any]:
    plain = {"way": "compiled", "seed": 0, "outcome": "ok", "reason": "", "objective": 1.0}
    plain |= {"status": "solved", "message": "", "known": None, **dict.fromkeys(PARTS, 0.0)}
    plain |= {"solver": solver, "problem": problem, "seconds": seconds}
    return plain | {"seconds_preparation": 0.5, "seconds_derivatives": 0.25} | changes


def test_seconds_are_added_up_by_contestant() -> None:
    rows = [
        row("ipopt", "a", 1.0),
        row("ipopt", "b", 3.0, status="stalled", stationarity=1.0),
        row("ipopt", "c", 9.0, outcome="crash"),
        row("uno-ipopt", "a", 0.5),
        row("tnc", "a", 0.0, outcome="not-applicable"),
    ]
    ipopt, uno = wall_times(rows)
    assert (ipopt.cells, ipopt.solved, ipopt.lost) == (3, 1, 1)
    assert (ipopt.preparation, ipopt.derivatives, ipopt.solver) == (1.0, 0.5, 2.5)
    assert (ipopt.total, ipopt.longest, ipopt.where) == (4.0, 3.0, "b")
    assert uno.solver == 0.0


@pytest.mark.every(2)
@pytest.mark.parametrize("solver", ["pounce", "uno-ipopt", "uno-filtersqp", "uno-filterslp"])
def test_libraries_in_a_cell(solver: str) -> None:
    package = {"pounce": "pounce", "uno": "unopy"}[SOLVERS[solver].method or solver]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    words = {"spec": Spec("own", "hs71").words(), "solver": solver, "way": "compiled", "seed": 0}
    found = run_cell({**words, "seconds": 60.0})
    assert found["status"] in ("solved", "acceptable")
    assert max(found[name] for name in PARTS) < 1e-5
    assert found["objective"] == pytest.approx(17.0140173, abs=1e-4)


@pytest.mark.slow
def test_it_is_printed_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--problems", "own:hs71", "--solvers", "slsqp,tnc", "--derivatives", "compiled"]
    main([*words, "--profile", "--out", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "Wall time" in shown
    assert "1/1" in shown.partition("Wall time")[2]
