"""Right-hand sides, residuals and matrices as people write them, into plain arrays."""

from __future__ import annotations

import math
from math import exp, sqrt

import numpy as np
from numpy import array, asarray, empty, zeros

N = 5


def _lorenz(y):
    d = np.zeros(3)
    d[0] = 10.0 * (y[1] - y[0])
    d[1] = y[0] * (28.0 - y[2]) - y[1]
    d[2] = y[0] * y[1] - 8.0 / 3.0 * y[2]
    return d


def _van_der_pol(y):
    d = zeros(2)
    d[0] = y[1]
    d[1] = 5.0 * (1 - y[0] ** 2) * y[1] - y[0]
    return d


def _robertson(y):
    rates = np.empty(3)
    rates[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]
    rates[2] = 3e7 * y[1] ** 2
    rates[1] = -rates[0] - rates[2]
    return rates


def _brusselator(y):
    n = len(y) // 2
    d = np.zeros(2 * n)
    for i in range(n):
        u, v = y[i], y[n + i]
        left = y[i - 1] if i > 0 else 1.0
        d[i] = 1.0 + u * u * v - 4.0 * u + 0.02 * (left - u)
        d[n + i] = 3.0 * u - u * u * v
    return d


def _heat(u):
    d = np.zeros(len(u))
    d[1:-1] = (u[2:] - 2 * u[1:-1] + u[:-2]) * 16.0
    d[0] = u[0] - 1.0
    d[-1] = u[-1]
    return d


def _padded(u):
    p = np.empty(len(u) + 2)
    p[0] = p[-1] = 0
    p[1:-1] = u**2
    return p[2:] - 2 * p[1:-1] + p[:-2]


def _cstr(y):
    k = 7.2e2 * math.exp(-8.0 / y[1])
    return [1.0 - y[0] - k * y[0], 350.0 / 300 - y[1] + 209.0 * k * y[0]]


def _predator(y):
    eaten = y[0] * y[1] / (1 + exp(-y[0])) + sqrt(y[1])
    d = array([0.0] * 2)
    d[0], d[1] = y[0] - eaten, eaten - float(y[1])
    return d


def _finite_volumes(u):
    n = len(u)
    flux = np.zeros(n + 1)
    for i in range(1, n):
        flux[i] = 0.5 * (u[i - 1] ** 2 + u[i] ** 2) - 0.1 * (u[i] - u[i - 1])
    r = np.empty(n)
    for i in range(n):
        r[i] = flux[i + 1] - flux[i]
    return r


def _assembled(u):
    stiffness = np.zeros((len(u), len(u)))
    for e in range(len(u) - 1):
        k = 1.0 + u[e] * u[e + 1]
        stiffness[e : e + 2, e : e + 2] += k * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return stiffness @ u


def _rotated(y):
    m = np.eye(3)
    m[:2, 2] = y[:2]
    m[0, 0] = m[1, 1] = np.cos(y[2])
    m[1, 0] = np.sin(y[2])
    m[0, 1] = -m[1, 0]
    return (m @ np.array([1.0, 2.0, 1.0])).ravel()


def _scattered(x):
    r = np.zeros(4)
    np.add.at(r, [0, 1, 1, 3, 0], x**2)
    return r


def _fancy(x):
    r = np.ones(6)
    r[[4, 1]] = x[:2]
    r[np.arange(6) % 3 == 0] *= x[2]
    return r


def _views(x):
    r = np.zeros((2, 3))
    top = r[0]
    top[1:] = x[:2]
    r.T[0, 1] = x[2]
    r.reshape(6)[4] += x[3]
    r.ravel()[5] = x[4]
    r.flat[0] = x[0] * x[1]
    part = r[1][1:]
    part[:] += 1.0
    return r


def _view_made_first(x):
    r = np.zeros(N)
    a, b = r[1:], r[::2]
    r[2] = x[0]
    a[0] = b[1] * x[1]
    b += x[:3]
    return np.concatenate([r, a, b])


def _added(x):
    r = np.ones(N)
    r += x
    r[1:] -= x[:-1] * 2
    r *= x[0]
    r /= 1 + x**2
    return r


def _into_out(x):
    r = np.empty(N)
    np.multiply(x, 3.0, out=r)
    np.add(r, x, out=r)
    np.sin(r, r)
    return r


def _written_by(r, x):
    r[0] = x[0]
    np.copyto(r[1:3], x[1:3])
    r.put([3], x[3])


def _nested(x):
    r = np.full(N, 2.0)
    _written_by(r, x)
    return r, r


def _filled(x):
    r = np.arange(float(N))
    s = r + 1.0
    s[1] = x[1]
    t = np.copy(s)
    t.fill(x[2])
    t[0] = 7.0
    return np.vstack([r, s, t])


def _constants_inside(x):
    order = np.arange(N)[::-1]
    weights = np.linspace(0.0, 1.0, N)
    grid = np.ones((N, N))
    weights[0] = 4.0
    return (grid @ (weights * x[order]))[: int(weights[0])]


def _returned_alias(x):
    r = np.zeros(N)
    r[...] = x
    s = r
    s[0] = 2 * x[1]
    return r * s


def _listed(x):
    r = [0] * N
    for i in range(N):
        r[i] = x[i] * x[0]
    return r


def _methods(x):
    r = np.zeros(N)
    r[2:] = x[2:]
    return [r.sum(), r.dot(x), r.mean(), len(r) * r[2], sum(r), r.T @ x, np.dot(r, r), max(r)]


def _identity(x):
    m = np.identity(3)
    np.fill_diagonal(m, x[:3])
    return m.dot(x[2:])


def _asarray(x):
    x = asarray(x)
    r = np.zeros_like(np.zeros(N))
    r[:] = np.exp(array([1.0, x[0], x[1], 2.0, 3.0]))
    return r


def _masked(x):
    r = np.zeros(N)
    r[:] = x
    r[r > 0.9] = 0.0
    return r + x


def _by_work_array(x):
    make = empty
    work = make((N, 2), dtype=float)
    for row, value in zip(work, x, strict=True):
        row[0], row[1] = value, value**2
    return np.sum(work, axis=1)


def _swapped(x):
    r = np.zeros((2, 2))
    r[0], r[1] = x[:2], x[2:4]
    r[1], r[0] = r[0].copy(), r[1].copy()
    s = np.array(r)
    s[0, 0] = 5.0
    return np.concatenate([r.ravel(), s.flatten(), np.asarray(r, dtype=float)[0]])


def _shared(x):
    r = np.zeros(3)
    v, w = np.asarray(r), r.view()
    r[0] = x[0]
    w[1] = v[0] * x[1]
    return np.concatenate([v, w, np.diff(r)])


def _by_element(x):
    r = np.zeros(N)
    for i in range(N):
        r[i] += x[i]
        r[i] *= 2
        r[i] -= r[i - 1]
    for row in r.reshape(N, 1):
        row *= x[0]
    return r


def _constant_rows(x):
    r = np.zeros((3, 2))
    r[1] = [x[0], 1.0]
    r[2] = x[1:3]
    a, b, c = r
    return np.concatenate([a, b * c])


WRITING = {
    name.strip("_"): function
    for name, function in list(globals().items())
    if name.startswith("_") and callable(function) and name != "_written_by"
    and getattr(function, "__module__", "") == __name__
}  # fmt: skip
