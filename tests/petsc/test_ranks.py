"""Ranks that differ, that own nothing, or that are divided by PT-Scotch."""

from __future__ import annotations

import numpy as np
import pytest
from mpi_runs import needs_petsc, results
from petsc_rank_cases import bumps, coupled, few, quartic, shuffled_grid, slowed, steps

import sparsesolve as ss

pytestmark = [needs_petsc, pytest.mark.slow]

RANKS = pytest.mark.parametrize("ranks", [1, 2, 4])


def test_programs_that_differ_in_what_is_hidden_are_noticed() -> None:
    for found in results(2, "ranks"):
        for name, said in found["programs_that_differ_within"].items():
            if name == "same call":
                assert said == "solved"
            else:
                assert said.startswith(
                    "VerificationError: expected the same program on all 2 ranks"
                )


def test_errors_of_one_rank_are_errors_of_all() -> None:
    first, last = (found["errors_of_one_rank"] for found in results(2, "ranks"))
    for where in ("trace", "callback"):
        assert last[where] == "KeyError: 'of the last'"
        assert first[where].startswith("SparseSolveError: expected all ranks to succeed")
        assert "rank 1: KeyError: 'of the last'" in first[where]


@RANKS
def test_one_rank_may_watch_alone(ranks: int) -> None:
    for k, every in enumerate(results(ranks, "ranks")):
        found = every["one_rank_watches"]
        np.testing.assert_allclose(found["x"], 2.0, rtol=1e-10)
        np.testing.assert_allclose(found["low"], 2.0, atol=1e-2)
        assert set(found["seen"]) == ({9} if k == 0 else set())
        assert found["histories"] == results(ranks, "ranks")[0]["one_rank_watches"]["histories"]
        assert found["stopped"] == ["stopped", "stopped"]


@RANKS
def test_more_ranks_than_unknowns(ranks: int) -> None:
    for every in results(ranks, "ranks"):
        for name, found in every["fewer_unknowns_than_ranks"].items():
            n = int(name)
            low, high, mass = few(n)
            root = ss.root(coupled, np.zeros(n))
            np.testing.assert_allclose(found["root"], root.x, atol=1e-10)
            best = ss.minimize(quartic, np.ones(n), bounds=(low, high))
            np.testing.assert_allclose(found["low"], best.x, atol=1e-6)
            np.testing.assert_allclose(found["multipliers"], best.bound_multipliers, atol=1e-5)
            given = {"mass_matrix": mass, "rtol": 1e-9, "atol": 1e-11}
            late = ss.solve_ivp(slowed, (0.0, 0.5), np.ones(n), **given)
            np.testing.assert_allclose(found["late"], late.y[:, -1], atol=1e-5)


@RANKS
def test_loops_in_parts(ranks: int) -> None:
    for every in results(ranks, "ranks"):
        found = every["in_steps"]
        np.testing.assert_allclose(found["fun"], steps(np.array(found["x"])), atol=1e-13)
        np.testing.assert_allclose(found["x"], 1.0, atol=1e-9)


@RANKS
def test_unknowns_divided_by_scotch(ranks: int) -> None:
    expected = ss.root(shuffled_grid, np.zeros(400)).x
    mean = ss.root(lambda x: shuffled_grid(x) + np.mean(x**2), np.zeros(400)).x
    low = np.where(np.arange(400) % 7 == 0, 1.2, -2.0)
    best = ss.minimize(bumps, np.full(400, 1.5), bounds=(low, 2.0)).x
    whole, parts = np.full(400, np.nan), results(ranks, "ranks")
    for every in parts:
        found = every["partitioned_by_scotch"]
        np.testing.assert_allclose(found["x"], expected, atol=1e-10)
        np.testing.assert_allclose(found["mean"], mean, atol=1e-10)
        np.testing.assert_allclose(found["best"], best, atol=1e-5)
        whole[found["owned"]] = found["part"]
        said = [note for note in found["notes"] if "reordered" in note]
        assert len(said) == (ranks > 1)
        if said:  # rows of a grid, cut between 200 or 100 unknowns
            assert int(said[0].split()[-1]) <= {2: 60, 4: 140}[ranks]
            assert "no order was found that spares any" in found["in order"][-1]
            assert found["unknown"].startswith("ValueError: option 'mat_partitioning_type'")
            assert "got 'nobody'" in found["unknown"]
        assert found["time"].startswith("DataDependentBranch: ")
    np.testing.assert_allclose(whole, expected, atol=1e-10)


@RANKS
def test_states_divided_by_scotch(ranks: int) -> None:
    mass = np.eye(400) + 0.1 * np.eye(400, k=3)
    given = {"mass_matrix": mass, "rtol": 1e-9, "atol": 1e-11}
    expected = ss.solve_ivp(lambda t, y: -shuffled_grid(y), (0.0, 0.2), np.zeros(400), **given)
    for every in results(ranks, "ranks"):
        late = every["partitioned_by_scotch"]["late"]
        np.testing.assert_allclose(late, expected.y[:, -1], atol=1e-5)


@RANKS
def test_an_objective_without_a_value(ranks: int) -> None:
    for every in results(ranks, "ranks"):
        found = every["without_a_value"]
        assert found == {"status": "evaluation-error", "message": "TAO: DIVERGED_NAN."}
