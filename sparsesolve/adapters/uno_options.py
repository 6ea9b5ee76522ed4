"""Uno's options: types, and a trial of those that are text in a process of its own.

Uno checks names and types, but some text that it does not know, or that names what is not built in
(a QP or linear solver), ends the process.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from sparsesolve.adapters.ipopt_options import variants

__all__ = ["PRESETS", "check_options", "set_options"]

PRESETS = ("auto", "ipopt", "filtersqp", "funnelsqp", "filterslp")
"""Which of its methods; "auto" chooses by size."""

_SECONDS = 60
_SCRIPT = """
import sys, unopy
def hessian(x, sigma, y, out):
    out[:] = 2.0 * sigma, 2.0 * sigma
def gradient(x, out):
    out[:] = 2.0 * x
def rows(x, out):
    out[:] = x[0] + x[1]
def jacobian(x, out):
    out[:] = 1.0
model = unopy.Model("NLP", 2, [-1.0, -1.0], [1.0, 1.0], 0)
model.set_objective(1, lambda x: float(x @ x), gradient)
model.set_constraints(1, rows, [0.5], [2.0], 2, [0, 0], [0, 1], jacobian)
model.set_lagrangian_hessian(2, "L", [0, 1], [0, 1], hessian)
model.set_initial_primal_iterate([1.0, 1.0])
solver = unopy.UnoSolver()
solver.set_preset(sys.argv[1])
solver.set_option("logger", "SILENT")
for option in sys.argv[2:]:
    solver.set_option(*option.split("=", 1))
sys.exit(0 if solver.optimize(model).optimization_status.name == "SUCCESS" else 3)
"""
_SAFE = frozenset({"logger"})
_NAMES = """
    BQPD_kmax_heuristic LBFGS_max_skips_before_reset LS_backtracking_ratio
    LS_scale_duals_with_step_length TR_activity_tolerance TR_aggressive_decrease_factor
    TR_decrease_factor TR_increase_factor TR_min_radius TR_radius TR_radius_reset_threshold
    armijo_decrease_fraction armijo_tolerance barrier_function barrier_initial_parameter
    constraint_relaxation_strategy dual_tolerance filter_type function_scaling_threshold
    globalization_mechanism globalization_strategy hessian_model inequality_handling_method
    inertia_correction_strategy libhsl_path linear_solver logger loose_dual_tolerance
    loose_primal_tolerance loose_tolerance_iteration_threshold max_iterations LP_solver
    primal_regularization_initial_factor primal_tolerance print_solution print_subproblem
    progress_norm QP_solver quasi_newton_memory_size residual_norm SOC_max_iterations
    time_limit unbounded_objective_threshold use_function_scaling diverging_iterate_threshold
"""


def check_options(preset: str, options: Mapping[str, Any]) -> None:
    """Raise where options of text do not work, by a trial in a process of its own.

    Parameters
    ----------
    preset : str
        One of `PRESETS`.
    options : mapping
        As given by the user.
    """
    text = {name: value for name, value in options.items() if isinstance(value, str)}
    unsafe = tuple(f"{name}={value}" for name, value in sorted(text.items()) if name not in _SAFE)
    if not unsafe:
        return
    reason = _trial(preset, unsafe)
    if reason:
        raise ValueError(
            f"Uno does not work with {', '.join(unsafe)} (preset {preset}; tried in a process of "
            f"its own: {reason}). {_near(text)}".strip()
        )


def set_options(solver: Any, options: Mapping[str, Any]) -> None:
    """Set options of a solver, each as the type that it wants.

    Parameters
    ----------
    solver : unopy.UnoSolver
        Of the solve.
    options : mapping
        As given by the user.
    """
    for name, value in options.items():
        reason = _set_option(solver, name, value)
        if reason:
            raise ValueError(
                f"Uno refused the option {name!r} (value {value!r}): {reason}.{_hint(name)}"
            )


def _set_option(solver: Any, name: str, value: Any) -> str:
    """Try the types that a value may have; return why the first was refused, if all were."""
    kinds = [bool(value)] if isinstance(value, bool | np.bool_) else variants(value)
    first = "" if kinds else "it takes numbers, text, True and False"
    for kind in kinds:
        reason = _refusal(solver, name, kind)
        if not reason:
            return ""
        first = first or reason
    return first


def _refusal(solver: Any, name: str, value: Any) -> str:
    try:
        solver.set_option(name, value)
    except KeyError:
        return "there is none of this name"
    except (TypeError, ValueError, IndexError, OverflowError, RuntimeError) as error:
        return str(error)
    return ""


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, _NAMES.split(), n=3)
    if not near or name in near:
        return ""
    return f" Did you mean {', '.join(map(repr, near))}?"


def _near(text: Mapping[str, str]) -> str:
    return " ".join(hint for name in text if (hint := _hint(name).strip()))


@cache
def _trial(preset: str, options: tuple[str, ...]) -> str:
    """Solve a small problem with these options; return why it did not work, or nothing."""
    command = [sys.executable, "-c", _SCRIPT, preset, *options]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 1 and lines:
        return lines[-1]
    return "it solved nothing" if done.returncode == 3 else "it ended the process"
