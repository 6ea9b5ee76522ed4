"""Data that change after the trace: no solve answers for old ones."""

from __future__ import annotations

import types

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

import sparsesolve as ss
from sparsesolve.errors import VerificationError
from sparsesolve.problem.result import Status

FREE = ["L-BFGS-B", "TNC", "Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "BFGS", "CG"]
ROWS = ["ipopt", "trust-constr", "SLSQP"]
SQUARES = ["lm", "gauss-newton", "trf", "dogbox"]
STIFF = ["BDF", "Radau", "LSODA"]


def counting(function):
    def counted(*args):
        counted.calls += 1
        return function(*args)

    counted.calls = 0
    return counted


def later(change):
    """A callback that changes data at the first iteration after the start."""

    def callback(state):
        if state.iteration == 1:
            change()

    return callback


# ----- minimize -----


def shifted(n: int = 4):
    """A problem, its data, and where its minimum is for them."""
    d = np.zeros(n)
    objective = counting(lambda x: np.sum((x - d) ** 2) + 0.1 * np.sum((x - d) ** 4))
    return objective, d


@pytest.mark.ipopt
@pytest.mark.parametrize("solver", [*FREE, *ROWS])
def test_a_problem_follows_its_data(solver: str) -> None:
    objective, d = shifted()
    problem = ss.Problem(objective, np.ones(4))
    assert np.allclose(ss.minimize(problem, solver=solver).x, 0.0, atol=1e-2)
    assert objective.calls == 3  # traced, checked, compared at the end
    d[:] = [5.0, 4.0, 3.0, 2.0]
    result = ss.minimize(problem, solver=solver)
    assert np.allclose(result.x, d, atol=1e-2)
    assert "traced anew: the objective uses an array of shape (4,)" in result.notes[0]
    assert "note" in str(result)
    again = ss.minimize(problem, solver=solver)
    assert again.notes == ()
    assert np.allclose(again.x, d, atol=1e-2)


@pytest.mark.ipopt
@pytest.mark.parametrize("solver", [*FREE, *ROWS])
def test_data_changed_during_a_minimization_fail_it(solver: str) -> None:
    objective, d = shifted()
    problem = ss.Problem(objective, np.full(4, 3.0))
    change = later(lambda: d.__setitem__(0, 7.0))
    result = ss.minimize(problem, solver=solver, callback=change)
    assert result.status is Status.FAILED
    assert not result.success
    assert "the objective uses an array of shape (4,) that was changed in place" in result.message
    assert ss.minimize(problem, solver=solver).x[0] == pytest.approx(7.0, abs=1e-2)


@pytest.mark.ipopt
@pytest.mark.cyipopt
def test_all_transports_of_ipopt_follow_the_data() -> None:
    objective, d = shifted()
    problem = ss.Problem(objective, np.ones(4))
    spoil = later(lambda: d.__setitem__(1, -1.0))
    for transport in ("native", "c", "cyipopt"):
        d += 2.0
        options = {"transport": transport}
        assert np.allclose(ss.minimize(problem, solver="ipopt", options=options).x, d, atol=1e-2)
        result = ss.minimize(problem, solver="ipopt", options=options, callback=spoil)
        assert result.status is Status.FAILED


@pytest.mark.parametrize("solver", ["trust-constr", "SLSQP"])
def test_each_constraint_is_looked_at_and_named(solver: str) -> None:
    data = types.SimpleNamespace(limit=2.0)
    first = counting(lambda x: x[0] - x[1])
    second = counting(lambda x: np.sum(x) / data.limit)
    problem = ss.Problem(
        lambda x: np.sum(x**2),
        np.ones(2),
        constraints=[
            ss.Constraint(first, 0.0, 0.0, name="balance"),
            ss.Constraint(second, 1.0, 1.0, name="budget"),
        ],
    )
    assert np.allclose(ss.minimize(problem, solver=solver).x, 1.0)
    assert (first.calls, second.calls) == (3, 3)
    data.limit = 4.0
    result = ss.minimize(problem, solver=solver)
    assert np.allclose(result.x, 2.0)
    assert "the constraint budget returns" in result.notes[0]
    change = later(lambda: setattr(data, "limit", 6.0))
    result = ss.minimize(problem, solver=solver, callback=change)
    assert result.status is Status.FAILED
    assert "the constraint budget returns" in result.message


class Model:
    def __init__(self) -> None:
        self.k = 1.0
        self.A = sp.eye_array(3).tocsr()
        self.table = {"a": [1.0, 2.0]}
        self.mask = np.array([True, False, True])
        self.index = np.array([0, 1, 2])


MODEL = Model()
SCALE = 1.0


def change_scale() -> None:
    global SCALE
    SCALE = 3.0


@pytest.mark.parametrize(
    ("function", "change"),
    [
        (lambda x: np.sum((x - MODEL.k) ** 2), lambda: setattr(MODEL, "k", 5.0)),
        (lambda x: np.sum((x - SCALE) ** 2), change_scale),
        (lambda x: np.sum((MODEL.A @ x - 1.0) ** 2), lambda: MODEL.A.data.__setitem__(0, 9.0)),
        (
            lambda x: np.sum((x - MODEL.table["a"][1]) ** 2),
            lambda: MODEL.table["a"].__setitem__(1, 7.0),
        ),
        (
            lambda x: np.sum((x - np.where(MODEL.mask, x / 2.0, 3.0)) ** 2 + x**4),
            lambda: MODEL.mask.__setitem__(0, False),
        ),
        (
            lambda x: np.sum((x[MODEL.index] - np.arange(3.0)) ** 2),
            lambda: MODEL.index.__setitem__([0, 2], [2, 0]),
        ),
    ],
    ids=["attribute", "global", "sparse matrix", "dict", "mask", "index"],
)
def test_every_kind_of_data_is_followed(monkeypatch, function, change) -> None:
    monkeypatch.setitem(globals(), "MODEL", Model())
    monkeypatch.setitem(globals(), "SCALE", 1.0)
    problem = ss.Problem(function, np.array([0.3, 0.5, 0.7]))
    before = ss.minimize(problem, solver="BFGS")
    change()
    result = ss.minimize(problem, solver="BFGS")
    reference = scipy.optimize.minimize(function, problem.x0, method="BFGS", tol=1e-9)
    assert np.allclose(result.x, reference.x, atol=1e-3)
    assert not np.allclose(result.x, before.x, atol=1e-2)
    assert len(result.notes) == 1


def test_a_rebound_closure_and_replaced_functions_are_followed() -> None:
    target = 1.0

    def objective(x):
        return np.sum((x - target) ** 2)

    problem = ss.Problem(objective, np.zeros(2))
    assert np.allclose(ss.minimize(problem).x, 1.0)
    target = 4.0
    assert np.allclose(ss.minimize(problem).x, 4.0)
    problem.objective = lambda x: np.sum((x + 2.0) ** 2)
    assert np.allclose(ss.minimize(problem).x, -2.0)
    problem.constraints = (ss.Constraint(lambda x: x[0], 3.0, None),)
    assert np.allclose(ss.minimize(problem).x, [3.0, -2.0], atol=1e-6)


def test_data_that_do_not_matter_at_the_start_are_followed() -> None:
    p = {"c": 0.0}
    problem = ss.Problem(lambda x: np.sum(x**2) + p["c"] * np.sum(x), np.zeros(3))
    assert np.allclose(ss.minimize(problem, solver="BFGS").x, 0.0)
    p["c"] = 2.0
    assert np.allclose(ss.minimize(problem, solver="BFGS").x, -1.0)


def test_a_small_change_is_seen() -> None:
    p = {"c": 1.0}
    problem = ss.Problem(lambda x: np.sum((x - p["c"]) ** 2), np.zeros(3))
    ss.minimize(problem)
    p["c"] += 1e-9
    assert len(ss.minimize(problem).notes) == 1
    assert ss.minimize(problem).notes == ()


def test_a_problem_handed_to_others_is_of_the_data_it_has_then() -> None:
    objective, d = shifted()
    problem = ss.Problem(objective, np.ones(4))
    problem.gradient(problem.x0)
    d[:] = 2.0
    arguments = problem.to_scipy(solver="BFGS")
    assert arguments["fun"](np.full(4, 2.0)) == 0.0
    d[:] = 3.0
    assert ss.optiprofiler_arguments(problem)["fun"](np.full(4, 3.0)) == 0.0
    d[:] = 4.0
    assert ss.pycutest_problem(problem).obj(np.full(4, 4.0)) == 0.0


def test_data_that_matter_on_the_way_only_are_followed() -> None:
    p = types.SimpleNamespace(k=0.0)
    bend = lambda x: np.where(x > p.k, (x - 1.0) ** 2, (x - 1.0) ** 2 + 10.0 * (p.k - x))
    problem = ss.Problem(lambda x: np.sum(bend(x)), np.full(2, 5.0))
    assert np.allclose(ss.minimize(problem, solver="L-BFGS-B").x, 1.0)
    p.k = 2.0  # says nothing at the start, nor near it
    result = ss.minimize(problem, solver="L-BFGS-B")
    assert len(result.notes) == 1
    assert np.allclose(result.x, 2.0, atol=1e-2)


def test_what_was_solved_with_old_data_is_not_used_again() -> None:
    hidden = {str(k): 0.0 for k in range(5000)}  # too much to be read through
    bend = lambda x: np.where(x > hidden["7"], x - 1.0, -3.0 * x)
    problem = ss.Problem(lambda x: np.sum(bend(x) ** 2), np.full(2, 5.0))
    problem.gradient(problem.x0)
    hidden["7"] = 2.0
    result = ss.minimize(problem, solver="L-BFGS-B")
    assert result.status is Status.FAILED
    assert "the objective returns" in result.message
    assert not problem.is_prepared


# ----- root, least squares, integration -----


def cubic(n: int = 3):
    p = {"c": 1.0}
    return counting(lambda x: x**3 - p["c"]), p


def solve(method: str, function, x0, **options):
    if method == "newton":
        return ss.root(function, x0, **options)
    return ss.least_squares(function, x0, method=method, **options)


@pytest.mark.slow_cases("newton")
@pytest.mark.parametrize("method", ["newton", *SQUARES])
def test_a_prepared_jacobian_follows_the_function_that_is_given(method: str) -> None:
    F, p = cubic()
    J = ss.jacobian(F, np.ones(2))
    assert F.calls == 2
    assert np.allclose(solve(method, F, [1.0, 1.5], jac=J).x, 1.0)
    assert F.calls == 4  # compared at the start and at the end
    p["c"] = 8.0
    result = solve(method, F, [1.0, 1.5], jac=J)
    assert np.allclose(result.x, 2.0)
    assert np.allclose(result.fun, F(result.x))
    assert "traced anew: the function returns" in result.notes[0]
    other = solve(method, lambda x: x - 5.0, [1.0, 1.5], jac=J)
    assert np.allclose(other.x, 5.0)


@pytest.mark.parametrize("method", ["newton", *SQUARES])
def test_data_changed_during_a_solve_fail_it(method: str) -> None:
    F, p = cubic()
    result = solve(method, F, [3.0, 2.5], callback=later(lambda: p.update(c=8.0)))
    assert result.status is Status.FAILED
    assert "the function returns" in result.message


@pytest.mark.parametrize("method", ["newton", *SQUARES])
def test_arguments_changed_during_a_solve_fail_it(method: str) -> None:
    c = np.ones(2)
    A = sp.eye_array(2).tocsr()
    F = lambda x, c, A: A @ x**3 - c
    result = solve(method, F, [3.0, 2.5], args=(c, A), callback=later(lambda: c.fill(8.0)))
    assert result.status is Status.FAILED
    assert "arguments that were changed in place" in result.message
    change = later(lambda: A.data.fill(2.0))
    result = solve(method, F, [3.0, 2.5], args=(c, A), callback=change)
    assert result.status is Status.FAILED
    assert "`A` must hold what it held" in result.message
    assert np.allclose(solve(method, F, [3.0, 2.5], args=(c, A)).x, 4.0 ** (1.0 / 3.0))


@pytest.mark.parametrize("method", ["newton", *SQUARES])
def test_an_argument_changed_between_solves_is_followed(method: str) -> None:
    A = sp.eye_array(2).tocsr()
    F = lambda x, A: A @ x**3 - 8.0
    J = ss.jacobian(F, np.ones(2), A)
    assert np.allclose(solve(method, F, [1.0, 1.5], args=(A,), jac=J).x, 2.0)
    A.data[:] = 8.0
    result = solve(method, F, [1.0, 1.5], args=(A,), jac=J)
    assert np.allclose(result.x, 1.0)
    assert "other arguments" in result.notes[0]


@pytest.mark.parametrize("n", [3, 100])
@pytest.mark.parametrize("method", STIFF)
def test_an_integration_follows_its_right_hand_side(method: str, n: int) -> None:
    q = {"k": 1.0}
    rhs = counting(lambda t, y: -q["k"] * y)
    J = ss.jacobian(rhs, 0.0, np.ones(n), argnum=1)
    options = {"method": method, "jac": J, "rtol": 1e-7, "atol": 1e-9}
    run = ss.solve_ivp(rhs, (0.0, 1.0), np.ones(n), **options)
    assert run.success
    assert run.notes == ()
    assert np.allclose(run.y[:, -1], np.exp(-1.0), rtol=1e-4)
    q["k"] = 3.0
    run = ss.solve_ivp(rhs, (0.0, 1.0), np.ones(n), **options)
    assert np.allclose(run.y[:, -1], np.exp(-3.0), rtol=1e-4)
    assert "traced anew: the function returns" in run.notes[0]


@pytest.mark.parametrize("n", [3, 100])
@pytest.mark.parametrize("method", STIFF)
def test_a_right_hand_side_that_changes_during_the_run_fails_it(method: str, n: int) -> None:
    q = {"k": 1.0}

    def event(t, y):
        if t > 0.3:
            q["k"] = 3.0
        return 1.0

    rhs = lambda t, y: -q["k"] * y
    run = ss.solve_ivp(rhs, (0.0, 1.0), np.ones(n), method=method, events=event)
    assert (run.status, run.success) == (-1, False)
    assert "the right-hand side returns" in run.message


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853"])
def test_explicit_methods_call_the_function_itself(method: str) -> None:
    q = {"k": 1.0}
    rhs = lambda t, y: -q["k"] * y
    for k in (1.0, 3.0):
        q["k"] = k
        run = ss.solve_ivp(rhs, (0.0, 1.0), np.ones(3), method=method, rtol=1e-7)
        assert np.allclose(run.y[:, -1], np.exp(-k), rtol=1e-4)


def test_a_term_that_is_zero_at_the_start_is_seen() -> None:
    q = {"k": 1.0}
    rhs = lambda t, y: -q["k"] * t * y
    J = ss.jacobian(rhs, 0.0, np.ones(60), argnum=1)
    q["k"] = 4.0
    run = ss.solve_ivp(rhs, (0.0, 1.0), np.ones(60), jac=J, rtol=1e-7, atol=1e-9)
    assert np.allclose(run.y[:, -1], np.exp(-2.0), rtol=1e-4)


def test_a_jacobian_by_another_argument_is_refused() -> None:
    F = lambda x, p: x**2 - p
    J = ss.jacobian(F, np.ones(2), np.ones(2), argnum=1)
    with pytest.raises(ValueError, match="argnum=0, got one of argnum=1"):
        ss.root(F, np.ones(2), args=(np.ones(2),), jac=J)
    rhs = lambda t, y: -y * t
    with pytest.raises(ValueError, match="argnum=1, got one of argnum=0"):
        ss.solve_ivp(rhs, (0.0, 1.0), np.ones(1), jac=ss.jacobian(rhs, 0.0, np.ones(1)))


def test_differences_call_the_function_itself_or_are_refused() -> None:
    F, p = cubic()
    J = ss.jacobian_by_differences(F, np.ones(2), pattern=np.eye(2))
    for c in (1.0, 8.0):
        p["c"] = c
        assert np.allclose(ss.root(F, [1.0, 1.5], jac=J).x, np.cbrt(c))
    with pytest.raises(VerificationError, match="differences of another"):
        ss.root(lambda x: x - 5.0, [1.0, 1.5], jac=J)


def test_an_object_of_the_users_own_must_be_of_the_function() -> None:
    J = ss.jacobian(lambda x: x**2 - 4.0, np.ones(2))
    own = types.SimpleNamespace(pattern=J.pattern, values=J.values, value=J.value)
    assert np.allclose(ss.root(lambda x: x**2 - 4.0, np.ones(2), jac=own).x, 2.0)
    with pytest.raises(VerificationError, match="other values"):
        ss.root(lambda x: x**2 - 9.0, np.ones(2), jac=own)


def test_how_a_jacobian_was_prepared_is_kept_when_it_is_prepared_anew() -> None:
    p = {"c": 1.0}
    F = lambda x: np.sin(x) - p["c"]
    J = ss.jacobian(F, np.ones(2), method="interpreted", format="csc", check=False)
    anew = J.anew(F, [np.ones(2)])
    assert (anew.method, anew.format, anew.report().count("calls of the user's function  1")) == (
        "interpreted",
        "csc",
        1,
    )


# ----- no false alarms -----


def quiet(function, n: int, **options) -> None:
    """Solve twice, from a prepared problem: nothing is traced anew, nothing fails."""
    problem = ss.Problem(function, np.linspace(0.1, 0.9, n), **options)
    problem.gradient(problem.x0)
    for _ in range(2):
        result = ss.minimize(problem, solver="L-BFGS-B", options={"maxiter": 3})
        assert result.notes == ()
        assert "Data changed" not in result.message


def test_chaos_is_no_change() -> None:
    def chaotic(x):
        for _ in range(60):
            x = 3.99 * x * (1.0 - x)
        return np.sum(x)

    quiet(chaotic, 5, bounds=(0.05, 0.95))


def test_cancellation_is_no_change() -> None:
    rng = np.random.default_rng(0)
    big = rng.uniform(size=1000) * 1e12
    A = sp.random_array((300, 300), density=0.1, rng=rng, format="csc")
    B = A.tocsr()
    quiet(lambda x: np.sum(big * x) - np.dot(big, x) + np.sum(x**2), 1000)
    quiet(lambda x: np.sum((A @ x - B @ x) ** 2) * 1e30 + np.sum(x**2), 300)
    quiet(lambda x: np.sum((A.toarray() @ x - B @ x) ** 2) * 1e19 + np.sum(x**2), 300)


def test_values_that_are_not_finite_are_no_change() -> None:
    F = lambda x: np.concatenate([x**2 - 4.0, [np.nan, np.inf]])
    J = ss.jacobian(F, np.ones(2))
    J.verify()
    J.verify(np.array([np.nan, np.inf]))


def test_a_buffer_that_two_functions_write_is_no_change() -> None:
    work = np.zeros(100)
    runs = []

    def objective(x):
        runs.append(1)
        work[:] = np.arange(100.0)
        return np.sum((x - work) ** 2)

    def row(x):
        work[:] = 1.0
        return np.sum(x * work)

    problem = ss.Problem(objective, np.zeros(100), constraints=ss.Constraint(row, 1.0, None))
    for _ in range(2):
        result = ss.minimize(problem, solver="SLSQP")
        assert result.success
        assert result.notes == ()


def test_counters_and_caches_are_no_change() -> None:
    log: list[float] = []
    cache: dict[str, float] = {}

    def objective(x):
        log.append(1.0)
        scale = cache.setdefault("scale", 2.0)
        return np.sum((scale * x - 1.0) ** 2)

    problem = ss.Problem(objective, np.zeros(3))
    for _ in range(2):
        result = ss.minimize(problem)
        assert result.success
        assert result.notes == ()
    problem.verify()


def test_a_function_that_is_not_defined_near_the_result_is_looked_at_there() -> None:
    calls = []

    def objective(x):
        calls.append(1)
        if type(x) is np.ndarray and np.any(x > 1.0):
            raise ValueError("outside")
        return np.sum((x - 2.0) ** 2)

    problem = ss.Problem(objective, np.full(2, 0.5), bounds=(0.0, 1.0))
    result = ss.minimize(problem, solver="L-BFGS-B")
    assert result.success
    assert np.allclose(result.x, 1.0)
    problem = ss.Problem(lambda x: np.sum(x - np.log(x)), np.full(2, 0.5), bounds=(1e-9, None))
    assert np.allclose(ss.minimize(problem, solver="L-BFGS-B").x, 1.0, atol=1e-4)
