"""Cases that several processes run together: ``mpiexec -n 2 python petsc_cases.py GROUP FOLDER``.

Each rank writes what it found to a file of its own.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import petsc_matrix_cases
import petsc_rank_cases
import scipy.sparse as sp
from autograd.extend import defvjp, primitive

import sparsesolve as ss
from sparsesolve.errors import VerificationError

Found = dict[str, Any]


def bratu(x: Any) -> Any:
    m = round(x.size**0.5)
    p = np.pad(x.reshape(m, m), 1)
    mid, h = p[1:-1, 1:-1], 1.0 / (m + 1)
    around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
    return (4 * mid - around - 6.0 * h**2 * np.exp(mid)).ravel()


def chain(x: Any, load: Any) -> Any:
    return 3 * x + x**3 - 0.5 * np.roll(x, 1) - 0.3 * np.roll(x, -2) - load


def found(result: Any) -> Found:
    return {
        "x": np.asarray(result.x).tolist(),
        "fun": np.asarray(result.fun).tolist(),
        "status": result.status.value,
        "message": result.message,
        "iterations": result.iterations,
        "jacobians": result.counts.jacobian,
        "optimality": result.optimality,
        "notes": list(result.notes),
        "backend": result.backend,
    }


def on_a_grid() -> Found:
    return found(ss.root(bratu, np.zeros(24 * 24), method="petsc"))


def with_multigrid() -> Found:
    options = {"pc_type": "gamg", "ksp_type": "gmres", "-ksp_rtol": 1e-8}
    return found(ss.root(bratu, np.zeros(24 * 24), method="petsc", options=options))


def with_arguments() -> Found:
    load = np.linspace(-1.0, 2.0, 31)
    return found(ss.root(chain, np.zeros(31), args=(load,), method="petsc", tol=1e-12))


def few_unknowns() -> Found:

    def function(x: Any) -> Any:
        return x**3 - np.array([8.0, 27.0])

    prepared = ss.jacobian(function, np.ones(2))
    return found(ss.root(function, np.ones(2), method="petsc", jac=prepared))


def owned_part() -> Found:
    result = ss.root(chain, np.zeros(33), args=(1.0,), method="petsc", options={"answer": "owned"})
    return found(result) | {"owned": result.owned.tolist()}


def as_a_nest() -> Found:
    def function(x: Any) -> Any:
        return {"u": x["u"] ** 2 - 4.0, "v": x["v"] - x["u"][0]}

    result = ss.root(
        lambda x: np.concatenate([function(x)["u"], np.ravel(function(x)["v"])]),
        {"u": np.ones(3), "v": 0.0},
        method="petsc",
    )
    return {"u": result.x["u"].tolist(), "v": float(result.x["v"])}


def stopped_by_a_callback() -> Found:
    seen: list[int] = []

    def callback(state: Any) -> bool:
        seen.append(state.x.size)
        return state.iteration == 2

    result = ss.root(bratu, np.zeros(64), method="petsc", callback=callback)
    return found(result) | {"seen": seen, "history": len(result.history)}


def too_few_iterations() -> Found:
    return found(ss.root(bratu, np.zeros(64), method="petsc", options={"snes_max_it": 1}))


def not_square() -> Found:
    try:
        ss.root(lambda x: x[1:] ** 2, np.ones(4), method="petsc")
    except ValueError as error:
        return {"error": str(error)}
    return {}


def other_programs() -> Found:
    """The number of a rank enters: noticed before anybody waits."""
    from petsc4py import PETSc

    factor = 1.0 + PETSc.COMM_WORLD.rank
    try:
        result = ss.root(lambda x: factor * x - 1.0, np.ones(9), method="petsc")
    except Exception as error:
        return {"kind": type(error).__name__, "error": str(error)}
    return found(result)


def other_arguments() -> dict[str, str]:
    """What a rank gives besides its function: each would solve for a part of its own."""
    from petsc4py import PETSc

    rank, said = PETSc.COMM_WORLD.rank, {}
    ones, far = np.ones(9), np.ones(9) + (np.arange(9) == 8) * rank
    mass = sp.diags_array(far).tocsr()

    def root(x0: Any = ones, **given: Any) -> Any:
        return ss.root(lambda x: x**2 - 4.0, x0, method="petsc", **given)

    def low(**given: Any) -> Any:
        return ss.minimize(lambda x: np.sum(x**2), method="petsc", **given)

    def later(end: float = 1.0, y0: Any = ones, **given: Any) -> Any:
        return ss.solve_ivp(lambda t, y: -y, (0.0, end), y0, method="petsc", **given)

    for name, solve in {
        "x0 of root": lambda: root(far),
        "tol": lambda: root(tol=10.0 ** (-4 - 4 * rank)),
        "options": lambda: root(options={"ksp_type": ("gmres", "cg")[rank % 2]}),
        "x0 of minimize": lambda: low(x0=far),
        "bounds": lambda: low(x0=ones, bounds=(0.5 * far, 3.0)),
        "t_span": lambda: later(1.0 + rank),
        "y0": lambda: later(y0=far),
        "mass_matrix": lambda: later(mass_matrix=mass),
        "rtol, t_eval": lambda: later(rtol=1e-3 / (1 + rank), t_eval=[0.5 + 0.1 * rank]),
    }.items():
        try:
            said[name] = str(solve())
        except VerificationError as error:
            said[name] = str(error)
    return said


def one_rank_is_wrong() -> Found:
    """An argument that only the first rank has wrong, which ends all."""
    from petsc4py import PETSc

    x0 = np.ones(9)
    x0[4] = np.nan if PETSc.COMM_WORLD.rank == 0 else 1.0
    return found(ss.root(lambda x: x**2 - 4.0, x0, method="petsc"))


def one_unknown() -> Found:
    """Ranks that own nothing."""
    by_time = ss.solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], method="petsc", rtol=1e-6)
    by_values = ss.minimize(lambda x: np.sum((x - 2.0) ** 2), np.ones(1), method="petsc")
    by_options = ss.root(
        lambda x: x**2 - 4.0, np.ones(1), method="petsc", options={"ksp_diagonal_scale": True}
    )
    answers = [by_time.y[0, -1], by_values.x[0], by_options.x[0]]
    return {"answers": [float(answer) for answer in answers]}


def not_a_number_on_the_last_rank() -> Found:
    def function(x: Any) -> Any:
        return np.concatenate([x[:-1] ** 2 - 4.0, np.log(x[-1:] - 1.5) + 1.0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the plain call
        return found(ss.root(function, np.ones(12), method="petsc"))


def options_of_one_call() -> Found:
    """Options end with their call."""
    rough = {"snes_max_it": 1, "ksp_type": "gmres", "pc_type": "jacobi"}
    first = ss.root(bratu, np.zeros(64), method="petsc", options=rough)
    return {"first": found(first), "second": found(ss.root(bratu, np.zeros(64), method="petsc"))}


@primitive
def guarded(x: Any) -> Any:
    if np.max(x) > 1.5:
        raise ArithmeticError("too far")
    return x**2


defvjp(guarded, lambda ans, x: lambda g: 2.0 * x * g)


def fails_on_the_last_rank() -> Found:
    """A call that only the last rank makes raises there on the way, and so all ranks end."""

    def function(x: Any) -> Any:
        return np.concatenate([x[:-3] ** 2 - 4.0, guarded(x[-3:]) - 4.0])

    try:
        ss.root(function, np.ones(12), method="petsc")
    except Exception as error:
        return {"kind": type(error).__name__, "error": str(error)}
    return {}


def reaction(t: float, y: Any, a: Any) -> Any:
    """Brusselator on a line, both species in one vector."""
    n = y.size // 2
    u, v = y[:n], y[n:]

    def spread(w: Any, end: float) -> Any:
        p = np.concatenate([[end], w, [end]])
        return 0.02 * (n + 1) ** 2 * (p[2:] - 2 * w + p[:-2])

    rate = u**2 * v
    return np.concatenate([a + rate - 4 * u + spread(u, 1.0), 3 * u - rate + spread(v, 3.0)])


def reaction_start(n: int) -> Any:
    x = np.arange(1, n + 1) / (n + 1)
    return np.concatenate([1 + np.sin(2 * np.pi * x), np.full(n, 3.0)])


def trajectory(run: Any) -> Found:
    known = ("status", "message", "success", "nfev", "njev", "nlu")
    return {"t": run.t.tolist(), "y": run.y.tolist()} | {name: run[name] for name in known}


def integrated(kind: str) -> Found:
    options = {"ts_type": kind}
    given = {"args": (1.0,), "rtol": 1e-4, "atol": 1e-6, "t_eval": [0.2, 0.5]}
    y0 = reaction_start(20)
    run = ss.solve_ivp(reaction, (0.0, 0.5), y0, method="petsc", options=options, **given)
    return trajectory(run)


def by_bdf() -> Found:
    return integrated("bdf")


def by_arkimex() -> Found:
    return integrated("arkimex")


def by_rosw() -> Found:
    return integrated("rosw")


def robertson(t: float, y: Any) -> Any:
    slow = -0.04 * y[0] + 1e4 * y[1] * y[2]
    return np.stack([slow, -slow - 3e7 * y[1] ** 2, y[0] + y[1] + y[2] - 1.0])


def with_a_singular_mass() -> Found:
    mass, start = np.diag([1.0, 1.0, 0.0]), [1.0, 0.0, 0.0]
    given = {"mass_matrix": mass, "rtol": 1e-5, "atol": 1e-9, "first_step": 1e-5}
    return trajectory(ss.solve_ivp(robertson, (0.0, 0.4), start, method="petsc", **given))


def with_a_full_mass() -> Found:
    mass = np.eye(7) + 0.2 * np.eye(7, k=1) + 0.1 * np.eye(7, k=-3)
    given = {"mass_matrix": mass, "rtol": 1e-6, "atol": 1e-8}
    return trajectory(
        ss.solve_ivp(lambda t, y: np.cos(t) - y**3, (0.0, 2.0), np.ones(7), method="petsc", **given)
    )


def too_few_steps() -> Found:
    run = ss.solve_ivp(
        lambda t, y: -y, (0.0, 1.0), np.ones(5), method="petsc", options={"ts_max_steps": 2}
    )
    return trajectory(run)


def refused_by_ts() -> Found:
    said = {}
    for name, given in {
        "events": {"events": lambda t, y: y[0]},
        "backward": {"t_span": (1.0, 0.0)},
        "mass": {"mass_matrix": lambda t, y: np.eye(2)},
        "times": {"t_eval": [0.5, 0.2]},
    }.items():
        try:
            given = {"t_span": (0.0, 1.0)} | given
            ss.solve_ivp(lambda t, y: -y, y0=np.ones(2), method="petsc", **given)
        except (ValueError, TypeError) as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def valley(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x: Any, p: Any) -> Any:
    """Convex; a square of a sum over all unknowns makes its Hessian full."""
    return np.sum((x[1:] - x[:-1]) ** 2) + p * np.sum((x - 1.0) ** 2) ** 2 + np.sum(x**4)


def low(n: int) -> Any:
    return np.where(np.arange(n) % 7 == 0, 1.2, -2.0)


def minimized(result: Any) -> Found:
    lower, upper = result.bound_multipliers
    known = {"gradient": result.gradient, "lower": lower, "upper": upper}
    counts = {"hessians": result.counts.hessian}
    return found(result) | {name: np.asarray(v).tolist() for name, v in known.items()} | counts


def in_a_valley() -> Found:
    bounds = (low(100), 2.0)
    return minimized(ss.minimize(valley, np.full(100, 1.5), bounds=bounds, method="petsc"))


def in_a_long_valley() -> Found:
    start, bounds = np.full(30, -1.2), (-np.inf, 3.0)
    return found(ss.minimize(valley, start, bounds=bounds, method="petsc"))


def stopped_in_a_valley() -> Found:
    start, bounds = np.full(30, -1.2), (-np.inf, 3.0)
    return found(ss.minimize(valley, start, bounds=bounds, method="petsc", callback=lambda s: True))


def in_a_bowl() -> Found:
    bounds = (np.where(np.arange(90) % 5 == 0, 0.7, 0.2), 2.0)
    start = np.linspace(0.0, 1.0, 90)
    return minimized(ss.minimize(bowl, start, args=(0.02,), bounds=bounds, method="petsc"))


def a_problem_of_blocks() -> Found:
    problem = ss.Problem(
        lambda x, p: np.sum((x["u"] - p) ** 2) + x["v"] ** 2 * x["u"][0],
        {"u": np.ones(40), "v": 2.0},
        bounds={"v": (0.5, None)},
        parameters=3.0,
    )
    result = ss.minimize(problem, method="petsc")
    return {"u": result.x["u"].tolist(), "v": float(result.x["v"]), "status": result.status.value}


def refused_by_tao() -> Found:
    row = ss.Constraint(lambda x: np.sum(x), 1.0, None)
    try:
        ss.minimize(valley, np.ones(5), constraints=row, method="petsc")
    except ValueError as error:
        return {"error": str(error)}
    return {}


def coupled(x: Any) -> Any:
    """Every row reads two sums over all unknowns, one of which reads the other."""
    mean = np.mean(x)
    spread = np.sum((x - mean) ** 2) / x.size
    return 2 * x - 0.5 * np.roll(x, 1) + 0.1 * x**3 - mean * np.sin(x) + spread * x - 1.0


def sums_in_all_rows() -> Found:
    return found(ss.root(coupled, np.zeros(70), method="petsc"))


def decay(t: float, y: Any) -> Any:
    return -y + np.mean(y**2) * np.cos(np.arange(y.size) * t)


def sums_in_time() -> Found:
    y0 = np.linspace(0.0, 1.0, 64)
    return trajectory(ss.solve_ivp(decay, (0.0, 1.0), y0, method="petsc", rtol=1e-6, atol=1e-8))


def shuffled(x: Any) -> Any:
    """A chain whose unknowns are numbered at random."""
    order = np.random.default_rng(5).permutation(x.size)
    y = x[order]
    left, right = np.concatenate([[0.0], y[:-1]]), np.concatenate([y[1:], [1.0]])
    return (3 * y - left - right + y**3)[np.argsort(order)]


def at_random() -> Found:
    return found(ss.root(shuffled, np.zeros(600), method="petsc"))


def at_random_owned() -> Found:
    options = {"answer": "owned"}
    result = ss.root(shuffled, np.zeros(600), method="petsc", options=options)
    return found(result) | {"owned": result.owned.tolist()}


def at_random_in_time() -> Found:
    y0 = np.linspace(0.0, 1.0, 300)
    return trajectory(
        ss.solve_ivp(lambda t, y: -shuffled(y), (0.0, 0.1), y0, method="petsc", rtol=1e-5)
    )


def with_a_call() -> Found:
    """A call that reads everything is made by all."""

    def function(x: Any) -> Any:
        return x + 0.1 * np.linalg.solve(4 * np.eye(16) + np.outer(x, x), np.sin(x)) - 1.0

    return found(ss.root(function, np.zeros(16), method="petsc"))


GROUPS: dict[str, list[Callable[[], Found]]] = {
    "root": [
        on_a_grid,
        with_multigrid,
        with_arguments,
        few_unknowns,
        owned_part,
        as_a_nest,
        stopped_by_a_callback,
        too_few_iterations,
        not_square,
        at_random,
        at_random_owned,
        at_random_in_time,
        with_a_call,
        one_unknown,
        not_a_number_on_the_last_rank,
        options_of_one_call,
    ],
    "ts": [
        by_bdf,
        by_arkimex,
        by_rosw,
        with_a_singular_mass,
        with_a_full_mass,
        too_few_steps,
        refused_by_ts,
    ],
    "tao": [
        in_a_valley,
        in_a_long_valley,
        stopped_in_a_valley,
        in_a_bowl,
        a_problem_of_blocks,
        refused_by_tao,
        sums_in_all_rows,
        sums_in_time,
    ],
    "view": [few_unknowns],
    "matrix": [petsc_matrix_cases.products],
    "ranks": [
        petsc_rank_cases.programs_that_differ_within,
        petsc_rank_cases.errors_of_one_rank,
        petsc_rank_cases.one_rank_watches,
        petsc_rank_cases.fewer_unknowns_than_ranks,
        petsc_rank_cases.in_steps,
        petsc_rank_cases.partitioned_by_scotch,
        petsc_rank_cases.without_a_value,
    ],
    "trouble": [other_programs, other_arguments, fails_on_the_last_rank],
    "wrong": [one_rank_is_wrong],
}


def main(group: str, folder: str) -> None:
    warnings.simplefilter("error")
    answers = {case.__name__: case() for case in GROUPS[group]}
    from petsc4py import PETSc

    rank = PETSc.COMM_WORLD.rank
    if folder != ".":
        (Path(folder) / f"{rank}.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:3])
