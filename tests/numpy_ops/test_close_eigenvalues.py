"""Eigenvalues that rounding alone keeps apart: derivatives are right or not finite, never noise."""

from __future__ import annotations

from typing import Any

import numpy as np

import sparsesolve as ss

ROWS, COLUMNS = np.tril_indices(3)
TURN = np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 1.5 + np.eye(3))[0]


def symmetric(x: Any) -> Any:
    lower = np.zeros((3, 3)) * x[0]
    lower[ROWS, COLUMNS] = x
    return lower + np.tril(lower, -1).T


def coupled(x: Any) -> Any:
    """Two eigenvalues are ``x[0]`` everywhere."""
    return np.eye(3) * x[0] + np.outer(x[1:], x[1:])


def test_a_sum_of_squares_where_two_meet() -> None:
    meet = (TURN * [1.0, 1.0, 2.0]) @ TURN.T
    H = ss.hessian(lambda x: np.sum(np.linalg.eigvalsh(symmetric(x)) ** 2), np.arange(6.0))
    expected = np.diag(np.where(ROWS == COLUMNS, 2.0, 4.0))
    np.testing.assert_allclose(H(meet[ROWS, COLUMNS]).toarray(), expected, atol=1e-6)


def test_where_two_are_one_everywhere() -> None:
    point = np.array([0.4, -1.1, 0.9, 2.2])
    H = ss.hessian(lambda x: np.sum(np.linalg.eigvalsh(coupled(x)) ** 2), point + 0.1)
    exact = ss.hessian(lambda x: np.sum(coupled(x) ** 2), point)(point).toarray()
    found = H(point).toarray()
    np.testing.assert_allclose(found[np.isfinite(found)], exact[np.isfinite(found)], rtol=1e-7)

    def squared(x: Any) -> Any:
        w, v = np.linalg.eigh(coupled(x))
        return (v * w**2) @ v.T

    J = ss.jacobian(lambda x: squared(x).ravel(), point + 0.1)(point).toarray()
    exact = ss.jacobian(lambda x: (coupled(x) @ coupled(x)).ravel(), point)(point).toarray()
    np.testing.assert_allclose(J[np.isfinite(J)], exact[np.isfinite(J)], rtol=1e-7)


def test_what_weighs_one_vector_alone_is_known() -> None:
    point = np.array([0.4, -1.1, 0.9, 2.2])

    def onto(x: Any) -> Any:
        v = np.linalg.eigh(coupled(x))[1]
        return np.outer(v[:, 2], v[:, 2]).ravel()

    exact = ss.jacobian(lambda x: (np.outer(x[1:], x[1:]) / np.sum(x[1:] ** 2)).ravel(), point)
    J = ss.jacobian(onto, point + 0.1)
    np.testing.assert_allclose(J(point).toarray(), exact(point).toarray(), atol=1e-9)
