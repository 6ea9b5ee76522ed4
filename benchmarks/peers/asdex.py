"""asdex on JAX: its coloring, its decompression, inside one `jax.jit`.

Only the values are asked for (the indices are constant), points are JAX arrays already, and each
call waits for its result.
"""

from __future__ import annotations

from typing import Any

import asdex
import jax
import jax.numpy as jnp
import scipy.sparse as sp

from ..formulas import scalar, vector
from ..suite import Task
from . import Prepared
from .jax_start import before

__all__ = ["before", "prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Detect, color, and wrap in `jax.jit`; compilation happens at the first call."""
    points = [jnp.asarray(x) for x in task.points]
    more = (jnp.asarray(task.multipliers),) if task.has_weights else ()
    function: Any
    if task.kind == "jacobian":
        function = vector(task, jnp)
        coloring = asdex.jacobian_coloring(function, points[0])
        derivative = asdex.jacobian_from_coloring(function, coloring)
    else:
        function = scalar(task, jnp)
        coloring = asdex.hessian_coloring(function, points[0], *more)
        derivative = asdex.hessian_from_coloring(function, coloring)
    values = jax.jit(lambda *arguments: derivative(*arguments).data)
    pattern = coloring.sparsity

    def matrix() -> Any:
        entries = values(points[0], *more)
        return sp.csr_array((entries, (pattern.rows, pattern.cols)), shape=pattern.shape)

    return Prepared(
        evaluate=lambda k: values(points[k & 1], *more).block_until_ready(),
        matrix=matrix,
        rows=pattern.shape[0],
        nnz=pattern.nnz,
        colors=lambda: int(coloring.num_colors),
    )
