"""Right-hand sides ``f(t, y, ...)`` as people write them for solve_ivp."""

# ruff: noqa: B905, E741, F401, RUF059  (as people write)
from __future__ import annotations

import math
from collections import namedtuple
from math import cos as mcos
from math import pi, sin, tanh

import numpy as np
from numpy import array, cos, exp, zeros

ODES = {}

Constants = namedtuple("Constants", "k1 k2 k3")


def ode(y0, *args, t=0.3):
    """Note a function of (t, y, *args) with its example."""
    return lambda f: ODES.setdefault(f.__name__, (f, (t, np.array(y0, float), *args), 1))[0]


@ode([1.0, 2.0, 3.0], 10.0, 28.0, 8 / 3)
def lorenz(t, xyz, sigma, rho, beta):
    x, y, z = xyz
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


@ode([10.0, 5.0], 1.1, 0.4, 0.1, 0.4)
def lotka_volterra(t, z, a, b, c, d):
    x, y = z
    return [a * x - b * x * y, -c * y + d * x * y]


@ode([0.9, 0.1, 0.0], (0.3, 0.1))
def sir(t, y, params):
    beta, gamma = params
    S, I, R = y
    N = S + I + R
    dS = -beta * S * I / N
    dI = beta * S * I / N - gamma * I
    return np.array([dS, dI, gamma * I])


@ode([0.98, 0.01, 0.01, 0.0], {"beta": 0.5, "sigma": 0.2, "gamma": 0.1, "name": "flu"})
def seir(t, y, p):
    s, e, i, r = y
    dydt = np.zeros(4)
    dydt[0] = -p["beta"] * s * i
    dydt[1] = p["beta"] * s * i - p["sigma"] * e
    dydt[2] = p["sigma"] * e - p["gamma"] * i
    dydt[3] = p["gamma"] * i
    return dydt


@ode([0.8, 0.1, 0.1], dict(k1=0.04, k2=3.0, k3=1.0))
def robertson_dict(t, y, k):
    r1 = k["k1"] * y[0]
    r2 = k["k2"] * y[1] ** 2
    r3 = k["k3"] * y[1] * y[2]
    return np.array([-r1 + r3, r1 - r2 - r3, r2])


@ode([0.8, 0.1, 0.1], Constants(0.04, 3.0, 1.0))
def robertson_namedtuple(t, y, c):
    f = [0.0] * 3
    f[0] = -c.k1 * y[0] + c.k3 * y[1] * y[2]
    f[2] = c.k2 * y[1] * y[1]
    f[1] = -f[0] - f[2]
    return f


@ode([0.2, -0.1], 1.5)
def vdp(t, y, mu):
    return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


@ode(np.linspace(0, 1, 12), 12, 0.1)
def heat_loop(t, T, N, alpha):
    dx = 1.0 / (N - 1)
    dTdt = np.zeros(N)
    dTdt[0] = 0
    for i in range(1, N - 1):
        dTdt[i] = alpha * (T[i + 1] - 2 * T[i] + T[i - 1]) / dx**2
    dTdt[N - 1] = alpha * 2 * (T[N - 2] - T[N - 1]) / dx**2
    return dTdt


@ode(np.linspace(0, 1, 9), dict(N=9, L=1.0, D=0.01, v=1.0, bc="dirichlet"))
def advection_diffusion(t, c, par):
    N = par["N"]
    h = par["L"] / (N + 1)
    cc = np.empty(N + 2)
    cc[1 : N + 1] = c
    if par["bc"] == "dirichlet":
        cc[0], cc[-1] = 1.0, 0.0
    else:
        cc[0], cc[-1] = c[0], c[-1]
    diff = par["D"] * (cc[2:] - 2 * cc[1:-1] + cc[:-2]) / h**2
    adv = -par["v"] * (cc[1:-1] - cc[:-2]) / h
    return diff + adv


@ode(np.linspace(0.1, 1, 16).reshape(-1), (4, 4), 0.5)
def heat_2d(t, u, shape, kappa):
    U = u.reshape(shape)
    lap = np.zeros(shape)
    lap[1:-1, 1:-1] = U[2:, 1:-1] + U[:-2, 1:-1] + U[1:-1, 2:] + U[1:-1, :-2] - 4 * U[1:-1, 1:-1]
    return (kappa * lap).ravel()


@ode(np.linspace(0.1, 1, 18), 3, 3, 0.04, 0.06)
def gray_scott(t, y, nx, ny, F, k):
    n = nx * ny
    u = y[:n].reshape((nx, ny))
    v = y[n:].reshape(nx, ny)
    lap = lambda a: (
        np.roll(a, 1, 0)
        + np.roll(a, -1, 0)
        + np.roll(a, 1, axis=1)
        + np.roll(a, -1, axis=1)
        - 4 * a
    )
    uvv = u * v * v
    du = 0.16 * lap(u) - uvv + F * (1 - u)
    dv = 0.08 * lap(v) + uvv - (F + k) * v
    return np.append(du, dv)


@ode(np.linspace(0.5, 1.5, 10))
def kdv(t, u):
    dx = 0.1
    ux = (np.roll(u, -1) - np.roll(u, 1)) / (2 * dx)
    uxxx = (np.roll(u, -2) - 2 * np.roll(u, -1) + 2 * np.roll(u, 1) - np.roll(u, 2)) / (2 * dx**3)
    return -6 * u * ux - uxxx


@ode(np.linspace(0.5, 1.5, 10), 0.01)
def burgers_gradient(t, u, nu):
    x = np.linspace(0, 1, len(u))
    ux = np.gradient(u, x)
    uxx = np.gradient(ux, x)
    return -u * ux + nu * uxx


@ode(np.linspace(0.5, 1.5, 8))
def kuramoto(t, theta):
    N = theta.size
    K = 1.7
    omega = np.linspace(-1, 1, N)
    return omega + K / N * np.sum(np.sin(theta[None, :] - theta[:, None]), axis=1)


@ode(np.linspace(0.5, 1.5, 6), np.ones((6, 6)) - np.eye(6))
def kuramoto_network(t, theta, A):
    dtheta = np.zeros(len(theta))
    for i, th in enumerate(theta):
        dtheta[i] = 0.5 + sum(A[i, j] * sin(theta[j] - th) for j in range(len(theta)))
    return dtheta


@ode([0.2, 0.5, 0.3, 0.1])
def hodgkin_huxley(t, s):
    V, m, h, n = s
    V = 40 * V
    alpha_m = 0.1 * (V + 40.5) / (1.0 - np.exp(-(V + 40.5) / 10.0))
    beta_m = 4.0 * math.exp(-(V + 65.0) / 18.0)
    alpha_h = 0.07 * math.exp(-(V + 65.0) / 20.0)
    beta_h = 1.0 / (1.0 + math.exp(-(V + 35.0) / 10.0))
    alpha_n = 0.01 * (V + 55.3) / (1.0 - exp(-(V + 55.3) / 10.0))
    beta_n = 0.125 * exp(-(V + 65) / 80.0)
    I_Na = 120.0 * m**3 * h * (V - 50.0)
    I_K = 36.0 * n**4 * (V + 77.0)
    I_L = 0.3 * (V + 54.387)
    return [
        10.0 - I_Na - I_K - I_L,
        alpha_m * (1 - m) - beta_m * m,
        alpha_h * (1 - h) - beta_h * h,
        alpha_n * (1 - n) - beta_n * n,
    ]


@ode([0.1, 0.2])
def fitzhugh_nagumo(t, vw):
    v, w = vw[0], vw[1]
    I_ext = 0.5
    return np.array([v - v**3 / 3 - w + I_ext, 0.08 * (v + 0.7 - 0.8 * w)])


@ode([0.5, 350.0, 340.0])
def cstr_jacket(t, x):
    Ca, T, Tc = x
    k = 7.2e10 * np.exp(-8750.0 / T)
    rA = k * Ca
    dCa = 1.0 * (1.0 - Ca) - rA
    dT = (350 - T) + 5e4 / (1000 * 0.239) * rA + 5e4 / (100 * 1000 * 0.239) * (Tc - T)
    dxdt = np.zeros(3)
    dxdt[0] = dCa
    dxdt[1] = dT
    dxdt[2] = 0.5 * (T - Tc) + 0.1 * (300 - Tc)
    return dxdt


REACTIONS = [
    ({"A": 1}, {"B": 1}, "kf"),
    ({"A": 1, "B": 1}, {"C": 1}, "ks"),
    ({"C": 2}, {"A": 1, "B": 2}, "kr"),
]
SPECIES = ["A", "B", "C"]


@ode([1.0, 0.5, 0.2], {"kf": 0.5, "ks": 2.0, "kr": 0.1})
def kinetics(t, y, rates):
    conc = dict(zip(SPECIES, y))
    change = {s: 0.0 for s in SPECIES}
    for left, right, name in REACTIONS:
        v = rates[name]
        for s, nu in left.items():
            v *= conc[s] ** nu
        for s, nu in left.items():
            change[s] -= nu * v
        for s, nu in right.items():
            change[s] += nu * v
    return [change[s] for s in SPECIES]


STOICH = np.array([[-1, 0, 1], [1, -1, 0], [0, 1, -1], [0, 2, 1]])


@ode([1.0, 0.5, 0.2, 0.4], np.array([0.3, 0.7, 0.2]))
def stoichiometric(t, c, k):
    rate = k * np.array([c[0], c[1] * c[3], c[2] ** 2])
    return STOICH @ rate


@ode([1.0, 0.5, 0.2, 0.4], np.array([0.3, 0.7, 0.2]))
def stoichiometric_dot(t, c, k):
    r = np.array([k[0] * c[0], k[1] * c[1] * c[3], k[2] * c[2] ** 2])
    return np.dot(STOICH, r)


@ode([1.0, 2.0], lambda t: 0.5 * np.sin(t))
def forced(t, y, u):
    return y[1], -y[0] - 0.2 * y[1] + u(t)


@ode([1.0, 2.0], [1.0, 0.5, "log"])
def settings_list(t, y, opts):
    a, b, kind = opts
    growth = np.log(y) if kind == "log" else y
    return a * y - b * growth


@ode([1.0, 2.0, 0.5], 3)
def cascade(t, y, n):
    dy = [0 for _ in range(n)]
    for i in range(n):
        dy[i] = -y[i] if i == 0 else y[i - 1] - y[i]
    return dy


@ode([1.0, 2.0, 0.5, 0.8], 2, 2)
def lattice(t, y, n, m):
    a = np.reshape(y, (n, m))
    out = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            out[i, j] = a[(i + 1) % n, j] + a[i, (j + 1) % m] - 2 * a[i][j] ** 2
    return out.reshape(n * m)


@ode([1.0, 2.0])
def seasonal(t, y):
    r = 0.5 * (1 + 0.3 * mcos(2 * pi * t))
    return r * y * (1 - y / 10)


@ode([1.0, 2.0, 3.0])
def lorenz84(t, s):
    x, y, z = map(float, s)
    a, b, f, g = 0.25, 4.0, 8.0, 1.0
    return np.array(
        [-y * y - z * z - a * x + a * f, x * y - b * x * z - y + g, b * x * y + x * z - z]
    )


@ode(np.linspace(0.5, 1.5, 7))
def lorenz96(t, x):
    N = len(x)
    d = np.zeros(N)
    for i in range(N):
        d[i] = (x[(i + 1) % N] - x[i - 2]) * x[i - 1] - x[i] + 8.0
    return d


@ode([0.5, 0.2, 0.1])
def repressilator(t, p):
    alpha, n = 10.0, 2
    return [alpha / (1 + p[i - 1] ** n) - p[i] for i in range(3)]


@ode([0.5, 0.2, 0.1])
def glucose(t, y, *args):
    Gl, X, I = y.tolist()
    return np.asarray([-(0.03 + X) * Gl + 0.03 * 4.5, -0.02 * X + 1e-2 * I, -0.1 * I + tanh(Gl)])


@ode([5.0, 1.0, 0.2], 0.4, 0.5)
def chemostat(t, x, mumax, Ks):
    S = x.item(0)
    X = x.item(1)
    mu = mumax * S / (Ks + S)
    return np.array([0.1 * (10 - S) - mu * X / 0.5, (mu - 0.1) * X, mu * X])


@ode(np.linspace(300.0, 400.0, 5))
def fin(t, T):
    T_ext = np.concatenate([[300.0], T, [T[-1]]])
    conduction = T_ext[:-2] - 2 * T_ext[1:-1] + T_ext[2:]
    radiation = 5.67e-8 * (T**4 - 293.15**4)
    return 10.0 * conduction - radiation


@ode(np.linspace(0.2, 0.8, 6))
def distillation(t, x):
    n = x.shape[0]
    alpha, L, V = 2.0, 1.2, 1.0
    y = alpha * x / (1 + (alpha - 1) * x)
    dx = zeros(n)
    dx[0] = V * (y[1] - x[0])
    for k in range(1, n - 1):
        dx[k] = L * (x[k - 1] - x[k]) - V * (y[k] - y[k + 1])
    dx[n - 1] = L * x[n - 2] - (L - V) * x[n - 1] - V * y[n - 1]
    return dx


@ode([0.2, 0.4, 0.1, 0.05])
def matrix_riccati(t, p):
    P = p.reshape(2, 2)
    A, Q = array([[0.0, 1.0], [-1.0, -0.5]]), np.eye(2)
    dP = A.T @ P + P @ A - P @ P + Q
    return dP.flatten()


@ode([0.5, 0.6], 1.2, None)
def with_none(t, y, a, k):
    k = 2.0 if k is None else k
    return a * y**k


@ode([0.5, 0.6, 0.7], True, 2)
def with_bool(t, y, damped, power):
    return -(y**power) - (0.1 * y if damped else 0)


@ode([0.5, 0.6, 0.7])
def dictionary_of_functions(t, y):
    rates = {"birth": lambda n: 0.3 * n, "death": lambda n: 0.1 * n**2}
    return np.array([f(y[i]) for i, f in enumerate(rates.values())] + [sum(y)])


@ode(np.linspace(0.3, 1.0, 8))
def staggered(t, state):
    n = len(state) // 2
    h, q = state[:n], state[n:]
    hx = np.diff(np.concatenate((h, h[:1])))
    qx = np.diff(np.insert(q, 0, q[-1]))
    dh = -qx
    dq = -(hx * h) - 0.1 * q * np.abs(q) / h ** (7 / 3)
    return np.array([*dh, *dq])


@ode([0.5, 0.6, 0.7])
def transposed_columns(t, y):
    y = np.array([y, y**2]).T
    return y[:, 0] - y[:, 1]


@ode([0.4, 0.5, 0.6])
def vectorized_rhs(t, y):
    out = np.zeros_like(y)
    out[0, ...] = y[1] - y[0]
    out[1, ...] = -y[0] * y[2]
    out[2, ...] = y[0] * y[1]
    return out


@ode([0.4, 0.5, 0.6])
def checks_first(t, y):
    assert y.ndim == 1, "one state"
    assert len(y) == 3
    if not isinstance(y, np.ndarray):
        raise TypeError
    if not np.isscalar(t):
        t = t[0]
    y = np.asarray(y, dtype=np.float64)
    return y * (1 - y)


@ode([0.4, 0.5, 0.6])
def squeezed(t, y):
    y = np.atleast_2d(y).T
    A = np.array([[-1, 0.5, 0], [0.2, -1, 0.1], [0, 0.3, -2]])
    return np.squeeze(A @ y - 0.1 * y**3)
