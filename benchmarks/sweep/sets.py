"""Sets of problems in words: ``own``, ``sif:FOLDER``, ``starter``, ``class:SUR2-*``, ``n<=100``.

Separate because it is a small language and knows no solver. A term names problems or filters them.
All terms that name are united, then all filters must hold; without a term that names, ``own``::

    own            everything in `problems` that can be minimized, small sizes
    own:NAME       one of them (or a glob); own:NAME[n=500] at another size
    large          the same at the sizes of a realistic run
    starter        a dozen of them that any solver should manage
    sif:PATH       a SIF file, or all files *.SIF of a folder; sif:FILE[N=1000] with parameters
    list:FILE      names one a line, own or of SIF files in $MASTSIF or beside the list

    class:PATTERN  CUTEst classification, a glob, alternatives by |: class:SUR2-*|OUR2-*
    name:PATTERN   name, a glob
    n<=100         size; also n<, n>=, n>, n=, and the same with m
    not:FILTER     what the filter does not hold for: not:name:HS25
"""

from __future__ import annotations

import fnmatch
import operator
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..collection import registry
from .posed import Description, Spec

__all__ = ["STARTER", "Selection", "parse"]

STARTER = (
    "hs71", "bearing", "lukvle1", "lukvle6", "camshape", "elec", "torsion",
    "chain", "catmix", "acopf-case9", "nist-misra1a", "broyden-tridiagonal",
)  # fmt: skip

Filter = Callable[[Spec, Description], bool]

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_SIZE = re.compile(r"([nm])(<=|>=|<|>|=)(\d+)")
_NAMED = re.compile(r"(?P<name>[^\[]+)(\[(?P<sizes>[^\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Parsed terms.

    Parameters
    ----------
    specs : tuple of Spec
        Named, without repeats, before filtering.
    filters : tuple of callable
        All must hold.
    """

    specs: tuple[Spec, ...]
    filters: tuple[Filter, ...]

    def keeps(self, spec: Spec, description: Description) -> bool:
        """Whether a problem of this description is wanted."""
        return all(holds(spec, description) for holds in self.filters)


def parse(terms: Sequence[str]) -> Selection:
    """Parse the terms of ``--problems``.

    Parameters
    ----------
    terms : sequence of str
        See the module docstring.

    Returns
    -------
    Selection
        Nothing is read but names of files.

    Raises
    ------
    ValueError
        If a term is not understood, or a name or path does not exist.
    """
    specs: list[Spec] = []
    filters: list[Filter] = []
    for term in terms:
        condition = _filter(term)
        if condition is None:
            specs += _named(term)
        else:
            filters.append(condition)
    if not specs:
        specs = _named("own")
    unique = {(s.source, s.path or s.name, repr(s.parameters)): s for s in specs}
    return Selection(tuple(unique.values()), tuple(filters))


def _filter(term: str) -> Filter | None:
    kind, colon, pattern = term.partition(":")
    if size := _SIZE.fullmatch(term.replace(" ", "")):
        letter, sign, number = size[1], size[2], int(size[3])
        return lambda _, d: _COMPARISONS[sign](getattr(d, letter), number)
    if colon and kind == "not":
        inner = _filter(pattern)
        if inner is None:
            raise ValueError(f"`not:` must be followed by a filter, got {pattern!r}.")
        return lambda s, d: not inner(s, d)
    if colon and kind == "class":
        return lambda _, d: _matches(d.classification, pattern)
    if colon and kind == "name":
        return lambda s, _: _matches(s.name, pattern)
    return None


def _matches(text: str, patterns: str) -> bool:
    return any(fnmatch.fnmatch(text.upper(), p.upper()) for p in patterns.split("|"))


def _named(term: str) -> list[Spec]:
    kind, _, rest = term.partition(":")
    if term == "own":
        return [Spec("own", entry.name) for entry in registry.PROBLEMS if entry.kind != "ode"]
    if term == "large":
        return [
            Spec("own", entry.name, parameters=dict(entry.large))
            for entry in registry.PROBLEMS
            if entry.kind != "ode" and entry.large
        ]
    if term == "starter":
        return [Spec("own", name) for name in STARTER]
    if kind == "own":
        return _own(rest)
    if kind == "sif":
        return _sif(rest)
    if kind == "list":
        return _listed(Path(rest))
    raise ValueError(
        f"`--problems` must hold terms such as own, sif:FOLDER, starter, class:SUR2-*, n<=100; got "
        f"{term!r}. See docs/suite.md."
    )


def _own(text: str) -> list[Spec]:
    name, sizes = _split(text)
    if not set("*?").intersection(name):
        try:
            registry.find(name)
        except KeyError as error:
            raise ValueError(str(error.args[0])) from None
        return [Spec("own", name, parameters=sizes)]
    found = [e.name for e in registry.PROBLEMS if e.kind != "ode" and fnmatch.fnmatch(e.name, name)]
    return [Spec("own", found_name, parameters=sizes) for found_name in found]


def _sif(text: str) -> list[Spec]:
    name, parameters = _split(text)
    path = Path(name).expanduser()
    if path.is_dir():
        return [_file(p, parameters) for p in sorted(path.glob("*.SIF"))]
    if not path.exists():
        raise ValueError(f"`sif:` must name a file or a folder, and {path} does not exist.")
    return [_file(path, parameters)]


def _file(path: Path, parameters: dict[str, Any]) -> Spec:
    return Spec("sif", path.stem, str(path.resolve()), parameters)


def _listed(path: Path) -> list[Spec]:
    if not path.exists():
        raise ValueError(f"`list:` must name a file, and {path} does not exist.")
    folders = [path.parent, *map(Path, filter(None, [os.environ.get("MASTSIF")]))]
    own = {entry.name for entry in registry.PROBLEMS if entry.kind != "ode"}
    specs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, parameters = _split(text)
        if name in own:
            specs.append(Spec("own", name, parameters=parameters))
        else:
            specs.append(_file(_look_up(name, folders), parameters))
    return specs


def _look_up(name: str, folders: Iterable[Path]) -> Path:
    tried = [folder / f"{name}.SIF" for folder in folders]
    for path in tried:
        if path.exists():
            return path
    raise ValueError(
        f"{name} must be one of our problems or a SIF file; tried {', '.join(map(str, tried))}. "
        "Set MASTSIF to the folder of the SIF files."
    )


def _split(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``NAME[a=1,b=x]``."""
    match = _NAMED.fullmatch(text)
    if match is None:
        raise ValueError(f"A name must look like NAME or NAME[size=100], got {text!r}.")
    pairs = [pair.split("=", 1) for pair in (match["sizes"] or "").split(",") if pair]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"Sizes must look like [a=1,b=2], got {text!r}.")
    return match["name"], {key.strip(): _number(value.strip()) for key, value in pairs}


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
