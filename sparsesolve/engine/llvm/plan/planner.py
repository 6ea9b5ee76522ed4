"""Which slots live where: from a program to tasks, in stages between opaque calls.

Separate from `tasks`, which looks at one kernel at a time: here the whole program is seen.

- Constants that are outputs are written once, in a prefilled of the result.
- An output of a kernel that is an output of the program goes straight to its position; only
  slots that a later instruction reads are kept among the slots (the *rest* buffer, all slots but
  those of x; pages never touched cost nothing).
- What remains of the result (elements of x or of a parameter, slots that appear twice, results of
  opaque calls) is copied at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.llvm.plan.large_kernels import PlacedKernel, placed
from sparsesolve.engine.llvm.plan.rewrite import prune, rewritten
from sparsesolve.engine.llvm.plan.spaces import Flags, Layout, Positions
from sparsesolve.engine.llvm.plan.tasks import Regions, Target, Task, copy_task, make_task
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Index, Kernel, Node, Opaque, Program, Slots, any_true

__all__ = ["Plan", "Stage", "make_plan"]

_LARGE = 1 << 16  # results
_DIRECT_SHARE = 4  # an output goes straight to the result if one in this many of its rows does


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Tasks, and the opaque call that follows them, if any."""

    tasks: tuple[Task, ...]
    call: Opaque | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to run a program.

    Parameters
    ----------
    program : Program
        What is run.
    stages : tuple of Stage
        In order.
    n_slots : int
        Slots, with those that rewriting added; the rest buffer has one number for each but x.
    mirrored : tuple of int
        Parameters to be copied to the rest buffer before a run.
    prefilled : ndarray of float64, shape (m,), or None
        The result with its constant entries in place and NaN elsewhere; None if it has none, or if
        it is not to be kept (`constant_results` makes it again).
    is_constant : ndarray of bool, shape (m,)
        Where they are.
    """

    program: Program
    stages: tuple[Stage, ...]
    n_slots: int
    mirrored: tuple[int, ...]
    prefilled: NDArray[np.float64] | None
    is_constant: NDArray[np.bool_]

    @property
    def fills(self) -> bool:
        """Whether all that is needed to write whole results is kept."""
        return self.prefilled is not None or not self.is_constant.any()

    @property
    def tasks(self) -> Iterator[Task]:
        """All tasks, in order."""
        for stage in self.stages:
            yield from stage.tasks


def make_plan(program: Program, width: int, *, lean: bool = False) -> Plan:
    """Plan a program for vectors of `width` lanes.

    Parameters
    ----------
    program : Program
        What to run.
    width : int
        Lanes.
    lean : bool, default False
        Whether a large result is written whole only once, so that its constants need not be kept.

    Notes
    -----
    Time and memory are linear in the index arrays.
    """
    return _Planner(program, width).plan(keep=not lean or program.m < _LARGE)


class _Planner:
    def __init__(self, program: Program, width: int) -> None:
        self.program = program
        self.width = width
        self.regions = Regions(program)
        steps, self.n_slots = rewritten(program)
        self.steps = list(placed(steps, self._allocate))
        self.constant = self.regions.is_constant[program.outputs]
        self.done = Flags(self.constant.copy())  # positions that are written
        self.layout = Layout(self.n_slots, program.outputs, self.done)
        self.is_read = np.zeros(self.n_slots, dtype=bool)
        for step in self.steps:  # trips read what later kernels write
            if isinstance(step, PlacedKernel) and step.trips > 1:
                self._mark(step.kernel.loads)

    def _allocate(self, count: int) -> int:
        self.n_slots += count
        return self.n_slots - count

    def plan(self, *, keep: bool) -> Plan:
        stages: list[Stage] = []
        tasks: list[Task] = []
        for step in self._live_steps():
            if isinstance(step, Opaque):
                stages.append(Stage(tuple(tasks), step))
                tasks = []
            else:
                given = (step.kernel, self._targets(step), self.regions, self.width)
                tasks.append(make_task(*given, trips=step.trips, group=step.group))
        tasks.extend(self._copies())
        stages.append(Stage(tuple(tasks), None))
        wanted = keep and self.constant.any()
        prefilled = self.regions.values[self.program.outputs] if wanted else None
        mirrored = tuple(sorted(self.regions.mirrored))
        return Plan(self.program, tuple(stages), self.n_slots, mirrored, prefilled, self.constant)

    def _live_steps(self) -> list[PlacedKernel | Opaque]:
        """Drop outputs that nobody needs, and mark the slots that instructions read."""
        live: list[PlacedKernel | Opaque] = []
        for step in reversed(self.steps):
            if isinstance(step, Opaque):
                if self._is_needed(step.start, step.stop):
                    live.append(step)
                    self._mark(step.operands)
                continue
            rows = step.kernel.rows
            kept = [
                (start, number)
                for start, number in zip(step.starts, step.kernel.outputs, strict=True)
                if self._is_needed(start, start + rows)
            ]
            if kept:
                starts, numbers = zip(*kept, strict=True)
                kernel = prune(step.kernel, numbers)
                live.append(replace(step, kernel=kernel, starts=starts))
                self._mark(kernel.loads)
        return live[::-1]

    def _is_needed(self, start: int, stop: int) -> bool:
        wanted = self.layout.within(start, stop).exist
        return any_true(wanted) or any_true(self.is_read[start:stop])

    def _mark(self, indices: Sequence[Index]) -> None:
        for index in indices:
            if index.array is None and index.stride in (0, 1):
                stop = index.start + (index.length if index.stride else 1)
                self.is_read[index.start : stop] = True
            else:
                self.is_read[index.to_array()] = True

    def _targets(self, live: PlacedKernel) -> list[Target]:
        targets: list[Target] = []
        rows = live.kernel.rows
        for start, number in zip(live.starts, live.kernel.outputs, strict=True):
            positions: Positions | None = None
            found = self.layout.within(start, start + rows)
            wanted = found.exist
            count = int(np.count_nonzero(wanted))
            spilled = any_true(self.is_read[start : start + rows])
            if count * _DIRECT_SHARE >= rows and count:
                self.done.mark(found if count == rows else found.where(wanted))
                positions = found
            else:
                spilled = spilled or count > 0
            targets.append(Target(number, start if spilled else None, positions))
        return targets

    def _copies(self) -> Iterator[Task]:
        """Yield tasks that fill the positions that no kernel writes."""
        missing = self.done.missing()
        if not missing.size:
            return
        slots = missing.of(self.program.outputs)
        known = self.layout.of(slots)
        repeated = self.done.at(known)  # a kernel writes it, at another position
        if not repeated.all():
            yield self._gather(slots[~repeated], missing.where(~repeated))
        if repeated.any():
            sources, positions = known.where(repeated), missing.where(repeated)
            yield copy_task(sources, positions, self.regions, self.width)

    def _gather(self, slots: Slots, positions: Positions) -> Task:
        index = Index.of(slots)
        kernel = Kernel(0, index.length, (index,), (Node("load", (0,)),), (0,))
        return make_task(kernel, (Target(0, None, positions),), self.regions, self.width)
