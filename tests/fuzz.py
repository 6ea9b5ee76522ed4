"""Random NumPy functions against independent derivatives: ``scripts/fuzz --programs 10000``.

A program is a text of NumPy, grown line by line on real arrays, so that every line fits. Each is
held against itself: the plain call, the interpreter, machine code, colored products; against
differences along random directions; and, where it is analytic, against the complex step. A share
of them goes through the forms in which solvers take functions, bounds and Jacobians.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sparsesolve as ss
from sparsesolve.differentiate import TooManyTerms
from sparsesolve.errors import TraceError
from tests import fuzz_tables as tables

Array = NDArray[np.float64]
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 32, 33, 40, 64, 65, 100, 200)
_NOT_COMPLEX = ("_like", "norm", "vdot", "std", "var")  # mean something else there
MOST_FORMS = 40  # forms do not depend on the size
SECONDS = 30  # for one program
LARGEST = 1e6  # of a value: beyond it differences say little


@dataclass(frozen=True)
class Drawn:
    """A program, where to call it, and whether the complex step may be used."""

    text: str
    x: Array
    parameter: float
    analytic: bool

    def function(self) -> Callable[..., Any]:
        scope: dict[str, Any] = {"np": np}
        exec(compile(self.text, "<program>", "exec"), scope)
        return scope["f"]


def draw(seed: int) -> Drawn:
    """Grow one program."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice(SIZES))
    x, p = np.round(rng.uniform(-1.5, 1.5, size=n), 3), float(np.round(rng.uniform(0.5, 2.0), 3))
    known: dict[str, Any] = {"x": x}
    scope = {"np": np, "x": x, "p": p}
    lines: list[str] = []
    analytic = bool(rng.random() < 0.4)
    for k in range(int(rng.integers(1, 9))):
        name = f"t{k}"
        for _ in range(20):
            text = _line(rng, known, name, analytic)
            trial = dict(scope)
            with np.errstate(all="ignore"):
                try:
                    exec(text, trial)
                except (ValueError, IndexError, ZeroDivisionError):
                    continue
            value = np.asarray(trial[name])
            if value.size <= 400 and np.all(np.abs(value) < LARGEST) and value.ndim <= 1:
                scope, known[name] = trial, value
                lines += text.split("\n")
                break
    last = list(known)[-1]
    scalar = rng.random() < 0.4
    if scalar and known[last].ndim:
        lines.append(f"return {_filled(rng, str(rng.choice(tables.SCALARS)), last, known[last])}")
    elif rng.random() < 0.2 and known[last].ndim:
        lines.append(f"return np.concatenate([{last}, x, np.repeat(np.sum({last}), 3)])")
    else:
        lines.append(f"return {last} + 0.0 * p")
    body = "\n".join(f"    {line}" for line in lines)
    return Drawn(f"def f(x, p):\n{body}\n", x, p, analytic)


def _line(rng: np.random.Generator, known: dict[str, Any], name: str, analytic: bool) -> str:
    names = list(known)
    a = names[-1] if rng.random() < 0.7 else str(rng.choice(names))
    value = known[a]
    kind = rng.random()
    wide = not analytic and rng.random() < 0.4
    statement = False
    if kind < 0.3 or (value.ndim and not value.size):
        table = tables.ANALYTIC if analytic or rng.random() < 0.6 else tables.KINKED
    elif kind < 0.55:
        fitting = [b for b in names if np.shape(known[b]) in (value.shape, ())]
        table = tables.PAIRS if analytic or rng.random() < 0.6 else tables.KINKED_PAIRS
        text = str(rng.choice(table)).format(a=a, b=str(rng.choice(fitting)))
        return f"{name} = {text}"
    elif value.ndim and kind < 0.85:
        kinked = not analytic and rng.random() < 0.2
        smooth = tables.WIDE if wide else tables.VECTOR
        table = (tables.WIDE_KINKED if wide else tables.KINKED_VECTOR) if kinked else smooth
    elif value.ndim:
        table, statement = tables.WIDE_STATEMENTS if wide else tables.STATEMENTS, True
    else:
        table = tables.ANALYTIC
    text = _filled(rng, str(rng.choice(table)), a, value)
    return f"{text}\n{name} = r" if statement else f"{name} = {text}"


def _filled(rng: np.random.Generator, template: str, a: str, value: Any) -> str:
    n = int(np.size(value))
    k = f"np.cos(np.arange({n}) * {float(np.round(rng.uniform(0.1, 2.0), 2))})"
    return template.format(a=a, n=n, k=k, m=min(n, 4))


# ----- what a program is held against -----


class Disagreement(Exception):
    """What differs, in one sentence."""


def near(what: str, found: Any, expected: Any, tolerance: float, scale: float = 1.0) -> None:
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    if found.shape != expected.shape:
        raise Disagreement(f"{what}: shape {found.shape}, expected {expected.shape}")
    size = np.maximum(scale, np.abs(expected))
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(found - expected) <= tolerance * size) | (found == expected))
    wrong &= ~(np.isnan(found) & np.isnan(expected))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Disagreement(f"{what} at {place}: got {found[place]!r}, expected {expected[place]!r}")


def examine(drawn: Drawn, rng: np.random.Generator) -> str:
    """Hold a program against all its references; returns what was possible."""
    f, p, n = drawn.function(), drawn.parameter, drawn.x.size
    engines = {m: ss.jacobian(f, drawn.x, p, method=m) for m in ("auto", "interpreted", "colored")}
    J = engines["interpreted"]
    for point in (drawn.x, np.round(rng.uniform(-1.5, 1.5, size=n), 3)):
        value = np.asarray(f(point, p), dtype=float)
        if not np.all(np.abs(value) < LARGEST):
            continue
        dense = J(point, p).toarray()
        if not np.all(np.isfinite(dense)):
            continue  # a kink or a singular point: nothing to compare with
        scale = max(1.0, float(np.abs(dense).max(initial=0.0)))
        for name, other in engines.items():
            near(f"value, {name}", other.value(point, p), value, 1e-9, np.abs(value).max(initial=1))
            near(f"J, {name}", other(point, p).toarray(), dense, 1e-8, scale)
            v, w = rng.normal(size=n), rng.normal(size=dense.shape[0])
            near(f"jvp, {name}", other.jvp(point, p, v), dense @ v, 1e-7, scale * max(1, n))
            near(f"vjp, {name}", other.vjp(point, p, w), w @ dense, 1e-7, scale * max(1, w.size))
        _by_steps(drawn, f, point, dense, scale, rng)
    return "scalar" if J.shape[0] == 1 else "vector"


def _by_steps(
    drawn: Drawn,
    f: Callable[..., Any],
    x: Array,
    dense: Array,
    scale: float,
    rng: np.random.Generator,
) -> None:
    p, n = drawn.parameter, x.size
    if not n:
        return
    flat = lambda at: np.asarray(f(at, p)).reshape(-1)
    if drawn.analytic and not any(word in drawn.text for word in _NOT_COMPLEX):
        v = rng.normal(size=n)
        try:
            along = flat(x + 1e-30j * v).imag / 1e-30
        except TypeError:  # the function is not for complex numbers
            along = None
        if along is not None and np.any(along):
            near("complex step", dense @ v, along, 1e-9, scale * n)
    v = rng.choice([-1.0, 1.0], size=n)
    here = flat(x)
    sides = [(flat(x + h * v) - here) / h for h in (1e-5, -1e-5, 1e-6, -1e-6)]
    slopes = [(sides[0] + sides[1]) / 2, (sides[2] + sides[3]) / 2]
    bound = 1e-3 * np.maximum(1.0, np.abs(slopes[0]))  # a kink at the point or near it
    smooth = (np.abs(sides[0] - sides[1]) <= bound) & (np.abs(slopes[0] - slopes[1]) <= bound)
    with np.errstate(invalid="ignore"):
        near("differences", np.where(smooth, dense @ v, 0), np.where(smooth, slopes[0], 0), 2e-3,
             max(scale, float(np.abs(here).max(initial=0.0)) * 1e-3))  # fmt: skip


def examine_scalar(drawn: Drawn, rng: np.random.Generator) -> None:
    """Hold gradient, Hessian and products of a scalar program against each other."""
    f, p, n = drawn.function(), drawn.parameter, drawn.x.size
    dense: dict[str, Array] = {}
    slope: dict[str, Array] = {}
    v = rng.normal(size=n)
    for method in ("auto", "interpreted", "colored"):
        H = ss.hessian(f, drawn.x, p, method=method)
        dense[method] = H(drawn.x, p).toarray()
        slope[method] = H.gradient(drawn.x, p)
        if np.all(np.isfinite(dense[method])):
            size = max(1.0, float(np.abs(dense[method]).max(initial=0.0)))
            near(f"hvp, {method}", H.hvp(drawn.x, p, v), dense[method] @ v, 1e-7, size * max(1, n))
    expected = dense["interpreted"]
    if not np.all(np.isfinite(expected)):
        return
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    gradient = ss.gradient(f, drawn.x, p)
    for method, found in dense.items():
        near(f"H, {method}", found, expected, 1e-8, scale)
        near(f"gradient, {method}", slope[method], slope["interpreted"], 1e-8, scale)
    near("gradient alone", gradient(drawn.x, p), slope["interpreted"], 1e-8, scale)
    near("symmetry", expected, expected.T, 1e-12, scale)
    if n:
        here, steps = gradient(drawn.x, p), (1e-5, -1e-5, 1e-6)
        sides = [(gradient(drawn.x + h * v, p) - here) / h for h in steps]
        along = (sides[0] + sides[1]) / 2
        # where it turns quickly, or has a kink, differences say nothing
        bound = 1e-3 * np.maximum(scale, np.abs(along))
        known = np.abs(sides[0] - sides[1]) <= bound
        known &= np.abs(sides[0] - sides[2]) <= bound
        near("H by differences", np.where(known, expected @ v, 0), np.where(known, along, 0),
             1e-4, scale * n)  # fmt: skip


def examine_forms(drawn: Drawn, rng: np.random.Generator) -> None:
    """Pass a program in the forms in which solvers take their arguments."""
    f, p, x = drawn.function(), drawn.parameter, drawn.x
    if not x.size or x.size > MOST_FORMS:
        return
    J = ss.jacobian(f, x, p)
    R = ss.jacobian(f, x, p, format="csc")
    near("csc", R(x, p).toarray(), J(x, p).toarray(), 1e-12)
    for form in (list(x), tuple(x), x.astype(np.float64)[::1]):
        near("forms of x", J.value(form, p), f(x, p), 1e-9, np.abs(f(x, p)).max(initial=1.0))
    energy = lambda at: np.sum(np.asarray(f(at, p)) ** 2) + np.sum(at**2)
    low, high = x - 1.0, x + 1.0
    bounds = [(low, high), list(zip(low, high, strict=True)), tuple(zip(low, high, strict=True))]
    if x.size == 2:
        bounds = bounds[1:]
    values = []
    for form in bounds:
        problem = ss.Problem(energy, x, bounds=form)
        near("bounds", np.stack(problem.bounds), np.stack([low, high]), 0.0)
        given = problem.to_scipy(solver="trust-constr")
        values.append(float(given["fun"](x)))
        near("to_scipy jac", given["jac"](x), problem.gradient(x), 1e-12)
        near("to_scipy hess", given["hess"](x).toarray(),
             problem.lagrangian_hessian(x, [], 1.0).toarray(), 1e-12)  # fmt: skip
        if importlib.util.find_spec("cyipopt"):
            problem.to_cyipopt()
    near("fun", values, np.full(len(values), energy(x)), 1e-9, abs(energy(x)))
    residual = lambda at, q: np.append(np.ravel(f(at, q)), at)
    with np.errstate(all="ignore"):
        for args in ((p,), [p]):
            fit = ss.least_squares(residual, x, args=args, options={"max_iterations": 3})
            near("least squares", fit.fun, residual(fit.x, p), 1e-7,
                 np.abs(fit.fun).max(initial=1.0))  # fmt: skip


def attempt(seed: int) -> tuple[int, str, str]:
    """Draw and examine one program: its seed, how it went, and what is to be shown of it."""
    warnings.simplefilter("ignore")
    limited = hasattr(signal, "ITIMER_PROF")
    if limited:  # of the processor, so that a busy machine makes nothing slow
        signal.signal(signal.SIGPROF, _too_long)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return _attempt(seed)
    finally:
        if limited:
            signal.setitimer(signal.ITIMER_PROF, 0)


class TooLong(Exception):
    """One program took longer than `SECONDS`."""


def _too_long(*_: Any) -> None:
    raise TooLong


def _attempt(seed: int) -> tuple[int, str, str]:
    drawn = draw(seed)
    rng = np.random.default_rng(seed + 1)
    try:
        with np.errstate(all="ignore"):
            kind = examine(drawn, rng)
            if kind == "scalar":
                examine_scalar(drawn, rng)
            if seed % 10 == 0:
                examine_forms(drawn, rng)
    except Disagreement as error:
        return seed, "disagrees", f"{error}\n{drawn.text}"
    except TooLong:
        return seed, "slow", drawn.text
    except (TraceError, TooManyTerms) as error:
        return seed, "refused", f"{type(error).__name__}: {error}\n{drawn.text}"
    except Exception:
        return seed, "crashed", f"{traceback.format_exc(limit=-9)}\n{drawn.text}"
    return seed, kind, ""


def outcomes(seeds: range, jobs: int) -> Iterator[tuple[int, str, str]]:
    if jobs == 1:
        yield from map(attempt, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(attempt, seeds, chunksize=20)


def run(programs: int, seed: int, jobs: int, shown: int = 10) -> int:
    """Examine programs and print a table; returns how many disagree or crash."""
    start = time.time()
    counts: collections.Counter[str] = collections.Counter()
    bad = 0
    for number, (drawn, kind, text) in enumerate(
        outcomes(range(seed, seed + programs), jobs), start=1
    ):
        counts[kind] += 1
        if kind in ("disagrees", "crashed"):
            bad += 1
            if bad <= shown:
                print(f"\n--- seed {drawn}: {kind}\n{text}")
        if number % 100 == 0:
            print(f"\r{number} of {programs}", end="", file=sys.stderr, flush=True)
    rows = [*sorted(counts.items()), ("all", programs)]
    print("\n".join(f"{name:>12} {count:7d}" for name, count in rows))
    print(f"{bad} disagree or crash; {time.time() - start:.0f} s, {jobs} processes, seed {seed}")
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first program; the next is + 1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", type=int, metavar="SEED", help="print one program and examine it")
    given = parser.parse_args()
    if given.show is not None:
        print(draw(given.show).text)
        print(*attempt(given.show)[1:], sep="\n")
        return 0
    return int(run(given.programs, given.seed, given.jobs) > 0)


if __name__ == "__main__":
    sys.exit(main())
