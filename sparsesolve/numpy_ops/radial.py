"""`scipy.interpolate.RBFInterpolator` over constant nodes: of traced points, of traced values.

Its coefficients are linear in the values, so those of units are SciPy's; at traced points the sum
of kernels and monomials is written out, which SciPy does in compiled code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.dispatch import refuse
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.replaced import replaces
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _thin_plate(s: Any) -> Any:
    apart = s > 0.0
    return where(apart, 0.5 * s * anp.log(where(apart, s, 1.0)), 0.0)


_KERNELS: dict[str, Callable[[Any], Any]] = {  # of squares of distances
    "linear": lambda s: -anp.sqrt(s),
    "thin_plate_spline": _thin_plate,
    "cubic": lambda s: s**1.5,
    "quintic": lambda s: -(s**2.5),
    "multiquadric": lambda s: -anp.sqrt(s + 1.0),
    "inverse_multiquadric": lambda s: 1.0 / anp.sqrt(s + 1.0),
    "inverse_quadratic": lambda s: 1.0 / (s + 1.0),
    "gaussian": lambda s: anp.exp(-s),
}


def _basis(self: Any, x: Any) -> Any:
    """Kernels and monomials at points, one row a point."""
    gaps = (x[:, None, :] - self.y[None, :, :]) * self.epsilon
    kernels = _KERNELS[self.kernel](anp.sum(gaps * gaps, axis=2))
    scaled = (x - self._shift) / self._scale
    powers = np.asarray(self.powers)
    monomials = [
        anp.prod(anp.stack([scaled[:, k] ** int(p) for k, p in enumerate(row)]), axis=0)
        for row in powers
    ]
    columns = [anp.reshape(m, (-1, 1)) for m in monomials]
    return anp.concatenate([kernels, *columns], axis=1)


@replaces("scipy.interpolate._rbfinterp", "RBFInterpolator.__init__")
def _made(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def init(self: Any, y: Any, d: Any, neighbors: Any = None, *rest: Any, **options: Any) -> None:
        others = (y, *rest, *options.values())
        if not any(map(holds_boxes, (d, *others))):
            return plain(self, y, d, neighbors, *rest, **options)  # type: ignore[no-any-return]
        if any(map(holds_boxes, others)) or neighbors is not None:
            raise refuse(
                f"`scipy.interpolate.RBFInterpolator` of traced nodes or options, or of traced "
                f"values with `neighbors`, at {user_line()}",
                "Keep nodes and options constant and leave `neighbors` out; values may be traced",
            )
        values = operand(d)
        plain(self, y, np.eye(np.shape(values)[0]), None, *rest, **options)
        self._traced_values = values
        return None

    return init


@replaces("scipy.interpolate._rbfinterp", "RBFInterpolator.__call__")
def _called(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def call(self: Any, x: Any) -> Any:
        values = vars(self).get("_traced_values")
        if not holds_boxes(x):
            found = plain(self, x)
            return found if values is None else anp.tensordot(found, values, 1)
        if self.neighbors is not None or np.iscomplexobj(self.d):
            raise refuse(
                f"an RBFInterpolator of complex values, or with `neighbors`, at traced points at "
                f"{user_line()}",
                "Make it of real values without `neighbors`",
            )
        basis = anp.dot(_basis(self, operand(x)), self._coeffs)
        if values is not None:
            return anp.tensordot(basis, values, 1)
        return anp.reshape(basis, (np.shape(x)[0], *self.d_shape))

    return call
