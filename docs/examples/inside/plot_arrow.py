"""
Colors of an arrow
==================

A full row needs a color for each column, and a full column one for each row. Rows and columns
together need few, whatever the size.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

n = 16


def arrow(x):
    return np.concatenate([np.array([np.sum(x**2)]), x[0] * x[1:] + x[1:] ** 2])


pattern = ss.jacobian_pattern(arrow, np.ones(n))
columns = ss.color(pattern, structure="columns")
both = ss.color(pattern, structure="bidirectional")
print(columns.ncolors, "colors by columns,", both.ncolors, "by rows and columns")
assert columns.ncolors == n
assert both.ncolors <= 3

# %%
# The products of all colors of one kind, and the matrix that is read from them:

J = ss.jacobian(arrow, np.ones(n))(np.arange(1.0, n + 1.0))
forward, reverse = ss.compress(both, J)
again = ss.decompress(both, forward, reverse)
print(forward.shape, reverse.shape)
assert abs(again - J).max() == 0.0
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
ss.plot_coloring(columns, ax=left)
ss.plot_coloring(both, ax=right)
plt.show()
