"""Which operation makes an entry of a derivative infinite: the sentence that solvers show."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

METHODS = ("compiled", "interpreted")


def roots(x):
    y = np.sqrt(x[:3])
    return y * x[3] + np.cbrt(x[1:4])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("point", "words"),
    [
        ([1.0, 1.0, 1.0, 0.0], ("row 2, column 3", "`cbrt`", "inf")),
        ([0.0, 1.0, 1.0, 1.0], ("row 0, column 0", "`sqrt`", "inf")),
        ([1.0, 1.0, -1.0, 1.0], ("row 2, column 2", "`sqrt`", "nan")),
    ],
)
def test_entry_line_and_primitive_are_named(method, point, words):
    J = ss.jacobian(roots, np.ones(4), method=method)
    text = J.explain_nonfinite(np.array(point))
    assert all(word in text for word in (*words, "test_nonfinite.py:"))
    assert text.endswith(".")


def test_nothing_is_said_where_all_is_finite():
    J = ss.jacobian(roots, np.ones(4))
    assert J.explain_nonfinite(np.ones(4)) == ""
    H = ss.hessian(lambda x: np.sum(x**1.5), np.ones(3))
    assert H.explain_nonfinite(np.ones(3)) == ""


def test_an_operation_off_the_path_is_not_named():
    J = ss.jacobian(lambda x: np.sqrt(x[1:]) + np.log(x[0]), np.ones(3))
    assert "`log`" in J.explain_nonfinite(np.array([0.0, 1.0, 1.0]))
    text = J.explain_nonfinite(np.array([1.0, 1.0, 0.0]))
    assert "`sqrt`" in text
    assert "row 1, column 2" in text


def test_hessians_and_differences():
    H = ss.hessian(lambda x: np.sum(x**1.5), np.ones(3))
    text = H.explain_nonfinite(np.array([1.0, 0.0, 1.0]))
    assert "row 1, column 1" in text
    assert "`power`" in text
    J = ss.jacobian_by_differences(lambda x: 1.0 / x, np.ones(2), pattern=np.eye(2), check=False)
    with np.errstate(divide="ignore"):
        assert "row 1, column 1" in J.explain_nonfinite(np.array([1.0, np.nan]))
