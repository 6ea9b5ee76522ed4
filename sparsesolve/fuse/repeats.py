"""Which instructions may be the same one in two trips of a loop.

Separate because rolling up compares them one after another, and evening trips aligns them.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.ir.program import Kernel, Opaque

__all__ = ["kinds_of"]


def kinds_of(steps: Sequence[Kernel | Opaque], tried: Set[int] = frozenset()) -> NDArray[np.int64]:
    """Give instructions that can be trips of one loop equal numbers.

    Parameters
    ----------
    steps : sequence of Kernel or Opaque
        Instructions of a program.
    tried : set of int, optional
        First slots of instructions that are alone, as calls are: these have negative numbers.
    """
    numbers: dict[Any, int] = {}
    expressions: dict[Any, int] = {}
    known: dict[int, int] = {}  # by identity: most scalar kernels share their nodes
    found = np.empty(len(steps), dtype=np.int64)
    for k, step in enumerate(steps):
        if isinstance(step, Opaque) or step.start in tried or not _covers(step):
            found[k] = -k - 1
            continue
        nodes = known.get(id(step.nodes))
        if nodes is None:
            said = tuple([(node.op, node.args) for node in step.nodes])
            nodes = known[id(step.nodes)] = expressions.setdefault(said, len(expressions))
        segments = None if step.segments is None else step.segments.tobytes()
        key = (nodes, step.length, step.outputs, segments)
        found[k] = numbers.setdefault(key, len(numbers))
    return found


def _covers(step: Kernel) -> bool:
    """Whether the sums of a kernel, if it has any, cover its domain."""
    edges = step.segments
    return edges is None or (int(edges[0]) == 0 and int(edges[-1]) == step.length)
