"""Solver methods of our own, and what every solve shares: evaluation, monitoring, KKT.

A method of ours is steps only; the loop, the counting and the monitor are shared (`iteration`):

>>> import numpy as np
>>> from sparsesolve.methods.monitor import Monitor
>>> from sparsesolve.methods.newton import NewtonOptions, solve_newton
>>> from sparsesolve.methods.residual import prepare_residual
>>> x0 = np.array([2.0, 3.0])
>>> residual = prepare_residual(lambda x: x**2 - np.array([2.0, 9.0]), x0)
>>> with Monitor("newton") as monitor:
...     end = solve_newton(residual, x0, NewtonOptions(), monitor)
>>> end.status.value, end.x.round(6).tolist(), end.iterations
('solved', [1.414214, 3.0], 4)
"""
