"""Columns and tables of pandas, without importing it: who has none has not imported it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["is_table", "objects_of"]

_loaded = sys.modules.get


def is_table(thing: Any) -> bool:
    """Whether it is a Series or a DataFrame.

    Examples
    --------
    >>> is_table([1.0])
    False
    """
    pandas = _loaded("pandas")
    return pandas is not None and isinstance(thing, (pandas.Series, pandas.DataFrame))


def objects_of(table: Any) -> Any:
    """Return the values of a table; of objects where it has traced elements."""
    return np.asarray(table)
