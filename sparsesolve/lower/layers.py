"""Which matrix products are layers: their elements enter another product later.

Short sums of products are written out term by term, so that they fuse with what reads them. In a
layer each factor is read by many sums, and each sum enters sums again: written out, the same terms
would be listed for all of them in a Hessian. For that, such sums are kept as sums, and so are those
that read them.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sparsesolve.ir.tape import Instruction, Ref, Tape, refs_of

__all__ = ["MANY", "UNROLLED", "Layers", "may_have_layers"]

UNROLLED = 8  # up to so many terms a result, a sum is otherwise a chain of maps, which fuses
MANY = 5  # sums that read one factor, and terms of a sum
_PRODUCTS = frozenset({"matmul", "dot", "einsum"})


def may_have_layers(tape: Tape) -> bool:
    """Whether some product may be one whose sums are kept: a quick look at shapes."""
    found = [step for step in tape.instructions if step.op in _PRODUCTS]
    return len(found) > 1 and any(_may_be_layer(tape, step) for step in found)


def _may_be_layer(tape: Tape, step: Instruction) -> bool:
    if min(tape.values[step.out.index].shape[-2:], default=0) < MANY:
        return False
    if step.op == "einsum":
        return True
    left = step.args[0]
    shape = tape.values[left.index].shape if isinstance(left, Ref) else np.shape(left)
    return MANY <= (shape[-1] if shape else 0) <= UNROLLED


class Layers:
    """The layers of a tape, asked for in the order of its steps.

    Parameters
    ----------
    tape : Tape
        A recorded function.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._behind: set[int] = set()  # values of layers, and what depends on them
        self._looked_at = 0

    @property
    def any(self) -> bool:
        """Whether sums of a product were kept."""
        return bool(self._behind)

    def keeps(self, step: Instruction, *, often: bool) -> bool:
        """Whether the sums of a product are to be kept.

        Parameters
        ----------
        step : Instruction
            The product.
        often : bool
            Whether many sums read each factor.
        """
        kept = self._reads_layer(step) or (often and step.out.index in self._multiplied)
        if kept:
            self._behind.add(step.out.index)
        return kept

    def _reads_layer(self, step: Instruction) -> bool:
        steps = self._tape.instructions
        while self._behind and self._looked_at < len(steps):
            earlier = steps[self._looked_at]
            if earlier.out.index >= step.out.index:
                break
            if any(number in self._behind for number in _read(earlier)):
                self._behind.add(earlier.out.index)
            self._looked_at += 1
        return any(number in self._behind for number in _read(step))

    @cached_property
    def _multiplied(self) -> frozenset[int]:
        """Values that enter a product with many rows or columns, if only indirectly."""
        found: set[int] = set()
        for step in reversed(self._tape.instructions):
            if step.out.index in found or self._is_wide(step):
                found.update(_read(step))
        return frozenset(found)

    def _is_wide(self, step: Instruction) -> bool:
        shape = self._tape.values[step.out.index].shape
        return step.op in _PRODUCTS and max(shape[-2:], default=0) >= MANY


def _read(step: Instruction) -> list[int]:
    return [ref.index for ref in refs_of((step.args, dict(step.kwargs)))]
