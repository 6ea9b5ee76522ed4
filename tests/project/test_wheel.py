"""What people install: the suite under names that are nobody else's, one version, one command."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sparsesolve
from sparsesolve.__main__ import main
from sparsesolve.cli.suite import suite_command
from sparsesolve.errors import SparseSolveError

ROOT = Path(__file__).resolve().parents[2]
SUITE = [p for room in ("problems", "benchmarks") for p in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize("path", SUITE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_suite_does_not_know_its_own_name(path: Path) -> None:
    """A wheel installs both packages under longer names, so their imports are relative."""
    named = re.findall(r"^\s*(?:from|import) (?:problems|benchmarks)\b.*", path.read_text(), re.M)
    assert not named, "import relatively, modules of `problems` from benchmarks/collection.py"


def test_the_version_is_the_same_everywhere() -> None:
    version = re.escape(sparsesolve.__version__)
    for file, line in {
        "CITATION.cff": rf"^version: {version}$",
        "scripts/conda/recipe.yaml": rf'^  version: "{version}"$',
        "CHANGELOG.md": rf"^## {version} \(\d{{4}}-\d\d-\d\d\)$",
    }.items():
        assert re.search(line, (ROOT / file).read_text(encoding="utf-8"), re.M), file


def test_the_newest_version_of_the_changelog_is_this_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## ([\d.]+)", text, re.M)[0] == sparsesolve.__version__


def test_the_recipe_requires_what_the_wheel_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = (ROOT / "scripts" / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    run = recipe.partition("\n  run:\n")[2].partition("\n  run_constraints:")[0]
    found = {line.replace(" ", "").removeprefix("-") for line in run.splitlines()}
    assert found == {*project["dependencies"], "python>=${{python_min}}"}
    assert f'python_min: "{project["requires-python"].removeprefix(">=")}"' in recipe


def test_classifiers_name_every_python_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert named == ["3.11", "3.12", "3.13", "3.14"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder like that of a wheel: the three packages, by the names that it gives them."""
    home = tmp_path / "site"
    home.mkdir()
    for name in ("sparsesolve", "problems", "benchmarks"):
        longer = name if name == "sparsesolve" else f"sparsesolve_{name}"
        (home / longer).symlink_to(ROOT / name, target_is_directory=True)
    return home


@pytest.mark.slow
@pytest.mark.posix
def test_the_suite_runs_under_its_longer_names(installed: Path, tmp_path: Path) -> None:
    """Beside a user's own module of the same name, in a folder of the user's."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "problems.py").write_text("raise ImportError('not the collection')\n")
    code = (
        f"import sys; sys.path[:0] = ['', {str(installed)!r}]\n"
        "from sparsesolve_benchmarks import collection, fresh, page\n"
        "from sparsesolve_benchmarks.sweep.posed import Spec, build\n"
        "from sparsesolve_benchmarks.sweep.runner import CELL\n"
        "assert collection.PROBLEMS == 'sparsesolve_problems' and fresh.INSTALLED\n"
        "assert CELL == 'sparsesolve_benchmarks.sweep.cell:run_cell'\n"
        "assert str(page.RESULTS) == '.'\n"
        "print(build(Spec('own', 'hs71')).problem.n)\n"
        "assert not {'problems', 'benchmarks'} & {*sys.modules}\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("4\n", "")


def test_the_command_finds_the_suite_of_a_wheel_first(tmp_path: Path, monkeypatch) -> None:
    for name in ("sparsesolve_problems", "problems"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "__main__.py").write_text(f"def main():\n    return {name!r}\n")
    before = [*sys.path]
    assert suite_command("problems", tmp_path)() == "sparsesolve_problems"
    assert sys.path == before
    for name in ("sparsesolve_problems", "sparsesolve_problems.__main__"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SparseSolveError, match=r"benchmarks must stand in .*Install sparsesolve"):
        suite_command("benchmarks", tmp_path)


def test_commands_of_the_suite_pass_their_arguments_on(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "run", "--help"])
    assert "usage: sparsesolve bench run" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["problems", "--no-such"])
    assert "unrecognized arguments: --no-such" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["demo", "bench"])
    assert "unrecognized arguments: bench" in capsys.readouterr().err
