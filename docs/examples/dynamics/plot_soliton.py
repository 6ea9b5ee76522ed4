"""
A soliton of Korteweg and de Vries
==================================

A wave that keeps its shape: ``u_t + 6 u u_x + u_xxx = 0`` on a ring. The third derivative makes
it stiff, so the method is implicit. BDF damps no waves of this kind at high order; Radau does.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n, size, speed = 256, 30.0, 1.0
x = np.arange(n) * size / n
h = size / n


def rhs(t, u):
    right, left = np.roll(u, -1), np.roll(u, 1)
    slope = (8.0 * (right - left) - np.roll(u, -2) + np.roll(u, 2)) / (12.0 * h)
    third = (np.roll(u, -2) - 2.0 * right + 2.0 * left - np.roll(u, 2)) / (2.0 * h**3)
    return -6.0 * u * slope - third


def soliton(middle):
    distance = (x - middle + size / 2.0) % size - size / 2.0
    return speed / 2.0 / np.cosh(np.sqrt(speed) / 2.0 * distance) ** 2


t = np.linspace(0.0, 10.0, 6)
run = ss.solve_ivp(rhs, (0.0, 10.0), soliton(8.0), "Radau", t_eval=t, rtol=1e-5, atol=1e-7)
error = abs(run.y[:, -1] - soliton(18.0)).max()
print(f"{run.nlu} factorizations, error {error:.1e}")
assert error < 0.01

# %%

plt.figure(figsize=(9, 4))
plt.plot(x, run.y)
plt.plot(x[::8], soliton(18.0)[::8], "k.")
plt.xlabel("x")
plt.show()
