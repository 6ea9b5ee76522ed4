"""`python -m sparsesolve inspect` and the rest of the command line."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import sparsesolve
from sparsesolve.__main__ import main
from sparsesolve.cli.inspect import Question, inspect_function

MODEL = """
import numpy as np

x0 = np.linspace(0.0, 1.0, 9)

def residual(x):
    return (x[1:] - x[:-1]) ** 2

def shifted(t, x):
    return t * residual(x)

def energy(x):
    return np.sum(residual(x) * x[1:] ** 2)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "inspected_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("inspected_model", None)
    return "inspected_model"


def shown(question: Question) -> str:
    out = io.StringIO()
    inspect_function(question, Console(file=out, width=120))
    return out.getvalue()


def test_jacobian(module: str) -> None:
    text = shown(Question(f"{module}:residual", ["x0"], entry=(2, 3)))
    assert "8 x 9, 16 entries" in text
    assert re.search(r"colors, columns +2 *\n", text)
    assert re.search(r"colors, rows +2 *\n", text)
    assert "inspected_model.py:7" in text  # where row 2 and column 3 meet
    assert text.count("●") == 16


def test_other_arguments_are_parameters(module: str) -> None:
    text = shown(Question(f"{module}:shifted", ["0.5", "np.ones(9)"], argnum=1))
    assert "8 x 9, 16 entries" in text


def test_hessian(module: str) -> None:
    text = shown(Question(f"{module}:energy", ["np.ones(9)"], hessian=True, entry=(2, 3)))
    assert "inspected_model.py:7" in text
    assert "9 x 9, 25 entries" in text
    assert re.search(r"colors, symmetric, direct +3 *\n", text)
    assert re.search(r"colors, symmetric, substitution +2 *\n", text)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question("inspected_model", ["x0"]), "expected module:function"),
        (Question("no_such_module:f", ["1.0"]), "cannot be imported"),
        (Question("inspected_model:nothing", ["x0"]), "has no function"),
        (Question("inspected_model:residual", ["np.one(3)"]), "cannot be evaluated"),
    ],
)
def test_errors_say_what_to_do(module: str, question: Question, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shown(question)


def test_main_reports_errors_with_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "no_such_module:f", "--at", "1.0"]) == 1
    assert "error: module 'no_such_module'" in capsys.readouterr().err


def test_help_and_version_in_a_process_of_their_own() -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "sparsesolve", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "demo" in run("--help")
    assert "MODULE:FUNCTION" in run("inspect", "--help")
    assert sparsesolve.__version__ in run("--version")
