"""Scripts written for scipy, run by scipy and with only the import changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.sparse as sp
from scipy.optimize import BFGS, Bounds, LinearConstraint, NonlinearConstraint

import sparsesolve as ss

START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def shifted(x, a, b):
    return np.sum(a * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0) + b


def rosen_der(x):
    return scipy.optimize.rosen_der(x)


def rosen_hess(x):
    return scipy.optimize.rosen_hess(x)


def both(x):
    return rosen(x), rosen_der(x)


# ----- minimize: the unconstrained methods -----

UNCONSTRAINED: dict[str, Any] = {
    "BFGS": dict(method="BFGS", jac=rosen_der, options={"disp": False}),
    "BFGS without": dict(method="BFGS"),
    "value and gradient": dict(method="BFGS", jac=True),
    "Newton-CG": dict(method="Newton-CG", jac=rosen_der, hess=rosen_hess, options={"xtol": 1e-8}),
    "Newton-CG, products": dict(
        method="Newton-CG", jac=rosen_der, hessp=lambda x, p: rosen_hess(x) @ p
    ),
    "trust-ncg": dict(
        method="trust-ncg", jac=rosen_der, hess=rosen_hess, options={"gtol": 1e-8, "disp": False}
    ),
    "trust-krylov": dict(method="trust-krylov", jac=rosen_der, hess=rosen_hess),
    "trust-exact": dict(method="trust-exact", jac=rosen_der, hess=rosen_hess),
    "L-BFGS-B": dict(method="L-BFGS-B", jac=rosen_der, options={"maxiter": 200}),
    "CG": dict(method="CG", jac="2-point"),
}


@pytest.mark.parametrize("name", UNCONSTRAINED)
def test_unconstrained(name: str) -> None:
    given = UNCONSTRAINED[name]
    fun = both if given.get("jac") is True else rosen
    theirs = scipy.optimize.minimize(fun, START, **given)
    ours = ss.minimize(fun, START, **given)
    assert theirs.success
    assert ours.success
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-4)
    assert ours.solver == given["method"]
    used = [name for name in ("jac", "hess", "hessp") if given.get(name) not in (None, True)]
    assert any("not used" in note for note in ours.notes) == bool(used)
    assert all(f"`{name}`" in str(ours.notes) for name in used)


def test_arguments_by_position_and_one_that_is_no_tuple() -> None:
    ours = ss.minimize(shifted, START, (0.5, 1.0), "BFGS", None)
    theirs = scipy.optimize.minimize(shifted, START, (0.5, 1.0), "BFGS", None)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-4)
    assert ours.fun == pytest.approx(1.0, abs=1e-9)
    assert ss.minimize(lambda x, a: (x[0] - a) ** 2, 3, args=2.0, method="BFGS").x == (
        pytest.approx(2.0)
    )
    target = np.array([1.0, 2.0])
    result = ss.minimize(lambda x, t: np.sum((x - t) ** 2), np.zeros(2), target)
    np.testing.assert_allclose(result.x, target, atol=1e-6)


def test_options_of_scipy_choose_a_method_of_scipy() -> None:
    result = ss.minimize(rosen, START, options={"maxiter": 500, "disp": False})
    assert result.success
    assert result.solver == "trust-krylov"
    assert ss.minimize(rosen, START, solver="BFGS").solver == "BFGS"
    assert ss.minimize(rosen, START, solver="BFGS", method="BFGS").solver == "BFGS"
    with pytest.raises(TypeError, match="are one option, got 'CG' and 'BFGS'"):
        ss.minimize(rosen, START, method="CG", solver="BFGS")


# ----- minimize: bounds and constraints -----


def objective(x):
    return (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2


INEQUALITIES = (
    {"type": "ineq", "fun": lambda x: x[0] - 2 * x[1] + 2},
    {"type": "ineq", "fun": lambda x: -x[0] - 2 * x[1] + 6},
    {"type": "ineq", "fun": lambda x: -x[0] + 2 * x[1] + 2},
)
CIRCLE = NonlinearConstraint(
    lambda x: [x[0] ** 2 + x[1], x[0] ** 2 - x[1]], -np.inf, 1, jac="2-point", hess=BFGS()
)
LINES = LinearConstraint([[1, 2], [2, 1]], [-np.inf, 1], [1, 1])
BOX = Bounds([0, -0.5], [1.0, 2.0])

CONSTRAINED: dict[str, Any] = {
    "dictionaries": (
        objective, (2, 0), dict(bounds=((0, None), (0, None)), constraints=INEQUALITIES),
    ),
    "a list of them": (objective, [2, 0], dict(constraints=list(INEQUALITIES))),
    "one alone, with arguments": (
        objective,
        [1.5, 0.5],
        dict(constraints={"type": "eq", "fun": lambda x, c: x[0] + x[1] - c, "args": (3.0,)}),
    ),
    "an array of rows": (
        rosen,
        [0.5, 0.0],
        dict(
            constraints=(
                {
                    "type": "ineq",
                    "fun": lambda x: np.array(
                        [1 - x[0] - 2 * x[1], 1 - x[0] ** 2 - x[1], 1 - x[0] ** 2 + x[1]]
                    ),
                    "jac": lambda x: np.array([[-1.0, -2.0], [-2 * x[0], -1.0], [-2 * x[0], 1.0]]),
                },
                {"type": "EQ", "fun": lambda x: np.array([2 * x[0] + x[1] - 1])},
            ),
            bounds=BOX,
        ),
    ),
    "objects": (rosen, [0.5, 0.0], dict(constraints=[LINES, CIRCLE], bounds=BOX)),
    "one object": (rosen, [0.5, 0.0], dict(constraints=CIRCLE)),
    "one row": (rosen, [0.1, 0.1], dict(constraints=LinearConstraint([1, 1], 0, 1))),
    "objects and dictionaries": (
        objective, [0.5, 0.0], dict(constraints=[LINES, INEQUALITIES[2]]),
    ),
    "sparse rows": (
        objective,
        [0.5, 0.0],
        dict(constraints=LinearConstraint(sp.csr_matrix([[1.0, 1.0]]), ub=2.0)),
    ),
    "bounds as a list of lists": (objective, [0.5, 0.0], dict(bounds=[[0.0, 0.5], [None, 1.0]])),
}  # fmt: skip


@pytest.mark.every(8)
@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", None])
@pytest.mark.parametrize("name", CONSTRAINED)
def test_constrained(name: str, method: str | None) -> None:
    fun, x0, given = CONSTRAINED[name]
    theirs = scipy.optimize.minimize(fun, x0, method="SLSQP", **given)
    ours = ss.minimize(fun, x0, method=method, **given)
    assert theirs.success
    assert ours.success
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-4)
    assert ours["constraint_violation"] < 1e-6


def test_ours_and_scipys_together() -> None:
    own = ss.Constraint(lambda x: x[0] * x[1], 0.2, None, name="hyperbola")
    result = ss.minimize(objective, [1.0, 1.0], constraints=(own, INEQUALITIES[1]))
    assert result.success
    assert result.constraints.size == 2
    assert result.x[0] * result.x[1] >= 0.2 - 1e-6


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"type": "equal", "fun": abs}, ValueError, "'eq' or 'ineq'"),
        ({"type": "eq"}, ValueError, "'eq' or 'ineq'"),
        ([abs], TypeError, "must hold Constraint objects"),
        (Bounds(0, 1), TypeError, "must hold Constraint objects"),
        (3.0, TypeError, "must hold Constraint objects"),
    ],
)
def test_wrong_constraints_are_named(wrong, error, text) -> None:
    with pytest.raises(error, match=text):
        ss.minimize(objective, [1.0, 1.0], constraints=wrong)


def test_rows_and_bounds_that_must_hold_at_every_iterate() -> None:
    """The root of a negative number is never taken."""
    seen: list[float] = []

    def fun(x):
        return np.sum((x - 3.0) ** 2) - np.sqrt(2.0 - x[0] - x[1])

    def keep(xk, state):
        seen.append(float(xk[0] + xk[1]))

    row = LinearConstraint([[1.0, 1.0]], -np.inf, 1.999, keep_feasible=True)
    result = ss.minimize(fun, [0.0, 0.1], constraints=row, callback=keep)
    assert result.solver == "trust-constr"
    assert result.success
    assert max(seen) < 1.999
    assert result.optimality < 1e-4
    box = Bounds([0.0, 0.0], [1.0, 1.0], keep_feasible=[True, False])
    inside = ss.minimize(objective, [0.5, 0.5], bounds=box)
    assert inside.solver == "trust-constr"
    np.testing.assert_allclose(inside.x, [1.0, 1.0], atol=1e-3)
    other = ss.minimize(fun, [0.0, 0.1], constraints=row, method="SLSQP")
    assert any("`keep_feasible` is for trust-constr" in note for note in other.notes)


def test_constraints_of_scipy_travel() -> None:
    import pickle

    problem = ss.Problem(rosen, [0.1, 0.1], constraints=LinearConstraint([[1.0, 1.0]], 0, 1))
    copied = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(copied.jacobian([1.0, 2.0]).toarray(), [[1.0, 1.0]])
    assert copied.constraint_bounds == (np.zeros(1), np.ones(1))


# ----- results and callbacks -----


def test_results_have_the_names_and_keys_of_scipy() -> None:
    theirs = scipy.optimize.minimize(
        rosen, START, method="trust-ncg", jac=rosen_der, hess=rosen_hess
    )
    ours = ss.minimize(rosen, START, method="trust-ncg")
    shared = {"x", "fun", "success", "status", "message", "nit", "nfev", "njev", "nhev", "jac"}
    assert shared <= set(theirs)
    assert shared <= set(ours)
    assert shared <= set(ours.keys())
    assert shared <= set(dir(ours))
    assert (ours.nit, ours.nfev, ours.nhev) == (
        ours.iterations, ours.counts.function, ours.counts.hessian,
    )  # fmt: skip
    assert ours["njev"] == ours.njev == ours.counts.gradient
    np.testing.assert_allclose(ours.jac, rosen_der(ours.x), atol=1e-8)
    np.testing.assert_array_equal(ours["x"], ours.x)
    assert dict(ours)["success"] is True
    assert dict(ours.items())["maxcv"] == 0.0
    assert len(ours.values()) == len(ours)
    assert ours.get("hess_inv", 3) == 3
    assert "hess_inv" not in ours
    with pytest.raises(KeyError, match="hess_inv"):
        ours["hess_inv"]


def test_callbacks_of_scipy() -> None:
    points: list[Any] = []
    values: list[float] = []

    def by_point(xk):
        points.append(xk)

    def by_result(*, intermediate_result):
        values.append(intermediate_result.fun)
        assert intermediate_result.nit == len(values) - 1
        if intermediate_result.fun < 1.0:
            raise StopIteration

    result = ss.minimize(rosen, START, method="BFGS", callback=by_point)
    assert len(points) == result.nit + 1  # the start too
    np.testing.assert_array_equal(points[-1], result.x)
    stopped = ss.minimize(rosen, START, method="BFGS", callback=by_result)
    assert stopped.status is ss.Status.STOPPED
    assert values[-1] < 1.0
    ss.minimize(rosen, START, method="BFGS", callback=lambda x: points.append(x.copy()))
    ss.minimize(rosen, START, method="BFGS", callback=points.append)  # a builtin: the state
    assert points[-1].iteration == result.nit
