"""
A simulation that cannot be traced
==================================

Compiled code, a table, another program: of such a function differences are all there is. Its
structure is found by trying, and colors save most of the calls.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 60
calls = 0


def simulate(x):
    """Stand for something slow that turns its arrays into lists of numbers."""
    global calls
    calls += 1
    values = [float(v) for v in x]
    right = [*values[1:], 0.0]
    left = [0.0, *values[:-1]]
    return np.array(
        [b - 2.0 * a + c - 0.01 * np.exp(a) for a, b, c in zip(values, left, right, strict=True)]
    )


J = ss.jacobian_by_differences(simulate, np.zeros(n))
print(repr(J), f"after {calls} calls")

before, x = calls, np.linspace(0.0, 1.0, n)
found = J(x)
print(calls - before, "calls for", found.nnz, "entries of", n, "columns")
exact = np.diag(-0.01 * np.exp(x) - 2.0) + np.eye(n, k=1) + np.eye(n, k=-1)
assert abs(found.toarray() - exact).max() < 1e-8
assert calls - before == 2 * 3  # three colors, two calls each

# %%
# All of it inside of a solver, said in one word.

answer = ss.root(simulate, np.zeros(n), derivatives="differences")
assert abs(simulate(answer.x)).max() < 1e-9
ss.plot_coloring(J, ax=plt.figure(figsize=(5, 5)).add_subplot())
plt.show()
