"""autograd's dense derivatives of the same formulas: what sparsity saves on small problems."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import scipy.sparse as sp

from ..formulas import scalar, vector
from ..suite import Task
from . import Prepared

__all__ = ["prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Build the dense derivative; autograd traces anew at each call."""
    if task.kind == "jacobian":
        derivative = autograd.jacobian(vector(task, anp))
    else:
        function, weights = scalar(task, anp), task.multipliers if task.has_weights else None
        derivative = autograd.hessian(lambda x: function(x, weights))
    m = task.points.shape[1] if task.kind != "jacobian" else task.vector(task.points[0]).size
    return Prepared(
        evaluate=lambda k: derivative(task.points[k & 1]),
        matrix=lambda: sp.csr_array(derivative(task.points[0])),
        rows=m,
        nnz=m * task.points.shape[1],
    )
