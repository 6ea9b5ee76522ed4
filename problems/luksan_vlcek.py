"""Equality constrained problems of Luksan and Vlcek: chained sums of small terms.

All come from one report and share one form: every term and every constraint
touches a few neighboring variables, so Jacobians and Hessians are banded for any number of
variables. Numbering is that of the report; the files of CUTEst are called LUKVLE1, LUKVLE2, ...

Luksan, Vlcek (1999), "Sparse and partially separable test problems for unconstrained and equality
constrained optimization", Technical Report 767, Institute of Computer Science, Academy of Sciences
of the Czech Republic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .cases import Block, MinimizeCase, Vector, free

__all__ = ["LUKVLE1_BEST", "lukvle1", "lukvle3", "lukvle4", "lukvle5", "lukvle6", "lukvle7"]

LUKVLE1_BEST = 6.2324586324
"""Minimum of problem 5.1, the same to ten digits for every n >= 10."""


def _cycle(values: ArrayLike, n: int) -> Vector:
    """Return the values in turn, n of them."""
    return np.resize(np.asarray(values, dtype=float), n)


def _trigonometric_exponential(a: Vector, b: Vector) -> Vector:
    """``sin(a - b) sin(a + b)``, shared by 5.1 and 5.3."""
    return np.sin(a - b) * np.sin(a + b)


def lukvle1(n: int = 1000) -> MinimizeCase:
    """Problem 5.1: chained Rosenbrock function, trigonometric-exponential constraints.

    Minimize ``sum_{i<n} 100 (x_i^2 - x_{i+1})^2 + (x_i - 1)^2`` subject to, for k = 1 .. n - 2,
    ``3 x_{k+1}^3 + 2 x_{k+2} - 5 + sin(x_{k+1} - x_{k+2}) sin(x_{k+1} + x_{k+2}) + 4 x_{k+1}
    - x_k exp(x_k - x_{k+1}) - 3 = 0``.

    Notes
    -----
    n variables, m = n - 2. Start (-1.2, 1, -1.2, 1, ...). Best value 6.2324586324 for n >= 10, with
    x_1 = -0.95055636; IPOPT takes 6 iterations. Nonconvex. Report 767, problem 5.1.
    """

    def objective(x: Vector) -> Vector:
        return np.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    def chain(x: Vector) -> Vector:
        a, b, c = x[:-2], x[1:-1], x[2:]
        mixed = 3 * b**3 + 2 * c - 5 + _trigonometric_exponential(b, c)
        return mixed + 4 * b - a * np.exp(a - b) - 3

    return MinimizeCase(
        objective=objective,
        x0=_cycle([-1.2, 1.0], n),
        bounds=free(n),
        constraints=(Block(chain, 0.0, 0.0, "chain"),),
        best=LUKVLE1_BEST if n >= 10 else None,
    )


def _quadruples(x: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """``x_{2i-1}, x_{2i}, x_{2i+1}, x_{2i+2}`` for i = 1 .. n / 2 - 1."""
    return x[:-2:2], x[1:-2:2], x[2::2], x[3::2]


def lukvle3(n: int = 1000) -> MinimizeCase:
    """Problem 5.3: chained Powell singular function, two constraints at the ends.

    Minimize ``sum_i (x_{2i-1} + 10 x_{2i})^2 + 5 (x_{2i+1} - x_{2i+2})^2
    + (x_{2i} - 2 x_{2i+1})^4 + 10 (x_{2i-1} - x_{2i+2})^4``, i = 1 .. n / 2 - 1, subject to
    ``3 x_1^3 + 2 x_2 - 5 + sin(x_1 - x_2) sin(x_1 + x_2) = 0`` and
    ``4 x_{n-1} - x_{n-1} exp(x_{n-1} - x_n) - 3 = 0``.

    Notes
    -----
    n variables (even), m = 2. Start (3, -1, 0, 1, 3, -1, ...). Best value 27.5865837567 for
    large n. Nonconvex. Report 767, problem 5.3, as CUTEst's LUKVLE3 has it: the last constraint of
    the report starts with ``4 x_n`` (its minimum is 14.16851).
    """

    def objective(x: Vector) -> Vector:
        a, b, c, d = _quadruples(x)
        squares = (a + 10 * b) ** 2 + 5 * (c - d) ** 2
        return np.sum(squares + (b - 2 * c) ** 4 + 10 * (a - d) ** 4)

    def ends(x: Vector) -> Vector:
        first = 3 * x[0] ** 3 + 2 * x[1] - 5 + _trigonometric_exponential(x[0], x[1])
        last = 4 * x[-2] - x[-2] * np.exp(x[-2] - x[-1]) - 3
        return np.stack([first, last])

    return MinimizeCase(
        objective=objective,
        x0=_cycle([3.0, -1.0, 0.0, 1.0], n),
        bounds=free(n),
        constraints=(Block(ends, 0.0, 0.0, "ends"),),
        best=27.5865837567 if n >= 100 else None,
    )


def _tridiagonal(x: Vector) -> Vector:
    """``8 x_{k+1} (x_{k+1}^2 - x_k) - 2 (1 - x_{k+1}) + 4 (x_{k+1} - x_{k+2}^2)``, k <= n - 2."""
    a, b, c = x[:-2], x[1:-1], x[2:]
    return 8 * b * (b**2 - a) - 2 * (1 - b) + 4 * (b - c**2)


def lukvle4(n: int = 1000) -> MinimizeCase:
    """Problem 5.4: chained Cragg-Levy function, tridiagonal constraints.

    Minimize ``sum_i (exp(x_{2i-1}) - x_{2i})^4 + 100 (x_{2i} - x_{2i+1})^6
    + tan(x_{2i+1} - x_{2i+2})^4 + x_{2i-1}^8 + (x_{2i+2} - 1)^2``, i = 1 .. n / 2 - 1, subject to
    ``8 x_{k+1} (x_{k+1}^2 - x_k) - 2 (1 - x_{k+1}) + 4 (x_{k+1} - x_{k+2}^2) = 0``, k = 1 .. n - 2.

    Notes
    -----
    n variables (even), m = n - 2. Start (1, 2, 2, 2, 1, 2, 2, 2, ...). Best values (own runs of
    IPOPT) 454.645717637 (100), 4827.3909467 (1000), 48554.8432373 (10000). Nonconvex: a last digit
    more or less leads IPOPT to another branch of the tangent, and to the local minima given below.
    Report 767, problem 5.4.
    """

    def objective(x: Vector) -> Vector:
        a, b, c, d = _quadruples(x)
        powers = (np.exp(a) - b) ** 4 + 100 * (b - c) ** 6 + a**8
        return np.sum(powers + np.tan(c - d) ** 4 + (d - 1) ** 2)

    return MinimizeCase(
        objective=objective,
        x0=_cycle([1.0, 2.0, 2.0, 2.0], n),
        bounds=free(n),
        constraints=(Block(_tridiagonal, 0.0, 0.0, "tridiagonal"),),
        best={100: 454.645717637, 1000: 4827.3909467, 10000: 48554.8432373}.get(n),
        local_minima={1000: (4834.14464806,), 10000: (48561.5969387, 48599.3118289)}.get(n, ()),
    )


def lukvle5(n: int = 1000) -> MinimizeCase:
    """Problem 5.5: generalized Broyden tridiagonal function, five-diagonal constraints.

    Minimize ``sum_i |(3 - 2 x_i) x_i - x_{i-1} - x_{i+1} + 1|^(7/3)`` with x_0 = x_{n+1} = 0,
    subject to, for k = 1 .. n - 4, ``8 x_{k+2} (x_{k+2}^2 - x_{k+1}) - 2 (1 - x_{k+2})
    + 4 (x_{k+2} - x_{k+3}^2) + x_{k+1}^2 - x_k + x_{k+3} - x_{k+4}^2 = 0``.

    Notes
    -----
    n variables, m = n - 4. Start x = -1. Best value 2.63928370306 for large n. Nonconvex.
    Report 767, problem 5.5.
    """

    def objective(x: Vector) -> Vector:
        padded = np.pad(x, 1)
        return np.sum(np.abs((3 - 2 * x) * x - padded[:-2] - padded[2:] + 1) ** (7 / 3))

    def five_diagonals(x: Vector) -> Vector:
        ends = x[1:-3] ** 2 - x[:-4] + x[3:-1] - x[4:] ** 2
        return _tridiagonal(x)[1:-1] + ends

    return MinimizeCase(
        objective=objective,
        x0=-np.ones(n),
        bounds=free(n),
        constraints=(Block(five_diagonals, 0.0, 0.0, "five diagonals"),),
        best=2.63928370306 if n >= 100 else None,
    )


def lukvle6(n: int = 999) -> MinimizeCase:
    """Problem 5.6: generalized Broyden banded function, exponential constraints.

    Minimize ``sum_i |(2 + 5 x_i^2) x_i + 1 + sum_{j in J_i} x_j (1 + x_j)|^(7/3)`` with
    ``J_i = {max(1, i - 5), .., min(n, i + 1)}``, subject to, for k = 1 .. (n - 1) / 2,
    ``4 x_{2k} - (x_{2k-1} - x_{2k+1}) exp(x_{2k-1} - x_{2k} - x_{2k+1}) - 3 = 0``.

    Notes
    -----
    n variables (odd), m = (n - 1) / 2. Start x = 3. Best values (own
    runs of IPOPT) 6037.65324662 (99), 62638.246134 (999; CUTEst 6.26382e4), 628644.175008 (9999).
    Nonconvex. Report 767, problem 5.6, with i itself in J_i as in CUTEst's LUKVLE6.
    """

    def objective(x: Vector) -> Vector:
        window = np.pad(x * (1 + x), (5, 1))
        band = sum(window[k : k + n] for k in range(7))
        return np.sum(np.abs((2 + 5 * x**2) * x + 1 + band) ** (7 / 3))

    def exponential(x: Vector) -> Vector:
        before, middle, after = x[:-2:2], x[1::2], x[2::2]
        return 4 * middle - (before - after) * np.exp(before - middle - after) - 3

    return MinimizeCase(
        objective=objective,
        x0=np.full(n, 3.0),
        bounds=free(n),
        constraints=(Block(exponential, 0.0, 0.0, "exponential"),),
        best={99: 6037.65324662, 999: 62638.246134, 9999: 628644.175008}.get(n),
    )


def lukvle7(n: int = 1000) -> MinimizeCase:
    """Problem 5.7: trigonometric tridiagonal function, four constraints at the ends.

    Minimize ``sum_i i (1 - cos x_i + sin x_{i-1} - sin x_{i+1})`` with x_0 = x_{n+1} = 0, subject
    to ``4 (x_1 - x_2^2) + x_2 - x_3^2 = 0``,
    ``8 x_2 (x_2^2 - x_1) - 2 (1 - x_2) + 4 (x_2 - x_3^2) + x_3 - x_4^2 = 0``,
    ``8 x_{n-1} (x_{n-1}^2 - x_{n-2}) - 2 (1 - x_{n-1}) + 4 (x_{n-1} - x_n^2) + x_{n-2}^2 - x_{n-3}
    = 0``, ``8 x_n (x_n^2 - x_{n-1}) - 2 (1 - x_n) + x_{n-1}^2 - x_{n-2} = 0``.

    Notes
    -----
    n variables, m = 4. Start x = 1. Best values (own runs of IPOPT) -34.9980571268 (100),
    -309.770699661 (1000), -3015.96235313 (10000). Nonconvex. Report 767, problem 5.7.
    """
    weight = np.arange(1.0, n + 1)

    def objective(x: Vector) -> Vector:
        sine = np.pad(np.sin(x), 1)
        return np.sum(weight * (1 - np.cos(x) + sine[:-2] - sine[2:]))

    def ends(x: Vector) -> Vector:
        inner = _tridiagonal(np.concatenate([x[:4], x[-4:]]))
        rows = [
            4 * (x[0] - x[1] ** 2) + x[1] - x[2] ** 2,
            inner[0] + x[2] - x[3] ** 2,
            inner[-1] + x[-3] ** 2 - x[-4],
            8 * x[-1] * (x[-1] ** 2 - x[-2]) - 2 * (1 - x[-1]) + x[-2] ** 2 - x[-3],
        ]
        return np.stack(rows)

    return MinimizeCase(
        objective=objective,
        x0=np.ones(n),
        bounds=free(n),
        constraints=(Block(ends, 0.0, 0.0, "ends"),),
        best={100: -34.9980571268, 1000: -309.770699661, 10000: -3015.96235313}.get(n),
    )
