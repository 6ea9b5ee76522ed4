"""
The shortest way around a lake
==============================

Points of a path, each outside of a circle. The answer is a tangent, an arc, and a tangent, so its
length has a formula.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n, radius = 100, 0.5
first, last = np.array([-1.0, 0.0]), np.array([1.0, 0.0])


def points(p):
    return np.concatenate([first[np.newaxis], p.reshape(n, 2), last[np.newaxis]])


def steps(p):  # squared, each: a path of equal steps has the least sum for its length
    return np.sum(np.diff(points(p), axis=0) ** 2, axis=1)


def clearance(p):
    return np.sum(p.reshape(n, 2) ** 2, axis=1)


s = np.linspace(0.0, np.pi, n + 2)[1:-1]
start = np.stack([-np.cos(s), 0.9 * np.sin(s)], axis=1).ravel()
path = ss.minimize(
    lambda p: np.sum(steps(p)),
    start,
    constraints=ss.Constraint(clearance, radius**2, None, name="lake"),
    method="ipopt",
)
length = np.sum(np.sqrt(steps(path.x)))
formula = 2.0 * np.sqrt(1.0 - radius**2) + radius * (np.pi - 2.0 * np.arccos(radius))
print(f"{path.status}: length {length:.5f}, formula {formula:.5f}")
assert abs(length - formula) < 1e-3

# %%
# Multipliers say which points the lake holds off.

held = -path.multipliers["lake"] > 1e-6
plt.plot(*points(path.x).T)
plt.plot(*path.x.reshape(n, 2)[held].T, ".", label=f"{held.sum()} points at the shore")
plt.gca().add_patch(plt.Circle((0.0, 0.0), radius, color="lightblue"))
plt.gca().set_aspect("equal")
plt.legend()
plt.show()
