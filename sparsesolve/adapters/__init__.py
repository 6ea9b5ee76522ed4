"""Adapters: one file for each family of solvers; the only place that knows any of them.

`evaluation` shares one evaluation between all callbacks at one point, `monitor` follows the
iterations, `kkt` writes the `Result`. `scipy.optimize`, `scipy.integrate` and cyipopt are imported
below this package only. Nothing here is imported by ``import sparsesolve``.

What scipy's trust-constr gets of a row with two limits: two blocks, each of one kind.

>>> import numpy as np
>>> from sparsesolve import Constraint, Problem
>>> row = Constraint(lambda x: x[0] * x[1], 1.0, 2.0)
>>> arguments = Problem(lambda x: np.sum(x**2), [1.0, 1.5], constraints=row).to_scipy()
>>> [(c.lb.tolist(), c.ub.tolist()) for c in arguments["constraints"]]
[([-inf], [2.0]), ([1.0], [inf])]
>>> arguments["constraints"][0].jac(np.array([1.0, 1.5])).toarray()
array([[1.5, 1. ]])
"""

from __future__ import annotations

__all__: list[str] = []
