"""Differential equations and integrals inside of a function: sensitivities by the same solver."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.integrate
from branch_references import differences
from scipy.integrate import odeint, quad, solve_ivp

import sparsesolve as ss
from sparsesolve.derivatives import jumps
from sparsesolve.derivatives.crossings import Crossings
from sparsesolve.errors import TraceError, VerificationError

TIGHT = {"rtol": 1e-11, "atol": 1e-12}
TIMES = np.linspace(0.0, 2.0, 5)
X = np.array([0.5, 0.3, 0.8])


def predators(y, t, a, b):
    return [a * y[0] - b * y[0] * y[1], -y[1] + b * y[0] * y[1]]


def reactions(k):
    """As fits are written: a closure, and a look at whether it went well."""

    def rhs(t, y):
        first = -(k[0] + k[1]) * y[0]
        return np.array([first, k[0] * y[0], k[1] * y[0] - k[2] * y[2]])

    found = solve_ivp(rhs, (0, 3), [1.0, 0, 0], t_eval=np.linspace(0, 3, 4), **TIGHT)
    if not found.success:
        return np.full(12, 1e3)
    return found.y.ravel()


def thrown(p):
    """A right side with a branch, and one that is called by another function."""

    def drag(v):
        return p[0] * v if v > 0 else -p[0] * v

    def rhs(t, y):
        return [y[1], -1.0 - drag(y[1])]

    return odeint(rhs, [0.0, p[1]], TIMES, tfirst=True, **TIGHT)[:, 0]


class Decay:
    """A model that keeps its parameters."""

    rate, start = 1.0, 1.0

    def rhs(self, y, t):
        return -self.rate * y

    def run(self, p):
        self.rate, self.start = p[0], p[1]
        return odeint(self.rhs, self.start, TIMES, **TIGHT).ravel() * p[2]


CASES = {
    "a model": Decay().run,
    "odeint": lambda p: odeint(predators, [1.0, p[2]], TIMES, args=(p[0], p[1]), **TIGHT).ravel(),
    "odeint of a number": lambda k: odeint(
        lambda c, t, k: -k * c, 1.0, [0, 1, 2], args=(k[0],), **TIGHT
    ).ravel(),
    "solve_ivp": reactions,
    "at the end": lambda p: solve_ivp(lambda t, y: -p * y**2, [0, 1], p + 1, **TIGHT).y[:, -1],
    "a stiff method": lambda p: (
        solve_ivp(lambda t, y: -p * y**2 + y[::-1], [0, 1], p + 1, method="LSODA", **TIGHT).y[0][-1]
        * p
    ),
    "an implicit method": lambda p: solve_ivp(
        partial(lambda p, t, y: -p * y**2, p), [0, 1], np.ones(3), method="Radau", **TIGHT
    )["y"][:, -1],
    "between steps": lambda p: solve_ivp(
        lambda t, y: -p * y**2, [0, 1], p + 1, dense_output=True, **TIGHT
    ).sol(np.linspace(0, 1, 3))[0],
    "at one time": lambda p: solve_ivp(
        lambda t, y: -p * y**2, [0, 1], p + 1, dense_output=True, **TIGHT
    ).sol(0.3),
    "a branch": thrown,
    "quad": lambda x: np.array(
        [
            quad(lambda s: np.exp(-s * x[0]) * x[1], 0, x[2])[0],
            quad(lambda s, a: a * s**2, x[0], 1, args=(x[1],))[0],
        ]
    ),
    "quad to infinity": lambda x: x * quad(lambda s: np.exp(-(s**2) * x[0]), -np.inf, np.inf)[0],
    "quad with a vector": lambda x: quad(lambda s: np.sum(x * s ** np.arange(3)), 0, 1)[0] * x,
}


@pytest.mark.every(4)
@pytest.mark.parametrize("name", CASES)
def test_first_derivatives(name):
    function = CASES[name]
    J = ss.jacobian(function, X, method="interpreted")
    x = 1.2 * X + 0.05
    np.testing.assert_array_equal(J.value(x), function(x))
    expected = differences(function, x)
    np.testing.assert_allclose(J(x).toarray(), expected, atol=2e-7)
    v = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(J.jvp(x, v), J(x) @ v, rtol=1e-9, atol=1e-12)
    w = np.cos(np.arange(J.shape[0]))
    np.testing.assert_allclose(J.vjp(x, w), w @ J(x), rtol=1e-9, atol=1e-12)


SMOOTH = [name for name in CASES if name != "a branch"]


@pytest.mark.slow_cases("between steps")
@pytest.mark.every(7)
@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives(name):
    square = lambda p: np.sum(np.ravel(CASES[name](p)) ** 2)
    gradient, H = ss.gradient(square, X), ss.hessian(square, X, method="interpreted")
    x = 1.2 * X + 0.05
    np.testing.assert_allclose(H(x).toarray(), differences(gradient, x), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(H(x).toarray(), H(x).toarray().T, rtol=1e-9, atol=1e-9)


def test_second_derivatives_by_hand():
    """y' = -k y**2, y(0) = a: y(1) = a / (1 + a k)."""
    y = lambda p: odeint(lambda y, t: -p[1] * y**2, p[0], [0.0, 1.0], **TIGHT)[1, 0]
    a, k = x = np.array([2.0, 0.7])
    s = 1 + a * k
    expected = [[-2 * k / s**3, -2 * a / s**3], [-2 * a / s**3, 2 * a**3 / s**3]]
    np.testing.assert_allclose(ss.hessian(y, x)(x).toarray(), expected, rtol=1e-7)
    area = lambda p: quad(lambda s: np.exp(p[0] * s), 0.0, p[1])[0]
    e = np.exp(a * k)
    by_both = (e * (a * a * k * k - 2 * a * k + 2) - 2) / a**3
    expected = [[by_both, k * e], [k * e, a * e]]
    np.testing.assert_allclose(ss.hessian(area, x)(x).toarray(), expected, rtol=1e-9)


JUMPS = {
    "a time that is traced": lambda p: odeint(lambda y, t: -y + (t < p[0]), 1.0, TIMES)[:, 0],
    "a choice": lambda p: solve_ivp(
        lambda t, y: -y + np.where(t < p[0], 1.0, 0.0), (0, 2), [1.0], t_eval=TIMES
    ).y[0],
    "a state": lambda p: odeint(lambda y, t: -p[0] if y[0] > 0.5 else -p[0] / 3, 1.0, TIMES)[:, 0],
    "an integrand": lambda p: p * quad(lambda s: 1.0 if s < p[0] else 0.5, 0, 2)[0],
}


@pytest.mark.parametrize("name", JUMPS)
def test_where_it_jumps_is_not_left_out(name):
    J = ss.jacobian(JUMPS[name], X[:1])
    with pytest.raises(VerificationError, match="a jump or a kink"):
        J(X[:1] + 0.2)


FAR = ("a choice", 3.0), ("a state", 0.1), ("an integrand", 3.0)


@pytest.mark.parametrize(("name", "far"), FAR)
def test_a_jump_that_is_first_passed_later(name, far):
    """At evaluation 6, where no derivative is compared for its number."""
    J = ss.jacobian(JUMPS[name], [far])
    for p in far * np.linspace(1.0, 1.2, 4):
        found = differences(JUMPS[name], np.array([p]))
        np.testing.assert_allclose(J([p]).toarray(), found, rtol=1e-3, atol=1e-4)
    with pytest.raises(VerificationError, match="a jump or a kink"):
        J(X[:1] + 0.2)


def test_what_was_harmless_is_not_compared_again(monkeypatch):
    compared = []
    plain = jumps._compare
    monkeypatch.setattr(jumps, "_compare", lambda *a: (compared.append(a), plain(*a)))
    fall = lambda p: odeint(lambda y, t: -p[0] * max(y[0], 0.2) * np.maximum(y, 0.3), 1.0, TIMES)
    J = ss.jacobian(lambda p: fall(p)[-1], [5.0])
    for k in range(7):
        J([5.0 + 0.1 * k])
    assert len(compared) == 4  # at evaluations 1 (that of preparing), 2, 4 and 8


@pytest.mark.parametrize(
    "jumping",
    [
        lambda x: np.where(x > 0.5, x, 1.0), np.floor, np.round, lambda x: x % 0.5,
        lambda x: np.fmod(x, 0.5), lambda x: np.sign(x - 0.5), lambda x: abs(x - 0.5),
        lambda x: np.maximum(x, 0.5), lambda x: np.clip(x, 0, 0.5), lambda x: x * (x[0] > 0.5),
        lambda x: np.copysign(2.0, x - 0.5) * x, lambda x: x // 0.5,
        lambda x: np.heaviside(x - 0.5, 0),
    ],
)  # fmt: skip
def test_crossings(jumping):
    passed, near = Crossings(), Crossings()
    f = ss.jacobian(lambda x: np.sin(x) + jumping(x), [0.2, 0.2])
    for x in (0.2, 1.2):
        f.value([x, 0.2])
        passed.note(f, np.array([x, 0.2]))
        f.value([0.2, x / 10])
        near.note(f, np.array([0.2, x / 10]))
    assert passed.found()
    assert not near.found()


def test_no_crossings():
    passed = Crossings()
    f = ss.jacobian(lambda x, t: x * np.where(t > 0.5, 1.0, 2.0) + np.sin(x), np.ones(2), 0.0)
    for t in (0.2, 0.9):
        passed.note(f, np.ones(2), t)
    assert passed.found() == frozenset()


def test_kinks_have_first_derivatives_and_no_second():
    square = lambda p: quad(lambda s: max(s - p[0], 0.0), 0, 2)[0] ** 2
    gradient, H = ss.gradient(square, X[:1]), ss.hessian(square, X[:1])
    np.testing.assert_allclose(gradient(X[:1]), -((2 - X[0]) ** 3), rtol=1e-6)
    with pytest.raises(VerificationError, match="a jump or a kink"):
        H(X[:1])
    fall = lambda p: odeint(lambda y, t: -p[0] * max(y[0], 0.2), 1.0, TIMES, **TIGHT)[-1, 0]
    np.testing.assert_allclose(ss.gradient(fall, X[2:])(X[2:] + 0.5), [-0.4], rtol=1e-6)
    with pytest.raises(VerificationError, match="a jump or a kink"):
        ss.hessian(fall, X[2:])(X[2:] + 0.5)


def test_jumps_at_constant_times_are_right():
    """y' = 1 - p y up to 0.7, then -p y."""
    f = lambda p: odeint(lambda y, t: -p[0] * y + (t < 0.7), 0.0, [0.0, 1.0], **TIGHT)[1, 0]
    p = np.array([0.8])
    whole = lambda p: np.exp(-p * 0.3) * (1 - np.exp(-0.7 * p)) / p
    np.testing.assert_allclose(ss.gradient(f, p)(p), differences(whole, p)[0], rtol=1e-6)


def test_a_fit_whose_parameters_are_found():
    """y' = -k y**2, y(0) = a, has y = a / (1 + a k t)."""
    a, k, t = 2.0, 0.7, np.linspace(0.0, 3.0, 8)
    data = a / (1 + a * k * t)

    def residual(p):
        return odeint(lambda y, t: -p[1] * y**2, p[0], t, **TIGHT)[:, 0] - data

    found = ss.least_squares(residual, np.array([1.0, 1.0]))
    np.testing.assert_allclose(found.x, [a, k], rtol=1e-7)


def test_a_rule_of_fixed_points_is_traced():
    def f(x):
        return scipy.integrate.fixed_quad(lambda s: np.exp(-s * x[0]), 0.0, x[1], n=8)[0]

    H = ss.hessian(f, np.array([0.5, 0.9]), method="interpreted")
    a, b = x = np.array([0.7, 1.1])
    decay = np.exp(-a * b)
    by_rate = (decay * (1 + a * b) - 1) / a**2
    np.testing.assert_allclose(H.gradient(x), [by_rate, decay], rtol=1e-12)
    np.testing.assert_allclose(H(x).toarray()[1], [-b * decay, -a * decay], rtol=1e-9)


def test_a_solver_that_fails_gives_nan():
    def f(x):
        return solve_ivp(lambda t, y: y**2 * x[0], (0, 1), [1.0], t_eval=[0.5, 1.0]).y[0]

    with np.errstate(all="ignore"):
        J = ss.jacobian(f, np.array([0.5]))
        assert np.isnan(J.value(np.array([4.0]))).all()


REFUSED = {
    "times of its own": (
        lambda x: ss.jacobian(lambda y: solve_ivp(lambda t, u: -u * y, (0, 1), y).y[:, 1], x),
        "t_eval",
    ),
    "events": (
        lambda x: ss.jacobian(
            lambda y: solve_ivp(lambda t, u: -u * y, (0, 1), y, events=lambda t, u: u[0]).y[:, -1],
            x,
        ),
        "events",
    ),
    "traced times": (
        lambda x: ss.jacobian(lambda y: odeint(lambda u, t: -u, 1.0, y)[:, 0], x),
        "constant times",
    ),
    "a weight": (
        lambda x: ss.jacobian(lambda y: y * quad(lambda s: y[0], 0, 1, weight="cos", wvar=2)[0], x),
        "weight",
    ),
    "two dimensions": (
        lambda x: ss.jacobian(
            lambda y: y * scipy.integrate.dblquad(lambda s, t: s * y[0], 0, 1, 0, 1)[0], x
        ),
        "as a sum",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, text = REFUSED[name]
    with pytest.raises(TraceError, match=text):
        function(X)


def test_parameters_share_what_is_evaluated():
    """One preparation for all parameters, and one evaluation a point of the rule."""
    points = []

    def f(p):
        def density(s):
            if isinstance(s, float):
                points.append(s)
            return np.exp(-p[0] * s**2) * np.cos(p[1] * s) + p[2] * s ** p[3]

        return np.array([quad(density, 0.1, 1.0)[0], p[0] * p[2]])

    x = np.array([1.0, 2.0, 0.5, 3.0])
    J = ss.jacobian(f, x)
    np.testing.assert_allclose(J(1.1 * x).toarray(), differences(f, 1.1 * x), rtol=1e-7, atol=1e-9)
    for _ in range(2):
        J(x)
        J(1.2 * x)
    points.clear()
    J(1.3 * x)
    assert len(points) <= 3 * 21  # values for the check of jumps; slopes are machine code


def test_a_rule_that_misses_what_it_integrates_is_called_so():
    J = ss.jacobian(lambda p: quad(lambda z: np.exp(-p[0] * z**2), 0, 1)[0] * p, np.ones(1))
    with pytest.raises(VerificationError, match=r"narrow.*limits around"):
        [J(np.array([1e7 + k])) for k in range(8)]  # it is looked at from time to time
