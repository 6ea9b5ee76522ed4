"""
Thirteen atoms
==============

Argon atoms attract each other from afar and repel from near. Thirteen of them are best off as an
icosahedron with one in the middle, at the energy -44.326801. Every atom meets every other, so the
Hessian is full, and that is fine too.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 13
first, second = np.triu_indices(n, 1)


def energy(p):
    p = p.reshape(n, 3)
    squared = np.sum((p[first] - p[second]) ** 2, axis=1)
    return 4.0 * np.sum(squared**-6 - squared**-3)


# points of an icosahedron: cyclic permutations of (0, 1, golden ratio), with all signs
golden = (1.0 + np.sqrt(5.0)) / 2.0
corner = np.array([[0.0, s, t * golden] for s in (-1.0, 1.0) for t in (-1.0, 1.0)])
start = np.concatenate([np.zeros((1, 3)), *(np.roll(corner, k, axis=1) for k in range(3))]) * 0.6
start += 0.05 * np.random.default_rng(0).standard_normal(start.shape)
cluster = ss.minimize(energy, start.ravel(), method="trust-exact")
print(f"{cluster.status}: energy {cluster.fun:.6f} after {cluster.iterations} iterations")
assert abs(cluster.fun + 44.326801) < 1e-6

# %%

p = cluster.x.reshape(n, 3)
near = np.linalg.norm(p[first] - p[second], axis=1) < 1.3
ax = plt.figure(figsize=(5, 5)).add_subplot(projection="3d")
for i, j in zip(first[near], second[near], strict=True):
    ax.plot(*p[[i, j]].T, color="lightgray")
ax.scatter(*p.T, s=200, color="tab:blue", depthshade=True)
ax.set_box_aspect((1, 1, 1))
plt.show()
