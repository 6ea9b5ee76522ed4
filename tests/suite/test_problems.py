"""Every problem reaches its known answer through the public functions."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from autograd.scipy.signal import convolve
from rich.console import Console

import sparsesolve as ss
from problems.__main__ import show
from problems.cases import LeastSquaresCase, MinimizeCase, OdeCase, RootCase
from problems.convolution import filter_weights, image_filter
from problems.luksan_vlcek import lukvle1
from problems.registry import KINDS, PROBLEMS, Entry, find

CLASSES = {
    "minimize": MinimizeCase,
    "root": RootCase,
    "least-squares": LeastSquaresCase,
    "ode": OdeCase,
}


def of_kind(kind: str) -> list[object]:
    return [pytest.param(e, id=e.name) for e in PROBLEMS if e.kind == kind]


def large_of_kind(kind: str) -> list[object]:
    return [pytest.param(e, id=e.name) for e in PROBLEMS if e.kind == kind and e.large]


def violation(case: MinimizeCase, x: np.ndarray) -> float:
    """Largest violation of a bound or constraint, by plain calls."""
    lower, upper = case.bounds
    gaps = [lower - x, x - upper, np.zeros(1)]
    for block in case.constraints:
        value = np.asarray(block.function(x))
        gaps += [np.asarray(block.lower) - value, value - np.asarray(block.upper)]
    return max(float(np.max(np.maximum(gap, 0.0))) for gap in gaps)


def check_minimum(entry: Entry, case: MinimizeCase) -> None:
    result = ss.minimize(case.problem(), solver="ipopt", options={"max_iter": 2000})
    assert result.success, result.message
    assert case.best is not None
    # IPOPT relaxes bounds and constraints by 1e-8 of their size, hence the factor
    scale = max(1.0, float(np.max(np.abs(result.x))))
    assert violation(case, result.x) <= 1e-6 * scale
    value = float(case.objective(result.x))
    known = np.array([case.best, *case.local_minima])
    error = np.abs(known - value) / np.maximum(1.0, np.abs(known))
    assert np.min(error) <= entry.tolerance, (value, known.tolist())


def test_registry_is_complete_and_consistent() -> None:
    names = [entry.name for entry in PROBLEMS]
    assert len(set(names)) == len(names)
    for entry in PROBLEMS:
        assert entry.kind in KINDS
        assert entry.source
        assert 0 < entry.tolerance <= 1e-5
        case = entry.build()
        assert isinstance(case, CLASSES[entry.kind])
        assert case.n > 0
        assert case.best is not None or entry.name == "brusselator-2d"


def test_cases_are_frozen() -> None:
    case = find("hs71").build()
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.best = 0.0  # type: ignore[misc]


def test_unknown_name_lists_the_names() -> None:
    with pytest.raises(KeyError, match="lukvle1"):
        find("no such problem")


def test_table_of_problems() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "problems"]
    wide = {**os.environ, "COLUMNS": "200"}
    run = subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, check=True)
    for entry in PROBLEMS:
        assert f" {entry.name} " in run.stdout


@pytest.mark.slow_cases("glider")
@pytest.mark.every(6)
@pytest.mark.ipopt
@pytest.mark.parametrize("entry", of_kind("minimize"))
def test_minimum(entry: Entry) -> None:
    check_minimum(entry, entry.build())


@pytest.mark.slow
@pytest.mark.ipopt
@pytest.mark.parametrize("entry", large_of_kind("minimize"))
def test_minimum_at_full_size(entry: Entry) -> None:
    check_minimum(entry, entry.build(**entry.large))


@pytest.mark.ipopt
@pytest.mark.parametrize("n", [10, 1000, pytest.param(20000, marks=pytest.mark.slow)])
def test_lukvle1_takes_six_iterations(n: int) -> None:
    result = ss.minimize(lukvle1(n).problem(), solver="ipopt")
    assert result.iterations == 6
    assert abs(result.fun - 6.2324586324) < 5e-11
    assert abs(result.x[0] + 0.95055636) < 5e-9


@pytest.mark.parametrize("entry", of_kind("root"))
def test_root(entry: Entry) -> None:
    case = entry.build()
    result = ss.root(case.residual, case.x0, tol=1e-13)
    assert result.success, result.message
    assert abs(case.measure(result.x) - case.best) <= entry.tolerance


@pytest.mark.slow
@pytest.mark.parametrize("entry", large_of_kind("root"))
def test_root_at_full_size(entry: Entry) -> None:
    case = entry.build(**entry.large)
    result = ss.root(case.residual, case.x0)
    assert result.success, result.message
    assert float(np.max(np.abs(case.residual(result.x)))) <= 1e-9


def check_fit(entry: Entry, case: LeastSquaresCase) -> None:
    result = ss.least_squares(
        case.residual, case.x0, tol=1e-14, options={"max_iterations": 2000}, method="lm"
    )
    value = float(np.sum(case.residual(result.x) ** 2))
    assert case.best is not None
    if case.best == 0:
        assert value <= entry.tolerance
    else:
        assert abs(value / case.best - 1) <= entry.tolerance
    if case.solution is not None:
        np.testing.assert_allclose(result.x, case.solution, rtol=1e-5)


@pytest.mark.every(2)
@pytest.mark.parametrize("entry", of_kind("least-squares"))
def test_fit(entry: Entry) -> None:
    check_fit(entry, entry.build())


@pytest.mark.slow
@pytest.mark.parametrize("entry", large_of_kind("least-squares"))
def test_fit_at_full_size(entry: Entry) -> None:
    check_fit(entry, entry.build(**entry.large))


def integrate(case: OdeCase, method: str, rtol: float, atol: float) -> np.ndarray:
    """Final state, one run for each stretch."""
    state = case.y0
    for span, args in case.stretches:
        run = ss.solve_ivp(case.rhs, span, state, method=method, args=args, rtol=rtol, atol=atol)
        assert run.success, run.message
        state = run.y[:, -1]
    return state


@pytest.mark.every(2)
@pytest.mark.parametrize(
    ("method", "rtol", "margin"),
    [
        ("Radau", 1e-5, 10),
        pytest.param("Radau", 1e-8, 0.1, marks=pytest.mark.slow),
        pytest.param("BDF", 1e-8, 10, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("entry", [e for e in of_kind("ode") if e.values[0].build().best])
def test_final_state(entry: Entry, method: str, rtol: float, margin: float) -> None:
    case = entry.build()
    final = integrate(case, method, rtol, rtol * 1e-6)[case.observed]
    np.testing.assert_allclose(final, case.reference, rtol=margin * entry.tolerance)


@pytest.mark.parametrize("side", [8, pytest.param(64, marks=pytest.mark.slow)])
def test_brusselator_2d_matches_tight_radau(side: int) -> None:
    case = find("brusselator-2d").build(side=side)
    exact = integrate(case, "Radau", 1e-7, 1e-9)
    np.testing.assert_allclose(integrate(case, "BDF", 1e-6, 1e-8), exact, rtol=1e-3)


@pytest.mark.parametrize("side", [6, 12, 24, 32])
def test_brusselator_2d_has_twelve_nonzeros_a_point(side: int) -> None:
    case = find("brusselator-2d").build(side=side)
    jacobian = ss.jacobian(case.rhs, 0.0, case.y0, 0.0, argnum=1)
    assert jacobian.shape == (2 * side**2, 2 * side**2)
    assert jacobian.nnz == 12 * side**2


def test_image_filter_pattern_colors_and_values() -> None:
    """The example of the guide: 576 x 784, 96.8 % zeros, 25 colors, forward and reverse."""
    case = image_filter()
    jacobian = ss.jacobian(case.residual, case.x0)
    assert jacobian.shape == (576, 784)
    assert jacobian.nnz == 25 * 576
    assert round(100 * (1 - jacobian.pattern.density), 1) == 96.8
    assert ss.color(jacobian.pattern, structure="columns").ncolors == 25
    weights = filter_weights()
    row = np.zeros((28, 28))
    row[3:8, 10:15] = weights
    matrix = jacobian(case.x0)
    np.testing.assert_allclose(matrix[[3 * 24 + 10]].toarray().reshape(28, 28), row, atol=1e-16)
    rng = np.random.default_rng(0)
    v, w = rng.normal(size=784), rng.normal(size=576)
    np.testing.assert_allclose(jacobian.jvp(case.x0, v), matrix @ v, atol=1e-13)
    np.testing.assert_allclose(jacobian.vjp(case.x0, w), matrix.T @ w, atol=1e-13)


def test_image_filter_written_with_convolve() -> None:
    """The same filter by ``autograd.scipy.signal.convolve``, which flips its kernel."""
    kernel = filter_weights()[::-1, ::-1] + np.arange(25.0).reshape(5, 5)

    def blur(image: np.ndarray) -> np.ndarray:
        return np.reshape(convolve(np.reshape(image, (28, 28)), kernel, mode="valid"), -1)

    jacobian = ss.jacobian(blur, np.zeros(784))
    assert jacobian.shape == (576, 784)
    assert jacobian.nnz == 25 * 576
    image = np.random.default_rng(1).normal(size=784)
    np.testing.assert_allclose(jacobian(image) @ image, blur(image), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_of_problems_shows_names_whole(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), record=True)
    show(console)
    lines = console.export_text().splitlines()
    assert all(len(line) <= width for line in lines)
    text = " ".join(lines)
    assert not [entry.name for entry in PROBLEMS if f"{entry.name} " not in text]
    assert ("Hock" in text) is (width >= 110)
