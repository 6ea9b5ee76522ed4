"""NumPy function -> Tape: run a user's function once and write down every array operation.

Separate because this is the only stage that knows autograd's tracer and NumPy's dispatch; what it
hands on is a `Tape` in the words of `sparsesolve.trace.vocabulary`.

``trace(function, example_arguments, argnum=0)`` gives the `Tape`; ``prepare`` the same together
with the layout of the arguments (`Arguments`), which at each later call tells the differentiated
argument from the parameters and checks both.

Instruction names are autograd's (``add``, ``concatenate_args``, ``__getitem__``; dotted below a
submodule: ``linalg.solve``, ``fft.fft``, ``special.erf``, ``signal.convolve``,
``stats.norm.pdf``), ``user.<name>`` for a primitive of the user's own, and five of ours:

- ``component(function, k, *arguments)``: item k of a tuple-valued primitive.
- ``movement(fun, array)``: ``fun(array)``; fun only moves or repeats elements of one array, so
  that it may be called on an array of indices as well.
- ``setitem(array, index, value)``: a copy of the array after ``array[index] = value``.
- ``sparse_matmul(A, x)`` and ``sparse_rmatmul(x, A)``: A is a constant `scipy.sparse` array.

The tape of ``f(x) = x[1:] * sin(x[:-1])`` with three unknowns:

>>> import numpy as np
>>> import sparsesolve.numpy_ops
>>> print(trace(lambda x: x[1:] * np.sin(x[:-1]), [np.zeros(3)]))
%0: float64[3] = x
%1: float64[2] = __getitem__(%0, slice(1, None, None))    # ...
%2: float64[2] = __getitem__(%0, slice(None, -1, None))    # ...
%3: float64[2] = sin(%2)    # ...
%4: float64[2] = multiply(%1, %3)    # ...
return %4
"""

from sparsesolve.trace import nested_autograd  # noqa: F401  (registers what it expresses)
from sparsesolve.trace.arguments import Arguments, OtherConstant, ways_to_read
from sparsesolve.trace.branches import Path
from sparsesolve.trace.checking import Recorded, check, is_special, may_be_kept, plain_value
from sparsesolve.trace.content import content_of
from sparsesolve.trace.freshness import is_settled, moved, staleness
from sparsesolve.trace.sealed import unsealed
from sparsesolve.trace.searching import may_search
from sparsesolve.trace.tracing import Traced, asks_for_types, prepare, trace
from sparsesolve.trace.vocabulary import RECORDED

__all__ = [
    "RECORDED",
    "Arguments",
    "OtherConstant",
    "Path",
    "Recorded",
    "Traced",
    "asks_for_types",
    "check",
    "content_of",
    "is_settled",
    "is_special",
    "may_be_kept",
    "may_search",
    "moved",
    "plain_value",
    "prepare",
    "staleness",
    "trace",
    "unsealed",
    "ways_to_read",
]
