"""Functions of NumPy and Python that run by their own code, or are replaced: expressions."""

# ruff: noqa: F401  (names of the expressions, which are evaluated)
from __future__ import annotations

import math
import statistics

import numpy as np
import scipy.linalg as sl
import scipy.ndimage as nd
import scipy.signal as sg
import scipy.special as sc
import scipy.stats as st
from numpy.lib.stride_tricks import as_strided
from scipy.spatial.distance import cdist, pdist

from tests.operation_cases import Case

C = np.array([0.2, 0.9, 1.4, 0.6, -0.3, 1.1])
HOLES = np.where(C > 0, 1.0, np.nan)


def _square(x):
    return 3.0 * np.eye(3) + np.outer(x[:3], x[3:])


def _written(write, array):
    write(array)
    return array


_EXPRESSIONS = """
np.nancumsum(x * HOLES)
np.nancumprod(x.reshape(2, 3), axis=1)
np.setxor1d(x, C)
np.unique_values(x) * x
np.linalg.tensorinv(_square(x), ind=1)
np.linalg.tensorsolve(_square(x), x[:3])
np.polydiv(x, x[:3])[0]
np.polydiv(x, [1.0, 0.3, 0.2])[1]
np.polynomial.polynomial.polyval2d(x, x**2, np.outer(C[:3], C[:2]))
np.emath.sqrt(x - 0.5).imag
np.emath.log(x) * np.emath.power(x, 2)
np.quantile(x, 0.4, method="hazen") * x
np.quantile(x, [0.0, 0.3, 1.0], method="weibull")
np.quantile(x.reshape(2, 3), 0.45, axis=1, method="median_unbiased")
np.quantile(x, 0.41, method="interpolated_inverted_cdf")
np.nanquantile(x * HOLES, [0.3, 0.6])
np.nanpercentile((x * HOLES).reshape(3, 2), 30, 1)
np.nanmedian((x * HOLES).reshape(3, 2), axis=1, keepdims=True)
np.frompyfunc(lambda a, b: a * b + a, 2, 1).reduce(x)
np.subtract.reduce(x)
np.divide.reduce(x.reshape(2, 3), axis=1)
np.pad(x, 2, mode="linear_ramp", end_values=x[0])
np.pad(x, (1, 2), mode="mean", stat_length=3)
np.pad(x.reshape(2, 3), ((1, 1), (0, 2)), constant_values=x[0] ** 2)
np.pad(x, 2, mode="reflect", reflect_type="odd") ** 2
np.arange(x[0], x[0] + 1.95, 0.5) ** 2
np.linspace(x[:2], x[2:4] ** 2, 4, axis=1)
np.linspace(x[0], 2.0, 5, retstep=True)[1] * x
as_strided(x, (x.size - 2, 3), x.strides * 2).sum(axis=1) * x[0]
x.compress(C > 0) ** 2
_written(lambda y: y.partition(2), x.copy()) * C
_written(lambda y: np.place(y, C > 0, x[:2]), np.zeros(6))
_written(lambda y: np.putmask(y, C > 0, x[:2]), x**2)
_written(lambda y: np.put_along_axis(y, np.array([[0], [2]]), x[:2, None], 1), np.zeros((2, 3)))
_written(lambda y: np.multiply.at(y, [0, 0, 1], x[:3]), x**2)
_written(lambda y: np.maximum.at(y, [0, 0, 1], x[3:]), x**2)
_written(lambda y: np.negative.at(y, [0, 0, 1]), x**2)
_written(lambda y: setattr(y, "shape", (2, 3)), x**2)[1] * x[0]
math.remainder(3.0 * x[0], 0.7) + math.modf(3.0 * x[1])[0] * math.ldexp(x[2], 3)
statistics.mean(x) * statistics.harmonic_mean(x)
statistics.stdev(x) + statistics.pvariance(x, x[0])
statistics.harmonic_mean(x, weights=[1, 2, 3, 4, 5, 6])
statistics.linear_regression(x, C).intercept
statistics.NormalDist(x[0], x[1]).inv_cdf(x[2])
sl.svd(_square(x), full_matrices=False)[1]
sl.pinvh(_square(np.tile(x[:3], 2)))
sl.eigvalsh(_square(x), np.diag(C[:3]))
sl.eigh_tridiagonal(2.0 + x, 0.1 * x[1:])[0]
sl.solveh_banded(np.vstack([0.1 * x, 2.0 + x]), C)
sl.solveh_banded(np.vstack([2.0 + x, 0.1 * x]), x, lower=True)
sl.fiedler_companion(1.0 + x)
sg.lfilter([0.2, 0.3], [1.0, 0.4], x**2, zi=x[:1])[0]
sg.lfilter([0.2, 0.3], [1.0, 0.4], x**2, zi=x[:1])[1]
sg.upfirdn([0.5, 0.3], x**2, 2)
np.abs(sg.hilbert(x))
sg.hilbert(x.reshape(3, 2) ** 2, axis=0).imag
sg.welch(np.tile(x, 3), fs=2.0, nperseg=8, noverlap=4)[1]
sg.periodogram(x, window="hann", scaling="spectrum")[1]
sg.csd(x, C, nperseg=4)[1].real
sg.spectrogram(x, nperseg=4, noverlap=2)[2]
np.abs(sg.stft(x + C, nperseg=4)[2]) ** 2
sg.istft(sg.stft(x, nperseg=4)[2] * x[0], nperseg=4)[1]
sg.lsim(([1.0], [1.0, 0.5]), x**2, np.arange(6.0))[1]
sg.lsim(([1.0], [1.0, x[0]]), x, np.arange(6.0))[1]
sg.step(([x[0]], [1.0, x[1]]), T=np.arange(6.0))[1]
sg.cont2discrete((_square(x), np.ones((3, 1)), np.eye(3), np.zeros((3, 1))), 0.1)[0]
sg.medfilt(x, 3) * x
nd.median_filter(x.reshape(2, 3), 3) * x[0]
nd.maximum_filter(x.reshape(2, 3), (2, 3), mode="nearest") ** 2
nd.minimum_filter1d(x, 3, mode="constant", cval=0.5) ** 2
cdist(x.reshape(2, 3), C.reshape(2, 3), "cosine")
cdist(x.reshape(2, 3), C.reshape(2, 3), "minkowski", p=3)
cdist(x.reshape(2, 3), C.reshape(2, 3), "mahalanobis", VI=np.diag(C[:3]))
cdist(x.reshape(2, 3), C.reshape(2, 3), "correlation")
cdist(x.reshape(2, 3), C.reshape(2, 3), "canberra")
cdist(x.reshape(2, 3), C.reshape(2, 3), "seuclidean", V=C[:3])
cdist(x.reshape(2, 3), C.reshape(2, 3), lambda a, b: np.sum((a - b) ** 4))
pdist(x.reshape(3, 2) + C.reshape(3, 2), "braycurtis")
sc.bdtr(3, 6, x) + sc.bdtrc(2, 6, x) ** 2
sc.nbdtr(3, 6, x) + sc.nbdtrc(2, 6, x) ** 2
sc.betainccinv(2.0, 3.0, x)
sc.hankel1(1, x).imag * sc.hankel2(1.5, x).real
sc.h1vp(1, x).real
sc.agm(x[:3], 1.0 + x[3:])
sc.fdtri(3.0, 4.0, x)
sc.polygamma(1, 1.0 + x) + sc.polygamma(2, 1.0 + x)
sc.comb(6.0 + x, 2) * sc.factorial(x)
st.beta.ppf(x, 2.3, 0.63)
st.cauchy.ppf(x[:3], x[3], x[4]) * st.cauchy.isf(x[5])
st.binom.cdf([-1, 2, 4.5, 7], 5, x[0]) * st.binom.logsf(2, 5, x[1])
st.nbinom.cdf(2, 5, x) * st.poisson.cdf([0, 3], x[0])[1]
st.gamma.moment(3, 2.0 + x[0], x[1], x[2])
st.gamma.stats(2.0 + x[0], x[1], x[2], moments="s")
st.beta.std(2.0 + x[0], 1.0 + x[1]) * st.norm(x[2], x[3]).mean()
np.array(st.weibull_min.stats(1.5 + x[0], scale=x[1], moments="mvsk"))
st.lognorm.entropy(x[0], scale=x[1]) * st.poisson.var(x[2])
"""

BORROWED = {
    text: Case(eval(f"lambda x: {text}", globals())) for text in _EXPRESSIONS.strip().splitlines()
}
