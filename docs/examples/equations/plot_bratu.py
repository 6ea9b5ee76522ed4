"""
Bratu's equation has two solutions
==================================

``u'' + exp(u) = 0`` with ``u = 0`` at both ends: a fuel that heats itself. Which of the two
answers Newton's method finds depends on where it starts. Both have a formula.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import sparsesolve as ss

n = 399
x = np.linspace(0.0, 1.0, n + 2)
h = x[1]


def residual(u):
    v = np.pad(u, 1)
    return (v[2:] - 2.0 * v[1:-1] + v[:-2]) / h**2 + np.exp(u)


J = ss.jacobian(residual, np.zeros(n))  # once, for both
low = ss.root(residual, np.zeros(n), jac=J)
high = ss.root(residual, 4.0 * np.sin(np.pi * x[1:-1]), jac=J)
print(f"highest points {low.x.max():.5f} and {high.x.max():.5f}")

# %%
# The formula is ``2 log(cosh(t) / cosh(t (1 - 2 x)))`` with ``t`` from one equation in one
# unknown.


def exact(below, above):
    t = brentq(lambda t: t - np.sqrt(2.0) / 4.0 * np.cosh(t), below, above, xtol=1e-14)
    return 2.0 * np.log(np.cosh(t) / np.cosh(t * (1.0 - 2.0 * x)))


for found, formula in ((low, exact(0.1, 1.0)), (high, exact(2.0, 4.0))):
    plt.plot(x, np.pad(found.x, 1), label=f"{found.iterations} iterations")
    plt.plot(x[::20], formula[::20], "k.")
    assert abs(found.x - formula[1:-1]).max() < 1e-3
plt.legend()
plt.show()
