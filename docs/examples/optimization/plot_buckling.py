"""
A rod that buckles
==================

A rod is clamped below, and a weight rests on its upper end. Up to Euler's load it stays straight;
above, it leans to a side by an angle that is an elliptic integral.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import ellipk

import sparsesolve as ss

n = 200
h = 1.0 / n
euler = np.pi**2 / 4.0  # of a rod of length 1 and stiffness 1


def energy(angle, load):
    bent = np.diff(np.concatenate([np.zeros(1), angle])) / h
    height = h * np.sum(np.cos((angle[1:] + angle[:-1]) / 2.0))
    return h * np.sum(bent**2) / 2.0 + load * height


lean = 0.1 * np.linspace(0.0, 1.0, n)
rod = ss.Problem(energy, lean, parameters=euler)
loads = euler * np.linspace(0.8, 2.0, 25)
shapes = [rod.solve(p=load, method="trust-krylov") for load in loads]
tip = np.array([shape.x[-1] for shape in shapes])


def leaning(load):  # the modulus k is the sine of half of the angle of the tip
    if load <= euler:
        return 0.0
    k = brentq(lambda k: (2.0 * ellipk(k**2) / np.pi) ** 2 - load / euler, 0.0, 1.0 - 1e-12)
    return 2.0 * np.arcsin(k)


formula = np.array([leaning(load) for load in loads])
away = abs(loads / euler - 1.0) > 0.06  # at Euler's load itself the answer jumps
print(f"largest error {abs(abs(tip) - formula)[away].max():.1e}")
assert abs(abs(tip) - formula)[away].max() < 0.02

# %%

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for shape in shapes[::4]:
    x, y = np.cumsum(h * np.sin(shape.x)), np.cumsum(h * np.cos(shape.x))
    left.plot(np.sign(x[-1]) * x, y)
left.set_aspect("equal")
right.plot(loads / euler, abs(tip), loads / euler, formula, "k--")
right.set_xlabel("load / Euler's load")
right.set_ylabel("angle of the tip")
plt.show()
