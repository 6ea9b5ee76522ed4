"""
A transistor amplifier
======================

Kirchhoff's current law at eight nodes, with capacitors between them: a mass matrix that is
singular, so a differential-algebraic system. It is one of the classic test problems, whose
voltages at t = 0.2 are known to many digits.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

supply, resistor, gain = 6.0, 9000.0, 0.99


def diode(v):
    return 1e-6 * (np.exp(v / 0.026) - 1.0)


def currents(t, y):
    source = 0.1 * np.sin(200.0 * np.pi * t)
    first, second = diode(y[1] - y[2]), diode(y[4] - y[5])
    return np.array(
        [
            (source - y[0]) / 1000.0,
            (supply - 2.0 * y[1]) / resistor - (1.0 - gain) * first,
            first - y[2] / resistor,
            (supply - y[3]) / resistor - gain * first,
            (supply - 2.0 * y[4]) / resistor - (1.0 - gain) * second,
            second - y[5] / resistor,
            (supply - y[6]) / resistor - gain * second,
            -y[7] / resistor,
        ]
    )


mass = np.zeros((8, 8))
for i, j, capacity in ((0, 1, 1e-6), (3, 4, 3e-6), (6, 7, 5e-6)):  # between two nodes
    mass[np.ix_([i, j], [i, j])] = capacity * np.array([[1.0, -1.0], [-1.0, 1.0]])
mass[2, 2], mass[5, 5] = 2e-6, 4e-6  # to the ground

start = np.array([0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0])
run = ss.solve_ivp(currents, (0.0, 0.2), start, mass_matrix=mass, rtol=1e-6, atol=1e-8)
known = [-0.5562145012262709e-2, 3.006522471903042, 2.849958788608128, 2.926422536206241]
known += [2.704617865010554, 2.761837778393145, 4.770927631616772, 1.236995868091548]
print(f"{run.t.size - 1} steps, error {abs(run.y[:, -1] - known).max():.1e}")
assert np.allclose(run.y[:, -1], known, rtol=0.0, atol=1e-5)

# %%

plt.figure(figsize=(9, 4))
plt.plot(run.t, 0.1 * np.sin(200.0 * np.pi * run.t), label="in")
plt.plot(run.t, run.y[7], label="out")
plt.xlabel("t, s")
plt.ylabel("V")
plt.legend(loc="upper right")
plt.show()
