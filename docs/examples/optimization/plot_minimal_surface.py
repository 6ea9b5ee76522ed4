"""
Scherk's minimal surface
========================

A soap film in a wire frame has the least area of all surfaces with this border. One such surface
has a formula, ``z = log(cos(y) / cos(x))``: it gives the frame, and the answer to compare with.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 31
x, y = np.meshgrid(*2 * [np.linspace(-1.0, 1.0, n)], indexing="ij")
h = x[1, 0] - x[0, 0]
exact = np.log(np.cos(y) / np.cos(x))


def area(inner):
    z = exact.copy()  # the frame; what is inside is unknown
    z[1:-1, 1:-1] = inner.reshape(n - 2, n - 2)
    # each cell has two diagonals; half the length of their cross product is its area
    a, b = z[1:, 1:] - z[:-1, :-1], z[:-1, 1:] - z[1:, :-1]
    return h**2 * np.sum(np.sqrt(1.0 + (a**2 + b**2) / (2.0 * h**2)))


film = ss.minimize(area, np.zeros((n - 2) ** 2), method="trust-krylov")
z = exact.copy()
z[1:-1, 1:-1] = film.x.reshape(n - 2, n - 2)
error = abs(z - exact).max()
print(f"{film.status} after {film.iterations} iterations, error {error:.1e}")
assert error < 2e-3

# %%
# The Hessian has nine entries a row: each height meets those of the four cells around it.

fig = plt.figure(figsize=(9, 4), layout="constrained")
fig.add_subplot(1, 2, 1, projection="3d").plot_surface(x, y, z, cmap="viridis")
ss.spy(ss.hessian(area, film.x), ax=fig.add_subplot(1, 2, 2))
plt.show()
