"""PyCUTEst's methods on our problems, against dense autograd, with and without fixed variables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from oracles import assert_close, dense_gradient, dense_jacobian, lagrangian_hessian

import sparsesolve as ss
from sparsesolve.adapters import pycutest
from sparsesolve.adapters.optiprofiler import optiprofiler_arguments
from sparsesolve.adapters.pycutest import CUTEstProblem


def objective(x):
    return x[0] ** 2 * x[1] + np.sin(x[2]) + x[3] ** 4 + x[1] * x[3]


def curved(x):
    return np.array([x[0] * x[1], x[2] ** 2 + x[3]])


def straight(x):
    return x[0] - 2.0 * x[3]


LIMITS = ([-np.inf, 1.0, 2.0, -1.0], [np.inf, 3.0, 2.0, 1e25])  # the third variable is fixed
ROWS = [
    ss.Constraint(curved, [0.5, -1.0], [0.5, 7.0], name="curved"),
    ss.Constraint(straight, -np.inf, 4.0, name="straight"),
]
PROBLEM = ss.Problem(objective, [1.0, 2.0, 2.0, 0.3], bounds=LIMITS, constraints=ROWS, name="TEST")
FREE = ss.Problem(objective, [1.0, 2.0, 2.0, 0.3], name="PLAIN")


def stacked(x):
    return np.concatenate([curved(x), np.array([straight(x)])])


@pytest.fixture(params=[True, False], ids=["fixed dropped", "fixed kept"])
def p(request) -> CUTEstProblem:
    return ss.pycutest_problem(PROBLEM, drop_fixed_variables=request.param)


@pytest.fixture
def keep(p) -> list[int]:
    return [0, 1, 3] if p.drop_fixed_vars else [0, 1, 2, 3]


@pytest.fixture
def whole(p) -> np.ndarray:
    """A point in all variables; the fixed one at its value."""
    return np.array([0.7, 1.5, 2.0, -0.4])


V = np.array([0.3, -1.2, 2.0])


def test_attributes(p, keep) -> None:
    assert (p.name, p.n, p.m, p.n_full) == ("TEST", len(keep), 3, 4)
    assert (p.n_free, p.n_fixed) == (len(keep), 4 - len(keep))
    np.testing.assert_array_equal(p.bl, np.array([-1e20, 1.0, 2.0, -1.0])[keep])
    np.testing.assert_array_equal(p.bu, np.array([1e20, 3.0, 2.0, 1e20])[keep])
    np.testing.assert_array_equal(p.cl, [0.5, -1.0, -1e20])
    np.testing.assert_array_equal(p.cu, [0.5, 7.0, 4.0])
    np.testing.assert_array_equal(p.x0, np.array([1.0, 2.0, 2.0, 0.3])[keep])
    np.testing.assert_array_equal(p.v0, np.zeros(3))
    np.testing.assert_array_equal(p.is_eq_cons, [True, False, False])
    np.testing.assert_array_equal(p.is_linear_cons, [False, False, True])
    np.testing.assert_array_equal(p.vartype, np.zeros(len(keep)))
    assert (p.eq_cons_first, p.linear_cons_first, p.nonlinear_vars_first) == (True, False, False)
    assert (p.nnzj, p.nnzh) == (6, 5)
    assert p.sifParams is None
    assert p.sifOptions is None
    assert str(p).startswith("CUTEst problem TEST (default params)")
    assert p.varnames() == ["X1", "X2", "X3", "X4"]
    assert p.connames() == ["C1", "C2", "C3"]


def test_vectors_lose_and_regain_fixed_variables(p, keep, whole) -> None:
    x = p.all_to_free(whole)
    np.testing.assert_array_equal(x, whole[keep])
    np.testing.assert_array_equal(p.free_to_all(x), whole)
    if p.n_fixed:
        assert p.free_to_all(x, use_zeros=True)[2] == 0.0


def test_first_derivatives(p, keep, whole) -> None:
    x = whole[keep]
    f, g = objective(whole), dense_gradient(objective, whole)[keep]
    c, J = stacked(whole), dense_jacobian(stacked, whole)[:, keep]
    assert p.obj(x) == pytest.approx(f, rel=1e-15)
    found = p.obj(x, gradient=True)
    assert_close(found[0], f)
    assert_close(found[1], g)
    assert_close(p.grad(x), g)
    assert_close(p.objcons(x)[1], c)
    for name in ("cons", "scons"):
        method = getattr(p, name)
        assert_close(method(x), c)
        both = method(x, gradient=True)
        assert_close(both[0], c)
        assert_close(_dense(both[1]), J)
        for i in range(3):
            value, row = method(x, index=i, gradient=True)
            assert isinstance(value, float)
            assert value == method(x, index=i)
            assert_close(value, c[i])
            assert_close(_dense(row).reshape(-1), J[i])
            assert_close(p.grad(x, index=i), J[i])
    assert_close(p.lag(x, V), f + V @ c)
    assert_close(p.lag(x, V, gradient=True)[1], g + J.T @ V)
    for name in ("lagjac", "slagjac"):
        for v, expected in ((None, g), (V, g + J.T @ V)):
            gradient, matrix = getattr(p, name)(x, v=v)
            assert_close(_dense(gradient).reshape(-1), expected)
            assert_close(_dense(matrix), J)
    assert p.scons(x, index=0, gradient=True)[1].shape == (1, p.n)
    assert p.slagjac(x)[0].shape == (1, p.n)


def test_second_derivatives(p, keep, whole) -> None:
    x = whole[keep]
    at = np.ix_(keep, keep)
    H = lagrangian_hessian(objective, [curved, straight], whole, V)[at]
    H_f = lagrangian_hessian(objective, [], whole, np.zeros(0))[at]
    g, J = dense_gradient(objective, whole)[keep], dense_jacobian(stacked, whole)[:, keep]
    assert_close(p.hess(x, V), H)
    assert_close(p.sphess(x, v=V).toarray(), H)
    assert_close(p.ihess(x), H_f)
    assert_close(p.isphess(x).toarray(), H_f)
    for i in range(3):
        one = lagrangian_hessian(objective, [curved, straight], whole, np.eye(3)[i], 0.0)[at]
        assert_close(p.ihess(x, cons_index=i), one)
        assert_close(p.isphess(x, i).toarray(), one)
    for name in ("gradhess", "gradsphess"):
        for of_lagrangian, expected in ((True, g + J.T @ V), (False, g)):
            parts = getattr(p, name)(x, v=V, gradient_of_lagrangian=of_lagrangian)
            assert_close(_dense(parts[0]).reshape(-1), expected)
            assert_close(_dense(parts[1]), J)
            assert_close(_dense(parts[2]), H)


def test_products_use_the_last_matrix(p, keep, whole) -> None:
    x, other = whole[keep], 0.5 * whole[keep]
    q = np.linspace(-1.0, 2.0, p.n)
    with pytest.raises(RuntimeError, match="no Jacobian"):
        p.jprod(q)
    with pytest.raises(RuntimeError, match="no Hessian"):
        p.hprod(q)
    J, H = p.cons(x, gradient=True)[1], p.hess(x, V)
    assert_close(p.jprod(q, x=x), J @ q)
    assert_close(p.jprod(V, transpose=True, x=x), J.T @ V)
    assert_close(p.hprod(q, x=x, v=V), H @ q)
    p.cons(other, gradient=True)
    p.hess(other, -V)
    assert_close(p.jprod(q), p.cons(other, gradient=True)[1] @ q)
    assert_close(p.jprod(V, transpose=True), p.cons(other, gradient=True)[1].T @ V)
    assert_close(p.hprod(q), p.hess(other, -V) @ q)


def test_without_constraints() -> None:
    p = ss.pycutest_problem(FREE)
    x, q = np.array([0.7, 1.5, 2.0, -0.4]), np.arange(4.0)
    names = [
        "cl",
        "cu",
        "v0",
        "nnzj",
        "is_eq_cons",
        "is_linear_cons",
        "eq_cons_first",
        "linear_cons_first",
    ]
    assert [getattr(p, name) for name in names] == [None] * 8
    assert [p.cons(x), p.scons(x), p.jprod(q), p.lagjac(x)[1], p.slagjac(x)[1]] == [None] * 5
    assert p.objcons(x) == (p.obj(x), None)
    assert p.lag(x, None) == p.obj(x)
    H = lagrangian_hessian(objective, [], x, np.zeros(0))
    assert_close(p.hess(x), H)
    assert_close(p.hprod(q, x=x), H @ q)
    assert len(p.gradhess(x)) == len(p.gradsphess(x)) == 2
    with pytest.raises(RuntimeError, match="must be None"):
        p.hess(x, v=np.zeros(1))


def test_usage_is_counted(p, keep, whole) -> None:
    x = whole[keep]
    p.obj(x, gradient=True)
    p.cons(x, gradient=True)
    p.scons(x, index=1)
    p.hess(x, V)
    p.ihess(x)
    p.ihess(x, 0)
    p.hprod(x)
    counts = p.report()
    assert {k: counts[k] for k in ("f", "g", "H", "Hprod", "c", "cg", "cH")} == {
        "f": 1, "g": 1, "H": 2, "Hprod": 1, "c": 4, "cg": 3, "cH": 4,
    }  # fmt: skip
    assert counts["tsetup"] >= 0
    assert counts["trun"] >= 0
    free = ss.pycutest_problem(FREE).report()
    assert (free["c"], free["cg"], free["cH"]) == (None, None, None)


def test_counts_are_those_of_pycutest() -> None:
    """The calls of PyCUTEst's own test of ALLINITU at one point, and the counts it expects."""
    p, x = ss.pycutest_problem(FREE), np.array([0.7, 1.5, 2.0, -0.4])
    p.objcons(x)
    p.obj(x)
    p.obj(x, gradient=True)
    p.cons(x)
    p.lagjac(x)
    p.jprod(x)
    p.hess(x)
    p.ihess(x)
    for direction in np.eye(3, 4):
        p.hprod(direction, x=x)
        p.hess(x + 1.5)
        p.hprod(direction)
    p.gradhess(x)
    found = p.report()
    assert [found[k] for k in ("f", "g", "H", "Hprod", "c")] == [3, 3, 9, 6, None]


def test_what_is_refused(p) -> None:
    with pytest.raises(RuntimeError, match=r"`x` must have shape"):
        p.obj(np.zeros(7))
    with pytest.raises(ValueError, match=r"`p` must have shape"):
        p.hprod(np.zeros(7), x=p.x0, v=V)
    with pytest.raises(RuntimeError, match=r"`v` must have shape \(3,\), got None"):
        p.hess(p.x0)
    with pytest.raises(RuntimeError, match=r"`v` must have shape \(3,\), got shape"):
        p.lagjac(p.x0, np.zeros(2))
    with pytest.raises(IndexError, match=r"0\.\.2, got 3"):
        p.cons(p.x0, index=3)


def test_sparse_results_are_of_scipys_matrix_kind(p, keep) -> None:
    """Scripts written for PyCUTEst multiply matrices by ``*``."""
    x, q = p.x0, np.ones(p.n)
    matrices = [p.sphess(x, V), p.isphess(x), p.scons(x, gradient=True)[1], *p.slagjac(x)]
    assert all(sp.isspmatrix_coo(m) for m in [*matrices, *p.gradsphess(x, V)])
    assert_close(matrices[0] * q, p.hess(x, V) @ q)


SIF = """NAME          TINY
VARIABLES
    X
    Y
GROUPS
 N  OBJ       X         1.0            Y         2.0
 G  SUM       X         1.0            Y         1.0
CONSTANTS
    TINY      SUM       3.0
ENDATA
"""


def test_a_script_for_pycutest_runs(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "TINY.SIF").write_text(SIF)
    monkeypatch.setenv("MASTSIF", str(tmp_path))
    p = pycutest.import_problem("TINY", destination="tiny", quiet=False)
    assert (p.n, p.m, p.varnames(), p.connames()) == (2, 1, ["X", "Y"], ["SUM"])
    assert p.obj(np.array([3.0, 4.0])) == 11.0
    assert p.cl.tolist() == [0.0]
    with pytest.raises(ValueError, match="stay in the order"):
        pycutest.import_problem("TINY", efirst=True)
    with pytest.raises(ss.errors.SifError):
        pycutest.import_problem("TINY", sifParams={"N": 3})


def test_arguments_for_optiprofiler() -> None:
    found, x = optiprofiler_arguments(PROBLEM), np.array([0.7, 1.5, 2.0, -0.4])
    assert found["fun"](x) == pytest.approx(objective(x))
    assert_close(found["grad"](x), dense_gradient(objective, x))
    assert_close(found["hess"](x), lagrangian_hessian(objective, [], x, np.zeros(0)))
    assert_close(found["aub"] @ x - found["bub"], [straight(x) - 4.0])
    c = curved(x)
    assert_close(found["ceq"](x), [c[0] - 0.5])
    assert_close(found["cub"](x), [c[1] - 7.0, -c[1] - 1.0])
    J = dense_jacobian(curved, x)
    assert_close(found["jceq"](x), J[:1])
    assert_close(found["jcub"](x), np.stack([J[1], -J[1]]))
    second = lagrangian_hessian(objective, [curved], x, np.array([0.0, 1.0]), 0.0)
    assert_close(np.array(found["hcub"](x)), np.stack([second, -second]))
    assert len(found["hceq"](x)) == 1
    assert "aeq" not in found
    assert "cub" not in optiprofiler_arguments(FREE)


def test_linear_equalities_for_optiprofiler() -> None:
    row = ss.Constraint(lambda x: x[0] + 2.0 * x[1] + 5.0, 7.0, 7.0)
    found = optiprofiler_arguments(ss.Problem(lambda x: np.sum(x**2), [3.0, 4.0], constraints=row))
    assert_close(found["aeq"], [[1.0, 2.0]])
    assert_close(found["beq"], [2.0])


def _dense(matrix) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def test_integer_variables_are_told() -> None:
    known = ss.Metadata(variable_names=("X", "Y"), integer_variables=("Y",))
    p = ss.pycutest_problem(ss.Problem(lambda x: np.sum(x), [1.0, 2.0], metadata=known))
    assert p.vartype.tolist() == [0, 2]
    assert p.varnames() == ["X", "Y"]


def test_a_problem_without_objective_has_a_zero_one() -> None:
    rows = ss.Constraint(lambda x: x**2, 1.0, 1.0)
    p = ss.pycutest_problem(ss.Problem(None, [1.0, 2.0], constraints=rows))
    assert p.obj(p.x0, gradient=True)[0] == 0.0
    assert_close(p.hess(p.x0, np.array([1.0, 3.0])), np.diag([2.0, 6.0]))
