"""IPOPT through its C interface: a library called by ctypes, with callbacks in Python.

Separate from `ipopt`, of which it replaces one part only: `CProblem` stands in for
``cyipopt.Problem``. cyipopt moves values between NumPy and IPOPT one Python number at a time, 60 to
95 ns each; here they are copied as blocks.

What the C interface expects, and what is done about it:

- truth values are ``int`` before Ipopt 3.14 and ``bool`` since: only the lowest byte is read, and 0
  or 1 is written as ``int``;
- nothing may be raised through C: what is raised in a callback is kept, IPOPT is told that the
  evaluation failed, and it is raised after the solve;
- ctypes lets other threads run meanwhile. MUMPS, the usual linear solver, keeps state of its own.
  Ipopt 3.14 lets one thread at a time into it; before that, one call of the library runs at a time
  in a process, and the others wait for it;
- a Ctrl-C that Python noticed just outside of such a callback would be lost: during a solve in the
  main thread it only leaves a mark, which the next callback finds.
"""

from __future__ import annotations

import ctypes
import weakref
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.adapters.ipopt_callbacks import Refused
from sparsesolve.adapters.ipopt_library import find_library
from sparsesolve.adapters.ipopt_probe import library_version
from sparsesolve.adapters.nlp import interrupts_kept
from sparsesolve.errors import SolverUnavailable
from sparsesolve.host.fork import forkable_lock

__all__ = ["CALLBACKS", "ONE_AT_A_TIME", "CProblem"]

Array = NDArray[np.float64]
_INT, _NUMBER, _POINTER = ctypes.c_int, ctypes.c_double, ctypes.c_void_p
_POINT = (_INT, _POINTER, _INT)  # n, x, whether x is new
_VIOLATIONS = "GetIpoptCurrentViolations"
_SUMMARY = 3  # level of what is printed at the end
CALLBACKS = {
    "objective": (*_POINT, _POINTER, _POINTER),
    "constraints": (*_POINT, _INT, _POINTER, _POINTER),
    "gradient": (*_POINT, _POINTER, _POINTER),
    "jacobian": (*_POINT, _INT, _INT, _POINTER, _POINTER, _POINTER, _POINTER),
    "hessian": (
        *_POINT, _NUMBER, _INT, _POINTER, _INT, _INT, _POINTER, _POINTER, _POINTER, _POINTER,
    ),
    "intermediate": (_INT, _INT, *(_NUMBER,) * 8, _INT, _POINTER),
}  # fmt: skip
"""Arguments of the callbacks, in the order of ``CreateIpoptProblem``."""


ONE_AT_A_TIME = forkable_lock()  # reentrant: an objective may solve a problem of its own


@cache
def _library(path: str) -> ctypes.CDLL:
    """Open IPOPT."""
    library = ctypes.CDLL(path)
    try:
        library.CreateIpoptProblem.restype = _POINTER
        library.CreateIpoptProblem.argtypes = [
            _INT, _POINTER, _POINTER, _INT, _POINTER, _POINTER, _INT, _INT, _INT, *[_POINTER] * 5,
        ]  # fmt: skip
        kinds: dict[str, Any] = {"Str": ctypes.c_char_p, "Num": _NUMBER, "Int": _INT}
        for name, kind in kinds.items():
            add = library[f"AddIpopt{name}Option"]
            add.restype, add.argtypes = ctypes.c_uint8, [_POINTER, ctypes.c_char_p, kind]
            setattr(library, f"AddIpopt{name}Option", add)
        library.SetIntermediateCallback.argtypes = [_POINTER, _POINTER]
        library.IpoptSolve.restype = _INT
        library.IpoptSolve.argtypes = [_POINTER] * 8
        library.FreeIpoptProblem.argtypes = [_POINTER]
        library.OpenIpoptOutputFile.argtypes = [_POINTER, ctypes.c_char_p, _INT]
    except AttributeError as error:
        raise SolverUnavailable(
            f"{path} does not show all of IPOPT's C interface ({error}). Name another library, or "
            "use transport='cyipopt'."
        ) from error
    return library


@cache
def _guards_mumps(path: str) -> bool:
    """Whether a library lets one thread at a time into MUMPS.

    What it exports does not tell: cyipopt's module has stand-ins of what old libraries lack.
    """
    parts = library_version(path).split(".")
    return all(part.isdigit() for part in parts) and tuple(map(int, parts)) >= (3, 14)


class CProblem:
    """A problem for IPOPT, with the part of ``cyipopt.Problem``'s surface that `ipopt` uses.

    Parameters
    ----------
    n, m : int
        Variables and constraint rows.
    problem_obj : object
        Callbacks as cyipopt calls them; `Refused` says that a point cannot be evaluated.
    lb, ub, cl, cu : ndarray
        Bounds of the variables and of the rows.
    library : str, optional
        File of the library; the newest if not given.
    """

    _user: int | None = None  # what the callbacks are given last

    def __init__(
        self,
        n: int,
        m: int,
        problem_obj: Any,
        lb: Array,
        ub: Array,
        cl: Array,
        cu: Array,
        library: str = "",
    ) -> None:
        self._path = library or find_library().path
        self._library = _library(self._path)
        self._size = (n, m)
        self._given = problem_obj
        self._error: BaseException | None = None
        self.options: dict[str, str | int | float] = {}
        self._structures = {
            "jacobian": _structure(problem_obj.jacobianstructure() if m else ((), ())),
            "hessian": _structure(problem_obj.hessianstructure()),
        }
        self._callbacks = {name: self._protected(name) for name in CALLBACKS}
        bounds = [np.array(b, dtype=np.float64) for b in (lb, ub, cl, cu)]
        low, high, row_low, row_high = (_address(b) for b in bounds)
        counts = [len(rows) for rows, _ in self._structures.values()]
        codes = self._codes()
        with self._in_turn():
            handle = self._library.CreateIpoptProblem(
                n, low, high, m, row_low, row_high, *counts, 0, *codes[:5]
            )
        if not handle:
            raise ValueError(
                f"IPOPT refused a problem of {n} variables and {m} rows with {counts} nonzeros. "
                "A structure names a variable or row that there is not, or is empty."
            )
        self._handle = _POINTER(handle)
        self._library.SetIntermediateCallback(self._handle, codes[5])

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            with self._in_turn():
                self._library.FreeIpoptProblem(handle)

    def renew(self, problem_obj: Any) -> None:
        """Take other callbacks, with the structures of those before, for another solve."""
        self._given = problem_obj

    def rest(self) -> None:
        """Let go of the callbacks, and so of the problem, until another solve."""
        self._given = None

    def add_option(self, name: str, value: str | int | float) -> None:
        """Set an option; its type must be the one that IPOPT wants.

        Raises
        ------
        TypeError
            If IPOPT refuses the name or the value.
        """
        known = self.options.get(name)
        if known == value and type(known) is type(value):
            return
        kind = {str: "Str", int: "Int"}.get(type(value), "Num")
        if kind == "Int" and abs(int(value)) >= 2**31:  # ctypes would cut it off
            raise TypeError(f"IPOPT takes no integer as large as {name!r} = {value!r}.")
        given = value.encode() if isinstance(value, str) else value
        add = getattr(self._library, f"AddIpopt{kind}Option")
        with self._in_turn():
            taken = add(self._handle, name.encode(), given)
        if not taken:
            raise TypeError(f"IPOPT refused the option {name!r} = {value!r}.")
        self.options[name] = value

    def write_statistics(self, path: str) -> None:
        """Let IPOPT write the times of its parts to a file, complete when this object is gone."""
        self.add_option("print_timing_statistics", "yes")
        with self._in_turn():
            self._library.OpenIpoptOutputFile(self._handle, path.encode(), _SUMMARY)

    def solve(
        self,
        x: Array,
        lagrange: Array | None = None,
        zl: Array | None = None,
        zu: Array | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Run IPOPT.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Starting point.
        lagrange, zl, zu : ndarray, optional
            Multipliers to start with, of the rows and of the bounds.

        Returns
        -------
        x : ndarray, shape (n,)
            Where IPOPT stopped.
        info : dict
            As cyipopt gives it: status, mult_g, mult_x_L, mult_x_U, obj_val, g.
        """
        n, m = self._size
        point = np.array(x, dtype=np.float64)
        starts = [(lagrange, m), (zl, n), (zu, n)]
        multipliers = [np.zeros(k) if s is None else np.array(s, dtype=float) for s, k in starts]
        g, objective = np.zeros(m), np.zeros(1)
        places = [_address(a) for a in (point, g, objective, *multipliers)]
        self._error = None
        with self._in_turn(), interrupts_kept(self._keep):
            status = int(self._library.IpoptSolve(self._handle, *places, self._user))
        self._close()
        if self._error is not None:
            raise self._error
        names = ("mult_g", "mult_x_L", "mult_x_U")
        info: dict[str, Any] = dict(zip(names, multipliers, strict=True))
        return point, info | {"status": status, "g": g, "obj_val": float(objective[0])}

    def _in_turn(self) -> AbstractContextManager[Any]:
        """Let one call of the library run at a time, where it does not see to that itself."""
        return nullcontext() if _guards_mumps(self._path) else ONE_AT_A_TIME

    def _codes(self) -> list[Any]:
        """Return the addresses of the callbacks, in the order of `CALLBACKS`."""
        return [ctypes.cast(callback, _POINTER) for callback in self._callbacks.values()]

    def _close(self) -> None:
        """Do what is to be done when IPOPT has returned."""

    # ----- callbacks, with the arguments of the C interface -----

    def _objective(self, n: int, x: int, _new: int, value: int, _user: int) -> None:
        _doubles(value, 1)[0] = self._given.objective(_copy(x, n))

    def _gradient(self, n: int, x: int, _new: int, value: int, _user: int) -> None:
        _doubles(value, n)[:] = self._given.gradient(_copy(x, n))

    def _constraints(self, n: int, x: int, _new: int, m: int, value: int, _user: int) -> None:
        if m:
            _doubles(value, m)[:] = self._given.constraints(_copy(x, n))

    def _jacobian(self, n: int, x: int, _new: int, _m: int, size: int, *places: int) -> None:
        if not places[2]:
            self._write_structure("jacobian", size, places)
        elif size:
            _doubles(places[2], size)[:] = self._given.jacobian(_copy(x, n))

    def _hessian(
        self, n: int, x: int, _new: int, sigma: float, m: int, multipliers: int, *rest: int
    ) -> None:
        size, places = rest[1], rest[2:]
        if not places[2]:
            self._write_structure("hessian", size, places)
        elif size:
            weights = _copy(multipliers, m)
            _doubles(places[2], size)[:] = self._given.hessian(_copy(x, n), weights, sigma)

    def _intermediate(self, *values: Any) -> bool:
        wanted = getattr(self._given, "wants_slopes", False)  # not of callbacks written by hand
        more = (self._slopes(),) if wanted else ()
        return self._error is None and bool(self._given.intermediate(*values[:-1], *more))

    def _slopes(self) -> Array | None:
        """Return the gradient of the Lagrangian at this iterate, which IPOPT tells since 3.14."""
        if not hasattr(self._library, _VIOLATIONS):
            return None
        n, m = self._size
        slopes = np.zeros(n)
        places = [None] * 4 + [_POINTER(_address(slopes))]
        told = self._library[_VIOLATIONS](self._handle, 0, n, *places, m, None, None)
        return slopes if told & 255 else None

    def _write_structure(self, name: str, size: int, places: tuple[int, ...]) -> None:
        for place, indices in zip(places, self._structures[name], strict=False):
            if size:
                ctypes.memmove(place, _address(indices), size * indices.itemsize)

    def _protected(self, name: str) -> Any:
        """Make a callback that raises nothing and returns 1, or 0 where it failed or stops."""
        function = getattr(type(self), f"_{name}")
        problem = weakref.ref(self)  # or else it would keep itself alive

        def call(*args: Any) -> int:
            this = problem()
            assert this is not None
            try:
                return int(function(this, *args) is not False and this._error is None)
            except Refused:
                return 0
            except BaseException as error:
                this._keep(error)
                return 0

        return ctypes.CFUNCTYPE(_INT, *CALLBACKS[name])(call)

    def _keep(self, error: BaseException) -> None:
        self._error = self._error or error


def _structure(places: tuple[Any, Any]) -> tuple[NDArray[np.intc], ...]:
    """Return rows and columns in the form that IPOPT copies."""
    return tuple(np.ascontiguousarray(indices, dtype=np.intc) for indices in places)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _doubles(address: int, size: int) -> Array:
    """View memory of IPOPT as an array."""
    view: Array = np.ctypeslib.as_array((_NUMBER * size).from_address(address))
    return view


def _copy(address: int, size: int) -> Array:
    return _doubles(address, size).copy() if size else np.empty(0)
