"""`dataclass` of the host, for stages that know programs and nothing of the host.

Separate so that the graph of stages has no edge for it.
"""

from __future__ import annotations

from sparsesolve.host.dataclass import dataclass

__all__ = ["dataclass"]
