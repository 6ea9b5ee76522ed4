"""Values and derivatives at zeros of both signs, infinities, NaN, subnormal and huge numbers.

Values are NumPy's, whichever engine runs and however long the array is (short arrays run element
by element, long ones in vectors with a rest). Derivatives of machine code are the interpreter's.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.special as ssp

import sparsesolve as ss

SPECIAL = np.concatenate(
    [
        [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324],
        [2.2e-308, 1e-310, 1e-160, 1e-17, -1e-9, 1e160, -1e160, 1.7e308, -1.7e308, np.pi, 20.0],
        [-np.pi / 2, 1e5, -1e7, 1e15, 4503599627370497.5, 709.78, 710.0, -745.2, -708.5],
    ]
)
RANDOM = np.concatenate(
    [
        np.random.default_rng(0).standard_normal(200),
        np.random.default_rng(1).uniform(-1.0, 1.0, 200),
        np.exp(np.random.default_rng(2).uniform(-30.0, 30.0, 200)),
    ]
)

_UNARY = """abs absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh exp exp2
    expm1 fabs floor isfinite isinf isnan isneginf isposinf log log10 log1p log2 logical_not
    negative positive radians degrees reciprocal rint round sign signbit sin sinc sinh sqrt square
    tan tanh trunc nan_to_num"""
_BINARY = """add arctan2 copysign divide equal floor_divide fmax fmin fmod greater greater_equal
    heaviside hypot less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum
    minimum multiply not_equal power remainder subtract"""
_SPECIAL_UNARY = """erf erfc erfinv erfcinv expit gamma gammaln digamma i0 i1 j0 j1 y0 y1 logit
    rgamma xlogy_of_itself entr ndtr log_expit"""
_OTHERS = {
    "power -2": lambda x: np.clip(x, -1e150, 1e150) ** -2,
    "power -0.5": lambda x: x**-0.5,
    "power 0": lambda x: x**0,
    "power 0.5": lambda x: x**0.5,
    "power 2": lambda x: x**2,
    "power 3": lambda x: x**3,
    "power 1.5": lambda x: x**1.5,
    "power 17": lambda x: x**17,
    "power of 2": lambda x: 2.0**x,
    "power of -2": lambda x: np.power(-2.0, x),
    "power of 0": lambda x: np.power(0.0, x),
    "times 0": lambda x: 0.0 * x,
    "times -0": lambda x: x * -0.0,
    "plus 0": lambda x: x + 0.0,
    "minus 0": lambda x: x - 0.0,
    "plus -0": lambda x: -0.0 + x,
    "0 minus": lambda x: 0.0 - x,
    "minus itself": lambda x: x - x,
    "over itself": lambda x: x / x,
    "0 over": lambda x: 0.0 / x,
    "over 0": lambda x: x / 0.0,
    "over -0": lambda x: x / -0.0,
    "mod 0": lambda x: x % 0.0,
    "floor division by 0": lambda x: x // 0.0,
    "mod inf": lambda x: x % np.inf,
    "mod 3": lambda x: x % 3.0,
    "mod -3": lambda x: x % -3.0,
    "of 7 mod": lambda x: 7.0 % x,
    "floor division": lambda x: x // 0.3,
    "where": lambda x: np.where(x > 0.5, x, -x),
    "where of itself": lambda x: np.where(x, 1.0, 2.0),
    "clip": lambda x: np.clip(x, -0.5, 2.0),
    "clip crossed": lambda x: np.clip(x, 2.0, -0.5),
    "clip inf": lambda x: np.clip(x, -np.inf, 1.0),
    "clip method": lambda x: x.clip(0.0),
    "comparison": lambda x: (x > 0.5) * x,
    "not": lambda x: ~(x > 0.5) * 1.0,
    "bool": lambda x: x.astype(bool) * 2.0,
    "isclose": lambda x: np.isclose(x, 1.0) * 1.0,
    "maximum of constant": lambda x: np.maximum(x, 0.0),
    "constant of maximum": lambda x: np.maximum(0.0, x),
    "minimum of nan": lambda x: np.minimum(x, np.nan),
    "fmax of nan": lambda x: np.fmax(np.nan, x),
    "relu by product": lambda x: x * (x > 0),
    "xlogy": lambda x: ssp.xlogy(x, 0.0),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "hypot": lambda x: np.hypot(x, 3.0),
    "fma candidate": lambda x: x * x - 1.0,
    "chain": lambda x: np.exp(-(x**2)) * np.sin(x) / (1.0 + np.abs(x)),
}


def _cases():
    cases = {name: getattr(np, name) for name in _UNARY.split()}
    for name in _SPECIAL_UNARY.split():
        cases[f"special.{name}"] = getattr(ssp, name, None) or (lambda x: ssp.xlogy(x, x))
    for name in _BINARY.split():
        # every special value with its neighbors; the other operand constant on either side too
        f = getattr(np, name)
        cases[f"{name} 1"] = lambda x, f=f: f(x, np.roll(x, 1))
        cases[f"{name} 5"] = lambda x, f=f: f(x, np.roll(x, 5))
        cases[f"{name} 9"] = lambda x, f=f: f(x, np.roll(x, 9))
        cases[f"{name} self"] = lambda x, f=f: f(x, x)
        cases[f"{name} right"] = lambda x, f=f: f(x, 1.5)
        cases[f"{name} left"] = lambda x, f=f: f(-0.0, x)
    return cases | _OTHERS


CASES = _cases()
# x**p is a product, whose reciprocal may be subnormal
SLACK = {"power 17": 16, "power 3": 2, "power -0.5": 2, "chain": 8}


def quietly(function, *args, **options):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


def ulps(actual, expected, *, signs=True, operands=None):
    """Distance in units of the last place; NaN, infinities and the signs of zeros must agree.

    The unit is that of the expected value, or of the largest operand if operands are given.
    """
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(actual), np.isinf(expected))
    finite = np.isfinite(expected)
    a, e = actual[finite], expected[finite]
    zero = (e == 0.0) & (a == 0.0)
    if signs:
        np.testing.assert_array_equal(np.signbit(a[zero]), np.signbit(e[zero]))
    infinite = np.isinf(expected)
    np.testing.assert_array_equal(actual[infinite], expected[infinite])
    size = np.abs(e) if operands is None else np.maximum(np.abs(e), operands[finite])
    return float(np.max(np.abs(a - e) / quietly(np.spacing, size), initial=0.0))


@pytest.mark.every(16)
@pytest.mark.parametrize("name", CASES)
def test_values_are_numpys(name):
    function = CASES[name]
    for n in (1, 3, 8, 1000):
        J = quietly(ss.jacobian, function, np.full(n, 0.6), check=False)
        slices = [np.resize(np.roll(SPECIAL, -k), n) for k in range(0, SPECIAL.size, min(n, 17))]
        for x in slices if n < 1000 else [*slices[:1], np.resize(RANDOM, n)]:
            expected = np.asarray(quietly(function, x), dtype=float)
            # NumPy's fmax(0.0, -0.0) depends on the length; logaddexp may cancel
            signs = not name.startswith(("fmax", "fmin"))
            operands = np.ones(n) if name.startswith("logadd") else None
            worst = quietly(ulps, J.value(x), expected, signs=signs, operands=operands)
            assert worst <= SLACK.get(name, 4), f"{worst} ulp at n = {n}"


REDUCTIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "cumsum": np.cumsum,
    "dot": lambda x: x @ x,
    "norm": np.linalg.norm,
    "std": np.std,
    "any": lambda x: np.any(x > 0.0) * 1.0,
    "all": lambda x: np.all(x > 0.0) * 1.0,
    "logsumexp": lambda x: ssp.logsumexp(x),
    "sort": np.sort,
    "nansum": np.nansum,
    "clip then sum": lambda x: np.sum(np.clip(x, 0.0, 1.0)),
    "where over sum": lambda x: np.where(np.sum(x) > 0, x, -x),
}


@pytest.mark.slow_cases("std-compiled")
@pytest.mark.every(7)
@pytest.mark.parametrize("method", ["compiled", "interpreted"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_carry_nan_and_infinity(name, method):
    function = REDUCTIONS[name]
    for n in (2, 9, 1000):
        J = ss.jacobian(function, np.full(n, 0.6), method=method, check=False)
        for put in (
            {},
            {0: np.nan},
            {1: np.inf},
            {0: -np.inf},
            {0: np.inf, 1: -np.inf},
            {1: 1e200},
        ):
            x = np.resize(RANDOM[:400], n)
            for k, value in put.items():
                x[k] = value
            expected = np.asarray(quietly(function, x), dtype=float)
            np.testing.assert_allclose(J.value(x), expected, rtol=1e-13, atol=1e-14)


def dense(J, x):
    """Jacobian with its structure: entries outside of the pattern are zero."""
    return quietly(J, x).toarray()


@pytest.mark.every(22)
@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_the_interpreters(name):
    function = CASES[name]
    for n in (1, 3, 1000):
        compiled, interpreted = (
            quietly(ss.jacobian, function, np.full(n, 0.6), check=False, method=method)
            for method in ("auto", "interpreted")
        )
        assert compiled.pattern == interpreted.pattern
        for k in range(0, SPECIAL.size, min(n, 40)):
            x = np.resize(np.roll(SPECIAL, -k), n)
            a, e = quietly(compiled.values, x), quietly(interpreted.values, x)
            assert quietly(ulps, a, e, signs=False, operands=np.ones(e.size)) <= 16


@pytest.mark.every(2)
@pytest.mark.parametrize("name", sorted(CASES)[::6])
def test_second_derivatives_are_the_interpreters(name):
    function = CASES[name]
    compiled, interpreted = (
        quietly(ss.hessian, lambda x: np.sum(function(x)), np.full(40, 0.6), method=m, check=False)
        for m in ("auto", "interpreted")
    )
    for k in (0, 7):
        x = np.roll(np.resize(SPECIAL, 40), k)
        a, e = quietly(compiled.values, x), quietly(interpreted.values, x)
        assert quietly(ulps, a, e, signs=False, operands=np.ones(e.size)) <= 64


FINITE = {
    "exp at -inf": (np.exp, -np.inf, 0.0),
    "tanh at inf": (np.tanh, np.inf, 0.0),
    "tanh at huge": (np.tanh, 1e4, 0.0),
    "arctan at inf": (np.arctan, np.inf, 0.0),
    "expit at -huge": (ssp.expit, -1e4, 0.0),
    "softplus at huge": (lambda x: np.logaddexp(0.0, x), 1e4, 1.0),
    "softplus at -huge": (lambda x: np.logaddexp(0.0, x), -1e4, 0.0),
    "abs at 0": (np.abs, 0.0, 0.0),
    "relu at 0": (lambda x: np.maximum(x, 0.0), 0.0, 0.5),
    "relu below": (lambda x: np.maximum(x, 0.0), -1.0, 0.0),
    "where away from log of 0": (
        lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0),
        0.0,
        0.0,
    ),
    "square at 0": (lambda x: x**2, 0.0, 0.0),
    "cube at 0": (lambda x: x**3, 0.0, 0.0),
    "power 1.5 at 0": (lambda x: x**1.5, 0.0, 0.0),
    "power 1 at 0": (lambda x: x**1.0, 0.0, 1.0),
    "power 0 at 0": (lambda x: x**0.0, 0.0, 0.0),
    "exponent of 1": (lambda x: np.power(1.0, x), 2.0, 0.0),
    "sinc at 0": (np.sinc, 0.0, 0.0),
    "sinc near 0": (np.sinc, 1e-9, -(np.pi**2) * 1e-9 / 3.0),
    "x log x away from 0": (lambda x: ssp.xlogy(x, x), 1.0, 1.0),
    "hypot": (lambda x: np.hypot(x, 4.0), 3.0, 0.6),
    "cbrt": (np.cbrt, 8.0, 1.0 / 12.0),
    "product with 0": (lambda x: np.prod(x * np.array([0.0, 2.0])), 3.0, 0.0),
    "norm of 0 kept finite": (lambda x: np.sqrt(np.sum(x**2) + 1e-8), 0.0, 0.0),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
@pytest.mark.parametrize("name", FINITE)
def test_derivatives_that_are_known(name, method):
    function, x, expected = FINITE[name]
    J = ss.jacobian(function, np.array([0.6]), method=method)
    assert dense(J, np.array([x])).sum() == pytest.approx(expected, rel=1e-15, abs=1e-300)


def test_products_keep_the_zeros_of_others():
    """No division by an element: at a zero the derivative is the product of the others."""
    J = ss.jacobian(lambda x: np.prod(x), np.ones(4))
    np.testing.assert_array_equal(J(np.array([0.0, 2.0, 3.0, 4.0])).toarray(), [[24.0, 0, 0, 0]])
    J = ss.jacobian(lambda x: np.cumprod(x), np.ones(3))
    expected = [[1.0, 0, 0], [2.0, 0.0, 0], [6.0, 0.0, 0.0]]
    np.testing.assert_array_equal(J(np.array([0.0, 2.0, 3.0])).toarray(), expected)


def test_nan_stays_in_its_rows():
    """A NaN in one element reaches the rows that depend on it, and no others."""
    J = ss.jacobian(lambda x: (x[1:] - x[:-1]) ** 2 * np.exp(x[1:]), np.ones(2000))
    x = np.linspace(0.0, 1.0, 2000)
    x[700] = np.nan
    rows = np.unique(np.nonzero(np.isnan(J(x).toarray()))[0])
    np.testing.assert_array_equal(rows, [699, 700])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(J.value(x))), [699, 700])


def test_no_warnings_from_engines():
    """Machine code and the interpreter are quiet; NumPy's own warnings belong to plain calls."""
    for method in ("auto", "interpreted", "colored"):
        J = ss.jacobian(lambda x: np.log(x) / x, np.ones(3), method=method)
        with np.errstate(all="raise"):
            J(np.array([0.0, -1.0, np.inf]))
            J.value(np.array([0.0, -1.0, np.inf]))


def test_zeros_of_a_constant_matrix_are_structural():
    """What NumPy multiplies by a constant zero is left out, as a sparse matrix would do it."""
    A = np.array([[0.0, 1.0], [1.0, 0.0]])
    J = ss.jacobian(lambda x: A @ x, np.ones(2))
    assert J.nnz == 2
    np.testing.assert_array_equal(J.value(np.array([np.nan, 2.0])), [2.0, np.nan])


def test_second_derivative_of_sinc_at_zero():
    H = ss.hessian(lambda x: np.sum(np.sinc(x)), np.ones(2))
    found = H(np.array([0.0, 1e-8])).diagonal()
    np.testing.assert_allclose(found, -(np.pi**2) / 3.0, rtol=1e-14)


def test_the_slope_of_tanh_is_nan_where_its_value_is() -> None:
    """And zero where the square of the hyperbolic cosine overflows."""
    J = ss.jacobian(lambda x: np.tanh(np.sqrt(x)), np.ones(3))
    with np.errstate(invalid="ignore"):
        found = J(np.array([-1.0, 4.0, 1e6])).diagonal()
    np.testing.assert_allclose(found, [np.nan, 0.25 / np.cosh(2.0) ** 2, 0.0])
