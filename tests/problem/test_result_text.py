"""Results, problems and matrices as people read them: printed, in notebooks, as histories."""

from __future__ import annotations

import base64
import importlib.util
import io
import logging
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from rich.console import Console

import sparsesolve as ss
from sparsesolve.methods.monitor import IterationState, Monitor
from sparsesolve.methods.progress import ProgressTable
from sparsesolve.structure.htmlplot import png_of_gray, shades


def named_problem() -> ss.Problem:
    return ss.Problem(
        lambda v: np.sum(v["u"] ** 2) + np.sum((v["w"] - 2.0) ** 2),
        {"u": np.ones((2, 3)), "w": np.zeros(4)},
        bounds={"w": (0.0, 1.5)},
        constraints=[
            ss.Constraint(lambda v: v["u"].sum(axis=1), 1.0, None, name="budget"),
            ss.Constraint(lambda v: v["w"][0] - v["w"][1], 0.0, 0.0, name="same"),
        ],
        name="named",
    )


def test_a_result_is_printed_with_names() -> None:
    result = ss.minimize(named_problem())
    text = str(result)
    assert text.startswith(f"named: {result.solver} solved (")
    lines = {line.split("  ")[1].strip(): line for line in text.splitlines()[1:]}
    assert "2 x 3: [0.333333" in lines["u"]
    assert "1.5" in lines["w"]
    assert "2 of 2 at a limit, multipliers [-0.6" in lines["rows budget"]
    assert "at a limit, multipliers" in lines["row same"]
    assert lines["objective"].split()[-1] == f"{result.fun:.12g}"


def test_rows_inside_and_violated() -> None:
    problem = ss.Problem(
        lambda x: np.sum(x**2),
        np.full(3, 4.0),
        constraints=[
            ss.Constraint(lambda x: x[0], None, 5.0, name="loose"),
            ss.Constraint(lambda x: x - 1.0, 3.0, None, name="tight"),
        ],
    )
    text = str(ss.minimize(problem))
    assert re.search(r"row loose +1 inside, multipliers", text)
    assert re.search(r"rows tight +3 of 3 at a limit", text)


def test_plain_results_are_printed_as_before() -> None:
    text = str(ss.root(lambda x: x**3 - 2.0, np.ones(20)))
    assert "(20 values)" in text
    assert "cost" in text
    html = ss.root(lambda x: x**3 - 2.0, np.ones(2))._repr_html_()
    assert html.startswith("<table><caption>newton solved")
    assert "<th>cost</th>" in html


@pytest.mark.slow_cases("ipopt")
@pytest.mark.parametrize("method", ["ipopt", "trust-constr", "SLSQP", "L-BFGS-B", "trust-krylov"])
def test_the_history_is_what_a_callback_sees(method: str) -> None:
    if method == "ipopt" and not any(s.name == "ipopt" for s in ss.solvers()):
        pytest.skip("IPOPT is not installed")
    seen: list[Any] = []

    def keep(state: Any) -> None:
        seen.append(state)

    def objective(x: Any) -> Any:
        return np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    watched = ss.minimize(objective, np.zeros(5), method=method, callback=keep)
    alone = ss.minimize(objective, np.zeros(5), method=method)
    for history in (watched.history, alone.history):
        numbers = [state.iteration for state in seen]
        assert numbers[-1] == watched.iterations
        np.testing.assert_array_equal(history.iteration, numbers)
        np.testing.assert_array_equal(history.objective, [state.fun for state in seen])
        np.testing.assert_array_equal(history.step, [state.step for state in seen])
        np.testing.assert_array_equal(history.optimality, [state.optimality for state in seen])
        assert np.all(np.diff(history.seconds) >= 0.0)
    assert list(alone.history)[-1]["objective"] == seen[-1].fun
    assert repr(alone.history) == f"<History of {len(seen)} iterations>"


def test_roots_and_fits_have_histories() -> None:
    root = ss.root(lambda x: x**3 - 2.0, np.ones(3))
    assert len(root.history) == root.iterations + 1
    assert root.history.objective[-1] == root.cost
    for method in ("lm", "trf"):
        fit = ss.least_squares(lambda x: x**3 - 2.0, np.ones(3), method=method)
        assert fit.history.objective[-1] == pytest.approx(fit.cost, abs=1e-20)


@pytest.mark.slow
def test_a_history_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    result = ss.minimize(lambda x: np.sum((x - 2.0) ** 4), np.zeros(4), method="L-BFGS-B")
    figure = result.plot()
    upper, lower = figure.axes
    np.testing.assert_array_equal(upper.lines[0].get_ydata(), result.history.objective)
    assert {line.get_label() for line in lower.lines} == {"optimality", "step"}
    assert lower.get_yscale() == "log"
    again = result.plot(ax=(upper, lower))
    assert again is figure
    assert len(upper.lines) == 2


# ----- Progress -----


def shown(iterations: int, width: int = 80) -> list[str]:
    out = io.StringIO()
    table = ProgressTable("newton", Console(file=out, width=width))
    table.start()
    for k in range(iterations):
        table.add(IterationState(k, np.zeros(1), -1.5e-300, 1e-3, 2e5, 0.25, seconds=12345.6))
    table.stop()
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("iterations", "kept"), [(0, []), (1, [0]), (2, [0, 1]), (11, [0, 10]), (25, [0, 10, 20, 24])]
)
def test_plain_lines_keep_the_last_and_every_tenth(iterations: int, kept: list[int]) -> None:
    lines = shown(iterations)
    assert lines[0] == "newton: preparing"
    if kept:
        assert lines[1].split()[0] == "iteration"
    assert [int(line.split()[0]) for line in lines[2:]] == kept
    assert all(len(line) <= 80 for line in lines)
    assert all("-1.500000000e-300" in line for line in lines[2:])


def test_the_live_table_fits_and_keeps_every_tenth_at_the_end() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    table = ProgressTable("newton", console)
    table.start()
    for k in range(40):
        table.add(IterationState(k, np.zeros(1), -1.25e-300, 1e-3, 2e5, 0.25, seconds=1.0))
    table.stop()
    final = out.getvalue().split("newton")[-1]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", final)
    numbers = [int(m) for m in re.findall(r"^\s*(\d+) ", text, re.MULTILINE)]
    assert numbers == [0, 10, 20, *range(28, 40)]
    assert text.count("-1.250000000e-300") == len(numbers)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="sparsesolve"):
        result = ss.root(lambda x: x**3 - 2.0, np.ones(3))
    debug = [r.getMessage() for r in caplog.records if r.levelno == logging.DEBUG]
    info = [r.getMessage() for r in caplog.records if r.levelno == logging.INFO]
    assert len(debug) == result.iterations + 1
    assert debug[0].startswith("newton 0: 1.500000000e+00")
    assert info[0].startswith(f"newton: {result.iterations} iterations in ")


def test_an_iteration_told_twice_is_kept_once() -> None:
    monitor = Monitor("test")
    for k in (0, 1, 1, 2):
        monitor.note(k, float(k), 0.0, 0.0, 0.0)
    np.testing.assert_array_equal(monitor.history.iteration, [0, 1, 2])


# ----- Notebooks -----


def gray(png: bytes) -> np.ndarray[Any, Any]:
    """Decode what `png_of_gray` writes, by the format's definition."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (depth, kind) == (8, 0)
    start = png.index(b"IDAT")
    (size,) = struct.unpack(">I", png[start - 4 : start])
    lines = np.frombuffer(zlib.decompress(png[start + 4 : start + 4 + size]), dtype=np.uint8)
    lines = lines.reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (33, 31), (200, 7), (1000, 40), (300, 3000)])
def test_pictures_for_notebooks(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    entries = sp.coo_array(rng.random(shape) < 0.01)
    image = shades(shape, entries.row, entries.col)
    assert max(image.shape) <= 200
    np.testing.assert_array_equal(gray(png_of_gray(image)), image)
    if max(shape) <= 200:
        np.testing.assert_array_equal(image < 255, entries.toarray())
    dark = np.zeros(image.shape, dtype=bool)
    dark[entries.row * image.shape[0] // shape[0], entries.col * image.shape[1] // shape[1]] = True
    np.testing.assert_array_equal(image < 255, dark)


def picture_of(html: str) -> np.ndarray[Any, Any]:
    found = re.search(r"base64,([^\"]+)\"", html)
    assert found
    return gray(base64.b64decode(found.group(1)))


def test_patterns_and_derivatives_show_themselves() -> None:
    J = ss.jacobian(lambda x: x[1:] * x[:-1], np.ones(6))
    for thing in (J, J.pattern):
        html = thing._repr_html_()
        assert "5 x 6" in html or "5x6" in html
        np.testing.assert_array_equal(picture_of(html) < 255, J.pattern.to_dense())
    assert "&lt;Jacobian 5x6" in J._repr_html_()
    H = ss.hessian(lambda x: np.sum(x**3), np.ones(4))
    np.testing.assert_array_equal(picture_of(H._repr_html_()) < 255, np.eye(4, dtype=bool))


def test_a_problem_shows_itself_without_being_traced() -> None:
    problem = named_problem()
    html = problem._repr_html_()
    assert not problem.is_prepared
    assert "<caption>named</caption>" in html
    assert "10, 4 with bounds" in html
    assert "<th>constraint budget</th><td>from 1 to inf</td>" in html
    assert "<th>constraint same</th><td>= 0</td>" in html
    assert "<th>block u</th><td>2 x 3</td>" in html
    problem.jacobian(problem.start)
    assert picture_of(problem._repr_html_()).shape == (3, 10)


@pytest.mark.parametrize("n", [3, 20, 500])
def test_a_printed_derivative_has_at_most_twenty_lines(n: int) -> None:
    J = ss.jacobian(lambda x: x * x[::-1], np.ones(n))
    lines = str(J).splitlines()
    assert lines[0] == repr(J)
    assert len(lines) <= 20
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("nbclient", "nbformat", "ipykernel"))),
    reason="nbclient and ipykernel are not installed",
)
def test_in_a_notebook(tmp_path: Any) -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import numpy as np, sparsesolve as ss\n"
        "problem = ss.Problem(lambda x: np.sum(x**2), np.ones(4), name='shown',"
        " constraints=ss.Constraint(lambda x: x[1:] - x[:-1], 1.0, 1.0, name='steps'))",
        "result = problem.solve(method='trust-constr', progress=True)",
        "result",
        "problem",
        "ss.jacobian(lambda x: x[1:] * x[:-1], np.ones(5))",
        "ss.Pattern.from_offsets((9, 9), (0, 1))",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in book.cells]
    progress = "".join(out.text for out in outputs[1] if out.output_type == "stream")
    assert "trust-constr: preparing" in progress
    assert "iteration" in progress
    for shown_by, text in zip(outputs[2:], ("steps", "shown", "Jacobian", "9 x 9"), strict=True):
        html = shown_by[0].data["text/html"]
        assert text in html
        assert "<table" in html or "data:image/png" in html
