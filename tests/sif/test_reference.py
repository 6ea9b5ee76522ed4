"""The sixty files beside the repository against their reference values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sif_reference import BY_NAME, FOLDER, RECORDS, differences, digest, load, needs_files

import sparsesolve as ss

pytestmark = needs_files
ALL = pytest.mark.parametrize("record", RECORDS, ids=[r["name"] for r in RECORDS])


@pytest.mark.every(8)
@ALL
def test_values_and_derivatives_at_two_points(record: dict[str, Any]) -> None:
    problem = load(record)
    assert (problem.n, problem.m) == (record["n"], record["m"])
    assert (problem.objective is not None) == record["has_objective"]
    assert not differences(problem, record, record["use"])
    assert np.linalg.norm(problem.x0) == pytest.approx(record["x0_norm2"], rel=1e-12)
    derivatives = problem.derivatives
    full = derivatives.hessian_full(derivatives.hessian_values(problem.x0, np.ones(problem.m)))
    assert full.nnz >= record["pattern"]["HL_nnz_union"]
    if problem.m:
        assert derivatives.jacobian_pattern.nnz >= record["pattern"]["J_nnz_union"]
    # everything lowers: machine code, no calls back into Python
    assert "compiled" in derivatives.report()
    assert not derivatives.log.notes


@pytest.mark.every(3)
@ALL
def test_names_bounds_and_kinds(record: dict[str, Any]) -> None:
    problem = load(record)
    metadata = problem.metadata
    assert digest(metadata.variable_names, record["xnames_sha1"])
    assert digest(metadata.constraint_names, record["cnames_sha1"])
    assert metadata.classification == record["classification"]
    lower, upper = problem.bounds
    low, high = np.isfinite(lower), np.isfinite(upper)
    bounds = record["bounds"]
    assert int((~low & ~high).sum()) == bounds["n_free"]
    assert int((low & ~high).sum()) == bounds["n_lower_only"]
    assert int((~low & high).sum()) == bounds["n_upper_only"]
    assert int((lower == upper).sum()) == bounds["n_fixed"]
    assert lower[low].sum() == pytest.approx(bounds["sum_lower"])
    assert upper[high].sum() == pytest.approx(bounds["sum_upper"])
    if problem.m:
        limits = problem.constraints[0].limits(record["m"])
        low, high = np.isfinite(limits[0]), np.isfinite(limits[1])
        equal = limits[0] == limits[1]
        kinds = record["cons"]
        assert int(equal.sum()) == kinds["n_eq"]
        assert int((low & ~high).sum()) == kinds["n_lower_only"]
        assert int((~low & high).sum()) == kinds["n_upper_only"]
        assert int((low & high & ~equal).sum()) == kinds["n_range"]
        assert limits[0][low].sum() == pytest.approx(kinds["sum_clower"])
        assert limits[1][high].sum() == pytest.approx(kinds["sum_cupper"])


@ALL
def test_parameters_and_known_optima(record: dict[str, Any]) -> None:
    problem = load(record)
    path = problem.metadata.source
    found = [
        (p.name, p.kind[0].upper(), p.value, list(p.alternatives)) for p in ss.sif.parameters(path)
    ]
    expected = [
        (p["name"], p["type"], p["default"], p["alternatives"]) for p in record["parameters"]
    ]
    assert found == expected
    optima = [known.value for known in problem.metadata.known_optima]
    assert optima == [known["value"] for known in record["known"]]


LARGER = [r for r in RECORDS if r.get("scaled")]


@pytest.mark.slow
@pytest.mark.parametrize("record", LARGER, ids=[r["name"] for r in LARGER])
def test_larger_instances(record: dict[str, Any]) -> None:
    scaled = record["scaled"]
    problem = load(record, **scaled["params"])
    assert (problem.n, problem.m) == (scaled["n"], scaled["m"])
    assert not differences(problem, scaled, record["use"])


@pytest.mark.every(10)
@ALL
def test_derivatives_are_those_written_in_the_file(record: dict[str, Any]) -> None:
    for row in ss.sif.check(FOLDER / record["sif_file"]):
        if row.against == "cards":
            assert row.error < 1e-12, row


# where there are no files, the skip is not one for want of IPOPT
by_ipopt = pytest.mark.ipopt if RECORDS else needs_files
# not convex: from the start in the file, moved into its bounds, IPOPT may also end here, and which
# it is depends on rounding; the second and third of CmRELOAD and that of DRUGDISE, which is better,
# are what version 3.14 finds. (The third meets the first-order conditions to 1e-10; it is flat,
# with slightly negative curvature.)
OTHER_MINIMA = {
    "CmRELOAD": (-1.02582, -1.0201001, -1.0190789),
    "DRUGDISE": (606.77185,),
    "HS16": (23.1446609,),
}
QUICK = ("HS71", "HS100", "CLNLBEAM", "BROYDN3D", "GILBERT", "BATCH", "POLAK1", "BEALE")


def reaches_its_optimum(record: dict[str, Any]) -> None:
    """IPOPT from the file's own start; within what counts as confirmed there."""
    result = ss.minimize(load(record), solver="ipopt", options={"print_level": 0})
    assert result.success, result.message
    best = record["fopt"] if record.get("fopt_confirmed") else record.get("f_ref")
    if best is not None and record["has_objective"]:
        known = np.array([best, *OTHER_MINIMA.get(record["name"], ())])
        assert np.any(np.abs(result.fun - known) <= 2e-4 * (1 + np.abs(known)))


@pytest.mark.every(2)
@by_ipopt
@pytest.mark.parametrize("name", QUICK)
def test_optima(name: str) -> None:
    reaches_its_optimum(BY_NAME[name])


@pytest.mark.slow
@by_ipopt
@ALL
def test_all_optima(record: dict[str, Any]) -> None:
    reaches_its_optimum(record)
