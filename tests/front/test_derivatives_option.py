"""`derivatives=`: how derivatives are made, said alike to every solver."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.errors import StructureMismatch

START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def pair(x):
    return [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]


def fun_rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), (1 - x[0])])


def untraceable(x):
    """Leaves NumPy: only called, never traced."""
    return np.array([float(repr(float(v))) ** 2 - 1.0 - k for k, v in enumerate(x)])


def test_differences_only_on_request() -> None:
    x0 = np.full(4, 2.0)
    with pytest.raises(ss.errors.TraceError):
        ss.root(untraceable, x0)
    expected = np.sqrt(np.arange(1.0, 5.0))
    solves = {
        "newton": lambda: ss.root(untraceable, x0, derivatives="differences"),
        "hybr": lambda: ss.root(untraceable, x0, method="hybr", derivatives="differences"),
        "lm": lambda: ss.least_squares(untraceable, x0, derivatives="differences"),
        "trf": lambda: ss.least_squares(untraceable, x0, method="trf", derivatives="differences"),
    }
    for solve in solves.values():
        result = solve()
        assert result.success
        np.testing.assert_allclose(result.x, expected, rtol=1e-6)
        (note,) = result.notes
        assert "by finite differences, as derivatives='differences' asks" in note
        assert "4 nonzeros) is estimated and may miss entries" in note
    run = ss.solve_ivp(lambda t, y: -untraceable(y), (0, 5), x0, "BDF", derivatives="differences")
    assert run.success
    np.testing.assert_allclose(run.y[:, -1], expected, rtol=1e-2)
    assert "may miss entries" in run.notes[0]


@pytest.mark.parametrize("how", ["auto", "compiled", "interpreted", "colored"])
def test_derivatives_say_how_alike(how: str) -> None:
    np.testing.assert_allclose(ss.root(pair, [1, 1], derivatives=how).x, [6.50409711, 0.90841421])
    fit = ss.least_squares(fun_rosenbrock, [2, 2], derivatives=how)
    np.testing.assert_allclose(fit.x, 1.0)
    run = ss.solve_ivp(lambda t, y: -y, (0, 1), np.ones(3), derivatives=how)
    np.testing.assert_allclose(run.y[:, -1], np.exp(-1.0), rtol=1e-2)
    result = ss.minimize(rosen, START, method="trust-ncg", tol=1e-9, derivatives=how)
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)
    problem = ss.Problem(rosen, START, derivatives=how)
    assert problem.method == ss.Problem(rosen, START, method=how).method == how
    given = problem.to_scipy(method="L-BFGS-B")
    assert given["method"] == problem.to_scipy(solver="L-BFGS-B")["method"] == "L-BFGS-B"
    with pytest.raises(TypeError, match="belong to the Problem"):
        ss.minimize(problem, derivatives="compiled")
    with pytest.raises(TypeError, match="belong to the Problem"):
        ss.minimize(problem, args=(1.0,))


def test_two_names_of_one_option_must_agree() -> None:
    with pytest.raises(TypeError, match="are one option, got 'colored' and 'compiled'"):
        ss.Problem(rosen, START, derivatives="colored", method="compiled")
    for call in (ss.root, ss.least_squares):
        with pytest.raises(ValueError, match="must be one of"):
            call(pair, [1.0, 1.0], derivatives="guess")


def opaque(x):
    """The value of a string: no tape holds it."""
    return np.array([float(repr(float(v))) for v in x])


def bowl(x):
    return float(np.sum((opaque(x) - np.arange(1.0, x.size + 1.0)) ** 2))


def hidden_product(x):
    return float(opaque(x)[0] * opaque(x)[1])


def hidden_differences(x):
    return opaque(x)[1:] ** 2 - opaque(x)[:-1]


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "BFGS", "CG", "trust-constr", None])
def test_minima_of_functions_that_cannot_be_traced(method: str | None) -> None:
    with pytest.raises(ss.errors.TraceError):
        ss.minimize(bowl, np.zeros(4), method=method)
    result = ss.minimize(bowl, np.zeros(4), method=method, derivatives="differences")
    assert result.success
    np.testing.assert_allclose(result.x, np.arange(1.0, 5.0), atol=1e-4)
    assert result.solver == (method or "L-BFGS-B")
    assert result.notes == (
        "first derivatives are by finite differences, as derivatives='differences' asks",
    )
    np.testing.assert_allclose(result.jac, 0.0, atol=1e-3)


@pytest.mark.parametrize(
    "method", ["SLSQP", pytest.param("trust-constr", marks=pytest.mark.slow), None]
)
def test_constrained_minima_of_functions_that_cannot_be_traced(method: str | None) -> None:
    constraints = [ss.Constraint(hidden_product, 1.5, 1.5), ss.Constraint(hidden_differences, 0.0)]
    given = {"bounds": (0.1, 3.0), "constraints": constraints, "derivatives": "differences"}
    tol = 1e-5 if method == "trust-constr" else None  # its own takes as long as scipy's takes alone
    result = ss.minimize(bowl, np.ones(4), method=method, tol=tol, **given)
    assert result.success, result.message
    assert result.solver == (method or "SLSQP")
    assert result.constraint_violation < 1e-6
    assert "(8 nonzeros) is estimated and may miss entries" in result.notes[0]

    def product(x):
        return x[0] * x[1]

    def differences(x):
        return x[1:] ** 2 - x[:-1]

    rows = [ss.Constraint(product, 1.5, 1.5), ss.Constraint(differences, 0.0)]
    traced = ss.minimize(
        lambda x: np.sum((x - np.arange(1.0, 5.0)) ** 2), np.ones(4),
        bounds=(0.1, 3.0), constraints=rows, method="SLSQP",
    )  # fmt: skip
    np.testing.assert_allclose(result.x, traced.x, atol=1e-2 if tol else 1e-4)
    assert result.fun == pytest.approx(traced.fun, rel=1e-4)


def test_a_problem_of_differences() -> None:
    problem = ss.Problem(
        bowl, np.ones(3), constraints=[ss.Constraint(hidden_differences, 0.0)],
        derivatives="differences",
    )  # fmt: skip
    x = np.array([0.5, 2.0, 3.0])
    assert (problem.m, problem.second_order) == (2, False)
    np.testing.assert_allclose(problem.gradient(x), 2.0 * (x - [1.0, 2.0, 3.0]), atol=1e-7)
    np.testing.assert_allclose(
        problem.jacobian(x).toarray(), [[-1.0, 4.0, 0.0], [0.0, -1.0, 6.0]], atol=1e-7
    )
    assert problem.constraint_values(x).tolist() == [3.5, 7.0]
    assert not problem.derivatives.linear_rows.any()
    assert "estimated, may miss entries" in problem.report()
    problem.verify()
    with pytest.raises(TypeError, match="second derivatives need traced functions"):
        problem.lagrangian_hessian(x)
    for method in ("ipopt", "trust-krylov", "Newton-CG"):
        with pytest.raises(ValueError, match="takes second derivatives, which"):
            ss.minimize(problem, method=method)
    with pytest.raises(StructureMismatch, match="must return a number, got 3"):
        _ = ss.Problem(opaque, np.ones(3), derivatives="differences").derivatives


def test_a_feasible_point_of_functions_that_cannot_be_traced() -> None:
    row = ss.Constraint(hidden_product, 2.0, 2.0)
    problem = ss.Problem(None, [1.0, 1.5], constraints=row, derivatives="differences")
    result = ss.minimize(problem)
    assert result.success
    assert result.x[0] * result.x[1] == pytest.approx(2.0, abs=1e-6)
