"""Derivatives at points where their formula is 0/0, taken as limits of those nearby.

Separate because it is about values alone: whatever computed them (machine code, NumPy, products
with seeds) is asked again at displaced points. The formula of ``norm(x)**2``, of a rotation by the
vector zero, or of functions of repeated eigenvalues is singular where the function itself is
smooth. There the derivative is the limit of the derivatives around, and it exists if the limits
from all directions agree.

An entry that is not finite, of a row whose value is, is computed at ``x + h d`` and ``x - h d`` for
a generic direction d and a sequence of steps h. Each side is extrapolated to h = 0 by polynomials
in the square root of h, so that roots of h vanish as well as powers, and the mean of both by
polynomials in the square of h, which is far more precise where the function is smooth. Among
extrapolations the one with the smallest differences is taken (Ridders 1982, "Accurate computation
of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4(2)). The entry is accepted

- as the limit of the mean, if both sides and one more direction agree;
- as the mean of both sides where these differ: a kink, of which it is a subgradient; 0 for a norm;
- as the limit from one side, if the function is not defined on the other;
- as zero, if the function does not change around the point, as where an exponential overflows;
- as what is left when roots are taken a little beside zero, if the formula is singular all around.

In each case the function itself must be continuous there. What is not accepted stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.fused import Fused, fused
from sparsesolve.derivatives.screened import Screened, all_finite
from sparsesolve.derivatives.trip_by_trip import Again, Mended
from sparsesolve.differentiate import guard_program, may_be_singular, off_zero
from sparsesolve.engine.evaluator import Array, Evaluator
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.fuse.fit import hides_slopes
from sparsesolve.fuse.unroll import unrolled
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_property
from sparsesolve.ir.program import Program

__all__ = ["Limits"]

_RATIO = 2.0  # by which square roots of the steps shrink
_ROOTS = _RATIO ** -np.arange(2.0, 14.0)
_SCALES = (1.0, 2.0**-12)  # of the steps; the second for functions that vary quickly
_AWAY = 2.0**-8  # in units of a direction: where a guard is no longer hit
_LARGE = 4  # how many steps count as large
_SETTLED = 1e-7  # largest estimated error of a limit, relative
_ROUNDING = 1e-14  # least relative error that is assumed, at the first step
_SAME = 1e-5  # largest relative difference of limits that count as equal
_KNOWN = 1e-3  # largest relative error of limits that can be compared
_TINY = (1e-85, 1e-75)  # lengths in place of zero
_NOTHING = 1e-9  # a mean of two sides below this, relative to them, is zero

Ids = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Limits:
    """What is needed to take limits of the derivatives of one function.

    Parameters
    ----------
    program : Program
        The function.
    make : callable, optional
        Makes an evaluator of a program that is run at every evaluation; by default with NumPy.
    """

    def __init__(
        self, program: Program, make: Callable[[Program], Evaluator] = Interpreter
    ) -> None:
        self.program = program
        self._make = make

    @classmethod
    def unneeded(cls) -> Limits:
        """Return those of a function that is known to have no singular points."""
        made = object.__new__(cls)
        vars(made)["needed"] = False
        return made

    @forkable_property
    def needed(self) -> bool:
        """Whether the function can have singular points at all."""
        return may_be_singular(self.program) or self._guards is not None

    @forkable_property
    def value(self) -> Interpreter:
        """The function, with NumPy: it is evaluated at few points."""
        return Interpreter(self.program)

    @forkable_property
    def guards(self) -> Evaluator | None:
        """Says which guards are hit; None if the function has none."""
        return None if self._guards is None else self._make(self._guards)

    @forkable_property
    def _guards(self) -> Program | None:
        return guard_program(self.program)

    @forkable_property
    def _by_trips(self) -> tuple[Fused, Limits]:
        """The function without loops, and its limits."""
        program = fused(unrolled(self.program))
        return program, Limits(program, self._make)

    def guard(
        self,
        run: Evaluator,
        *,
        rows: Any = None,
        variables: Sequence[Any] = (),
        again: Again | None = None,
    ) -> Evaluator:
        """Return an evaluator of a derivative that takes limits where its values are not finite.

        Parameters
        ----------
        run : Evaluator
            Computes the derivative.
        rows : ndarray of int, shape (size,), optional
            Which element of the function each value belongs to; by default all do.
        variables : sequence of ndarray of int, each of shape (size,)
            Which variables each value belongs to; by default all do.
        again : callable, optional
            Makes what computes the same values of another program of the function.
        """
        if not self.needed:
            return run
        if again is None or not hides_slopes(self.program):
            return _Limited(self, run, rows, tuple(variables))

        def by_trips() -> Evaluator:
            program, limits = self._by_trips
            return limits.guard(again(program), rows=rows, variables=variables)

        count = len(self.program.parameters)
        return Mended(run, self.value, self.guards, count, rows, by_trips)


@dataclass(frozen=True, slots=True)
class _Side:
    """Some values on one side, their limits, and what the function does there."""

    samples: Array
    limit: Array
    error: Array
    size: Array
    continuous: Mask
    outside: Mask

    @property
    def settled(self) -> Mask:
        """Which limits are exact but for rounding."""
        return np.asarray((self.error <= _SETTLED * self.size) & self.continuous)


class _Limited(Screened):
    """See `Limits.guard`."""

    def __init__(
        self, limits: Limits, run: Evaluator, rows: Any, variables: tuple[Any, ...]
    ) -> None:
        super().__init__(run, limits.guards, len(limits.program.parameters))
        self._limits = limits
        self._rows = rows
        self._variables = variables

    def _mend(self, values: Array, x: Any, parameters: Sequence[Any]) -> None:
        """Put limits in the place of values that are not finite, where there are limits."""
        point = np.array(x, dtype=np.float64).reshape(-1)
        rest = list(parameters)
        self._unhide(values, point, rest)
        if all_finite(values):
            return
        value = self._value(point, rest)
        bad = np.flatnonzero(~np.isfinite(values))
        bad = bad[self._at_rows(np.isfinite(value), bad)]
        bad = self._move_off_zero(values, bad, point, rest)
        for direction in self._directions(point, bad):
            if not bad.size:
                return
            limit, settled, _ = self._limit(point, rest, value, bad, direction)
            values[bad[settled]] = limit[settled]
            bad = bad[~settled]
        bad = bad[np.isnan(values[bad])]  # an infinite slope is one
        values[bad[self._flat(point, rest, value, bad)]] = 0.0

    def _move_off_zero(self, values: Array, bad: Ids, point: Array, rest: list[Any]) -> Ids:
        """Fill in what is not finite all around; return which of the values are left."""
        near = self._evaluate(point + _AWAY * _everywhere(point)[0], rest)[bad]
        around = bad[np.isnan(near) & np.isnan(values[bad])]
        if not around.size or not self._off_zero:
            return bad
        one, other = (run(point, rest)[around] for run in self._off_zero)
        known = (np.abs(one) < _SETTLED / _TINY[1]) & (np.abs(one - other) <= _SAME * np.abs(one))
        values[around[known]] = one[known]
        return bad[~np.isfinite(values[bad])]

    @cached_property
    def _off_zero(self) -> list[Evaluator]:
        made = [_changed(self._evaluate, partial(off_zero, tiny=tiny**2)) for tiny in _TINY]
        return [each for each in made if each is not None]

    def _flat(self, point: Array, rest: list[Any], value: Array, bad: Ids) -> Mask:
        """Say which values belong to what does not change at all around: ``1 / (1 + exp(800))``."""
        direction = self._directions(point, bad)[0]
        same = np.ones(value.shape, dtype=bool)
        for root in (*_ROOTS[::3], *-_ROOTS[::3]):
            same &= self._value(point + abs(root) * root * direction, rest) == value
        return self._at_rows(same, bad)

    def _unhide(self, values: Array, point: Array, rest: list[Any]) -> None:
        """Take limits where guards are hit at this point and nowhere near it."""
        hits = self._hits(point, rest)
        if hits is None or not hits.any():
            return
        finite = np.flatnonzero(np.isfinite(values))
        generic, _ = _everywhere(point)
        for sign in (_AWAY, -_AWAY):
            near = self._hits(point + sign * generic, rest)
            hits &= ~(near if near is not None else hits)
        value = self._value(point, rest)
        finite = finite[self._at_rows(np.isfinite(value), finite)]
        if not hits.any() or not finite.size:
            return
        limit, _, smooth = self._limit(point, rest, value, finite, generic, hits)
        known = values[finite]
        size = np.maximum(np.abs(limit), 1e-3 * np.abs(known).max(initial=0.0))
        wrong = smooth & (np.abs(limit - known) > _SAME * size)
        values[finite[wrong]] = limit[wrong]

    def _directions(self, point: Array, bad: Ids) -> list[Array]:
        """List directions to try: of the variables of the bad values first, then of all."""
        generic, size = _everywhere(point)
        some = np.ones(point.size, dtype=bool)
        if self._variables and self._variables[0] is not None:
            some[:] = False
            for variables in self._variables:
                some[variables[bad]] = True
        directions = []
        for scale in _SCALES:
            directions += [scale * generic * some, scale * size * some]
        return directions if some.all() else [*directions, generic, size]

    def _limit(
        self,
        point: Array,
        rest: list[Any],
        value: Array,
        bad: Ids,
        direction: Array,
        hits: Mask | None = None,
    ) -> tuple[Array, Mask, Mask]:
        """Limits of values, which of them are to be trusted, and which come from all sides.

        Steps at which a guard of `hits` is still hit do not count.
        """

        def side(direction: Array) -> _Side:
            return self._side(point, rest, value, bad, direction, hits)

        right, left = side(direction), side(-direction)
        size = np.maximum(right.size, left.size)
        same = _same(right, left)
        even, error = _extrapolated(0.5 * (right.samples + left.samples), _RATIO**4)
        precise = error <= _SETTLED * size
        settled = right.settled & left.settled
        smooth = same & right.continuous & left.continuous & (precise | settled)
        if smooth.any():
            elsewhere = np.abs(direction) * np.random.default_rng(1).uniform(0.5, 1.0, point.size)
            other = side(elsewhere)
            smooth &= _same(other, right) | ~other.continuous
        kink = settled & ~same
        mean = 0.5 * (right.limit + left.limit)
        mean[np.abs(mean) <= _NOTHING * size] = 0.0
        one = np.where(right.settled, right.limit, left.limit)
        limit = np.where(smooth & precise, even, np.where(smooth | kink, mean, one))
        ends = (right.settled & left.outside) | (left.settled & right.outside)
        return limit, smooth | kink | ends, smooth

    def _side(
        self,
        point: Array,
        rest: list[Any],
        value: Array,
        bad: Ids,
        direction: Array,
        hits: Mask | None,
    ) -> _Side:
        """Extrapolate from one side."""
        steps = [point + root * root * direction for root in _ROOTS]
        derivatives = np.array([self._evaluate(at, rest)[bad] for at in steps])
        if hits is not None:
            for row, at in zip(derivatives, steps, strict=True):
                near = self._hits(at, rest)
                if near is not None and (near & hits).any():
                    row[:] = np.nan
        functions = np.array([self._value(at, rest) for at in steps])
        limit, error = _extrapolated(derivatives, _RATIO)
        reached, _ = _extrapolated(functions, _RATIO)
        gap = np.abs(reached - value)
        continuous = gap <= _SAME * np.maximum(1.0, _size(value, functions))
        return _Side(
            samples=derivatives,
            limit=limit,
            error=error,
            size=_size(limit, derivatives),
            continuous=self._at_rows(continuous, bad),
            outside=~self._at_rows(np.isfinite(functions[-1]), bad),
        )

    def _value(self, point: Array, rest: list[Any]) -> Array:
        """Return the function itself; products have one parameter more."""
        value = self._limits.value
        return value(point, rest[: len(value.program.parameters)])

    def _at_rows(self, true: Mask, bad: Ids) -> Mask:
        """Whether something is true of the elements of the function that values belong to."""
        if self._rows is None:
            return np.full(bad.size, bool(true.all()))
        return np.asarray(true[self._rows[bad]])


def _changed(run: Any, change: Callable[[Program], Program | None]) -> Evaluator | None:
    """Return what evaluates changed programs, if there is something to change."""
    program = getattr(run, "program", None)
    if program is None:
        found: Evaluator | None = getattr(run, "with_programs", lambda _: None)(change)
        return found
    changed = change(program)
    return None if changed is None else Interpreter(changed)


def _size(limit: Array, samples: Array) -> Array:
    """Size to which an error is compared: of the limit, or a little of what led there.

    Samples at large steps, and of all entries together the smallest of these: at small steps some
    grow without bound, by their nature or by rounding.
    """
    sizes = _sizes(samples)
    led = np.maximum(sizes.max(axis=0), sizes.max(axis=1, initial=0.0).min())
    return np.asarray(np.maximum(np.abs(limit), 1e-3 * led))


def _everywhere(point: Array) -> tuple[Array, Array]:
    """Return two directions that move all variables: either way, and up."""
    rng = np.random.default_rng(0)
    size = np.maximum(1.0, np.abs(point)) * rng.uniform(0.5, 1.0, point.size)
    return size * rng.choice([-1.0, 1.0], point.size), size


def _sizes(samples: Array) -> Array:
    """Sizes of the samples at the largest steps, zero where they are not finite."""
    first = np.abs(samples[:_LARGE])
    return np.where(np.isfinite(first), first, 0.0)


def _same(one: _Side, other: _Side) -> Mask:
    """Whether limits from two sides are equal, as far as they are known."""
    known = 3.0 * (one.error + other.error)
    size = np.maximum(one.size, other.size)
    equal = np.abs(one.limit - other.limit) <= np.maximum(_SAME * size, known)
    return np.asarray(equal & (known <= _KNOWN * size))


def _extrapolated(samples: Array, ratio: float) -> tuple[Array, Array]:
    """Extrapolate samples, one row a step, to the step zero, and estimate the error.

    Neville's scheme for steps that shrink by `ratio`, and of all its entries the one that differs
    least from those before it. The smaller the steps, the larger an error is assumed at least:
    where a formula cancels, it can give the same wrong number at several small steps.
    """
    least = _ROUNDING * _sizes(samples).max(axis=0)
    best = np.full(samples.shape[1:], np.nan)
    error = np.full(samples.shape[1:], np.inf)
    with np.errstate(all="ignore"):
        column = samples
        for order in range(1, len(samples)):
            finer = column[1:] + (column[1:] - column[:-1]) / (ratio**order - 1.0)
            if order >= 2:
                change = np.maximum(np.abs(finer - column[1:]), np.abs(finer - column[:-1]))
                for k, (row, changed) in enumerate(zip(finer, change, strict=True)):
                    differs = np.maximum(changed, least * 4.0 ** (k + order))
                    closer = differs < error
                    best[closer], error[closer] = row[closer], differs[closer]
            column = finer
    return best, error
