"""Whatever stands in a file: a problem, or the project's own error; never anything else."""

from __future__ import annotations

import random
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sif_cards import SMALL, card
from sif_reference import FOLDER, RECORDS

import sparsesolve as ss
from sparsesolve.errors import SifError
from sparsesolve.sif.cards import CardProblem
from sparsesolve.sif.fortran import parse

CODES = re.findall(
    r"\S+",
    """IE IA IS IM ID I= I+ I- I* I/ IR RE RA RS RM RD R= R+ R- R* R/ RI RF R( AE AA AS AM AD A= A+
    A- A* A/ AI AF A( DO DI OD ND X Z N E L G XN XE ZE ZG DN LO UP FX FR MI PL XL XU XX XR XM XP ZL
    ZU ZX V XV ZV M XM ZM EV IV EP T XT P XP ZP GV GP F H R I A""",
)

HEADERS = [
    "NAME          T", "VARIABLES", "COLUMNS", "GROUPS", "ROWS", "CONSTANTS", "RANGES", "BOUNDS",
    "START POINT", "QUADRATIC", "ELEMENT TYPE", "ELEMENT USES", "GROUP TYPE", "GROUP USES",
    "OBJECT BOUND", "ENDATA", "ELEMENTS      T", "GROUPS        T", "TEMPORARIES", "GLOBALS",
    "INDIVIDUALS", "FREE FORMAT", "JUNK",
]  # fmt: skip
NAMES = [
    "", "X", "Y", "X1", "X(I)", "X(1)", "X(I,J)", "(", ")", "X()", "I", "J", "N", "1", "R", "O",
    "C", "'DEFAULT'", "'SCALE'", "$", "T", "E", "E(I)", "SIN", "SQRT", "TRIVIAL", "\xe9", "A B",
]  # fmt: skip
NUMBERS = ["", "1", "-1", "0", "2.5", "1D30", "-1E20", "1E400", "1+4", "nan", "xyz", "- 3", "."]

names, numbers = st.sampled_from(NAMES), st.sampled_from(NUMBERS)
cards = st.builds(card, st.sampled_from(CODES), names, names, numbers, names, numbers)
lines = st.one_of(cards, cards, cards, st.sampled_from(HEADERS), st.text(max_size=70))


def attempt(content: bytes, path) -> bool:
    """Load and evaluate; returns whether there was a problem at all."""
    path.write_bytes(content)
    try:
        problem = ss.sif.load(path, limit=3000)
        ss.sif.parameters(path)
    except SifError:
        return False
    # plain calls: the functions are what is in doubt, not machine code
    x = problem.x0
    if problem.objective is not None:
        assert np.shape(problem.objective(x)) == ()
    for constraint in problem.constraints:
        assert np.shape(constraint.function(x)) == (len(problem.metadata.constraint_names),)
    return True


def test_the_small_file_is_right(tmp_path):
    assert attempt(SMALL.encode(), tmp_path / "F.SIF")
    problem = ss.sif.load(tmp_path / "F.SIF")
    assert (problem.n, problem.m) == (3, 2)
    assert (
        max(row.error for row in ss.sif.check(tmp_path / "F.SIF") if row.against != "cards") < 1e-4
    )


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(lines, max_size=40))
def test_random_cards(tmp_path_factory, found):
    text = "\n".join([*found, ""])
    attempt(text.encode("latin-1", "replace"), tmp_path_factory.getbasetemp() / "cards.SIF")


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(cards, max_size=6), st.integers(0, 60))
def test_random_cards_in_a_good_file(tmp_path_factory, found, at):
    whole = SMALL.split("\n")
    text = "\n".join([*whole[:at], *found, *whole[at:]])
    attempt(text.encode("latin-1"), tmp_path_factory.getbasetemp() / "inserted.SIF")


@settings(max_examples=300)
@given(st.text(alphabet="XYZ019.+-*/()<>=,ED ANDORTLEQ_$'", max_size=40))
def test_random_expressions(text):
    try:
        parse(text)
    except CardProblem:
        return


def mutations(content: bytes, count: int, seed: int):
    """Bytes changed, and lines dropped, doubled, swapped or cut."""
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.randrange(6)
        rows = content.split(b"\n")
        k = chance.randrange(len(rows))
        if kind == 0:
            del rows[k]
        elif kind == 1:
            rows.insert(k, rows[chance.randrange(len(rows))])
        elif kind == 2:
            rows[k] = rows[k][: chance.randrange(len(rows[k]) + 1)]
        elif kind == 3:
            rows[k] = b" " * chance.randrange(1, 4) + rows[k]
        if kind < 4:
            yield b"\n".join(rows)
            continue
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 5)):
            changed[chance.randrange(len(changed))] = chance.choice(
                b" *$(),.0123456789+-ABXZ\t\n\xff"
            )
        yield bytes(changed) if kind == 4 else bytes(changed[: chance.randrange(len(changed))])


@pytest.mark.slow
def test_mutations_of_a_small_file(tmp_path):
    outcomes = [attempt(c, tmp_path / "F.SIF") for c in mutations(SMALL.encode(), 600, 0)]
    assert 0.1 < np.mean(outcomes) < 0.9  # the test bites on both sides


@pytest.mark.slow
@pytest.mark.skipif(not RECORDS, reason="no SIF files in ../shared/sif")
@pytest.mark.parametrize("name", [record["sif_file"] for record in RECORDS])
def test_mutations_of_real_files(tmp_path, name):
    content = (FOLDER / name).read_bytes()
    for changed in mutations(content, 60, len(content)):
        attempt(changed, tmp_path / "F.SIF")
