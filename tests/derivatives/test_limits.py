"""Derivatives at points where their formula is 0/0, and of branches that are not taken.

Expected values are known in closed form, or come from mpmath with many digits.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.limits import Limits

METHODS = ("compiled", "interpreted", "colored")


def every_way(function, x, method, *, hessian=True):
    """The gradient of a scalar function in all ways there are, and its Hessian in two."""
    x = np.asarray(x, dtype=float)
    away = np.linspace(0.3, 1.1, x.size)
    single = "interpreted" if method == "colored" else method
    J = ss.jacobian(function, away, method=method)
    H = ss.hessian(function, away, method=method)
    n = x.size
    gradients = {
        "gradient": ss.gradient(function, away, method=single)(x),
        "J": J(x).toarray().reshape(n),
        "refill": J.pattern.to_scipy(J.refill(J.buffer(), x)).toarray().reshape(n),
        "vjp": J.vjp(x, [1.0]),
        "jvp": np.concatenate([J.jvp(x, row) for row in np.eye(n)]),
        "H.gradient": H.gradient(x),
    }
    if not hessian:
        return gradients, {}
    hessians = {"H": H(x).toarray(), "hvp": np.array([H.hvp(x, row) for row in np.eye(n)])}
    return gradients, hessians


def check(function, x, method, gradient, hessian=None, *, tolerance=1e-8):
    gradients, hessians = every_way(function, x, method, hessian=hessian is not None)
    for way, found in gradients.items():
        np.testing.assert_allclose(found, gradient, atol=tolerance, err_msg=way)
    for way, found in hessians.items():
        np.testing.assert_allclose(found, hessian, atol=1e-6, err_msg=way)


I3 = np.eye(3)
AT_ZERO = {
    "norm**2": (lambda x: np.linalg.norm(x) ** 2, np.zeros(3), 2 * I3),
    "exp(-norm**2)": (lambda x: np.exp(-(np.linalg.norm(x) ** 2)), np.zeros(3), -2 * I3),
    "cos(norm)": (lambda x: np.cos(np.linalg.norm(x)), np.zeros(3), -I3),
    "norm**3": (lambda x: np.linalg.norm(x) ** 3, np.zeros(3), np.zeros((3, 3))),
    "norm**4": (lambda x: np.linalg.norm(x) ** 4, np.zeros(3), np.zeros((3, 3))),
    "sqrt(x*x)**2": (lambda x: np.sum(np.sqrt(x * x) ** 2), np.zeros(3), 2 * I3),
    "hypot**2": (lambda x: np.hypot(x[0], x[1]) ** 2 + x[2], I3[2], np.diag([2.0, 2.0, 0.0])),
    "std**2": (lambda x: np.std(x) ** 2, np.zeros(3), 2 / 3 * I3 - 2 / 9),
    "sum of norms**2": (
        lambda x: np.sum(np.linalg.norm(x.reshape(3, 1) * [1.0, 2.0], axis=1) ** 2) + 3 * x[0],
        [3.0, 0.0, 0.0],
        10 * I3,
    ),
    "exp(-1/x**2)": (lambda x: np.sum(np.exp(-1.0 / x**2)), np.zeros(3), np.zeros((3, 3))),
}  # fmt: skip


@pytest.mark.every(8)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", AT_ZERO)
def test_smooth_functions_of_roots_at_zero(name, method):
    function, gradient, hessian = AT_ZERO[name]
    check(function, np.zeros(3), method, gradient, hessian)


@pytest.mark.every(6)
@pytest.mark.parametrize("method", ["interpreted", "colored"])
@pytest.mark.parametrize("name", AT_ZERO)
def test_the_same_functions_shifted_and_scaled(name, method):
    function, gradient, hessian = AT_ZERO[name]
    shift = np.array([1.0, -2.5, 300.0])
    check(
        lambda x: function((x - shift) * 2.0), shift, method, 2 * np.asarray(gradient), 4 * hessian
    )


@pytest.mark.parametrize("method", METHODS)
def test_one_sided_where_the_function_ends(method):
    check(lambda x: np.sum(np.sqrt(x) ** 2), np.zeros(3), method, np.ones(3))
    product = lambda x: (np.sqrt(x[0]) * np.sqrt(x[1])) ** 2 + x[2]
    check(product, np.zeros(3), method, [0.0, 0.0, 1.0])


@pytest.mark.slow_cases("31-colored")
@pytest.mark.every(4)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 31, 33])
def test_kinks_give_zero_where_a_norm_has_many_subgradients(n, method):
    check(np.linalg.norm, np.zeros(n), method, np.zeros(n))
    check(lambda x: np.linalg.norm(x - 1.0) + 2.0 * x[0], np.ones(n), method, 2.0 * np.eye(n)[0])
    check(lambda x: np.sum(np.hypot(x, 2.0 * x)), np.zeros(n), method, np.zeros(n))


def test_what_has_no_derivative_keeps_its_infinity():
    for method in METHODS:
        J = ss.jacobian(lambda x: np.sqrt(x) + x[::-1], np.ones(3), method=method)
        D = J(np.array([0.0, 1.0, 4.0])).toarray()
        assert D[0, 0] == np.inf
        J = ss.jacobian(lambda x: np.sqrt(x) * 1e-170, np.ones(1), method=method)
        assert J(np.zeros(1)).toarray() == np.inf  # though its values around are all nearly zero
        np.testing.assert_allclose(np.delete(D.ravel(), 0), [0, 1, 0, 1.5, 0, 1, 0, 0.25])


def test_a_value_that_is_not_finite_is_not_hidden():
    J = ss.jacobian(lambda x: np.log(x) * np.linalg.norm(x), np.ones(3))
    D = J(np.array([-1.0, 0.0, 2.0])).toarray()
    assert not np.isfinite(D[:2].diagonal()).any()
    assert np.isfinite(D[2]).all()


def test_functions_without_singular_points_are_not_looked_at():
    J = ss.jacobian(lambda x: np.exp(x) * x[::-1] / (1.0 + 4.0), np.ones(3))
    assert not Limits(J._function.program).needed
    J = ss.jacobian(lambda x: np.sqrt(x), np.ones(3))
    assert Limits(J._function.program).needed


# ----- branches that are not taken -----


def energy_overwritten(x):
    d = x[:, None] - x
    with np.errstate(divide="ignore"):
        inverse = (d**2) ** -0.5
    inverse[np.diag_indices_from(inverse)] = 0.0
    return np.sum(inverse)


def energy_masked(x):
    mask = 1.0 - np.eye(x.size)
    return np.sum(mask * np.sqrt(np.sqrt((x[:, None] - x) ** 2)))


def energy_chosen(x):
    d = np.abs(x[:, None] - x)
    with np.errstate(divide="ignore"):
        return np.sum(np.where(np.eye(x.size) > 0, 0.0, 1.0 / d))


def energy_picked(x):
    i, j = np.nonzero(~np.eye(x.size, dtype=bool))
    with np.errstate(divide="ignore"):
        return np.sum((1.0 / np.abs(x[:, None] - x))[i, j])


def slope_of_energy(x, p):
    """Gradient of the sum over all pairs of |x_i - x_j|**p."""
    d = x[:, None] - x + np.eye(x.size)
    return 2 * np.sum(p * np.abs(d) ** (p - 1) * np.sign(d) * (1 - np.eye(x.size)), axis=1)


@pytest.mark.every(6)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 33])
@pytest.mark.parametrize(
    ("function", "p"),
    [(energy_overwritten, -1), (energy_masked, 0.5), (energy_chosen, -1), (energy_picked, -1)],
)
def test_pairwise_distances_without_the_diagonal(function, p, n, method, rng, monkeypatch):
    def never(*_):
        raise AssertionError("a limit was taken where the diagonal does not count")

    monkeypatch.setattr("sparsesolve.derivatives.limits._Limited._limit", never)
    x = np.cumsum(rng.uniform(0.5, 2.0, n))
    expected = slope_of_energy(x, p)
    gradients, hessians = every_way(function, x, method)
    for way, found in gradients.items():
        np.testing.assert_allclose(found, expected, rtol=1e-10, err_msg=way)
    h = 1e-5
    differences = [
        (slope_of_energy(x + h * e, p) - slope_of_energy(x - h * e, p)) / (2 * h) for e in np.eye(n)
    ]
    for way, found in hessians.items():
        np.testing.assert_allclose(found, np.array(differences), atol=1e-6, err_msg=way)


def guarded_and_stored(x):
    """A guarded logarithm that several long expressions read: it is stored, not recomputed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        safe = np.where(x > 0.0, np.log(x) * np.sqrt(x), 0.0)
    w = safe[:-1] * safe[1:]
    for _ in range(4):
        w = np.sin(w) + np.exp(-(w**2)) * np.cumsum(w)
    return np.sum(w * safe[1:]) + np.sum(np.maximum(safe, 0.1))


@pytest.mark.every(4)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 33, pytest.param(100, marks=pytest.mark.slow)])
def test_a_branch_that_is_not_taken_when_it_is_stored(n, method, rng):
    x = rng.uniform(0.2, 2.0, n)
    off = rng.random(n) < 0.4
    x[off] = rng.choice([-1.0, -0.3], off.sum())  # not 0.0, where the function is continuous only
    expected = np.zeros(n)
    on = np.flatnonzero(~off)
    complex_step = np.array(
        [np.imag(_guarded_complex(x + 1e-30j * np.eye(n)[k])) / 1e-30 for k in on]
    )
    expected[on] = complex_step
    gradients, hessians = every_way(guarded_and_stored, x, method)
    for way, found in gradients.items():
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=way)
    assert np.isfinite(hessians["H"]).all()
    np.testing.assert_allclose(
        hessians["H"], hessians["hvp"], rtol=1e-9, atol=1e-9 * np.abs(hessians["H"]).max()
    )


def _guarded_complex(x):
    positive = np.real(x) > 0.0
    inside = np.where(positive, x, 1.0)
    safe = np.where(positive, np.log(inside) * np.sqrt(inside), 0.0)
    w = safe[:-1] * safe[1:]
    for _ in range(4):
        w = np.sin(w) + np.exp(-(w**2)) * np.cumsum(w)
    return np.sum(w * safe[1:]) + np.sum(np.where(np.real(safe) > 0.1, safe, 0.1))


# ----- guards -----


def sinc_by_guard(x):
    zero = x == 0.0
    return np.sum(np.where(zero, 1.0, np.sin(x) / np.where(zero, 1.0, x)))


def slope_of_exp(x):
    with np.errstate(invalid="ignore"):
        return np.sum(np.nan_to_num(np.expm1(x) / x, nan=1.0))


@pytest.mark.slow_cases("compiled", "colored")
@pytest.mark.parametrize("method", METHODS)
def test_a_guard_does_not_hide_the_derivative(method):
    check(sinc_by_guard, np.zeros(2), method, np.zeros(2), -np.eye(2) / 3)
    check(slope_of_exp, np.zeros(2), method, np.full(2, 0.5))
    at = np.array([0.0, 1.0])
    check(slope_of_exp, at, method, [0.5, 1.0])
    check(lambda x: slope_of_exp(x) + 1e3 * x[1], at, method, [0.5, 1001.0])


@pytest.mark.parametrize("method", METHODS)
def test_guards_that_are_no_isolated_points_change_nothing(method):
    halves = lambda x: np.sum(np.where(np.abs(x) <= 0.0, 0.0, np.maximum(x, 0.0)))
    check(halves, np.array([0.0, -1.0, 2.0]), method, [0.0, 0.0, 1.0])
    roots = lambda x: np.sum(np.nan_to_num(np.sqrt(x)))
    check(roots, np.array([-1.0, 4.0, 1.0]), method, [0.0, 0.25, 0.5])
    jump = lambda x: np.sum(np.where(x == 1.0, 5.0, x**2))
    check(jump, np.array([1.0, 3.0]), method, [0.0, 6.0])


# ----- eigenvalues and singular values -----


@pytest.mark.every(3)
@pytest.mark.parametrize("method", METHODS)
def test_functions_of_repeated_eigenvalues(method):
    def squares(x):
        A = x.reshape(2, 2)
        return np.sum(np.linalg.eigvalsh(A + A.T) ** 2)

    H = np.zeros((4, 4))
    H[0, 0] = H[3, 3] = 8.0
    H[1:3, 1:3] = 4.0
    check(squares, np.eye(2).ravel(), method, [8.0, 0.0, 0.0, 8.0], H)

    def exponentials(x):  # the trace of the exponential of a symmetric matrix
        A = x.reshape(3, 3)
        return np.sum(np.exp(np.linalg.eigvalsh(A + A.T)))

    A = np.diag([0.5, 0.5, 0.25])
    check(exponentials, A.ravel(), method, (2 * np.diag(np.exp([1.0, 1.0, 0.5]))).ravel())


@pytest.mark.slow
@pytest.mark.every(3)
@pytest.mark.parametrize("method", METHODS)
def test_functions_of_repeated_singular_values(method):
    identity = np.eye(2).ravel()
    nuclear = lambda x: np.linalg.norm(x.reshape(2, 2), "nuc")
    check(nuclear, identity, method, identity)
    total = lambda x: np.sum(np.linalg.svd(x.reshape(2, 2), compute_uv=False))
    check(total, identity, method, identity)
    frobenius = lambda x: np.sum(np.linalg.svdvals(x.reshape(2, 2)) ** 2)
    check(frobenius, identity, method, 2 * identity, 2 * np.eye(4))


@pytest.mark.every(3)
@pytest.mark.parametrize("method", METHODS)
def test_spectral_norms_beside_repeated_or_zero_singular_values(method):
    A = np.diag([2.0, 1.0, 1.0])
    spectral = lambda x: np.linalg.norm(x.reshape(3, 3), 2)
    check(spectral, A.ravel(), method, np.eye(9)[0])
    u, v = np.array([0.6, 0.8]), np.array([-1.0, 2.0, 2.0]) / 3
    thin = lambda x: np.linalg.norm(x.reshape(2, 3), 2)
    check(thin, 3.0 * np.outer(u, v).ravel(), method, np.outer(u, v).ravel())


# ----- against many digits -----


@pytest.mark.parametrize("seed", range(6))
def test_removable_singularities_against_mpmath(seed):
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(0.5, 2.0, 3)
    at = rng.normal(size=2)

    def function(x):
        r = np.linalg.norm(x - at)
        with np.errstate(invalid="ignore"):
            ratio = np.nan_to_num(np.expm1(a * r**2) / r, nan=0.0)
        return np.cos(b * r) + c * ratio * r + np.sin(x[0]) * x[1]

    def exact(p, q):
        p, q = mpmath.mpf(p), mpmath.mpf(q)
        s = (p - at[0]) ** 2 + (q - at[1]) ** 2
        return mpmath.cos(b * mpmath.sqrt(s)) + c * mpmath.expm1(a * s) + mpmath.sin(p) * q

    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        first = [
            (exact(at[0] + h, at[1]) - exact(at[0] - h, at[1])) / (2 * h),
            (exact(at[0], at[1] + h) - exact(at[0], at[1] - h)) / (2 * h),
        ]
    expected = np.array([float(v) for v in first])
    for method in ("compiled", "interpreted"):
        found = ss.gradient(function, np.ones(2), method=method)(at)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_guards_of_a_problem_do_not_see_multipliers():
    x = np.array([0.5, -1.0, 2.0, 0.25])

    def objective(x):
        return np.sum(np.nan_to_num(np.heaviside(x, 0.5)) * x**2)

    problem = ss.Problem(objective, x, constraints=ss.Constraint(lambda x: x**2, None, 9.0))
    weights = np.arange(1.0, 5.0)
    found = problem.lagrangian_hessian(x, weights).toarray()
    assert np.allclose(found, np.diag(2.0 * (x > 0) + 2.0 * weights))
    assert ss.minimize(problem, solver="trust-constr").success


@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
def test_where_an_exponential_overflows_nothing_changes(method):
    x = np.array([-800.0, 0.3, 900.0, -20.0])

    def logistic(x):
        return 1.0 / (1.0 + np.exp(-x))

    with np.errstate(all="ignore"):
        slope = [float(mpmath.diff(lambda v: 1 / (1 + mpmath.exp(-v)), v)) for v in x]
        J = ss.jacobian(logistic, np.zeros(4), method=method)
        assert np.allclose(J(x).toarray(), np.diag(slope), rtol=1e-7, atol=1e-12)
        H = ss.hessian(lambda x: np.sum(logistic(x) ** 2), np.zeros(4), method=method)
        assert np.all(np.isfinite(H(x).toarray()))
        assert np.allclose(H.gradient(x), 2 * logistic(x) * slope, rtol=1e-7, atol=1e-12)


def test_what_is_zero_everywhere_has_no_slope():
    g = ss.gradient(lambda x: np.linalg.norm(np.expm1(0.1 * (x - x))) ** 2, np.zeros(4))
    assert np.array_equal(g(np.array([0.5, -1.0, 2.0, 3.0])), np.zeros(4))


def zero_all_around(x):
    """The norm of what is zero at every x, beside what is not: a trajectory that ends at rest."""
    rest = (2 * x - x) - x
    return np.linalg.norm(rest) ** 2 + 3 * np.linalg.norm(rest) + np.linalg.norm(x) ** 3


@pytest.mark.parametrize("method", METHODS)
def test_norms_of_what_is_zero_on_a_whole_neighborhood(method):
    x = np.array([0.5, -0.3, 0.7])
    r = np.linalg.norm(x)
    check(zero_all_around, x, method, 3 * r * x)


@pytest.mark.parametrize("size", [0, 1, 2, 33])
def test_the_same_without_any_other_entry(size):
    gradient = ss.gradient(
        lambda x: np.linalg.norm((x + 1.0) - x - 1.0) + np.sum(x**2), np.ones(size)
    )
    x = np.linspace(1.0, 2.0, size)
    np.testing.assert_allclose(gradient(x), 2 * x)
