"""IPOPT's options: any type that fits, and messages that say what the library takes."""

from __future__ import annotations

import numpy as np
import pytest
from nonlinear_problems import hs71, luksan_vlcek

from sparsesolve.adapters.ipopt_options import refusal, variants
from sparsesolve.front import minimize

needs_ipopt = pytest.mark.ipopt


@pytest.fixture(autouse=True)
def way(ipopt_way: str) -> str:
    return ipopt_way


@pytest.mark.every(2)
@needs_ipopt
@pytest.mark.parametrize("tol", [1, np.float64(1e-3), np.float32(1e-3)])
def test_numbers_are_converted_to_the_type_ipopt_wants(tol) -> None:
    options = {"tol": tol, "max_iter": np.int64(50), "print_level": 0.0, "mehrotra_algorithm": "no"}
    assert minimize(hs71(), solver="ipopt", options=options).success


@needs_ipopt
def test_refused_options_are_named() -> None:
    with pytest.raises(ValueError, match=r"'max_iters'.*Did you mean 'max_iter'"):
        minimize(hs71(), solver="ipopt", options={"max_iters": 5})
    with pytest.raises(ValueError, match=r"refused the value 'often'.*'mu_strategy'"):
        minimize(hs71(), solver="ipopt", options={"mu_strategy": "often"})
    with pytest.raises(ValueError, match=r"refused the value -1"):
        minimize(hs71(), solver="ipopt", options={"max_iter": -1})


def test_option_variants_and_messages() -> None:
    assert variants(True) == ["yes"]
    assert variants(3) == [3, 3.0]
    assert [type(v) for v in variants(np.int64(3))] == [int, float]
    assert [type(v) for v in variants(np.float32(2.0))] == [float, int]
    assert variants(0.5) == [0.5]
    assert variants(b"ma57") == ["ma57"]
    assert variants([1]) == []
    assert "Did you mean" in refusal("linear_solvr", "mumps")


@needs_ipopt
def test_a_linear_solver_that_is_missing_is_refused_before_it_ends_the_process() -> None:
    with pytest.raises(ValueError, match="`linear_solver` 'ma97' does not work"):
        minimize(hs71(), solver="ipopt", options={"linear_solver": "ma97"})
    assert minimize(hs71(), solver="ipopt", options={"linear_solver": "mumps"}).success


@needs_ipopt
def test_a_refused_value_shows_what_the_library_takes(way: str) -> None:
    for name, value, takes in (
        ("mu_strategy", "often", "monotone, adaptive"),
        ("max_iter", -1, "0 <= value"),
        ("fixed_variable_treatment", 3, "make_parameter"),
    ):
        with pytest.raises(
            ValueError, match=rf"refused the value .*'{name}', which takes .*{takes}"
        ):
            minimize(hs71(), solver="ipopt", options={name: value})
    # what only the newer one knows is known where it is the library, and nowhere else
    new = {"spral_scaling": "matching"}
    if "IPOPT 3.11" in minimize(hs71(), solver="ipopt").backend:
        with pytest.raises(ValueError, match="does not know the option 'spral_scaling'"):
            minimize(hs71(), solver="ipopt", options=new)
    else:
        assert minimize(hs71(), solver="ipopt", options=new).success


@needs_ipopt
def test_quiet_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    minimize(hs71(), solver="ipopt")
    assert capfd.readouterr().out == ""


@needs_ipopt
def test_the_time_of_the_linear_solver_is_told_where_asked_for(
    way: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = luksan_vlcek(3000)
    plain = minimize(problem, method="ipopt")
    assert plain.seconds_linear_solver is None
    if way == "cyipopt":
        with pytest.raises(ValueError, match="`timing` needs transport='native' or 'c'"):
            minimize(problem, method="ipopt", options={"timing": True})
        return
    timed = minimize(problem, method="ipopt", options={"timing": True})
    assert timed.seconds_linear_solver is not None
    assert 0.0 < timed.seconds_linear_solver <= timed.seconds_solver
    assert "linear solver" in str(timed)
    np.testing.assert_array_equal(timed.x, plain.x)
    assert capfd.readouterr().out == ""


@needs_ipopt
@pytest.mark.parametrize("make", [hs71, lambda: luksan_vlcek(31)], ids=["hs71", "chain"])
def test_well_conditioned_systems_need_no_refinement(make) -> None:
    plain = minimize(make(), solver="ipopt")
    quick = minimize(make(), solver="ipopt", options={"min_refinement_steps": 0})
    assert plain.success
    assert plain.nit == quick.nit
    np.testing.assert_allclose(plain.x, quick.x, rtol=1e-9)
    np.testing.assert_allclose(plain.multipliers, quick.multipliers, rtol=1e-6, atol=1e-9)
