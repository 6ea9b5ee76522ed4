"""One problem at many parameters: the values are those of a problem built anew, nothing is made."""

from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, linprog

import sparsesolve as ss
from sparsesolve.derivatives import problem_derivatives
from sparsesolve.engine.llvm import compile as llvm
from sparsesolve.errors import StructureMismatch
from sparsesolve.trace import tracing

RNG = np.random.default_rng(5)


def objective(x: Any, p: Any) -> Any:
    return p[0] * np.sum(x**4) + np.sum(np.sin(x * (p[1] + p[3])))


def rows(x: Any, p: Any) -> Any:
    return p[2] * x[:-1] * x[1:] + np.exp(p[3] * x[1:])


def affine(x: Any, p: Any) -> Any:
    return p[0] * x[:2] + p[1]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is traced and what is compiled, as it happens."""
    seen: list[str] = []

    def watched(module: Any, name: str) -> None:
        plain = getattr(module, name)

        def counting(*args: Any, **options: Any) -> Any:
            seen.append(name)
            return plain(*args, **options)

        monkeypatch.setattr(module, name, counting)

    watched(tracing, "_prepared")
    watched(llvm, "compile_program")
    return seen


@pytest.mark.parametrize("method", ["auto", "interpreted", "colored"])
@pytest.mark.parametrize("n", [2, 33, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 101))])
def test_values_at_parameters(n: int, method: Any) -> None:
    both = [rows, affine]
    family = problem_derivatives(objective, both, np.ones(n), parameters=np.ones(4), method=method)
    x, p, v = RNG.normal(size=n), RNG.uniform(0.5, 1.0, 4), RNG.normal(size=n)
    own = problem_derivatives(
        lambda x: objective(x, p),
        [lambda x: rows(x, p), lambda x: affine(x, p)],
        x,
        method="interpreted",
    )
    y = RNG.normal(size=own.m)
    at = family.at(p)
    assert at.objective(x) == pytest.approx(objective(x, p))
    np.testing.assert_allclose(at.constraints(x), own.constraints(x))
    np.testing.assert_allclose(at.gradient(x), own.gradient(x), atol=1e-12)
    np.testing.assert_allclose(at.jacobian(x).toarray(), own.jacobian(x).toarray(), atol=1e-12)
    H = own.hessian_full(own.hessian_values(x, y, 0.3)).toarray()
    np.testing.assert_allclose(
        at.hessian_full(at.hessian_values(x, y, 0.3)).toarray(), H, atol=1e-11
    )
    np.testing.assert_allclose(at.lagrangian_product(x, y, 0.3, v), H @ v, atol=1e-10)
    into = np.empty(at.hessian_pattern.nnz)
    assert at.hessian_values(x, y, 0.3, out=into) is into
    np.testing.assert_array_equal(into, at.hessian_values(x, y, 0.3))
    assert at.linear_rows.tolist()[-2:] == [method != "colored"] * 2
    assert family.user_calls == 6
    np.testing.assert_allclose(family.constraints(x)[-2:], x[:2] + 1.0)  # still at the example


@pytest.mark.ipopt
@pytest.mark.parametrize("transport", ["native", "c", "cyipopt"])
def test_ipopt_sees_the_parameters(transport: str) -> None:
    if transport == "cyipopt":
        pytest.importorskip("cyipopt", reason="cyipopt is not installed")
    family = ss.Problem(
        lambda x, p: np.sum((x - p["to"]) ** 2) * p["weight"],
        np.zeros(3),
        parameters={"to": np.ones(3), "weight": 1.0},
        constraints=ss.Constraint(lambda x, p: np.sum(x) * p["weight"], None, 6.0, name="sum"),
    )
    for to in ([1.0, 2.0, 3.0], [0.0, 0.0, -1.0], [2.0, 4.0, 6.0]):
        result = family.solve(
            p={"to": to, "weight": 2.0}, method="ipopt", options={"transport": transport}
        )
        a = np.array(to)
        excess = max(0.0, (np.sum(a) - 3.0) / 3.0)
        np.testing.assert_allclose(result.x, a - excess, atol=1e-6)
        assert result.multipliers["sum"] == pytest.approx(2.0 * excess, abs=1e-6)


METHODS = ["trust-constr", "SLSQP", pytest.param("ipopt", marks=pytest.mark.ipopt)]


@pytest.mark.parametrize("method", METHODS)
def test_later_solves_make_nothing(method: str, made: list[str]) -> None:
    family = ss.Problem(
        lambda x, p: np.sum((x - p) ** 2),
        np.zeros(3),
        bounds=(None, 5.0),
        parameters=np.ones(3),
        constraints=ss.Constraint(lambda x, p: x[0] * x[1] + p[2], None, 10.0, name="product"),
    )
    first = family.solve(method=method)
    assert "compile_program" in made
    assert made.count("_prepared") == 2
    made.clear()
    again = family.solve(p=[1.0, 2.0, 3.0], method=method, warm_start=first)
    moved = family.solve(x0=np.ones(3), bounds=(None, 0.5), method=method)
    limited = family.solve(limits={"product": (4.0, None)}, x0=[1.5, 2.0, 1.0], method=method)
    assert made == []
    assert again.seconds_preparation == 0.0
    np.testing.assert_allclose(again.x, [1.0, 2.0, 3.0], atol=1e-4)
    np.testing.assert_allclose(moved.x, 0.5, atol=1e-4)
    np.testing.assert_allclose(limited.x, [np.sqrt(3.0), np.sqrt(3.0), 1.0], atol=1e-4)
    assert limited.slack["product"] == pytest.approx(0.0, abs=1e-4)


OTHERS = ("Newton-CG", "BFGS", "trust-exact", "TNC", "CG", "trust-ncg")


@pytest.mark.parametrize(
    "method",
    ["L-BFGS-B", "trust-krylov", *(pytest.param(m, marks=pytest.mark.slow) for m in OTHERS)],
)
def test_methods_without_rows(method: str, made: list[str]) -> None:
    family = ss.Problem(lambda x, p: np.sum((x - p) ** 4 + (x - p) ** 2), [0.0], parameters=1.0)
    family.solve(method=method)
    made.clear()
    for p in (2.0, -3.0):
        assert family.solve(p=p, method=method).x == pytest.approx(p, abs=1e-4)
    assert made == []


def test_equations_alone_are_prepared_once(made: list[str]) -> None:
    family = ss.Problem(
        None,
        np.ones(4),
        parameters=0.0,
        constraints=ss.Constraint(lambda x, p: x**3 + x - p, 0.0, 0.0, name="cubic"),
    )
    family.solve(p=1.0)
    made.clear()
    result = family.solve(p=10.0)
    assert result.solver == "newton"
    np.testing.assert_allclose(result.x, 2.0)
    limited = family.solve(p=10.0, limits={"cubic": (20.0, 20.0)})
    np.testing.assert_allclose(limited.x**3 + limited.x, 30.0)
    assert made == []


def test_black_boxes_are_not_estimated_again() -> None:
    calls: list[int] = []

    def rows(x: Any, p: Any) -> Any:
        calls.append(1)
        return np.array([float(x[0]) * float(p[0]), float(x[1])])

    family = ss.Problem(
        lambda x, p: float(np.sum((x - p) ** 2)),
        np.zeros(2),
        parameters=np.ones(2),
        constraints=ss.Constraint(rows, None, 4.0),
        derivatives="differences",
    )
    first = family.solve()
    pattern = family.derivatives.jacobian_pattern
    calls.clear()
    second = family.solve(p=[4.0, 1.0], warm_start=first)
    np.testing.assert_allclose(second.x, [1.0, 1.0], atol=1e-5)
    assert family.at([3.0, 3.0]).derivatives.jacobian_pattern is pattern
    assert len(calls) == 3 * second.counts.constraints  # one value and two differences each


def test_branches_share_their_programs() -> None:
    def kinked(x: Any, p: Any) -> Any:
        return np.sum((x - p) ** 2) + (x[0] * x[1] if x[0] > p[1] else x[1] * x[2])

    family = ss.Problem(kinked, np.ones(3), parameters=np.zeros(3))
    d = family.derivatives
    x = np.array([1.5, 2.0, -1.0])
    for p in ([0.0, 1.0, 0.0], [0.0, 2.0, 0.0], [4.0, -1.0, 1.0]):
        at = d.at(p)
        np.testing.assert_allclose(at.objective(x), kinked(x, np.array(p)))
        H = at.hessian_full(at.hessian_values(x, np.empty(0))).toarray()
        i, j = (0, 1) if x[0] > p[1] else (1, 2)
        assert H[i, j] == H[j, i] == 1.0
        assert H.sum() == 8.0
    assert d.at([0.0, 0.0, 0.0]).hessian_pattern.nnz == 5  # what the others have found
    calls = d.user_calls
    d.at([1.0, 9.0, 0.0]).gradient(x)
    d.at([1.0, -9.0, 0.0]).gradient(x)
    assert d.user_calls == calls


def test_a_change_of_data_is_followed_for_all() -> None:
    weights = np.ones(2)
    family = ss.Problem(lambda x, p: np.sum(weights * (x - p) ** 2 + x), [0.0, 0.0], parameters=1.0)
    np.testing.assert_allclose(family.solve(p=2.0).x, 1.5, atol=1e-6)
    weights[:] = 0.25
    changed = family.solve(p=2.0)
    np.testing.assert_allclose(changed.x, 0.0, atol=1e-6)
    assert "traced anew" in changed.notes[0]
    again = family.solve(p=3.0)
    np.testing.assert_allclose(again.x, 1.0, atol=1e-6)
    assert again.notes == ()


def test_threads_solve_at_their_own_parameters() -> None:
    family = ss.Problem(lambda x, p: np.sum((x - p) ** 2), np.zeros(50), parameters=0.0)
    family.solve(method="L-BFGS-B")
    found: dict[int, float] = {}

    def solve(k: int) -> None:
        found[k] = float(family.solve(p=float(k), method="L-BFGS-B").x[0])

    threads = [threading.Thread(target=solve, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == pytest.approx({k: float(k) for k in range(6)})


def cubes(x: Any, p: Any) -> Any:
    return np.sum((x - p["a"]) ** 2)


def test_a_member_travels_alone() -> None:
    family = ss.Problem(cubes, np.zeros(2), parameters={"a": 1.0})
    member = pickle.loads(pickle.dumps(family.at({"a": 7.0})))
    np.testing.assert_allclose(member.solve().x, 7.0)
    assert member.parameters == {"a": 7.0}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f: f.at([1.0]), StructureMismatch, "`parameters` must have shape (2,), got (1,)"),
        (lambda f: f.at([1.0, 2.0], x0=[1.0]), StructureMismatch, "`x0` must have shape (3,)"),
        (lambda f: f.at(limits={"no": (0, 1)}), ValueError, "['first', 'second']"),
        (lambda f: f.at(limits={"first": 1.0}), TypeError, "must be (lower, upper), got 1.0"),
        (lambda f: f.at(limits={"first": (2, 1)}), ValueError, "must not exceed"),
        (lambda f: f.solve(warm_start=np.ones(3)), TypeError, "pass it as x0"),
        (lambda f: ss.Problem(np.sum, [0.0]).at(1.0), TypeError, "parameters=p0"),
    ],
)
def test_what_does_not_fit(change: Callable[[Any], Any], error: type, words: str) -> None:
    family = ss.Problem(
        lambda x, p: np.sum(x**2) * p[0],
        np.zeros(3),
        parameters=np.ones(2),
        constraints=[
            ss.Constraint(lambda x, p: x[0], 0.0, name="first"),
            ss.Constraint(lambda x, p: x[1], 0.0, name="second"),
        ],
    )
    with pytest.raises(error, match=re.escape(words)):
        change(family)


def test_functions_of_x_alone_stay_as_they_are() -> None:
    family = ss.Problem(
        lambda x, p: np.sum((x - p) ** 2),
        np.ones(2),
        parameters=3.0,
        constraints=[
            ss.Constraint(np.sum, None, 2.0, name="sum"),
            ss.Constraint(lambda x: x[0] - x[1], 0.5, 0.5, name="difference"),
            ss.Constraint(lambda *both: both[0] * both[1], None, 99.0, name="both"),
            {"type": "ineq", "fun": lambda x, most: most - x[0], "args": (1.5,)},
            LinearConstraint([[1.0, 1.0]], -np.inf, 10.0),
        ],
    )
    result = family.solve(method="SLSQP")
    np.testing.assert_allclose(result.x, [1.25, 0.75], atol=1e-6)
    np.testing.assert_allclose(result.constraints["both"], [3.75, 2.25], atol=1e-5)


@pytest.mark.parametrize("p0", [{}, None, "a", {"a": "b"}, 1j])
def test_parameters_that_are_no_numbers(p0: Any) -> None:
    if p0 is None:
        assert ss.Problem(np.sum, [0.0], parameters=None).parameters is None
        return
    with pytest.raises(TypeError, match="`parameters` must be a real number, an array of them"):
        ss.Problem(np.sum, [0.0], parameters=p0)


def test_linear_problems_are_linear_at_each_parameter(made: list[str]) -> None:
    family = ss.Problem(
        lambda x, p: p["c"] @ x,
        np.zeros(4),
        bounds=(0.0, 10.0),
        parameters={"c": np.ones(4), "A": np.ones((3, 4))},
        constraints=ss.Constraint(lambda x, p: p["A"] @ x, 1.5, None, name="rows"),
    )
    family.solve()
    made.clear()
    for _ in range(3):
        p = {"c": RNG.uniform(0.5, 1.5, 4), "A": RNG.uniform(0.0, 1.0, (3, 4))}
        found = family.solve(p)
        known = linprog(p["c"], A_ub=-p["A"], b_ub=np.full(3, -1.5), bounds=(0.0, 10.0))
        assert found.fun == pytest.approx(known.fun, abs=1e-6)
        np.testing.assert_allclose(found.multipliers["rows"], known.ineqlin.marginals, atol=1e-4)
    assert made == []


def test_units_and_parameters_together(made: list[str]) -> None:
    family = ss.Problem(
        lambda x, p: np.sum((x["a"] / 1e4 - p) ** 2) + (x["b"] - 1.0) ** 2,
        {"a": np.full(3, 1e4), "b": 0.0},
        bounds={"a": (0.0, 5e4)},
        parameters=2.0,
        x_scale="auto",
        constraints=ss.Constraint(lambda x, p: np.sum(x["a"]) / 1e4 + p, None, 8.0, name="sum"),
    )
    family.solve(method="SLSQP")
    made.clear()
    result = family.solve(3.0, method="SLSQP")
    np.testing.assert_allclose(result.x["a"], 5e4 / 3.0, rtol=1e-6)
    assert result.multipliers["sum"] == pytest.approx(8.0 / 3.0)
    assert made == []


def test_an_index_among_the_parameters_is_made_by_int() -> None:
    def objective(x: Any, p: Any) -> Any:
        return np.sum((x[: int(p)] - 1.0) ** 2) + np.sum(x**2)

    problem = ss.Problem(objective, np.zeros(4), parameters=2)
    assert problem.solve().x.round(6).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert problem.solve(p=3).x.round(6).tolist() == [0.5, 0.5, 0.5, 0.0]
    bare = ss.Problem(lambda x, p: np.sum((x[:p] - 1.0) ** 2), np.zeros(4), parameters=2)
    with pytest.raises(TypeError, match="integers") as caught:
        bare.solve()
    assert caught.value.__notes__ == [
        "Parameters of a problem are float64: write int(p) in an index."
    ]
