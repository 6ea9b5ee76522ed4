"""Nearest neighbors of traced points, assignments by traced costs: who is found is a guard."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from branch_references import differences
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree, cKDTree

import sparsesolve as ss

CLOUD = np.random.default_rng(0).uniform(size=(30, 2))
TREE = cKDTree(CLOUD)
X = CLOUD[[3, 8, 21]].ravel() + 0.013
ELSEWHERE = CLOUD[[5, 8, 2]].ravel() - 0.011


def assigned(x):
    cost = np.sum((x.reshape(3, 1, 2) - CLOUD[:4]) ** 2, axis=-1)
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns]


FUNCTIONS = {
    "distances": lambda x: TREE.query(x.reshape(3, 2))[0],
    "who it is": lambda x: (
        x.reshape(3, 2) - CLOUD[KDTree(CLOUD).query(x.reshape(3, 2))[1]]
    ).ravel(),
    "several": lambda x: TREE.query(x.reshape(3, 2), k=3)[0].ravel(),
    "second": lambda x: TREE.query(x.reshape(3, 2), k=[2], workers=-1)[0].ravel(),
    "one point": lambda x: KDTree(CLOUD).query(x[2:4])[0] * x,
    "assigned": assigned,
    "at most": lambda x: (
        x[:3] * scipy.optimize.linear_sum_assignment(np.outer(x[:3], x[3:]), True)[1]
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_beside_several_neighbors(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    for x in (X, ELSEWHERE):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
        np.testing.assert_allclose(J(x).toarray(), differences(f, x), rtol=1e-6, atol=1e-7)


def test_curvature():
    f = lambda x: np.sum(TREE.query(x.reshape(3, 2))[0] ** 2)
    H = ss.hessian(f, X)
    for x in (X, ELSEWHERE):
        np.testing.assert_allclose(H(x).toarray(), 2 * np.eye(6), atol=1e-12)


def test_options_are_refused():
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"test_neighbors.*all but `k`"):
        ss.jacobian(lambda x: TREE.query(x.reshape(3, 2), p=1)[0], X)
    with pytest.raises(ss.errors.UnsupportedOperation, match=r"more than all .*test_neighbors"):
        ss.jacobian(lambda x: TREE.query(x.reshape(3, 2), k=TREE.n + 1)[0].ravel(), X)
