"""POUNCE: an interior-point method after IPOPT's, written in Rust, by its Python package.

What it does otherwise than IPOPT:

- An exception of a callback is printed, and the solve goes on: what is raised is kept here, NaN is
  returned, which it steps back from, and once something was kept, values that any step is accepted
  for, so that the solve ends.
- Options are checked when the solve begins, and by exact type: a number that it refuses is given
  once more as another type.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_callbacks import Callbacks, Refused
from sparsesolve.adapters.ipopt_options import IPOPT_OPTIONS, variants
from sparsesolve.adapters.ipopt_warm import warm_options
from sparsesolve.adapters.nlp import Ended, Start, ended_by_info, inside, solve_nlp
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.methods.monitor import Monitor
from sparsesolve.problem.problem import Problem
from sparsesolve.problem.result import Result

__all__ = ["pounce_available", "pounce_version", "require_pounce", "solve_pounce"]

Array = NDArray[np.float64]
Places = NDArray[np.int32]

_PACKAGE = "pounce-solver"
_LOG = "RUST_LOG"
_REFUSED = re.compile(r"option (\w+)=.*?Exception message: (.*)", re.DOTALL)
_NOT_BEGUN = frozenset({-10, -11, -12})  # where it returns zeros
_ACCEPTED = -1e19  # an objective that every step is accepted for; below -1e20 is unbounded


def pounce_available() -> bool:
    """Whether ``solver="pounce"`` works."""
    return importlib.util.find_spec("pounce") is not None and bool(pounce_version())


def pounce_version() -> str:
    """Return the version of the package; empty where it is not installed."""
    try:
        return importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""


def require_pounce() -> Any:
    """Return the module pounce.

    Raises
    ------
    SolverUnavailable
        If it cannot be imported.
    """
    try:
        with importing(), _silent():
            return importlib.import_module("pounce")
    except ImportError as error:
        raise SolverUnavailable(
            f"pounce cannot be imported ({error}). Install it: pip install 'sparsesolve[pounce]'."
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keep its log from the terminal, unless the user asks for it: that is read at the import."""
    if _LOG in os.environ or "pounce" in sys.modules:
        yield
        return
    os.environ[_LOG] = "off"
    try:
        yield
    finally:
        del os.environ[_LOG]


def solve_pounce(
    problem: Problem,
    monitor: Monitor,
    *,
    options: Mapping[str, Any] | None = None,
    tol: float | None = None,
    warm_start: Result | None = None,
) -> Result:
    """Solve by POUNCE.

    Parameters
    ----------
    problem : Problem
        The problem.
    monitor : Monitor
        Receives the iterations.
    options : mapping, optional
        Its own, which are IPOPT's by name.
    tol : float, optional
        Its ``tol``.
    warm_start : Result, optional
        Start from its point and multipliers.

    Returns
    -------
    Result
        Also where it fails.

    Raises
    ------
    SolverUnavailable
        If it is not installed.
    ValueError
        If an option is refused.
    """
    module = require_pounce()
    given = ({} if tol is None else {"tol": float(tol)}) | dict(options or {})
    call = _Call(module, given)
    result = solve_nlp(problem, monitor, call, warm_start)
    return replace(result, backend=f"POUNCE {pounce_version()}")


@dataclass(slots=True)
class _Call:
    """Runs POUNCE once.

    Parameters
    ----------
    module : module
        pounce.
    options : mapping
        As given by the user.
    """

    module: Any
    options: Mapping[str, Any]
    _tried: dict[str, int] = field(default_factory=dict)

    def __call__(self, callbacks: Callbacks, start: Start) -> Ended:
        evaluation = callbacks.evaluation
        options: dict[str, Any] = {"print_level": 0, "sb": "yes"}
        seeds: dict[str, Array] = {}
        if start.multipliers is not None and start.bound_multipliers is not None:
            options |= warm_options(evaluation, start.x, start.multipliers)
            lower, upper = start.bound_multipliers
            seeds = {"lagrange": start.multipliers, "zl": lower, "zu": upper}
        options |= self.options
        before = callbacks.iterations_before
        if before and "max_iter" in options:
            options["max_iter"] = max(0, int(options["max_iter"]) - before)
        while True:
            nlp = self._build(callbacks, options)
            try:
                x, info = nlp.solve(start.x, **seeds)
            except RuntimeError as error:
                self._use_another_type(options, error)
                continue
            return _ended(callbacks, x if info["status"] not in _NOT_BEGUN else start.x, info)

    def _build(self, callbacks: Callbacks, options: Mapping[str, Any]) -> Any:
        evaluation = callbacks.evaluation
        exact = options.get("hessian_approximation", "exact") == "exact"
        nlp = self.module.Problem(
            n=int(evaluation.n),
            m=int(evaluation.m),
            problem_obj=(_Exact if exact else _Quiet)(callbacks),
            lb=evaluation.lower,
            ub=evaluation.upper,
            cl=evaluation.row_lower,
            cu=evaluation.row_upper,
        )
        for name, value in options.items():
            kinds = variants(value)
            if not kinds:
                raise ValueError(
                    f"POUNCE takes numbers and text as options, got {value!r} for {name!r}."
                )
            nlp.add_option(name, kinds[min(self._tried.get(name, 0), len(kinds) - 1)])
        return nlp

    def _use_another_type(self, options: Mapping[str, Any], error: RuntimeError) -> None:
        found = _REFUSED.search(str(error))
        if found is None or found[1] not in options:
            raise error
        name, reason = found[1], found[2].strip()
        self._tried[name] = self._tried.get(name, 0) + 1
        if self._tried[name] < len(variants(options[name])):
            return
        near = difflib.get_close_matches(name, sorted(IPOPT_OPTIONS), n=3)
        unknown = "Unknown option" in reason
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near and unknown else ""
        raise ValueError(
            f"POUNCE refused the option {name!r} (value {options[name]!r}): {reason}{hint}"
        ) from None


def _ended(callbacks: Callbacks, x: Array, info: Mapping[str, Any]) -> Ended:
    iterations = callbacks.iterations_before + int(info["iter_count"])
    x = inside(callbacks.evaluation, np.asarray(x))
    return ended_by_info(x, info, "POUNCE", iterations)


class _Quiet:
    """Callbacks that raise nothing.

    Parameters
    ----------
    callbacks : Callbacks
        Of the solve.
    """

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        evaluation = callbacks.evaluation
        self._feasible = np.clip(0.0, evaluation.row_lower, evaluation.row_upper)
        self._entries = len(callbacks.jacobianstructure()[0])

    def _kept(self, function: Callable[..., Any], x: Array, *args: Any) -> Any:
        callbacks = self._callbacks
        if callbacks.error is not None:
            return None
        try:
            return function(x, *args)
        except Refused:
            return None
        except BaseException as error:  # a Ctrl-C between two lines of ours
            callbacks.error = callbacks.error or error
            return None

    def objective(self, x: Array) -> float:
        value = self._kept(self._callbacks.objective, x)
        if value is None:
            return float("nan") if self._callbacks.error is None else _ACCEPTED
        return float(value)

    def gradient(self, x: Array) -> Array:
        value = self._kept(self._callbacks.gradient, x)
        return np.full(x.shape, np.nan) if value is None else np.asarray(value)

    def constraints(self, x: Array) -> Array:
        value = self._kept(self._callbacks.constraints, x)
        if value is not None:
            return np.asarray(value)
        ended = self._callbacks.error is not None
        return self._feasible if ended else np.full(self._feasible.shape, np.nan)

    def jacobianstructure(self) -> tuple[Places, Places]:
        return self._callbacks.jacobianstructure()

    def jacobian(self, x: Array) -> Array:
        value = self._kept(self._callbacks.jacobian, x)
        return np.full(self._entries, np.nan) if value is None else np.asarray(value)

    def intermediate(self, *values: Any) -> bool:
        return bool(self._kept(self._callbacks.intermediate, *values))


class _Exact(_Quiet):
    """The same with the Hessian of the Lagrangian; without one, it is approximated."""

    def hessianstructure(self) -> tuple[Places, Places]:
        return self._callbacks.hessianstructure()

    def hessian(self, x: Array, multipliers: Array, sigma: float) -> Array:
        value = self._kept(self._callbacks.hessian, x, multipliers, sigma)
        if value is not None:
            return np.asarray(value)
        return np.full(len(self._callbacks.hessianstructure()[0]), np.nan)
