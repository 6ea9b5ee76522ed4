"""
What is in a flame
==================

Gibbs' energy of a mixture is least in equilibrium, and no atoms are lost. For the water-gas shift
the law of mass action is a quadratic equation, which gives the answer to compare with.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

species = ("CO", "H2O", "CO2", "H2")
atoms = np.array([[1, 0, 1, 0], [1, 1, 2, 0], [0, 2, 0, 2]])  # C, O, H in each
supply = atoms @ np.array([1.0, 2.0, 0.0, 0.0])  # moles that are filled in


def gibbs(n, potential):
    return np.sum(n * (potential + np.log(n / np.sum(n))))


mixture = ss.Problem(
    gibbs,
    np.full(4, 0.5),
    bounds=(1e-10, None),
    constraints=ss.Constraint(lambda n: atoms @ n, supply, supply, name="atoms"),
    parameters=np.zeros(4),
)
temperature = np.linspace(600.0, 1800.0, 25)
constant = np.exp(4577.8 / temperature - 4.33)  # of CO + H2O = CO2 + H2
given = np.zeros((25, 4))
given[:, 2] = -np.log(constant)
found = np.array([result.x for result in mixture.map(given)])

# %%
# x moles react: ``x**2 = K (1 - x) (2 - x)``.

x = np.array([min(r for r in np.roots([1.0 - k, 3.0 * k, -2.0 * k]) if r > 0) for k in constant])
print(f"moles of hydrogen from {found[-1, 3]:.4f} to {found[0, 3]:.4f}")
assert np.allclose(found[:, 3], x, atol=1e-5)

plt.plot(temperature, found, label=species)
plt.plot(temperature[::3], x[::3], "k.")
plt.xlabel("temperature, K")
plt.ylabel("moles")
plt.legend()
plt.show()
