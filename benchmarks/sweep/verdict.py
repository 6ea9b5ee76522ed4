"""Solved or not, and why not: from the residuals in the rows and the best objective known.

Separate because it needs all rows of a run: the best known objective is the known one, or a better
one that any cell reached at a KKT point. Nothing is solved again, so tolerances may be changed
after a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .judge import TOLERANCE

__all__ = ["MARGIN", "Verdict", "is_kkt", "verdicts"]

MARGIN = 1e-4
"""How much an objective may exceed the best known one, relative to ``max(1, |best|)``. Known values
are printed with five digits or so."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one cell.

    Parameters
    ----------
    row : mapping
        The cell.
    verdict : str
        ``"solved"``, ``"not-applicable"``, an outcome of `FAILED`, or what is wrong with the point:
        ``"infeasible"``, ``"not-stationary"``, ``"worse"`` (a KKT point with a worse objective).
    reason : str
        In words with numbers.
    best : float or None
        The best known objective.
    """

    row: Row
    verdict: str
    reason: str
    best: float | None

    @property
    def solved(self) -> bool:
        """Whether the cell counts as solved."""
        return self.verdict == "solved"


def is_kkt(row: Row, tolerance: float = TOLERANCE) -> bool:
    """Whether the point of a cell is feasible and stationary to `tolerance`."""
    parts = [row.get(name) for name in ("violation", "stationarity", "complementarity")]
    if row["outcome"] != "ok" or row.get("objective") is None:
        return False
    return all(part is not None and part <= tolerance for part in parts)


def verdicts(
    rows: Iterable[Row], *, tolerance: float = TOLERANCE, margin: float = MARGIN
) -> list[Verdict]:
    """Judge all cells of a run.

    Parameters
    ----------
    rows : iterable of mapping
        Of a `Store`.
    tolerance : float, dimensionless
        Largest residual of a KKT point.
    margin : float, dimensionless
        See `MARGIN`.

    Returns
    -------
    list of Verdict
        One a row, in order.
    """
    rows = list(rows)
    best: dict[str, float] = {}
    for row in rows:
        values = [best.get(row["problem"]), row.get("known")]
        if is_kkt(row, tolerance):
            values.append(row["objective"])
        found = [value for value in values if value is not None]
        if found:
            best[row["problem"]] = min(found)
    return [_judge(row, best.get(row["problem"]), tolerance, margin) for row in rows]


def _judge(row: Row, best: float | None, tolerance: float, margin: float) -> Verdict:
    if row["outcome"] != "ok":
        return Verdict(row, row["outcome"], row["reason"] or "", best)
    stopped = row["status"] == "time-limit"
    solver = f"; the solver says {row['status']}"
    if not is_kkt(row, tolerance):
        violation = _number(row.get("violation"))
        if stopped:
            words = f"violation {violation:.1e}, stationarity {_number(row['stationarity']):.1e}"
            return Verdict(row, "time-limit", f"{row['message']}; {words}", best)
        if violation > tolerance:
            return Verdict(row, "infeasible", f"violation {violation:.1e}{solver}", best)
        worst = max(_number(row.get("stationarity")), _number(row.get("complementarity")))
        return Verdict(row, "not-stationary", f"KKT residual {worst:.1e}{solver}", best)
    objective = float(row["objective"])
    if best is not None and objective > best + margin * max(1.0, abs(best)):
        return Verdict(row, "worse", f"a KKT point, {objective:.8g} above {best:.8g}", best)
    return Verdict(row, "solved", "", best)


def _number(value: Any) -> float:
    return float("inf") if value is None else float(value)
