"""`Constraint`: rows between limits, and the other ways in which users write them.

scipy has three more spellings, which are read here into this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sparsesolve.errors import StructureMismatch
from sparsesolve.host.words import known_words
from sparsesolve.problem.bounds import Limit, first_crossing, fit_limit, read_limit
from sparsesolve.problem.call import with_arguments
from sparsesolve.problem.scaling import check_scale

__all__ = ["Constraint", "LinearRows", "read_constraints"]

Array = NDArray[np.float64]


@known_words
@dataclass(frozen=True, eq=False)
class Constraint:
    """The rows ``lower <= function(x) <= upper``.

    Parameters
    ----------
    function : callable
        ``function(x)``, or ``function(x, p)`` in a problem with parameters, returns a scalar or an
        array; it is flattened.
    lower, upper : float or array_like or None
        Limits, broadcast to the shape of the result; None or infinite: no limit. Equal limits
        make an equality.
    name : str, optional
        Used in reports and messages, and as the key of its part of `Result.multipliers`.
    keep_feasible : bool or array_like of bool, optional
        Whether iterates must satisfy the limits, given that the start does: for trust-constr.
    scale : "auto", float or array_like, optional
        Unit of the rows that solvers see; "auto": by their derivatives at the start.

    Raises
    ------
    TypeError
        If `function` is not callable.
    ValueError
        If a limit is NaN, or a lower limit exceeds its upper one.

    Examples
    --------
    >>> import numpy as np
    >>> Constraint(lambda x: np.sum(x**2), 40.0, 40.0, name="sphere").name
    'sphere'
    """

    function: Callable[..., Any]
    lower: Limit = None
    upper: Limit = None
    name: str = ""
    keep_feasible: Any = False
    scale: Any = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"`function` of a constraint must be callable, got "
                f"{type(self.function).__name__}. Write Constraint(c, lower, upper)."
            )
        if not isinstance(self.name, str):
            raise TypeError(f"`name` of a constraint must be text, got {self.name!r}.")
        check_scale("scale", self.scale)
        label = f" of constraint {self.label!r}"
        lower = read_limit("lower", self.lower, -np.inf, label)
        upper = read_limit("upper", self.upper, np.inf, label)
        try:
            wrong = np.any(lower > upper)
        except ValueError:
            raise ValueError(
                f"`lower` and `upper`{label} must have one shape, got {lower.shape} and "
                f"{upper.shape}."
            ) from None
        if wrong:
            raise ValueError(
                f"`lower` must not exceed `upper`{label}: {first_crossing(lower, upper)}. "
                "Swap or correct the limits."
            )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @property
    def label(self) -> str:
        """The name, or that of the function."""
        return self.name or getattr(self.function, "__name__", "constraint")

    def limits(self, size: int) -> tuple[Array, Array]:
        """Return both limits as arrays of shape (size,)."""
        return (
            fit_limit("lower", self.lower, size, self.label),
            fit_limit("upper", self.upper, size, self.label),
        )


class LinearRows:
    """The function ``A @ x`` of the vector of all unknowns, whatever the parameters.

    Parameters
    ----------
    A : matrix, shape (m, n) or (n,)
        Dense, or of `scipy.sparse`.
    """

    takes_vectors = True

    def __init__(self, A: Any) -> None:
        self.A = sp.csr_array(A) if sp.issparse(A) else np.atleast_2d(np.asarray(A, dtype=float))
        self.__name__ = "linear"

    def __call__(self, x: Any, *_: Any) -> Any:
        """Return the rows at `x`."""
        if len(x) != self.A.shape[1]:
            raise StructureMismatch(
                f"`A` of a linear constraint must have one column for each of {len(x)} variables, "
                f"got shape {self.A.shape}."
            )
        return self.A @ x


def read_constraints(constraints: Any) -> tuple[Constraint, ...]:
    """Return constraints in our form.

    Parameters
    ----------
    constraints : object or sequence of objects
        Each a `Constraint`; a `NonlinearConstraint` or `LinearConstraint` of scipy; or a dictionary
        with "type" ("eq": fun(x) = 0, "ineq": fun(x) >= 0), "fun", and "args". Derivatives that
        they hold are not needed.

    Raises
    ------
    TypeError, ValueError
        If one is of another kind, or not complete.
    """
    if constraints is None:
        return ()
    alone = isinstance(constraints, Mapping) or not isinstance(constraints, Iterable)
    return tuple(_read(item) for item in ([constraints] if alone else constraints))


def _read(given: Any) -> Constraint:
    if isinstance(given, Constraint):
        return given
    if isinstance(given, Mapping):
        return _read_mapping(given)
    limited = hasattr(given, "lb") and hasattr(given, "ub")
    if limited and hasattr(given, "A"):
        function: Callable[..., Any] = LinearRows(given.A)
    elif limited and hasattr(given, "fun"):
        function = given.fun
    else:
        raise TypeError(
            f"`constraints` must hold Constraint objects, got {type(given).__name__}. Write "
            "Constraint(c, lower, upper), with equal limits for an equality, or a constraint of "
            "scipy.optimize."
        )
    keep = getattr(given, "keep_feasible", False)
    return Constraint(function, given.lb, given.ub, keep_feasible=keep)


def _read_mapping(given: Mapping[str, Any]) -> Constraint:
    kind = str(given.get("type", "")).lower()
    if kind not in ("eq", "ineq") or "fun" not in given:
        raise ValueError(
            "a constraint that is a dictionary must have `type`, 'eq' or 'ineq', and `fun`, got "
            f"{dict(given)!r}."
        )
    unknown = sorted(set(map(str, given)) - {"type", "fun", "args", "jac", "hess"})
    if unknown:
        raise ValueError(
            "a constraint that is a dictionary takes `type`, `fun`, `args` and `jac`, got "
            f"{', '.join(unknown)}. For limits write Constraint(fun, lower, upper)."
        )
    function = with_arguments(given["fun"], given.get("args", ()))
    return Constraint(function, 0.0, 0.0 if kind == "eq" else None)
