"""
Forty thousand unknowns
=======================

The solid fuel of Bratu in two dimensions, with a source that makes the solution known. Preparing
derivatives is a small part of the time, most of it is the factorization of a sparse matrix.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 200
h = 1.0 / (n + 1)
x, y = np.meshgrid(*2 * [np.linspace(h, 1.0 - h, n)], indexing="ij")
exact = np.sin(np.pi * x) * np.sin(np.pi * y)
source = 2.0 * np.pi**2 * exact - np.exp(exact)


def residual(u):
    v = np.pad(u.reshape(n, n), 1)
    around = v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2]
    inside = v[1:-1, 1:-1]
    return ((around - 4.0 * inside) / h**2 + np.exp(inside) + source).ravel()


J = ss.jacobian(residual, np.zeros(n * n))
result = ss.root(residual, np.zeros(n * n), jac=J, tol=1e-6)
u = result.x.reshape(n, n)
print(f"{J.nnz} nonzeros, {result.iterations} iterations, error {abs(u - exact).max():.1e}")
assert abs(u - exact).max() < 1e-4

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
fig.colorbar(left.imshow(u), ax=left)
fig.colorbar(right.imshow(u - exact), ax=right)
right.set_title("error, of the mesh")
plt.show()
