"""Instructions that read slots where these went.

Rolling up and settling loops both put new instructions among old ones.
"""

from __future__ import annotations

from dataclasses import replace

from sparsesolve.ir.program import Index, Kernel, Opaque, Slots

__all__ = ["renamed"]


def renamed(step: Kernel | Opaque, moved: Slots) -> Kernel | Opaque:
    """Read slots where they went.

    Parameters
    ----------
    step : Kernel or Opaque
        An instruction.
    moved : ndarray of int32
        New number of each slot.
    """

    def at(index: Index) -> Index:
        return Index.of(moved[index.to_array()])

    if isinstance(step, Kernel):
        return replace(step, loads=tuple(at(index) for index in step.loads))
    return replace(step, operands=tuple(at(index) for index in step.operands))
