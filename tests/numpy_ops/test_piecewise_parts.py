"""`np.piecewise` of constant places whose functions give traced values."""

from __future__ import annotations

from typing import Any

import numpy as np

import sparsesolve as ss

T = np.linspace(-2.0, 2.0, 9)


def test_functions_close_over_what_is_traced() -> None:
    def function(p: Any) -> Any:
        line = np.piecewise(
            T, [T < 0, T >= 1], [lambda t: p[0] * t, lambda t, s=2.0: s * np.sqrt(t) * p[1], p[2]]
        )
        one = np.piecewise(0.5, [True, False], [lambda t: p[0] * t, 7.0])
        two = np.piecewise(T, T < 1, [lambda t: p[1] * t, 2.0])
        return np.append(line, [one, two.sum()])

    p = np.array([1.0, 2.0, 3.0])
    J = ss.jacobian(function, p)(p).toarray()
    want = np.zeros((11, 3))
    want[:9, 0] = np.where(T < 0, T, 0.0)
    want[:9, 1] = np.where(T >= 1, 2.0 * np.sqrt(np.abs(T)), 0.0)
    want[:9, 2] = (T >= 0) & (T < 1)
    want[9, 0], want[10, 1] = 0.5, T[T < 1].sum()
    np.testing.assert_allclose(J, want, rtol=1e-15)


def test_later_conditions_win_and_constants_stay_constants() -> None:
    def function(p: Any) -> Any:
        both = np.piecewise(T, [T < 1, T > -1], [lambda t: p[0] * t, lambda t: p[1] + t])
        return both * np.piecewise(T, [T < 0], [-1.0, 1.0])

    p = np.array([3.0, 5.0])
    J = ss.jacobian(function, p)(p).toarray()
    np.testing.assert_allclose(J[:, 0], np.where(T > -1, 0.0, -T), rtol=1e-15)
    np.testing.assert_allclose(J[:, 1], np.where(T > -1, np.where(T < 0, -1.0, 1.0), 0.0))
