"""`Diagnosis`: what may be wrong with a problem, found at one point.

No solver asks: scaling, dependent and constant rows, unknowns that nothing
determines, kinks. Whatever is found is told by the names of rows and unknowns.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.methods.structural import Decomposition, decompose
from sparsesolve.problem.names import listed, row_name, variable_name
from sparsesolve.problem.problem import Problem

__all__ = ["Diagnosis", "dependent_rows", "diagnose_at"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_DENSE = 4_000_000  # entries up to which the rank is looked at
_DEPENDENT = 1e-9
_STEP = 1e-6
_JUMP = 1e-4
_WIDE = 1e6  # ratio of derivatives beyond which scaling is worth a word


@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """What was found; printed, it is a table.

    Parameters
    ----------
    n, m, equalities : int
        Variables, rows, and how many of these are equalities.
    objective, gradient : float
        Value, and largest entry of the gradient.
    rows, columns : tuple of float
        Smallest and largest of the largest derivatives of the rows, and of the columns, of J.
    rank : int or None
        Of the Jacobian of the equalities; None where it is too large to be formed.
    structural : Decomposition
        Of the equalities.
    dependent : tuple of str
        Equality rows that are combinations of others at this point, with these.
    constant_rows, zero_rows : tuple of str
        Rows that depend on nothing; rows all of whose derivatives vanish here.
    unused : tuple of str
        Variables that neither the objective nor any row depends on.
    over, under : tuple of str
        Equality rows, and variables, where the structure has too many equations, or too few.
    kinks : tuple of str
        What has a jump of its derivative here.
    nonfinite : tuple of str
        What is not finite here.
    advice : tuple of str
        What to do, where there is something.
    """

    n: int
    m: int
    equalities: int
    objective: float
    gradient: float
    rows: tuple[float, float]
    columns: tuple[float, float]
    rank: int | None
    structural: Decomposition
    dependent: tuple[str, ...] = ()
    constant_rows: tuple[str, ...] = ()
    zero_rows: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    kinks: tuple[str, ...] = ()
    nonfinite: tuple[str, ...] = ()
    advice: tuple[str, ...] = field(default=())

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to say."""
        return not self.advice

    def table(self) -> list[tuple[str, str]]:
        """Return the lines of the table, each a label and a text."""
        rank = "not formed" if self.rank is None else str(self.rank)
        return [
            ("variables", str(self.n)),
            ("rows", f"{self.m}, {self.equalities} of them equalities"),
            ("objective", f"{self.objective:.6g}, largest derivative {self.gradient:.2e}"),
            ("derivatives of rows", "{:.2e} to {:.2e}".format(*self.rows) if self.m else "-"),
            ("derivatives of columns", "{:.2e} to {:.2e}".format(*self.columns) if self.m else "-"),
            ("rank of equalities", f"{rank} of {self.equalities}, by structure at most "
             f"{self.structural.rank}"),
            ("dependent rows", listed(self.dependent, 4) or "-"),
            ("constant rows", listed(self.constant_rows) or "-"),
            ("zero derivatives", listed(self.zero_rows) or "-"),
            ("unused variables", listed(self.unused) or "-"),
            ("too many equations", listed(self.over) or "-"),
            ("not determined", listed(self.under) or "-"),
            ("kinks", listed(self.kinks) or "-"),
            ("not finite", listed(self.nonfinite) or "-"),
        ]  # fmt: skip

    def __str__(self) -> str:
        rows = self.table()
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {text}" for label, text in rows]
        return "\n".join(lines + [f"-> {text}" for text in self.advice])

    __repr__ = __str__


def diagnose_at(problem: Problem, x: Array) -> Diagnosis:
    """Look at a problem at one point.

    Parameters
    ----------
    problem : Problem
        Any.
    x : ndarray, shape (n,)
        Where.
    """
    with np.errstate(all="ignore"):
        return _Looking(problem, x).diagnosis()


class _Looking:
    """Values and derivatives at one point, and what they say."""

    def __init__(self, problem: Problem, x: Array) -> None:
        self.problem, self.x = problem, x
        self.f = problem.objective_value(x)
        self.g = problem.gradient(x)
        self.c = problem.constraint_values(x)
        self.J = problem.jacobian(x) if problem.m else sp.csr_array((0, problem.n))
        lower, upper = problem.constraint_bounds
        self.equal = np.flatnonzero(lower == upper)

    def row(self, i: Any) -> str:
        return row_name(self.problem, int(i))

    def variable(self, j: Any) -> str:
        return variable_name(self.problem, int(j))

    def diagnosis(self) -> Diagnosis:
        p = self.problem
        of_rows = _largest(self.J, 1)
        used = _used(p, self.x)
        stored = np.diff(self.J.indptr)
        A = self.J[self.equal]
        structural = decompose(A)
        rank: int | None = None
        dependent: tuple[str, ...] = ()
        if A.shape[0] * A.shape[1] <= _DENSE and np.all(np.isfinite(A.data)):
            rank, dependent = self._dependent(A)
        # what too few equations leave open is no fault where an objective decides
        open_ = structural.under_columns if p.objective is None else structural.under_columns[:0]
        found: dict[str, Any] = {
            "dependent": dependent,
            "constant_rows": tuple(map(self.row, np.flatnonzero(stored == 0))),
            "zero_rows": tuple(map(self.row, np.flatnonzero((stored > 0) & (of_rows == 0.0)))),
            "unused": tuple(map(self.variable, np.flatnonzero(~used))),
            "over": tuple(self.row(self.equal[i]) for i in structural.over_rows),
            "under": tuple(map(self.variable, open_)),
            "kinks": tuple(self._kinks()),
            "nonfinite": tuple(self._nonfinite()),
        }
        scale = float(np.max(np.abs(self.g), initial=0.0))
        rows, columns = _range(of_rows), _range(_largest(self.J, 0))
        return Diagnosis(
            n=p.n,
            m=p.m,
            equalities=int(self.equal.size),
            objective=self.f,
            gradient=scale,
            rows=rows,
            columns=columns,
            rank=rank,
            structural=structural,
            **found,
            advice=tuple(_advice(found, rows, columns, scale)),
        )

    def _dependent(self, A: Any) -> tuple[int, tuple[str, ...]]:
        rank, groups = dependent_rows(A.toarray())
        texts = []
        for row, others in groups:
            names = listed((self.row(self.equal[k]) for k in others), 4)
            texts.append(f"{self.row(self.equal[row])} (of {names})" if others.size else
                         f"{self.row(self.equal[row])} (zero)")  # fmt: skip
        return rank, tuple(texts)

    def _nonfinite(self) -> list[str]:
        texts = [] if np.isfinite(self.f) else ["the objective"]
        texts += [f"the derivative by {self.variable(j)}" for j in np.flatnonzero(~_ok(self.g))]
        texts += [self.row(i) for i in np.flatnonzero(~_ok(self.c))]
        bad = np.repeat(np.arange(self.J.shape[0]), np.diff(self.J.indptr))[~_ok(self.J.data)]
        return texts + [f"a derivative of {self.row(i)}" for i in np.unique(bad)]

    def _kinks(self) -> list[str]:
        """Name what has derivatives that differ on both sides by as much at a tenth of the step."""
        wide, narrow = self._jump(_STEP), self._jump(_STEP / 10.0)
        if wide is None or narrow is None:
            return []
        # what is smooth changes a tenth as much over a tenth of the step
        kept = [np.where(b > 0.5 * a, b, 0.0) for a, b in zip(wide, narrow, strict=True)]
        texts = []
        if np.any(kept[0] > _JUMP * max(1.0, float(np.max(np.abs(self.g), initial=0.0)))):
            texts.append("the objective")
        scale = np.maximum(1.0, _largest(self.J, 1))
        return texts + [self.row(i) for i in np.flatnonzero(kept[1] > _JUMP * scale)]

    def _jump(self, step: float) -> tuple[Array, Array] | None:
        """Change of the gradient, and of each row of J, from one side to the other."""
        p = self.problem
        direction = 1.0 + 0.5 * np.cos(np.arange(1.0, p.n + 1.0))
        h = step * direction * np.maximum(1.0, np.abs(self.x))
        g = np.abs(p.gradient(self.x + h) - p.gradient(self.x - h))
        if not p.m:
            return g, np.empty(0)
        ahead, behind = p.jacobian(self.x + h), p.jacobian(self.x - h)
        if ahead.nnz != behind.nnz:
            return None
        return g, _largest(ahead - behind, 1)


def _used(problem: Problem, x: Array) -> NDArray[np.bool_]:
    """Which variables a row depends on, by structure, or the objective, here or aside."""
    aside = x + 0.1 * np.sin(1.0 + np.arange(x.size)) * np.maximum(1.0, np.abs(x))
    used = (problem.gradient(x) != 0.0) | (problem.gradient(aside) != 0.0)
    if problem.m:
        used[problem.derivatives.jacobian_pattern.indices] = True
    return np.asarray(used, dtype=bool)


def _ok(values: Any) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values), dtype=bool)


def _largest(matrix: Any, axis: int) -> Array:
    if 0 in matrix.shape:
        return np.zeros(matrix.shape[1 - axis])
    return np.asarray(abs(matrix).max(axis=axis).toarray()).reshape(-1)


def _range(values: Array) -> tuple[float, float]:
    some = values[np.isfinite(values) & (values > 0.0)]
    return (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)


def dependent_rows(A: Array) -> tuple[int, list[tuple[int, Index]]]:
    """Return the rank of a matrix, and its rows that others combine to, with these.

    Rows are scaled first. By QR with column pivoting of the transpose (Golub, Van Loan, section
    5.4.2).

    Parameters
    ----------
    A : ndarray, shape (m, n)
        Finite.

    Examples
    --------
    >>> rank, found = dependent_rows(np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]]))
    >>> rank, [(row, others.tolist()) for row, others in found]
    (2, [(1, [0])])
    """
    if 0 in A.shape:
        return 0, [(i, np.empty(0, dtype=np.intp)) for i in range(A.shape[0])]
    norms = np.linalg.norm(A, axis=1)
    # of rows that say the same the first ones are taken, and the later ones named
    order_of_rows = np.linspace(1.0, 0.99, A.shape[0])
    scaled = A * (order_of_rows / np.where(norms > 0.0, norms, 1.0))[:, None]
    R, order = scipy.linalg.qr(scaled.T, mode="r", pivoting=True)
    pivots = np.abs(np.diag(R))
    rank = int(np.sum(pivots > _DEPENDENT * max(A.shape)))
    if rank == A.shape[0]:
        return rank, []
    weights = scipy.linalg.solve_triangular(R[:rank, :rank], R[:rank, rank:])
    found = []
    for k, row in enumerate(order[rank:]):
        others: Index = np.flatnonzero(np.abs(weights[:, k]) > 1e-8)
        found.append((int(row), np.sort(order[others]).astype(np.intp)))
    return rank, sorted(found, key=lambda pair: pair[0])


def _advice(
    found: dict[str, Any], rows: tuple[float, float], columns: tuple[float, float], scale: float
) -> list[str]:
    said = {
        "dependent": "Leave out dependent equality rows, or the problem is degenerate.",
        "constant_rows": "A constraint that depends on nothing holds always or never.",
        "zero_rows": "Start elsewhere: rows without derivatives here give a solver no direction.",
        "unused": "Leave out, or fix, variables that nothing depends on.",
        "over": "More equations than unknowns in these: at most one set of values fits, if any.",
        "under": "Fewer equations than unknowns in these: add some, or fix unknowns.",
        "kinks": "A derivative jumps here: smooth it (sqrt(x**2 + eps) for abs), or start aside.",
        "nonfinite": "Start where all is finite; `problem.report()` and bounds help to stay there.",
    }
    texts = [text for name, text in said.items() if found[name]]
    for name, (low, high) in (("rows", rows), ("columns", columns)):
        if low > 0.0 and high / low > _WIDE:
            what = "constraints" if name == "rows" else "variables"
            texts.append(
                f"Derivatives of {name} differ by a factor of {high / low:.0e}: choose units in "
                f"which {what} are of one size."
            )
    if scale > _WIDE:
        texts.append(f"The objective changes by {scale:.0e} a unit: divide it by such a number.")
    return texts
