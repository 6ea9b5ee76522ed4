"""The vocabulary of a tape: every `Instruction.op` that tracing can emit, by family.

Separate because the lowering has one rule for each of these names, and needs nothing else of the
tracer. Everything NumPy offers beyond this list is either expressed in these words or refused.
"""

from __future__ import annotations

__all__ = [
    "ELEMENTWISE",
    "LINEAR",
    "MOVEMENT",
    "OPAQUE",
    "OWN",
    "RECORDED",
    "REDUCTION",
    "SPECIAL",
]

ELEMENTWISE = (
    # one argument
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "astype", "cbrt",
    "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log",
    "log10", "log1p", "log2", "logical_not", "negative", "reciprocal", "rint", "sign", "signbit",
    "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
    # two arguments
    "add", "arctan2", "copysign", "divide", "equal", "floor_divide", "fmax", "fmin", "fmod",
    "greater", "greater_equal", "heaviside", "hypot", "less", "less_equal", "logaddexp",
    "logaddexp2", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "multiply",
    "not_equal", "power", "remainder", "subtract",
    # three arguments: where(condition, x, y), clip(x, lower or None, upper or None)
    "where", "clip",
)  # fmt: skip
"""Apply to broadcast elements; positional arguments in NumPy's order."""

SPECIAL = (
    "beta", "betainc", "betaln", "digamma", "erf", "erfc", "erfcinv", "erfinv", "expit", "gamma",
    "gammainc", "gammaincc", "gammaln", "gammasgn", "i0", "i1", "iv", "ive", "j0", "j1", "jn",
    "logit", "polygamma", "psi", "rgamma", "y0", "y1", "yn",
)  # fmt: skip
"""The same for `scipy.special`; recorded as ``special.erf`` and so on."""

MOVEMENT = (
    "__getitem__",  # (array, index): integers, slices, newaxis, ellipsis, constant arrays
    "array_from_args",  # (array_args, array_kwargs, *items): np.array([...]) of equal shapes
    "broadcast_to",  # (array, shape)
    "concatenate_args",  # (axis, *arrays)
    "diag",  # (vector, k): vector to matrix, zeros off the diagonal
    "movement",  # (fun, array): fun moves or repeats elements of one array, see OWN
    "pad",  # (array, width, "constant"): filled with zeros
    "reshape",  # (array, shape, order="C")
    "transpose",  # (array, axes or None)
    "tril",  # (array, k)
    "triu",  # (array, k)
)
"""Move elements; holes are filled with zero."""

REDUCTION = ("all", "any", "cumsum", "max", "mean", "min", "prod", "sum")
"""Take ``axis`` and, but for ``cumsum``, ``keepdims``."""

LINEAR = ("dot", "einsum", "matmul")
"""Linear in each array; any of the arrays may be constant. ``einsum(subscripts, *arrays)``."""

OPAQUE = (
    "linalg.cholesky", "linalg.det", "linalg.inv", "linalg.norm", "linalg.pinv", "linalg.solve",
    "sort", "partition",
    "fft.fft", "fft.fft2", "fft.fftn", "fft.ifft", "fft.ifft2", "fft.ifftn", "fft.irfft",
    "fft.irfft2", "fft.irfftn", "fft.rfft", "fft.rfft2", "fft.rfftn", "real", "imag", "conjugate",
    "angle",
    "special.logsumexp", "special.multigammaln", "signal.convolve",
    "scipy.linalg.solve_banded", "scipy.linalg.solve_sylvester", "scipy.linalg.solve_triangular",
    "scipy.linalg.sqrtm",
)  # fmt: skip
"""Known by autograd's rules alone. ``real``, ``imag``, ``conjugate``, ``angle`` appear beside a
complex intermediate only; the ``linalg`` names take stacks of matrices."""

OWN = ("component", "movement", "setitem", "sparse_matmul", "sparse_rmatmul")
"""Primitives defined in `sparsesolve.trace.primitives`, all with derivative rules:

``component(function, k, *arguments)``
    Item `k` of the tuple that ``function(*arguments)`` returns (``linalg.eigh`` and its like).
``movement(fun, array)``
    ``fun(array)`` for a function that only moves or repeats elements (``np.roll``, ``np.tile``).
``setitem(array, index, value)``
    A copy of `array` after ``array[index] = value``.
``sparse_matmul(A, x)``, ``sparse_rmatmul(x, A)``
    ``A @ x`` and ``x @ A`` for a constant `scipy.sparse` array A and a dense x (1-D or 2-D).
"""

RECORDED = tuple(
    sorted(
        {
            *ELEMENTWISE,
            *(f"special.{name}" for name in SPECIAL),
            *MOVEMENT,
            *REDUCTION,
            *LINEAR,
            *OPAQUE,
            *OWN,
        }
    )
)
"""All of the above. A user's own autograd primitive ``name`` is recorded as ``user.name``;
``autograd.scipy.stats`` as ``stats.norm.pdf`` and so on; both are opaque."""
