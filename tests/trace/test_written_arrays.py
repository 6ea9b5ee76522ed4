"""Arrays that a function has written traced values into are traced wherever they are handed on."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import scipy.fft
import scipy.fftpack
import scipy.integrate
import scipy.interpolate
import scipy.signal
import scipy.sparse.linalg

import sparsesolve as ss
from sparsesolve.errors import TraceError

KNOTS = np.arange(4.0)
START, OTHER = np.array([0.3, 0.8, 1.4, 2.0]), np.array([0.5, 0.35, 1.1, 1.7])

SYSTEM = scipy.sparse.csc_array(np.diag([4.0, 5.0, 6.0, 7.0]) + np.eye(4, k=1))


def line(x):
    made = np.zeros(4)
    made[:] = x * x
    return made


def square(x):
    made = np.zeros((2, 2))
    made[0], made[1] = x[:2], x[2:] ** 2
    return made


def picked(x):
    made, inner = np.zeros(4), np.arange(1, 3)
    made[inner] = x[inner + 1] - x[inner] ** 2
    made[0], made[-1] = x[0], x[0] * x[3]
    return np.r_[made / x, made]


CASES = {
    "r_": lambda x: np.r_[x, line(x)],
    "r_ written first": lambda x: np.r_[line(x), x[0], 1.0],
    "r_ with slices and lists": lambda x: np.r_[0, x, 1:3, line(x), [1, 2], 0:1:3j],
    "r_ with a direction": lambda x: np.r_["0,2", x, line(x)],
    "r_ of columns": lambda x: np.r_["1,2,0", x, line(x), KNOTS],
    "r_ along an axis": lambda x: np.r_["-1", square(x), square(x) ** 2],
    "r_ of matrices": lambda x: np.r_[square(x), square(x), np.eye(2)],
    "r_ after an index array": picked,
    "c_": lambda x: np.c_[x, line(x), KNOTS],
    "c_ of written ones": lambda x: np.c_[line(x), line(x)],
    "c_ with a slice": lambda x: np.c_[0:4, line(x)],
    "c_ of a matrix": lambda x: np.c_[square(x), x[:2]],
    "simpson": lambda x: scipy.integrate.simpson(line(x), x=KNOTS),
    "cumulative trapezoid": lambda x: scipy.integrate.cumulative_trapezoid(line(x), KNOTS),
    "fft": lambda x: scipy.fft.fft(line(x)).real,
    "dct": lambda x: scipy.fft.dct(line(x)),
    "derivative": lambda x: scipy.fftpack.diff(line(x), period=3.0),
    "convolve2d": lambda x: scipy.signal.convolve2d(square(x), np.ones((2, 2)), mode="same"),
    "fftconvolve": lambda x: scipy.signal.fftconvolve(line(x), [1.0, 2.0], mode="same"),
    "polynomial": lambda x: np.polynomial.polynomial.polyval(2.0, line(x)),
    "Polynomial": lambda x: np.polynomial.Polynomial(line(x))(0.5),
    "barycentric": lambda x: scipy.interpolate.barycentric_interpolate(KNOTS, line(x), 1.5),
    "copied": lambda x: 2.0 * copy.copy(line(x)),
    "copied deeply": lambda x: 2.0 * copy.deepcopy(line(x)),
    "enumerated": lambda x: np.array([v for _, v in np.ndenumerate(square(x))]),
    "checked": lambda x: 2.0 * np.asarray_chkfinite(line(x)),
    "an output of a method": lambda x: x.dot(line(x), out=np.zeros(())),
    "a sparse system": lambda x: scipy.sparse.linalg.spsolve(SYSTEM, line(x)),
    "a factorized one": lambda x: scipy.sparse.linalg.splu(SYSTEM).solve(line(x)),
    "strided": lambda x: np.lib.stride_tricks.as_strided(line(x), (3, 2), (8, 8)).sum(axis=1),
    "in a list": lambda x: np.stack([line(x), x]),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes(name):
    f = CASES[name]
    J = ss.jacobian(lambda x: np.ravel(f(x)), START)
    for x in (START, OTHER):
        np.testing.assert_allclose(J.value(x), np.ravel(f(x)), rtol=1e-13, atol=1e-14)
        columns = [np.ravel(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
        np.testing.assert_allclose(J(x).toarray(), np.transpose(columns), atol=1e-7)


def test_joined_rows_stay_sparse():
    J = ss.jacobian(lambda x: np.r_[x[-1], x[:-1] ** 2, 0.0], np.ones(40))
    assert J.nnz == 40


def written_strided(x):
    y = line(x)
    windows = np.lib.stride_tricks.as_strided(y, (3, 2), (8, 8))
    y[1] = x[0] ** 3
    return windows.sum(axis=1)


UNSEEN = {
    "written after it was strided": written_strided,
    "nditer": lambda x: np.array([float(v) for v in np.nditer(line(x))]),
    "matrix by letter": lambda x: np.asarray(np.r_["r", line(x)]).ravel(),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_takes_memory_itself_is_refused_and_not_frozen(name):
    with pytest.raises(TraceError):
        ss.jacobian(UNSEEN[name], START, check=False)
