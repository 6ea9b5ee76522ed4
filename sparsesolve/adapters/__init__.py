"""Adapters: one file for each family of solvers; the only place that knows any of them.

`evaluation` shares one evaluation between all callbacks at one point, `monitor` follows the
iterations, `kkt` writes the `Result`. `scipy.optimize`, `scipy.integrate` and cyipopt are imported
below this package only. Nothing here is imported by ``import sparsesolve``.
"""

from __future__ import annotations

__all__: list[str] = []
