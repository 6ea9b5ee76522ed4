"""PETSc's solvers for many processes: `root` by SNES, `solve_ivp` by TS, `minimize` by TAO.

Separate from the other adapters because everything here is done by several processes at once, each
of which traces the same function, keeps the rows that it owns, and evaluates them. Vectors,
matrices, solvers, preconditioners and partitioning are PETSc's. Nothing here is imported before it
is asked for.

Each of three ranks owns consecutive unknowns:

>>> from sparsesolve.adapters.petsc.numbering import owned_range
>>> [owned_range(10, 3, rank) for rank in range(3)]
[(0, 4), (4, 7), (7, 10)]
"""
