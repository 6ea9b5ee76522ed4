"""Rotations by vectors that are zero, in ten spellings: their derivatives are known there."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

METHODS = ("compiled", "interpreted", "colored")


def rotate_scipy(r, p):
    theta = np.linalg.norm(r)
    with np.errstate(invalid="ignore"):
        v = np.nan_to_num(r / theta)
    return np.cos(theta) * p + np.sin(theta) * np.cross(v, p) + (1 - np.cos(theta)) * (p @ v) * v


def rotate_where(r, p):
    theta = np.sqrt(np.sum(r**2))
    v = np.where(theta > 0.0, r / np.where(theta > 0.0, theta, 1.0), 0.0)
    return np.cos(theta) * p + np.sin(theta) * np.cross(v, p) + (1 - np.cos(theta)) * (p @ v) * v


def rotate_sinc(r, p):
    theta = np.linalg.norm(r)
    a = np.sinc(theta / np.pi)
    b = 0.5 * np.sinc(theta / (2 * np.pi)) ** 2
    return np.cos(theta) * p + a * np.cross(r, p) + b * (p @ r) * r


def rotate_series(r, p):
    theta = np.linalg.norm(r)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(theta < 1e-4, 1 - theta**2 / 6, np.sin(theta) / theta)
        b = np.where(theta < 1e-4, 0.5 - theta**2 / 24, (1 - np.cos(theta)) / theta**2)
    return np.cos(theta) * p + a * np.cross(r, p) + b * (p @ r) * r


def rotate_branch(r, p):
    theta = np.linalg.norm(r)
    safe = np.where(theta > 0.0, theta, 1.0)
    return np.where(theta > 0.0, _rotated(r, p, safe), p)


def rotate_threshold(r, p):
    theta = np.linalg.norm(r)
    with np.errstate(invalid="ignore"):
        return np.where(theta > 1e-10, _rotated(r, p, theta), p)


def rotate_doubly_guarded(r, p):
    square = r @ r
    theta = np.where(square > 0.0, np.sqrt(np.where(square > 0.0, square, 1.0)), 0.0)
    v = r / np.where(theta > 0.0, theta, 1.0)
    return np.cos(theta) * p + np.sin(theta) * np.cross(v, p) + (1 - np.cos(theta)) * (p @ v) * v


def rotate_equal(r, p):
    square = np.sum(r * r)
    return np.where(square == 0.0, p, _rotated(r, p, np.sqrt(np.where(square == 0, 1.0, square))))


def rotate_isnan(r, p):
    with np.errstate(invalid="ignore"):
        turned = _rotated(r, p, np.sqrt(np.sum(r**2)))
    return np.where(np.isnan(turned), p, turned)


def _rotated(r, p, theta):
    v = r / theta
    return np.cos(theta) * p + np.sin(theta) * np.cross(v, p) + (1 - np.cos(theta)) * (p @ v) * v


def rotate_added(r, p):
    theta = np.linalg.norm(r) + 1e-15
    v = r / theta
    return np.cos(theta) * p + np.sin(theta) * np.cross(v, p) + (1 - np.cos(theta)) * (p @ v) * v


ROTATIONS = (
    rotate_scipy, rotate_where, rotate_branch, rotate_threshold, rotate_doubly_guarded,
    rotate_equal, rotate_isnan, rotate_sinc, rotate_series, rotate_added,
)  # fmt: skip


def generators(p):
    """Jacobian of the rotation of p at zero: minus the matrix of the cross product."""
    return np.array([np.cross(e, p) for e in np.eye(3)]).T


@pytest.mark.slow_cases("rotate_scipy-compiled")
@pytest.mark.every(10)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rotate", ROTATIONS)
def test_rotation_by_zero(rotate, method, rng):
    p = rng.normal(size=3)
    J = ss.jacobian(lambda r: rotate(r, p), np.array([0.1, 0.2, 0.3]), method=method)
    zero = np.zeros(3)
    np.testing.assert_allclose(J(zero).toarray(), generators(p), atol=1e-8)
    w = rng.normal(size=3)
    np.testing.assert_allclose(J.vjp(zero, w), generators(p).T @ w, atol=1e-8)
    np.testing.assert_allclose(J.jvp(zero, w), generators(p) @ w, atol=1e-8)
    H = ss.hessian(lambda r: rotate(r, p) @ w, np.array([0.1, 0.2, 0.3]), method=method)
    second = 0.5 * (np.outer(p, w) + np.outer(w, p)) - (p @ w) * np.eye(3)
    np.testing.assert_allclose(H(zero).toarray(), second, atol=1e-5)


@pytest.mark.every(5)
@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("method", ["lm", "trf"])
def test_least_squares_from_no_rotation(rotate, method, rng):
    points = rng.normal(size=(8, 3)) + 6.0 * np.eye(3)[2]
    truth = np.array([0.1, -0.2, 0.05])

    def project(r):
        q = np.stack([rotate(r, p) for p in points])
        return (q[:, :2] / q[:, 2:]).ravel()

    seen = project(truth)
    found = ss.least_squares(lambda r: project(r) - seen, np.zeros(3), method=method)
    assert found.status.value == "solved"
    np.testing.assert_allclose(found.x, truth, atol=1e-7)


def test_many_rotations_of_which_some_are_zero(rng):
    points = rng.normal(size=(40, 3))

    def residual(x):
        r = x.reshape(40, 3)
        theta = np.linalg.norm(r, axis=1)[:, None]
        with np.errstate(invalid="ignore"):
            v = np.nan_to_num(r / theta)
        dot = np.sum(points * v, axis=1)[:, None]
        turned = np.cos(theta) * points + np.sin(theta) * np.cross(v, points)
        return (turned + dot * (1 - np.cos(theta)) * v).ravel()

    x = rng.normal(size=(40, 3))
    x[::3] = 0.0
    D = {m: ss.jacobian(residual, np.ones(120), method=m)(x.ravel()).toarray() for m in METHODS}
    for method in METHODS:
        for k in range(0, 40, 3):
            block = D[method][3 * k : 3 * k + 3, 3 * k : 3 * k + 3]
            np.testing.assert_allclose(block, generators(points[k]), atol=1e-8)
        np.testing.assert_allclose(D[method], D["interpreted"], atol=1e-8)
