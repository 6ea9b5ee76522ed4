"""Lowering of products of arrays, of linear algebra, and of what stays a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.scipy.signal
import autograd.scipy.special
import numpy as np
import pytest
import scipy.sparse as sp
from autograd.extend import defvjp, primitive
from lowering import X4, X23, X33, X234, compare, lowered, tape_of

from sparsesolve.errors import UnsupportedOperation
from sparsesolve.ir.program import Opaque
from sparsesolve.ir.tape import Ref
from sparsesolve.lower import lower

MATRIX = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.5, -1.0, 0.0, 3.0]])
SPARSE = sp.csr_array(MATRIX)

# ----- products -----

PRODUCTS: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda x: MATRIX @ x, X4),
    (lambda x: np.dot(MATRIX, x), X4),
    (lambda x: x @ MATRIX.T, X4),
    (lambda x: MATRIX @ x @ x[0], np.outer(X4, X4)),
    (lambda x: np.ones((3, 4)) @ x, X4),
    (lambda x: np.linspace(1, 2, 40).reshape(10, 4) @ x, X4),
    (lambda x: x @ x, X4),
    (lambda x: np.dot(x, x), X4),
    (lambda x: x @ x.T, X23),
    (lambda x: x.T @ x @ x.T, X23),
    (lambda x: x @ X4, X234),
    (lambda x: X4[:3] @ x, X234),
    (lambda x: x @ np.swapaxes(x, -1, -2), X234),
    (lambda x: x @ np.ones((4, 2)), X234),
    (lambda x: np.ones((5, 1, 2, 3)) @ x, X234),
    (lambda x: np.dot(x, np.ones((2, 4, 5))), X234),
    (lambda x: np.dot(x, 3.0), X23),
    (lambda x: np.dot(np.eye(2), x), X23),
    (lambda x: np.inner(x, x), X23),
    (lambda x: np.outer(x, x[:2]), X4),
    (lambda x: np.kron(x[:2], x), X4),
    (lambda x: np.tensordot(x, x, axes=([0], [0])), X23),
    (lambda x: np.tensordot(x, np.ones((3, 2)), axes=1), X23),
    (lambda x: np.vdot(x, x), X4),
    (lambda x: np.trace(x), X33),
    (lambda x: np.cross(x[:3], x[1:]), X4),
    (lambda x: np.einsum("i,i->", x, x), X4),
    (lambda x: np.einsum("i,j->ij", x, x), X4),
    (lambda x: np.einsum("ij->ji", x), X23),
    (lambda x: np.einsum("ii->i", x), X33),
    (lambda x: np.einsum("ii", x), X33),
    (lambda x: np.einsum("ij->j", x), X23),
    (lambda x: np.einsum("ij,jk,kl->il", x, np.ones((3, 4)), np.ones((4, 2))), X23),
    (lambda x: np.einsum("ij,kj,lj->ikl", x, x, x), X23),
    (lambda x: np.einsum("...j,j->...", x, X4), X234),
    (lambda x: np.einsum("...ij,...jk", x, np.ones((2, 4, 2))), X234),
    (lambda x: np.einsum("ij,ij->i", x, x), X23),
    (lambda x: np.einsum("iij->j", x[:, :2]), X234),
    (lambda x: np.convolve(x, np.array([1.0, -2.0, 0.0])), X4),
    (lambda x: np.convolve(x, x[:2], "same"), X4),
    (lambda x: np.convolve(x[:2], x, "valid"), X4),
    (lambda x: SPARSE @ x, X4),
    (lambda x: SPARSE @ x.reshape(4, 2), np.linspace(0, 1, 8)),
    (lambda x: x @ SPARSE, X4[:3]),
    (lambda x: x @ SPARSE, X23),
    (lambda x: sp.csr_matrix(MATRIX) @ x, X4),
    (lambda x: sp.csr_array((3, 4)) @ x, X4),
    (lambda x: np.zeros((2, 4)) @ x, X4),
    (lambda x: np.zeros((2, 0)) @ x, np.zeros(0)),
    (lambda x: x @ np.zeros((2, 0)), np.ones((3, 2))),
    (lambda x: np.gradient(x), X4),
    (lambda x: np.diff(x, n=2), X4),
    (lambda x: np.trapezoid(x), X4),
]


@pytest.mark.parametrize("case", PRODUCTS, ids=lambda case: str(PRODUCTS.index(case)))
def test_products(case: tuple[Callable[[Any], Any], Any]) -> None:
    compare(*case)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolution(mode: str) -> None:
    convolve = autograd.scipy.signal.convolve
    image, kernel = np.linspace(0, 1, 30).reshape(5, 6), np.linspace(1, 2, 6).reshape(2, 3)
    compare(lambda x: convolve(x, kernel, mode=mode), image)
    compare(lambda x: convolve(image, x, mode=mode), kernel)
    compare(lambda x: convolve(kernel, x, mode=mode), image)
    compare(lambda x: convolve(x, x[:2], mode=mode), image)
    stack, filters = (
        np.linspace(0, 1, 48).reshape(2, 3, 2, 4),
        np.linspace(0, 1, 24).reshape(3, 4, 2),
    )
    options = {"axes": ([2, 3], [1, 2]), "dot_axes": ([1], [0]), "mode": mode}
    compare(lambda x: convolve(x, filters[:, :2], **options), stack)
    axes = ([3], [2])
    compare(lambda x: convolve(stack, x, axes=axes, dot_axes=([1], [0]), mode=mode), filters)


def test_convolution_couples_only_what_it_reads() -> None:
    image, kernel = np.ones((4, 4)), np.ones((3, 3))
    program = lowered(lambda x: autograd.scipy.signal.convolve(x, kernel, mode="full"), image)
    assert sum(step.length for step in program.instructions) == 16 * 9


def test_zeros_of_a_constant_matrix_are_left_out() -> None:
    (kernel,) = lowered(lambda x: MATRIX @ x, X4).instructions
    assert kernel.length == np.count_nonzero(MATRIX)
    (kernel,) = lowered(lambda x: SPARSE @ x, X4).instructions
    assert kernel.length == SPARSE.nnz


def test_huge_products_are_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="terms"):
        lower(tape_of("matmul", Ref(0), Ref(0), shape=(4000, 4000), result=(4000, 4000)))


# ----- linear algebra -----


@pytest.mark.parametrize(
    "function",
    [
        np.linalg.norm,
        lambda x: np.linalg.norm(x, 1),
        lambda x: np.linalg.norm(x, np.inf),
        lambda x: np.linalg.norm(x, -1),
        lambda x: np.linalg.norm(x, "fro"),
        lambda x: np.linalg.norm(x, axis=0),
        lambda x: np.linalg.norm(x, 1, axis=1),
        lambda x: np.linalg.norm(x, np.inf, axis=1, keepdims=True),
        lambda x: np.linalg.norm(x, 3, axis=0),
        lambda x: np.linalg.norm(x, axis=(0, 1), keepdims=True),
        np.linalg.det,
        np.linalg.inv,
        lambda x: np.linalg.solve(x, x[0]),
        lambda x: np.linalg.solve(X33, x),
        lambda x: autograd.scipy.special.logsumexp(x),
        lambda x: autograd.scipy.special.logsumexp(x, axis=1),
        lambda x: autograd.scipy.special.logsumexp(x, axis=0, keepdims=True),
    ],
)
def test_linear_algebra(function: Callable[[Any], Any]) -> None:
    compare(function, X33)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_stacks_of_matrices(n: int) -> None:
    stack = np.random.default_rng(n).random((3, n, n)) + 2.0 * np.eye(n)
    compare(np.linalg.det, stack)
    compare(np.linalg.det, stack[0])
    program = compare(np.linalg.inv, stack)
    calls = [step for step in program.instructions if isinstance(step, Opaque)]
    assert len(calls) == (3 if n > 3 else 0)
    compare(lambda x: np.linalg.solve(x, np.ones((3, n, 2))), stack)
    compare(lambda x: np.linalg.solve(x, x[0, 0]), stack)
    compare(lambda x: np.linalg.solve(x[:1], x), stack)
    compare(lambda x: np.linalg.solve(stack[:1], x), stack)
    compare(lambda x: np.linalg.cholesky(x @ np.swapaxes(x, 1, 2)), stack)
    compare(lambda x: np.linalg.pinv(x[:, :, :1]), stack)


def test_matrices_of_a_stack_stay_apart() -> None:
    program = lowered(np.linalg.inv, np.array([np.eye(4), 2.0 * np.eye(4)]))
    assert [call.operands[0].start for call in program.instructions] == [0, 16]


def test_determinant_of_a_diagonal_matrix_is_a_product() -> None:
    program = compare(lambda x: np.linalg.det(np.diag(x)), X4[:3])
    assert [node.op for step in program.instructions for node in step.nodes].count("multiply") == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sort(x),
        lambda x: np.linalg.eigh(np.outer(x, x) + np.diag([1.0, 2.0, 3.0, 4.0]))[0],
        lambda x: np.linalg.slogdet(np.outer(x, x) + np.eye(4))[1],
    ],
)
def test_calls(function: Callable[[Any], Any]) -> None:
    program = compare(function, X4)
    assert any(isinstance(step, Opaque) for step in program.instructions)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.real(np.fft.fft(x)),
        lambda x: np.abs(np.fft.rfft(x)),
        lambda x: np.fft.irfft(np.fft.rfft(x) * np.array([1.0, 0.5, 0.0])),
        lambda x: np.abs(x * np.exp(1j * x)) ** 2,
    ],
)
def test_complex_values_need_no_calls(function: Callable[[Any], Any]) -> None:
    program = compare(function, X4)
    assert not any(isinstance(step, Opaque) for step in program.instructions)


def test_primitives_of_the_user_stay_calls() -> None:
    @primitive
    def twist(x: Any, y: Any) -> Any:
        return np.sort(x) * y

    defvjp(twist, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * np.sort(x))
    program = compare(lambda x: twist(x[1:], 2.0) + x[0], X4)
    (call,) = [step for step in program.instructions if isinstance(step, Opaque)]
    assert call.name == "user.twist"
    assert call.shapes == ((3,),)


def test_constants_of_a_product_take_one_slot_each() -> None:
    program = lowered(lambda x: np.linspace(1, 2, 300).reshape(20, 15) @ x, np.ones((15, 12)))
    assert program.n_slots < 180 + 300 + 240 + 10


def test_factors_that_are_one_are_left_out() -> None:
    for constant in (np.ones((3, 4)), sp.csr_array(np.eye(4)), np.eye(4)):
        program = lowered(lambda x, a=constant: a @ x, X4)
        assert [len(step.loads) for step in program.instructions] == [1]
