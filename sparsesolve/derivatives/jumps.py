"""Whether integrated derivatives are those of the integral: they leave out where something jumps.

With ``y' = f`` and f another formula from a time on that depends on p, y moves with that time too,
and no integral of derivatives of f knows. So the derivative along one direction is held against
differences: at the first point, at some of the later ones, and wherever an integration passes from
one formula to another that was not passed before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import VerificationError
from sparsesolve.ir.program import Kernel

__all__ = ["JUMPS", "MISSED", "Watch", "may_jump"]

Array = NDArray[np.float64]

_STEPS = 1e-2, 3e-2, 3e-3, 1e-3
_ALLOWED, _NOISE = 1e-2, 1e-4  # of the derivative; of the value: what integrators leave
_AGREE = 0.1  # by how much of the gap two differences may differ; else they are noise

JUMPS = (
    "the function that it integrates has a jump or a kink, and where it has depends on what it is "
    "differentiated by. Integrate up to there and on from there in two calls, or make it smooth."
)
MISSED = (
    "the rule does not resolve what it integrates, which is smooth, but narrow. Give limits around "
    "it, a smaller `epsabs`, or a `bound` that keeps parameters from going there."
)
"""What the reason is, and what to do, where derivatives are not those of differences."""

_CONTINUOUS = frozenset(
    (
        "load", "const", "add", "subtract", "multiply", "divide", "negative", "square", "power",
        "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "sinh", "cosh", "tanh", "arcsinh", "abs", "maximum", "minimum", "reciprocal", "logaddexp",
    )
)  # fmt: skip


def may_jump(prepared: Any) -> bool:
    """Whether a function may jump, as far as the operations of its program tell.

    Parameters
    ----------
    prepared : Jacobian
        Of the function.
    """
    program = getattr(getattr(prepared, "_function", None), "program", None)
    if program is None or (getattr(prepared, "paths", None) or tuple)():
        return True
    return not all(
        isinstance(step, Kernel) and all(node.op in _CONTINUOUS for node in step.nodes)
        for step in program.instructions
    )


class Watch:
    """Compares derivatives at points number 1, 2, 4, 8 ..., and where something new is passed.

    Attributes
    ----------
    harmless : set
        What was passed where derivatives were right.
    """

    def __init__(self) -> None:
        self._points = 0
        self.harmless: set[Any] = set()

    def look(
        self,
        value: Callable[[Array], Array],
        at: Array,
        slopes: Array,
        what: str,
        passed: frozenset[Any] = frozenset(),
        reason: str = JUMPS,
    ) -> None:
        """Compare derivatives at a point, if it is its turn.

        Parameters
        ----------
        value : callable
            What is differentiated, of all that it is differentiated by.
        at : ndarray, shape (n,)
            The point.
        slopes : ndarray, shape (..., n)
            Its derivatives.
        what : str
            What they are derivatives of.
        passed : frozenset, optional
            Whatever may bring a jump in, by any names.
        reason : str, default `JUMPS`
            Why they may differ.

        Raises
        ------
        VerificationError
            If they are not those that differences of two steps agree upon.
        """
        self._points += 1
        is_turn = not self._points & (self._points - 1)
        if not at.size or not (is_turn or passed - self.harmless):
            return
        slopes = slopes.reshape(-1, at.size)
        if np.all(np.isfinite(slopes)):
            _compare(value, at, slopes, what, reason)
            self.harmless |= passed


def _compare(
    value: Callable[[Array], Array], at: Array, slopes: Array, what: str, reason: str
) -> None:
    """Hold derivatives against differences along one direction."""
    size = float(np.max(np.abs(value(at)), initial=0.0))
    direction = _direction(at, slopes, size)
    claimed = slopes @ direction
    largest = np.max(np.abs(slopes) @ direction)
    seen: list[Array] = []
    for h in _STEPS:
        found = _difference(value, at, direction, h)
        gap = np.abs(found - claimed)
        worst = int(np.argmax(gap))
        if not gap[worst] > _ALLOWED * max(largest, abs(found[worst])) + _NOISE * size:
            return
        if any(np.max(np.abs(found - other)) < _AGREE * gap[worst] for other in seen):
            raise VerificationError(
                f"expected {what}, got {claimed[worst]:.6g} for {found[worst]:.6g} by "
                f"differences: {reason}"
            )
        seen.append(found)


def _direction(at: Array, slopes: Array, size: float) -> Array:
    """Move everything by what counts about as much, and by no more than it is."""
    steepness = np.max(np.abs(slopes), axis=0, initial=0.0)
    most = np.where(at == 0.0, 1.0, np.abs(at))
    with np.errstate(divide="ignore", invalid="ignore"):
        fair = np.where(steepness > 0.0, (size or 1.0) / steepness, np.inf)
    signs = np.random.default_rng(1).uniform(0.5, 1.0, at.size)
    return np.asarray(np.minimum(fair, most) * signs)


def _difference(value: Callable[[Array], Array], at: Array, direction: Array, h: float) -> Array:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = (value(at + h * direction) - value(at - h * direction)) / (2.0 * h)
    except Exception:  # beyond the domain of the user's function
        found = np.full(1, np.nan)
    return np.asarray(np.ravel(found), dtype=np.float64)
