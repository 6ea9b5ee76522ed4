"""
Robertson's reaction
====================

Three substances, rates from 0.04 to 3e7: the best known stiff system. Its sensitivities to the
three rate constants are integrated beside it.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss


def rhs(t, y, k):
    a, b, c = y
    slow, fast, back = k[0] * a, k[1] * b**2, k[2] * b * c
    return np.array([back - slow, slow - back - fast, fast])


k = np.array([0.04, 3e7, 1e4])
t = np.logspace(-5.0, 3.0, 81)
times = np.union1d(t, [40.0])
run = ss.solve_ivp(
    rhs, (0.0, 1e3), [1.0, 0.0, 0.0], t_eval=times, args=(k,), sensitivity=0, rtol=1e-6, atol=1e-10
)
at = run.y[:, run.t == 40.0].ravel()
print("t = 40:", at)
assert np.allclose(at, [0.7158270688, 9.185534765e-6, 0.2841637457], rtol=1e-5)

# %%
# Nothing is lost, so the sensitivities of the three add up to zero.

assert abs(run.sensitivities.sum(axis=0)).max() < 1e-5
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.semilogx(run.t, run.y.T * [1.0, 1e4, 1.0], label=["A", "10000 B", "C"])
right.semilogx(run.t, run.sensitivities[0].T * k, label=["slow", "fast", "back"])
right.set_title("dA / d log(rate)")
for ax in (left, right):
    ax.set_xlabel("t")
    ax.legend()
plt.show()
