"""CasADi: one `Function` of the nonzeros, evaluated through its buffers, without any copy."""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np
import scipy.sparse as sp

from ..suite import Task
from . import Prepared, casadi_blocks, casadi_formulas

__all__ = ["prepare_with"]

_VECTORS = casadi_formulas.VECTORS | casadi_blocks.VECTORS
_OBJECTIVES = casadi_formulas.OBJECTIVES | casadi_blocks.OBJECTIVES


def prepare_with(symbol: Any, task: Task) -> Prepared:
    """Prepare a task with symbols of one kind, `casadi.SX` or `casadi.MX`.

    Of a Hessian the upper triangle is asked for, as IPOPT's interface in CasADi does.
    """
    n = task.points.shape[1]
    x = symbol.sym("x", n)
    arguments = [x]
    formula, size = task.family.formula, task.size
    if task.kind == "jacobian":
        derivative = ca.jacobian(_VECTORS[formula](x, **size), x)
    else:
        value = _OBJECTIVES[formula](x, **size)
        if task.has_weights:
            arguments.append(symbol.sym("weights", task.multipliers.size))
            value += ca.dot(arguments[1], _VECTORS[formula](x, **size))
        derivative = ca.triu(ca.hessian(value, x)[0])
    function = ca.Function("derivative", arguments, [derivative])
    pattern = derivative.sparsity()
    buffers = [_Buffer(function, task, k) for k in range(2)]

    def matrix() -> Any:
        buffers[0].evaluate()
        indptr, indices = pattern.get_ccs()
        made = sp.csc_array((buffers[0].out, indices, indptr), shape=derivative.shape)
        return made if task.kind == "jacobian" else made + sp.triu(made, 1).T

    return Prepared(
        evaluate=lambda k: buffers[k & 1].evaluate(),
        matrix=matrix,
        rows=derivative.shape[0],
        nnz=pattern.nnz(),
    )


class _Buffer:
    """One point and its result, tied to a function."""

    def __init__(self, function: Any, task: Task, k: int) -> None:
        self.x = np.ascontiguousarray(task.points[k])
        self.out = np.empty(function.nnz_out(0))
        self.buffer, self.evaluate = function.buffer()
        self.buffer.set_arg(0, memoryview(self.x))
        if task.has_weights:
            self.buffer.set_arg(1, memoryview(task.multipliers))
        self.buffer.set_res(0, memoryview(self.out))
