"""Residuals ``f(x, ...)`` as people write them for least_squares and root."""

# ruff: noqa: B905, F401, RUF007, UP031, UP032  (as people write)
from __future__ import annotations

import math
from functools import reduce
from operator import itemgetter, mul

import numpy as np
import numpy.linalg as la
from numpy import linalg

RESIDUALS = {}
T = np.linspace(0.1, 2.0, 9)
Y = 2.0 * np.exp(-1.3 * T) + 0.05 * np.sin(9 * T)


def residual(x0, *args):
    """Note a function of (x, *args) with its example."""
    return lambda f: RESIDUALS.setdefault(f.__name__, (f, (np.array(x0, float), *args), 0))[0]


@residual([1.5, 0.8], T, Y)
def exponential_fit(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


@residual([1.5, 0.8, 0.1])
def closure_fit(p):
    a, b, c = p
    return (a * np.exp(-b * T) + c - Y).astype(float)


def model(t, a, b, c):
    return a / (1 + np.exp(-b * (t - c)))


@residual([1.5, 0.8, 0.1], T, Y, model)
def curve_fit_style(p, t, y, f):
    return f(t, *p) - y


@residual([1.5, 0.8, 0.1], T, Y, 0.1 + 0.0 * T)
def weighted(params, xdata, ydata, sigma):
    return np.array([(model(xi, *params) - yi) / si for xi, yi, si in zip(xdata, ydata, sigma)])


@residual([0.5, -0.2, 1.0, 0.3], list(T), list(Y))
def polyval_fit(coefficients, xs, ys):
    return np.polyval(coefficients, xs) - ys


@residual([0.5, -0.2, 1.0, 0.3])
def vandermonde_fit(c):
    return np.vander(T, 4) @ c - Y


@residual([0.5, -0.2, 1.0, 0.3])
def horner(c):
    return [reduce(lambda acc, ci: acc * t + ci, c, 0.0) - y for t, y in zip(T, Y)]


@residual([1.0, 0.4, 0.2, 0.8, 1.2, 0.3])
def sum_of_gaussians(p):
    total = np.zeros_like(T)
    for i in range(0, len(p), 3):
        amp, ctr, wid = p[i : i + 3]
        total = total + amp * np.exp(-((T - ctr) ** 2) / (2 * wid**2))
    return total - Y


@residual([1.0, 0.4, 0.2, 0.8, 1.2, 0.3])
def lorentzians(p):
    peaks = p.reshape(-1, 3)
    fit = np.zeros(len(T))
    for a, x0, w in peaks:
        fit += a * w**2 / ((T - x0) ** 2 + w**2)
    return np.subtract(fit, Y)


@residual([0.1, 0.2, 1.1], np.array([[1.0, 0.2], [0.1, 1.3], [-1.1, 0.3], [0.2, -0.9]]))
def circle(c, pts):
    xc, yc, R = c
    return np.sqrt((pts[:, 0] - xc) ** 2 + (pts[:, 1] - yc) ** 2) - R


@residual([0.1, 0.2], [1.0, 0.1, -1.1, 0.2], [0.2, 1.3, 0.3, -0.9])
def circle_mean_radius(c, x, y):
    Ri = np.hypot(np.array(x) - c[0], np.array(y) - c[1])
    return Ri - Ri.mean()


@residual([1.0, 0.8, 0.1, 0.2, 0.3])
def ellipse(p):
    a, b, x0, y0, th = p
    ct, st = math.cos(th), math.sin(th)
    r = []
    for x, y in [(1.0, 0.3), (0.2, 1.1), (-0.9, 0.1), (0.1, -1.2), (0.8, 0.8)]:
        u = ct * (x - x0) + st * (y - y0)
        v = -st * (x - x0) + ct * (y - y0)
        r.append((u / a) ** 2 + (v / b) ** 2 - 1)
    return np.array(r)


@residual([0.3, 0.1, 0.5], [(0, 1, 1.2), (1, 2, 0.7), (0, 2, 1.5)])
def distances_of_tuples(x, edges):
    return [abs(x[j] - x[i]) - d for i, j, d in edges]


@residual([0.3, 0.1, 0.5], {(0, 1): 1.2, (1, 2): 0.7, (0, 2): 1.5})
def distances_of_dict(x, edges):
    r = []
    for (i, j), d in edges.items():
        r += [(x[j] - x[i]) ** 2 - d**2]
    return np.array(r)


@residual(np.linspace(0, 1, 10), 1.5)
def bratu(u, lam):
    n = len(u)
    h = 1.0 / (n + 1)
    F = np.zeros(n)
    for i in range(n):
        left = u[i - 1] if i > 0 else 0.0
        right = u[i + 1] if i < n - 1 else 0.0
        F[i] = (left - 2 * u[i] + right) / h**2 + lam * math.exp(u[i])
    return F


@residual(np.linspace(0.1, 1, 12))
def broyden_tridiagonal(x):
    f = (3 - 2 * x) * x + 1
    f[1:] -= x[:-1]
    f[:-1] -= 2 * x[1:]
    return f


@residual(np.linspace(0.1, 1, 8))
def trigonometric(x):
    n = x.size
    i = np.arange(1, n + 1)
    return n - np.sum(np.cos(x)) + i * (1 - np.cos(x)) - np.sin(x)


@residual([0.5, 0.6, 0.7, 0.8])
def powell_singular(x):
    x1, x2, x3, x4 = x
    return (
        x1 + 10 * x2,
        math.sqrt(5) * (x3 - x4),
        (x2 - 2 * x3) ** 2,
        math.sqrt(10) * (x1 - x4) ** 2,
    )


@residual([0.5, 0.6, 0.7])
def helical_valley(x):
    theta = math.atan2(x[1], x[0]) / (2 * math.pi)
    r = math.hypot(x[0], x[1])
    return np.array([10 * (x[2] - 10 * theta), 10 * (r - 1), x[2]])


@residual(np.linspace(0.2, 0.8, 7))
def discrete_integral(x):
    n = len(x)
    h = 1 / (n + 1)
    t = np.arange(1, n + 1) * h
    f = []
    for i in range(n):
        s1 = np.sum(t[: i + 1] * (x[: i + 1] + t[: i + 1] + 1) ** 3)
        s2 = np.sum((1 - t[i + 1 :]) * (x[i + 1 :] + t[i + 1 :] + 1) ** 3)
        f.append(x[i] + h / 2 * ((1 - t[i]) * s1 + t[i] * s2))
    return np.stack(f)


@residual([1.0, 0.9, -0.1])
def power_flow(x):
    G, B = np.array([[2.0, -2], [-2, 2]]), np.array([[-6.0, 6], [6, -6]])
    V = np.array([1.02, x[0]])
    th = np.array([0, x[2]])
    P = np.zeros(2)
    Q = np.zeros(2)
    for i in range(2):
        for k in range(2):
            dth = th[i] - th[k]
            P[i] += V[i] * V[k] * (G[i, k] * np.cos(dth) + B[i, k] * np.sin(dth))
            Q[i] += V[i] * V[k] * (G[i, k] * np.sin(dth) - B[i, k] * np.cos(dth))
    return [P[1] + 0.5, Q[1] + 0.2, x[1] - 0.9]


@residual([0.3, 0.3, 0.2, 0.2], dict(T=350.0, P=1.2))
def equilibrium(n, cond):
    N = sum(n)
    y = [ni / N for ni in n]
    K1 = np.exp(-1200 / cond["T"] + 2)
    K2 = np.exp(-800 / cond["T"])
    return [
        y[2] * y[3] - K1 * y[0] * y[1],
        y[3] ** 2 * cond["P"] - K2 * y[0],
        n[0] + n[2] - 0.5,
        N - 1.0,
    ]


@residual([0.5, 0.3, 0.2], (8.07131, 1730.63, 233.426), (7.43155, 1554.679, 240.337))
def flash(z, *antoine):
    T = 80 + 10 * z[2]
    Psat = [10 ** (A - B / (C + T)) for A, B, C in antoine]
    return np.array(
        [z[0] + z[1] - 1, z[0] * Psat[0] + z[1] * Psat[1] - 760, z[0] * Psat[0] - 380 * z[2]]
    )


@residual([1.0, 2.0, 0.5])
def pipes(Q):
    k = (100.0, 80.0, 120.0)
    return np.array([
        Q[0] + Q[1] - 3,
        Q[1] - Q[2] - 0.5,
        k[0] * Q[0] * abs(Q[0]) - k[1] * Q[1] * abs(Q[1]) - k[2] * np.abs(Q[2]) * Q[2],
    ])  # fmt: skip


@residual([0.02])
def colebrook(f):
    Re, eps = 1e5, 1e-4
    return 1 / np.sqrt(f) + 2 * np.log10(eps / 3.7 + 2.51 / (Re * np.sqrt(f)))


@residual([1.1, 1.2, 0.1])
def diode_circuit(v):
    Is, Vt = 1e-6, 0.3
    Id = lambda u: Is * (math.exp(u / Vt) - 1)
    res = np.empty(3, dtype=np.float64)
    res[0] = (5 - v[0]) / 1e3 - Id(v[0] - v[1])
    res[1] = Id(v[0] - v[1]) - v[1] / 2e3 - v[2]
    res[2] = v[2] * 1e3 - v[1] ** 2
    return res


@residual([0.2, 0.4, 0.6, 0.8], np.arange(12).reshape(4, 3) % 5 / 5.0, np.array([0, 2, 1, 2]))
def softmax_logits(w, X, labels):
    z = X.T @ w
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    onehot = np.eye(3)[labels]
    return (onehot - p[None, :]).ravel()


@residual(np.linspace(-1, 1, 11), [3, 2, 1])
def small_network(theta, layers):
    inputs = np.array([[0.1, 0.2, 0.3], [0.5, -0.1, 0.2]])
    h, k = inputs, 0
    for nin, nout in zip(layers[:-1], layers[1:]):
        W = theta[k : k + nin * nout].reshape(nin, nout)
        k += nin * nout
        b = theta[k : k + nout]
        k += nout
        h = np.tanh(h @ W + b)
    return h[:, 0] - np.array([0.2, 0.1])


@residual([0.5, 0.2, 0.4], np.random.default_rng(1).normal(size=20))
def arma(params, series):
    phi, theta, c = params
    e = np.zeros(len(series))
    for t in range(1, len(series)):
        e[t] = series[t] - c - phi * series[t - 1] - theta * e[t - 1]
    return e[1:]


@residual([0.1, 0.05, 0.9], np.random.default_rng(2).normal(size=12))
def garch(params, eps):
    omega, alpha, beta = params
    sigma2 = [np.var(eps)]
    for e in eps[:-1]:
        sigma2.append(omega + alpha * e**2 + beta * sigma2[-1])
    return eps / np.sqrt(sigma2)


@residual([0.3, 0.5], 6)
def shooting(p, steps):
    y = np.array([p[0], p[1]])
    h = 0.1
    f = lambda y: np.array([y[1], -np.sin(y[0])])
    for _ in range(steps):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y - np.array([0.1, 0.2])


@residual([0.3, 0.5, 0.7, 0.2], "linear")
def by_name(x, kind):
    table = {"linear": lambda r: r, "soft": lambda r: np.sqrt(1 + r**2) - 1}
    return table[kind](x - 0.4)


@residual([0.3, 0.5, 0.7, 0.2], slice(1, None), Ellipsis)
def slices_as_arguments(x, part, rest):
    return x[part] ** 2 - x[rest][:-1]


@residual([0.3, 0.5, 0.7, 0.2])
def items(x):
    pick = itemgetter(0, 2, 3)
    a, b, c = pick(x)
    return np.array([mul(a, b), mul(b, c), a - c])


@residual([0.3, 0.5, 0.7])
def printing(x):
    r = x**2 - 0.2
    print(f"norm {np.linalg.norm(r):.3e} at {x}", x[0], file=SINK)
    return r


class _Sink:
    def write(self, text):
        return len(text)


SINK = _Sink()


@residual([0.3, 0.5, 0.7])
def logs_values(x):
    HISTORY.append(1)
    r = x**2 - 0.2
    "cost = %.4f, x = %s" % (float(np.sum(r**2)), x)
    "{:8.3f} {:g}".format(r[0], np.max(np.abs(r)))
    return r


HISTORY = []


@residual(np.linspace(0.5, 1.5, 6))
def log_likelihood_terms(x):
    mu, ls = x[:3], x[3:]
    data = np.array([[0.1, 0.2, 0.3], [0.5, 0.4, 0.2]])
    z = (data - mu) / np.exp(ls)
    return (-0.5 * z**2 - ls - 0.5 * np.log(2 * np.pi)).sum(axis=0)


@residual([0.5, 0.7, 0.9], np.array([0.0, 1.0, 2.0, 3.0]))
def convolved(k, signal):
    return np.convolve(signal, k, mode="same") - np.correlate(signal, k, "valid").mean()


@residual([0.5, 0.7, 0.9, 0.3])
def triangular(v):
    L = np.zeros((2, 2))
    L[np.tril_indices(2)] = v[:3]
    C = L @ L.T
    return np.append(C[np.triu_indices(2)], v[3] * linalg.det(C))


@residual([0.5, 0.7, 0.9, 0.3])
def symmetric_from_half(v):
    A = np.zeros((2, 2))
    iu = np.triu_indices(2)
    A[iu] = v[:3]
    A = A + A.T - np.diag(A.diagonal())
    return A.dot(v[2:])


@residual([0.5, 0.7, 0.9, 0.3])
def where_and_clip(x):
    a = np.where(x > 0.6, x**2, 2 * x)
    b = np.clip(x, 0.4, 0.8)
    return np.maximum(a, b) + np.sign(x - 0.6) * np.heaviside(x - 0.55, 0.5) * x


@residual([0.5, 0.7, 0.9, 0.3])
def meshgrid_surface(c):
    X, Z = np.meshgrid(np.linspace(0, 1, 3), np.linspace(0, 1, 2))
    S = c[0] + c[1] * X + c[2] * Z + c[3] * X * Z
    return (S - 1.0).T.ravel(order="F")


@residual([0.5, 0.7, 0.9, 0.3])
def fourier_series(c):
    f = c[0] / 2
    for k, (a, b) in enumerate(zip(c[1::2], c[2::2]), start=1):
        f = f + a * np.cos(k * T) + b * np.sin(k * T)
    return f + c[-1] * T - Y


@residual([0.5, 0.7, 0.9])
def quadrature(c):
    s = np.linspace(0, 1, 21)
    vals = [np.trapezoid(np.exp(-a * s) * s, s) for a in c]
    return np.array(vals) - 0.2


@residual([0.5, -0.2, 1.0, 0.3])
def poly1d_fit(c):
    p = np.poly1d(c)
    return p(T) - Y
