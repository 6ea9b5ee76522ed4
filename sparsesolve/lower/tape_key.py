"""`tape_key`: what tapes have in common that lower to the same program.

Separate because it must know all that lowering reads of a tape, and nothing else. Constants count
by content, primitives by the name of their rule, and source lines too, since messages quote them.
Whatever is not known to be described in full by a key (a call, an operation of the user's own, an
object) makes a tape one of its kind. Objects of this package may say what they are made of, as a
tuple `described`.
"""

from __future__ import annotations

import hashlib
import sys
import weakref
from collections.abc import Hashable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sparsesolve.ir.tape import Ref, Tape
from sparsesolve.lower.context import RULES
from sparsesolve.trace.naming import NAMES

__all__ = ["tape_key"]

_MOST_STEPS = 5000  # longer tapes would take longer to compare than is worth it
_MOST_BYTES = 1 << 22  # of constants, for the same reason
_SHORT = 256  # bytes that are kept as they are
_PLAIN = frozenset({int, float, bool, complex, str, type(None), type(Ellipsis)})
_TYPES = frozenset({bool, int, float, complex, np.float64, np.int64, np.bool_, np.intp})


def tape_key(tape: Tape) -> Hashable | None:
    """Return an object that is equal for tapes that lower to the same program.

    Parameters
    ----------
    tape : Tape
        A recorded function.

    Returns
    -------
    hashable or None
        None where it cannot be said.

    Examples
    --------
    >>> from sparsesolve.trace import trace
    >>> one, same, other = (tape_key(trace(lambda x: c * x, [np.ones(2)])) for c in (2.0, 2.0, 3.0))
    >>> one == same, one == other
    (True, False)
    """
    if tape not in _KNOWN:
        _KNOWN[tape] = _new_key(tape)
    return _KNOWN[tape]


_KNOWN: weakref.WeakKeyDictionary[Tape, Hashable | None] = weakref.WeakKeyDictionary()


def _new_key(tape: Tape) -> Hashable | None:
    if len(tape.instructions) > _MOST_STEPS:
        return None
    token = _Tokens().token
    values = tuple((info.shape, info.dtype.str) for info in tape.values)
    try:
        steps = []
        for step in tape.instructions:
            known = step.op in RULES and NAMES.get(step.function) == step.op
            if not known or step.op.startswith("user."):
                return None
            given = token(step.args), token(dict(step.kwargs))
            steps.append((step.op, step.source, step.out.index, *given))
        return values, tape.n_parameters, tuple(steps), token(tape.output)
    except _Unknown:
        return None


class _Unknown(Exception):
    """A constant that a key cannot describe."""


def _of_numpy(function: Any) -> Hashable:
    """Return a function of NumPy, which is one object for all."""
    module, name = (str(getattr(function, part, "")) for part in ("__module__", "__name__"))
    found = getattr(sys.modules.get(module), name, None)
    if module.partition(".")[0] != "numpy" or found is not function:
        raise _Unknown
    return module, name


class _Tokens:
    """Hashable twins of constants, as long as they are not too many."""

    def __init__(self) -> None:
        self.left = _MOST_BYTES

    def token(self, argument: Any) -> Hashable:
        """Return what stands for an argument."""
        kind = type(argument)
        if isinstance(argument, Ref):
            return argument
        if kind in _PLAIN:
            return kind, repr(argument)  # the text tells 1 from 1.0 and 0.0 from -0.0
        if kind is tuple or kind is list:
            return kind, *map(self.token, argument)
        if kind is slice:
            return kind, *map(self.token, (argument.start, argument.stop, argument.step))
        if kind is dict:
            return kind, *((self.token(k), self.token(v)) for k, v in argument.items())
        if kind is np.ndarray or isinstance(argument, np.generic):
            return self._array(argument)
        if isinstance(argument, np.dtype) or (kind is type and argument in _TYPES):
            return kind, str(argument)
        if callable(argument) and kind is not type and not hasattr(argument, "described"):
            return _of_numpy(argument)
        if sp.issparse(argument) and argument.format in ("csr", "csc"):
            parts = argument.data, argument.indices, argument.indptr
            return kind, argument.shape, *map(self.token, parts)
        described = getattr(argument, "described", None)
        if isinstance(described, tuple) and kind.__module__.startswith("sparsesolve."):
            return kind, *map(self.token, described)
        raise _Unknown

    def _array(self, array: Any) -> Hashable:
        self.left -= array.nbytes
        if array.dtype.hasobject or self.left < 0:
            raise _Unknown
        data = array.tobytes()
        content = data if len(data) <= _SHORT else hashlib.blake2b(data, digest_size=32).digest()
        return type(array), array.shape, array.dtype.str, content
