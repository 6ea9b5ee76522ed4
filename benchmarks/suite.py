"""What is measured: families of derivatives, each with its sizes.

Separate from how (`cells`) and from the tools (`peers`). A `Task` is one family at one size: the
functions of `problems`, two points, and the multipliers where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .block_families import BLOCKS, builder
from .collection import (
    acopf,
    bratu,
    brusselator,
    bundle,
    cases,
    cops_trajectory,
    luksan_vlcek,
    rosenbrock,
)

__all__ = ["FAMILIES", "SOURCE", "TIME", "Family", "Task", "find_family"]

TIME, SOURCE = 2.0, 5.0
"""Arguments of the Brusselator's right-hand side besides the state."""


@dataclass(frozen=True, eq=False)
class Task:
    """One family at one size.

    Parameters
    ----------
    family : Family
        Where it comes from.
    size : mapping
        Size parameters of the problem.
    case : Case
        The problem.
    points : ndarray, shape (2, n)
        Two points near the start, used in turn so that no tool can remember a result.
    seed : int
        Seed of the points and of the multipliers.
    """

    family: Family
    size: Mapping[str, Any]
    case: cases.Case
    points: cases.Vector
    seed: int

    @property
    def kind(self) -> str:
        """``"jacobian"``, ``"hessian"`` or ``"lagrangian"``."""
        return self.family.kind

    @property
    def constraints(self) -> list[Callable[[cases.Vector], cases.Vector]]:
        """The vector-valued functions, to be stacked."""
        case = self.case
        if isinstance(case, cases.MinimizeCase):
            return [block.function for block in case.constraints]
        if isinstance(case, cases.OdeCase):
            return [lambda y: case.rhs(TIME, y, SOURCE)]
        return [case.residual]

    @cached_property
    def multipliers(self) -> cases.Vector:
        """One number for each row of the constraints, shape (m,)."""
        m = sum(np.size(function(self.points[0])) for function in self.constraints)
        return np.random.default_rng(self.seed + 1).uniform(-1.0, 1.0, m)

    def vector(self, x: cases.Vector) -> cases.Vector:
        """All constraints or residuals at x, by plain calls, shape (m,)."""
        parts = [np.ravel(function(x)) for function in self.constraints]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def scalar(self, x: cases.Vector) -> float:
        """Objective or Lagrangian at x, by plain calls."""
        assert isinstance(self.case, cases.MinimizeCase)
        value = float(self.case.objective(x))
        return value + float(self.multipliers @ self.vector(x)) if self.has_weights else value

    @property
    def has_weights(self) -> bool:
        """Whether multipliers enter."""
        return self.kind == "lagrangian"


@dataclass(frozen=True, eq=False)
class Family:
    """One derivative at several sizes.

    Parameters
    ----------
    name : str
        Unique name.
    kind : {"jacobian", "hessian", "lagrangian"}
        Which derivative.
    formula : str
        Name under which the peers keep their own formulation.
    builder : callable
        Builds the problem from its size parameters.
    sizes : mapping
        Size parameters by the number of variables they give.
    spread : float
        How far the points lie from the start, each variable by at most this.
    """

    name: str
    kind: str
    formula: str
    builder: Callable[..., cases.Case]
    sizes: Mapping[int, Mapping[str, Any]]
    spread: float = 0.01

    def task(self, n: int, seed: int = 0) -> Task:
        """Build the family at one of its sizes."""
        case = self.builder(**self.sizes[n])
        start = case.y0 if isinstance(case, cases.OdeCase) else case.x0
        moves = np.random.default_rng(seed).uniform(-self.spread, self.spread, (2, start.size))
        return Task(self, self.sizes[n], case, start + moves, seed)


def _chain(*sizes: int) -> dict[int, dict[str, int]]:
    return {n: {"n": n} for n in sizes}


TENS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
CASES = {"case118": 344, "case300": 738}


def _power(kind: str) -> list[Family]:
    return [
        Family(f"{kind} acopf-{case}", kind, "acopf", acopf.acopf, {n: {"case": case}})
        for case, n in CASES.items()
    ]


def _blocks() -> list[Family]:
    return [
        Family(name, kind, formula, builder(kind, formula, n_of), sizes)
        for name, (kind, formula, n_of, sizes) in BLOCKS.items()
    ]


FAMILIES: tuple[Family, ...] = (
    Family(
        "jacobian bratu",
        "jacobian",
        "bratu",
        bratu.bratu,
        {side**2: {"side": side} for side in (4, 10, 32, 100, 316, 1000)},
    ),
    Family(
        "jacobian brusselator",
        "jacobian",
        "brusselator",
        brusselator.brusselator_2d,
        {2 * side**2: {"side": side} for side in (4, 22, 71, 224, 707)},
    ),
    Family("jacobian lukvle1", "jacobian", "lukvle1", luksan_vlcek.lukvle1, _chain(*TENS)),
    *_power("jacobian"),
    Family(
        "jacobian bundle",
        "jacobian",
        "bundle",
        bundle.bundle_adjustment,
        {72 + 3 * points: {"cameras": 8, "points": points} for points in (40, 300, 3300, 33000)},
        spread=0.001,
    ),
    Family(
        "hessian rosenbrock", "hessian", "rosenbrock", rosenbrock.chained_rosenbrock, _chain(*TENS)
    ),
    Family("lagrangian lukvle1", "lagrangian", "lukvle1", luksan_vlcek.lukvle1, _chain(*TENS)),
    *_power("lagrangian"),
    Family(
        "lagrangian rocket",
        "lagrangian",
        "rocket",
        cops_trajectory.rocket,
        {4 * (k + 1) + 1: {"intervals": k} for k in (2, 24, 249, 2499, 24999)},
        spread=0.001,
    ),
    *_blocks(),
)
"""Every family: of the collection, then of dense blocks and loops; Jacobians first in each."""


def find_family(name: str) -> Family:
    """Return the family of that name.

    Raises
    ------
    KeyError
        If there is none; the message lists the names.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    raise KeyError(f"no family {name!r}; there are {', '.join(f.name for f in FAMILIES)}")
