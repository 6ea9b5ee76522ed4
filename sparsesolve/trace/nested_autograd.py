"""What autograd does to gradients behind the scenes, in the words of a tape.

Separate because it concerns only functions that call `autograd.grad` and its like themselves:
their reverse pass adds into arrays in place and gathers into sparse objects, neither of which is
an operation of NumPy.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import scipy.sparse
from autograd.core import SparseObject, VSpace, sparse_add
from autograd.numpy import numpy_vjps

from sparsesolve.trace.boxes import BOXED, ArrayTracer
from sparsesolve.trace.operands import plain_index
from sparsesolve.trace.primitives import setitem, sparse_matmul
from sparsesolve.trace.recorder import EXPANSIONS

__all__: list[str] = []


def _dense(gathered: Any) -> Any:
    """Write out what a sparse object adds to zeros."""
    return gathered.mut_add(np.zeros(gathered.vs.shape))


def _boxed_dense(value: Any, trace: int, node: Any) -> ArrayTracer:
    return ArrayTracer(_dense(value), trace, node)


BOXED[SparseObject] = _boxed_dense


def _untake(x: Any, idx: Any, vs: Any) -> Any:
    """Put a cotangent where it was taken from; adding up where an index repeats."""
    index = plain_index(idx)
    places = np.arange(vs.size).reshape(vs.shape)[index]
    if np.unique(places).size == places.size:
        return setitem(np.zeros(vs.shape), index, x)
    scatter = scipy.sparse.csr_array(
        (np.ones(places.size), (places.ravel(), np.arange(places.size))),
        shape=(vs.size, places.size),
    )
    return anp.reshape(sparse_matmul(scatter, anp.reshape(x, (-1,))), vs.shape)


def _add(vs: Any, x_prev: Any, x_new: Any) -> Any:
    new = _dense(x_new) if isinstance(x_new, SparseObject) else x_new
    return anp.multiply(new, 1.0) if x_prev is None else anp.add(x_prev, new)


EXPANSIONS[numpy_vjps.untake] = _untake
EXPANSIONS[anp.make_diagonal] = lambda D, **_: D[..., None] * np.eye(D.shape[-1])
for _adjoint in ("dot_adjoint_0", "dot_adjoint_1", "tensordot_adjoint_0", "tensordot_adjoint_1"):
    # written with NumPy's own functions, which come back here
    EXPANSIONS[getattr(numpy_vjps, _adjoint)] = getattr(numpy_vjps, _adjoint).fun
EXPANSIONS[sparse_add] = _add
EXPANSIONS[VSpace.add] = _add
EXPANSIONS[VSpace.mut_add] = _add
EXPANSIONS[VSpace.scalar_mul] = lambda vs, x, a: anp.multiply(x, a)
EXPANSIONS[VSpace.inner_prod] = lambda vs, x, y: anp.sum(x * y)
EXPANSIONS[VSpace.covector] = lambda vs, x: anp.multiply(x, 1.0)
