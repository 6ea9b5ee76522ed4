"""ELEMENT TYPE, ELEMENT USES, GROUP TYPE, GROUP USES, on small texts."""

from __future__ import annotations

import numpy as np
import pytest
from sif_cards import card, data, elements, formula, groups, problem, variables

from sparsesolve.errors import SifError

INF = np.inf
XY = variables("X", "Y")
I2 = card("IE", "I", "", 2)
R = card("RE", "R", "", 2.5)


SQUARE = [formula("T", "SQ", ""), formula("F", "", "V * V")]
PROD = [formula("T", "PROD", ""), formula("F", "", "P * V * W + Q")]
TYPES = [
    "ELEMENT TYPE", card("EV", "SQ", "V"), card("EV", "PROD", "V", "", "W"),
    card("EP", "PROD", "P", "", "Q"),
]  # fmt: skip
PARTS = elements(*SQUARE, *PROD)


ONE_USE = ("GROUP USES", card("E", "O", "E1"))


def value(folder, x, *uses, group_uses=ONE_USE, start=()):
    text = data(I2, R, *variables("X", "Y2"), "GROUPS", card("N", "O"), card("E", "C1"),
                *start, *TYPES, "ELEMENT USES", *uses, *group_uses)  # fmt: skip
    return problem(folder, text + PARTS)


def test_element_uses(tmp_path):
    x = [3.0, 5.0]
    by_hand = [card("T", "E1", "SQ"), card("V", "E1", "V", "", "X")]
    assert value(tmp_path, x, *by_hand).objective_value(x) == 9.0
    default = [card("T", "'DEFAULT'", "SQ"), card("ZV", "E1", "V", "", "Y(I)")]
    assert value(tmp_path, x, *default).objective_value(x) == 25.0
    arrays = [
        card("IE", "1", "", 1), card("XT", "E(1)", "PROD"), card("ZV", "E(1)", "V", "", "X"),
        card("XV", "E(1)", "W", "", "Y(I)"), card("XP", "E(1)", "P", 2.0, "Q", 0.5),
    ]  # fmt: skip
    assert value(tmp_path, x, *arrays).objective_value(x) == 30.5
    typed = [
        card("T", "E1", "PROD"), card("V", "E1", "V", "", "X"), card("V", "E1", "W", "", "X"),
        card("P", "E1", "P", 1.0), card("ZP", "E1", "Q", "", "R"),
    ]  # fmt: skip
    assert value(tmp_path, x, *typed).objective_value(x) == 11.5


def test_a_variable_of_two_roles_and_default_with_parameters_first(tmp_path):
    cards = [
        card("T", "'DEFAULT'", "PROD"), card("P", "E1", "P", 1.0, "Q", 0.0),
        card("V", "E1", "V", "", "X"), card("V", "E1", "W", "", "X"),
    ]  # fmt: skip
    posed = value(tmp_path, [3.0, 5.0], *cards)
    assert posed.lagrangian_hessian([3.0, 5.0], [0.0]).toarray().tolist() == [[2, 0], [0, 0]]


def test_new_variables_in_element_uses_get_the_defaults(tmp_path):
    first = [
        "BOUNDS", card("LO", "B", "'DEFAULT'", -3), card("UP", "B", "X", 8),
        "START POINT", card("", "S", "'DEFAULT'", 0.5), card("", "S", "X", 2),
    ]  # fmt: skip
    uses = [card("T", "E1", "SQ"), card("V", "E1", "V", "", "NEW")]
    posed = value(tmp_path, [], *uses, start=first)
    assert posed.metadata.variable_names == ("X", "Y2", "NEW")
    assert posed.bounds[0].tolist() == [-3, -3, -3]
    assert posed.bounds[1].tolist() == [8, INF, INF]
    assert posed.x0.tolist() == [2.0, 0.5, 0.5]
    assert posed.objective_value([0.0, 0.0, 3.0]) == 9.0


def test_elements_in_several_groups_and_twice_in_one(tmp_path):
    uses = [
        card("T", "E1", "SQ"), card("V", "E1", "V", "", "X"),
        card("T", "E2", "SQ"), card("V", "E2", "V", "", "Y2"),
        card("T", "UNUSED", "PROD"),
    ]  # fmt: skip
    shared = ["GROUP USES", card("E", "O", "E1", 2.0, "E2"), card("E", "O", "E1", 3.0),
              card("IE", "1", "", 1), card("XE", "C(1)", "E(I)", -1.0),
              card("ZE", "C(1)", "E(1)", "", "R"), card("E", "C1", "E1", 0.0)]  # fmt: skip
    posed = value(tmp_path, [], *uses, group_uses=shared)
    x = [3.0, 5.0]
    assert posed.objective_value(x) == 5 * 9 + 25
    assert posed.constraint_values(x).tolist() == [-25 + 2.5 * 9]


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([card("T", "E1", "NONE")], "declared element type, got 'NONE'"),
        ([card("V", "E1", "V", "", "X")], "without a default type"),
        ([card("T", "E1", "SQ"), card("T", "E1", "PROD")], "one type for element 'E1'"),
        ([card("T", "E1", "SQ"), card("V", "E1", "Q", "", "X")], "elemental variable of this type"),
        ([card("T", "E1", "SQ"), card("V", "E1", "V")], "variable in columns 40-49"),
        ([card("T", "E1", "SQ"), card("P", "E1", "Q", 1)], "element parameter of this type"),
        ([card("T", "E1", "SQ")], "V card for elemental variable 'V' of element 'E1'"),
        ([card("Q", "E1", "SQ")], "expected code T, V or P"),
        ([], "declared element, got 'E1'"),
        (
            [card("T", "E1", "PROD"), *(card("V", "E1", v, "", "X") for v in "VW"),
             card("P", "E1", "P", 1)],
            "number for parameter 'Q' of element 'E1'",
        ),
    ],
)  # fmt: skip
def test_errors_of_element_uses(tmp_path, uses, message):
    with pytest.raises(SifError, match=message):
        value(tmp_path, [], *uses)


GROUP_TYPES = [
    "GROUP TYPE", card("GV", "L2", "GVAR"), card("GV", "POW", "G"), card("GP", "POW", "P", "", "Q"),
]  # fmt: skip
GROUP_PART = groups(
    formula("T", "L2", ""), formula("F", "", "GVAR * GVAR"),
    formula("T", "POW", ""), formula("F", "", "P * G ** 3 + Q"),
)  # fmt: skip


def grouped(folder, *uses, scale=()):
    text = data(I2, R, *variables("X", "Y"), "GROUPS", card("N", "O1", "X", 1.0),
                card("N", "O2", "Y", 1.0), card("E", "C2", "X", 1.0, "Y", 1.0), *scale,
                *GROUP_TYPES, "GROUP USES", *uses)  # fmt: skip
    return problem(folder, text + GROUP_PART)


X = np.array([3.0, 5.0])


def test_group_types(tmp_path):
    plain = grouped(tmp_path)
    assert (plain.objective_value(X), plain.constraint_values(X).tolist()) == (8.0, [8.0])
    one = grouped(tmp_path, card("T", "O2", "L2"))
    assert (one.objective_value(X), one.constraint_values(X).tolist()) == (28.0, [8.0])
    array = grouped(tmp_path, card("XT", "C(I)", "L2"))
    assert (array.objective_value(X), array.constraint_values(X).tolist()) == (8.0, [64.0])


def test_the_default_type_reaches_all_groups(tmp_path):
    for code in ("T", "XT", "", "E"):  # the code does not matter
        default = card(code, "'DEFAULT'", "L2")
        posed = grouped(tmp_path, default, card("T", "O1", "TRIVIAL"))
        assert (posed.objective_value(X), posed.constraint_values(X).tolist()) == (28.0, [64.0])


def test_group_parameters(tmp_path):
    for cards in (
        [card("P", "O2", "P", 2.0, "Q", 2.5)],
        [card("ZP", "O2", "Q", "", "R"), card("XP", "O(I)", "P", 2.0)],
    ):
        posed = grouped(tmp_path, card("T", "O2", "POW"), *cards)
        assert posed.objective_value(X) == 3 + 2 * 125 + 2.5


def test_scales_divide_after_the_group_function(tmp_path):
    scale = [card("N", "O2", "'SCALE'", 10.0), card("E", "C2", "'SCALE'", 4.0)]
    posed = grouped(tmp_path, card("T", "'DEFAULT'", "L2"), scale=scale)
    assert posed.objective_value(X) == 9.0 + 25.0 / 10.0
    assert posed.constraint_values(X).tolist() == [16.0]


def test_groups_of_several_types_keep_their_order(tmp_path):
    names = [f"C{k}" for k in range(7)]
    rows = [card("E", name, "X", k + 1.0) for k, name in enumerate(names)]
    uses = [card("T", "C1", "POW"), card("P", "C1", "P", 1.0, "Q", 0.0)]
    uses += [card("T", "C2", "POW"), card("P", "C2", "P", 1.0, "Q", 1.0)]
    uses += [card("T", "C5", "L2"), card("T", "C0", "L2")]
    text = data(*variables("X"), "GROUPS", *rows, *GROUP_TYPES, "GROUP USES", *uses)
    posed = problem(tmp_path, text + GROUP_PART)
    assert posed.metadata.constraint_names == tuple(names)
    assert posed.constraint_values([1.0]).tolist() == [1, 8, 28, 4, 5, 36, 7]
    assert posed.jacobian([1.0]).toarray()[:, 0].tolist() == [2, 24, 81, 4, 5, 72, 7]


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([card("T", "O1", "NONE")], "declared group type, got 'NONE'"),
        ([card("T", "QQ", "L2")], "declared group, got 'QQ'"),
        ([card("E", "O1", "E1")], "declared element, got 'E1'"),
        ([card("Q", "O1", "E1")], "expected code T, E or P"),
        ([card("T", "O1", "POW"), card("P", "O1", "P", 1)], "parameter 'Q' of group 'O1'"),
    ],
)
def test_errors_of_group_uses(tmp_path, uses, message):
    with pytest.raises(SifError, match=message):
        grouped(tmp_path, *uses)


def test_types_without_formulas(tmp_path):
    uses = [card("T", "E1", "SQ"), card("V", "E1", "V", "", "X")]
    text = data(I2, R, *XY, "GROUPS", card("N", "O"), *TYPES, "ELEMENT USES", *uses, "GROUP USES",
                card("E", "O", "E1"))  # fmt: skip
    with pytest.raises(SifError, match="T card for type 'SQ' in the ELEMENTS part"):
        problem(tmp_path, text)
    text = data(*XY, "GROUPS", card("N", "O"), *GROUP_TYPES, "GROUP USES", card("T", "O", "L2"))
    with pytest.raises(SifError, match="T card for type 'L2' in the GROUPS part"):
        problem(tmp_path, text)


def test_trivial_may_be_defined(tmp_path):
    lines = [*XY, "GROUPS", card("N", "O", "X", 2), "GROUP TYPE", card("GV", "TRIVIAL", "G"),
             "GROUP USES", card("T", "'DEFAULT'", "TRIVIAL")]  # fmt: skip
    assert problem(tmp_path, data(*lines)).objective_value(X) == 6.0
