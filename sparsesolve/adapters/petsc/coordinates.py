"""Assembly by coordinates: PETSc keeps where each value goes, and a refill is one pass.

Separate because petsc4py has these functions from 3.19 on, and the library has them before: there
they are called in it. By rows, as petsc4py offers besides, a value costs four times as much.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["by_coordinates", "fill_by_coordinates"]


def by_coordinates(petsc: Any, matrix: Any, rows: NDArray[Any], columns: NDArray[Any]) -> bool:
    """Tell a matrix the coordinates of the values that will come.

    Parameters
    ----------
    petsc : module
        ``petsc4py.PETSc``.
    matrix : Mat
        Of sizes and a type, without entries.
    rows, columns : ndarray of int
        Global numbers of each value; PETSc may change them.

    Returns
    -------
    bool
        False where it cannot be done: nothing has happened then.
    """
    if hasattr(matrix, "setPreallocationCOO"):
        matrix.setPreallocationCOO(rows, columns)
        return True
    library = _library(petsc)
    if library is None:
        return False
    given = [np.ascontiguousarray(part, dtype=petsc.IntType) for part in (rows, columns)]
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in given]
    count = ctypes.c_ssize_t(rows.size)  # PetscCount
    code = library.MatSetPreallocationCOO(_handle(matrix), count, *pointers)
    _require(petsc, code)
    return True


def fill_by_coordinates(petsc: Any, matrix: Any, values: NDArray[np.float64]) -> None:
    """Write the values of a matrix, in the order of the coordinates, instead of those before."""
    if hasattr(matrix, "setValuesCOO"):
        matrix.setValuesCOO(values, addv=petsc.InsertMode.INSERT_VALUES)
        return
    pointer = values.ctypes.data_as(ctypes.c_void_p)
    insert = ctypes.c_int(int(petsc.InsertMode.INSERT_VALUES))
    _require(petsc, _library(petsc).MatSetValuesCOO(_handle(matrix), pointer, insert))


def _library(petsc: Any) -> Any:
    """Return PETSc's library, as petsc4py has loaded it; None without these functions."""
    if petsc.ScalarType is not np.float64:
        return None
    library = ctypes.CDLL(petsc.__file__)
    return library if hasattr(library, "MatSetPreallocationCOO") else None


def _handle(matrix: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(matrix.handle)


def _require(petsc: Any, code: int) -> None:
    if code:
        raise petsc.Error(code)
