"""What is real stays real: results of another type, complex points and directions are refused."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.coloring.recover import prepare_recovery
from sparsesolve.errors import SparseSolveError, StructureMismatch

X = np.array([0.3, -1.2, 0.7, 0.4])
METHODS = ["compiled", "interpreted", "colored"]
KINDS = [int, np.int32, np.float32, bool, complex, object]


def residual(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def energy(x):
    return np.sum(np.sin(x[1:]) * x[:-1] ** 2)


def untraced(method):
    pattern = ss.jacobian(residual, X).pattern
    scheme = "complex" if method == "complex-step" else "central"
    return ss.jacobian_by_differences(residual, X, scheme=scheme, pattern=pattern)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [*METHODS, "finite-difference", "complex-step"])
def test_results_of_another_type_are_refused(method, kind):
    J = ss.jacobian(residual, X, method=method) if method in METHODS else untraced(method)
    for write in (lambda out: J.values(X, out=out), lambda out: J.refill(out, X)):
        out = np.zeros(J.nnz, dtype=kind)
        with pytest.raises(StructureMismatch, match="`out` must be a float64 array"):
            write(out)
        assert not out.any()
    with pytest.raises(StructureMismatch, match=r"of shape \(6,\)"):
        J.values(X, out=np.zeros(J.nnz + 1))
    np.testing.assert_allclose(J.values(X, out=np.zeros(6)), J(X).data, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_hessians_of_another_type_are_refused(method, kind):
    H = ss.hessian(energy, X, method=method)
    for write, size in ((H.values, H.nnz), (H.lower_values, H.lower_pattern.nnz)):
        with pytest.raises(StructureMismatch, match="`out` must be a float64 array"):
            write(X, out=np.zeros(size, dtype=kind))
        out = np.zeros(size)
        assert write(X, out=out) is out
        np.testing.assert_array_equal(out, write(X))


@pytest.mark.parametrize("method", METHODS)
def test_complex_directions_are_refused(method):
    J, H = ss.jacobian(residual, X, method=method), ss.hessian(energy, X, method=method)
    for product, size in ((J.jvp, 4), (J.vjp, 3), (H.hvp, 4)):
        for direction in (1j * np.ones(size), [1j] * size, np.ones(size) + 0j):
            with pytest.raises(StructureMismatch, match=r"must be real, got complex numbers"):
                product(X, direction)
        np.testing.assert_array_equal(product(X, [1] * size), product(X, np.ones(size)))


@pytest.mark.parametrize("method", METHODS)
def test_complex_points_are_refused(method):
    J, H = ss.jacobian(residual, X, method=method), ss.hessian(energy, X, method=method)
    calls = (J, J.values, J.value, H, H.values, H.value, H.gradient, ss.gradient(energy, X))
    for call in calls:
        with pytest.raises(SparseSolveError, match=r"must (be real|hold real)"):
            call(X + 0j)


def test_complex_weights_are_refused():
    H = ss.LagrangianHessian(energy, [residual], X)
    for weights, sigma in ((1j * np.ones(3), 1.0), (np.ones(3), 1j)):
        with pytest.raises(StructureMismatch, match="must be real"):
            H(X, weights, sigma)


def test_recovered_numbers_are_not_rounded():
    """Products may be of any type, but not wider than what they are written to."""
    J = ss.jacobian(residual, X)
    values = J.values(X)
    for structure in ("columns", "rows"):
        coloring = ss.color(J.pattern, structure=structure)
        recovery = prepare_recovery(coloring)
        blocks = ss.compress(coloring, J(X).toarray())
        with pytest.raises(StructureMismatch, match="`out` must hold numbers of type float64"):
            recovery.values(*blocks, out=np.zeros(J.nnz, dtype=int))
        with pytest.raises(StructureMismatch, match="`out` must hold numbers of type float64"):
            recovery.product_into(np.zeros(J.nnz, dtype=int), 0, np.ones(4))
        wide = recovery.values(*blocks, out=np.zeros(J.nnz, dtype=complex))
        np.testing.assert_array_equal(wide, values)
        whole = recovery.matrix(*blocks).astype(int)
        for out in (whole, whole.tocsc()):
            with pytest.raises(StructureMismatch, match="`out` must hold numbers of type float64"):
                recovery.matrix_into(out, *blocks)
