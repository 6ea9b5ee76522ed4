"""``python -m benchmarks setup``: what is paid before the first value, against targets.

Separate from the comparison because detection is measured alone here, and import from outside.
Every number comes from a fresh process without machine code from earlier runs.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .fresh import FreshFailure, answer, run_fresh
from .measure import load_average, memory, timed

__all__ = ["TARGETS", "Target", "run_setup"]


@dataclass(frozen=True, slots=True)
class Target:
    """One number and its target.

    Parameters
    ----------
    name : str
        What is shown.
    measure : str
        Key of `MEASURES`.
    n, small : int
        Its size parameter; that of a quick run.
    limit : float
        Target, in s or MB; inf where there is none.
    unit : {"s", "MB"}
        Of the number.
    repeat : int
        Fresh processes; the median counts.
    """

    name: str
    measure: str
    n: int
    small: int
    limit: float
    unit: str = "s"
    repeat: int = 5


TARGETS = (
    Target("pattern of 2-D Brusselator, n = 20 000, after tracing", "brusselator", 100, 10, 0.030),
    Target("pattern of Rosenbrock's Hessian, n = 100 000", "rosenbrock", 100_000, 1000, 0.200),
    Target("pattern of 2-D Bratu, n = 1 000 000", "bratu", 1000, 30, 1.5, repeat=3),
    Target("the same, peak memory", "bratu memory", 1000, 30, 1000.0, "MB", repeat=1),
    Target("first values of a problem of 10 variables", "small", 10, 10, 0.050),
    Target("the same, once any problem was prepared", "small again", 10, 10, 0.050),
    Target("import sparsesolve", "import", 0, 0, 0.4),
    Target("import sparsesolve and all that it loads on first use", "import all", 0, 0, np.inf),
)


# ----- In the fresh process --------------------------------------------------------------------


def _traced(function: Callable[..., Any], *arguments: Any, argnum: int = 0) -> Any:
    from sparsesolve.trace import prepare

    return prepare(function, list(arguments), argnum=argnum).tape


def _structure(tape: Any, *, second: bool = False) -> Any:
    from sparsesolve.differentiate import gradient_program
    from sparsesolve.differentiate.detect import jacobian_structure
    from sparsesolve.fuse import fuse
    from sparsesolve.lower import lower

    program = fuse(lower(tape))
    return jacobian_structure(fuse(gradient_program(program)) if second else program)


def brusselator(side: int) -> float:
    """Seconds from the tape to the pattern, median of five."""
    from .collection import brusselator as stiff
    from .suite import SOURCE, TIME

    case = stiff.brusselator_2d(side)
    tape = _traced(case.rhs, TIME, case.y0, SOURCE, argnum=1)
    return _middle(lambda: _structure(tape))


def rosenbrock(n: int) -> float:
    """Seconds from the tape to the pattern of the Hessian."""
    from .collection import rosenbrock as chained

    case = chained.chained_rosenbrock(n)
    tape = _traced(case.objective, case.x0)
    return _middle(lambda: _structure(tape, second=True))


def bratu(side: int) -> float:
    """Seconds from the tape to the pattern."""
    from .collection import bratu as ignition

    case = ignition.bratu(side)
    tape = _traced(case.residual, case.x0)
    return timed(_structure, tape)[1]


def bratu_memory(side: int) -> float:
    """Peak memory of the process in MB, tracing and imports included."""
    bratu(side)
    return memory("VmHWM")


def small(n: int) -> float:
    """Seconds to first values of LUKVLE1's constraints; modules are loaded, nothing else is."""
    _load()
    return _first_values(n)


def small_again(n: int) -> float:
    """Return the same after another problem."""
    import sparsesolve as ss

    ss.jacobian(lambda x: np.tanh(x[1:]) * x[:-1], np.ones(7))(np.ones(7))
    return _first_values(n)


def _first_values(n: int) -> float:
    import sparsesolve as ss

    from .collection import luksan_vlcek

    case = luksan_vlcek.lukvle1(n)
    function = case.constraints[0].function
    return timed(lambda: ss.jacobian(function, case.x0).values(case.x0))[1]


def import_package(_: int) -> float:
    """Seconds of the import; NumPy is loaded already."""
    return timed(importlib.import_module, "sparsesolve")[1]


def import_all(_: int) -> float:
    """Seconds of importing everything that the compiled way uses."""
    return timed(_load)[1]


def _load() -> None:
    for name in ("sparsesolve", "sparsesolve.derivatives", "sparsesolve.engine.llvm.compile"):
        importlib.import_module(name)


def _middle(call: Callable[[], Any], count: int = 5) -> float:
    return float(np.median([timed(call)[1] for _ in range(count)]))


MEASURES: dict[str, Callable[[int], float]] = {
    "brusselator": brusselator,
    "rosenbrock": rosenbrock,
    "bratu": bratu,
    "bratu memory": bratu_memory,
    "small": small,
    "small again": small_again,
    "import": import_package,
    "import all": import_all,
}


# ----- In the starting process -----------------------------------------------------------------


def run_setup(console: Console, *, quick: bool, output: Path, about: Mapping[str, str]) -> None:
    """Measure everything, print it beside the targets, and write it.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    quick : bool
        Small sizes, for which the targets mean nothing.
    output : Path
        CSV file.
    about : mapping
        Machine and versions.
    """
    table = Table(title="Set-up, one thread", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in ("what", "measured", "target", "met"):
        table.add_column(head, justify="left" if head == "what" else "right")
    lines = []
    for target in TARGETS:
        load = load_average()
        value = _measured(target, quick)
        met = "yes" if value <= target.limit else "no"
        if np.isinf(target.limit):
            met = "-"
        shown = [
            f"{number:.3g} {target.unit}" if np.isfinite(number) else "-"
            for number in (value, target.limit)
        ]
        table.add_row(target.name, *shown, met)
        lines.append([target.name, f"{value:.4g}", target.limit, target.unit, met, f"{load:.1f}"])
    console.print(table)
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {text}\n" for name, text in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["what", "measured", "target", "unit", "met", "load"])
        writer.writerows(lines)


def _measured(target: Target, quick: bool) -> float:
    request = {"measure": target.measure, "n": target.small if quick else target.n}
    try:
        values = [
            run_fresh(f"{__package__}.setup", request, threads=1, timeout=120.0)
            for _ in range(1 if quick else target.repeat)
        ]
    except FreshFailure:
        return float("nan")
    return float(np.median(values))


def _answer(request: dict[str, Any], threads: int, folder: Path) -> float:
    return MEASURES[request["measure"]](request["n"])


if __name__ == "__main__":
    answer(_answer)
