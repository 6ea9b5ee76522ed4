"""
Predictive control of a pendulum
================================

At each moment a controller looks ahead for a second and a half, and applies the first of its
plan. One problem, solved eighty times: the measured state is a parameter, nothing is prepared
again, and each solve starts at the plan before.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n, h, most = 30, 0.05, 6.0


def step(angle, speed, torque):  # semi-implicit: the angle moves with the new speed
    speed = speed + h * (9.81 * np.sin(angle) - 0.1 * speed + torque)
    return angle + h * speed, speed


def dynamics(u, now):
    angle = np.concatenate([now[:1], u["angle"]])
    speed = np.concatenate([now[1:], u["speed"]])
    moved, faster = step(angle[:-1], speed[:-1], u["torque"])
    return np.array([u["angle"] - moved, u["speed"] - faster])


def cost(u, now):
    return np.sum(10.0 * u["angle"] ** 2 + u["speed"] ** 2 + 0.1 * u["torque"] ** 2)


plan = {name: np.zeros(n) for name in ("angle", "speed", "torque")}
controller = ss.Problem(
    cost,
    plan,
    bounds={"torque": (-most, most)},
    constraints=ss.Constraint(dynamics, 0.0, 0.0, name="dynamics"),
    parameters=np.zeros(2),
)
state, states, torques, result = np.array([0.6, 0.0]), [], [], None
for _ in range(80):
    result = controller.solve(p=state, warm_start=result)
    states.append(state)
    torques.append(result.x["torque"][0])
    state = np.array(step(*state, torques[-1]))
print(f"{result.status}, angle {abs(state[0]):.1e} after {80 * h:.1f} s")
assert abs(state).max() < 1e-2  # upright, which is the only equilibrium of zero cost
assert max(abs(np.array(torques))) <= most + 1e-6

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(h * np.arange(80), states, label=["angle", "speed"])
left.legend()
right.step(h * np.arange(80), torques)
right.set_title("torque")
plt.show()
