"""The Jacobian of any function by whichever independent way can be trusted most."""

from __future__ import annotations

import warnings

import numpy as np

from tests import oracles

STEP = 2e-4


def reference_jacobian(function, x):
    """Dense Jacobian, and how far it can be trusted (relative to its largest entry)."""
    expected = oracles.finite_difference_jacobian(lambda v: flat(function, v), x, step=STEP)
    scale = max(1.0, np.max(np.abs(expected), initial=0.0))
    for oracle in (complex_step, oracles.dense_jacobian):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                exact = oracle(function, x)
            except Exception:  # the oracle cannot do this function
                continue
        if (
            exact.shape == expected.shape
            and np.max(abs(exact - expected), initial=0.0) < 1e-8 * scale
        ):
            return exact, 1e-12
    return expected, 1e-8


def complex_step(function, x):
    return oracles.complex_step_jacobian(lambda v: flat(function, v), x)


def flat(function, x):
    value = function(x)
    if isinstance(value, list | tuple):
        return np.concatenate([np.ravel(part) for part in value])
    return np.ravel(np.asarray(value))
