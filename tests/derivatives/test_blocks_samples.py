"""Hessians by samples: sums that meet only others of their own row of the data."""

from __future__ import annotations

import itertools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse import csgraph

import sparsesolve as ss
from sparsesolve.derivatives.blocks import classes, places
from sparsesolve.derivatives.blocks.classes import Classes, Unstructured, connected, distinct
from sparsesolve.differentiate import cuts


def network(sizes, data, np=anp, loss=lambda h: anp.sum(h**2), bias=True):
    shapes = list(itertools.pairwise(sizes))

    def f(w):
        h, at = data, 0
        for number, (a, b) in enumerate(shapes):
            h = np.dot(h, w[at : at + a * b].reshape(a, b))
            at += a * b
            if bias:
                h, at = h + w[at : at + b], at + b
            if number < len(shapes) - 1:
                h = np.tanh(h)
        return loss(h)

    return f, sum(a * b + b * bias for a, b in shapes)


def softmax(h):
    return anp.sum(anp.log(anp.sum(anp.exp(h), axis=1))) - anp.sum(h[:, 0])


def by_samples(H):
    return getattr(H._nonzeros, "is_formed_at_once", False)


@pytest.fixture
def eager(monkeypatch):
    """Blocks wherever there are wide sums, however few; samples wherever there are blocks."""
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)
    monkeypatch.setattr(places, "_GAIN", 0.0)


def check(f, n, seed=0, expected=True):
    rng = np.random.default_rng(seed)
    H = ss.hessian(f, 0.3 * rng.normal(size=n))
    assert by_samples(H) == expected
    for _ in range(2):
        x = 0.3 * rng.normal(size=n)
        dense = autograd.hessian(f)(x)
        scale = np.abs(dense).max()
        np.testing.assert_allclose(H(x).toarray(), dense, rtol=0, atol=1e-11 * scale)
        v = rng.normal(size=n)
        np.testing.assert_allclose(H.hvp(x, v), dense @ v, rtol=0, atol=1e-10 * scale)
        where = H.lower_pattern.rows, H.lower_pattern.indices
        np.testing.assert_allclose(H.lower_values(x), dense[where], atol=1e-11 * scale)


@pytest.mark.slow_cases(
    "sizes0-12-softmax-True", "sizes1-33-<lambda>-False", "sizes2-20-<lambda>-True"
)
@pytest.mark.parametrize(
    ("sizes", "rows", "loss", "bias"),
    [
        ((16, 16, 16, 4), 12, softmax, True),
        ((18, 17, 16), 33, lambda h: anp.sum(anp.sin(h)), False),
        ((17, 16, 1, 16), 20, lambda h: anp.sum(h**4), True),
        ((16, 3), 1, lambda h: anp.sum(anp.exp(h)), True),
        ((16, 16, 2), 2, softmax, False),
    ],
)
def test_networks_are_those_of_autograd(eager, sizes, rows, loss, bias):
    data = np.random.default_rng(1).normal(size=(rows, sizes[0]))
    f, n = network(sizes, data, loss=loss, bias=bias)
    check(f, n, expected=len(sizes) > 2)  # sums of one layer meet no other


@pytest.mark.slow
def test_zeros_of_the_data_and_rows_of_different_depth():
    rng = np.random.default_rng(2)
    data = rng.normal(size=(120, 40)) * (rng.random((120, 40)) < 0.7)
    f, n = network((40, 18, 16, 3), data, loss=softmax)
    g, _ = network((40, 18), data[:70] + 1.0, loss=lambda h: anp.sum(anp.exp(0.1 * h)))
    check(lambda w: f(w) + g(w[: 40 * 18 + 18]), n)


@pytest.mark.slow
def test_places_that_share_inputs():
    """The same weights at several places of a row: a network that is applied again and again."""
    data = np.random.default_rng(3).normal(size=(80, 18))

    def f(w):
        W, c = w[:324].reshape(18, 18), w[324:]
        h = data
        for _ in range(3):
            h = anp.tanh(anp.dot(h, W) + c)
        return anp.sum((h - 0.5) ** 2)

    check(f, 342)


def test_one_layer_is_one_product_of_blocks():
    data = np.random.default_rng(4).normal(size=(300, 60))
    check(lambda x: anp.sum(anp.tanh(anp.dot(data, x)) ** 2), 60, expected=False)


def test_weights_of_rows_of_a_lagrangian(eager):
    """The Hessian of weighted outputs, each of which is a row of the data."""
    data = np.random.default_rng(5).normal(size=(30, 16))
    f, n = network((16, 16, 3), data, loss=lambda h: anp.sum(anp.sin(h), axis=1))
    problem = ss.Problem(
        lambda w: np.sum(w**2), np.full(n, 0.1), constraints=ss.Constraint(f, 0.0, 0.0)
    )
    x, y = 0.2 * np.random.default_rng(6).normal(size=n), np.linspace(-1.0, 1.0, 30)
    lower = problem.lagrangian_hessian(x, y, 2.0)
    dense = autograd.hessian(lambda w: 2.0 * anp.sum(w**2) + anp.dot(y, f(w)))(x)
    np.testing.assert_allclose(np.tril(lower.toarray()), np.tril(dense), atol=1e-11)


@pytest.mark.slow
def test_what_is_not_finite_is_computed_in_the_plain_way(eager, monkeypatch):
    data = np.abs(np.random.default_rng(7).normal(size=(20, 16))) + 0.1

    def f(w):
        h = anp.sqrt(anp.dot(data, w[:256].reshape(16, 16)))
        return anp.sum(anp.tanh(anp.dot(h, w[256:].reshape(16, 2))) ** 2)

    x = np.random.default_rng(8).uniform(0.1, 1.0, 288)
    H = ss.hessian(f, x)
    monkeypatch.setattr(places, "_GAIN", np.inf)
    plain = ss.hessian(lambda w: f(w) + 0.0, x)
    assert by_samples(H)
    assert not by_samples(plain)
    at = x.copy()
    at[:256:16] = 0.0
    with np.errstate(all="ignore"):
        found, expected = H(at).toarray(), plain(at).toarray()
    assert not np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-20)


# ----- first derivatives -----


@pytest.fixture
def eager_rows(monkeypatch):
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)
    monkeypatch.setattr(cuts, "_READERS", 1)
    monkeypatch.setattr(places, "_GAIN", 0.0)


LOSSES = {
    "all": lambda h: anp.ravel(h),
    "one a row": lambda h: anp.sum(h**2, axis=1),
    "two rows meet": lambda h: anp.ravel(h[1:] * h[:-1]),
    "ragged": lambda h: anp.concatenate([anp.ravel(anp.sin(h)), h[: len(h) // 2, 0] ** 2]),
    "most read nothing": lambda h: h[:2].ravel(),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("sizes", "rows", "bias"),
    [((16, 16, 16, 2), 12, True), ((17, 3), 5, False), ((16, 18, 2), 1, True)],
)
def test_rows_are_those_of_autograd(eager_rows, sizes, rows, bias, loss):
    data = np.random.default_rng(1).normal(size=(rows, sizes[0]))
    if rows == 1 and loss == "two rows meet":
        pytest.skip("there is one row")
    f, n = network(sizes, data, loss=LOSSES[loss], bias=bias)
    rng = np.random.default_rng(2)
    J = ss.jacobian(f, 0.3 * rng.normal(size=n))
    for _ in range(2):
        x = 0.3 * rng.normal(size=n)
        dense = autograd.jacobian(f)(x)
        scale = np.abs(dense).max()
        np.testing.assert_allclose(J(x).toarray(), dense, rtol=0, atol=1e-12 * scale)
        v = rng.normal(size=n)
        np.testing.assert_allclose(J.jvp(x, v), dense @ v, rtol=0, atol=1e-11 * scale)


def test_deep_rows_are_made_by_samples(eager_rows):
    data = np.random.default_rng(3).normal(size=(40, 16))
    f, n = network((16, 16, 16, 3), data, loss=LOSSES["all"])
    assert by_samples(ss.jacobian(f, np.full(n, 0.1)))


@pytest.mark.slow
def test_sums_that_few_rows_read_are_multiplied_as_blocks_too():
    data = np.random.default_rng(4).normal(size=(60, 30))
    f, n = network((30, 30, 30, 10), data, loss=LOSSES["all"])
    J = ss.jacobian(f, np.full(n, 0.01))
    assert by_samples(J)
    x = 0.1 * np.random.default_rng(5).normal(size=n)
    dense = autograd.jacobian(f)(x)
    np.testing.assert_allclose(J(x).toarray(), dense, rtol=0, atol=1e-12)


# ----- classes -----


def brute(rows, columns, n, k):
    """What each sum depends on."""
    found = [set() for _ in range(k)]
    for row, column in zip(rows, columns, strict=True):
        found[row] |= {int(column)} if column < n else found[column - n]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_classes_depend_on_what_their_sums_depend_on(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 8)), int(rng.integers(1, 20))
    mask = rng.random((k, n + k)) < rng.uniform(0.05, 0.4)
    mask[:, n:] = np.tril(mask[:, n:], -1)
    rows, columns = np.nonzero(mask)
    found, expected = Classes(rows, columns, n, k), brute(rows, columns, n, k)
    seen = []
    for mine, support in found.parts():
        seen += mine.tolist()
        union = set().union(*(expected[cut] for cut in mine))
        assert union == set(support.tolist())
    assert sorted(seen) == list(range(k))
    between = np.flatnonzero(columns >= n)
    assert np.all(found.kind[rows[between]] > found.kind[columns[between] - n])


def test_too_many_kinds_are_one_where_most_is_shared(monkeypatch):
    monkeypatch.setattr(classes, "_MOST_CLASSES", 8)
    rng = np.random.default_rng(0)
    for density, fits in ((0.9, True), (0.3, True), (0.05, False)):
        rows, columns = np.nonzero(rng.random((400, 300)) < density)
        if fits:
            ((mine, support),) = Classes(rows, columns, 300, 400).parts()
            assert (mine.size, support.size) == (400, 300)
        else:
            with pytest.raises(Unstructured):
                Classes(rows, columns, 300, 400)


def test_distinct_keys():
    keys = np.random.default_rng(0).integers(0, 50, 200)
    assert distinct(keys).tolist() == np.unique(keys).tolist()
    assert distinct(keys[:0]).size == 0
    assert distinct(keys[:1]).tolist() == keys[:1].tolist()


@pytest.mark.parametrize(("count", "links"), [(1, 0), (2, 1), (33, 20), (100, 99), (300, 200)])
def test_connected_parts_are_those_of_scipy(count, links):
    rng = np.random.default_rng(count)
    pairs = rng.integers(0, count, (2, links))
    if count == 100:  # a chain
        pairs = np.stack([np.arange(99), np.arange(1, 100)])
    graph = sp.csr_array((np.ones(links), pairs), shape=(count, count))
    expected = csgraph.connected_components(graph, directed=False)[1]
    assert connected(*pairs, count).tolist() == expected.tolist()
