"""Cases about ranks that differ, that own nothing, or that are divided by a partitioning."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from autograd.extend import defvjp, primitive

import sparsesolve as ss

Found = dict[str, Any]

SCOTCH = {"mat_partitioning_type": "ptscotch"}


def rank() -> int:
    from petsc4py import PETSc

    return int(PETSc.COMM_WORLD.rank)


def last_rank() -> bool:
    from petsc4py import PETSc

    return bool(PETSc.COMM_WORLD.rank == PETSc.COMM_WORLD.size - 1)


def said(solve: Callable[[], Any]) -> str:
    """Return an error by its type and text; "solved" where there is none."""
    try:
        solve()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "solved"


def scaled_square(factor: float) -> Callable[[Any], Any]:
    """Return a call whose factor no program shows."""

    @primitive
    def square(x: Any) -> Any:
        return factor * x**2

    defvjp(square, lambda ans, x: lambda g: 2.0 * factor * x * g)
    return square


def programs_that_differ_within() -> dict[str, str]:
    """A factor inside a call, the ends of sums, an argument, a path by the number of a rank."""
    k, ones = rank(), np.ones(36)
    ends = np.arange(36) // 12

    def root(function: Callable[..., Any], *args: Any) -> str:
        return said(lambda: ss.root(function, ones, args=args, method="petsc"))

    return {
        "call": root(lambda x: x + scaled_square(1.0 + k)(x) - 1.0),
        "sums": root(lambda x: x - 1e-3 * np.add.reduceat(x**2, [0, 18 + k, 30])[ends] - 1.0),
        "argument": root(lambda x, a: x - a, 1.0 + k),
        "path": root(lambda x: x**2 - 4.0 if k == 0 else x**3 - 8.0),
        "minimize": said(
            lambda: ss.minimize(
                lambda x, a: np.sum((x - a) ** 2), ones, args=(1.0 + k,), method="petsc"
            )
        ),
        "same call": root(lambda x: x + scaled_square(2.0)(x) - 1.0),
    }


def errors_of_one_rank() -> dict[str, str]:
    """In the trace, and in a callback."""

    def callback(state: Any) -> None:
        if last_rank():
            raise KeyError("of the last")

    def function(x: Any) -> Any:
        if last_rank():
            raise KeyError("of the last")
        return x - 1.0

    return {
        "trace": said(lambda: ss.root(function, np.ones(9), method="petsc")),
        "callback": said(
            lambda: ss.root(lambda x: x**2 - 4.0, np.ones(9), callback=callback, method="petsc")
        ),
    }


def one_rank_watches() -> Found:
    """A callback on the first rank alone; on the last alone, one that stops."""
    seen: list[int] = []
    first = {"callback": lambda state: seen.append(state.x.size)} if rank() == 0 else {}
    last = {"callback": lambda state: True} if last_rank() else {}
    x0 = np.ones(9)
    root = ss.root(lambda x: x**2 - 4.0, x0, method="petsc", **first)
    low = ss.minimize(lambda x: np.sum((x - 2.0) ** 4), x0, method="petsc", **first)
    stopped = [
        ss.root(lambda x: x**2 - 4.0, x0, method="petsc", **last),
        ss.minimize(lambda x: np.sum((x - 2.0) ** 4), x0, method="petsc", **last),
    ]
    histories = [len(r.history) for r in (root, low)]
    return {
        "x": root.x.tolist(),
        "low": low.x.tolist(),
        "seen": seen,
        "histories": histories,
        "stopped": [r.status.value for r in stopped],
    }


def coupled(x: Any) -> Any:
    return 2 * x - 0.5 * np.roll(x, 1) + 0.1 * x**3 - np.mean(x) * np.sin(x) - 1.0


def few(n: int) -> tuple[Any, Any, Any]:
    """Bounds below and above, and a mass matrix, of n unknowns."""
    at = np.arange(n) % 3
    low, high = np.where(at == 0, 0.9, -np.inf), np.where(at == 1, 0.3, np.inf)
    return low, high, sp.csr_array(np.eye(n) + 0.3 * np.eye(n, k=1))


def quartic(x: Any) -> Any:
    return np.sum((x - 2.0) ** 4) + 0.1 * np.sum(x) ** 2


def slowed(t: float, y: Any) -> Any:
    return np.cos(t) - y**3


def fewer_unknowns_than_ranks() -> Found:
    answers = {}
    for n in (1, 2, 3, 5):
        low, high, mass = few(n)
        given = {"mass_matrix": mass, "rtol": 1e-7, "atol": 1e-9, "method": "petsc"}
        best = ss.minimize(quartic, np.ones(n), bounds=(low, high), method="petsc", tol=1e-10)
        answers[str(n)] = {
            "root": ss.root(coupled, np.zeros(n), method="petsc").x.tolist(),
            "low": best.x.tolist(),
            "multipliers": [m.tolist() for m in best.bound_multipliers],
            "late": ss.solve_ivp(slowed, (0.0, 0.5), np.ones(n), **given).y[:, -1].tolist(),
        }
    return answers


def steps(x: Any) -> Any:
    """Forty steps, which are a loop in the program of a part too."""
    return functools.reduce(lambda z, _: z + 0.1 * np.sin(z - np.roll(z, 1)), range(40), x) - 1.0


def in_steps() -> Found:
    result = ss.root(steps, np.linspace(0.9, 1.0, 64), method="petsc")
    return {"x": result.x.tolist(), "fun": result.fun.tolist()}


def shuffled_grid(x: Any) -> Any:
    """A grid of 20 x 20 whose unknowns are numbered at random."""
    order = np.random.default_rng(8).permutation(x.size)
    p = np.pad(x[order].reshape(20, 20), 1)
    mid = p[1:-1, 1:-1]
    around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
    return (4 * mid - around + 0.1 * mid**3 - 1.0).ravel()[np.argsort(order)]


def bumps(x: Any) -> Any:
    order = np.random.default_rng(8).permutation(x.size)
    y = x[order]
    return np.sum((y[1:] - y[:-1] ** 2) ** 2 + (1.0 - y[:-1]) ** 2)


def partitioned_by_scotch() -> Found:
    """All three solvers, with the option in a mapping, and a mean that all rows read."""
    x0, low = np.zeros(400), np.where(np.arange(400) % 7 == 0, 1.2, -2.0)
    mass = sp.eye_array(400) + 0.1 * sp.eye_array(400, k=3)
    given = {"method": "petsc", "options": SCOTCH}
    found = ss.root(shuffled_grid, x0, **given)
    owned = ss.root(shuffled_grid, x0, method="petsc", options=SCOTCH | {"answer": "owned"})
    mean = ss.root(lambda x: shuffled_grid(x) + np.mean(x**2), x0, **given)
    rate = {"mass_matrix": mass, "rtol": 1e-7, "atol": 1e-9} | given
    late = ss.solve_ivp(lambda t, y: -shuffled_grid(y), (0.0, 0.2), x0, **rate)
    best = ss.minimize(bumps, x0 + 1.5, bounds=(low, 2.0), tol=1e-10, **given)
    return {
        "x": found.x.tolist(),
        "notes": list(found.notes),
        "owned": owned.owned.tolist(),
        "part": owned.x.tolist(),
        "mean": mean.x.tolist(),
        "late": late.y[:, -1].tolist(),
        "best": best.x.tolist(),
        "in order": list(ss.root(coupled, np.zeros(300), **given).notes),
        "unknown": said(
            lambda: ss.root(
                shuffled_grid, x0, method="petsc", options={"mat_partitioning_type": "nobody"}
            )
        ),
        "time": said(lambda: ss.solve_ivp(late_branch, (0.0, 1.0), np.ones(4), method="petsc")),
    }


def late_branch(t: float, y: Any) -> Any:
    return -y if t < 0.5 else -2.0 * y


def without_a_value() -> Found:
    """An objective without a value at the start."""
    with np.errstate(all="ignore"):
        result = ss.minimize(lambda x: np.sum(np.log(x - 2.0)), np.ones(5), method="petsc")
    return {"status": result.status.value, "message": result.message}
