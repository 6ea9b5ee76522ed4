"""Waves of scipy.signal, derivatives by scipy.fftpack with any period, two-dimensional filters."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from scipy.fftpack import diff

import sparsesolve as ss

TIMES = np.array([0.1, 0.7, 2.0, 3.4, 5.5, 7.9, -1.2])
WAVE = np.sin(np.arange(16) * np.pi / 8) + 0.3 * np.cos(np.arange(16) * np.pi / 4)
CASES = {
    "square": (scipy.signal.square, (TIMES,)),
    "square of a share": (lambda t, d: t * scipy.signal.square(t, d), (TIMES, 0.3)),
    "sawtooth": (lambda t: scipy.signal.sawtooth(t) ** 2, (TIMES,)),
    "triangle": (lambda t, w: scipy.signal.sawtooth(t, width=w), (TIMES, 0.25)),
    "falling": (lambda t: scipy.signal.sawtooth(t, 0), (TIMES,)),
    "forced": (lambda y, t: y * scipy.signal.square(2 * np.pi * t, duty=0.4), (TIMES, 0.3)),
    "period": (lambda u, length: diff(u, period=length) * u, (WAVE, 5.0)),
    "third derivative": (lambda u, length: diff(u, 3, length), (WAVE, 5.0)),
    "integral": (lambda u, length: diff(u, order=-1, period=length), (WAVE, 5.0)),
    "smoothed": (
        lambda u: scipy.signal.convolve2d(u, [[0, 1, 0], [1, -4, 1.0]], "same", "symm").ravel(),
        (WAVE.reshape(2, 8),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes_in_every_argument(name):
    f, example = CASES[name]
    for k in range(len(example)):
        J = ss.jacobian(f, *example, argnum=k)
        for factor in (1.0, 1.3, 2.1):
            at = [value * factor for value in example]
            np.testing.assert_allclose(J.value(*at), f(*at), rtol=1e-10, atol=1e-12)
            columns = []
            for place in np.ndindex(np.shape(at[k])):
                moved = [np.array(at[k]), np.array(at[k])]
                moved[0][place] += 1e-5
                moved[1][place] -= 1e-5
                up, down = (f(*at[:k], m[()], *at[k + 1 :]) for m in moved)
                columns.append(np.ravel(up - down) / 2e-5)
            expected = np.transpose(columns)
            scale = 1.0 + np.abs(expected).max()
            np.testing.assert_allclose(J(*at).toarray(), expected, atol=1e-6 * scale)


def test_a_share_that_is_none_gives_no_number():
    J = ss.jacobian(lambda t, d: scipy.signal.square(t, d), TIMES, 0.5)
    assert np.isnan(J.value(TIMES, 1.5)).all()
    np.testing.assert_array_equal(J.value(TIMES, 1.0), np.ones(7))


def test_an_equation_of_shallow_water_waves_is_integrated():
    def waves(u, t, length):
        slope = diff(u, period=length)
        return -6.0 * u * slope - diff(u, order=3, period=length)

    x = np.arange(32) / 32 * 20.0
    u0 = 0.25 / np.cosh(0.5 * np.sqrt(0.5) * (x - 8.0)) ** 2
    run = ss.solve_ivp(
        lambda t, u, length: waves(u, t, length), (0.0, 0.4), u0, method="BDF", args=(20.0,),
        rtol=1e-7, atol=1e-9,
    )  # fmt: skip
    moved = 0.25 / np.cosh(0.5 * np.sqrt(0.5) * (x - 8.0 - 0.2)) ** 2
    assert run.status == 0
    np.testing.assert_allclose(run.y[:, -1], moved, atol=2e-3)
