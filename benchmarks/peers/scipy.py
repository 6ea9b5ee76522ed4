"""scipy's grouped finite differences, as its least squares and stiff solvers use them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.optimize._numdiff import approx_derivative, group_columns

import sparsesolve as ss

from ..suite import Task
from . import Prepared

__all__ = ["before", "prepare"]


@cache
def before(task: Task) -> Any:
    """Return the pattern, which scipy's user has to write down: a gift, not timed."""
    return ss.jacobian_pattern(task.vector, task.points[0]).to_scipy().astype(np.float64)


def prepare(task: Task, threads: int) -> Prepared:
    """Group the columns."""
    pattern = before(task)
    groups = group_columns(pattern)

    def differences(k: int) -> Any:
        return approx_derivative(
            task.vector, task.points[k & 1], method="2-point", sparsity=(pattern, groups)
        )

    return Prepared(
        evaluate=differences,
        matrix=lambda: differences(0),
        rows=pattern.shape[0],
        nnz=pattern.nnz,
        colors=lambda: int(groups.max()) + 1,
    )
