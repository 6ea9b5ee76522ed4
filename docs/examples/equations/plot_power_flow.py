"""
A power line with forty houses
==============================

Voltages are complex numbers, and the equations are written so: the current of each house times
its voltage is what it takes. The unknowns are real and imaginary parts.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 40
impedance = (0.02 + 0.01j) / n * np.ones(n)  # of each piece of the line, per unit
power = (0.9 + 0.3j) / n * np.ones(n)  # of each house


def mismatch(u):
    v = u[:n] + 1j * u[n:]
    flow = -np.diff(np.concatenate([np.ones(1) + 0.0j, v])) / impedance  # the source is at 1
    taken = flow - np.concatenate([flow[1:], np.zeros(1)])
    s = v * np.conj(taken) - power
    return np.concatenate([s.real, s.imag])


def swept(iterations=50):
    """Take currents from voltages and voltages from currents, in turn."""
    v = np.ones(n, dtype=complex)
    for _ in range(iterations):
        flow = np.cumsum(np.conj(power / v)[::-1])[::-1]
        v = 1.0 - np.cumsum(impedance * flow)
    return v


flat = np.concatenate([np.ones(n), np.zeros(n)])
grid = ss.root(mismatch, flat)
v = grid.x[:n] + 1j * grid.x[n:]
print(f"{grid.status} in {grid.iterations} iterations, last voltage {abs(v[-1]):.6f}")
assert np.allclose(v, swept(), rtol=0.0, atol=1e-10)

# %%
# The same by one more argument: how much all houses may take until there is no solution.


def loaded(u, factor):
    part = mismatch(u)
    return part - (factor - 1.0) * np.concatenate([power.real, power.imag])


factors, ends, x = np.linspace(1.0, 20.0, 20), [], flat
for factor in factors:
    x = ss.root(loaded, x, args=(factor,)).x
    ends.append(np.hypot(x[n - 1], x[-1]))
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(abs(v))
left.set_title("voltage along the line")
right.plot(factors, ends)
right.set_title("last voltage by load")
ss.spy(ss.jacobian(mismatch, flat), ax=right.inset_axes([0.08, 0.08, 0.4, 0.4]))
plt.show()
