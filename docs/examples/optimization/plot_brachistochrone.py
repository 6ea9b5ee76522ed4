"""
The brachistochrone
===================

Along which curve does a bead slide down soonest? The unknowns are the heights of a broken line,
the objective is the time. The answer is a cycloid, and its time has a formula.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import sparsesolve as ss

n, g, width, depth = 200, 9.81, 1.0, 0.6
s = np.linspace(0.0, 1.0, n + 1)
x = width * s**2  # finer where the curve is steep


def duration(inner):
    y = np.concatenate([np.zeros(1), inner, depth * np.ones(1)])
    length = np.sqrt(np.diff(x) ** 2 + np.diff(y) ** 2)
    # constant acceleration on each piece: the mean speed is that of both ends
    return np.sum(2.0 * length / (np.sqrt(2.0 * g * y[1:]) + np.sqrt(2.0 * g * y[:-1])))


line = depth * s[1:-1] ** 2
bead = ss.minimize(duration, line, bounds=(1e-8, None), method="ipopt")

end = brentq(lambda a: (a - np.sin(a)) / (1.0 - np.cos(a)) - width / depth, 0.1, 6.2)
size = depth / (1.0 - np.cos(end))
cycloid = end * np.sqrt(size / g)
print(f"{bead.fun:.5f} s, cycloid {cycloid:.5f} s, straight {duration(line):.5f} s")
assert 0.0 <= bead.fun / cycloid - 1.0 < 1e-4

# %%

a = np.linspace(0.0, end, 100)
plt.plot(x, -np.r_[0.0, bead.x, depth], label="found")
plt.plot(size * (a - np.sin(a)), -size * (1.0 - np.cos(a)), "k--", label="cycloid")
plt.gca().set_aspect("equal")
plt.legend()
plt.show()
