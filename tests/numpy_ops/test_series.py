"""Series of `numpy.polynomial`: what they do to traced coefficients and at traced points."""

from __future__ import annotations

import numpy as np
import pytest
from branch_references import differences
from numpy.polynomial import (
    Chebyshev,
    Legendre,
    Polynomial,
    chebyshev,
    hermite,
    hermite_e,
    laguerre,
    legendre,
    polynomial,
)

import sparsesolve as ss

FAMILIES = {
    "poly": polynomial,
    "cheb": chebyshev,
    "leg": legendre,
    "herm": hermite,
    "herme": hermite_e,
    "lag": laguerre,
}
X = np.array([0.15, 0.25, 0.6, 0.7])


def of_points(call):
    return lambda x: np.concatenate(
        [
            call("vander", x.reshape(2, 2), 4).ravel(),
            call("vander", x[0], 2).ravel(),
            call("vander2d", x, 2 * x, [2, 3]).ravel(),
            call("vander3d", x[:2], x[2:], x[1:3], [1, 2, 1]).ravel(),
            call("val", x, np.outer(x, x[:2])).ravel(),
            call("val", x[:2], np.outer(x, x[:2]), False),
            call("val", np.ones((2, 3)) / 3, np.outer(x, x[:2])).ravel(),
            call("val2d", x, x[::-1], np.outer(x, x)),
            call("grid2d", x, x[:3], np.outer(x, x)).ravel(),
            call("val3d", x, x, 2 * x, np.multiply.outer(np.outer(x[:2], x[:2]), x[:3])),
            call("grid3d", x[:2], x[:1], x[:3], np.ones((2, 3, 2)) * x[0]).ravel(),
        ]
    )


def of_coefficients(call):
    return lambda x: np.concatenate(
        [
            call("der", x),
            call("der", np.outer(x, x), 2, 2.0, 1).ravel(),
            call("int", x),
            call("int", x, 2, [1.0, x[0]], 0.3, 2.0),
            call("int", np.outer(x, x[:2]), 1, [], 0.1, 1.0, 1).ravel(),
            call("mulx", x),
            call("mul", x, x[:2]),
            call("mul", [1.0, 2.0], x),
            *call("div", x, x[:2]),
            call("div", x[:2], x)[1],
            call("pow", x[:3], 3),
            call("fromroots", x),
            np.abs(call("roots", x)),
        ]
    )


def check(f):
    J = ss.jacobian(f, X)
    x = 1.1 * X + 0.03
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-10, atol=1e-10)
    expected = differences(f, x)
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-6, atol=1e-7 * scale)


CASES = [(part, family) for part in (of_coefficients, of_points) for family in FAMILIES]
QUICK = (of_coefficients, "lag")


@pytest.mark.parametrize(
    ("part", "family"),
    [case if case == QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in CASES],
)
def test_each_family(part, family):
    check(part(lambda name, *args: getattr(FAMILIES[family], family + name)(*args)))


@pytest.mark.parametrize("kind", [Polynomial, Chebyshev, Legendre])
def test_objects(kind):
    def f(x):
        p = kind(x, domain=[0.0, 2.0])
        q = p.deriv()(x) * p.integ(lbnd=0)(0.3) + (p * kind(x[:2], domain=[0.0, 2.0]))(x)
        return np.concatenate([q, (-p * 2 + 1.0)(x), (p**2).coef])

    check(f)


def test_plain_series_stay_plain():
    def f(x):
        columns = legendre.legvander(np.linspace(-1, 1, 5), 3)
        slopes = legendre.legder([1.0, 2.0, 3.0], 2)
        zeros = np.sort(legendre.legroots([0.1, 0.2, 0.5]))
        return columns @ x * slopes[0] + zeros[0] + legendre.legint([1.0], 1, 2.0)[0]

    J = ss.jacobian(f, X)
    assert np.array_equal(J(X).toarray(), legendre.legvander(np.linspace(-1, 1, 5), 3) * 9.0)


def test_a_traced_lower_limit_is_refused_by_name():
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"legint.*test_series"):
        ss.jacobian(lambda x: legendre.legint([1.0, 2.0], lbnd=x[0]) * x[1], X)
