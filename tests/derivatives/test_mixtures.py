"""Sums over what was computed of the same inputs at every point: densities of a mixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives.blocks.blocked import Blocked
from sparsesolve.derivatives.fused import fused
from sparsesolve.differentiate import cuts
from sparsesolve.differentiate.waists import with_waists
from sparsesolve.ir.program import Program
from sparsesolve.lower import lower
from sparsesolve.trace import trace
from tests.oracles import assert_close, dense_hessian

rng = np.random.default_rng(4)
PARTS, WIDTH = 2, 9
DATA = rng.normal(size=(140, WIDTH))
N = PARTS * (1 + 2 * WIDTH)


def mixture(t: Any) -> Any:
    """Minus the logarithm of a likelihood; each residual is read twice, and so kept."""
    shares, centers = t[:PARTS], t[PARTS : PARTS + PARTS * WIDTH].reshape(PARTS, WIDTH)
    scales = t[PARTS + PARTS * WIDTH :].reshape(PARTS, WIDTH)
    residual = (DATA[:, None, :] - centers) / np.exp(scales)
    each = shares - 0.5 * np.sum(residual**2 + 2.0 * scales, axis=2)
    top = np.max(each, axis=1, keepdims=True)
    return -np.sum(top[:, 0] + np.log(np.sum(np.exp(each - top), axis=1)))


def own_inputs(x: Any) -> Any:
    """As many terms at each point, of inputs of its own."""
    z = np.exp(x) / (1.0 + x**2)
    return np.sum(np.log(1.0 + np.sum((z * z).reshape(140, 16), axis=1)))


def program_of(function: Any, n: int) -> Program:
    return fused(lower(trace(function, [0.1 * rng.normal(size=n)])))


def test_sums_of_what_all_points_compute_of_the_same_are_waists() -> None:
    program = program_of(mixture, N)
    found = with_waists(program)
    assert found.n_slots - program.n_slots == DATA.shape[0] * PARTS


def test_points_of_their_own_inputs_have_none() -> None:
    program = program_of(own_inputs, 140 * 16)
    assert with_waists(program) is program


def test_the_hessian_of_a_mixture_is_made_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "_SOME_TERMS", 0)
    monkeypatch.setattr(cuts, "MANY_TERMS", 0)
    H = ss.hessian(mixture, np.zeros(N))
    assert isinstance(H._nonzeros, Blocked)
    for x in 0.4 * rng.normal(size=(2, N)):
        assert_close(H(x).toarray(), dense_hessian(mixture, x), rtol=1e-10)
