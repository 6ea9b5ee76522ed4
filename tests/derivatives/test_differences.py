"""Black boxes: schemes, steps, workers, and exactly how often the function is called."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns

import sparsesolve as ss
from sparsesolve.errors import ColoringError, PatternError, StructureMismatch
from sparsesolve.structure.pattern import Pattern

SCHEMES = ("forward", "central", "complex")
COLORS = 3  # of the tridiagonal pattern
CALLS = {"forward": COLORS + 1, "central": 2 * COLORS, "complex": COLORS}
TRIDIAGONAL = Pattern.from_offsets((12, 12), (-1, 0, 1))


def chain(x: np.ndarray) -> np.ndarray:
    """A function of the module, so that other processes can be sent it."""
    padded = np.concatenate((x[:1] * 0, x, x[:1] * 0))
    return np.sin(padded[1:-1]) + padded[2:] * padded[:-2]


class Counted:
    """Counts the calls of a function, from any thread."""

    def __init__(self, function) -> None:
        self.function = function
        self.calls = 0
        self.threads: set[int] = set()
        self.lock = threading.Lock()

    def __call__(self, *args):
        with self.lock:
            self.calls += 1
            self.threads.add(threading.get_ident())
        return self.function(*args)


def exact(x: np.ndarray) -> np.ndarray:
    return ss.jacobian(chain, x)(x).toarray()


@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_values_and_counts(scheme: str, workers: int | None) -> None:
    counted = Counted(chain)
    x = np.linspace(-2.0, 5.0, 12)
    J = ss.jacobian(
        counted, x, method="finite-difference", pattern=TRIDIAGONAL, scheme=scheme,
        workers=workers, check=False,
    )  # fmt: skip
    assert counted.calls == 1
    for k in (1, 2):
        found = J(x)
        assert counted.calls == 1 + k * CALLS[scheme]
    tolerance = {"forward": 1e-6, "central": 1e-8, "complex": 1e-15}[scheme]
    np.testing.assert_allclose(found.toarray(), exact(x), rtol=0, atol=tolerance)
    assert f"calls of the user's function  {counted.calls}" in J.report()
    assert "3 (columns, at least 3)" in J.report()
    assert (len(counted.threads) == 1) == (workers in (None, 1))


# a complex step is compared with two real differences besides
@pytest.mark.parametrize(("scheme", "calls"), [("forward", 2), ("central", 2), ("complex", 6)])
def test_the_check_costs_few_calls(scheme: str, calls: int) -> None:
    counted = Counted(chain)
    ss.jacobian(
        counted, np.ones(12), method="finite-difference", pattern=TRIDIAGONAL, scheme=scheme
    )
    assert counted.calls == 1 + CALLS[scheme] + calls


def test_processes_share_the_calls() -> None:
    x = np.linspace(-1.0, 1.0, 12)
    # other test threads may hold locks that a forked process would wait for forever
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        J = ss.jacobian(
            chain, x, method="complex-step", pattern=TRIDIAGONAL, workers=pool, check=False
        )
        np.testing.assert_allclose(J(x).toarray(), exact(x), rtol=0, atol=1e-15)
        assert f"calls of the user's function  {1 + COLORS}" in J.report()


def test_executors_of_the_user_stay_open() -> None:
    x = np.ones(12)
    with ThreadPoolExecutor(2) as pool:
        J = ss.jacobian(chain, x, method="complex-step", pattern=TRIDIAGONAL, workers=pool)
        first, second = J(x), J(2.0 * x)
    np.testing.assert_allclose(first.toarray(), exact(x), atol=1e-15)
    np.testing.assert_allclose(second.toarray(), exact(2.0 * x), atol=1e-15)


@pytest.mark.parametrize("workers", [None, 2])
def test_errors_of_the_function_come_through(workers: int | None) -> None:
    def fragile(x):
        if x[3] != 1.0:
            raise FloatingPointError("x[3] moved")
        return x

    p = Pattern.from_offsets((5, 5), (0,))
    J = ss.jacobian(
        fragile, np.ones(5), method="finite-difference", pattern=p, check=False, workers=workers
    )
    with pytest.raises(FloatingPointError, match=r"x\[3\] moved"):
        J(np.ones(5))


@pytest.mark.parametrize(("scheme", "name"), [("forward", "2-point"), ("central", "3-point")])
@pytest.mark.parametrize("relative_step", [None, 1e-5])
def test_steps_are_those_of_scipy(scheme: str, name: str, relative_step: float | None) -> None:
    x = np.array([0.0, -1e-9, 3.0, -250.0, 1e6, -0.25])
    p = Pattern.from_offsets((6, 6), (0,))
    visited: list[np.ndarray] = []

    def cube(v):
        visited.append(np.array(v))
        return v**3

    J = ss.jacobian(
        cube, x, method="finite-difference", scheme=scheme, pattern=p, check=False,
        relative_step=relative_step,
    )  # fmt: skip
    visited.clear()
    ours = J(x).toarray()
    moved = {tuple(v) for v in visited}
    visited.clear()
    theirs = scipy.optimize._numdiff.approx_derivative(
        cube, x, method=name, rel_step=relative_step,
        sparsity=(p.to_scipy().tocsr(), np.zeros(6, dtype=int)),
    )  # fmt: skip
    assert moved == {tuple(v) for v in visited if scheme == "forward" or tuple(v) != tuple(x)}
    np.testing.assert_allclose(ours, theirs.toarray(), rtol=1e-9, atol=1e-12)


@settings(max_examples=25)
@given(p=patterns(), scheme=st.sampled_from(SCHEMES), seed=st.integers(0, 99))
def test_any_pattern(p: Pattern, scheme: str, seed: int) -> None:
    n = p.shape[1]
    rng = np.random.default_rng(seed)
    A = p.to_dense() * rng.uniform(1.0, 2.0, p.shape)
    x = rng.uniform(-3.0, 3.0, n)
    counted = Counted(lambda v: A @ v)
    J = ss.jacobian(counted, x, method="finite-difference", pattern=p, scheme=scheme, check=False)
    np.testing.assert_allclose(J(x).toarray(), A, rtol=1e-6)
    ncolors = J.coloring.ncolors
    each = {"forward": ncolors + 1, "central": 2 * ncolors, "complex": ncolors}[scheme]
    assert counted.calls == 1 + each


def test_a_coloring_is_used_as_it_is(tmp_path) -> None:
    x = np.ones(12)
    ss.color(TRIDIAGONAL, order="random", seed=5).save(tmp_path / "colors.npz")
    coloring = ss.Coloring.load(tmp_path / "colors.npz")
    J = ss.jacobian(chain, x, method="complex-step", pattern=coloring)
    assert J.coloring is coloring
    np.testing.assert_allclose(J(x).toarray(), exact(x), atol=1e-15)
    with pytest.raises(ColoringError, match="'columns', got 'rows'"):
        ss.jacobian(
            chain, x, method="complex-step", pattern=ss.color(TRIDIAGONAL, structure="rows")
        )


def test_only_some_rows_and_columns() -> None:
    x = np.linspace(0.0, 1.0, 12)
    part = TRIDIAGONAL.restrict(rows=[0, 4], columns=[0, 1, 3, 5])
    counted = Counted(chain)
    J = ss.jacobian(counted, x, method="complex-step", pattern=part, check=False)
    expected = exact(x) * part.to_dense()
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-15)
    assert counted.calls == 1 + 2


def test_scalars_matrices_and_parameters() -> None:
    J = ss.jacobian(lambda t: t**3, 2.0, method="finite-difference", pattern=[[1]])
    assert J(2.0).toarray().item() == pytest.approx(12.0)
    eye = Pattern.from_offsets((4, 4), (0,))
    J = ss.jacobian(
        lambda c, a: c * a**2, 3.0, np.ones((2, 2)), argnum=1, method="finite-difference",
        scheme="forward", pattern=eye,
    )  # fmt: skip
    np.testing.assert_allclose(J(5.0, np.eye(2)).toarray(), np.diag([10, 0, 0, 10]), atol=1e-6)


def test_wrong_arguments_are_refused() -> None:
    x = np.ones(12)

    def make(**options):
        return ss.jacobian(chain, x, **{"method": "finite-difference", **options})

    with pytest.raises(ValueError, match="`scheme` must be one of forward, central, complex"):
        make(pattern=TRIDIAGONAL, scheme="3-point")
    for workers in (0, -1, 2.5, "two"):
        with pytest.raises(ValueError, match="`workers` must be a number of threads"):
            make(pattern=TRIDIAGONAL, workers=workers)
    with pytest.raises(ValueError, match="`relative_step` must be positive"):
        make(pattern=TRIDIAGONAL, relative_step=-1e-6)
    with pytest.raises(ValueError, match="whose step"):
        make(pattern=TRIDIAGONAL, relative_step=1e-6, method="complex-step")
    with pytest.raises(ValueError, match="does not call the function"):
        ss.jacobian(chain, x, workers=2)
    with pytest.raises(PatternError, match=r"shape \(12, 12\), got \(3, 3\)"):
        make(pattern=sp.eye_array(3))
    with pytest.raises(StructureMismatch, match="expected real values"):
        ss.jacobian(lambda v: v * 1j, x, method="finite-difference", pattern=sp.eye_array(12))


def test_a_shared_parameter_and_a_total_do_not_cost_a_color_each() -> None:
    """A dense column and a dense row: coloring both sides takes five products, not a hundred."""

    def arrow(x):
        return np.concatenate((np.sum(x**2).reshape(1), np.sin(x[1:]) * x[0]))

    x = np.linspace(0.5, 1.5, 100)
    J = ss.jacobian(arrow, x, method="colored")
    assert J.coloring.structure == "bidirectional"
    assert J.coloring.ncolors <= 3
    np.testing.assert_allclose(J(x).toarray(), ss.jacobian(arrow, x)(x).toarray(), atol=1e-14)
