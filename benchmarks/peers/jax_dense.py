"""JAX's own derivatives, which are dense, inside one `jax.jit`.

Forward or reverse mode, whichever has fewer sweeps; of a Hessian, forward over reverse.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from ..formulas import scalar, vector
from ..suite import Task
from . import Prepared
from .jax_start import before

__all__ = ["before", "prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Wrap the derivative in `jax.jit`; compilation happens at the first call."""
    points = [jnp.asarray(x) for x in task.points]
    n = points[0].size
    if task.kind == "jacobian":
        function: Any = vector(task, jnp)
        rows = jax.eval_shape(function, points[0]).size
        values = jax.jit(jax.jacfwd(function) if n <= rows else jax.jacrev(function))
    else:
        function, rows = scalar(task, jnp), n
        values = jax.jit(jax.hessian(lambda x: function(x, None)))
    return Prepared(
        evaluate=lambda k: values(points[k & 1]).block_until_ready(),
        matrix=lambda: sp.csr_array(np.asarray(values(points[0]))),
        rows=rows,
        nnz=rows * n,
    )
