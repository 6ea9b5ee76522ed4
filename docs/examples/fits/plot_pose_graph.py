"""
Where has the robot been?
=========================

A robot drives in a circle, twice. Its odometry drifts; that it passed the same places again is
what puts it right. Unknown are all positions and headings.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n, lap = 120, 60
turn = 2.0 * np.pi / lap
heading = turn * np.arange(n)
true = np.stack([np.sin(heading), 1.0 - np.cos(heading), heading], axis=1)
first = np.r_[np.arange(n - 1), np.arange(n - lap)]  # each step, and each place seen again
second = np.r_[np.arange(1, n), np.arange(lap, n)]


def seen(pose):
    """Positions of the second as the first sees them, and the change of heading."""
    dx, dy, turned = (pose[second] - pose[first]).T
    c, s = np.cos(pose[first, 2]), np.sin(pose[first, 2])
    return np.stack([c * dx + s * dy, c * dy - s * dx, turned])


measured = seen(true)
drift = np.zeros_like(measured)
drift[2, : n - 1] = 0.01  # the odometry turns a little too far at each step


def residual(p):
    pose = p.reshape(n, 3)
    error = seen(pose) - measured - drift
    wheels, loops = error[:, : n - 1], 100.0 * error[:, n - 1 :]
    return np.concatenate([wheels.ravel(), loops.ravel(), pose[0]])


driven = np.zeros((n, 3))
for k in range(n - 1):
    c, s = np.cos(driven[k, 2]), np.sin(driven[k, 2])
    forward, left, turned = measured[:, k] + drift[:, k]
    driven[k + 1] = driven[k] + [c * forward - s * left, s * forward + c * left, turned]
fit = ss.least_squares(residual, driven.ravel())
pose = fit.x.reshape(n, 3)
again = np.hypot(*(pose[lap:, :2] - pose[:-lap, :2]).T).max()
missed = np.hypot(*(driven[lap:, :2] - driven[:-lap, :2]).T).max()
print(f"the second lap misses the first by {again:.4f}, by odometry alone {missed:.2f}")
assert again < 1e-2
assert abs(pose[lap, 2] - 2.0 * np.pi) < 1e-2  # a whole turn in a lap

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(*driven[:, :2].T, label="odometry")
left.plot(*pose[:, :2].T, label="found")
left.set_aspect("equal")
left.legend()
ss.spy(fit.jacobian, ax=right).set_aspect("auto")
plt.show()
