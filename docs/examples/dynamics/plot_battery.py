"""
A particle of a battery
=======================

Lithium diffuses into a sphere of graphite while the battery is charged with constant current.
After a while the profile is a parabola, and the surface is ahead of the mean by ``j R / (5 D)``.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 60
radius, diffusion, flux = 5e-6, 2e-14, 2e-6  # m, m2/s, mol/(m2 s)
edges = np.linspace(0.0, radius, n + 1)
middle = (edges[1:] + edges[:-1]) / 2.0
shells = (edges[1:] ** 3 - edges[:-1] ** 3) / 3.0


def rhs(t, c, j):
    inward = diffusion * np.diff(c) / np.diff(middle)
    flow = edges**2 * np.concatenate([np.zeros(1), inward, j * np.ones(1)])
    return np.diff(flow) / shells


t = np.linspace(0.0, 1800.0, 7)
start = 5000.0 * np.ones(n)
run = ss.solve_ivp(
    rhs, (0.0, 1800.0), start, t_eval=t, args=(flux,), rtol=1e-8, atol=1e-4, sensitivity=0
)
ahead = (
    run.y[-1, -1] + flux / diffusion * (radius - middle[-1]) - shells @ run.y[:, -1] / sum(shells)
)
print(f"surface ahead by {ahead:.2f} mol/m3, formula {flux * radius / (5.0 * diffusion):.2f}")
assert abs(ahead / (flux * radius / (5.0 * diffusion)) - 1.0) < 2e-3

# %%
# The equations are linear in the current, so the sensitivity times the current is the gain.

gain = run.sensitivities[:, -1] * flux
assert np.allclose(gain, run.y[:, -1] - start, rtol=1e-5)
plt.plot(middle * 1e6, run.y)
plt.xlabel("radius, micrometers")
plt.ylabel("concentration, mol/m3")
plt.legend([f"{time / 60:.0f} min" for time in t])
plt.show()
