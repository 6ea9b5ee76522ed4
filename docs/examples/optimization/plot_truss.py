"""
The lightest truss
==================

Which bars, of all between fifteen points, carry a load at the right with the least material? With
the forces of the bars as unknowns this is a linear program (Michell, 1904; Dorn, 1964), which is
proven and handed to HiGHS.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

across, up = 5, 3
nodes = np.stack(np.meshgrid(np.arange(across), np.arange(up), indexing="ij"), -1).reshape(-1, 2)
first, second = np.triu_indices(len(nodes), 1)
steps = nodes[second] - nodes[first]
single = np.gcd(*abs(steps).T) == 1  # no bar passes through a point
first, second, steps = first[single], second[single], steps[single]
length = np.hypot(*steps.T)
wall = nodes[:, 0] == 0
load = np.zeros(nodes.shape)
load[(nodes[:, 0] == across - 1) & (nodes[:, 1] == 1), 1] = -1.0


def balance(u):  # forces at each free point, in both directions
    pull = (u["pull"] - u["push"])[:, np.newaxis] * steps / length[:, np.newaxis]
    total = load.copy()
    np.add.at(total, first, pull)
    np.add.at(total, second, -pull)
    return total[~wall]


def volume(u):  # a bar is as thick as its force asks for
    return np.sum(length * (u["pull"] + u["push"]))


bars = np.zeros(len(length))
truss = ss.minimize(
    volume,
    {"pull": bars, "push": bars},
    bounds=(0.0, None),
    constraints=ss.Constraint(balance, 0.0, 0.0, name="points"),
)
print(f"{truss.solver}, {truss.status}: {len(length)} bars possible, volume {truss.fun:.6f}")
assert truss.solver == "highs"

# %%
# The moved points of the dual problem prove it: no bar is strained by more than one, and the work
# of the load is the volume.

moved = np.zeros(nodes.shape)
moved[~wall] = truss.multipliers["points"]
strain = np.sum((moved[second] - moved[first]) * steps, axis=1) / length**2
assert abs(strain).max() < 1.0 + 1e-7
assert abs(abs(np.sum(moved * load)) - truss.fun) < 1e-7

force = truss.x["pull"] - truss.x["push"]
for k in np.flatnonzero(abs(force) > 1e-9):
    color = "tab:blue" if force[k] > 0.0 else "tab:red"
    plt.plot(*nodes[[first[k], second[k]]].T, color=color, linewidth=1.5 * abs(force[k]))
plt.plot(*nodes.T, "k.")
plt.gca().set_aspect("equal")
plt.title("blue is pulled, red is pushed")
plt.show()
