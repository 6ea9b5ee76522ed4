"""`GlobalSums`: sums over all unknowns, of which each process adds its own share of the terms.

Separate from the rows of a function: a row that reads such a sum would need every unknown. Here the
sums become inputs of their own (`differentiate/cuts`), so that rows need their neighborhood and the
sums, and what defines a sum is a program that can be divided by its terms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsesolve.differentiate.cuts import extended_program
from sparsesolve.engine.evaluator import Array
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.ir.program import Index, Kernel, Opaque, Program, Slots

__all__ = ["GlobalSums"]


class GlobalSums:
    """Some sums of a program, as inputs behind its own.

    Parameters
    ----------
    program : Program
        The whole function, of n inputs.
    cuts : ndarray of int32, shape (k,)
        Slots of the sums, increasing.

    Attributes
    ----------
    program : Program
        The function of ``n + k`` inputs, with its own outputs.
    count : int
        How many sums there are.
    """

    def __init__(self, program: Program, cuts: Slots) -> None:
        self.count = int(cuts.size)
        extended = extended_program(program, cuts) if self.count else program
        self._terms = _with_outputs(extended, extended.outputs[: self.count])
        self.program = _with_outputs(extended, extended.outputs[self.count :])

    def share(self, part: int, parts: int) -> Program:
        """Return the program of the sums over one share of their terms.

        Parameters
        ----------
        part, parts : int
            Which of how many; all of them together give the sums.
        """
        wanted = set(self._terms.outputs.tolist())
        steps = [
            _divided(step, part, parts) if wanted & set(range(step.start, step.stop)) else step
            for step in self._terms.instructions
        ]
        return replace(self._terms, instructions=tuple(steps))

    def at(self, x: Array, parameters: list[Array]) -> Array:
        """Return x and the sums there, one after the other; by NumPy."""
        if not self.count:
            return x
        whole = np.concatenate([x, np.zeros(self.count)])
        run = Interpreter(self._terms)
        for _ in range(self.count):  # one may enter another
            whole[x.size :] = run(whole, parameters)
        return whole


def _with_outputs(program: Program, outputs: Slots) -> Program:
    return replace(program, outputs=outputs, output_shape=outputs.shape)


def _divided(step: Kernel | Opaque, part: int, parts: int) -> Kernel | Opaque:
    """Return the kernel of sums over a share of each of its segments."""
    assert isinstance(step, Kernel)
    assert step.segments is not None
    starts, lengths = step.segments[:-1], np.diff(step.segments)
    first = starts + lengths * part // parts
    counts = starts + lengths * (part + 1) // parts - first
    segments = np.concatenate([[0], np.cumsum(counts)])
    offset = np.repeat(first - segments[:-1], counts)
    points = Index.of((np.arange(int(segments[-1])) + offset).astype(np.int32))
    loads = tuple(index.take(points) for index in step.loads)
    return replace(step, length=points.length, loads=loads, segments=segments)
