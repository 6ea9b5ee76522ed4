"""`CCallbacks`: the callbacks of a solver written in C, as machine code around compiled programs.

Separate because it lays out the state that this code reads (see `point_values_ir`): it neither
knows a problem nor a solver. Python gets the points and values out of it, and is called by it only
for what has no machine code, for what is not finite, and now and then to see to signals.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.evaluator import Array, NativeParameter, NativeRun
from sparsesolve.engine.llvm.code.c_callbacks_ir import CALLBACKS
from sparsesolve.engine.llvm.code.point_values_ir import HELPERS, KIND, KINDS, STATE, word_of_kind
from sparsesolve.engine.llvm.run.jit import NativeFunction, compile_functions

__all__ = ["CCallbacks"]

_STATE = {name: place for place, name in enumerate(STATE)}
_KNOWN = ("known0", "known1")


class CCallbacks:
    """The callbacks of one solve, and then of others.

    Parameters
    ----------
    runs : mapping of str to NativeRun
        Programs of some of the kinds "function", "gradient", "constraints", "jacobian", "hessian";
        of the others Python is asked.
    bounds : tuple of ndarray
        Lower and upper of the variables, then of the rows.
    feasible : float
        Violation up to which the best point is the one with the least objective.
    parameters : sequence of ndarray
        What all programs take; that of the Hessian takes weights besides.
    """

    def __init__(
        self,
        runs: Mapping[str, NativeRun],
        bounds: tuple[Array, ...],
        feasible: float,
        parameters: Sequence[Array] = (),
    ) -> None:
        self._words = np.zeros(len(STATE) + len(KINDS) * len(KIND), dtype=np.int64)
        self._reals = self._words.view(np.float64)
        self._functions = _functions()
        lower, upper, row_lower, row_upper = (np.array(b, dtype=np.float64) for b in bounds)
        n, m = lower.size, row_lower.size
        self._seen = np.empty((5, n))
        self._points, (self._newest, self._first, self._best) = self._seen[:2], self._seen[2:]
        self._kept: list[Any] = [lower, upper, row_lower, row_upper]
        self._values: dict[str, Array] = {}
        self._weights = np.empty(0)
        self._set(n=n, m=m, point0=_address(self._points[0]), point1=_address(self._points[1]))
        self._set(newest=_address(self._newest), first=_address(self._first), iterations=-1)
        self._set(best=_address(self._best), lower=_address(lower), upper=_address(upper))
        self._set(row_lower=_address(row_lower), row_upper=_address(row_upper), **_clock())
        self._set(**{name: self._functions[body].address for name, body in HELPERS.items()})
        for name in ("best_value", "best_excess"):
            self._reals[STATE.index(name)] = np.inf
        self._reals[STATE.index("feasible")] = feasible
        self._sizes = {kind: run.size for kind, run in runs.items()}
        for kind, run in runs.items():
            self._lay_out(kind, run)
        self._blank = self._words.copy()
        self.begin(runs, parameters)

    def fits(self, runs: Mapping[str, NativeRun]) -> bool:
        """Whether `begin` may be called with these."""
        return self._sizes == {kind: run.size for kind, run in runs.items()}

    def begin(self, runs: Mapping[str, NativeRun], parameters: Sequence[Array] = ()) -> None:
        """Be ready for another solve with the same bounds, by programs of the same sizes."""
        self.runs = dict(runs)
        self._parameters = [np.array(p, dtype=np.float64) for p in parameters]
        self._words[:] = self._blank
        self._seen.fill(np.nan)
        for kind, run in self.runs.items():
            self._take(kind, run)

    def _lay_out(self, kind: str, run: NativeRun) -> None:
        """Find room for the results of a program, or for the weights of the Hessian."""
        if kind == "hessian":
            self._weights = np.zeros(run.parameters[-1].size)
            self._words[_place(kind, "weights")] = _address(self._weights)
            return
        values = self._values[kind] = np.empty((2, run.size))
        for slot in (0, 1):
            self._words[_place(kind, f"value{slot}")] = _address(values[slot])

    def _take(self, kind: str, run: NativeRun) -> None:
        """Take what runs a program, and let it read its parameters from here."""
        first = _place(kind, "drive")
        self._words[first : first + 4] = run.drive, run.table, run.bases, run.size
        for values, parameter in zip(self._parameters, run.parameters, strict=False):
            _point_to(values, parameter)
            if parameter.copy and values.size:
                ctypes.memmove(parameter.copy, _address(values), values.nbytes)
        if kind == "hessian":  # the factor of the objective and the multipliers of the rows
            _point_to(self._weights, run.parameters[-1])
            self._words[_place(kind, "mirror")] = run.parameters[-1].copy

    @property
    def address(self) -> int:
        """What the callbacks must be given as their last argument."""
        return _address(self._words)

    @property
    def addresses(self) -> dict[str, int]:
        """The callbacks, in the order of ``CreateIpoptProblem``, then that of iterations."""
        return {name: self._functions[body].address for name, body in CALLBACKS.items()}

    @property
    def ranks(self) -> bool:
        """Whether the best point can be found without Python."""
        rows = self._words[_STATE["m"]] > 0
        return "function" in self.runs and ("constraints" in self.runs or not rows)

    def ask(self, **functions: int) -> None:
        """Give the address of what is called for a kind where there is no finite value.

        It holds for all solves to come.
        """
        for kind, address in functions.items():
            self._words[_place(kind, "python")] = self._blank[_place(kind, "python")] = address

    def tell(self, *, beat: int = 0, intermediate: int = 0, note: int = 0) -> None:
        """Give the addresses of what is called now and then, and at an iteration; 0 for nothing.

        `intermediate` stands for all that is done at an iteration, `note` is called after it.
        """
        self._set(beat=beat, intermediate=intermediate, note=note)

    def stop(self) -> None:
        """Let all callbacks refuse from now on."""
        self._set(stop=1)

    def points(self) -> Iterator[tuple[Array, dict[str, Any]]]:
        """Yield a copy of each point and of its values by kind, the newer point last."""
        words = self._words.tolist()
        current = words[_STATE["current"]]
        for slot in (1 - current, current):
            known = {
                kind: values[slot].copy()
                for kind, values in self._values.items()
                if words[_place(kind, _KNOWN[slot])] == 1
            }
            if known:
                yield self._points[slot].copy(), known

    def newest(self) -> Array | None:
        """Return the point of the last gradient, if there was one."""
        return None if np.isnan(self._newest).any() else self._newest.copy()

    def first_gradient(self) -> Array | None:
        """Return the first gradient, if it was computed here."""
        return self._first.copy() if self._words[_place("gradient", "count")] else None

    def iterations(self) -> int:
        """Return the number of the last iteration, -1 if there was none."""
        return int(self._words[_STATE["iterations"]])

    def best(self) -> tuple[Array, float, float] | None:
        """Return the best point, its objective, and what it violates beyond what is feasible."""
        if not self._words[_STATE["is_better"]]:
            return None
        value, excess = (float(self._reals[_STATE[k]]) for k in ("best_value", "best_excess"))
        return self._best.copy(), value, excess

    def release(self) -> tuple[dict[str, int], float]:
        """Give back what programs need to run; return runs by kind, and the seconds they took."""
        words = self._words.tolist()
        counts = {kind: words[_place(kind, "count")] for kind in self.runs}
        spent = sum(words[_place(kind, "nanoseconds")] for kind in self.runs)
        for kind, run in self.runs.items():
            self._words[_place(kind, "drive")] = 0
            run.release(counts[kind])
        self.runs.clear()
        return counts, 1e-9 * spent

    def _set(self, **words: int) -> None:
        for name, value in words.items():
            self._words[_STATE[name]] = value


@cache
def _place(kind: str, name: str) -> int:
    return word_of_kind(kind) + KIND.index(name)


@cache
def _functions() -> dict[str, NativeFunction]:
    bodies = dict.fromkeys([*CALLBACKS.values(), *HELPERS.values()], 2)
    found, _ = compile_functions(bodies, frozenset())
    return found


@cache
def _clock() -> dict[str, int]:
    """Find the functions of C that the code calls; without a clock, no time is told."""
    copy = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
    try:
        clock = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0
        return {"copy": copy, "clock": clock, "clock_id": time.CLOCK_MONOTONIC}
    except (AttributeError, OSError, TypeError):  # pragma: no cover  (Windows)
        return {"copy": copy}


def _point_to(values: Array, parameter: NativeParameter) -> None:
    """Let a program read a parameter from an array."""
    shifted = _address(values) - parameter.shift
    ctypes.c_int64.from_address(parameter.point).value = shifted


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
