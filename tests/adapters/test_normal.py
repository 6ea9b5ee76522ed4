"""Normal equations give the steps of the augmented system, and are chosen where cheaper."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sparsesolve.methods.augmented_system import Augmented
from sparsesolve.methods.normal_equations import NormalEquations, damped_system
from sparsesolve.structure.pattern import Pattern
from tests import oracles


def random_jacobian(m, n, seed):
    rng = np.random.default_rng(seed)
    J = sp.random_array((m, n), density=0.2, rng=rng, format="csr") + sp.eye_array(m, n)
    J = sp.csc_array(J)
    J.sort_indices()
    return J, rng.normal(size=m), rng.uniform(0.5, 2.0, size=n)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (12, 5), (30, 30), (40, 7)])
@pytest.mark.parametrize("mu", [1.0, 1e-3, 1e-8])
def test_steps_agree_with_the_augmented_system(m, n, mu):
    J, F, weights = random_jacobian(m, n, seed=m)
    pattern = Pattern.from_scipy(J)
    expected = Augmented(pattern).step(J, F, mu, weights)
    system = NormalEquations(pattern)
    oracles.assert_close(system.step(J, F, mu, weights), expected, rtol=1e-9)
    J.data[:] *= 2.0
    system.step(J, F, mu, weights)
    assert system.factorizations == 2
    assert system._lu.orderings == 1


def test_a_singular_system_gives_nan():
    J = sp.csc_array(np.array([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]]))
    step = NormalEquations(Pattern.from_scipy(J)).step(J, np.ones(3), 0.0)
    # rounding may hide the singularity; then the step must still not make things worse
    assert not np.isfinite(step).all() or np.linalg.norm(J @ step + 1.0) <= np.sqrt(3.0) + 1e-8


def test_the_choice():
    tall = Pattern.from_coo((3000, 100), np.repeat(np.arange(3000), 2), np.arange(6000) % 100)
    assert isinstance(damped_system(tall), NormalEquations)
    dense_row = Pattern.from_scipy(sp.vstack([tall.to_scipy(), sp.csr_array(np.ones((60, 100)))]))
    assert isinstance(damped_system(dense_row), Augmented)
    assert isinstance(damped_system(Pattern.from_offsets((20, 10), [0, -1])), Augmented)
