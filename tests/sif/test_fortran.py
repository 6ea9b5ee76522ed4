"""Formulas of the second and third part: Fortran's grammar, its functions, and the cards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sif_cards import card, data, elements, formula, groups, problem, variables

from sparsesolve.errors import SifError
from sparsesolve.sif.cards import CardProblem
from sparsesolve.sif.fortran import parse
from sparsesolve.sif.functions import FUNCTIONS


def one_element(*cards, parameters=(), internals=(), before=(), group=""):
    """A problem whose objective is one element of X and Y."""
    types = ["ELEMENT TYPE", card("EV", "T", "X", "", "Y")]
    types += [card("IV", "T", name) for name in internals]
    uses = ["ELEMENT USES", card("T", "E", "T"), *(card("V", "E", v, "", v) for v in "XY")]
    for name, value in parameters:
        types.append(card("EP", "T", name))
        uses.append(card("P", "E", name, value))
    text = data(*variables("X", "Y"), "GROUPS", card("N", "O"), "BOUNDS",
                card("FR", "B", "'DEFAULT'"), *types, *uses, "GROUP USES",
                card("E", "O", "E"))  # fmt: skip
    return text + elements(formula("T", "T", ""), *cards, before=before) + group


def value(folder, *cards, at=(3.0, 5.0), **options):
    if not cards[-1].startswith(" F "):
        cards = (*cards[:-1], formula("F", "", cards[-1]))
    return problem(folder, one_element(*cards, **options)).objective_value(at)


# ----- grammar -----

X, Y = 3.0, 5.0
EXPRESSIONS = {
    "X + Y * 2": 13.0,
    "X - Y - 1.0": -3.0,
    "X / Y / 2.0": 0.3,
    "- X ** 2": -9.0,
    "-X*Y": -15.0,
    "- 1.0 / X": -1 / 3,
    "+ X": 3.0,
    "X ** 2 ** 2": 81.0,
    "(X ** 2) ** 3": 729.0,
    "X ** (-2)": 1 / 9,
    "X ** -2": 1 / 9,
    "X * -Y": -15.0,
    "2.0**X*Y": 40.0,
    "X**2*Y**2/3.0": 75.0,
    "((X))": 3.0,
    "1. 0 + X": 4.0,  # blanks are insignificant, also inside a number
    "SQ RT( X * X )": 3.0,
    "x + y": 8.0,
    ".5 * X": 1.5,
    "2.*X": 6.0,
    "2.0D+0 * X": 6.0,
    "1.5E1*X": 45.0,
    "1.D-1*X": 0.1 * 3,
    "1D1*X": 30.0,
    "2*X": 6.0,
    "(4.0/3.0)*X": 4.0,
    "4/3*X": 3.0,  # two integers: the quotient is truncated
    "X*4/3": 4.0,
    "7/2+X": 6.0,
    "-7/2+X": 0.0,
    "(-7)/2+X": 0.0,
    "2**3*X": 24.0,
    "2**(-1)+X": 3.0,
    "1.0E0*X": 3.0,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(tmp_path, text):
    assert value(tmp_path, text) == pytest.approx(EXPRESSIONS[text], rel=1e-15)


LOGICAL = {
    "X .LT. Y": True,
    "X.GT.Y": False,
    "X .LE. 3.0": True,
    "X.GE.3.": True,
    "X.EQ.3": True,
    "3.EQ.X": True,  # not the number 3.E followed by something
    "1.E0.EQ.X": False,
    "X.NE.3.0": False,
    "X >= Y": False,
    "X <= Y": True,
    "X < Y": True,
    "X > Y": False,
    "X == 3.0": True,
    "X /= 3.0": False,
    "X.LT.Y.AND.Y.LT.X": False,
    "X.LT.Y.OR.Y.LT.X": True,
    ".NOT.X.LT.Y": False,
    ".NOT..NOT.X.LT.Y": True,
    ".NOT.X.LT.Y.OR..TRUE.": True,
    ".TRUE.": True,
    ".FALSE.": False,
    "X.GT.Y.OR.X.LT.Y.AND.X.GT.1.0": True,
    "(X.LT.Y.OR.X.LT.Y).AND..FALSE.": False,
    "X+1.0.LT.Y-0.5": True,
    "X.LT.Y.EQV..TRUE.": True,
    "X.LT.Y.NEQV..TRUE.": False,
}


@pytest.mark.every(2)
@pytest.mark.parametrize("text", LOGICAL)
def test_logical_expressions(tmp_path, text):
    cards = [formula("A", "L", text), formula("A", "Z", "2.0 * X"),
             formula("I", "L", "X", "Z"), formula("E", "L", "Y", "Z")]  # fmt: skip
    before = ("TEMPORARIES", card("L", "L"), card("R", "Z"))
    assert value(tmp_path, *cards, "Z", before=before) == (X if LOGICAL[text] else Y)


CALLS = {
    "ABS(-X)": 3.0, "SQRT(X)": math.sqrt(X), "EXP(X)": math.exp(X), "LOG(X)": math.log(X),
    "LOG10(X)": math.log10(X), "SIN(X)": math.sin(X), "COS(X)": math.cos(X), "TAN(X)": math.tan(X),
    "ASIN(X/Y)": math.asin(0.6), "ACOS(X/Y)": math.acos(0.6), "ATAN(X)": math.atan(X),
    "ATAN2(-X,-Y)": math.atan2(-X, -Y), "SINH(X)": math.sinh(X), "COSH(X)": math.cosh(X),
    "TANH(X)": math.tanh(X), "MAX(X,Y,4.0)": 5.0, "MIN(X,Y,4.0)": 3.0, "MOD(Y,X)": 2.0,
    "MOD(-Y,X)": -2.0, "MOD(7,4)*X": 9.0, "SIGN(X,-Y)": -3.0, "SIGN(-X,Y)": 3.0,
    "SIGN(X,0.0)": 3.0, "DIM(Y,X)": 2.0, "DIM(X,Y)": 0.0, "INT(2.75)*X": 6.0, "INT(-2.75)*X": -6.0,
    "NINT(2.5)*X": 9.0, "NINT(-2.5)*X": -9.0, "AINT(2.75)*X": 6.0, "ANINT(2.75)*X": 9.0,
    "INT(7.9)/INT(2.1)*X": 9.0, "DBLE(7)/2*X": 10.5, "REAL(7)/2*X": 10.5, "FLOAT(7)/2*X": 10.5,
    "ABS(-7)/2*X": 9.0, "MAX(7,3)/2*X": 9.0, "DABS(-X)": 3.0, "DMIN(X,1.0)": 1.0,
    "DSQRT(X)": math.sqrt(X),
    "DEXP(X)": math.exp(X), "DLOG(X)": math.log(X), "ALOG(X)": math.log(X),
    "ALOG10(X)": math.log10(X), "DSIN(X)": math.sin(X), "DCOS(X)": math.cos(X),
    "DATAN2(X,Y)": math.atan2(X, Y), "DMAX1(X,Y)": 5.0, "AMIN1(X,Y)": 3.0, "DSIGN(X,-Y)": -3.0,
    "DMOD(Y,X)": 2.0, "IABS(-7)/2*X": 9.0, "MAX0(1,7)/2*X": 9.0, "MIN1(7.9,9.0)/2*X": 9.0,
    "ASINH(X)": math.asinh(X), "ACOSH(X)": math.acosh(X), "ATANH(X/Y)": math.atanh(0.6),
    "ERF(X/Y)": math.erf(0.6), "GAMMA(X)": 2.0, "COTAN(X)": 1 / math.tan(X),
}  # fmt: skip


@pytest.mark.every(4)
@pytest.mark.parametrize("text", CALLS)
def test_functions(tmp_path, text):
    assert value(tmp_path, text) == pytest.approx(CALLS[text], rel=1e-14)


@pytest.mark.slow
def test_every_function_of_one_argument_can_be_differentiated(tmp_path):
    at = np.array([0.3, 0.7])
    for name, function in FUNCTIONS.items():
        low, _ = function.arity
        text = f"{name}(X)" if low == 1 else f"{name}(X,Y)"
        shift = "1.0+" if name.startswith(("ACOSH", "DACOSH")) else ""
        posed = problem(tmp_path, one_element(formula("F", "", text.replace("(X", f"({shift}X"))))
        g = posed.gradient(at)
        h = 1e-6
        for k in range(2):
            step = h * np.eye(2)[k]
            slope = posed.objective_value(at + step) - posed.objective_value(at - step)
            assert g[k] == pytest.approx(slope / (2 * h), rel=1e-6, abs=1e-8), name
        assert np.isfinite(posed.lagrangian_hessian(at).toarray()).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got a blank"),
        ("X +", "got the end|got 'the end'"),
        ("X Y Z +* 2", "expected a number, a name"),
        ("(X", "closing parenthesis"),
        ("X)", "expected an operator"),
        ("FUN(X)", "intrinsic function of Fortran, got 'FUN'"),
        ("SIN(X,X)", "expected 1 arguments of SIN"),
        ("MAX(X)", "expected 2 or more arguments"),
        ("ATAN2(X)", "expected 2 arguments"),
        ("X % Y", "expected a number, name or operator at '%Y'"),
        ("X .LT. Y .LT. X", "expected an operator"),
        ("X ; Y", "at ';Y'"),
        ("__import__", "at '__IMPORT__'"),
        ("X.__class__", "at '.__CLASS__'"),
        ("'a'", "number, name or operator"),
        ("(" * 100 + "X" + ")" * 100, "nested at most 60 deep"),
        ("X" + "**X" * 100, "nested at most 60 deep"),
        (".NOT." * 100 + "X", "nested at most 60 deep"),
        ("-" * 100 + "X", "expected a number|nested at most 60 deep"),
    ],
)
def test_what_is_no_expression(text, message):
    with pytest.raises(CardProblem, match=message):
        parse(text)


def test_long_sums_need_no_depth():
    parse("+".join(["X"] * 20_000))
    parse(".AND.".join(["X"] * 5_000))
    with pytest.raises(CardProblem, match="at most 100000 characters"):
        parse("+".join(["X"] * 60_000))


# ----- cards -----


def test_temporaries_run_in_order_and_may_be_assigned_again(tmp_path):
    cards = [formula("A", "A", "X + Y"), formula("A", "B", "A * A"), formula("A", "A", "A + 1.0"),
             formula("A", "X", "X + A")]  # fmt: skip
    assert value(tmp_path, *cards, "X + B") == 3 + 9 + 64


def test_an_elemental_variable_may_be_assigned_again(tmp_path):
    posed = problem(tmp_path, one_element(formula("A", "X", "ABS( X )"), formula("F", "", "X * Y")))
    assert posed.objective_value([-3.0, 5.0]) == 15.0
    assert posed.gradient([-3.0, 5.0]).tolist() == [-5.0, 3.0]


def test_names_have_no_case(tmp_path):
    assert value(tmp_path, formula("A", "aBc", "x"), "ABC + AbC") == 6.0


def test_integer_temporaries_truncate_and_act_as_integers(tmp_path):
    before = ("TEMPORARIES", card("I", "N"), card("I", "M"), card("R", "Z"))
    cards = [formula("A", "N", "P"), formula("A", "M", "N - 1"), formula("A", "Z", "N"),
             formula("A", "N", "N")]  # fmt: skip
    options = {"before": before, "parameters": [("P", 3.9)]}
    assert value(tmp_path, *cards, "X**N", **options) == 27.0
    assert value(tmp_path, *cards, "N / 2 + X", **options) == 4.0
    assert value(tmp_path, *cards, "Z / 2 + X", **options) == 4.5
    assert value(tmp_path, *cards, "X**M * N", **options) == 27.0
    posed = problem(tmp_path, one_element(*cards, formula("F", "", "X**N"), **options))
    assert posed.gradient([-2.0, 0.0]).tolist() == [12.0, 0.0]
    assert posed.lagrangian_hessian([0.0, 0.0]).toarray()[0, 0] == 0.0


def test_an_undeclared_temporary_is_real(tmp_path):
    assert value(tmp_path, formula("A", "N", "5"), formula("A", "Z", "2.5"), "N / 2 * X") == 6.0
    before = ("TEMPORARIES", card("R", "N"))
    assert value(tmp_path, formula("A", "N", "5"), "N / 2 * X", before=before) == 7.5


def test_conditions(tmp_path):
    before = ("TEMPORARIES", card("L", "L"))
    cards = [formula("A", "L", "X .GT. Y"), formula("I", "L", "X * X", "Z"),
             formula("E", "L", "Y * Y", "Z")]  # fmt: skip
    assert value(tmp_path, *cards, "Z", at=(3.0, 5.0), before=before) == 25.0
    assert value(tmp_path, *cards, "Z", at=(7.0, 5.0), before=before) == 49.0
    # a target that only an I card assigns is zero where the test is false
    assert value(tmp_path, *cards[:2], "Z", at=(3.0, 5.0), before=before) == 0.0
    old = [formula("A", "Z", "10.0"), *cards[:2]]
    assert value(tmp_path, *old, "Z", at=(3.0, 5.0), before=before) == 10.0


def test_branches_not_taken_leave_derivatives_alone(tmp_path):
    before = ("TEMPORARIES", card("L", "L"))
    cards = [formula("A", "L", "X .GT. 0.0"), formula("I", "L", "LOG( X ) * SQRT( X )", "Z"),
             formula("E", "L", "X * X", "Z"), formula("F", "", "Z * Y")]  # fmt: skip
    posed = problem(tmp_path, one_element(*cards, before=before))
    for x in (-1.0, 0.0):
        point = [x, 2.0]
        assert posed.gradient(point).tolist() == [4 * x, x * x]
        H = posed.lagrangian_hessian(point).toarray()
        assert H.tolist() == [[4.0, 2 * x], [2 * x, 0.0]]


def test_continuations_may_cut_a_token_in_two(tmp_path):
    first = "X +" + " " * 36 + "SQ"  # the field is 41 characters wide
    assert len(first) == 41
    cards = [formula("F", "", first + "dropped"), formula("F+", "", "RT( Y * Y )"),
             formula("F+", "", "* 2.0")]  # fmt: skip
    assert problem(tmp_path, one_element(*cards)).objective_value([3.0, 5.0]) == 13.0
    cards = [formula("A", "Z", "X +"), formula("A+", "", "Y"), formula("F", "", "Z")]
    assert problem(tmp_path, one_element(*cards)).objective_value([3.0, 5.0]) == 8.0


def test_internal_variables(tmp_path):
    cards = [formula("R", "U", "", "X") + f"{1.0:<15}{'Y':<10}{-2.0}", card("R", "W", "Y", 3.0),
             card("R", "W", "Y", 0.5), formula("F", "", "U * W + Y")]  # fmt: skip
    posed = problem(tmp_path, one_element(*cards, internals=("U", "W")))
    assert posed.objective_value([3.0, 5.0]) == (3 - 10) * 17.5 + 5


def test_globals_run_before_every_element(tmp_path):
    before = ("TEMPORARIES", card("R", "PI"), "GLOBALS", formula("A", "PI", "4.0 * ATAN( 1.0 )"),
              formula("A", "TWO", "2.0"), formula("A+", "", "* 1.0"))  # fmt: skip
    assert value(tmp_path, "TWO * PI * X", before=before) == pytest.approx(6 * math.pi)


def test_groups_have_globals_parameters_and_conditions(tmp_path):
    part = groups(
        formula("T", "HUBER", ""), formula("A", "L", "ABS( G ) .LE. C"),
        formula("I", "L", "G * G", "Z"), formula("E", "L", "C * ( TWO * ABS( G ) - C )", "Z"),
        formula("F", "", "Z"), formula("G", "", "0.0"), formula("H", "", "0.0"),
        before=("TEMPORARIES", card("L", "L"), "GLOBALS", formula("A", "TWO", "2.0")),
    )  # fmt: skip
    lines = [
        *variables("X", "Y"),
        "GROUPS",
        card("N", "A", "X", 1),
        card("N", "B", "Y", 1),
        "GROUP TYPE",
        card("GV", "HUBER", "G"),
        card("GP", "HUBER", "C"),
        "GROUP USES",
        card("T", "'DEFAULT'", "HUBER"),
        card("P", "A", "C", 1.0),
        card("P", "B", "C", 10.0),
    ]
    posed = problem(tmp_path, data(*lines) + part)
    assert posed.objective_value([3.0, 5.0]) == 5.0 + 25.0
    assert posed.gradient([3.0, 5.0]).tolist() == [2.0, 10.0]


def test_types_repeated_in_the_second_part_are_ignored(tmp_path):
    text = one_element(
        formula("F", "", "X"), before=("", card("EV", "T", "Q"), card("EP", "T", "A"))
    )
    assert problem(tmp_path, text).objective_value([3.0, 5.0]) == 3.0


def test_text_between_and_behind_the_parts_is_skipped(tmp_path):
    text = one_element(formula("F", "", "X"))
    text = text.replace("ELEMENTS  ", "      REAL FUNCTION F\tX\nC  comment\nELEMENTS  ")
    assert problem(tmp_path, text + "      END\n junk").objective_value([3.0, 5.0]) == 3.0


def test_what_a_value_does_not_need_is_not_even_parsed(tmp_path):
    cards = [formula("A", "Z", "EXTERN( X ) +* 2"), formula("A", "W", "Q"), formula("F", "", "X")]
    unused = "\n".join([formula("T", "UNUSED", ""), formula("A", "Z", "X"), "ENDATA"])
    text = one_element(*cards)
    text = text[: text.rindex("ENDATA")] + unused + "\n"
    assert problem(tmp_path, text).objective_value([3.0, 5.0]) == 3.0


def test_a_value_without_variables(tmp_path):
    assert value(tmp_path, "2.5") == 2.5
    posed = problem(tmp_path, one_element(formula("F", "", "2.5")))
    assert posed.gradient([1.0, 1.0]).tolist() == [0.0, 0.0]


def test_values_outside_the_domain_are_quiet(tmp_path):
    for text in ("X ** 0.5", "LOG( X )", "SQRT( X )", "ACOS( X )"):
        assert math.isnan(value(tmp_path, text, at=(-3.0, 0.0)))
    assert value(tmp_path, "1.0 / X", at=(0.0, 0.0)) == math.inf
    assert value(tmp_path, "EXP( X )", at=(1e4, 0.0)) == math.inf
    assert value(tmp_path, "LOG( X )", at=(0.0, 0.0)) == -math.inf
    assert value(tmp_path, "X ** 3", at=(-2.0, 0.0)) == -8.0


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ([formula("F", "", "X + Q")], "assigned temporary of type 'T', got 'Q'"),
        ([formula("A", "Z", "Q"), formula("F", "", "Z")], "got 'Q'"),
        ([formula("I", "L", "X", "Z"), formula("F", "", "Z")], "got 'L'"),
        ([formula("F", "", "Z"), formula("A", "Q", "1.0")], "got 'Z'"),
        ([formula("A", "Z", "X")], "expected an F card for this type"),
        ([formula("A+", "", "X")], "expected an A card before its continuation"),
        ([formula("A", "Z", "X"), formula("F+", "", "X")], "expected an F card before"),
        ([formula("Q", "Z", "X")], "expected code A, I, E, R, F, G, H or T"),
        ([formula("A", "1Z", "X"), formula("F", "", "X")], "name of a Fortran variable"),
        ([formula("A", "", "X"), formula("F", "", "X")], "name of a Fortran variable"),
        ([" A EPSLON             1.0", formula("F", "", "X")], "column 4"),
        ([formula("F", "", "X +")], "expected a number, a name"),
        ([card("R", "U", "X", 1), formula("F", "", "X")], "on the R cards of type 'T', got 'U'"),
        ([formula("F", "", "X"), formula("T", "T", ""), formula("F", "", "X")], "each type once"),
        ([formula("F", "", "X .GT. Y")], "expected a number, got a logical value"),
        ([formula("F", "", "1.0 + (X .GT. Y)")], "expected a number, got a logical value"),
        ([formula("F", "", ".TRUE. - .TRUE.")], "expected a number, got a logical value"),
        ([formula("F", "", "- .TRUE.")], "expected a number, got a logical value"),
        ([formula("F", "", "SIN( .TRUE. )")], "expected a number, got a logical value"),
        (
            [formula("A", "Z", "X .AND. Y"), formula("I", "Z", "X", "Z"), formula("F", "", "Z")],
            "expected a logical value, got a number",
        ),
        (
            [formula("A", "L", ".NOT. X"), formula("I", "L", "X", "Z"), formula("F", "", "Z")],
            "expected a logical value, got a number",
        ),
        ([formula("I", "X", "Y", "Z"), formula("F", "", "Z")], "logical value in columns 5-14"),
        ([formula("F", "", "EXTERN( X )")], "external functions cannot be decoded"),
    ],
)
def test_errors_of_formulas(tmp_path, cards, message):
    with pytest.raises(SifError, match=message) as caught:
        problem(tmp_path, one_element(*cards))
    assert caught.value.line >= 20


def test_errors_of_parts(tmp_path):
    good = one_element(formula("F", "", "X"))
    with pytest.raises(SifError, match="expected ENDATA at the end of the ELEMENTS part"):
        problem(tmp_path, good[: good.rindex("ENDATA")])
    with pytest.raises(SifError, match="a second one"):
        problem(tmp_path, good + elements(formula("T", "Z", ""), formula("F", "", "1.0")))
    with pytest.raises(SifError, match="expected TEMPORARIES, GLOBALS"):
        problem(tmp_path, good.replace("INDIVIDUALS", "INDIVIDUAL"))
    with pytest.raises(SifError, match="a T card that names a type"):
        problem(tmp_path, good.replace(formula("T", "T", "") + "\n", ""))
    with pytest.raises(SifError, match="expected code R, I, L, M or F"):
        problem(tmp_path, one_element("X", before=("TEMPORARIES", card("Q", "Z"))))
