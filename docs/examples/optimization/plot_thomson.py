"""
Twelve charges on a sphere
==========================

Where do twelve equal charges sit on a sphere? Thomson's problem of 1904; for twelve the answer is
an icosahedron, with the energy 49.165253058.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 12
first, second = np.triu_indices(n, 1)


def energy(p):
    p = p.reshape(n, 3)
    return np.sum(1.0 / np.sqrt(np.sum((p[first] - p[second]) ** 2, axis=1)))


def on_sphere(p):
    return np.sum(p.reshape(n, 3) ** 2, axis=1)


start = np.random.default_rng(4).standard_normal((n, 3))
start /= np.linalg.norm(start, axis=1, keepdims=True)
sphere = ss.Constraint(on_sphere, 1.0, 1.0, name="sphere")
problem = ss.Problem(energy, start.ravel(), constraints=sphere)
charges = problem.solve(method="trust-constr")
print(f"{charges.status}: energy {charges.fun:.9f}")
assert abs(charges.fun - 49.165253058) < 1e-6

# %%
# An icosahedron has thirty edges, the shortest distances.

p = charges.x.reshape(n, 3)
distance = np.linalg.norm(p[first] - p[second], axis=1)
near = distance < 1.01 * distance.min()
assert near.sum() == 30
ax = plt.figure(figsize=(5, 5)).add_subplot(projection="3d")
for i, j in zip(first[near], second[near], strict=True):
    ax.plot(*p[[i, j]].T, color="tab:blue")
ax.scatter(*p.T, s=80, color="tab:orange")
ax.set_box_aspect((1, 1, 1))
plt.show()
