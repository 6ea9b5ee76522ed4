"""`root` by SNES on one, two and four ranks: the same answers as ours, on every rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpi_runs import launched, needs_petsc, results
from petsc_cases import bratu, chain, shuffled

import sparsesolve as ss

pytestmark = [needs_petsc, pytest.mark.slow]

RANKS = pytest.mark.parametrize("ranks", [1, 2, 4])


def on_all(ranks: int, case: str, group: str = "root") -> list[dict[str, Any]]:
    return [found[case] for found in results(ranks, group)]


@RANKS
@pytest.mark.parametrize("case", ["on_a_grid", "with_multigrid"])
def test_bratu_on_every_rank(ranks: int, case: str) -> None:
    expected = ss.root(bratu, np.zeros(24 * 24))
    for found in on_all(ranks, case):
        np.testing.assert_allclose(found["x"], expected.x, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found["fun"], bratu(np.array(found["x"])), atol=1e-13)
        assert found["status"] == "solved"
        assert found["iterations"] == found["jacobians"] == 4
        assert found["optimality"] == np.abs(found["fun"]).max()
        assert f"{ranks} rank" in found["backend"]


@RANKS
def test_arguments_and_few_unknowns(ranks: int) -> None:
    load = np.linspace(-1.0, 2.0, 31)
    for found in on_all(ranks, "with_arguments"):
        assert np.abs(chain(np.array(found["x"]), load)).max() < 1e-12
    for found in on_all(ranks, "few_unknowns"):  # fewer than ranks
        np.testing.assert_allclose(found["x"], [2.0, 3.0], rtol=1e-12)
        assert found["notes"][-1].startswith("`jac` was not used")


@RANKS
def test_owned_parts_make_the_whole(ranks: int) -> None:
    expected = ss.root(chain, np.zeros(33), args=(1.0,))
    parts = on_all(ranks, "owned_part")
    assert [k for part in parts for k in part["owned"]] == list(range(33))
    np.testing.assert_allclose([v for part in parts for v in part["x"]], expected.x, rtol=1e-11)


@RANKS
def test_nests_and_callbacks(ranks: int) -> None:
    for found in on_all(ranks, "as_a_nest"):
        np.testing.assert_allclose(found["u"] + [found["v"]], 2.0, rtol=1e-10)
    for found in on_all(ranks, "stopped_by_a_callback"):
        assert found["status"] == "stopped"
        assert found["seen"] == [64, 64, 64]
        assert found["history"] == 3


@RANKS
def test_failures_are_told(ranks: int) -> None:
    for found in on_all(ranks, "too_few_iterations"):
        assert (found["status"], found["message"]) == ("iteration-limit", "SNES: DIVERGED_MAX_IT.")
    for found in on_all(ranks, "not_square"):
        assert found["error"] == "expected as many equations as unknowns, got 3 and 4."


@RANKS
def test_numbers_at_random_are_put_in_order(ranks: int) -> None:
    expected = ss.root(shuffled, np.zeros(600))
    for found in on_all(ranks, "at_random"):
        np.testing.assert_allclose(found["x"], expected.x, atol=1e-10)
        np.testing.assert_allclose(found["fun"], shuffled(np.array(found["x"])), atol=1e-14)
        said = [note for note in found["notes"] if "reordered" in note]
        assert len(said) == (ranks > 1)
        if said:
            assert int(said[0].split()[-1]) <= 4 * ranks  # two neighbors of each end of a part
    parts = on_all(ranks, "at_random_owned")
    whole = np.empty(600)
    for part in parts:
        whole[part["owned"]] = part["x"]
    assert sorted(k for part in parts for k in part["owned"]) == list(range(600))
    np.testing.assert_allclose(whole, expected.x, atol=1e-10)


@RANKS
def test_states_at_random(ranks: int) -> None:
    y0 = np.linspace(0.0, 1.0, 300)
    expected = ss.solve_ivp(lambda t, y: -shuffled(y), (0.0, 0.1), y0, rtol=1e-8, atol=1e-10)
    for found in on_all(ranks, "at_random_in_time"):
        np.testing.assert_allclose(np.array(found["y"])[:, -1], expected.y[:, -1], atol=1e-4)


@RANKS
def test_calls_that_all_ranks_make_are_noted(ranks: int) -> None:
    for found in on_all(ranks, "with_a_call"):
        x = np.array(found["x"])
        called = np.linalg.solve(4 * np.eye(16) + np.outer(x, x), np.sin(x))
        np.testing.assert_allclose(x + 0.1 * called, 1.0, atol=1e-9)
        said = [note for note in found["notes"] if "as a whole" in note]
        assert len(said) == (ranks > 1)
        assert all(f"{ranks} of {ranks} ranks" in note and "16 unknowns" in note for note in said)


def test_ranks_with_other_programs_are_noticed() -> None:
    for found in on_all(2, "other_programs", "trouble"):
        assert found["kind"] == "VerificationError"
        assert "the same program on all 2 ranks" in found["error"]


def test_ranks_with_other_arguments_are_noticed() -> None:
    for found in on_all(2, "other_arguments", "trouble"):
        for name, said in found.items():
            for one in name.split(" of ")[0].split(", "):
                assert f"`{one}`" in said, name
            assert "on all 2 ranks, got different ones" in said


def test_a_wrong_argument_on_one_rank_ends_all() -> None:
    run = launched(2, "wrong")
    assert run.returncode == 1
    assert "`x0` must be finite, got nan at index 4" in run.stderr


@RANKS
def test_one_unknown(ranks: int) -> None:
    for found in on_all(ranks, "one_unknown"):
        np.testing.assert_allclose(found["answers"], [np.exp(-1.0), 2.0, 2.0], rtol=1e-4)


@RANKS
def test_a_value_that_is_no_number_on_one_rank(ranks: int) -> None:
    for found in on_all(ranks, "not_a_number_on_the_last_rank"):
        assert found["status"] == "evaluation-error"
        assert found["message"] == "SNES: DIVERGED_FNORM_NAN."


@RANKS
def test_options_end_with_their_call(ranks: int) -> None:
    for found in on_all(ranks, "options_of_one_call"):
        assert found["first"]["status"] == "iteration-limit"
        assert found["second"]["status"] == "solved"
        assert found["second"]["iterations"] > 1


def test_an_error_on_one_rank_is_an_error_on_all() -> None:
    first, last = on_all(2, "fails_on_the_last_rank", "trouble")
    assert last == {"kind": "ArithmeticError", "error": "too far"}
    assert first["kind"] == "SparseSolveError"
    assert "rank 1: ArithmeticError: too far" in first["error"]


def test_the_command_line_is_that_of_petsc() -> None:
    run = launched(2, "view", "-snes_view", "-ksp_type", "bcgs", "-pc_type", "jacobi")
    assert run.returncode == 0, run.stderr
    assert "SNES Object: 2 MPI processes" in run.stdout
    assert "type: bcgs" in run.stdout
    assert "right preconditioning" in run.stdout
