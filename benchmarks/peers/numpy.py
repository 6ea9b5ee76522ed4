"""One plain call of the function itself, no derivative: the unit in which derivatives are felt."""

from __future__ import annotations

from ..suite import Task
from . import Prepared

__all__ = ["prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Nothing to prepare."""
    function = task.vector if task.kind == "jacobian" else task.scalar
    return Prepared(lambda k: function(task.points[k & 1]), lambda: None, -1, -1)
