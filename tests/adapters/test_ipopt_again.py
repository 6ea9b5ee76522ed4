"""IPOPT solving one problem again: its objects are kept, and a warm start is near or far."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.adapters.ipopt_c import CProblem
from sparsesolve.adapters.ipopt_warm import NEAR, warm_options
from sparsesolve.methods.evaluation import Evaluation

pytestmark = pytest.mark.ipopt


def family(n: int = 4) -> ss.Problem:
    return ss.Problem(
        lambda x, p: np.sum((x - p) ** 2) + np.sum(x**4),
        np.zeros(n),
        bounds=(-1.0, 0.5),
        parameters=np.ones(n),
        constraints=ss.Constraint(lambda x, p: np.sum(x * p), None, 1.0, name="sum"),
    )


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    made: list[int] = []
    plain = CProblem.__init__

    def counting(self: Any, *args: Any, **options: Any) -> None:
        made.append(1)
        plain(self, *args, **options)

    monkeypatch.setattr(CProblem, "__init__", counting)
    return made


@pytest.mark.parametrize("transport", ["native", "c"])
def test_one_object_serves_many_solves(transport: str, objects: list[int]) -> None:
    problem, options = family(), {"transport": transport}
    for k in range(4):
        p = np.array([1.0, -1.0, 0.2, 0.1 * k])
        result = problem.solve(p=p, method="ipopt", options=options)
        alone = ss.minimize(problem.at(p), method="SLSQP", tol=1e-10)
        np.testing.assert_allclose(result.x, alone.x, atol=1e-4)
    assert len(objects) == 1


def test_what_an_object_cannot_change_needs_another(objects: list[int]) -> None:
    problem = family()
    first = problem.solve(method="ipopt")
    problem.solve(method="ipopt", bounds=(-1.0, 0.25))
    problem.solve(method="ipopt", limits={"sum": (None, 0.5)})
    problem.solve(method="ipopt", tol=1e-9)
    assert len(objects) == 4
    again = problem.solve(method="ipopt")
    loose = problem.solve(method="ipopt", tol=1e-3)
    assert len(objects) == 4
    np.testing.assert_array_equal(again.x, first.x)
    assert loose.iterations < again.iterations  # the value of an option is set each time


@pytest.mark.parametrize("transport", ["native", "c"])
def test_values_of_options_are_those_of_each_solve(transport: str, objects: list[int]) -> None:
    problem, iterations = family(), []
    for most in (1, 50, 50, 2):
        options = {"transport": transport, "max_iter": most}
        iterations.append(problem.solve(method="ipopt", options=options).iterations)
    assert (iterations[0], iterations[3]) == (1, 2)
    assert iterations[1] == iterations[2] > 2
    assert len(objects) == 1


def test_an_object_whose_solve_raised_is_not_kept(objects: list[int]) -> None:
    problem = family()

    def stops(state: Any) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        problem.solve(method="ipopt", callback=stops)
    assert problem.solve(method="ipopt").success
    seen: list[int] = []
    problem.solve(method="ipopt", callback=lambda state: seen.append(state.iteration))
    assert seen[0] == 0
    assert len(objects) == 2


def test_threads_have_their_own_objects() -> None:
    problem = family(30)
    expected = [problem.solve(p=np.full(30, 0.1 * k), method="ipopt").x for k in range(4)]
    found: dict[int, Any] = {}

    def solve(k: int) -> None:
        for _ in range(3):
            found[k] = problem.solve(p=np.full(30, 0.1 * k), method="ipopt").x

    threads = [threading.Thread(target=solve, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        np.testing.assert_allclose(found[k], expected[k], atol=1e-7)


def test_a_warm_start_is_near_or_far() -> None:
    problem = family()
    first = problem.solve(method="ipopt")
    for p, near in (([1.0, 1.0, 1.0, 1.001], True), ([-9.0, 5.0, -7.0, 8.0], False)):
        evaluation = Evaluation(problem.at(p))
        options = warm_options(evaluation, first.x, np.asarray(first.multipliers))
        assert (options is NEAR) == near
        assert (options["mu_init"] == 1e-6) == near
        warm = problem.solve(p=p, method="ipopt", warm_start=first)
        cold = problem.solve(p=p, method="ipopt")
        np.testing.assert_allclose(warm.x, cold.x, atol=1e-6)
        assert warm.iterations < cold.iterations or not near
    same = problem.solve(method="ipopt", warm_start=first)
    assert same.iterations <= 1
    np.testing.assert_allclose(same.multipliers, first.multipliers, atol=1e-6)


def test_options_of_a_warm_start_may_be_given() -> None:
    problem, p = family(), np.array([1.0, 1.0, 1.0, 1.01])
    start = problem.solve(method="ipopt")
    slow = problem.solve(p=p, method="ipopt", warm_start=start, options={"mu_init": 10.0})
    quick = problem.solve(p=p, method="ipopt", warm_start=start)
    assert slow.iterations > quick.iterations


@pytest.mark.slow
def test_a_problem_is_freed_with_what_it_keeps() -> None:
    problem = family()
    problem.solve(method="ipopt", options={"transport": "c"})
    member, gone = weakref.ref(problem.derivatives), weakref.ref(problem)
    gc.collect()
    gc.disable()
    try:
        del problem
        assert gone() is None
        assert member() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("replaced_first", [False, True])
def test_derivatives_that_were_replaced_meanwhile_are_called(
    replaced_first: bool, objects: list[int]
) -> None:
    """IPOPT goes on with the callbacks that it was given at first."""
    problem = family().at(np.full(4, 0.3))
    derivatives, called = problem.derivatives, set()

    def replace(name: str) -> None:
        plain = getattr(derivatives, name)

        def noting(*args: Any, **options: Any) -> Any:
            called.add(name)
            return plain(*args, **options)

        setattr(derivatives, name, noting)

    names = list(derivatives.evaluators())
    found = []
    for replaced in (replaced_first, not replaced_first, replaced_first):
        called.clear()
        for name in names:
            if replaced:
                replace(name)
        found.append(ss.minimize(problem, method="ipopt"))
        assert called == (set(names) if replaced else set())
        for name in names:
            vars(derivatives).pop(name, None)
    assert len(objects) == 1
    assert len({result.iterations for result in found}) == 1
    assert found[0].iterations > 3
    for result in found[1:]:
        np.testing.assert_array_equal(result.x, found[0].x)
