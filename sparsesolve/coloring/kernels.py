"""`kernel`: a loop over arrays, compiled by numba on first use.

Separate because three things must hold for all of them: nothing is compiled in a process that does
not color; a Ctrl-C waits while numba compiles, since LLVM's memory changes hands meanwhile; and an
installation that cannot be written to has no cache, which is no error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from sparsesolve.host.interrupts import interrupts_held

__all__ = ["kernel"]

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile a function when it is first called, and keep the code on disk where that works."""
    try:
        made: Any = njit(cache=True)(function)
    except RuntimeError:  # numba found no folder to write to, neither beside the source nor at home
        made = njit(function)
    compile_now = getattr(made, "_compile_for_args", None)
    if compile_now is not None:  # with NUMBA_DISABLE_JIT it is the plain function

        def held(*args: Any, **kwargs: Any) -> Any:
            with interrupts_held():
                return compile_now(*args, **kwargs)

        made._compile_for_args = held
    compiled: _F = made
    return compiled
