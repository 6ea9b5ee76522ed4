"""SparseDiffEngine, which CVXPY uses for nonlinear problems, by its Python bindings.

There is no modeling layer in this package: expressions are built node by node. Arrays are matrices
stored by columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sparsediffpy import _sparsediffengine as engine

from ..block_formulas import INPUTS, ROWS, data
from ..suite import Task
from . import Prepared

__all__ = ["OBJECTIVES", "VECTORS", "prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Build the expression, and find the structure of its derivatives."""
    n = task.points.shape[1]
    formula = task.family.formula
    x = engine.make_variable(n, 1, 0, n)
    jacobian = task.kind == "jacobian"
    if jacobian:
        objective, rows = engine.make_sum(x, -1), [VECTORS[formula](x, n, **task.size)]
    else:
        objective, rows = OBJECTIVES[formula](x, n, **task.size), []
    problem = engine.make_problem(objective, rows, False)
    if jacobian:
        engine.problem_init_jacobian_coo(problem)
        i, j, shape = engine.get_jacobian_sparsity_coo(problem)
    else:
        engine.problem_init_jacobian(problem)
        engine.problem_init_hessian_coo_lower_triangular(problem)
        i, j, shape = engine.get_problem_hessian_sparsity_coo(problem)
    none = np.zeros(0)

    def evaluate(k: int) -> Any:
        point = task.points[k & 1]
        if jacobian:
            engine.problem_constraint_forward(problem, point)
            return engine.problem_eval_jacobian_vals(problem)
        engine.problem_objective_forward(problem, point)
        engine.problem_gradient(problem)  # second derivatives read what it leaves
        return engine.problem_eval_hessian_vals_coo(problem, 1.0, none)

    def matrix() -> Any:
        made = sp.csr_array(sp.coo_array((evaluate(0), (i, j)), shape=shape))
        return made if jacobian else made + sp.tril(made, -1).T

    return Prepared(evaluate=evaluate, matrix=matrix, rows=int(shape[0]), nnz=int(np.size(i)))


def _constant(values: Any, n: int) -> Any:
    array = np.asarray(values, dtype=float).reshape(-1, 1)
    return engine.make_parameter(array.shape[0], 1, -1, n, array)


def _scaled(factor: float, child: Any, n: int) -> Any:
    number = engine.make_parameter(1, 1, -1, n, np.array([factor]))
    return engine.make_param_scalar_mult(number, child)


def _times(matrix: Any, child: Any) -> Any:
    if sp.issparse(matrix):
        stored = sp.csr_array(matrix)
        parts = stored.data, stored.indices.astype(np.int32), stored.indptr.astype(np.int32)
        return engine.make_left_matmul(None, child, "sparse", *parts, *stored.shape)
    by_rows = np.ascontiguousarray(matrix)
    return engine.make_left_matmul(None, child, "dense", by_rows, *matrix.shape)


def _part(child: Any, indices: Any) -> Any:
    places = np.asarray(indices, dtype=np.int32)
    return engine.make_index(child, places.size, 1, places)


def _sum(*terms: Any) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = engine.make_add(total, term)
    return total


def _squares(child: Any) -> Any:
    return engine.make_sum(engine.make_power(child, 2.0), -1)


def least_squares(x: Any, count: int, n: int) -> Any:
    matrix, goal = data("least_squares", n)
    return _squares(_sum(engine.make_tanh(_times(matrix, x)), _constant(-goal, count)))


def network(w: Any, count: int, hidden: int) -> Any:
    inputs, goal = data("network", hidden)
    split = INPUTS * hidden
    first = engine.make_reshape(_part(w, np.arange(split)), hidden, INPUTS)
    shift = engine.make_transpose(_part(w, np.arange(split, split + hidden)))
    layer = _times(inputs, engine.make_transpose(first))
    layer = engine.make_tanh(_sum(layer, engine.make_broadcast(shift, ROWS, hidden)))
    last = _part(w, np.arange(split + hidden, split + 2 * hidden))
    bias = engine.make_promote(_part(w, [split + 2 * hidden]), ROWS, 1)
    return _sum(engine.make_matmul(layer, last), bias, _constant(-goal, count))


def network_loss(w: Any, count: int, hidden: int) -> Any:
    return _scaled(1.0 / ROWS, _squares(network(w, count, hidden)), count)


def global_sum(x: Any, count: int, n: int) -> Any:
    total = _sum(engine.make_sum(x, -1), _constant([-1.0], count))
    return _sum(engine.make_power(total, 2.0), engine.make_sum(engine.make_power(x, 4.0), -1))


def mean_field(u: Any, count: int, side: int) -> Any:
    line = sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(side, side))
    one = sp.eye_array(side)
    laplacian = (sp.kron(line, one) + sp.kron(one, line)) * (side + 1) ** 2
    both = _sum(engine.make_exp(u), engine.make_exp(engine.make_neg(u)))
    mean = _scaled(0.5 / side**2, engine.make_sum(both, -1), count)
    coupled = _scaled(-10.0, engine.make_power(mean, 2.0), count)
    return _sum(_times(laplacian, u), engine.make_promote(coupled, side**2, 1))


def triangles(u: Any, count: int, n: int) -> Any:
    corners, sizes = data("triangles", n)
    rows = np.arange(len(corners))
    gather = [
        sp.csr_array((np.ones(len(corners)), (rows, corners[:, k])), shape=(len(corners), n))
        for k in range(3)
    ]
    local = [_times(matrix, u) for matrix in gather]
    mean = _scaled(1.0 / 3.0, _sum(*local), count)
    curved = _sum(engine.make_power(mean, 2.0), _constant(np.ones(len(corners)), count))
    total = engine.make_power(u, 3.0)
    for k in range(3):
        force = engine.make_multiply(_sum(local[k], engine.make_neg(mean)), curved)
        scaled = engine.make_param_vector_mult(_constant(sizes[:, k], count), force)
        total = _sum(total, _times(gather[k].T, scaled))
    return total


VECTORS: dict[str, Callable[..., Any]] = {
    "mean_field": mean_field,
    "network": network,
    "triangles": triangles,
}
OBJECTIVES: dict[str, Callable[..., Any]] = {
    "global_sum": global_sum,
    "least_squares": least_squares,
    "network": network_loss,
}
