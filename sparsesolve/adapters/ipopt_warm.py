"""IPOPT's options for a start from the result of another solve.

Separate because they are found by measuring. A barrier method that starts at a solution must not be
pushed away from the bounds that hold there, and must begin with a small barrier; but where the
problem has changed much, the multipliers of those bounds are wrong, and steps from so near to them
are short (Yildirim, Wright (2002), "Warm-start strategies in interior-point methods for linear
programming", SIAM J. Optim. 12(3); Benson, Shanno (2008), "Interior-point methods for nonconvex
nonlinear programming: regularization and warmstarts", Comput. Optim. Appl. 40(2)). So it is asked
how far the point is from a solution of the problem as it is now.

Iterations from there, by the size of a change of the parameters, of five families (control of a
pendulum, portfolios, HS71, an obstacle, linear rows), 6 changes each: for small ones 1.3 to 4.2
where 8 to 16 are needed without; for those of a size one, 20, 22, 5, 7, 15 with the options for
near, and 10, 14, 7, 7, 11 with those for far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_options import OptionValue
from sparsesolve.methods.evaluation import Evaluation
from sparsesolve.methods.optimality import distance

__all__ = ["NEAR", "warm_options"]

Array = NDArray[np.float64]

_FAR_AWAY = 0.2


def _options(barrier: float, push: float) -> dict[str, OptionValue]:
    pushes = ("bound_push", "bound_frac", "slack_bound_push", "slack_bound_frac", "mult_bound_push")
    return {
        "warm_start_init_point": "yes",
        "mu_init": barrier,
        **{f"warm_start_{name}": push for name in pushes},
    }


NEAR = _options(1e-6, 1e-9)
"""For a start that is nearly a solution."""
_FAR = _options(1e-1, 1e-1)


def warm_options(evaluation: Evaluation, x: Array, multipliers: Array) -> dict[str, OptionValue]:
    """Return options for a start at a point with multipliers.

    Parameters
    ----------
    evaluation : Evaluation
        Of the problem as it is now.
    x : ndarray, shape (n,)
        Point.
    multipliers : ndarray, shape (m,)
        Of the rows.
    """
    return NEAR if distance(evaluation, x, multipliers) <= _FAR_AWAY else _FAR
