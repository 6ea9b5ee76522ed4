"""What IPOPT's return codes mean: our statuses, and a sentence each.

The library itself gives numbers only, and some builds of cyipopt have no words.
"""

from __future__ import annotations

from sparsesolve.problem.result import Status

__all__ = ["describe_status"]

_KNOWN = {
    0: (Status.SOLVED, "Solved: the point satisfies the tolerances."),
    1: (Status.ACCEPTABLE, "Solved to the acceptable tolerances, not to those asked for."),
    2: (Status.INFEASIBLE, "Converged to a point of local infeasibility."),
    3: (Status.STALLED, "The steps have become too small."),
    4: (Status.UNBOUNDED, "The iterates diverge: the problem may be unbounded."),
    5: (Status.STOPPED, "Stopped by the callback."),
    6: (Status.SOLVED, "Found a feasible point of a square problem."),
    -1: (Status.ITERATION_LIMIT, "Reached the limit on iterations (`max_iter`)."),
    -2: (Status.FAILED, "The restoration phase failed."),
    -3: (Status.STALLED, "No search direction could be computed."),
    -4: (Status.TIME_LIMIT, "Reached the limit on processor time (`max_cpu_time`)."),
    -5: (Status.TIME_LIMIT, "Reached the limit on time (`max_wall_time`)."),
    -10: (Status.FAILED, "The problem has fewer variables than equations."),
    -11: (Status.FAILED, "IPOPT takes this for no valid problem."),
    -12: (Status.FAILED, "An option is not valid, or the linear solver cannot be loaded."),
    -13: (Status.EVALUATION_ERROR, "A value or a derivative could not be evaluated."),
    -100: (Status.FAILED, "IPOPT failed without saying why."),
    -101: (Status.FAILED, "IPOPT failed for a reason that it does not know."),
    -102: (Status.FAILED, "IPOPT ran out of memory."),
    -199: (Status.FAILED, "IPOPT failed inside."),
}  # fmt: skip


def describe_status(code: int, name: str = "IPOPT") -> tuple[Status, str]:
    """Return the status and the message of one of IPOPT's return codes, or of a twin's."""
    status, text = _KNOWN.get(code, (Status.FAILED, f"IPOPT returned the unknown code {code}."))
    return status, text if name == "IPOPT" else text.replace("IPOPT", name)
