"""Fourier transforms: constant linear maps of real and imaginary parts.

A transform of a vector is kept as a matrix, and what is done to it with constants (a derivative in
Fourier space, a filter, the way back) changes the matrix alone: the products of a spectral method
are multiplied out once. What is too large for that is a call, with autograd's rules.

autograd has no rule for real transforms whose length is odd or whose norm is "forward", or one
that is wrong; in terms of the complex transform, or of another norm, they have one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from string import ascii_letters
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Slots
from sparsesolve.ir.tape import Instruction
from sparsesolve.lower.complex_values import (
    COMPLEX_RULES,
    Deferred,
    Pair,
    complex_rule,
    is_zero,
    parts_of,
)
from sparsesolve.lower.context import RULES, Context, is_slots, rule
from sparsesolve.lower.opaque import Pending, kept, lower_opaque, refused
from sparsesolve.lower.products import contract
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import operand

__all__ = ["Spectrum", "vector_map"]

_MOST_TERMS = 1 << 21  # of one transform that is written out


@implements(np.fft.rfft, recorded=True)
def _rfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    a = operand(a)
    axis = axis % a.ndim - a.ndim
    length = a.shape[axis] if n is None else n
    if a.size * length <= _MOST_TERMS or (length % 2 == 0 and norm != "forward"):
        return anp.fft.rfft(a, n, axis, norm)
    if norm == "forward":
        return _rfft(a, n, axis) / length
    return anp.fft.fft(a, n, axis, norm)[_along(axis, slice(length // 2 + 1))]


@implements(np.fft.irfft, recorded=True)
def _irfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    a = operand(a)
    axis = axis % a.ndim - a.ndim
    length = 2 * (a.shape[axis] - 1) if n is None else n
    lines = a.size // max(1, a.shape[axis])
    if lines * length * length <= _MOST_TERMS:  # as for the way there
        return anp.fft.irfft(a, n, axis, norm)
    if norm == "forward":
        return _irfft(a, n, axis) * length
    if length % 2 == 0 or a.shape[axis] < length // 2 + 1:
        return anp.fft.irfft(a, n, axis, norm)
    half = length // 2
    above = a[_along(axis, slice(0, half + 1))]
    below = anp.conj(a[_along(axis, slice(half, 0, -1))])
    whole = anp.concatenate([above, below], axis=axis)
    return anp.real(anp.fft.ifft(whole, None, axis, norm))


_SWAPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


@implements(np.fft.hfft)
def _hfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    return _irfft(anp.conj(operand(a)), n, axis, _SWAPPED[norm])


@implements(np.fft.ihfft)
def _ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    return anp.conj(_rfft(a, n, axis, _SWAPPED[norm]))


def _along(axis: int, part: slice) -> tuple[Any, ...]:
    """Return an index along an axis counted from the last, which more axes in front leave alone."""
    return (..., part, *(slice(None),) * (-1 - axis))


# --- values that are linear in slots ---


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum(Deferred):
    """A complex matrix times a vector of slots, as an array of a shape."""

    matrix: NDArray[Any]
    slots: Slots
    shape: tuple[int, ...]

    def pair(self, c: Context) -> Pair:
        """Write the products of both parts."""
        return Pair(self.part(c, self.matrix.real), self.part(c, self.matrix.imag))

    def part(self, c: Context, matrix: NDArray[np.float64]) -> Any:
        """Write the product of one part."""
        if not matrix.any():
            return np.zeros(self.shape)
        ids = np.asarray(contract(c, [matrix, self.slots], ["ij", "j"], "i"), dtype=np.int32)
        if ids.size and int(ids[-1]) - int(ids[0]) == ids.size - 1:
            c.linear_maps[int(ids[0])] = Spectrum(matrix, self.slots, (ids.size,))
        return ids.reshape(self.shape)

    def after(self, c: Context, *args: Any, **kwargs: Any) -> Any:
        """Carry out a step with constants on the matrix alone."""
        assert c.step is not None
        known = _ON_MATRICES.get(c.step.op)
        return NotImplemented if known is None else known(c, *args, **kwargs)

    def scaled(self, factors: Any) -> Spectrum:
        """Multiply every element by a constant."""
        rows = np.broadcast_to(factors, self.shape).reshape(-1, 1)
        return Spectrum(rows * self.matrix, self.slots, self.shape)


_ON_MATRICES: dict[str, Callable[..., Any]] = {}


def _on_matrices(names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _ON_MATRICES.update(dict.fromkeys(names.split(), function))
        return function

    return register


def _is_constant(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether something is a plain constant that broadcasts to a shape."""
    if isinstance(value, (Pair, Deferred, Pending)) or is_slots(value):
        return False
    return np.broadcast_shapes(np.shape(value), shape) == shape


@_on_matrices("multiply")
def _times(c: Context, a: Any, b: Any) -> Any:
    spectrum, other = (a, b) if isinstance(a, Spectrum) else (b, a)
    return spectrum.scaled(other) if _is_constant(other, spectrum.shape) else NotImplemented


@_on_matrices("divide")
def _over(c: Context, a: Any, b: Any) -> Any:
    if isinstance(a, Spectrum) and _is_constant(b, a.shape):
        return a.scaled(1.0 / np.asarray(b))
    return NotImplemented


@_on_matrices("negative")
def _negated(c: Context, a: Spectrum) -> Spectrum:
    return a.scaled(-1.0)


@_on_matrices("conjugate conj")
def _conjugated(c: Context, a: Spectrum) -> Spectrum:
    return Spectrum(a.matrix.conj(), a.slots, a.shape)


@_on_matrices("real")
def _real(c: Context, a: Spectrum) -> Any:
    return a.part(c, a.matrix.real)


@_on_matrices("imag")
def _imag(c: Context, a: Spectrum) -> Any:
    return a.part(c, a.matrix.imag)


@_on_matrices("add")
def _plus(c: Context, a: Any, b: Any) -> Any:
    return _joined(a, b, 1.0)


@_on_matrices("subtract")
def _minus(c: Context, a: Any, b: Any) -> Any:
    return _joined(a, b, -1.0)


def _joined(a: Any, b: Any, sign: float) -> Any:
    if not (isinstance(a, Spectrum) and isinstance(b, Spectrum) and a.shape == b.shape):
        return NotImplemented
    if np.array_equal(a.slots, b.slots):
        return Spectrum(a.matrix + sign * b.matrix, a.slots, a.shape)
    if a.matrix.shape[1] + b.matrix.shape[1] > 4 * prod(a.shape):
        return NotImplemented
    matrix = np.concatenate([a.matrix, sign * b.matrix], axis=1)
    return Spectrum(matrix, np.concatenate([a.slots, b.slots]), a.shape)


@_on_matrices("__getitem__ reshape transpose")
def _moved(c: Context, a: Spectrum, *args: Any, **kwargs: Any) -> Any:
    assert c.step is not None
    labels = np.arange(prod(a.shape), dtype=np.int32).reshape(a.shape)
    places = np.asarray(RULES[c.step.op].function(c, labels, *args, **kwargs))
    return Spectrum(a.matrix[places.reshape(-1)], a.slots, places.shape)


@_on_matrices("setitem")
def _assigned(c: Context, a: Any, index: Any, value: Any) -> Any:
    """Set elements to zero, as filters do."""
    constant = isinstance(a, Spectrum) and _is_constant(value, np.shape(value))
    if not constant or np.any(value):
        return NotImplemented
    kept = np.ones(a.shape)
    kept[index] = 0.0
    return a.scaled(kept)


# --- transforms ---

_Line = Callable[[NDArray[Any]], NDArray[Any]]


def _transform(name: str) -> None:
    """Register a transform along one axis."""
    plain = getattr(np.fft, name)

    @complex_rule(f"fft.{name}")
    @_on_matrices(f"fft.{name}")
    def apply(c: Context, a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
        return transformed(c, a, lambda m: plain(m, n, 0, norm), axis)


def transformed(c: Context, a: Any, line: _Line, axis: int) -> Any:
    """Apply a map that is linear in real and imaginary parts along one axis.

    Returns a value of the kind of the step's result, or `NotImplemented` where it is too large.
    """
    shape = _shape(c, a)
    length, axis = shape[axis], axis % len(shape)
    if prod(shape) * len(line(np.zeros((length, 1)))) > _MOST_TERMS:
        return NotImplemented
    of_real = line(np.eye(length))
    if len(shape) == 1:
        spectrum = a if isinstance(a, Spectrum) else _start(c, a)
        result = Spectrum(line(spectrum.matrix), spectrum.slots, (len(of_real),))
        return result if np.iscomplexobj(of_real) else result.part(c, result.matrix.real)
    parts = parts_of(c, a)
    of_imag = line(1j * np.eye(length)) if not is_zero(parts[1]) else np.zeros(of_real.shape)
    pieces = [
        _applied(c, m, p, axis, shape) for m, p in zip((of_real, of_imag), parts, strict=True)
    ]
    real = _total(c, [piece[0] for piece in pieces])
    return Pair(real, _total(c, [p[1] for p in pieces])) if np.iscomplexobj(of_real) else real


def vector_map(c: Context, ids: Slots, function: _Line) -> Any:
    """Apply a map of real vectors that is linear."""
    known = _start(c, ids)
    columns = [function(column) for column in known.matrix.T]
    return Spectrum(np.transpose(columns), known.slots, np.shape(columns[0])).pair(c).real


def _shape(c: Context, a: Any) -> tuple[int, ...]:
    if isinstance(a, (Spectrum, Pending)):
        return a.shape
    return np.broadcast_shapes(*map(np.shape, parts_of(c, a)))


def _start(c: Context, a: Any) -> Spectrum:
    """Write a vector as a matrix times slots."""
    real, imag = parts_of(c, a)
    first = _known(c, real)
    if is_zero(imag):
        return first
    second = _known(c, imag)
    matrix = np.concatenate([first.matrix, 1j * second.matrix], axis=1)
    return Spectrum(matrix, np.concatenate([first.slots, second.slots]), first.shape)


def _known(c: Context, part: Any) -> Spectrum:
    ids = c.slots(part)
    found = c.linear_maps.get(int(ids[0])) if ids.size else None
    first = np.arange(ids[0], ids[0] + ids.size) if ids.size else ids
    if found is not None and found.shape == ids.shape and np.array_equal(ids, first):
        known: Spectrum = found
        return known
    return Spectrum(np.eye(ids.size), ids, ids.shape)


def _applied(
    c: Context, matrix: NDArray[Any], part: Any, axis: int, shape: tuple[int, ...]
) -> list[Any]:
    """Apply the real and the imaginary part of a matrix along one axis."""
    if is_zero(part):
        return [None, None]
    ids = np.broadcast_to(c.slots(part), shape)
    letters = ascii_letters[: len(shape)]
    output = letters[:axis] + "Z" + letters[axis + 1 :]
    operands = ["Z" + letters[axis], letters]
    return [
        contract(c, [m, ids], operands, output) if m.any() else None
        for m in (np.real(matrix), np.imag(matrix))
    ]


def _total(c: Context, parts: list[Any]) -> Any:
    found = [part for part in parts if part is not None]
    return c.chain("add", found) if found else 0.0


for _name in ("fft", "ifft", "rfft", "irfft"):
    _transform(_name)


def _of_several(name: str, axes: tuple[int, int] | None) -> None:
    """Register a transform along several axes, one after the other; a real one goes by its last."""
    real, back = "r" in name, name.startswith("i")
    axes_given = axes

    def along(c: Context, a: Any, kind: str, length: Any, axis: int, norm: Any) -> Any:
        plain = getattr(np.fft, kind)
        if a is NotImplemented:
            return a
        return transformed(c, a, lambda m: plain(m, length, 0, norm), axis)

    @complex_rule(f"fft.{name}")
    def apply(c: Context, a: Any, s: Any = None, axes: Any = axes_given, norm: Any = None) -> Any:
        ndim = len(_shape(c, a))
        if axes is None:
            axes = range(ndim) if s is None else range(-len(s), 0)
        lengths = [None] * len(axes) if s is None else list(s)
        steps = [("ifft" if back else "fft", *pair) for pair in zip(lengths, axes, strict=True)]
        if real:
            steps[-1] = ("irfft" if back else "rfft", *steps[-1][1:])
        for step in steps if back else steps[::-1]:
            a = along(c, a, *step, norm)
        return a


for _name in ("fft2", "ifft2", "rfft2", "irfft2"):
    _of_several(_name, (-2, -1))
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    _of_several(_name, None)


@rule("fft.irfft fft.irfft2 fft.irfftn", "products")
def _lower_of_reals(c: Context, a: Any, *args: Any, **kwargs: Any) -> Any:
    """Go back from coefficients that are real, which no complex value shows."""
    assert c.step is not None
    result = COMPLEX_RULES[c.step.op](c, a, *args, **kwargs)
    return lower_opaque(c, c.step) if result is NotImplemented else result


# --- lowering as calls ---

kept(
    "fft.fft fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn "
    "fft.rfft fft.rfft2 fft.rfftn fft.irfft fft.irfft2 fft.irfftn"
)


@refused("fft.rfft fft.rfft2 fft.rfftn fft.irfft fft.irfft2 fft.irfftn")
def _refuse_real_transform(c: Context, step: Instruction) -> None:
    """Refuse odd lengths, for which autograd has no rule, and a norm that its rule leaves out."""
    given = dict(zip(("n", "axis", "norm"), step.args[1:], strict=False))
    given.update(step.kwargs)
    lengths, axes = given.get("s", given.get("n")), given.get("axes", given.get("axis"))
    if lengths is None:
        real = step.out if step.op.startswith("fft.irfft") else step.args[0]
        lengths = c.tape.values[real.index].shape[-1 if axes is None else np.atleast_1d(axes)[-1]]
    if np.atleast_1d(lengths)[-1] % 2 or given.get("norm") == "forward":
        raise c.unsupported(
            "got a real transform of odd length, or with norm='forward'",
            "Use np.fft.fftn, or np.fft.ifftn and its real part, with the usual norm",
        )
