"""CasADi with scalar symbols: the fastest evaluation it has."""

from __future__ import annotations

import casadi

from ..suite import Task
from . import Prepared
from .casadi import prepare_with

__all__ = ["prepare"]


def prepare(task: Task, threads: int) -> Prepared:
    """Build the expression graph of every element."""
    return prepare_with(casadi.SX, task)
