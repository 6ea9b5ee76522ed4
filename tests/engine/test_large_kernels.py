"""Kernels with many nodes: cut into parts, with the numbers of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.differentiate import jacobian_program
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.engine.llvm.compile import compile_program
from sparsesolve.engine.llvm.plan.large_kernels import PlacedKernel, in_parts
from sparsesolve.fuse import fuse
from sparsesolve.ir.program import Index, Kernel, Node, Program


def chain(n_nodes: int, length: int, n: int = 4) -> Program:
    """Sines and sums, each of what was computed long before as well as just now."""
    loads = tuple(Index(length, k, 1) for k in range(n))
    nodes = [Node("load", (k,)) for k in range(n)] + [Node("const", (), 0.7)]
    while len(nodes) < n_nodes:
        k = len(nodes)
        nodes.append(Node("sin", (k - 1,)) if k % 3 else Node("add", (k - 1, k * 7 % (k - 3))))
    outputs = (len(nodes) - 1, n_nodes // 3, 2, n_nodes // 2, len(nodes) - 2, n)
    size = n + length - 1
    kernel = Kernel(size, length, loads, tuple(nodes), outputs)
    slots = np.arange(kernel.start, kernel.stop, dtype=np.int32)
    return Program(size, (size,), (), (), (kernel,), slots, (slots.size,), kernel.stop)


@pytest.mark.slow_cases("7000-1")
@pytest.mark.every(4)
@pytest.mark.parametrize("length", [1, 2, 3, 33])
@pytest.mark.parametrize("n_nodes", [1499, 1500, 1501, 3001, 7000])
def test_parts_compute_the_whole(n_nodes: int, length: int) -> None:
    program = chain(n_nodes, length)
    x = np.linspace(-1.0, 1.0, program.n)
    np.testing.assert_allclose(
        compile_program(program)(x), Interpreter(program)(x), rtol=1e-13, atol=1e-300
    )


def test_parts_are_bounded_and_read_what_is_stored() -> None:
    program = chain(7000, 3)
    kernel = program.instructions[0]
    assert isinstance(kernel, Kernel)
    top = program.n_slots
    taken: list[int] = []

    def allocate(count: int) -> int:
        taken.append(count)
        return top + sum(taken) - count

    starts = tuple(range(kernel.start, kernel.stop, kernel.rows))
    parts = list(in_parts(PlacedKernel(kernel, starts), allocate))
    assert len(parts) == 5
    written = {start for part in parts for start in part.starts}
    assert set(starts) <= written
    assert len(written) <= len(starts) + len(taken)
    assert set(taken) == {3}
    for part in parts:
        fresh = [n for n in part.kernel.nodes if n.op not in ("load", "const")]
        assert len(fresh) <= 1500


def test_a_wide_derivative_of_a_chain_is_computed_in_parts() -> None:
    program = fuse(jacobian_program(fuse(chain(300, 1))).program)
    compiled = compile_program(program)
    x = np.linspace(-1.0, 1.0, program.n)
    np.testing.assert_allclose(compiled(x), Interpreter(program)(x), rtol=1e-12)
