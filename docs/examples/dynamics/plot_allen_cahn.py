"""
A drop that shrinks
===================

Two phases, and the border between them moves by its curvature (Allen and Cahn): the area of a
disk falls by ``2 pi`` in a unit of time, whatever its size.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n, width = 64, 0.03
x, y = np.meshgrid(*2 * [(np.arange(n) + 0.5) / n - 0.5], indexing="ij")
h = 1.0 / n


def rhs(t, u):
    u = u.reshape(n, n)
    around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
    return ((around - 4.0 * u) / h**2 + (u - u**3) / width**2).ravel()


start = np.tanh((0.35 - np.hypot(x, y)) / (np.sqrt(2.0) * width))
t = np.linspace(0.0, 0.04, 5)
run = ss.solve_ivp(rhs, (0.0, 0.04), start.ravel(), method="auto", t_eval=t, rtol=1e-5, atol=1e-7)
area = np.mean((run.y + 1.0) / 2.0, axis=0)
rate = np.polyfit(t, area, 1)[0]
print(f"area falls by {-rate:.3f} in a unit of time, 2 pi = {2.0 * np.pi:.3f}")
assert abs(rate + 2.0 * np.pi) < 0.05 * 2.0 * np.pi

# %%

fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, k in zip(axes, (0, 2, 4), strict=True):
    ax.imshow(run.y[:, k].reshape(n, n), cmap="RdBu", vmin=-1.0, vmax=1.0)
    ax.set_title(f"t = {t[k]:.2f}")
    ax.axis("off")
plt.show()
