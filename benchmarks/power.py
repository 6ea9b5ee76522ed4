"""Optimal power flow: ours by several solvers, beside PYPOWER, which has derivatives by hand.

Separate because PYPOWER brings a solver of its own.
"""

from __future__ import annotations

import importlib
from typing import Any

from .collection import acopf
from .measure import timed

__all__ = ["CASES", "flow_ours", "flow_pypower"]

Outcome = dict[str, float]

CASES = (9, 14, 30, 57, 118, 300)
"""Buses."""


def _name(buses: int) -> str:
    """Return the largest case of at most so many buses; the smallest, where there is none."""
    return f"case{max((k for k in CASES if k <= buses), default=CASES[0])}"


def flow_ours(buses: int, *, solver: str) -> Outcome:
    """Solve from the file's tables."""
    import sparsesolve as ss

    problem = acopf.acopf(_name(buses)).problem()
    _, setup = timed(lambda: problem.derivatives)
    result, solve = timed(ss.minimize, problem, method=solver)
    result.raise_on_failure()
    return {
        "n": problem.n,
        "setup": setup,
        "solve": solve,
        "value": result.fun,
        "derivatives": result.seconds_derivatives,
    }


def flow_pypower(buses: int) -> Outcome:
    """Solve by PYPOWER's interior-point method, at its own tolerances."""
    api = importlib.import_module("pypower.api")
    name = _name(buses)
    case: Any = getattr(importlib.import_module(f"pypower.{name}"), name)()
    found, solve = timed(api.runopf, case, api.ppoption(VERBOSE=0, OUT_ALL=0))
    if not found["success"]:
        raise RuntimeError("PYPOWER did not converge")
    n = found["om"].getN("var")
    return {"n": n, "setup": 0.0, "solve": solve, "value": found["f"], "derivatives": float("nan")}
