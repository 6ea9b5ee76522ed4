"""
From rest to rest in least time
===============================

A cart is pushed from one place to another by a force with a limit: full speed ahead for half of
the time, then full brakes. Written for one instant, and transcribed to a problem by ``ss.ocp``.
The least time for a unit mass, force and distance is 2.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparsesolve as ss

cart = ss.ocp.Phase(
    lambda t, x, u, p: [x[1], u[0]],
    time=(0.0, (0.1, 10.0)),
    states=["place", "speed"],
    controls={"force": (-1.0, 1.0)},
    initial={"place": 0.0, "speed": 0.0},
    final={"place": 1.0, "speed": 0.0},
    end_cost=lambda first, last, p: last.t,
)
fastest = cart.solve(intervals=20, method="ipopt")
print(f"{fastest.result.status}: {fastest.final_time:.6f}")
assert abs(fastest.final_time - 2.0) < 1e-4

# %%

t = np.linspace(0.0, fastest.final_time, 200)
fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
curves = [fastest.state("place"), fastest.state("speed"), fastest.control("force")]
for ax, curve, name in zip(axes, curves, ("place", "speed", "force"), strict=True):
    ax.plot(t, curve(t))
    ax.set_title(name)
plt.show()
