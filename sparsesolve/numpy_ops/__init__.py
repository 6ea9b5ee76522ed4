"""The functions of NumPy and SciPy, one file a family.

A family holds what to do for a function on traced arrays (its *handler*), how what is recorded
becomes slots and scalar operations (its *lowering rule*), and derivatives where autograd's are not
used. `trace` and `lower` know no family: importing this package fills their tables. What only
replaces functions of SciPy is imported once the module that holds them is.

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

from __future__ import annotations

import importlib
from collections.abc import Callable

from sparsesolve.host.imports import importing
from sparsesolve.numpy_ops import (  # noqa: F401  (each registers its functions)
    array_api,
    choices,
    complex_branches,
    complex_numbers,
    creation,
    eigenvalues,
    elementwise,
    factorizations,
    fourier,
    histograms,
    integration,
    joining,
    linalg,
    loops,
    movement,
    norms,
    ordering,
    orthogonal,
    pieces,
    polynomials,
    positions,
    products,
    quantiles,
    reductions,
    refused,
    roots,
    scalar_rows,
    sparse,
    sparse_matrices,
    special_parts,
    special_rows,
    statistics,
    stencils,
    transforms,
)
from sparsesolve.trace.naming import WITH_SCIPY
from sparsesolve.trace.replaced import when_loaded

__all__: list[str] = []


# Families of functions that are replaced where they are defined: nothing is to be replaced before
# that is loaded, and half of all families are of this kind.
_FAMILIES = {
    "numpy.ma": ("masked_arrays",),
    "numpy.polynomial": ("series",),
    "pandas": ("data_frames",),
    "scipy.integrate": ("steppers",),
    "scipy.interpolate": ("b_splines", "grids", "interpolants", "radial", "splines"),
    "scipy.linalg": ("matrix_equations", "scipys_code", "structured_matrices"),
    "scipy.ndimage": ("filters", "images", "rank_filters"),
    "scipy.optimize": ("linear_fits", "minima", "neighbors"),
    "scipy.signal": ("filters", "rank_filters", "scipys_code", "waveforms"),
    "scipy.sparse.linalg": ("iterative_systems", "sparse_systems"),
    "scipy.spatial": ("distances", "neighbors"),
    "scipy.special": ("combinatorics", "log_sum_exp"),
    "scipy.stats": ("distribution_moments", "distributions", "multivariate_normal"),
    "statistics": ("python_statistics",),
}


def _family(name: str) -> Callable[[], object]:
    def load() -> None:
        with importing():
            importlib.import_module(f"{__name__}.{name}")

    return load


for _module, _names in _FAMILIES.items():
    for _name in _names:
        when_loaded(_module, _family(_name))


def _special() -> None:
    with importing():
        from sparsesolve.numpy_ops import special  # noqa: F401, PLC0415  (SciPy is slow to import)


WITH_SCIPY.append(_special)
