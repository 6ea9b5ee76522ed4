"""Complex arithmetic inside a real function, as arithmetic of real and imaginary parts.

These rules are in force only where a tape has complex values. A part that is zero
takes no part, so ``np.exp(1j * x)`` costs a cosine and a sine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from sparsesolve.ir.tape import Instruction, refs_of
from sparsesolve.lower.complex_values import Pair, complex_rule, is_zero, parts_of
from sparsesolve.lower.context import RULES, Context, is_slots
from sparsesolve.lower.opaque import refused

__all__ = ["full_pair", "linear_parts"]

_MOST_FACTORS = 16  # z**p with an integer p up to here is a product
_PLAIN: dict[str, Callable[..., Any]] = {
    "multiply": np.multiply,
    "divide": np.divide,
    "add": np.add,
    "subtract": np.subtract,
}


# --- real parts: zeros and ones cost nothing ---


def _is(value: Any, number: float) -> bool:
    return not is_slots(value) and np.ndim(value) == 0 and float(value) == number


def _add(c: Context, a: Any, b: Any) -> Any:
    if is_zero(a):
        return _spread(b, a)
    if is_zero(b):
        return _spread(a, b)
    return _both(c, "add", a, b)


def _subtract(c: Context, a: Any, b: Any) -> Any:
    if is_zero(b):
        return _spread(a, b)
    return _spread(_negative(c, b), a) if is_zero(a) else _both(c, "subtract", a, b)


def _negative(c: Context, a: Any) -> Any:
    return c.map("negative", a) if is_slots(a) else -np.asarray(a)[()]


def _multiply(c: Context, a: Any, b: Any) -> Any:
    if is_zero(a) or is_zero(b):
        return np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))
    if _is(a, 1.0):
        return b
    if _is(a, -1.0):
        return _negative(c, b)
    if _is(b, 1.0) or _is(b, -1.0):
        return _multiply(c, b, a)
    return _both(c, "multiply", a, b)


def _divide(c: Context, a: Any, b: Any) -> Any:
    if is_zero(a) and is_slots(b):
        return np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))
    return a if _is(b, 1.0) else _both(c, "divide", a, b)


def _both(c: Context, op: str, a: Any, b: Any) -> Any:
    return c.map(op, a, b) if is_slots(a) or is_slots(b) else _PLAIN[op](a, b)


def _spread(value: Any, other: Any) -> Any:
    """Broadcast a value against another one that adds nothing."""
    shape = np.broadcast_shapes(np.shape(value), np.shape(other))
    return value if np.shape(value) == shape else np.broadcast_to(value, shape)


def _of(c: Context, op: str, *values: Any) -> Any:
    """Apply a function of real numbers."""
    if any(map(is_slots, values)):
        return c.map(op, *values)
    return getattr(np, op)(*values)


# --- parts and size ---


@complex_rule("real")
def _real(c: Context, z: Any) -> Any:
    return parts_of(c, z)[0]


@complex_rule("imag")
def _imag(c: Context, z: Any) -> Any:
    return parts_of(c, z)[1]


@complex_rule("conjugate conj")
def _conjugate(c: Context, z: Any) -> Pair:
    real, imag = parts_of(c, z)
    return Pair(real, imag if is_zero(imag) else _negative(c, imag))


@complex_rule("absolute abs")
def _absolute(c: Context, z: Any) -> Any:
    return _size(c, *parts_of(c, z))


def _size(c: Context, real: Any, imag: Any) -> Any:
    if is_zero(imag):
        return _spread(_of(c, "abs", real), imag)
    return _spread(_of(c, "abs", imag), real) if is_zero(real) else _of(c, "hypot", real, imag)


@complex_rule("sign")
def _sign(c: Context, z: Any) -> Pair:
    """Keep the direction, by which NumPy 2 tells complex numbers, and zero at zero."""
    real, imag = parts_of(c, z)
    size = _size(c, real, imag)
    divisor = _choice(c, _of(c, "equal", size, 0.0), 1.0, size)
    return Pair(_divide(c, real, divisor), _divide(c, imag, divisor))


@complex_rule("angle")
def _angle(c: Context, z: Any, deg: bool = False) -> Any:
    real, imag = parts_of(c, z)
    angle = _of(c, "arctan2", imag, real)
    return _multiply(c, 180.0 / np.pi, angle) if deg else angle


@complex_rule("equal")
def _equal(c: Context, a: Any, b: Any) -> Any:
    pairs = zip(parts_of(c, a), parts_of(c, b), strict=True)
    return _of(c, "logical_and", *(_of(c, "equal", p, q) for p, q in pairs))


@complex_rule("not_equal")
def _not_equal(c: Context, a: Any, b: Any) -> Any:
    pairs = zip(parts_of(c, a), parts_of(c, b), strict=True)
    return _of(c, "logical_or", *(_of(c, "not_equal", p, q) for p, q in pairs))


@complex_rule("isnan")
def _isnan(c: Context, z: Any) -> Any:
    return _of(c, "logical_or", *(_of(c, "isnan", part) for part in parts_of(c, z)))


@complex_rule("isfinite")
def _isfinite(c: Context, z: Any) -> Any:
    return _of(c, "logical_and", *(_of(c, "isfinite", part) for part in parts_of(c, z)))


# --- arithmetic ---


@complex_rule("add")
def _sum_of_two(c: Context, a: Any, b: Any) -> Pair:
    (p, q), (r, s) = parts_of(c, a), parts_of(c, b)
    return Pair(_add(c, p, r), _add(c, q, s))


@complex_rule("subtract")
def _difference(c: Context, a: Any, b: Any) -> Pair:
    (p, q), (r, s) = parts_of(c, a), parts_of(c, b)
    return Pair(_subtract(c, p, r), _subtract(c, q, s))


@complex_rule("multiply")
def _product(c: Context, a: Any, b: Any) -> Pair:
    (p, q), (r, s) = parts_of(c, a), parts_of(c, b)
    real = _subtract(c, _multiply(c, p, r), _multiply(c, q, s))
    return Pair(real, _add(c, _multiply(c, p, s), _multiply(c, q, r)))


@complex_rule("divide")
def _quotient(c: Context, a: Any, b: Any) -> Pair:
    (p, q), (r, s) = parts_of(c, a), parts_of(c, b)
    if is_zero(s):
        return Pair(_divide(c, p, r), _divide(c, q, r))
    if is_zero(r):
        return Pair(_divide(c, q, s), _negative(c, _divide(c, p, s)))
    squared = _add(c, _multiply(c, r, r), _multiply(c, s, s))
    numerator = _product(c, Pair(p, q), Pair(r, _negative(c, s)))
    return Pair(_divide(c, numerator.real, squared), _divide(c, numerator.imag, squared))


@complex_rule("reciprocal")
def _reciprocal(c: Context, z: Any) -> Pair:
    return _quotient(c, 1.0, z)


@complex_rule("square")
def _square(c: Context, z: Any) -> Pair:
    return _product(c, z, z)


@complex_rule("power")
def _power(c: Context, z: Any, p: Any) -> Pair:
    exponent = parts_of(c, p)
    if not is_slots(exponent[0]) and is_zero(exponent[1]) and np.size(exponent[0]) == 1:
        number = float(np.ravel(exponent[0])[0])
        if number == 0.0:
            return Pair(1.0, 0.0)
        if number == int(number) and abs(number) <= _MOST_FACTORS:
            whole = _repeated(c, Pair(*parts_of(c, z)), abs(int(number)))
            return whole if number > 0 else _quotient(c, 1.0, whole)
    return _exp(c, _product(c, Pair(*exponent), _log(c, z)))


def _repeated(c: Context, z: Pair, count: int) -> Pair:
    if count == 1:
        return z
    half = _repeated(c, z, count // 2)
    squared = _product(c, half, half)
    return squared if count % 2 == 0 else _product(c, squared, z)


# --- functions ---


@complex_rule("exp")
def _exp(c: Context, z: Any) -> Pair:
    real, imag = parts_of(c, z)
    size = 1.0 if is_zero(real) else _of(c, "exp", real)
    if is_zero(imag):
        return Pair(size, imag)
    return Pair(_multiply(c, size, _of(c, "cos", imag)), _multiply(c, size, _of(c, "sin", imag)))


@complex_rule("log")
def _log(c: Context, z: Any) -> Pair:
    real, imag = parts_of(c, z)
    return Pair(_of(c, "log", _size(c, real, imag)), _of(c, "arctan2", imag, real))


@complex_rule("log2")
def _log2(c: Context, z: Any) -> Pair:
    return _quotient(c, _log(c, z), np.log(2.0))


@complex_rule("log10")
def _log10(c: Context, z: Any) -> Pair:
    return _quotient(c, _log(c, z), np.log(10.0))


@complex_rule("sqrt")
def _sqrt(c: Context, z: Any) -> Pair:
    """Principal root; no difference of close numbers, and zero at zero."""
    real, imag = parts_of(c, z)
    sum_ = _add(c, _size(c, real, imag), _of(c, "abs", real))
    long = _of(c, "sqrt", _multiply(c, 0.5, sum_))
    zero = _of(c, "equal", long, 0.0)
    divisor = _multiply(c, 2.0, _choice(c, zero, 1.0, long))
    short = _divide(c, _of(c, "abs", imag), divisor)
    right = _of(c, "greater_equal", real, 0.0)
    rest = _choice(c, right, short, long)
    return Pair(_choice(c, right, long, short), _of(c, "copysign", rest, imag))


def _choice(c: Context, condition: Any, one: Any, other: Any) -> Any:
    if any(map(is_slots, (condition, one, other))):
        return c.map("where", condition, one, other)
    return np.where(condition, one, other)


def _crossed(first: str, second: str, third: str, fourth: str, sign: float) -> Callable[..., Any]:
    """Make a rule of ``first(a) second(b) + i sign third(a) fourth(b)``."""

    def apply(c: Context, z: Any) -> Pair:
        a, b = parts_of(c, z)
        imag = _multiply(c, _of(c, third, a), _of(c, fourth, b))
        return Pair(_multiply(c, _of(c, first, a), _of(c, second, b)), _multiply(c, sign, imag))

    return apply


complex_rule("sin")(_crossed("sin", "cosh", "cos", "sinh", 1.0))
complex_rule("cos")(_crossed("cos", "cosh", "sin", "sinh", -1.0))
complex_rule("sinh")(_crossed("sinh", "cos", "cosh", "sin", 1.0))
complex_rule("cosh")(_crossed("cosh", "cos", "sinh", "sin", 1.0))


@complex_rule("tanh")
def _tanh(c: Context, z: Any) -> Pair:
    a, b = parts_of(c, z)
    s, t = _of(c, "tanh", a), _of(c, "tan", b)
    square, other = _multiply(c, s, s), _multiply(c, t, t)
    divisor = _add(c, 1.0, _multiply(c, square, other))
    real = _multiply(c, s, _add(c, 1.0, other))
    imag = _multiply(c, t, _subtract(c, 1.0, square))
    return Pair(_divide(c, real, divisor), _divide(c, imag, divisor))


@complex_rule("tan")
def _tan(c: Context, z: Any) -> Pair:
    real, imag = parts_of(c, z)
    turned = _tanh(c, Pair(_negative(c, imag), real))
    return Pair(turned.imag, _negative(c, turned.real))


# --- what is linear in its arrays is done to both parts ---


def linear_parts(
    c: Context, places: Sequence[int], args: Sequence[Any], kwargs: dict[str, Any]
) -> Pair:
    """Apply the step to the real and to the imaginary parts of the arguments at some places."""
    pairs = {k: parts_of(c, args[k]) for k in places}
    parts = []
    for k in (0, 1):
        given = [pairs[j][k] if j in pairs else argument for j, argument in enumerate(args)]
        parts.append(_on_reals(c, given, kwargs, places))
    return Pair(*parts)


def _on_reals(
    c: Context, args: Sequence[Any], kwargs: dict[str, Any], places: Sequence[int]
) -> Any:
    step = c.step
    assert step is not None
    if not any(is_slots(argument) for argument in args):
        return step.function(*args, **kwargs)
    return RULES[step.op].function(c, *args, **kwargs)


def _linear(names: str, *places: int, rest: bool = False) -> None:
    """Say that functions are linear in some arguments, with `rest` in all that follow as well."""

    @complex_rule(names)
    def apply(c: Context, *args: Any, **kwargs: Any) -> Any:
        whole = (*places, *range(places[-1] + 1, len(args))) if rest else places
        if not any(np.size(p) for k in whole for p in parts_of(c, args[k])):
            return NotImplemented
        shaped = [full_pair(c, a) if k in whole else a for k, a in enumerate(args)]
        return linear_parts(c, whole, shaped, kwargs)


def full_pair(c: Context, value: Any) -> Pair:
    """Give both parts of an argument its shape, which a zero part alone may lack."""
    real, imag = parts_of(c, value)
    return Pair(_spread(real, imag), _spread(imag, real))


_linear("negative reshape transpose broadcast_to __getitem__ diag triu tril", 0)
_linear("sum mean cumsum", 0)
_linear("movement linear", 1)
_linear("setitem", 0, 2)
_linear("where", 1, 2)
_linear("concatenate_args", 1, rest=True)
_linear("array_from_args", 2, rest=True)


@complex_rule("pad")
def _pad(c: Context, array: Any, width: Any, mode: str = "constant", **options: Any) -> Any:
    if options:
        return NotImplemented
    return linear_parts(c, (0,), (full_pair(c, array), width, mode), {})


# --- products ---


def _multilinear(names: str, first: int = 0) -> None:
    """Say that functions are linear in each of their arguments."""

    @complex_rule(names)
    def apply(c: Context, *args: Any, **kwargs: Any) -> Pair:
        pairs = [parts_of(c, argument) for argument in args[first:]]
        sums: list[Any] = [0.0, 0.0]
        for chosen in product((0, 1), repeat=len(pairs)):
            parts = [pair[k] for pair, k in zip(pairs, chosen, strict=True)]
            if any(map(is_zero, parts)):
                continue
            term = _on_reals(c, [*args[:first], *parts], kwargs, ())
            join = _add if sum(chosen) % 4 < 2 else _subtract
            sums[sum(chosen) % 2] = join(c, sums[sum(chosen) % 2], term)
        return Pair(*sums)


_multilinear("dot matmul sparse_matmul sparse_rmatmul")
_multilinear("einsum", 1)


# --- derivatives that are those of real numbers only ---


@refused(
    "special.ive special.psi special.digamma special.polygamma special.elliprc special.elliprd "
    "special.elliprf"
)
def _of_reals(c: Context, step: Instruction) -> None:
    """Refuse slopes with a sign, or without a next one, which would be wrong without a word."""
    if any(c.tape.values[ref.index].dtype.kind == "c" for ref in refs_of(step.args)):
        raise c.unsupported(
            "got complex numbers", "Its derivative is known for real ones: take parts before it."
        )
