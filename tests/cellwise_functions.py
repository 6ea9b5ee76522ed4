"""Loops over cells that branch in each of them, in people's styles."""

from __future__ import annotations

import math

import numpy as np


def upwind(u):
    n = len(u)
    r = np.zeros(n)
    for i in range(n):
        if u[i] > 0:
            r[i] = -u[i] * (u[i] - u[i - 1])
        else:
            r[i] = -u[i] * (u[(i + 1) % n] - u[i])
    return r


def minmod(a, b):
    if a * b <= 0:
        return 0.0
    if abs(a) < abs(b):
        return a
    return b


def limited(u):
    return np.array([minmod(u[i] - u[i - 1], u[i] - u[i - 2]) * u[i] for i in range(len(u))])


def ternary(u):
    return np.array([v**2 if v > 0.2 else 0.1 * v for v in u])


def entropy(u):
    return np.array([v * math.log(v) if v > 0 else 0.0 for v in u])


def elif_chain(u):
    r = np.empty(len(u))
    for i in range(len(u)):
        if u[i] < -0.5:
            k = 1.0
        elif u[i] < 0.5:
            k = 2.0 * u[i]
        else:
            k = u[i] ** 2
        r[i] = k * u[i - 1]
    return r


def added(u):
    r = np.zeros(len(u))
    for i in range(len(u) - 1):
        f = u[i] * u[i + 1]
        if f > 0:
            r[i] -= f
        else:
            r[i + 1] += f
    return r


def one_side(u):
    s = 0.0
    for v in u:
        w = v * v
        if v < 0 and w > 0.01:
            w = 3.0 * v
            s = s + w * u[0]
    return s + u


def joined(u):
    return np.array([(a if a > 0 or b > 0 else a * b) for a, b in zip(u, u[::-1], strict=True)])


def chained(u):
    r = []
    for v in u:
        y = v
        if -0.5 < v < 0.5 and not v > 0.4:
            y = v**3
        r.append(y)
    return np.array(r)


def huber(u):
    total = 0.0
    for v in u:
        if abs(v) <= 1.0:
            total += 0.5 * v * v
        else:
            total += abs(v) - 0.5
    return total


def largest(u):
    best = -math.inf
    for v in u:
        if v > best:
            best = v
    return best * u


def two_arrays(u):
    n = len(u)
    left, right = np.zeros(n), np.zeros(n)
    for i in range(n):
        if u[i] > 0:
            left[i] = u[i] ** 2
            right[i] = u[i - 1]
        else:
            left[i] = u[i]
            right[i] = left[i] * u[i - 1]
    return left * right


class Model:
    """Its flux is a method; its constant a private name."""

    __scale = 2.0

    def flux(self, a, b):
        if a + b > 0:
            return a * a / self.rate()
        return b * b / self.rate()

    def rate(self):
        return self.__scale

    def __call__(self, u):
        return np.array([self.flux(u[i - 1], u[i]) for i in range(len(u))])


def with_closure(u):
    gain = 1.5

    def inner(v):
        return gain * v if v > 0 else v

    return np.array([inner(v) for v in u])


MERGED = {
    f.__name__: f
    for f in (
        upwind, limited, ternary, entropy, elif_chain, one_side, joined, chained, huber,
        largest, two_arrays,
    )
}  # fmt: skip
"""Of which one program is enough."""


def counted(u):
    k = 0
    for v in u:
        if v > 0:
            k += 1
    return k * u


def listed(u):
    found = [0.0]
    for v in u:
        if v > 0:
            found.append(v)
        else:
            found.extend([v, v])
    return sum(found, 0.0) * u


def popped(u):
    rest = list(range(len(u)))
    return np.array([v * (rest.pop() if v > 0 else 1.0) for v in u])


def mended(u):
    """The side that is not taken would not end."""

    def halved(v):
        while v > 1e-3:
            v = v / 2 if v < 1e6 else v
        return v

    return np.array([halved(v) if v < 1e6 and v > 0 else v for v in u])


def raising(u):
    def checked(v):
        if v < -9:
            raise ValueError("negative")
        return v * v

    return np.array([checked(v) for v in u])


def reads_what_it_wrote(u):
    r = np.zeros(len(u))
    for i in range(len(u)):
        s = 0.0
        if u[i] > 0:
            r[i] = u[i]
            s = np.sum(r)
        r[i] = r[i] + s * u[i - 1]
    return r


def aliases(u):
    r = np.zeros(len(u))
    for i in range(len(u)):
        j = i if i % 2 else 0
        if u[i] > 0:
            r[i] = u[i]
            r[j] = u[i] ** 2
        else:
            r[i] = 3.0 * u[i]
    return r


def moves(u):
    r = np.zeros(len(u) + 1)
    i = 0
    for v in u:
        if v > 0:
            r[i] = v
            i = i + 1
        else:
            r[i] = v * v
    return r


def in_place(u):
    w = np.zeros(3) * u[0]
    rows = np.ones((len(u), 2)) * u[0]
    for i in range(len(u)):
        if u[i] > 0:
            w += u[i]
            rows[i] += 1.0
        else:
            w *= 2.0
    return np.concatenate([w, rows.ravel()])


KEPT = {
    f.__name__: f
    for f in (
        counted,
        listed,
        popped,
        mended,
        raising,
        reads_what_it_wrote,
        aliases,
        moves,
        added,
        in_place,
    )
}
"""In which a side does more than compute."""
