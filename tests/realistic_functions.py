"""Functions as users write them: plain NumPy, loops, in-place assignment, closures, parameters.

`VECTOR` holds functions with an array (or tuple) as value, `SCALAR` those with a number; each with
example arguments, the first of which is differentiated.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from numpy import cos, exp, log, pi, sin, sqrt

rng = np.random.default_rng(11)
VECTOR = {}
SCALAR = {}


def vector(*args):
    return lambda function: VECTOR.setdefault(function.__name__, (function, args))[0]


def scalar(*args):
    return lambda function: SCALAR.setdefault(function.__name__, (function, args))[0]


# ----- ordinary differential equations -----


@vector(np.array([1.0, 0.1, 0.2]))
def robertson(y):
    a, b, c = y
    return [-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b**2, 3e7 * b**2]


@vector(np.array([1.2, 0.3, -0.4, 0.7]), 0.5, {"mass": 2.0, "k": np.array([1.0, 3.0])})
def springs_with_parameters(y, t, p):
    dydt = np.empty_like(y)
    dydt[:2] = y[2:]
    dydt[2] = (-p["k"][0] * y[0] + p["k"][1] * (y[1] - y[0]) ** 3 + np.sin(t)) / p["mass"]
    dydt[3] = -p["k"][1] * (y[1] - y[0]) ** 3 / p["mass"] - 0.1 * y[3] * abs(y[3])
    return dydt


@vector(rng.uniform(0.5, 1.5, 30))
def advection_upwind(u):
    dudt = np.zeros_like(u)
    dx = 1.0 / len(u)
    for i in range(1, len(u) - 1):
        flux_in = 0.5 * u[i - 1] ** 2
        flux_out = 0.5 * u[i] ** 2
        dudt[i] = -(flux_out - flux_in) / dx + 0.01 * (u[i + 1] - 2 * u[i] + u[i - 1]) / dx**2
    dudt[0] = -u[0]
    return dudt


@vector(rng.uniform(0.5, 1.5, 40))
def brusselator_1d(y):
    u, v = y[::2], y[1::2]
    n = len(u)
    du, dv = np.zeros_like(u), np.zeros_like(v)
    du[1:-1] = 1.0 + u[1:-1] ** 2 * v[1:-1] - 4.0 * u[1:-1] + 0.02 * n**2 * np.diff(u, 2)
    dv[1:-1] = 3.0 * u[1:-1] - u[1:-1] ** 2 * v[1:-1] + 0.02 * n**2 * np.diff(v, 2)
    out = np.zeros_like(y)
    out[::2] = du
    out[1::2] = dv
    return out


@vector(np.array([0.1, 0.5, -0.3, 0.2]))
def double_pendulum(z):
    t1, t2, w1, w2 = z
    g, m1, m2, l1, l2 = 9.81, 1.0, 0.7, 1.0, 0.8
    d = t2 - t1
    den1 = (m1 + m2) * l1 - m2 * l1 * cos(d) * cos(d)
    den2 = (l2 / l1) * den1
    a1 = (m2 * l1 * w1**2 * sin(d) * cos(d) + m2 * g * sin(t2) * cos(d)) / den1
    a2 = (-m2 * l2 * w2**2 * sin(d) * cos(d) - (m1 + m2) * g * sin(t2)) / den2
    return np.array([w1, w2, a1, a2])


@vector(np.array([0.3, 0.6]))
def two_hundred_steps(x):
    """Time stepping: explicit midpoint on the Van der Pol oscillator."""
    y, v, h = x[0], x[1], 0.01
    for _ in range(200):
        ym, vm = y + 0.5 * h * v, v + 0.5 * h * ((1 - y**2) * v - y)
        y, v = y + h * vm, v + h * ((1 - ym**2) * vm - ym)
    return np.array([y, v])


@vector(rng.uniform(0.1, 0.9, (8, 2)), 0.1)
def particles(positions, softening):
    """n-body with pair indices, scattered back with np.add.at."""
    i, j = np.triu_indices(len(positions), 1)
    delta = positions[i] - positions[j]
    distance = np.sqrt(np.sum(delta**2, axis=1) + softening**2)
    force = delta / distance[:, None] ** 3
    total = np.zeros_like(positions)
    np.add.at(total, i, -force)
    np.add.at(total, j, force)
    return total


# ----- partial differential equations -----


@vector(rng.uniform(0.0, 1.0, 36))
def bratu_2d_dirichlet(x):
    n = 6
    u = np.pad(x.reshape(n, n), 1)
    laplace = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
    return (laplace + 0.1 * np.exp(u[1:-1, 1:-1])).ravel()


@vector(rng.uniform(0.0, 1.0, 20))
def neumann_1d(u):
    padded = np.concatenate([u[1:2], u, u[-2:-1]])
    return padded[2:] - 2 * padded[1:-1] + padded[:-2] - u**3


@vector(rng.uniform(0.0, 1.0, (5, 4)))
def periodic_2d(u):
    laplace = sum(np.roll(u, s, axis=a) for s in (-1, 1) for a in (0, 1)) - 4.0 * u
    return laplace + u * (1.0 - u**2)


@vector(rng.uniform(0.0, 1.0, (3, 4, 5)))
def periodic_3d(u):
    total = -6.0 * u
    for axis in range(3):
        total = total + np.roll(u, 1, axis) + np.roll(u, -1, axis)
    return total * u


@vector(rng.uniform(0.5, 1.0, (6, 5)))
def minimal_surface_residual(z):
    gx, gy = np.gradient(z)
    w = 1.0 / np.sqrt(1.0 + gx**2 + gy**2)
    return np.gradient(w * gx, axis=0) + np.gradient(w * gy, axis=1)


@vector(rng.uniform(0.5, 1.0, 25))
def conservative_with_sparse(u):
    D = sp.diags_array([-np.ones(24), np.ones(24)], offsets=[0, 1], shape=(24, 25))
    k = 1.0 + (0.5 * (u[1:] + u[:-1])) ** 2
    return D.T @ (k * (D @ u)) + 0.1 * u


K_BIG = sp.random_array((200, 50), density=0.03, rng=np.random.default_rng(1), format="csr")
W_BIG = np.random.default_rng(2).standard_normal((50, 12))


@vector(rng.uniform(-1.0, 1.0, 12))
def closures_over_big_constants(x):
    return np.tanh(K_BIG @ np.maximum(W_BIG @ x, 0.0))[::7]


# ----- optimal control and collocation -----


@vector(rng.uniform(-1.0, 1.0, 3 * 9))
def trapezoidal_collocation(z):
    x, v, u = z.reshape(3, -1)
    h = 1.0 / (len(x) - 1)
    fx, fv = v, u - np.sin(x)
    defects = [y[1:] - y[:-1] - 0.5 * h * (f[1:] + f[:-1]) for y, f in ((x, fx), (v, fv))]
    boundary = [x[0], v[0], x[-1] - 1.0]
    return np.concatenate([*defects, np.array(boundary)])


@vector(rng.uniform(0.1, 1.0, 4 * 6 + 1))
def hermite_simpson(z):
    tf, states, control = z[-1], z[:18].reshape(6, 3), z[18:24]

    def rhs(y, u):
        return np.stack([y[:, 1], u - y[:, 1] * np.abs(y[:, 1]), 0.5 * u**2], axis=1)

    h = tf / 5.0
    left, right = states[:-1], states[1:]
    fl, fr = rhs(left, control[:-1]), rhs(right, control[1:])
    middle = 0.5 * (left + right) + h / 8.0 * (fl - fr)
    fm = rhs(middle, 0.5 * (control[:-1] + control[1:]))
    return (right - left - h / 6.0 * (fl + 4.0 * fm + fr)).ravel()


@vector(rng.uniform(0.1, 0.9, 10))
def list_of_expressions(x):
    c = []
    for k in range(0, len(x) - 2, 2):
        c.append(x[k] ** 2 + x[k + 1] * x[k + 2] - k)
        c += [math.sqrt(2.0) * x[k] / (1 + x[k + 1])]
    c.extend(x[-2:])
    return c


# ----- fitting -----

CAMERAS, POINTS = 3, 5
OBSERVED = [(c, p) for c in range(CAMERAS) for p in range(POINTS) if (c + p) % 4]


@vector(np.concatenate([rng.uniform(0.1, 0.3, 6 * CAMERAS), rng.uniform(1.0, 2.0, 3 * POINTS)]))
def bundle_adjustment(x):
    cameras = x[: 6 * CAMERAS].reshape(CAMERAS, 6)
    points = x[6 * CAMERAS :].reshape(POINTS, 3)
    c, p = np.array(OBSERVED).T
    rotation, translation = cameras[c, :3], cameras[c, 3:]
    theta = np.sqrt(np.sum(rotation**2, axis=1, keepdims=True))
    axis = rotation / theta
    point = points[p]
    dot = np.sum(axis * point, axis=1, keepdims=True)
    moved = np.cos(theta) * point + np.sin(theta) * np.cross(axis, point)
    moved = moved + dot * (1 - np.cos(theta)) * axis + translation
    return (moved[:, :2] / moved[:, 2:]).ravel()


@vector(np.array([2.0, 0.7, 0.3]), np.linspace(0.0, 4.0, 15))
def exponential_model(beta, t):
    return beta[0] * np.exp(-beta[1] * t) + beta[2] - t * 0.1


@vector(rng.uniform(0.1, 0.9, 7))
def piecewise_linear_table(x):
    knots, values = np.linspace(0.0, 1.0, 6), np.array([0.0, 0.8, 0.9, 0.1, -0.5, 1.0])
    return np.interp(x, knots, values) * x[::-1]


@vector(rng.uniform(0.1, 0.9, 6))
def cubic_hermite_spline(heights):
    """Heights at six knots, evaluated at constant places: segments are constants."""
    at = np.linspace(0.05, 4.9, 13)
    k = at.astype(int)
    t = at - k
    slopes = np.gradient(heights)
    a, b = heights[k], heights[k + 1]
    return a + t * slopes[k] + t**2 * (3 * (b - a) - 2 * slopes[k] - slopes[k + 1]) * (1 - t) ** 2


@vector(rng.uniform(0.1, 0.9, 12))
def rolling_windows(x):
    windows = np.lib.stride_tricks.sliding_window_view(x, 4)
    return windows.mean(axis=1) ** 2 + windows.max(axis=-1)


@vector(rng.uniform(0.1, 0.9, 12))
def running_quantities(x):
    level = np.cumsum(x) - np.cumsum(x[::-1])[::-1]
    smooth, s = [], 0.0
    for value in x:
        s = 0.7 * s + 0.3 * value
        smooth.append(s)
    return np.hstack((level * np.array(smooth), np.cumprod(x)))


# ----- networks and statistics -----


@vector(
    rng.standard_normal(5),
    [
        (W, b)
        for W, b in (
            (rng.standard_normal((7, 5)), rng.standard_normal(7)),
            (rng.standard_normal((3, 7)), rng.standard_normal(3)),
        )
    ],
)
def dense_network(x, layers):
    for W, b in layers[:-1]:
        x = np.tanh(W @ x + b)
    W, b = layers[-1]
    z = W @ x + b
    z = np.exp(z - np.max(z))
    return z / z.sum()


@scalar(rng.standard_normal(6 * 4 + 4 + 4 + 1))
def training_loss(theta):
    data = np.linspace(-1.0, 1.0, 5 * 6).reshape(5, 6)
    W, b = theta[:24].reshape(6, 4), theta[24:28]
    v, c = theta[28:32], theta[32]
    hidden = np.maximum(data @ W + b, 0.01 * (data @ W + b))
    prediction = 1.0 / (1.0 + np.exp(-(hidden @ v + c)))
    target = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    return -np.mean(target * np.log(prediction) + (1 - target) * np.log(1 - prediction))


@scalar(rng.uniform(-1.0, 1.0, 3 * 4))
def gaussian_mixture(theta):
    logits, means, logs = theta.reshape(3, 4)
    data = np.linspace(-2.0, 2.0, 9)[:, None]
    weights = logits - np.log(np.sum(np.exp(logits)))
    terms = weights - logs - 0.5 * ((data - means) / np.exp(logs)) ** 2 - 0.5 * np.log(2 * pi)
    top = np.max(terms, axis=1, keepdims=True)
    return -np.sum(top[:, 0] + np.log(np.sum(np.exp(terms - top), axis=1)))


@scalar(np.full(6, 1 / 6.0), np.diag(np.arange(1.0, 7.0)) + 0.1, np.linspace(0.1, 0.3, 6))
def portfolio(w, covariance, returns):
    risk = np.sqrt(w @ covariance @ w)
    return risk - (returns @ w) + 0.01 * np.sum(w * np.log(w)) + 0.1 * np.sum(np.abs(w - 0.1))


@scalar(rng.uniform(0.1, 0.9, (4, 3)))
def matrix_energy(U):
    C = np.eye(4) + U @ U.T
    return np.trace(C @ C) + np.log(np.linalg.det(C)) + np.linalg.norm(U - 1.0) ** 2


@scalar(rng.uniform(0.9, 1.1, 10))
def rosenbrock_loop(x):
    f = 0
    for i in range(len(x) - 1):
        f += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return f


@scalar(rng.uniform(0.2, 0.8, 24))
def thomson(x):
    p = x.reshape(-1, 3)
    total = 0.0
    for i in range(len(p)):
        for j in range(i + 1, len(p)):
            total = total + 1.0 / np.linalg.norm(p[i] - p[j])
    return total


@scalar(rng.uniform(0.2, 0.8, 6))
def recursive_tree(x):
    def tree(a):
        if len(a) == 1:
            return sin(a[0])
        half = len(a) // 2
        return exp(-tree(a[:half])) * tree(a[half:]) + log(1 + tree(a[:half]) ** 2)

    return tree(x)


@scalar(rng.uniform(0.2, 0.8, 5))
def continued_fraction(x):
    total = x[-1]
    for value in reversed(x[:-1]):
        total = value + 1.0 / (1.0 + total)
    return sqrt(total)


@scalar(np.concatenate([rng.uniform(0.95, 1.05, 4), rng.uniform(-0.1, 0.1, 4)]))
def power_flow_penalty(z):
    """AC power flow in polar form on four buses, complex constants only."""
    V, theta = z[:4], z[4:]
    Y = np.diag(np.full(4, 3.0 - 9j)) + (np.ones((4, 4)) - np.eye(4)) * (-1 + 3j)
    G, B = Y.real, Y.imag
    difference = theta[:, None] - theta[None, :]
    P = V * ((G * np.cos(difference) + B * np.sin(difference)) @ V)
    Q = V * np.sum((G * np.sin(difference) - B * np.cos(difference)) * V[None, :], axis=1)
    return np.sum(np.maximum(0.0, P - 0.01) ** 2) + np.sum(Q**2)
