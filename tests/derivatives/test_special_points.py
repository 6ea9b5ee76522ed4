"""Linear algebra of unsymmetric matrices, odd transforms, empty arrays and special points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import sparsesolve as ss

RNG = np.random.default_rng(5)
DIAGONAL = np.diag([7.0, 8.0, 9.0])


def square(x: Any) -> Any:
    return x.reshape(3, 3) + DIAGONAL


def differences(f: Callable[[Any], Any], x: Any) -> Any:
    h = 1e-6
    return np.stack([np.ravel(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)], 1)


LINALG: dict[str, Callable[[Any], Any]] = {
    "cholesky": lambda x: np.linalg.cholesky(square(x)),
    "cholesky upper": lambda x: np.linalg.cholesky(square(x), upper=True),
    "cholesky stack": lambda x: np.linalg.cholesky(np.stack([square(x), 2 * square(x).T])),
    "cholesky stack upper": lambda x: np.linalg.cholesky(np.stack([square(x)] * 2), upper=True),
    "eigh": lambda x: np.linalg.eigh(square(x))[0],
    "eigh vectors": lambda x: np.linalg.eigh(square(x))[1] ** 2,
    "eigh U": lambda x: np.linalg.eigh(square(x), "U")[0],
    "eigh u": lambda x: np.linalg.eigh(square(x), UPLO="u")[1] ** 2,
    "eigh l": lambda x: np.linalg.eigh(square(x), UPLO="l")[1] ** 2,
    "eigvalsh": lambda x: np.linalg.eigvalsh(square(x)),
    "eigvalsh u": lambda x: np.linalg.eigvalsh(square(x), "u"),
    "solve": lambda x: np.linalg.solve(square(x), x[:3]),
    "inv": lambda x: np.linalg.inv(square(x)),
    "det": lambda x: np.linalg.det(square(x)),
    "slogdet": lambda x: np.linalg.slogdet(square(x))[1],
    "pinv": lambda x: np.linalg.pinv(x[:6].reshape(3, 2)),
    "matrix_power": lambda x: np.linalg.matrix_power(square(x), -2),
    "svd": lambda x: np.linalg.svd(square(x))[1],
    "svd wide": lambda x: np.linalg.svd(x[:6].reshape(2, 3))[1],
    "svd wide, U": lambda x: np.linalg.svd(x[:6].reshape(2, 3))[0] ** 2,
    "svd tall, V": lambda x: np.linalg.svd(x[:6].reshape(3, 2))[2] ** 2,
}


@pytest.mark.parametrize("name", LINALG)
def test_unsymmetric_matrices(name: str) -> None:
    f, x = LINALG[name], RNG.normal(size=9)
    J = ss.jacobian(f, np.linspace(0.1, 0.7, 9))
    assert np.allclose(J.value(x), f(x))
    assert np.allclose(J(x).toarray(), differences(f, x), rtol=1e-5, atol=1e-6)


def test_cholesky_reads_one_triangle() -> None:
    J = ss.jacobian(lambda x: np.linalg.cholesky(square(x)), np.zeros(9))
    above = [1, 2, 5]
    assert not np.isin(J.pattern.indices, above).any()
    assert not np.isin(J.pattern.rows, above).any()
    H = ss.hessian(lambda x: np.sum(np.linalg.cholesky(square(x)) ** 3), np.zeros(9))
    x = RNG.normal(size=9)
    g = ss.gradient(lambda x: np.sum(np.linalg.cholesky(square(x)) ** 3), np.zeros(9))
    assert np.allclose(H(x).toarray(), differences(g, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.svd(x.reshape(3, 3)[:2])[2],
        lambda x: np.linalg.svd(x.reshape(3, 3)[:, :2])[0],
        lambda x: np.linalg.svd(square(x), hermitian=True)[1],
        lambda x: np.linalg.pinv(square(x), rcond=1e-8),
    ],
)
def test_what_has_no_rule_is_refused_at_once(f: Callable[[Any], Any]) -> None:
    with pytest.raises(ss.errors.UnsupportedOperation):
        ss.jacobian(f, np.linspace(0.1, 0.7, 9))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.fft.rfft2(x.reshape(3, 3)).real,
        lambda x: np.fft.irfft2(np.fft.fft2(x.reshape(3, 3)), s=(3, 5)),
        lambda x: np.fft.rfft2(x[:8].reshape(2, 4), norm="forward").real,
    ],
)
def test_real_transforms_of_two_axes_are_constant_maps(f: Callable[[Any], Any]) -> None:
    x = np.linspace(0.1, 0.7, 9)
    columns = [np.ravel(f(x + e) - f(x - e)) / 2.0 for e in np.eye(9)]
    np.testing.assert_allclose(ss.jacobian(f, x)(x).toarray(), np.transpose(columns), atol=1e-14)


@pytest.mark.every(5)
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9])
def test_real_transforms(n: int, norm: Any) -> None:
    x = RNG.normal(size=n)
    functions: list[Callable[[Any], Any]] = [
        lambda x: np.fft.rfft(x, norm=norm).real,
        lambda x: np.fft.rfft(x, n + 2, norm=norm).imag,
        lambda x: np.fft.rfft(np.outer(x, x), axis=0, norm=norm).real,
        lambda x: np.fft.irfft(np.fft.rfft(x, norm=norm) ** 2, n, norm=norm),
        lambda x: np.fft.irfft(np.fft.fft(x) * (1 + 2j), n, norm=norm),
    ]
    for f in functions:
        J = ss.jacobian(f, np.ones(n))
        assert np.allclose(J.value(x), f(x))
        assert np.allclose(J(x).toarray(), differences(f, x), atol=1e-6)


@pytest.mark.parametrize("shape", [3, (2, 2), 0])
def test_resize_of_nothing(shape: Any) -> None:
    for size in (0, 3):
        x = RNG.normal(size=size)
        f = lambda x: np.sum(np.resize(np.exp(x[:0]), shape) ** 2) + 2.0 * x
        J = ss.jacobian(f, np.zeros(size))
        assert np.array_equal(J.value(x), f(x))
        assert np.array_equal(J(x).toarray(), 2.0 * np.eye(size))
    J = ss.jacobian(lambda x: np.resize(np.exp2(x), shape), np.zeros(0))
    assert J.shape == (np.prod(shape, dtype=int), 0)


def test_extrema_of_nothing() -> None:
    x = np.array([0.3, -1.2, 0.7])
    f = lambda x: (np.max(x[:0], initial=3.0) + np.min(x[:0], initial=x[0])) * x
    assert np.allclose(ss.jacobian(f, np.ones(3))(x).toarray(), differences(f, x))
    g = lambda x: np.max(x.reshape(3, 1)[:, :0], axis=1, initial=2.0) * x
    assert np.array_equal(ss.jacobian(g, np.ones(3))(x).toarray(), 2.0 * np.eye(3))
    with pytest.raises(ValueError, match="zero-size"):
        ss.jacobian(lambda x: np.max(x[:0]) * x, x)


@pytest.mark.parametrize(
    ("name", "log"), [("xlogy", np.log), ("xlog1py", np.log1p)], ids=["xlogy", "xlog1py"]
)
def test_times_a_logarithm(name: str, log: Any) -> None:
    f = getattr(scipy.special, name)
    J = ss.jacobian(lambda z: f(z[0], z[1]), np.array([0.3, 0.4]))
    H = ss.hessian(lambda z: f(z[0], z[1]), np.array([0.3, 0.4]))
    one = name == "xlog1py"
    for a in (0.0, 0.5, -1.0):
        for b in (0.7, 2.0, 1e-3):
            inner = b + one
            assert np.allclose(J(np.array([a, b])).toarray(), [[log(b), a / inner]])
            curve = [[0.0, 1 / inner], [1 / inner, -a / inner**2]]
            assert np.allclose(H(np.array([a, b])).toarray(), curve)
        for b in (0.0, -1.0, -2.0, np.inf, np.nan):
            with np.errstate(all="ignore"):
                expected = f(a, b)
            assert np.array_equal(J.value(np.array([a, b]))[()], expected, equal_nan=True)


@pytest.mark.parametrize("method", ["compiled", "interpreted"])
def test_heaviside_by_its_value_at_zero(method: Any) -> None:
    f = lambda z: np.heaviside(np.array([-1.0, 0.0, 2.0]), z)
    z = np.array([0.3, 0.4, 0.5])
    J = ss.jacobian(f, np.ones(3), method=method)
    assert np.array_equal(J.value(z), f(z))
    assert np.array_equal(J(z).toarray(), np.diag([0.0, 1.0, 0.0]))
    g = lambda z: np.heaviside(z[0], z[1])
    J = ss.jacobian(g, np.ones(2), method=method)
    for a in (-1.0, 0.0, 1.0, np.nan):
        point = np.array([a, 0.3])
        assert np.array_equal(J.value(point), g(point), equal_nan=True)
        assert np.array_equal(J(point).toarray(), [[0.0, float(a == 0.0)]])


@pytest.mark.parametrize("edge_order", [1, 2])
def test_zeros_up_to_rounding_are_no_difference(edge_order: Any) -> None:
    f = lambda x: np.gradient(0 * x + 0.7, edge_order=edge_order) + 0 * x
    assert np.allclose(ss.jacobian(f, np.ones(4)).value(np.zeros(4)), 0.0, atol=1e-15)
    g = lambda x: (x + 0.1) - x - 0.1 + 1e-8 * np.random.default_rng().uniform()
    with pytest.raises(ss.errors.VerificationError):
        ss.jacobian(g, np.ones(4))


# ----- smooth functions written with kinks -----


@pytest.mark.parametrize("power", [2, 4, 6])
def test_even_powers_of_sizes(power):
    x = np.array([0.0, 1.5, -2.0])
    forms = (
        lambda x: np.sum(np.abs(x) ** power),
        lambda x: np.sum(np.abs(x)[::-1] ** power),
        lambda x: sum(abs(v) ** power for v in x),
        lambda x: np.sum(np.square(np.abs(x) ** (power // 2))),
    )
    for form in forms:
        H = ss.hessian(form, np.ones(3))
        expected = power * (power - 1) * np.abs(x) ** (power - 2.0)
        assert np.allclose(H(x).toarray(), np.diag(expected))


@pytest.mark.parametrize("point", [[0.0, 0.0], [1.0, 1.0], [0.3, 0.3], [1.0, -2.0], [700.0, 710.0]])
def test_log_sum_exp_with_ties(point):
    from scipy.special import logsumexp, softmax

    x = np.array(point)
    p = softmax(x)
    expected = np.diag(p) - np.outer(p, p)
    for form in (
        logsumexp,
        lambda x: logsumexp(x, b=np.ones(2)),
        lambda x: logsumexp([x[0], x[1]]),
    ):
        H = ss.hessian(form, np.array([0.2, -0.1]))
        assert np.allclose(H(x).toarray(), expected, atol=1e-12)
        assert np.allclose(H.gradient(x), p)
        assert np.isclose(H.value(x), logsumexp(x))
    J = ss.jacobian(softmax, np.array([0.2, -0.1]))
    assert np.allclose(J(x).toarray(), expected, atol=1e-12)
