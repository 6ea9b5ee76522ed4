"""
A certified fit: Misra1a
========================

The National Institute of Standards and Technology certifies the parameters of fits to eleven
digits. This one is of dental research: the volume that a layer adsorbs, by the pressure.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

pressure = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8])
pressure = np.r_[pressure, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
volume = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02])
volume = np.r_[volume, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]


def model(b, p):
    return b[0] * (1.0 - np.exp(-b[1] * p))


fit = ss.least_squares(lambda b: model(b, pressure) - volume, [500.0, 1e-4], tol=1e-12)
certified = np.array([2.3894212918e2, 5.5015643181e-4])
errors = np.array([2.7070075241e0, 7.2668688436e-6])  # standard deviations, certified too
for name, value, error in zip(("b1", "b2"), fit.x, fit.standard_errors(), strict=True):
    print(f"{name} = {value:.10g} +- {error:.8g}")
assert np.allclose(fit.x, certified, rtol=1e-8)
assert np.allclose(fit.standard_errors(), errors, rtol=1e-6)

# %%

p = np.linspace(0.0, 800.0, 200)
plt.plot(p, model(fit.x, p), pressure, volume, "o")
plt.xlabel("pressure")
plt.ylabel("volume")
plt.show()
