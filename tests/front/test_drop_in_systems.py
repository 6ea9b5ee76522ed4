"""Scripts written for scipy, run by scipy and with only the import changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import sparsesolve as ss

# ----- root -----


def pair(x):
    return [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]


def pair_jac(x):
    return np.array([[np.cos(x[1]), -x[0] * np.sin(x[1])], [x[1], x[0] - 1]])


def tridiagonal(x):
    inner = np.concatenate([np.zeros(1), x, np.zeros(1)])
    return (3.0 - 2.0 * x) * x - inner[:-2] - 2.0 * inner[2:] + 1.0


@pytest.mark.every(2)
@pytest.mark.parametrize("given", [dict(), dict(jac=pair_jac), dict(jac=False), dict(tol=1e-12)])
@pytest.mark.parametrize("method", ["hybr", "lm", None])
def test_root(method: str | None, given: dict[str, Any]) -> None:
    chosen = {} if method is None else {"method": method}
    theirs = scipy.optimize.root(pair, [1, 1], **chosen, **given)
    ours = ss.root(pair, [1, 1], **chosen, **given)
    assert ours.success
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-7)
    np.testing.assert_allclose(ours.jac.toarray(), pair_jac(ours.x))
    assert ours.solver == (method or "newton")
    assert any("`jac` was not used" in note for note in ours.notes) == callable(given.get("jac"))


@pytest.mark.slow_cases("broyden1")
@pytest.mark.every(4)
@pytest.mark.parametrize(
    "method",
    ["broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov",
     "df-sane"],
)  # fmt: skip
def test_the_other_methods_of_root(method: str) -> None:
    options = {"linearmixing": {"maxiter": 30}, "diagbroyden": {"maxiter": 60}}.get(method, {})
    if method == "excitingmixing":
        options = {"maxiter": 5}
    theirs = scipy.optimize.root(tridiagonal, -np.ones(20), method=method, options=options)
    ours = ss.root(tridiagonal, -np.ones(20), method=method, options=options)
    assert ours.success == theirs.success
    assert ours.solver == method
    if ours.success:
        np.testing.assert_allclose(ours.x, theirs.x, atol=1e-4)
        np.testing.assert_allclose(ours.fun, 0.0, atol=1e-4)
    else:
        assert ours.status in (ss.Status.ITERATION_LIMIT, ss.Status.STALLED)


def test_roots_of_scipys_methods_that_end_otherwise() -> None:
    stopped = ss.root(
        tridiagonal, -np.ones(20), method="krylov", callback=lambda s: s.iteration == 2
    )
    assert stopped.status is ss.Status.STOPPED
    none = ss.root(lambda x: x**2 + 1.0, [0.5], method="hybr")
    assert not none.success
    with np.errstate(all="ignore"):
        bad = ss.root(lambda x: np.log(x), [-1.0], method="hybr")
    assert bad.status is ss.Status.EVALUATION_ERROR
    few = ss.root(tridiagonal, -np.ones(20), method="hybr", options={"maxfev": 2})
    assert few.status is ss.Status.ITERATION_LIMIT

    def fail(state):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        ss.root(tridiagonal, -np.ones(20), method="krylov", callback=fail)


def test_a_root_with_value_and_jacobian_and_arguments() -> None:
    def fun(x, a):
        return x**2 - a, np.diag(2.0 * x)

    for method in ("newton", "hybr"):
        result = ss.root(fun, [1.0, 1.0], args=(np.array([4.0, 9.0]),), jac=True, method=method)
        np.testing.assert_allclose(result.x, [2.0, 3.0])
    assert ss.root(lambda x: x + 2 * np.cos(x), 0.3).x == pytest.approx([-1.02986653])


def test_the_function_by_the_name_that_scipy_gives_it() -> None:
    assert ss.minimize(fun=lambda x: np.sum((x - 1.0) ** 2), x0=np.zeros(3)).success
    assert ss.root(fun=pair, x0=[1, 1]).success
    assert ss.least_squares(fun=fun_rosenbrock, x0=[2, 2]).success
    assert ss.solve_ivp(fun=lambda t, y: -y, t_span=(0, 1), y0=[1.0]).success
    with pytest.raises(TypeError, match="multiple values for argument 'function'"):
        ss.root(pair, [1, 1], fun=pair)


# ----- least squares -----

T = np.linspace(0.0, 9.0, 15)
TRUE = np.array([0.5, 2.0, -1.0])


def model(p, t):
    return p[0] + p[1] * np.exp(p[2] * t)


Y = model(TRUE, T) + 0.1 * np.cos(7.0 * T)
Y[[3, 8, 12]] += [2.0, -3.0, 2.5]


def misfit(p, t, y):
    return model(p, t) - y


def fun_rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), (1 - x[0])])


def jac_rosenbrock(x):
    return np.array([[-20 * x[0], 10], [-1, 0]])


def softened(z):
    """As "soft_l1", written out."""
    t = 1.0 + z
    return np.stack([2.0 * (t**0.5 - 1.0), t**-0.5, -0.5 * t**-1.5])


FITS: dict[str, dict[str, Any]] = {
    "plain": {},
    "soft_l1": dict(loss="soft_l1", f_scale=0.1),
    "cauchy": dict(loss="cauchy", f_scale=0.1),
    "a loss of one's own": dict(loss=softened, f_scale=0.1),
    "scaled": dict(x_scale=[1.0, 10.0, 0.1]),
    "scaled alike": dict(x_scale=0.5, ftol=1e-12, xtol=1e-12, gtol=None),
    "by the Jacobian": dict(x_scale="jac", verbose=0, max_nfev=200),
    "what is not needed": dict(diff_step=1e-6, tr_solver="exact", jac_sparsity=None),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("method", ["lm", "gauss-newton", "trf", "dogbox"])
@pytest.mark.parametrize("name", FITS)
def test_least_squares(name: str, method: str) -> None:
    given = FITS[name]
    start = np.array([0.4, 1.5, -0.8])
    reference = "dogbox" if method == "dogbox" else "trf"
    theirs = scipy.optimize.least_squares(misfit, start, args=(T, Y), method=reference, **given)
    ours = ss.least_squares(misfit, start, args=(T, Y), method=method, **given)
    assert ours.success
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-3)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-7)
    assert ours.jac.shape == theirs.jac.shape


def test_a_loss_of_ones_own_is_the_one_of_that_name() -> None:
    start = np.array([0.4, 1.5, -0.8])
    for method in ("lm", "trf"):
        given: dict[str, Any] = dict(args=(T, Y), method=method, f_scale=0.1)
        mine = ss.least_squares(misfit, start, loss=softened, **given)
        named = ss.least_squares(misfit, start, loss="soft_l1", **given)
        np.testing.assert_allclose(mine.x, named.x, rtol=1e-9)
        assert mine.nit == named.nit
    with pytest.raises(ValueError, match=r"shape \(3, 15\)"):
        ss.least_squares(misfit, start, args=(T, Y), loss=lambda z: z, method="lm")


def test_positions_bounds_and_keywords_of_least_squares() -> None:
    upper = ([-np.inf, 1.5], np.inf)
    for given in ({}, {"bounds": upper}):
        theirs = scipy.optimize.least_squares(fun_rosenbrock, [2, 2], jac_rosenbrock, **given)
        ours = ss.least_squares(fun_rosenbrock, [2, 2], jac_rosenbrock, **given)
        np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)
        assert any("`jac` was not used" in note for note in ours.notes)
    bounded = ss.least_squares(fun_rosenbrock, [2, 2], bounds=([-np.inf, 1.5], [2.0, 1.5]),
                               x_scale=[1.0, 2.0])  # fmt: skip
    assert bounded.x[1] == 1.5
    by_name = ss.least_squares(misfit, TRUE + 0.1, kwargs={"t": T, "y": Y})
    by_place = ss.least_squares(misfit, TRUE + 0.1, args=(T, Y))
    np.testing.assert_allclose(by_name.x, by_place.x, rtol=1e-9)
    assert ss.least_squares(lambda x: x - 3.0, 1).x == pytest.approx([3.0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'maxfev'"):
        ss.least_squares(fun_rosenbrock, [2, 2], maxfev=3)
    with pytest.raises(ValueError, match="`x_scale` must be 'jac'"):
        ss.least_squares(fun_rosenbrock, [2, 2], x_scale=[1.0, -1.0])


def test_a_bound_on_evaluations() -> None:
    start = np.full(30, -1.0)
    for method in ("lm", "trf"):
        few = ss.least_squares(lambda x: 10 * np.diff(x**2) + x[1:] ** 3, start, method=method,
                               max_nfev=3)  # fmt: skip
        assert few.status is ss.Status.ITERATION_LIMIT
        assert few.nfev <= 5


# ----- solve_ivp -----


def lotka_volterra(t, z, a, b, c, d):
    x, y = z
    return [a * x - b * x * y, -c * y + d * x * y]


def cannon(t, y):
    return [y[1], -0.5]


def hit_ground(t, y):
    return y[0]


hit_ground.terminal = True
hit_ground.direction = -1


def apex(t, y):
    return y[1]


@pytest.mark.slow_cases("Radau")
@pytest.mark.parametrize("method", ["RK45", "BDF", "Radau", "LSODA"])
def test_solve_ivp(method: str) -> None:
    given: dict[str, Any] = dict(
        args=(1.5, 1, 3, 1), dense_output=True, method=method, rtol=1e-8, atol=1e-8
    )
    theirs = scipy.integrate.solve_ivp(lotka_volterra, [0, 15], [10, 5], **given)
    ours = ss.solve_ivp(lotka_volterra, [0, 15], [10, 5], **given)
    t = np.linspace(0, 15, 40)
    np.testing.assert_allclose(ours.sol(t), theirs.sol(t), rtol=1e-4, atol=1e-4)
    assert ours.success


@pytest.mark.parametrize("method", ["RK45", "BDF", "Radau", "LSODA"])
def test_events(method: str) -> None:
    events = (hit_ground, apex)
    args = ([0, 100], [0, 10], method)
    ours = ss.solve_ivp(cannon, *args, events=events, dense_output=True)
    theirs = scipy.integrate.solve_ivp(cannon, *args, events=events, dense_output=True)
    assert ours.status == theirs.status == 1
    for k in (0, 1):
        np.testing.assert_allclose(ours.t_events[k], theirs.t_events[k], rtol=1e-6)
        np.testing.assert_allclose(ours.y_events[k], theirs.y_events[k], atol=1e-4)
    np.testing.assert_allclose(ours.sol(20.0), theirs.sol(20.0), rtol=1e-4)


def test_positions_and_a_jacobian_of_ones_own() -> None:
    def decay(t, y, k):
        return -k * y

    times = [0, 0.5, 1.0]
    given: tuple[Any, ...] = ((0, 1), [2, 4, 8], "BDF", times, False, None, False, (0.5,))
    ours, theirs = ss.solve_ivp(decay, *given), scipy.integrate.solve_ivp(decay, *given)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-6)
    np.testing.assert_array_equal(ours.t, times)
    run = ss.solve_ivp(decay, *given, jac=lambda t, y, k: -k * np.eye(3))
    assert run.notes == ("`jac` was not used: derivatives are our own",)
    alone = ss.solve_ivp(decay, (0, 1), [2.0], args=0.5)
    assert alone.y[0, -1] == pytest.approx(2.0 * np.exp(-0.5), rel=1e-2)
