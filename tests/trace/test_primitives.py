"""Our own primitives, those of SciPy and those of a user; autograd inside a traced function."""

from __future__ import annotations

import threading

import autograd
import autograd.numpy as anp
import autograd.scipy.linalg
import autograd.scipy.signal
import autograd.scipy.special
import autograd.scipy.stats
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.special
from autograd.extend import defvjp, primitive
from autograd.test_util import check_grads

from sparsesolve.ir.tape import evaluate, verify
from sparsesolve.numpy_ops.linalg import component
from sparsesolve.numpy_ops.movement import movement
from sparsesolve.trace import RECORDED, check, prepare, trace
from sparsesolve.trace.naming import NAMES, load_scipy
from sparsesolve.trace.primitives import setitem, sparse_matmul, sparse_rmatmul

x0 = np.array([0.2, 0.5, 0.7, 0.9])
X0 = np.arange(12.0).reshape(3, 4) / 10.0 + 0.1
A = scipy.sparse.csr_array(np.where(X0 > 0.5, X0, 0.0))

INDICES = {
    "integer": (1, 2.0),
    "slice": (slice(1, 3), np.array([3.0, 4.0])),
    "broadcast": (slice(1, 4), 5.0),
    "array": (np.array([3, 0]), np.array([1.0, 2.0])),
    "repeated": (np.array([1, 1, 2]), np.array([1.0, 2.0, 3.0])),
    "mask": (np.array([True, False, True, True]), np.array([1.0, 2.0, 3.0])),
}


@pytest.mark.parametrize("name", INDICES)
def test_setitem_rules(name):
    index, value = INDICES[name]
    modes = ["rev"] if name == "repeated" else ["fwd", "rev"]
    check_grads(lambda a, v: setitem(a, index, v), modes=modes, order=2)(x0, value)


def test_setitem_rules_of_rows():
    check_grads(lambda a, v: setitem(a, (slice(None), 1), v), modes=["fwd", "rev"])(X0, x0[:3])
    check_grads(lambda a, v: setitem(a, 1, v), modes=["fwd", "rev"])(X0, x0[:1])


@pytest.mark.parametrize(
    "fun", [lambda a: np.roll(a, 1, 0), lambda a: np.tile(a, (2, 1)), lambda a: a[1], np.diagonal]
)
def test_movement_rules(fun):
    check_grads(lambda a: movement(fun, a), modes=["fwd", "rev"], order=2)(X0)


def test_component_rules():
    spd = X0 @ X0.T + np.eye(3)
    check_grads(lambda a: component(anp.linalg.slogdet, 1, a), modes=["rev"])(spd)
    check_grads(lambda a: component(anp.linalg.eigh, 0, a + a.T), modes=["rev"])(spd)


@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_sparse_rules(shape):
    x = np.ones(shape) * 0.3
    check_grads(lambda x: sparse_matmul(A, x), modes=["fwd", "rev"], order=2)(x)
    check_grads(lambda x: sparse_rmatmul(x, A.T), modes=["fwd", "rev"], order=2)(x.T)


@pytest.mark.parametrize("name", ["cbrt", "copysign", "fmod", "hypot"])
def test_completed_rules(name):
    function = getattr(anp, name)
    if name == "cbrt":
        check_grads(function, modes=["fwd", "rev"], order=2)(x0)
    else:
        check_grads(function, modes=["fwd", "rev"])(x0, x0[::-1] * 0.3 + 0.05)


def test_names_are_unique_and_complete():
    load_scipy()
    assert len(set(NAMES.values())) == len(NAMES)
    assert set(RECORDED) <= set(NAMES.values())


# --- autograd.scipy and scipy ---

SCIPY = {
    "special of autograd": lambda x: autograd.scipy.special.erf(x) + autograd.scipy.special.j0(x),
    "special of scipy": lambda x: (
        scipy.special.erf(x) + scipy.special.gammaln(x) + scipy.special.expit(x)
    ),
    "more special": lambda x: (
        scipy.special.xlogy(x, x) + scipy.special.ndtr(x) + scipy.special.entr(x)
    ),
    "two arguments": lambda x: scipy.special.beta(x, 2.0) + autograd.scipy.special.polygamma(1, x),
    "bessel": lambda x: scipy.special.i0(x) + scipy.special.y1(x) + scipy.special.jn(2, x),
    "logsumexp": lambda x: autograd.scipy.special.logsumexp(x),
    "logsumexp of scipy": lambda x: scipy.special.logsumexp(x),
    "convolve": lambda x: autograd.scipy.signal.convolve(x, np.array([1.0, 2.0]), mode="valid"),
    "triangular": lambda x: autograd.scipy.linalg.solve_triangular(np.triu(X0[:, :3]), x[:3]),
    "normal": lambda x: autograd.scipy.stats.norm.logpdf(x, 0.0, 2.0),
    "rosen": lambda x: scipy.optimize.rosen(x),
}


@pytest.mark.parametrize("name", SCIPY)
def test_scipy(name):
    function = SCIPY[name]
    traced = prepare(function, [x0])
    verify(traced.tape)
    check(function, traced, [x0])


def test_dotted_names():
    def function(x):
        y = autograd.scipy.special.erf(x)
        z = autograd.scipy.stats.norm.pdf(x, 0.0, 1.0)
        w = np.linalg.solve(np.eye(4), x) + np.fft.fft(x).real
        return y + z + w + autograd.scipy.signal.convolve(x, np.ones(1))

    ops = {step.op for step in trace(function, [x0]).instructions}
    assert {"special.erf", "stats.norm.pdf", "linalg.solve", "fft.fft", "signal.convolve"} <= ops


# --- primitives of a user, autograd inside, branches of plain NumPy ---


@primitive
def _logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


defvjp(_logistic, lambda ans, x: lambda g: g * ans * (1.0 - ans))


@primitive
def _without_rules(x):
    return x * 2


def test_user_primitive():
    tape = trace(lambda x: _logistic(x) * 2, [x0])
    assert [step.op for step in tape.instructions] == ["user._logistic", "multiply"]
    assert tape.instructions[0].function is _logistic


def test_user_primitive_without_rules():
    with pytest.raises(TypeError, match="_without_rules"):
        trace(lambda x: _without_rules(x), [x0])


INNER = {
    "gradient": lambda x: autograd.grad(lambda y: anp.sum(anp.sin(y) ** 3))(x),
    "closure": lambda x: autograd.grad(lambda y: anp.sum(y**3 * x))(2.0 * x),
    "plain numpy inside": lambda x: autograd.grad(lambda y: np.sum(np.concatenate([y, y]) ** 2))(x),
    "jacobian": lambda x: autograd.jacobian(lambda y: anp.outer(y, x) @ y)(x),
    "hessian product": lambda x: autograd.hessian_vector_product(lambda y: anp.sum(y**4))(x, x0),
    "forward": lambda x: autograd.make_jvp(lambda y: y**2 * x)(x)(x0)[1],
    "slices inside": lambda x: autograd.grad(
        lambda y: anp.sum((y[1:] - y[:-1] ** 2) ** 2) + y[0] * y[-1]
    )(x),
    "repeated index inside": lambda x: autograd.grad(lambda y: anp.sum(y[[0, 0, 2]] ** 2 * y[1]))(
        x
    ),
    "loop inside": lambda x: autograd.grad(lambda y: sum(y[i] * y[i + 1] for i in range(3)))(x),
    "hessian inside": lambda x: autograd.hessian(lambda y: anp.sum(y[1:] * y[:-1] ** 2))(x),
    "matrices inside": lambda x: autograd.grad(
        lambda y: anp.linalg.det(anp.outer(y, y) + anp.eye(4)) * anp.dot(y, x)
    )(x),
    "products inside": lambda x: autograd.grad(
        lambda y: anp.sum(anp.tensordot(X0, y, 1) ** 2 + X0 @ anp.diag(y) @ (y * x))
    )(x),
    "decompositions inside": lambda x: autograd.grad(
        lambda y: (
            anp.linalg.slogdet(anp.outer(y, y) + anp.eye(4))[1]
            + anp.linalg.solve(anp.diag(y), x)[1]
        )
    )(x),
    "branches inside": lambda x: autograd.grad(
        lambda y: anp.sum(anp.where(y > 0.5, y**2, x * y) + anp.maximum(y, 0.4)) + anp.max(y)
    )(x),
    "reductions inside": lambda x: autograd.grad(lambda y: np.var(y) + np.linalg.norm(y * x))(x),
}


@pytest.mark.parametrize("name", INNER)
def test_autograd_inside(name):
    function = INNER[name]
    traced = prepare(function, [x0])
    verify(traced.tape)
    check(function, traced, [x0])
    assert {step.op for step in traced.tape.instructions} <= set(RECORDED)


def test_trace_inside_a_trace():
    def function(x):
        tape = trace(lambda y: y**2, [np.ones(4)])
        return x * evaluate(tape, np.full(4, 3.0))

    assert np.array_equal(evaluate(trace(function, [x0]), x0), 9.0 * x0)


def test_value_of_an_outer_trace_is_refused():
    with pytest.raises(TypeError, match="another trace"):
        trace(lambda x: evaluate(trace(lambda y: y * x, [np.ones(4)]), x0), [x0])


def test_autograd_is_as_before():
    before = autograd.grad(lambda x: anp.sum(x**2))(x0)
    trace(lambda x: np.sum(x**2), [x0])
    box_types = set()
    autograd.grad(lambda x: (box_types.add(type(x).__name__), anp.sum(x**2))[1])(x0)
    assert box_types == {"ArrayBox"}
    assert np.array_equal(autograd.grad(lambda x: anp.sum(x**2))(x0), before)


def test_threads():
    failures = []

    def work(k):
        for _ in range(10):
            tape = trace(lambda x: np.concatenate([np.sin(x) * k, x[:k]]), [x0])
            if not np.allclose(evaluate(tape, x0), [*(np.sin(x0) * k), *x0[:k]]):
                failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_one_call_for_the_trace_and_one_for_the_check():
    calls = []

    def function(x):
        calls.append(1)
        return x * 2

    traced = prepare(function, [x0])
    assert len(calls) == 1
    check(function, traced, [x0])
    assert len(calls) == 2


def test_scalar_loop_is_recorded_once_an_operation():
    def function(x):
        total = 0.0
        for i in range(len(x) - 1):
            total = total + (x[i + 1] - x[i] ** 2) ** 2
        return total

    tape = trace(function, [np.linspace(0.0, 1.0, 101)])
    assert len(tape.instructions) == 6 * 100
