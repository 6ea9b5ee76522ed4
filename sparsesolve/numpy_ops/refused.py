"""Functions of SciPy that are refused on traced values, each with what to do instead.

SciPy's own errors speak of objects and conversions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line
from sparsesolve.trace.sparse_tracers import holds_traced

__all__: list[str] = []

_INTEGRATION = (
    "Integrate with steps of your own (a loop of Runge-Kutta steps is traced), or make the call a "
    "primitive with autograd.extend.primitive and defvjp, by the sensitivity equations"
)
_QUADRATURE = (
    "Write the integral as a sum: weights @ f(points), as of np.polynomial.legendre.leggauss"
)
_DATA = (
    "Data of an interpolator must be constants: use np.interp, whose knots and heights may be "
    "traced, or np.linalg.solve for the coefficients"
)
_INTERPOLATORS = (
    "LSQUnivariateSpline RegularGridInterpolator RectBivariateSpline SmoothBivariateSpline"
)
_REFUSED = {
    "scipy.integrate": {
        "solve_bvp": _INTEGRATION,
        "dblquad": _QUADRATURE,
        "tplquad": _QUADRATURE,
        "nquad": _QUADRATURE,
        "quad_vec": _QUADRATURE,
    },
    # compiled code that does not look at what it is given: the process would end
    "scipy.spatial._qhull": {
        f"{name}.__init__": "Find it before, of constant points; the volume of a hull is a sum "
        "over its constant simplices of np.linalg.det of their points"
        for name in ("ConvexHull", "Delaunay", "Voronoi", "HalfspaceIntersection")
    },
    "scipy.sparse.linalg": dict.fromkeys(
        ("gcrotmk", "lsqr", "lsmr"),
        "Use spsolve, or splu(A).solve, which have a derivative",
    )
    | dict.fromkeys(("eigs", "eigsh", "svds"), "Use np.linalg.eigh of the dense matrix"),
    "scipy.linalg": dict.fromkeys(
        ("schur", "lu", "hessenberg", "qz", "ldl", "null_space", "orth"),
        "Use np.linalg.solve, inv, eigh, svd or cholesky, which have a derivative",
    )
    | {"eig": "Use np.linalg.eig, or eigh where the matrix is symmetric"}
    | dict.fromkeys(
        ("eig_banded", "eigvals_banded", "cholesky_banded", "cho_solve_banded", "rq"),
        "Use eigh, cholesky, solveh_banded or qr of the whole matrix",
    ),
    "scipy.interpolate": dict.fromkeys(("griddata", "splprep", "make_lsq_spline"), _DATA)
    | {f"{name}.__init__": _DATA for name in _INTERPOLATORS.split()},
    "scipy.signal": dict.fromkeys(
        ("find_peaks", "argrelextrema", "peak_prominences", "peak_widths"),
        "Where peaks are depends on the order: take np.argmax, or comparisons with np.diff",
    ),
    "scipy.ndimage": dict.fromkeys(
        ("percentile_filter", "rank_filter", "grey_dilation", "grey_erosion", "label"),
        "Use maximum_filter, minimum_filter or median_filter with a size",
    ),
}


def _refusing(name: str, fix: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        if any(map(_reaches_traced, (*args, *options.values()))):
            raise refuse(f"`{name}` of traced values at {user_line()}", fix)
        return plain(*args, **options)

    return call


def _reaches_traced(value: Any) -> bool:
    """Whether an argument is traced, or a function that closes over traced values."""
    if holds_traced(value):
        return True
    cells = getattr(value, "__closure__", None) or ()
    contents = [cell.cell_contents for cell in cells if cell != type(cell)()]
    return any(map(holds_traced, contents))


def _public(module: str, name: str) -> str:
    return f"{module.partition('._')[0]}.{name.removesuffix('.__init__')}"


for _module, _names in _REFUSED.items():
    for _name, _fix in _names.items():
        replaces(_module, _name)(partial(_refusing, _public(_module, _name), _fix))
