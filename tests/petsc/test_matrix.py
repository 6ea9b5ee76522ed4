"""Matrices of PETSc, filled by one, two and four ranks: products as those of the Jacobian."""

from __future__ import annotations

import numpy as np
import pytest
from mpi_runs import needs_petsc, results
from petsc_matrix_cases import CELLS, expected

pytestmark = [needs_petsc, pytest.mark.slow]


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: " ".join(map(str, cell)))
def test_products(ranks: int, cell: tuple[str, int, str, str]) -> None:
    by = expected(*cell[:2])
    for found in results(ranks, "matrix"):
        got = found["products"][" ".join(map(str, cell))]
        np.testing.assert_allclose(got, by, rtol=1e-12, atol=1e-12)
