"""One cell: build the problem, solve it in one way, judge the answer. Runs in a fresh process.

Separate because it is what crosses to other processes and machines: words in, words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

import sparsesolve as ss

from ..measure import load_average, timed
from .judge import judge
from .posed import Spec, build
from .ways import solve

__all__ = ["modules", "run_cell", "warm", "warm_all"]

PERTURBATION = 0.01
"""Relative size of the change of the starting point for seeds other than 0."""


def modules(ways: Sequence[str]) -> list[str]:
    """Name what a nursery should import, and call, before it forks for cells of these ways."""
    names = [
        __name__,
        f"{__package__}.differences",
        f"{__package__}.dense",
        "sparsesolve.adapters.minimize",
        "sparsesolve.sif",
        "sparsesolve.adapters.ipopt_native",
    ]
    return [*names, f"{__name__}:warm{'_all' if 'colored' in ways else ''}"]


def warm(*methods: str) -> None:
    """Prepare a problem of three variables, so that no cell pays for loading LLVM or its tables."""
    for method in methods or ("compiled",):
        problem = ss.Problem(
            lambda x: np.sum(np.cosh(x) * x[::-1]),
            np.ones(3),
            constraints=ss.Constraint(lambda x: np.cosh(x[1:]) - x[:-1], 0.0, 0.0),
            method=method,  # type: ignore[arg-type]
        )
        problem.jacobian(problem.x0)
        problem.gradient(problem.x0)
        problem.lagrangian_hessian(problem.x0)


def warm_all() -> None:
    """Load the coloring kernels too, which Numba keeps on disk and loads in two seconds."""
    warm("compiled", "colored")


def run_cell(words: Mapping[str, Any]) -> dict[str, Any]:
    """Solve and judge.

    Parameters
    ----------
    words : mapping
        ``spec`` (as `Spec.words`), ``solver``, ``way``, ``seed``, ``seconds``.

    Returns
    -------
    dict
        Columns of a row, see `benchmarks.sweep.store`.
    """
    spec, way = Spec.of(words["spec"]), words["way"]
    posed, loading = timed(build, spec, "colored" if way == "colored" else "auto")
    problem = _moved(posed.problem, int(words["seed"]))
    load = load_average()
    attempt = solve(problem, words["solver"], way, float(words["seconds"]))
    # judged by the compiled program, whatever way was used
    judged = problem if way == "compiled" else _moved(build(spec).problem, int(words["seed"]))
    found = judge(judged, attempt.x, attempt.multipliers)
    derivatives = judged.derivatives
    return {
        "n": judged.n,
        "m": judged.m,
        "nnz_jacobian": derivatives.jacobian_pattern.nnz if judged.m else 0,
        "nnz_hessian": derivatives.hessian_pattern.nnz,
        "status": attempt.status,
        "message": attempt.message,
        "note": attempt.note,
        **asdict(found),
        "iterations": attempt.iterations,
        **{f"calls_{name}": count for name, count in asdict(attempt.counts).items()},
        "seconds_load": loading,
        "seconds_preparation": attempt.preparation,
        "seconds_derivatives": attempt.derivatives,
        "seconds": attempt.seconds,
        "load_average": load,
    }


def _moved(problem: ss.Problem, seed: int) -> ss.Problem:
    """Move the start by up to a percent of each variable, within bounds; seed 0: not at all."""
    if seed == 0:
        return problem
    x0 = problem.x0
    rng = np.random.default_rng(seed)
    step = PERTURBATION * np.maximum(1.0, np.abs(x0)) * rng.uniform(-1.0, 1.0, x0.size)
    lower, upper = problem.bounds
    return ss.Problem(
        problem.objective,
        np.clip(x0 + step, lower, upper),
        bounds=(lower, upper),
        constraints=problem.constraints,
        name=problem.name,
        method=problem.method,
        metadata=problem.metadata,
    )
