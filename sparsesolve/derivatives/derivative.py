"""`Derivative`: the protocol that all prepared derivatives keep.

Whoever takes one of them, a solver or a user, may take any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sparsesolve.derivatives.remade import Remade
from sparsesolve.structure.pattern import Pattern

__all__ = ["Derivative", "SymmetricDerivative"]

Array = NDArray[np.float64]

_OF_MATRICES = {"toarray", "todense", "tocsr", "tocsc", "tocoo", "T", "dot", "data", "indices"}
_AT_A_POINT = "call it at a point, as in J(x).toarray() or J(x) @ v; or use J.jvp(x, v)"
_LINES = 18  # of a picture in text: with what it is, twenty


class Derivative(Remade, ABC):
    """A matrix of derivatives whose structure is fixed and whose values are computed on demand.

    `Jacobian`, `Hessian`, `Gradient` (a matrix of one row) and `LagrangianHessian` are such. In
    each method ``*args`` are the arguments of a call: those of the function, and for a
    `LagrangianHessian` x, the multipliers, and sigma if it is not 1.

    - Calling it gives a sparse array with fresh data (a `Gradient`: an array in the shape of x).
    - `values` gives the nonzeros alone, in the order of `pattern`, which never changes; into
      ``out=`` if given. `buffer` and `refill` do so in place, without writing what is constant.
    - `value` gives the function's value, and `value_and_jacobian`, `value_and_hessian` or
      `value_and_gradient` both.
    - `jvp` is the matrix times a direction, `vjp` its transpose times weights; the direction comes
      last. Those that stand for second derivatives have `hvp` too.
    - `pattern`, `nnz`, `shape`, `method` describe it, as `print` does; `report` says what it cost,
      `kernels` what is computed, `explain` why an entry is there, `explain_nonfinite` why one is
      not finite; `verify` raises where the function's data changed since; `calls` counts.
    - It is copied and pickled as the function and the options.
    """

    calls: dict[str, int]

    if not TYPE_CHECKING:  # which would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            if name not in _OF_MATRICES:
                return object.__getattribute__(self, name)  # which raises what it raised before
            kind = type(self).__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}: {_AT_A_POINT}")

    def __matmul__(self, other: Any) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is no matrix yet: {_AT_A_POINT}")

    __rmatmul__ = __matmul__
    __array_ufunc__ = None

    @property
    @abstractmethod
    def pattern(self) -> Pattern:
        """Structure of the matrix."""

    @property
    @abstractmethod
    def method(self) -> str:
        """How values are computed: "compiled", "interpreted", "colored" or differences."""

    @property
    def nnz(self) -> int:
        """Number of entries of the pattern."""
        return self.pattern.nnz

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pattern.shape

    @abstractmethod
    def __call__(self, *args: Any, **options: Any) -> Any:
        """Return the matrix."""

    @abstractmethod
    def values(self, *args: Any, **options: Any) -> Array:
        """Return the nonzeros in the order of `pattern`, shape (nnz,); into `out` if given."""

    @abstractmethod
    def buffer(self) -> Array:
        """Return an array of shape (nnz,) for `refill`, with the constant entries in place."""

    @abstractmethod
    def refill(self, buffer: Array, *args: Any) -> Array:
        """Write the entries that vary with the arguments into a `buffer`, and return it."""

    @abstractmethod
    def value(self, *args: Any, **options: Any) -> Any:
        """Return the function's value, without calling the user's function."""

    @abstractmethod
    def jvp(self, *args: Any) -> Array:
        """Return the matrix times a direction, which comes last."""

    @abstractmethod
    def vjp(self, *args: Any) -> Array:
        """Return the transposed matrix times weights, which come last."""

    @abstractmethod
    def report(self) -> str:
        """Return a table of sizes, times of each stage, counts of calls, and reasons."""

    @abstractmethod
    def explain(self, i: int, j: int) -> str:
        """Say which source lines and primitives make an entry."""

    @abstractmethod
    def explain_nonfinite(self, *args: Any, **options: Any) -> str:
        """Say which source line and primitive make an entry infinite or not a number."""

    @abstractmethod
    def kernels(self) -> str:
        """Return a readable form of the program that computes the nonzeros."""

    @abstractmethod
    def verify(self, *args: Any, **options: Any) -> None:
        """Raise `VerificationError` where the function's data changed since it was traced."""

    def __str__(self) -> str:
        return f"{self!r}\n{self.pattern.text(_LINES)}"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415 - in notebooks alone

        return f"<div>{escape(repr(self))}</div>{self.pattern._repr_html_()}"

    def __repr__(self) -> str:
        m, n = self.shape
        share = f"{100 * self.nnz / max(1, m * n):.3g} %"
        return f"<{type(self).__name__} {m}x{n}, {self.nnz} nonzeros ({share}), {self._how()}>"

    def _how(self) -> str:
        """Say how values are computed."""
        return self.method


class SymmetricDerivative(Derivative):
    """A matrix of second derivatives: the lower triangle is computed, the full one is a gather."""

    @property
    @abstractmethod
    def lower_pattern(self) -> Pattern:
        """Structure of the lower triangle."""

    @abstractmethod
    def lower_values(self, *args: Any, **options: Any) -> Array:
        """Return the nonzeros of the lower triangle in the order of `lower_pattern`."""

    @abstractmethod
    def gradient(self, *args: Any, **options: Any) -> Array:
        """Return the gradient, shape (n,)."""

    @abstractmethod
    def hvp(self, *args: Any) -> Array:
        """Return ``H @ v``, shape (n,); `v` comes last."""

    def buffer(self) -> Array:
        """Return an array of shape (nnz,) for `refill`."""
        return np.zeros(self.nnz)

    def refill(self, buffer: Array, *args: Any) -> Array:
        """Write the nonzeros of the full matrix into a `buffer`, and return it."""
        return self.values(*args, out=buffer)

    def value_and_hessian(self, *args: Any) -> tuple[float, Any]:
        """Return both."""
        return self.value(*args), self(*args)

    def jvp(self, *args: Any) -> Array:
        """Return ``H @ v``, as `hvp`."""
        return self.hvp(*args)

    def vjp(self, *args: Any) -> Array:
        """Return ``H.T @ w``, as `hvp`: it is symmetric."""
        return self.hvp(*args)
