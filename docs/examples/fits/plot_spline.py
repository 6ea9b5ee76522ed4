"""
A template, moved and stretched
===============================

A measured curve is known as a table. Where does it lie in another measurement? SciPy's splines
may stand inside of a function and are differentiated like any other formula; a bank of echoes
makes the problem sparse.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.interpolate import CubicSpline

import sparsesolve as ss

table = np.linspace(-1.0, 1.0, 81)
template = CubicSpline(table, np.exp(-8.0 * table**2) * np.cos(6.0 * table))
echoes, t = 12, np.linspace(-0.5, 0.5, 50)
true = {
    "delay": 0.08 * np.cos(np.arange(echoes)),
    "size": 1.0 + 0.3 * np.sin(np.arange(echoes)),
    "stretch": 1.1,
}


def signal(u):  # one row for each echo, the stretch is common to all
    return u["size"][:, np.newaxis] * template((t - u["delay"][:, np.newaxis]) * u["stretch"])


data = signal(true)
start = {"delay": np.zeros(echoes), "size": np.ones(echoes), "stretch": 1.0}
fit = ss.least_squares(lambda u: (signal(u) - data).ravel(), start, tol=1e-12)
error = max(np.max(abs(fit.x[name] - true[name])) for name in true)
print(f"{fit.status} in {fit.iterations} iterations, error {error:.1e}")
assert error < 1e-7

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
left.plot(t, data.T + 2.0 * np.arange(echoes), "k", linewidth=3, alpha=0.2)
left.plot(t, signal(fit.x).T + 2.0 * np.arange(echoes))
left.set_xlabel("time")
ss.spy(fit.jacobian, ax=right).set_aspect("auto")
plt.show()
