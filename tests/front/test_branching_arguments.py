"""Arguments of any kind reach a function on every path that a solve takes through it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.integrate

import sparsesolve as ss


@dataclass
class Rates:
    slow: float
    fast: float
    steps: int = 2


class Valve:
    """Neither a container nor a number."""

    def __init__(self, opens: float, flow: float) -> None:
        self.opens, self.flow = opens, flow

    def at(self, t):
        return self.flow if t >= self.opens else 0.0


def with_mapping(t, y, p):
    rate = p["slow"] if t < 0.5 else p["fast"] * p["gain"][1]
    return np.array([-rate * y[0], y[0] - y[1] ** 2])


def with_fields(t, y, p):
    if t < 0.5:
        return [-p.slow * y[0], y[0]]
    return [-p.fast * y[0], sum(y[k] for k in range(p.steps))]


def with_object(t, y, valve, name):
    inflow = valve.at(t)
    return [inflow - y[0] if name == "tank" else y[0], y[0] - y[1]]


def with_size(t, y, n, weights):
    if y[0] > 0.8:
        return -y
    out = np.zeros(n)
    for k in range(n):
        out[k] = -weights[k] * y[k] ** 2
    return out


def with_pair(t, y, pair):
    first, (second, third) = pair
    return np.where(y > 0.9, -first * y, -second * y) if t < 0.3 else -third * y * y[::-1]


CASES = {
    "dict": (with_mapping, ({"slow": 1.0, "fast": 3.0, "gain": [1.0, 2.0]},)),
    "dataclass": (with_fields, (Rates(1.0, 4.0),)),
    "namespace": (with_fields, (SimpleNamespace(slow=1.0, fast=4.0, steps=1),)),
    "object and word": (with_object, (Valve(0.4, 2.0), "tank")),
    "integer and list": (with_size, (2, [1.0, 2.0])),
    "nested tuple": (with_pair, ((1.0, (2.0, np.array([3.0, 0.5]))),)),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", CASES)
def test_a_solve_across_branches_is_that_of_scipy(name):
    rhs, args = CASES[name]
    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10, "max_step": 0.02, "args": args}
    ours = ss.solve_ivp(rhs, (0.0, 1.0), [1.0, 0.5], **options)
    plain = scipy.integrate.solve_ivp(rhs, (0.0, 1.0), [1.0, 0.5], **options)
    assert ours.status == plain.status == 0
    np.testing.assert_allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_on_both_sides(name):
    rhs, args = CASES[name]
    J = ss.jacobian(rhs, 0.0, [1.0, 0.5], *args, argnum=1)
    for t, y in ((0.1, [0.95, 0.6]), (0.7, [0.7, 0.4]), (0.45, [0.85, 0.95]), (0.2, [0.5, 1.5])):
        y = np.array(y)
        columns = [
            (np.array(rhs(t, y + h, *args)) - np.array(rhs(t, y - h, *args))) / 2e-6
            for h in 1e-6 * np.eye(2)
        ]
        np.testing.assert_allclose(J(t, y, *args).toarray(), np.transpose(columns), atol=1e-8)
        np.testing.assert_allclose(J.value(t, y, *args), rhs(t, y, *args), rtol=1e-14)


def test_other_numbers_in_a_container_than_those_of_the_example():
    J = ss.jacobian(with_mapping, 0.0, np.ones(2), CASES["dict"][1][0], argnum=1)
    other = {"slow": 0.5, "fast": 5.0, "gain": [0.0, 1.5]}
    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10, "max_step": 0.02, "args": (other,)}
    ours = ss.solve_ivp(with_mapping, (0.0, 1.0), np.ones(2), jac=J, **options)
    assert ours.y[0, -1] == pytest.approx(np.exp(-0.5 * 0.5 - 7.5 * 0.5), rel=1e-5)
    assert ours.status == 0


def test_what_changes_in_a_container_during_a_solve_is_seen_on_every_path():
    parameters = {"slow": 1.0, "fast": 2.0, "gain": [1.0, 1.0]}

    def event(t, y):
        if t > 0.8:
            parameters["fast"] = 7.0
        return 1.0

    run = ss.solve_ivp(
        with_mapping, (0.0, 1.0), np.ones(2), method="BDF", args=(parameters,),
        events=lambda t, y, p: event(t, y),
    )  # fmt: skip
    assert run.status == -1
    assert "changed" in run.message


def steps(x, p):
    if x[0] < 2.0:
        return np.where(x < p["edge"], x - p["low"], 2.0 * x - p["high"])
    return x - p["far"]


@pytest.mark.parametrize("solve", [ss.root, ss.least_squares])
def test_roots_across_branches(solve):
    parameters = {"edge": 0.5, "low": 0.25, "high": 3.0, "far": 1.5}
    result = solve(steps, np.array([4.0, 3.0]), args=(parameters,))
    np.testing.assert_allclose(steps(result.x, parameters), 0.0, atol=1e-6)
