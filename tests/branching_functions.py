"""Small functions that branch on their values, in people's styles; each of x of four elements."""

from __future__ import annotations

import bisect
import math

import numpy as np


def upwind(x):
    r = np.zeros(x.size)
    for i in range(x.size):
        if x[i] > 0:
            r[i] = x[i] * (x[i] - x[i - 1])
        else:
            r[i] = x[i] * (x[(i + 1) % x.size] - x[i])
    return r


def minmod(a, b):
    if a * b <= 0:
        return 0.0
    if abs(a) < abs(b):
        return a
    return b


def limited(x):
    return np.array([minmod(x[i] - x[i - 1], x[(i + 1) % 4] - x[i]) * x[i] for i in range(4)])


def while_loop(x):
    s, k = 1.0 * x[0], 0
    while abs(s) < 3:
        s = s * 1.5 + 0.1
        k += 1
    return s * x * k


def newton(x):
    r = []
    for v in x:
        y = 1.0
        for _ in range(50):
            step = (y**3 + y - v) / (3 * y * y + 1)
            y -= step
            if abs(step) < 1e-14:
                break
        r.append(y)
    return np.array(r)


def fixed_point(x):
    y = np.ones(4)
    for _ in range(200):
        new = np.cos(y) * 0.3 + x
        if np.max(np.abs(new - y)) < 1e-14:
            break
        y = new
    return new


def bisection(x):
    low, high = -10.0, 10.0
    for _ in range(3):
        middle = 0.5 * (low + high)
        if middle**3 + middle > x[0]:
            high = middle
        else:
            low = middle
    return x * middle


def assigned_by_mask(x):
    r = np.zeros(4)
    r[x > 0] = x[x > 0] ** 2
    r[x <= 0] = -1
    return r


def early_return(x):
    if x[0] > 0:
        return np.sin(x)
    if x[1] > 0:
        return np.cos(x)
    return x**3


def raised(x):
    try:
        if x[0] < 0:
            raise ValueError("negative")
        return np.exp(x)
    except ValueError:
        return x**2


def asserted(x):
    assert np.all(np.isfinite(x)), "not finite"
    assert x.shape == (4,)
    return x**2


def elif_chain(x):
    t = x[0] + x[1]
    if t < -1:
        k = x[2]
    elif t < 0:
        k = x[2] ** 2
    elif t < 1:
        k = x[3] * x[2]
    else:
        k = np.exp(x[3])
    return k * x


def bubble(x):
    v = list(x)
    for i in range(4):
        for j in range(3 - i):
            if v[j] > v[j + 1]:
                v[j], v[j + 1] = v[j + 1], v[j]
    return np.array(v) * np.arange(1, 5)


def continues(x):
    total = 0.0
    for v in x:
        if v < 0:
            continue
        total += v**2
    return total * x


def smallest(x):
    best, where = math.inf, 0
    for i, v in enumerate(x):
        if v < best:
            best, where = v, i
    return best * x + where


def friction(x):
    v = x[0]
    if abs(v) < 0.1:
        return 10 * v * x
    return (math.tanh(5 * v) if v > 0 else -math.tanh(-5 * v)) * x


def counts(x):
    return x * np.count_nonzero(x > 0)


def swaps(x):
    a, b = x[0], x[1]
    if a > b:
        a, b = b, a
    return (b - a) * x


FUNCTIONS = {
    "upwind": upwind,
    "minmod": limited,
    "while": while_loop,
    "newton": newton,
    "fixed point": fixed_point,
    "bisection": bisection,
    "assigned by mask": assigned_by_mask,
    "early return": early_return,
    "raise": raised,
    "assert": asserted,
    "elif": elif_chain,
    "bubble": bubble,
    "continue": continues,
    "smallest": smallest,
    "friction": friction,
    "count_nonzero": counts,
    "swap": swaps,
    "argmax": lambda x: x[np.argmax(x)] * x,
    "argmin method": lambda x: x[x.argmin()] ** 2,
    "argmax of rows": lambda x: x.reshape(2, 2)[[0, 1], np.argmax(x.reshape(2, 2), axis=1)] ** 2,
    "argmin of columns": lambda x: x.reshape(2, 2)[np.argmin(x.reshape(2, 2), 0), [0, 1]] ** 2,
    "argsort": lambda x: x[np.argsort(x)] * np.arange(4),
    "two largest": lambda x: x[np.argsort(-x)[:2]] ** 3,
    "argpartition": lambda x: x[np.argpartition(x, 2)[:2]].sum(),
    "lexsort": lambda x: x[np.lexsort((x, np.array([0, 0, 1, 1])))] ** 2,
    "unique": lambda x: np.unique(x) ** 2,
    "searchsorted": lambda x: np.arange(5.0)[np.searchsorted([-1.0, -0.2, 0.3, 1.0], x)] * x,
    "searchsorted in x": lambda x: np.searchsorted(np.sort(x), 0.3) * x,
    "digitize": lambda x: np.array([1.0, 2, 3])[np.digitize(x, [-0.5, 0.5])] * x**2,
    "digitize down": lambda x: np.array([1.0, 2, 3])[np.digitize(x, [0.5, -0.5])] * x**2,
    "nonzero": lambda x: (x[np.nonzero(x > 0)] ** 2).sum() * x,
    "flatnonzero": lambda x: (x[np.flatnonzero(x > 0)] ** 2).sum() * x,
    "argwhere": lambda x: x[np.argwhere(x > 0).ravel()].sum() * x,
    "where alone": lambda x: x[np.where(x > 0)].sum() * x,
    "isin": lambda x: x * (1 + np.isin(np.floor(x), [0.0, 1.0])),
    "bisect": lambda x: x * bisect.bisect([-1.0, 0.0, 1.0], x[0]),
    "sorted": lambda x: np.array(sorted(x)) * np.arange(4),
    "sorted down": lambda x: np.array(sorted(x, key=lambda v: -v)) * np.arange(4),
    "max by key": lambda x: max(x, key=abs) ** 2,
    "in": lambda x: x if 0.5 in x else x**2,
    "allclose": lambda x: x if np.allclose(x, 0) else -(x**2),
    "isclose": lambda x: x if np.isclose(x[0], 3.0) else -(x**2),
    "mask": lambda x: (x[x > 0] ** 2).sum() * x,
    "mask of a constant": lambda x: np.arange(4.0)[x > 0].sum() * x,
    "int": lambda x: x * int(x[0]),
    "floor": lambda x: x[math.floor(abs(x[0])) % 4] * x,
    "ceil": lambda x: x * range(-9, 9)[math.ceil(x[0])],
    "round": lambda x: x * [1.0, 2.0, 3.0][round(float(x[0])) % 3],
    "astype": lambda x: x[np.abs(x).astype(int) % 4] * x,
    "range": lambda x: sum(x**k for k in range(int(abs(x[0]) * 2) + 1)),
    "shape": lambda x: np.ones(abs(int(2 * x[0])) + 1).sum() * x,
    "slice": lambda x: x[: 1 + int(abs(x[0])) % 3].sum() * x,
    "and or not": lambda x: x if (x[0] > 0 and x[1] > 0) or not x[2] < 0 else x**2,
    "chained": lambda x: x if -0.5 < x[0] < 0.5 else x**3,
    "all": lambda x: x if all(x > -0.5) else x**3,
    "any": lambda x: x if any(v > 0.5 for v in x) else x**3,
    "np.any": lambda x: x if np.any(x > 0.5) else x**3,
    "ternary": lambda x: np.array([v if v > 0 else 0.1 * v for v in x]),
    "truth of a number": lambda x: x if x[0] else -x,
    "or of numbers": lambda x: x * (x[0] or 2.0),
    "key of a dict": lambda x: {True: x, False: x**2}[bool(x[0] > 0)],
    "sign as a factor": lambda x: (1 if x[0] > 0 else -1) * x**2,
    "sign as an index": lambda x: x * [3, 1, 2][int(np.sign(x[0]))],
    "isnan": lambda x: x if np.isnan(x).any() else x**2,
    "norm": lambda x: x / np.sqrt(np.sum(x**2)) if np.sqrt(x @ x) > 1 else x,
    "filter": lambda x: sum(filter(lambda v: v > 0, x), 0.0) * x,
    "comprehension with if": lambda x: sum([v**2 for v in x if v > 0], 0.0) + x,
    "next": lambda x: x * next((k for k, v in enumerate(x) if v > 0), 9),
}
"""By what they ask."""
