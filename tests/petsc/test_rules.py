"""What needs no PETSc: who owns what, which options are PETSc's, and what is said without it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters.petsc.numbering import owned_range
from sparsesolve.adapters.petsc.options import answer_of
from sparsesolve.errors import SolverUnavailable


@pytest.mark.parametrize(("n", "size"), [(0, 3), (1, 4), (10, 4), (12, 4), (7, 1)])
def test_ranks_own_everything_once(n: int, size: int) -> None:
    ranges = [owned_range(n, size, rank) for rank in range(size)]
    owned = [k for begin, end in ranges for k in range(begin, end)]
    assert owned == list(range(n))
    lengths = [end - begin for begin, end in ranges]
    assert max(lengths) - min(lengths) <= 1


def test_options_are_those_of_petsc_but_for_the_answer() -> None:
    assert answer_of(None) == ("gathered", {})
    given = {"-ksp_type": "cg", "pc_type": "gamg", "answer": "owned"}
    assert answer_of(given) == ("owned", {"ksp_type": "cg", "pc_type": "gamg"})
    with pytest.raises(ValueError, match="'answer' must be one of gathered, owned, got 'all'"):
        answer_of({"answer": "all"})


@pytest.mark.skipif(importlib.util.find_spec("petsc4py") is not None, reason="it is installed")
def test_without_petsc_the_way_to_it_is_said() -> None:
    with pytest.raises(SolverUnavailable, match="apt-get install petsc-dev"):
        ss.root(lambda x: x**2 - 1.0, np.ones(3), method="petsc")
