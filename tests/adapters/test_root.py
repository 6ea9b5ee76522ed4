"""The sparse Newton method, the factorizations, and least squares."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import sparsesolve as ss
from sparsesolve.front import least_squares, root
from sparsesolve.methods.augmented_system import Augmented
from sparsesolve.methods.losses import LOSSES, robust_cost, robust_weights
from sparsesolve.methods.residual import Residual, prepare_residual
from sparsesolve.methods.sparse_lu import SparseLU, symmetry
from sparsesolve.problem.result import Status
from sparsesolve.structure.pattern import Pattern


def broyden(x):
    inner = np.concatenate([np.zeros(1), x, np.zeros(1)])
    return (3.0 - 2.0 * x) * x - inner[:-2] - 2.0 * inner[2:] + 1.0


def chained(x):
    return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])


def bratu(n: int, strength: float):
    def residual(u):
        v = np.pad(u.reshape(n, n), 1)
        laplace = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4.0 * v[1:-1, 1:-1]
        return (laplace * (n + 1) ** 2 + strength * np.exp(v[1:-1, 1:-1])).ravel()

    return residual


# ----- root -----


def test_broyden_tridiagonal_converges_quadratically() -> None:
    seen = []
    result = root(broyden, -np.ones(1000), callback=seen.append)
    assert result.status is Status.SOLVED
    assert np.abs(broyden(result.x)).max() < 1e-10
    assert result.iterations <= 6
    assert result.counts.function == result.iterations + 1
    assert result.counts.jacobian == result.iterations + 1
    sizes = [s.optimality for s in seen]
    assert sizes[-2] < 1e-4 * sizes[-3]
    assert sizes[-3] < 1e-1 * sizes[-4]
    assert isinstance(result.jacobian, sp.csr_array)
    assert np.array_equal(result.fun, Residual(ss.jacobian(broyden, result.x)).value(result.x))


def test_bratu_known_maximum() -> None:
    result = root(bratu(40, 6.0), np.zeros(1600), tol=1e-8)
    assert result.success
    assert result.x.max() == pytest.approx(0.796022008491, rel=1e-9)


def test_the_function_is_called_twice_for_tracing_and_once_at_the_end() -> None:
    calls = []

    def F(x):
        calls.append(1)
        return x**3 - 2.0

    assert root(F, np.ones(3)).success
    assert len(calls) == 3


def test_further_arguments_and_a_prepared_jacobian() -> None:
    F = lambda x, a, b: a * x**2 - b
    J = ss.jacobian(F, np.ones(2), 1.0, np.ones(2))
    for target in (4.0, 9.0):
        result = root(F, np.ones(2), args=(1.0, np.full(2, target)), jac=J)
        assert np.allclose(result.x, np.sqrt(target))
    with pytest.raises(ValueError, match="prepared for 2 variables, but the start has 3"):
        root(F, np.ones(3), args=(1.0, 1.0), jac=J)


def test_damping_where_full_steps_diverge() -> None:
    assert np.allclose(root(np.arctan, np.full(3, 5.0)).x, 0.0, atol=1e-9)
    result = root(lambda x: np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), [-1.2, 1.0])
    assert np.allclose(result.x, 1.0)


def test_points_without_value_halve_the_step() -> None:
    result = root(lambda x: np.log(x) - 1.0, [10.0, 20.0, 0.1])
    assert np.allclose(result.x, np.e)


def test_singular_jacobians_are_passed_by_levenberg_steps() -> None:
    at_start = root(lambda x: np.array([x[0] * x[1] - 1.0, x[0] + 2.0 * x[1] - 4.0]), [0.0, 0.0])
    assert at_start.success
    assert at_start.x[1] == pytest.approx(1.0 + 0.5**0.5)
    stationary = root(lambda x: np.array([x[0] * x[1] - 1.0, x[0] - 2.0 * x[1] ** 2]), [0.0, 0.0])
    assert stationary.status is Status.SINGULAR
    assert "J^T F vanishes" in stationary.message
    at_solution = root(lambda x: x**3, [0.0, 2.0])
    assert at_solution.success
    structurally = root(
        lambda x: np.array([x[0] + x[1] - 1.0, 2.0 * (x[0] + x[1]) - 2.0]), [5.0, 3.0]
    )
    assert structurally.success
    assert structurally.x.sum() == pytest.approx(1.0)


def test_no_root_is_a_status() -> None:
    result = root(lambda x: x**2 + 1.0, [1.0, 2.0])
    assert result.status in (Status.SINGULAR, Status.STALLED)
    assert result.cost == pytest.approx(1.0, rel=1e-6)  # the least residual
    limited = root(broyden, -np.ones(5), options={"max_iterations": 2})
    assert limited.status is Status.ITERATION_LIMIT
    with np.errstate(invalid="ignore"):
        bad = root(lambda x: np.log(x), [-1.0])
    assert bad.status is Status.EVALUATION_ERROR
    assert "nan in row 0" in bad.message


def test_a_derivative_that_is_not_finite_is_a_status() -> None:
    with np.errstate(divide="ignore"):
        result = root(lambda x: np.sqrt(x) + x - 1.0, [0.0, 1.0])
    assert result.status is Status.EVALUATION_ERROR


def test_wrong_arguments_of_root() -> None:
    with pytest.raises(TypeError, match=r"`jac` must be a Jacobian made by sparsesolve.jacobian"):
        root(broyden, np.ones(4), jac=np.eye(4))
    with pytest.raises(ValueError, match="6 equations in 4 unknowns"):
        root(chained, np.ones(4))
    with pytest.raises(ValueError, match="`method` must be 'newton'"):
        root(broyden, np.ones(4), method="hybrid")
    with pytest.raises(ValueError, match="got maxiter"):
        root(broyden, np.ones(4), options={"maxiter": 3})
    with pytest.raises(TypeError, match="callable"):
        root(3.0, np.ones(4))  # type: ignore[arg-type]


def test_root_can_be_stopped_and_interrupted() -> None:
    stopped = root(broyden, -np.ones(9), callback=lambda s: s.iteration == 2)
    assert (stopped.status, stopped.iterations) == (Status.STOPPED, 2)

    def interrupt(state):
        if state.iteration == 2:
            raise KeyboardInterrupt

    result = root(broyden, -np.ones(9), callback=interrupt)
    assert result.status is Status.INTERRUPTED
    assert result.cost == stopped.cost


# ----- factorizations -----


def mesh(n: int) -> sp.csc_array:
    line = sp.diags_array([-np.ones(n - 1), 4.1 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    step = sp.diags_array([-np.ones(n - 1), -np.ones(n - 1)], offsets=[-1, 1])
    one = sp.eye_array(n)
    return sp.csc_array(sp.kron(one, line) + sp.kron(step, one))


def test_the_ordering_is_found_once_and_halves_the_fill(rng: np.random.Generator) -> None:
    A, b = mesh(30), rng.standard_normal(900)
    symmetric, columns = SparseLU(), SparseLU(symmetric=False)
    for k in range(3):
        scaled = A * (k + 1.0)
        first, second = symmetric.factor(scaled), columns.factor(scaled)
        assert np.allclose(scaled @ first.solve(b), b)
        assert np.allclose(scaled @ second.solve(b), b)
        assert first.fill < 0.7 * second.fill
    assert symmetric.symmetric
    assert (symmetric.factorizations, symmetric.orderings) == (3, 1)
    symmetric.factor(mesh(20))  # another structure: another ordering
    assert symmetric.orderings == 2


def test_complex_and_singular_matrices(rng: np.random.Generator) -> None:
    A = mesh(6)
    lu = SparseLU()
    lu.factor(A)
    b = rng.standard_normal(36) + 1j * rng.standard_normal(36)
    shifted = sp.csc_array(((2.0 + 1j) * A.data, A.indices, A.indptr), shape=A.shape)
    assert np.allclose(shifted @ lu.factor(shifted).solve(b), b)
    assert lu.orderings == 1
    for bad in (0.0 * A, np.nan * A):
        factor = lu.factor(sp.csc_array(bad))
        assert not factor.ok
        assert np.isnan(factor.solve(b.real)).all()


def test_symmetry_of_patterns() -> None:
    assert symmetry(mesh(4)) == 1.0
    assert symmetry(sp.csc_array(np.triu(np.ones((4, 4))))) == 0.0
    assert symmetry(sp.csc_array(np.eye(3))) == 1.0


@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(0, 10_000), st.sampled_from([1e-6, 1.0, 1e3])
)
def test_augmented_steps_solve_the_damped_normal_equations(m, n, seed, mu) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((m, n)) < 0.6
    dense = np.where(mask, rng.standard_normal((m, n)), 0.0)
    pattern = Pattern.from_dense(mask)
    J = sp.csc_array(pattern.to_scipy(dense[pattern.rows, pattern.indices]))
    F, D = rng.standard_normal(m), rng.uniform(0.5, 2.0, n)
    step = Augmented(pattern).step(J, F, mu, D)
    expected = np.linalg.solve(dense.T @ dense + mu * np.diag(D), -dense.T @ F)
    assert np.allclose(step, expected, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(expected).max()))


def test_values_at_one_point_are_computed_once() -> None:
    residual = prepare_residual(chained, np.ones(5))
    for _ in range(3):
        residual.value(np.ones(5))
        residual.csr(np.ones(5))
        residual.csc(np.ones(5))
    assert (residual.counts.function, residual.counts.jacobian) == (1, 1)
    first, second = residual.csc(np.ones(5)), residual.csc(np.ones(5))
    assert not np.shares_memory(first.data, second.data)
    assert first.has_sorted_indices
    assert first.indices.dtype == np.int32
    assert np.array_equal(first.toarray(), residual.csr(np.ones(5)).toarray())


# ----- least squares -----


@pytest.mark.parametrize("method", ["lm", "gauss-newton", "trf", "dogbox"])
def test_chained_rosenbrock(method: str) -> None:
    result = least_squares(chained, np.full(40, -1.0), method=method)
    assert result.success
    assert result.solver == method
    assert np.allclose(result.x, 1.0, atol=1e-6)
    assert result.fun.shape == (78,)
    assert result.cost == pytest.approx(0.5 * np.sum(result.fun**2))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("method", ["lm", "gauss-newton", "trf"])
def test_losses_agree_with_scipy(method: str, loss: str) -> None:
    t = np.linspace(0.0, 3.0, 20)
    data = 2.0 * np.exp(-0.7 * t) + 0.05 * np.sin(37.0 * t)
    data[[3, 11]] += 3.0  # outliers

    def r(p):
        return p[0] * np.exp(-p[1] * t) - data

    expected = scipy.optimize.least_squares(
        r, [1.0, 1.0], loss=loss, f_scale=0.1, xtol=1e-12, ftol=1e-12, gtol=1e-12
    )
    result = least_squares(r, [1.0, 1.0], method=method, loss=loss, f_scale=0.1)
    assert result.success
    assert result.cost == pytest.approx(expected.cost, rel=1e-6)
    assert np.allclose(result.x, expected.x, rtol=1e-3)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "linear"])
def test_robust_weights_give_the_gradient_of_the_cost(name: str, rng: np.random.Generator) -> None:
    r = rng.uniform(-3.0, 3.0, 50)
    weights = robust_weights(r, LOSSES[name], 0.7)
    step = 1e-6
    numeric = [
        (
            robust_cost(r + step * e, LOSSES[name], 0.7)
            - robust_cost(r - step * e, LOSSES[name], 0.7)
        )
        / (2 * step)
        for e in np.eye(50)
    ]
    assert np.allclose(weights**2 * r, numeric, atol=1e-6)


def test_large_sparse_fit_by_lsmr_reaches_what_the_direct_method_does() -> None:
    start = np.full(600, 1.5)
    sparse = least_squares(chained, start, method="trf")  # 1198 x 600: LSMR
    direct = least_squares(chained, start, method="lm")
    assert sparse.success
    assert direct.success
    assert np.allclose(sparse.x, 1.0, atol=1e-6)
    assert np.allclose(direct.x, 1.0, atol=1e-6)
    assert direct.counts.jacobian <= 2 * sparse.counts.jacobian


def test_bounds_and_fixed_variables() -> None:
    upper = np.array([0.5, 2.0, 2.0, 1.2])
    lower = np.array([-2.0, 0.0, 0.3, 1.2])
    result = least_squares(chained, np.full(4, 3.0), bounds=(lower, upper))
    assert result.solver == "trf"
    assert result.success
    assert np.all((lower <= result.x) & (result.x <= upper))
    assert result.x[3] == 1.2
    assert result.jacobian.shape == (6, 4)
    everything = least_squares(chained, np.ones(4), bounds=(1.0, 1.0))
    assert everything.success
    assert everything.cost == 0.0
    with pytest.raises(ValueError, match="'lm' takes no bounds"):
        least_squares(chained, np.ones(4), bounds=(0.0, 2.0), method="lm")


def test_more_unknowns_than_residuals() -> None:
    result = least_squares(lambda x: np.array([np.sum(x) - 3.0, x[0] * x[1] - 1.0]), np.ones(5))
    assert result.success
    assert result.cost < 1e-18


def test_failures_of_least_squares_are_results() -> None:
    for method in ("lm", "trf"):
        option = {"max_iterations": 2} if method == "lm" else {"max_nfev": 2}
        few = least_squares(chained, np.full(9, -1.0), method=method, options=option)
        assert few.status is Status.ITERATION_LIMIT
        with np.errstate(invalid="ignore"):
            bad = least_squares(lambda x: np.log(x), [-1.0, 1.0], method=method)
        assert bad.status is Status.EVALUATION_ERROR


def test_wrong_arguments_of_least_squares() -> None:
    with pytest.raises(ValueError, match="`loss` must be one of linear"):
        least_squares(chained, np.ones(3), loss="quadratic")
    with pytest.raises(ValueError, match="`method` must be 'auto' or one of"):
        least_squares(chained, np.ones(3), method="newton")
    with pytest.raises(ValueError, match="got maxiter"):
        least_squares(chained, np.ones(3), options={"maxiter": 3})


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares_can_be_stopped_and_interrupted(method: str) -> None:
    seen = []

    def second(state):
        seen.append(state)
        return len(seen) == 2

    assert least_squares(chained, np.full(9, -1.0), method=method, callback=second).status is (
        Status.STOPPED
    )

    def interrupt(state):
        seen.append(state)
        if len(seen) == 5:
            raise KeyboardInterrupt

    result = least_squares(chained, np.full(9, -1.0), method=method, callback=interrupt)
    assert result.status is Status.INTERRUPTED

    def fail(state):
        raise ValueError("not finite, says mine")

    with pytest.raises(ValueError, match="says mine"):
        least_squares(chained, np.full(9, -1.0), method=method, callback=fail)


def test_jacobian_object_straight_into_scipy() -> None:
    J = ss.jacobian(chained, np.zeros(30))
    raw = scipy.optimize.least_squares(chained, np.full(30, -1.0), jac=J)
    assert isinstance(raw.jac, sp.csr_array)
    assert raw.success
    assert raw.cost < 1e-8


def test_black_boxes_with_a_known_pattern() -> None:
    def F(x):  # cannot be traced
        return np.array([float(v) ** 2 - k for k, v in enumerate(x, 1)])

    pattern = Pattern.from_offsets((4, 4), [0])
    J = ss.jacobian_by_differences(F, np.ones(4), pattern=pattern)
    assert np.allclose(root(F, np.full(4, 3.0), jac=J).x, np.sqrt(np.arange(1.0, 5.0)))
    assert np.allclose(least_squares(F, np.full(4, 3.0), jac=J).x, np.sqrt(np.arange(1.0, 5.0)))
