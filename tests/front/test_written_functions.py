"""Functions in people's styles: every way to compute, against differences of a plain call."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from tests import written_mechanics  # noqa: F401  (adds to the tables)
from tests.written_numpy import WRITTEN_NUMPY
from tests.written_objectives import OBJECTIVES
from tests.written_odes import ODES
from tests.written_residuals import RESIDUALS
from tests.written_styles import STYLES

METHODS = ("compiled", "interpreted", "colored")
CASES = {
    f"{kind}: {name}": case
    for kind, table in {
        "ode": ODES,
        "residual": RESIDUALS,
        "objective": OBJECTIVES,
        "style": STYLES,
        "numpy": WRITTEN_NUMPY,
    }.items()
    for name, case in table.items()
}


def flat(value):
    if isinstance(value, (list, tuple)):
        return np.hstack([np.ravel(np.asarray(part, dtype=float)) for part in value])
    return np.ravel(np.asarray(value, dtype=float))


def at(args, argnum, x):
    return (*args[:argnum], x, *args[argnum + 1 :])


def differences(function, args, argnum):
    """The dense Jacobian by central differences of order 4."""
    x = np.asarray(args[argnum], dtype=float)
    columns = []
    for j in range(x.size):
        step = np.zeros(x.shape)
        step.flat[j] = h = 2e-4 * max(0.05, abs(x.flat[j]))

        def moved(k, step=step):
            return flat(function(*at(args, argnum, (x + k * step)[()])))

        columns.append((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h))
    return np.stack(columns, axis=-1)


@pytest.mark.slow_cases("residual: arma")
@pytest.mark.every(30)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_equals_differences(name):
    function, args, argnum = CASES[name]
    x = np.asarray(args[argnum], dtype=float)
    generator = np.random.default_rng(len(name))
    points = [x, x * (1 + 0.01 * generator.uniform(-1, 1, x.shape))]
    made = [ss.jacobian(function, *args, argnum=argnum, method=m) for m in METHODS]
    for point in points:
        given = at(args, argnum, point[()])
        expected = differences(function, given, argnum)
        first = made[0](*given).toarray()
        scale = np.abs(expected).max(initial=0.0)
        np.testing.assert_allclose(first, expected, rtol=1e-6, atol=1e-7 * (1 + scale))
        for J in made:
            np.testing.assert_allclose(J(*given).toarray(), first, rtol=1e-10, atol=1e-11 * scale)
            np.testing.assert_allclose(
                flat(J.value(*given)), flat(function(*given)), rtol=1e-12, atol=1e-13
            )


def test_there_are_enough():
    assert len(CASES) > 400
