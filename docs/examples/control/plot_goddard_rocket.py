"""
Goddard's rocket
================

How high does a sounding rocket fly with a given amount of fuel? Full thrust first, then as much
as the thickness of the air allows, then none. The best height is 1.01283 radii of the earth.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 100
last_mass, most, c = 0.6, 3.5, 0.5


def rates(height, speed, mass, thrust):
    drag = 310.0 * speed**2 * np.exp(500.0 * (1.0 - height))
    return speed, (thrust - drag) / mass - 1.0 / height**2, -thrust / c


def dynamics(u):
    step = u["time"] / n
    states = u["height"], u["speed"], u["mass"]
    slopes = rates(*states, u["thrust"])
    rows = [np.diff(x) - step * (f[1:] + f[:-1]) / 2.0 for x, f in zip(states, slopes, strict=True)]
    return np.array(rows)


s = np.linspace(0.0, 1.0, n + 1)
start = {
    "height": 1.0 + 0.0 * s,
    "speed": s * (1.0 - s),
    "mass": 1.0 + (last_mass - 1.0) * s,
    "thrust": most / 2.0 + 0.0 * s,
    "time": 0.2,
}
bounds = {
    "height": (1.0, np.r_[1.0, np.full(n, np.inf)]),  # on the ground at first
    "speed": (0.0, np.r_[0.0, np.full(n, np.inf)]),
    "mass": (np.r_[1.0, np.full(n, last_mass)], np.r_[np.ones(n), last_mass]),
    "thrust": (0.0, most),
    "time": (0.05, 1.0),
}
flight = ss.minimize(
    lambda u: -u["height"][-1],
    start,
    bounds=bounds,
    constraints=ss.Constraint(dynamics, 0.0, 0.0, name="dynamics"),
    method="ipopt",
)
print(f"{flight.status}: height {-flight.fun:.6f} after {flight.iterations} iterations")
assert abs(-flight.fun - 1.01283) < 2e-5

# %%

fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for ax, name in zip(axes, ("height", "speed", "thrust"), strict=True):
    ax.plot(s * flight.x["time"], flight.x[name])
    ax.set_title(name)
plt.show()
