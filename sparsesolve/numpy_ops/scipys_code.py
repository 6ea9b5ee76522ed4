"""Functions of SciPy that run by their own Python code, in which only arrays are made otherwise.

They fill arrays of zeros that they make, which traced values cannot be assigned to.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import wraps
from typing import Any

from sparsesolve.trace.operands import holds_boxes
from sparsesolve.trace.own_code import twin_of
from sparsesolve.trace.replaced import replaces

__all__: list[str] = []

_FUNCTIONS = {
    "scipy.signal._ltisys": "lsim dlsim impulse step",
    "scipy.signal._lti_conversion": "tf2ss abcd_normalize cont2discrete",
    "scipy.signal._spectral_py": "istft",
    "scipy.signal._short_time_fft": "ShortTimeFFT.stft_detrend",
    "scipy.linalg._special_matrices": "fiedler_companion",
}


def _on_traced(plain: Callable[..., Any]) -> Callable[..., Any]:
    assert isinstance(plain, types.FunctionType)
    twin = twin_of(plain)

    @wraps(plain)
    def call(*args: Any, **options: Any) -> Any:
        traced = any(map(holds_boxes, (*args, *options.values())))
        return (twin if traced else plain)(*args, **options)

    return call


for _module, _names in _FUNCTIONS.items():
    for _name in _names.split():
        replaces(_module, _name, second=True)(_on_traced)
