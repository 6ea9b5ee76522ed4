"""Fusing keeps values, verifies, and stays linear in the size of the program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse import fuse, with_parameter
from sparsesolve.fuse.choose import Item
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Index, Kernel, Node, verify
from sparsesolve.ir.scalar_ops import OPS
from tests.random_programs import programs


@pytest.mark.slow
@settings(max_examples=150)
@given(programs())
def test_fused_programs_give_the_same_values(program):
    fused = fuse(program)
    verify(fused)
    rng = np.random.default_rng(0)
    x = rng.normal(size=program.n)
    parameters = [rng.normal(size=block.shape) for block in program.parameters]
    np.testing.assert_allclose(
        Interpreter(fused)(x, parameters), Interpreter(program)(x, parameters), rtol=1e-13, atol=0
    )


def kernels(program):
    return [step for step in program.instructions if isinstance(step, Kernel)]


def test_a_stencil_becomes_one_kernel():
    b = Builder((10,))
    x = b.x
    r = b.map("subtract", b.map("add", x[2:], x[:-2]), b.map("multiply", 2.0, x[1:-1]))
    fused = fuse(b.build(b.map("exp", r)))
    assert len(kernels(fused)) == 1
    assert len(kernels(fused)[0].loads) == 3
    assert fused.n_slots == 10 + 8


def test_a_dear_value_read_at_many_places_is_stored():
    b = Builder((10,))
    e = b.map("exp", b.x)
    r = b.map(
        "add", b.map("add", e[2:], e[:-2]), b.map("add", e[1:-1], e[3:][[0, 1, 2, 3, 4, 5, 6, 6]])
    )
    assert len(kernels(fuse(b.build(r)))) == 2


def test_a_cheap_value_read_at_two_places_is_recomputed():
    b = Builder((10,))
    e = b.map("multiply", b.x, b.x)
    assert len(kernels(fuse(b.build(b.map("subtract", e[1:], e[:-1]))))) == 1


def test_outputs_of_one_domain_share_a_loop():
    b = Builder((10,))
    angle = b.map("subtract", b.x[5:], b.x[:5])
    c, s = b.map("cos", angle), b.map("sin", angle)
    out = np.concatenate([b.map("multiply", c, s), b.map("add", c, s), b.map("multiply", c, c)])
    (kernel,) = kernels(fuse(b.build(out)))
    assert len(kernel.outputs) == 3
    assert sum(node.op in ("sin", "cos") for node in kernel.nodes) == 2


@pytest.mark.slow_cases("200")
@pytest.mark.parametrize("steps", [50, 200])
def test_time_stepping_stays_linear(steps):
    b = Builder((30,))
    u = b.x
    for _ in range(steps):
        left, right = np.roll(u, 1), np.roll(u, -1)
        lap = b.map("subtract", b.map("add", left, right), b.map("multiply", 2.0, u))
        u = b.map("add", u, b.map("multiply", 0.1, b.map("sin", lap)))
    program = b.build(u)
    fused = fuse(program)
    verify(fused)
    assert sum(len(k.nodes) for k in kernels(fused)) < 60 * steps
    x = np.linspace(0.0, 1.0, 30)
    np.testing.assert_allclose(Interpreter(fused)(x), Interpreter(program)(x), rtol=1e-12)


def test_deep_compositions_stay_linear():
    b = Builder((8,))
    u = b.x
    for _ in range(50):
        u = b.map("add", b.map("multiply", u, u[::-1]), np.roll(u, 1))
    fused = fuse(b.build(u))
    assert sum(len(k.nodes) for k in kernels(fused)) < 50 * 60


def test_a_parameter_can_be_added():
    b = Builder((4,))
    p = b.parameter((2,))
    program = b.build(b.map("multiply", b.map("add", b.x[:2], p), b.constant(np.array([2.0, 3.0]))))
    more = with_parameter(program, (3,))
    verify(more)
    assert [block.shape for block in more.parameters] == [(2,), (3,)]
    x = np.arange(4.0)
    before = Interpreter(program)(x, [np.ones(2)])
    np.testing.assert_array_equal(Interpreter(more)(x, [np.ones(2), np.zeros(3)]), before)


def test_outputs_cost_what_they_need_and_no_more_than_all_together() -> None:
    nodes = (Node("load", (0,)), Node("sin", (0,)), Node("exp", (1,)), Node("cos", (0,)))
    step = Kernel(1, 1, (Index(1, 0, 0),), nodes, (1, 2, 3))
    costs = tuple(OPS[node.op].cost if node.op in OPS else 0 for node in nodes)
    item = Item(step, costs=costs, cost=sum(costs))
    sine, exponential, cosine = costs[1:]
    assert item.cost_of({0}) == sine
    assert item.cost_of({1}) == sine + exponential
    assert item.cost_of({0, 2}) == sine + cosine
    assert item.cost_of({0, 1, 2}) == sum(costs)
