"""The front: one call from a NumPy function to a solution. It only chooses; `adapters` do the work.

>>> import numpy as np
>>> root(lambda x: x**3 - np.array([8.0, 27.0]), np.ones(2)).x.round(6)
array([2., 3.])
>>> solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], rtol=1e-8).y[:, -1].round(6)
array([0.367879])
"""

from __future__ import annotations

from sparsesolve.front.integrate import odeint, solve_dae, solve_ivp
from sparsesolve.front.optimize import least_squares, minimize, root
from sparsesolve.front.sweep import multistart

__all__ = ["least_squares", "minimize", "multistart", "odeint", "root", "solve_dae", "solve_ivp"]
