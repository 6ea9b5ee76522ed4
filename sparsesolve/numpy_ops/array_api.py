"""What SciPy's functions for several array libraries call, on traced arrays: choices, assignment.

Separate because these helpers look at flags and memory of arrays. With them, SciPy's statistics and
rotations are traced by their own code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from autograd.numpy import _original_where as where

from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.recorder import active_recorder
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []


@replaces("scipy._lib.array_api_extra._lib._funcs", "apply_where")
def _apply_where(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def function(
        cond: Any, args: Any, f1: Any, f2: Any = None, /, *, fill_value: Any = None, xp: Any = None
    ) -> Any:
        given = args if isinstance(args, tuple) else (args,)
        if not any(map(holds_boxes, (cond, *given, fill_value))):
            options = {"fill_value": fill_value, "xp": xp}
            return plain(cond, args, f1, f2, **{k: v for k, v in options.items() if v is not None})
        with np.errstate(all="ignore"):
            first = f1(*given)
            return where(operand(cond), first, fill_value if f2 is None else f2(*given))

    return function


@replaces("scipy._lib.array_api_extra._lib._at", "at._op")
def _at(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def change(self: Any, kind: Any, _: Any, combine: Any, y: Any, /, *args: Any, **kw: Any) -> Any:
        recorder = active_recorder()
        if recorder is None or not any(map(holds_boxes, (self._x, self._idx, y))):
            return plain(self, kind, _, combine, y, *args, **kw)
        # SciPy goes on with what is returned, so the array need not be changed itself
        plain_x = not holds_boxes(self._x)
        x = recorder.constant(np.array(self._x)) if plain_x else operand(self._x).copy()
        x[self._idx] = y if combine is None else combine(x[self._idx], y)
        return x

    return change


@replaces("scipy.spatial.transform._rotation", "select_backend")
def _in_python(plain: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(plain)
    def select(xp: Any, cython_compatible: bool) -> Any:
        import scipy.spatial.transform._rotation as home  # noqa: PLC0415  (loaded: it calls this)

        return home.xp_backend

    return select
