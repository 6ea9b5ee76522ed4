"""`derivatives=`: how derivatives are made, said alike to every solver."""

from __future__ import annotations

import numpy as np
import pytest

import sparsesolve as ss

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
