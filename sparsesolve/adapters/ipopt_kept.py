"""Objects of IPOPT that wait for the next solve of the same problem, or of another of its family.

Only what is solved again gains by it: to make such an object, with all of IPOPT's
options in it, takes longer than some solves. What an object cannot change is its key: bounds,
limits, structures, and which options are set; their values are set each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sparsesolve.adapters.ipopt_way import Way
from sparsesolve.methods.evaluation import Evaluation

__all__ = ["give_back", "key_of", "take"]

_NAME = "IPOPT"  # among what a problem keeps
_MOST = 8  # objects of one family
_LARGEST = 10_000  # unknowns and rows: IPOPT's memory of the last solve stays with the object

Key = tuple[Any, ...]


def key_of(evaluation: Evaluation, names: Iterable[str], way: Way) -> Key | None:
    """Return what an object for a solve must agree in; None where none is kept.

    Parameters
    ----------
    evaluation : Evaluation
        Of the solve.
    names : iterable of str
        Options that are set.
    way : Way
        To IPOPT.
    """
    if way.transport == "cyipopt" or way.timed or evaluation.n + evaluation.m > _LARGEST:
        return None
    derivatives = evaluation.derivatives
    structure = derivatives.jacobian_pattern, derivatives.hessian_pattern
    return way.transport, way.path, frozenset(names), evaluation.limits.key, *structure


def take(evaluation: Evaluation, key: Key | None) -> Any:
    """Return an object that nobody else uses from now on; None if there is none."""
    kept = evaluation.problem.kept.get(_NAME, [])
    for place, (known, _) in enumerate(list(kept)):
        if key is not None and _same(key, known):
            try:
                found = kept.pop(place)
            except IndexError:  # another thread was faster
                return None
            if _same(key, found[0]):
                return found[1]
            kept.append(found)
    return None


def give_back(evaluation: Evaluation, key: Key | None, nlp: Any) -> None:
    """Keep an object for the next solve."""
    if key is not None:
        nlp.rest()
        kept = evaluation.problem.kept.setdefault(_NAME, [])
        kept.append((key, nlp))
        del kept[:-_MOST]


def _same(one: Key, other: Key) -> bool:
    return one[:-2] == other[:-2] and one[-2] is other[-2] and one[-1] is other[-1]
