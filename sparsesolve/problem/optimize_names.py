"""`OptimizeNames`: a result by the names and keys of scipy's `OptimizeResult`.

It says nothing new: scripts written for scipy go on reading what they read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sparsesolve.host.words import similar

__all__ = ["OptimizeNames"]

_SCIPY = ("success", "nit", "nfev", "njev", "nhev", "jac", "maxcv")


class OptimizeNames:
    """Mixed into `Result`: what scipy calls otherwise, and all of it as keys too."""

    __slots__ = ()

    iterations: int
    counts: Any
    jacobian: Any
    gradient: Any
    constraint_violation: float

    @property
    def nit(self) -> int:
        """Iterations."""
        return int(self.iterations)

    @property
    def nfev(self) -> int:
        """Evaluations of the objective, or of the residual."""
        return int(self.counts.function)

    @property
    def njev(self) -> int:
        """Evaluations of the gradient, or of the Jacobian of the residual."""
        counts = self.counts
        return int(counts.gradient if self.jacobian is None else counts.jacobian)

    @property
    def nhev(self) -> int:
        """Evaluations of the Hessian."""
        return int(self.counts.hessian)

    @property
    def jac(self) -> Any:
        """Gradient of the objective at `x`, or the sparse Jacobian of the residual."""
        jacobian = self.jacobian
        return self.gradient if jacobian is None else jacobian

    @property
    def maxcv(self) -> float:
        """Largest violation of a constraint."""
        return float(self.constraint_violation)

    def keys(self) -> tuple[str, ...]:
        """Return all names: those of the fields, and scipy's."""
        fields: Any = self
        known = (f.name for f in dataclasses.fields(fields) if "hidden" not in f.metadata)
        return tuple(known) + _SCIPY

    def values(self) -> tuple[Any, ...]:
        """Return what they stand for."""
        return tuple(self[key] for key in self.keys())

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Return both."""
        return tuple(zip(self.keys(), self.values(), strict=True))

    def get(self, key: str, default: Any = None) -> Any:
        """Return what a name stands for, or the default."""
        return getattr(self, key) if key in self.keys() else default

    def __getitem__(self, key: str) -> Any:
        if key not in self.keys():
            near = similar(str(key), self.keys())
            raise KeyError(f"{key!r}{f'; did you mean {near!r}?' if near else ''}")
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.keys()})
