"""The functions of NumPy and SciPy, one file a family.

A family holds what to do for a function on traced arrays (its *handler*), how what is recorded
becomes slots and scalar operations (its *lowering rule*), and derivatives where autograd's are not
used. `trace` and `lower` know no family: importing this package fills their tables.
"""

from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops import (  # noqa: F401  (each registers its functions)
    choices,
    creation,
    elementwise,
    fourier,
    joining,
    linalg,
    log_sum_exp,
    movement,
    norms,
    ordering,
    polynomials,
    positions,
    products,
    quantiles,
    reductions,
    scalar_rows,
    sparse,
    splines,
    statistics,
    stencils,
)
from sparsesolve.trace.naming import WITH_SCIPY

__all__: list[str] = []


def _special() -> None:
    with importing():
        from sparsesolve.numpy_ops import special  # noqa: F401, PLC0415  (SciPy is slow to import)


WITH_SCIPY.append(_special)
