"""What needs no PETSc: who owns what, which options are PETSc's, and what is said without it."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.adapters.petsc.numbering import owned_range
from sparsesolve.adapters.petsc.options import answer_of
from sparsesolve.adapters.petsc.ranks import digest_of
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


@pytest.mark.parametrize(("kind", "said"), [(np.complex128, "complex128"), (np.float32, "float32")])
def test_a_petsc_for_other_numbers_is_refused(
    kind: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "petsc4py", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "petsc4py.PETSc", SimpleNamespace(ScalarType=kind))
    with pytest.raises(SolverUnavailable, match=f"real numbers of double precision.*{said}"):
        ss.root(lambda x: x**2 - 1.0, np.ones(3), method="petsc")


def test_digests_tell_arguments_apart() -> None:
    A = sp.csr_array(np.array([[1.0, 0.0], [2.0, 3.0]]))
    others: list[Any] = [
        None, 1.0, 1, "1", True, [1.0, 2.0], (1.0, [2.0]), np.ones(2), np.ones((2, 1)), A, A.T,
        {"a": 1, "b": None}, {"a": None, "b": 1}, {"a": np.ones(3)}, {"a": -np.ones(3)},
    ]  # fmt: skip
    assert len({digest_of(other) for other in others}) == len(others)
    assert digest_of({"b": A, "a": 1}) == digest_of({"a": 1, "b": A.copy()})
    assert digest_of(lambda: 1) == digest_of(lambda: 2)
