"""`Declarations`: what the data part of a file has declared so far.

Every section writes into it and none knows the others. It is mutable and lives
only while a file is read; `freeze` makes the immutable model of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from sparsesolve.sif.cards import CardProblem

__all__ = ["Declarations", "ElementKind", "GroupKind", "Table"]

Value = TypeVar("Value")


class Table(dict[str, Value]):
    """Names of one kind; a missing one raises what was expected."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, name: str) -> Value:
        raise CardProblem(f"expected the name of a declared {self.kind}, got {name!r}")


@dataclass(slots=True)
class ElementKind:
    """An element type: positions of its elemental variables, internal variables, parameters."""

    name: str
    variables: Table[int] = field(default_factory=lambda: Table("elemental variable of this type"))
    internals: list[str] = field(default_factory=list)
    parameters: Table[int] = field(default_factory=lambda: Table("element parameter of this type"))


@dataclass(slots=True)
class GroupKind:
    """A group type: its variable and its parameters."""

    name: str
    variable: str = ""
    parameters: list[str] = field(default_factory=list)


class Declarations:
    """Everything declared so far, in order of declaration."""

    def __init__(self) -> None:
        self.integers: Table[int] = Table("integer parameter or loop index")
        self.reals: Table[float] = Table("real parameter")
        self.groups_first: bool | None = None
        self.integer_variables: set[str] = set()

        self.variables: Table[int] = Table("variable")
        self.default_bounds = (0.0, np.inf)
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.default_start = 0.0
        self.start: list[float] = []
        self.default_multiplier = 0.0
        self.multipliers: dict[int, float] = {}

        self.groups: Table[int] = Table("group")
        self.kinds: list[str] = []
        self.scales: dict[int, float] = {}
        self.default_constant = 0.0
        self.constants: dict[int, float] = {}
        self.default_range = np.inf
        self.ranges: dict[int, float] = {}
        self.linear: list[tuple[int, int, float]] = []
        self.quadratic: list[tuple[int, int, float]] = []
        self.has_quadratic = False

        self.element_kinds: Table[ElementKind] = Table("element type")
        self.default_element_kind: ElementKind | None = None
        self.elements: Table[int] = Table("element")
        self.element_types: list[ElementKind] = []
        self.element_variables: list[list[int]] = []
        self.element_parameters: list[list[float]] = []

        self.group_kinds: Table[GroupKind] = Table("group type")
        self.default_group_kind: str | None = None
        self.group_types: dict[int, str] = {}
        self.group_parameters: dict[int, dict[str, float]] = {}
        self.weights: list[tuple[int, int, float]] = []

    def variable(self, name: str) -> int:
        """Return the index of a variable; a new one gets the defaults."""
        index = self.variables.get(name)
        if index is None:
            index = self.variables[name] = len(self.variables)
            self.lower.append(self.default_bounds[0])
            self.upper.append(self.default_bounds[1])
            self.start.append(self.default_start)
        return index

    def group(self, name: str, kind: str) -> int:
        """Return the index of a group; the first card fixes its kind."""
        index = self.groups.get(name)
        if index is None:
            index = self.groups[name] = len(self.groups)
            self.kinds.append(kind)
        return index

    def element(self, name: str) -> int:
        """Return the index of an element; a new one gets the default type."""
        index = self.elements.get(name)
        if index is None:
            if self.default_element_kind is None:
                raise CardProblem(
                    f"expected an element with a type, got {name!r} before any T card for it and "
                    "without a default type"
                )
            index = self.typed_element(name, self.default_element_kind)
        return index

    def typed_element(self, name: str, kind: ElementKind) -> int:
        """Declare an element, or check that a known one has this type."""
        index = self.elements.get(name)
        if index is None:
            index = self.elements[name] = len(self.elements)
            self.element_types.append(kind)
            self.element_variables.append([-1] * len(kind.variables))
            self.element_parameters.append([np.nan] * len(kind.parameters))
        elif self.element_types[index] is not kind:
            raise CardProblem(
                f"expected one type for element {name!r}, got {kind.name!r} after "
                f"{self.element_types[index].name!r}"
            )
        return index

    def new_elements(self, names: Sequence[str], kind: ElementKind) -> range:
        """Declare elements of one type, none of which is known, and return their indices."""
        numbers = range(len(self.elements), len(self.elements) + len(names))
        self.elements.update(zip(names, numbers, strict=True))
        self.element_types += [kind] * len(names)
        self.element_variables += [[-1] * len(kind.variables) for _ in names]
        self.element_parameters += [[np.nan] * len(kind.parameters) for _ in names]
        return numbers
