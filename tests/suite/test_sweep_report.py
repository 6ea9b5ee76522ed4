"""Profiles against examples computed by hand; the page: whole, self-contained, in a browser."""

from __future__ import annotations

import base64
import csv
import importlib.util
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.sweep.page import COLUMNS, html_page
from benchmarks.sweep.profiles import (
    MEASURES,
    Costs,
    costs,
    data_profile,
    evaluations,
    performance_profile,
)
from benchmarks.sweep.report import write_report
from benchmarks.sweep.shares import gains, shares, tallies
from benchmarks.sweep.store import COLUMNS as STORED
from benchmarks.sweep.store import Store
from benchmarks.sweep.summary import markdown
from benchmarks.sweep.verdict import verdicts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def row(problem: str, solver: str, way: str, seconds: float, **changes: object) -> dict:
    made = dict.fromkeys(STORED)
    made |= {
        "problem": problem, "solver": solver, "way": way, "seed": 0, "n": 3, "m": 1,
        "classification": "OOR2-AN-3-1", "outcome": "ok", "status": "solved", "reason": "",
        "objective": 1.0, "violation": 0.0, "stationarity": 0.0, "complementarity": 0.0,
        "iterations": 5, "calls_function": 10, "calls_gradient": 6, "calls_constraints": 10,
        "calls_jacobian": 6, "calls_hessian": 5, "seconds": seconds,
        "seconds_preparation": 0.25 * seconds, "seconds_derivatives": 0.5 * seconds,
        "seconds_process": seconds, "date": "2026-01-01 00:00 UTC", "machine": "<tiny> & quiet",
        "time_limit": 60.0,
    }  # fmt: skip
    return made | changes


FAR = {"stationarity": 0.5}
ROWS = [
    row("P", "a", "compiled", 1.0),
    row("P", "a", "finite-difference", 4.0, calls_function=40),
    row("Q", "a", "compiled", 6.0),
    row("Q", "a", "finite-difference", 3.0),
    row("R", "a", "compiled", 5.0),
    row("R", "a", "finite-difference", 60.0, **FAR, status="time-limit", message="stopped"),
    row("S", "a", "compiled", 1.0, **FAR),
    row(
        "S", "a", "finite-difference", 0.0, outcome="crash", reason="SIGSEGV <here>", objective=None
    ),
]


def test_a_performance_profile_by_hand() -> None:
    """Ratios: P 1 and 4, Q 2 and 1, R 1 and infinite, S nobody; four problems."""
    ours, theirs = performance_profile(costs(verdicts(ROWS), MEASURES[0]))
    assert (ours.name, theirs.name) == ("a, compiled", "a, finite-difference")
    assert ours.steps.tolist() == [1.0, 2.0]
    assert ours.shares.tolist() == [0.5, 0.75]
    assert theirs.steps.tolist() == [1.0, 4.0]
    assert theirs.shares.tolist() == [0.25, 0.5]
    assert [ours.at(x) for x in (0.5, 1.0, 1.9, 2.0, 1e9)] == [0.0, 0.5, 0.5, 0.75, 0.75]


def test_a_data_profile_by_hand() -> None:
    """n + 1 = 4; ours 10 + 6 evaluations each, theirs 40 and 10 (their gradients are made of f)."""
    table = costs(verdicts(ROWS), type(MEASURES[0])("e", "e", evaluations, 1.0))
    ours, theirs = data_profile(table)
    assert (ours.steps.tolist(), ours.shares.tolist()) == ([4.0], [0.75])
    assert (theirs.steps.tolist(), theirs.shares.tolist()) == ([2.5, 10.0], [0.25, 0.5])


@given(
    st.lists(
        st.lists(st.sampled_from([1.0, 1.5, 2.0, 7.0, np.inf]), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([1.0, 1.4, 2.0, 3.5, 7.0, 100.0]),
)
def test_profiles_count_what_their_definitions_say(table, position) -> None:
    names = tuple(str(k) for k in range(len(table)))
    found = Costs(
        names, ("a, compiled", "b, compiled"), np.arange(1.0, len(table) + 1), np.array(table)
    )
    for j, (performance, data) in enumerate(
        zip(performance_profile(found), data_profile(found), strict=True)
    ):
        won = sum(row[j] <= position * min(row) < np.inf for row in table)
        afforded = sum(row[j] / (k + 2) <= position for k, row in enumerate(table))
        assert performance.at(position) == pytest.approx(won / len(table))
        assert data.at(position) == pytest.approx(afforded / len(table))


def test_ties_are_wins_of_both() -> None:
    both = [row("P", "a", "compiled", 1.0), row("P", "b", "compiled", 1.0)]
    assert [c.at(1.0) for c in performance_profile(costs(verdicts(both), MEASURES[0]))] == [1, 1]


def test_short_times_are_ties() -> None:
    both = [row("P", "a", "compiled", 1e-5), row("P", "b", "compiled", 9e-4)]
    assert [c.at(1.0) for c in performance_profile(costs(verdicts(both), MEASURES[0]))] == [1, 1]


def test_profiles_of_nothing() -> None:
    empty = Costs((), ("a, compiled",), np.empty(0), np.empty((0, 1)))
    [curve] = performance_profile(empty)
    assert curve.at(10.0) == 0.0
    assert costs([], MEASURES[0]).table.shape == (0, 0)


def test_what_is_not_applicable_does_not_compete() -> None:
    rows = [*ROWS, row("P", "l-bfgs-b", "compiled", 0.0, outcome="not-applicable", reason="rows")]
    assert costs(verdicts(rows), MEASURES[0]).contestants == (
        "a, compiled",
        "a, finite-difference",
    )


def test_tallies_gains_and_shares_by_hand() -> None:
    judged = verdicts(ROWS)
    ours, theirs = tallies(judged)
    assert (ours.solved, ours.total, ours.fastest, ours.seconds) == (3, 4, 2, 5.0)
    assert (theirs.solved, theirs.total, theirs.fastest) == (2, 4, 1)
    assert dict(theirs.others) == {"time-limit": 1, "crash": 1}
    [gain] = gains(judged)
    assert (gain.count, gain.median, gain.largest, gain.only, gain.only_other) == (
        2, np.median([4.0, 0.5]), 4.0, 1, 0,
    )  # fmt: skip
    first = shares(judged)[0]
    assert (first.preparation, first.callbacks, first.solver) == (0.25, 0.5, 0.25)
    assert first.seconds == 13.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with its report, written by the command."""
    path = tmp_path_factory.mktemp("report")
    with Store(path) as store:
        for one in ROWS:
            store.add(one)
        store.export()
    main(["report", str(path)])
    return path


class Page(HTMLParser):
    """Counts elements, collects what would be fetched, and checks that tags are closed in order."""

    VOID = {"meta", "img", "input", "br", "link"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.mark.slow
def test_the_page_is_whole_and_needs_nothing(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert len([1 for tag, attrs in page.seen if "data-verdict" in attrs]) == len(ROWS)
    fetched = [attrs[key] for _, attrs in page.seen for key in ("src", "href") if attrs.get(key)]
    assert len(fetched) == 6
    assert all(address.startswith("data:image/svg+xml;base64,") for address in fetched)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    assert "SIGSEGV &lt;here&gt;" in text
    assert "&lt;tiny&gt; &amp; quiet" in text
    heads = [tag for tag, attrs in page.seen if tag == "th" and attrs.get("scope") == "col"]
    assert len(heads) == len(COLUMNS)


@pytest.mark.slow
def test_pictures_stand_beside_the_page_and_in_it(folder: Path) -> None:
    assert sorted(path.stem for path in folder.glob("*.png")) == [
        "data", "performance-derivatives", "performance-functions", "performance-iterations",
        "performance-seconds", "time-share",
    ]  # fmt: skip
    text = (folder / "report.html").read_text()
    inside = [base64.b64decode(found) for found in re.findall(r"svg\+xml;base64,([^\"]+)", text)]
    assert len(inside) == 6
    assert all(b"<svg" in picture for picture in inside)
    profiles = [picture for picture in inside if b"share of problems solved" in picture]
    assert len(profiles) == len(inside) - 1  # the last one shows where the time goes
    assert sum(b"multiple of the least on each problem" in p for p in profiles) == len(profiles) - 1
    assert b"budget: evaluations, in groups of n + 1" in profiles[-1]


@pytest.mark.slow
def test_without_matplotlib_there_are_words_and_tables(folder, tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    shutil.copy(folder / "results.sqlite", tmp_path)
    main(["report", str(tmp_path)])
    assert "pip install 'sparsesolve[plot]'" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.png"))
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Profiles</h2>" not in page
    assert "<h2>All cells</h2>" in page


@pytest.mark.slow
def test_solvers_and_ways_keep_the_order_of_their_tables(tmp_path: Path) -> None:
    pairs = [("trust-constr", "colored"), ("ipopt", "finite-difference"), ("ipopt", "colored"),
             ("ipopt", "compiled"), ("trust-constr", "compiled")]  # fmt: skip
    write_report([row("P", solver, way, 1.0) for solver, way in pairs], tmp_path)
    head = next(
        line for line in (tmp_path / "report.md").read_text().splitlines() if "best known |" in line
    )
    assert head.split(" | ")[5:] == [
        "ipopt, compiled", "ipopt, colored", "ipopt, finite-difference",
        "trust-constr, compiled", "trust-constr, colored |",
    ]  # fmt: skip


def test_a_page_without_pictures_is_a_page() -> None:
    Page(html_page(verdicts(ROWS[:1]), []))


@pytest.mark.slow
def test_the_markdown_has_a_line_a_problem(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    without_pictures = markdown(verdicts(ROWS), [])
    assert len(text.splitlines()) == len(without_pictures.splitlines()) + 6
    assert "| a, compiled | 3 of 4 | 2 | 5 s | 1 not stationary |" in text
    assert "| P | OOR2-AN-3-1 | 3 | 1 | 1 | 1 s, 5 it | 4 s, 5 it |" in text
    assert "- S, a, finite-difference: crash, SIGSEGV <here>" in text
    assert "![" in text


def test_the_table_has_a_row_a_cell(folder: Path) -> None:
    with (folder / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(ROWS)


def test_the_same_cell_again_replaces_its_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for one in (*ROWS, ROWS[0]):
            store.add(one)
        assert len(store.rows()) == len(ROWS)


def test_parquet_has_the_same_rows(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    with Store(folder) as store:
        assert parquet.read_table(folder / "results.parquet").to_pylist() == store.rows()


def test_a_folder_without_results_is_told(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path)])
    assert "start `run` first" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_the_page_sorts_and_filters_in_a_browser(folder: Path, tmp_path: Path) -> None:
    """The script runs: a probe at the end of the page sorts, filters, and writes what it sees."""
    probe = """
    <script>
      const heads = [...document.querySelectorAll("#cells th")];
      const shown = () => [...document.querySelectorAll("#cells tbody tr")].filter(r => !r.hidden);
      const first = () => shown()[0].cells[0].textContent + shown()[0].cells[5].textContent;
      const out = [document.getElementById("count").textContent];
      const time = heads.find(h => h.textContent === "time");
      time.click(); out.push(first());
      time.click(); out.push(first());
      const pick = (name, value) => {
        const field = document.querySelector(`[data-filter=${name}]`);
        field.value = value; field.dispatchEvent(new Event("input"));
      };
      pick("failed", "failed"); out.push(shown().length);
      pick("way", "compiled"); out.push(shown().length);
      pick("failed", ""); pick("text", "sigsegv"); pick("way", ""); out.push(shown().length);
      pick("text", ""); pick("most", "2"); out.push(shown().length);
      document.title = "probe " + out.join(";");
    </script></body>"""
    page = tmp_path / "probe.html"
    page.write_text((folder / "report.html").read_text().replace("</body>", probe))
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    title = re.search(r"<title>probe ([^<]*)</title>", done.stdout)
    assert title is not None, done.stderr[-500:]
    assert title[1].split(";") == [
        "8 of 8 cells", "Sfinite-difference", "Rfinite-difference", "3", "1", "1", "0",
    ]  # fmt: skip
