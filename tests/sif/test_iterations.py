"""Loops done a card at a time: the same model as trip by trip, whatever the cards say."""

from __future__ import annotations

import numpy as np
import pytest
from sif_cards import card, data, elements, formula, groups, model

from sparsesolve.errors import SifError
from sparsesolve.sif import loops
from sparsesolve.sif.iterations import AllTrips, Field, Iterations, together_in_order
from sparsesolve.sif.loops import Loops

N = 12
SET_UP = [
    card("IE", "1", "", 1),
    card("IE", "N", "", N),
    card("IE", "K", "", 3),
    card("RE", "S", "", 0.5),
    card("DO", "I", "1", "", "N"),
    card("RI", "R", "I"),
    card("AM", "X(I)", "R", 0.25),
    card("ND"),
    "VARIABLES",
    card("DO", "I", "1", "", "N"),
    card("X", "V(I)"),
    card("ND"),
    "GROUPS",
    card("DO", "I", "1", "", "N"),
    card("XN", "G(I)", "V(I)", 1.0),
    card("ND"),
    "ELEMENT TYPE",
    card("EV", "SQ", "V"),
    card("EP", "SQ", "P"),
    card("EV", "PR", "V", "", "W"),
    "ELEMENT USES",
]
PARTS = elements(
    " T  SQ", formula("F", "", "P * V ** 2"), " T  PR", formula("F", "", "V * W")
) + groups(" T  L2", formula("F", "", "T ** 2"))
USES = {
    "own type": [
        card("XT", "E(I)", "SQ"),
        card("ZV", "E(I)", "V", "", "V(I)"),
        card("ZP", "E(I)", "P", "", "X(I)"),
    ],
    "two indices": [
        card("XT", "E(K,I)", "SQ"),
        card("ZV", "E(K,I)", "V", "", "V(I)"),
        card("ZP", "E(K,I)", "P", "", "X(K)"),
    ],
    "index twice": [
        card("XT", "E(I,K,I)", "SQ"),
        card("ZV", "E(I,K,I)", "V", "", "V(K)"),
        card("ZP", "E(I,K,I)", "P", "", "X(I)"),
    ],
    "one element": [
        card("XT", "E", "SQ"),
        card("ZV", "E", "V", "", "V(I)"),
        card("ZP", "E", "P", "", "X(I)"),
    ],
    "two families": [
        card("XT", "E(I)", "SQ"),
        card("XT", "F(I)", "PR"),
        card("ZV", "F(I)", "V", "", "V(I)"),
        card("ZV", "F(I)", "W", "", "V(K)"),
        card("ZV", "E(I)", "V", "", "V(I)"),
        card("ZP", "E(I)", "P", "", "S"),
    ],
    "new variables": [
        card("XT", "E(I)", "PR"),
        card("ZV", "E(I)", "V", "", "A(I)"),
        card("ZV", "E(I)", "W", "", "B(I)"),
    ],
}
WEIGHTS = {
    "computed": [
        card("A*", "T", "X(I)", "", "S"),
        card("A+", "T2", "T", "", "X(K)"),
        card("ZE", "G(I)", "E(I)", "", "T2"),
    ],
    "a running sum": [card("A+", "S", "S", "", "X(I)"), card("ZE", "G(I)", "E(I)", "", "S")],
    "read before it is set": [card("ZE", "G(I)", "E(I)", "", "S"), card("AA", "S", "X(I)", 1.0)],
    "another name of the same": [
        card("AA", "X(I)", "X(K)", 1.0),
        card("ZE", "G(I)", "E(I)", "", "X(I)"),
    ],
    "a literal name of the same": [
        card("RA", "X5", "X3", 1.0),
        card("ZE", "G(I)", "E(I)", "", "X(I)"),
    ],
    "set twice": [
        card("AA", "T", "X(I)", 1.0),
        card("AM", "T", "T", 2.0),
        card("ZE", "G(I)", "E(I)", "", "T"),
    ],
    "one group": [card("ZE", "G(K)", "E(I)", "", "X(I)")],
    "one element again and again": [card("ZE", "G(I)", "E(K)", "", "X(I)")],
    "two cards": [card("XE", "G(I)", "E(I)", 2.0), card("XE", "G(I)", "E(K)", 3.0)],
    "a pair": [card("XE", "G(I)", "E(I)", 2.0, "E(K)", 3.0)],
    "no number": [card("XE", "G(I)", "E(I)")],
    "functions and quotients": [
        card("A(", "T", "EXP", "", "X(I)"),
        card("A/", "T", "S", "", "T"),
        card("AS", "T", "T", 1.0),
        card("AD", "T", "T", 2.0),
        card("A=", "U", "T"),
        card("ZE", "G(I)", "E(I)", "", "U"),
    ],
}


def looped(*cards: str, start: str = "1", stop: str = "N", step: str | None = None) -> list[str]:
    steps = [] if step is None else [card("DI", "I", step)]
    return [card("DO", "I", start, "", stop), *steps, *cards, card("ND")]


def text(uses: list[str], weights: list[str]) -> str:
    groups_uses = [card("T", "'DEFAULT'", "L2"), *weights]
    return (
        data(*SET_UP, *uses, "GROUP TYPE", card("GV", "L2", "T"), "GROUP USES", *groups_uses)
        + PARTS
    )


def parts_of(found):
    yield found.variables
    yield found.groups
    for matrix in (found.linear, found.weights):
        yield from (matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist())
    for block in found.elements:
        yield block.elements.tolist()
        yield block.variables.tolist()
        yield np.nan_to_num(block.parameters, nan=-1.0).tolist()


@pytest.fixture
def both(tmp_path, monkeypatch):
    """Reads a file in both ways and compares the models; returns the one of the default."""

    def read(file: str):
        found = model(tmp_path, file)
        with monkeypatch.context() as patch:
            patch.setattr(loops, "_MANY", 10**9)
            assert list(parts_of(found)) == list(parts_of(model(tmp_path, file)))
        return found

    return read


@pytest.mark.parametrize("name", USES)
def test_uses_of_elements(both, name):
    """Those of the first kind get their weights; elements that nothing uses are left out."""
    element = USES[name][0][4:14].strip()
    found = both(text(looped(*USES[name]), looped(card("XE", "G(I)", element, 2.0))))
    assert found.weights.data.sum() == 2.0 * N


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("bounds", [("1", "N", None), ("N", "1", "-1"), ("K", "N", None)])
def test_weights_of_elements(both, name, bounds):
    start, stop, step = bounds
    file = text(
        looped(*USES["own type"]), looped(*WEIGHTS[name], start=start, stop=stop, step=step)
    )
    file = file.replace(
        card("IE", "K", "", 3), card("IE", "K", "", 3) + "\n" + card("IE", "-1", "", -1)
    )
    assert both(file).weights.nnz > 0


def test_the_index_keeps_its_last_value(both):
    after = [card("ZE", "G(I)", "E(I)", "", "X(I)")]
    found = both(text(looped(*USES["own type"]), [*looped(*WEIGHTS["one group"]), *after]))
    assert found.weights[[N - 1], [N - 1]][0] == 0.25 * N


def test_cards_run_once_for_all_trips(tmp_path, monkeypatch):
    counted = []
    plain = Loops.run
    monkeypatch.setattr(Loops, "run", lambda self, body: counted.append(1) or plain(self, body))
    for trips in (40, 80):
        counted.clear()
        file = text(looped(*USES["own type"]), looped(*WEIGHTS["computed"]))
        small = file.replace(card("IE", "N", "", N), card("IE", "N", "", trips))
        assert model(tmp_path, small).weights.nnz == trips
        uses = len(counted) - 3 * trips  # loops before the uses are run trip by trip
        assert uses < 30


@pytest.mark.parametrize(
    ("uses", "weights", "card_text"),
    [
        ([card("XT", "E(I)", "NONE")], [], "NONE"),
        ([card("XT", "E(I)", "SQ"), card("ZV", "E(I)", "Q", "", "V(I)")], [], " Q "),
        ([card("XT", "E(I)", "SQ"), card("ZP", "E(I)", "P", "", "Y(I)")], [], "Y(I)"),
        (USES["own type"], [card("ZE", "G(I)", "E(I)", "", "Y")], " Y"),
        (USES["own type"], [card("ZE", "H(I)", "E(I)", "", "S")], "H(I)"),
        (USES["own type"], [card("ZE", "G(L)", "E(I)", "", "S")], "G(L)"),
    ],
)
def test_the_right_card_is_blamed(tmp_path, uses, weights, card_text):
    file = text(looped(*uses), looped(*weights) if weights else [])
    with pytest.raises(SifError) as caught:
        model(tmp_path, file)
    assert card_text in caught.value.card


def trips_of(card_reads=(), card_writes=None, **more) -> AllTrips:
    reads = tuple(Field.of(name) for name in card_reads)
    return AllTrips(
        lambda _: None, reads=reads, writes=card_writes and Field.of(card_writes), **more
    )


def test_what_may_be_the_same_name():
    same = {
        ("X(I)", "X(J)"),
        ("X(I)", "X(I,J)"),
        ("X(I)", "X12"),
        ("X1(I)", "X(I)"),
        ("S", "S"),
        ("X(I)", "X-3"),
    }
    other = {("X(I)", "XY(I)"), ("X(I)", "XIPXJ"), ("S", "T"), ("X1", "X(I)Z"), ("X", "X1")}
    for one, two in same:
        assert Field.of(one).may_equal(Field.of(two))
        assert Field.of(two).may_equal(Field.of(one))
    for one, two in other - {("X1", "X(I)Z")}:
        assert not Field.of(one).may_equal(Field.of(two))


def test_an_order_that_counts_is_kept():
    assert together_in_order([]) is None
    assert together_in_order([trips_of(), None]) is None
    assert together_in_order([trips_of(appends=True), trips_of(appends=True)]) is None
    declared = [trips_of(declares=Field.of(name)) for name in ("A(I)", "B(I)")]
    assert together_in_order(declared) is None
    assert together_in_order(declared[:1] * 2) is not None
    assert together_in_order([trips_of(["S"], "S")]) is None
    assert together_in_order([trips_of(["S"]), trips_of([], "S")]) is None
    assert together_in_order([trips_of([], "S"), trips_of(["S"])]) is not None
    assert together_in_order([trips_of([], "S(I)"), trips_of(["S(J)"])]) is None


def test_names_are_expanded_as_one_by_one():
    integers = {"I": 99, "J": 7, "K": -3}
    trips = Iterations(integers, "I", range(1, 4))
    expected = {
        "X": ["X"] * 3,
        "X(J)": ["X7"] * 3,
        "X(I)": ["X1", "X2", "X3"],
        "X(I,J)": ["X1,7", "X2,7", "X3,7"],
        "X(J,I)": ["X7,1", "X7,2", "X7,3"],
        "X(J,I,K)": ["X7,1,-3", "X7,2,-3", "X7,3,-3"],
        "X(I,I)": ["X1,1", "X2,2", "X3,3"],
        "X()": ["X"] * 3,
        "X(J,K,I,J)": [f"X7,-3,{i},7" for i in (1, 2, 3)],
    }
    for name, names in expected.items():
        assert trips.names(Field.of(name)) == names
