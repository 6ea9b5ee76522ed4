"""
Why is my pattern dense?
========================

One sum over all unknowns fills the Jacobian. ``explain`` says by which lines of the function an
entry came to be, and another way to write the same is sparse again.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 40


def shares(x):  # each divided by the sum of all: a full matrix
    return np.diff(x, prepend=0.0) / np.sum(x**2)


J = ss.jacobian(shares, np.ones(n))
print(repr(J))
print(J.explain(0, n - 1))
assert J.nnz == n * n

# %%
# With the sum as an unknown of its own, and its definition as one more equation, each row is
# short.


def split(u):
    x, total = u[:-1], u[-1]
    return np.concatenate([np.diff(x, prepend=0.0) / total, np.array([np.sum(x**2) - total])])


S = ss.jacobian(split, np.ones(n + 1))
print(S.nnz, "instead of", J.nnz)
assert S.nnz == (2 * n - 1) + n + (n + 1)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
ss.spy(J, ax=left)
ss.spy(S, ax=right)
plt.show()

# %%
# Inside of a function it can also stay as it is: large matrices that are sparse + low rank are
# not formed by ``ss.root`` and its like.
