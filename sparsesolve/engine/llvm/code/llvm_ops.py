"""Scalar operations as LLVM IR, on one number or on a vector of them.

Separate from `codegen`, which writes the loops around them. Every operation gives what NumPy
gives, infinities, NaN and negative zero included; no flag allows LLVM to reorder or contract.
Truth values stay single bits while they are used as such.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TypeAlias

from sparsesolve.engine.llvm.code.vectormath import Native
from sparsesolve.ir.program import Node
from sparsesolve.ir.scalar_ops import OPS

__all__ = ["Emitter", "native_operations"]

Operation: TypeAlias = "Callable[..., str]"
_LOG2 = 0.6931471805599453
_LOG2E = 1.4426950408889634
_PI = 3.141592653589793
_EPS = 2.220446049250313e-16


class Emitter:
    """Writes operations on operands of one width.

    Parameters
    ----------
    lines : list of str
        Where instructions are appended.
    fresh : callable
        Returns a new name on each call.
    width : int
        Lanes; 1 means plain doubles.
    natives : mapping of str to (str, Native)
        Name of the value that holds the address of a native function, for each operation.
    declared : set of str
        Collects the declarations of the intrinsics in use.
    """

    def __init__(
        self,
        lines: list[str],
        fresh: Callable[[], str],
        width: int,
        natives: Mapping[str, tuple[str, Native]],
        declared: set[str],
    ) -> None:
        self._lines = lines
        self._fresh = fresh
        self.width = width
        self._natives = natives
        self._declared = declared
        self._bits: dict[str, str] = {}
        self.type = "double" if width == 1 else f"<{width} x double>"
        self._bit_type = "i1" if width == 1 else f"<{width} x i1>"

    # ----- building blocks -----

    def emit(self, instruction: str) -> str:
        """Append an instruction and return the name of its result."""
        name = self._fresh()
        self._lines.append(f"  {name} = {instruction}")
        return name

    def constant(self, value: float) -> str:
        """Write a constant."""
        bits = f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
        return bits if self.width == 1 else f"splat (double {bits})"

    def splat(self, scalar: str) -> str:
        """Spread a double over all lanes."""
        return scalar if self.width == 1 else self._spread(scalar, self.width)

    def gather(self, elements: list[str]) -> str:
        """Make a vector of doubles."""
        if self.width == 1:
            return elements[0]
        vector = "poison"
        for lane, element in enumerate(elements):
            vector = self.emit(f"insertelement {self.type} {vector}, double {element}, i32 {lane}")
        return vector

    def lanes(self, vector: str) -> list[str]:
        """Take a vector apart."""
        if self.width == 1:
            return [vector]
        return [
            self.emit(f"extractelement {self.type} {vector}, i32 {lane}")
            for lane in range(self.width)
        ]

    def interleave(self, values: list[str]) -> list[str]:
        """Return vectors that hold the first lanes of all values, then the second ones, and so on.

        Two sources at a time, as processors shuffle.
        """
        if self.width == 1:
            return values
        mixed: list[str] = []
        for begin in range(0, len(values) * self.width, self.width):
            places = [divmod(begin + lane, len(values)) for lane in range(self.width)]
            vector = values[0]
            for number in range(1, len(values)):
                mask = [
                    (lane if number > 1 else source) if place < number else self.width + source
                    for lane, (source, place) in enumerate(places)
                ]
                vector = self._shuffle(vector, values[number], mask)
            mixed.append(vector)
        return mixed

    def _shuffle(self, a: str, b: str, mask: list[int]) -> str:
        lanes = ", ".join(f"i32 {lane}" for lane in mask)
        return self.emit(
            f"shufflevector {self.type} {a}, {self.type} {b}, <{self.width} x i32> <{lanes}>"
        )

    def binary(self, instruction: str, a: str, b: str) -> str:
        """Write ``fadd``, ``fsub``, ``fmul``, ``fdiv`` or the like."""
        return self.emit(f"{instruction} {self.type} {a}, {b}")

    def compare(self, condition: str, a: str, b: str) -> str:
        """Write a comparison; the result is a bit."""
        return self.emit(f"fcmp {condition} {self.type} {a}, {b}")

    def select(self, bit: str, a: str, b: str) -> str:
        """Choose `a` where the bit is set, else `b`."""
        kind = f"{self._bit_type} {bit}"
        return self.emit(f"select {kind}, {self.type} {a}, {self.type} {b}")

    def logic(self, instruction: str, a: str, b: str) -> str:
        """Combine two bits."""
        return self.emit(f"{instruction} {self._bit_type} {a}, {b}")

    def number(self, bit: str) -> str:
        """Turn a bit into 1.0 or 0.0, and remember where it came from."""
        name = self.select(bit, self.constant(1.0), self.constant(0.0))
        self._bits[name] = bit
        return name

    def truth(self, value: str) -> str:
        """Turn a number into a bit: anything but zero is true, NaN too."""
        return self._bits.get(value) or self.compare("une", value, self.constant(0.0))

    def intrinsic(self, name: str, *operands: str) -> str:
        """Call an LLVM intrinsic."""
        suffix = "f64" if self.width == 1 else f"v{self.width}f64"
        kinds = ", ".join([self.type] * len(operands))
        self._declared.add(f"declare {self.type} @llvm.{name}.{suffix}({kinds})")
        arguments = ", ".join(f"{self.type} {operand}" for operand in operands)
        return self.emit(f"call {self.type} @llvm.{name}.{suffix}({arguments})")

    def native(self, op: str, *operands: str) -> str:
        """Call a native function, lane by lane if it has no lanes itself."""
        pointer, native = self._natives[op]
        if native.width == self.width and not native.flag:
            return self._call(pointer, self.type, operands, "")
        if native.width > 1:  # a single number: use one lane, for the same bits as in a vector
            wide = [self._spread(operand, native.width) for operand in operands]
            kind = f"<{native.width} x double>"
            return self.emit(f"extractelement {kind} {self._call(pointer, kind, wide, '')}, i32 0")
        flag = ", i32 0" if native.flag else ""
        columns = [self.lanes(operand) for operand in operands]
        return self.gather(
            [self._call(pointer, "double", lane, flag) for lane in zip(*columns, strict=True)]
        )

    def apply(self, op: str, *operands: str) -> str:
        """Write an operation of ``OPS``."""
        words = OPS[op].llvm
        return _builder(words)(self, *operands) if words else self.native(op, *operands)

    def _call(
        self, pointer: str, kind: str, operands: tuple[str, ...] | list[str], flag: str
    ) -> str:
        arguments = ", ".join(f"{kind} {operand}" for operand in operands)
        return self.emit(f"call {kind} {pointer}({arguments}{flag})")

    def _spread(self, scalar: str, width: int) -> str:
        kind = f"<{width} x double>"
        first = self.emit(f"insertelement {kind} poison, double {scalar}, i32 0")
        mask = f"<{width} x i32> zeroinitializer"
        return self.emit(f"shufflevector {kind} {first}, {kind} poison, {mask}")


# ----- one rule an operation -----


def _binary(instruction: str) -> Operation:
    return lambda e, a, b: e.binary(instruction, a, b)


def _intrinsic(name: str) -> Operation:
    return lambda e, *operands: e.intrinsic(name, *operands)


def _compare(condition: str) -> Operation:
    return lambda e, a, b: e.number(e.compare(condition, a, b))


def _logic(instruction: str) -> Operation:
    return lambda e, a, b: e.number(e.logic(instruction, e.truth(a), e.truth(b)))


def _pick(condition: str, unordered: int) -> Operation:
    """Choose one of two; `unordered` is the operand that makes the first win if it is NaN."""

    def rule(e: Emitter, a: str, b: str) -> str:
        checked = (a, b)[unordered]
        bit = e.logic("or", e.compare(condition, a, b), e.compare("uno", checked, checked))
        return e.select(bit, a, b)

    return rule


def _negative(e: Emitter, a: str) -> str:
    return e.emit(f"fneg {e.type} {a}")


def _sign(e: Emitter, a: str) -> str:
    zero = e.constant(0.0)
    rest = e.select(e.compare("oeq", a, zero), zero, a)  # NaN stays
    below = e.select(e.compare("olt", a, zero), e.constant(-1.0), rest)
    return e.select(e.compare("ogt", a, zero), e.constant(1.0), below)


def _isnan(e: Emitter, a: str) -> str:
    return e.number(e.compare("uno", a, a))


def _isinf(e: Emitter, a: str) -> str:
    return e.number(e.compare("oeq", e.intrinsic("fabs", a), e.constant(float("inf"))))


def _isfinite(e: Emitter, a: str) -> str:
    return e.number(e.compare("olt", e.intrinsic("fabs", a), e.constant(float("inf"))))


def _logical_not(e: Emitter, a: str) -> str:
    return e.number(e.compare("oeq", a, e.constant(0.0)))


def _where(e: Emitter, condition: str, a: str, b: str) -> str:
    return e.select(e.truth(condition), a, b)


def _heaviside(e: Emitter, a: str, at_zero: str) -> str:
    zero = e.constant(0.0)
    positive = e.select(e.compare("ogt", a, zero), e.constant(1.0), a)  # NaN stays
    rest = e.select(e.compare("olt", a, zero), zero, positive)
    return e.select(e.compare("oeq", a, zero), at_zero, rest)


def _remainder(e: Emitter, a: str, b: str) -> str:
    zero = e.constant(0.0)
    rest = e.native("fmod", a, b)
    signs_differ = e.logic("xor", e.compare("olt", b, zero), e.compare("olt", rest, zero))
    moved = e.select(signs_differ, e.binary("fadd", rest, b), rest)
    exact = e.intrinsic("copysign", zero, b)
    result = e.select(e.compare("oeq", rest, zero), exact, moved)
    return e.select(e.compare("oeq", b, zero), rest, result)


def _floor_divide(e: Emitter, a: str, b: str) -> str:
    zero, one = e.constant(0.0), e.constant(1.0)
    rest = e.native("fmod", a, b)
    plain = e.binary("fdiv", a, b)
    quotient = e.binary("fdiv", e.binary("fsub", a, rest), b)
    signs_differ = e.logic("xor", e.compare("olt", b, zero), e.compare("olt", rest, zero))
    lower = e.logic("and", signs_differ, e.compare("une", rest, zero))
    quotient = e.select(lower, e.binary("fsub", quotient, one), quotient)
    floor = e.intrinsic("floor", quotient)
    short = e.compare("ogt", e.binary("fsub", quotient, floor), e.constant(0.5))
    rounded = e.select(short, e.binary("fadd", floor, one), floor)
    signed_zero = e.intrinsic("copysign", zero, plain)
    result = e.select(e.compare("oeq", quotient, zero), signed_zero, rounded)
    return e.select(e.compare("oeq", b, zero), plain, result)


def _log_sum(e: Emitter, a: str, b: str, exponential: str, log_two: float, scale: float) -> str:
    """Write max + log(1 + exp(min - max)), to the base 2 or e."""
    difference = e.binary("fsub", a, b)
    larger = e.select(e.compare("ogt", difference, e.constant(0.0)), a, b)
    distance = e.intrinsic("fabs", difference)
    tail = e.native("log1p", e.native(exponential, _negative(e, distance)))
    if scale != 1.0:
        tail = e.binary("fmul", e.constant(scale), tail)
    result = e.binary("fadd", larger, tail)
    equal = e.binary("fadd", a, e.constant(log_two))  # infinities of one sign end here
    result = e.select(e.compare("oeq", a, b), equal, result)
    return e.select(
        e.compare("uno", difference, difference),
        e.select(e.compare("oeq", a, b), equal, difference),
        result,
    )


def _logaddexp(e: Emitter, a: str, b: str) -> str:
    return _log_sum(e, a, b, "exp", _LOG2, 1.0)


def _logaddexp2(e: Emitter, a: str, b: str) -> str:
    return _log_sum(e, a, b, "exp2", 1.0, _LOG2E)


def _sinc(e: Emitter, a: str) -> str:
    scaled = e.binary("fmul", e.constant(_PI), a)
    is_zero = e.compare("oeq", scaled, e.constant(0.0))
    angle = e.select(is_zero, e.constant(_EPS), scaled)
    return e.binary("fdiv", e.native("sin", angle), angle)


_MAKERS: dict[str, Callable[[str], Operation]] = {
    "binary": _binary,
    "compare": _compare,
    "intrinsic": _intrinsic,
    "logic": _logic,
    "pick_first_nan": lambda condition: _pick(condition, 0),
    "pick_number": lambda condition: _pick(condition, 1),
}
_BUILDERS: dict[str, Operation] = {
    "floor_divide": _floor_divide,
    "heaviside": _heaviside,
    "isfinite": _isfinite,
    "isinf": _isinf,
    "isnan": _isnan,
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "logical_not": _logical_not,
    "negative": _negative,
    "remainder": _remainder,
    "sign": _sign,
    "sinc": _sinc,
    "where": _where,
}


@cache
def _builder(words: str) -> Operation:
    """Read the words of a row: a builder, or a maker of builders and what it takes."""
    name, _, argument = words.partition(" ")
    return _MAKERS[name](argument) if argument else _BUILDERS[name]


def native_operations(nodes: Iterable[Node]) -> tuple[str, ...]:
    """List the operations that call a native function, each once, in order of appearance."""
    found: dict[str, None] = {}
    for node in nodes:
        if node.op not in ("load", "const", "value"):
            row = OPS[node.op]
            found.update(dict.fromkeys(row.calls if row.llvm else (node.op,)))
    return tuple(found)
