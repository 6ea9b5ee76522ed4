"""Large transforms stay linear calls: all columns of a full Jacobian at once, products by calls."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.fftpack
import scipy.ndimage

import sparsesolve as ss
from sparsesolve.derivatives import nonzeros
from sparsesolve.derivatives.by_columns import ByColumns
from sparsesolve.ir.linear import LinearCall, LinearPush
from sparsesolve.numpy_ops import fourier, transforms

N = 12
K = np.fft.rfftfreq(N, 1.0 / N)
WAVES = np.fft.fftfreq(N, 1.0 / N)


def burgers(u):
    first = np.fft.irfft(1j * K * np.fft.rfft(u), N)
    second = np.fft.irfft(-(K**2) * np.fft.rfft(u), N)
    return 0.1 * second - u * first


def of_squares(u):
    return np.real(np.fft.ifft(1j * WAVES * np.fft.fft(u**2))) + np.sin(u)


def filtered(u):
    coefficients = np.fft.rfft(u)
    coefficients[3:] = 0.0
    return np.fft.irfft(coefficients, N) ** 3


def power(u):
    return np.abs(np.fft.fft(u)) ** 2


def in_two_directions(u):
    field = u.reshape(3, 4)
    return np.fft.ifft2(np.fft.fft2(field) * np.arange(12.0).reshape(3, 4)).real * field


def along_the_first_axis(u):
    return np.fft.ifft(
        np.fft.fft(u.reshape(3, 4), axis=0) * np.array([[1.0], [2j], [3.0]]), axis=0
    ).real


def of_odd_length(u):
    first = np.fft.irfft(1j * np.arange(6.0) * np.fft.rfft(u[:11]), 11)
    return np.append(first * u[:11], u[11])


def lines_of_odd_length(u):
    field = np.fft.rfft(np.append(u, 0.5 * u[:3]).reshape(5, 3), axis=0)
    return np.fft.irfft(1j * field, 5, axis=0).ravel()[:12] ** 2


def twice(u):
    return scipy.fft.idct(np.exp(0.1 * scipy.fft.dct(u)))


def of_scipy(u):
    return u * scipy.fftpack.diff(u)


def smoothed(u):
    return scipy.ndimage.uniform_filter1d(u, 3, mode="wrap") ** 2


CASES = [
    burgers,
    of_squares,
    filtered,
    power,
    in_two_directions,
    along_the_first_axis,
    of_odd_length,
    lines_of_odd_length,
    twice,
    of_scipy,
    smoothed,
]


@pytest.fixture
def as_if_large(monkeypatch):
    monkeypatch.setattr(transforms, "LARGEST", 0)
    monkeypatch.setattr(fourier, "_MOST_TERMS", 0)
    monkeypatch.setattr(nonzeros, "_MOST_LISTED", 0)


@pytest.mark.every(2)
@pytest.mark.parametrize("function", CASES)
def test_as_those_that_are_multiplied_out(function, as_if_large, monkeypatch):
    J = ss.jacobian(function, np.ones(N))
    monkeypatch.undo()
    x = np.linspace(-0.4, 0.9, N) ** 2 + 0.3
    expected = ss.jacobian(function, np.ones(N))(x).toarray()
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-11)
    v = np.cos(np.arange(N))
    np.testing.assert_allclose(J.jvp(x, v), expected @ v, atol=1e-11)
    np.testing.assert_allclose(J.vjp(x, v), v @ expected, atol=1e-11)
    np.testing.assert_allclose(J.value(x).ravel(), np.ravel(function(x)), atol=1e-11)


@pytest.mark.parametrize("function", [burgers, of_squares, in_two_directions])
def test_where_every_output_depends_on_every_input(function, as_if_large):
    J = ss.jacobian(function, np.ones(N))
    assert isinstance(J._nonzeros, ByColumns)
    assert J.nnz == N * N
    out = np.empty(J.nnz)
    assert J.values(np.ones(N), out=out) is out


def test_odd_lengths_go_through_at_once(as_if_large, monkeypatch):
    """One stack for all columns of a transform and the way back, where the index is of its axis."""
    k = np.arange(6.0)
    J = ss.jacobian(lambda u: u * np.fft.irfft(1j * k * np.fft.rfft(u), 11), np.ones(11))
    taken = []
    plain = LinearCall.stacked

    def stacked(call, stacks, shapes):
        found = plain(call, stacks, shapes)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(LinearCall, "stacked", stacked)
    J(np.ones(11))
    assert taken
    assert all(taken)


def test_a_part_that_no_transform_reaches_keeps_its_structure(as_if_large):
    J = ss.jacobian(lambda u: np.concatenate([burgers(u), u**2]), np.ones(N))
    assert J.nnz == N * N + N


def test_a_filter_stays_sparse(as_if_large):
    assert ss.jacobian(smoothed, np.ones(N)).nnz == 3 * N


def test_an_affine_call_is_not_taken_for_a_linear_one(as_if_large):
    """A constant beside the coefficients: the derivative in a direction has none."""
    shift = np.arange(N // 2 + 1.0) + 1.0

    def f(u):
        return np.fft.irfft(np.fft.rfft(u) + shift, N)

    J = ss.jacobian(f, np.ones(N))
    np.testing.assert_allclose(J(np.ones(N)).toarray(), np.eye(N), atol=1e-14)
    np.testing.assert_allclose(J.jvp(np.ones(N), np.arange(N)), np.arange(N), atol=1e-13)


def test_many_operands_at_once_or_one_by_one():
    rows = np.random.default_rng(0).normal(size=(5, 6))
    along = LinearCall(lambda a: np.fft.irfft(np.fft.rfft(a) * np.arange(4.0), 6))
    found = along.stacked([rows], [(6,)])
    assert found is not None
    np.testing.assert_allclose(found, [along(row) for row in rows], atol=1e-14)
    assert LinearCall(lambda a: a[:3]).stacked([rows], [(6,)]) is None
    assert LinearCall(lambda a: a.reshape(6)).stacked([rows], [(6,)]) is None
    both = LinearCall(lambda a, b: a - 2.0 * b)
    push = LinearPush(both, 1, [(6,), (6,)])
    np.testing.assert_array_equal(push(rows[0], rows[1], rows[2]), -2.0 * rows[0])
    np.testing.assert_array_equal(push.stacked([rows, rows, rows], []), -2.0 * rows)


@pytest.mark.slow
def test_a_large_one():
    n = 2048
    k = np.fft.rfftfreq(n, 1.0 / n)

    def f(u):
        return u * np.fft.irfft(1j * k * np.fft.rfft(u), n)

    x = np.sin(np.linspace(0.0, 6.0, n))
    J = ss.jacobian(f, x)
    matrix = np.fft.irfft(1j * k[:, None] * np.fft.rfft(np.eye(n), axis=0), n, axis=0)
    expected = x[:, None] * matrix + np.diag(matrix @ x)
    np.testing.assert_allclose(J(x).toarray(), expected, atol=1e-10)
