"""The functions of NumPy and SciPy, one file a family.

A family holds what to do for a function on traced arrays (its *handler*), how what is recorded
becomes slots and scalar operations (its *lowering rule*), and derivatives where autograd's are not
used. `trace` and `lower` know no family: importing this package fills their tables.

Movement of data is a call of the function itself on an array of slot numbers, so its index sets are
right by construction: `np.roll` and `np.pad` of three unknowns, where slot 3 holds the padding.

>>> import numpy as np
>>> from sparsesolve.lower import lower
>>> from sparsesolve.trace import trace
>>> lower(trace(lambda x: np.roll(x, 1), [np.zeros(3)])).outputs.tolist()
[2, 0, 1]
>>> lower(trace(lambda x: np.pad(x, 1), [np.zeros(3)])).outputs.tolist()
[3, 0, 1, 2, 3]
"""

from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops import (  # noqa: F401  (each registers its functions)
    array_api,
    b_splines,
    choices,
    complex_branches,
    complex_numbers,
    creation,
    data_frames,
    distances,
    distributions,
    eigenvalues,
    elementwise,
    factorizations,
    filters,
    fourier,
    grids,
    histograms,
    images,
    integration,
    interpolants,
    iterative_systems,
    joining,
    linalg,
    linear_fits,
    log_sum_exp,
    loops,
    masked_arrays,
    matrix_equations,
    minima,
    movement,
    multivariate_normal,
    neighbors,
    norms,
    ordering,
    orthogonal,
    pieces,
    polynomials,
    positions,
    products,
    python_statistics,
    quantiles,
    radial,
    reductions,
    refused,
    roots,
    scalar_rows,
    series,
    sparse,
    sparse_matrices,
    sparse_systems,
    special_parts,
    special_rows,
    splines,
    statistics,
    stencils,
    steppers,
    transforms,
    waveforms,
)
from sparsesolve.trace.naming import WITH_SCIPY

__all__: list[str] = []


def _special() -> None:
    with importing():
        from sparsesolve.numpy_ops import special  # noqa: F401, PLC0415  (SciPy is slow to import)


WITH_SCIPY.append(_special)
