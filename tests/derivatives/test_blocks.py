"""Wide sums as blocks: the same numbers as dense autograd and as all other ways to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks import sums
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.blocks.classes import Classes
from sparsesolve.differentiate import cuts
from sparsesolve.differentiate.cuts import extended_program, wide_sums, widely_read_sums
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse
from tests.oracles import (
    assert_close,
    assert_covers,
    dense_hessian,
    dense_jacobian,
    lagrangian_hessian,
    random_points,
)

rng = np.random.default_rng(7)
A, B, C = rng.normal(size=(60, 24)), rng.normal(size=(24, 24)), rng.normal(size=(24, 60))
DATA, ROWS = rng.normal(size=60), rng.normal(size=(30, 6))
MASKED = A * (rng.random(A.shape) < 0.9)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks wherever there are wide sums, however few."""
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)


def least_squares(x: Any) -> Any:
    return np.sum((np.tanh(A @ x) - DATA) ** 2)


def negative_curvature(x: Any) -> Any:
    return np.sum(np.cos(A @ x) * (A @ x))


def coupled(x: Any) -> Any:
    return (np.sum(x) - 1) ** 2 + np.sum(x**4)


def variance(x: Any) -> Any:
    return np.log(1.0 + np.var(np.exp(0.1 * x))) * x[0] + np.prod(x[:2])


def network(w: Any) -> Any:
    hidden = np.tanh(ROWS @ w[:96].reshape(6, 16) + w[96:112])
    return np.sum((np.sin(hidden @ w[112:128] + w[128]) - DATA[:30]) ** 2)


def two_layers(x: Any) -> Any:
    return np.sum(np.exp(0.1 * np.sin(C @ np.tanh(A @ x))))


def bilinear(x: Any) -> Any:
    return np.sum((x * (1.0 - B @ x) - 1.0) ** 2)


def varying_rows(p: Any) -> Any:
    d = (np.linspace(0, 1, 40)[:, None] - p[20:40]) * p[:20]
    return np.sum(((np.exp(-d * d) * p[40:]).sum(1) - DATA[:40]) ** 2)


def beside_a_chain(x: Any) -> Any:
    return np.sum(x[:20]) ** 3 + np.sum(np.diff(x) ** 4) + np.sum(x[30:60] * x[29:59]) ** 2


def with_a_solve(x: Any) -> Any:
    matrix = np.eye(2) * 3.0 + np.sin(x[:4]).reshape(2, 2)
    return np.sum(np.tanh(np.linalg.solve(matrix, x[4:6])) * np.sum(x) ** 2)


def chosen(x: Any) -> Any:
    u = A @ x
    return np.sum(np.where(u > 0, np.log1p(np.abs(u)), u**2)) + np.maximum(np.sum(x), 0.0) ** 2


def of_several_widths(x: Any) -> Any:
    return np.sum(np.tanh(MASKED @ x) ** 2) + np.sum(np.sin(MASKED[:, 4:] @ x[4:]))


HESSIANS: list[tuple[Callable[[Any], Any], int]] = [
    (least_squares, 24),
    (negative_curvature, 24),
    (coupled, 31),
    (coupled, 32),
    (coupled, 33),
    (coupled, 120),
    (variance, 40),
    (network, 129),
    (two_layers, 24),
    (bilinear, 24),
    (varying_rows, 60),
    (beside_a_chain, 100),
    (with_a_solve, 20),
    (chosen, 24),
    (of_several_widths, 24),
]
NAMES = [f"{f.__name__}-{n}" for f, n in HESSIANS]


def nonzeros_of(derivative: Any) -> Any:
    return derivative._nonzeros


@pytest.mark.every(7)
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize(("function", "n"), HESSIANS, ids=NAMES)
def test_hessians(function: Callable[[Any], Any], n: int, method: Any) -> None:
    x0 = rng.normal(size=n) * 0.3
    H = ss.hessian(function, x0, method=method)
    assert isinstance(nonzeros_of(H), Blocked)
    assert H.method == method
    for x in random_points(x0):
        expected = dense_hessian(function, x)
        assert_covers(H.pattern, expected != 0.0)
        assert_close(H(x).toarray(), expected, rtol=1e-11)
        low = H.lower_pattern
        assert_close(H.lower_values(x), expected[low.rows, low.indices], rtol=1e-11)
        out = np.full(H.nnz, np.nan)
        assert H.values(x, out=out) is out
        assert_close(out, expected[H.pattern.rows, H.pattern.indices], rtol=1e-11)
        operator = H.as_linear_operator(x)
        assert_close(operator @ np.eye(n), expected, rtol=1e-11)
        assert_close(operator.T @ x, expected @ x, rtol=1e-11)
        assert_close(H.hvp(x, x), expected @ x, rtol=1e-11)


@pytest.mark.every(4)
@pytest.mark.parametrize(("function", "n"), HESSIANS, ids=NAMES)
def test_hessians_by_other_ways_have_the_same_numbers(
    function: Callable[[Any], Any], n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rng.normal(size=n) * 0.3
    monkeypatch.setattr(cuts, "_SOME_TERMS", 10**9)
    listed = ss.hessian(function, x)
    assert not isinstance(nonzeros_of(listed), Blocked)
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    H = ss.hessian(function, x)
    colored = ss.hessian(function, x, method="colored")
    assert H.pattern.covers(listed.pattern)
    assert_close(H(x).toarray(), listed(x).toarray(), rtol=1e-11)
    assert_close(H(x).toarray(), colored(x).toarray(), rtol=1e-11)


def test_the_whole_is_chosen_where_it_pays() -> None:
    wide = rng.normal(size=(200, 100))
    H = ss.hessian(lambda x: np.sum(np.tanh(wide @ x) ** 2), np.ones(100))
    assert isinstance(nonzeros_of(H), Blocked)
    assert "200 wide sums are multiplied as blocks" in H.report()
    assert "color" not in H.report()


@pytest.mark.slow_cases("<lambda>4")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(np.diff(x) ** 4),
        lambda x: np.sum(x**4),
        lambda x: np.sum(np.exp(x[:-1]) * np.sin(x[1:])),
        lambda x: np.sum(x) * 2.0 + np.sum(x**3),
        lambda x: np.sum(np.convolve(x, np.ones(20), "valid") ** 4),
    ],
)
def test_what_has_no_wide_sums_of_one_structure_stays_a_list(function: Any) -> None:
    H = ss.hessian(function, np.ones(3000))
    assert not isinstance(nonzeros_of(H), Blocked)


@pytest.mark.slow
def test_sums_of_sums_count_with_all_that_they_depend_on() -> None:
    inputs = np.cos(np.arange(110.0)).reshape(11, 10)  # trips of longer loops stay a loop

    def recurrence(w: Any) -> Any:
        state, total = np.zeros(10), 0.0
        for row in inputs:
            state = np.tanh(w.reshape(10, 10) @ state + row)
            total = total + np.sum(state**2)
        return total

    x = rng.normal(size=100) * 0.3
    H = ss.hessian(recurrence, x)
    assert isinstance(nonzeros_of(H), Blocked)
    assert_close(H(x).toarray(), dense_hessian(recurrence, x), rtol=1e-11)


@pytest.mark.usefixtures("eager")
def test_programs_of_blocks_can_be_read() -> None:
    J = ss.jacobian(lambda x: np.exp(-np.sum(x**2)) * np.sin(x), np.ones(700))
    assert J.kernels().startswith("wide sums:\n")
    assert "their Jacobian:\n" in J.kernels()
    H = ss.hessian(lambda x: np.sum(x) ** 2 * np.sum(np.cos(x)), np.ones(700))
    assert "second derivatives by the sums:\n" in H.kernels()


def test_linear_sums_are_not_cut() -> None:
    H = ss.hessian(lambda x: np.sum(A @ x) + x[0] ** 2, np.ones(24))
    assert not isinstance(nonzeros_of(H), Blocked)


@pytest.mark.usefixtures("eager")
def test_parameters_and_other_argument() -> None:
    def function(scale: Any, x: Any, weights: Any) -> Any:
        return np.sum(weights * np.tanh(scale * (A @ x)) ** 2) + np.sum(weights[:24] * x) ** 3

    args = (0.5, rng.normal(size=24) * 0.2, rng.normal(size=60))
    H = ss.hessian(function, *args, argnum=1)
    assert isinstance(nonzeros_of(H), Blocked)
    for k in range(3):
        moved = (0.5 + k, args[1] * (k - 1), args[2] + k)
        expected = dense_hessian(function, *moved, argnum=1)
        assert_close(H(*moved).toarray(), expected, rtol=1e-11)
        assert_close(H.as_linear_operator(*moved) @ np.ones(24), expected.sum(axis=1), rtol=1e-11)


# ----- Jacobians -----


def mean_field(x: Any) -> Any:
    inner = x[1:-1] * (x[2:] - x[:-2]) + 5 * np.mean(np.cosh(x)) ** 2
    return np.concatenate([x[:1] - 1.0, inner, x[-1:] * np.sum(x**2)])


def deep(x: Any) -> Any:
    return np.tanh(B @ np.tanh(C @ np.sin(A @ x)))


def tall(x: Any) -> Any:
    return np.outer(np.tanh(A[:20] @ x), np.exp(0.1 * A[20:40] @ x)).reshape(-1)


def normalized(x: Any) -> Any:
    return np.exp(x) / np.sum(np.exp(x))


def block_of_rows(x: Any) -> Any:
    return np.concatenate([x[:40] * np.sum(x[50:80]) ** 2, np.diff(x)])


JACOBIANS: list[tuple[Callable[[Any], Any], int]] = [
    (mean_field, 40),
    (deep, 24),
    (tall, 24),
    (normalized, 31),
    (normalized, 32),
    (normalized, 33),
    (block_of_rows, 120),
]


@pytest.mark.every(3)
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize(
    ("function", "n"), JACOBIANS, ids=[f"{f.__name__}-{n}" for f, n in JACOBIANS]
)
def test_jacobians(function: Callable[[Any], Any], n: int, method: Any) -> None:
    x0 = rng.normal(size=n) * 0.3
    J = ss.jacobian(function, x0, method=method)
    assert isinstance(nonzeros_of(J), Blocked)
    colored = ss.jacobian(function, x0, method="colored")
    buffer = J.buffer()
    for x in random_points(x0):
        expected = dense_jacobian(function, x)
        assert_covers(J.pattern, expected != 0.0)
        assert_close(J(x).toarray(), expected, rtol=1e-11)
        assert_close(colored(x).toarray(), expected, rtol=1e-11)
        assert_close(J.refill(buffer, x), expected[J.pattern.rows, J.pattern.indices], rtol=1e-11)
        operator = J.as_linear_operator(x)
        assert_close(operator @ np.eye(n), expected, rtol=1e-11)
        assert_close(operator.T @ np.eye(len(expected)), expected.T, rtol=1e-11)


def test_column_format() -> None:
    H = ss.hessian(coupled, np.ones(1500), format="csc")
    assert isinstance(nonzeros_of(H), Blocked)
    x = rng.normal(size=1500)
    assert H(x).format == "csc"
    assert_close(H(x).toarray(), 2.0 + np.diag(12 * x**2))


# ----- points without a formula -----


@pytest.mark.usefixtures("eager")
def test_an_infinite_slope_that_is_not_chosen_stays_out() -> None:
    def function(x: Any) -> Any:
        return np.sum(np.where(A @ x > 1e9, np.sum(np.sqrt(np.abs(x))), np.tanh(A @ x)) ** 2)

    H = ss.hessian(function, np.ones(24))
    assert isinstance(nonzeros_of(H), Blocked)
    x = rng.normal(size=24)
    x[3] = 0.0
    expected = ss.hessian(lambda x: np.sum(np.tanh(A @ x) ** 2), x)(x).toarray()
    assert_close(H(x).toarray(), expected, rtol=1e-7)


@pytest.mark.usefixtures("eager")
def test_limits_at_singular_points() -> None:
    H = ss.hessian(lambda x: np.linalg.norm(A @ x) ** 2, np.ones(24))
    assert_close(H(np.zeros(24)).toarray(), 2.0 * A.T @ A, rtol=1e-7)
    assert_close(H(np.ones(24)).toarray(), 2.0 * A.T @ A, rtol=1e-11)
    J = ss.jacobian(lambda x: x * np.sum(np.sqrt(x)), np.ones(40))
    x = np.full(40, 4.0)
    assert_close(J(x).toarray(), np.eye(40) * 80.0 + np.full((40, 40), 1.0))
    x[0] = np.nan
    assert np.isnan(J(x).toarray()).any()


# ----- too large to form -----


def test_what_is_too_large_is_multiplied_only() -> None:
    n = 20_000
    H = ss.hessian(coupled, np.ones(n))
    x, v = rng.normal(size=n), rng.normal(size=(n, 2))
    expected = 2.0 * v.sum(axis=0) + 12 * x[:, None] ** 2 * v
    assert_close(H.as_linear_operator(x) @ v, expected)
    assert_close(H.hvp(x, v[:, 0]), expected[:, 0])
    assert H.nnz == n * n
    assert str(H) == repr(H)
    assert f"{n} x {n}" in H.report()
    for form in (H, H.values, H.lower_values):
        with pytest.raises(ss.errors.StructureTooLarge, match="as_linear_operator"):
            form(x)


def test_the_bound_holds_for_jacobians(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MOST_FORMED", 10**6)
    n = 2000
    J = ss.jacobian(lambda x: x**3 + np.sum(np.sin(x)), np.ones(n))
    x, v = rng.normal(size=n), rng.normal(size=n)
    assert_close(J.as_linear_operator(x) @ v, 3 * x**2 * v + np.cos(x) @ v)
    assert_close(J.as_linear_operator(x).T @ v, 3 * x**2 * v + np.cos(x) * v.sum())
    with pytest.raises(ss.errors.StructureTooLarge, match="as_linear_operator"):
        J(x)


def test_operators_of_what_is_no_block() -> None:
    x = rng.normal(size=9)
    J = ss.jacobian(lambda x: np.diff(x) ** 2, x)
    H = ss.hessian(lambda x: np.sum(np.diff(x) ** 4), x)
    assert_close(J.as_linear_operator(x) @ np.eye(9), J(x).toarray())
    assert_close(J.as_linear_operator(x).T @ np.eye(8), J(x).toarray().T)
    assert_close(H.as_linear_operator(x) @ x, H(x) @ x)


# ----- the programs -----


def test_extended_programs_are_their_own_at_the_sums() -> None:
    for function, n in HESSIANS:
        x = rng.normal(size=n) * 0.3
        program = ss.hessian(function, x)._function.program
        every = np.union1d(_eagerly(wide_sums, program), _eagerly(widely_read_sums, program))
        every = every.astype(np.int32)
        if not every.size:
            continue
        u = Interpreter(program).slots(x, ())[every]
        extended = fuse(extended_program(program, every))
        values = Interpreter(extended)(np.concatenate([x, u]), ())
        np.testing.assert_allclose(values[: u.size], u, rtol=1e-12)
        np.testing.assert_allclose(values[u.size :], Interpreter(program)(x, ()), rtol=1e-12)


def _eagerly(choose: Callable[[Any], Any], program: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuts, "_SOME_TERMS", 0)
        patch.setattr(cuts, "MANY_TERMS", 0)
        return choose(program)


def random_function(seed: int) -> tuple[Callable[[Any], Any], int]:
    """Draw layers of wide sums and single operations, beside products of neighbors."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(17, 40))
    layers = []
    width = n
    for _ in range(int(draw.integers(1, 4))):
        rows = int(draw.integers(1, 30))
        matrix = draw.normal(size=(rows, width)) / width
        matrix[draw.random(matrix.shape) < draw.choice([0.0, 0.05])] = 0.0
        layers.append((matrix, int(draw.integers(5)), bool(draw.random() < 0.3)))
        width = rows
    shapes = [np.sin, np.tanh, lambda u: u**2, lambda u: np.exp(0.3 * u), lambda u: u]

    def function(x: Any) -> Any:
        u = x
        total = np.sum(x[1:] ** 2 * x[:-1])
        for matrix, kind, read_again in layers:
            u = shapes[kind](matrix @ u)
            if read_again:
                total = total + np.sum(u**2) * x[0]
        return total + np.sum(np.cos(u)) + np.sum(u) ** 2

    return function, n


@pytest.mark.every(18)
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("seed", range(25))
def test_random_functions(seed: int) -> None:
    function, n = random_function(seed)
    x = np.random.default_rng(seed).normal(size=n)
    expected = dense_hessian(function, x)
    for method in ("auto", "interpreted"):
        H = ss.hessian(function, x, method=method)  # type: ignore[arg-type]
        assert_close(H(x).toarray(), expected, rtol=1e-11)
        assert_close(H.as_linear_operator(x) @ np.eye(n), expected, rtol=1e-11)
    J = ss.jacobian(lambda x: x * function(x), x)
    assert_close(J(x).toarray(), dense_jacobian(lambda x: x * function(x), x), rtol=1e-11)


# ----- problems -----


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
def test_lagrangians(method: Any) -> None:
    constraints = [
        lambda x: np.tanh(A[:7] @ x) ** 2,
        lambda x: np.sum(x**2) ** 2 - 1.0,
        lambda x: np.diff(x) ** 3,
    ]
    H = ss.LagrangianHessian(least_squares, constraints, np.ones(24), method=method)
    assert isinstance(H._derivatives.hessian_nonzeros, Blocked)
    for x in random_points(np.full(24, 0.1)):
        multipliers = rng.normal(size=31)
        for sigma in (0.0, 1.7):
            expected = lagrangian_hessian(least_squares, constraints, x, multipliers, sigma)
            assert_close(H(x, multipliers, sigma).toarray(), expected, rtol=1e-11)
            low = H.lower_pattern
            out = np.empty(low.nnz)
            values = H.lower_values(x, multipliers, sigma, out=out)
            assert_close(values, expected[low.rows, low.indices], rtol=1e-11)


@pytest.mark.parametrize("solver", ["ipopt", "trust-constr", "Newton-CG", "trust-krylov"])
def test_minimize_with_blocks(solver: Any) -> None:
    wide = np.random.default_rng(3).normal(size=(200, 100))
    target = np.tanh(wide @ np.linspace(-0.1, 0.1, 100))
    problem = ss.Problem(lambda x: np.sum((np.tanh(wide @ x) - target) ** 2), np.zeros(100))
    result = ss.minimize(problem, solver=solver)
    assert result.success
    assert_close(result.x, np.linspace(-0.1, 0.1, 100), rtol=1e-5)


def test_sums_grow_like_those_that_they_read() -> None:
    """Sums of one level that are made one block depend on more than each did."""
    n, k = 12, 8
    rows = [np.repeat(np.arange(6), 7), [6, 7]]  # six overlapping sums, one of the first, its own
    columns = [(np.arange(6)[:, None] + np.arange(7)).reshape(-1), [n, n + 6]]
    parts = Classes(np.concatenate(rows), np.concatenate(columns), n, k).parts()
    assert [cuts.tolist() for cuts, _ in parts] == [[0, 1, 2, 3, 4, 5], [6], [7]]
    assert all(inputs.tolist() == list(range(n)) for _, inputs in parts)


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "size"), [(4, 5)])
def test_gates_of_a_network_that_begins_with_zeros(steps: int, size: int) -> None:
    data, k = np.random.default_rng(0).normal(size=(steps, 3)), 3 * size

    def f(w):
        own, back, bias = w[: 3 * k].reshape(3, k), w[3 * k : -k - size], w[-k - size : -size]
        s, total = np.zeros(size), 0.0
        for row in data:
            z, y = row @ own + bias, s @ back.reshape(size, k)
            gate = 1 / (1 + np.exp(-z[: 2 * size] - y[: 2 * size]))
            new = np.tanh(z[2 * size :] + gate[:size] * y[2 * size :])
            s = gate[size:] * s + (1 - gate[size:]) * new
            total = total + (s @ w[-size:] - row[0]) ** 2
        return total

    x = np.random.default_rng(1).normal(size=4 * k + size * k + size) / 3
    expected = dense_hessian(f, x)
    np.testing.assert_allclose(ss.hessian(f, x)(x).toarray(), expected, rtol=1e-9, atol=1e-10)
