"""The words of ``--problems``, and what is known of a problem before it is solved."""

from __future__ import annotations

from pathlib import Path

import pytest

import sparsesolve as ss
from benchmarks.sweep.posed import Description, Spec, build, classify, describe, title
from benchmarks.sweep.sets import STARTER, parse
from problems.registry import PROBLEMS

SMALL = """NAME          TINY
*   classification SUR2-AN-2-0
VARIABLES
    X
    Y
GROUPS
 N  OBJ       X         1.0            Y         2.0
 G  SUM       X         1.0            Y         1.0
CONSTANTS
    TINY      SUM       3.0
BOUNDS
 FR TINY      'DEFAULT'
ENDATA
"""


def described(n: int = 2, m: int = 0, classification: str = "SUR2-AN-2-0") -> Description:
    return Description(n, m, bounded=False, fixed=0, best=None, classification=classification)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("TINY", "OTHER"):
        (tmp_path / f"{name}.SIF").write_text(SMALL)
    return tmp_path


def test_own_problems_are_the_default() -> None:
    specs = parse([]).specs
    assert specs == parse(["own"]).specs
    assert [s.name for s in specs] == [e.name for e in PROBLEMS if e.kind != "ode"]


def test_sets_are_united_without_repeats() -> None:
    names = [s.name for s in parse(["own:hs71", "starter", "own:hs*"]).specs]
    assert sorted(names) == sorted(STARTER)


def test_sizes_are_given_in_brackets() -> None:
    [spec] = parse(["own:lukvle1[n=12]"]).specs
    assert spec == Spec("own", "lukvle1", parameters={"n": 12})
    assert title(spec) == "lukvle1[n=12]"
    assert build(spec).problem.n == 12


def test_sif_files_and_folders(folder: Path) -> None:
    assert [s.name for s in parse([f"sif:{folder}"]).specs] == ["OTHER", "TINY"]
    [spec] = parse([f"sif:{folder}/TINY.SIF[N=3,T=0.5,K=A]"]).specs
    assert spec.parameters == {"N": 3, "T": 0.5, "K": "A"}


def test_lists_name_own_problems_and_files(folder: Path, monkeypatch) -> None:
    listed = folder / "deep" / "some.txt"
    listed.parent.mkdir()
    listed.write_text("hs71  # ours\n\nTINY\nlukvle1[n=9]\n")
    with pytest.raises(ValueError, match="MASTSIF"):
        parse([f"list:{listed}"])
    monkeypatch.setenv("MASTSIF", str(folder))
    assert [title(s) for s in parse([f"list:{listed}"]).specs] == ["hs71", "TINY", "lukvle1[n=9]"]


@pytest.mark.parametrize(
    ("term", "kept"),
    [
        ("n<=2", True), ("n<2", False), ("m=0", True), ("n>1", True), ("m>=1", False),
        ("class:SUR2-*", True), ("class:sur2*|OUR2*", True), ("class:O*", False),
        ("name:T*", True), ("name:H*", False), ("not:name:H*", True), ("not:n<=2", False),
    ],
)  # fmt: skip
def test_filters(term: str, kept: bool) -> None:
    assert parse([term]).keeps(Spec("sif", "TINY"), described()) is kept


def test_all_filters_must_hold() -> None:
    both = parse(["n<=2", "class:OUR2-*"])
    assert len(both.filters) == 2
    assert not both.keeps(Spec("sif", "TINY"), described())


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("sifs", "must hold terms such as"),
        ("own:nothing", "no problem 'nothing'"),
        ("sif:/no/such/place", "does not exist"),
        ("list:/no/such/list", "does not exist"),
        ("own:hs71[n]", "must look like"),
        ("not:own", "must be followed by a filter"),
    ],
)
def test_what_is_not_understood_is_said(term: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse([term])


def test_a_sif_file_is_described(folder: Path) -> None:
    [spec] = parse([f"sif:{folder}/TINY.SIF"]).specs
    assert describe(spec.words()) == {
        "n": 2, "m": 1, "bounded": False, "fixed": 0, "best": None,
        "classification": "SUR2-AN-2-0",
    }  # fmt: skip


def test_a_confirmed_optimum_beside_the_file_is_taken(folder: Path) -> None:
    (folder / "reference.json").write_text(
        '{"problems": [{"sif_file": "TINY.SIF", "fopt": 3.0, "fopt_confirmed": true},'
        ' {"sif_file": "OTHER.SIF", "fopt": 3.0, "fopt_confirmed": false}]}'
    )
    known = {s.name: build(s).best for s in parse([f"sif:{folder}"]).specs}
    assert known == {"TINY": 3.0, "OTHER": None}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hs71", "OOR2-AN-4-2"),
        ("chained-rosenbrock", "OUR2-AN-100-0"),
        ("nist-misra1a", "SUR2-AN-2-0"),
        ("broyden-tridiagonal[n=5]", "NOR2-AN-5-5"),
        ("torsion[nx=3,ny=3]", "QBR2-AN-9-0"),
    ],
)
def test_own_problems_are_classified(name: str, expected: str) -> None:
    [spec] = parse([f"own:{name}"]).specs
    assert describe(spec.words())["classification"] == expected


def test_linear_rows_and_fixed_variables_are_classified() -> None:
    line = ss.Constraint(lambda x: x[0] - x[1], 0.0, None)
    linear = ss.Problem(lambda x: x[0] + x[1], [1.0, 1.0], constraints=line)
    assert classify(linear) == "LLR2-AN-2-1"
    fixed = ss.Problem(lambda x: x[0] * x[1] ** 3, [1.0, 1.0], bounds=[(1.0, 1.0), (None, None)])
    assert classify(fixed) == "OXR2-AN-2-0"


def test_an_initial_value_problem_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing to minimize"):
        build(Spec("own", "rober"))
