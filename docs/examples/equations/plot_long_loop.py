"""
Four thousand steps, differentiated
===================================

A loop of equal steps is recorded once by ``ss.scan``. Here it integrates the orbit of a planet,
and the derivative by the start tells how to close it.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

steps = 4000


def orbit(speed):
    h = 2.0 * np.pi / steps

    def leap(state, _):
        place, motion = state
        half = motion - h / 2.0 * place / np.sum(place**2) ** 1.5
        place = place + h * half
        return (place, half - h / 2.0 * place / np.sum(place**2) ** 1.5), place

    start = np.array([1.0, 0.0]), np.concatenate([np.zeros(1), speed])
    return ss.scan(leap, start, length=steps)[1]


def back(speed):  # after 2 pi an orbit of half axis 1 is where it was, on the axis
    return orbit(speed)[-1, 1:]


fit = ss.root(back, [0.98])
print(f"speed {fit.x[0]:.7f}, of a circle 1")
assert abs(fit.x[0] - 1.0) < 1e-5

# %%

for speed in (0.9, 0.95, 1.0, 1.05):
    plt.plot(*orbit(np.array([speed])).T, label=f"{speed}")
plt.plot(0.0, 0.0, "yo")
plt.gca().set_aspect("equal")
plt.legend(title="speed")
plt.show()
