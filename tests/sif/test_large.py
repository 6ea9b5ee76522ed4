"""Large problems: 250 000 elements from loops, and evaluation at the speed of machine code."""

from __future__ import annotations

import numpy as np
import pytest
from sif_cards import card, data, elements, formula, problem


def chandrasekhar(n: int) -> str:
    """The H-equation: every variable times every other one, n * n elements."""
    i, j = card("DO", "I", "1", "", "N"), card("DO", "J", "1", "", "N")
    lines = [
        f" IE N                   {n:<15}$-PARAMETER", card("RE", "C", "", 0.5),
        card("IE", "1", "", 1), card("RI", "RN", "N"), card("RM", "2N", "RN", 2.0),
        card("R/", "W", "C", "", "2N"),
        i, card("RI", "RI", "I"), card("A/", "X(I)", "RI", "", "RN"), card("OD", "I"),
        "VARIABLES", i, card("X", "H(I)"), card("OD", "I"),
        "GROUPS", i, card("XE", "G(I)", "H(I)", 1.0), card("OD", "I"),
        "CONSTANTS", card("", "V", "'DEFAULT'", 1.0), "BOUNDS", card("FR", "B", "'DEFAULT'"),
        "START POINT", card("", "S", "'DEFAULT'", 1.0),
        "ELEMENT TYPE", card("EV", "2PR", "X", "", "Y"),
        "ELEMENT USES", i, j, card("XT", "E(I,J)", "2PR"), card("ZV", "E(I,J)", "X", "", "H(I)"),
        card("ZV", "E(I,J)", "Y", "", "H(J)"), card("ND"),
        "GROUP USES", i, j, card("A+", "SUM", "X(I)", "", "X(J)"),
        card("A/", "RATIO", "X(I)", "", "SUM"), card("R*", "-W", "W", "", "RATIO"),
        card("RM", "-W", "-W", -1.0), card("ZE", "G(I)", "E(I,J)", "", "-W"), card("ND"),
    ]  # fmt: skip
    part = elements(
        formula("T", "2PR", ""), formula("F", "", "X * Y"), formula("G", "X", "Y"),
        formula("G", "Y", "X"), formula("H", "X", "1.0", "Y"),
    )  # fmt: skip
    return data(*lines) + part


def expected(n, h):
    """The same equations by hand."""
    x = np.arange(1, n + 1) / n
    K = 0.5 / (2 * n) * x[:, None] / (x[:, None] + x[None, :])
    value = h - h * (K @ h) - 1.0
    return value, np.eye(n) - np.diag(K @ h) - h[:, None] * K


@pytest.mark.parametrize("n", [1, 2, 30, pytest.param(500, marks=pytest.mark.slow)])
def test_an_equation_with_all_pairs(tmp_path, n):
    posed = problem(tmp_path, chandrasekhar(n))
    assert (posed.n, posed.m, posed.objective) == (n, n, None)
    h = 1.0 + 0.1 * np.sin(np.arange(n))
    value, jacobian = expected(n, h)
    np.testing.assert_allclose(posed.constraint_values(h), value, atol=1e-13)
    np.testing.assert_allclose(posed.jacobian(h).toarray(), jacobian, atol=1e-14)
    assert not posed.derivatives.log.notes


def test_one_function_evaluation_is_a_few_calls_of_numpy(tmp_path, monkeypatch):
    """The number of NumPy operations does not grow with the number of elements."""
    counts = []
    for n in (5, 40):
        posed = problem(tmp_path, chandrasekhar(n))
        calls = []

        class Counted(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *inputs, calls=calls, **options):
                calls.append(ufunc)
                plain = [np.asarray(v) if isinstance(v, np.ndarray) else v for v in inputs]
                return np.asarray(getattr(ufunc, method)(*plain, **options)).view(Counted)

        posed.constraints[0].function(np.ones(n).view(Counted))
        counts.append(len(calls))
    assert counts[0] == counts[1] > 0
