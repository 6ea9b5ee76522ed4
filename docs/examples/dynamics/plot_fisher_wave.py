"""
A gene that spreads
===================

Fisher's equation ``u_t = u_xx + u (1 - u)`` has one wave that is known in closed form, of speed
``5 / sqrt(6)``.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

x = np.linspace(-20.0, 40.0, 601)
h = x[1] - x[0]
speed = 5.0 / np.sqrt(6.0)


def wave(t):
    return 1.0 / (1.0 + np.exp((x - speed * t) / np.sqrt(6.0))) ** 2


def rhs(t, u):
    v = np.pad(u, 1, mode="edge")
    return (v[2:] - 2.0 * u + v[:-2]) / h**2 + u * (1.0 - u)


t = np.linspace(0.0, 10.0, 6)
run = ss.solve_ivp(rhs, (0.0, 10.0), wave(0.0), method="auto", t_eval=t, rtol=1e-6, atol=1e-8)
inside = (x > -10.0) & (x < 35.0)
error = abs(run.y[:, -1] - wave(10.0))[inside].max()
print(f"{run.t.size} times, error {error:.1e}")
assert error < 2e-3

# %%

plt.figure(figsize=(9, 4))
plt.plot(x, run.y)
plt.plot(x[::20], wave(10.0)[::20], "k.")
plt.xlabel("x")
plt.show()
