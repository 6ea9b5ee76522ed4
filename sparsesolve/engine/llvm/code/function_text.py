"""`FunctionText`: the lines of an LLVM function: names, loads, and the words that it is given.

Separate because it knows the form of a line and the order of the words, and nothing of loops.
"""

from __future__ import annotations

from itertools import count

from sparsesolve.engine.llvm.plan.kernel_signature import BASES

__all__ = ["FunctionText"]


class FunctionText:
    """The body of a function, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = count()
        self._word = 1  # word 0 is n

    def fresh(self) -> str:
        """Return a name that is not used yet."""
        return f"%v{next(self._names)}"

    def emit(self, instruction: str) -> str:
        """Write an instruction, and return the name of its value."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def line(self, text: str) -> None:
        """Write a line as it is."""
        self.lines.append(f"  {text}")

    def element(self, kind: str, pointer: str, index: str | int) -> str:
        """Address of an element of a vector of `kind`."""
        return self.emit(f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    def load(self, kind: str, pointer: str) -> str:
        """Read a value of `kind`."""
        return self.emit(f"load {kind}, ptr {pointer}")

    def word(self, kind: str = "i64") -> str:
        """Read the next word."""
        name = self.load(kind, self.element("i64", "%words", self._word))
        self._word += 1
        return name

    def base(self, name: str) -> str:
        """Read one of the named bases."""
        return self.load("ptr", self.element("i64", "%bases", BASES[name]))

    def any_base(self, number: str) -> str:
        """Read the base of a number that is known at run time."""
        return self.load("ptr", self.element("i64", "%bases", number))
