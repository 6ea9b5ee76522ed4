"""Options, patterns, colorings and complex steps: what is wrong is refused before any work."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.errors import (
    ColoringError,
    PatternError,
    StructureMismatch,
    VerificationError,
)

X = np.array([-0.5, 0.2, 0.9])


def residual(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def energy(x):
    return np.sum(residual(x) ** 2)


# ----- options -----

MAKERS = {
    "jacobian": lambda **given: ss.jacobian(residual, X, **given),
    "hessian": lambda **given: ss.hessian(energy, X, **given),
    "gradient": lambda **given: ss.gradient(energy, X, **given),
    "Problem": lambda **given: ss.Problem(energy, X, **given),
}
NO_FORMAT = ("gradient", "Problem")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"method": "x"}, ValueError),
        ({"method": None}, TypeError),
        ({"method": "Auto"}, ValueError),
        ({"format": "coo"}, ValueError),
        ({"format": 1}, TypeError),
        ({"threads": -1}, ValueError),
        ({"threads": 0}, ValueError),
        ({"threads": 1.5}, TypeError),
        ({"threads": True}, TypeError),
        ({"threads": "2"}, TypeError),
        ({"threads": 10**9}, ValueError),
        ({"check": "yes"}, TypeError),
    ],
    ids=str,
)
def test_wrong_options_name_themselves(maker, given, error):
    name, value = next(iter(given.items()))
    if name == "format" and maker in NO_FORMAT:
        pytest.skip("takes no format")
    with pytest.raises(error, match=f"`{name}` must be .*{value}"):
        MAKERS[maker](**given)


def test_options_are_checked_before_the_function_is_called():
    def never(x):
        raise AssertionError("called")

    for make in (ss.jacobian, ss.hessian, ss.gradient, ss.Problem):
        with pytest.raises(ValueError, match="threads"):
            make(never, X, threads=0)


def test_numpy_integers_are_whole_numbers():
    assert ss.jacobian(residual, X, threads=np.int64(2))(X).shape == (2, 3)


@pytest.mark.parametrize("name", ["structure", "order", "recovery"])
def test_words_of_colorings(name):
    with pytest.raises(ValueError, match=f"`{name}` must be one of"):
        ss.color(np.eye(3), **{name: "x"})
    with pytest.raises(TypeError, match=f"`{name}` must be one of"):
        ss.color(np.eye(3), **{name: 1})


# ----- patterns -----


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([0.9, 1.2], [0, 1]),
        ([0, 1], [0.5, 1.9]),
        ([0, np.nan], [0, 1]),
        ([True, False], [0, 1]),
        ([0, 1], [0, 2**33 + 1]),
        ([0, 2], [0, 1]),
        ([-1, 0], [0, 1]),
        ([0, 1], [0]),
        ([0, 1], np.array([0, 2**64 - 1], dtype=np.uint64)),
    ],
    ids=str,
)
def test_wrong_indices(rows, columns):
    with pytest.raises(PatternError):
        ss.Pattern.from_coo((2, 2), rows, columns)


@pytest.mark.parametrize(
    "shape", [(1, 2**31), (2**40, 1), (-1, 2), (1.5, 2), (2,), (True, 2), (1, 2, 3)], ids=str
)
def test_wrong_shapes(shape):
    with pytest.raises(PatternError):
        ss.Pattern.from_coo(shape, [0], [0])


@pytest.mark.parametrize(
    ("indptr", "indices"),
    [
        ([0, np.nan, 2], [0, 1]),
        ([0, 1, 2], [0, np.nan]),
        ([0, 1, 2], [0.0, 1.0]),
        ([0, 2, 1], [0]),
        ([1, 1, 2], [0, 1]),
        ([0, 1, 2], [0, 2]),
        ([0, 1, 2], [-1, 0]),
        ([0, 2, 2], [1, 0]),
        ([0, 2, 2], [1, 1]),
        ([0, 1], [0]),
    ],
    ids=str,
)
def test_wrong_rows(indptr, indices):
    with pytest.raises(PatternError):
        ss.Pattern((2, 2), np.array(indptr), np.array(indices))


def test_a_sparse_matrix_that_is_too_wide():
    wide = sp.coo_array(([1.0], ([0], [2**33 + 1])), shape=(1, 2**40))
    with pytest.raises(PatternError, match="at most"):
        ss.Pattern.of(wide)


def test_empty_lists_are_indices():
    assert ss.Pattern.from_coo((2, 3), [], []).nnz == 0


# ----- colorings -----


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[3.0, 5.0], [0.0, 0.0]]),
        np.array([[3.0, 5.0]]),
        np.array([[1.0, 2, 0], [0, 3, 4], [7, 0, 5]]),
    ],
)
def test_symmetric_colors_of_a_pattern_that_is_not(matrix):
    pattern = ss.Pattern.of(matrix)
    with pytest.raises(ColoringError, match="symmetric"):
        ss.Coloring.from_colors(pattern, np.arange(matrix.shape[1]), structure="symmetric")


def test_values_that_are_not_symmetric():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    coloring = ss.color(matrix, structure="symmetric")
    with pytest.raises(StructureMismatch, match="must be symmetric"):
        ss.compress(coloring, matrix)
    matrix[1, 0] = 2.0
    matrix[0, 0] = np.nan
    forward, reverse = ss.compress(coloring, matrix)
    assert np.isnan(forward).any()
    assert reverse.size == 0


@pytest.mark.parametrize("colors", [[0.5, 1.2], [np.nan, 0], [True, False], ["a", "b"]], ids=str)
def test_colors_are_integers(colors):
    with pytest.raises(ColoringError, match="integers"):
        ss.Coloring.from_colors(ss.Pattern.of(np.eye(2)), colors)


@pytest.mark.every(2)
@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("structure", ["columns", "rows", "symmetric", "bidirectional"])
def test_any_colors_are_refused_or_right(structure, seed):
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 7, size=2)
    if structure == "symmetric":
        m = n
    mask = rng.random((m, n)) < 0.4
    if structure == "symmetric":
        mask |= mask.T
    matrix = np.where(mask, rng.uniform(1, 2, size=(m, n)), 0.0)
    if structure == "symmetric":
        matrix = matrix + matrix.T
    size = {"columns": n, "rows": m, "symmetric": n, "bidirectional": n + m}[structure]
    colors = rng.integers(-1, 4, size=size)
    recovery = rng.choice(["direct", "substitution"])
    pattern = ss.Pattern.of(mask)
    try:
        coloring = ss.Coloring.from_colors(
            pattern, colors, structure=structure, recovery=str(recovery)
        )
        found = ss.decompress(coloring, *ss.compress(coloring, matrix)).toarray()
    except ColoringError:
        return
    assert np.allclose(found, matrix)


# ----- complex steps -----


def buffered(z):
    out = np.zeros(3)
    with np.errstate(all="ignore"):
        out[:] = np.real(z) ** 2
    return out


KNOTS = np.linspace(-1, 1, 9)
LOSING = {
    "abs": (lambda z: np.abs(z) * z, np.eye(3)),
    "norm": (lambda z: np.array([np.linalg.norm(z)]), np.ones((1, 3))),
    "spline": (scipy.interpolate.CubicSpline(KNOTS, np.sin(KNOTS)), np.eye(3)),
    "buffer": (buffered, np.eye(3)),
    "real": (lambda z: z.real**2 + 0 * z, np.eye(3)),
    "maximum": (lambda z: np.where(z.real > 0, z.real, 0) * z, np.eye(3)),
    "conjugate": (lambda z: np.conj(z) ** 2, np.eye(3)),
}


@pytest.mark.parametrize("name", LOSING)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_what_drops_the_imaginary_part_is_refused(name):
    function, pattern = LOSING[name]
    with pytest.raises((VerificationError, StructureMismatch), match="imaginary part"):
        ss.jacobian_by_differences(function, X, pattern=pattern, scheme="complex")


def test_what_drops_it_later_is_refused_then():
    def late(z):
        return z**2 if z.real[0] < 0 else z.real**2

    J = ss.jacobian_by_differences(late, X, pattern=np.eye(3), scheme="complex")
    with pytest.raises(StructureMismatch, match="imaginary part"):
        J(-X)


@pytest.mark.parametrize(
    "late",
    [
        lambda z: np.where(np.real(z) > 0.95, np.abs(z) ** 2 + 0 * z, z**2),
        lambda z: z**2 if np.real(z)[0] < 0.9 else np.abs(z) ** 2 + 0 * z,
    ],
)
def test_what_drops_it_in_some_entries_later_is_refused_then(late):
    J = ss.jacobian_by_differences(late, X, pattern=np.eye(3), scheme="complex")
    assert np.allclose(J(X).diagonal(), 2 * X)
    with pytest.raises(VerificationError, match="imaginary part"):
        J(X + 1.5)


def test_a_slope_of_zero_is_no_alarm():
    J = ss.jacobian_by_differences(lambda z: z**2, X, pattern=np.eye(3), scheme="complex")
    assert np.array_equal(J(np.array([0.0, 1.0, 0.0])).diagonal(), [0.0, 2.0, 0.0])


def test_smooth_functions_and_kinks_elsewhere_pass():
    for function in (np.sin, lambda z: np.exp(z) / (1 + z**2), lambda z: z**3 * 1e8):
        J = ss.jacobian_by_differences(function, X, pattern=np.eye(3), scheme="complex")
        exact = ss.jacobian(function, X)
        assert np.allclose(J(X).toarray(), exact(X).toarray(), rtol=1e-14)
