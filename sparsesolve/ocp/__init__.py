"""Optimal control: phases, each between two times, transcribed to a `Problem` with named blocks.

A stage of its own, above problems, of which it uses nothing but what everybody can.

The least effort that moves a unit mass a distance of 1 in unit time, at rest at both ends, is 6:

>>> phase = Phase(
...     lambda t, x, u, p: [x[1], u[0]],
...     time=(0.0, 1.0),
...     states=["position", "speed"],
...     controls=["force"],
...     initial={"position": 0.0, "speed": 0.0},
...     final={"position": 1.0, "speed": 0.0},
...     running_cost=lambda t, x, u, p: 0.5 * u[0] ** 2,
... )
>>> solution = phase.solve(intervals=10)
>>> round(solution.cost, 6), round(float(solution.state("speed")(0.5)), 6)
(6.0, 1.5)
"""

from __future__ import annotations

from sparsesolve.ocp.collocation import Collocation, hermite_simpson, radau, trapezoidal
from sparsesolve.ocp.curve import Curve, Joined
from sparsesolve.ocp.multiphase import Multiphase
from sparsesolve.ocp.phase import EndPoint, Ends, Phase
from sparsesolve.ocp.shooting import Shooting, multiple_shooting
from sparsesolve.ocp.solution import Round, Solution
from sparsesolve.ocp.trajectory import Trajectory

__all__ = [
    "Collocation",
    "Curve",
    "EndPoint",
    "Ends",
    "Joined",
    "Multiphase",
    "Phase",
    "Round",
    "Shooting",
    "Solution",
    "Trajectory",
    "hermite_simpson",
    "multiple_shooting",
    "radau",
    "trapezoidal",
]
