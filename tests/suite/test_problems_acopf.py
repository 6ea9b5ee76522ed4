"""AC optimal power flow: the reader, the network, and PYPOWER's own answers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from problems.acopf import BEST, acopf, network, read_case


def slow(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow)


def pypower_case(name: str) -> dict[str, Any]:
    module = pytest.importorskip(f"pypower.{name}", reason="PYPOWER is not installed")
    case: dict[str, Any] = getattr(module, name)()
    return case


@pytest.mark.parametrize("name", list(BEST))
def test_data_are_those_of_pypower(name: str) -> None:
    ours, theirs = read_case(name), pypower_case(name)
    assert ours["baseMVA"] == theirs["baseMVA"]
    for table in ("bus", "branch", "gencost"):
        np.testing.assert_array_equal(ours[table], theirs[table])
    np.testing.assert_array_equal(ours["gen"], theirs["gen"][:, :10])
    assert not theirs["gen"][:, 10:].any()


@pytest.mark.ipopt
@pytest.mark.parametrize("name", ["case9", slow("case14"), slow("case30"), slow("case57")])
def test_cost_is_that_of_pypower(name: str) -> None:
    case = pypower_case(name)
    api = importlib.import_module("pypower.api")
    quiet = api.ppoption(VERBOSE=0, OUT_ALL=0, PDIPM_GRADTOL=1e-8, PDIPM_COSTTOL=1e-9)
    theirs = api.runopf(case, quiet)
    assert theirs["success"]
    result = ss.minimize(acopf(pypower_case(name)).problem(), solver="ipopt")
    assert result.success
    assert abs(result.fun / theirs["f"] - 1) <= 1e-5
    assert abs(BEST[name] / theirs["f"] - 1) <= 1e-6


def one_line(**changes: Any) -> dict[str, Any]:
    """Two buses, one line, one generator; then a dead bus, line and generator."""
    bus = [
        [5, 3, 0, 0, 0, 0, 1, 1, 0, 345, 1, 1.1, 0.9],
        [7, 1, 50, 10, 1, 2, 1, 1, 0, 345, 1, 1.1, 0.9],
        [9, 4, 99, 99, 0, 0, 1, 1, 0, 345, 1, 1.1, 0.9],
    ]
    gen = [[5, 0, 0, 99, -99, 1, 100, 1, 200, 0], [7, 0, 0, 99, -99, 1, 100, 0, 200, 0]]
    line = [5, 7, 0.01, 0.1, 0.02, 80, 0, 0, 0, 0, 1, -30, 30]
    dead = [5, 7, 0.01, 0.1, 0.02, 80, 0, 0, 0, 0, 0, -30, 30]
    gone = [5, 9, 0.01, 0.1, 0.02, 80, 0, 0, 0, 0, 1, -30, 30]
    cost = [[2, 0, 0, 2, 10, 0, 0], [2, 0, 0, 3, 1, 1, 1]]
    tables = {"bus": bus, "gen": gen, "branch": [line, dead, gone], "gencost": cost, **changes}
    return {"baseMVA": 100.0, **{k: np.array(v, dtype=float) for k, v in tables.items()}}


def test_out_of_service_elements_are_dropped() -> None:
    net = network(one_line())
    assert (net.buses, net.generators, net.start.size) == (2, 1, 1)
    assert net.start.tolist() == [0]
    assert net.end.tolist() == [1]
    case = acopf(one_line())
    # balance 4, flow limits 2, one limited angle difference
    assert (case.n, case.m) == (6, 7)
    np.testing.assert_allclose(net.angle_max, np.radians(30))


@pytest.mark.ipopt
def test_one_line_carries_load_and_losses() -> None:
    result = ss.minimize(acopf(one_line()).problem(), solver="ipopt")
    assert result.success
    generation = 100 * result.x[4]
    assert 51.0 < generation < 53.0
    assert abs(result.fun - 10 * generation) < 1e-6


def test_flows_are_those_of_the_admittance_matrix() -> None:
    """Balance at a random point against complex arithmetic, with taps, shifts and shunts."""
    name = "case300"
    net, case = network(read_case(name)), acopf(name)
    rng = np.random.default_rng(0)
    x = case.x0 + 0.05 * rng.normal(size=case.n)
    nb, ng = net.buses, net.generators
    voltage = x[nb : 2 * nb] * np.exp(1j * x[:nb])
    y_ff, y_ft, y_tf, y_tt = (net.admittance[k] + 1j * net.admittance[k + 1] for k in (0, 2, 4, 6))
    matrix = np.zeros((nb, nb), dtype=complex)
    np.add.at(matrix, (net.start, net.start), y_ff)
    np.add.at(matrix, (net.start, net.end), y_ft)
    np.add.at(matrix, (net.end, net.start), y_tf)
    np.add.at(matrix, (net.end, net.end), y_tt)
    matrix += np.diag(net.shunt_g + 1j * net.shunt_b)
    power = voltage * np.conj(matrix @ voltage) + net.demand_p + 1j * net.demand_q
    generation = x[2 * nb : 2 * nb + ng] + 1j * x[2 * nb + ng :]
    np.subtract.at(power, net.generator_bus, generation)
    balance = case.constraints[0].function(x)
    np.testing.assert_allclose(balance, np.concatenate([power.real, power.imag]), atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gencost": [[3, 0, 0, 2, 1, 0], [2, 0, 0, 2, 1, 0]]}, "cost models"),
        ({"gencost": [[1, 0, 0, 3, 0, 0, 1, 5, 2, 6], [2, 0, 0, 2, 1, 0, 0, 0, 0, 0]]}, "convex"),
        (
            {"gen": [[5, 0, 0, 9, -9, 1, 100, 1, 0, -20], [7, 0, 0, 9, -9, 1, 100, 0, 9, 0]]},
            "dispatchable",
        ),
        (
            {
                "gen": [
                    [5, 0, 0, 9, -9, 1, 100, 1, 9, 0, 1, 0, 0, 0, 0, 0],
                    [7, 0, 0, 9, -9, 1, 100, 0, 9, 0, 0, 0, 0, 0, 0, 0],
                ]
            },
            "capability",
        ),
    ],
)
def test_what_is_not_supported_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        acopf(one_line(**changes))


def test_reader_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "broken.m"
    path.write_text("mpc.baseMVA = 100; % a comment\nmpc.bus = [1 2; 3 4];\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mpc\.gen"):
        read_case(path)
    path.write_text("mpc.bus = [];\n", encoding="utf-8")
    with pytest.raises(ValueError, match="baseMVA"):
        read_case(path)
