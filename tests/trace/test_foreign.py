"""What libraries raise on traced values becomes a refusal that names the line and a way out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
from scipy.spatial import cKDTree
from scipy.spatial.distance import directed_hausdorff

import sparsesolve as ss
from sparsesolve.errors import TraceError

X = np.array([0.3, 0.5, 0.8, 1.1])
A = scipy.sparse.diags([-1.0, 2.5, -1.0], [-1, 0, 1], shape=(4, 4), format="csc")
M = A.toarray()

FOREIGN = {
    "lsqr": lambda x: scipy.sparse.linalg.lsqr(A, x)[0],
    "maximum": lambda x: A.multiply(x).max(axis=1),
    "qr": lambda x: scipy.linalg.qr(M + np.diag(x), pivoting=True)[1].ravel(),
    "schur": lambda x: scipy.linalg.schur(M + np.diag(x))[0].ravel(),
    "signm": lambda x: scipy.linalg.signm(np.diag(x)).ravel(),
    "ndimage": lambda x: scipy.ndimage.grey_dilation(x, 3),
    "signal": lambda x: scipy.signal.order_filter(x, np.ones(3), 1),
    "hausdorff": lambda x: directed_hausdorff(x.reshape(2, 2), np.eye(2))[0],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_libraries_do_not_speak_for_us(name):
    FOREIGN[name](X)
    with pytest.raises(TraceError, match=r"test_foreign\.py:\d+"):
        ss.jacobian(FOREIGN[name], X)


def test_the_users_own_errors_are_the_users():
    def refuses(x):
        if x.size < 9:
            raise KeyError("too short")
        return x

    def divides(x):
        return x + 1 / 0

    with pytest.raises(KeyError, match="too short"):
        ss.jacobian(refuses, X)
    with pytest.raises(ZeroDivisionError):
        ss.jacobian(divides, X)


def test_a_function_without_a_line():
    with pytest.raises(TraceError, match=r"does not \(TypeError"):
        ss.jacobian(cKDTree(np.eye(4)).query, X)
