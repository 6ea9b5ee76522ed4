"""Lowering: a program computes what the plain NumPy call does, on every family of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import autograd.scipy.signal
import autograd.scipy.special
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from lowering import X4, X23, X33, X234, compare, lowered, tape_of
from strategies import random_functions

import sparsesolve as ss
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Kernel, verify
from sparsesolve.ir.tape import Ref
from sparsesolve.lower import lower, lower_into
from sparsesolve.trace import trace

POSITIVE = np.array([0.3, 0.9, 1.6, 0.55])


# ----- movement: exact, and without a single kernel -----

MOVEMENT: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda x: x, X4),
    (lambda x: x[1:], X4),
    (lambda x: x[::-2], X4),
    (lambda x: x[-1], X4),
    (lambda x: x[[0, 2, 2, -1]], X4),
    (lambda x: x[np.array([True, False, True, True])], X4),
    (lambda x: x[:, None, 1:], X23),
    (lambda x: x[..., 0], X234),
    (lambda x: x[1, :, [0, 2]], X234),
    (lambda x: x[np.array([[0, 1], [1, 0]]), np.array([2, 0])], X23),
    (lambda x: x.reshape(3, 2), X23),
    (lambda x: x.reshape(-1, order="F"), X23),
    (lambda x: x.T, X23),
    (lambda x: np.transpose(x, (2, 0, 1)), X234),
    (lambda x: np.swapaxes(x, 0, 2), X234),
    (lambda x: np.moveaxis(x, 0, -1), X234),
    (lambda x: np.roll(x, 2), X23),
    (lambda x: np.roll(x, -1, axis=1), X23),
    (lambda x: np.flip(x), X23),
    (lambda x: np.flipud(x), X23),
    (lambda x: np.rot90(x), X23),
    (lambda x: np.repeat(x, 2, axis=1), X23),
    (lambda x: np.repeat(x, [1, 0, 2, 1]), X4),
    (lambda x: np.tile(x, (2, 1)), X23),
    (lambda x: np.broadcast_to(x, (3, 4)), X4),
    (lambda x: np.expand_dims(x, 1), X23),
    (lambda x: np.squeeze(x[None, :, None]), X4),
    (lambda x: np.concatenate([x, np.ones(2), x[:1]]), X4),
    (lambda x: np.concatenate([x, x[:, :1]], axis=1), X23),
    (lambda x: np.stack([x, 2.5 * np.ones(4)], axis=1), X4),
    (lambda x: np.vstack([x, x]), X4),
    (lambda x: np.hstack([x, x]), X23),
    (lambda x: np.array([x[0], 1.0, x[3]]), X4),
    (lambda x: np.array([[x[0], x[1]], [0.0, x[0]]]), X4),
    (lambda x: np.diag(x), X4),
    (lambda x: np.diag(x, -1), X4),
    (lambda x: np.diag(x), X33),
    (lambda x: np.diagonal(x, 1), X33),
    (lambda x: np.triu(x), X33),
    (lambda x: np.tril(x, -1), X33),
    (lambda x: np.pad(x, 1), X23),
    (lambda x: np.pad(x, ((0, 1), (2, 0))), X23),
    (lambda x: np.pad(x, (1, 2), constant_values=3.5), X4),
    (lambda x: np.pad(x, (1, 2), constant_values=(1.0, -2.0)), X4),
    (lambda x: np.pad(x, 2, mode="edge"), X4),
    (lambda x: np.pad(x, 2, mode="wrap"), X4),
    (lambda x: np.pad(x, 2, mode="reflect"), X4),
    (lambda x: np.pad(x, 2, mode="symmetric"), X23),
    (lambda x: np.take(x, [2, 0], axis=1), X23),
    (lambda x: np.where(np.array([True, False, True, False]), x, 7.0), X4),
    (lambda x: x.copy(), X4),
    (lambda x: np.split(x, 2)[1], X4),
    (lambda x: np.atleast_2d(x), X4),
    (lambda x: np.delete(x, 1), X4),
    (lambda x: np.meshgrid(x, x)[0], X4),
    (lambda x: x[1:1], X4),
    (lambda x: np.concatenate([x, x]), np.zeros(0)),
    (lambda x: np.pad(x, 1), np.zeros((0, 2))),
    (lambda x: x.reshape(()), np.ones(1)),
    (lambda x: np.reshape(x, (1, 1)), 2.5),
]


@pytest.mark.parametrize("case", MOVEMENT, ids=lambda case: str(MOVEMENT.index(case)))
def test_movement_emits_nothing(case: tuple[Callable[[Any], Any], Any]) -> None:
    assert not compare(*case, exact=True).instructions


def test_assignment_moves_slots() -> None:
    def shifted(x: Any) -> Any:
        r = np.zeros_like(x)
        r[1:-1] = x[2:]
        r[0] = 3.0
        r[[2, 2]] = x[:2]
        return r

    assert not compare(shifted, X4, exact=True).instructions


def test_views_copy_no_indices() -> None:
    builder = Builder((4, 5))
    assert np.shares_memory(builder.x[1:, ::2], builder.x)
    assert np.shares_memory(np.transpose(builder.x), builder.x)


# ----- elementwise -----

UNARY = """
    sin cos exp expm1 exp2 log log2 log10 log1p sqrt square reciprocal negative abs fabs tanh tan
    arctan arcsin arccos arcsinh sinh cosh arctanh cbrt sign floor ceil trunc rint sinc isnan
    isfinite isinf logical_not degrees deg2rad rad2deg radians positive signbit
""".split()  # noqa: SIM905
BINARY = """
    add subtract multiply divide power maximum minimum fmax fmin arctan2 hypot logaddexp
    logaddexp2 remainder mod fmod floor_divide copysign less less_equal greater greater_equal
    equal not_equal logical_and logical_or logical_xor heaviside
""".split()  # noqa: SIM905


@pytest.mark.every(2)
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", [POSITIVE[:2], POSITIVE[:1], POSITIVE[:0], 0.25])
def test_unary(name: str, x: Any) -> None:
    compare(lambda x: getattr(np, name)(x) * 1.0, x)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    ufunc = getattr(np, name)
    compare(lambda x: ufunc(x[:, None], x[:3] + 0.5) * 1.0, POSITIVE)
    compare(lambda x: ufunc(x, 0.75) * 1.0, POSITIVE)
    compare(lambda x: ufunc(np.array([0.5, 1.5, 2.0, 0.25]), x[0]) * 1.0, POSITIVE)
    compare(lambda x, p: ufunc(x, p) * 1.0, POSITIVE, POSITIVE[::-1].copy())


SPECIAL = """
    erf erfc erfinv gamma gammaln psi digamma j0 j1 y0 y1 expit logit rgamma gammasgn
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(name: str) -> None:
    compare(getattr(autograd.scipy.special, name), POSITIVE[[0, 3]])


def test_special_functions_of_two_arguments() -> None:
    special = autograd.scipy.special
    compare(lambda x: special.gammainc(1.5, x), POSITIVE)
    compare(lambda x: special.gammaincc(1.5, x), POSITIVE)
    compare(lambda x: special.betainc(1.5, 0.5, x / 2.0), POSITIVE)
    compare(lambda x: special.gammasgn(x - 2.0), POSITIVE)
    compare(lambda x: special.polygamma(1, x), POSITIVE)
    compare(lambda x: special.jn(2, x), POSITIVE)
    compare(lambda x: special.beta(x, 1.5), POSITIVE)


@pytest.mark.parametrize(
    "p", [0, 1, 2, 3, 4, 5, -1, -2, -3, 0.5, 1.5, -0.5, 2.0, 17, np.array([2, 3, 0.5, 1]),
          np.array([[2.0], [2.0]]), np.array(2), np.zeros((2, 1)), 30.0]
)  # fmt: skip
def test_powers(p: Any) -> None:
    compare(lambda x: x**p, POSITIVE)


def test_small_powers_are_products() -> None:
    for p in (2, 3, -2):
        program = lowered(lambda x, p=p: x**p, X4)
        ops = [node.op for step in program.instructions for node in step.nodes]
        assert "power" not in ops


ODD_VALUES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0, 1e300])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.clip(x, -0.5, 1.5),
        lambda x: np.clip(x, None, 1.0),
        lambda x: np.clip(x, 1.0, None),
        lambda x: np.clip(x, 1.0, -1.0),
        lambda x: np.clip(x, -1.0, np.inf),
        lambda x: np.clip(x, np.full(9, -1.0), np.linspace(-2, 2, 9)),
        lambda x: np.clip(x, x[::-1], 2.0),
        lambda x: np.clip(x, -1.0, x[::-1]),
        lambda x: np.clip(x, np.nan, 2.0),
        lambda x: np.maximum(x, 0.0),
        lambda x: np.fmin(x, 0.0),
        lambda x: np.where(x > 0, x, -x),
        lambda x: np.nan_to_num(x),
        lambda x: x * 0.0,
        lambda x: x - x,
        lambda x: x / x,
        lambda x: x**0,
        lambda x: x**0.5,
        lambda x: x * 1.0 + 0.0,
        lambda x: np.max(x),
        lambda x: np.sum(x[1:]),
        lambda x: np.sign(x),
    ],
)
def test_odd_values_are_as_in_numpy(function: Callable[[Any], Any]) -> None:
    program = lowered(function, np.linspace(0.2, 1.0, 9))
    with np.errstate(all="ignore"):
        expected = function(ODD_VALUES)
    np.testing.assert_array_equal(Interpreter(program)(ODD_VALUES), np.ravel(expected))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x > 0.5) + (x < 1.0),
        lambda x: (x > 0.5) * (x < 1.0) * x,
        lambda x: (x > 0.5) & (x < 1.0) | (x == 0.3),
        lambda x: ~(x > 0.5) * 1.0,
        lambda x: (3.7 * x).astype(int) * 1.0,
        lambda x: x.astype(bool) * 2.0,
        lambda x: x.astype(float),
        lambda x: np.sum(x > 0.5),
        lambda x: np.any(x > 1.0) + np.all(x > 0.1) * 2.0,
        lambda x: np.all(x[None] > 0.5, axis=0) * x,
        lambda x: np.mean(x > 0.5),
        lambda x: np.sum((x > 0.5) + (x > 0.2)),
    ],
)
def test_truth_values_and_integers(function: Callable[[Any], Any]) -> None:
    compare(function, POSITIVE)


def test_single_precision_is_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="float64"):
        lowered(lambda x: x.astype(np.float32), X4)


# ----- reductions -----


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "cumsum", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_reductions(name: str, axis: int | None) -> None:
    reduce = getattr(np, name)
    compare(lambda x: reduce(x, axis=axis), X234)
    compare(lambda x: reduce(x, axis=axis), X234[:1, :1])
    if name != "cumsum":
        compare(lambda x: reduce(x, axis=axis, keepdims=True), X234)


def test_reductions_over_several_axes_and_sizes() -> None:
    compare(lambda x: np.sum(x, axis=(0, 2)), X234)
    compare(lambda x: np.max(x, axis=(-1, 0)), X234)
    compare(lambda x: np.sum(x), np.zeros(0))
    compare(lambda x: np.sum(x, axis=0), np.zeros((0, 3)))
    compare(lambda x: np.prod(x, axis=1), np.zeros((2, 0)))
    compare(lambda x: np.cumsum(x), np.zeros(0))
    compare(lambda x: np.sum(x, axis=1), np.zeros((0, 3)))
    compare(lambda x: np.sum(x) + np.max(x), 3.0)
    compare(lambda x: np.sum(x, axis=0), np.linspace(0, 1, 400).reshape(2, 200))
    compare(lambda x: np.sum(x, axis=1), np.linspace(0, 1, 400).reshape(2, 200))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 65, 130])
def test_long_axes(n: int) -> None:
    x = np.linspace(0.9, 1.1, n)
    for reduce in (np.sum, np.prod, np.max, np.min, np.cumsum):
        compare(reduce, x)
    compare(lambda x: np.cumsum(x.reshape(1, n, 1) * np.ones((2, 1, 3)), axis=1), x)


def test_short_sums_are_maps_that_fuse() -> None:
    program = lowered(lambda x: np.sum(x, axis=1), np.ones((20, 3)))
    assert all(step.segments is None for step in program.instructions)
    program = lowered(np.sum, np.ones(60))
    assert len(program.instructions) == 1


# ----- whole functions -----


@given(random_functions(assignment=True))
@settings(max_examples=50)
def test_random_functions(case: Any) -> None:
    compare(case.function, case.x0)


def test_several_tapes_share_one_program() -> None:
    first = trace(lambda x, p: np.sum(np.sin(x) * p), (X4, X4))
    second = trace(lambda x: np.sin(x) ** 2, (X4,))
    builder = Builder((4,))
    p = builder.parameter((4,))
    outputs = [lower_into(builder, first, builder.x, [p]), lower_into(builder, second, builder.x)]
    program = builder.build(np.concatenate([np.ravel(o) for o in outputs]))
    verify(program)
    expected = np.append(np.sum(np.sin(X4) * X4), np.sin(X4) ** 2)
    np.testing.assert_allclose(Interpreter(program)(X4, [X4]), expected, rtol=1e-14)
    assert sum(node.op == "sin" for step in program.instructions for node in step.nodes) == 1


def test_equal_work_is_shared_and_constants_fold() -> None:
    program = lowered(lambda x: np.exp(x) + np.exp(x) * np.exp(np.ones(4)), X4)
    assert len(program.instructions) == 3


def test_equal_gathers_are_shared() -> None:
    index = np.array([3, 0, 2, 2])
    program = lowered(lambda x: np.sin(x[index] - x[[1, 1, 0, 3]]) * x[index.copy()], X4)
    twice = lowered(
        lambda x: np.sin(x[index] - x[[1, 1, 0, 3]]) * np.sin(x[index.copy()] - x[[1, 1, 0, 3]]),
        X4,
    )
    assert len(program.instructions) == len(twice.instructions) == 3
    different = lowered(lambda x: np.sum(x[None], axis=0) + np.roll(x, 1) * np.roll(x, -1), X4)
    compare(lambda x: np.power(x, 2.0) + np.power(x, 3.0) + x[[0, 1, 2, 3]] + x[[1, 0, 3, 2]], X4)
    assert len(different.instructions) == 2


def test_outputs_that_do_not_depend_on_x() -> None:
    program = lowered(lambda x: np.arange(3.0), X4)
    np.testing.assert_array_equal(Interpreter(program)(X4), np.arange(3.0))


def test_integers_of_32_bits_are_no_slots() -> None:
    weights = np.array([1, 2, 3, 4], dtype=np.int32)
    index = np.array([3, 0], dtype=np.int32)
    compare(lambda x: (x * weights)[index] + np.int32(2), X4)


def test_origins_name_lines_and_primitives() -> None:
    program = lowered(lambda x: np.sin(x) * 2.0, X4)
    sources = [program.sources[step.origin[0]] for step in program.instructions]
    assert [source.split()[-1] for source in sources] == ["sin", "multiply"]
    assert "test_lower.py" in sources[0]


# ----- errors -----


def test_unknown_operations_are_refused_with_their_line() -> None:
    with pytest.raises(UnsupportedOperation, match=r"`frobnicate` at model.py:7.*supported.md"):
        lower(tape_of("frobnicate", Ref(0)))


def test_kernels_are_all_kernels() -> None:
    program = lowered(lambda x: anp.sin(x), X4)
    assert all(isinstance(step, Kernel) for step in program.instructions)


def test_scipy_special_of_plain_scipy() -> None:
    compare(lambda x: scipy.special.erf(x), X4)


@pytest.mark.slow_cases("5")
@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_constant_that_equals_the_number_of_a_slot_is_no_square(n):
    for number in range(40):

        def function(x, c=float(number)):
            a = abs(x[0])
            b = x[1] + a
            return np.array([b * c, c * a, x[1] * c, c * c])

        x = np.array([0.7, -1.3, 0.2, 0.5, 0.9])[:n]
        J = ss.jacobian(function, x, check=False)
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-14)


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint8, np.int32])
def test_what_a_constant_choice_leaves_are_floats(kind):
    def function(x):
        chosen = np.where(np.zeros(4, dtype=bool), x, np.arange(100, 104).astype(kind))
        return x + chosen * chosen + np.tanh(chosen / 100.0) + np.exp(chosen * 0 + 1.0)

    J = ss.jacobian(function, X4, check=False)
    np.testing.assert_allclose(J.value(X4), function(X4), rtol=1e-14)
