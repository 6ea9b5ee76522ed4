"""The list of solvers, in Python and on the command line."""

from __future__ import annotations

import importlib.util

import pytest

import sparsesolve as ss
from sparsesolve.__main__ import main
from sparsesolve.adapters.ipopt_library import find_library


def test_all_that_scipy_and_we_have_is_listed() -> None:
    listed = {(one.function, one.name) for one in ss.solvers(trial=False)}
    assert {
        ("minimize", "trust-constr"),
        ("least_squares", "lm"),
        ("root", "newton"),
        ("solve_ivp", "BDF"),
    } <= listed


@pytest.mark.ipopt
def test_the_library_in_use_stands_first_with_what_it_has() -> None:
    first = ss.solvers()[0]
    assert (first.name, first.path) == ("ipopt", find_library().path)
    assert first.version.startswith("3.")
    assert "mumps" in first.linear_solvers


@pytest.mark.ipopt
def test_the_command_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solvers"]) == 0
    text = capsys.readouterr().out
    assert "mumps" in text
    assert "trust-constr" in text


def test_without_ipopt_the_command_says_how_to_install_it(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sparsesolve.adapters.solvers.found_libraries", list)
    assert main(["solvers"]) == 0
    assert "pip install 'sparsesolve[ipopt]'" in " ".join(capsys.readouterr().out.split())


def test_highs_is_listed_with_its_own_version(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparsesolve.adapters import solvers as listing

    def sources() -> list[str]:
        return [one.source for one in ss.solvers(trial=False) if one.name == "highs"]

    (highs,) = (one for one in ss.solvers(trial=False) if one.name == "highs")
    assert highs.source.startswith("scipy ")
    assert highs.version.count(".") == 2
    monkeypatch.setattr(listing, "find_highs", lambda: ("highspy", None))
    installed = importlib.util.find_spec("highspy") is not None
    assert len(sources()) == 1 + installed


def test_libraries_are_listed_where_they_are_installed() -> None:
    listed = {one.name: one for one in ss.solvers(trial=False)}
    for name, package, module in (("pounce", "pounce-solver", "pounce"), ("uno", "unopy", "unopy")):
        there = importlib.util.find_spec(module) is not None
        assert (name in listed) == there
        if there:
            assert listed[name].source == package
            assert listed[name].version
