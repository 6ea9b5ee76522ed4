"""Typical mistakes: each is refused at once, by a message that says what came and what to write."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize as so

import sparsesolve as ss

X = np.ones(3)


def square(x: Any) -> Any:
    return np.sum(x**2)


def rows(x: Any) -> Any:
    return x**2 - 1.0


def scaled(x: Any, p: Any) -> Any:
    return x * p


def none_at_all() -> int:
    return 1


J = ss.jacobian(rows, X)
PROBLEM = ss.Problem(square, X, constraints=ss.Constraint(lambda x: x[:2], 1.0, 1.0, name="first"))

# what is written; the kind of error; what the message must say
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "warm start from an array": (
        lambda: ss.minimize(PROBLEM, warm_start=np.ones(2)),  # type: ignore[arg-type]
        TypeError,
        r"`warm_start` must be a Result, got ndarray.*x0",
    ),
    "minimize: foreign keyword": (
        lambda: ss.minimize(square, X, maxiter=3),  # type: ignore[call-arg]
        TypeError,
        r"unexpected keyword argument 'maxiter'. Limits .* `options`.*It takes problem, x0",
    ),
    "minimize: a word misspelled": (
        lambda: ss.minimize(square, X, bound=(0, 1)),  # type: ignore[call-arg]
        TypeError,
        r"'bound'. Write `bounds`",
    ),
    "minimize: function and start exchanged": (
        lambda: ss.minimize(X, square),  # type: ignore[arg-type]
        TypeError,
        r"`problem` must be a Problem or a function, got ndarray",
    ),
    "minimize: no start": (lambda: ss.minimize(square), TypeError, r"`x0` is needed"),
    "minimize: start of text": (
        lambda: ss.minimize(square, "a"),
        TypeError,
        r"`x0` must hold real numbers, got dtype <U1. Pass an array",
    ),
    "minimize: a matrix as start": (
        lambda: ss.minimize(square, np.ones((2, 2))),
        ValueError,
        r"`x0` must have one dimension, got shape \(2, 2\). Pass x0.ravel\(\)",
    ),
    "minimize: unknown method": (
        lambda: ss.minimize(square, X, method="Nelder-Mead"),
        ValueError,
        r"`method` must be 'auto', 'ipopt', 'pounce', 'uno', 'highs' or .*; got 'Nelder-Mead'",
    ),
    "minimize: negative tolerance": (
        lambda: ss.minimize(square, X, tol=-1.0),
        ValueError,
        r"`tol` must be a positive number, got -1.0",
    ),
    "minimize: tolerance of text": (
        lambda: ss.minimize(square, X, tol="small"),  # type: ignore[arg-type]
        TypeError,
        r"`tol` must be a positive number, got a str: 'small'",
    ),
    "minimize: options that are none": (
        lambda: ss.minimize(square, X, options=3),  # type: ignore[arg-type]
        TypeError,
        r"`options` must be a dictionary, such as options=\{.*got a int: 3",
    ),
    "minimize: option of another solver": (
        lambda: ss.minimize(square, X, method="trust-constr", options={"foo": 1}),
        ValueError,
        r"trust-constr does not know the option 'foo'. .*show_options",
    ),
    "minimize: a limit of text": (
        lambda: ss.minimize(square, X, method="L-BFGS-B", options={"maxiter": "a"}),
        TypeError,
        r"`maxiter` must be a whole number, got a str: 'a'",
    ),
    "minimize: progress of text": (
        lambda: ss.minimize(square, X, progress="yes"),  # type: ignore[arg-type]
        TypeError,
        r"`progress` must be True or False, got 'yes'",
    ),
    "minimize: callback that takes nothing": (
        lambda: ss.minimize(square, X, callback=lambda: None),
        TypeError,
        r"`callback` must take one argument, .* got one that takes none",
    ),
    "minimize: callback that takes three": (
        lambda: ss.minimize(square, X, callback=lambda a, b, c: None),
        TypeError,
        r"`callback` must take one argument, .* takes 3: a, b, c",
    ),
    "minimize: unknown derivatives": (
        lambda: ss.minimize(square, X, derivatives="exact"),  # type: ignore[arg-type]
        ValueError,
        r"`derivatives` must be one of auto, .*, got 'exact'",
    ),
    "minimize: an argument too many": (
        lambda: ss.minimize(square, X, args=(1.0,)),
        TypeError,
        r"`square` must take the 2 arguments .* square\(x",
    ),
    "minimize: an argument too few": (
        lambda: ss.minimize(scaled, X),
        TypeError,
        r"`scaled` must take the 1 arguments .*missing a required argument: 'p'. Give .*`args`",
    ),
    "minimize: several values": (
        lambda: ss.minimize(rows, X),
        ss.errors.StructureMismatch,
        r"the objective must return a number, got 3 elements. Sum it",
    ),
    "minimize: a start beside a Problem": (
        lambda: ss.minimize(PROBLEM, X),
        TypeError,
        r"`x0`, `bounds` and `constraints` belong to the Problem",
    ),
    "bounds: six entries for three": (
        lambda: ss.minimize(square, X, bounds=[0] * 6),
        ValueError,
        r"`bounds` must be \(lower, upper\), .* 3 pairs .*, got 6 entries",
    ),
    "bounds: too short": (
        lambda: ss.minimize(square, X, bounds=([0, 0], [1, 1, 1])),
        ss.errors.StructureMismatch,
        r"`lower` of bounds must be a scalar or have 3 entries, got shape \(2,\)",
    ),
    "bounds: two pairs for three": (
        lambda: ss.minimize(square, X, bounds=[(0, 1), (0, 1)]),
        ValueError,
        r"`bounds` must be \(lower, upper\), .* 3 pairs .*, got 2 pairs",
    ),
    "bounds: one number": (
        lambda: ss.minimize(square, X, bounds=5),
        TypeError,
        r"`bounds` must be \(lower, upper\).*, got int",
    ),
    "bounds: exchanged": (
        lambda: ss.minimize(square, X, bounds=(1, 0)),
        ValueError,
        r"`bounds` must have lower <= upper: 1.0 > 0.0 at index 0",
    ),
    "constraints: a function": (
        lambda: ss.minimize(square, X, constraints=rows),
        TypeError,
        r"`constraints` must hold Constraint objects, got function. Write Constraint\(c, lower",
    ),
    "constraints: a tuple of parts": (
        lambda: ss.minimize(square, X, constraints=(rows, 0, 0)),
        TypeError,
        r"`constraints` must hold Constraint objects, got function",
    ),
    "constraints: dictionary with another type": (
        lambda: ss.minimize(square, X, constraints={"type": "equality", "fun": rows}),
        ValueError,
        r"must have `type`, 'eq' or 'ineq', and `fun`, got \{'type': 'equality'",
    ),
    "constraints: dictionary with limits": (
        lambda: ss.minimize(square, X, constraints={"type": "eq", "fun": rows, "lb": 0}),
        ValueError,
        r"takes `type`, `fun`, `args` and `jac`, got lb. For limits write Constraint",
    ),
    "constraints: limits of another size": (
        lambda: ss.minimize(square, X, constraints=so.NonlinearConstraint(rows, [0, 0], [1, 1])),
        ss.errors.StructureMismatch,
        r"`lower` of rows must be a scalar or have 3 entries, got shape \(2,\)",
    ),
    "constraints: a matrix of another size": (
        lambda: ss.minimize(square, X, constraints=so.LinearConstraint(np.eye(4), 0, 1)),
        ss.errors.StructureMismatch,
        r"`A` of a linear constraint must have one column for each of 3 variables, got .*\(4, 4\)",
    ),
    "Constraint: scipy's word": (
        lambda: ss.Constraint(rows, lb=0),  # type: ignore[call-arg]
        TypeError,
        r"'lb'. Write `lower`",
    ),
    "Constraint: limit of text": (
        lambda: ss.Constraint(rows, "a", 0.0),
        TypeError,
        r"`lower` of constraint 'rows' must be a number or an array of numbers, got 'a'",
    ),
    "Constraint: limits exchanged": (
        lambda: ss.Constraint(rows, 1.0, 0.0),
        ValueError,
        r"`lower` must not exceed `upper` of constraint 'rows': 1.0 > 0.0",
    ),
    "Constraint: value first": (
        lambda: ss.Constraint(0.0, 1.0, rows),  # type: ignore[arg-type]
        TypeError,
        r"`function` of a constraint must be callable, got float. Write Constraint",
    ),
    "Problem: a single number": (
        lambda: ss.Problem(square, 1.0),
        ValueError,
        r"`x0` must have one dimension, got a single number, 1.0. Write x0=\[1.0\]",
    ),
    "Problem: a word misspelled": (
        lambda: ss.Problem(square, X, constraint=()),  # type: ignore[call-arg]
        TypeError,
        r"'constraint'. Write `constraints`. It takes objective, x0",
    ),
    "Problem: bounds by position": (
        lambda: ss.Problem(square, X, (0, 1)),  # type: ignore[misc]
        TypeError,
        r"Problem\(\) takes 2 arguments by position, objective, x0, got 3. .*by name: bounds=",
    ),
    "color: structure by position": (
        lambda: ss.color(J, "rows"),  # type: ignore[misc]
        TypeError,
        r"color\(\) takes 1 arguments by position, pattern, got 2. .*by name: structure=",
    ),
    "Problem: metadata of text": (
        lambda: ss.Problem(square, X, metadata="HS1"),  # type: ignore[arg-type]
        TypeError,
        r"`metadata` must be a Metadata, got str",
    ),
    "Problem: a point of text": (
        lambda: PROBLEM.gradient("a"),
        TypeError,
        r"`x` must be an array of real numbers, got a str",
    ),
    "Problem: multipliers of another size": (
        lambda: PROBLEM.lagrangian_hessian(X, np.ones(5)),
        ss.errors.StructureMismatch,
        r"`multipliers` must have shape \(2,\), got \(5,\)",
    ),
    "solve: foreign keyword": (
        lambda: PROBLEM.solve(max_iter=3),  # type: ignore[call-arg]
        TypeError,
        r"solve\(\) got an unexpected keyword argument 'max_iter'. Limits of a solver .*`options`",
    ),
    "solve: negative tolerance": (
        lambda: PROBLEM.solve(tol=-1.0),
        ValueError,
        r"`tol` must be a positive number, got -1.0",
    ),
    "solve: limits that are none": (
        lambda: PROBLEM.solve(limits=3),  # type: ignore[arg-type]
        TypeError,
        r"`limits` must be a dictionary, .* got a int: 3",
    ),
    "solve: parameters of a problem without": (
        lambda: PROBLEM.solve(p=1.0),
        TypeError,
        r"`p` needs a problem with parameters, got one without",
    ),
    "solve: warm start from a point": (
        lambda: PROBLEM.solve(warm_start=np.ones(3)),  # type: ignore[arg-type]
        TypeError,
        r"`warm_start` must be a Result, got ndarray. To start at a point, pass it as x0",
    ),
    "diagnose: a point of another size": (
        lambda: PROBLEM.diagnose(np.ones(2)),
        ss.errors.StructureMismatch,
        r"`x` must have shape \(3,\), got \(2,\)",
    ),
    "implicit: numbers": (
        lambda: ss.implicit(3, 4),  # type: ignore[arg-type]
        TypeError,
        r"`solve` must be a function, got int",
    ),
    "jacobian: two positions, one example": (
        lambda: ss.jacobian(rows, X, argnum=(0, 1)),
        ValueError,
        r"`argnum` must be a position among the arguments, .*one example argument, got 1. Pass",
    ),
    "jacobian: position of text": (
        lambda: ss.jacobian(rows, X, argnum="x"),
        TypeError,
        r"`argnum` must be a whole number, .*got 'x'",
    ),
    "jacobian: no example": (
        lambda: ss.jacobian(rows),
        ValueError,
        r"an example of each argument is needed after the function, got none. Write jacobian\(f, x",
    ),
    "jacobian: example first": (
        lambda: ss.jacobian(X, rows),
        TypeError,
        r"`function` must be a function, got ndarray. Functions come first",
    ),
    "jacobian: an example missing": (
        lambda: ss.jacobian(scaled, X),
        TypeError,
        r"`scaled` must take the 1 arguments .*missing a required argument: 'p'",
    ),
    "jacobian: function without arguments": (
        lambda: ss.jacobian(none_at_all, X),
        TypeError,
        r"`none_at_all` must take the 1 arguments .* none_at_all\(\)",
    ),
    "jacobian: foreign keyword": (
        lambda: ss.jacobian(rows, X, sparsity=1),
        TypeError,
        r"'sparsity'. Nothing need be said of the structure",
    ),
    "jacobian: a point of another size": (
        lambda: J(np.ones(4)),
        ss.errors.StructureMismatch,
        r"`x` must have shape \(3,\), got \(4,\)",
    ),
    "jacobian: returns nothing": (
        lambda: ss.jacobian(lambda x: None, X),
        ss.errors.TraceError,
        r"to return a number or an array, got None. Return its value",
    ),
    "color: a word": (lambda: ss.color("hello"), ss.errors.PatternError, r"matrix .* got str"),
    "color: a function": (lambda: ss.color(rows), ss.errors.PatternError, r"got function. Pass a"),
    "spy: a word": (lambda: ss.spy("hello"), ss.errors.PatternError, r"a matrix .* got str"),
    "spy: nothing": (lambda: ss.spy(None), ss.errors.PatternError, r"a matrix .* got NoneType"),
    "plot_coloring: a word": (
        lambda: ss.plot_coloring("a"),  # type: ignore[arg-type]
        ss.errors.PatternError,
        r"a matrix was expected, got str",
    ),
    "compress: a Jacobian": (
        lambda: ss.compress(J, np.eye(3)),  # type: ignore[arg-type]
        TypeError,
        r"`coloring` must be a Coloring, got Jacobian. Write color\(",
    ),
    "decompress: a Jacobian": (
        lambda: ss.decompress(J, np.eye(3)),  # type: ignore[arg-type]
        TypeError,
        r"`coloring` must be a Coloring, got Jacobian",
    ),
    "elementwise: a number": (
        lambda: ss.elementwise(3),  # type: ignore[arg-type]
        TypeError,
        r"`f` must be a function, got int: 3",
    ),
    "pycutest_problem: a name": (
        lambda: ss.pycutest_problem("HS71"),  # type: ignore[arg-type]
        TypeError,
        r"`problem` must be a Problem, got str",
    ),
    "sif.load: a number": (
        lambda: ss.sif.load(3),  # type: ignore[arg-type]
        TypeError,
        r"`path_or_name` must be a path or a name, got int: 3",
    ),
    "a British name": (lambda: ss.minimise, AttributeError, r"Did you mean minimize\?"),
    "a short name": (lambda: ss.jac, AttributeError, r"Did you mean jacobian\?"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_explained(name: str) -> None:
    """Before anything is solved; no warning instead."""
    make, kind, text = MISTAKES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind, match=text):
            make()


def test_the_table_is_long_enough() -> None:
    assert len(MISTAKES) >= 60  # and those of systems, beside


def test_an_error_of_the_users_function_says_with_what_it_was_called() -> None:
    with pytest.raises(ValueError, match="broadcast") as caught:
        ss.jacobian(scaled, X, np.ones(2))
    notes = " ".join(caught.value.__notes__)
    assert "`scaled` raised this itself" in notes
    assert "shape (3,), an array of shape (2,)" in notes


def test_what_has_a_pattern_is_colored_and_drawn_by_it() -> None:
    tridiagonal = ss.jacobian(lambda x: x[1:] * x[:-1], np.ones(9))
    assert ss.color(tridiagonal).pattern is tridiagonal.pattern
    assert ss.color(tridiagonal).ncolors == 2


def test_one_function_of_constraints_needs_no_list() -> None:
    H = ss.LagrangianHessian(square, rows, X)
    np.testing.assert_array_equal(H(X, np.ones(3)).toarray(), 4.0 * np.eye(3))


def test_a_number_where_an_array_is_meant() -> None:
    with pytest.raises(ValueError, match="at least one dimension, got a number"):
        ss.jacobian(np.diff, 8.0)
