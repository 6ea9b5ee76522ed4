"""`python -m sparsesolve demo`: three real problems, solved with and without sparsesolve.

It is a program, not a library: ordinary NumPy functions as a user writes them,
handed once to sparsesolve and once, unchanged, to the same library's solver with the derivatives
that it makes for itself (finite differences). Nothing but the derivatives and what they allow (a
sparse factorization in place of a dense one) differs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import rich.box
import scipy.integrate
import scipy.optimize
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import sparsesolve as ss
from sparsesolve.adapters.ipopt import ipopt_available
from sparsesolve.adapters.ipopt_c import CProblem

__all__ = ["SMALL", "Row", "Sizes", "demo_rows", "demo_table", "run_demo"]

Array = NDArray[np.float64]
_MEMORY = "limited-memory"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Grid points of each problem: one for the demonstration, a small one for the tests."""

    oscillator: int = 40
    oscillator_ipopt: int = 200
    brusselator: int = 32
    bratu: int = 40


SMALL = Sizes(oscillator=8, oscillator_ipopt=12, brusselator=8, bratu=8)


@dataclass(frozen=True, slots=True)
class Row:
    """What one line of the table says.

    Parameters
    ----------
    problem, solver : str
        What was solved, and by which solver.
    n, m : int
        Unknowns; constraints, equations, or right-hand sides.
    nnz : int
        Nonzeros of the Jacobian, plus those of the lower triangle of the Hessian if one is used.
    setup, solve, without : float, s
        Tracing, structure and code; the solve; the solve by the solver's own derivatives.
    difference : float
        Largest absolute difference of the two solutions.
    """

    problem: str
    solver: str
    n: int
    m: int
    nnz: int
    setup: float
    solve: float
    without: float
    difference: float

    @property
    def ratio(self) -> float:
        """How many times faster than without, set-up included."""
        return self.without / (self.setup + self.solve)


# ----- The three problems, as a user writes them ---------------------------------------------


def oscillator(
    intervals: int,
) -> tuple[Callable[[Any], Any], Callable[[Any], Any], Array, tuple[Array, Array]]:
    """Bring a Van der Pol oscillator to rest with the least effort, -0.3 <= force <= 1.

    Minimize the integral over 0 <= t <= 5 of ``a^2 + b^2 + u^2`` subject to
    ``a' = (1 - b^2) a - b + u``, ``b' = a``, a(0) = 0, b(0) = 1, by the trapezoidal rule;
    the unknowns are a, b, u at the ends of all intervals.
    """
    points = intervals + 1
    h = 5.0 / intervals

    def effort(z: Any) -> Any:
        q = np.sum(z.reshape(3, points) ** 2, axis=0)
        return h * np.sum(0.5 * (q[1:] + q[:-1]))

    def dynamics(z: Any) -> Any:
        a, b, u = z.reshape(3, points)
        da = (1 - b**2) * a - b + u
        step_a = a[1:] - a[:-1] - 0.5 * h * (da[1:] + da[:-1])
        step_b = b[1:] - b[:-1] - 0.5 * h * (a[1:] + a[:-1])
        return np.concatenate([step_a, step_b, a[:1], b[:1] - 1.0])

    lower, upper = np.full((2, 3, points), np.inf)
    lower *= -1.0
    lower[2], upper[2] = -0.3, 1.0
    return effort, dynamics, np.zeros(3 * points), (lower.reshape(-1), upper.reshape(-1))


def brusselator(side: int) -> tuple[Callable[[float, Any], Any], Array]:
    """Reaction and diffusion of two species on a periodic square, by the method of lines."""
    x = np.linspace(0.0, 1.0, side)
    start = np.stack(
        [
            np.broadcast_to(22 * (x * (1 - x)) ** 1.5, (side, side)),
            np.broadcast_to(27 * (x * (1 - x))[:, None] ** 1.5, (side, side)),
        ]
    )

    def laplacian(w: Any) -> Any:
        around = np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1)
        return 10.0 * (side - 1) ** 2 * (around - 4.0 * w)

    def rhs(t: float, y: Any) -> Any:
        u, v = y.reshape(2, side, side)
        du = 1.0 + u**2 * v - 4.4 * u + laplacian(u)
        dv = 3.4 * u - u**2 * v + laplacian(v)
        return np.stack([du, dv]).reshape(-1)

    return rhs, start.reshape(-1)


def bratu(side: int) -> tuple[Callable[[Any], Any], Array]:
    """Solid fuel ignition on a square, five-point stencil, lambda = 6."""
    h = 1.0 / (side + 1)

    def residual(x: Any) -> Any:
        u = np.pad(x.reshape(side, side), 1)
        around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
        middle = u[1:-1, 1:-1]
        return (4.0 * middle - around - 6.0 * h**2 * np.exp(middle)).reshape(-1)

    return residual, np.zeros(side * side)


# ----- With and without ----------------------------------------------------------------------


def timed(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, float]:
    """Return a result and the seconds it took."""
    start = time.perf_counter()
    result = function(*args, **options)
    return result, time.perf_counter() - start


def without_us(solver: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, float]:
    """Return what the solver finds by its own derivatives, and the seconds it took."""
    with warnings.catch_warnings():
        # finite differences make its quasi-Newton updates complain
        warnings.simplefilter("ignore")
        return timed(solver, *args, **options)


def optimization_row(intervals: int, solver: str) -> Row:
    """Solve the optimal control problem by `solver`, "trust-constr" or "ipopt"."""
    effort, dynamics, x0, bounds = oscillator(intervals)
    problem = ss.Problem(
        effort, x0, bounds=bounds, constraints=[ss.Constraint(dynamics, 0.0, 0.0, name="dynamics")]
    )
    derivatives, setup = timed(lambda: problem.derivatives)
    result, solve = timed(ss.minimize, problem, solver=solver)
    result.raise_on_failure()
    if solver == "ipopt":
        reference, without = without_us(plain_ipopt, effort, dynamics, x0, bounds)
    else:
        found, without = without_us(
            scipy.optimize.minimize,
            effort,
            x0,
            method=solver,
            bounds=scipy.optimize.Bounds(*bounds),
            constraints=scipy.optimize.NonlinearConstraint(dynamics, 0.0, 0.0),
        )
        reference = found.x
    return Row(
        "optimal control",
        solver,
        problem.n,
        problem.m,
        derivatives.jacobian_pattern.nnz + derivatives.hessian_pattern.nnz,
        setup,
        solve,
        without,
        float(np.max(np.abs(result.x - reference))),
    )


class DenseDifferences:
    """Callbacks for IPOPT from forward differences, dense: what there is without derivatives."""

    def __init__(self, objective: Callable[..., Any], rows: Callable[..., Any], n: int) -> None:
        self.objective, self.constraints = objective, rows
        m = rows(np.zeros(n)).size
        self._structure = np.divmod(np.arange(m * n, dtype=np.int32), np.int32(n))

    def gradient(self, x: Array) -> Array:
        """Return differences of the objective."""
        return np.asarray(scipy.optimize.approx_fprime(x, self.objective))

    def jacobian(self, x: Array) -> Array:
        """Return differences of the rows, all of them."""
        return np.asarray(scipy.optimize.approx_fprime(x, self.constraints)).ravel()

    def jacobianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return all rows and columns."""
        return self._structure

    def hessianstructure(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return nothing: IPOPT approximates the Hessian itself."""
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)

    def intermediate(self, *_: float) -> bool:
        """Go on."""
        return True


def plain_ipopt(
    objective: Callable[..., Any], rows: Callable[..., Any], x0: Array, bounds: Any
) -> Array:
    """Solve ``rows(x) = 0`` by the same IPOPT, with what it and differences make."""
    callbacks = DenseDifferences(objective, rows, x0.size)
    zeros = np.zeros(rows(x0).size)
    nlp = CProblem(x0.size, zeros.size, callbacks, bounds[0], bounds[1], zeros, zeros)
    for name, value in (("print_level", 0), ("sb", "yes"), ("hessian_approximation", _MEMORY)):
        nlp.add_option(name, value)
    x, _ = nlp.solve(x0)
    return x


def stiff_row(side: int) -> Row:
    """Integrate the Brusselator by BDF over 0 <= t <= 1.1."""
    rhs, y0 = brusselator(side)
    jacobian, setup = timed(ss.jacobian, rhs, 0.0, y0, argnum=1)
    span = (0.0, 1.1)
    ours, solve = timed(ss.solve_ivp, rhs, span, y0, method="BDF", jac=jacobian)
    plain, without = without_us(scipy.integrate.solve_ivp, rhs, span, y0, method="BDF")
    difference = float(np.max(np.abs(ours.y[:, -1] - plain.y[:, -1])))
    m, n = jacobian.shape
    return Row("2-D Brusselator", "BDF", n, m, jacobian.nnz, setup, solve, without, difference)


def root_row(side: int) -> Row:
    """Solve the Bratu problem: our sparse Newton against scipy's default."""
    residual, x0 = bratu(side)
    jacobian, setup = timed(ss.jacobian, residual, x0)
    result, solve = timed(ss.root, residual, x0, jac=jacobian)
    result.raise_on_failure()
    plain, without = without_us(scipy.optimize.root, residual, x0)
    difference = float(np.max(np.abs(result.x - plain.x)))
    m, n = jacobian.shape
    return Row(
        "2-D Bratu equation", "sparse Newton", n, m, jacobian.nnz, setup, solve, without, difference
    )


def demo_rows(sizes: Sizes) -> Iterator[Row]:
    """Yield one row a problem, as it is solved; IPOPT only where it is installed.

    Parameters
    ----------
    sizes : Sizes
        Grid points of each problem.

    Yields
    ------
    Row
    """
    # small ones first, so that no row pays for the imports that serve all of them
    ss.root(*bratu(3))
    ss.solve_ivp(brusselator(3)[0], (0.0, 0.01), brusselator(3)[1])
    if ipopt_available():
        ss.minimize(lambda x: np.sum(x**2), np.ones(2), solver="ipopt")
    yield optimization_row(sizes.oscillator, "trust-constr")
    if ipopt_available():
        yield optimization_row(sizes.oscillator_ipopt, "ipopt")
    yield stiff_row(sizes.brusselator)
    yield root_row(sizes.bratu)


def demo_table(rows: list[Row]) -> Table:
    """Return the rows as a table for the terminal."""
    table = Table(
        title="With exact sparse derivatives, and without (times in seconds)",
        title_style="bold",
        title_justify="left",
        box=rich.box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("problem\nsolver", no_wrap=True)
    table.add_column("rows x\nunknowns", justify="right", no_wrap=True)
    for head in ("non-\nzeros", "set-up", "solve", "without", "times\nfaster", "differ\nby"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.problem}\n[dim]{row.solver}[/dim]",
            f"{row.m} x {row.n}",
            str(row.nnz),
            f"{row.setup:.3f}",
            f"{row.solve:.3f}",
            f"{row.without:.2f}",
            f"{row.ratio:.0f}" if row.ratio >= 10 else f"{row.ratio:.1f}",
            f"{row.difference:.0e}",
        )
    return table


def run_demo(console: Console, sizes: Sizes | None = None) -> list[Row]:
    """Solve every problem and print the table.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    sizes : Sizes, optional
        Grid points of each problem.

    Returns
    -------
    list of Row
        What the table shows.
    """
    rows = []
    with console.status("solving ...") as status:
        for row in demo_rows(sizes or Sizes()):
            rows.append(row)
            status.update(f"solved: {row.problem} ({row.solver}) ...")
    console.print(demo_table(rows))
    console.print(
        "[dim]nonzeros: Jacobian, and lower triangle of the Hessian where one is used. set-up: "
        "trace, structure, code. without: the same function and solver with the derivatives that "
        "the solver makes for itself (for the root: scipy.optimize.root). times faster: without / "
        "(set-up + solve).[/dim]"
    )
    if not ipopt_available():
        console.print(
            "IPOPT is not installed here: [bold]pip install 'sparsesolve\\[ipopt]'[/bold]"
        )
    return rows
