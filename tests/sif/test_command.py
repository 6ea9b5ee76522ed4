"""`python -m sparsesolve sif` and `sif.check`."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from sif_cards import SMALL, card, data, elements, formula, problem, variables, write

import sparsesolve as ss
from sparsesolve.__main__ import main
from sparsesolve.cli.sif import Request, read_overrides, run_sif
from sparsesolve.errors import SifError

FILE = (
    data(
        "*   classification QOR2-AN-V-1",
        " IE N                   4              $-PARAMETER", card("IE", "1", "", 1),
        "VARIABLES", card("DO", "I", "1", "", "N"), card("X", "X(I)"), card("ND"),
        "GROUPS", card("DO", "I", "1", "", "N"), card("XN", "O", "X(I)", -1.0), card("ND"),
        card("L", "BALL"), "CONSTANTS", card("", "V", "BALL", 1.0),
        "START POINT", card("", "S", "'DEFAULT'", 1.0), "ELEMENT TYPE", card("EV", "SQ", "V"),
        "ELEMENT USES", card("T", "'DEFAULT'", "SQ"), card("DO", "I", "1", "", "N"),
        card("ZV", "E(I)", "V", "", "X(I)"), card("ND"), "GROUP USES",
        card("DO", "I", "1", "", "N"), card("XE", "BALL", "E(I)"), card("ND"),
        "OBJECT BOUND", "*LO SOLTN               -2.0           $ N = 4",
    )
    + elements(
        formula("T", "SQ", ""), formula("F", "", "V * V"), formula("G", "V", "V + V"),
        formula("H", "V", "2.0", "V"),
    )
)  # fmt: skip


def shown(request: Request) -> tuple[bool, str]:
    stream = io.StringIO()
    ok = run_sif(request, Console(file=stream, width=120))
    return ok, stream.getvalue()


def test_description(tmp_path):
    path = write(tmp_path, FILE)
    ok, text = shown(Request(str(path), {"N": 6}, "none"))
    assert ok
    for part in (
        "TEST", "QOR2-AN-V-1", "6: 0 free, 0 fixed, 6 bounded", "1: 0 equalities, 1 inequalities",
        "proven linear", "N=6", "6 nonzeros (100 %), 6 colors (columns)",
        "6 nonzeros (16.7 %), 1 color (symmetric)", "1 x 6, 6 entries", "-2 [N = 4]",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("solver", ["auto", "trust-constr", "SLSQP"])
def test_solve(tmp_path, solver):
    ok, text = shown(Request(str(write(tmp_path, FILE)), {}, solver))
    assert ok
    assert "status" in text
    found = float(re.search(r"objective +(-[\d.]+)", text)[1])
    assert found == pytest.approx(-2.0, abs=1e-5)


def test_check_agrees_with_the_cards_and_with_differences(tmp_path):
    path = write(tmp_path, FILE)
    rows = ss.sif.check(path)
    assert {(row.quantity, row.against) for row in rows} == {
        (q, a) for q in ("gradient", "Jacobian", "Hessian") for a in ("cards", "differences")
    }
    for row in rows:
        assert row.error < (1e-14 if row.against == "cards" else 1e-6), row
    ok, text = shown(Request(str(path), {}, "none", check=True))
    assert ok
    assert "differences" in text


def test_check_finds_a_wrong_card(tmp_path):
    path = write(tmp_path, FILE.replace("V + V", "V + 1.0").replace(" 2.0\n", " 3.0\n"))
    rows = {(row.quantity, row.against): row for row in ss.sif.check(path, x=[2.0] * 4)}
    wrong = rows["Jacobian", "cards"]
    assert (wrong.exact, wrong.other, wrong.entry) == (4.0, 3.0, "BALL, X1")
    assert rows["Hessian", "cards"].other == 3.0
    assert rows["Jacobian", "differences"].error < 1e-6


def test_cards_of_internal_variables_groups_and_quadratic_terms(tmp_path):
    text = SMALL.replace("Z * Q\n", "SIN( U )**3\n").replace(
        " COS( U )", " 3.0*SIN( U )**2*COS( U )"
    )
    text = text.replace(" - Z\n", " 6.0*SIN(U)*COS(U)**2 - 3.0*SIN(U)**3\n")
    for row in ss.sif.check(write(tmp_path, text), x=[0.3, 0.7, 1.1], multipliers=[0.5, 2.0]):
        assert row.error < (1e-14 if row.against == "cards" else 1e-6), row


def test_derivative_cards_that_cannot_be_evaluated_do_not_hinder_loading(tmp_path):
    path = write(tmp_path, FILE.replace("V + V", "V + Q"))
    assert ss.sif.load(path).n == 4
    with pytest.raises(SifError, match="got 'Q'"):
        ss.sif.check(path)
    with pytest.raises(SifError, match="expected a number, a name"):
        ss.sif.check(write(tmp_path, FILE.replace("V + V", "V +")))


def test_a_problem_without_nonlinear_parts(tmp_path):
    path = write(tmp_path, data(*variables("X"), "GROUPS", card("N", "O", "X", 2.0)))
    assert all(row.error < 1e-8 for row in ss.sif.check(path))
    assert problem(tmp_path, path.read_text()).m == 0


def test_overrides_of_the_command_line():
    assert read_overrides(["N=5", "A=-2.5", "B=1e3", "C=-7"]) == {
        "N": 5, "A": -2.5, "B": 1000.0, "C": -7,
    }  # fmt: skip
    for text in ("N", "N=", "=3", "N=abc"):
        with pytest.raises(SifError, match="NAME=NUMBER"):
            read_overrides([text])


def test_the_command(tmp_path, capsys):
    path = str(write(tmp_path, FILE))
    assert main(["sif", path, "--param", "N=3", "--solver", "none"]) == 0
    assert "N=3" in capsys.readouterr().out
    assert main(["sif", path, "--param", "M=3"]) == 1
    assert "It has: N=4" in capsys.readouterr().err
    assert main(["sif", str(tmp_path / "NONE.SIF")]) == 1
    assert "expected a SIF file" in capsys.readouterr().err
