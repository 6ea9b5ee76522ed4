"""Names on array cards: ``X(I,J)`` becomes ``X2,7``.

Separate because every section expands names, and because a name in a loop is parsed once and
expanded many times. An index is the name of an integer parameter, never a number; the name ends at
the first closing parenthesis; empty indices are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sparsesolve.sif.draft import Table

__all__ = ["expander", "name_parts"]


@lru_cache(maxsize=1024)
def name_parts(text: str, *, array: bool = True) -> tuple[str, tuple[str, ...]]:
    """Return the part of a name before its indices, and these; a literal name has none.

    Parameters
    ----------
    text : str
        The name as it stands in its field.
    array : bool, optional
        Whether the card is an array card; on others a name is literal. Default is True.
    """
    base, parenthesis, rest = text.partition("(")
    if not array or not parenthesis:
        return text, ()
    inside = rest.partition(")")[0].split(",")
    return base, tuple(name for part in inside if (name := part.strip()))


def expander(text: str, integers: Table[int], *, array: bool = True) -> Callable[[], str]:
    """Return a function that gives the expanded name whenever it is called.

    Parameters
    ----------
    text : str
        The name as it stands in its field.
    integers : Table of int
        Values of the indices, looked up at the time of the call.
    array : bool, optional
        Whether the card is an array card; on others a name is literal. Default is True.
    """
    base, indices = name_parts(text, array=array)
    if not indices:
        return lambda: base
    if len(indices) == 1:
        only = indices[0]
        return lambda: f"{base}{integers[only]}"
    if len(indices) == 2:
        first, second = indices
        return lambda: f"{base}{integers[first]},{integers[second]}"
    return lambda: base + ",".join([str(integers[name]) for name in indices])
