"""`Differences`: the Jacobian of a black box, by colored differences.

Separate because here, and only here, the user's function is called at evaluation time: for code
that cannot be traced. One or two calls a color; complex step is exact to rounding where the
function is analytic and takes complex numbers (Squire and Trapp 1998, SIAM Review 40(1)). Steps
are those of `scipy.optimize`: relative to each element, and never below that of an element 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsesolve.derivatives.estimate import Estimate, estimate_pattern
from sparsesolve.engine.arguments import output_buffer
from sparsesolve.engine.evaluator import Evaluator
from sparsesolve.errors import ColoringError, PatternError, StructureMismatch, VerificationError
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.fork import forkable_lock
from sparsesolve.host.imports import importing
from sparsesolve.structure.pattern import Pattern
from sparsesolve.trace.arguments import Arguments, layout, ways_to_read

if TYPE_CHECKING:
    from sparsesolve.coloring.recover import Recovery

__all__ = ["SCHEMES", "Differences", "Scheme", "column_colors"]

Array = NDArray[np.float64]
Scheme = Literal["forward", "central", "complex"]

SCHEMES: tuple[Scheme, ...] = ("forward", "central", "complex")
_EPS = float(np.finfo(np.float64).eps)
_RELATIVE_STEP = {"forward": _EPS ** (1 / 2), "central": _EPS ** (1 / 3)}
_COMPLEX_STEP = 1e-30
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Probe:
    """The user's function at one point, as something that another process can be given."""

    function: Callable[..., Any]
    arguments: Arguments
    parameters: tuple[Any, ...]
    kind: type

    def __call__(self, x: Any) -> Any:
        """Return the value in its own shape."""
        result = self.function(*self.arguments.join(x if x.ndim else x[()], self.parameters))
        if self.kind is float and np.iscomplexobj(result):
            raise StructureMismatch(
                "expected real values, got complex ones. Return .real or .imag."
            )
        if self.kind is complex and x.size and not np.iscomplexobj(result):
            raise StructureMismatch(
                "expected complex values at a complex argument, got real ones: the function drops "
                "the imaginary part (np.abs, .real, a buffer of real numbers). Use "
                "scheme='central', or `sparsesolve.jacobian`, which needs no complex step."
            )
        return np.asarray(result, dtype=np.complex128 if self.kind is complex else np.float64)


@dataclass(frozen=True, slots=True)
class Tried:
    """A probe that gives flat values, or None where the function raises."""

    probe: Probe

    def __call__(self, x: Any) -> Any:
        """Return the flat value, or None."""
        try:
            return self.probe(x).reshape(-1)
        except Exception:
            return None


class Differences(Evaluator):
    """Nonzeros of a Jacobian from calls of the function itself.

    Parameters
    ----------
    function : callable
        Any function of arrays.
    example_arguments : sequence
        Arguments that fix shapes, and the point of the check.
    argnum : int
        Position of the differentiated argument.
    scheme : {"forward", "central", "complex"}
        One, two, or one complex call a color; "forward" also one at the point itself.
    pattern : Pattern, Coloring, or any matrix, optional
        Structure of the Jacobian; a coloring of its columns is used as it is. Estimated if none.
    check : bool
        Whether to compare with one directional difference, which shows missing entries.
    relative_step : float or array_like, optional
        Step relative to each element, for "forward" and "central".
    workers : int or object with a method `map`, optional
        Number of threads that share the calls, or an executor, of threads or processes.

    Raises
    ------
    PatternError
        If the pattern has the wrong shape, it misses entries, or it cannot be estimated.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        example_arguments: Sequence[Any],
        *,
        argnum: int,
        scheme: Scheme,
        pattern: Pattern | Any,
        check: bool,
        relative_step: ArrayLike | None = None,
        workers: int | Executor | Any = None,
    ) -> None:
        if scheme not in SCHEMES:
            raise ValueError(f"`scheme` must be one of {', '.join(SCHEMES)}, got {scheme!r}.")
        self.function = function
        self.scheme = scheme
        self.method = "complex-step" if scheme == "complex" else "finite-difference"
        names = [f"argument {k}" for k in range(len(example_arguments))]
        arguments = partial(layout, example_arguments, argnum, names)
        self.arguments: Arguments = arguments()
        self.user_calls = 0
        self._lock = forkable_lock()
        self._workers = _workers(workers)
        self._checked = False
        x, parameters = self.arguments.split(example_arguments)
        self._relative = _relative_step(relative_step, scheme, x.shape)
        try:
            value = self.evaluate(x, parameters)
        except Exception:  # it may want its integers and lists as they are
            if 1 not in ways_to_read(example_arguments, argnum):
                raise
            self.arguments = arguments(opened=True)
            x, parameters = self.arguments.split(example_arguments)
            value = self.evaluate(x, parameters)
        self.output_shape = value.shape
        self.estimate: Estimate | None = None
        if pattern is None:
            pattern = self._estimate(x, parameters, value.size).pattern
        self.recovery = _recovery(pattern)
        self.pattern = self.recovery.pattern
        if self.pattern.shape != (value.size, x.size):
            raise PatternError(
                f"`pattern` must have shape {(value.size, x.size)}, got {self.pattern.shape}."
            )
        if check and x.size and value.size:
            if scheme == "complex":
                self._check_complex(x, parameters)
            self._check(x, parameters)
        self._checked = check

    def _estimate(self, x: Array, parameters: Sequence[Any], size: int) -> Estimate:
        tried = Tried(Probe(self.function, self.arguments, tuple(parameters), float))
        self.estimate = estimate_pattern(lambda points: self._mapped(tried, points), x, size)
        return self.estimate

    @property
    def run(self) -> Evaluator:
        """Computes the nonzeros."""
        return self

    @property
    def size(self) -> int:
        """How many there are."""
        return self.pattern.nnz

    def evaluate(self, x: Array, parameters: Sequence[Any]) -> Array:
        """Call the user's function."""
        probe = Probe(self.function, self.arguments, tuple(parameters), float)
        value: Array = probe(next(self._counted([x])))
        return value

    def staleness(self, function: Callable[..., Any], args: Sequence[Any], near: Any = None) -> str:
        """Say how another function differs at `args` from the one called here; empty if not.

        The function itself is never out of date.
        """
        if function == self.function:
            return ""
        x, parameters = self.arguments.split(args)
        own = self.evaluate(x, parameters)
        other = np.asarray(function(*args), dtype=np.float64)
        with np.errstate(invalid="ignore"):
            apart = np.abs(other - own) > _SAME * np.abs(own) if own.shape == other.shape else True
        return "returns other values than the function of `jac`" if np.any(apart) else ""

    def __call__(self, x: Any, parameters: Sequence[Any] = (), out: Array | None = None) -> Array:
        """Return the nonzeros in the order of the pattern, shape (nnz,)."""
        if out is not None:
            output_buffer(out, self.pattern.nnz)
        at = np.asarray(x, dtype=np.float64)
        step, divisor = self._steps(at)
        colors = self.recovery.coloring.colors.reshape(at.shape)
        ncolors = self.recovery.coloring.ncolors
        products = np.empty((self.pattern.shape[0], ncolors))
        moves = (np.where(colors == k, step, 0.0) for k in range(ncolors))
        for k, change in enumerate(self._changes(at, moves, parameters)):
            products[:, k] = change
        values = self.recovery.values(products, out=out)
        if self.scheme == "complex" and self._checked and not values.all():
            self._check_complex(at, parameters)  # a zero to the last bit: was something dropped?
        values /= divisor.reshape(-1)[self.pattern.indices]
        return values

    def _steps(self, x: Array) -> tuple[Any, Array]:
        """Return the step of each element, and what the change along it is divided by."""
        if self.scheme == "complex":
            return 1j * _COMPLEX_STEP, np.full(x.shape, _COMPLEX_STEP)
        away = np.where(x >= 0.0, 1.0, -1.0) if self.scheme == "forward" else np.ones(x.shape)
        smallest = _RELATIVE_STEP[self.scheme] * away * np.maximum(1.0, np.abs(x))
        if self._relative is None:
            step = smallest
        else:
            step = self._relative * away * np.abs(x)
            step = np.where((x + step) - x == 0.0, smallest, step)
        # The step that rounding leaves of it.
        ahead = (x + step) - x
        return step, ahead if self.scheme == "forward" else ahead + (x - (x - step))

    def _changes(
        self, x: Array, moves: Iterable[Any], parameters: Sequence[Any]
    ) -> Iterator[Array]:
        """Yield, for each move, how the value changes along it, flat."""
        kind = complex if self.scheme == "complex" else float
        probe = Probe(self.function, self.arguments, tuple(parameters), kind)
        if self.scheme == "complex":
            for value in self._mapped(probe, (x + move for move in moves)):
                yield value.imag.reshape(-1)
            return
        if self.scheme == "forward":
            base = self.evaluate(x, parameters).reshape(-1)
            for value in self._mapped(probe, (x + move for move in moves)):
                yield value.reshape(-1) - base
            return
        both = (point for move in moves for point in (x + move, x - move))
        values = self._mapped(probe, both)
        for ahead in values:
            yield (ahead - next(values)).reshape(-1)

    def _mapped(self, probe: Probe | Tried, points: Iterable[Any]) -> Iterator[Any]:
        """Call the function at each point, by the workers if there are any; results in order."""
        counted = self._counted(points)
        if self._workers is None:
            yield from map(probe, counted)
        elif isinstance(self._workers, int):
            with ThreadPoolExecutor(self._workers) as pool:
                yield from pool.map(probe, counted)
        else:
            yield from self._workers.map(probe, counted)

    def _counted(self, points: Iterable[Any]) -> Iterator[Any]:
        for point in points:
            with self._lock:
                self.user_calls += 1
            yield point

    def _check_complex(self, x: Array, parameters: Sequence[Any]) -> None:
        """Compare with real differences: a complex step does not see what drops its own part."""
        direction = np.random.default_rng(1).uniform(0.5, 1.5, size=x.shape)
        (along,) = self._changes(x, [1j * _COMPLEX_STEP * direction], parameters)
        found = along / _COMPLEX_STEP
        step = _RELATIVE_STEP["central"] * float(np.abs(x).max(initial=1.0))
        slopes = []
        for length in (step, step / 8):  # where both agree, there is a derivative to compare
            ahead, behind = (self.evaluate(x + s * length * direction, parameters) for s in (1, -1))
            slopes.append((ahead - behind).reshape(-1) / (2.0 * length))
        scale = np.maximum(1.0, np.abs(slopes[0]))
        with np.errstate(invalid="ignore"):
            smooth = np.abs(slopes[0] - slopes[1]) <= 1e-4 * scale
            wrong = np.flatnonzero(smooth & (np.abs(found - slopes[0]) > 1e-2 * scale))
        if wrong.size:
            row = int(wrong[0])
            raise VerificationError(
                f"expected the complex step to give the derivative {slopes[0][row]:.6g} of row "
                f"{row} along a test direction, as real differences do, got {found[row]:.6g}: the "
                "function does not carry the imaginary part through (np.abs, norms, comparisons, "
                "splines, a buffer of real numbers). Use scheme='central', or "
                "`sparsesolve.jacobian`."
            )

    def _check(self, x: Array, parameters: Sequence[Any]) -> None:
        """Compare with a difference along a random direction, which sees every column."""
        direction = np.random.default_rng(0).uniform(0.5, 1.5, size=x.shape)
        length = 1.0 if self.scheme == "complex" else float(np.abs(x).max(initial=1.0))
        step = _RELATIVE_STEP.get(self.scheme, _COMPLEX_STEP) * length
        move = (1j if self.scheme == "complex" else 1.0) * step * direction
        expected = next(iter(self._changes(x, [move], parameters))) / step
        if self.scheme == "central":
            expected /= 2.0
        found = self.pattern.to_scipy(self(x, parameters)) @ direction.reshape(-1)
        scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)))
        wrong = np.flatnonzero(np.abs(expected - found) > 1e-4 * scale)
        if wrong.size:
            raise PatternError(
                f"`pattern` misses entries: along a test direction row {int(wrong[0])} changes by "
                f"{expected[wrong[0]]:.6g}, of which the pattern explains {found[wrong[0]]:.6g}. "
                "Add the missing entries, or use `sparsesolve.jacobian`, which finds them; where "
                "only some rows or columns are wanted, pass check=False."
            )


def column_colors(pattern: Pattern) -> NDArray[np.int32]:
    """Return a color for each column, such that those of one color share no row, shape (n,)."""
    from sparsesolve.coloring import color  # noqa: PLC0415 - as below

    return np.asarray(color(pattern).colors)


def _recovery(pattern: Any) -> Recovery:
    """Color the columns of a pattern, or take a coloring as it is."""
    with importing():  # what is traced imports this file, and mostly has no colors
        from sparsesolve.coloring import Coloring  # noqa: PLC0415
        from sparsesolve.coloring.cache import shared_coloring_cache  # noqa: PLC0415
        from sparsesolve.coloring.recover import prepare_recovery  # noqa: PLC0415

    if not isinstance(pattern, Coloring):
        return shared_coloring_cache.get(Pattern.of(pattern), structure="columns")
    if pattern.structure != "columns":
        raise ColoringError(
            f"differences move columns: expected a coloring of structure 'columns', got "
            f"{pattern.structure!r}. Pass its `pattern`, or color it by columns."
        )
    return prepare_recovery(pattern)


def _workers(given: Any) -> Any:
    if given is None or given == 1:
        return None
    is_count = isinstance(given, int) and given >= 1
    if not is_count and not callable(getattr(given, "map", None)):
        raise ValueError(
            f"`workers` must be a number of threads, at least 1, or an executor with a method "
            f"`map`, got {given!r}. For processes pass concurrent.futures.ProcessPoolExecutor()."
        )
    return given


def _relative_step(given: ArrayLike | None, scheme: Scheme, shape: tuple[int, ...]) -> Array | None:
    if given is None:
        return None
    if scheme == "complex":
        raise ValueError(
            "`relative_step` is for scheme 'forward' or 'central', got 'complex', whose step of "
            f"{_COMPLEX_STEP:g} is exact. Leave it out."
        )
    step = np.broadcast_to(np.asarray(given, dtype=np.float64), shape)
    if not np.all(step > 0.0):
        raise ValueError(f"`relative_step` must be positive, got {given!r}.")
    return step
