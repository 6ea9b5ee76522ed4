"""Machine code held against the interpreter, when it is made, at one point.

It is a test, not a part of any derivative. A check of the trace compares the tape
with the function; this compares what runs with what should run: all values where they are few, and
where they are many a sample that reaches every loop. The interpreter runs the slice of the program
that the sample needs.

Sums may be added in another order, so two right results can differ; how much that may be is
measured, by running the slice with errors in the last places, wherever they are not nearly equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.errors import VerificationError
from sparsesolve.fuse.restrict import restrict
from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.builder import Builder
from sparsesolve.ir.program import Opaque, Program
from sparsesolve.ir.recurrence import Recurrence
from sparsesolve.trace import Recorded

if TYPE_CHECKING:
    from sparsesolve.engine.llvm.compile import Compiled

__all__ = ["CheckPoint", "LoweredPart", "Names", "compare", "compare_lowering"]

Array = NDArray[np.float64]
Names: TypeAlias = Callable[[int], str]

_FEW = 512  # values that are all compared
_MOST_LOOPS = 50
_ANYWHERE = 128  # values besides those of the loops; some are constants
_NEAR, _TINY = 1e-10, 1e-13  # relative to a value, and to the largest one
_TRIALS = (8, 200)  # how often rounding is tried out
_SAFETY = 64.0  # times what rounding was seen to do
_EPSILON = float(np.finfo(np.float64).eps)
_LARGEST_ERROR = 1e-9  # of a sum that vanishes: far out the check must not accept everything
_COMPILED = "machine code and the interpreter"
_LOWERED = "the program and the recorded function"
_NUMBERS = np.random.default_rng(0).uniform(0.2, 1.0, 997)


@dataclass(frozen=True, slots=True, eq=False)
class CheckPoint:
    """Arguments of a comparison; seeds and weights are random.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        The differentiated argument.
    parameters : sequence of ndarray
        The other arguments of the function.
    """

    x: Array
    parameters: Sequence[Any]

    @classmethod
    def near(cls, x: Any, parameters: Sequence[Any] = ()) -> CheckPoint:
        """Move the differentiated argument of the example a little."""
        flat = np.array(x, dtype=np.float64).reshape(-1)
        moved = flat[: flat.size // 997 * 997].reshape(-1, 997)
        for part, numbers in ((moved, _NUMBERS), (flat[moved.size :], _NUMBERS[: flat.size % 997])):
            part *= 1.0 + 1e-3 * numbers
            part += 1e-4 * numbers
        return cls(flat, parameters)

    def arguments(self, program: Program) -> tuple[Array, list[Any]]:
        """Return x and all parameters of a program made from the function."""
        added = program.parameters[len(self.parameters) :]
        weights = [np.resize(_NUMBERS, block.size) for block in added]
        return self.x, [*self.parameters, *weights]


def compare(compiled: Compiled, point: CheckPoint, names: Names | None = None) -> int:
    """Compare values of machine code with those of the interpreter.

    Parameters
    ----------
    compiled : Compiled
        What is tested.
    point : CheckPoint
        Where.
    names : callable, optional
        What to call a value, by its number.

    Returns
    -------
    int
        How many values were compared.

    Raises
    ------
    VerificationError
        If one differs by more than rounding explains.
    """
    program = compiled.program
    x, parameters = point.arguments(program)
    positions = _sample(compiled)
    reference = Interpreter(_slice(program, positions))
    try:
        values = compiled(x, parameters)
        expected = reference(x, parameters)
    except Exception:
        if _calls_functions(program):  # such as `linalg.solve`: they may have no value here
            return 0
        raise
    # a product of two sums that vanish may be wrong by both of their errors
    error = _EPSILON * max(1.0, float(np.abs(x).max(initial=0.0))) * max(1, np.size(x))
    least = min(error, _LARGEST_ERROR) ** 2

    def rounding(trials: int) -> Array:
        found: Array = reference.rounding(x, parameters, trials) + np.where(
            np.abs(expected) <= least, least, 0.0
        )
        return found

    _hold(values[positions], expected, positions, names, rounding)
    if not _calls_functions(program):  # the other way to the same values, which fills all of them
        values[positions] = np.nan
        again = compiled(x, parameters, out=values)[positions]
        _hold(again, expected, positions, names, rounding)
    return positions.size


@dataclass(frozen=True, slots=True)
class LoweredPart:
    """The outputs of a program that one recorded function gives.

    Parameters
    ----------
    name : str
        Of the function.
    start : int
        Where its outputs begin.
    recorded : Recorded
        What its tape gives.
    """

    name: str
    start: int
    recorded: Recorded


def compare_lowering(program: Program, parts: Sequence[LoweredPart]) -> None:
    """Hold a program against the tapes that it was made of: all values, run by NumPy.

    Parameters
    ----------
    program : Program
        Computes the values.
    parts : sequence of LoweredPart
        What was recorded, each at its point.

    Raises
    ------
    VerificationError
        If a value differs by more than rounding explains.
    """
    run = Interpreter(program) if parts else None
    known: dict[bytes, Array | None] = {}
    for part in parts:  # at one point, but where branches are near
        at = part.recorded.x.tobytes()
        if at not in known:
            known[at] = _values(run, part.recorded)
        values = known[at]
        if values is not None:
            _hold_part(run, values, part)


def _values(run: Any, point: Recorded) -> Array | None:
    """Return the values at a point; None where functions that are called have none there."""
    try:
        values: Array = run(point.x, point.parameters)
    except Exception:
        if _calls_functions(run.program):  # such as `linalg.solve`: they may have no value here
            return None
        raise
    return values


def _hold_part(run: Any, values: Array, part: LoweredPart) -> None:
    recorded = part.recorded
    positions = part.start + np.arange(recorded.value.size)
    got = values[positions]
    if recorded.equals(got.reshape(recorded.value.shape)):
        return

    def rounding(trials: int) -> Array:
        blurred: Array = run.rounding(recorded.x, recorded.parameters, trials)[positions]
        return blurred + recorded.noise()

    def named(position: int) -> str:
        return f"{part.name}, element {position - part.start}"

    _hold(got, recorded.value.reshape(-1), positions, named, rounding, _LOWERED)


def _calls_functions(program: Program) -> bool:
    calls = (step for step in program.instructions if isinstance(step, Opaque))
    return any(not isinstance(step, Recurrence) for step in calls)


def _hold(
    got: Array,
    expected: Array,
    positions: NDArray[np.int64],
    names: Names | None,
    rounding: Callable[[int], Array],
    what: str = _COMPILED,
) -> None:
    """Raise an error if a value is wrong by more than rounding explains, which is costly to ask."""
    if np.array_equal(got, expected):
        return
    wrong = _differ(got, expected)
    for trials in _TRIALS:  # terms that cancel to zero exactly mostly do so in each of a few trials
        if wrong.any():
            wrong &= ~_explained(got, expected, rounding(trials))
    if wrong.any():
        first = int(wrong.argmax())
        number = int(positions[first])
        name = names(number) if names else f"value {number}"
        came, right = float(got[first]), float(expected[first])
        raise VerificationError(
            f"expected {what} to agree at the check point, got "
            f"{came!r} instead of {right!r} in {name}. This is a defect of sparsesolve, not of "
            "your function: report it, with the function, and use method='interpreted' until it "
            "is mended."
        )


def _differ(got: Array, expected: Array) -> NDArray[np.bool_]:
    """Compare as numbers go: not to the bit, and NaN equals NaN."""
    with np.errstate(invalid="ignore"):
        scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
        near = np.abs(got - expected) <= _NEAR * np.abs(expected) + _TINY * scale
    same = (got == expected) | (near & np.isfinite(expected)) | (np.isnan(got) & np.isnan(expected))
    differ: NDArray[np.bool_] = ~same
    return differ


def _explained(got: Array, expected: Array, rounding: Array) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        gap = np.abs(got - expected)
    return np.isinf(rounding) | (gap <= _SAFETY * rounding)


def _slice(program: Program, positions: NDArray[np.int64]) -> Program:
    """Return the program of some of its outputs alone."""
    if positions.size == program.m:
        return program
    return restrict(Builder.resume(program).build(program.outputs[positions]))


def _sample(compiled: Compiled) -> NDArray[np.int64]:
    """Choose positions of the result, always the same for one program."""
    size = compiled.size
    if size <= _FEW:
        return np.arange(size)
    generator = np.random.default_rng(size)
    loops = compiled.sample()
    if len(loops) > _MOST_LOOPS:
        loops = [loops[k] for k in generator.choice(len(loops), _MOST_LOOPS, replace=False)]
    anywhere = generator.integers(0, size, _ANYWHERE)
    return np.unique(np.concatenate([[0, size - 1], anywhere, *loops]))
