"""Callbacks in machine code, called as a solver written in C would call them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives import ProblemDerivatives
from sparsesolve.derivatives.c_callbacks import make_c_callbacks
from sparsesolve.engine.llvm.run.c_callbacks import CCallbacks

INT, REAL, PLACE = ctypes.c_int, ctypes.c_double, ctypes.c_void_p
FORMS = {
    "objective": (INT, PLACE, INT, PLACE, PLACE),
    "constraints": (INT, PLACE, INT, INT, PLACE, PLACE),
    "gradient": (INT, PLACE, INT, PLACE, PLACE),
    "jacobian": (INT, PLACE, INT, INT, INT, PLACE, PLACE, PLACE, PLACE),
    "hessian": (INT, PLACE, INT, REAL, INT, PLACE, INT, INT, PLACE, PLACE, PLACE, PLACE),
    "intermediate": (INT, INT, REAL, REAL, REAL, REAL, REAL, REAL, REAL, REAL, INT, PLACE),
}
KINDS = {"objective": "function"}


def objective(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.sum(np.exp(x[:1]))


def rows(x):
    return x[:-1] * x[1:] + np.sin(x[1:])


def logarithm(x):
    return np.sum(np.log(x)) + np.sum(x**2)


class Solver:
    """Calls the callbacks; what they leave to Python is noted, and answered by ones."""

    def __init__(self, derivatives: ProblemDerivatives, n: int, m: int, limits=(-9.0, 9.0)) -> None:
        self.n, self.m, self.derivatives = n, m, derivatives
        bounds = [np.full(size, limit) for size in (n, m) for limit in limits]
        made = make_c_callbacks(derivatives, tuple(bounds), 1e-6)
        assert made is not None
        self.made: CCallbacks = made
        self.asked: list[str] = []
        self.entries = derivatives.jacobian_pattern.nnz
        self.lower = derivatives.hessian_pattern.nnz
        self._kept = {name: self._python(name) for name in FORMS}
        addresses = {k: ctypes.cast(f, PLACE).value for k, f in self._kept.items()}
        self.python_intermediate = addresses.pop("intermediate")
        made.ask(**{KINDS.get(name, name): address for name, address in addresses.items()})
        self.call = {
            name: ctypes.CFUNCTYPE(INT, *form)(made.addresses[name]) for name, form in FORMS.items()
        }

    def _python(self, name: str) -> Callable[..., int]:
        def answer(*_):
            self.asked.append(name)
            return 1

        return ctypes.CFUNCTYPE(INT, *FORMS[name])(answer)

    def value(self, name: str, x: np.ndarray, *weights) -> np.ndarray | None:
        sizes = {"objective": 1, "gradient": self.n, "constraints": self.m}
        sizes |= {"jacobian": self.entries, "hessian": self.lower}
        out = np.full(sizes[name], np.nan)
        before = {
            "constraints": (self.m,),
            "jacobian": (self.m, self.entries, None, None),
        }.get(name, ())
        if name == "hessian":
            sigma, multipliers = weights
            given = (sigma, self.m, multipliers.ctypes.data, 1, self.lower, None, None)
        else:
            given = before
        done = self.call[name](self.n, x.ctypes.data, 1, *given, out.ctypes.data, self.made.address)
        return out if done else None

    def iterate(self, number: int) -> int:
        return self.call["intermediate"](0, number, *[0.0] * 8, 0, self.made.address)


@pytest.mark.every(2)
@pytest.mark.parametrize("n", [2, 3, 8, 9, 31, 32, 33, 100, 2047, 2050, 5000])
def test_values_are_those_of_the_derivatives(n: int, rng) -> None:
    d = ProblemDerivatives(objective, [rows], np.ones(n))
    solver = Solver(d, n, n - 1)
    assert set(solver.made.runs) == {"function", "gradient", "constraints", "jacobian", "hessian"}
    for _ in range(3):
        x, y, sigma = rng.normal(size=n), rng.normal(size=n - 1), float(rng.normal())
        expected = {
            "objective": np.array([d.objective(x)]),
            "gradient": d.gradient(x),
            "constraints": d.constraints(x),
            "jacobian": d.jacobian_values(x),
        }
        for name, value in expected.items():
            np.testing.assert_array_equal(solver.value(name, x), value)
        np.testing.assert_array_equal(
            solver.value("hessian", x, sigma, y), d.hessian_values(x, y, sigma)
        )
    assert not solver.asked


def test_each_value_is_computed_once_a_point_for_two_points(rng) -> None:
    n = 20
    solver = Solver(ProblemDerivatives(objective, [rows], np.ones(n)), n, n - 1)
    a, b, c = rng.normal(size=(3, n))
    for x in (a, a, b, a, b, b, a):
        solver.value("objective", x)
        solver.value("constraints", x)
    solver.value("gradient", a)
    last = b.copy()
    last[-1] = np.nextafter(last[-1], 9.0)  # another point, in the last bit
    solver.value("objective", last)
    points = list(solver.made.points())
    np.testing.assert_array_equal([x for x, _ in points], [a, last])
    assert set(points[0][1]) == {"function", "constraints", "gradient"}
    solver.value("objective", c)
    counts, seconds = solver.made.release()
    assert counts == {"function": 4, "gradient": 1, "constraints": 2, "jacobian": 0, "hessian": 0}
    assert seconds > 0.0


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 40])
def test_what_is_not_finite_is_left_to_python(n: int) -> None:
    d = ProblemDerivatives(logarithm, [np.sqrt], np.ones(n))
    solver = Solver(d, n, n)
    for k in {0, n // 2, n - 1}:
        x = np.ones(n)
        x[k] = 0.0
        for name in ("objective", "gradient", "jacobian"):
            solver.value(name, x)
        solver.value("hessian", x, 1.0, np.ones(n))
        assert solver.asked == ["objective", "gradient", "jacobian", "hessian"]
        np.testing.assert_array_equal(solver.value("constraints", x), np.sqrt(x))
        solver.asked.clear()
    assert solver.made.release()[0]["constraints"] == len({0, n // 2, n - 1})


def test_callbacks_are_used_again_with_other_parameters(rng) -> None:
    n = 9
    family = ss.Problem(
        lambda x, p: np.sum(p * np.exp(x)) + np.sum(x[1:] * x[:-1]),
        np.zeros(n),
        parameters=np.ones(n),
        constraints=ss.Constraint(lambda x, p: x * np.sin(p), -1.0, 1.0),
    )
    solver = Solver(family.derivatives, n, n)
    bounds = tuple(np.full(n, limit) for limit in (-9.0, 9.0, -9.0, 9.0))
    x, made = rng.normal(size=n), solver.made
    solver.iterate(4)
    for _ in range(3):
        made.release()
        member = family.at(rng.normal(size=n)).derivatives
        assert make_c_callbacks(member, bounds, 1e-6, made) is made
        assert (made.iterations(), made.best(), made.newest(), made.first_gradient()) == (
            -1, None, None, None,
        )  # fmt: skip
        assert not list(made.points())
        y = rng.normal(size=n)
        np.testing.assert_array_equal(solver.value("gradient", x), member.gradient(x))
        np.testing.assert_array_equal(solver.value("jacobian", x), member.jacobian_values(x))
        np.testing.assert_array_equal(
            solver.value("hessian", x, 0.5, y), member.hessian_values(x, y, 0.5)
        )
        solver.iterate(4)
    assert made.release()[0]["gradient"] == 1  # of the last solve
    larger = ProblemDerivatives(objective, [rows], np.ones(n))
    assert make_c_callbacks(larger, bounds, 1e-6, made) is not made


def test_structures_and_replaced_methods_are_asked_from_python() -> None:
    d = ProblemDerivatives(objective, [rows], np.ones(4))
    d.gradient = d.gradient  # type: ignore[method-assign]  # as by somebody who looks on
    solver = Solver(d, 4, 3)
    assert "gradient" not in solver.made.runs
    x = np.ones(4)
    solver.value("gradient", x)
    solver.call["jacobian"](4, x.ctypes.data, 1, 3, 6, None, None, None, solver.made.address)
    assert solver.asked == ["gradient", "jacobian"]


def test_nothing_in_machine_code_is_none() -> None:
    d = ProblemDerivatives(objective, [rows], np.ones(4), method="interpreted")
    assert make_c_callbacks(d, tuple(np.ones(k) for k in (4, 4, 3, 3)), 1e-6) is None


def test_the_best_point_is_feasible_first_then_low(rng) -> None:
    """Against the same rule in Python, over random iterates."""
    n, m = 5, 4
    d = ProblemDerivatives(objective, [rows], np.ones(n))
    solver = Solver(d, n, m, limits=(-0.4, 0.4))
    assert solver.made.ranks
    assert solver.made.best() is None
    assert solver.made.newest() is None
    seen = []
    for number in range(60):
        x = rng.normal(size=n) * rng.choice([0.1, 0.3, 1.0])
        solver.value("gradient", x)
        np.testing.assert_array_equal(solver.made.newest(), x)
        assert solver.iterate(number) == 1
        beyond = max(np.abs(x).max() - 0.4, np.abs(rows(x)).max() - 0.4, 0.0)
        seen.append((max(beyond - 1e-6, 0.0), d.objective(x), x))
        excess, value, best = min(seen, key=lambda one: one[:2])
        found = solver.made.best()
        assert found is not None
        np.testing.assert_array_equal(found[0], best)
        assert found[1:] == pytest.approx((value, excess), rel=1e-12)
    assert solver.made.iterations() == 59


def test_iterations_go_to_python_where_asked_for() -> None:
    solver = Solver(ProblemDerivatives(objective, [rows], np.ones(3)), 3, 2)
    solver.made.tell(intermediate=solver.python_intermediate)
    assert solver.iterate(3) == 1
    assert solver.asked == ["intermediate"]
    assert solver.made.iterations() == -1


def test_after_a_stop_all_refuse() -> None:
    solver = Solver(ProblemDerivatives(objective, [rows], np.ones(3)), 3, 2)
    beats = []
    beat = ctypes.CFUNCTYPE(INT)(lambda: beats.append(1) or 1)
    solver.made.tell(beat=ctypes.cast(beat, PLACE).value)
    x = np.ones(3)
    assert solver.value("gradient", x) is not None
    assert beats == [1]  # the first time is long after no time at all
    np.testing.assert_array_equal(solver.made.first_gradient(), solver.derivatives.gradient(x))
    solver.made.stop()
    for name in ("objective", "gradient", "constraints", "jacobian"):
        assert solver.value(name, x) is None
    assert solver.value("hessian", x, 1.0, np.ones(2)) is None
    assert solver.iterate(1) == 0
    assert not solver.asked


def test_a_beat_may_end_it() -> None:
    solver = Solver(ProblemDerivatives(objective, [rows], np.ones(3)), 3, 2)
    beat = ctypes.CFUNCTYPE(INT)(lambda: 0)
    solver.made.tell(beat=ctypes.cast(beat, PLACE).value)
    assert solver.value("objective", np.ones(3)) is None


def test_better_code_comes_after_many_runs(rng) -> None:
    n = 400
    d = ProblemDerivatives(lambda x: np.sum(np.exp(np.sin(x) * x) ** 2), [], np.ones(n))
    machine = d.evaluators()["gradient"]._machine
    before = list(machine.signatures)
    for _ in range(400):
        solver = Solver(d, n, 0)
        for _ in range(40):
            solver.value("gradient", rng.normal(size=n))
        solver.made.release()
        if machine.signatures != before:
            break
    assert machine.signatures != before
    x = rng.normal(size=n)
    np.testing.assert_array_equal(Solver(d, n, 0).value("gradient", x), d.gradient(x))
