"""Detect: Program -> sparsity pattern of its Jacobian, without values.

Separate from `differentiate` because a pattern is cheaper than a program of nonzeros where large
dense blocks meet: there the index sets are multiplied as boolean sparse matrices instead of being
listed term by term. Patterns hold at every x. They may be too dense, never too sparse.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sparsesolve.differentiate import TooManyTerms, jacobian_pattern
from sparsesolve.differentiate.local import reverse
from sparsesolve.expression import Expressions
from sparsesolve.pattern import Pattern
from sparsesolve.program import Kernel, Opaque, Program, Slots

__all__ = ["boolean_pattern", "jacobian_structure"]


def jacobian_structure(program: Program) -> Pattern:
    """Find which entries of a program's Jacobian may be nonzero at any x.

    Parameters
    ----------
    program : Program
        A fused program with ``m`` outputs and ``n`` inputs.

    Returns
    -------
    Pattern, shape (m, n)
        Tight: entries that cancel, or are zero times something, are left out.

    Notes
    -----
    Linear in the number of chain-rule terms; where these are too many, the time of a few boolean
    sparse matrix products, without cancellation.
    """
    try:
        return jacobian_pattern(program)
    except TooManyTerms:
        return boolean_pattern(program)


def boolean_pattern(program: Program) -> Pattern:
    """Propagate index sets through a program as boolean sparse matrices."""
    blocks: list[tuple[int, sp.csr_array]] = [(0, sp.eye_array(program.n, format="csr"))]
    for step in program.instructions:
        if isinstance(step, Kernel):
            blocks.extend(_kernel(step, blocks, program.n))
        else:
            blocks.append((step.start, _opaque(step, blocks, program.n)))
    return Pattern.from_scipy(_rows(blocks, program.outputs, program.n))


def _kernel(
    step: Kernel, blocks: list[tuple[int, sp.csr_array]], n: int
) -> list[tuple[int, sp.csr_array]]:
    e = Expressions()
    numbers = e.graft(step.nodes)
    count = len(e.nodes)
    made = []
    for k, output in enumerate(step.outputs):
        total = sp.csr_array((step.rows, n))
        pulled = reverse(e, {numbers[output]: e.const(1.0)}, set(range(len(step.loads))), count)
        for load, partial in pulled.items():
            if e.value(partial) == 0.0:
                continue
            part = _rows(blocks, step.loads[load].to_array(), n)
            if step.segments is not None:
                shape = (step.rows, step.length)
                data, columns = np.ones(step.length), np.arange(step.length)
                part = sp.csr_array((data, columns, step.segments), shape=shape) @ part
            total = _ones(total + part)
        made.append((step.start + k * step.rows, total))
    return made


def _opaque(step: Opaque, blocks: list[tuple[int, sp.csr_array]], n: int) -> sp.csr_array:
    touched = np.zeros(n, dtype=bool)
    for index in step.operands:
        touched[_rows(blocks, index.to_array(), n).indices] = True
    columns = np.flatnonzero(touched)
    indptr = np.arange(step.length + 1) * columns.size
    data = np.ones(step.length * columns.size)
    return sp.csr_array((data, np.tile(columns, step.length), indptr), shape=(step.length, n))


def _rows(blocks: list[tuple[int, sp.csr_array]], ids: Slots, n: int) -> sp.csr_array:
    """Index sets of some slots, one row each; empty for constants and parameters."""
    starts = np.array([start for start, _ in blocks])
    order = np.argsort(starts, kind="stable")
    at = np.searchsorted(starts[order], ids, side="right") - 1
    result = sp.csr_array((ids.size, n))
    for place in np.unique(at):
        start, block = blocks[order[place]]
        mine = np.flatnonzero((at == place) & (ids < start + block.shape[0]))
        if mine.size:
            pick = sp.csr_array(
                (np.ones(mine.size), (mine, ids[mine] - start)), shape=(ids.size, block.shape[0])
            )
            result = result + pick @ block
    return _ones(result)


def _ones(matrix: sp.csr_array) -> sp.csr_array:
    matrix.data[:] = 1.0
    return matrix
