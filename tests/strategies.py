"""Hypothesis strategies: shapes, points, patterns, and random programs in plain NumPy.

`random_functions` writes a Python function as *source text*, one statement a line, and compiles it
twice: with ``np`` bound to plain numpy (for the package under test) and to ``autograd.numpy`` (for
the oracles). A failing example therefore prints as code that can be pasted into a file. The values
at ``x0`` are tracked while drawing, so that every statement is well defined, stays of moderate
size, and is away from the kinks of ``abs``, ``maximum`` and ``where``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sparsesolve.structure.pattern import Pattern

Draw = Callable[..., Any]

MAX_SIZE = 40  # elements of one intermediate value
MAX_VALUE = 30.0  # magnitude above which a value is squashed
KINK = 1e-2  # least distance to a kink at x0


class RandomFunction(NamedTuple):
    """A random program: call ``function(x0)``; ``description`` is its source."""

    function: Callable[[Any], Any]
    x0: NDArray[np.float64]
    description: str
    autograd_function: Callable[[Any], Any]


@dataclass
class Writer:
    """The program so far: statements, and the value of each name at x0."""

    values: dict[str, NDArray[np.float64]]
    scope: dict[str, Any] = field(default_factory=lambda: {"np": np})
    constants: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def constant(self, array: NDArray[Any]) -> str:
        name = f"C{len(self.constants)}"
        self.constants.append(f"{name} = np.array({array.tolist()!r}, dtype={array.dtype.name!r})")
        self.scope[name] = array
        return name

    def accept(self, expression: str, twin: str | None = None) -> bool:
        """Add ``v<k> = expression`` unless its value at x0 is unfit."""
        twin = twin or expression
        with np.errstate(all="ignore"):
            value = np.asarray(eval(expression, self.scope, dict(self.values)))
        if value.size == 0 or value.size > MAX_SIZE or value.dtype != np.float64:
            return False
        if not np.all(np.isfinite(value)):
            return False
        if np.max(np.abs(value)) > MAX_VALUE:
            expression, twin = f"np.tanh(0.1 * ({expression}))", f"np.tanh(0.1 * ({twin}))"
            value = np.tanh(0.1 * value)
        name = f"v{len(self.lines)}"
        self.lines.append((f"{name} = {expression}", f"{name} = {twin}"))
        self.values[name] = value
        return True

    def offer(self, draw: Draw, forms: Sequence[str | tuple[str, str]]) -> None:
        """Accept one of `forms`: an expression, or a pair with its autograd twin."""
        form = draw(st.sampled_from(forms))
        self.accept(*((form,) if isinstance(form, str) else form))

    def statement(self, lines: str, twin: str, value: NDArray[np.float64]) -> None:
        """Add a statement of several lines (with ``{name}`` for its result)."""
        name = f"v{len(self.lines)}"
        self.lines.append((lines.format(name=name), twin.format(name=name)))
        self.values[name] = value

    def result(self, *, everything: bool) -> str:
        """Name the last value, or join all values that nothing else uses."""
        last = list(self.values)[-1]
        used = " ".join(pair[0].partition("=")[2] for pair in self.lines)
        loose = [k for k in self.values if not re.search(rf"\b{k}\b", used)]
        if not everything or len(loose) < 2:
            return last
        total = f"np.concatenate([{', '.join(f'np.ravel({k})' for k in loose)}])"
        self.statement(f"{{name}} = {total}", f"{{name}} = {total}", np.zeros(1))
        return list(self.values)[-1]

    def source(self, result: str, *, autograd: bool = False) -> str:
        body = "\n".join(pair[autograd] for pair in self.lines) + f"\nreturn {result}"
        indented = "\n".join("    " + line for line in body.splitlines())
        return "\n".join([*self.constants, "def f(x):", indented, ""])


# ----- Elementwise ---------------------------------------------------------------------------

SMOOTH_UNARY = (
    "np.sin({u})", "np.cos({u})", "np.exp(0.5 * {u})", "np.tanh({u})", "np.arctan({u})",
    "np.sqrt(1.5 + {u} * {u})", "np.log(2.0 + {u} ** 2)", "{u} ** 2", "{u} ** 3", "np.square({u})",
    "1.0 / (2.0 + {u} * {u})", "-{u}", "{u} + 0.0", "2.0 * {u} - 1.0", "3.0 - {u}", "{u} / 4.0",
    "np.expm1(0.3 * {u})", "np.log1p({u} * {u})", "(1.5 + {u} * {u}) ** 1.7", "np.sinh(0.4 * {u})",
    "2.0 ** (0.3 * {u})", "np.reciprocal(2.5 + np.cos({u}))", "{u} * 0.0", "{u} - {u}",
    "np.arcsin(0.9 * np.sin({u}))", "np.cosh(0.3 * {u})",
)  # fmt: skip

SMOOTH_BINARY = (
    "{u} + {v}", "{u} - {v}", "{u} * {v}", "{u} / (1.5 + {v} * {v})", "np.multiply({u}, {v})",
    "np.arctan2({u}, 2.0 + {v} * {v})", "np.logaddexp({u}, {v})", "{u} * {v} + {u}",
    "(1.2 + {u} * {u}) ** (0.2 * {v})", "np.add({u}, np.sin({v}))", "0.5 * {u} * {u} * {v}",
)  # fmt: skip

CONSTANT_BINARY = (
    "{u} * {c}", "{c} - {u}", "{u} + {c}", "np.where({c} > 0, {u}, 0.5)",
    "np.where({c} > 0.2, {u}, np.cos({u}))",
)  # fmt: skip

KINKED_UNARY = (
    "np.abs({u})", "abs({u})", "np.clip({u}, 0.0, 50.0)", "np.sign({u}) * {u} ** 2",
    "np.fabs({u})",
)  # fmt: skip

KINKED_BINARY = (
    "np.maximum({u}, {v})", "np.minimum({u}, {v})", "np.where({u} > {v}, {u} * {u}, {v})",
    "np.where({u} <= {v}, {v}, np.sin({u}))", "np.where({u} < {v}, 1.0, {u})",
)  # fmt: skip


def _pick(draw: Draw, w: Writer, *, ndim: int | None = None) -> str | None:
    names = [k for k, v in w.values.items() if ndim is None or v.ndim == ndim]
    # recent values first, so that shrinking gives shallow programs and growth gives deep ones
    return draw(st.sampled_from(names[::-1])) if names else None


def _unary(draw: Draw, w: Writer) -> None:
    w.accept(draw(st.sampled_from(SMOOTH_UNARY)).format(u=_pick(draw, w)))


def _kinked_unary(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    if np.min(np.abs(w.values[u])) > KINK:
        w.accept(draw(st.sampled_from(KINKED_UNARY)).format(u=u))


def _partners(w: Writer, u: str) -> list[str]:
    return [k for k, v in w.values.items() if _broadcasts(w.values[u].shape, v.shape)]


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(a, b))) <= MAX_SIZE
    except ValueError:
        return False


def _binary(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    v = draw(st.sampled_from(_partners(w, u)))
    w.accept(draw(st.sampled_from(SMOOTH_BINARY)).format(u=u, v=v))


def _kinked_binary(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    v = draw(st.sampled_from(_partners(w, u)))
    if np.min(np.abs(w.values[u] - w.values[v])) > KINK:
        form = draw(st.sampled_from(KINKED_BINARY))
        # autograd's own rule for np.where fails where the two sides differ in shape
        twin = form.format(u=f"({u} + 0.0 * {v})", v=f"({v} + 0.0 * {u})")
        w.accept(form.format(u=u, v=v), twin)


def _constant_binary(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    c = w.constant(_random(draw, w.values[u].shape))
    w.accept(draw(st.sampled_from(CONSTANT_BINARY)).format(u=u, c=c))


def _random(draw: Draw, shape: tuple[int, ...]) -> NDArray[np.float64]:
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    # some exact zeros: structure must not depend on the luck of values
    return np.round(rng.uniform(-1.5, 1.5, shape), 2) * (rng.random(shape) > 0.2)


# ----- Movement ------------------------------------------------------------------------------


def _slice(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    parts = []
    for size in w.values[u].shape:
        forms = [
            ":",
            "::-1",
            "::2",
            "1:",
            ":-1",
            "-1:",
            "0",
            "-1",
            "1:-1",
            "..." if not parts else ":",
        ]
        forms.append(f"[{', '.join(str(i) for i in draw(_indices(size)))}]")
        parts.append(draw(st.sampled_from(forms)))
    if sum(p[0] == "[" for p in parts) > 1:  # paired index lists would have to agree in length
        return
    extra = draw(st.sampled_from(("", "", "None")))
    index = ", ".join([*parts, *([extra] if extra else [])])
    if parts.count("...") <= 1 and index:
        w.accept(f"{u}[{index}]")


def _indices(size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(-size, size - 1), min_size=1, max_size=6)


def _gather(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    size = w.values[u].shape[0] if w.values[u].ndim else 0
    if size:
        c = w.constant(np.array(draw(_indices(size)), dtype=np.int64))
        w.accept(f"{u}[{c}]")


def _mask(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    if w.values[u].ndim:
        c = w.constant(_random(draw, w.values[u].shape) > 0.0)
        w.accept(f"{u}[{c}]")


def _reshape(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    size = w.values[u].size
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    d = draw(st.sampled_from(divisors))
    forms = (
        f"{u}.reshape({d}, {size // d})", f"np.reshape({u}, (-1, {d}))", f"{u}.reshape(-1)",
        f"np.ravel({u})", f"{u}.T", f"{u}.flatten()", f"np.transpose({u})",
    )  # fmt: skip
    w.offer(draw, forms)


def _shuffle(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    if w.values[u].ndim == 0:
        return
    axis = draw(st.integers(-w.values[u].ndim, w.values[u].ndim - 1))
    k = draw(st.integers(-2, 3))
    width = draw(st.integers(0, 2))
    pads = ((width, 1),) * w.values[u].ndim
    # autograd's own rules are wrong for np.tile, and for np.repeat along a negative axis
    tile = (f"np.tile({u}, 2)", f"np.concatenate([{u}, {u}], axis=-1)")
    repeat = f"np.repeat({u}, {width + 1}, axis={{}})"
    repeat = (repeat.format(axis), repeat.format(axis % w.values[u].ndim))
    forms = (
        f"np.roll({u}, {k})", f"np.roll({u}, {k}, axis={axis})", tile, repeat,
        f"np.pad({u}, {pads!r}, mode='constant')",
        f"np.expand_dims({u}, {axis})", f"np.squeeze({u})", f"np.diff({u}, axis={axis})",
        f"np.moveaxis({u}, {axis}, 0)",
    )  # fmt: skip
    w.offer(draw, forms)


def _matrix(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w, ndim=2)
    if u is not None:
        # autograd's own rule for np.diag is wrong on matrices that are not square
        k = min(w.values[u].shape)
        diagonal = (f"np.diag({u})", f"{u}[{list(range(k))}, {list(range(k))}]")
        forms = (f"np.triu({u})", f"np.tril({u}, -1)", f"np.swapaxes({u}, 0, 1)", diagonal)
        form = draw(st.sampled_from(forms))
        w.accept(*form) if isinstance(form, tuple) else w.accept(form)


def _join(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    same = [k for k, v in w.values.items() if v.shape == w.values[u].shape]
    v = draw(st.sampled_from(same))
    flat = draw(st.sampled_from(list(w.values)))
    forms = [f"np.concatenate([np.ravel({u}), np.ravel({flat})])", f"np.stack([{u}, {v}, {u}])"]
    if w.values[u].ndim:
        forms += [f"np.concatenate(({u}, {v}), axis=0)", f"np.hstack([{u}, {v}])",
                  f"np.vstack([{u}, {v}])"]  # fmt: skip
    w.offer(draw, forms)


def _assign(draw: Draw, w: Writer) -> None:
    """``r = u.copy(); r[a:b] = v`` and its functional twin for autograd."""
    u = _pick(draw, w, ndim=1)
    if u is None or w.values[u].size < 2:
        return
    n = w.values[u].size
    a = draw(st.integers(0, n - 2))
    b = draw(st.integers(a + 1, n))
    source = draw(st.sampled_from(("{u}[:{k}] ** 2", "0.5", "{u}[-1]", "{u}[{a}:{b}] + 1.0")))
    right = source.format(u=u, k=b - a, a=a, b=b)
    start = draw(st.sampled_from(("{u}.copy()", "np.zeros_like({u})"))).format(u=u)
    base = u if "copy" in start else f"(0.0 * {u})"
    middle = f"({right}) * np.ones({b - a})"
    twin = f"{{name}} = np.concatenate([{base}[:{a}], {middle}, {base}[{b}:]])"
    value = eval(twin.split("= ", 1)[1], w.scope, dict(w.values))
    if np.all(np.isfinite(value)) and np.max(np.abs(value)) <= MAX_VALUE:
        w.statement(f"{{name}} = {start}\n{{name}}[{a}:{b}] = {right}", twin, value)


# ----- Reductions and products ---------------------------------------------------------------


def _reduce(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    ndim = w.values[u].ndim
    axis = draw(st.sampled_from([None, *range(-ndim, ndim)]))
    keep = draw(st.booleans())
    forms = (
        f"np.sum({u}, axis={axis}, keepdims={keep})", f"np.mean({u}, axis={axis})",
        f"{u}.sum(axis={axis})", f"np.sum(np.cos({u}) * {u}, axis={axis})",
        f"np.prod(1.0 + 0.1 * {u}, axis={axis})", f"np.cumsum({u}, axis={axis})",
        f"np.var({u}, axis={axis})", f"np.linalg.norm({u} + 3.0)",
    )  # fmt: skip
    w.offer(draw, forms)


def _extremum(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    ordered = np.sort(w.values[u], axis=None)
    if ordered.size == 1 or np.min(np.diff(ordered)) > KINK:
        w.accept(draw(st.sampled_from(("np.max({u})", "np.min({u})", "{u}.max()"))).format(u=u))


def _product(draw: Draw, w: Writer) -> None:
    u = _pick(draw, w)
    shape = w.values[u].shape
    if not shape or len(shape) > 2:
        return
    c = w.constant(_random(draw, (shape[-1], draw(st.integers(1, 4)))))
    d = w.constant(_random(draw, (draw(st.integers(1, 4)), shape[0])))
    same = [k for k, v in w.values.items() if v.shape == shape]
    v = draw(st.sampled_from(same))
    # autograd's own rule for np.outer fails on matrices
    outer = (f"np.outer({u}, {v})", f"np.reshape({u}, (-1, 1)) * np.reshape({v}, (1, -1))")
    forms = [f"{u} @ {c}", f"np.dot({d}, {u})", f"{u} @ {v}.T", outer,
             f"np.dot({u}, {c})", f"np.sum({u} * {v})", f"np.matmul({d}, {u})"]  # fmt: skip
    if len(shape) == 2:
        forms += [f"np.einsum('ij,jk->ik', {u}, {c})", f"np.einsum('ij,ij->i', {u}, {v})",
                  f"np.tensordot({d}, {u}, axes=1)"]  # fmt: skip
    else:
        # autograd's own rule for np.inner fails on vectors
        forms += [f"np.dot({u}, {v})", (f"np.inner({u}, {v})", f"np.dot({u}, {v})"),
                  f"np.einsum('i,i->', {u}, {v})", f"np.kron({u}, {v})"]  # fmt: skip
    w.offer(draw, forms)


SMOOTH_STEPS = (
    _unary, _binary, _unary, _binary, _constant_binary, _slice, _gather, _mask, _reshape, _shuffle,
    _matrix, _join, _reduce, _product,
)  # fmt: skip
KINKED_STEPS = (_kinked_unary, _kinked_binary, _extremum)


@st.composite
def random_functions(
    draw: Draw,
    *,
    scalar: bool = False,
    kinks: bool = True,
    assignment: bool = False,
    min_size: int = 1,
    max_size: int = 6,
    max_steps: int = 8,
) -> RandomFunction:
    """Random compositions of NumPy operations, with a point in their domain.

    Parameters
    ----------
    scalar : bool, default False
        Sum the result to one number, as a Hessian needs.
    kinks : bool, default True
        Allow abs, maximum, where on data, max; x0 is away from every kink.
    assignment : bool, default False
        Allow ``r = u.copy(); r[a:b] = ...`` in the NumPy form (the autograd form concatenates).
    min_size, max_size : int
        Range of the length of x0.
    max_steps : int
        Largest number of statements.
    """
    n = draw(st.integers(min_size, max_size))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x0 = np.round(rng.uniform(-1.4, 1.4, n), 3)
    writer = Writer({"x": x0})
    steps = SMOOTH_STEPS + KINKED_STEPS * kinks + (_assign, _assign) * assignment
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=max_steps)):
        step(draw, writer)
    last = writer.result(everything=draw(st.booleans()))
    result = f"np.sum(np.sin({last}) + {last} ** 2)" if scalar else last
    source = writer.source(result)
    return RandomFunction(
        _compile(source, np), x0, source, _compile(writer.source(result, autograd=True), anp)
    )


def _compile(source: str, numpy: Any) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {"np": np}
    constants, _, _ = source.partition("def f(x):")
    exec(constants, scope)
    scope["np"] = numpy
    exec(compile(source[len(constants) :], "<random function>", "exec"), scope)
    return scope["f"]


# ----- Shapes, points, patterns --------------------------------------------------------------


def shapes(*, max_dims: int = 3, max_side: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Array shapes with sides 0 and 1 and unequal sides."""
    return st.lists(st.integers(0, max_side), max_size=max_dims).map(tuple)


@st.composite
def points(draw: Draw, size: int, *, bound: float = 1.4) -> NDArray[np.float64]:
    """Points of the given length with entries in [-bound, bound]."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return rng.uniform(-bound, bound, size)


@st.composite
def patterns(
    draw: Draw, *, max_rows: int = 8, max_columns: int = 9, square: bool = False
) -> Pattern:
    """Patterns of any density, with sizes 0 and 1, empty rows and asymmetric shapes."""
    n = draw(st.integers(0, max_columns))
    m = n if square else draw(st.integers(0, max_rows))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    mask = rng.random((m, n)) < draw(st.sampled_from((0.0, 0.1, 0.25, 0.5, 0.9, 1.0)))
    i, j = np.nonzero(mask)
    return Pattern.from_coo((m, n), i, j)


@st.composite
def symmetric_patterns(draw: Draw, *, max_side: int = 9) -> Pattern:
    """Symmetric patterns, with and without the diagonal."""
    p = draw(patterns(max_columns=max_side, square=True))
    both = p.union(p.T)
    if draw(st.booleans()):
        i = np.arange(p.shape[0])
        both = both.union(Pattern.from_coo(p.shape, i, i))
    return both
