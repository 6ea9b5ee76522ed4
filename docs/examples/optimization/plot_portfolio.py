"""
An efficient frontier
=====================

The least variance for each return that one may ask for. One problem with the return as parameter,
solved for all values by ``map``; the portfolio of least variance of all has a formula.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

rng = np.random.default_rng(0)
n = 30
factors = rng.standard_normal((n, 4)) * 0.1
covariance = factors @ factors.T + np.diag(rng.uniform(0.01, 0.05, n))
gain = rng.uniform(0.02, 0.15, n)


def variance(w, wanted):
    return w @ covariance @ w


rows = [
    ss.Constraint(lambda w, wanted: np.sum(w), 1.0, 1.0, name="all is invested"),
    ss.Constraint(lambda w, wanted: gain @ w - wanted, 0.0, None, name="return"),
]
family = ss.Problem(
    variance, np.full(n, 1.0 / n), bounds=(0.0, None), constraints=rows, parameters=0.1
)
wanted = np.linspace(0.05, 0.14, 19)
frontier = family.map(wanted, method="ipopt")
deviation = np.sqrt([result.fun for result in frontier])

# %%
# With short positions allowed, and no return asked for, ``w`` is proportional to ``inv(C) 1``.

free = ss.Problem(variance, np.full(n, 1.0 / n), constraints=rows[:1], parameters=0.1).solve(
    method="trust-constr"
)
ones = np.linalg.solve(covariance, np.ones(n))
assert np.allclose(free.x, ones / ones.sum(), atol=1e-6)
assert all(result.success for result in frontier)
assert np.all(np.diff(deviation) > -1e-6)  # more return is never safer

plt.stackplot(wanted, np.array([result.x for result in frontier]).T)
plt.plot(wanted, deviation, "k", linewidth=3, label="standard deviation")
plt.xlabel("return")
plt.legend(loc="upper left")
plt.show()
