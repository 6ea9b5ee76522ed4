"""
A ball in a bowl of syrup
=========================

Drag follows one law when a ball is slow and another one when it is fast. The function asks, with
``if``; each of its paths is traced when it is first taken.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

mass, weight = 1.0, 9.81


def drag(v):
    if v < 1.0:
        return 4.0 * v  # slow: by Stokes
    return 4.0 * v**2  # fast: by Newton


def fall(t, y, lighter):
    return np.array([y[1], weight * lighter - drag(y[1]) / mass])


final = []
share = np.linspace(0.02, 2.0, 34)
J = ss.jacobian(fall, 0.0, np.zeros(2), 1.0, argnum=1)
for lighter in share:
    run = ss.solve_ivp(fall, (0.0, 5.0), [0.0, 0.0], args=(lighter,), jac=J, rtol=1e-8, atol=1e-10)
    final.append(run.y[1, -1])
pull = weight * share
formula = np.where(pull < 4.0, pull / 4.0, np.sqrt(pull / 4.0))
print(f"largest error {abs(final - formula).max():.1e}; {J!r}")
assert np.allclose(final, formula, atol=1e-5)

# %%

plt.plot(pull, final, pull, formula, "k--")
plt.xlabel("pull")
plt.ylabel("speed in the end")
plt.show()
