"""
Bundle adjustment
=================

Where were the cameras, and where are the points that they saw? Each measurement knows one camera
and one point, so the Jacobian has blocks. The pictures here are exact, so the answer is known.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

rng = np.random.default_rng(1)
ncameras, npoints = 6, 60
camera, point = (i.ravel() for i in np.indices((ncameras, npoints)))


def rotated(r, p):  # Rodrigues' formula, one rotation vector a row
    angle = np.sqrt(np.sum(r**2, axis=1, keepdims=True) + 1e-16)
    axis = r / angle
    along = np.sum(axis * p, axis=1, keepdims=True) * axis
    return along + np.cos(angle) * (p - along) + np.sin(angle) * np.cross(axis, p)


def pictures(u):
    seen = rotated(u["rotation"][camera], u["points"][point]) + u["shift"][camera]
    return seen[:, :2] / seen[:, 2:]


true = {
    "rotation": 0.3 * rng.standard_normal((ncameras, 3)),
    "shift": np.array([0.0, 0.0, 6.0]) + 0.3 * rng.standard_normal((ncameras, 3)),
    "points": rng.uniform(-1.0, 1.0, (npoints, 3)),
}
data = pictures(true)


def residual(u):
    # the first camera is the frame of all, and the scale is the second camera's distance
    frame = 10.0 * np.concatenate([(u[k] - true[k])[0] for k in ("rotation", "shift")])
    scale = 10.0 * (u["shift"] - true["shift"])[1, 2:]
    return np.concatenate([(pictures(u) - data).ravel(), frame, scale])


start = {k: a + 0.05 * rng.standard_normal(a.shape) for k, a in true.items()}
fit = ss.least_squares(residual, start, tol=1e-12)
error = max(abs(fit.x[k] - true[k]).max() for k in true)
print(f"{fit.status} in {fit.iterations} iterations, error {error:.1e}")
assert error < 1e-6

# %%

fig = plt.figure(figsize=(10, 4), layout="constrained")
ax = fig.add_subplot(1, 2, 1, projection="3d")
ax.scatter(*start["points"].T, s=8, label="start")
ax.scatter(*fit.x["points"].T, s=8, label="found")
ax.legend()
ss.spy(fit.jacobian, ax=fig.add_subplot(1, 2, 2)).set_aspect("auto")
plt.show()
