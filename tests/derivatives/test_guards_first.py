"""Guards and values in one call: as long as the path stays the same, no program is looked for."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.branches import Branches


def branching(x, a=1.0):
    if x[0] > a:
        return x**2
    if x[-1] > a:
        return np.sin(x) * x[0]
    return x * a


def dense(x, a=1.0):
    if x[0] > a:
        return np.diag(2 * x)
    if x[-1] > a:
        J = np.diag(np.cos(x) * x[0])
        J[:, 0] += np.sin(x)
        return J
    return np.diag(np.full(x.size, a))


@pytest.fixture
def searches(monkeypatch):
    """Counts how often a program is looked for in Python."""
    counted = []
    plain = Branches.at
    monkeypatch.setattr(Branches, "at", lambda self, args: counted.append(1) or plain(self, args))
    return counted


@pytest.mark.parametrize("n", [1, 2, 31, 33, 200])
def test_a_program_is_looked_for_only_where_the_path_changes(searches, n):
    low, high = np.full(n, 0.5), np.full(n, 1.5)
    last = low.copy()
    last[-1] = 1.25
    paths = [low, high, last] if n > 1 else [low, high]
    J = ss.jacobian(branching, low)
    for x in paths:
        for k in range(5):
            at = x + 0.01 * k
            np.testing.assert_allclose(J(at).toarray(), dense(at), rtol=1e-14)
    if J.method == "compiled":
        assert len(searches) == len(paths) - 1
    for k in range(30):
        at = paths[k % len(paths)] + 0.001 * k
        np.testing.assert_allclose(J(at).toarray(), dense(at), rtol=1e-14)


def test_values_buffers_and_parameters_take_the_same_way(searches):
    J = ss.jacobian(branching, np.full(4, 0.5), 1.0)
    x, out = np.full(4, 0.75), np.empty(J.nnz)
    assert J.values(x, 2.0).tolist() == [2.0] * 4
    assert J.values(x, 3.0, out=out) is out
    assert out.tolist() == [3.0] * 4
    assert J.refill(out, x, 4.0).tolist() == [4.0] * 4
    assert not searches
    assert J(x, 0.5).diagonal().tolist() == [1.5] * 4  # another path, by the parameter alone
    assert len(searches) == 1
    assert J([0.75] * 4, 2).diagonal().tolist() == [2.0] * 4  # what is converted first
    assert len(searches) == 2


def test_hessians_and_gradients_too(searches):
    def f(x):
        return np.sum(x**3) if x[0] > 0 else np.sum(x**2) * x[1]

    up, down = np.array([1.0, 2.0]), np.array([-1.0, 2.0])
    H, g = ss.hessian(f, up), ss.gradient(f, up)
    for _ in range(3):
        np.testing.assert_allclose(H(up).toarray(), np.diag(6 * up))
        np.testing.assert_allclose(g(up), 3 * up**2)
    assert not searches
    np.testing.assert_allclose(H(down).toarray(), [[4.0, -2.0], [-2.0, 12.0]])
    np.testing.assert_allclose(g(down), [-4.0, 13.0])
    assert len(searches) == 2


def test_limits_are_still_taken():
    def f(x):
        r = np.sqrt(np.sum(x**2)) ** 2
        return np.array([r, x[0]]) if x[0] > -1 else np.array([2 * r, x[0]])

    J = ss.jacobian(f, np.ones(2))
    for _ in range(2):
        np.testing.assert_allclose(J(np.zeros(2)).toarray(), [[0.0, 0.0], [1.0, 0.0]], atol=1e-12)
        np.testing.assert_allclose(J(np.array([-2.0, 0])).toarray(), [[-8.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("method", ["interpreted", "auto"])
def test_other_methods_answer_alike(method):
    J = ss.jacobian(branching, np.full(3, 0.5), method=method)
    for x in (np.full(3, 0.5), np.full(3, 1.5), np.array([0.5, 0.5, 1.5])):
        np.testing.assert_allclose(J(x).toarray(), dense(x), rtol=1e-14)
