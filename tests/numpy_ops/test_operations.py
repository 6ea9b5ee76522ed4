"""Every operation: value, Jacobian and Hessian against references that share nothing with us.

The reference of a Jacobian is differences of order 4; where the complex step or autograd agree with
it, they take over, being exact to rounding. (Choosing by agreement skips the functions that are
not analytic and those where autograd is wrong.) The reference of a Hessian is the same differences
of the gradient, which is itself compared with the Jacobian.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.special as ssp

import sparsesolve as ss
from sparsesolve.errors import TraceError
from sparsesolve.ir.scalar_ops import OPS
from sparsesolve.lower.context import RULES
from sparsesolve.trace.vocabulary import RECORDED
from tests import oracles
from tests.assignment_cases import ASSIGNMENTS
from tests.borrowed_cases import BORROWED
from tests.complex_cases import COMPLEX
from tests.factorization_cases import FACTORIZATIONS
from tests.operation_cases import CASES as EXPRESSIONS
from tests.operation_cases import Case
from tests.reference import STEP, flat, reference_jacobian
from tests.special_cases import SPECIAL
from tests.statistics_cases import STATISTICS

LOOPS = {
    "scan": Case(
        lambda x: ss.scan(lambda c, v: (np.sin(c * v), c * c), x[0], np.tile(x[1:], 6))[1],
    ),
}
CASES = (
    LOOPS | EXPRESSIONS | ASSIGNMENTS | STATISTICS | COMPLEX | FACTORIZATIONS | SPECIAL | BORROWED
)


def points_of(name: str, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Two points, the second away from kinks: differences of two steps agree there."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    first, *others = (rng.uniform(case.low, case.high, case.shape) for _ in range(12))
    for x in others:
        wide, narrow = (
            oracles.finite_difference_jacobian(lambda v: flat(case.function, v), x, step=h)
            for h in (8.0 * STEP, STEP)
        )
        if np.allclose(wide, narrow, rtol=1e-4, atol=1e-4):
            return first, x
    raise AssertionError("no smooth point found")


def energy_of(function):
    def energy(x):
        value = function(x)
        if isinstance(value, list | tuple):
            value = np.concatenate([np.ravel(part) for part in value])
        value = np.ravel(value)
        weights = np.linspace(0.5, 1.5, value.size)
        return np.sum(weights * (np.sin(value) + 0.5 * value * value))

    return energy


@pytest.mark.every(34)
@pytest.mark.parametrize("name", CASES)
def test_jacobian(name):
    case = CASES[name]
    x0, x = points_of(name, case)
    expected, rtol = reference_jacobian(case.function, x)
    value = flat(case.function, x)
    jacobians = {
        method: ss.jacobian(case.function, x0, method=method)
        for method in ("auto", "interpreted", "colored")
    }
    assert jacobians["auto"].method in ("compiled", "interpreted")
    reference = jacobians["interpreted"](x).toarray()
    oracles.assert_close(reference, expected, rtol=rtol)
    for J in jacobians.values():
        assert J.shape == expected.shape
        assert np.shape(J.value(x)) == np.shape(case.function(x)) or isinstance(
            case.function(x), list | tuple
        )
        oracles.assert_close(J.value(x).reshape(-1), value, rtol=4e-15)
        oracles.assert_close(J(x).toarray(), reference, rtol=1e-13)
    oracles.assert_covers(jacobians["auto"].pattern, np.abs(expected) > 1e-6)


@pytest.mark.every(50)
@pytest.mark.parametrize("name", CASES)
def test_hessian(name):
    case = CASES[name]
    x0, x = points_of(name, case)
    energy = energy_of(case.function)
    if not case.second:
        with pytest.raises(ss.errors.UnsupportedOperation, match="has no derivative"):
            ss.hessian(energy, x0)
        return
    hessians = [ss.hessian(energy, x0, method=method) for method in ("auto", "interpreted")]
    H = hessians[1]
    J = ss.jacobian(case.function, x0, method="interpreted", check=False)
    value = J.value(x).reshape(-1)
    weights = np.linspace(0.5, 1.5, value.size) * (np.cos(value) + value)
    gradient = J(x).T @ weights
    oracles.assert_close(H.gradient(x).reshape(-1), gradient, rtol=1e-12)
    expected = oracles.finite_difference_jacobian(lambda v: H.gradient(v).reshape(-1), x, step=STEP)
    for made in hessians:
        assert made.value(x) == pytest.approx(energy(x), rel=1e-13)
        oracles.assert_close(made(x).toarray(), expected, rtol=2e-8)
    oracles.assert_close(hessians[0](x).toarray(), H(x).toarray(), rtol=1e-12)


# ----- the table is complete -----


def built_in(names):
    """Without what other tests have made."""
    return {name for name in names if not name.startswith("user.")}


@pytest.mark.slow
def test_every_recorded_name_has_a_case():
    seen = set()
    for name, case in CASES.items():
        J = ss.jacobian(case.function, points_of(name, case)[0], method="interpreted", check=False)
        seen.update(step.op for step in J._function.traced.tape.instructions)
    missing = built_in(RECORDED) - seen
    assert not missing, f"no case records {sorted(missing)}"
    unreached = built_in(RULES) - seen
    assert not unreached, f"no case reaches the rules of {sorted(unreached)}"


@pytest.mark.slow
def test_every_scalar_operation_has_a_case():
    seen = set()
    for name, case in CASES.items():
        J = ss.jacobian(case.function, points_of(name, case)[0], method="interpreted", check=False)
        for step in J._function.program.instructions:
            seen.update(node.op for node in getattr(step, "nodes", ()))
    missing = built_in(OPS) - seen
    assert not missing, f"no case lowers to {sorted(missing)}"


# ----- spelled with autograd.numpy, the same -----


# autograd's own rules, which these spellings meet, lack a keyword
_LACKING = frozenset({"real angle (complex)", "sort axis"})


@pytest.mark.every(6)
@pytest.mark.parametrize("name", sorted(CASES.keys() - _LACKING)[::7])
def test_spelled_with_autograd(name):
    case = CASES[name]
    x0, x = points_of(name, case)
    twin = oracles.with_autograd(case.function)
    J = ss.jacobian(case.function, x0, method="interpreted")
    try:
        twin(x0)
        K = ss.jacobian(twin, x0, method="interpreted")
    except (AttributeError, TypeError, ValueError) as error:
        pytest.skip(f"autograd.numpy lacks this function or form: {error}")
    oracles.assert_covers(K.pattern, J.pattern.to_dense())
    oracles.assert_close(K(x).toarray(), J(x).toarray(), rtol=1e-13)
    np.testing.assert_allclose(K.value(x), J.value(x), rtol=1e-14)


# ----- sizes -----

ANY_SIZE = {
    "elementwise": lambda x: np.exp(x) * x - np.where(x > 0, x, 0.0),
    "slices": lambda x: x[1:] * x[:-1],
    "reversed": lambda x: x[::-1] ** 2,
    "sum": lambda x: np.sum(x**2),
    "prod": lambda x: np.prod(x),
    "cumsum": lambda x: np.cumsum(x**2),
    "diff": lambda x: np.diff(x) ** 2,
    "concatenate": lambda x: np.concatenate([x, x**2, np.ones(2)]),
    "stack": lambda x: np.stack([x, x**2]),
    "pad": lambda x: np.pad(x**2, 1),
    "roll": lambda x: np.roll(x, 1) * x,
    "outer": lambda x: np.outer(x, x),
    "dot": lambda x: x @ x,
    "matmul": lambda x: np.ones((3, x.size)) @ x**2,
    "matrix": lambda x: (x[:, None] * np.ones((1, 2))) @ np.ones((2, 2)),
    "einsum": lambda x: np.einsum("i,j->ij", x, x),
    "sparse": lambda x: sp.eye_array(x.size, format="csr") @ x**2,
    "index": lambda x: x[np.arange(x.size)] ** 2,
    "repeat": lambda x: np.repeat(x, 3) ** 2,
    "tile": lambda x: np.tile(x, 2) ** 2,
    "norm": lambda x: np.linalg.norm(np.concatenate([x, [1.0]])),
    "sort": lambda x: np.sort(x) ** 2,
    "diag": lambda x: np.diag(x**2),
    "reshape": lambda x: x.reshape(1, -1, 1) ** 2,
    "zeros_like": lambda x: np.zeros_like(x),
    "constant": lambda x: np.ones(3),
    "loop": lambda x: sum((v**2 for v in x), 0.0),
    "array": lambda x: np.array([v**2 for v in x]),
    "assignment": lambda x: _assigned(x),
    "mean": lambda x: np.mean(np.concatenate([x, [1.0]])) ** 2,
}


def _assigned(x):
    r = np.empty_like(x)
    r[:] = x**2
    r[:1] = 3.0 * x[:1]
    r[1:] *= x[:-1]
    return r


@pytest.mark.every(6)
@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("name", ANY_SIZE)
def test_sizes(name, n):
    function = ANY_SIZE[name]
    x = np.linspace(0.5, 0.9, n)
    expected = oracles.complex_step_jacobian(lambda v: np.ravel(function(v)), x)
    if name in ("sort", "elementwise", "norm"):
        expected = oracles.finite_difference_jacobian(function, x)
    for method in ("auto", "interpreted", "colored"):
        J = ss.jacobian(function, np.full(n, 0.7), method=method)
        assert J.shape == expected.shape
        assert J.value(x).shape == np.shape(function(x))
        np.testing.assert_allclose(J.value(x), function(x), rtol=1e-14)
        np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(J.jvp(x, np.ones(n)), expected.sum(axis=1), atol=1e-8)
        np.testing.assert_allclose(J.vjp(x, np.ones(J.shape[0])), expected.sum(axis=0), atol=1e-8)
    H = ss.hessian(energy_of(function), np.full(n, 0.7))
    assert H.shape == (n, n)
    gradient = oracles.finite_difference_jacobian(lambda v: H.gradient(v), x, step=STEP)
    np.testing.assert_allclose(H(x).toarray(), gradient, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 3), (3, 1, 2)])
def test_shapes_of_matrices(shape):
    def function(x):
        return np.concatenate(
            [
                (np.swapaxes(x, 0, 1) ** 2).ravel(),
                np.sum(x, axis=0).ravel(),
                np.sin(x[..., :1]).ravel(),
            ]
        )

    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    for method in ("auto", "interpreted", "colored"):
        J = ss.jacobian(function, np.ones(shape), method=method)
        expected = oracles.complex_step_jacobian(function, x)
        np.testing.assert_allclose(J(x).toarray(), expected, rtol=1e-13)


# ----- what cannot be recorded -----


_held = (np.zeros(6),)


def _into_buffer(x):
    r = _held[0]
    r[0] = x[0]
    return r


BRANCHING = {
    "branch": (lambda x: x if x[0] > 0 else -x, "np.where"),
    "mask": (lambda x: x[x > 0.5], "np.where"),
    "int": (lambda x: x[int(x[0])], "static constant"),
    "argmax": (lambda x: x[np.argmax(x)], "np.max"),
}


@pytest.mark.parametrize("name", BRANCHING)
def test_branches_are_guards_of_values_and_refused_by_a_pattern(name):
    function, fix = BRANCHING[name]
    x0, x = np.linspace(0.1, 0.9, 6), np.linspace(0.2, 0.8, 6)
    J = ss.jacobian(function, x0)
    np.testing.assert_array_equal(J.value(x), function(x))
    steps = [flat(function, x + h) - flat(function, x - h) for h in 1e-6 * np.eye(6)]
    np.testing.assert_allclose(J(x).toarray(), np.transpose(steps) / 2e-6, atol=1e-8)
    with pytest.raises(TraceError, match=re.escape(fix)):
        ss.jacobian_pattern(function, x0)


REFUSED = {
    "out": (lambda x: np.exp(x, out=_held[0]), "out="),
    "out of a method": (lambda x: x.dot(x, out=_held[0]), "out="),
    "float": (lambda x: x[0].__float__() * x, "float()"),
    "buffer": (_into_buffer, "np.zeros_like(x)"),
    "complex": (lambda x: x * 1j, ".real"),
    "an array of objects": (
        lambda x: ssp.gammaln(np.array([x[0], x[1]], dtype=object)),
        "autograd.scipy.special",
    ),
    "general eigenvalues": (lambda x: np.linalg.eigvals(np.eye(25) * x[0]), "eigh"),
}


@pytest.mark.parametrize("make", [ss.jacobian, ss.hessian, ss.gradient, ss.jacobian_pattern])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, make):
    function, fix = REFUSED[name]
    with pytest.raises(TraceError, match=re.escape(fix)):
        make(function, np.linspace(0.1, 0.9, 6))


def test_mistakes_of_the_user_are_not_renamed():
    with pytest.raises(TypeError, match="not callable"):
        ss.jacobian(lambda x: x.size(x), np.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        ss.jacobian(lambda x: x + np.ones(2), np.ones(3))
    with pytest.raises(IndexError):
        ss.jacobian(lambda x: x[7], np.ones(3))
    with pytest.raises(ZeroDivisionError):
        ss.jacobian(lambda x: x * (1 / 0), np.ones(3))


def test_second_derivatives_of_eigh_where_weights_vanish():
    """A squared misfit that is zero at the point still has the curvature of its residual."""
    C = np.diag([1.0, 3.0, 6.0])

    def vectors(x):
        return np.linalg.eigh(C + x.reshape(3, 3) @ x.reshape(3, 3).T)[1]

    x = 0.1 + np.arange(9.0) / 20.0
    goal = vectors(x)
    J = oracles.finite_difference_jacobian(vectors, x, step=1e-3)
    for method in ("auto", "interpreted", "colored"):
        H = ss.hessian(lambda x: np.sum((vectors(x) - goal) ** 2), x, method=method)
        oracles.assert_close(H(x).toarray(), 2.0 * J.T @ J, rtol=1e-8)
