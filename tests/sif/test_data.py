"""The data part of SIF: columns, numbers, names, parameters, loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sif_cards import card, data, model, problem, variables, write

import sparsesolve as ss
from sparsesolve.errors import SifError
from sparsesolve.sif.cards import fortran_number


def real(folder, name, *cards, **parameters):
    """Value of a real parameter after some cards: read off a starting point."""
    end = ["START POINT", card("Z", "TEST", "X", "", name)]
    text = data(*cards, *variables("X"), "GROUPS", card("N", "OBJ"), *end)
    return model(folder, text, **parameters).start[0]


def integer(folder, name, *cards, **parameters):
    return real(folder, "R", *cards, card("RI", "R", name), **parameters)


# ----- numbers -----


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0), (".5", 0.5), ("1.", 1.0), ("+2.25", 2.25), ("-1.0D+30", -1e30),
        ("1.D-30", 1e-30), ("1.0d3", 1e3), ("1.0E+2", 1e2), ("2e-1", 0.2), ("- 1.0", -1.0),
        ("1234+04", 1234e4), ("9.375-2", 9.375e-2), ("", 0.0), ("     ", 0.0), ("1 0", 10.0),
    ],
)  # fmt: skip
def test_numbers_are_read_as_fortran_reads_them(text, value):
    assert fortran_number(text) == value


@pytest.mark.parametrize(
    "text", ["abc", "1.2.3", ".", "-", "1e", "nan", "inf", "1_0", "0x1", "--1"]
)
def test_what_is_no_number(tmp_path, text):
    assert fortran_number(text) is None
    with pytest.raises(SifError, match="expected a number in 12 columns"):
        real(tmp_path, "P", card("RE", "P", "", text))


def test_a_number_is_cut_at_twelve_characters_and_junk_behind_it_ignored(tmp_path):
    assert real(tmp_path, "P", " RE P                   0.12345678901") == 0.1234567890
    line = " RE P                   1.2345678901234567"
    assert real(tmp_path, "P", line) == 1.2345678901
    assert real(tmp_path, "P", " RE P                   1.5         xyz") == 1.5


def test_a_dollar_in_field_3_or_5_begins_a_comment(tmp_path):
    text = data(
        "VARIABLES",
        card("", "X", "$ one"),
        " X  Y                                            $ LOG( #units ) in column 50",
        "GROUPS",
        " N  OBJ       X         2.0            $ Y       5.0",
        card("N", "OBJ2", "$ nothing"),
    )
    found = model(tmp_path, text)
    assert found.variables == ("X", "Y")
    assert found.linear.toarray().tolist() == [[2.0, 0.0], [0.0, 0.0]]


# ----- lines -----


def test_names_keep_leading_blanks_and_case_and_signs(tmp_path):
    names = ["       1", "2PITI-1", "-1/k-1*nl", "x", "X", "a b", "K'", '"', "_", "1/2A", "1.5,"]
    found = model(tmp_path, data(*variables(*names), "GROUPS", card("N", "OBJ")))
    assert found.variables == tuple(names)


def test_comments_blank_lines_and_latin_1(tmp_path):
    lines = ["*\tcomment with a TAB and \xe9\xb2", "", "   ", *variables("X"), "* more", "GROUPS"]
    assert model(tmp_path, data(*lines, card("N", "OBJ"))).variables == ("X",)


def test_carriage_returns(tmp_path):
    text = data(*variables("X"), "GROUPS", card("N", "OBJ", "X", 3)).replace("\n", "\r\n")
    assert model(tmp_path, text).linear.toarray().tolist() == [[3.0]]


def test_a_tab_in_a_card_is_refused(tmp_path):
    with pytest.raises(SifError, match="TAB"):
        model(tmp_path, data(*variables("X"), "GROUPS", " N\tOBJ"))


def test_junk_before_the_first_section_is_ignored(tmp_path):
    lines = ["%  a line in column 1", "   Constants", " R  CIJE", "JUNK HEADER", *variables("X")]
    assert model(tmp_path, data(*lines, "GROUPS", card("N", "OBJ"))).variables == ("X",)
    with pytest.raises(SifError, match="expected a section"):
        model(tmp_path, data(*lines, "GROUPS", card("N", "OBJ"), "JUNK HEADER"))


def test_free_format_is_refused(tmp_path):
    with pytest.raises(SifError, match="free format"):
        model(tmp_path, data("FREE FORMAT", *variables("X")))


# ----- names of arrays -----

INDICES = [card("IE", "I", "", 2), card("IE", "J", "", 7), card("IE", "K", "", -3)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("X(I)", "X2"), ("X(I,J)", "X2,7"), ("X(I,J,K)", "X2,7,-3"), ("X(K)", "X-3"),
        ("U(I)SQ", "U2"), ("Y()", "Y"), ("Z(I,,J)", "Z2,7"), ("W(I", "W2"), ("V( I , J )", "V2,7"),
        ("PLAIN", "PLAIN"), ("A-(I)", "A-2"), ("B(,I)", "B2"),
    ],
)  # fmt: skip
def test_names_on_array_cards(tmp_path, text, name):
    lines = [*INDICES, "VARIABLES", card("X", text), "GROUPS", card("N", "OBJ")]
    assert model(tmp_path, data(*lines)).variables == (name,)


def test_names_on_other_cards_are_literal_and_expanded_names_are_the_same_thing(tmp_path):
    lines = [*INDICES, "VARIABLES", card("", "X(I)"), card("", "X2"), card("X", "X(I)")]
    text = data(*lines, "GROUPS", card("N", "OBJ"))
    assert model(tmp_path, text).variables == ("X(I)", "X2")


def test_an_index_is_a_parameter_never_a_number(tmp_path):
    lines = ["VARIABLES", card("X", "X(1)"), "GROUPS", card("N", "OBJ")]
    with pytest.raises(SifError, match="integer parameter or loop index, got '1'"):
        model(tmp_path, data(*lines))
    assert model(tmp_path, data(card("IE", "1", "", 1), *lines)).variables == ("X1",)


def test_name_spaces_are_separate(tmp_path):
    text = data(
        card("IE", "A", "", 1), card("RE", "A", "", 2.5), "VARIABLES", card("", "A"),
        "GROUPS", card("ZN", "A", "A", "", "A"),
    )  # fmt: skip
    assert model(tmp_path, text).linear.toarray().tolist() == [[2.5]]


# ----- parameters -----

INTEGERS = {
    "IE": ([card("IE", "P", "", 7)], 7),
    "IE, blank inside": ([card("IE", "P", "", "- 7")], -7),
    "IE, decimal point": ([card("IE", "P", "", "7.0")], 7),
    "IA": ([card("IA", "P", "A", -2)], 15),
    "IS": ([card("IS", "P", "A", 3)], 3 - 17),
    "IM": ([card("IM", "P", "A", 3)], 51),
    "ID": ([card("ID", "P", "B", 17)], -3),
    "I=": ([card("I=", "P", "A")], 17),
    "I+": ([card("I+", "P", "A", "", "B")], 12),
    "I-": ([card("I-", "P", "A", "", "B")], 22),
    "I*": ([card("I*", "P", "A", "", "B")], -85),
    "I/": ([card("I/", "P", "A", "", "B")], -3),
    "IR": ([card("IR", "P", "S")], -2),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_parameters(tmp_path, name):
    cards, value = INTEGERS[name]
    given = [card("IE", "A", "", 17), card("IE", "B", "", -5), card("RE", "S", "", "-2.75")]
    assert integer(tmp_path, "P", *given, *cards) == value


A, B = 2.5, -0.75
REALS = {
    "E": (("", "1.5D1", ""), 15.0),
    "A": (("A", 4.0, ""), 4.0 + A),
    "S": (("A", 4.0, ""), 4.0 - A),
    "M": (("A", 4.0, ""), 4.0 * A),
    "D": (("A", 1.0, ""), 1.0 / A),
    "=": (("A", "", ""), A),
    "+": (("A", "", "B"), A + B),
    "-": (("A", "", "B"), A - B),
    "*": (("A", "", "B"), A * B),
    "/": (("A", "", "B"), A / B),
    "I": (("N", "", ""), 3.0),
    "F": (("SQRT", 2.0, ""), math.sqrt(2.0)),
    "(": (("ARCTAN", "", "B"), math.atan(B)),
}


@pytest.mark.parametrize("kind", ["R", "A"])
@pytest.mark.parametrize("what", REALS)
def test_real_parameters(tmp_path, kind, what):
    (f3, n4, f5), value = REALS[what]
    index = [card("IE", "N", "", 3)]
    if kind == "A":
        # names in fields 2, 3 and 5 are expanded, but not a function, and not the N of AI
        index += [card("AE", "A(N)", "", A), card("AE", "B(N)", "", B)]
        f3, f5 = (f"{n}(N)" if n in ("A", "B") else n for n in (f3, f5))
        found = real(tmp_path, "P3", *index, card(f"A{what}", "P(N)", f3, n4, f5))
    else:
        index += [card("RE", "A", "", A), card("RE", "B", "", B)]
        found = real(tmp_path, "P", *index, card(f"R{what}", "P", f3, n4, f5))
    assert found == value


FUNCTIONS = {
    "ABS": abs, "SQRT": math.sqrt, "EXP": math.exp, "LOG": math.log, "LOG10": math.log10,
    "SIN": math.sin, "COS": math.cos, "TAN": math.tan, "ARCSIN": math.asin, "ARCCOS": math.acos,
    "ARCTAN": math.atan, "HYPSIN": math.sinh, "HYPCOS": math.cosh, "HYPTAN": math.tanh,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_parameters(tmp_path, name):
    assert real(tmp_path, "P", card("RF", "P", name, 0.375)) == FUNCTIONS[name](0.375)
    given = card("RE", "Q", "", 0.375)
    assert real(tmp_path, "P", given, card("R(", "P", name, "", "Q")) == FUNCTIONS[name](0.375)


def test_arithmetic_that_has_no_value_does_not_raise(tmp_path):
    cards = [
        card("RE", "0", "", 0.0), card("RE", "1", "", 1.0), card("RM", "-1", "1", -1.0),
        card("R/", "INF", "1", "", "0"), card("R/", "-INF", "-1", "", "0"),
        card("R/", "NAN", "0", "", "0"), card("R(", "LOG0", "LOG", "", "0"),
        card("R(", "ROOT", "SQRT", "", "-1"), card("RF", "BIG", "EXP", 1000.0),
        card("RD", "Q", "INF", 1.0),
    ]  # fmt: skip
    assert real(tmp_path, "Q", *cards) == 0.0
    for name in ("INF", "NAN", "LOG0", "ROOT", "BIG"):
        text = data(*cards, *variables("X"), "GROUPS", card("ZN", "OBJ", "X", "", name))
        assert not np.isfinite(model(tmp_path, text).linear.data).any()
    with pytest.raises(SifError, match="expected a finite starting point"):
        problem(
            tmp_path,
            data(*cards, *variables("X"), "GROUPS", card("N", "O"), "START POINT",
                 card("Z", "T", "X", "", "NAN")),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([card("IE", "Z", "", 0), card("I/", "P", "Z", "", "Z")], "nonzero integer divisor"),
        ([card("IA", "P", "NONE", 1)], "integer parameter or loop index, got 'NONE'"),
        ([card("RA", "P", "NONE", 1)], "real parameter, got 'NONE'"),
        ([card("RF", "P", "FUN", 1)], "expected a function"),
        ([card("R(", "P", "", "", "Q")], "expected a function"),
        ([card("IE", "B", "", 9), *[card("I*", "B", "B", "", "B")] * 5], "below 2"),
    ],
)
def test_arithmetic_that_cannot_go_on(tmp_path, lines, message):
    with pytest.raises(SifError, match=message) as caught:
        model(tmp_path, data(*lines, *variables("X"), "GROUPS", card("N", "OBJ")))
    assert caught.value.line == 1 + len(lines)
    assert caught.value.card == lines[-1]
    assert caught.value.path.endswith("TEST.SIF")


def test_the_integer_of_no_number_is_that_of_the_reference_decoder(tmp_path):
    """Conversion instructions of x86 give the smallest 32-bit integer; the sign trick needs one."""
    cards = [card("RF", "BIG", "EXP", 1000), card("IR", "P", "BIG")]
    assert integer(tmp_path, "P", *cards) == -(2**31)


def test_redefinition_and_lookup_at_the_time_of_use(tmp_path):
    cards = [card("RE", "P", "", 1), card("R=", "Q", "P"), card("RE", "P", "", 2)]
    assert real(tmp_path, "Q", *cards) == 1.0
    assert real(tmp_path, "P", *cards, card("RA", "P", "P", 5)) == 7.0


def test_a_random_generator_of_31_bits(tmp_path):
    """x <- 16807 x mod (2**31 - 1), as files write it: products need more than 32 bits."""
    cards = [
        card("IE", "1", "", 1), card("IE", "N", "", 20), card("IE", "A", "", 16807),
        card("IE", "M", "", 2147483647), card("IE", "X", "", 1),
        card("DO", "I", "1", "", "N"), card("I*", "T", "X", "", "A"), card("I/", "Q", "T", "", "M"),
        card("I*", "Q", "Q", "", "M"), card("I-", "X", "T", "", "Q"), card("ND"),
    ]  # fmt: skip
    expected = 1
    for _ in range(20):
        expected = 16807 * expected % 2147483647
    assert integer(tmp_path, "X", *cards) == expected


# ----- loops -----


def loop_names(folder, *lines, **parameters):
    text = data(*lines, "GROUPS", card("N", "OBJ"))
    return list(model(folder, text, **parameters).variables)


ONE_TO = [card("IE", str(k), "", k) for k in (-2, 0, 1, 2, 3, 5)]


def test_loops_with_and_without_increment(tmp_path):
    names = loop_names(
        tmp_path, *ONE_TO, "VARIABLES",
        card("DO", "I", "1", "", "3"), card("X", "A(I)"), card("ND"),
        card("DO", "I", "1", "", "5"), card("DI", "I", "2"), card("X", "B(I)"), card("OD", "I"),
        card("DO", "I", "3", "", "1"), card("DI", "I", "-2"), card("X", "C(I)"), card("OD", "I"),
        card("DO", "I", "3", "", "1"), card("X", "D(I)"), card("OD", "I"),
        card("DO", "I", "2", "", "2"), card("X", "E(I)"), card("OD", "I"),
    )  # fmt: skip
    assert names == ["A1", "A2", "A3", "B1", "B3", "B5", "C3", "C1", "E2"]


def test_nested_loops_dynamic_indices_and_nd(tmp_path):
    names = loop_names(
        tmp_path, *ONE_TO, "VARIABLES",
        card("DO", "I", "1", "", "3"), card("IA", "I-1", "I", -1), card("IA", "I+1", "I", 1),
        card("DO", "J", "1", "", "I-1"), card("X", "X(I+1,J)"), card("ND"),
        card("X", "LAST(I)"),  # the index keeps the value it had last
    )  # fmt: skip
    assert names == ["X3,1", "X4,1", "X4,2", "LAST3"]


def test_bounds_are_read_on_entry_and_counters_run(tmp_path):
    names = loop_names(
        tmp_path, *ONE_TO, card("IE", "N", "", 3), card("IE", "L", "", 0), "VARIABLES",
        card("DO", "I", "1", "", "N"), card("IE", "N", "", 1), card("I+", "L", "L", "", "2"),
        card("X", "X(L)"), card("OD", "I"), card("X", "N(N)"),
    )  # fmt: skip
    assert names == ["X2", "X4", "X6", "N1"]


def test_od_closes_the_innermost_loop_whatever_it_names(tmp_path):
    names = loop_names(
        tmp_path, *ONE_TO, "VARIABLES",
        card("DO", "I", "1", "", "2"), card("DO", "J", "1", "", "2"), card("X", "X(I,J)"),
        card("OD", "J"), card("X", "Y(I)"), card("OD", "J"),
    )  # fmt: skip
    assert names == ["X1,1", "X1,2", "Y1", "X2,1", "X2,2", "Y2"]


def test_an_increment_may_come_late(tmp_path):
    names = loop_names(
        tmp_path, *ONE_TO, "VARIABLES",
        card("DO", "I", "1", "", "5"), card("X", "X(I)"), card("DI", "I", "2"), card("OD", "I"),
    )  # fmt: skip
    assert names == ["X1", "X3", "X5"]


def test_depth_three_and_loops_before_the_first_section(tmp_path):
    loop = [card("DO", c, "1", "", "2") for c in "IJK"]
    names = loop_names(
        tmp_path, *ONE_TO, *loop, card("AE", "R(I,J,K)", "", 1), card("ND"),
        "VARIABLES", *loop, card("X", "X(I,J,K)"), card("ND"),
    )  # fmt: skip
    assert names == [f"X{i},{j},{k}" for i in (1, 2) for j in (1, 2) for k in (1, 2)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([card("DO", "I", "1", "", "3"), card("X", "X(I)")], "expected OD or ND to close"),
        ([card("OD", "I")], "expected a DO card before this OD"),
        ([card("ND")], "expected a DO card before this ND"),
        ([card("DI", "I", "1")], "expected a DI card inside the loop of its index"),
        ([card("DO", "I", "NONE", "", "3"), card("OD", "I")], "got 'NONE'"),
        (
            [card("DO", "I", "1", "", "3"), card("DI", "I", "0"), card("OD", "I")],
            "nonzero increment",
        ),
        ([card("DO", "I", "1", "", "3")] * 60, "at most 50 nested loops"),
    ],
)
def test_loops_that_are_wrong(tmp_path, lines, message):
    with pytest.raises(SifError, match=message):
        loop_names(tmp_path, *ONE_TO, "VARIABLES", *lines)


def test_a_loop_bomb_is_refused_before_it_runs(tmp_path):
    big = card("IE", "N", "", 10_000_000)
    loops = [card("DO", c, "1", "", "N") for c in "IJKL"]
    lines = [card("IE", "1", "", 1), big, "VARIABLES", *loops, card("X", "X(I)"), card("ND")]
    with pytest.raises(SifError, match=r"at most 20000000 cards\. Pass a larger `limit`"):
        loop_names(tmp_path, *lines)
    few = [*lines[:1], card("IE", "N", "", 10), *lines[2:]]
    with pytest.raises(SifError, match="at most 50 cards"):
        loop_names(tmp_path, *few, limit=50)
    assert len(loop_names(tmp_path, *few, limit=100_000)) == 10


# ----- parameters that a user may set -----

SETTABLE = [
    "*IE N                   5              $-PARAMETER  original value",
    "*IE N                   50             $-PARAMETER",
    " IE N                   3              $-PARAMETER",
    " RE ALPHA               2.5            $-PARAMETER",
    "*RE ALPHA               1.0D1          $-PARAMETER",
    card("IA", "N-1", "N", -1),
    card("IE", "1", "", 1),
    "VARIABLES",
    card("DO", "I", "1", "", "N-1"),
    card("X", "X(I)"),
    card("ND"),
    "GROUPS",
    card("ZN", "OBJ", "X(1)", "", "ALPHA"),
]


def test_parameters_are_listed_with_their_alternatives(tmp_path):
    path = write(tmp_path, data(*SETTABLE))
    n, alpha = ss.sif.parameters(path)
    assert (n.name, n.kind, n.value, n.alternatives) == ("N", "integer", 3, (5, 50))
    assert (alpha.name, alpha.kind, alpha.value, alpha.alternatives) == (
        "ALPHA",
        "real",
        2.5,
        (10.0,),
    )


def test_an_override_replaces_its_card_and_what_derives_from_it(tmp_path):
    assert problem(tmp_path, data(*SETTABLE)).n == 2
    changed = problem(tmp_path, data(*SETTABLE), N=6, ALPHA=4)
    assert changed.n == 5
    assert changed.objective_value([1.0] * 5) == 4.0
    assert changed.metadata.parameters == {"N": 6, "ALPHA": 4.0}
    assert problem(tmp_path, data(*SETTABLE), N=6.0).n == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"M": 3}, "got 'M'. It has: N=3, ALPHA=2.5"),
        ({"N-1": 3}, "got 'N-1'"),
        ({"N": 2.5}, "expected an integer for N"),
        ({"N": "3"}, "expected a finite number"),
        ({"N": True}, "expected a finite number"),
        ({"ALPHA": math.nan}, "expected a finite number"),
    ],
)
def test_overrides_that_are_wrong(tmp_path, given, message):
    with pytest.raises(SifError, match=message.replace("(", r"\(")):
        problem(tmp_path, data(*SETTABLE), **given)


# ----- files -----


def test_names_are_looked_up_in_mastsif(tmp_path, monkeypatch):
    write(tmp_path, data(*variables("X"), "GROUPS", card("N", "OBJ")), "SMALL.SIF")
    monkeypatch.delenv("MASTSIF", raising=False)
    with pytest.raises(SifError, match="MASTSIF is not set"):
        ss.sif.load("SMALL")
    monkeypatch.setenv("MASTSIF", str(tmp_path))
    assert ss.sif.load("SMALL").n == ss.sif.load("SMALL.SIF").n == 1
    with pytest.raises(SifError, match="no file 'OTHER'"):
        ss.sif.load("OTHER")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected ENDATA"),
        (b"\x7fELF\0\0\0", "binary"),
        (b"hello world\nthis is no problem\n", "expected ENDATA"),
        (b"NAME          X\nVARIABLES\n    X\n", "expected ENDATA"),
        (b"NAME          X\nENDATA\n", "at least one variable"),
    ],
)
def test_files_that_are_no_sif(tmp_path, content, message):
    path = tmp_path / "F.SIF"
    path.write_bytes(content)
    with pytest.raises(SifError, match=message):
        ss.sif.load(path)
