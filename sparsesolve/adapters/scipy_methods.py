"""The methods of ``scipy.optimize.minimize`` that take derivatives: what each takes and returns."""

from __future__ import annotations

from collections.abc import Mapping

from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.problem.result import Status

__all__ = ["SCIPY_METHODS", "Method", "find_method", "load_scipy"]


@dataclass(frozen=True, slots=True)
class Method:
    """What a method of scipy takes.

    Parameters
    ----------
    name : str
        As scipy calls it.
    bounds, constraints : bool
        Whether it takes them.
    hessian : {"none", "sparse", "product", "dense"}
        Form of the second derivatives.
    dense : float
        Doubles it stores, in units of n^2.
    status : dict
        Its codes in our words; others are "failed".
    """

    name: str
    bounds: bool
    constraints: bool
    hessian: str
    dense: float
    status: Mapping[int, Status]


_LINE_SEARCH = {0: Status.SOLVED, 1: Status.ITERATION_LIMIT, 2: Status.STALLED}
_TNC = {
    -1: Status.INFEASIBLE,
    0: Status.SOLVED,
    1: Status.SOLVED,
    2: Status.SOLVED,
    3: Status.ITERATION_LIMIT,
    4: Status.STALLED,
    6: Status.STALLED,
    7: Status.STOPPED,
}
_SLSQP = {0: Status.SOLVED, 4: Status.INFEASIBLE, 8: Status.STALLED, 9: Status.ITERATION_LIMIT}
_TRUST_CONSTR = {
    0: Status.ITERATION_LIMIT,
    1: Status.SOLVED,
    2: Status.ACCEPTABLE,
    3: Status.STOPPED,
    4: Status.INFEASIBLE,
}

_METHODS = {
    m.name.lower(): m
    for m in (
        Method("trust-constr", True, True, "sparse", 0.0, _TRUST_CONSTR),
        Method("SLSQP", True, True, "none", 10.0, _SLSQP),
        Method("L-BFGS-B", True, False, "none", 0.0, _LINE_SEARCH),
        Method("TNC", True, False, "none", 0.0, _TNC),
        Method("Newton-CG", False, False, "sparse", 0.0, _LINE_SEARCH),
        Method("trust-ncg", False, False, "product", 0.0, _LINE_SEARCH),
        Method("trust-krylov", False, False, "product", 0.0, _LINE_SEARCH),
        Method("trust-exact", False, False, "dense", 3.0, _LINE_SEARCH),
        Method("dogleg", False, False, "dense", 3.0, _LINE_SEARCH),
        Method("BFGS", False, False, "none", 3.0, _LINE_SEARCH),
        Method("CG", False, False, "none", 0.0, _LINE_SEARCH),
    )
}

SCIPY_METHODS = tuple(m.name for m in _METHODS.values())


def find_method(solver: str) -> Method:
    """Return the method named `solver`, in any case.

    Parameters
    ----------
    solver : str
        Name.

    Returns
    -------
    Method
        What it takes.

    Raises
    ------
    ValueError
        If scipy has none of this name that takes derivatives.
    """
    method = _METHODS.get(str(solver).lower())
    if method is None:
        raise ValueError(
            f"`method` must be 'auto', 'ipopt', 'pounce', 'uno', 'highs' or one of "
            f"{', '.join(SCIPY_METHODS)}; got {solver!r}. Methods of scipy without derivatives "
            "gain nothing here."
        )
    return method


def load_scipy() -> None:
    """Import ``scipy.optimize``, which takes longer than many solves by IPOPT or by our methods."""
    with importing():
        import scipy.optimize  # noqa: F401, PLC0415
