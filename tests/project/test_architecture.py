"""The limits that keep the package readable, as tests: see docs/design.md."""

from __future__ import annotations

import ast
import collections
import doctest
import functools
import importlib
import inspect
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sparsesolve

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sparsesolve"

# Lowest first. A stage may import the stages of the lines above its own, and nothing else of ours.
STAGES = (
    {"errors", "host", "options"},
    {"structure", "ir"},
    {"trace"},
    {"lower"},
    {"numpy_ops"},
    {"extend"},
    {"fuse"},
    {"differentiate"},
    {"coloring", "engine"},
    {"picture"},
    {"derivatives"},
    {"problem"},
    {"sif", "ocp"},
    {"methods"},
    {"adapters"},
    {"front"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, stage in enumerate(STAGES) for name in stage}

# Conveniences of a lower stage that hand over to a higher one: imported late, inside a function.
LATE = {("problem", "adapters")}

# Third parties, and the only places that may import them.
FENCES = {
    "autograd": ("trace", "lower", "numpy_ops", "differentiate"),
    "llvmlite": ("engine/llvm",),
    "numba": ("coloring",),
    "scipy.optimize": ("adapters", "cli/demo"),
    "scipy.integrate": ("adapters", "cli/demo"),
    "cyipopt": ("adapters/ipopt", "cli/demo"),
    "matplotlib": ("picture",),
    "petsc4py": ("adapters/petsc",),
    "pounce": ("adapters/pounce",),
    "sksundae": ("adapters/sundials",),
    "unopy": ("adapters/uno",),
    "rich": ("methods/progress", "cli", "__main__"),
}
MOST_EDGES = 79
MODULES = sorted(PACKAGE.rglob("*.py"))
CODE = [
    p for d in ("sparsesolve", "problems", "benchmarks", "tests") for p in (ROOT / d).rglob("*.py")
]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def of_every_module(check: Callable[[Path], None]) -> Callable[[], None]:
    """Make one test of a check: a case for each of five hundred files costs more than the check."""

    def test() -> None:
        wrong = []
        for path in MODULES:
            try:
                check(path)
            except AssertionError as error:
                wrong.append(f"{name_of(path)}: {error}")
        assert not wrong, "\n".join(wrong)

    return test


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path: Path, *, late: bool = True) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every imported module with the names taken from it; `late`: also inside functions."""
    return tuple(imports_in(path, tree_of(path), late=late))


def imports_in(
    path: Path, tree: ast.Module, *, late: bool = True
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and called(node).endswith("import_module"):
            yield from ((found, ()) for found in named_in(node))


def called(call: ast.Call) -> str:
    """Last part of the name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def named_in(call: ast.Call) -> Iterator[str]:
    """Modules that ``importlib.import_module`` is given: strings, up to what is put in."""
    for node in call.args[:1]:
        text = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text.value.rstrip(".")


@functools.cache
def own_imports(path: Path, *, late: bool = True) -> frozenset[str]:
    """Paths of our own modules that a module imports, such as ``coloring/graph``."""
    found: set[str] = set()
    for module, names in imports_of(path, late=late):
        if module == "sparsesolve":
            found.update(n for n in names if n != "__version__")
        elif module.startswith("sparsesolve."):
            inner = module.removeprefix("sparsesolve.").replace(".", "/")
            files = [f"{inner}/{n}" for n in names if (PACKAGE / inner / f"{n}.py").exists()]
            found.update(files or [inner])
    return frozenset(found)


def test_imports_by_name_are_seen() -> None:
    path = PACKAGE / "engine" / "made_up.py"
    code = 'importlib.import_module("sparsesolve.front")\nimport_module(f"autograd.{n}")'
    assert [m for m, _ in imports_in(path, ast.parse(code))] == ["sparsesolve.front", "autograd"]


@of_every_module
def test_imports_point_downward(path: Path) -> None:
    stage = name_of(path).split("/")[0]
    if stage == "__init__":  # names only, loaded on first use
        return
    assert stage in RANK, f"{stage} has no stage yet: add it to STAGES and to docs/design.md"
    for imported in own_imports(path):
        other = imported.split("/")[0]
        assert other in RANK, f"{imported} has no stage yet"
        below = other == stage or RANK[other] < RANK[stage] or (stage, other) in LATE
        assert below, f"{stage} imports {other}"


def test_the_design_page_names_every_stage() -> None:
    page = (ROOT / "docs" / "design.md").read_text()
    assert not [stage for stage in RANK if f"`{stage}`" not in page]


def test_only_late_imports_look_upward() -> None:
    for path in MODULES:
        eager = {
            (name_of(path).split("/")[0], i.split("/")[0]) for i in own_imports(path, late=False)
        }
        assert not eager.intersection(LATE)


def test_no_import_cycles_inside_a_stage() -> None:
    graph = {name_of(p).removesuffix("/__init__"): set(own_imports(p, late=False)) for p in MODULES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"import cycle: {' > '.join([*trail, module])}"
        if module in done:
            return
        for imported in graph.get(module, ()):
            visit(imported, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


@of_every_module
def test_third_parties_stay_in_their_place(path: Path) -> None:
    for module, names in imports_of(path):
        full = {module, *(f"{module}.{n}" for n in names)}
        for fenced, places in FENCES.items():
            if any(f == fenced or f.startswith(f"{fenced}.") for f in full):
                assert name_of(path).startswith(places), f"{name_of(path)} imports {fenced}"
        top = module.split(".")[0]
        assert top not in ("problems", "benchmarks", "tests"), f"{name_of(path)} imports {top}"


@of_every_module
def test_private_names_stay_in_their_file(path: Path) -> None:
    for module, names in imports_of(path):
        if module.startswith("sparsesolve"):
            private = [n for n in names if n.startswith("_") and n != "__version__"]
            assert not private, f"{name_of(path)} imports {private} from {module}"


def test_modules_are_short() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in CODE}
    long = {name: n for name, n in lengths.items() if n > (450 if "tests/" not in name else 500)}
    assert not long


def test_a_class_name_has_one_meaning() -> None:
    homes = collections.defaultdict(list)
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name_of(path))
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_the_graph_of_stages_does_not_grow() -> None:
    """Each stage knows few others: the count may fall, and rise only for a reason worth writing."""
    pairs = {(name_of(p).split("/")[0], i.split("/")[0]) for p in MODULES for i in own_imports(p)}
    edges = {(a, b) for a, b in pairs if a not in (b, "__init__", "__main__")}
    assert len(edges) <= MOST_EDGES


def test_one_module_fuses_for_derivatives() -> None:
    """So nothing is fused twice: `Fused` is a type, and only this module makes it."""
    fusing = [p for p in MODULES if p.parent.name == "derivatives" and "fuse" in own_imports(p)]
    assert [name_of(p) for p in fusing] == ["derivatives/fused"]


def test_functions_are_read_at_a_glance() -> None:
    trees = [tree_of(p) for p in MODULES]
    lengths = [code_lines(f) for t in trees for f in ast.walk(t) if isinstance(f, ast.FunctionDef)]
    assert statistics.median(lengths) <= 5


def test_functions_are_short() -> None:
    long = [
        f"{p.relative_to(ROOT)}:{f.lineno} {f.name}"
        for p in MODULES
        for f in ast.walk(tree_of(p))
        if isinstance(f, ast.FunctionDef) and code_lines(f) > limit(p)
    ]
    assert not long


def limit(path: Path) -> int:
    """A compiled kernel is one loop and may be longer."""
    return 110 if path.stem.endswith("_kernels") else 70


def code_lines(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    start = function.body[0].end_lineno if ast.get_docstring(function) else function.lineno
    return int(function.end_lineno or 0) - int(start or 0)


@of_every_module
def test_modules_say_what_they_are(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), "module docstring missing"
    if name_of(path) == "__main__" or len(tree.body) <= 2:  # nothing but a docstring to export
        return
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(dotted)
    assert hasattr(module, "__all__"), "`__all__` missing"
    assert list(module.__all__) == sorted(module.__all__, key=export_order)
    assert all(hasattr(module, name) for name in module.__all__)


ROOMS = sorted(p for p in PACKAGE.rglob("__init__.py") if p.parent != PACKAGE)


@pytest.mark.parametrize("path", ROOMS, ids=name_of)
def test_each_stage_shows_itself(path: Path) -> None:
    """One worked example in the docstring, which runs with the doctests."""
    text = ast.get_docstring(tree_of(path)) or ""
    examples = doctest.DocTestParser().get_examples(text)
    assert any(example.want for example in examples)


def export_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, as ruff sorts them."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


PUBLIC = [
    n for n in sparsesolve.__all__ if n not in ("__version__", "errors", "extend", "ocp", "sif")
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_docstrings_are_complete(name: str) -> None:
    thing = getattr(sparsesolve, name)
    text = inspect.getdoc(thing) or ""
    assert text, "docstring missing"
    if inspect.isclass(thing):
        for attribute, member in vars(thing).items():
            if not attribute.startswith("_") and callable(member):
                assert inspect.getdoc(member), f"{name}.{attribute} has no docstring"
    if inspect.isclass(thing) or not callable(thing):
        return
    signature = inspect.signature(thing)
    missing = [p for p in signature.parameters if p.lstrip("*") not in text]
    assert not missing, f"not described: {missing}"
    assert "Parameters\n----------" in text
    assert signature.return_annotation is None or "Returns\n-------" in text


@of_every_module
def test_no_module_imports_the_package_as_a_whole(path: Path) -> None:
    """Or else all modules depend on each other, for mypy too; commands may."""
    if name_of(path).split("/")[0] in ("__init__", "__main__", "cli"):
        return
    for module, names in imports_of(path):
        assert not (module.startswith("sparsesolve") and not names), f"import {module}"
        assert module != "sparsesolve", f"from sparsesolve import {names}"
