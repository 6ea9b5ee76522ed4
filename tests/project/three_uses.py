"""What a user does first, as a script; `scripts/test-wheel` runs it where only the wheel is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.integrate

import sparsesolve as ss

# a user's own module of this name, which the suite must not meet
Path("problems.py").write_text("raise ImportError('not the collection')\n", encoding="utf-8")


def product(x):
    return np.prod(x)


def sphere(x):
    return np.sum(x**2)


def cost(x):
    return x[0] * x[3] * np.sum(x[:3]) + x[2]


problem = ss.Problem(
    cost,
    np.array([1.0, 5.0, 5.0, 1.0]),
    bounds=[(1.0, 5.0)] * 4,
    constraints=[ss.Constraint(product, 25.0, None), ss.Constraint(sphere, 40.0, 40.0)],
)
result = problem.solve(method="trust-constr")
assert result.success, result
assert abs(result.fun - 17.0140173) < 1e-5, result.fun


def rhs(t, y):
    return np.roll(y, 1) - 2.0 * y + np.roll(y, -1) - y**3


y0 = np.linspace(0.0, 1.0, 50)
jacobian = ss.jacobian(rhs, 0.0, y0, argnum=1)
assert jacobian.pattern.nnz == 150
options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10}
ours = scipy.integrate.solve_ivp(rhs, (0.0, 1.0), y0, jac=jacobian, **options)
plain = scipy.integrate.solve_ivp(rhs, (0.0, 1.0), y0, **options)
assert ours.success
assert np.allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-6, atol=1e-8)

from sparsesolve_problems.registry import find  # noqa: E402

case = find("lukvle1").build(n=50)
found = ss.minimize(case.problem(), method="trust-constr")
assert found.success, found
assert abs(found.fun - 6.2324586) < 1e-5, found.fun
assert not ss.__file__.startswith(str(Path.cwd()))
print(f"three uses: {result.fun:.6f}, {ours.y[0, -1]:.6f}, {found.fun:.6f}")
