"""A function may assign into the argument that it is differentiated by: it has a copy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import sparsesolve as ss
from sparsesolve.errors import TraceError

START = np.array([0.5, -0.3, 0.7, 0.25, 1.4])
MATRIX = np.arange(25.0).reshape(5, 5) / 25
KEPT = np.zeros(5)


def clipped_by_mask(y, k):
    y[y < 0] = 0.0
    change = np.zeros_like(y)
    change[:-1] -= k * y[:-1] * y[1:]
    change[1:] += k * y[:-1] * y[1:]
    return change


def clipped_one_by_one(y, k):
    for i in range(len(y)):
        if y[i] < 0:
            y[i] = 0.0
    return k * y**1.5


def ends_are_given(y, k):
    y[0], y[-1] = k, 2.0 + np.sin(k)
    return np.convolve(y, [k, -2 * k, k], mode="same")


def view_is_changed(y, k):
    inner = y.reshape(5, 1)[1:3]
    inner[0] = k
    return y * y


def added_to(y, k):
    y += k
    y *= y
    return y


def sorted_in_place(y, k):
    y.sort()
    return k * y * np.arange(5.0)


def clipped_in_place(y, k):
    np.clip(y, 0.2, 1.0, out=y)
    return k * y * y


def given_outputs(y, k):
    work = np.empty(5)
    np.dot(MATRIX, y, out=work)
    np.cumsum(work, out=work)
    np.sum(MATRIX * work, axis=1, out=KEPT)
    np.take(KEPT, [1, 0, 2, 3, 4], out=work)
    np.einsum("ij,j->i", MATRIX, work, out=KEPT)
    return k * KEPT + work


FUNCTIONS = [
    clipped_by_mask, clipped_one_by_one, ends_are_given, view_is_changed, added_to,
    sorted_in_place, clipped_in_place, given_outputs,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS)
def test_values_slopes_and_the_callers_array(f):
    J = ss.jacobian(f, START, 0.4)
    for y in (START, START[::-1].copy(), 1.3 * START + 0.07):
        given = y.copy()
        np.testing.assert_allclose(J.value(given, 0.7), f(y.copy(), 0.7), rtol=1e-13)
        columns = [(f(y + h, 0.7) - f(y - h, 0.7)) / 2e-6 for h in 1e-6 * np.eye(5)]
        np.testing.assert_allclose(J(given, 0.7).toarray(), np.transpose(columns), atol=1e-7)
        np.testing.assert_array_equal(given, y)
    J.verify()


def test_solve_with_a_state_that_is_clipped():
    y0 = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10}
    ours = ss.solve_ivp(lambda t, y: clipped_by_mask(y, 0.4), (0.0, 2.0), y0, **options)
    plain = scipy.integrate.solve_ivp(
        lambda t, y: clipped_by_mask(y.copy(), 0.4), (0.0, 2.0), y0, **options
    )
    assert ours.status == plain.status == 0
    np.testing.assert_allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-6)
    np.testing.assert_array_equal(y0, [1.0, 0.8, 0.6, 0.4, 0.2])


def test_other_arguments_are_the_callers():
    with pytest.raises(TraceError, match="into the argument `k`"):
        ss.jacobian(lambda y, k: added_to(k, 1.0) * y, START, START.copy())
