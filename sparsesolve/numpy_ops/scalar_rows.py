"""The scalar operations: one row an operation, from which all stages read.

A row is what the tracer may record, the rule that lowers it, its cost, its derivative where
autograd's is not used, and how machine code does it. Where autograd lacks the primitive, or a rule
of it, it gets them from the row.

Derivatives of our own: autograd has none, or one that fails at a point where the operation is
smooth, overflows in second derivatives, or multiplies by zero what was not chosen (zero times an
infinite slope).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import primitive_jvps, primitive_vjps
from autograd.extend import defjvp, defvjp

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.scalar_ops import OPS, ScalarOp, Slope
from sparsesolve.lower.context import Context, rule
from sparsesolve.trace.naming import WITH_SCIPY, WRAPPED, named
from sparsesolve.trace.primitives import primitive, unbroadcast

__all__ = ["add", "made_primitive"]

_CHEAP, _DIVIDE, _TRANSCENDENTAL, _SPECIAL = 1, 4, 20, 60

# operations whose lowering is more than a map of them: see `elementwise` and `choices`
_MORE = {"where", "power", "add", "multiply", "divide", "subtract", "negative", "abs"}


# --- derivatives of our own ---


def _sinc_slope(x: Any) -> Any:
    """Slope of sin(u) / u, u = pi x; by its series near zero, where the quotient cancels."""
    u = np.pi * x
    near = anp.abs(u) < 0.3
    away = anp.where(near, 1.0, u)
    s = u * u
    series = -1.0 / 3 + s * (1.0 / 30 + s * (-1.0 / 840 + s * (1.0 / 45360 - s / 3991680)))
    return np.pi * anp.where(near, u * series, (anp.cos(u) - anp.sin(u) / away) / away)


def _share(g: Any, ans: Any, one: Any, other: Any) -> Any:
    """Return what goes to an operand of a maximum: all, half at a tie, or nothing."""
    return anp.where(one == ans, g * anp.where(one == other, 0.5, 1.0), 0.0)


def _power_slope(g: Any, ans: Any, x: Any, y: Any) -> Any:
    """``g y x**(y - 1)``, and zero where both are zero.

    autograd takes another exponent wherever y is zero, which makes mixed second derivatives wrong.
    """
    both = anp.logical_and(x == 0.0, y == 0.0)
    return g * y * x ** anp.where(both, 1.0, y - 1.0)


def _tanh_slope(g: Any, ans: Any, x: Any) -> Any:
    """``g / cosh(x)**2``, zero where the square overflows and second derivatives are NaN."""
    return anp.where(anp.abs(x) >= 350.0, 0.0, g / anp.cosh(x) ** 2)


# --- from a row to its primitive and its rule ---


def _map(op: str) -> Callable[..., Any]:
    def apply(c: Context, *args: Any) -> Any:
        return c.map(op, *args)

    return apply


def _complete(function: Callable[..., Any], row: ScalarOp) -> None:
    """Give a primitive of autograd the rules that autograd leaves out."""
    slopes = [_formula(row, k) for k in range(row.arity)]
    if function not in primitive_vjps:
        defvjp(function, *(s and partial(_pull, k, s) for k, s in enumerate(slopes)))
    if function not in primitive_jvps:
        defjvp(function, *slopes)


def _formula(row: ScalarOp, k: int) -> Callable[..., Any] | None:
    found: Slope | None = row.slopes.get(k)
    if found == "unknown" and row.function is not None:
        return partial(_refuse_slope, row.name)
    return found if callable(found) else None


def _refuse_slope(name: str, *arguments: Any) -> Any:
    raise UnsupportedOperation(f"`{name}` has no derivative. Give one when you make it.")


def _pull(k: int, slope: Callable[..., Any], ans: Any, *operands: Any) -> Callable[[Any], Any]:
    return lambda g: unbroadcast(operands[k], slope(g, ans, *operands))


def made_primitive(row: ScalarOp, name: str) -> Callable[..., Any]:
    """Make autograd's primitive of a row, which autograd lacks."""
    result = primitive(row.evaluate)
    _complete(result, row)
    named(result, name)
    return result


def add(name: str, arity: int, cost: int, *, module: str = "numpy", **given: Any) -> None:
    """Add a row, and the rule that lowers what is recorded of it."""
    row = OPS[name] = ScalarOp(name, arity, given.pop("path", f"{module}.{name}"), cost, **given)
    if row.of_scipy:
        rule(f"special.{name}", "special functions", name)(_map(name))
    elif name not in _MORE:
        rule(name, "elementwise", name)(_map(name))


# --- one operand ---

_one = partial(add, arity=1)
_one("negative", cost=_CHEAP, llvm="negative")
# no quotient: the second derivative is zero
_one("abs", cost=_CHEAP, llvm="intrinsic fabs", slopes={0: lambda g, ans, x: g * anp.sign(x)})
_one("sqrt", cost=_DIVIDE, llvm="intrinsic sqrt")
_one("exp", cost=_TRANSCENDENTAL, libm="exp")
_one("exp2", cost=_TRANSCENDENTAL, libm="exp2")
_one("expm1", cost=_TRANSCENDENTAL, libm="expm1")
_one("log", cost=_TRANSCENDENTAL, libm="log")
_one("log2", cost=_TRANSCENDENTAL, libm="log2")
_one("log10", cost=_TRANSCENDENTAL, libm="log10")
_one("log1p", cost=_TRANSCENDENTAL, libm="log1p")
_one(
    "cbrt",
    cost=_TRANSCENDENTAL,
    libm="cbrt",
    slopes={0: lambda g, ans, x: g / (3.0 * ans * ans)},
)
_one(
    "sinc",
    cost=_TRANSCENDENTAL,
    llvm="sinc",
    calls=("sin",),
    slopes={0: lambda g, ans, x: g * _sinc_slope(x)},
)
_one("sin", cost=_TRANSCENDENTAL, libm="sin")
_one("cos", cost=_TRANSCENDENTAL, libm="cos")
_one("tan", cost=_TRANSCENDENTAL, libm="tan")
_one("arcsin", cost=_TRANSCENDENTAL, libm="asin")
_one("arccos", cost=_TRANSCENDENTAL, libm="acos")
_one("arctan", cost=_TRANSCENDENTAL, libm="atan")
_one("sinh", cost=_TRANSCENDENTAL, libm="sinh")
_one("cosh", cost=_TRANSCENDENTAL, libm="cosh")
_one("tanh", cost=_TRANSCENDENTAL, libm="tanh", slopes={0: _tanh_slope})
_one("arcsinh", cost=_TRANSCENDENTAL, libm="asinh")
_one("arccosh", cost=_TRANSCENDENTAL, libm="acosh")
_one("arctanh", cost=_TRANSCENDENTAL, libm="atanh")
_one("sign", cost=_CHEAP, flat=True, llvm="sign")
_one("floor", cost=_CHEAP, flat=True, llvm="intrinsic floor")
_one("ceil", cost=_CHEAP, flat=True, llvm="intrinsic ceil")
_one("trunc", cost=_CHEAP, flat=True, llvm="intrinsic trunc")
_one("rint", cost=_CHEAP, flat=True, llvm="intrinsic rint")
_one("isnan", cost=_CHEAP, flat=True, llvm="isnan")
_one("isinf", cost=_CHEAP, flat=True, llvm="isinf")
_one("isfinite", cost=_CHEAP, flat=True, llvm="isfinite")
_one("logical_not", cost=_CHEAP, flat=True, llvm="logical_not")

# --- two operands ---

_EXTREMUM = {
    0: lambda g, ans, x, y: _share(g, ans, x, y),
    1: lambda g, ans, x, y: _share(g, ans, y, x),
}
_two = partial(add, arity=2)
_two("add", cost=_CHEAP, llvm="binary fadd")
_two("subtract", cost=_CHEAP, llvm="binary fsub")
_two("multiply", cost=_CHEAP, llvm="binary fmul")
_two("maximum", cost=_CHEAP, llvm="pick_first_nan ogt", slopes=_EXTREMUM)
_two("minimum", cost=_CHEAP, llvm="pick_first_nan olt", slopes=_EXTREMUM)
_two("fmax", cost=_CHEAP, llvm="pick_number ogt", slopes=_EXTREMUM)
_two("fmin", cost=_CHEAP, llvm="pick_number olt", slopes=_EXTREMUM)
_two(
    "divide",
    cost=_DIVIDE,
    llvm="binary fdiv",
    slopes={
        0: lambda g, ans, x, y: g * (1.0 / y),
        1: lambda g, ans, x, y: -(g * (x * (1.0 / y)) * (1.0 / y)),
    },
)
_two("remainder", cost=_TRANSCENDENTAL, llvm="remainder", calls=("fmod",))
_two(
    "fmod",
    cost=_TRANSCENDENTAL,
    libm="fmod",
    vector=False,
    slopes={0: lambda g, ans, x, y: g, 1: lambda g, ans, x, y: -g * anp.trunc(x / y)},
)
_two("power", cost=_TRANSCENDENTAL, libm="pow", slopes={0: _power_slope})
_two("arctan2", cost=_TRANSCENDENTAL, libm="atan2")
_two("hypot", cost=_TRANSCENDENTAL, libm="hypot")
_two("logaddexp", cost=_TRANSCENDENTAL, llvm="logaddexp", calls=("exp", "log1p"))
_two(
    "logaddexp2",
    cost=_TRANSCENDENTAL,
    llvm="logaddexp2",
    calls=("exp2", "log1p"),
    slopes={
        0: lambda g, ans, x, y: g * 2.0 ** (x - ans),
        1: lambda g, ans, x, y: g * 2.0 ** (y - ans),
    },
)
_two(
    "copysign",
    cost=_CHEAP,
    llvm="intrinsic copysign",
    slopes={0: lambda g, ans, x, y: g * anp.sign(x) * anp.sign(ans), 1: "zero"},
)
_two("floor_divide", cost=_DIVIDE, flat=True, llvm="floor_divide", calls=("fmod",))
_two("less", cost=_CHEAP, flat=True, llvm="compare olt")
_two("less_equal", cost=_CHEAP, flat=True, llvm="compare ole")
_two("greater", cost=_CHEAP, flat=True, llvm="compare ogt")
_two("greater_equal", cost=_CHEAP, flat=True, llvm="compare oge")
_two("equal", cost=_CHEAP, flat=True, llvm="compare oeq")
_two("not_equal", cost=_CHEAP, flat=True, llvm="compare une")
_two("logical_and", cost=_CHEAP, flat=True, llvm="logic and")
_two("logical_or", cost=_CHEAP, flat=True, llvm="logic or")
_two("logical_xor", cost=_CHEAP, flat=True, llvm="logic xor")
_two("heaviside", cost=_CHEAP, flat=True, llvm="heaviside")
add("where", 3, _CHEAP, llvm="where", slopes={0: "zero"})

# --- scipy.special ---

_special = partial(add, cost=_SPECIAL, module="scipy.special")
for _name in (
    "erf erfc erfinv erfcinv gamma rgamma gammaln psi j0 j1 y0 y1 i0 i1 logit expit".split()  # noqa: SIM905
):
    _special(_name, 1)
_special("digamma", 1, cython="psi")
_special("erfcx", 1, slopes={0: lambda g, ans, x: g * (2.0 * x * ans - 2.0 / np.sqrt(np.pi))})
# autograd says zero for the order of these, which is not true; there is no rule
_ORDER: dict[int, Slope] = {0: "unknown"}
_special("polygamma", 2, slopes=_ORDER)
_special("jn", 2, slopes=_ORDER, cython="jv")
_special("yn", 2, slopes=_ORDER, cython=None)  # SciPy's may raise a warning, where no Python can be
_special("iv", 2, slopes=_ORDER)
_special("ive", 2, slopes=_ORDER)
_special("beta", 2)
_special("betaln", 2)
_special("gammainc", 2)
_special("gammaincc", 2)
_special("betainc", 3)


# --- what autograd lacks ---

for _name in ("cbrt", "copysign", "fmod"):
    _complete(getattr(anp, _name), OPS[_name])
defjvp(anp.hypot, lambda g, ans, x, y: g * x / ans, lambda g, ans, x, y: g * y / ans)
for _flat in (anp.heaviside, anp.signbit):
    defvjp(_flat, None, None)
    defjvp(_flat, None, None)


def _make_missing() -> None:
    """Make primitives of the functions of SciPy that autograd does not wrap."""
    for name, row in OPS.items():
        if row.of_scipy and row.evaluate not in WRAPPED:
            made_primitive(row, f"special.{name}")


WITH_SCIPY.append(_make_missing)
