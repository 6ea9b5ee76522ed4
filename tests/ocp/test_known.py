"""Problems of the literature: the COPS collection, and the swing-up of a cart-pole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sparsesolve import ocp

pytestmark = pytest.mark.ipopt


def rocket() -> ocp.Phase:
    """Goddard's rocket, as high as possible."""

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        height, speed, mass = x
        drag = 310 * speed**2 * np.exp(500 * (1 - height))
        return [speed, (u[0] - drag) / mass - 1 / height**2, -2 * u[0]]

    return ocp.Phase(
        dynamics,
        time=(0.0, (0.05, 1.0)),
        states={"height": (1.0, None), "speed": (0.0, None), "mass": (0.6, 1.0)},
        controls={"thrust": (0.0, 3.5)},
        initial={"height": 1.0, "speed": 0.0, "mass": 1.0},
        final={"mass": 0.6},
        end_cost=lambda first, last, p: -last.x[0],
        guess={"height": 1.0, "thrust": 1.75},
    )


def glider() -> ocp.Phase:
    """A hang glider that crosses a thermal, as far as possible."""
    mass, gravity, half = 100.0, 9.81, 0.5 * 1.13 * 14.0

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        at, _, along, up = x
        r = (at / 100 - 2.5) ** 2
        w = up - 2.5 * (1 - r) * np.exp(-r)
        speed = np.sqrt(along**2 + w**2)
        drag = half * (0.034 + 0.069662 * u[0] ** 2) * speed / mass
        lift = half * u[0] * speed / mass
        return [along, up, -lift * w - drag * along, lift * along - drag * w - gravity]

    return ocp.Phase(
        dynamics,
        time=(0.0, (1.0, 300.0)),
        states={"x": (0.0, None), "y": None, "vx": (0.0, None), "vy": None},
        controls={"lift": (0.0, 1.4)},
        initial={"x": 0.0, "y": 1000.0, "vx": 13.23, "vy": -1.288},
        final={"y": 900.0, "vx": 13.23, "vy": -1.288},
        end_cost=lambda first, last, p: -last.x[0],
        guess={"x": lambda t: 13.23 * t, "lift": 0.7, "final_time": 100.0},
    )


def robot_arm() -> ocp.Phase:
    """A robot arm that turns by 120 degrees in least time."""

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        rho, _, phi, *speeds = x
        inertia = ((5 - rho) ** 3 + rho**3) / 3
        return [*speeds, u[0] / 5, u[1] / (inertia * np.sin(phi) ** 2), u[2] / inertia]

    rest = {"drho": 0.0, "dtheta": 0.0, "dphi": 0.0}
    limits = {"rho": (0.0, 5.0), "theta": (-np.pi, np.pi), "phi": (0.0, np.pi)}
    return ocp.Phase(
        dynamics,
        time=(0.0, (0.1, 50.0)),
        states={**limits, **dict.fromkeys(rest)},
        controls=dict.fromkeys(("along", "around", "up"), (-1.0, 1.0)),
        initial={"rho": 4.5, "theta": 0.0, "phi": np.pi / 4, **rest},
        final={"rho": 4.5, "theta": 2 * np.pi / 3, "phi": np.pi / 4, **rest},
        end_cost=lambda first, last, p: last.t,
        guess={"final_time": 10.0},
    )


def cart_pole() -> ocp.Phase:
    """A pole on a cart, swung up in time 2 with the least squared force."""
    cart, pole, length, gravity = 1.0, 0.3, 0.5, 9.81

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        _, angle, speed, turn = x
        sin, cos = np.sin(angle), np.cos(angle)
        mass = cart + pole * sin**2
        pull = length * pole * sin * turn**2
        push = (pull + u[0] + pole * gravity * cos * sin) / mass
        swing = -(pull * cos + u[0] * cos + (cart + pole) * gravity * sin) / (length * mass)
        return [speed, turn, push, swing]

    rest = {"speed": 0.0, "turn": 0.0}
    return ocp.Phase(
        dynamics,
        time=(0.0, 2.0),
        states={"at": (-2.0, 2.0), "angle": None, **dict.fromkeys(rest)},
        controls={"force": (-20.0, 20.0)},
        initial={"at": 0.0, "angle": 0.0, **rest},
        final={"at": 1.0, "angle": np.pi, **rest},
        running_cost=lambda t, x, u, p: u[0] ** 2,
    )


def shuttle() -> ocp.Phase:
    """Reentry of a space shuttle with the greatest cross-range, in feet, pounds and radians."""
    degree, earth, weight = np.pi / 180, 20902900.0, 203000.0
    gravitation, mass = 0.14076539e17, weight / 32.174

    def dynamics(t: Any, x: Any, u: Any, p: Any) -> Any:
        height, _, latitude, speed, path, azimuth = x
        attack, bank = u[0] / degree, u[1]
        radius = earth + height
        gravity = gravitation / radius**2
        pressure = 0.5 * 2690.0 * 0.002378 * np.exp(-height / 23800.0) * speed**2
        lift = (-0.20704 + 0.029244 * attack) * pressure / mass
        drag = (0.07854 - 0.61592e-2 * attack + 0.621408e-3 * attack**2) * pressure / mass
        along = speed / radius * np.cos(path)
        return [
            speed * np.sin(path),
            along * np.sin(azimuth) / np.cos(latitude),
            along * np.cos(azimuth),
            -drag - gravity * np.sin(path),
            lift / speed * np.cos(bank) + np.cos(path) * (speed / radius - gravity / speed),
            lift * np.sin(bank) / (speed * np.cos(path))
            + along * np.sin(azimuth) * np.tan(latitude),
        ]

    level = (-89 * degree, 89 * degree)
    return ocp.Phase(
        dynamics,
        time=(0.0, (500.0, 4000.0)),
        states={
            "height": (0.0, None),
            "longitude": None,
            "latitude": level,
            "speed": (1.0, None),
            "path": level,
            "azimuth": None,
        },
        controls={"attack": (-90 * degree, 90 * degree), "bank": (-89 * degree, degree)},
        initial={
            "height": 260000.0,
            "longitude": 0.0,
            "latitude": 0.0,
            "speed": 25600.0,
            "path": -degree,
            "azimuth": 90 * degree,
        },
        final={"height": 80000.0, "speed": 2500.0, "path": -5 * degree},
        end_cost=lambda first, last, p: -last.x[2],
        guess={"final_time": 2000.0, "attack": 0.3, "bank": -1.0},
        scale="auto",
    )


# Values of COPS 3 for the trapezoidal rule with 50 intervals, to more digits by IPOPT.
TRAPEZOIDAL = [(rocket, -1.01281693461), (glider, -1286.97737544), (robot_arm, 9.14687885426)]


@pytest.mark.parametrize(("make", "value"), TRAPEZOIDAL)
def test_the_trapezoidal_rule_is_that_of_cops(make: Callable[[], ocp.Phase], value: float) -> None:
    solution = make().solve(intervals=50, scheme="trapezoidal")
    assert solution.cost == pytest.approx(value, rel=2e-8)


# Limits of fine meshes: all rules agree on these digits.
LIMITS = [(rocket, -1.012837), (glider, -1247.9876), (robot_arm, 9.140913), (cart_pole, 58.80767)]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["hermite-simpson", "radau"])
@pytest.mark.parametrize(("make", "value"), LIMITS)
def test_refined_meshes_agree(make: Callable[[], ocp.Phase], value: float, scheme: str) -> None:
    solution = make().solve(intervals=20, scheme=scheme, tolerance=5e-5)
    assert solution.error <= 5e-5
    assert solution.cost == pytest.approx(value, rel=1e-4)


@pytest.mark.slow
def test_the_shuttle_turns_by_34_degrees() -> None:
    """34.1412 degrees after 2008.59 s: Betts (2010), "Practical Methods", section 6.1."""
    solution = shuttle().solve(intervals=40)
    assert np.rad2deg(-solution.cost) == pytest.approx(34.1412, abs=1e-4)
    assert solution.final_time == pytest.approx(2008.59, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "value"), [(robot_arm, 9.140913), (cart_pole, 58.80767)])
def test_shooting_agrees(make: Callable[[], ocp.Phase], value: float) -> None:
    solution = make().solve(intervals=100, scheme=ocp.multiple_shooting(1))
    assert solution.cost == pytest.approx(value, rel=2e-3)


def test_a_swing_that_is_replayed_arrives() -> None:
    """The control, as a function of time, through another integrator."""
    from scipy.integrate import solve_ivp

    phase = cart_pole()
    solution = phase.solve(intervals=25, scheme=ocp.radau(4))
    assert solution.cost == pytest.approx(58.80767, rel=1e-5)
    force = solution.control("force")
    way = solve_ivp(
        lambda t, x: phase.dynamics(t, x, [force(t)], {}),
        (0.0, 2.0),
        [0.0, 0.0, 0.0, 0.0],
        rtol=1e-8,
        atol=1e-8,
        t_eval=[0.5, 1.0, 1.5, 2.0],
    )
    found = [solution.state(name)(way.t) for name in phase.states]
    np.testing.assert_allclose(way.y, found, atol=2e-3)
    np.testing.assert_allclose(way.y[:, -1], [1.0, np.pi, 0.0, 0.0], atol=2e-3)
