"""
Parameters of an ODE from data
==============================

Hares and lynxes by Lotka and Volterra. States at all times and the four rates are unknown
together, the equations are constraints (collocation), so no integration has to succeed for bad
rates on the way. The data are a fine integration, so the rates are known.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss


def growth(y, k):  # y has the two species in its rows
    return np.array([k[0] * y[0] - k[1] * y[0] * y[1], k[2] * y[0] * y[1] - k[3] * y[1]])


true, first = np.array([1.0, 0.1, 0.075, 1.5]), np.array([10.0, 5.0])
steps, every = 200, 10
t = np.linspace(0.0, 10.0, steps + 1)
h = t[1]
exact = ss.solve_ivp(lambda t, y: growth(y, true), (0.0, 10.0), first, "DOP853", t, rtol=1e-10)
data = exact.y[:, ::every]


def misfit(u):
    return np.sum((u["y"][:, ::every] - data) ** 2)


def dynamics(u):  # Simpson's rule with the middle of a cubic: fourth order
    y, f = u["y"], growth(u["y"], u["k"])
    middle = (y[:, 1:] + y[:, :-1]) / 2.0 - h / 8.0 * np.diff(f, axis=1)
    mean = (f[:, 1:] + f[:, :-1] + 4.0 * growth(middle, u["k"])) / 6.0
    return np.diff(y, axis=1) - h * mean


between = np.array([np.interp(t, t[::every], row) for row in data])
fit = ss.minimize(
    misfit,
    {"y": between, "k": 0.5 * np.ones(4)},
    bounds={"k": (0.0, None)},
    constraints=ss.Constraint(dynamics, 0.0, 0.0, name="dynamics"),
    method="ipopt",
)
print(fit.status, fit.x["k"].round(5))
assert np.allclose(fit.x["k"], true, rtol=1e-3)

# %%

plt.figure(figsize=(9, 4))
plt.plot(t, fit.x["y"].T, label=["hares", "lynxes"])
plt.plot(t[::every], data.T, "k.")
plt.legend()
plt.show()
