"""Derivative programs agree with each other, scalar rules with differences; random programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

from sparsesolve.derivatives.traced_function import select
from sparsesolve.differentiate import (
    TooManyTerms,
    active_slots,
    adjoint_program,
    gradient_program,
    jacobian_pattern,
    jacobian_program,
    tangent_program,
)
from sparsesolve.differentiate.detect import boolean_pattern
from sparsesolve.differentiate.kernel_reverse import Known, known_values
from sparsesolve.differentiate.rules import partial_rule
from sparsesolve.differentiate.sums import sum_runs
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import UnsupportedOperation
from sparsesolve.fuse import fuse, restrict
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.expression import Expressions
from sparsesolve.ir.program import Node, verify
from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.trace.naming import load_scipy
from tests import oracles
from tests.random_programs import random_program

SMOOTH = ["negative", "sqrt", "exp", "log1p", "sin", "cos", "tanh", "arctan", "expm1", "abs"]
SMOOTH_BINARY = ["add", "subtract", "multiply", "divide", "maximum", "arctan2"]


def point(program, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.3, 1.2, size=program.n)
    return x, [rng.uniform(0.3, 1.2, size=block.shape) for block in program.parameters]


def matrix(found, x, parameters):
    return found.pattern.to_scipy(Interpreter(fuse(found.program))(x, parameters)).toarray()


def random_smooth(seed):
    program = fuse(random_program(seed, unary=SMOOTH, binary=SMOOTH_BINARY))
    return program, *point(program)


def moderate(values):
    return np.isfinite(values).all() and (np.abs(values) < 1e8).all()


@pytest.mark.slow
@settings(max_examples=150)
@given(seed=oracles.seeds())
def test_jacobian_tangent_and_adjoint_agree(seed):
    program, x, parameters = random_smooth(seed)
    found = jacobian_program(program)
    verify(found.program)
    J = matrix(found, x, parameters)
    assume(moderate(J))
    rng = np.random.default_rng(1)
    directions, weights = rng.normal(size=(2, program.n)), rng.normal(size=program.m)
    tangent, adjoint = tangent_program(program, 2), adjoint_program(program)
    verify(tangent)
    verify(adjoint)
    pushed = Interpreter(fuse(tangent))(x, [*parameters, directions.reshape(-1)])
    assume(moderate(pushed))  # a partial may be infinite where the pattern knows a zero factor
    oracles.assert_close(pushed.reshape(2, -1), directions @ J.T, rtol=1e-10)
    pulled = Interpreter(fuse(adjoint))(x, [*parameters, weights])
    assume(moderate(pulled))
    oracles.assert_close(pulled, J.T @ weights, rtol=1e-10)
    assert boolean_pattern(program).covers(found.pattern)
    assert jacobian_pattern(program) == found.pattern


@settings(max_examples=60)
@given(seed=oracles.seeds())
def test_jacobian_equals_differences(seed):
    program, x, parameters = random_smooth(seed)
    J = matrix(jacobian_program(program), x, parameters)
    run = Interpreter(program)
    assume(moderate(J) and moderate(run(x, parameters)))
    expected = oracles.finite_difference_jacobian(lambda v: run(v, parameters), x)
    assume(np.isfinite(expected).all() and (np.abs(expected) < 1e3).all())
    np.testing.assert_allclose(J, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=80)
@given(seed=oracles.seeds())
def test_parts_of_a_program_are_programs(seed):
    program, x, parameters = random_smooth(seed)
    whole = Interpreter(program)(x, parameters)
    rows = slice(program.m // 3, program.m // 3 + 2)
    part = restrict(select(program, rows))
    verify(part)
    np.testing.assert_array_equal(Interpreter(part)(x, parameters), whole[rows])


def test_hessian_of_a_random_sum_is_symmetric():
    program, x, parameters = random_smooth(7)
    b = Builder.resume(program)
    ids = program.outputs
    total = fuse(b.build(b.reduce(b.map("multiply", ids, ids), [0, ids.size])))
    gradient = fuse(gradient_program(total))
    full = matrix(jacobian_program(gradient), x, parameters)
    lower = matrix(jacobian_program(gradient, lower=True), x, parameters)
    oracles.assert_close(full, full.T, rtol=1e-11)
    oracles.assert_close(lower, np.tril(full), rtol=1e-11)


load_scipy()  # rows of several results know each other from then on
ORDERS = {"polygamma": 1, "jn": 1, "yn": 1, "iv": 1, "ive": 1, "gammainc": 1, "gammaincc": 1}
ORDERS["betainc"] = 2  # parameters without a derivative in autograd
STARTS = {"arccosh": 1.7, "erfcinv": 0.8, "lambertw[-1]": -0.2, "ndtri_exp": -0.4}
CONSTANTS = {"ellipkinc": 0.4, "ellipeinc": 0.4}  # of the operands without a derivative; else 2
CONSTANTS |= {f"ellipj[{k}]": 0.4 for k in range(4)}


def fixed_operands(op):
    """Operands whose slope is not known: they are constants."""
    unknown = {k for k, slope in OPS[op].slopes.items() if slope == "unknown"}
    return unknown | set(range(ORDERS.get(op, 0)))


@pytest.mark.every(2)
@pytest.mark.parametrize("op", [op for op in OPS if not OPS[op].flat])
def test_every_scalar_rule_equals_differences(op):
    fixed = fixed_operands(op)
    b = Builder((OPS[op].arity - len(fixed),))
    free = iter(b.x)
    constant = CONSTANTS.get(op, 2.0)
    operands = [constant if k in fixed else next(free) for k in range(OPS[op].arity)]
    program = b.build(b.map(op, *operands))
    start = np.array([STARTS.get(op, 0.37), 0.62, 0.45])[: program.n]
    expected = oracles.finite_difference_jacobian(Interpreter(program), start)
    assert np.isfinite(expected).all()
    oracles.assert_close(matrix(jacobian_program(program), start, []), expected, rtol=1e-7)


@pytest.mark.parametrize("op", list(ORDERS))
def test_a_missing_rule_is_named(op):
    b = Builder((OPS[op].arity,))
    with pytest.raises(UnsupportedOperation, match=f"`{op}` has no derivative for its operand 0"):
        jacobian_program(b.build(b.map(op, *b.x)))


@pytest.mark.parametrize("op", [op for op in OPS if OPS[op].flat])
def test_flat_operations_have_no_derivative(op):
    assert all(partial_rule(op, k) is None for k in range(OPS[op].arity))
    b = Builder((OPS[op].arity,))
    assert jacobian_pattern(b.build(b.map(op, *b.x))).nnz == 0


def test_zero_times_unknown_is_known():
    nodes = [Node("load", (0,)), Node("load", (1,)), Node("multiply", (0, 1)), Node("exp", (0,))]
    load = Known(np.array([True, True, False]), np.array([0.0, 2.0, 0.0]))
    known = known_values(nodes, [2, 3], [load, None], 3)
    assert known[2].mask.tolist() == [True, False, False]
    assert known[3].mask.tolist() == [True, True, False]
    np.testing.assert_array_equal(known[3].values[:2], [1.0, np.exp(2.0)])


def test_where_is_known_where_its_condition_and_choice_are():
    nodes = [Node("load", (k,)) for k in range(3)] + [Node("where", (0, 1, 2))]
    condition = Known(np.array([True, True, False]), np.array([1.0, 0.0, 0.0]))
    chosen = Known(np.array([True, True, True]), np.array([5.0, 5.0, 5.0]))
    known = known_values(nodes, [3], [condition, chosen, None], 3)
    assert known[3].mask.tolist() == [True, False, False]


def test_the_chain_rule_is_bounded():
    b = Builder((30,))
    A = np.arange(900).reshape(30, 30) % 30
    u = b.x
    for _ in range(3):
        u = b.map("sin", b.reduce(u[A].reshape(-1), np.arange(0, 901, 30)))
    with pytest.raises(TooManyTerms, match="colored"):
        jacobian_program(fuse(b.build(u)), most_terms=1000)


def test_activity_stops_at_flat_operations():
    b = Builder((2,))
    sign = b.map("sign", b.x)
    product = b.map("multiply", sign, b.x)
    program = b.build(np.concatenate([sign, product]))
    assert active_slots(program)[program.outputs].tolist() == [False, False, True, True]
    assert active_slots(program, differentiable=False)[program.outputs].all()


@pytest.mark.parametrize("many", [1, 40])
def test_sums_of_runs(many):
    b = Builder((30,))
    sizes = np.tile([0, 1, 2, 3, 9], many)
    members = np.resize(np.arange(30, dtype=np.int32), int(sizes.sum()))
    program = b.build(sum_runs(b, members, sizes, unroll=4))
    x = np.arange(30.0)
    expected = [x[part].sum() for part in np.split(members, np.cumsum(sizes))[:-1]]
    np.testing.assert_array_equal(Interpreter(program)(x), expected)


def test_derivative_expressions_are_simplified():
    e = Expressions()
    x, y = e.load(0), e.load(1)
    one, zero = e.const(1.0), e.const(0.0)
    assert e.apply("multiply", one, x) == x
    assert e.value(e.apply("multiply", zero, x)) == 0.0
    assert e.apply("add", zero, x) == x
    assert e.value(e.apply("subtract", x, x)) == 0.0
    assert e.apply("negative", e.apply("negative", x)) == x
    assert e.apply("power", x, one) == x
    assert e.apply("where", x, y, y) == y
    assert e.apply("add", x, y) == e.apply("add", y, x)
    doubled = e.nodes[e.apply("add", x, x)]
    assert doubled.op == "multiply"
    assert e.value(e.apply("divide", zero, x)) == 0.0
    # values are never simplified: zero times infinity is not zero
    assert e.nodes[e.intern("multiply", zero, x)].op == "multiply"
