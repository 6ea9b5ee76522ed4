"""`require_picklable`: an error that says what to do where a function cannot be pickled.

Derivatives and problems both travel with the functions of their user.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

__all__ = ["require_picklable"]


def require_picklable(owner: str, way: str, parts: Iterable[Any]) -> None:
    """Raise TypeError if one of the `parts` that `owner` is pickled with cannot be.

    Examples
    --------
    >>> require_picklable("a Jacobian", "as its function", [lambda x: x])
    Traceback (most recent call last):
    TypeError: a Jacobian is pickled as its function, and ...
    """
    for part in parts:
        try:
            pickle.dumps(part)
        except Exception as error:
            raise TypeError(
                f"{owner} is pickled {way}, and {part!r} cannot be pickled ({error}). Define the "
                "function at the top of a module, or prepare it in each process."
            ) from error
