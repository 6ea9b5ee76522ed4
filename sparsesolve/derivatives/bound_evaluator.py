"""`BoundEvaluator`: something to evaluate, called with arguments as the user's function takes them.

Every derivative is called in this way: first the entry of machine code, which
takes arrays and numbers as they are; then, if it refuses, the long way that converts or complains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sparsesolve.engine.evaluator import Array, Evaluator, FastCall, Fixed, Place, refuse
from sparsesolve.host.fork import forkable_property
from sparsesolve.trace.argument_tree import Leaf, Static
from sparsesolve.trace.arguments import Arguments

__all__ = ["BoundEvaluator"]


class BoundEvaluator:
    """An evaluator under the arguments of a function.

    Parameters
    ----------
    evaluator : Evaluator
        Takes x and a list of parameters.
    arguments : Arguments
        How the arguments of a call become these.
    """

    def __init__(self, evaluator: Evaluator, arguments: Arguments) -> None:
        self.evaluator = evaluator
        self.prefilled = evaluator.prefilled
        self._arguments = arguments

    def __call__(self, args: Sequence[Any], out: Array | None = None) -> Array:
        """Return the values: `out`, or a fresh array."""
        if out is None:
            fresh = self.prefilled()
            if self.fast_refill(*args, fresh) is not None:
                return fresh
            return self.refill(fresh, args)
        if self._fill(*args, out) is None:
            x, parameters = self._arguments.split(args)
            return self.evaluator(x, parameters, out)
        return out

    def refill(self, buffer: Array, args: Sequence[Any]) -> Array:
        """Write the values that vary into a buffer, and return it."""
        if self.fast_refill(*args, buffer) is None:
            x, parameters = self._arguments.split(args)
            self.evaluator.run_into(buffer, x, parameters)
        return buffer

    @forkable_property
    def _fill(self) -> FastCall:
        return self._entry(fill=True)

    @forkable_property
    def fast_refill(self) -> FastCall:
        """Takes arguments as they are and a buffer; None where they need the long way."""
        return self._entry(fill=False)

    def guarded_by(self, holds: BoundEvaluator | None, *, fill: bool) -> FastCall:
        """Return what writes values where one of the same arguments gives 1.0; `fill`: all."""
        return self._entry(fill=fill, first=None if holds is None else holds._fill)

    def _entry(self, *, fill: bool, first: FastCall | None = None) -> FastCall:
        places = _places(self._arguments)
        if places is None:
            return refuse
        return self.evaluator.fastcall(places, fill=fill, first=first)


def _places(arguments: Arguments) -> list[Place | Fixed] | None:
    """Say what an entry finds where, or None if arguments are inside containers."""
    target = arguments.tree[arguments.argnum].number
    places: list[Place | Fixed] = []
    for part in arguments.tree:
        if isinstance(part, Static):
            # where content counts, only what `Arguments.seal` puts there is known without a look
            places.append(Fixed(part.value if part.content is None else part))
        elif type(part) is Leaf:
            number = -1 if part.number == target else part.number - (part.number > target)
            places.append(Place(number, part.shape, part.shape == ()))
        else:
            return None
    return places
