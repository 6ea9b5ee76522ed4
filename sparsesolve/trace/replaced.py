"""Functions and methods of libraries, written in Python, that are replaced while one traces.

NumPy's protocols do not reach them: they look at numbers, call compiled code or
hide a smooth function behind comparisons. They are replaced where they are defined, so that they
are met however the user's code named them; families of `sparsesolve.numpy_ops` say by what. A
function that may have been imported by its name gets other code, so that every name means it.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sparsesolve.host.dataclass import dataclass
from sparsesolve.trace.array_methods import replace_method
from sparsesolve.trace.changes import Changes
from sparsesolve.trace.naming import load_scipy

__all__ = [
    "COMPILED_BY_NAME",
    "latest_trace",
    "load_families",
    "replace_all",
    "replaces",
    "when_loaded",
]

_Make: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]
_MADE_BY_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a type that is not written in C, and can be changed
_Entry: TypeAlias = tuple[str, tuple[str, ...], _Make]
_TABLE: list[_Entry] = []
_SECOND: list[_Entry] = []


def replaces(module: str, path: str, *, second: bool = False) -> Callable[[_Make], _Make]:
    """Register what makes a function in place of ``module.path`` from the plain one.

    Where it is met rarely, `second` leaves it for a second trace, which a refusal brings about.
    """

    def register(make: _Make) -> _Make:
        table = _SECOND if second else _TABLE
        table += [(home, tuple(path.split(".")), make) for home in _homes(module)]
        return make

    return register


_WAITING: dict[str, list[Callable[[], object]]] = {}


def when_loaded(module: str, load: Callable[[], object]) -> None:
    """Let a family be loaded before the first trace that finds a module loaded."""
    _WAITING.setdefault(module, []).append(load)


def load_families() -> None:
    """Load the families that replace functions of what is loaded, and learn its names."""
    loaded = sys.modules
    for module in [name for name in _WAITING if name in loaded]:
        for load in _WAITING.get(module, ()):
            load()  # who finds it half done waits here for the other thread
        _WAITING.pop(module, None)
    if "autograd.scipy" in loaded:
        load_scipy()


_MOVED = {
    "scipy.fft._pocketfft": "scipy.fft._duccfft",
    "scipy._lib.array_api_extra": "scipy._external.array_api_extra",
}
"""Where SciPy's modules were before 1.18, and where they are since."""


def _homes(module: str) -> list[str]:
    moved = [module.replace(old, new) for old, new in _MOVED.items() if module.startswith(old)]
    return [module, *moved]


class _Traces:
    seconds = 0


def latest_trace() -> int:
    """Return a number that is another one for each trace with `second`."""
    return _Traces.seconds


def replace_all(changes: Changes, *, second: bool = False) -> None:
    """Replace what is loaded, if it is where it was; with `second` what a second trace needs."""
    loaded = sys.modules
    _Traces.seconds += second
    for number, entry in enumerate(_SECOND if second else _TABLE):
        if entry[0] not in loaded:
            continue
        spot = _SPOTS.get((second, number))
        if spot is None or not spot.holds():
            spot = _SPOTS[second, number] = _find(changes, *entry)
        if spot is not None:
            changes.swap(spot.thing, spot.name, spot.plain, spot.other)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a function was found: `namespace[key]`, and which attribute of what is to be set."""

    namespace: Mapping[str, Any]
    key: str
    found: Any
    thing: Any
    name: str
    plain: Any
    other: Any

    def holds(self) -> bool:
        """Whether everything is still where it was: anybody may replace what stands there."""
        found = self.namespace.get(self.key)
        return found is self.found and (found is self.plain or found.__code__ is self.plain)


_SPOTS: dict[tuple[bool, int], _Spot | None] = {}
COMPILED_BY_NAME: dict[int, Any] = {}
"""What stands for functions that are written in C, and may have been imported by their names."""


def _find(changes: Changes, module: str, path: tuple[str, ...], make: _Make) -> _Spot | None:
    """Look for a function; None where it is not loaded, or where it is replaced in another way."""
    thing: Any = sys.modules[module]
    for name in path[:-1]:
        thing = getattr(thing, name, None)
    name = path[-1]
    plain = getattr(thing, name, None)
    if thing is None or plain is None:
        return None
    if isinstance(thing, types.ModuleType) and isinstance(plain, types.FunctionType):
        code = plain.__code__
        return _Spot(vars(thing), name, plain, plain, "__code__", code, _code_in_place(plain, make))
    if isinstance(thing, type) and not thing.__flags__ & _MADE_BY_CLASS:
        replace_method(changes, thing, name, make(plain))
        return None
    other = make(plain)
    if isinstance(plain, types.BuiltinFunctionType):
        COMPILED_BY_NAME[id(plain)] = other
    return _Spot(vars(thing), name, plain, thing, name, plain, other)


_CODES: dict[types.FunctionType, tuple[types.CodeType, types.CodeType]] = {}


def _code_in_place(plain: types.FunctionType, make: _Make) -> types.CodeType:
    """Return code of a function that calls another one; made once."""
    known = _CODES.get(plain)
    if known is None or known[0] is not plain.__code__:
        code = plain.__code__
        known = _CODES[plain] = code, _calling(make(_twin(plain)), code)
    return known[1]


def _twin(function: types.FunctionType) -> types.FunctionType:
    """Return a function of the same code, which it keeps."""
    made = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


_HOLE = "what is called"


def _trampoline(*args: Any, **kwargs: Any) -> Any:
    target: Any = "what is called"  # a constant, which `_calling` changes
    return target(*args, **kwargs)


def _calling(target: Callable[..., Any], code: types.CodeType) -> types.CodeType:
    """Return code that calls a function, for a function that has some other code."""
    mine = _trampoline.__code__
    constants = tuple(target if held == _HOLE else held for held in mine.co_consts)
    return mine.replace(co_consts=constants, co_freevars=code.co_freevars)
