"""The random programs and the oracles agree with each other: what other tests are built on."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import oracles
from hypothesis import given, settings
from strategies import RandomFunction, patterns, random_functions, symmetric_patterns

from sparsesolve.structure.pattern import Pattern


@given(random_functions(assignment=True))
@settings(max_examples=60)
def test_both_forms_of_a_random_program_agree(program: RandomFunction) -> None:
    plain = program.function(program.x0)
    np.testing.assert_allclose(plain, program.autograd_function(program.x0), rtol=1e-13)
    assert np.all(np.isfinite(plain))


@given(random_functions(kinks=False))
@settings(max_examples=30)
def test_autograd_agrees_with_finite_differences(program: RandomFunction) -> None:
    exact = oracles.dense_jacobian(program.autograd_function, program.x0)
    numeric = oracles.finite_difference_jacobian(program.function, program.x0)
    oracles.assert_close(numeric, exact, rtol=1e-6)


@given(random_functions(scalar=True))
@settings(max_examples=20)
def test_hessian_oracles_agree(program: RandomFunction) -> None:
    exact = oracles.dense_hessian(program.autograd_function, program.x0)
    numeric = oracles.finite_difference_hessian(program.function, program.x0)
    oracles.assert_close(numeric, exact, rtol=1e-3)


def test_with_autograd_rebinds_helpers_and_closures() -> None:
    def inner(v):
        return np.concatenate([v[1:] ** 2, np.sin(v[:1])])

    def outer(v):
        return np.stack([inner(v), inner(2 * v)])

    x = np.array([0.5, -1.0, 2.0])
    expected = autograd.jacobian(lambda v: anp.concatenate([v[1:] ** 2, anp.sin(v[:1])]))(x)
    oracles.assert_close(oracles.dense_jacobian(outer, x)[:3], expected)
    oracles.assert_close(oracles.complex_step_jacobian(outer, x)[:3], expected)


@given(patterns(), symmetric_patterns())
def test_pattern_strategies(p: Pattern, s: Pattern) -> None:
    assert s == s.T
    assert p.shape == p.to_dense().shape
