"""
A pendulum in Cartesian coordinates
===================================

Positions, speeds and the force of the rod: differential equations and one without derivatives.
The length of the rod was differentiated twice to find the force (index one). The period at a
large amplitude is an elliptic integral.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ellipk

import sparsesolve as ss

g = 9.81


def motion(t, y, yp):
    x, z, u, v, force = y
    rod = u**2 + v**2 - force * (x**2 + z**2) - g * z
    return np.array([yp[0] - u, yp[1] - v, yp[2] + force * x, yp[3] + force * z + g, rod])


def lowest(t, y):
    return y[0]


start = [1.0, 0.0, 0.0, 0.0, 0.0]  # let go when horizontal; the force is computed
run = ss.solve_dae(motion, (0.0, 2.0), start, events=lowest, rtol=1e-9, atol=1e-10)
period = 4.0 * run.t_events[0][0]
formula = 4.0 / np.sqrt(g) * ellipk(np.sin(np.pi / 4.0) ** 2)
print(f"period {period:.8f}, formula {formula:.8f}")
assert abs(period - formula) < 1e-6

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(run.y[0], run.y[1])
left.set_aspect("equal")
right.plot(run.t, run.y[4])
right.set_xlabel("t")
right.set_title("force of the rod")
plt.show()
