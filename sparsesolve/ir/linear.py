"""Calls that are linear in all of their operands together, such as Fourier transforms.

Separate because whoever differentiates or runs them may do with them what no other call allows: the
derivative in a direction is the call itself, and many directions go through it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LinearCall", "LinearPush"]

Array = NDArray[np.float64]
Shapes = Sequence[tuple[int, ...]]


class LinearCall:
    """A linear function of arrays.

    Parameters
    ----------
    function : callable
        Takes one array an operand; without a constant term.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._takes_stacks: bool | None = None

    def __call__(self, *operands: Any) -> Any:
        """Return the value."""
        return self._function(*operands)

    def stacked(self, stacks: Sequence[Array], shapes: Shapes) -> Array | None:
        """Return the values for many operands, one after the other along the first axis.

        None where the function does not take them at once, which is tried out with two.
        """
        if self._takes_stacks is None:
            self._takes_stacks = self._tried(shapes)
        return np.asarray(self._function(*stacks)) if self._takes_stacks else None

    def _tried(self, shapes: Shapes) -> bool:
        generator = np.random.default_rng(0)
        stacks = [generator.normal(size=(2, *shape)) for shape in shapes]
        expected = np.array([self._function(*(stack[k] for stack in stacks)) for k in range(2)])
        try:
            found = np.asarray(self._function(*stacks))
        except Exception:  # whatever it raises, it does not take them
            return False
        scale = np.max(np.abs(expected), initial=0.0)
        return found.shape == expected.shape and bool(
            np.allclose(found, expected, rtol=0.0, atol=1e-12 * scale)
        )


class LinearPush(LinearCall):
    """The derivative of a linear call by one operand, in a direction, which comes first.

    Parameters
    ----------
    call : LinearCall
        The call.
    operand : int
        Number of the operand.
    shapes : sequence of tuple of int
        Shapes of all operands of the call.
    """

    def __init__(self, call: LinearCall, operand: int, shapes: Shapes) -> None:
        super().__init__(call)
        self._call, self._operand, self._shapes = call, operand, list(shapes)

    def __call__(self, direction: Any, *operands: Any) -> Any:
        """Return the value in a direction."""
        return self._call(*self._around(direction, ()))

    def stacked(self, stacks: Sequence[Array], shapes: Shapes) -> Array | None:
        """As for any linear call; of the operands, only the direction matters."""
        return self._call.stacked(self._around(stacks[0], stacks[0].shape[:1]), self._shapes)

    def _around(self, direction: Any, lead: tuple[int, ...]) -> list[Any]:
        given: list[Any] = [
            np.zeros((*lead, *shape)) if k != self._operand else direction
            for k, shape in enumerate(self._shapes)
        ]
        return given
