"""Every Python block of every page runs, and prints what stands below it; commands are understood.

A block that needs what a test does not have begins with ``# not run here:`` and the reason; it is
compiled all the same.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from benchmarks.__main__ import command_line
from sparsesolve.__main__ import parser

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WRITTEN = [
    *(p for p in DOCS.rglob("*.md") if not {"generated", "gallery"} & set(p.parts)),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "benchmarks/README.md")),
    ROOT / ".github" / "CONTRIBUTING.md",
]
BLOCK = re.compile(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", re.DOTALL)
NOT_RUN = "# not run here: "
# both sides of the tables of these are run by tests of their own
FROM_OTHER_TOOLS = DOCS / "start"
WITH_BLOCKS = [p for p in WRITTEN if BLOCK.search(p.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in WITH_BLOCKS if p.parent == DOCS], ids=name_of)
def test_blocks_run_and_print_what_is_shown(page: Path, monkeypatch, tmp_path) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="the extra `plot` is not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code, expected in BLOCK.findall(page.read_text(encoding="utf-8")):
        program = compile(code, page.name, "exec")
        if code.startswith(NOT_RUN):
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(program, names)
        assert out.getvalue() == expected
    pyplot.close("all")


def test_few_blocks_are_not_run() -> None:
    blocks = [b for p in WITH_BLOCKS for b, _ in BLOCK.findall(p.read_text(encoding="utf-8"))]
    reasons = [block.splitlines()[0] for block in blocks if block.startswith(NOT_RUN)]
    assert all(len(reason) > len(NOT_RUN) + 10 for reason in reasons)
    assert len(reasons) <= 6 < len(blocks) // 5


def test_pages_with_blocks_are_run_somewhere() -> None:
    """Pages elsewhere are those that `test_readme` and `test_site` run."""
    folders = {p.parent.relative_to(ROOT).as_posix() for p in WITH_BLOCKS}
    assert folders <= {".", "docs", "docs/start", "docs/howto"}


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_python_stands_in_blocks(page: Path) -> None:
    """What is only indented would not be run."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for block in re.findall(r"(?:(?<=\n\n)|\A)((?:    .*\n|\n(?=    ))+)", text):
        code = textwrap.dedent(block)
        assert not re.search(r"^(import|from|def|with) |\bss\.\w+\(", code, re.M), code


COMMAND = re.compile(
    r"(?:^    |`)((?:python -m )?(?:sparsesolve|benchmarks) [a-z].*?)(?:  #.*)?(?:`|$)", re.M
)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in WRITTEN:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        found += [(name_of(page), line) for line in COMMAND.findall(text) if "|" not in line]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_are_understood(page: str, line: str) -> None:
    words = shlex.split(line.removeprefix("python -m ").replace("...", ""))
    program, arguments = words[0], words[1:]
    if program == "sparsesolve" and arguments[0] == "bench":
        program, arguments = "benchmarks", arguments[1:]
    if "--help" in arguments or (program, len(arguments)) == ("benchmarks", 0):
        return
    if program == "benchmarks" and arguments == ["run"]:  # named in a sentence
        arguments = ["run", "--out", "folder"]
    if program == "benchmarks" and arguments == ["report"]:
        arguments = ["report", "folder"]
    if program == "sparsesolve" and arguments == ["inspect", "module:function"]:
        arguments += ["--at", "1.0"]
    (parser() if program == "sparsesolve" else command_line("benchmarks")).parse_args(arguments)
