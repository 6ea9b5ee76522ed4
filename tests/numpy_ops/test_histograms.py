"""Histograms of constant data by traced weights."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

E = np.r_[np.random.default_rng(0).uniform(0.0, 10.0, 37), 0.0, 10.0, 5.0, 12.0, -1.0]
F = np.sin(E)
X = np.linspace(0.2, 1.0, E.size)
CUTS = [0.0, 1.0, 5.0, 10.0]

FUNCTIONS = {
    "cells": lambda x: np.histogram(E, bins=7, weights=x)[0],
    "edges": lambda x: np.histogram(E, bins=CUTS, weights=x**2)[0],
    "range": lambda x: np.histogram(E, bins=5, range=(1.0, 9.0), weights=x)[0],
    "density": lambda x: np.histogram(E, bins=CUTS, weights=x, density=True)[0],
    "matrix": lambda x: np.histogram(E.reshape(6, 7), 4, weights=x.reshape(6, 7))[0],
    "edges too": lambda x: np.histogram(E, bins=4, weights=x)[1][:-1] * x[:4],
    "two": lambda x: np.histogram2d(E, F, bins=[4, 3], weights=x)[0].ravel(),
    "two, density": lambda x: np.histogram2d(
        E, F, bins=(CUTS, 2), range=[[0, 10], [-1, 1]], weights=x, density=True
    )[0].ravel(),
    "many": lambda x: np.histogramdd(np.c_[E, F, E * F], bins=(2, 3, 2), weights=x)[0].ravel(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes(name):
    f = FUNCTIONS[name]
    J = ss.jacobian(f, X)
    x = 1.1 * X + 0.1
    np.testing.assert_allclose(J.value(x), f(x), rtol=1e-12)
    steps = [(f(x + e) - f(x - e)) / 2e-5 for e in 1e-5 * np.eye(X.size)]
    np.testing.assert_allclose(J(x).toarray(), np.array(steps).T, atol=1e-9)
    assert J.nnz <= X.size or "density" in name


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.histogram(x, bins=3)[0],
        lambda x: np.histogram(E, bins=np.cumsum(x[:4]), weights=x)[0],
        lambda x: np.histogram2d(x, E, bins=3)[0],
    ],
)
def test_data_that_move_are_refused(f):
    with pytest.raises(ss.errors.DataDependentBranch, match=r"test_histograms.*weights only"):
        ss.jacobian(f, X)
