"""What a solver reads and what it returns, without any solver.

Constraints are stacked, and each row has two limits; equal ones make an equality:

>>> from sparsesolve.problem.problem import Constraint, Problem
>>> rows = [Constraint(lambda x: x[0] * x[1], 1.0), Constraint(lambda x: x - 2.0, 0.0, 0.0)]
>>> problem = Problem(lambda x: x[0] ** 2, [3.0, 1.0], bounds=(0.0, None), constraints=rows)
>>> problem.n, problem.m
(2, 3)
>>> lower, upper = problem.constraint_bounds
>>> lower.tolist(), upper.tolist()
([1.0, 0.0, 0.0], [inf, 0.0, 0.0])
"""
