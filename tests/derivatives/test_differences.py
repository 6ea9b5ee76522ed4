"""Black boxes: schemes, steps, workers, and exactly how often the function is called."""

from __future__ import annotations

import pickle
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
    J = ss.jacobian_by_differences(
        counted, x, pattern=TRIDIAGONAL, scheme=scheme, workers=workers, check=False
    )
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
    ss.jacobian_by_differences(counted, np.ones(12), pattern=TRIDIAGONAL, scheme=scheme)
    assert counted.calls == 1 + CALLS[scheme] + calls


@pytest.mark.slow
def test_processes_share_the_calls() -> None:
    x = np.linspace(-1.0, 1.0, 12)
    # other test threads may hold locks that a forked process would wait for forever
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        J = ss.jacobian_by_differences(
            chain, x, scheme="complex", pattern=TRIDIAGONAL, workers=pool, check=False
        )
        np.testing.assert_allclose(J(x).toarray(), exact(x), rtol=0, atol=1e-15)
        assert f"calls of the user's function  {1 + COLORS}" in J.report()


def test_executors_of_the_user_stay_open() -> None:
    x = np.ones(12)
    with ThreadPoolExecutor(2) as pool:
        J = ss.jacobian_by_differences(
            chain, x, scheme="complex", pattern=TRIDIAGONAL, workers=pool
        )
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
    J = ss.jacobian_by_differences(fragile, np.ones(5), pattern=p, check=False, workers=workers)
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

    J = ss.jacobian_by_differences(
        cube, x, scheme=scheme, pattern=p, check=False, relative_step=relative_step
    )
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
    J = ss.jacobian_by_differences(counted, x, pattern=p, scheme=scheme, check=False)
    np.testing.assert_allclose(J(x).toarray(), A, rtol=1e-6)
    ncolors = J.coloring.ncolors
    each = {"forward": ncolors + 1, "central": 2 * ncolors, "complex": ncolors}[scheme]
    assert counted.calls == 1 + each


def test_a_coloring_is_used_as_it_is(tmp_path) -> None:
    x = np.ones(12)
    ss.color(TRIDIAGONAL, order="random", seed=5).save(tmp_path / "colors.npz")
    coloring = ss.Coloring.load(tmp_path / "colors.npz")
    J = ss.jacobian_by_differences(chain, x, scheme="complex", pattern=coloring)
    assert J.coloring is coloring
    np.testing.assert_allclose(J(x).toarray(), exact(x), atol=1e-15)
    with pytest.raises(ColoringError, match="'columns', got 'rows'"):
        ss.jacobian_by_differences(
            chain, x, scheme="complex", pattern=ss.color(TRIDIAGONAL, structure="rows")
        )


def test_only_some_rows_and_columns() -> None:
    x = np.linspace(0.0, 1.0, 12)
    part = TRIDIAGONAL.restrict(rows=[0, 4], columns=[0, 1, 3, 5])
    counted = Counted(chain)
    J = ss.jacobian_by_differences(counted, x, scheme="complex", pattern=part, check=False)
    expected = exact(x) * part.to_dense()
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-15)
    assert counted.calls == 1 + 2


def test_scalars_matrices_and_parameters() -> None:
    J = ss.jacobian_by_differences(lambda t: t**3, 2.0, pattern=[[1]])
    assert J(2.0).toarray().item() == pytest.approx(12.0)
    eye = Pattern.from_offsets((4, 4), (0,))
    J = ss.jacobian_by_differences(
        lambda c, a: c * a**2, 3.0, np.ones((2, 2)), argnum=1, scheme="forward", pattern=eye
    )
    np.testing.assert_allclose(J(5.0, np.eye(2)).toarray(), np.diag([10, 0, 0, 10]), atol=1e-6)


def test_wrong_arguments_are_refused() -> None:
    x = np.ones(12)

    def make(**options):
        return ss.jacobian_by_differences(chain, x, **options)

    with pytest.raises(ValueError, match="`scheme` must be one of forward, central, complex"):
        make(pattern=TRIDIAGONAL, scheme="3-point")
    for workers in (0, -1, 2.5, "two"):
        with pytest.raises(ValueError, match="`workers` must be a number of threads"):
            make(pattern=TRIDIAGONAL, workers=workers)
    with pytest.raises(ValueError, match="`relative_step` must be positive"):
        make(pattern=TRIDIAGONAL, relative_step=-1e-6)
    with pytest.raises(ValueError, match="whose step"):
        make(pattern=TRIDIAGONAL, relative_step=1e-6, scheme="complex")
    with pytest.raises(ValueError, match="does not call the function"):
        ss.jacobian(chain, x, workers=2)
    with pytest.raises(PatternError, match=r"shape \(12, 12\), got \(3, 3\)"):
        make(pattern=sp.eye_array(3))
    with pytest.raises(StructureMismatch, match="expected real values"):
        ss.jacobian_by_differences(lambda v: v * 1j, x, pattern=sp.eye_array(12))


def test_a_shared_parameter_and_a_total_do_not_cost_a_color_each() -> None:
    """A dense column and a dense row: coloring both sides takes five products, not a hundred."""

    def arrow(x):
        return np.concatenate((np.sum(x**2).reshape(1), np.sin(x[1:]) * x[0]))

    x = np.linspace(0.5, 1.5, 100)
    J = ss.jacobian(arrow, x, method="colored")
    assert J.coloring.structure == "bidirectional"
    assert J.coloring.ncolors <= 3
    np.testing.assert_allclose(J(x).toarray(), ss.jacobian(arrow, x)(x).toarray(), atol=1e-14)


# ----- the spelling of before -----


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_old_spelling_warns_and_gives_the_same(scheme: str) -> None:
    x = np.linspace(-1.0, 2.0, 12)
    method = "complex-step" if scheme == "complex" else "finite-difference"
    options = {} if scheme == "complex" else {"scheme": scheme, "relative_step": 1e-5}
    with pytest.warns(DeprecationWarning, match="is now jacobian_by_differences") as caught:
        old = ss.jacobian(chain, x, method=method, pattern=TRIDIAGONAL, workers=2, **options)
    assert caught[0].filename == __file__
    given = {"scheme": scheme, **options}
    new = ss.jacobian_by_differences(chain, x, pattern=TRIDIAGONAL, workers=2, **given)
    np.testing.assert_array_equal(old.values(x), new.values(x))
    assert old.method == new.method == method
    copied = pickle.loads(pickle.dumps(old))  # made by the new one: no second warning
    np.testing.assert_array_equal(copied.values(x), new.values(x))


def test_the_old_spelling_refuses_what_it_refused() -> None:
    x = np.ones(12)
    for method in ("finite-difference", "complex-step"):
        with pytest.raises(PatternError, match="needs `pattern`"):
            ss.jacobian(chain, x, method=method)
    with pytest.raises(ValueError, match="for black boxes, got method='auto'"):
        ss.jacobian(chain, x, pattern=TRIDIAGONAL)
    with pytest.raises(TypeError, match="unexpected keyword argument 'patern'"):
        ss.jacobian(chain, x, patern=TRIDIAGONAL)


# ----- estimated patterns -----


def gauss_seidel(x):
    """Written with a loop and floats, as compiled code would be."""
    out = [float(v) ** 2 for v in x]
    for i in range(1, len(x)):
        out[i] += 0.1 * float(x[i - 1])
    return np.array(out)


ESTIMATED = {
    # its last row holds x[0] * 0: not zero where x[0] is NaN, so one entry too many
    "chain": (chain, TRIDIAGONAL.to_dense() | (np.eye(12, k=-11) > 0)),
    "loop": (gauss_seidel, np.eye(12) + np.eye(12, k=-1)),
    "products at zero": (lambda x: np.append(x[1:] * x[:-1], x[0]), None),
    "tall": (lambda x: np.concatenate([x**2, x[:5] * x[5:10]]), None),
    "wide": (lambda x: x[:3] * x[9:], None),
    "constant": (lambda x: np.ones(3), np.zeros((3, 12))),
    "clipped": (lambda x: np.clip(x, -0.3, 0.3), np.eye(12)),
    "swallows NaN": (lambda x: np.nan_to_num(x) * np.roll(np.nan_to_num(x), 2), None),
    "matrix": (lambda x: x.reshape(3, 4).T @ np.ones(3), None),
}


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("name", ESTIMATED)
def test_estimated_patterns(name: str, workers: int | None) -> None:
    function, expected = ESTIMATED[name]
    if expected is None:
        expected = ss.jacobian_pattern(function, np.ones(12)).to_dense()
    for x in (np.zeros(12), np.linspace(0.5, 2.0, 12)):
        J = ss.jacobian_by_differences(function, x, workers=workers, check=False)
        np.testing.assert_array_equal(J.pattern.to_dense(), expected.astype(bool))


def test_an_estimate_says_that_it_is_one() -> None:
    x = np.linspace(0.5, 2.0, 12)
    counted = Counted(chain)
    J = ss.jacobian_by_differences(counted, x, check=False)
    assert counted.calls == 1 + 4 * 12 + 3 * 3  # moves from three starts, each looked at thrice
    assert repr(J) == "<Jacobian 12x12, 35 nonzeros (24.3 %), finite-difference, estimated pattern>"
    assert "estimated, may miss entries: 35 entries, 3 by NaN alone, 0 by random" in J.report()
    np.testing.assert_allclose(J(x).toarray(), exact(x), atol=1e-8)
    given = ss.jacobian_by_differences(chain, x, pattern=TRIDIAGONAL)
    assert "estimated" not in repr(given)
    assert "estimated" not in given.report()
    assert "estimated" in repr(pickle.loads(pickle.dumps(ss.jacobian_by_differences(chain, x))))


def far_branch(x):
    return np.array([x[1] if x[0] > 1e3 else x[2], x[0]])


MISSES = {
    "a branch not taken near the example": (far_branch, np.ones(3), [[0, 0, 1], [1, 0, 0]]),
    "a choice between values": (
        lambda x: np.where(x > 50.0, np.roll(x, 1), 0.0), np.ones(3), np.zeros((3, 3)),
    ),
    "an order not seen": (
        lambda x: np.sort(np.nan_to_num(x)), np.array([0.0, 9.0]), np.eye(2),
    ),
    "rounding": (lambda x: np.round(np.nan_to_num(x) / 100.0), np.ones(2), np.zeros((2, 2))),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSES)
def test_what_an_estimate_misses(name: str) -> None:
    """Known limits: a given pattern, or a trace, has these entries."""
    function, x, found = MISSES[name]
    J = ss.jacobian_by_differences(function, x)
    np.testing.assert_array_equal(J.pattern.to_dense(), np.asarray(found, dtype=bool))


def test_what_random_moves_miss_nan_may_see_and_the_other_way() -> None:
    def flat(x):  # moves of up to one change nothing
        return np.floor((x + 500.0) / 1e3) + np.array([0.0, x[0] * 0.0, 0.0])

    J = ss.jacobian_by_differences(flat, np.full(3, 0.5), check=False)
    assert J.pattern.to_dense().astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert "4 by NaN alone" in J.report()

    def refuses_nan(x):
        if np.isnan(x).any():
            raise ValueError("NaN")
        return x * np.roll(x, 1)

    J = ss.jacobian_by_differences(refuses_nan, np.array([0.0, 0.1, 0.2]), check=False)
    assert J.pattern.to_dense().sum() == 6
    assert "6 by random moves alone; 3 of 12 calls raised" in J.report()


def test_functions_with_a_small_domain_are_looked_at_where_they_are_defined() -> None:
    def root(x):
        if (x < 0.9999).any():
            raise ValueError("outside")
        return np.sqrt(x) * x[::-1]

    J = ss.jacobian_by_differences(root, np.full(4, 1.0), scheme="forward", check=False)
    assert J.pattern.to_dense().tolist() == (np.eye(4) + np.eye(4)[::-1] > 0).tolist()


def test_random_functions_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(PatternError, match="expected the same values"):
        ss.jacobian_by_differences(lambda x: x * rng.normal(size=3), np.ones(3))


def test_sizes_of_zero_and_scalars() -> None:
    assert ss.jacobian_by_differences(lambda x: x**2, np.empty(0)).shape == (0, 0)
    assert ss.jacobian_by_differences(lambda x: x[:0], np.ones(3)).shape == (0, 3)
    J = ss.jacobian_by_differences(lambda t: np.array([t, 1.0, t**2]), 2.0)
    assert J.pattern.to_dense().ravel().tolist() == [True, False, True]
    np.testing.assert_allclose(J(3.0).toarray().ravel(), [1.0, 0.0, 6.0], rtol=1e-8)


@settings(max_examples=25)
@given(p=patterns(), seed=st.integers(0, 99))
def test_any_pattern_of_a_smooth_function_is_found(p: Pattern, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = p.to_scipy()
    x = rng.uniform(-3.0, 3.0, p.shape[1])
    J = ss.jacobian_by_differences(lambda v: A @ np.sin(v), x, check=False)
    assert J.pattern == p
