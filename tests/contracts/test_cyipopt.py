"""What the IPOPT adapter relies on, or works around, in cyipopt: fails when upstream changes."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.cyipopt


class Simple:
    """min sum x^2, s.t. x0 + x1 = 1, with hooks."""

    def __init__(self, **hooks):
        self.hooks = hooks

    def _hook(self, name, value):
        return self.hooks[name](value) if name in self.hooks else value

    def objective(self, x):
        return self._hook("objective", float(x @ x))

    def gradient(self, x):
        return self._hook("gradient", 2.0 * x)

    def constraints(self, x):
        return self._hook("constraints", np.array([x[0] + x[1]]))

    def jacobianstructure(self):
        return np.zeros(2, dtype=np.int32), np.arange(2, dtype=np.int32)

    def jacobian(self, x):
        return self._hook("jacobian", np.ones(2))

    def hessianstructure(self):
        return np.arange(2, dtype=np.int32), np.arange(2, dtype=np.int32)

    def hessian(self, x, multipliers, sigma):
        return self._hook("hessian", 2.0 * sigma * np.ones(2))


def build(problem, n=2, m=1):
    import cyipopt

    limits = (np.ones(1), np.ones(1)) if m else (np.zeros(0), np.zeros(0))
    nlp = cyipopt.Problem(
        n=n, m=m, problem_obj=problem, lb=[-9.0] * 2, ub=[9.0] * 2, cl=limits[0], cu=limits[1]
    )
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    return nlp


def test_sizes_must_be_python_integers() -> None:
    with pytest.raises(TypeError):
        build(Simple(), n=np.int64(2))


@pytest.mark.parametrize("value", [1, np.float64(0.1), np.float32(0.1)])
def test_option_types_are_checked_exactly(value) -> None:
    with pytest.raises(TypeError):
        build(Simple()).add_option("tol", value)
    build(Simple()).add_option("tol", float(value))


def test_refused_options_do_not_name_themselves() -> None:
    with pytest.raises(TypeError, match="Error while assigning an option"):
        build(Simple()).add_option("no_such_option", 1)


def test_a_stored_exception_is_raised_again_at_the_next_solve() -> None:
    def fail(value):
        raise KeyError("stored")

    problem = Simple(objective=fail)
    nlp = build(problem)
    with pytest.raises(KeyError):
        nlp.solve(np.ones(2))
    problem.hooks.clear()
    with pytest.raises(KeyError):  # hence a fresh cyipopt.Problem for each solve
        nlp.solve(np.ones(2))


def test_nan_in_the_jacobian_is_used_silently() -> None:
    seen = []

    def spoil(value):
        seen.append(1)
        return value * (np.nan if len(seen) > 1 else 1.0)

    _, info = build(Simple(jacobian=spoil)).solve(np.array([3.0, 1.0]))
    assert info["status"] != -13  # not reported as an invalid number: hence our guard


def test_evaluation_errors_are_statuses() -> None:
    import cyipopt

    def refuse(value):
        raise cyipopt.CyIpoptEvaluationError

    for name in ("gradient", "jacobian"):
        _, info = build(Simple(**{name: refuse})).solve(np.ones(2))
        assert info["status"] == -13


def test_every_callback_gets_its_own_copy_of_x() -> None:
    class Recorder(Simple):
        points: list = []

        def objective(self, x):
            self.points.append(x)
            return super().objective(x)

        def gradient(self, x):
            self.points.append(x)
            return super().gradient(x)

    build(Recorder()).solve(np.ones(2))
    assert not np.shares_memory(Recorder.points[0], Recorder.points[1])


def test_rows_without_entries_are_refused_by_the_c_interface() -> None:
    class Empty(Simple):
        def jacobianstructure(self):
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)

    with pytest.raises(RuntimeError, match="Failed to create NLP"):
        build(Empty())


def test_message_is_bytes_and_multipliers_are_there() -> None:
    x, info = build(Simple()).solve(np.ones(2))
    assert isinstance(info["status_msg"], bytes)
    assert {"x", "g", "obj_val", "mult_g", "mult_x_L", "mult_x_U", "status"} <= set(info)
    # L = f + lambda c: 2 x + lambda = 0 at x = 1/2
    assert info["mult_g"][0] == pytest.approx(-1.0, abs=1e-6)
    assert np.allclose(x, 0.5)


def test_a_false_intermediate_stops_with_status_five() -> None:
    class Stopper(Simple):
        def intermediate(self, *args):
            assert len(args) == 11
            return False

    assert build(Stopper()).solve(np.ones(2))[1]["status"] == 5
