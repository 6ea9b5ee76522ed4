"""Complex arithmetic inside real functions, and transforms: cases of `operation_cases.Case`."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.fftpack
import scipy.sparse as sp

from tests.operation_cases import Case

_Z = np.array([1.0 + 2.0j, 0.5, -1.0j, 0.3 - 0.2j, 2.0, 1.0j])
_Y = sp.csr_array(np.diag(_Z) + 0.5j * np.eye(6, k=1) - np.eye(6, k=-2))
_C = np.arange(1.0, 13.0).reshape(2, 6) * (1.0 + 0.3j) - 4j
_K = 2j * np.pi * np.fft.fftfreq(6)


def _z(x):
    return x[:3] + 1j * x[3:] ** 2


def _power_flow(x):
    voltage = x[3:] * np.exp(1j * x[:3])
    power = voltage * np.conj(_Y[:3, :3] @ voltage)
    return np.concatenate([power.real, power.imag])


def _filtered(x):
    spectrum = np.fft.fft(x**2)
    spectrum[2:] = 0
    return np.real(np.fft.ifft(spectrum))


def _assigned(x):
    z = np.zeros(4, dtype=complex)
    z[:3] = x[:3] * 1j
    z[1:] += x[3:]
    return np.abs(z)


_FUNCTIONS = {
    "power flow": _power_flow,
    "power flow, dense": lambda x: np.imag(x * np.conj(_Y.toarray() @ (x * np.exp(1j * x)))),
    "complex parts": lambda x: np.real(_z(x)) * np.imag(_z(x) * _Z[:3]) + (x[:3] * 1j).imag,
    "complex quotients": lambda x: np.imag((x + 1j) / (2.0 - 1j * x)) + np.real(_Z / (x + 0.5j)),
    "complex by real": lambda x: np.imag((x + 2j) / x + 1 / (1j * x)) + np.real((x + 1j) / 2j),
    "complex reciprocal": lambda x: np.real(np.reciprocal(x + 1j) - np.square(x - 2j)),
    "complex powers": lambda x: np.real((x + 1j) ** 3 + (x - 1j) ** -2) + np.abs((x * 1j) ** 5),
    "complex roots": lambda x: np.imag(
        (x + 1j) ** 0.5 + (x + 1j) ** (0.3 - 1.2j) + 2.0 ** (1j * x)
    ),
    "complex sqrt": lambda x: np.imag(np.sqrt(x - 0.5 + 0.3j * x)) + np.real(np.sqrt(1j - x)),
    "sqrt of negative numbers": lambda x: np.imag(np.sqrt(x - 2.0 + 0j)) + np.real(np.sqrt(x + 0j)),
    "complex exp": lambda x: np.real(np.exp(x * (0.3 + 2j))) + np.imag(np.exp(1j * x)),
    "complex logs": lambda x: (
        np.imag(np.log(x - 2 + 1j)) + np.real(np.log10(x * 1j) + np.log2(x + 1j))
    ),
    "complex sin": lambda x: np.real(np.sin(_z(x)) * np.cos(_z(x))) + np.imag(np.cos(_z(x))),
    "complex sinh": lambda x: np.imag(np.sinh(_z(x)) * np.cosh(_z(x))) - np.real(np.cosh(_z(x))),
    "complex tan": lambda x: np.real(np.tan(_z(x))) + np.imag(np.tanh(_z(x) * (1 - 2j))),
    "complex arctan, a call": lambda x: np.abs(np.arctan(_z(x))),
    "complex size": lambda x: np.abs(_z(x)) + np.abs(x[:3] * 1j) + np.abs(x[3:] + 0j),
    "complex size squared": lambda x: np.abs(_z(x)) ** 2,
    "complex angle": lambda x: np.angle(_z(x)) + np.angle(_z(x) * 1j, deg=True) / 60,
    "real angle": lambda x: np.angle(x, deg=True) * x + np.angle(-x) * x,
    "complex dot": lambda x: np.abs(np.vdot(x * _Z, x + 1j)) + np.real(np.vecdot(x * 1j, _Z)),
    "complex vecmat": lambda x: np.abs(
        np.vecmat(x * _Z, _Y.toarray()) + np.matvec(_Y.toarray(), x)
    ),
    "complex norm": lambda x: np.linalg.norm(_z(x)) + np.linalg.norm(x.reshape(2, 3) * 1j, axis=1),
    "complex norms": lambda x: [
        np.linalg.norm(_z(x), 1),
        np.linalg.norm(_z(x), np.inf),
        np.linalg.norm(_z(x), 3),
    ],
    "complex variance": lambda x: np.var(_z(x)) + np.std(x * _Z) * x,
    "complex or real": lambda x: x * np.isreal(_Z * x) + x**2 * np.iscomplex(x * _Z),
    "complex kron": lambda x: (
        np.abs(np.kron(x[:2] * 1j, x[2:] + 1j)) + np.abs(np.trace(np.outer(_z(x), _Z)))
    ),
    "complex determinant": lambda x: np.abs(np.linalg.det(x[:4].reshape(2, 2) + 2j * np.eye(2))),
    "complex choice": lambda x: np.real(
        np.where(_Z.real > 0.6, x * (1 + 1j), 1j * x**2) * (2 - 1j)
    ),
    "complex sums": lambda x: np.abs([np.sum(x * _Z), np.mean(x * 1j + x**2)]),
    "complex running sum": lambda x: np.abs(np.cumsum(x * _Z)),
    "complex product": lambda x: np.abs(np.prod(x + _Z)),
    "complex movement": lambda x: np.imag(np.roll((x * _Z)[::-1].reshape(2, 3).T, 1)) + x[:3, None],
    "complex joined": lambda x: np.abs(
        np.concatenate([x * 1j, x[:2], _Z]).reshape(2, 7).sum(axis=0)
    ),
    "complex stacked": lambda x: np.abs(np.array([x[0] * 1j, x[1], x[2] * x[3] + 2j]).sum() + x),
    "complex padded": lambda x: np.abs(np.pad(x * _Z, 1)[:-2] + x + 0.3),
    "complex assigned": _assigned,
    "complex matrix": lambda x: np.abs(_C @ x) + np.imag(_C @ (x * _Z)),
    "complex sparse": lambda x: np.real(_Y @ (x * 1j)) + np.imag(x @ _Y.conj()),
    "complex sparse dot": lambda x: np.abs(_Y.T.dot(x * _Z)),
    "complex einsum": lambda x: np.real(np.einsum("i,ji,i->j", x * 1j, _C, x + 1j)),
    "complex solve": lambda x: np.real(np.linalg.solve(np.diag(x) + _Y.toarray(), x * 1j)),
    "complex solve of columns": lambda x: np.abs(
        np.linalg.solve(np.stack([np.eye(2) * 2j, np.eye(2)]) + x[0], x[:4].reshape(2, 2, 1) + 1j)
    ),
    "complex inverse": lambda x: np.imag(np.linalg.inv(x[:4].reshape(2, 2) + 2j * np.eye(2))),
    "complex comparisons": lambda x: x * ((x * 1j) != 0) + x**2 * np.isfinite(x + 1j),
    "complex Python numbers": lambda x: [
        complex(1, 2).real * x[0],
        abs(x[1] + 1j),
        (x[2] * 1j).imag,
    ],
    "spectral derivative": lambda x: x * np.real(np.fft.ifft(_K * np.fft.fft(x))),
    "spectral derivatives": lambda x: np.real(
        np.fft.ifft(_K * np.fft.fft(np.real(np.fft.ifft(_K * np.fft.fft(x**2)))))
    ),
    "spectral sum": lambda x: np.abs(np.fft.fft(x) - 2 * np.fft.fft(x**2) + np.fft.fft(x) / 3),
    "filter": _filtered,
    "fft of complex": lambda x: np.abs(np.fft.fft(_z(x) * (1 + 1j))) ** 2,
    "fft, longer": lambda x: np.abs(np.fft.fft(x, 9, norm="ortho")),
    "fft, part": lambda x: np.abs(np.fft.fft(x)[1:3]) + np.real(np.fft.ifft(x, norm="forward"))[:2],
    "fft of an axis": lambda x: np.abs(np.fft.fft(x.reshape(3, 2), axis=0)) + x.reshape(3, 2),
    "odd rfft": lambda x: np.abs(np.fft.rfft(x[:5], norm="forward")),
    "odd irfft": lambda x: np.fft.irfft(x[:4] + 1j * x[2:] ** 2, 7, norm="forward"),
    "irfft of reals": lambda x: (
        np.fft.irfft(x) * x[0] + np.fft.irfft2(x.reshape(3, 2), s=(2, 5))[0, 0]
    ),
    "irfftn of reals": lambda x: np.fft.irfftn(x.reshape(2, 3)) ** 2,
    "hfft": lambda x: np.fft.hfft(_z(x), norm="ortho") ** 2,
    "ihfft": lambda x: np.abs(np.fft.ihfft(x)),
    "fftn, some axes": lambda x: np.abs(np.fft.fftn(x.reshape(1, 3, 2), s=(4,), axes=(1,)) + 1),
    "scipy.fft": lambda x: scipy.fft.irfft(scipy.fft.rfft(x) * 1j * np.arange(4), workers=1),
    "scipy.fft.fftn": lambda x: np.abs(scipy.fft.fftn(x.reshape(2, 3), norm="ortho") + 2.0),
    "scipy.fft.dct": lambda x: scipy.fft.dct(x**2, 1) + scipy.fft.idct(x, 3, norm="ortho"),
    "scipy.fft.dst": lambda x: scipy.fft.dst(x**2) * scipy.fft.idst(x, type=4),
    "scipy.fft.dctn": lambda x: scipy.fft.dctn(x.reshape(2, 3)) ** 2,
    "scipy.fft.dct of complex": lambda x: np.abs(scipy.fft.dct(_z(x))),
    "fftpack.fft": lambda x: np.abs(scipy.fftpack.fft(x)) + scipy.fftpack.ifft(x).imag,
    "fftpack.rfft": lambda x: scipy.fftpack.irfft(scipy.fftpack.rfft(x) ** 2),
    "fftpack.diff": lambda x: scipy.fftpack.diff(x**2) + scipy.fftpack.diff(x, 2, period=4.0),
    "fftpack.hilbert": lambda x: scipy.fftpack.hilbert(x**2) * scipy.fftpack.tilbert(x, 0.3),
    "fftpack.shift": lambda x: scipy.fftpack.shift(x**2, 0.3),
}
COMPLEX = {f"{name} (complex)": Case(f) for name, f in _FUNCTIONS.items()}
