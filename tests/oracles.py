"""Slow and obviously right twins of what the package computes: dense derivatives and patterns.

`with_autograd` makes them usable on functions written with plain ``import numpy as np``: it
rebuilds the function with ``np`` bound to ``autograd.numpy``, so the reference never runs through
the tracer under test. autograd 1.9.1 itself is wrong or fails for np.tile, np.repeat along a
negative axis, np.diag of a matrix that is not square, np.inner of vectors, np.outer of matrices,
np.pad without a mode, and np.where of two shapes: do not use these in a function given to an oracle
(`RandomFunction.autograd_function` does not).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[np.float64]


def with_autograd(function: Callable[..., Any]) -> Callable[..., Any]:
    """Rebuild a plain Python function, and the ones it calls, with numpy as autograd.numpy."""
    return _rebuild(function, {})


def _rebuild(value: Any, done: dict[int, Any]) -> Any:
    if value is np:
        return anp
    if not isinstance(value, types.FunctionType) or "autograd" in (value.__module__ or ""):
        return value
    if id(value) in done:
        return done[id(value)]
    names = _names(value.__code__)
    scope = dict(value.__globals__)
    cells = tuple(types.CellType() for _ in value.__closure__ or ())
    twin = types.FunctionType(
        value.__code__, scope, value.__name__, value.__defaults__, cells or None
    )
    twin.__kwdefaults__ = value.__kwdefaults__
    done[id(value)] = twin
    scope.update({k: _rebuild(scope[k], done) for k in names if k in scope})
    for cell, old in zip(cells, value.__closure__ or (), strict=True):
        cell.cell_contents = _rebuild(old.cell_contents, done)
    return twin


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def dense_jacobian(function: Callable[..., Any], *args: Any, argnum: int = 0) -> Array:
    """Jacobian of the flattened result by the flattened argument, by autograd's reverse mode."""
    x = np.asarray(args[argnum], dtype=np.float64)
    inner = with_autograd(function)

    def flat(v: Any) -> Any:
        out = inner(*args[:argnum], v.reshape(x.shape), *args[argnum + 1 :])
        if isinstance(out, list | tuple):
            out = anp.concatenate([anp.ravel(o) for o in out])
        return anp.ravel(out) + 0.0 * anp.sum(v)

    result = autograd.jacobian(flat)(x.reshape(-1))
    return np.asarray(result, dtype=np.float64).reshape(-1, x.size)


def dense_gradient(function: Callable[..., Any], *args: Any, argnum: int = 0) -> Array:
    """Gradient of a scalar function, flattened."""
    return dense_jacobian(function, *args, argnum=argnum).reshape(-1)


def dense_hessian(function: Callable[..., Any], *args: Any, argnum: int = 0) -> Array:
    """Hessian of a scalar function by autograd, reverse over reverse; shape (n, n)."""
    x = np.asarray(args[argnum], dtype=np.float64)
    inner = with_autograd(function)

    def flat(v: Any) -> Any:
        out = inner(*args[:argnum], v.reshape(x.shape), *args[argnum + 1 :])
        # the added term keeps linear and constant functions differentiable twice in autograd
        return anp.sum(out) + 0.0 * anp.sum(v**2)

    if x.size == 0:
        return np.zeros((0, 0))
    return np.asarray(autograd.hessian(flat)(x.reshape(-1)), dtype=np.float64)


def lagrangian_hessian(
    objective: Callable[..., Any],
    constraints: Sequence[Callable[..., Any]],
    x: Array,
    multipliers: Array,
    sigma: float = 1.0,
) -> Array:
    """Dense Hessian of sigma * f + multipliers . c; the constraints are stacked in order."""
    rebuilt = [with_autograd(c) for c in constraints]
    inner = with_autograd(objective)

    def lagrangian(v: Any) -> Any:
        stacked = [anp.ravel(c(v)) for c in rebuilt]
        both = sigma * anp.sum(inner(v))
        return both + anp.dot(anp.concatenate(stacked), multipliers) if stacked else both

    return dense_hessian(lagrangian, x)


def complex_step_jacobian(function: Callable[[Any], Any], x: Array) -> Array:
    """Jacobian by the complex step (Squire, Trapp 1998); exact to rounding, analytic code only."""
    flat = np.asarray(x, dtype=np.float64).reshape(-1)
    columns = []
    for j in range(flat.size):
        moved = flat.astype(np.complex128)
        moved[j] += 1e-30j
        columns.append(np.ravel(function(moved.reshape(np.shape(x)))).imag / 1e-30)
    return np.stack(columns, axis=1) if columns else np.zeros((np.size(function(x)), 0))


def finite_difference_jacobian(
    function: Callable[[Any], Any], x: Array, *, step: float = 1e-5
) -> Array:
    """Jacobian by central differences of order 4; good to about 1e-9 relative."""
    flat = np.asarray(x, dtype=np.float64).reshape(-1)

    def column(j: int) -> Array:
        h = step * max(1.0, abs(float(flat[j])))
        unit = np.zeros_like(flat)
        unit[j] = h
        up, down, up2, down2 = (
            np.ravel(np.asarray(function((flat + k * unit).reshape(np.shape(x)))))
            for k in (1, -1, 2, -2)
        )
        return np.asarray((8.0 * (up - down) - (up2 - down2)) / (12.0 * h))

    columns = [column(j) for j in range(flat.size)]
    return np.stack(columns, axis=1) if columns else np.zeros((np.size(function(x)), 0))


def finite_difference_hessian(
    function: Callable[[Any], Any], x: Array, *, step: float = 1e-4
) -> Array:
    """Hessian by differences of differences; good to about 1e-6 relative."""

    def gradient(v: Array) -> Array:
        return finite_difference_jacobian(function, v, step=1e-3).reshape(-1)

    return finite_difference_jacobian(gradient, np.asarray(x, dtype=np.float64), step=step)


def random_points(x0: Array, count: int = 4, *, seed: int = 0, spread: float = 0.3) -> list[Array]:
    """Points around `x0`, the first being `x0` itself; seeded."""
    rng = np.random.default_rng(seed)
    x0 = np.asarray(x0, dtype=np.float64)
    return [x0, *(x0 + spread * rng.standard_normal(x0.shape) for _ in range(count - 1))]


def numeric_pattern(
    function: Callable[..., Any], points: Sequence[Array], *, second: bool = False
) -> NDArray[np.bool_]:
    """Entries of J (or H) that are nonzero at one of `points`: every true pattern covers these."""
    derivative = dense_hessian if second else dense_jacobian
    masks = [derivative(function, p) != 0.0 for p in points]
    return np.logical_or.reduce(masks)


def assert_covers(pattern: Any, mask: NDArray[np.bool_]) -> None:
    """Fail when the numeric pattern `mask` has an entry that `pattern` (a `Pattern`) lacks."""
    have = pattern.to_dense()
    assert have.shape == mask.shape, f"pattern has shape {have.shape}, expected {mask.shape}"
    missing = np.argwhere(mask & ~have)
    assert missing.size == 0, f"pattern lacks entries that are nonzero: {missing[:5].tolist()}"


def assert_close(actual: Any, expected: Any, *, rtol: float = 1e-12) -> None:
    """Equal relative to the largest entry: the error measure of the derivative tests."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{actual.shape} against {expected.shape}"
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=rtol * scale)


def seeds() -> st.SearchStrategy[int]:
    """Draw seeds of random programs: one cheap draw an example."""
    return st.integers(0, 2**32 - 1)
