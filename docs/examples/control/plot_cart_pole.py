"""
Swing up a pole on a cart
=========================

A pole hangs from a cart. Within two seconds the cart shall move by one meter and the pole stand
upright, at rest, with the least squared force. The answer is 58.8077 (Newton squared, seconds), on
a mesh that is refined until the error is below a millionth.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import sparsesolve as ss

cart, pole, length, gravity = 1.0, 0.3, 0.5, 9.81


def dynamics(t, x, u, p):
    _, angle, speed, turn = x
    sin, cos = np.sin(angle), np.cos(angle)
    mass = cart + pole * sin**2
    pull = length * pole * sin * turn**2 + u[0]
    push = (pull + pole * gravity * cos * sin) / mass
    swing = -(pull * cos + (cart + pole) * gravity * sin) / (length * mass)
    return [speed, turn, push, swing]


phase = ss.ocp.Phase(
    dynamics,
    time=(0.0, 2.0),
    states={"position": (-2.0, 2.0), "angle": None, "speed": None, "turn": None},
    controls={"force": (-20.0, 20.0)},
    initial={"position": 0.0, "angle": 0.0, "speed": 0.0, "turn": 0.0},
    final={"position": 1.0, "angle": np.pi, "speed": 0.0, "turn": 0.0},
    running_cost=lambda t, x, u, p: u[0] ** 2,
)
solution = phase.solve(intervals=20, scheme="radau", tolerance=1e-6)
for step in solution.rounds:
    print(f"{step.intervals:3} intervals: cost {step.cost:.5f}, error {step.error:.0e}")
assert abs(solution.cost - 58.8077) < 1e-4
solution.plot()
plt.show()

# %%
# Another integrator, driven by the control alone, arrives at the same place. It takes small steps,
# since the control jumps between intervals, which its estimate of the error may miss.

force = solution.control("force")
t = np.linspace(0.0, 2.0, 9)
start, accuracy = [0.0, 0.0, 0.0, 0.0], {"rtol": 1e-9, "atol": 1e-9, "max_step": 2e-3}
way = solve_ivp(lambda t, x: dynamics(t, x, [force(t)], {}), (0, 2), start, t_eval=t, **accuracy)
assert np.abs(way.y[:, -1] - [1.0, np.pi, 0.0, 0.0]).max() < 1e-4

# %%
# The pole, nine times.

x = solution.state("position")(t)
angle = solution.state("angle")(t)
ax = plt.figure(figsize=(7, 3)).add_subplot(aspect="equal")
for k in range(len(t)):
    tip = x[k] + length * np.sin(angle[k]), -length * np.cos(angle[k])
    ax.plot([x[k], tip[0]], [0.0, tip[1]], "o-", color=plt.cm.viridis(k / 8))
ax.axhline(0.0, color="gray", linewidth=0.5)
plt.show()
