"""`solve_ivp` by TS on one, two and four ranks: trajectories as ours, on every rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpi_runs import needs_petsc, results
from petsc_cases import reaction, reaction_start, robertson

import sparsesolve as ss

pytestmark = [needs_petsc, pytest.mark.slow]

RANKS = pytest.mark.parametrize("ranks", [1, 2, 4])


def on_all(ranks: int, case: str) -> list[dict[str, Any]]:
    return [found[case] for found in results(ranks, "ts")]


@pytest.fixture(scope="module")
def brusselator() -> Any:
    times = [0.2, 0.5]
    tight = {"rtol": 1e-9, "atol": 1e-11, "t_eval": times, "args": (1.0,)}
    return ss.solve_ivp(reaction, (0.0, 0.5), reaction_start(20), method="Radau", **tight).y


@RANKS
@pytest.mark.parametrize("case", ["by_bdf", "by_arkimex", "by_rosw"])
def test_the_integrators_of_petsc(ranks: int, case: str, brusselator: Any) -> None:
    for found in on_all(ranks, case):
        assert found["t"] == [0.2, 0.5]
        np.testing.assert_allclose(found["y"], brusselator, rtol=0, atol=2e-3)
        assert found["success"]
        assert found["status"] == 0
        assert 0 < found["njev"] <= found["nfev"]


@RANKS
def test_a_singular_mass_matrix(ranks: int) -> None:
    tight = {"rtol": 1e-10, "atol": 1e-14, "mass_matrix": np.diag([1.0, 1.0, 0.0])}
    expected = ss.solve_ivp(robertson, (0.0, 0.4), [1.0, 0.0, 0.0], **tight)
    for found in on_all(ranks, "with_a_singular_mass"):
        assert found["t"] == [0.0, 0.4]
        end = np.array(found["y"])[:, -1]
        np.testing.assert_allclose(end, expected.y[:, -1], rtol=1e-4)


@RANKS
def test_a_full_mass_matrix(ranks: int) -> None:
    mass = np.eye(7) + 0.2 * np.eye(7, k=1) + 0.1 * np.eye(7, k=-3)
    tight = {"rtol": 1e-9, "atol": 1e-11, "mass_matrix": mass}
    expected = ss.solve_ivp(lambda t, y: np.cos(t) - y**3, (0.0, 2.0), np.ones(7), **tight)
    for found in on_all(ranks, "with_a_full_mass"):
        np.testing.assert_allclose(np.array(found["y"])[:, -1], expected.y[:, -1], rtol=1e-5)


@RANKS
def test_an_end_that_is_not_reached_is_a_failure(ranks: int) -> None:
    for found in on_all(ranks, "too_few_steps"):
        assert not found["success"]
        assert found["status"] == -1
        assert found["t"] == [0.0]
        assert found["message"].startswith("TS: CONVERGED_ITS at t = 0.0003")


def test_what_ts_does_not_take_is_refused() -> None:
    (said,) = on_all(1, "refused_by_ts")
    assert (
        "takes t_eval, mass_matrix, rtol, atol, first_step, options; got events" in said["events"]
    )
    assert "integrates forward" in said["backward"]
    assert "`mass_matrix` must be constant" in said["mass"]
    assert "`t_eval` must increase" in said["times"]
