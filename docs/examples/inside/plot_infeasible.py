"""
Why is there no solution?
=========================

A plan that cannot be met. ``explain`` names the few limits that contradict each other, of many.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

hours = 24
demand = 60.0 + 30.0 * np.sin(np.pi * (np.arange(hours) - 6.0) / 12.0) ** 2
demand[18] = 130.0  # somebody typed a wrong number


def stored(u):
    return np.cumsum(np.concatenate([np.zeros(1), u["charge"]]))


plant = ss.Problem(
    lambda u: np.sum(u["power"] ** 2),
    {"power": np.full(hours, 70.0), "charge": np.zeros(hours)},
    bounds={"power": (0.0, 100.0), "charge": (-20.0, 20.0)},
    constraints=[
        ss.Constraint(lambda u: u["power"] - u["charge"], demand, None, name="demand"),
        ss.Constraint(stored, 0.0, 50.0, name="stored"),
    ],
)
result = plant.solve(method="ipopt")
print(result.status)
why = str(result.explain())
print(why)
assert result.status == "infeasible"
assert "demand[18]" in why
assert "charge[18]" in why
assert "power[18]" in why

# %%

power = np.arange(hours)
plt.step(power, demand, label="demand")
plt.axhline(120.0, color="tab:red", label="most that power and battery give")
plt.xlabel("hour")
plt.legend()
plt.show()
