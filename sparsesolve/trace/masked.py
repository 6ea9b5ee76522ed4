"""Masked arrays, without importing them: who has none has not imported ``numpy.ma``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["calculates_otherwise", "is_masked", "is_masked_array"]


def is_masked_array(thing: Any) -> bool:
    """Whether it is a masked array, masked anywhere or not.

    Examples
    --------
    >>> is_masked_array(np.ones(2)), is_masked_array(np.ma.array([1.0], mask=[True]))
    (False, True)
    """
    return isinstance(thing, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ()))


def is_masked(thing: Any) -> bool:
    """Whether elements of it are masked."""
    return is_masked_array(thing) and bool(np.ma.getmaskarray(thing).any())


def calculates_otherwise(thing: Any) -> bool:
    """Whether its arithmetic is not that of plain arrays."""
    return isinstance(thing, np.matrix) or is_masked_array(thing)
