"""Every row of the sections' tables, on small texts."""

from __future__ import annotations

import numpy as np
import pytest
from sif_cards import card, data, model, problem, variables

from sparsesolve.errors import SifError

INF = np.inf
XY = variables("X", "Y")
I2 = card("IE", "I", "", 2)
R = card("RE", "R", "", 2.5)


def fails(folder, message, *lines):
    with pytest.raises(SifError, match=message):
        model(folder, data(*lines))


# ----- VARIABLES and GROUPS -----


def test_codes_of_variables(tmp_path):
    lines = [I2, "VARIABLES", card("", "A"), card("X", "B(I)"), card("Z", "C(I)"), card("", "A")]
    assert model(tmp_path, data(*lines, "GROUPS", card("N", "O"))).variables == ("A", "B2", "C2")


def test_scales_and_kinds_of_variables_change_nothing(tmp_path):
    found = model(
        tmp_path,
        data("VARIABLES", card("", "A", "'SCALE'", 10.0), card("", "B", "'INTEGER'"),
             card("", "C", "INTEGER"), card("", "A", " 'SCALE'", 2.0), card("", "A", "junk", 1),
             card("", "D", "'ZERO-ONE'"),
             card("", "MARKER", "'MARKER'", "", "'INTORG'"), "GROUPS", card("N", "O", "A", 1)),
    )  # fmt: skip
    assert found.variables == ("A", "B", "C", "D")
    assert found.integer_variables == ("B", "C", "D")
    assert found.linear.toarray().tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert found.upper.tolist() == [INF, INF, INF, 1.0]


@pytest.mark.parametrize("kind", "NELG")
def test_codes_of_groups(tmp_path, kind):
    found = model(
        tmp_path,
        data(I2, R, *XY, card("X", "X(I)"), "GROUPS",
             card(kind, "A", "X", 1.0, "Y", -2.0), card(f"X{kind}", "B(I)", "X(I)", 3.0, "Y", 4.0),
             card(f"Z{kind}", "C(I)", "X(I)", "", "R"), card(kind, "D")),
    )  # fmt: skip
    assert found.groups == ("A", "B2", "C2", "D")
    assert found.kinds == kind * 4
    assert found.linear.toarray().tolist() == [[1, -2, 0], [0, 4, 3], [0, 0, 2.5], [0, 0, 0]]


def test_the_first_kind_of_a_group_counts_and_entries_add(tmp_path):
    found = model(tmp_path, data(*XY, "GROUPS", card("N", "A", "X", 1.0), card("E", "A", "X", 2.0)))
    assert (found.kinds, found.linear.toarray().tolist()) == ("N", [[3.0, 0.0]])


@pytest.mark.parametrize("header", ["GROUPS", "ROWS", "CONSTRAINTS"])
def test_scales_of_groups(tmp_path, header):
    found = model(
        tmp_path,
        data(I2, R, *XY, header, card("N", "A", "'SCALE'", 4.0), card("XE", "B(I)", "'SCALE'", 8),
             card("ZG", "C", "'SCALE'", "", "R"), card("N", "D", "'SCALE'", 2.0, "X", 7.0)),
    )  # fmt: skip
    assert found.scales.tolist() == [4.0, 8.0, 2.5, 2.0]
    assert found.linear.nnz == 0


@pytest.mark.parametrize("header", ["VARIABLES", "COLUMNS"])
def test_groups_before_variables(tmp_path, header):
    found = model(
        tmp_path,
        data(I2, R, "ROWS", card("N", "O"), card("L", "C1"), card("XG", "C(I)"), header,
             card("", "X", "O", 1.0, "C1", 2.0), card("X", "Y(I)", "C(I)", 3.0),
             card("Z", "Y(I)", "O", "", "R"), card("", "X", "O", 0.5), card("", "Z")),
    )  # fmt: skip
    assert found.variables == ("X", "Y2", "Z")
    assert found.linear.toarray().tolist() == [[1.5, 2.5, 0], [2, 0, 0], [0, 3, 0]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["VARIABLES", card("Q", "X")], "code blank, X or Z"),
        ([*XY, "GROUPS", card("Q", "A")], "code N, E, L or G"),
        ([*XY, "GROUPS", card("DN", "A", "B", 1.0)], "groups that combine other groups"),
        ([*XY, "GROUPS", card("N", "A", "Z", 1.0)], "declared variable, got 'Z'"),
        ([*XY, "GROUPS", card("ZN", "A", "X", 1.0)], "name of a real parameter in columns 40-49"),
        ([*XY, "GROUPS", card("ZN", "A", "X", "", "P")], "real parameter, got 'P'"),
        ([*XY, "GROUPS", card("N", "A", "'SCALE'", 0)], "nonzero scale"),
        (["GROUPS", card("N", "A"), "VARIABLES", card("", "X", "B", 1)], "declared group, got 'B'"),
    ],
)
def test_errors_of_variables_and_groups(tmp_path, lines, message):
    fails(tmp_path, message, *lines)


# ----- CONSTANTS and RANGES -----

SIX = [*XY, "GROUPS", *(card(k, n) for k, n in zip("NELGLG", "ABCDEF", strict=True))]


@pytest.mark.parametrize("header", ["CONSTANTS", "RHS", "RHS'"])
def test_constants(tmp_path, header):
    found = model(
        tmp_path,
        data(I2, R, *SIX, card("XN", "G(I)"), header,
             card("", "V", "'DEFAULT'", 9.0), card("", "V", "A", 1.0, "B", 2.0),
             card("X", "V", "G(I)", 3.0), card("Z", "V", "D", "", "R"), card("XE", "V", "E", 5),
             card("ZN", "V", "F", "", "R"), card("", "V", "A", 1.5),
             card("", "OTHER", "A", 99), card("", "OTHER", "'DEFAULT'", 99)),
    )  # fmt: skip
    assert found.constants.tolist() == [1.5, 2.0, 9.0, 2.5, 5.0, 2.5, 3.0]


def test_a_blank_vector_name(tmp_path):
    found = model(tmp_path, data(*SIX, "RHS", card("", "", "B", 2.0), card("", "Q", "C", 1)))
    assert found.constants.tolist() == [0, 2, 0, 0, 0, 0]


def test_constants_are_subtracted(tmp_path):
    text = data(*XY, "GROUPS", card("N", "A", "X", 1), card("E", "B", "Y", 2), "CONSTANTS",
                card("", "V", "A", 10, "B", 20))  # fmt: skip
    posed = problem(tmp_path, text)
    assert posed.objective_value([1.0, 2.0]) == -9.0
    assert posed.constraint_values([1.0, 2.0]).tolist() == [-16.0]


def test_ranges_and_limits(tmp_path):
    posed = problem(
        tmp_path,
        data(I2, R, *XY, "GROUPS", card("E", "E1", "X", 1), card("L", "L1", "X", 1),
             card("G", "G1", "X", 1), card("L", "L2", "X", 1), card("XG", "G(I)", "X", 1),
             card("G", "GR", "X", 1), card("N", "O", "X", 1),
             "RANGES", card("", "V", "L2", -4.0, "E1", 3.0), card("X", "V", "G(I)", 6.0),
             card("Z", "V", "GR", "", "R"), card("", "W", "L1", 1.0)),
    )  # fmt: skip
    assert posed.metadata.constraint_names == ("E1", "L1", "G1", "L2", "G2", "GR")
    lower, upper = posed.constraint_bounds
    assert lower.tolist() == [0, -INF, 0, -4, 0, 0]
    assert upper.tolist() == [0, 0, INF, 0, 6, 2.5]


def test_a_default_range(tmp_path):
    lines = [*SIX, "RANGES", card("", "V", "'DEFAULT'", 2.0), card("", "V", "C", 1.0)]
    lower, upper = problem(tmp_path, data(*lines)).constraint_bounds
    assert lower.tolist() == [0, -1, 0, -2, 0]
    assert upper.tolist() == [0, 0, 2, 0, 2]


@pytest.mark.parametrize("header", ["CONSTANTS", "RANGES"])
def test_errors_of_constants(tmp_path, header):
    fails(tmp_path, "declared group, got 'Q'", *SIX, header, card("", "V", "Q", 1.0))
    fails(tmp_path, "group in columns 15-24", *SIX, header, card("", "V"))


# ----- BOUNDS -----


def bounds(folder, *cards):
    text = data(I2, R, card("RE", "ZERO", "", 0), *variables("X", "Y2", "Z"), "GROUPS",
                card("N", "O"), *(["BOUNDS"] if cards else []), *cards)  # fmt: skip
    found = model(folder, text)
    return list(zip(found.lower.tolist(), found.upper.tolist(), strict=True))


FREE = card("FR", "B", "'DEFAULT'")
BOUNDS = {
    "none": ([], (0, INF)),
    "LO": ([card("LO", "B", "Y2", -1)], (-1, INF)),
    "UP": ([card("UP", "B", "Y2", 3)], (0, 3)),
    "FX": ([card("FX", "B", "Y2", 3)], (3, 3)),
    "FR": ([card("FR", "B", "Y2")], (-INF, INF)),
    "MI": ([card("UP", "B", "Y2", 3), card("MI", "B", "Y2")], (-INF, 3)),
    "PL": ([card("UP", "B", "Y2", 3), card("PL", "B", "Y2")], (0, INF)),
    "XL": ([card("XL", "B", "Y(I)", -1)], (-1, INF)),
    "XU": ([card("XU", "B", "Y(I)", 3)], (0, 3)),
    "XX": ([card("XX", "B", "Y(I)", 3)], (3, 3)),
    "XR": ([card("XR", "B", "Y(I)")], (-INF, INF)),
    "XM": ([card("XU", "B", "Y(I)", 3), card("XM", "B", "Y(I)")], (-INF, 3)),
    "XP": ([card("XU", "B", "Y(I)", 3), card("XP", "B", "Y(I)")], (0, INF)),
    "ZL": ([card("ZL", "B", "Y(I)", "", "R")], (2.5, INF)),
    "ZU": ([card("ZU", "B", "Y(I)", "", "R")], (0, 2.5)),
    "ZX": ([card("ZX", "B", "Y(I)", "", "R")], (2.5, 2.5)),
    "1e20 is infinite": ([card("LO", "B", "Y2", "-1.0E+20"), card("UP", "B", "Y2", "1D30")],
                         (-INF, INF)),
    "MI on untouched bounds": ([card("MI", "B", "Y2")], (-INF, 0)),
    "MI after LO": ([card("LO", "B", "Y2", 1), card("MI", "B", "Y2")], (-INF, INF)),
    "UP 0 on untouched bounds": ([card("UP", "B", "Y2", 0)], (-INF, 0)),
    "ZU 0 on untouched bounds": ([card("ZU", "B", "Y2", "", "ZERO")], (-INF, 0)),
    "UP 0 after UP": ([card("UP", "B", "Y2", 1), card("UP", "B", "Y2", 0)], (0, 0)),
    "only the first vector": ([card("LO", "B", "Y2", -1), card("LO", "C", "Y2", -2),
                               card("FR", "C", "'DEFAULT'")], (-1, INF)),
    "the last card": ([card("LO", "B", "Y2", -1), card("LO", "B", "Y2", -2)], (-2, INF)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_one_variable(tmp_path, name):
    cards, expected = BOUNDS[name]
    assert bounds(tmp_path, *cards) == [(0, INF), expected, (0, INF)]


DEFAULTS = {
    "FR": ([FREE], (-INF, INF)),
    "LO and UP": ([card("LO", "B", "'DEFAULT'", -1), card("UP", "B", "'DEFAULT'", 1)], (-1, 1)),
    "FX": ([card("XX", "B", "'DEFAULT'", 4)], (4, 4)),
    "ZL": ([card("ZL", "B", "'DEFAULT'", "", "R")], (2.5, INF)),
    "MI on untouched bounds": ([card("MI", "B", "'DEFAULT'")], (-INF, 0)),
    "UP 0 on untouched bounds": ([card("UP", "B", "'DEFAULT'", 0)], (-INF, 0)),
    "PL": ([card("UP", "B", "'DEFAULT'", 1), card("PL", "B", "'DEFAULT'")], (0, INF)),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_bounds(tmp_path, name):
    cards, expected = DEFAULTS[name]
    found = bounds(tmp_path, *cards, card("FX", "B", "X", 7))
    assert found == [(7, 7), expected, expected]


def test_errors_of_bounds(tmp_path):
    head = [*XY, "GROUPS", card("N", "O"), "BOUNDS"]
    fails(tmp_path, "expected a code of LO", *head, card("QQ", "B", "X"))
    fails(tmp_path, "declared variable, got 'Z'", *head, card("LO", "B", "Z", 1))
    fails(tmp_path, "default before bounds of single", *head, card("LO", "B", "X", 1), FREE)
    crossed = [card("LO", "B", "X", 1), card("UP", "B", "X", 0.5)]
    with pytest.raises(SifError, match=r"expected lower <= upper bounds, got 1.0 > 0.5.*'X'"):
        problem(tmp_path, data(*head, *crossed))


# ----- START POINT -----


def start(folder, *cards):
    text = data(I2, R, *variables("X", "Y2", "BOTH"), "GROUPS", card("N", "O"), card("E", "C1"),
                card("G", "C2"), card("E", "BOTH"), "START POINT", *cards)  # fmt: skip
    found = problem(folder, text)
    return found.x0.tolist(), found.metadata.start_multipliers.tolist()


STARTS = {
    "blank": ([card("", "S", "X", 1, "C1", 2)], [1, 0, 0], [2, 0, 0]),
    "a variable before a group": ([card("", "S", "BOTH", 1)], [0, 0, 1], [0, 0, 0]),
    "X": ([card("X", "S", "Y(I)", 1, "C(I)", 2)], [0, 1, 0], [0, 2, 0]),
    "Z": ([card("Z", "S", "Y(I)", "", "R")], [0, 2.5, 0], [0, 0, 0]),
    "V": ([card("V", "S", "X", 1, "Y2", 2)], [1, 2, 0], [0, 0, 0]),
    "XV": ([card("XV", "S", "Y(I)", 1)], [0, 1, 0], [0, 0, 0]),
    "ZV": ([card("ZV", "S", "Y(I)", "", "R")], [0, 2.5, 0], [0, 0, 0]),
    "M": ([card("M", "S", "BOTH", 1)], [0, 0, 0], [0, 0, 1]),
    "XM": ([card("XM", "S", "C(I)", 1)], [0, 0, 0], [0, 1, 0]),
    "ZM": ([card("ZM", "S", "C(I)", "", "R")], [0, 0, 0], [0, 2.5, 0]),
    "default of both": ([card("", "S", "'DEFAULT'", 3)], [3, 3, 3], [3, 3, 3]),
    "default X": ([card("X", "S", "'DEFAULT'", 3)], [3, 3, 3], [3, 3, 3]),
    "default Z": ([card("Z", "S", "'DEFAULT'", "", "R")], [2.5] * 3, [2.5] * 3),
    "default V": ([card("XV", "S", "'DEFAULT'", 3), card("V", "S", "X", 1)], [1, 3, 3], [0, 0, 0]),
    "default M": ([card("M", "S", "'DEFAULT'", 3), card("M", "S", "C1", 1)], [0, 0, 0], [1, 3, 3]),
    "only the first vector": ([card("", "S", "X", 1), card("", "T", "X", 2)], [1, 0, 0], [0, 0, 0]),
}


@pytest.mark.parametrize("name", STARTS)
def test_starting_points(tmp_path, name):
    cards, x0, y0 = STARTS[name]
    assert start(tmp_path, *cards) == (x0, y0)


def test_errors_of_starting_points(tmp_path):
    head = [*XY, "GROUPS", card("N", "O"), "START POINT"]
    fails(tmp_path, "expected code V or M", *head, card("Q", "S", "X", 1))
    fails(tmp_path, "declared group, got 'Q'", *head, card("", "S", "Q", 1))
    fails(tmp_path, "declared variable, got 'O'", *head, card("V", "S", "O", 1))
    fails(tmp_path, "declared group, got 'X'", *head, card("M", "S", "X", 1))
    late = [card("", "S", "X", 1), card("", "S", "'DEFAULT'", 1)]
    fails(tmp_path, "default before values", *head, *late)


def test_a_start_outside_the_bounds_is_kept(tmp_path):
    lines = [*XY, "GROUPS", card("N", "O", "X", 1), "START POINT", card("", "S", "X", -5)]
    assert problem(tmp_path, data(*lines)).x0.tolist() == [-5.0, 0.0]


# ----- QUADRATIC -----


@pytest.mark.parametrize(
    "header", ["QUADRATIC", "HESSIAN", "QUADS", "QUADOBJ", "QSECTION", "QMATRIX"]
)
def test_quadratic_terms(tmp_path, header):
    posed = problem(
        tmp_path,
        data(I2, R, *variables("X", "Y2", "Z"), "GROUPS", card("E", "C", "X", 1.0), header,
             card("", "X", "X", 4.0, "Y2", 3.0), card("X", "Y(I)", "Z", 5.0),
             card("Z", "Z", "Y(I)", "", "R"), card("", "X", "X", 2.0)),
    )  # fmt: skip
    H = posed.lagrangian_hessian(np.zeros(3), [0.0]).toarray()
    assert H.tolist() == [[6, 3, 0], [3, 0, 7.5], [0, 7.5, 0]]
    assert posed.objective_value([1.0, 2.0, 3.0]) == 0.5 * 6 + 3 * 2 + 7.5 * 6
    assert posed.derivatives.objective_is_quadratic


def test_quadratic_and_linear_objective(tmp_path):
    lines = [*XY, "GROUPS", card("N", "O", "Y", 2.0), "QUADRATIC", card("", "X", "X", 1.0)]
    assert problem(tmp_path, data(*lines)).objective_value([3.0, 1.0]) == 6.5
    empty = problem(tmp_path, data(*XY, "GROUPS", card("E", "C", "X", 1), "QUADRATIC"))
    assert empty.objective is not None
    assert empty.objective_value([3.0, 1.0]) == 0.0


def test_errors_of_quadratic(tmp_path):
    head = [*XY, "GROUPS", card("N", "O"), "QUADRATIC"]
    fails(tmp_path, "declared variable, got 'Q'", *head, card("", "X", "Q", 1))
    fails(tmp_path, "second variable", *head, card("", "X"))
    fails(tmp_path, "code blank, X or Z", *head, card("Q", "X", "X", 1))


# ----- objective or none -----


def test_a_problem_without_objective(tmp_path):
    posed = problem(tmp_path, data(*XY, "GROUPS", card("E", "C", "X", 1.0, "Y", 2.0)))
    assert posed.objective is None
    assert posed.jacobian([0.0, 0.0]).toarray().tolist() == [[1.0, 2.0]]


def test_an_objective_without_terms_and_no_groups_at_all(tmp_path):
    posed = problem(tmp_path, data(*XY, "GROUPS", card("N", "O")))
    assert posed.objective_value([1.0, 1.0]) == 0.0
    assert posed.gradient([1.0, 1.0]).tolist() == [0.0, 0.0]
    assert problem(tmp_path, data(*XY)).objective is None


def test_one_constraint_without_terms(tmp_path):
    text = data(*XY, "GROUPS", card("N", "O", "X", 1), card("G", "C"), "RHS", card("", "", "C", 3))
    posed = problem(tmp_path, text)
    assert posed.constraint_values([1.0, 1.0]).tolist() == [-3.0]
    assert posed.jacobian([1.0, 1.0]).nnz == 0


# ----- comments -----


def test_classification_and_known_optima(tmp_path):
    posed = problem(
        tmp_path,
        data("*   classification OUR2-AN-V-0", *XY, "GROUPS", card("N", "O"), "OBJECT BOUND",
             " LO TEST                -1.0", "*LO SOLTN               680.63",
             "*LO SOLTN(10)           2.5D-1", "*LO SOLTN               -6.2    $ (n=10)",
             "*LO SOLUTION            ???", "* LO SOLTN              1.0"),
    )  # fmt: skip
    assert posed.metadata.classification == "OUR2-AN-V-0"
    known = posed.metadata.known_optima
    assert [k.value for k in known] == [680.63, 0.25, -6.2, None, 1.0]
    assert [k.qualifier for k in known] == ["", "10", "", "", ""]
    assert known[2].note == "(n=10)"
