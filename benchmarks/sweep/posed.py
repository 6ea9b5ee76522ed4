"""Problems by name: a `Spec` says which one, `build` makes it, `describe` says how large it is.

Separate because a cell runs in another process, perhaps on another machine: what travels is the
`Spec`, five words; the problem itself, which holds functions and machine code, is built where it
is solved. A source is one function in `SOURCES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import sparsesolve as ss

from ..collection import cases, registry

__all__ = ["SOURCES", "Description", "Posed", "Spec", "build", "describe", "title"]


@dataclass(frozen=True, slots=True)
class Spec:
    """Which problem.

    Parameters
    ----------
    source : {"own", "sif"}
        Where it comes from.
    name : str
        Name in the registry, or of the SIF file.
    path : str
        Of the SIF file.
    parameters : mapping
        Sizes that replace the default ones.
    """

    source: str
    name: str
    path: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Spec:
        """Make one from its fields."""
        return cls(**words)

    def words(self) -> dict[str, Any]:
        """Return the fields, fit for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False, slots=True)
class Posed:
    """A problem and what is known of it.

    Parameters
    ----------
    problem : Problem
        Ready to be solved.
    best : float or None
        Best known objective at this size; None where none is known for certain.
    classification : str
        CUTEst's classification where the source has one; a lone "S" tells a sum of squares.
    """

    problem: ss.Problem
    best: float | None
    classification: str


@dataclass(frozen=True, slots=True)
class Description:
    """What selection needs to know; see `Posed` for `best` and `classification`.

    Parameters
    ----------
    n, m : int
        Variables, constraint rows.
    bounded : bool
        Whether a variable that is not fixed has a bound.
    fixed : int
        Variables fixed by equal bounds.
    """

    n: int
    m: int
    bounded: bool
    fixed: int
    best: float | None
    classification: str


def title(spec: Spec) -> str:
    """Return the name under which a problem appears in tables."""
    sizes = ",".join(f"{key}={value}" for key, value in spec.parameters.items())
    return f"{spec.name}[{sizes}]" if sizes else spec.name


def build(spec: Spec, method: str = "auto") -> Posed:
    """Build a problem; derivatives are prepared at their first use, by `method`."""
    posed = SOURCES[spec.source](spec)
    problem = posed.problem
    named = ss.Problem(
        problem.objective,
        problem.x0,
        bounds=problem.bounds,
        constraints=problem.constraints,
        name=title(spec),
        method=method,  # type: ignore[arg-type]
        metadata=problem.metadata,
    )
    return Posed(named, posed.best, posed.classification)


def describe(words: dict[str, Any]) -> dict[str, Any]:
    """Return the `Description` of a spec, both as plain words."""
    spec = Spec.of(words)
    posed = build(spec)
    problem = posed.problem
    lower, upper = problem.bounds
    free = lower != upper
    bounded = bool(np.any(free & (np.isfinite(lower) | np.isfinite(upper))))
    return asdict(
        Description(
            n=problem.n,
            m=problem.m,
            bounded=bounded,
            fixed=int(np.sum(~free)),
            best=posed.best,
            classification=posed.classification
            if len(posed.classification) > 1
            else classify(problem, posed.classification),
        )
    )


def classify(problem: ss.Problem, objective: str = "") -> str:
    """Return a classification in the style of CUTEst, from what is proven about the functions.

    The objective is N(one), L(inear), Q(uadratic), S(um of squares, where `objective` says so)
    or O(ther), the constraints U(nconstrained), (fi)X(ed variables only), B(ounds), L(inear) or
    O(ther).
    """
    derivatives = problem.derivatives
    lower, upper = problem.bounds
    if objective:
        first = objective
    elif problem.objective is None:
        first = "N"
    elif derivatives.objective_is_linear:
        first = "L"
    else:
        first = "Q" if derivatives.objective_is_quadratic else "O"
    if problem.m:
        second = "L" if derivatives.linear_rows.all() else "O"
    elif np.all((np.isinf(lower) & np.isinf(upper)) | (lower == upper)):
        second = "X" if np.any(lower == upper) else "U"
    else:
        second = "B"
    return f"{first}{second}R2-AN-{problem.n}-{problem.m}"


def _own(spec: Spec) -> Posed:
    """One of ``problems``: least squares as a sum of squares, roots as equality constraints."""
    case = registry.find(spec.name).build(**spec.parameters)
    if isinstance(case, cases.MinimizeCase):
        return Posed(case.problem(), case.best, "")
    if isinstance(case, cases.RootCase):
        rows = ss.Constraint(case.residual, 0.0, 0.0, name="residual")
        return Posed(ss.Problem(None, case.x0, constraints=rows), 0.0, "")
    if isinstance(case, cases.OdeCase):
        raise TypeError(f"{spec.name} is an initial value problem: there is nothing to minimize.")
    assert isinstance(case, cases.LeastSquaresCase)
    residual = case.residual

    def squares(x: Any) -> Any:
        return np.sum(residual(x) ** 2)

    return Posed(ss.Problem(squares, case.x0, bounds=case.bounds), case.best, "S")


def _sif(spec: Spec) -> Posed:
    """Read a SIF file; its known value counts where a ``reference.json`` beside it confirms it."""
    problem = ss.sif.load(spec.path, **spec.parameters)
    known = {} if spec.parameters else _references(Path(spec.path).parent).get(spec.name, {})
    best = known.get("fopt") if known.get("fopt_confirmed") else None
    assert problem.metadata is not None
    classification = problem.metadata.classification
    return Posed(problem, None if best is None else float(best), classification)


@cache
def _references(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "reference.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))["problems"]
    return {Path(entry["sif_file"]).stem: entry for entry in found}


SOURCES: dict[str, Callable[[Spec], Posed]] = {"own": _own, "sif": _sif}
