"""Typical mistakes with equations, fits and integrators, as in `test_mistakes`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss

X = np.ones(3)
SPAN = (0.0, 1.0)


def square(x: Any) -> Any:
    return np.sum(x**2)


def rows(x: Any) -> Any:
    return x**2 - 1.0


def decay(t: Any, y: Any) -> Any:
    return -y


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "root: fewer equations": (
        lambda: ss.root(square, X),
        ValueError,
        r"as many equations as unknowns, got 1 equations in 3 unknowns. Use .*least_squares",
    ),
    "root: foreign keyword": (
        lambda: ss.root(rows, X, bounds=(0, 1)),  # type: ignore[call-arg]
        TypeError,
        r"'bounds'. Leave it out. It takes function, x0",
    ),
    "root: option of scipy's": (
        lambda: ss.root(rows, X, options={"maxiter": 3}),
        ValueError,
        r"`options` of method 'newton' are tol, .*; got maxiter",
    ),
    "root: a matrix as Jacobian": (
        lambda: ss.root(rows, X, jac=np.eye(3)),
        TypeError,
        r"`jac` must be a Jacobian made by sparsesolve.jacobian, got ndarray. Leave it out",
    ),
    "root: start first": (
        lambda: ss.root(X, rows),  # type: ignore[arg-type]
        TypeError,
        r"The first argument must be callable, got ndarray. The function comes first",
    ),
    "least_squares: scale of loss": (
        lambda: ss.least_squares(rows, X, f_scale=0.0),
        ValueError,
        r"`f_scale` must be a positive number, got 0.0",
    ),
    "least_squares: limit of text": (
        lambda: ss.least_squares(rows, X, max_nfev="a"),
        TypeError,
        r"`max_nfev` must be a whole number, got a str: 'a'",
    ),
    "least_squares: constraints": (
        lambda: ss.least_squares(rows, X, constraints=1),
        TypeError,
        r"'constraints'. Leave it out. It takes",
    ),
    "least_squares: scale of text": (
        lambda: ss.least_squares(rows, X, x_scale="a"),
        TypeError,
        r"`x_scale` must be an array of real numbers, got a str",
    ),
    "least_squares: bounds with lm": (
        lambda: ss.least_squares(rows, X, method="lm", bounds=(0, 2)),
        ValueError,
        r"'lm' takes no bounds. Use method='trf'",
    ),
    "solve_ivp: one time": (
        lambda: ss.solve_ivp(decay, 1.0, X),  # type: ignore[arg-type]
        ValueError,
        r"`t_span` must be two numbers, \(start, end\), got 1.0.*`t_eval`",
    ),
    "solve_ivp: one tolerance": (
        lambda: ss.solve_ivp(decay, SPAN, X, tol=1e-6),
        TypeError,
        r"'tol'. This solver has two tolerances, write `rtol` and `atol`",
    ),
    "solve_ivp: progress": (
        lambda: ss.solve_ivp(decay, SPAN, X, progress=True),
        TypeError,
        r"'progress'. Leave it out. It takes fun, t_span",
    ),
    "solve_ivp: mass by a letter": (
        lambda: ss.solve_ivp(decay, SPAN, X, M=np.eye(3)),
        TypeError,
        r"'M'. Write `mass_matrix`",
    ),
    "solve_ivp: mass of another size": (
        lambda: ss.solve_ivp(decay, SPAN, X, mass_matrix=np.eye(2)),
        ValueError,
        r"`mass_matrix` must have shape \(3, 3\), got \(2, 2\)",
    ),
    "solve_ivp: mass of text": (
        lambda: ss.solve_ivp(decay, SPAN, X, mass_matrix="I"),
        TypeError,
        r"`mass_matrix` must be an array of real numbers, got a str",
    ),
    "solve_ivp: a single number": (
        lambda: ss.solve_ivp(decay, SPAN, 1.0),
        ValueError,
        r"`y0` must have one dimension, got a single number, 1.0. Write y0=\[1.0\]",
    ),
    "solve_ivp: negative tolerance": (
        lambda: ss.solve_ivp(decay, SPAN, X, rtol=-1),
        ValueError,
        r"`rtol` must be a number that is not negative, or 3 of them, got -1",
    ),
    "solve_ivp: tolerances of another size": (
        lambda: ss.solve_ivp(decay, SPAN, X, atol=[1.0, 2.0]),
        ValueError,
        r"`atol` must be a number .* 3 of them, got \[1.0, 2.0\]",
    ),
    "solve_ivp: an event that is none": (
        lambda: ss.solve_ivp(decay, SPAN, X, events=3),
        TypeError,
        r"`events` must be a function event\(t, y, \*args\) or a list of such, got int",
    ),
    "solve_ivp: an argument too many": (
        lambda: ss.solve_ivp(decay, SPAN, X, args=1.0),
        TypeError,
        r"`decay` must take the 3 arguments",
    ),
    "solve_ivp: arguments exchanged": (
        lambda: ss.solve_ivp(lambda y, t: -y, SPAN, X),
        ValueError,
        r"must return 3 values for 3 unknowns, got 1. .*rhs\(t, y, \*args\), t first",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_explained(name: str) -> None:
    make, kind, text = MISTAKES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind, match=text):
            make()
