"""The tape: what one call of a user's function did, array operation by array operation.

The lowest value of the pipeline: `trace` writes it, `lower` reads it, nobody changes it.

Data layout. Values are numbered: value 0 is the differentiated argument, then one value for
every parameter (all other numeric arguments), then one for the result of each instruction, in
order of execution. An instruction's arguments hold `Ref` objects where a value of the tape goes
(also inside tuples and lists) and plain Python or NumPy constants elsewhere.

The shape is that of JAX's autodidax: a handful of dataclasses, one verifier, one printer, one
evaluator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import TraceError
from sparsesolve.host.dataclass import dataclass

__all__ = [
    "Instruction",
    "Ref",
    "Repeated",
    "Tape",
    "ValueInfo",
    "evaluate",
    "map_refs",
    "refs_of",
    "verify",
]


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to value number `index` of the tape."""

    index: int

    def __repr__(self) -> str:
        return f"%{self.index}"


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """Shape and kind of a value; `dtype` is one of ``float64``, ``int64``, ``bool``."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One primitive call.

    Parameters
    ----------
    op : str
        Name of the primitive: the name autograd gives it (``"add"``, ``"concatenate_args"``,
        ``"__getitem__"``), or one of our own, listed in ``sparsesolve.trace``.
    function : callable
        The autograd primitive itself. Calling it on plain arrays evaluates; autograd finds its
        derivative rules under it.
    args, kwargs
        As called, with a `Ref` in place of each traced value.
    out : Ref
        The value it defines.
    source : str
        ``file:line`` in the user's code, or an empty string.
    """

    op: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Ref
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Tape:
    """A recorded function.

    Parameters
    ----------
    values : tuple of ValueInfo
        Shape and kind of every value. Value 0 is the differentiated argument; values
        ``1 .. n_parameters`` are the parameters; the rest are results of instructions.
    n_parameters : int
        How many parameters there are. They may change at every call without a new trace.
    instructions : tuple of Instruction
        In order of execution.
    output : Ref or ndarray
        The function's value; a plain array where it does not depend on any argument.
    """

    values: tuple[ValueInfo, ...]
    n_parameters: int
    instructions: tuple[Instruction, ...]
    output: Ref | NDArray[np.float64]

    @property
    def input(self) -> ValueInfo:
        """The differentiated argument."""
        return self.values[0]

    @property
    def parameters(self) -> tuple[ValueInfo, ...]:
        """The other numeric arguments, in order."""
        return self.values[1 : 1 + self.n_parameters]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the function's value."""
        if isinstance(self.output, Ref):
            return self.values[self.output.index].shape
        return np.shape(self.output)

    @property
    def bulk(self) -> int:
        """About how many elements all values have, found without looking at each."""
        return len(self.values) * max(self.input.size, math.prod(self.output_shape))

    def __str__(self) -> str:
        return "\n".join(_lines(self))


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Repeated:
    """What one trip of a loop does, as an argument of the instruction that runs them all.

    Parameters
    ----------
    tape : Tape
        Its input is empty. Its parameters are what is carried, what each trip is given, and what is
        the same in all trips; its output, flat, what is carried on and then what the trip returns.
    trips : int
        How many.
    carried, given : int
        How many of the parameters are carried, and given trip by trip.
    stride : int, default 1
        Of so many trips one is a step of its own: what they compute in between is not kept.
    """

    tape: Tape
    trips: int
    carried: int
    given: int
    stride: int = 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Elements of each parameter."""
        return tuple(info.size for info in self.tape.parameters)

    def is_given(self, number: int) -> bool:
        """Whether a parameter is given trip by trip."""
        return self.carried <= number < self.carried + self.given

    @property
    def carried_size(self) -> int:
        """Elements that are carried."""
        return sum(self.sizes[: self.carried])


_NESTED = frozenset({tuple, list, dict, slice})
_PLAIN = frozenset({np.ndarray, np.float64, float})


def map_refs(fun: Callable[[Ref], Any], argument: Any) -> Any:
    """Replace every `Ref` in an argument, looking inside tuples, lists and dicts."""
    if isinstance(argument, Ref):
        return fun(argument)
    if type(argument) in (tuple, list):
        return type(argument)(map_refs(fun, item) for item in argument)
    if type(argument) is dict:
        return {key: map_refs(fun, item) for key, item in argument.items()}
    if isinstance(argument, slice):
        return slice(*(map_refs(fun, a) for a in (argument.start, argument.stop, argument.step)))
    return argument


def refs_of(arguments: Any) -> list[Ref]:
    """List every `Ref` in an argument, in order, repeats included."""
    found: list[Ref] = []
    map_refs(found.append, arguments)
    return found


def evaluate(
    tape: Tape,
    x: Any,
    parameters: Sequence[Any] = (),
    seen: Callable[[Any], None] | None = None,
) -> Any:
    """Replay a tape with plain NumPy: the slow, obviously right meaning of a tape.

    Parameters
    ----------
    tape : Tape
        The recorded function.
    x : array_like, shape ``tape.input.shape``
        The differentiated argument.
    parameters : sequence of array_like
        The other arguments.
    seen : callable, optional
        Gets every value on the way.

    Returns
    -------
    ndarray
        The function's value at that point.
    """
    values: dict[int, Any] = {0: x, **{k + 1: value for k, value in enumerate(parameters)}}

    def get(ref: Ref) -> Any:
        return values[ref.index]

    plain = all(type(value) in _PLAIN for value in values.values())
    few = len(tape.instructions) <= _FEW_STEPS  # what loops compute is small
    last = _last_uses(tape) if few and tape.bulk > _LARGE else {}
    for number, step in enumerate(tape.instructions):
        # tapes of Python loops are long: most arguments are looked at once, without a call
        args = [
            values[a.index] if type(a) is Ref else map_refs(get, a) if type(a) in _NESTED else a
            for a in step.args
        ]
        kwargs = map_refs(get, dict(step.kwargs)) if step.kwargs else {}
        # without what looks for traced values, where there are none
        function = getattr(step.function, "fun", step.function) if plain else step.function
        values[step.out.index] = function(*args, **kwargs)
        if seen is not None:
            seen(values[step.out.index])
        for done in last.get(number, ()):
            del values[done]
    if isinstance(tape.output, Ref):
        return values[tape.output.index]
    return tape.output


_LARGE = 1 << 18  # elements that are given back as soon as they may
_FEW_STEPS = 500


def _last_uses(tape: Tape) -> dict[int, list[int]]:
    """Return the values that each instruction is the last to read."""
    last = {}
    for number, step in enumerate(tape.instructions):
        for ref in (step.out, *refs_of((step.args, dict(step.kwargs)))):
            last[ref.index] = number
    for ref in refs_of(tape.output):
        last.pop(ref.index, None)
    read: dict[int, list[int]] = {}
    for index, number in last.items():
        read.setdefault(number, []).append(index)
    return read


def verify(tape: Tape) -> None:
    """Check that every value is defined once, before its use.

    Raises
    ------
    TraceError
        If the tape is malformed; this is a defect of sparsesolve, not of the user's function.
    """
    defined = set(range(1 + tape.n_parameters))
    for step in tape.instructions:
        for ref in refs_of((step.args, dict(step.kwargs))):
            if ref.index not in defined:
                raise TraceError(f"malformed tape: {ref!r} is used by `{step.op}` before it is set")
        if step.out.index in defined:
            raise TraceError(f"malformed tape: {step.out!r} is set twice")
        defined.add(step.out.index)
    if isinstance(tape.output, Ref) and tape.output.index not in defined:
        raise TraceError(f"malformed tape: the output {tape.output!r} is never set")


def _lines(tape: Tape) -> Iterator[str]:
    def kind(ref: Ref) -> str:
        info = tape.values[ref.index]
        return f"{info.dtype}{list(info.shape)}"

    names = ["x", *(f"parameter {k}" for k in range(tape.n_parameters))]
    for k, name in enumerate(names):
        yield f"%{k}: {kind(Ref(k))} = {name}"
    for step in tape.instructions:
        arguments = [_short(a) for a in step.args]
        arguments += [f"{name}={_short(a)}" for name, a in step.kwargs.items()]
        where = f"    # {step.source}" if step.source else ""
        yield f"{step.out!r}: {kind(step.out)} = {step.op}({', '.join(arguments)}){where}"
    yield f"return {_short(tape.output)}"


def _short(argument: Any) -> str:
    if isinstance(argument, np.ndarray) and argument.size > 4:
        return f"{argument.dtype}{list(argument.shape)}"
    return repr(argument)
