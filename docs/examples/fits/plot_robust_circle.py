"""
A circle through bad points
===========================

A third of the points were measured wrongly, and a plain fit follows them. A robust loss does not.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

rng = np.random.default_rng(0)
n = 90
angle = rng.uniform(0.0, 2.0 * np.pi, n)
points = np.stack([2.0 + 3.0 * np.cos(angle), 1.0 + 3.0 * np.sin(angle)], axis=1)
points[: n // 3] += rng.uniform(0.0, 6.0, (n // 3, 2))


def distance(c):
    return np.hypot(points[:, 0] - c[0], points[:, 1] - c[1]) - c[2]


fits = {
    loss: ss.least_squares(distance, [0.0, 0.0, 1.0], loss=loss, f_scale=0.05)
    for loss in ("linear", "cauchy")
}
for loss, fit in fits.items():
    print(loss, fit.x.round(4))
assert np.allclose(fits["cauchy"].x, [2.0, 1.0, 3.0], atol=1e-2)
assert not np.allclose(fits["linear"].x, [2.0, 1.0, 3.0], atol=0.2)

# %%

plt.plot(*points.T, "k.")
for loss, fit in fits.items():
    plt.gca().add_patch(plt.Circle(fit.x[:2], fit.x[2], fill=False, color=None, label=loss))
plt.gca().patches[0].set_edgecolor("tab:red")
plt.gca().patches[1].set_edgecolor("tab:blue")
plt.gca().set_aspect("equal")
plt.legend()
plt.show()
