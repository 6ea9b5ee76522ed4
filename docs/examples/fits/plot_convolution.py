"""
A convolution layer
===================

One layer of a network sees a picture and the answer, and finds its filter. The weights are shared
by all places, so the Jacobian is full and slim; the answer was made by weights that are known.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

rng = np.random.default_rng(3)
size = 24
picture = np.cumsum(np.cumsum(rng.standard_normal((size, size)), 0), 1)
picture /= abs(picture).max()
windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3))


def layer(w):
    seen = np.sum(windows * w["filter"], axis=(2, 3)) + w["bias"]
    soft = np.log1p(np.exp(8.0 * seen)) / 8.0  # a rectifier with a round corner
    return soft * w["gain"]


true = {
    "filter": np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]),
    "bias": 0.1,
    "gain": 1.5,
}
answer = layer(true)
start = {"filter": 0.3 * rng.standard_normal((3, 3)), "bias": 0.0, "gain": 1.0}
fit = ss.least_squares(lambda w: (layer(w) - answer).ravel(), start, tol=1e-12)
print(fit.status, "in", fit.iterations, "iterations")
print(fit.x["filter"].round(4))
assert np.allclose(fit.x["filter"], true["filter"], atol=1e-4)
assert abs(fit.x["gain"] - 1.5) < 1e-4

# %%

fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
shown = {"picture": picture, "filter": fit.x["filter"], "answer": layer(fit.x)}
for ax, (title, values) in zip(axes, shown.items(), strict=True):
    ax.imshow(values, cmap="gray")
    ax.set_title(title)
    ax.axis("off")
plt.show()
